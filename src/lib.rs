//! The pure centre of `tls-verify` and its thin edges.

pub mod catalogue;
pub mod certs;
pub mod recognise;
pub mod trust;
