//! What is wrong in a cluster, decided from what the API tells: pods and their states, events, Secrets by the role
//! in which they are mounted, settings of both ends of each connection, and what the containers said.

mod certificates;
mod config;
mod connections;
mod cure;
mod fault;
mod immutable;
mod judged;
mod log;
mod material;
mod pods;
mod quantity;
mod secrets;
mod story;
mod verdict;
mod webhook;
mod wiring;
mod words;

pub use cure::{Fix, Kubectl};
pub use fault::ClusterFault;
pub use judged::SETTING_RULES;
pub use log::{LogRoute, Start, StartReader, StartTrouble};
pub use material::{Material, SecretFile};
pub use pods::ContainerLog;
pub use story::restarts::by_hand;
pub use story::{BrokenPod, ContainerLogs, ServiceHealth, Story, Waiting, alike};
pub use verdict::{CheckStanding, ClusterVerdict, RecordedCluster};
