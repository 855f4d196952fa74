//! What was seen: steps, failures and their causes, typed.

pub mod fault;
pub mod observation;
mod setting;

pub use setting::Setting;
