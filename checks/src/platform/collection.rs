//! What was recorded: where it lies, and how the operator called it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;

use super::archive::{self, ArchiveFault};

/// A folder of logs or objects. One that came in an archive lies elsewhere than it is called, as long as it is read.
#[derive(Clone, Debug)]
pub struct Collection {
    folder: PathBuf,
    called: PathBuf,
    unpacked: Option<Arc<TempDir>>,
}

impl Collection {
    /// A folder.
    #[must_use]
    pub fn folder(folder: impl Into<PathBuf>) -> Self {
        let folder = folder.into();
        Self { called: folder.clone(), folder, unpacked: None }
    }

    /// An archive, laid out in a folder of our own.
    ///
    /// # Errors
    /// Why nothing of it is read.
    pub fn archive(path: &Path, own: &Arc<TempDir>) -> Result<Self, ArchiveFault> {
        let folder = archive::unpack(path, own.path())?;
        Ok(Self { folder, called: path.to_owned(), unpacked: Some(Arc::clone(own)) })
    }

    /// Where it is read.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// How the operator called it.
    #[must_use]
    pub fn called(&self) -> &Path {
        &self.called
    }

    /// How a file of it is called.
    #[must_use]
    pub fn file(&self, path: &Path) -> PathBuf {
        path.strip_prefix(&self.folder).map_or_else(|_| path.to_owned(), |inner| self.called.join(inner))
    }
}

impl fmt::Display for Collection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.unpacked.is_some() { "archive" } else { "folder" };
        write!(f, "the {kind} {}", self.called.display())
    }
}
