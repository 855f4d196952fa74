//! A stack as it is deployed, which a row breaks in one place.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use time::OffsetDateTime;
use tls_verify_core::link::Link;
use tls_verify_core::remedy::choose::{self, CureContext, Defect, Held, Owner, Shelf};
use tls_verify_core::remedy::{Compose, Fix};
use tls_verify_core::workload::{
    Argument, Container, Mount, MountSource, Setting, Value, Workload, WorkloadKind,
};
use tls_verify_fixtures::pki::{Authority, Leaf, Validity};

/// Files of the host.
#[derive(Clone, Debug, Default)]
pub(super) struct Host {
    pub(super) files: BTreeMap<String, (Vec<u8>, u32)>,
    /// Symbolic links out of what is mounted, and where they lead.
    pub(super) links: BTreeMap<String, String>,
}

impl Host {
    pub(super) fn put(&mut self, path: &str, content: &str) {
        self.files.insert(path.to_owned(), (content.as_bytes().to_vec(), 0o644));
    }

    fn layout(&mut self, folder: &str, ca: &Authority, server: &Leaf, client: &Leaf) {
        let (server, client) = (ca.issue(server).unwrap(), ca.issue(client).unwrap());
        self.put(&format!("{folder}/ca/ca.crt"), &ca.pem());
        self.put(&format!("{folder}/server/tls.crt"), &server.chain_pem());
        self.put(&format!("{folder}/server/tls.key"), &server.key_pem());
        self.put(&format!("{folder}/client/tls.crt"), &client.chain_pem());
        self.put(&format!("{folder}/client/tls.key"), &client.key_pem());
    }

    fn path(container: &Container, path: &str) -> Option<String> {
        let mount = container.mount_of(path)?;
        let MountSource::Host(source) = &mount.source else { return None };
        Some(format!("{source}{}", path.strip_prefix(mount.target.as_str())?))
    }
}

impl Shelf for Host {
    fn read(&self, container: &Container, path: &str) -> Held {
        match Self::path(container, path).map(|path| self.files.get(&path)) {
            Some(Some((bytes, _))) => Held::Bytes(Arc::from(bytes.as_slice())),
            Some(None) => Held::Missing,
            None => Held::Unknown,
        }
    }

    fn list(&self, container: &Container, folder: &str) -> Vec<String> {
        let Some(host) = Self::path(container, folder) else { return Vec::new() };
        self.files.keys().filter_map(|path| Some(format!("{folder}{}", path.strip_prefix(&host)?))).collect()
    }

    fn leads_out(&self, container: &Container, path: &str) -> Option<String> {
        self.links.get(&Self::path(container, path)?).cloned()
    }

    fn owners(&self, container: &Container, path: &str) -> Vec<Owner> {
        let Some(path) = Self::path(container, path) else { return Vec::new() };
        self.files
            .get(&path)
            .map(|(_, bits)| Owner { path, uid: 0, gid: 0, bits: *bits, folder: false })
            .into_iter()
            .collect()
    }
}

pub(super) const TLS: &str = "/etc/cordum/tls";

pub(super) fn workload(
    name: &str,
    settings: &[(&str, &str)],
    words: &[&str],
    mounts: &[(&str, &str)],
) -> Workload {
    let known = |text: &str| Value::Known(text.to_owned());
    let mut container = Container { name: name.to_owned(), ..Container::default() };
    container.environment = settings
        .iter()
        .map(|(name, value)| Setting { name: (*name).to_owned(), value: known(value), place: None })
        .collect();
    container.arguments = words.iter().map(|word| Argument { value: known(word), place: None }).collect();
    container.mounts = mounts
        .iter()
        .map(|(source, target)| Mount {
            target: (*target).to_owned(),
            source: MountSource::Host((*source).to_owned()),
            sub_path: None,
            read_only: true,
            mode: None,
            place: None,
        })
        .collect();
    let mut workload = Workload::named(WorkloadKind::Service, name);
    workload.aliases.push(name.to_owned());
    workload.containers.push(container);
    workload
}

/// The stack as it should be, and what a row changes in it.
pub(super) struct Stack {
    pub(super) ca: Authority,
    pub(super) host: Host,
    workloads: Vec<Workload>,
    pub(super) served: BTreeMap<Link, Vec<Vec<u8>>>,
}

impl Stack {
    pub(super) fn healthy() -> Self {
        let ca = Authority::generate().unwrap();
        let mut host = Host::default();
        host.layout("/srv/certs", &ca, &Leaf::server(), &Leaf::client());
        let stranger = Authority::named("Another CA", Validity::Now).unwrap();
        host.layout("/srv/other", &stranger, &Leaf::server(), &Leaf::client());
        host.put("/srv/certs/other/ca.crt", &stranger.pem());
        host.put("/srv/nats.conf", CONF);
        let nats = [
            ("NATS_URL", "tls://nats:4222"),
            ("NATS_TLS_CA", "/etc/cordum/tls/ca/ca.crt"),
            ("NATS_TLS_CERT", "/etc/cordum/tls/client/tls.crt"),
            ("NATS_TLS_KEY", "/etc/cordum/tls/client/tls.key"),
        ];
        let redis = [
            ("REDIS_URL", "rediss://:s3cret@redis:6379"),
            ("REDIS_TLS_CA", "/etc/cordum/tls/ca/ca.crt"),
            ("REDIS_TLS_CERT", "/etc/cordum/tls/client/tls.crt"),
            ("REDIS_TLS_KEY", "/etc/cordum/tls/client/tls.key"),
        ];
        let server = |cert: &'static str, key: &'static str| {
            [(cert, "/etc/cordum/tls/server/tls.crt"), (key, "/etc/cordum/tls/server/tls.key")]
        };
        let kernel = [("SAFETY_KERNEL_TLS_CA", "/etc/cordum/tls/ca/ca.crt")];
        let mount = [("/srv/certs", TLS)];
        let http = server("GATEWAY_HTTP_TLS_CERT", "GATEWAY_HTTP_TLS_KEY");
        let grpc = server("GRPC_TLS_CERT", "GRPC_TLS_KEY");
        let of_kernel = server("SAFETY_KERNEL_TLS_CERT", "SAFETY_KERNEL_TLS_KEY");
        let of_context = server("CONTEXT_ENGINE_TLS_CERT", "CONTEXT_ENGINE_TLS_KEY");
        let workloads = vec![
            workload(
                "nats",
                &[],
                &["-c", "/etc/nats/nats.conf"],
                &[("/srv/certs", TLS), ("/srv/nats.conf", "/etc/nats/nats.conf")],
            ),
            workload(
                "redis",
                &[],
                &[
                    "redis-server",
                    "--port",
                    "0",
                    "--tls-port",
                    "6379",
                    "--tls-cert-file",
                    "/etc/cordum/tls/server/tls.crt",
                    "--tls-key-file",
                    "/etc/cordum/tls/server/tls.key",
                    "--tls-ca-cert-file",
                    "/etc/cordum/tls/ca/ca.crt",
                    "--tls-auth-clients",
                    "yes",
                    "--requirepass",
                    "s3cret",
                ],
                &mount,
            ),
            workload("context-engine", &[&redis[..], &of_context].concat(), &[], &mount),
            workload("safety-kernel", &[&nats[..], &redis, &of_kernel].concat(), &[], &mount),
            workload("scheduler", &[&nats[..], &redis, &kernel].concat(), &[], &mount),
            workload("api-gateway", &[&nats[..], &redis, &kernel, &http, &grpc].concat(), &[], &mount),
            workload("workflow-engine", &[&nats[..], &redis].concat(), &[], &mount),
            workload("mock-bank-worker", &[&nats[..], &redis].concat(), &[], &mount),
            workload("dashboard", &[("CORDUM_API_UPSTREAM_SCHEME", "https")], &[], &mount),
        ];
        let mut stack = Self { ca, host, workloads, served: BTreeMap::new() };
        stack.serve();
        stack
    }

    /// What the mounted files say is what is served.
    fn serve(&mut self) {
        let chain = self.read("/srv/certs/server/tls.crt");
        for link in Link::ALL.iter().filter(|link| **link != Link::Dashboard) {
            self.served.insert(*link, chain.clone());
        }
    }

    pub(super) fn read(&self, path: &str) -> Vec<Vec<u8>> {
        let found = tls_verify_core::certificates::read_bytes(path, &self.host.files[path].0, None);
        found[0].certificates().map(<[u8]>::to_vec).collect()
    }

    pub(super) fn text(&self, path: &str) -> String {
        String::from_utf8(self.host.files[path].0.clone()).unwrap()
    }

    fn container(&mut self, service: &str) -> &mut Container {
        let workload = self.workloads.iter_mut().find(|one| one.name == service).unwrap();
        &mut workload.containers[0]
    }

    pub(super) fn set(&mut self, service: &str, name: &str, value: &str) {
        let setting = Setting { name: name.to_owned(), value: Value::Known(value.to_owned()), place: None };
        let container = self.container(service);
        container.environment.retain(|one| one.name != name);
        container.environment.push(setting);
    }

    pub(super) fn mount(&mut self, service: &str, source: &str) {
        let mount = self.container(service).mounts.iter_mut().find(|one| one.target == TLS).unwrap();
        mount.source = MountSource::Host(source.to_owned());
    }

    /// Nothing at that path.
    pub(super) fn unmount(&mut self, service: &str) {
        self.container(service).mounts.retain(|one| one.target != TLS);
    }

    /// One file more.
    pub(super) fn mount_at(&mut self, service: &str, source: &str, target: &str) {
        let mut mount = self.container(service).mounts[0].clone();
        mount.source = MountSource::Host(source.to_owned());
        mount.target = target.to_owned();
        self.container(service).mounts.push(mount);
    }

    pub(super) fn words(&mut self, service: &str, words: &[&str]) {
        self.container(service).arguments = words
            .iter()
            .map(|word| Argument { value: Value::Known((*word).to_owned()), place: None })
            .collect();
    }

    pub(super) fn found(&self) -> Vec<(Defect, Fix)> {
        self.with_facts(|facts| {
            let all = choose::defects(facts);
            all.into_iter().map(|defect| (defect.clone(), defect.fix(facts))).collect()
        })
    }

    pub(super) fn with_facts<T>(&self, then: impl FnOnce(&CureContext<'_>) -> T) -> T {
        let anchors = self.read("/srv/certs/ca/ca.crt");
        let wording = Compose::new(["docker", "compose", "-p", "cordum"]);
        let facts = CureContext {
            now: OffsetDateTime::now_utc(),
            workloads: &self.workloads,
            described: None,
            project: None,
            folder: Some("/srv"),
            here: None,
            shelf: &self.host,
            served: &self.served,
            anchors: &anchors,
            anchors_file: "/srv/certs/ca/ca.crt",
            wording: &wording,
            stack: &OnceCell::new(),
        };
        then(&facts)
    }
}

pub(super) const CONF: &str = "http_port: 8222\ntls {\n  cert_file: \"/etc/cordum/tls/server/tls.crt\"\n  key_file: \
                    \"/etc/cordum/tls/server/tls.key\"\n  ca_file: \"/etc/cordum/tls/ca/ca.crt\"\n  verify: true\n}\n";
