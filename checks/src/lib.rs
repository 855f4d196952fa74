//! What tls-verify observes on the network. One check, one file; a check observes and never judges.

pub mod cause;
pub mod dial;
pub mod fault;
pub mod observation;
pub mod peel;
pub mod secret;
pub mod stack;
pub mod tls;
