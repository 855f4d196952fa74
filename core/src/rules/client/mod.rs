//! What is wrong with the client's end of a connection.

mod disabled;
mod ingress;
mod name;
mod probe;
mod scheme;
mod trust;
mod upstream;

pub(super) use disabled::disabled;
pub(super) use name::names;
pub(super) use probe::probe;
pub(super) use scheme::scheme;
pub(super) use scheme::scheme_fix;
pub(super) use trust::{missing_ca, other_ca};
pub(super) use upstream::upstream;
