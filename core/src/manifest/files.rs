//! What the readers may open: a folder of the disk, or a tree in memory. Paths are relative to where the look
//! began, with `/` between their parts.

use std::collections::BTreeMap;
use std::sync::Arc;

/// What lies at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    File,
    Folder,
    /// A socket, a device, a link out of what may be looked at.
    Other,
}

/// What is known of a path without opening it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileMeta {
    pub kind: FileKind,
    pub mode: u32,
    pub user: u32,
    pub group: u32,
}

/// Why a file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unread {
    Missing,
    /// A folder, a socket, a link out of the folder.
    NoFile,
    Forbidden,
    /// Larger than files of this kind are, or the bounds of the whole look are reached.
    TooLarge,
    Other(String),
}

/// Files that may be read.
pub trait Files {
    /// What lies there; `None`: nothing.
    fn meta(&self, path: &str) -> Option<FileMeta>;
    /// The content.
    ///
    /// # Errors
    /// Why it cannot be had.
    fn read(&self, path: &str) -> Result<Arc<[u8]>, Unread>;
    /// The names in a folder, sorted.
    fn list(&self, path: &str) -> Vec<String>;

    /// Whether a path is a link: what it leads to lies elsewhere too.
    fn is_link(&self, _path: &str) -> bool {
        false
    }

    /// The content as text; bytes that are no UTF-8 are replaced.
    ///
    /// # Errors
    /// Why it cannot be had.
    fn text(&self, path: &str) -> Result<String, Unread> {
        self.read(path).map(|bytes| {
            let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
            String::from_utf8_lossy(bytes).into_owned()
        })
    }
}

/// A path without `.`, `..` and double separators, as far as its text tells.
#[must_use]
pub fn normal(path: &str) -> String {
    let absolute = path.starts_with('/');
    let inner = path.strip_prefix('/').unwrap_or(path);
    if !inner.is_empty() && !inner.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return path.to_owned();
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if absolute => {}
            other => parts.push(other),
        }
    }
    let joined = parts.join("/");
    match (absolute, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

/// `path` as seen from the folder `base`.
#[must_use]
pub fn join(base: &str, path: &str) -> String {
    if path.starts_with('/') { normal(path) } else { normal(&format!("{base}/{path}")) }
}

/// The folder that a file lies in.
#[must_use]
pub fn parent(path: &str) -> String {
    match path.rsplit_once('/') {
        Some(("", _)) => "/".to_owned(),
        Some((folder, _)) => folder.to_owned(),
        None => ".".to_owned(),
    }
}

/// The last part of a path.
#[must_use]
pub fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// A tree in memory: for tests, and for what came in by other ways than a disk.
#[derive(Clone, Debug, Default)]
pub struct MemoryFiles {
    files: BTreeMap<String, (Arc<[u8]>, u32)>,
}

impl MemoryFiles {
    /// With one more file, readable for everybody.
    #[must_use]
    pub fn with(mut self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.files.insert(normal(path), (Arc::from(content.as_ref()), 0o644));
        self
    }

    /// With another mode of a file that is there.
    #[must_use]
    pub fn mode(mut self, path: &str, mode: u32) -> Self {
        if let Some(one) = self.files.get_mut(&normal(path)) {
            one.1 = mode;
        }
        self
    }
}

impl Files for MemoryFiles {
    fn meta(&self, path: &str) -> Option<FileMeta> {
        let path = normal(path);
        if let Some((_, mode)) = self.files.get(&path) {
            return Some(FileMeta { kind: FileKind::File, mode: *mode, user: 0, group: 0 });
        }
        let inside = path == "." || self.files.keys().any(|one| one.starts_with(&format!("{path}/")));
        inside.then_some(FileMeta { kind: FileKind::Folder, mode: 0o755, user: 0, group: 0 })
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, Unread> {
        let path = normal(path);
        match self.files.get(&path) {
            Some((content, _)) => Ok(Arc::clone(content)),
            None if self.meta(&path).is_some() => Err(Unread::NoFile),
            None => Err(Unread::Missing),
        }
    }

    fn list(&self, path: &str) -> Vec<String> {
        let path = normal(path);
        let prefix = if path == "." { String::new() } else { format!("{path}/") };
        let mut names: Vec<String> = self
            .files
            .keys()
            .filter_map(|one| one.strip_prefix(&prefix))
            .filter_map(|rest| rest.split('/').next())
            .map(str::to_owned)
            .collect();
        names.dedup();
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lose_their_detours() {
        assert_eq!(normal("./a//b/../c/"), "a/c");
        assert_eq!(normal("/a/../../b"), "/b");
        assert_eq!(join("deploy/x", "../../../y"), "../y");
        assert_eq!(join(".", "./certs"), "certs");
        assert_eq!(parent("a/b"), "a");
        assert_eq!(parent("b"), ".");
    }
}
