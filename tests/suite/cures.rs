//! The cure that is chosen, on a stack in memory: one setting, file or mount is wrong, and the cure names it, what
//! it is, and what it has to be. A healthy stack has nothing to be cured.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use time::OffsetDateTime;
use tls_verify_checks::cause::{CauseKind, Variant};
use tls_verify_core::link::Link;
use tls_verify_core::remedy::choose::{self, Defect, Facts, Held, Owner, Shelf};
use tls_verify_core::remedy::{ChangeKind, Compose, Fix};
use tls_verify_core::report::RootCause;
use tls_verify_core::workload::{
    Argument, Container, Mount, MountSource, Setting, Value, Workload, WorkloadKind,
};
use tls_verify_fixtures::pki::{Authority, Leaf, Validity};

/// Files of the host.
#[derive(Clone, Debug, Default)]
struct Host {
    files: BTreeMap<String, (Vec<u8>, u32)>,
}

impl Host {
    fn put(&mut self, path: &str, content: &str) {
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

    fn owners(&self, container: &Container, path: &str) -> Vec<Owner> {
        let Some(path) = Self::path(container, path) else { return Vec::new() };
        self.files
            .get(&path)
            .map(|(_, bits)| Owner { path, uid: 0, gid: 0, bits: *bits, folder: false })
            .into_iter()
            .collect()
    }
}

const TLS: &str = "/etc/cordum/tls";

fn workload(name: &str, settings: &[(&str, &str)], words: &[&str], mounts: &[(&str, &str)]) -> Workload {
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
struct Stack {
    ca: Authority,
    host: Host,
    workloads: Vec<Workload>,
    served: BTreeMap<Link, Vec<Vec<u8>>>,
}

const CONF: &str = "http_port: 8222\ntls {\n  cert_file: \"/etc/cordum/tls/server/tls.crt\"\n  key_file: \
                    \"/etc/cordum/tls/server/tls.key\"\n  ca_file: \"/etc/cordum/tls/ca/ca.crt\"\n  verify: true\n}\n";

impl Stack {
    fn healthy() -> Self {
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

    fn read(&self, path: &str) -> Vec<Vec<u8>> {
        let found = tls_verify_core::certificates::read_bytes(path, &self.host.files[path].0, None);
        found[0].certificates().map(<[u8]>::to_vec).collect()
    }

    fn container(&mut self, service: &str) -> &mut Container {
        let workload = self.workloads.iter_mut().find(|one| one.name == service).unwrap();
        &mut workload.containers[0]
    }

    fn set(&mut self, service: &str, name: &str, value: &str) {
        let setting = Setting { name: name.to_owned(), value: Value::Known(value.to_owned()), place: None };
        let container = self.container(service);
        container.environment.retain(|one| one.name != name);
        container.environment.push(setting);
    }

    fn mount(&mut self, service: &str, source: &str) {
        let mount = self.container(service).mounts.iter_mut().find(|one| one.target == TLS).unwrap();
        mount.source = MountSource::Host(source.to_owned());
    }

    fn words(&mut self, service: &str, words: &[&str]) {
        self.container(service).arguments = words
            .iter()
            .map(|word| Argument { value: Value::Known((*word).to_owned()), place: None })
            .collect();
    }

    fn found(&self) -> Vec<(Defect, Fix)> {
        self.with_facts(|facts| {
            let all = choose::defects(facts);
            all.into_iter().map(|defect| (defect.clone(), defect.fix(facts))).collect()
        })
    }

    fn with_facts<T>(&self, then: impl FnOnce(&Facts<'_>) -> T) -> T {
        let anchors = self.read("/srv/certs/ca/ca.crt");
        let wording = Compose::new(["docker", "compose", "-p", "cordum"]);
        let facts = Facts {
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

/// A change in short: `WORKLOAD KIND NAME: FROM -> TO`.
fn short(fix: &Fix) -> Vec<String> {
    fix.changes
        .iter()
        .map(|change| {
            let kind = format!("{:?}", change.kind).to_lowercase();
            let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
            let to = if change.remove { "(removed)".to_owned() } else { value(&change.to) };
            format!("{} {kind} {}: {} -> {to}", change.workload, change.name, value(&change.from))
        })
        .collect()
}

#[test]
fn a_healthy_stack_has_nothing_to_be_cured() {
    let stack = Stack::healthy();
    let found: Vec<String> = stack.found().iter().map(|(_, fix)| fix.text.clone()).collect();
    assert!(found.is_empty(), "{found:#?}");
}

/// One fault: its name, how it is made, the changes that cure it, and what the command has to say.
type Row = (&'static str, fn(&mut Stack), &'static [&'static str], &'static str);

const ROWS: &[Row] = &[
    (
        "the gateway names a certificate that has ended",
        |stack| {
            let expired = stack.ca.issue(&Leaf::server().valid(Validity::Expired)).unwrap();
            stack.host.put("/srv/certs/old/tls.crt", &expired.chain_pem());
            stack.host.put("/srv/certs/old/tls.key", &expired.key_pem());
            stack.set("api-gateway", "GATEWAY_HTTP_TLS_CERT", "/etc/cordum/tls/old/tls.crt");
            stack.set("api-gateway", "GATEWAY_HTTP_TLS_KEY", "/etc/cordum/tls/old/tls.key");
        },
        &[
            "api-gateway environment GATEWAY_HTTP_TLS_CERT: /etc/cordum/tls/old/tls.crt -> /etc/cordum/tls/server/tls.crt",
            "api-gateway environment GATEWAY_HTTP_TLS_KEY: /etc/cordum/tls/old/tls.key -> /etc/cordum/tls/server/tls.key",
        ],
        "up -d --no-deps api-gateway",
    ),
    (
        "a core service with nats://",
        |stack| stack.set("scheduler", "NATS_URL", "nats://nats:4222"),
        &["scheduler environment NATS_URL: nats://nats:4222 -> tls://nats:4222"],
        "up -d --no-deps scheduler",
    ),
    (
        "four services with nats://: one cure for all of them",
        |stack| {
            for service in ["safety-kernel", "scheduler", "api-gateway", "workflow-engine"] {
                stack.set(service, "NATS_URL", "nats://nats:4222");
            }
        },
        &[
            "safety-kernel environment NATS_URL: nats://nats:4222 -> tls://nats:4222",
            "scheduler environment NATS_URL: nats://nats:4222 -> tls://nats:4222",
            "api-gateway environment NATS_URL: nats://nats:4222 -> tls://nats:4222",
            "workflow-engine environment NATS_URL: nats://nats:4222 -> tls://nats:4222",
        ],
        "up -d --no-deps safety-kernel scheduler api-gateway workflow-engine",
    ),
    (
        "everybody with nats://, where NATS could not be dialled: its configuration says that it speaks TLS",
        |stack| {
            stack.served.remove(&Link::Nats);
            for service in
                ["safety-kernel", "scheduler", "api-gateway", "workflow-engine", "mock-bank-worker"]
            {
                stack.set(service, "NATS_URL", "nats://nats:4222");
            }
        },
        &[
            "safety-kernel environment NATS_URL: nats://nats:4222 -> tls://nats:4222",
            "scheduler environment NATS_URL: nats://nats:4222 -> tls://nats:4222",
            "api-gateway environment NATS_URL: nats://nats:4222 -> tls://nats:4222",
            "workflow-engine environment NATS_URL: nats://nats:4222 -> tls://nats:4222",
        ],
        "up -d --no-deps safety-kernel scheduler api-gateway workflow-engine",
    ),
    (
        "a core service with redis://, its password in it",
        |stack| stack.set("context-engine", "REDIS_URL", "redis://:s3cret@redis:6379"),
        &["context-engine environment REDIS_URL: redis://***@redis:6379 -> rediss://***@redis:6379"],
        "up -d --no-deps context-engine",
    ),
    (
        "a client certificate of another CA",
        |stack| {
            let other =
                Authority::named("Another CA", Validity::Now).unwrap().issue(&Leaf::client()).unwrap();
            stack.host.put("/srv/certs/x/tls.crt", &other.chain_pem());
            stack.host.put("/srv/certs/x/tls.key", &other.key_pem());
            stack.set("api-gateway", "NATS_TLS_CERT", "/etc/cordum/tls/x/tls.crt");
            stack.set("api-gateway", "NATS_TLS_KEY", "/etc/cordum/tls/x/tls.key");
        },
        &[
            "api-gateway environment NATS_TLS_CERT: /etc/cordum/tls/x/tls.crt -> /etc/cordum/tls/client/tls.crt",
            "api-gateway environment NATS_TLS_KEY: /etc/cordum/tls/x/tls.key -> /etc/cordum/tls/client/tls.key",
        ],
        "up -d --no-deps api-gateway",
    ),
    (
        "a worker with an empty certificate",
        |stack| {
            stack.set("mock-bank-worker", "NATS_TLS_CERT", "");
            stack.set("mock-bank-worker", "NATS_TLS_KEY", "");
        },
        &[
            "mock-bank-worker environment NATS_TLS_CERT:  -> /etc/cordum/tls/client/tls.crt",
            "mock-bank-worker environment NATS_TLS_KEY:  -> /etc/cordum/tls/client/tls.key",
        ],
        "up -d --no-deps mock-bank-worker",
    ),
    (
        "half a pair",
        |stack| stack.set("workflow-engine", "REDIS_TLS_KEY", ""),
        &["workflow-engine environment REDIS_TLS_KEY:  -> /etc/cordum/tls/client/tls.key"],
        "up -d --no-deps workflow-engine",
    ),
    (
        "the gateway's CA for the safety kernel",
        |stack| stack.set("api-gateway", "SAFETY_KERNEL_TLS_CA", "/etc/cordum/tls/other/ca.crt"),
        &[
            "api-gateway environment SAFETY_KERNEL_TLS_CA: /etc/cordum/tls/other/ca.crt -> /etc/cordum/tls/ca/ca.crt",
        ],
        "up -d --no-deps api-gateway",
    ),
    (
        "a CA file that is not there",
        |stack| stack.set("safety-kernel", "NATS_TLS_CA", "/etc/cordum/tls/ca/gone.crt"),
        &["safety-kernel environment NATS_TLS_CA: /etc/cordum/tls/ca/gone.crt -> /etc/cordum/tls/ca/ca.crt"],
        "up -d --no-deps safety-kernel",
    ),
    (
        "NATS mounts another folder",
        |stack| {
            stack.mount("nats", "/srv/other");
            let other = stack.read("/srv/other/server/tls.crt");
            stack.served.insert(Link::Nats, other);
        },
        &["nats mount /etc/cordum/tls: ./other -> ./certs"],
        "up -d --no-deps nats && docker compose -p cordum restart",
    ),
    (
        "Redis mounts another folder",
        |stack| {
            stack.mount("redis", "/srv/other");
            let other = stack.read("/srv/other/server/tls.crt");
            stack.served.insert(Link::Redis, other);
        },
        &["redis mount /etc/cordum/tls: ./other -> ./certs"],
        "up -d --no-deps redis && docker compose -p cordum restart",
    ),
    (
        "one service mounts another folder",
        |stack| stack.mount("scheduler", "/srv/other"),
        &["scheduler mount /etc/cordum/tls: ./other -> ./certs"],
        "up -d --no-deps scheduler",
    ),
    (
        "the dashboard mounts another folder",
        |stack| stack.mount("dashboard", "/srv/other"),
        &["dashboard mount /etc/cordum/tls: ./other -> ./certs"],
        "up -d --no-deps dashboard",
    ),
    (
        "the dashboard speaks http",
        |stack| stack.set("dashboard", "CORDUM_API_UPSTREAM_SCHEME", "http"),
        &["dashboard environment CORDUM_API_UPSTREAM_SCHEME: http -> https"],
        "up -d --no-deps dashboard",
    ),
    (
        "NATS without TLS",
        |stack| {
            stack.host.put("/srv/nats.conf", "http_port: 8222\n");
            stack.served.remove(&Link::Nats);
        },
        &[
            "nats config tls.cert_file: - -> /etc/cordum/tls/server/tls.crt",
            "nats config tls.key_file: - -> /etc/cordum/tls/server/tls.key",
            "nats config tls.ca_file: - -> /etc/cordum/tls/ca/ca.crt",
            "nats config tls.verify: - -> true",
        ],
        "restart nats ",
    ),
    (
        "NATS without verify",
        |stack| stack.host.put("/srv/nats.conf", &CONF.replace("verify: true", "verify: false")),
        &["nats config tls.verify: false -> true"],
        "restart nats",
    ),
    (
        "Redis without TLS",
        |stack| {
            stack.words("redis", &["redis-server", "--requirepass", "s3cret"]);
            stack.served.remove(&Link::Redis);
        },
        &[
            "redis argument --port: - -> 0",
            "redis argument --tls-port: - -> 6379",
            "redis argument --tls-cert-file: - -> /etc/cordum/tls/server/tls.crt",
            "redis argument --tls-key-file: - -> /etc/cordum/tls/server/tls.key",
            "redis argument --tls-ca-cert-file: - -> /etc/cordum/tls/ca/ca.crt",
            "redis argument --tls-auth-clients: - -> no",
        ],
        "up -d --no-deps redis",
    ),
    (
        "a gateway in clear",
        |stack| {
            stack.set("api-gateway", "GATEWAY_HTTP_TLS_CERT", "");
            stack.set("api-gateway", "GATEWAY_HTTP_TLS_KEY", "");
            stack.served.remove(&Link::Gateway);
        },
        &[
            "api-gateway environment GATEWAY_HTTP_TLS_CERT:  -> /etc/cordum/tls/server/tls.crt",
            "api-gateway environment GATEWAY_HTTP_TLS_KEY:  -> /etc/cordum/tls/server/tls.key",
        ],
        "up -d --no-deps api-gateway",
    ),
    (
        "another key",
        |stack| {
            let other = stack.ca.issue(&Leaf::server()).unwrap();
            stack.host.put("/srv/certs/server/other.key", &other.key_pem());
            stack.set("safety-kernel", "SAFETY_KERNEL_TLS_KEY", "/etc/cordum/tls/server/other.key");
        },
        &[
            "safety-kernel environment SAFETY_KERNEL_TLS_KEY: /etc/cordum/tls/server/other.key -> /etc/cordum/tls/server/tls.key",
        ],
        "up -d --no-deps safety-kernel",
    ),
    (
        "verification switched off",
        |stack| stack.set("workflow-engine", "NATS_TLS_INSECURE", "true"),
        &["workflow-engine environment NATS_TLS_INSECURE: true -> (removed)"],
        "up -d --no-deps workflow-engine",
    ),
    (
        "a server name that the certificate lacks",
        |stack| stack.set("scheduler", "REDIS_TLS_SERVER_NAME", "cache.internal"),
        &["scheduler environment REDIS_TLS_SERVER_NAME: cache.internal -> (removed)"],
        "up -d --no-deps scheduler",
    ),
    (
        "a host that nobody else dials",
        |stack| stack.set("scheduler", "NATS_URL", "tls://queue:4222"),
        &["scheduler environment NATS_URL: tls://queue:4222 -> tls://nats:4222"],
        "up -d --no-deps scheduler",
    ),
];

#[test]
fn each_fault_has_its_one_cure() {
    let mut wrong = Vec::new();
    for (name, make, changes, command) in ROWS {
        let mut stack = Stack::healthy();
        make(&mut stack);
        let found = stack.found();
        let said: Vec<Vec<String>> = found.iter().map(|(_, fix)| short(fix)).collect();
        if said != [changes.to_vec()] {
            wrong.push(format!("{name}: {said:#?}"));
            continue;
        }
        let (defect, fix) = &found[0];
        let typed = fix.command.clone().unwrap_or_default();
        if !typed.contains(command) {
            wrong.push(format!("{name}: {typed}"));
        }
        if fix.text.contains("s3cret") || defect.because.iter().any(|fact| fact.contains("s3cret")) {
            wrong.push(format!("{name}: a secret: {}", fix.text));
        }
        if fix.text.contains("generate-certs") || typed.contains("generate-certs") {
            wrong.push(format!("{name}: new certificates where a setting is at fault"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_may_not_be_read_is_opened_first_and_the_cas_key_stays_closed() {
    let mut stack = Stack::healthy();
    stack.host.put("/srv/certs/ca/ca.key", "secret");
    for (_, bits) in stack.host.files.values_mut() {
        *bits = 0o600;
    }
    let found = stack.found();
    let (defect, fix) = &found[0];
    assert!(defect.shows_as.contains(&CauseKind::BadKeyFile));
    let command = fix.command.clone().unwrap();
    assert!(command.starts_with("chmod a+rX /srv/certs/"), "{command}");
    assert!(!command.contains("ca.key") && !command.contains("-R"), "{command}");
    assert!(fix.changes.iter().all(|change| change.kind == ChangeKind::File), "{fix:?}");
    for service in ["api-gateway", "scheduler"] {
        assert!(command.contains(service), "{command}");
    }
    // In production a key is opened to the services' group alone.
    stack.set("api-gateway", "CORDUM_ENV", "production");
    let command = stack.found()[0].1.command.clone().unwrap();
    assert!(command.contains("chgrp 65532 ") && command.contains("chmod g+r "), "{command}");
    let opened = command.split(" && ").find(|part| part.starts_with("chmod a+rX")).unwrap().to_owned();
    assert!(!opened.contains(".key"), "{command}");
}

#[test]
fn a_file_that_is_renewed_already_is_only_read_again() {
    let mut stack = Stack::healthy();
    let old = stack.ca.issue(&Leaf::server().valid(Validity::Expired)).unwrap();
    stack.served.insert(Link::Redis, vec![old.chain[0].to_vec()]);
    let found = stack.found();
    assert_eq!(found.len(), 1, "{:#?}", found.iter().map(|(_, fix)| &fix.text).collect::<Vec<_>>());
    let (_, fix) = &found[0];
    assert!(fix.changes.is_empty() && fix.text.contains("renewed already"), "{fix:?}");
    assert!(fix.command.as_deref().unwrap().contains("restart redis"), "{fix:?}");
}

#[test]
fn a_redis_without_tls_asks_for_client_certificates_in_production() {
    for (environment, asks) in [("production", "yes"), ("development", "no")] {
        let mut stack = Stack::healthy();
        stack.words("redis", &["redis-server", "--requirepass", "s3cret"]);
        stack.set("api-gateway", "CORDUM_ENV", environment);
        let found = stack.found();
        let changes: Vec<String> = found.iter().flat_map(|(_, fix)| short(fix)).collect();
        let wanted = format!("redis argument --tls-auth-clients: - -> {asks}");
        assert!(changes.contains(&wanted), "{environment}: {changes:#?}");
    }
}

/// What a report says of a service before its log has been read to the reason.
fn down(place: &str, variant: Variant) -> RootCause {
    RootCause {
        nameless: false,
        cause: CauseKind::ConnectionRefused,
        variant: Some(variant),
        place: place.to_owned(),
        checks: vec!["gateway-https".to_owned()],
        summary: String::new(),
        because: Vec::new(),
        fix: vec![Fix::new("read what api-gateway said last", None)],
    }
}

#[test]
fn a_service_that_does_not_come_up_is_cured_by_what_it_is_set_up_wrongly_for() {
    let mut stack = Stack::healthy();
    stack.set("api-gateway", "REDIS_URL", "redis://:s3cret@redis:6379");
    let of = |place: &str, variant| {
        let mut roots = vec![down(place, variant)];
        stack.with_facts(|facts| choose::apply(facts, &mut [], &mut roots));
        roots.remove(0).fix.remove(0)
    };
    for variant in [Variant::ContainerRestarting, Variant::NothingListens] {
        let fix = of("api-gateway", variant);
        assert_eq!(fix.changes.len(), 1, "{fix:?}");
    }
    // Who was stopped is started, and a setting of another service is no reason.
    assert!(of("api-gateway", Variant::ContainerStopped).changes.is_empty());
    assert!(of("context-engine", Variant::ContainerRestarting).changes.is_empty());
}
