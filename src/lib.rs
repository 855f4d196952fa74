//! `tls-verify`: its commands, what they read and what they write.

pub mod cli;
pub mod commands;
pub mod config;
pub mod diagnosis;
pub mod output;
mod own_connections;
pub mod placeholders;
mod presented_chain;
pub mod report;
mod runtime;
mod terminal;
mod usage;

pub use usage::refused;
