//! Who may read the files: keys that everybody on the machine reads, and files that the containers' users
//! do not.

use std::path::Path;

use super::finding::CertificateFinding;
use crate::cause::{CauseKind, Severity, Variant};
use crate::remedy::shell;

/// The users that Cordum's containers run as: Go services, dashboard, Redis.
const CONTAINER: u32 = 65532;

/// Owner and permission bits of a file or folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permissions {
    pub uid: u32,
    pub gid: u32,
    pub bits: u32,
}

impl Permissions {
    /// Whether the containers' user may: 4 reads, 1 passes.
    const fn allows(self, bit: u32) -> bool {
        let shift = if self.uid == CONTAINER {
            6
        } else if self.gid == CONTAINER {
            3
        } else {
            0
        };
        (self.bits >> shift) & bit != 0
    }
}

/// A file of the layout and the folder it lies in.
#[derive(Clone, Copy, Debug)]
pub struct LayoutPermissions {
    pub file: &'static str,
    pub own: Permissions,
    pub parent: Option<Permissions>,
}

/// Who may read what of a folder; what is not there is left out.
#[derive(Clone, Debug, Default)]
pub struct FolderPermissions {
    pub folder: Option<Permissions>,
    pub files: Vec<LayoutPermissions>,
}

/// Both directions, for a folder that containers mount.
#[must_use]
pub(super) fn inspect(folder: &Path, modes: &FolderPermissions) -> Vec<CertificateFinding> {
    let mut found = Vec::new();
    let mut open = Vec::new();
    let mut closed = Vec::new();
    for one in &modes.files {
        if one.file.ends_with(".key") && one.own.bits & 0o004 != 0 {
            open.push(one.file);
        }
        let passable = [modes.folder, one.parent].into_iter().flatten().all(|folder| folder.allows(1));
        if !passable || !one.own.allows(4) {
            closed.push(one.file);
        }
    }
    let name = folder.display().to_string();
    if !open.is_empty() {
        let message = format!(
            "{} may be read by everybody on this machine; usual on Linux, where containers run as another user \
             (uid {CONTAINER}) and see the host's permissions",
            open.join(", ")
        );
        found.push(
            // In production check 13 warns of it; the guide's own development setup has to be like that.
            CertificateFinding::new(&name, Severity::Note, message)
                .of(CauseKind::BadKeyFile, Some(Variant::WorldReadable))
                .fix(
                    "on a shared machine give the keys to a group that only the containers' users have, and take \
                     them from everybody else (`chmod o= KEY`); the certificates stay readable for all",
                    "",
                ),
        );
    }
    if !closed.is_empty() {
        let message = format!(
            "the containers' user (uid {CONTAINER}) may not read {}: on native Linux the services stop with \
             `permission denied` (Docker Desktop does not mind)",
            closed.join(", ")
        );
        found.push(
            CertificateFinding::new(&name, Severity::Warning, message)
                .of(CauseKind::BadKeyFile, Some(Variant::PermissionDenied))
                .fix(
                    "make them readable for the containers (outside production: for everybody), and restart; \
                     ca/ca.key stays closed",
                    shell::line(opened(folder, &closed)),
                ),
        );
    }
    found
}

/// What makes these files readable, and the folders that lead to them passable.
fn opened(folder: &Path, closed: &[&str]) -> Vec<String> {
    let mut paths = vec![folder.to_owned()];
    for file in closed {
        let path = folder.join(file);
        let parent = path.parent().map(Path::to_owned);
        for one in parent.into_iter().chain([path]) {
            if !paths.contains(&one) {
                paths.push(one);
            }
        }
    }
    let shown = paths.iter().map(|path| match path.display().to_string() {
        dashed if dashed.starts_with('-') => format!("./{dashed}"),
        plain => plain,
    });
    // X: folders alone are made passable.
    ["chmod".to_owned(), "a+rX".to_owned()].into_iter().chain(shown).collect()
}
