//! What a container finds at a path, where a Secret brings it.

use base64::Engine as _;

pub(super) use crate::evidence::SecretEntry;
use crate::workload::kubernetes::Cluster;
use crate::workload::{Container, MountSource};
use crate::x509::Parsed;

/// What is at a path of a container.
#[derive(Clone, Debug)]
pub(super) enum PathContent {
    /// Certificates, in the order in which they stand there.
    Certificates(SecretEntry, Vec<Parsed>),
    /// The key is there; what it holds was taken out, is no certificate, or was not read.
    Opaque(SecretEntry),
    /// Text that holds no certificate where one is expected.
    NoCertificate(SecretEntry),
    /// The Secret is there, the key is not.
    MissingKey(SecretEntry),
    MissingSecret(SecretEntry),
    /// Nothing brings it, although something is mounted beside it or nothing at all is.
    NotMounted,
    /// It comes from elsewhere (a host's folder, a volume, the image), or nobody looked.
    Elsewhere,
}

impl PathContent {
    /// The Secret and key, where it comes from one.
    #[must_use]
    pub(super) const fn key(&self) -> Option<&SecretEntry> {
        match self {
            Self::Certificates(key, _)
            | Self::Opaque(key)
            | Self::NoCertificate(key)
            | Self::MissingKey(key)
            | Self::MissingSecret(key) => Some(key),
            Self::NotMounted | Self::Elsewhere => None,
        }
    }

    /// The certificates, where they are known.
    #[must_use]
    pub(super) fn certificates(&self) -> &[Parsed] {
        match self {
            Self::Certificates(_, all) => all,
            _ => &[],
        }
    }
}

/// Looks a path of a container up.
#[must_use]
pub(super) fn at(cluster: &Cluster, container: &Container, path: &str) -> PathContent {
    let Some(mount) = container.mount_of(path) else { return PathContent::NotMounted };
    let below = path.strip_prefix(mount.target.trim_end_matches('/')).unwrap_or_default();
    let below = below.trim_start_matches('/');
    let shown = match (&mount.sub_path, below) {
        (Some(part), "") => part.clone(),
        (Some(part), below) => format!("{part}/{below}"),
        (None, below) => below.to_owned(),
    };
    let sources: &[MountSource] = match &mount.source {
        MountSource::Projected(all) => all,
        other => std::slice::from_ref(other),
    };
    let mut elsewhere = false;
    let mut missing = None;
    for source in sources {
        let MountSource::Secret { name, items, .. } = source else {
            elsewhere = true;
            continue;
        };
        let key = if items.is_empty() {
            shown.clone()
        } else {
            match items.iter().find(|(_, path)| **path == shown) {
                Some((key, _)) => key.clone(),
                None => continue,
            }
        };
        let key = SecretEntry { secret: name.clone(), key };
        match of(cluster, key) {
            found @ (PathContent::MissingKey(_) | PathContent::MissingSecret(_)) => missing = Some(found),
            found => return found,
        }
    }
    match missing {
        // Another source of the folder may bring it.
        Some(_) if elsewhere => PathContent::Elsewhere,
        Some(found) => found,
        None if elsewhere => PathContent::Elsewhere,
        None => PathContent::NotMounted,
    }
}

/// The path at which a mount has the key that is looked for under its own name beside it (`items` name another file).
#[must_use]
pub(super) fn renamed(container: &Container, path: &str) -> Option<String> {
    let (folder, key) = path.rsplit_once('/')?;
    let mount = container.mount_of(path).filter(|mount| mount.sub_path.is_none())?;
    let sources: &[MountSource] = match &mount.source {
        MountSource::Projected(all) => all,
        other => std::slice::from_ref(other),
    };
    let file = sources.iter().find_map(|source| match source {
        MountSource::Secret { items, .. } | MountSource::ConfigMap { items, .. } => items.get(key),
        _ => None,
    })?;
    (mount.target.trim_end_matches('/') == folder && file != key).then(|| format!("{folder}/{file}"))
}

/// The path of the usual key, where a Secret has that and the file is looked for under another name.
#[must_use]
pub(super) fn usual_path(cluster: &Cluster, path: &str, key: &SecretEntry) -> Option<String> {
    let usual = match key.key.rsplit_once('.')? {
        (_, "key") => "tls.key",
        ("ca" | "root" | "rootCA", "crt" | "pem") => "ca.crt",
        (_, "crt") => "tls.crt",
        _ => return None,
    };
    let keys = &cluster.secrets.as_ref()?.get(&key.secret)?.keys;
    let folder = path.strip_suffix(key.key.as_str())?;
    (keys.contains_key(usual) && !keys.contains_key(&key.key)).then(|| format!("{folder}{usual}"))
}

/// Under which name a Secret has what is looked for under another: its one certificate, its one authority, and the key
/// that lies beside them.
#[must_use]
pub(super) fn under_another_name(cluster: &Cluster, secret: &str, wanted: &str) -> Option<String> {
    let keys = &cluster.secrets.as_ref()?.get(secret)?.keys;
    let is_authority = |bytes: &[u8]| certificates(bytes).first().map(|one| one.is_ca == Some(true));
    let fits = |name: &&String| match keys.get(*name) {
        Some(Some(bytes)) if wanted.ends_with(".crt") => {
            is_authority(bytes) == Some(wanted.starts_with("ca."))
        }
        _ => wanted.ends_with(".key") && ["key", "key.pem"].iter().any(|end| name.ends_with(end)),
    };
    let usual = |name: &&String| !matches!(name.as_str(), "tls.crt" | "tls.key" | "ca.crt" | "ca.key");
    let mut found = keys.keys().filter(usual).filter(fits);
    let one = found.next()?;
    found.next().is_none().then(|| one.clone())
}

fn of(cluster: &Cluster, key: SecretEntry) -> PathContent {
    let Some(secrets) = &cluster.secrets else { return PathContent::Elsewhere };
    let Some(secret) = secrets.get(&key.secret) else { return PathContent::MissingSecret(key) };
    match secret.keys.get(&key.key) {
        None => PathContent::MissingKey(key),
        Some(None) => PathContent::Opaque(key),
        Some(Some(bytes)) => {
            let all = certificates(bytes);
            if !all.is_empty() {
                PathContent::Certificates(key, all)
            } else if key.key.ends_with(".crt") || key.key.ends_with(".pem") {
                PathContent::NoCertificate(key)
            } else {
                PathContent::Opaque(key)
            }
        }
    }
}

/// The certificates in PEM; what Go does not parse is passed over, as Go does in a pool.
fn certificates(pem: &[u8]) -> Vec<Parsed> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    let text = String::from_utf8_lossy(pem);
    let mut rest = &*text;
    let mut all = Vec::new();
    while let Some((_, after)) = rest.split_once(BEGIN) {
        let Some((body, behind)) = after.split_once(END) else { break };
        let body: String = body.chars().filter(|c| !c.is_whitespace()).collect();
        let der = base64::engine::general_purpose::STANDARD.decode(body).ok();
        all.extend(der.and_then(|der| Parsed::read(&der).ok()));
        rest = behind;
    }
    all
}
