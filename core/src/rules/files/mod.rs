//! Files that settings name: whether they are there, whether they may be read, and whether they should be.

mod exposed;
mod mounts;
mod pairs;
mod permissions;
mod sources;

pub(super) use exposed::exposed;
pub(super) use mounts::not_mounted;
pub(super) use pairs::half_pair;
pub(super) use permissions::unreadable;
pub(super) use sources::source_missing;

use super::case::Case;
use crate::manifest::FileKind;
use crate::manifest::files::join;

fn walk(case: &Case<'_>, folder: &str, depth: usize, visit: &mut dyn FnMut(&str)) {
    for name in case.files.list(folder).into_iter().take(200) {
        let path = join(folder, &name);
        match case.files.meta(&path).map(|meta| meta.kind) {
            Some(FileKind::File) => visit(&path),
            Some(FileKind::Folder) if depth > 0 => walk(case, &path, depth - 1, visit),
            _ => {}
        }
    }
}
