//! Lists of targets: in shards, merged, in order, and asked as far as the applications.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::process::Command;

use serde_json::Value;

use crate::probe::lab::Lab;

#[test]
fn shards_together_are_the_whole_run() {
    let lab = Lab::start(None);
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("targets");
    let mut file = fs::File::create(&list).unwrap();
    writeln!(file, "# a comment\n").unwrap();
    for index in 0..20 {
        // Names differ, so that each target can be told from the others.
        writeln!(file, "https://localhost:{}/{index}", lab.demo.gateway.port()).unwrap();
    }
    writeln!(file, "rubbish").unwrap();
    let list = list.to_str().unwrap();
    let lines = |arguments: &[&str]| -> BTreeSet<String> {
        let output = lab.probe(&[&["--targets", list, "--format", "jsonl"], arguments].concat());
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines()
            .map(|line| {
                let object: Value = serde_json::from_str(line).unwrap();
                format!("{} {}", object["target"], object["status"])
            })
            .collect()
    };
    let whole = lines(&[]);
    assert_eq!(whole.len(), 21);
    let mut together = BTreeSet::new();
    let mut files = Vec::new();
    for index in 0..3 {
        let shard = format!("{index}/3");
        let share = lines(&["--shard", &shard]);
        assert_eq!(share.len(), 7);
        assert!(together.is_disjoint(&share), "{shard}");
        together.extend(share);
        let output = lab.probe(&["--targets", list, "--format", "jsonl", "--shard", &shard]);
        let path = folder.path().join(format!("{index}.jsonl"));
        fs::write(&path, output.stdout).unwrap();
        files.push(path);
    }
    assert_eq!(whole, together);
    let merged = Command::new(env!("CARGO_BIN_EXE_tls-verify")).arg("merge").args(&files).output().unwrap();
    let report: Value = serde_json::from_slice(&merged.stdout).unwrap();
    assert_eq!(merged.status.code(), Some(3), "{report}");
    assert_eq!(report["endpoints"].as_array().unwrap().len(), 21);
    let ordered = lab.probe(&["--targets", list, "--format", "jsonl", "--ordered"]);
    let first: Value =
        serde_json::from_str(String::from_utf8(ordered.stdout).unwrap().lines().next().unwrap()).unwrap();
    assert!(first["target"].as_str().unwrap().ends_with("/0"), "{first}");
}

#[test]
fn a_list_is_answered_by_the_applications_too() {
    let lab = Lab::start(None);
    let demo = &lab.demo;
    let port = |address: std::net::SocketAddr| format!("localhost:{}", address.port());
    let rows = [
        (format!("https://{}/api/v1/status", port(demo.gateway)), "HTTP "),
        (format!("grpcs://{}", port(demo.safety_kernel)), ""),
        (format!("tls://{}", port(demo.nats)), "PONG over TLSv1.3 with the client certificate"),
        (format!("rediss://{}", port(demo.redis)), ""),
    ];
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("list");
    fs::write(&list, rows.iter().map(|(target, _)| format!("{target}\n")).collect::<String>()).unwrap();
    let output =
        lab.probe(&["--targets", list.to_str().unwrap(), "--ordered", "--format", "jsonl", "--jobs", "4"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().count(), rows.len());
    for (line, (target, says)) in text.lines().zip(&rows) {
        let one: Value = serde_json::from_str(line).unwrap();
        assert_eq!(
            (&one["status"], &one["target"]),
            (&Value::from("pass"), &Value::from(target.as_str())),
            "{one}"
        );
        let said = one["details"]["application"].as_str().unwrap_or_default();
        assert!(said.starts_with(says) && !said.is_empty(), "{target}: {one}");
    }
}
