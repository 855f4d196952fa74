//! The files below a folder.

use crate::manifest::FileKind;
use crate::manifest::files::join;
use crate::rules::context::RuleContext;

pub(super) fn walk(case: &RuleContext<'_>, folder: &str, depth: usize, visit: &mut dyn FnMut(&str)) {
    for name in case.files.list(folder).into_iter().take(200) {
        let path = join(folder, &name);
        match case.files.meta(&path).map(|meta| meta.kind) {
            Some(FileKind::File) => visit(&path),
            Some(FileKind::Folder) if depth > 0 => walk(case, &path, depth - 1, visit),
            _ => {}
        }
    }
}
