//! Who may read the files: keys that everybody on the machine reads, and files that the containers' users
//! do not.

use std::path::Path;

use super::finding::{Finding, Grade};

/// The users that Cordum's containers run as: Go services, dashboard, Redis.
#[cfg(unix)]
const CONTAINER: u32 = 65532;

/// Both directions, for a folder that containers mount.
#[cfg(unix)]
#[must_use]
pub(super) fn look(folder: &Path, files: &[&str]) -> Vec<Finding> {
    use std::os::unix::fs::MetadataExt;
    use tls_verify_checks::cause::{CauseKind, Variant};
    let mut found = Vec::new();
    let mut open = Vec::new();
    let mut closed = Vec::new();
    let may = |path: &Path, bit: u32| -> Option<bool> {
        let meta = std::fs::metadata(path).ok()?;
        let shift = if meta.uid() == CONTAINER {
            6
        } else if meta.gid() == CONTAINER {
            3
        } else {
            0
        };
        Some((meta.mode() >> shift) & bit != 0)
    };
    for file in files {
        let path = folder.join(file);
        let Ok(meta) = std::fs::metadata(&path) else { continue };
        if file.ends_with(".key") && meta.mode() & 0o004 != 0 {
            open.push(*file);
        }
        let passable =
            [Some(folder), path.parent()].into_iter().flatten().all(|one| may(one, 1) != Some(false));
        if !passable || may(&path, 4) == Some(false) {
            closed.push(*file);
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
            Finding::new(&name, Grade::Warning, message)
                .of(CauseKind::BadKeyFile, Some(Variant::WorldReadable))
                .fix(
                    "on a shared machine give the keys to the containers' user alone",
                    format!("chown -R {CONTAINER} {name} && chmod -R go= {name}"),
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
            Finding::new(&name, Grade::Warning, message)
                .of(CauseKind::BadKeyFile, Some(Variant::PermissionDenied))
                .fix(
                    "make them readable for the containers, and restart",
                    format!("chmod -R a+rX {name} && docker compose restart"),
                ),
        );
    }
    found
}

#[cfg(not(unix))]
#[must_use]
pub fn look(_folder: &Path, _files: &[&str]) -> Vec<Finding> {
    Vec::new()
}
