//! The files that containers read, for whoever chooses a cure: those that they mount from this host, or those that were
//! collected.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tls_verify_checks::platform::Platform;
use tls_verify_core::remedy::choose::{Held, Owner, Shelf};
use tls_verify_core::workload::{Container, MountSource};

/// No file that bears on TLS is larger.
const LARGEST: u64 = 2 * 1024 * 1024;
/// Files that are looked at below a mount, and how deep.
pub(super) const MOST: usize = 500;
const DEPTH: usize = 4;

#[cfg(unix)]
pub(super) fn owner(meta: &std::fs::Metadata) -> (u32, u32, u32) {
    use std::os::unix::fs::MetadataExt;
    (meta.uid(), meta.gid(), meta.mode())
}

#[cfg(not(unix))]
pub(super) fn owner(_: &std::fs::Metadata) -> (u32, u32, u32) {
    (0, 0, 0o777)
}

/// A regular file of a sensible size.
pub(super) fn bytes(path: &Path) -> Held {
    match std::fs::metadata(path) {
        Ok(meta) if !meta.is_file() => Held::NoFile,
        Ok(meta) if meta.len() > LARGEST => Held::Unknown,
        Ok(_) => match std::fs::read(path) {
            Ok(bytes) => Held::Bytes(bytes.into()),
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => Held::Forbidden,
            Err(_) => Held::Unknown,
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Held::Missing,
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => Held::Forbidden,
        Err(_) => Held::Unknown,
    }
}

/// What containers mount from this host.
#[derive(Debug)]
pub(super) struct HostShelf;

/// Where a path of a container lies here: the mount's source, and what follows it.
pub(super) fn located(container: &Container, path: &str) -> Option<(PathBuf, PathBuf)> {
    let mount = container.mount_of(path)?;
    let MountSource::Host(source) = &mount.source else { return None };
    let rest = path.strip_prefix(mount.target.trim_end_matches('/'))?.trim_start_matches('/');
    let source = PathBuf::from(source);
    // An engine elsewhere has a host of its own.
    source.exists().then(|| (source, PathBuf::from(rest)))
}

impl Shelf for HostShelf {
    fn read(&self, container: &Container, path: &str) -> Held {
        match located(container, path) {
            Some((source, rest)) if rest.as_os_str().is_empty() => bytes(&source),
            Some((source, rest)) => bytes(&source.join(rest)),
            None => Held::Unknown,
        }
    }

    fn leads_out(&self, container: &Container, path: &str) -> Option<String> {
        super::links::leads_out(container, path)
    }

    fn list(&self, container: &Container, folder: &str) -> Vec<String> {
        let Some((source, rest)) = located(container, folder) else { return Vec::new() };
        let root = source.join(rest);
        let mut found = Vec::new();
        let mut open = vec![(root.clone(), 0)];
        while let Some((at, depth)) = open.pop() {
            let mut entries: Vec<PathBuf> =
                std::fs::read_dir(&at).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
            entries.sort();
            for path in entries {
                if found.len() >= MOST {
                    return found;
                }
                let Ok(meta) = std::fs::symlink_metadata(&path) else { continue };
                if meta.is_dir() && depth < DEPTH {
                    open.push((path, depth + 1));
                } else if meta.is_file()
                    && let Ok(below) = path.strip_prefix(&root)
                {
                    found.push(format!("{}/{}", folder.trim_end_matches('/'), below.display()));
                }
            }
        }
        found.sort();
        found
    }

    fn owners(&self, container: &Container, path: &str) -> Vec<Owner> {
        let Some((source, rest)) = located(container, path) else { return Vec::new() };
        let mut found = Vec::new();
        let mut at = source;
        let mut parts = rest.components();
        loop {
            let Ok(meta) = std::fs::metadata(&at) else { return found };
            let (uid, gid, bits) = owner(&meta);
            let folder = meta.is_dir();
            found.push(Owner { path: at.display().to_string(), uid, gid, bits, folder });
            match parts.next() {
                Some(part) => at.push(part),
                None => return found,
            }
        }
    }
}

/// What was collected: the certificates that its containers' settings name. What lies at their paths on this machine
/// is another stack's.
#[derive(Debug, Default)]
pub(super) struct CollectedShelf(Vec<(Container, BTreeMap<String, Arc<[u8]>>)>);

impl CollectedShelf {
    pub(super) async fn of(platform: &dyn Platform) -> Self {
        let mut all = Vec::new();
        for workload in platform.workloads() {
            let (Some(container), Some(instance)) = (workload.containers.first(), workload.instances.first())
            else {
                continue;
            };
            let settings = container.environment.iter().filter_map(|one| one.value.known());
            let arguments = container.arguments.iter().filter_map(|one| one.value.known());
            let mut files = BTreeMap::new();
            for path in settings.chain(arguments).filter(|path| path.starts_with('/')) {
                if let Ok(bytes) = platform.file(instance, path).await {
                    files.insert(path.to_owned(), bytes.into());
                }
            }
            all.push((container.clone(), files));
        }
        Self(all)
    }

    fn of_container(&self, container: &Container) -> Option<&BTreeMap<String, Arc<[u8]>>> {
        self.0.iter().find(|(known, _)| known == container).map(|(_, files)| files)
    }
}

impl Shelf for CollectedShelf {
    fn read(&self, container: &Container, path: &str) -> Held {
        let found = self.of_container(container).and_then(|files| files.get(path));
        found.map_or(Held::Unknown, |bytes| Held::Bytes(Arc::clone(bytes)))
    }

    fn list(&self, container: &Container, folder: &str) -> Vec<String> {
        let folder = format!("{}/", folder.trim_end_matches('/'));
        let files = self.of_container(container).into_iter().flat_map(BTreeMap::keys);
        files.filter(|path| path.starts_with(&folder)).cloned().collect()
    }

    fn owners(&self, _: &Container, _: &str) -> Vec<Owner> {
        Vec::new()
    }
}
