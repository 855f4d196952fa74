//! What the rules look at, with what several of them ask.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::{AuditOptions, ConfiguredLink};
use crate::cause::Severity;
use crate::certificates::{
    CertificateSummary, ChainUnderTest, Verification, read_bytes, source::CertificateSource as Pem, verify,
};
use crate::manifest::{Description, Files, Stored, StoredKind};
use crate::remedy::{Change, ChangeKind, Fix};
use crate::wiring::{
    ClientAuth, ClientTrust, Content, Dial, DialTarget, Dialler, FileRef, FileRole, Listener, OpenedPath,
    Program, ResolvedDial, SECRET, SettingKind, TlsMode, View, Wiring,
};
use crate::workload::{Container, Place, Workload};
use crate::x509::Purpose;

/// What was found at the paths of a container: by workload, container and path.
type ByPath<T> = HashMap<(usize, usize), HashMap<String, T>>;

/// A deployment with its wiring.
pub(super) struct RuleContext<'a> {
    pub(super) description: &'a Description,
    pub(super) files: &'a dyn Files,
    pub(super) wiring: &'a Wiring,
    pub(super) view: View<'a>,
    pub(super) options: AuditOptions,
    opened: RefCell<ByPath<Rc<OpenedPath>>>,
    pems: RefCell<ByPath<Option<Rc<Pem>>>>,
}

impl<'a> RuleContext<'a> {
    pub(super) fn new(
        description: &'a Description,
        files: &'a dyn Files,
        wiring: &'a Wiring,
        options: AuditOptions,
    ) -> Self {
        Self {
            description,
            files,
            wiring,
            view: View { description, files },
            options,
            opened: RefCell::default(),
            pems: RefCell::default(),
        }
    }

    pub(super) fn workload(&self, at: usize) -> &'a Workload {
        &self.description.workloads[at]
    }

    pub(super) fn container(&self, workload: usize, container: usize) -> &'a Container {
        &self.description.workloads[workload].containers[container]
    }

    pub(super) fn program(&self, workload: usize, container: usize) -> Program {
        self.wiring.programs[workload][container]
    }

    /// As reports name it.
    pub(super) fn called(&self, at: usize) -> String {
        self.workload(at).to_string()
    }

    pub(super) fn dialler(&self, dial: &Dial) -> String {
        match (dial.workload, &dial.ingress) {
            (Some(at), _) => self.called(at),
            (None, Some(name)) => format!("ingress/{name}"),
            (None, None) => "ingress".to_owned(),
        }
    }

    /// The place of a container, or of its workload.
    pub(super) fn container_place(&self, workload: usize, container: usize) -> Place {
        let own = self.container(workload, container).place.clone();
        own.or_else(|| self.workload(workload).place.clone())
            .unwrap_or_else(|| Place::of_file(self.description.source.as_str()))
    }

    /// Cordum's production: its own, or that of the clients of NATS and Redis.
    pub(super) fn in_production(&self, at: usize) -> bool {
        let own = |at: usize| self.workload(at).containers.iter().any(|one| one.in_production());
        own(at) || self.connections_to(at).any(|(_, dial)| dial.workload.is_some_and(own))
    }

    pub(super) fn grave(&self, at: usize) -> Severity {
        if self.in_production(at) { Severity::Error } else { Severity::Warning }
    }

    pub(super) fn connections(&self) -> impl Iterator<Item = (&'a ResolvedDial, &'a Dial)> {
        let dials = &self.wiring.dials;
        self.wiring.connections.iter().map(move |one| (one, &dials[one.dial]))
    }

    pub(super) fn connections_to(&self, at: usize) -> impl Iterator<Item = (&'a ResolvedDial, &'a Dial)> {
        self.connections().filter(move |(one, _)| one.target == DialTarget::Workload(at))
    }

    /// Connections whose server is known, with it.
    pub(super) fn ends(&self) -> impl Iterator<Item = (&'a Dial, &'a Listener)> {
        let listeners = &self.wiring.listeners;
        self.connections().filter_map(move |(one, dial)| Some((dial, &listeners[one.listener?])))
    }

    /// What a setting's path is.
    pub(super) fn open(&self, workload: usize, container: usize, file: &FileRef) -> Rc<OpenedPath> {
        let own = (workload, container);
        if let Some(found) = self.opened.borrow().get(&own).and_then(|paths| paths.get(&file.path)) {
            return Rc::clone(found);
        }
        let found = Rc::new(match file.path.strip_prefix(SECRET) {
            Some(path) => self.secret(path),
            None => self.view.open(self.workload(workload), self.container(workload, container), &file.path),
        });
        self.opened.borrow_mut().entry(own).or_default().insert(file.path.clone(), Rc::clone(&found));
        found
    }

    /// `NAMESPACE/NAME/KEY`, as an Ingress names it.
    fn secret(&self, path: &str) -> OpenedPath {
        let mut parts = path.splitn(3, '/');
        let (space, name, key) = (
            parts.next().unwrap_or_default(),
            parts.next().unwrap_or_default(),
            parts.next().unwrap_or_default(),
        );
        let stored = self.description.stored(StoredKind::Secret, Some(space), name);
        match stored.map(|one| one.entries.get(key)) {
            Some(Some(entry)) => OpenedPath::Content(Box::new(Content {
                bytes: std::sync::Arc::clone(&entry.bytes),
                source: entry.source.clone(),
                shown: format!("secret/{name}:{key}"),
                host: None,
                meta: None,
                folders: Vec::new(),
                mode: None,
                mount: None,
                stored: Some((StoredKind::Secret, name.to_owned(), key.to_owned())),
            })),
            Some(None) => OpenedPath::KeyMissing {
                mount: None,
                kind: StoredKind::Secret,
                name: name.to_owned(),
                key: key.to_owned(),
            },
            None => OpenedPath::Unknown(format!("the Secret {space}/{name}")),
        }
    }

    /// The Secret of a namespace whose CA signed a certificate, as an Ingress names it.
    pub(super) fn secret_of_ca(&self, namespace: &str, leaf: &Pem) -> Option<String> {
        let secrets = self.description.stored.iter();
        let near = secrets.filter(|one| one.kind == StoredKind::Secret && one.namespace == namespace);
        let signed = |one: &&Stored| {
            let Some(entry) = one.entries.get("ca.crt") else { return false };
            let anchors = read_bytes(&one.name, &entry.bytes, None)
                .into_iter()
                .map(|found| Rc::new(Pem::new(None, found)));
            let anchors: Vec<Rc<Pem>> = anchors.collect();
            self.chains(leaf, &anchors, Purpose::Server).is_some_and(|verdict| verdict.accepted)
        };
        near.filter(|one| !one.entries.is_empty()).find(signed).map(|one| format!("{namespace}/{}", one.name))
    }

    /// The certificates and keys in a file, where its content is known.
    pub(super) fn pem(&self, workload: usize, container: usize, file: &FileRef) -> Option<Rc<Pem>> {
        let own = (workload, container);
        if let Some(found) = self.pems.borrow().get(&own).and_then(|paths| paths.get(&file.path)) {
            return found.clone();
        }
        let found = match &*self.open(workload, container, file) {
            OpenedPath::Content(content) => read_bytes(&content.shown, &content.bytes, None)
                .into_iter()
                .next()
                .map(|found| Rc::new(Pem::new(content.host.as_ref().map(Into::into), found))),
            _ => None,
        };
        self.pems.borrow_mut().entry(own).or_default().insert(file.path.clone(), found.clone());
        found
    }

    /// What a listener serves.
    pub(super) fn served(&self, listener: &Listener) -> Option<Rc<Pem>> {
        let file = listener.certificate.as_ref()?;
        self.pem(listener.workload, listener.container, file).filter(|pem| !pem.facts.is_empty())
    }

    /// What a client trusts, where all of it is known.
    pub(super) fn trusted(&self, dial: &Dial) -> Option<Vec<Rc<Pem>>> {
        let ClientTrust::Files(files) = &dial.trust else { return None };
        files.iter().map(|file| self.pem(dial.workload.unwrap_or(0), dial.container, file)).collect()
    }

    /// Whether a chain leads to these anchors, on a day on which the leaf is valid.
    pub(super) fn chains(&self, leaf: &Pem, anchors: &[Rc<Pem>], purpose: Purpose) -> Option<Verification> {
        let presented = leaf.chain();
        let facts = leaf.facts.first()?;
        let anchors: Vec<Vec<u8>> = anchors.iter().flat_map(|one| one.chain()).collect();
        let now = self.options.look.at;
        let dead = now < facts.begins || now > facts.ends;
        // What is wrong with its dates is said elsewhere.
        let at = if dead { facts.begins + (facts.ends - facts.begins) / 2 } else { now };
        Some(verify(&ChainUnderTest {
            presented: &presented,
            anchors: &anchors,
            candidates: &[],
            names: &[],
            purpose,
            at,
        }))
    }

    /// Whether a certificate is of a CA of one's own: it signed itself, a CA among the files signed it, or no
    /// public CA may issue for its names.
    pub(super) fn is_private(&self, leaf: &Pem) -> bool {
        let Some(facts) = leaf.facts.first() else { return false };
        let inside = |name: &str| {
            let name = name.trim_start_matches("*.");
            !name.contains('.')
                || [".local", ".internal", ".svc", ".test", ".lan", ".localdomain", ".home", ".corp"]
                    .iter()
                    .any(|end| name.ends_with(end))
        };
        if facts.self_issued
            || facts.sans.iter().any(|name| name.parse::<std::net::IpAddr>().is_err() && inside(name))
        {
            return true;
        }
        let cas = self.wiring.files.iter().filter(|one| one.role == FileRole::Ca);
        cas.filter_map(|one| self.pem(one.workload, one.container, &one.file))
            .any(|ca| self.chains(leaf, &[ca], Purpose::Any).is_some_and(|one| one.accepted))
    }

    /// Whether two workloads are there at the same time.
    fn together(&self, one: usize, other: usize) -> bool {
        self.description.together(self.workload(one), self.workload(other))
    }

    /// Whether the brokers and services that run beside a workload speak TLS among themselves.
    pub(super) fn speaks_tls(&self, beside: usize) -> bool {
        self.wiring.listeners.iter().any(|one| {
            let program = self.program(one.workload, one.container);
            one.tls_mode == TlsMode::Tls
                && self.together(beside, one.workload)
                && (matches!(program, Program::Nats | Program::Redis) || program.is_cordum())
        })
    }

    /// A change of a setting.
    pub(super) fn change(
        &self,
        workload: usize,
        kind: SettingKind,
        name: &str,
        from: Option<&str>,
        to: Option<&str>,
        place: &Place,
    ) -> Change {
        let kind = match kind {
            SettingKind::Environment => ChangeKind::Environment,
            SettingKind::Argument => ChangeKind::Argument,
            SettingKind::Config | SettingKind::BuiltIn => ChangeKind::Config,
        };
        let mut change = Change::new(self.called(workload), kind, name);
        change.from = from.map(str::to_owned);
        change.to = to.map(str::to_owned);
        change.defined_at = Some(place.clone());
        change
    }

    /// A cure of one change.
    pub(super) fn cure(&self, text: impl Into<String>, changes: Vec<Change>) -> Fix {
        Fix { text: text.into(), command: None, changes }
    }

    /// The table of connections.
    pub(super) fn links(&self) -> Vec<ConfiguredLink> {
        let mut links: Vec<ConfiguredLink> = Vec::new();
        for (end, dial) in self.connections() {
            if dial.dialler == Dialler::Probe {
                continue;
            }
            let listener = end.listener.map(|at| &self.wiring.listeners[at]);
            let to = match end.target {
                DialTarget::Workload(at) => self.called(at),
                DialTarget::Outside => dial.host.clone().unwrap_or_default(),
                DialTarget::Unknown => match dial.port {
                    Some(port) => dial.shown.trim_end_matches(&format!(":{port}")).to_owned(),
                    None => dial.shown.clone(),
                },
            };
            let link = ConfiguredLink {
                from: self.dialler(dial),
                to,
                port: end.port,
                client: dial.tls_mode,
                server: listener.map_or(TlsMode::Unknown, |one| one.tls_mode),
                mutual: listener
                    .is_some_and(|one| one.tls_mode == TlsMode::Tls && one.clients == ClientAuth::Demanded),
                name: dial
                    .name
                    .as_ref()
                    .filter(|_| dial.tls_mode == TlsMode::Tls)
                    .map(|(name, ..)| name.clone()),
            };
            if !links.contains(&link) {
                links.push(link);
            }
        }
        links
    }

    /// A leaf with its names, for a sentence.
    pub(super) fn names(facts: &CertificateSummary) -> String {
        if facts.sans.is_empty() { "no name at all".to_owned() } else { facts.sans.join(", ") }
    }
}
