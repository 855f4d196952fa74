//! What a path in a container is: which mount brings it, and what lies there.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::manifest::files::{join, name, normal, parent};
use crate::manifest::{Description, DescriptionKind, FileKind, FileMeta, Files, Source, StoredKind, Unread};
use crate::workload::{Container, Mount, MountSource, Place, Template, Workload};

/// A file in a container, as found.
#[derive(Clone, Debug)]
pub struct Content {
    pub bytes: Arc<[u8]>,
    /// Its text with the place of its lines.
    pub source: Source,
    /// As reports name it: a file of this machine, or `secret/NAME:KEY`.
    pub shown: String,
    /// Of a file of this machine.
    pub host: Option<String>,
    pub meta: Option<FileMeta>,
    /// The folders between the mount and the file, the mount's own folder included, with their names.
    pub folders: Vec<(String, FileMeta)>,
    /// Mode of a Secret's or ConfigMap's files.
    pub mode: Option<u32>,
    pub mount: Option<Place>,
    pub stored: Option<(StoredKind, String, String)>,
}

/// What a path turned out to be.
#[derive(Clone, Debug)]
pub enum OpenedPath {
    Content(Box<Content>),
    Folder,
    /// Its mount brings a folder in which it is not.
    NotInside {
        mount: Option<Place>,
        source: String,
    },
    /// What its mount names is not there.
    SourceMissing {
        mount: Option<Place>,
        source: String,
    },
    /// A Secret or ConfigMap that is among the files lacks the key.
    KeyMissing {
        mount: Option<Place>,
        kind: StoredKind,
        name: String,
        key: String,
    },
    /// Nothing among the files holds or makes it.
    ObjectMissing {
        mount: Option<Place>,
        kind: StoredKind,
        name: String,
    },
    /// Nothing brings it; `certain`: its neighbours or a sibling have it mounted.
    Unmounted {
        certain: bool,
    },
    /// It belongs to the image, or to the system's trust store.
    Image,
    /// It is there when the deployment runs, made by something that is described.
    Made(String),
    Unknown(String),
}

/// The system's trust store, as distributions lay it out.
const SYSTEM: [&str; 9] = [
    "/etc/ssl/",
    "/etc/pki/",
    "/etc/ca-certificates",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
    "/usr/share/pki",
    "/usr/lib/ssl",
    "/var/lib/ca-certificates",
    "/var/run/secrets/kubernetes.io/",
];

/// A description with the files behind it.
pub struct View<'a> {
    pub description: &'a Description,
    pub files: &'a dyn Files,
}

impl View<'_> {
    /// What lies at a path of a container.
    #[must_use]
    pub fn open(&self, workload: &Workload, container: &Container, path: &str) -> OpenedPath {
        if path.contains(Template::OPEN) {
            return OpenedPath::Unknown(super::named_gaps(path));
        }
        let path =
            if path.starts_with('/') { normal(path) } else { return OpenedPath::Unknown(path.to_owned()) };
        match container.mount_of(&path) {
            Some(mount) => self.through(workload, mount, &path),
            None => self.unmounted(workload, container, &path),
        }
    }

    fn through(&self, workload: &Workload, mount: &Mount, path: &str) -> OpenedPath {
        let target = mount.target.trim_end_matches('/');
        let rest = path.strip_prefix(target).unwrap_or_default().trim_start_matches('/');
        self.source(workload, mount, &mount.source, rest)
    }

    fn source(&self, workload: &Workload, mount: &Mount, source: &MountSource, rest: &str) -> OpenedPath {
        match source {
            MountSource::Host(base) => self.host(mount, base, rest),
            MountSource::Volume(name) => OpenedPath::Unknown(format!("the volume {name}")),
            MountSource::Other(what) => OpenedPath::Unknown(what.clone()),
            MountSource::Empty => OpenedPath::Unknown("a folder that is empty at the start".to_owned()),
            MountSource::Inline(text) => {
                let mark = mount.place.as_ref().and_then(|place| self.description.inline.get(place));
                let source = mark.cloned().unwrap_or_else(|| Source::file("", text));
                OpenedPath::Content(Box::new(Content {
                    bytes: Arc::from(text.as_bytes()),
                    shown: source.start.file.to_string(),
                    source,
                    host: None,
                    meta: None,
                    folders: Vec::new(),
                    mode: mount.mode,
                    mount: mount.place.clone(),
                    stored: None,
                }))
            }
            MountSource::Secret { name, items, optional } => {
                self.stored(workload, mount, StoredKind::Secret, name, items, *optional, rest)
            }
            MountSource::ConfigMap { name, items, optional } => {
                self.stored(workload, mount, StoredKind::ConfigMap, name, items, *optional, rest)
            }
            MountSource::Projected(sources) => {
                let mut last = OpenedPath::Unknown("a projection".to_owned());
                for source in sources {
                    match self.source(workload, mount, source, rest) {
                        found @ OpenedPath::Content(_) => return found,
                        other => last = other,
                    }
                }
                last
            }
        }
    }

    fn host(&self, mount: &Mount, base: &str, rest: &str) -> OpenedPath {
        if base.contains(Template::OPEN) || base.starts_with('~') {
            return self
                .stand_in(mount, rest)
                .unwrap_or_else(|| OpenedPath::Unknown(super::named_gaps(base)));
        }
        let root = match &mount.sub_path {
            Some(sub) => join(base, sub),
            None => base.to_owned(),
        };
        let path = if rest.is_empty() { root.clone() } else { join(&root, rest) };
        // A path of the machine that it will run on, which need not be this one.
        let foreign = base.starts_with('/') && self.files.meta(base).is_none();
        let Some(root_meta) = self.files.meta(&root) else {
            let defaulted =
                mount.place.as_ref().is_some_and(|place| self.description.defaulted.contains(place));
            if let Some(found) = self.stand_in(mount, rest).filter(|_| defaulted || foreign) {
                return found;
            }
            if defaulted {
                return OpenedPath::Unknown(format!("{root}, which is not here yet"));
            }
            if foreign {
                return OpenedPath::Unknown(format!("{root}, which is not here"));
            }
            return OpenedPath::SourceMissing { mount: mount.place.clone(), source: root };
        };
        if !rest.is_empty() && root_meta.kind == FileKind::File {
            return OpenedPath::NotInside { mount: mount.place.clone(), source: root };
        }
        let Some(meta) = self.files.meta(&path) else {
            return OpenedPath::NotInside { mount: mount.place.clone(), source: root };
        };
        match (meta.kind, self.files.read(&path)) {
            (FileKind::Folder, _) => OpenedPath::Folder,
            (_, Ok(bytes)) => {
                let text = String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes))
                    .into_owned();
                let mut folders = Vec::new();
                let mut folder = parent(&path);
                while !rest.is_empty() && (folder == root || folder.starts_with(&format!("{root}/"))) {
                    folders.extend(self.files.meta(&folder).map(|meta| (folder.clone(), meta)));
                    if folder == root {
                        break;
                    }
                    folder = parent(&folder);
                }
                OpenedPath::Content(Box::new(Content {
                    bytes,
                    source: Source::file(&path, &text),
                    shown: path.clone(),
                    host: Some(path),
                    meta: Some(meta),
                    folders,
                    mode: None,
                    mount: mount.place.clone(),
                    stored: None,
                }))
            }
            (_, Err(Unread::Missing)) => OpenedPath::NotInside { mount: mount.place.clone(), source: root },
            (_, Err(why)) => {
                OpenedPath::Unknown(format!("{path}: {}", crate::manifest::compose::unread(&why)))
            }
        }
    }

    /// The same in the folder that stands in, where it has it.
    fn stand_in(&self, mount: &Mount, rest: &str) -> Option<OpenedPath> {
        let folder = self.description.stand_in.as_deref()?;
        let rest = if rest.is_empty() { name(&mount.target) } else { rest };
        let path = join(folder, rest);
        let meta = self.files.meta(&path)?;
        let bytes = self.files.read(&path).ok()?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Some(OpenedPath::Content(Box::new(Content {
            bytes,
            source: Source::file(&path, &text),
            shown: path,
            // Its modes are not those of what will be mounted.
            host: None,
            meta: None,
            folders: Vec::new(),
            mode: None,
            mount: mount.place.clone(),
            stored: None,
        })))
        .filter(|_| meta.kind == FileKind::File)
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one reference")]
    fn stored(
        &self,
        workload: &Workload,
        mount: &Mount,
        kind: StoredKind,
        object: &str,
        items: &BTreeMap<String, String>,
        optional: bool,
        rest: &str,
    ) -> OpenedPath {
        let space = workload.namespace.as_deref();
        let Some(stored) = self.description.stored(kind, space, object) else {
            if self.description.makes(kind, space, object).is_some() {
                return OpenedPath::Made(format!("{} {object}", kind.name()));
            }
            if optional || object.is_empty() {
                return OpenedPath::Unknown(format!("the optional {} {object}", kind.name()));
            }
            return OpenedPath::ObjectMissing { mount: mount.place.clone(), kind, name: object.to_owned() };
        };
        let wanted = match (&mount.sub_path, rest) {
            (Some(sub), "") => sub.clone(),
            (Some(sub), rest) => format!("{sub}/{rest}"),
            (None, "") => return OpenedPath::Folder,
            (None, rest) => rest.to_owned(),
        };
        let key = if items.is_empty() {
            Some(wanted.clone())
        } else {
            items.iter().find(|(_, path)| **path == wanted).map(|(key, _)| key.clone())
        };
        let marks = mount.place.as_ref().and_then(|place| self.description.volumes.get(place));
        let missing = |key: String| OpenedPath::KeyMissing {
            mount: marks.and_then(|one| one.items.get(&key)).or(mount.place.as_ref()).cloned(),
            kind,
            name: object.to_owned(),
            key,
        };
        let Some(key) = key else { return missing(wanted) };
        match stored.entries.get(&key) {
            None => missing(key),
            Some(entry) => OpenedPath::Content(Box::new(Content {
                bytes: Arc::clone(&entry.bytes),
                source: entry.source.clone(),
                shown: format!("{}/{object}:{key}", kind.name().to_ascii_lowercase()),
                host: None,
                meta: None,
                folders: Vec::new(),
                mode: marks
                    .and_then(|one| one.modes.get(&key))
                    .map(|(mode, _)| *mode)
                    .or(mount.mode)
                    .or(Some(0o644)),
                mount: mount.place.clone(),
                stored: Some((kind, object.to_owned(), key)),
            })),
        }
    }

    fn unmounted(&self, workload: &Workload, container: &Container, path: &str) -> OpenedPath {
        if SYSTEM.iter().any(|folder| path.starts_with(folder)) {
            return OpenedPath::Image;
        }
        if let Some(build) = self.description.builds.get(&workload.name) {
            return match crate::wiring::scan::image_brings(self.files, build, path) {
                Some(true) => OpenedPath::Image,
                _ if self.neighbours(workload, container, path) => OpenedPath::Unmounted { certain: true },
                _ => OpenedPath::Unmounted { certain: false },
            };
        }
        OpenedPath::Unmounted { certain: self.neighbours(workload, container, path) }
    }

    /// Whether a sibling mounts the path, or this container mounts what lies beside it.
    fn neighbours(&self, workload: &Workload, container: &Container, path: &str) -> bool {
        let sibling = self.description.workloads.iter().any(|other| {
            other.namespace == workload.namespace
                && other.containers.iter().any(|one| {
                    !std::ptr::eq(one, container)
                        && one.mount_of(path).is_some_and(|mount| brings(mount, path))
                })
        });
        let beside = container.mounts.iter().any(|mount| {
            let folder = parent(mount.target.trim_end_matches('/'));
            // `/etc` and its like are nobody's neighbourhood.
            let own = folder.matches('/').count() > 1 || (folder.len() > 1 && !generic(&folder));
            own && path.starts_with(&format!("{folder}/"))
        });
        sibling || beside
    }

    /// The names in a folder of a container that mounts bring, with their full paths; `None`: it is not known.
    #[must_use]
    pub fn list(&self, workload: &Workload, container: &Container, folder: &str) -> Option<Vec<String>> {
        let folder = folder.trim_end_matches('/');
        let mut found = Vec::new();
        for mount in &container.mounts {
            let target = mount.target.trim_end_matches('/');
            if parent(target) == folder {
                found.push(target.to_owned());
            } else if target == folder || folder.starts_with(&format!("{target}/")) {
                let rest = folder.strip_prefix(target).unwrap_or_default().trim_start_matches('/');
                match &mount.source {
                    MountSource::Host(base) if !base.contains(Template::OPEN) => {
                        let here = if rest.is_empty() { base.clone() } else { join(base, rest) };
                        found.extend(self.files.list(&here).iter().map(|one| format!("{folder}/{one}")));
                    }
                    MountSource::ConfigMap { name, items, .. } | MountSource::Secret { name, items, .. }
                        if rest.is_empty() && mount.sub_path.is_none() =>
                    {
                        let kind = match mount.source {
                            MountSource::Secret { .. } => StoredKind::Secret,
                            _ => StoredKind::ConfigMap,
                        };
                        let stored = self.description.stored(kind, workload.namespace.as_deref(), name)?;
                        if items.is_empty() {
                            found.extend(stored.entries.keys().map(|key| format!("{folder}/{key}")));
                        } else {
                            found.extend(items.values().map(|path| format!("{folder}/{path}")));
                        }
                    }
                    _ => return None,
                }
            }
        }
        found.sort();
        found.dedup();
        Some(found)
    }

    /// The content of a configuration: of a container, or of a file that stands alone.
    #[must_use]
    pub fn is_kubernetes(&self) -> bool {
        self.description.kind == DescriptionKind::Kubernetes
    }
}

fn generic(folder: &str) -> bool {
    matches!(
        folder,
        "/etc" | "/run" | "/var" | "/usr" | "/opt" | "/srv" | "/home" | "/tmp" | "/data" | "/app" | "/mnt"
    )
}

/// Whether a mount is sure to bring something to a path, so that it is missed where it is not mounted.
fn brings(mount: &Mount, path: &str) -> bool {
    mount.target.trim_end_matches('/').matches('/').count() > 0
        && !matches!(mount.source, MountSource::Empty)
        && (mount.target == path || name(path).contains('.') || path.len() > mount.target.len())
}
