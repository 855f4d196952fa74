//! A folder that came as a `.tar.gz`: its files one by one, within bounds. What `collect` writes is files and folders
//! below one of their own; an archive that holds anything else is somebody else's, and nothing of it is believed.

use std::ffi::OsStr;
use std::fmt;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use flate2::read::MultiGzDecoder;
use tar::EntryType;

/// Bytes of everything unpacked. A log is 64 MiB at most where `collect` wrote it.
const WHOLE: u64 = 2 << 30;
/// Bytes of one file.
const LARGEST: u64 = 256 << 20;
/// Files, folders and what describes them.
const MEMBERS: usize = 20_000;
/// Bytes of a name, or of what else describes a file.
const NAME: u64 = 64 << 10;
/// Folders in folders.
const DEPTH: usize = 16;
/// Bytes behind the archive's end: tar fills up its last record.
const TAIL: u64 = 1 << 20;

/// Why an archive is not read.
#[derive(Debug)]
pub enum ArchiveFault {
    /// It begins as no gzip's stream and as no tar.
    Foreign,
    /// The stream ends early, a sum is wrong, a header is none.
    Damaged,
    Empty,
    /// A link, a device, a sparse file.
    Kind(String),
    /// `..`, an absolute path, a name twice.
    Place(String),
    LargeFile(String),
    Large,
    Many,
    /// The archive itself, or where it is laid out.
    System(io::Error),
}

impl ArchiveFault {
    /// Whether it is only too large, and may be unpacked by hand.
    #[must_use]
    pub const fn is_bound(&self) -> bool {
        matches!(self, Self::LargeFile(_) | Self::Large | Self::Many)
    }

    /// What a library says of bytes; the disk's own errors stay what they are.
    fn of(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::InvalidData
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::Other => Self::Damaged,
            _ => Self::System(error),
        }
    }
}

impl fmt::Display for ArchiveFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign => f.write_str("it is neither a folder nor a .tar.gz"),
            Self::Damaged => f.write_str("the archive is cut short or damaged"),
            Self::Empty => f.write_str("the archive holds no file"),
            Self::Kind(name) => write!(f, "the archive holds what is neither file nor folder: {name}"),
            Self::Place(name) => write!(f, "the archive holds a name that is not its own: {name}"),
            Self::LargeFile(name) => write!(f, "the archive holds a file of more than 256 MiB: {name}"),
            Self::Large => f.write_str("the archive unpacks to more than 2 GiB"),
            Self::Many => write!(f, "the archive holds more than {MEMBERS} files"),
            Self::System(error) => write!(f, "the archive cannot be unpacked: {error}"),
        }
    }
}

/// Takes a file: its path in the archive, and its content.
pub type Taker<'a> = &'a mut dyn FnMut(&Path, &mut dyn Read) -> Result<(), ArchiveFault>;

/// Whether a file is a tar, packed by gzip or not.
///
/// # Errors
/// That it cannot be read.
pub fn is_archive(path: &Path) -> io::Result<bool> {
    if !path.metadata()?.is_file() {
        return Ok(false);
    }
    let mut head = Vec::new();
    // A broken stream is no archive here: whoever needs one will say what is wrong with it.
    let _ = unpacked(path)?.take(512).read_to_end(&mut head);
    Ok(head.get(257..262) == Some(b"ustar"))
}

fn unpacked(path: &Path) -> io::Result<Box<dyn Read>> {
    let mut file = File::open(path)?;
    let mut head = Vec::new();
    (&mut file).take(2).read_to_end(&mut head)?;
    let packed = head == [0x1f, 0x8b];
    let whole = io::Cursor::new(head).chain(file);
    Ok(if packed { Box::new(MultiGzDecoder::new(whole)) } else { Box::new(whole) })
}

/// A reader of so many bytes: where there are fewer it is an error and no end.
struct Exactly<'a> {
    inner: &'a mut dyn Read,
    left: u64,
}

impl Read for Exactly<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(into.len());
        if most == 0 {
            return Ok(0);
        }
        let count = self.inner.read(&mut into[..most])?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= count as u64;
        Ok(count)
    }
}

/// Goes through an archive to its end, and hands over each file.
///
/// # Errors
/// The first thing that is wrong with it, or what the taker says.
pub fn walk(path: &Path, take: Taker<'_>) -> Result<(), ArchiveFault> {
    if !path.metadata().map_err(ArchiveFault::System)?.is_file() || !starts_as_one(path)? {
        return Err(ArchiveFault::Foreign);
    }
    let mut archive = tar::Archive::new(unpacked(path).map_err(ArchiveFault::System)?);
    let (mut members, mut whole, mut files) = (0_usize, 0_u64, 0_usize);
    // A name that has not fitted into its header stands before it.
    let mut long: Option<Vec<u8>> = None;
    for entry in archive.entries().map_err(ArchiveFault::of)?.raw(true) {
        let mut entry = entry.map_err(ArchiveFault::of)?;
        members += 1;
        if members > MEMBERS {
            return Err(ArchiveFault::Many);
        }
        let (kind, size) = (entry.header().entry_type(), entry.size());
        let name = match long.take() {
            Some(name) => name,
            None => entry.path_bytes().into_owned(),
        };
        whole = whole.saturating_add(size);
        if whole > WHOLE {
            return Err(ArchiveFault::Large);
        }
        match kind {
            EntryType::GNULongName | EntryType::XHeader => {
                if size > NAME {
                    return Err(ArchiveFault::Damaged);
                }
                let mut bytes = Vec::new();
                Exactly { inner: &mut entry, left: size }
                    .read_to_end(&mut bytes)
                    .map_err(ArchiveFault::of)?;
                long = if kind == EntryType::XHeader { described(&bytes)? } else { Some(bytes) };
            }
            EntryType::XGlobalHeader => {}
            EntryType::Directory => drop(place(&name)?),
            // An old tar marks a folder by its name alone.
            EntryType::Regular if name.ends_with(b"/") => drop(place(&name)?),
            EntryType::Regular | EntryType::Continuous => {
                let place = place(&name)?.ok_or_else(|| ArchiveFault::Place(shown(&name)))?;
                if size > LARGEST {
                    return Err(ArchiveFault::LargeFile(shown(&name)));
                }
                files += 1;
                let mut content = Exactly { inner: &mut entry, left: size };
                take(&place, &mut content)?;
                // What was not wanted has to be there all the same.
                io::copy(&mut content, &mut io::sink()).map_err(ArchiveFault::of)?;
            }
            _ => return Err(ArchiveFault::Kind(shown(&name))),
        }
    }
    // gzip's sum stands at its end.
    let tail =
        io::copy(&mut archive.into_inner().take(TAIL + 1), &mut io::sink()).map_err(ArchiveFault::of)?;
    match (tail > TAIL, files) {
        (true, _) => Err(ArchiveFault::Large),
        (false, 0) => Err(ArchiveFault::Empty),
        (false, _) => Ok(()),
    }
}

/// Whether it begins as a stream of gzip's or as a tar.
fn starts_as_one(path: &Path) -> Result<bool, ArchiveFault> {
    let mut head = Vec::new();
    File::open(path).and_then(|file| file.take(512).read_to_end(&mut head)).map_err(ArchiveFault::System)?;
    Ok(head.starts_with(&[0x1f, 0x8b]) || head.get(257..262) == Some(b"ustar"))
}

/// The name that a pax header gives to what follows it. Another size than the header's is not followed.
fn described(bytes: &[u8]) -> Result<Option<Vec<u8>>, ArchiveFault> {
    let mut name = None;
    for record in tar::PaxExtensions::new(bytes) {
        let record = record.map_err(ArchiveFault::of)?;
        match record.key_bytes() {
            b"path" => name = Some(record.value_bytes().to_vec()),
            b"size" | b"linkpath" => return Err(ArchiveFault::Kind(shown(record.value_bytes()))),
            key if key.starts_with(b"GNU.sparse") => return Err(ArchiveFault::Kind(shown(key))),
            _ => {}
        }
    }
    Ok(name)
}

/// Where a member lies below the archive's folder; nothing: the folder itself.
fn place(name: &[u8]) -> Result<Option<PathBuf>, ArchiveFault> {
    let wrong = || ArchiveFault::Place(shown(name));
    // A long name has an end of its own.
    let name = name.strip_suffix(b"\0").unwrap_or(name);
    if name.contains(&0) {
        return Err(wrong());
    }
    let mut place = PathBuf::new();
    for (depth, component) in Path::new(OsStr::from_bytes(name)).components().enumerate() {
        match component {
            Component::Normal(part) if depth < DEPTH && part.len() < 256 => place.push(part),
            Component::CurDir => {}
            _ => return Err(wrong()),
        }
    }
    Ok(Some(place).filter(|place| !place.as_os_str().is_empty()))
}

/// A foreign name as it may stand in a sentence.
fn shown(name: &[u8]) -> String {
    let text = String::from_utf8_lossy(name.strip_suffix(b"\0").unwrap_or(name)).into_owned();
    let short: String = text.chars().take(100).collect();
    let end = if short.len() < text.len() { "…" } else { "" };
    format!("{}{end}", short.escape_debug())
}

/// Lays an archive out in a folder that is empty. What is there again is the folder that holds its files: an archive
/// of one folder is that folder.
///
/// # Errors
/// What is wrong with the archive or with the disk; what was laid out by then stays.
pub fn unpack(path: &Path, into: &Path) -> Result<PathBuf, ArchiveFault> {
    walk(path, &mut |place, content| {
        let target = into.join(place);
        if let Some(parent) = target.parent() {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(parent)
                .map_err(|error| taken(error, place))?;
        }
        let fresh = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&target);
        let mut file = fresh.map_err(|error| taken(error, place))?;
        let mut buffer = vec![0_u8; 64 << 10];
        loop {
            match content.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => file.write_all(&buffer[..count]).map_err(ArchiveFault::System)?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(ArchiveFault::of(error)),
            }
        }
    })?;
    let mut folder = into.to_owned();
    loop {
        let entries: Vec<_> = folder.read_dir().map_err(ArchiveFault::System)?.flatten().take(2).collect();
        match entries.as_slice() {
            [only] if only.path().is_dir() => folder = only.path(),
            _ => return Ok(folder),
        }
    }
}

/// A file where a folder has to be, or a name that was there already.
fn taken(error: io::Error, place: &Path) -> ArchiveFault {
    match error.kind() {
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory => {
            ArchiveFault::Place(shown(place.as_os_str().as_bytes()))
        }
        _ => ArchiveFault::System(error),
    }
}

#[cfg(test)]
mod tests;
