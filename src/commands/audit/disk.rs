//! The disk as the readers see it: bounded, and without links that lead out of the folder that is looked at.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::Metadata;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tls_verify_core::manifest::{
    FileKind, FileMeta, Files, Unread,
    files::{name, normal, parent},
};

/// Files that one look may open.
const FILES: usize = 10_000;
/// Bytes that it may read.
const BYTES: u64 = 100 * 1024 * 1024;
/// What is kept of both for what was found, once the search for deployments is over.
const KEPT: (usize, u64) = (2_000, 20 * 1024 * 1024);
/// No description and no certificate is larger.
const LARGEST: u64 = 16 * 1024 * 1024;
/// Names that are read of one folder.
const NAMES: usize = 10_000;

/// Files of this machine, and standard input as `-`. Several threads may look at once.
pub(super) struct Disk {
    roots: Vec<PathBuf>,
    here: PathBuf,
    state: Mutex<DiskState>,
    folders: Mutex<HashMap<String, FolderAt>>,
    /// What lies at each path that was asked for, for one look asks for the same ones over and over.
    metas: Mutex<HashMap<String, Option<FileMeta>>>,
}

/// Where a folder really is, or why it cannot be known. `true`: no link leads there.
type FolderAt = Result<(PathBuf, bool), ErrorKind>;

/// What was opened, and what that leaves of the bounds.
#[derive(Clone, Default)]
pub(super) struct DiskState {
    read: BTreeMap<String, Result<Arc<[u8]>, Unread>>,
    count: usize,
    bytes: u64,
    /// Something was left out because a bound was reached.
    full: bool,
    searching: bool,
}

impl DiskState {
    /// Whether a file of this length is more than what is left.
    fn is_too_much(&self, length: u64) -> bool {
        let (files, bytes) = if self.searching { (0, 0) } else { KEPT };
        self.count >= FILES + files || self.bytes + length > BYTES + bytes || length > LARGEST
    }
}

impl Disk {
    pub(super) fn new(roots: &[PathBuf], stdin: Option<Vec<u8>>) -> Self {
        let here = std::env::current_dir().unwrap_or_default();
        let here = here.canonicalize().unwrap_or(here);
        let roots = roots
            .iter()
            .filter_map(|root| root.canonicalize().ok())
            .map(
                |root| {
                    if root.is_dir() { root } else { root.parent().map(Path::to_path_buf).unwrap_or(root) }
                },
            )
            .chain([here.clone()])
            .collect();
        let mut state = DiskState::default();
        if let Some(bytes) = stdin {
            state.read.insert("-".to_owned(), Ok(Arc::from(bytes)));
        }
        Self { roots, here, state: Mutex::new(state), folders: Mutex::default(), metas: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, DiskState> {
        locked(&self.state)
    }

    /// Searches: what it opens leaves something for what it finds.
    pub(super) fn search<T>(&self, search: impl FnOnce(&Self) -> T) -> T {
        self.state().searching = true;
        let found = search(self);
        self.state().searching = false;
        found
    }

    pub(super) fn is_full(&self) -> bool {
        self.state().full
    }

    /// What was opened up to now, to go back to.
    pub(super) fn so_far(&self) -> DiskState {
        self.state().clone()
    }

    /// Forgets what was opened since.
    pub(super) fn back_to(&self, state: DiskState) {
        *self.state() = state;
    }

    /// Every text that was opened.
    pub(super) fn opened(&self) -> BTreeSet<String> {
        self.state().read.iter().filter(|(_, read)| read.is_ok()).map(|(path, _)| path.clone()).collect()
    }

    /// Where a folder really is, and whether that is where its path says.
    fn folder(&self, path: &str) -> FolderAt {
        if let Some(found) = locked(&self.folders).get(path) {
            return found.clone();
        }
        let found = self.below(path).unwrap_or_else(|| {
            let real = self.here.join(path).canonicalize().map_err(|error| error.kind())?;
            let plain = real == Path::new(&normal(&self.here.join(path).to_string_lossy()));
            Ok((real, plain))
        });
        locked(&self.folders).insert(path.to_owned(), found.clone());
        found
    }

    /// A folder by the one that it lies in; `None`: a link or a detour leads there, and the whole way has to be gone.
    fn below(&self, path: &str) -> Option<FolderAt> {
        let last = name(path);
        if matches!(last, "" | "." | "..") {
            return None;
        }
        let (above, plain) = match self.folder(&parent(path)) {
            Ok(above) => above,
            Err(kind) => return Some(Err(kind)),
        };
        let real = above.join(last);
        match std::fs::symlink_metadata(&real) {
            Ok(meta) if meta.is_symlink() => None,
            Ok(_) => Some(Ok((real, plain))),
            Err(error) => Some(Err(error.kind())),
        }
    }

    /// What lies at a path and where that really is, if it may be looked at: a link may not lead out of the folders
    /// that were named.
    fn found(&self, path: &str) -> std::io::Result<(Metadata, Option<PathBuf>)> {
        let last = name(path);
        if !matches!(last, "" | "." | "..") {
            match self.folder(&parent(path)) {
                Ok((folder, true)) => {
                    let real = folder.join(last);
                    let meta = std::fs::symlink_metadata(&real)?;
                    if !meta.is_symlink() {
                        return Ok((meta, Some(real)));
                    }
                }
                Err(
                    kind @ (ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::PermissionDenied),
                ) => return Err(kind.into()),
                Ok((_, false)) | Err(_) => {}
            }
        }
        let whole = self.here.join(path);
        let meta = std::fs::metadata(&whole)?;
        let plain = PathBuf::from(normal(&whole.to_string_lossy()));
        let allowed = |real: &PathBuf| *real == plain || self.roots.iter().any(|root| real.starts_with(root));
        Ok((meta, whole.canonicalize().ok().filter(allowed)))
    }
}

impl Files for Disk {
    fn meta(&self, path: &str) -> Option<FileMeta> {
        if path == "-" {
            let stdin = FileMeta { kind: FileKind::File, mode: 0o644, user: 0, group: 0 };
            return self.state().read.get("-").map(|_| stdin);
        }
        if let Some(found) = locked(&self.metas).get(path) {
            return *found;
        }
        let found = self.look(path);
        locked(&self.metas).insert(path.to_owned(), found);
        found
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, Unread> {
        if let Some(found) = self.state().read.get(path) {
            return found.clone();
        }
        let found = self.fresh(path);
        let mut state = self.state();
        // Another thread may have been first.
        if let Some(first) = state.read.get(path) {
            return first.clone();
        }
        let found = match found {
            Ok(bytes) if state.is_too_much(bytes.len() as u64) => Err(Unread::TooLarge),
            other => other,
        };
        match &found {
            Ok(bytes) => {
                state.count += 1;
                state.bytes += bytes.len() as u64;
            }
            Err(why) => state.full |= *why == Unread::TooLarge,
        }
        // What the search had no room for may be read later.
        if !(state.searching && found == Err(Unread::TooLarge)) {
            state.read.insert(path.to_owned(), found.clone());
        }
        found
    }

    fn is_link(&self, path: &str) -> bool {
        std::fs::symlink_metadata(self.here.join(path)).is_ok_and(|meta| meta.is_symlink())
    }

    fn list(&self, path: &str) -> Vec<String> {
        let Ok((_, Some(folder))) = self.found(path) else { return Vec::new() };
        let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
        let mut names: Vec<String> =
            entries.flatten().take(NAMES).filter_map(|entry| entry.file_name().into_string().ok()).collect();
        if names.len() == NAMES {
            self.state().full = true;
        }
        names.sort();
        names
    }
}

impl Disk {
    fn look(&self, path: &str) -> Option<FileMeta> {
        let (meta, real) = self.found(path).ok()?;
        let kind = match (meta.is_file(), meta.is_dir(), real) {
            (true, _, Some(_)) => FileKind::File,
            (_, true, Some(_)) => FileKind::Folder,
            _ => FileKind::Other,
        };
        Some(FileMeta { kind, mode: meta.mode() & 0o7777, user: meta.uid(), group: meta.gid() })
    }

    fn fresh(&self, path: &str) -> Result<Arc<[u8]>, Unread> {
        let (meta, real) = self.found(path).map_err(|error| unread(&error))?;
        let Some(real) = real.filter(|_| meta.is_file()) else { return Err(Unread::NoFile) };
        if self.state().is_too_much(meta.len()) {
            return Err(Unread::TooLarge);
        }
        // A file may grow while it is read.
        let mut bytes = Vec::with_capacity(usize::try_from(meta.len()).unwrap_or(0) + 1);
        let file = std::fs::File::open(real).map_err(|error| unread(&error))?;
        std::io::Read::read_to_end(&mut std::io::Read::take(file, LARGEST), &mut bytes)
            .map_err(|error| unread(&error))?;
        Ok(Arc::from(bytes))
    }
}

/// A thread that ended in a panic leaves nothing half done.
fn locked<T>(one: &Mutex<T>) -> MutexGuard<'_, T> {
    one.lock().unwrap_or_else(PoisonError::into_inner)
}

fn unread(error: &std::io::Error) -> Unread {
    match error.kind() {
        std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => Unread::Missing,
        std::io::ErrorKind::PermissionDenied => Unread::Forbidden,
        std::io::ErrorKind::IsADirectory => Unread::NoFile,
        _ => Unread::Other(error.to_string()),
    }
}
