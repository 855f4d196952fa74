//! A folder or a `.tar.gz`, written as a whole; nothing that is there is written over.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::config::Problem;

/// Where to.
pub(super) enum Target {
    Folder(PathBuf),
    Archive(PathBuf),
}

impl Target {
    pub(super) fn of(path: &Path) -> Result<Self, Problem> {
        let name = path.to_string_lossy();
        let other = "name a file that is not there yet (FILE.tar.gz), or an empty folder";
        if name.ends_with(".tar.gz") || name.ends_with(".tgz") {
            if path.exists() {
                return Err(Problem::new(format!("{name} is there already and is not written over"), other));
            }
            return Ok(Self::Archive(path.to_owned()));
        }
        match fs::read_dir(path) {
            Ok(mut entries) => match entries.next() {
                Some(_) => Err(Problem::new(
                    format!("{name} is not empty, and nothing in it is written over"),
                    other,
                )),
                None => Ok(Self::Folder(path.to_owned())),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::Folder(path.to_owned())),
            Err(error) => Err(Problem::new(format!("{name} is no folder: {error}"), other)),
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
                let mut out = GzEncoder::new(fresh(path)?, Compression::default());
                for (path, content) in files {
                    entry(&mut out, &format!("{top}/{path}"), content)?;
                }
                out.write_all(&[0; 1024])?;
                out.finish()?.flush()
            }
        }
    }
}

fn fresh(path: &Path) -> io::Result<fs::File> {
    fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// A file of a tar archive; a long name comes before it, as GNU tar has it.
fn entry(out: &mut impl Write, path: &str, content: &[u8]) -> io::Result<()> {
    if path.len() > 100 {
        let mut name = path.as_bytes().to_vec();
        name.push(0);
        block(out, "././@LongLink", b'L', &name)?;
    }
    block(out, path, b'0', content)
}

fn block(out: &mut impl Write, path: &str, kind: u8, content: &[u8]) -> io::Result<()> {
    let mut header = [0_u8; 512];
    let mut put = |at: usize, text: &[u8]| header[at..at + text.len()].copy_from_slice(text);
    put(0, &path.as_bytes()[..path.len().min(100)]);
    put(100, b"0000600\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{:011o}\0", content.len()).as_bytes());
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, &[kind]);
    put(257, b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    out.write_all(&header)?;
    out.write_all(content)?;
    out.write_all(&[0; 512][..(512 - content.len() % 512) % 512])
}
