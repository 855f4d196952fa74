//! What a client of the stack dials with, as the stack's own clients have it: authority, identity, login, names.

use std::collections::BTreeMap;

use super::connections::{self, Connection, ConnectionTarget, NamedFile};
use crate::link::Link;
use crate::workload::Value;
use crate::workload::kubernetes::Cluster;

/// A file of a Secret.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretFile {
    /// `secret/cordum-client-tls tls.crt`.
    pub place: String,
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for SecretFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Piece").field("place", &self.place).finish_non_exhaustive()
    }
}

/// What is needed to dial as the stack does.
#[derive(Clone, Default)]
pub struct Material {
    pub authority: Option<SecretFile>,
    pub certificate: Option<SecretFile>,
    pub key: Option<SecretFile>,
    pub api_key: Option<String>,
    pub redis_password: Option<String>,
    pub nats_token: Option<String>,
    /// The name that most clients of a link verify.
    pub names: BTreeMap<Link, String>,
}

impl std::fmt::Debug for Material {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Material").field("names", &self.names).finish_non_exhaustive()
    }
}

impl Material {
    /// Taken from the Secrets that the workloads mount.
    #[must_use]
    pub fn of(cluster: &Cluster) -> Self {
        let connections = connections::all(cluster, &[]);
        let piece = |file: Option<&NamedFile>| {
            let key = file?.found.key()?;
            bytes(cluster, &key.secret, &key.key)
        };
        let client = connections
            .iter()
            .filter(|one| matches!(one.target, ConnectionTarget::Link(Link::Nats | Link::Redis)))
            .find(|one| one.ca.is_some());
        let pair = client.and_then(|one| one.identity.as_ref());
        let key = pair.and_then(|file| file.found.key()).and_then(|found| {
            let name =
                found.key.strip_suffix(".crt").map_or("tls.key".to_owned(), |front| format!("{front}.key"));
            bytes(cluster, &found.secret, &name)
        });
        // Where the clients' own CA cannot be had, that of a server among its peers does, for it is one CA.
        let peers = || connections.iter().find_map(|one| piece(one.client_ca.as_ref().or(one.ca.as_ref())));
        let mut material = Self {
            authority: piece(client.and_then(|one| one.ca.as_ref())).or_else(peers),
            certificate: piece(pair),
            key,
            names: names(&connections),
            ..Self::default()
        };
        for workload in &cluster.workloads {
            let Some(main) = workload.main() else { continue };
            let secret = |name: &str| match main.variable(name).map(|one| &one.value) {
                Some(Value::Secret { text: Some(text), .. } | Value::Known(text)) if !text.is_empty() => {
                    Some(text.clone())
                }
                _ => None,
            };
            material.api_key =
                material.api_key.or_else(|| secret("CORDUM_API_KEY")).or_else(|| secret("API_KEY"));
            material.redis_password = material.redis_password.or_else(|| secret("REDIS_PASSWORD"));
            material.nats_token = material.nats_token.or_else(|| secret("NATS_TOKEN"));
        }
        material
    }
}

fn bytes(cluster: &Cluster, secret: &str, key: &str) -> Option<SecretFile> {
    let bytes = cluster.secrets.as_ref()?.get(secret)?.keys.get(key)?.clone()?;
    Some(SecretFile { place: format!("secret/{secret} {key}"), bytes })
}

/// By link the name that most clients verify; of those that are equally many the first.
fn names(connections: &[Connection<'_>]) -> BTreeMap<Link, String> {
    let mut votes: BTreeMap<Link, Vec<(String, usize)>> = BTreeMap::new();
    for one in connections {
        let (ConnectionTarget::Link(link), Some(name)) = (one.target, one.names.first()) else { continue };
        let all = votes.entry(link).or_default();
        match all.iter_mut().find(|(known, _)| *known == name.name) {
            Some((_, count)) => *count += 1,
            None => all.push((name.name.clone(), 1)),
        }
    }
    let most = |all: Vec<(String, usize)>| {
        let top = all.iter().map(|(_, count)| *count).max();
        all.into_iter().find(|(_, count)| Some(*count) == top).map(|(name, _)| name)
    };
    votes.into_iter().filter_map(|(link, all)| Some((link, most(all)?))).collect()
}
