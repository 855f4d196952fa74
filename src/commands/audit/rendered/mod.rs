//! Kustomizations and charts: rendered by their own programs where these are there, and where the settings of what
//! is rendered come from, as far as that can be traced.

mod align;
mod chart;
mod dependencies;
mod kustomization;
mod values;

pub(super) use chart::chart;
pub(super) use kustomization::{kustomization, lend};
