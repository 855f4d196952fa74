//! A folder or a `.tar.gz`, written as a whole; nothing that is there is written over.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::config::ConfigError;

/// Where to.
pub(super) enum OutputTarget {
    Folder(PathBuf),
    Archive(PathBuf),
}

impl OutputTarget {
    pub(super) fn of(path: &Path) -> Result<Self, ConfigError> {
        let name = path.to_string_lossy();
        let other = "name a file that is not there yet (FILE.tar.gz), or an empty folder";
        if name.ends_with(".tar.gz") || name.ends_with(".tgz") {
            if path.exists() {
                return Err(ConfigError::new(
                    format!("{name} is there already and is not written over"),
                    other,
                ));
            }
            return Ok(Self::Archive(path.to_owned()));
        }
        match fs::read_dir(path) {
            Ok(mut entries) => match entries.next() {
                Some(_) => Err(ConfigError::new(
                    format!("{name} is not empty, and nothing in it is written over"),
                    other,
                )),
                None => Ok(Self::Folder(path.to_owned())),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::Folder(path.to_owned())),
            Err(error) => Err(ConfigError::new(format!("{name} is no folder: {error}"), other)),
        }
    }

    pub(super) fn write(&self, files: &[(String, Vec<u8>)]) -> io::Result<()> {
        match self {
            Self::Folder(folder) => {
                let mut made = fs::DirBuilder::new();
                made.recursive(true).mode(0o700);
                made.create(folder)?;
                for (path, content) in files {
                    let path = folder.join(path);
                    if let Some(parent) = path.parent() {
                        made.create(parent)?;
                    }
                    fresh(&path)?.write_all(content)?;
                }
                Ok(())
            }
            Self::Archive(path) => {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let top = name.trim_end_matches(".tar.gz").trim_end_matches(".tgz").to_owned();
                let wrote = packed(fresh(path)?, &top, files);
                if wrote.is_err() {
                    // Half of an archive is none.
                    let _ = fs::remove_file(path);
                }
                wrote
            }
        }
    }
}

fn fresh(path: &Path) -> io::Result<fs::File> {
    fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// All of it in one folder of the archive.
fn packed(file: fs::File, top: &str, files: &[(String, Vec<u8>)]) -> io::Result<()> {
    let mut out = tar::Builder::new(GzEncoder::new(file, Compression::default()));
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o600);
        out.append_data(&mut header, format!("{top}/{path}"), content.as_slice())?;
    }
    out.into_inner()?.finish()?.flush()
}
