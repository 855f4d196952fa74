//! What a cure is chosen from.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use time::OffsetDateTime;

use super::view::WorkloadView;
use crate::certificates::{CertificateSource, ChainUnderTest, read_bytes, verify};
use crate::link::Link;
use crate::manifest::{Description, Files};
use crate::remedy::Wording;
use crate::workload::{Container, Place, Workload};
use crate::x509::Purpose;

/// What lies at a path of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    Bytes(Arc<[u8]>),
    /// The mount is there and the file is not.
    Missing,
    /// It is there and may not be read from here.
    Forbidden,
    /// A folder, or something that is no file.
    NoFile,
    /// Nobody can tell from here.
    Unknown,
}

/// Who owns a file or folder of the host, and who may do what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// On the host.
    pub path: String,
    pub uid: u32,
    pub gid: u32,
    pub bits: u32,
    pub folder: bool,
}

/// The files that containers mount.
pub trait Shelf: fmt::Debug + Send + Sync {
    /// A file as the container has it.
    fn read(&self, container: &Container, path: &str) -> Held;
    /// Files below a folder of the container, as paths of the container; bounded.
    fn list(&self, container: &Container, folder: &str) -> Vec<String>;
    /// Where a symbolic link at a path of the container leads, where that is in nothing that the container mounts: the
    /// file is there on the host, and not in the container.
    fn leads_out(&self, container: &Container, path: &str) -> Option<String> {
        let _ = (container, path);
        None
    }
    /// The folders of the mount that lead to a file, and the file itself, outermost first.
    fn owners(&self, container: &Container, path: &str) -> Vec<Owner>;
}

/// What is known when a cure is chosen.
#[derive(Clone, Copy)]
pub struct CureContext<'a> {
    pub now: OffsetDateTime,
    pub workloads: &'a [Workload],
    /// The same as it is written down, with places.
    pub described: Option<&'a Description>,
    /// The project's own files, by paths relative to its folder.
    pub project: Option<&'a dyn Files>,
    /// The folder that the project's files count from.
    pub folder: Option<&'a str>,
    /// The operator's working directory.
    pub here: Option<&'a str>,
    pub shelf: &'a dyn Shelf,
    /// What servers presented to us, end-entity certificate first.
    pub served: &'a BTreeMap<Link, Vec<Vec<u8>>>,
    /// The CA file that we verify with.
    pub anchors: &'a [Vec<u8>],
    pub anchors_file: &'a str,
    pub wording: &'a dyn Wording,
    /// The stack's CA, once it is known.
    pub stack: &'a OnceCell<Vec<Vec<u8>>>,
}

impl<'a> CureContext<'a> {
    /// Every workload with what its main container runs with.
    pub fn views(&self) -> impl Iterator<Item = WorkloadView<'a>> + use<'a> {
        let facts = *self;
        facts.workloads.iter().filter_map(move |workload| WorkloadView::of(facts, workload))
    }

    /// The view of a service, or of its first replica.
    #[must_use]
    pub fn view(&self, service: &str) -> Option<WorkloadView<'a>> {
        self.views().find(|view| view.role() == service)
    }

    /// A file of a container, read as PEM or whatever else it is.
    #[must_use]
    pub fn source(&self, container: &Container, path: &str) -> Option<CertificateSource> {
        match self.shelf.read(container, path) {
            Held::Bytes(bytes) => read_bytes(path, &bytes, None)
                .into_iter()
                .next()
                .map(|found| CertificateSource::new(None, found)),
            Held::Missing | Held::Forbidden | Held::NoFile | Held::Unknown => None,
        }
    }

    /// The description of a workload's main container.
    #[must_use]
    pub fn written(&self, workload: &Workload) -> Option<&'a Container> {
        let described = self.described?.workloads.iter().find(|one| {
            one.name == workload.name && (one.namespace.is_none() || one.namespace == workload.namespace)
        })?;
        described.main()
    }

    /// Where a value is written that stands as `${NAME}` at a place: the line of `.env`, where that has it.
    #[must_use]
    pub fn line_of_variable(&self, place: Place) -> Place {
        let line = self
            .project
            .and_then(|files| files.text(&place.file).ok())
            .and_then(|text| text.lines().nth(place.line.checked_sub(1)? as usize).map(str::to_owned));
        let Some(name) = line.as_deref().and_then(variable_in) else { return place };
        let env = self.project.and_then(|files| files.text(".env").ok()).unwrap_or_default();
        let at = env.lines().position(|line| {
            let line = line.trim_start();
            let line = line.strip_prefix("export ").unwrap_or(line);
            line.split_once('=').is_some_and(|(key, _)| key.trim() == name)
        });
        match at {
            Some(at) => Place { file: ".env".into(), line: u32::try_from(at).unwrap_or(0) + 1, column: 1 },
            None => place,
        }
    }

    /// The CA by which the stack's own clients verify: the file that most of them name, else ours.
    #[must_use]
    pub fn stack_anchors(&self) -> Vec<Vec<u8>> {
        self.stack.get_or_init(|| self.most_trusted()).clone()
    }

    fn most_trusted(&self) -> Vec<Vec<u8>> {
        let mut seen: Vec<(Vec<Vec<u8>>, usize)> = Vec::new();
        for view in self.views() {
            for name in ["NATS_TLS_CA", "REDIS_TLS_CA", "SAFETY_KERNEL_TLS_CA"] {
                let Some(path) = view.set(name) else { continue };
                let Some(source) = self.source(view.container, path) else { continue };
                let chain = source.chain();
                match seen.iter_mut().find(|(known, _)| *known == chain) {
                    Some((_, count)) => *count += 1,
                    None => seen.push((chain, 1)),
                }
            }
        }
        // Whoever verifies more of what is served is the stack's CA; then the more frequent.
        let served =
            |anchors: &[Vec<u8>]| self.served.values().filter(|chain| self.signed(chain, anchors)).count();
        if !self.anchors.is_empty() && !seen.iter().any(|(known, _)| known == self.anchors) {
            seen.push((self.anchors.to_vec(), 0));
        }
        seen.retain(|(chain, _)| !chain.is_empty());
        seen.into_iter()
            .max_by_key(|(chain, count)| (served(chain), *count, chain.as_slice() == self.anchors))
            .map(|(chain, _)| chain)
            .unwrap_or_default()
    }

    /// Whether anchors lead to what a server shows, whatever its names and dates.
    fn signed(&self, chain: &[Vec<u8>], anchors: &[Vec<u8>]) -> bool {
        let ends =
            chain.first().and_then(|leaf| crate::certificates::CertificateSummary::read("", 0, leaf).ok());
        let at = ends.map_or(self.now, |leaf| leaf.begins + (leaf.ends - leaf.begins) / 2);
        let question = ChainUnderTest {
            presented: chain,
            anchors,
            candidates: &[],
            names: &[],
            purpose: Purpose::Server,
            at,
        };
        verify(&question).accepted
    }

    /// A path of the host as an operator in the project's folder writes it.
    #[must_use]
    pub fn shown(&self, host: &str) -> String {
        match self.folder.and_then(|folder| host.strip_prefix(folder)).and_then(|rest| rest.strip_prefix('/'))
        {
            Some(below) => format!("./{below}"),
            None => host.to_owned(),
        }
    }
}

impl CureContext<'_> {
    /// A path of the host as it is typed where the operator stands.
    #[must_use]
    pub fn typed(&self, host: &str) -> String {
        match self.here.and_then(|here| host.strip_prefix(here)).and_then(|rest| rest.strip_prefix('/')) {
            Some(below) => format!("./{below}"),
            None => host.to_owned(),
        }
    }
}

/// The variable of a line of a Compose file whose value is `${NAME}`, `${NAME:-default}` or `$NAME` and nothing else:
/// of a value that is put together, the line itself is what has to be changed.
fn variable_in(line: &str) -> Option<&str> {
    let at = line.find('$')?;
    let before = line[..at].trim_end_matches(['"', '\'']);
    let rest = line[at + 1..].trim_end().trim_end_matches(['"', '\'']);
    let name =
        |text: &str| text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len());
    if !before.ends_with([' ', '=', ':']) && !before.is_empty() {
        return None;
    }
    match rest.strip_prefix('{') {
        Some(inner) => {
            let whole = inner.strip_suffix('}').filter(|inner| !inner.contains('}'))?;
            let end = name(whole);
            (end > 0).then(|| &inner[..end])
        }
        None => (name(rest) == rest.len() && !rest.is_empty()).then_some(rest),
    }
}

#[cfg(test)]
mod tests {
    use super::variable_in;

    #[test]
    fn a_value_that_is_one_variable_is_defined_where_the_variable_is() {
        assert_eq!(variable_in("      NATS_URL: ${NATS_URL:-tls://nats:4222}"), Some("NATS_URL"));
        assert_eq!(variable_in("      - \"NATS_URL=${X}\""), Some("X"));
        assert_eq!(variable_in("      A: $B"), Some("B"));
        assert_eq!(variable_in("      REDIS_URL: ${S:-rediss}://:${REDIS_PASSWORD}@redis:6379"), None);
        assert_eq!(variable_in("      REDIS_URL: redis://:${REDIS_PASSWORD}@redis:6379"), None);
        assert_eq!(variable_in("      A: b"), None);
    }
}
