//! The gate that machines trust: watching, waiting, formats, profiles, fleets, packaging.

mod comparing;
mod fleets;
mod formats;
mod packaging;
mod profiles;
mod readers;
mod screens;
mod support;
mod waiting;
mod watching;
