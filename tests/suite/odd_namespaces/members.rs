//! What all members of a cluster, or all of a stack, have from one authority.

use tls_verify_fixtures::pki::{Authority, Leaf};

use super::command;
use crate::namespace::{Namespace, issued, roots, server, store};

const ROUTE: &str = "[1] 2026/11/29 15:00:04.100000 [ERR] 10.244.0.155:6222 - rid:25 - TLS route handshake error: tls: failed to verify certificate: x509: certificate is valid for localhost, nats, not cordum-nats-1.cordum-nats.cordum.svc";

/// The certificate as it is generated: without the members' names, and for servers alone.
#[test]
fn members_that_would_refuse_each_other_one_by_one_are_started_together() {
    for (front, all) in [("cordum-nats-", true), ("cordum-nats-2", false)] {
        let Some(made) = Namespace::healthy() else { return };
        let leaf = Leaf::server().for_names(&["localhost", "nats"]);
        made.fill("cordum-nats-server-tls", &issued(&made.ca, &leaf, false));
        made.unready(front, "nats", ROUTE).say(front, "nats", ROUTE, true);
        let report = made.run(&[]);
        assert_eq!(roots(&report), ["secret/cordum-nats-server-tls hostname-mismatch"], "{report:#}");
        let command = command(&report);
        let together = "scale statefulset/cordum-nats '--replicas=0' && kubectl -n cordum wait ";
        assert_eq!(command.contains(together), all, "{command}");
        assert_eq!(command.contains("rollout restart statefulset/cordum-nats"), !all, "{command}");
        assert_eq!(command.ends_with("scale statefulset/cordum-nats '--replicas=3'"), all, "{command}");
    }
}

#[test]
fn a_ca_that_has_ended_is_one_fault_and_its_own_renewal_the_cure() {
    let Some(mut made) = Namespace::healthy() else { return };
    let ended = Authority::shaped("Cordum CA", |params| {
        params.not_before = rcgen::date_time_ymd(2026, 1, 1);
        params.not_after = rcgen::date_time_ymd(2026, 11, 1);
    });
    made.ca = ended.unwrap();
    for (secret, leaf) in [
        ("cordum-server-tls", server()),
        ("cordum-client-tls", Leaf::client()),
        ("cordum-nats-server-tls", store("nats")),
        ("cordum-redis-server-tls", store("redis")),
    ] {
        made.fill(secret, &issued(&made.ca, &leaf, false));
    }
    let report = made.run(&[]);
    assert_eq!(roots(&report), ["secret/cordum-client-tls expired"], "{report:#}");
    let command = command(&report);
    for secret in ["cordum-client-tls", "cordum-nats-server-tls", "cordum-redis-server-tls"] {
        let put = format!("create secret generic {secret} '--from-file=ca.crt=certs/ca/ca.crt' ");
        let merged =
            format!(" | kubectl -n cordum patch secret {secret} '--type=merge' --patch-file /dev/stdin && ");
        assert!(command.contains(&put) && command.contains(&merged), "{secret}: {command}");
    }
    assert!(!command.contains("tls.crt") && command.contains("scale statefulset/cordum-nats"), "{command}");
}
