//! How a certificate is renewed: with what names and purposes, into which Secret, and who reads it again.

use std::collections::BTreeSet;

use super::Authorities;
use crate::cause::CauseKind;
use crate::cluster::connections::Connection;
use crate::cluster::cure::{Fix, Kubectl, of_secret};
use crate::cluster::secrets::{PathContent, SecretEntry};
use crate::workload::kubernetes::Cluster;
use crate::workload::{Container, WorkloadKind};

/// A Secret's certificate made anew by the stack's CA, or its CA put right; who reads it at the start only is
/// restarted.
pub(super) fn renewal(
    cluster: &Cluster,
    connections: &[Connection<'_>],
    authorities: &Authorities,
    odd: &SecretEntry,
    cause: CauseKind,
    kubectl: &Kubectl,
) -> Fix {
    let key_of_pair = |key: &str| {
        key.strip_suffix(".crt").map_or_else(|| "tls.key".to_owned(), |front| format!("{front}.key"))
    };
    // Several files of the Secret are of the other authority: it was filled anew as a whole.
    let of_odd = authorities.of.get(odd);
    let whole = authorities
        .of
        .iter()
        .filter(|(key, authority)| key.secret == odd.secret && Some(*authority) == of_odd)
        .map(|(key, _)| key.key.clone())
        .collect::<BTreeSet<_>>();
    let distrust = matches!(cause, CauseKind::UnknownAuthority | CauseKind::BadSignature);
    let is_ca = |key: &str| {
        let found =
            connections.iter().flat_map(|one| [&one.ca, &one.client_ca].into_iter().flatten()).find(|file| {
                file.found.key().is_some_and(|known| known.secret == odd.secret && known.key == key)
            });
        found.is_some()
    };
    let mut keys: BTreeSet<String> = BTreeSet::new();
    if distrust {
        keys.extend(whole);
    }
    keys.insert(odd.key.clone());
    let leaf: Vec<String> = keys.iter().filter(|key| !is_ca(key)).cloned().collect();
    let mut files: Vec<(String, String)> = Vec::new();
    for key in &keys {
        files.push((key.clone(), local(&odd.secret, key)));
        if !is_ca(key) {
            files.push((key_of_pair(key), local(&odd.secret, &key_of_pair(key))));
        }
    }
    let changed: Vec<&str> = keys.iter().map(String::as_str).collect();
    let readers = readers(cluster, connections, &odd.secret, &changed);
    let names = needed_names(connections, &odd.secret);
    let purposes = purposes(connections, &odd.secret);
    let mut text = if leaf.is_empty() {
        format!(
            "{} of secret/{} is not the CA that signed the stack's other certificates: it has to be that CA's certificate",
            odd.key, odd.secret
        )
    } else {
        let names = if names.is_empty() {
            String::new()
        } else {
            format!(", for the names {} beside those that it has", names.join(", "))
        };
        format!(
            "{} of secret/{} has to be a certificate of the CA that signed the stack's other certificates, valid today, \
             with {}{names}: one new certificate of that CA, no new CA",
            leaf.join(", "),
            odd.secret,
            purposes.join(" and "),
        )
    };
    if keys.iter().any(|key| is_ca(key)) && !leaf.is_empty() {
        text.push_str("; its ca.crt has to be that CA's certificate");
    }
    let pairs: Vec<(&str, &str)> = files.iter().map(|(key, file)| (key.as_str(), file.as_str())).collect();
    let mut command = kubectl.fill(&odd.secret, &pairs);
    if let Some(restart) = kubectl.restart(&readers) {
        command.push_str(" && ");
        command.push_str(&restart);
    }
    let mut cure = Fix::told(text).by(command);
    for (key, _) in &files {
        cure = cure.with(of_secret(readers.first().cloned().unwrap_or_default(), &odd.secret, key));
    }
    cure
}

/// Who is restarted so that changed keys of a Secret count now. The gateway and the gRPC services read their own
/// certificates again by themselves, two minutes later at the latest (the kubelet's period and theirs); nobody waits for
/// that to see whether a cure cures.
#[must_use]
pub(crate) fn readers(
    cluster: &Cluster,
    connections: &[Connection<'_>],
    secret: &str,
    keys: &[&str],
) -> Vec<String> {
    let mut readers: Vec<String> = Vec::new();
    let mut add = |name: String| {
        if !readers.contains(&name) {
            readers.push(name);
        }
    };
    let of = |file: &Option<crate::cluster::connections::NamedFile>| {
        let key = file.as_ref().and_then(|file| file.found.key());
        key.is_some_and(|key| key.secret == secret && keys.contains(&key.key.as_str()))
    };
    for one in connections {
        if of(&one.certificate) || of(&one.client_ca) {
            add(one.server.to_string());
        }
        if of(&one.ca) || of(&one.identity) {
            add(one.client.to_string());
        }
    }
    // A server that no other service dials has its settings alone to say what it reads.
    for workload in cluster.workloads.iter().filter(|one| one.kind != WorkloadKind::Job) {
        let reads = |container: &Container| {
            let mounts = container.mounts.iter().filter(|mount| mount.source.secrets().contains(&secret));
            let paths = || container.environment.iter().filter_map(|one| one.value.known());
            let is_key = |path: &str| path.rsplit_once('/').is_some_and(|(_, file)| keys.contains(&file));
            mounts.into_iter().any(|mount| paths().any(|path| mount.holds(path) && is_key(path)))
        };
        if workload.containers.iter().any(reads) {
            add(workload.to_string());
        }
    }
    readers
}

/// The names by which the servers that show a Secret's certificate are verified.
fn needed_names(connections: &[Connection<'_>], secret: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for one in connections {
        let shows = one
            .certificate
            .as_ref()
            .and_then(|file| file.found.key())
            .is_some_and(|key| key.secret == secret);
        if shows {
            for name in &one.names {
                if !names.contains(&name.name) && names.len() < 20 {
                    names.push(name.name.clone());
                }
            }
        }
    }
    names
}

/// What a Secret's certificate is used for.
fn purposes(connections: &[Connection<'_>], secret: &str) -> Vec<&'static str> {
    let of = |file: &Option<crate::cluster::connections::NamedFile>| {
        file.as_ref().and_then(|file| file.found.key()).is_some_and(|key| key.secret == secret)
    };
    let mut purposes = Vec::new();
    if connections.iter().any(|one| of(&one.certificate)) {
        purposes.push("serverAuth");
    }
    if connections.iter().any(|one| of(&one.identity)) {
        purposes.push("clientAuth");
    }
    if purposes.is_empty() {
        purposes.push("the right purpose");
    }
    purposes
}

/// The path that others have in the same setting, where it holds a certificate.
pub(super) fn other_path(
    connections: &[Connection<'_>],
    file: &crate::cluster::connections::NamedFile,
) -> Option<String> {
    let all = connections.iter().flat_map(|one| [&one.ca, &one.identity, &one.certificate, &one.client_ca]);
    all.flatten()
        .find(|other| {
            other.setting == file.setting
                && other.path != file.path
                && matches!(other.found, PathContent::Certificates(..))
        })
        .map(|other| other.path.clone())
}

/// Where the guide's layout keeps the file of a Secret's key.
pub(super) fn local(secret: &str, key: &str) -> String {
    let folder = secret.strip_prefix("cordum-").unwrap_or(secret);
    let folder = folder.strip_suffix("-tls").unwrap_or(folder);
    match key {
        "ca.crt" => "certs/ca/ca.crt".to_owned(),
        _ => format!("certs/{folder}/{key}"),
    }
}
