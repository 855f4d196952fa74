//! The disk as the readers see it: bounded, and without links that lead out of the folder that is looked at.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tls_verify_core::manifest::{FileKind, FileMeta, Files, Unread, files::normal};

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

/// Files of this machine, and standard input as `-`.
pub(super) struct Disk {
    roots: Vec<PathBuf>,
    here: PathBuf,
    read: RefCell<BTreeMap<String, Result<Arc<[u8]>, Unread>>>,
    count: Cell<usize>,
    bytes: Cell<u64>,
    /// Something was left out because a bound was reached.
    full: Cell<bool>,
    searching: Cell<bool>,
}

impl Disk {
    pub(super) fn new(roots: &[PathBuf], stdin: Option<Vec<u8>>) -> Self {
        let here = std::env::current_dir().unwrap_or_default();
        let roots = roots
            .iter()
            .filter_map(|root| root.canonicalize().ok())
            .map(
                |root| {
                    if root.is_dir() { root } else { root.parent().map(Path::to_path_buf).unwrap_or(root) }
                },
            )
            .chain(here.canonicalize().ok())
            .collect();
        let mut read = BTreeMap::new();
        if let Some(bytes) = stdin {
            read.insert("-".to_owned(), Ok(Arc::from(bytes)));
        }
        Self {
            roots,
            here,
            read: RefCell::new(read),
            count: Cell::new(0),
            bytes: Cell::new(0),
            full: Cell::new(false),
            searching: Cell::new(false),
        }
    }

    /// Searches: what it opens leaves something for what it finds.
    pub(super) fn search<T>(&self, search: impl FnOnce(&Self) -> T) -> T {
        self.searching.set(true);
        let found = search(self);
        self.searching.set(false);
        found
    }

    pub(super) fn is_full(&self) -> bool {
        self.full.get()
    }

    /// Every text that was opened.
    pub(super) fn opened(&self) -> BTreeSet<String> {
        self.read.borrow().iter().filter(|(_, read)| read.is_ok()).map(|(path, _)| path.clone()).collect()
    }

    /// The path itself, if it may be looked at: a link may not lead out of the folders that were named.
    fn allowed(&self, path: &str) -> Option<PathBuf> {
        let whole = self.here.join(path);
        let real = whole.canonicalize().ok()?;
        let plain = PathBuf::from(normal(&self.here.canonicalize().ok()?.join(path).to_string_lossy()));
        let linked = real != plain;
        (!linked || self.roots.iter().any(|root| real.starts_with(root))).then_some(real)
    }
}

impl Files for Disk {
    fn meta(&self, path: &str) -> Option<FileMeta> {
        if path == "-" {
            return self.read.borrow().get("-").map(|_| FileMeta {
                kind: FileKind::File,
                mode: 0o644,
                user: 0,
                group: 0,
            });
        }
        let meta = std::fs::metadata(self.here.join(path)).ok()?;
        let kind = match (meta.is_file(), meta.is_dir(), self.allowed(path)) {
            (true, _, Some(_)) => FileKind::File,
            (_, true, Some(_)) => FileKind::Folder,
            _ => FileKind::Other,
        };
        Some(FileMeta { kind, mode: meta.mode() & 0o7777, user: meta.uid(), group: meta.gid() })
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, Unread> {
        if let Some(found) = self.read.borrow().get(path) {
            return found.clone();
        }
        let found = self.fresh(path);
        // What the search had no room for may be read later.
        if !(self.searching.get() && found == Err(Unread::TooLarge)) {
            self.read.borrow_mut().insert(path.to_owned(), found.clone());
        }
        found
    }

    fn is_link(&self, path: &str) -> bool {
        std::fs::symlink_metadata(self.here.join(path)).is_ok_and(|meta| meta.is_symlink())
    }

    fn list(&self, path: &str) -> Vec<String> {
        let Some(folder) = self.allowed(path) else { return Vec::new() };
        let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
        let mut names: Vec<String> =
            entries.flatten().take(NAMES).filter_map(|entry| entry.file_name().into_string().ok()).collect();
        if names.len() == NAMES {
            self.full.set(true);
        }
        names.sort();
        names
    }
}

impl Disk {
    fn fresh(&self, path: &str) -> Result<Arc<[u8]>, Unread> {
        let meta = match std::fs::metadata(self.here.join(path)) {
            Ok(meta) => meta,
            Err(error) => return Err(unread(&error)),
        };
        let Some(real) = self.allowed(path).filter(|_| meta.is_file()) else { return Err(Unread::NoFile) };
        let (files, bytes) = if self.searching.get() { (0, 0) } else { KEPT };
        let many = self.count.get() >= FILES + files || self.bytes.get() + meta.len() > BYTES + bytes;
        if many || meta.len() > LARGEST {
            self.full.set(true);
            return Err(Unread::TooLarge);
        }
        self.count.set(self.count.get() + 1);
        // A file may grow while it is read.
        let mut bytes = Vec::new();
        let file = std::fs::File::open(real).map_err(|error| unread(&error))?;
        std::io::Read::read_to_end(&mut std::io::Read::take(file, LARGEST), &mut bytes)
            .map_err(|error| unread(&error))?;
        self.bytes.set(self.bytes.get() + bytes.len() as u64);
        Ok(Arc::from(bytes))
    }
}

fn unread(error: &std::io::Error) -> Unread {
    match error.kind() {
        std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => Unread::Missing,
        std::io::ErrorKind::PermissionDenied => Unread::Forbidden,
        std::io::ErrorKind::IsADirectory => Unread::NoFile,
        _ => Unread::Other(error.to_string()),
    }
}
