//! Which files are looked at: the guide's layout, a whole folder, single files, standard input.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rustls_pki_types::CertificateDer;
use tls_verify_core::certificates::layout::{CertificateFolder, LAYOUT, LayoutFiles};
use tls_verify_core::certificates::pem;
use tls_verify_core::certificates::permissions::FolderPermissions;
use tls_verify_core::certificates::read::{self, FileContents, ObjectFault, SIZE_LIMIT};
use tls_verify_core::certificates::source::CertificateSource;

use crate::cause::Variant;

/// Reads one file; what hinders it is a fault of its own.
#[must_use]
pub fn file(path: &Path, password: Option<&str>) -> Vec<CertificateSource> {
    let name = path.display().to_string();
    match content(path) {
        Ok(bytes) => {
            let found = read::bytes(&name, &bytes, password);
            // A bundle's text is not held beside what was read from it.
            drop(bytes);
            found.into_iter().map(|found| CertificateSource::new(Some(path.to_owned()), found)).collect()
        }
        Err(fault) => {
            vec![CertificateSource::new(
                Some(path.to_owned()),
                FileContents { name, faults: vec![fault], ..FileContents::default() },
            )]
        }
    }
}

/// Reads a file that is one thing; of a Secret in its place the first entry.
#[must_use]
pub fn one(path: &Path, password: Option<&str>) -> CertificateSource {
    file(path, password).into_iter().next().unwrap_or_else(|| {
        let name = path.display().to_string();
        CertificateSource::new(Some(path.to_owned()), FileContents { name, ..FileContents::default() })
    })
}

/// The certificates that Go reads from a PEM file, DER; none where it cannot be read.
#[must_use]
pub fn certificates(path: &Path) -> Vec<CertificateDer<'static>> {
    content(path)
        .map(|bytes| pem::certificates(&bytes).map(CertificateDer::from).collect())
        .unwrap_or_default()
}

/// Reads standard input.
///
/// # Errors
/// What reading said.
pub fn standard_input(password: Option<&str>) -> io::Result<Vec<CertificateSource>> {
    let mut bytes = Vec::new();
    io::stdin().lock().take(SIZE_LIMIT as u64 + 1).read_to_end(&mut bytes)?;
    Ok(read::bytes("-", &bytes, password)
        .into_iter()
        .map(|found| CertificateSource::new(None, found))
        .collect())
}

/// The bytes of a regular file of a bounded size.
///
/// # Errors
/// Why it cannot be had.
pub fn content(path: &Path) -> Result<Vec<u8>, ObjectFault> {
    let fault = |variant, message: String| ObjectFault { variant, message };
    let refuse = |error: &io::Error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            fault(Variant::FileMissing, "it does not exist".to_owned())
        }
        io::ErrorKind::PermissionDenied => {
            fault(Variant::PermissionDenied, "it cannot be read: permission denied".to_owned())
        }
        _ => fault(Variant::WrongKind, format!("it cannot be read: {error}")),
    };
    let meta = std::fs::metadata(path).map_err(|error| refuse(&error))?;
    if meta.is_dir() {
        return Err(fault(Variant::WrongKind, "it is a directory, not a file".to_owned()));
    }
    // A pipe or a device would be waited for without end.
    if !meta.is_file() {
        return Err(fault(Variant::WrongKind, "it is no regular file".to_owned()));
    }
    if meta.len() > SIZE_LIMIT as u64 {
        return Err(fault(Variant::WrongKind, "it is larger than 16 MiB".to_owned()));
    }
    std::fs::read(path).map_err(|error| refuse(&error))
}

/// Whether a folder has the guide's layout: two of its three subfolders hold one of its files.
#[must_use]
pub fn is_layout(folder: &Path) -> bool {
    let has = |files: &[&str]| files.iter().any(|file| folder.join(file).exists());
    let parts = [
        has(&["ca/ca.crt"]),
        has(&["server/tls.crt", "server/tls.key"]),
        has(&["client/tls.crt", "client/tls.key"]),
    ];
    parts.iter().filter(|part| **part).count() >= 2
}

/// Reads a folder in the guide's layout.
#[must_use]
pub fn layout(folder: &Path, password: Option<&str>) -> CertificateFolder {
    let read = |file: &str| one(&folder.join(file), password);
    let others = walk(folder)
        .files
        .into_iter()
        .filter(|path| !LAYOUT.iter().any(|file| *path == folder.join(file)) && !path.ends_with("ca/ca.key"))
        .flat_map(|path| file(&path, password))
        .collect();
    CertificateFolder {
        path: folder.to_owned(),
        files: LayoutFiles {
            ca: read(LAYOUT[0]),
            server: read(LAYOUT[1]),
            server_key: read(LAYOUT[2]),
            client: read(LAYOUT[3]),
            client_key: read(LAYOUT[4]),
        },
        others,
        has_ca_key: folder.join("ca/ca.key").exists(),
        modes: permissions(folder),
    }
}

/// Who may read the folder and the files of the layout.
#[cfg(unix)]
fn permissions(folder: &Path) -> Option<FolderPermissions> {
    use std::os::unix::fs::MetadataExt;
    use tls_verify_core::certificates::permissions::{LayoutPermissions, Permissions};
    let of = |path: &Path| {
        std::fs::metadata(path).ok().map(|meta| Permissions {
            uid: meta.uid(),
            gid: meta.gid(),
            bits: meta.mode(),
        })
    };
    let files = LAYOUT.iter().filter_map(|file| {
        let path = folder.join(file);
        Some(LayoutPermissions { file, own: of(&path)?, parent: path.parent().and_then(of) })
    });
    Some(FolderPermissions { folder: of(folder), files: files.collect() })
}

#[cfg(not(unix))]
fn modes(_folder: &Path) -> Option<FolderPermissions> {
    None
}

/// Certificate files of a folder that are judged; of more nobody reads the report.
const FILES: usize = 12_000;
/// Entries that are looked at on the way to them.
const ENTRIES: usize = 200_000;
const DEPTH: usize = 12;

/// What a folder holds.
#[derive(Debug, Default)]
pub struct Walked {
    /// Every file that may hold certificates, sorted.
    pub files: Vec<PathBuf>,
    /// It holds more than is looked at.
    pub cut: bool,
}

/// Walks a folder; links to folders are not followed, and what the kernel makes up (`/proc`, `/sys`) is left out.
#[must_use]
pub fn walk(folder: &Path) -> Walked {
    let mut walked = Walked::default();
    let unreal = kernel_mounts();
    let is_real = |path: &Path| !std::path::absolute(path).is_ok_and(|path| unreal.contains(&path));
    let mut folders = vec![(folder.to_owned(), 0)];
    let mut entries_seen = 0;
    while let Some((folder, depth)) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        if !is_real(&folder) {
            continue;
        }
        for entry in entries.flatten() {
            entries_seen += 1;
            if walked.files.len() >= FILES || entries_seen > ENTRIES {
                walked.cut = true;
                folders.clear();
                break;
            }
            let path = entry.path();
            let Ok(kind) = entry.file_type() else { continue };
            // Kubernetes mounts a Secret as links into a hidden folder: the links are read, once.
            let hidden = entry.file_name().to_string_lossy().starts_with('.');
            if kind.is_dir() {
                if depth < DEPTH && !hidden {
                    folders.push((path, depth + 1));
                }
            } else if !hidden && may_hold(&path, kind.is_symlink()) {
                walked.files.push(path);
            }
        }
    }
    walked.files.sort();
    walked
}

/// Where file systems are mounted that hold no files (Linux, `proc(5)`: mountinfo).
fn kernel_mounts() -> std::collections::HashSet<PathBuf> {
    const KINDS: &[&str] = &[
        "proc",
        "sysfs",
        "cgroup",
        "cgroup2",
        "devtmpfs",
        "devpts",
        "debugfs",
        "tracefs",
        "securityfs",
        "configfs",
        "bpf",
        "pstore",
        "mqueue",
        "efivarfs",
        "fusectl",
        "binfmt_misc",
    ];
    let table = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let of = |line: &str| {
        let (front, back) = line.split_once(" - ")?;
        let kind = back.split_whitespace().next()?;
        let point = front.split_whitespace().nth(4)?;
        KINDS.contains(&kind).then(|| PathBuf::from(point))
    };
    table.lines().filter_map(of).collect()
}

/// By its name, or by its first bytes.
fn may_hold(path: &Path, is_link: bool) -> bool {
    const ENDINGS: &[&str] = &["crt", "cer", "pem", "key", "der", "p12", "pfx", "ca-bundle", "jks"];
    // A pipe, a socket or a device would be waited for without end. A link that leads nowhere is said.
    let leads_nowhere = is_link && !path.exists();
    if !path.is_file() && !leads_nowhere {
        return false;
    }
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
    if ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str())) {
        return true;
    }
    let mut head = [0_u8; 4096];
    let count = std::fs::File::open(path).and_then(|mut file| file.read(&mut head)).unwrap_or(0);
    pem::begins(&head[..count])
        || (memchr::memmem::find(&head[..count], b"apiVersion").is_some()
            && memchr::memmem::find(&head[..count], b"Secret").is_some())
}
