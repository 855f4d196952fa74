//! Secrets, their files, and who reads them.

use serde_json::json;
use tls_verify_fixtures::pki::Leaf;

use super::{add_event, command, container, pod_uid, set, specs, volume};
use crate::namespace::{Namespace, issued, roots, server, status_of, store};

const NO_CERT: &str = "[GATEWAY] ERROR api gateway error error=grpc tls keypair: initial cert load (gateway-grpc): open /etc/cordum/tls/server/tls.crt: no such file or directory";

/// `kubectl create secret generic --from-file=server.crt --from-file=server.key`.
#[test]
fn a_secret_with_its_pair_under_other_names_is_told_with_both_of_them() {
    let Some(made) = Namespace::healthy() else { return };
    made.edit("secrets", "cordum-server-tls", |one| {
        let data = one["data"].as_object_mut().unwrap();
        for (from, to) in [("tls.crt", "server.crt"), ("tls.key", "server.key")] {
            let value = data.remove(from).unwrap();
            data.insert(to.to_owned(), value);
        }
    });
    made.looping("cordum-api-gateway", "gateway", NO_CERT);
    let report = made.run(&[]);
    assert_eq!(roots(&report), ["secret/cordum-server-tls bad-key-file"], "{report:#}");
    let command = command(&report);
    for part in [
        r#""tls.crt":"{{index .data "server.crt"}}""#,
        r#""tls.key":"{{index .data "server.key"}}""#,
        "patch secret cordum-server-tls '--type=merge' --patch-file /dev/stdin",
        "rollout restart",
    ] {
        assert!(command.contains(part), "{part}: {command}");
    }
    // Nothing in it is a certificate under any name: from the operator's files, and the key too.
    made.edit("secrets", "cordum-server-tls", |one| one["data"] = json!({"note": "eA=="}));
    let command = super::command(&made.run(&[]));
    assert!(
        command.contains("tls.crt=certs/server/tls.crt") && command.contains("tls.key=certs/server/tls.key"),
        "{command}"
    );
}

/// The operator's key need not be that of the certificate which is there.
#[test]
fn a_key_that_is_missing_is_put_in_with_its_certificate() {
    let Some(made) = Namespace::healthy() else { return };
    made.edit("secrets", "cordum-server-tls", |one| {
        one["data"].as_object_mut().unwrap().remove("tls.key").unwrap();
    });
    made.looping("cordum-api-gateway", "gateway", &NO_CERT.replace("tls.crt", "tls.key"));
    let report = made.run(&[]);
    assert_eq!(roots(&report), ["secret/cordum-server-tls bad-key-file"], "{report:#}");
    let command = command(&report);
    let both = "'--from-file=tls.crt=certs/server/tls.crt' '--from-file=tls.key=certs/server/tls.key'";
    assert!(command.contains(both), "{command}");
    // The API server takes no change of one that is immutable.
    made.edit("secrets", "cordum-server-tls", |one| one["immutable"] = true.into());
    let report = made.run(&[]);
    assert_eq!(roots(&report), ["secret/cordum-server-tls bad-key-file"], "{report:#}");
    let fix = &report["root_causes"][0]["fix"][0];
    assert!(fix["command"].is_null() && fix["text"].as_str().unwrap().contains("is immutable"), "{fix}");
}

#[test]
fn a_path_beside_the_secrets_usual_key_is_the_settings_fault() {
    let path = "/etc/cordum/tls/server/server.key";
    let line = format!(
        "[GATEWAY] ERROR api gateway error error=http tls keypair: initial cert load (gateway-http): open {path}: no such file or directory"
    );
    let Some(made) = Namespace::healthy() else { return };
    specs(&made, "cordum-api-gateway", |spec| set(spec, "gateway", "GATEWAY_HTTP_TLS_KEY", Some(path)));
    made.looping("cordum-api-gateway", "gateway", &line);
    let report = made.run(&[]);
    assert_eq!(roots(&report), ["deployment/cordum-api-gateway bad-key-file"], "{report:#}");
    assert_eq!(status_of(&report, "certificates"), "pass", "{report:#}");
    let command = command(&report);
    assert!(command.ends_with("'GATEWAY_HTTP_TLS_KEY=/etc/cordum/tls/server/tls.key'"), "{command}");
}

#[test]
fn files_that_the_pods_user_may_not_read_are_opened_to_its_group() {
    let line = NO_CERT.replace("no such file or directory", "permission denied");
    for (mode, group, wanted) in [
        (0o400, None, "deployment/cordum-api-gateway bad-key-file"),
        // Its group or everybody may read them: something else is in the way.
        (0o400, Some(65532), "secret/cordum-server-tls bad-key-file"),
        (0o444, None, "secret/cordum-server-tls bad-key-file"),
    ] {
        let Some(made) = Namespace::healthy() else { return };
        specs(&made, "cordum-api-gateway", |spec| {
            spec["securityContext"]["fsGroup"] = json!(group);
            volume(spec, "cordum-server-tls", |one| one["secret"]["defaultMode"] = mode.into());
        });
        made.looping("cordum-api-gateway", "gateway", &line);
        let report = made.run(&[]);
        assert_eq!(roots(&report), [wanted], "{mode:o} {group:?}: {report:#}");
        let opens = command(&report).contains(r#""fsGroup":65532"#);
        assert_eq!(opens, wanted.starts_with("deployment/"), "{report:#}");
    }
}

const KERNEL: &str = "[GATEWAY] ERROR safety kernel list snapshots failed error=rpc error: code = Unavailable desc = connection error: desc = \"transport: authentication handshake failed: tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2026-11-29T15:00:04Z is after 2026-11-29T14:20:00Z\"";

/// The Secret was renewed; what is mounted by subPath is what it was when the pod began.
#[test]
fn a_server_that_shows_what_its_secret_held_before_is_restarted() {
    for ended in [false, true] {
        let Some(made) = Namespace::healthy() else { return };
        made.fill("cordum-server-tls", &issued(&made.ca, &server(), ended));
        specs(&made, "cordum-safety-kernel", |spec| {
            let mounts = container(spec, "safety")["volumeMounts"].as_array_mut().unwrap();
            mounts.retain(|one| one["mountPath"] != "/etc/cordum/tls/server");
            mounts.extend(["tls.crt", "tls.key"].map(|key| {
                let path = format!("/etc/cordum/tls/server/{key}");
                json!({"name": "cordum-server-tls", "mountPath": path, "subPath": key})
            }));
        });
        made.say("cordum-api-gateway", "gateway", KERNEL, false);
        let report = made.run(&[]);
        assert_eq!(status_of(&report, "safety-kernel-grpc"), "fail", "{report:#}");
        if ended {
            assert_eq!(roots(&report), ["secret/cordum-server-tls expired"], "{report:#}");
        } else {
            assert_eq!(roots(&report), ["deployment/cordum-safety-kernel expired"], "{report:#}");
            assert_eq!(status_of(&report, "certificates"), "pass", "{report:#}");
            let command = command(&report);
            assert_eq!(command, "kubectl -n cordum rollout restart deployment/cordum-safety-kernel");
        }
    }
}

#[test]
fn an_ended_server_certificate_fails_every_listener_that_shows_it() {
    let Some(made) = Namespace::healthy() else { return };
    made.fill("cordum-server-tls", &issued(&made.ca, &server(), true));
    let report = made.run(&[]);
    assert_eq!(roots(&report), ["secret/cordum-server-tls expired"], "{report:#}");
    for check in ["gateway-https", "gateway-grpc", "safety-kernel-grpc", "context-engine-grpc"] {
        assert_eq!(status_of(&report, check), "fail", "{check}: {report:#}");
    }
    // A name is looked for by whoever dials: nobody does.
    let kernel = Leaf::server().for_names(&["localhost", "cordum-api-gateway.cordum.svc.cluster.local"]);
    made.fill("cordum-server-tls", &issued(&made.ca, &kernel, false));
    let report = made.run(&[]);
    assert_eq!(roots(&report), ["secret/cordum-server-tls hostname-mismatch"], "{report:#}");
    for check in ["gateway-grpc", "context-engine-grpc"] {
        assert_eq!(status_of(&report, check), "unknown", "{check}: {report:#}");
    }
}

/// The safety kernel says once that it cannot use a file, and does without Redis.
#[test]
fn what_a_serving_pod_cannot_use_of_its_own_is_no_silence() {
    let line = "[SAFETY-KERNEL] WARN safety-kernel: config service disabled err=parse redis options: apply redis tls config: build tls config: redis tls ca read: open /etc/cordum/tls/ca/ca.crt: no such file or directory";
    let Some(made) = Namespace::healthy() else { return };
    specs(&made, "cordum-safety-kernel", |spec| {
        set(spec, "safety", "REDIS_TLS_CA", Some("/etc/cordum/tls/ca/ca.crt"));
    });
    made.say("cordum-safety-kernel", "safety", line, false);
    let report = made.run(&[]);
    assert_eq!(roots(&report), ["deployment/cordum-safety-kernel bad-key-file"], "{report:#}");
    assert_eq!(status_of(&report, "redis-logs"), "fail", "{report:#}");
    assert!(command(&report).ends_with("'REDIS_TLS_CA=/etc/cordum/tls/client/ca.crt'"), "{report:#}");
}

#[test]
fn a_kernel_that_waits_for_what_refuses_its_certificate_is_no_fault_of_its_own() {
    let Some(made) = Namespace::healthy() else { return };
    made.fill("cordum-client-tls", &issued(&made.ca, &Leaf::client(), true));
    made.unready(
        "cordum-safety-kernel",
        "safety",
        "[SAFETY-KERNEL] INFO safety-kernel: listening addr=:50051",
    );
    let uid = pod_uid(&made, "cordum-safety-kernel-");
    add_event(&made, &uid, "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503");
    let report = made.run(&[]);
    assert_eq!(roots(&report), ["secret/cordum-client-tls expired"], "{report:#}");
    // With certificates that fit it is told as what it is.
    made.fill("cordum-client-tls", &issued(&made.ca, &Leaf::client(), false));
    let report = made.run(&[]);
    assert_eq!(roots(&report), ["deployment/cordum-safety-kernel none"], "{report:#}");
    // As is a certificate of a server that it does not dial.
    made.fill("cordum-nats-server-tls", &issued(&made.ca, &store("nats"), false));
    assert_eq!(roots(&made.run(&[])).len(), 1);
}

/// The kernel came up while NATS spoke in clear, and does without it, though NATS is well and began since.
#[test]
fn a_kernel_that_met_an_earlier_nats_in_clear_is_restarted_and_who_dials_again_is_not() {
    let said = "connect nats tls://nats:4222: nats: secure connection not available";
    for (front, container, line, roots_are) in [
        (
            "cordum-safety-kernel",
            "safety",
            "[SAFETY-KERNEL] WARN safety-kernel: NATS connection failed, relying on poll err=",
            vec!["deployment/cordum-safety-kernel wrong-scheme-tls-to-plain".to_owned()],
        ),
        ("cordum-api-gateway", "gateway", "[GATEWAY] ERROR reconnect failed error=", Vec::new()),
    ] {
        let Some(made) = Namespace::healthy() else { return };
        made.say(front, container, &format!("{line}{said}"), false);
        made.edit("pods", "cordum-nats-", |pod| {
            for one in pod["status"]["containerStatuses"].as_array_mut().unwrap() {
                one["state"]["running"]["startedAt"] = "2026-11-29T15:00:06Z".into();
            }
        });
        let report = made.run(&[]);
        assert_eq!(roots(&report), roots_are, "{report:#}");
        if !roots_are.is_empty() {
            assert!(
                command(&report).ends_with("rollout restart deployment/cordum-safety-kernel"),
                "{report:#}"
            );
        }
    }
}
