//! A service that lost a connection names an address: whose it is, and what is wrong there.

use tls_verify_fixtures::pki::Leaf;

use crate::namespace::{Namespace, issued, roots, server, status_of, store};

const RESET: &str = "read: connection reset by peer";

/// The gateway's last words on a connection that ends at this address.
fn lost(far: &str, what: &str) -> String {
    format!("[GATEWAY] ERROR subscription lost error=read tcp 10.244.0.164:41522->{far}: {what}")
}

/// NATS' certificate has ended, and a gateway that waits for it says that its connection was reset: one root cause,
/// by whichever address it names NATS.
#[test]
fn a_reset_at_the_server_whose_certificate_has_ended_is_that_servers() {
    let ways = [
        ("its Service", "10.96.255.57:4222"),
        ("a pod", "10.244.0.154:4222"),
        ("a pod that is gone", "10.244.0.91:4222"),
        ("a name", "nats:4222"),
        ("a pod's name", "cordum-nats-1.cordum-nats.cordum.svc:4222"),
    ];
    for (way, far) in ways {
        let Some(made) = Namespace::healthy() else { return };
        made.fill("cordum-nats-server-tls", &issued(&made.ca, &store("nats"), true));
        made.unready("cordum-api-gateway", "gateway", &lost(far, RESET));
        let report = made.run(&[]);
        assert_eq!(roots(&report), ["secret/cordum-nats-server-tls expired"], "{way}: {report:#}");
        let redis = status_of(&report, "redis-logs");
        assert_ne!(redis, "fail", "{way}: {report:#}");
    }
}

#[test]
fn a_reset_at_redis_whose_certificate_has_ended_is_redis() {
    let Some(made) = Namespace::healthy() else { return };
    made.fill("cordum-redis-server-tls", &issued(&made.ca, &store("redis"), true));
    made.looping("cordum-workflow-engine", "workflow-engine", &lost("10.96.2.41:6379", RESET));
    let report = made.run(&[]);
    assert_eq!(roots(&report), ["secret/cordum-redis-server-tls expired"], "{report:#}");
    assert_eq!(status_of(&report, "redis-logs"), "fail", "{report:#}");
}

/// The safety kernel ends for want of its certificate's key, and who dials it is refused.
#[test]
fn a_refusal_at_the_safety_kernel_that_does_not_run_is_the_safety_kernels() {
    let Some(made) = Namespace::healthy() else { return };
    made.looping(
        "cordum-safety-kernel",
        "safety",
        "[SAFETY-KERNEL] ERROR safety-kernel error error=load tls keypair: open /etc/cordum/tls/server/kernel.key: no such file or directory",
    );
    made.looping(
        "cordum-scheduler",
        "scheduler",
        "[SCHEDULER] ERROR policy client error=rpc error: code = Unavailable desc = connection error: desc = \"transport: Error while dialing: dial tcp 10.96.71.250:50051: connect: connection refused\"",
    );
    let report = made.run(&[]);
    let found = roots(&report);
    assert!(found.len() == 1 && found[0].ends_with(" bad-key-file"), "{found:?} {report:#}");
}

/// A server with several ports is told by the address: 8081 of the gateway, whose certificate has ended.
#[test]
fn a_timeout_at_the_gateway_is_the_gateways() {
    let Some(made) = Namespace::healthy() else { return };
    made.fill("cordum-server-tls", &issued(&made.ca, &server(), true));
    made.looping(
        "cordum-dashboard",
        "dashboard",
        "2026/11/29 15:00:03 [emerg] 1#1: dial tcp 10.96.46.5:8081: i/o timeout",
    );
    let report = made.run(&[]);
    assert_eq!(roots(&report), ["secret/cordum-server-tls expired"], "{report:#}");
}

/// What nothing at the far end explains stands as it was said, at who said it.
#[test]
fn what_the_far_end_does_not_explain_is_as_before() {
    let rows: &[(&str, &str)] = &[
        ("a healthy NATS", "10.96.255.57:4222"),
        // Its certificate has ended below, and it is not who was met.
        ("a healthy NATS beside a broken Redis", "10.96.255.57:4222 "),
        ("nobody of the stack", "10.96.0.1:443"),
        ("the collector beside it", "127.0.0.1:4317"),
        ("a client's own end", "10.244.0.169:50914"),
    ];
    for (way, far) in rows {
        let Some(made) = Namespace::healthy() else { return };
        if way.contains("Redis") {
            made.fill("cordum-redis-server-tls", &issued(&made.ca, &store("redis"), true));
        }
        made.unready("cordum-api-gateway", "gateway", &lost(far.trim(), RESET));
        let found = roots(&made.run(&[]));
        assert!(
            found.contains(&"deployment/cordum-api-gateway connection-reset".to_owned()),
            "{way}: {found:?}"
        );
    }
}

/// The namespace that all of this is made from is well.
#[test]
fn the_namespace_of_these_rows_is_well() {
    let Some(made) = Namespace::healthy() else { return };
    let report = made.run(&[]);
    assert_eq!(roots(&report), Vec::<String>::new(), "{report:#}");
    assert_eq!(status_of(&report, "certificates"), "pass", "{report:#}");
    // And it is this that the rows rest on: a certificate of nobody's.
    let stranger = tls_verify_fixtures::pki::Authority::generate().unwrap();
    made.fill("cordum-client-tls", &issued(&stranger, &Leaf::client(), false));
    assert_eq!(roots(&made.run(&[])).len(), 1);
}
