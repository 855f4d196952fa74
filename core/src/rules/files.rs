//! Files that settings name: whether they are there, whether they may be read, and whether they should be.

use std::collections::BTreeSet;

use super::Finding;
use super::case::Case;
use crate::cause::{CauseKind, Severity, Variant};
use crate::manifest::files::{join, name as file_name, parent};
use crate::manifest::{FileKind, FileMeta, StoredKind};
use crate::remedy::{Change, ChangeKind, Fix, shell};
use crate::wiring::{Content, FileRef, FileRole, FileUse, Opened, Program, copies, production};
use crate::workload::{Mount, MountSource, Place, Value};

/// Certificate without key, key without certificate.
pub(super) fn half_pair(case: &Case<'_>, findings: &mut Vec<Finding>) {
    for half in &case.wiring.halves {
        let name = case.called(half.workload);
        let container = container_of(case, half.workload, &half.has);
        let partner = partner(&half.has.path);
        let there = partner.filter(|path| {
            let file = FileRef { path: path.clone(), ..half.has.clone() };
            matches!(&*case.open(half.workload, container, &file), Opened::Content(_))
        });
        let message =
            format!("{} is set without {}: {name} stops, or goes without both", half.has.setting, half.lacks);
        let change =
            case.change(half.workload, half.has.kind, &half.lacks, None, there.as_deref(), &half.has.place);
        findings.push(
            Finding::new("half-pair", Severity::Error, &half.has.place, message)
                .of(name)
                .cause(CauseKind::BadKeyFile, Some(Variant::HalfPair))
                .fix(case.cure(format!("set {} too", half.lacks), vec![change])),
        );
    }
}

fn container_of(case: &Case<'_>, workload: usize, file: &FileRef) -> usize {
    let same = |one: &&FileUse| one.workload == workload && one.file.place == file.place;
    case.wiring.files.iter().find(same).map_or(0, |one| one.container)
}

/// The other half's usual name beside it.
fn partner(path: &str) -> Option<String> {
    let swaps =
        [("tls.crt", "tls.key"), (".crt", ".key"), ("-cert.pem", "-key.pem"), ("cert.pem", "key.pem")];
    swaps.iter().find_map(|(certificate, key)| {
        path.strip_suffix(certificate)
            .map(|stem| format!("{stem}{key}"))
            .or_else(|| path.strip_suffix(key).map(|stem| format!("{stem}{certificate}")))
    })
}

/// A setting names a file that nothing brings.
pub(super) fn not_mounted(case: &Case<'_>, findings: &mut Vec<Finding>) {
    for one in &case.wiring.files {
        let found = case.open(one.workload, one.container, &one.file);
        let why = match &*found {
            Opened::NotInside { source, .. } => {
                format!("{source} is mounted there, and has no such file")
            }
            Opened::Unmounted { certain: true } => {
                "nothing is mounted there, only its neighbours are".to_owned()
            }
            _ => continue,
        };
        // The image's own configuration stands in.
        if one.role == FileRole::Config && matches!(&*found, Opened::Unmounted { .. }) {
            continue;
        }
        let name = case.called(one.workload);
        let message =
            format!("{} names {}, which {name} does not have: {why}", one.file.setting, one.file.path);
        let sibling = sibling_mount(case, one);
        let target = sibling.map_or_else(|| parent(&one.file.path), |mount| mount.target.clone());
        let source = sibling.and_then(|mount| match &mount.source {
            MountSource::Host(path) => Some(path.clone()),
            MountSource::Secret { name, .. } | MountSource::ConfigMap { name, .. } => Some(name.clone()),
            _ => None,
        });
        let mut change = Change::new(name.clone(), ChangeKind::Mount, target.clone());
        change.to = source;
        change.defined_at = Some(case.container_place(one.workload, one.container));
        let cause = if one.role == FileRole::Config { None } else { Some(CauseKind::BadKeyFile) };
        let mut finding =
            Finding::new("path-not-mounted", Severity::Error, &one.file.place, message).of(name);
        finding.cause = cause;
        finding.variant = cause.map(|_| Variant::FileMissing);
        findings.push(finding.fix(case.cure(format!("mount what brings {}", one.file.path), vec![change])));
    }
}

/// The mount by which a sibling has the file.
fn sibling_mount<'a>(case: &'a Case<'_>, one: &FileUse) -> Option<&'a Mount> {
    let own = case.workload(one.workload);
    case.description
        .workloads
        .iter()
        .filter(|other| other.namespace == own.namespace)
        .flat_map(|other| &other.containers)
        .filter(|container| !std::ptr::eq(*container, case.container(one.workload, one.container)))
        .find_map(|container| container.mount_of(&one.file.path))
}

/// What is mounted is not there.
pub(super) fn source_missing(case: &Case<'_>, findings: &mut Vec<Finding>) {
    let mut told: BTreeSet<(usize, String)> = BTreeSet::new();
    for one in &case.wiring.files {
        let found = case.open(one.workload, one.container, &one.file);
        match &*found {
            Opened::SourceMissing { mount, source } => {
                missing_host(case, one.workload, mount.as_ref(), source, &one.file, &mut told, findings);
            }
            Opened::KeyMissing { mount, kind, name, key } => {
                if one.optional && *kind == StoredKind::ConfigMap {
                    continue;
                }
                if told.insert((one.workload, format!("{name}/{key}"))) {
                    missing_key(
                        case,
                        one.workload,
                        mount.as_ref().unwrap_or(&one.file.place),
                        *kind,
                        name,
                        key,
                        findings,
                    );
                }
            }
            _ => {}
        }
    }
    for (at, workload) in case.description.workloads.iter().enumerate() {
        for container in &workload.containers {
            for mount in &container.mounts {
                mounted(case, at, mount, &mut told, findings);
            }
        }
    }
}

fn missing_host(
    case: &Case<'_>,
    workload: usize,
    mount: Option<&Place>,
    source: &str,
    file: &FileRef,
    told: &mut BTreeSet<(usize, String)>,
    findings: &mut Vec<Finding>,
) {
    if !told.insert((workload, source.to_owned())) {
        return;
    }
    let name = case.called(workload);
    let at = mount.unwrap_or(&file.place);
    let place = case.description.defined.get(at).unwrap_or(at);
    let message = format!(
        "{source} is mounted into {name} and is not there: Docker makes an empty folder of that name"
    );
    let mut change = Change::new(name.clone(), ChangeKind::Mount, &*file.path);
    change.from = Some(source.to_owned());
    change.to = instead(case, source);
    change.defined_at = Some(place.clone());
    let text = match &change.to {
        Some(to) => format!("mount {to}, which is there"),
        None => format!("put {source} there, or mount what is meant"),
    };
    findings.push(
        Finding::new("source-missing", Severity::Error, place, message)
            .of(name)
            .cause(CauseKind::BadKeyFile, Some(Variant::FileMissing))
            .fix(case.cure(text, vec![change])),
    );
}

/// A file of the same name that other mounts of the deployment bring.
fn instead(case: &Case<'_>, source: &str) -> Option<String> {
    let wanted = file_name(source);
    let mut found: BTreeSet<String> = BTreeSet::new();
    for mount in case.description.workloads.iter().flat_map(|one| &one.containers).flat_map(|one| &one.mounts)
    {
        let MountSource::Host(path) = &mount.source else { continue };
        match case.files.meta(path).map(|meta| meta.kind) {
            Some(FileKind::File) if file_name(path) == wanted => {
                found.insert(path.clone());
            }
            Some(FileKind::Folder) => {
                walk(case, path, 3, &mut |file| {
                    if file_name(file) == wanted {
                        found.insert(file.to_owned());
                    }
                });
            }
            _ => {}
        }
    }
    // Of several nobody knows which.
    (found.len() == 1).then(|| found.into_iter().next()).flatten()
}

fn walk(case: &Case<'_>, folder: &str, depth: usize, visit: &mut dyn FnMut(&str)) {
    for name in case.files.list(folder).into_iter().take(200) {
        let path = join(folder, &name);
        match case.files.meta(&path).map(|meta| meta.kind) {
            Some(FileKind::File) => visit(&path),
            Some(FileKind::Folder) if depth > 0 => walk(case, &path, depth - 1, visit),
            _ => {}
        }
    }
}

fn missing_key(
    case: &Case<'_>,
    workload: usize,
    place: &Place,
    kind: StoredKind,
    object: &str,
    key: &str,
    findings: &mut Vec<Finding>,
) {
    let name = case.called(workload);
    let message = format!("{name} is to have `{key}` of the {} {object}, which has no such key", kind.name());
    let mut change = Change::new(name.clone(), ChangeKind::Secret, format!("{object}/{key}"));
    change.defined_at = case
        .description
        .stored(kind, case.workload(workload).namespace.as_deref(), object)
        .map(|stored| stored.place.clone());
    findings.push(
        Finding::new("source-missing", Severity::Error, place, message)
            .of(name)
            .cause(CauseKind::BadKeyFile, Some(Variant::FileMissing))
            .fix(case.cure(format!("put `{key}` into the {} {object}", kind.name()), vec![change])),
    );
}

/// What is mounted, whether a setting names it or not.
fn mounted(
    case: &Case<'_>,
    at: usize,
    mount: &Mount,
    told: &mut BTreeSet<(usize, String)>,
    findings: &mut Vec<Finding>,
) {
    let sources: Vec<&MountSource> = match &mount.source {
        MountSource::Projected(all) => all.iter().collect(),
        one => vec![one],
    };
    let workload = case.workload(at);
    for source in sources {
        let (kind, name, items) = match source {
            MountSource::Secret { name, items, optional: false } => (StoredKind::Secret, name, items),
            MountSource::ConfigMap { name, items, optional: false } => (StoredKind::ConfigMap, name, items),
            MountSource::Host(path) => {
                host_mounted(case, at, mount, path, told, findings);
                continue;
            }
            _ => continue,
        };
        if name.is_empty() {
            continue;
        }
        let space = workload.namespace.as_deref();
        let place = mount.place.clone().unwrap_or_else(|| case.container_place(at, 0));
        let Some(stored) = case.description.stored(kind, space, name) else {
            // Every namespace has this one.
            let given = name == "kube-root-ca.crt";
            if !given
                && case.description.makes(kind, space, name).is_none()
                && told.insert((at, name.clone()))
            {
                let severity = if case.options.live { Severity::Error } else { Severity::Warning };
                let whose = workload.to_string();
                let message = format!(
                    "{whose} mounts the {} {name}, which nothing that was read holds or makes",
                    kind.name()
                );
                let mut change = Change::new(whose.clone(), ChangeKind::Secret, name.clone());
                change.defined_at = Some(place.clone());
                findings.push(
                    Finding::new("source-missing", severity, &place, message)
                        .of(whose)
                        .cause(CauseKind::BadKeyFile, Some(Variant::FileMissing))
                        .fix(case.cure(
                            format!("make the {} {name}, before or with the rest", kind.name()),
                            vec![change],
                        )),
                );
            }
            continue;
        };
        let wanted = items.keys().cloned().chain(mount.sub_path.clone().filter(|_| items.is_empty()));
        for key in wanted {
            if !stored.entries.contains_key(&key) && told.insert((at, format!("{name}/{key}"))) {
                missing_key(case, at, &place, kind, name, &key, findings);
            }
        }
    }
}

/// A host's file that looks like a matter of TLS or of a server's configuration.
fn host_mounted(
    case: &Case<'_>,
    at: usize,
    mount: &Mount,
    path: &str,
    told: &mut BTreeSet<(usize, String)>,
    findings: &mut Vec<Finding>,
) {
    let file = FileRef {
        path: mount.target.clone(),
        setting: "volumes".to_owned(),
        place: mount.place.clone().unwrap_or_else(|| case.container_place(at, 0)),
        kind: crate::wiring::SettingKind::Config,
    };
    let lower = format!("{path} {}", mount.target).to_ascii_lowercase();
    let parts: Vec<&str> = lower.split(['/', '.', '-', '_', ' ']).collect();
    let about = [
        "tls",
        "ssl",
        "cert",
        "certs",
        "certificate",
        "certificates",
        "pki",
        "crt",
        "pem",
        "key",
        "ca",
        "mtls",
    ]
    .iter()
    .any(|word| parts.contains(word));
    let program = case.program(at, 0);
    let config = matches!(program, Program::Nats | Program::Redis | Program::Nginx)
        && [".conf", ".template"].iter().any(|end| mount.target.ends_with(end) || path.ends_with(end));
    let secret = mount.target.starts_with("/run/secrets/");
    if !(about || config || secret) {
        return;
    }
    if let Opened::SourceMissing { mount, source } =
        case.view.open(case.workload(at), case.container(at, 0), &file.path)
    {
        missing_host(case, at, mount.as_ref(), &source, &file, told, findings);
    }
}

/// Modes, owner and user do not let a process read its file.
pub(super) fn unreadable(case: &Case<'_>, findings: &mut Vec<Finding>) {
    let mut groups: Vec<(usize, Place, u32, u32, Vec<Closed>)> = Vec::new();
    for one in &case.wiring.files {
        let container = case.container(one.workload, one.container);
        let own = case.program(one.workload, one.container).user(container);
        let Some(user) = container.user.or(own.map(|(user, _)| user)) else { continue };
        if user == 0 {
            continue;
        }
        let group = container
            .group
            .or_else(|| own.filter(|_| container.user.is_none()).map(|(_, group)| group))
            .unwrap_or(0);
        let found = case.open(one.workload, one.container, &one.file);
        let Opened::Content(content) = &*found else { continue };
        let closed = closed(content, user, group, &container.groups);
        if closed.is_empty() {
            continue;
        }
        let place = mode_place(case, content).unwrap_or_else(|| one.file.place.clone());
        match groups.iter_mut().find(|(workload, at, ..)| *workload == one.workload && *at == place) {
            Some((.., all)) => {
                for more in closed {
                    if !all.contains(&more) {
                        all.push(more);
                    }
                }
            }
            None => groups.push((one.workload, place, user, group, closed)),
        }
    }
    for (workload, place, user, group, closed) in groups {
        let name = case.called(workload);
        let shown: Vec<String> =
            closed.iter().map(|one| format!("{} ({:04o})", one.path, one.mode)).collect();
        let message = format!("{name} runs as user {user}, who may not read {}", shown.join(", "));
        let strict = case.workload(workload).containers.iter().any(|one| production(one).is_some());
        let fix = readable(case, workload, &place, user, group, &closed, strict);
        findings.push(
            Finding::new("unreadable-for-user", Severity::Error, &place, message)
                .of(name)
                .cause(CauseKind::BadKeyFile, Some(Variant::PermissionDenied))
                .fix(fix),
        );
    }
}

/// Where the modes of what is mounted are said; else the mount.
fn mode_place(case: &Case<'_>, content: &Content) -> Option<Place> {
    let mount = content.mount.as_ref()?;
    let marks = case.description.volumes.get(mount);
    let own = marks.and_then(|one| {
        let (_, _, key) = content.stored.as_ref()?;
        one.modes.get(key).map(|(_, place)| place).or(one.mode.as_ref())
    });
    Some(own.unwrap_or(mount).clone())
}

/// A file or a folder that is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Closed {
    path: String,
    mode: u32,
    folder: bool,
    stored: bool,
}

fn closed(content: &Content, user: u32, group: u32, groups: &[u32]) -> Vec<Closed> {
    if let Some(mode) = content.mode {
        // Root's, and of the pod's group where there is one: kubelet adds the group's right to read.
        let by_group = groups.iter().any(|one| *one != 0);
        let open =
            mode & 0o004 != 0 || by_group || (mode & 0o040 != 0 && (group == 0 || groups.contains(&0)));
        let stored = !open && content.stored.is_some();
        return stored
            .then(|| Closed { path: content.shown.clone(), mode, folder: false, stored: true })
            .into_iter()
            .collect();
    }
    let may = |meta: &FileMeta, bit: u32| {
        let shift = if meta.user == user {
            6
        } else if meta.group == group || groups.contains(&meta.group) {
            3
        } else {
            0
        };
        (meta.mode >> shift) & bit != 0
    };
    let mut closed = Vec::new();
    for (path, meta) in content.folders.iter().rev() {
        if !may(meta, 1) {
            closed.push(Closed { path: path.clone(), mode: meta.mode & 0o7777, folder: true, stored: false });
        }
    }
    if let (Some(meta), Some(path)) = (&content.meta, &content.host)
        && meta.kind == FileKind::File
        && !may(meta, 4)
    {
        closed.push(Closed { path: path.clone(), mode: meta.mode & 0o7777, folder: false, stored: false });
    }
    closed
}

fn readable(
    case: &Case<'_>,
    workload: usize,
    place: &Place,
    user: u32,
    group: u32,
    closed: &[Closed],
    strict: bool,
) -> Fix {
    let name = case.called(workload);
    if closed.iter().any(|one| one.stored) {
        let mut change = Change::new(name, ChangeKind::Config, "fsGroup");
        change.path = Some("spec.template.spec.securityContext.fsGroup".to_owned());
        change.to = Some(if group == 0 { user } else { group }.to_string());
        change.defined_at = Some(place.clone());
        return case.cure("give the pod a group that its Secrets are readable for (fsGroup)", vec![change]);
    }
    let mut changes = Vec::new();
    let mut commands = Vec::new();
    for one in closed {
        let bits = match (one.folder, strict) {
            (true, false) => 0o055,
            (false, false) => 0o044,
            (true, true) => 0o050,
            (false, true) => 0o040,
        };
        let mut change = Change::new(name.clone(), ChangeKind::File, one.path.clone());
        change.from = Some(format!("{:04o}", one.mode));
        change.to = Some(format!("{:04o}", one.mode | bits));
        change.defined_at = Some(place.clone());
        changes.push(change);
        let path = shell::path(&one.path);
        if strict {
            commands.push(format!(
                "chgrp {group} {path} && chmod g+r{} {path}",
                if one.folder { "x" } else { "" }
            ));
        } else {
            commands.push(format!("chmod go+r{} {path}", if one.folder { "x" } else { "" }));
        }
    }
    Fix { text: format!("let user {user} read them"), command: Some(commands.join(" && ")), changes }
}

/// Private keys where they do not belong.
pub(super) fn exposed(case: &Case<'_>, findings: &mut Vec<Finding>) {
    for stored in case.description.stored.iter().filter(|one| one.kind == StoredKind::ConfigMap) {
        for (key, entry) in &stored.entries {
            if private_key(&entry.bytes) {
                let message = format!(
                    "the ConfigMap {} holds a private key in `{key}`: whoever may read ConfigMaps has it",
                    stored.name
                );
                let mut change =
                    Change::new(format!("configmap/{}", stored.name), ChangeKind::Config, key.clone());
                change.defined_at = Some(entry.place.clone());
                findings.push(
                    Finding::new("exposed-secret", Severity::Error, &entry.place, message)
                        .of(format!("configmap/{}", stored.name))
                        .fix(case.cure(
                            format!("move `{key}` into a Secret, and make a new key: this one has been seen"),
                            vec![change],
                        )),
                );
            }
        }
    }
    for (at, workload) in case.description.workloads.iter().enumerate() {
        for (index, container) in workload.containers.iter().enumerate() {
            for setting in &container.environment {
                let text = match &setting.value {
                    Value::Known(text) => text,
                    Value::Secret { text: Some(text), .. } => text,
                    _ => continue,
                };
                if private_key(text.as_bytes()) {
                    let place = setting.place.clone().unwrap_or_else(|| case.container_place(at, index));
                    let name = case.called(at);
                    let message = format!(
                        "{} of {name} holds a private key: variables show in inspections, logs and crash reports",
                        setting.name
                    );
                    let mut change = Change::new(name.clone(), ChangeKind::Environment, &*setting.name);
                    change.remove = true;
                    change.defined_at = Some(place.clone());
                    findings.push(
                        Finding::new("exposed-secret", Severity::Error, &place, message)
                            .of(name)
                            .fix(case.cure("mount it as a file from a secret", vec![change])),
                    );
                }
            }
            authority_keys(case, at, index, findings);
        }
        if let Some(build) = case.description.builds.get(&workload.name) {
            for copied in copies(case.files, build).unwrap_or_default() {
                for source in &copied.sources {
                    let mut keys = Vec::new();
                    let from = join(&build.context, source);
                    let mut look = |path: &str| {
                        let named = [".key", ".pem", ".p12", ".pfx"].iter().any(|end| path.ends_with(end))
                            || file_name(path).contains("key");
                        if named && case.files.read(path).is_ok_and(|bytes| private_key(&bytes)) {
                            keys.push(path.to_owned());
                        }
                    };
                    match case.files.meta(&from).map(|meta| meta.kind) {
                        Some(FileKind::File) => look(&from),
                        // The whole context is copied by many, with a `.dockerignore` beside it.
                        Some(FileKind::Folder) if *source != "." && *source != "./" => {
                            walk(case, &from, 3, &mut look)
                        }
                        _ => {}
                    }
                    if let Some(key) = keys.first() {
                        let place = Place { file: build.dockerfile.clone(), line: copied.line, column: 1 };
                        let message = format!(
                            "the image of {} is built with the private key {key} in it",
                            workload.name
                        );
                        let mut change =
                            Change::new(workload.to_string(), ChangeKind::File, build.dockerfile.clone());
                        change.remove = true;
                        change.defined_at = Some(place.clone());
                        findings.push(
                            Finding::new("exposed-secret", Severity::Error, &place, message)
                                .of(workload.to_string())
                                .fix(case.cure(
                                    "leave it out of the image and mount it where it runs",
                                    vec![change],
                                )),
                        );
                    }
                }
            }
        }
    }
}

fn private_key(bytes: &[u8]) -> bool {
    memchr::memmem::find(bytes, b"PRIVATE KEY-----").is_some()
        && memchr::memmem::find(bytes, b"-----BEGIN ").is_some()
}

/// The key of a CA, mounted into something that runs.
fn authority_keys(case: &Case<'_>, at: usize, index: usize, findings: &mut Vec<Finding>) {
    let container = case.container(at, index);
    let workload = case.workload(at);
    for mount in &container.mounts {
        let mut found: Option<String> = None;
        match &mount.source {
            MountSource::Host(path) if !path.contains(crate::workload::Template::OPEN) => {
                match case.files.meta(path).map(|meta| meta.kind) {
                    Some(FileKind::File) if is_authority_key(path) => found = Some(path.clone()),
                    Some(FileKind::Folder) => walk(case, path, 3, &mut |file| {
                        if is_authority_key(file) && found.is_none() {
                            found = Some(file.to_owned());
                        }
                    }),
                    _ => {}
                }
            }
            MountSource::Secret { name, items, .. } => {
                let stored = case.description.stored(StoredKind::Secret, workload.namespace.as_deref(), name);
                let keys = stored.into_iter().flat_map(|one| &one.entries).map(|(key, _)| key);
                found = keys
                    .filter(|key| items.is_empty() || items.contains_key(*key))
                    .find(|key| is_authority_key(key))
                    .map(|key| format!("secret/{name}:{key}"));
            }
            _ => {}
        }
        let Some(found) = found else { continue };
        // What is no key is none whatever it is called.
        if let Ok(bytes) = case.files.read(&found)
            && !private_key(&bytes)
        {
            continue;
        }
        let name = case.called(at);
        let place = mount.place.clone().unwrap_or_else(|| case.container_place(at, index));
        let message = format!(
            "{name} has {found}, the CA's private key, mounted: whoever gets into it issues certificates for everybody"
        );
        let mut change = Change::new(name.clone(), ChangeKind::Mount, mount.target.clone());
        if let MountSource::Host(path) = &mount.source {
            change.from = Some(path.clone());
        }
        change.defined_at = Some(place.clone());
        findings.push(
            Finding::new("exposed-secret", case.grave(at), &place, message)
                .of(name)
                .fix(case.cure("mount only what it needs: ca.crt and its own pair", vec![change])),
        );
    }
}

fn is_authority_key(path: &str) -> bool {
    let name = file_name(path).to_ascii_lowercase();
    let stem = name
        .strip_suffix(".key")
        .or_else(|| name.strip_suffix("-key.pem"))
        .or_else(|| name.strip_suffix(".key.pem"))
        .or_else(|| name.strip_suffix("_key.pem"));
    stem.is_some_and(|stem| {
        matches!(
            stem,
            "ca" | "rootca"
                | "root-ca"
                | "root_ca"
                | "cacert"
                | "root"
                | "intermediate-ca"
                | "intermediate_ca"
                | "myca"
        )
    })
}
