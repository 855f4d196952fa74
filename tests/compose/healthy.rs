//! States that are healthy, however they look or sound: every check is good.

use std::time::Duration;

use tls_verify_fixtures::pki::{self, Authority, Leaf, Validity};

use crate::project::{Project, SERVICES};

struct State {
    name: &'static str,
    make: fn(&mut Project),
    arguments: &'static [&'static str],
    /// Checks that have nothing to warn of either.
    pass: &'static [&'static str],
}

const STATE: State = State { name: "", make: |_| {}, arguments: &[], pass: &[] };

/// The same keys everywhere, and everything started anew with them.
fn keyed(project: &Project, algorithm: &'static rcgen::SignatureAlgorithm) {
    let server = project.ca.issue(&Leaf::server().keyed(algorithm)).unwrap();
    let client = project.ca.issue(&Leaf::client().keyed(algorithm)).unwrap();
    project.layouts(&project.ca, &server, &client);
    anew(project);
}

fn anew(project: &Project) {
    project.restart(&["nats", "redis"]);
    project.restart(SERVICES);
    project.restart(&["dashboard"]);
}

const NOISE: &str = "[SCHEDULER] ERROR scheduler: NATS reconnected, re-subscribing subject=sys.config.changed\n\
    [SCHEDULER] INFO bus: disconnected from nats err=<nil>\n\
    [SCHEDULER] WARN registry warm-start: failed to read snapshot error=redis: nil\n\
    [SCHEDULER] INFO http: TLS handshake error from 172.18.0.1:53122: remote error: tls: unknown certificate authority\n\
    [SCHEDULER] WARN worker heartbeat rejected: tier worker limit exceeded worker_id=a current=7 allowed=3\n\
    [SCHEDULER] INFO audit chain enabled fail_mode=permissive hmac_enabled=false";

const STATES: &[State] = &[
    State { name: "as generated", ..STATE },
    State { name: "RSA", make: |project| keyed(project, &rcgen::PKCS_RSA_SHA256), ..STATE },
    State { name: "P-521", make: |project| keyed(project, &rcgen::PKCS_ECDSA_P521_SHA512), ..STATE },
    State { name: "Ed25519", make: |project| keyed(project, &rcgen::PKCS_ED25519), ..STATE },
    State {
        name: "server leaves under an intermediate",
        make: |project| {
            let middle = project.ca.intermediate("Cordum Intermediate").unwrap();
            let server = middle.issue(&Leaf::server()).unwrap();
            let client = project.ca.issue(&Leaf::client()).unwrap();
            project.layouts(&project.ca, &server, &client);
            anew(project);
        },
        ..STATE
    },
    State {
        name: "a server with a certificate of its own",
        make: |project| {
            let middle = project.ca.intermediate("Cordum Intermediate").unwrap();
            let own = middle.issue(&Leaf::server()).unwrap();
            std::fs::write(project.path("certs/other/kernel.crt"), own.chain_pem()).unwrap();
            std::fs::write(project.path("certs/other/kernel.key"), own.key_pem()).unwrap();
            crate::project::open(&project.path("certs"));
            let file = |end: &str| format!("/etc/cordum/tls/other/kernel.{end}");
            project.set("KERNEL_TLS_CERT", file("crt"));
            project.set("KERNEL_TLS_KEY", file("key"));
            project.up();
        },
        pass: &["certificates"],
        ..STATE
    },
    State {
        name: "a CA bundle with an expired CA in it",
        make: |project| {
            let old = Authority::named("Old CA", Validity::Expired).unwrap();
            for folder in ["certs", "nats", "redis", "dashboard"] {
                let file = project.path(folder).join("ca/ca.crt");
                let now = std::fs::read_to_string(&file).unwrap();
                std::fs::write(&file, format!("{now}{}", pki::pem("CERTIFICATE", &old.certificate))).unwrap();
            }
            anew(project);
        },
        ..STATE
    },
    State {
        name: "the gateway speaks TLS 1.3 alone",
        make: |project| project.changed(&[("CORDUM_TLS_MIN_VERSION", "1.3")]),
        ..STATE
    },
    State {
        name: "Redis asks for client certificates",
        make: |project| project.changed(&[("REDIS_AUTH_CLIENTS", "yes")]),
        ..STATE
    },
    State {
        name: "NATS with a token",
        make: |project| project.changed(&[("NATS_CONF", "./fixtures/compose/nats.token.conf")]),
        ..STATE
    },
    State {
        name: "noisy, harmless lines",
        make: |project| project.changed(&[("SCHEDULER_SAY", NOISE), ("SCHEDULER_NOISE", "2000")]),
        ..STATE
    },
    State {
        name: "logs in JSON",
        make: |project| project.changed(&[("CORDUM_LOG_FORMAT", "json")]),
        ..STATE
    },
    State {
        name: "services that crash-looped until Redis came",
        make: |project| {
            project.stop(&["redis"]);
            project.restart(SERVICES);
            project.await_restarts("context-engine", 2);
            project.restart(&["redis"]);
        },
        ..STATE
    },
    State { name: "NATS restarted under the services", make: |project| project.restart(&["nats"]), ..STATE },
    State {
        name: "Redis restarted under the services",
        make: |project| project.restart(&["redis"]),
        ..STATE
    },
    State {
        name: "replicas",
        make: |project| {
            project.scale = vec!["scheduler=2".to_owned(), "workflow-engine=3".to_owned()];
            project.up();
        },
        ..STATE
    },
    State {
        name: "a hostile caller's environment",
        make: |project| {
            for (name, value) in [
                ("CORDUM_TLS_INSECURE", "1"),
                ("HTTPS_PROXY", "http://127.0.0.1:9"),
                ("ALL_PROXY", "http://127.0.0.1:9"),
                ("SSL_CERT_FILE", "/dev/null"),
            ] {
                project.environment.insert(name.to_owned(), value.to_owned());
            }
        },
        ..STATE
    },
    State {
        name: "no worker deployed",
        make: |project| project.docker(&["rm", "-f"], &["mock-bank-worker"]),
        ..STATE
    },
    State {
        name: "a restarted gateway with old failing lines in its log",
        make: |project| {
            project.changed(&[("GATEWAY_HTTP_TLS_KEY", "/etc/cordum/tls/other/late.key")]);
            project.await_words("api-gateway", "no such file or directory");
            std::fs::copy(project.path("certs/server/tls.key"), project.path("certs/other/late.key"))
                .unwrap();
            crate::project::open(&project.path("certs"));
            project.restart(&["api-gateway"]);
        },
        ..STATE
    },
    State {
        name: "a gateway that comes up late, waited for",
        make: |project| project.changed(&[("GATEWAY_DELAY", "5")]),
        arguments: &["--wait", "40s"],
        ..STATE
    },
];

/// States that are made each time; `scripts/test --long` makes all of them.
const ALWAYS: &[&str] = &[
    "RSA",
    "server leaves under an intermediate",
    "Redis asks for client certificates",
    "NATS with a token",
    "noisy, harmless lines",
    "logs in JSON",
    "replicas",
    "a hostile caller's environment",
    "no worker deployed",
];

/// Goes through them; what is not good within the patience is returned.
pub fn go_through(project: &mut Project) -> Vec<String> {
    let mut wrong = Vec::new();
    for state in STATES.iter().filter(|state| crate::row::is_chosen(state.name, ALWAYS)) {
        let begun = std::time::Instant::now();
        (state.make)(project);
        let made = begun.elapsed();
        let ran = project.settle(state.arguments);
        // It has to stay so.
        std::thread::sleep(Duration::from_millis(300));
        let again = project.run(state.arguments);
        for ran in [&ran, &again] {
            let warned = state.pass.iter().any(|id| ran.check(id)["status"] != "pass");
            if ran.code != 0 || warned {
                wrong.push(format!("{}: {}", state.name, ran.digest()));
            }
        }
        eprintln!(
            "{:<58} {} {:.1} s: made in {:.1}",
            state.name,
            if ran.code == 0 && again.code == 0 { "ok" } else { "WRONG" },
            begun.elapsed().as_secs_f64(),
            made.as_secs_f64()
        );
        // What only the caller had needs no mending; certificates and settings do.
        project.mend();
    }
    wrong
}
