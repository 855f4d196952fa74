//! Logs: what a line says.

pub mod classify;
