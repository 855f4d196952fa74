//! Inputs that are made to break a reader: one clear word about each, in bounded time, and other files are read all
//! the same.

use std::fs;
use std::time::{Duration, Instant};

use super::{audited, loud};

const GOOD: &str = "services:\n  redis:\n    image: redis:7\n    command: redis-server --port 0 --tls-port 6379 --tls-cert-file /x.pem\n";

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

#[test]
fn bombs_cycles_and_depths_end_in_one_finding_each_and_hide_nothing() {
    let mut bomb = "apiVersion: v1\nkind: ConfigMap\na0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
    for level in 1..15 {
        let all = vec![format!("*a{}", level - 1); 10].join(",");
        bomb.push_str(&format!("a{level}: &a{level} [{all}]\n"));
    }
    let deep = format!("apiVersion: v1\nkind: ConfigMap\ndata: {}", "[".repeat(200_000));
    let cycle = "services:\n  a:\n    extends: {file: x.yml, service: b}\n  nats:\n    image: nats\n    command: -c /n.conf\n    volumes: [\"./n.conf:/n.conf\"]\n";
    let files = [
        ("k/bomb.yaml", bomb.as_str()),
        ("k/deep.yaml", deep.as_str()),
        ("c/compose.yaml", cycle),
        ("c/x.yml", "services:\n  b:\n    extends: {file: x.yml, service: b}\n"),
        ("c/n.conf", "include \"n.conf\"\n"),
        ("i/compose.yaml", "include: [compose.yaml]\nservices: {}\n"),
        ("g/compose.yaml", GOOD),
    ];
    let folder = folder(&files);
    let begun = Instant::now();
    let (report, code) = audited(folder.path(), &["."]);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    let found = loud(&report);
    for file in ["k/bomb.yaml", "k/deep.yaml", "c/x.yml", "c/n.conf", "i/compose.yaml"] {
        let has = found.iter().any(|(rule, at, _)| rule == "unreadable-config" && at == file);
        assert!(has, "nothing of {file}: {found:?}");
    }
    assert!(found.iter().any(|(rule, at, _)| rule == "half-pair" && at == "g/compose.yaml"), "{found:?}");
    assert_eq!(code, 1);
}

#[test]
fn a_link_out_of_the_folder_is_not_followed() {
    let outside = folder(&[("secret.conf", "port: 1\ntls {\n")]);
    let inside = folder(&[(
        "compose.yaml",
        "services:\n  nats:\n    image: nats\n    command: -c /n.conf\n    volumes: [\"./n.conf:/n.conf\"]\n",
    )]);
    std::os::unix::fs::symlink(outside.path().join("secret.conf"), inside.path().join("n.conf")).unwrap();
    let (report, _) = audited(inside.path(), &["."]);
    let found = loud(&report);
    assert!(!found.iter().any(|(rule, ..)| rule == "unreadable-config"), "{found:?}");
}

#[test]
fn bytes_that_are_no_text_are_no_panic() {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = b"services:\n  a:\n    image: \"".to_vec();
    bytes.extend((0..=255_u8).cycle().take(5000));
    fs::write(folder.path().join("compose.yaml"), &bytes).unwrap();
    fs::write(folder.path().join("m.yaml"), b"\xff\xfe\x00apiVersion: v1\nkind: Pod\n").unwrap();
    let (report, code) = audited(folder.path(), &["."]);
    assert!(matches!(code, 0 | 1), "{report}");
}

#[test]
fn what_is_no_deployment_is_a_usage_error_that_names_the_input() {
    let empty = tempfile::tempdir().unwrap();
    for arguments in [
        &["."][..],
        &["nowhere"],
        &["-f", "nowhere.yml"],
        &["--env-file", "nowhere.env"],
        &["--docker", "--docker-host", "unix:///nowhere.sock"],
        &["--kubernetes"],
    ] {
        let (report, code) = audited(empty.path(), arguments);
        assert_eq!(code, 2, "{arguments:?}");
        assert_eq!(report["schema"], "tls-verify/error/v1");
        assert!(report["errors"][0]["fix"].is_string(), "{report}");
    }
}

#[test]
fn secrets_are_in_no_output() {
    let folder = folder(&[(
        "compose.yaml",
        "services:\n  redis:\n    image: redis:7\n    command: redis-server --port 0 --tls-port 6379 --requirepass hunter2x\n  app:\n    image: r.example.test/app\n    environment:\n      REDIS_URL: redis://user:hunter2x@redis:6379\n",
    )]);
    for format in ["human", "json", "jsonl", "sarif", "github", "junit"] {
        let output = crate::program()
            .args(["audit", "--format", format, "-v"])
            .current_dir(folder.path())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.contains("scheme-mismatch"), "{format}: {text}");
        assert!(!text.contains("hunter2x"), "{format}: {text}");
    }
}
