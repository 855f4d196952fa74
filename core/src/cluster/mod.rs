//! What is wrong in a cluster, decided from what the API tells: pods and their states, events, Secrets by the role
//! in which they are mounted, settings of both ends of each connection, and what the containers said.

mod certificates;
mod config;
mod connections;
mod cure;
mod fault;
mod judge;
mod log;
mod material;
mod pods;
mod secrets;
mod story;
mod wiring;
mod words;

pub use cure::{Cure, Kubectl};
pub use fault::Fault;
pub use judge::{Recorded, Verdict, Word};
pub use log::{Reader, Route, Start, Trouble};
pub use material::{Material, Piece};
pub use pods::Said;
pub use story::{BrokenPod, Health, Logs, Story, alike, connection_trouble, of_certificate};
