//! Files that settings name: whether they are there, whether they may be read, and whether they should be.

mod exposed;
mod folder;
mod mounts;
mod pairs;
mod permissions;
mod sources;

pub(super) use exposed::exposed;
pub(super) use mounts::not_mounted;
pub(super) use pairs::half_pair;
pub(super) use permissions::unreadable;
pub(super) use sources::source_missing;
