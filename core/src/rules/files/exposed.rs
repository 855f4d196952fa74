//! Private keys where they do not belong.

use super::folder::walk;
use crate::cause::Severity;
use crate::manifest::files::{join, name as file_name};
use crate::manifest::{FileKind, StoredKind};
use crate::remedy::{Change, ChangeKind};
use crate::rules::Finding;
use crate::rules::context::RuleContext;
use crate::wiring::copies;
use crate::workload::{MountSource, Place, Value, Workload};

/// Private keys where they do not belong.
pub(in crate::rules) fn exposed(case: &RuleContext<'_>, findings: &mut Vec<Finding>) {
    in_config_maps(case, findings);
    for (at, workload) in case.description.workloads.iter().enumerate() {
        for index in 0..workload.containers.len() {
            in_variables(case, at, index, findings);
            authority_keys(case, at, index, findings);
        }
        in_image(case, workload, findings);
    }
}

fn in_config_maps(case: &RuleContext<'_>, findings: &mut Vec<Finding>) {
    for stored in case.description.stored.iter().filter(|one| one.kind == StoredKind::ConfigMap) {
        for (key, entry) in stored.entries.iter().filter(|(_, entry)| private_key(&entry.bytes)) {
            let whose = format!("configmap/{}", stored.name);
            let message = format!(
                "the ConfigMap {} holds a private key in `{key}`: whoever may read ConfigMaps has it",
                stored.name
            );
            let mut change = Change::new(whose.clone(), ChangeKind::Config, key.clone());
            change.defined_at = Some(entry.place.clone());
            let text = format!("move `{key}` into a Secret, and make a new key: this one has been seen");
            findings.push(
                Finding::new("exposed-secret", Severity::Error, &entry.place, message)
                    .of(whose)
                    .fix(case.cure(text, vec![change])),
            );
        }
    }
}

fn in_variables(case: &RuleContext<'_>, at: usize, index: usize, findings: &mut Vec<Finding>) {
    for setting in &case.container(at, index).environment {
        let text = match &setting.value {
            Value::Known(text) => text,
            Value::Secret { text: Some(text), .. } => text,
            _ => continue,
        };
        if !private_key(text.as_bytes()) {
            continue;
        }
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

/// Keys that a Dockerfile copies into the image, the first of each instruction's sources.
fn in_image(case: &RuleContext<'_>, workload: &Workload, findings: &mut Vec<Finding>) {
    let Some(build) = case.description.builds.get(&workload.name) else { return };
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
                    walk(case, &from, 3, &mut look);
                }
                _ => {}
            }
            let Some(key) = keys.first() else { continue };
            let place = Place { file: build.dockerfile.as_str().into(), line: copied.line, column: 1 };
            let message = format!("the image of {} is built with the private key {key} in it", workload.name);
            let mut change = Change::new(workload.to_string(), ChangeKind::File, build.dockerfile.clone());
            change.remove = true;
            change.defined_at = Some(place.clone());
            findings.push(
                Finding::new("exposed-secret", Severity::Error, &place, message)
                    .of(workload.to_string())
                    .fix(case.cure("leave it out of the image and mount it where it runs", vec![change])),
            );
        }
    }
}

fn private_key(bytes: &[u8]) -> bool {
    memchr::memmem::find(bytes, b"PRIVATE KEY-----").is_some()
        && memchr::memmem::find(bytes, b"-----BEGIN ").is_some()
}

/// The key of a CA, mounted into something that runs.
fn authority_keys(case: &RuleContext<'_>, at: usize, index: usize, findings: &mut Vec<Finding>) {
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
        let mut changes = vec![change];
        if let MountSource::Host(folder) = &mount.source {
            let others = beside(case, folder);
            if let Some(change) = changes.first_mut() {
                change.remove = found == *folder || !others.is_empty();
            }
            for path in others {
                let inside = path.strip_prefix(folder.as_str()).unwrap_or_default();
                let target = format!("{}{inside}", mount.target.trim_end_matches('/'));
                let mut change = Change::new(name.clone(), ChangeKind::Mount, target);
                change.to = Some(path);
                change.defined_at = Some(place.clone());
                changes.push(change);
            }
        }
        findings.push(
            Finding::new("exposed-secret", case.grave(at), &place, message)
                .of(name)
                .fix(case.cure("mount only what it needs: everything that lies there but that key", changes)),
        );
    }
}

/// The files of a folder that may be mounted one by one; none where there are many.
fn beside(case: &RuleContext<'_>, folder: &str) -> Vec<String> {
    const MANY: usize = 20;
    let mut all = Vec::new();
    if case.files.meta(folder).is_some_and(|meta| meta.kind == FileKind::Folder) {
        walk(case, folder, 3, &mut |path| all.push(path.to_owned()));
    }
    all.retain(|path| !is_authority_key(path));
    if all.len() > MANY { Vec::new() } else { all }
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
