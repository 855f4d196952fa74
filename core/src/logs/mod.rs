//! Logs: what a line says.

pub mod classify;
pub mod own_connections;
