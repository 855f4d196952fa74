//! What is done about a fault: as data, worded by the platform that the stack runs on.

mod action;
pub mod catalogue;
pub mod settings;

pub use action::Action;
