//! The gate that machines trust: watching, waiting, formats, profiles, fleets, packaging.

mod support;
mod waiting;
mod watching;
