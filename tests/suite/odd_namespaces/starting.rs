//! What stands before a service's own start: init containers, native sidecars, mounts with other file names.

use serde_json::{Value, json};

use super::{NONE, command, container, set, specs};
use crate::namespace::{Namespace, roots, status_of};

/// The server's pair under names of its own, as the volume's `items` have it.
fn renamed(spec: &mut Value) {
    super::volume(spec, "cordum-server-tls", |one| {
        *one = json!({"name": "cordum-server-tls", "projected": {"sources": [{"secret": {
            "name": "cordum-server-tls",
            "items": [{"key": "tls.crt", "path": "server.pem"}, {"key": "tls.key", "path": "server-key.pem"}]}}]}});
    });
}

#[test]
fn files_that_a_mount_has_under_other_names_are_named_by_all_their_settings() {
    let folder = "/etc/cordum/tls/server";
    for told in [false, true] {
        let Some(made) = Namespace::healthy() else { return };
        specs(&made, "cordum-api-gateway", |spec| {
            renamed(spec);
            for front in ["GRPC_TLS", "GATEWAY_HTTP_TLS"] {
                if told {
                    set(spec, "gateway", &format!("{front}_CERT"), Some(&format!("{folder}/server.pem")));
                    set(spec, "gateway", &format!("{front}_KEY"), Some(&format!("{folder}/server-key.pem")));
                }
            }
        });
        if told {
            let report = made.run(&[]);
            assert_eq!((roots(&report), status_of(&report, "certificates")), (NONE, "pass"), "{report:#}");
            continue;
        }
        made.looping("cordum-api-gateway", "gateway", "[GATEWAY] ERROR api gateway error error=grpc tls keypair: initial cert load (gateway-grpc): open /etc/cordum/tls/server/tls.crt: no such file or directory");
        let report = made.run(&[]);
        assert_eq!(roots(&report), ["deployment/cordum-api-gateway bad-key-file"], "{report:#}");
        let command = command(&report);
        for (name, file) in [
            ("GRPC_TLS_CERT", "server.pem"),
            ("GRPC_TLS_KEY", "server-key.pem"),
            ("GATEWAY_HTTP_TLS_CERT", "server.pem"),
            ("GATEWAY_HTTP_TLS_KEY", "server-key.pem"),
        ] {
            assert!(command.contains(&format!("{name}={folder}/{file}")), "{command}");
        }
    }
}

/// An init container runs before everything else: what a probe of an earlier start said is over.
#[test]
fn an_init_container_that_waits_is_behind_whom_it_waits_for() {
    for (waits_for, selected, root) in [
        ("nats 4222", false, "service/nats connection-refused"),
        ("nats 4222", true, "deployment/cordum-workflow-engine none"),
        ("vault.ops 8200", true, "deployment/cordum-workflow-engine none"),
    ] {
        let Some(made) = Namespace::healthy() else { return };
        if !selected {
            made.edit("services", "nats", |one| one["spec"]["selector"] = json!({"app": "cordum-nats"}));
        }
        specs(&made, "cordum-workflow-engine", |spec| {
            spec["initContainers"].as_array_mut().unwrap().push(json!({"name": "wait", "image": "busybox",
                "command": ["sh", "-c", format!("until nc -z {waits_for}; do sleep 2; done")]}));
        });
        made.edit("pods", "cordum-workflow-engine-", |pod| {
            let status = &mut pod["status"];
            status["phase"] = "Pending".into();
            for one in status["conditions"].as_array_mut().unwrap() {
                if matches!(one["type"].as_str(), Some("Ready" | "ContainersReady" | "Initialized")) {
                    one["status"] = "False".into();
                }
            }
            status["initContainerStatuses"]
                .as_array_mut()
                .unwrap()
                .push(json!({"name": "wait", "ready": false,
                "restartCount": 0, "state": {"running": {"startedAt": "2026-11-29T14:52:00Z"}}}));
            for one in status["containerStatuses"].as_array_mut().unwrap() {
                one["ready"] = false.into();
                one["state"] = json!({"waiting": {"reason": "PodInitializing"}});
            }
        });
        let report = made.run(&[]);
        assert_eq!(roots(&report), [root], "{waits_for} {report:#}");
        if selected {
            assert!(command(&report).contains(" -c wait "), "{report:#}");
        }
    }
}

#[test]
fn a_sidecar_among_the_init_containers_is_a_sidecar() {
    let Some(made) = Namespace::healthy() else { return };
    specs(&made, "cordum-scheduler", |spec| {
        let mut one = container(spec, "otel-collector").clone();
        one["restartPolicy"] = "Always".into();
        spec["containers"].as_array_mut().unwrap().retain(|one| one["name"] != "otel-collector");
        spec["initContainers"].as_array_mut().unwrap().push(one);
    });
    made.edit("pods", "cordum-scheduler-", |pod| {
        let all = pod["status"]["containerStatuses"].as_array_mut().unwrap();
        let at = all.iter().position(|one| one["name"] == "otel-collector").unwrap();
        let one = all.remove(at);
        pod["status"]["initContainerStatuses"].as_array_mut().unwrap().push(one);
    });
    let report = made.run(&[]);
    assert_eq!((roots(&report), status_of(&report, "service-links")), (NONE, "pass"), "{report:#}");
}
