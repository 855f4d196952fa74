//! How ports answered when a project was collected, judged elsewhere: what was met then is the cause, what was well then
//! is open, and what nobody reached blames nobody.

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tls_verify_fixtures::pki::{Authority, Leaf, Pair, Validity};

use crate::collected::{check, run, written};

/// The folder's clients name the authority's file for NATS and Redis.
fn project(folder: &Path, authority: &Authority) {
    written(folder, "", "");
    let path = folder.join("states.json");
    let mut states: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    states["collected"] = OffsetDateTime::now_utc().format(&Rfc3339).unwrap().into();
    let containers = states["containers"].as_array_mut().unwrap();
    let of = |service: &str| containers.iter().position(|one| one["service"] == service).unwrap();
    let (gateway, scheduler) = (of("api-gateway"), of("scheduler"));
    containers[gateway]["settings"]["SAFETY_KERNEL_TLS_CA"] = "/etc/cordum/tls/other.crt".into();
    let other = Authority::named("another", Validity::Now).unwrap();
    let path_of_other = folder.join("certificates/api-gateway/etc/cordum/tls");
    fs::create_dir_all(&path_of_other).unwrap();
    fs::write(path_of_other.join("other.crt"), other.pem()).unwrap();
    let scheduler = &mut containers[scheduler];
    for name in ["NATS_TLS_CA", "REDIS_TLS_CA"] {
        scheduler["settings"][name] = "/etc/cordum/tls/ca.crt".into();
    }
    scheduler["settings"]["REDIS_URL"] = "rediss://redis:6379".into();
    fs::write(path, states.to_string()).unwrap();
    let kept = folder.join("certificates/scheduler/etc/cordum/tls");
    fs::create_dir_all(&kept).unwrap();
    fs::write(kept.join("ca.crt"), authority.pem()).unwrap();
}

fn tls(service: &str, port: u16, pair: &Pair) -> Value {
    let chain: Vec<String> = pair.chain.iter().map(|der| STANDARD.encode(der)).collect();
    json!({"instance": format!("shop-{service}-1"), "port": port, "answer": "tls", "chain": chain,
        "asks_for_certificate": service != "api-gateway"})
}

fn other(service: &str, port: u16, answer: &str) -> Value {
    json!({"instance": format!("shop-{service}-1"), "port": port, "answer": answer})
}

fn served(folder: &Path, ports: &[Value]) {
    let file = json!({"schema": "tls-verify/served/v1", "ports": ports});
    fs::write(folder.join("served.json"), file.to_string()).unwrap();
}

fn roots(report: &Value) -> Vec<String> {
    let said = |root: &Value| {
        let words = ["where", "cause", "variant"].map(|key| root[key].as_str().unwrap_or_default());
        words.join(" ").trim_end().to_owned()
    };
    report["root_causes"].as_array().unwrap().iter().map(said).collect()
}

#[test]
fn what_was_met_then_is_the_cause() {
    let authority = Authority::generate().unwrap();
    let issue = |leaf: &Leaf| authority.issue(leaf).unwrap();
    let good = issue(&Leaf::server());
    let expired = issue(&Leaf::server().valid(Validity::Expired));
    let astray = issue(&Leaf::server().for_names(&["elsewhere"]));
    let stranger = Authority::named("somebody else", Validity::Now).unwrap().issue(&Leaf::server()).unwrap();
    let again = Authority::generate().unwrap().issue(&Leaf::server()).unwrap();
    for (answer, root) in [
        (tls("redis", 6379, &expired), "redis expired"),
        (tls("redis", 6379, &astray), "redis hostname-mismatch"),
        (tls("redis", 6379, &stranger), "redis unknown-authority other-ca"),
        (tls("redis", 6379, &again), "redis unknown-authority ca-regenerated"),
        (tls("nats", 4222, &expired), "nats expired"),
        (tls("api-gateway", 8081, &expired), "api-gateway expired"),
        (other("redis", 6379, "refused"), "redis connection-refused nothing-listens"),
        (other("redis", 6379, "silent"), "redis timeout"),
        (
            json!({"instance": "shop-redis-1", "port": 6379, "answer": "clear", "speaks": "redis",
                "said": "-NOAUTH Authentication required."}),
            "redis wrong-scheme-tls-to-plain redis-plaintext",
        ),
        (
            json!({"instance": "shop-api-gateway-1", "port": 8081, "answer": "clear", "speaks": "http", "said": ""}),
            "api-gateway wrong-scheme-tls-to-plain http-plaintext",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        project(folder.path(), &authority);
        let of = |service: &str| answer["instance"] != format!("shop-{service}-1");
        let mut ports = vec![answer.clone()];
        let well = [("redis", 6379), ("nats", 4222), ("api-gateway", 8081)].into_iter();
        ports
            .extend(well.filter(|(service, _)| of(service)).map(|(service, port)| tls(service, port, &good)));
        served(folder.path(), &ports);
        let (code, report) = run(folder.path(), &["--all"]);
        assert_eq!((code, roots(&report)), (Some(1), vec![root.to_owned()]), "{answer}");
        let because = report["root_causes"][0]["because"].to_string();
        assert!(because.contains("when it was collected"), "{because}");
        assert_ne!(report["root_causes"][0]["fix"], json!([]), "{report}");
    }
}

/// Nobody says which authority is right at the gateway: another than that of the links is no fault of it.
#[test]
fn what_was_well_then_or_unreached_blames_nobody() {
    let authority = Authority::generate().unwrap();
    let good = authority.issue(&Leaf::server()).unwrap();
    let public = Authority::named("a public one", Validity::Now).unwrap();
    let public = public.issue(&Leaf::server().for_names(&["shop.example"])).unwrap();
    let all = [tls("redis", 6379, &good), tls("nats", 4222, &good), tls("api-gateway", 8081, &public)];
    for ports in [&all[..], &[], &[other("somebody", 1, "refused")]] {
        let folder = tempfile::tempdir().unwrap();
        project(folder.path(), &authority);
        served(folder.path(), ports);
        let (code, report) = run(folder.path(), &["--all"]);
        assert_eq!((code, &report["root_causes"]), (Some(3), &json!([])), "{report}");
        for id in ["gateway-https", "worker-nats-tls", "nats-mtls", "redis-tls"] {
            assert_eq!(check(&report, id)["status"], "unknown", "{}", check(&report, id));
        }
    }
}

#[test]
fn a_server_that_asked_nobody_for_a_certificate_lets_everybody_in() {
    let authority = Authority::generate().unwrap();
    let folder = tempfile::tempdir().unwrap();
    project(folder.path(), &authority);
    let mut nats = tls("nats", 4222, &authority.issue(&Leaf::server()).unwrap());
    nats["asks_for_certificate"] = false.into();
    served(folder.path(), &[nats]);
    let (code, report) = run(folder.path(), &["--all"]);
    assert_eq!((code, roots(&report)), (Some(1), vec!["nats mtls-not-enforced".to_owned()]), "{report}");
}

#[test]
fn a_file_of_another_kind_says_nothing() {
    let authority = Authority::generate().unwrap();
    let refused = other("redis", 6379, "refused");
    let odd = [
        Vec::new(),
        b"\xff{".to_vec(),
        json!({"schema": "tls-verify/served/v2", "ports": [refused]}).to_string().into_bytes(),
        json!({"schema": "tls-verify/served/v1", "ports": [{"instance": "shop-redis-1", "port": 6379,
            "answer": "tls", "chain": ["no base64"], "asks_for_certificate": null}]})
        .to_string()
        .into_bytes(),
        "[".repeat(100_000).into_bytes(),
        vec![b' '; 17 << 20],
    ];
    for content in odd {
        let folder = tempfile::tempdir().unwrap();
        project(folder.path(), &authority);
        fs::write(folder.path().join("served.json"), content).unwrap();
        let (code, report) = run(folder.path(), &["--all"]);
        let said = check(&report, "redis-tls");
        assert_eq!((code, &said["status"]), (Some(3), &json!("unknown")), "{said}");
        assert_eq!(report["root_causes"], json!([]), "{report}");
    }
}

/// What a client logged in the last minute is what a request would have met; older words may be over.
#[test]
fn what_clients_said_of_a_server_just_then_is_told() {
    let authority = Authority::generate().unwrap();
    let good = authority.issue(&Leaf::server()).unwrap();
    let said = [
        (
            "api-gateway",
            "[GATEWAY] ERROR safety kernel list snapshots failed error=rpc error: code = Unavailable desc = connection \
             error: desc = \"transport: authentication handshake failed: tls: failed to verify certificate: x509: \
             certificate signed by unknown authority\"",
            "api-gateway unknown-authority",
        ),
        (
            "dashboard",
            "2026/01/31 12:59:59 [error] 29#29: *5 upstream SSL certificate does not match \"wrong-name\" while SSL \
             handshaking to upstream, client: 10.0.0.9, server: localhost, request: \"GET /api/v1/auth/config HTTP/1.1\", \
             upstream: \"https://10.0.0.2:8081/api/v1/auth/config\", host: \"localhost:8082\"",
            "dashboard hostname-mismatch",
        ),
    ];
    for (service, line, root) in said {
        for (age, roots_then) in [(5, vec![root.to_owned()]), (600, Vec::new())] {
            let folder = tempfile::tempdir().unwrap();
            project(folder.path(), &authority);
            let at = (OffsetDateTime::now_utc() - time::Duration::seconds(age)).format(&Rfc3339).unwrap();
            let path = folder.path().join(format!("{service}.log"));
            let log = fs::read_to_string(&path).unwrap();
            fs::write(&path, format!("{log}{at} {line}\n")).unwrap();
            served(folder.path(), &[tls("safety-kernel", 50051, &good), tls("api-gateway", 8081, &good)]);
            let (code, report) = run(folder.path(), &["--all"]);
            let code_then = if roots_then.is_empty() { 3 } else { 1 };
            assert_eq!((code, roots(&report)), (Some(code_then), roots_then), "{service}, {age} s: {report}");
        }
    }
}

/// NATS said then whom it has; of several servers, and of one that was not asked, nothing is known.
#[test]
fn who_had_no_connection_to_nats_is_told() {
    let authority = Authority::generate().unwrap();
    let good = authority.issue(&Leaf::server()).unwrap();
    let named = |services: &[&str]| -> Value {
        services.iter().map(|service| format!("shop-{service}-1")).collect::<Vec<_>>().into()
    };
    let all = named(&["api-gateway", "scheduler", "safety-kernel", "workflow-engine"]);
    let some = named(&["api-gateway", "safety-kernel", "workflow-engine"]);
    for (connected, code, root) in
        [(some, 1, vec!["scheduler connection-reset".to_owned()]), (all, 3, vec![]), (Value::Null, 3, vec![])]
    {
        let folder = tempfile::tempdir().unwrap();
        project(folder.path(), &authority);
        let file = json!({"schema": "tls-verify/served/v1", "ports": [tls("nats", 4222, &good)], "connected": connected});
        fs::write(folder.path().join("served.json"), file.to_string()).unwrap();
        let (ended, report) = run(folder.path(), &["--all"]);
        assert_eq!((ended, roots(&report)), (Some(code), root), "{connected}: {report}");
    }
}
