//! What tls-verify observes on the network. One check, one file; a check observes and never judges.

pub mod cause;
