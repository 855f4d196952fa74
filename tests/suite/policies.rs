//! NetworkPolicies of a namespace as its objects and logs show what they do: a recording enforces whatever was enforced.

use serde_json::{Value, json};

use crate::namespace::{Namespace, roots, status_of};

fn policy(name: &str, app: &str, from: &[&str]) -> Value {
    let selects = if app.is_empty() { json!({}) } else { json!({"matchLabels": {"app": app}}) };
    let who = |one: &&str| match *one {
        "*" => json!({"podSelector": {}}),
        app => json!({"podSelector": {"matchLabels": {"app": app}}}),
    };
    let ingress =
        if from.is_empty() { json!([]) } else { json!([{"from": from.iter().map(who).collect::<Vec<_>>()}]) };
    json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": name, "namespace": "cordum"},
        "spec": {"podSelector": selects, "policyTypes": ["Ingress"], "ingress": ingress}})
}

fn with(policies: &[Value]) -> Option<Namespace> {
    let made = Namespace::healthy()?;
    let list = json!({"kind": "List", "items": policies});
    std::fs::write(made.path().join("networkpolicies.json"), list.to_string()).unwrap();
    Some(made)
}

const NATS: &str = "[SCHEDULER] ERROR failed to connect to NATS error=connect nats tls://nats:4222: dial tcp 10.96.255.57:4222: i/o timeout";
const FIVE: &[&str] = &[
    "cordum-api-gateway",
    "cordum-scheduler",
    "cordum-safety-kernel",
    "cordum-workflow-engine",
    "cordum-context-engine",
];

#[test]
fn a_policy_that_lets_all_but_the_scheduler_in_to_nats_is_named() {
    let but: Vec<&str> =
        FIVE.iter().copied().filter(|one| *one != "cordum-scheduler").chain(["nats"]).collect();
    let Some(made) = with(&[policy("nats", "nats", &but)]) else { return };
    made.looping("cordum-scheduler", "scheduler", NATS);
    let report = made.run(&[]);
    assert_eq!(roots(&report), ["networkpolicy/nats timeout"], "{report:#}");
    assert_eq!(status_of(&report, "service-links"), "fail");
    let command = report["root_causes"][0]["fix"][0]["command"].as_str().unwrap();
    assert!(command.contains("cordum-scheduler") && !command.contains(" delete "), "{command}");
}

/// The address alone is named, and the policy is what stands before it.
#[test]
fn a_policy_is_named_where_the_words_name_an_address_alone() {
    let but: Vec<&str> =
        FIVE.iter().copied().filter(|one| *one != "cordum-scheduler").chain(["nats"]).collect();
    let Some(made) = with(&[policy("nats", "nats", &but)]) else { return };
    made.looping(
        "cordum-scheduler",
        "scheduler",
        "[SCHEDULER] ERROR bus error=dial tcp 10.96.255.57:4222: i/o timeout",
    );
    let report = made.run(&[]);
    assert_eq!(roots(&report), ["networkpolicy/nats timeout"], "{report:#}");
}

#[test]
fn a_policy_that_lets_nobody_in_is_named_where_redis_is_not_reached() {
    let all = ["nats", "cordum-api-gateway", "cordum-safety-kernel"].map(|app| policy(app, app, &["*"]));
    let Some(made) = with(&[&[policy("default-deny", "", &[])], &all[..]].concat()) else { return };
    made.looping(
        "cordum-scheduler",
        "scheduler",
        "[SCHEDULER] ERROR failed to initialize redis error=connect redis: dial tcp 10.96.2.41:6379: i/o timeout",
    );
    let report = made.run(&[]);
    assert_eq!(roots(&report), ["networkpolicy/default-deny timeout"], "{report:#}");
    assert_eq!(status_of(&report, "redis-logs"), "fail");
}

/// The dashboard serves, and nginx says that it waits in vain.
#[test]
fn a_policy_that_lets_only_an_ingress_in_to_the_gateway_is_named() {
    let Some(made) = with(&[policy("gateway", "cordum-api-gateway", &["ingress-nginx"])]) else { return };
    assert_eq!(roots(&made.run(&[])), Vec::<String>::new(), "nothing shows that it is enforced");
    made.say(
        "cordum-dashboard",
        "dashboard",
        "2026/11/29 15:00:04 [error] 7#7: *12 upstream timed out (110: Connection timed out) while connecting to upstream, client: 10.244.0.1, server: , request: \"GET /api/v1/auth/config HTTP/1.1\", upstream: \"https://10.96.46.5:8081/api/v1/auth/config\", host: \"localhost:8080\"",
        false,
    );
    let report = made.run(&[]);
    assert_eq!(roots(&report), ["networkpolicy/gateway timeout"], "{report:#}");
    assert_eq!(status_of(&report, "dashboard-gateway"), "fail");
}

#[test]
fn policies_that_let_in_who_is_needed_or_that_nothing_enforces_are_silent() {
    let needed =
        ["nats", "redis", "cordum-api-gateway", "cordum-safety-kernel"].map(|app| policy(app, app, &["*"]));
    let deny = policy("default-deny", "", &[]);
    let one = std::slice::from_ref(&deny);
    for policies in [&[one, &needed[..]].concat()[..], one] {
        let Some(made) = with(policies) else { return };
        let report = made.run(&[]);
        assert_eq!(roots(&report), Vec::<String>::new(), "{report:#}");
    }
    // And who fails for another reason is told that one.
    let Some(made) = with(&[one, &needed[..]].concat()) else { return };
    made.looping(
        "cordum-scheduler",
        "scheduler",
        &NATS.replace("dial tcp 10.96.255.57:4222: i/o timeout", "nats: authorization violation"),
    );
    let found = roots(&made.run(&[]));
    assert!(found.len() == 1 && !found[0].starts_with("networkpolicy/"), "{found:?}");
}
