//! A cluster as a folder holds it: `kubectl get … -o json` of each kind, the logs of its containers, and what the
//! gateways' `/readyz` answered. Nothing of it is dialled.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::SystemTime;

use tls_verify_core::cluster::{ContainerLog, ContainerLogs, StartReader};
use tls_verify_core::workload::kubernetes::{Cluster, Kind, Objects};

use super::collection::Collection;

/// A file of objects larger than this is none that a namespace of a stack has.
const OBJECTS: u64 = 256 * 1024 * 1024;

/// What was read from a folder.
#[derive(Debug)]
pub struct ObjectFolder {
    pub cluster: Cluster,
    pub logs: ContainerLogs,
    /// By gateway pod; absent where nobody asked it.
    pub ready: BTreeMap<String, bool>,
    /// The latest moment that anything in the folder speaks of.
    pub now: SystemTime,
    /// What stands in it and could not be read, a sentence each.
    pub notes: Vec<String>,
}

/// Reads a folder.
///
/// # Errors
/// That it is no such folder, or the file of it that cannot be read, with the reason.
pub fn read(collection: &Collection, namespace: Option<&str>) -> Result<ObjectFolder, String> {
    let folder = collection.path();
    let called = |path: &Path| collection.file(path).display().to_string();
    let mut objects = Objects::default();
    let mut found = 0_usize;
    for kind in Kind::ALL {
        let path = folder.join(format!("{}.json", kind.plural()));
        let bytes = match bounded(&path) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => continue,
            Err(error) => return Err(format!("{} cannot be read: {error}", called(&path))),
        };
        objects.take(*kind, &bytes).map_err(|error| {
            format!("{} is no output of `kubectl get {} -o json`: {error}", called(&path), kind.plural())
        })?;
        found += 1;
    }
    if found == 0 || objects.pods.is_empty() && objects.deployments.is_empty() {
        return Err(format!(
            "{} holds no objects of a cluster (pods.json, deployments.json, …)",
            collection.called().display()
        ));
    }
    let namespace = namespace.map(str::to_owned).unwrap_or_else(|| namespace_of(&objects));
    let others = namespaces(&objects);
    if !others.is_empty() && !others.contains_key(namespace.as_str()) {
        let others: Vec<&str> = others.into_keys().collect();
        return Err(format!(
            "{} holds no objects of namespace {namespace}: they are of {}",
            collection.called().display(),
            others.join(", ")
        ));
    }
    let latest = latest(&objects);
    let cluster = Cluster::read(objects, &namespace);
    let mut logs = ContainerLogs::new();
    let mut notes = Vec::new();
    let mut now = latest;
    for pod in &cluster.pods {
        for container in &pod.containers {
            let mut start = |end: &str| {
                let path = folder.join("logs").join(format!("{}_{}{end}", pod.name, container.name));
                match log(&path) {
                    Ok(read) => read,
                    Err(error) => {
                        notes.push(format!("{} cannot be read: {error}", called(&path)));
                        None
                    }
                }
            };
            let said =
                ContainerLog { present: start(".log"), previous: start(".previous.log"), unread: None };
            for start in [&said.present, &said.previous].into_iter().flatten() {
                now = now.max(start.last);
            }
            logs.insert((pod.name.clone(), container.name.clone()), said);
        }
    }
    Ok(ObjectFolder {
        cluster,
        logs,
        ready: readiness(folder),
        now: now.unwrap_or_else(SystemTime::now),
        notes,
    })
}

fn bounded(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut bytes = Vec::new();
    file.take(OBJECTS + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > OBJECTS {
        return Err(io::Error::other("it is larger than 256 MiB"));
    }
    Ok(Some(bytes))
}

/// A log, streamed; nothing where there is no such file.
fn log(path: &Path) -> io::Result<Option<tls_verify_core::cluster::Start>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut reader = StartReader::default();
    let mut buffer = vec![0_u8; 64 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(Some(reader.finish())),
            count => reader.feed(&buffer[..count]),
        }
    }
}

/// The namespaces that pods and Deployments are of, with how many of them.
fn namespaces(objects: &Objects) -> BTreeMap<&str, usize> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let all = objects
        .pods
        .iter()
        .map(|one| &one.metadata)
        .chain(objects.deployments.iter().map(|one| &one.metadata));
    for metadata in all.filter(|metadata| !metadata.namespace.is_empty()) {
        *counts.entry(metadata.namespace.as_str()).or_default() += 1;
    }
    counts
}

/// The namespace that most objects are of.
fn namespace_of(objects: &Objects) -> String {
    let most = namespaces(objects).into_iter().max_by_key(|(_, count)| *count);
    most.map_or_else(|| "cordum".to_owned(), |(name, _)| name.to_owned())
}

/// The latest moment that the objects speak of.
fn latest(objects: &Objects) -> Option<SystemTime> {
    let moment = |text: &String| tls_verify_core::logs::moment(text);
    let of_pod = |pod: &tls_verify_core::workload::kubernetes::object::Pod| {
        let states = pod.status.container_statuses.iter().chain(&pod.status.init_container_statuses);
        let running = states.flat_map(|one| {
            let state = [&one.state, &one.last_state];
            state.into_iter().flat_map(|state| {
                let running = state.running.as_ref().and_then(|one| one.started_at.as_ref());
                let ended = state.terminated.as_ref().and_then(|one| one.finished_at.as_ref());
                [running, ended]
            })
        });
        let conditions = pod.status.conditions.iter().map(|one| one.last_transition_time.as_ref());
        running.chain(conditions).flatten().chain(&pod.metadata.creation_timestamp).filter_map(moment).max()
    };
    let pods = objects.pods.iter().filter_map(of_pod).max();
    let events = objects
        .events
        .iter()
        .flat_map(|event| [&event.last_timestamp, &event.event_time, &event.first_timestamp])
        .flatten()
        .filter_map(moment)
        .max();
    pods.max(events)
}

/// `readyz.txt`: `POD: {"status":"ok",…} HTTP 200`, or why it could not be asked.
fn readiness(folder: &Path) -> BTreeMap<String, bool> {
    let text = std::fs::read_to_string(folder.join("readyz.txt")).unwrap_or_default();
    text.lines()
        .filter_map(|line| line.split_once(": "))
        .filter(|(_, said)| said.contains("HTTP ") && !said.contains("HTTP 000"))
        .map(|(pod, said)| (pod.to_owned(), said.trim_end().ends_with("HTTP 200")))
        .collect()
}
