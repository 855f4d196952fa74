//! From what was seen to what is wrong.

pub mod root_cause;
