//! One rule, one place: a mistake in a deployment's settings is a finding of the same rule in its Compose file, in its
//! manifests, in the objects of a running namespace, in what `run` tells of that namespace, and in a container that an
//! engine runs.

use std::collections::BTreeSet;
use std::time::SystemTime;

use serde_json::{Value, json};
use tls_verify_core::cluster::{ContainerLogs, Kubectl, SETTING_RULES, Story};
use tls_verify_core::manifest::{Description, MemoryFiles, compose, discover};
use tls_verify_core::rules::running::{self, setting};
use tls_verify_core::rules::{self, AuditOptions, Finding};
use tls_verify_core::workload::kubernetes::{Cluster, Kind, Objects};

/// A stack of Cordum's services, NATS and Redis, as one of them may be described.
#[derive(Clone, Debug)]
struct Stack {
    scheduler: Vec<(&'static str, &'static str)>,
    gateway: Vec<(&'static str, &'static str)>,
    dashboard: Vec<(&'static str, &'static str)>,
    nats: String,
    redis: String,
}

const PAIR: &str = "cert_file: /tls/tls.crt, key_file: /tls/tls.key, ca_file: /tls/ca.crt";

/// It is as it has to be.
fn right() -> Stack {
    Stack {
        scheduler: vec![
            ("NATS_URL", "tls://nats:4222"),
            ("NATS_TLS_CA", "/tls/ca.crt"),
            ("NATS_TLS_CERT", "/tls/tls.crt"),
            ("NATS_TLS_KEY", "/tls/tls.key"),
            ("REDIS_URL", "rediss://redis:6379"),
            ("REDIS_TLS_CA", "/tls/ca.crt"),
            ("SAFETY_KERNEL_ADDR", "safety-kernel:50051"),
            ("SAFETY_KERNEL_TLS_CA", "/tls/ca.crt"),
        ],
        gateway: vec![
            ("GATEWAY_HTTP_TLS_CERT", "/tls/tls.crt"),
            ("GATEWAY_HTTP_TLS_KEY", "/tls/tls.key"),
            ("GRPC_TLS_CERT", "/tls/tls.crt"),
            ("GRPC_TLS_KEY", "/tls/tls.key"),
        ],
        dashboard: vec![
            ("CORDUM_API_UPSTREAM_SCHEME", "https"),
            ("CORDUM_API_UPSTREAM_HOST", "api-gateway"),
        ],
        nats: format!(
            "port: 4222\ntls {{ {PAIR}, verify: true }}\ncluster {{\n  port: 6222\n  routes: [nats://nats-0.nats:6222, nats://nats-1.nats:6222]\n  tls {{ {PAIR}, verify: true }}\n}}\n"
        ),
        redis: "port 0\ntls-port 6379\ntls-cert-file /tls/tls.crt\ntls-key-file /tls/tls.key\ntls-ca-cert-file /tls/ca.crt\ntls-auth-clients no\n".to_owned(),
    }
}

impl Stack {
    fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.scheduler.retain(|(known, _)| *known != name);
        self.scheduler.push((name, value));
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.scheduler.retain(|(known, _)| *known != name);
        self
    }

    /// Name, image, variables, and the words that it is started with.
    fn services(
        &self,
    ) -> Vec<(&'static str, &'static str, Vec<(&'static str, &'static str)>, Vec<&'static str>)> {
        let kernel =
            vec![("SAFETY_KERNEL_TLS_CERT", "/tls/tls.crt"), ("SAFETY_KERNEL_TLS_KEY", "/tls/tls.key")];
        vec![
            ("nats", "nats:2", vec![], vec!["nats-server", "-c", "/conf/nats.conf"]),
            ("redis", "redis:7", vec![], vec!["redis-server", "/conf/redis.conf"]),
            ("api-gateway", "ghcr.io/cordum-io/cordum/api-gateway:1", self.gateway.clone(), vec![]),
            ("scheduler", "ghcr.io/cordum-io/cordum/scheduler:1", self.scheduler.clone(), vec![]),
            ("safety-kernel", "ghcr.io/cordum-io/cordum/safety-kernel:1", kernel, vec![]),
            ("dashboard", "ghcr.io/cordum-io/cordum/dashboard:1", self.dashboard.clone(), vec![]),
        ]
    }

    /// The Compose file with what it mounts.
    fn compose(&self) -> Description {
        let mut text = String::from("services:\n");
        for (name, image, variables, words) in self.services() {
            text.push_str(&format!("  {name}:\n    image: {image}\n"));
            text.push_str("    volumes: [\"./tls:/tls:ro\", \"./tls/ca.crt:/etc/cordum/tls/ca/ca.crt:ro\", \"./conf:/conf:ro\"]\n");
            if !words.is_empty() {
                text.push_str(&format!("    command: {}\n", json!(words)));
            }
            if !variables.is_empty() {
                text.push_str("    environment:\n");
            }
            for (name, value) in variables {
                text.push_str(&format!("      {name}: \"{value}\"\n"));
            }
        }
        let files = self.files().with("compose.yaml", text);
        let request = compose::Request {
            folder: ".".to_owned(),
            files: vec!["compose.yaml".to_owned()],
            env_files: Vec::new(),
        };
        compose::load(&request, &files)
    }

    fn files(&self) -> MemoryFiles {
        let files = ["tls.crt", "tls.key", "ca.crt"]
            .iter()
            .fold(MemoryFiles::default(), |files, name| files.with(&format!("tls/{name}"), "x"));
        files.with("conf/nats.conf", &self.nats).with("conf/redis.conf", &self.redis)
    }

    /// The namespace's objects, by kind.
    fn objects(&self) -> Vec<(Kind, &'static str, Value)> {
        let mut all = vec![
            (
                Kind::ConfigMaps,
                "ConfigMap",
                json!({"apiVersion": "v1", "metadata": {"name": "conf", "namespace": "cordum"},
                       "data": {"nats.conf": self.nats, "redis.conf": self.redis}}),
            ),
            (
                Kind::Secrets,
                "Secret",
                json!({"apiVersion": "v1", "metadata": {"name": "tls", "namespace": "cordum"},
                       "data": {"tls.crt": "eA==", "tls.key": "eA==", "ca.crt": "eA=="}}),
            ),
        ];
        for (name, image, variables, words) in self.services() {
            let env: Vec<Value> =
                variables.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
            let ports: Vec<Value> = [4222, 6379, 8081, 50051]
                .iter()
                .map(|port| json!({"name": format!("p{port}"), "port": port}))
                .collect();
            let mut container = json!({"name": name, "image": image, "env": env,
                "volumeMounts": [{"name": "tls", "mountPath": "/tls"}, {"name": "conf", "mountPath": "/conf"},
                                 {"name": "tls", "mountPath": "/etc/cordum/tls/ca"}]});
            if !words.is_empty() {
                container["command"] = json!(words);
            }
            let labels = json!({"app": name});
            let kind = if name == "nats" { "StatefulSet" } else { "Deployment" };
            all.push((
                if name == "nats" { Kind::StatefulSets } else { Kind::Deployments },
                kind,
                json!({"apiVersion": "apps/v1", "metadata": {"name": name, "namespace": "cordum", "labels": labels, "uid": name},
                       "spec": {"replicas": if name == "nats" { 2 } else { 1 }, "selector": {"matchLabels": labels},
                                "template": {"metadata": {"labels": labels}, "spec": {"containers": [container],
                                    "volumes": [{"name": "tls", "secret": {"secretName": "tls"}}, {"name": "conf", "configMap": {"name": "conf"}}]}}}}),
            ));
            if let Some((_, _, last)) = all.last_mut().filter(|_| name == "nats") {
                last["spec"]["serviceName"] = "nats".into();
            }
            all.push((
                Kind::Services,
                "Service",
                json!({"apiVersion": "v1", "metadata": {"name": name, "namespace": "cordum"},
                       "spec": {"selector": labels, "ports": ports}}),
            ));
        }
        all
    }

    /// The objects as manifests are read, or as `audit` reads those of a running namespace.
    fn manifests(&self) -> Vec<Finding> {
        let mut files = MemoryFiles::default();
        let mut paths = Vec::new();
        for (at, (_, kind, mut object)) in self.objects().into_iter().enumerate() {
            object["kind"] = kind.into();
            let path = format!("m/{at}.yaml");
            files = files.with(&path, serde_json::to_string_pretty(&object).unwrap());
            paths.push(path);
        }
        discover::manifests(&files, ".", &paths)
            .iter()
            .flat_map(|one| rules::audit(one, &files, AuditOptions::timeless()).findings)
            .collect()
    }

    /// What `run` tells of the same namespace, as far as these kinds of objects tell.
    fn story(&self, is_read: impl Fn(Kind) -> bool) -> Story {
        let mut objects = Objects::default();
        for (kind, _, object) in self.objects().into_iter().filter(|(kind, ..)| is_read(*kind)) {
            objects.take(kind, object.to_string().as_bytes()).unwrap();
        }
        let cluster = Cluster::read(objects, "cordum");
        let kubectl = Kubectl { context: None, namespace: "cordum".to_owned() };
        Story::of(&cluster, &ContainerLogs::new(), SystemTime::UNIX_EPOCH, &kubectl)
    }
}

/// Rules about settings; certificates and files are other matters.
fn of_settings(findings: &[Finding]) -> BTreeSet<&'static str> {
    findings.iter().map(|one| one.rule).filter(|rule| SETTING_RULES.contains(rule)).collect()
}

/// Rules by which `run` tells something of a namespace.
fn told(stack: &Stack) -> BTreeSet<&'static str> {
    stack.story(|_| true).faults.iter().filter_map(|one| one.rule).collect()
}

#[test]
fn a_mistake_is_a_finding_of_the_same_rule_wherever_it_is_met() {
    let production = |stack: Stack| {
        let set = [("CORDUM_ENV", "production"), ("SCHEDULER_METRICS_PUBLIC", "true")];
        set.iter().fold(stack, |stack, (name, value)| stack.with(name, value))
    };
    let of = |change: &dyn Fn(&mut Stack)| {
        let mut stack = right();
        change(&mut stack);
        stack
    };
    let rows: Vec<(&str, Stack, &str)> = vec![
        ("NATS unverified", right().with("NATS_TLS_INSECURE", "true"), "verification-disabled"),
        (
            "Redis unverified by its URL",
            right().with("REDIS_URL", "rediss://redis:6379?skip_verify=true"),
            "verification-disabled",
        ),
        (
            "NATS unverified in production",
            production(right().with("NATS_TLS_INSECURE", "true")),
            "production-rule",
        ),
        ("Redis by redis://", right().with("REDIS_URL", "redis://redis:6379"), "scheme-mismatch"),
        ("NATS by nats://", right().with("NATS_URL", "nats://nats:4222"), "scheme-mismatch"),
        (
            "NATS by nats:// in production",
            production(right().with("NATS_URL", "nats://nats:4222")),
            "production-rule",
        ),
        ("the kernel without a CA", right().without("SAFETY_KERNEL_TLS_CA"), "scheme-mismatch"),
        (
            "the kernel without a CA in production",
            production(right().without("SAFETY_KERNEL_TLS_CA")),
            "production-rule",
        ),
        (
            "NATS lets everybody in",
            of(&|stack| stack.nats = stack.nats.replacen("verify: true", "verify: false", 1)),
            "mtls-not-required",
        ),
        ("NATS in clear", of(&|stack| stack.nats = "port: 4222\n".to_owned()), "scheme-mismatch"),
        (
            "routes in clear",
            of(&|stack| stack.nats = stack.nats.replace(&format!("  tls {{ {PAIR}, verify: true }}\n"), "")),
            "plaintext-listener",
        ),
        ("Redis in clear", of(&|stack| stack.redis = "port 6379\n".to_owned()), "scheme-mismatch"),
        ("the dashboard by http", of(&|stack| stack.dashboard[0].1 = "http"), "upstream-tls"),
    ];
    let mut wrong = Vec::new();
    for (name, stack, rule) in rows {
        let compose =
            of_settings(&rules::audit(&stack.compose(), &stack.files(), AuditOptions::timeless()).findings);
        let manifests = of_settings(&stack.manifests());
        for (where_, found) in [("Compose", compose), ("manifests", manifests), ("run", told(&stack))] {
            if !found.contains(rule) {
                wrong.push(format!("{name}: {where_} has {found:?} and not {rule}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A recording without Services names servers as their clients do.
#[test]
fn servers_are_known_without_their_services() {
    for (name, value, rule) in [
        ("NATS_TLS_INSECURE", "true", "verification-disabled"),
        ("REDIS_URL", "redis://redis.cordum.svc:6379", "scheme-mismatch"),
    ] {
        let story = right().with(name, value).story(|kind| kind != Kind::Services);
        assert!(story.faults.iter().any(|one| one.rule == Some(rule)), "{name}: {:?}", story.faults);
    }
}

/// What is right is right everywhere.
#[test]
fn a_right_stack_is_silent_wherever_it_is_met() {
    let stack = right();
    let silent = BTreeSet::new();
    let compose = rules::audit(&stack.compose(), &stack.files(), AuditOptions::timeless()).findings;
    assert_eq!(of_settings(&compose), silent, "{compose:?}");
    assert_eq!(of_settings(&stack.manifests()), silent);
    assert_eq!(told(&stack), silent);
}

/// A container that an engine runs is judged as its Compose file: each setting that is off, and no other.
#[test]
fn a_container_of_an_engine_is_judged_as_its_file() {
    for (name, value) in [
        ("NATS_TLS_INSECURE", "1"),
        ("REDIS_TLS_INSECURE", "true"),
        ("REDIS_URL", "rediss://redis:6379?skip_verify=true"),
        ("SAFETY_KERNEL_TLS_INSECURE", "true"),
        ("NATS_TLS_INSECURE", "no"),
        ("REDIS_URL", "rediss://redis:6379?skip_verify=false"),
    ] {
        for stack in [right().with(name, value), right().with(name, value).with("CORDUM_ENV", "prod")] {
            let files = rules::audit(&stack.compose(), &stack.files(), AuditOptions::timeless()).findings;
            let off = |one: &&Finding| {
                one.cause == Some(tls_verify_core::cause::CauseKind::VerificationNotEnforced)
            };
            let described: BTreeSet<(String, &str)> = files
                .iter()
                .filter(off)
                .filter_map(|one| Some((setting(one)?.to_owned(), one.rule)))
                .collect();
            let description = stack.compose();
            let scheduler = description.workloads.iter().find(|one| one.name == "scheduler").unwrap();
            let runs = running::unverified("scheduler", scheduler.main().unwrap());
            assert_eq!(runs.into_iter().collect::<BTreeSet<_>>(), described, "{name}={value}");
        }
    }
}
