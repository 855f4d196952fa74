//! A machine that does not run us in time: what ran out of time meanwhile is tried again, and a peer that is silent is
//! told all the same.

use std::fs;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tls_verify_fixtures::child;
use tls_verify_fixtures::pki::{Authority, Leaf};

use crate::probe::lab::{acceptor, listen};

#[test]
fn what_ran_out_of_time_while_we_were_not_run_is_tried_again() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let ca = Authority::generate().unwrap();
    fs::write(folder.path().join("ca.crt"), ca.pem()).unwrap();
    let tls = acceptor(&ca.issue(&Leaf::server()).unwrap());
    // It takes its time, so that the handshakes go on while we are stopped.
    let slow = listen(&runtime, move |stream| {
        let tls = tls.clone();
        async move {
            tokio::time::sleep(Duration::from_millis(700)).await;
            if let Ok(stream) = tls.accept(stream).await {
                tokio::time::sleep(Duration::from_secs(5)).await;
                drop(stream);
            }
        }
    });
    let silent = listen(&runtime, |stream| async move {
        tokio::time::sleep(Duration::from_secs(120)).await;
        drop(stream);
    });
    let mut list = format!("localhost:{silent}\n");
    list.extend((0..20).map(|_| format!("localhost:{slow}\n")));
    fs::write(folder.path().join("list"), list).unwrap();
    let mut command = crate::bare();
    command
        .args(["probe", "--targets", "list", "--cacert", "ca.crt", "--timeout", "2s", "--format", "jsonl"])
        .current_dir(folder.path());
    let probe = child::start(&mut command);
    let signal = |name: &str| {
        let sent = Command::new("kill").args([name, &probe.id().to_string()]).status().unwrap();
        assert!(sent.success());
    };
    std::thread::sleep(Duration::from_millis(500));
    signal("-STOP");
    std::thread::sleep(Duration::from_secs(3));
    signal("-CONT");
    let ended = probe.end(Duration::from_secs(60));
    let all: Vec<Value> = ended.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(all.len(), 21, "{}", ended.err);
    let again = all.iter().filter(|one| one["details"]["tries"].is_number()).count();
    assert!(again > 0, "nothing ran out of time: {}", ended.out);
    let bad: Vec<&Value> = all.iter().filter(|one| one["status"] != "pass").collect();
    let [one] = bad.as_slice() else { panic!("{bad:?}") };
    assert_eq!(one["target"], format!("localhost:{silent}"));
    assert_eq!(one["diagnoses"][0]["cause"], "timeout", "{one}");
}
