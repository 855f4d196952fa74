//! The README's console blocks do what they say: each line is run, with stand-ins for the programs of
//! other people, against a demo stack.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use tls_verify_fixtures::demo::Demo;

fn program(folder: &Path, name: &str, script: &str) {
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir_all(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// What a line ends in here, where the stack is healthy and no engine can be reached; the first words count.
const CODES: &[(&str, &[i32])] = &[
    ("--fault ", &[1]),
    ("--list-faults", &[0]),
    ("demo", &[0]),
    ("export ", &[0]),
    // It says that it cannot reach an engine.
    ("diagnose --docker", &[2]),
    ("diagnose", &[1]),
    ("explain", &[0]),
    // There is no deployment where this test runs.
    ("tls-verify audit", &[0, 2]),
    ("--watch", &[130]),
    ("run --list", &[0]),
    ("--fail-on new", &[3]),
    ("probe ", &[0]),
    // Throw-away keys are readable for this user alone: warnings; `--at` may lie after their end.
    ("certs", &[0, 1, 3]),
    // The services' logs cannot be read.
    ("tls-verify", &[3]),
];

#[test]
fn every_console_line_of_the_readme_runs() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let demo = runtime.block_on(Demo::start(None)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let bin = folder.path().join("bin");
    fs::create_dir_all(&bin).unwrap();
    let tool = env!("CARGO_BIN_EXE_tls-verify");
    program(&bin, "tls-verify", &format!("exec {tool} \"$@\""));
    // `cargo run --release -- ARGS`.
    program(&bin, "cargo", &format!("shift 3; exec {tool} \"$@\""));
    program(
        &bin,
        "docker",
        "echo 'scheduler-1  | connect redis: x509: certificate has expired or is not yet valid'",
    );
    program(
        &bin,
        "kubectl",
        "printf 'apiVersion: v1\\nkind: Secret\\nmetadata:\\n  name: a\\ndata:\\n  ca.crt: %s\\n' \"$(base64 -w0 certs/ca/ca.crt)\"",
    );
    let certs = folder.path().join("certs");
    fs::create_dir_all(&certs).unwrap();
    copy(&demo.certs, &certs);
    fs::write(folder.path().join("key"), &demo.api_key).unwrap();
    let earlier = Command::new(tool).args(["demo", "--format", "json"]).output().unwrap();
    fs::write(folder.path().join("yesterday.json"), earlier.stdout).unwrap();
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let mut lines = 0;
    for block in readme.split("```console\n").skip(1) {
        let block = block.split("```").next().unwrap();
        for line in block.lines().filter_map(|line| line.strip_prefix("$ ")) {
            // This is what runs this test.
            if line == "./scripts/test" {
                continue;
            }
            lines += 1;
            let line = line
                .replace("https://localhost:8081", &format!("https://localhost:{}", demo.gateway.port()))
                .replace("tls://localhost:4222", &format!("tls://localhost:{}", demo.nats.port()))
                .replace("rediss://localhost:6379", &format!("rediss://localhost:{}", demo.redis.port()))
                .replace("--wait 60s", "--wait 1s")
                .replace("--listen 9109", "--listen 0")
                // Some rounds, then Ctrl-C.
                .replace(
                    "tls-verify run --watch 60s",
                    "timeout --preserve-status -s INT 3 tls-verify run --watch 200ms",
                );
            let output = Command::new("timeout")
                .args(["120", "sh", "-c", &line])
                .stdin(Stdio::null())
                .current_dir(folder.path())
                .env("PATH", format!("{}:/usr/bin:/bin", bin.display()))
                .env("CORDUM_API_KEY", &demo.api_key)
                .env("REDIS_PASSWORD", &demo.redis_password)
                .env("CORDUM_API_BASE", format!("https://localhost:{}", demo.gateway.port()))
                .env("NATS_URL", format!("tls://localhost:{}", demo.nats.port()))
                .env("REDIS_URL", format!("rediss://localhost:{}", demo.redis.port()))
                .env("DOCKER_HOST", "unix:///nowhere.sock")
                .env("HOME", folder.path())
                .output()
                .unwrap();
            let code = output.status.code().unwrap();
            let text = String::from_utf8_lossy(&output.stdout);
            let err = String::from_utf8_lossy(&output.stderr);
            let (_, wanted) = CODES.iter().find(|(words, _)| line.contains(words)).unwrap();
            assert!(wanted.contains(&code), "`{line}` ends with {code}: {text} {err}");
            assert!(
                !text.is_empty() || !err.is_empty() || line.starts_with("export"),
                "`{line}` says nothing"
            );
        }
    }
    assert!(lines >= 17, "{lines} lines");
    for report in ["tls.xml", "tls.html", "tls.prom"] {
        assert!(fs::metadata(folder.path().join(report)).is_ok_and(|meta| meta.len() > 0), "{report}");
    }
}
