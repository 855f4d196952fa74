//! Secrets planted in every input occur in no output of any format, whoever sends them back, and in nothing
//! that others can see of a started process.

#![cfg(unix)]

mod lab;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use lab::{API_KEY, IN_LOG, IN_URL, KEY_PASSWORD, Lab, chatty, log};
use tls_verify_fixtures::child::{run, start};

const HARD: Duration = Duration::from_secs(60);

const FORMATS: &[&str] = &["human", "json", "junit", "tap", "github", "sarif", "prometheus"];

#[test]
fn a_run_shows_none_in_any_format() {
    let lab = Lab::new();
    for (number, source) in ["logs", "engine"].into_iter().enumerate() {
        let mut command = lab.run();
        if source == "logs" {
            command.arg("--no-docker").arg("--logs").arg(lab.path("logs"));
        } else {
            let socket = crate::hostile::engine::start(lab.folder.path(), chatty);
            command.arg("--docker-host").arg(format!("unix://{}", socket.display()));
        }
        for format in FORMATS {
            let file = lab.path(&format!("{number}.{format}"));
            command.args(["--report", &format!("{format}={}", file.display())]);
        }
        let ended = run(&mut command, HARD);
        assert_eq!(ended.code, Some(1), "{} {}", ended.out, ended.err);
        lab.clean(&ended, source);
        for format in FORMATS {
            let text = fs::read_to_string(lab.path(&format!("{number}.{format}"))).unwrap();
            assert!(text.len() > 100, "{format} says something");
            lab.holds_none(&text, &format!("{source}, --report {format}"));
        }
        // The peers did hear and send back what must not be shown: the mask is there.
        assert!(ended.out.contains("(redacted)"), "{}", ended.out);
    }
}

#[test]
fn a_profile_and_a_baseline_show_none() {
    let lab = Lab::new();
    let profile = lab.path("mine.toml");
    for text in [
        format!(
            "[targets]\nnats = \"tls://user:{IN_URL}@localhost:{}\"\nredis = \"rediss://:{IN_URL}@localhost:1\"\n",
            lab.nats
        ),
        format!("[targets]\nnats = \"ftp://user:{IN_URL}@localhost:1\"\n"),
        format!("[[endpoint]]\ntarget = \"rediss://:{IN_URL}@localhost:{}\"\n", lab.port),
        format!("[[endpoint]]\ntarget = \"gopher://:{IN_URL}@localhost\"\n"),
        format!("[targets]\nnats = tls://user:{IN_URL}@localhost\n"),
    ] {
        fs::write(&profile, &text).unwrap();
        for format in ["human", "json"] {
            let mut command = lab.run();
            command.env_remove("NATS_URL").env_remove("REDIS_URL");
            command.args(["--no-docker", "--format", format, "--profile"]).arg(&profile);
            lab.clean(&run(&mut command, HARD), &text.replace(IN_URL, "X"));
        }
    }
    let baseline = lab.path("earlier.json");
    for text in [
        format!(
            "{{\"schema\":\"tls-verify/run/v1\",\"checks\":[{{\"id\":\"redis-tls\",\"status\":\"fail\",\"summary\":\
             \"{IN_LOG}\",\"diagnoses\":[{{\"cause\":\"expired\",\"because\":[\"{IN_LOG}\"]}}]}}]}}"
        ),
        format!("password={IN_LOG}"),
    ] {
        fs::write(&baseline, text).unwrap();
        let mut command = lab.run();
        command.args(["--no-docker", "--baseline"]).arg(&baseline);
        lab.clean(&run(&mut command, HARD), "baseline");
    }
}

#[test]
fn wrong_targets_and_files_show_none() {
    let lab = Lab::new();
    let key_file = lab.path("key");
    fs::write(&key_file, format!("{API_KEY} {API_KEY}\n")).unwrap();
    for format in ["human", "json"] {
        for arguments in [
            vec!["run".to_owned(), "--nats".to_owned(), format!("ftp://u:{IN_URL}@host")],
            vec!["run".to_owned(), "--redis".to_owned(), format!("rediss://:{IN_URL}@")],
            vec!["run".to_owned(), "--gateway".to_owned(), format!("https://u:{IN_URL}@host:99999")],
            vec!["run".to_owned(), "--api-key-file".to_owned(), key_file.display().to_string()],
            vec!["probe".to_owned(), format!("gopher://u:{IN_URL}@host")],
            vec!["probe".to_owned(), format!("rediss://u:{IN_URL}@host:port")],
        ] {
            let mut command = lab.program();
            command
                .env("REDIS_URL", format!("rediss://:{IN_URL}@[host"))
                .args(&arguments)
                .args(["--format", format]);
            let ended = run(&mut command, HARD);
            assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.err);
            lab.clean(&ended, "usage");
        }
    }
}

#[test]
fn probe_certs_and_diagnose_show_none() {
    let lab = Lab::new();
    let list = lab.path("targets");
    fs::write(&list, format!("rediss://:{IN_URL}@localhost:{}\ngopher://:{IN_URL}@x\n", lab.port)).unwrap();
    for format in ["human", "json", "jsonl"] {
        let mut command = lab.program();
        command.args(["probe", "--timeout", "2s", "--deadline", "6s", "--format", format, "--certs"]);
        command.arg(lab.path("certs")).arg("--targets").arg(&list);
        command.arg(format!("https://u:{IN_URL}@localhost:{}/path?token={IN_URL}", lab.port));
        command.arg(format!("tls://user:{IN_URL}@localhost:{}", lab.nats));
        command.arg(format!("rediss://:{IN_URL}@localhost:{}", lab.port));
        lab.clean(&run(&mut command, HARD), "probe");
        let mut command = lab.program();
        command.args(["diagnose", "--format", format]).arg(lab.path("logs"));
        let ended = run(&mut command, HARD);
        assert_eq!(ended.code, Some(1), "{}", ended.err);
        lab.clean(&ended, "diagnose");
        let mut command = lab.program();
        command.args(["diagnose", "--format", format, &log()]);
        lab.clean(&run(&mut command, HARD), "diagnose TEXT");
        let folder = tempfile::tempdir().unwrap();
        let socket = crate::hostile::engine::start(folder.path(), chatty);
        let mut command = lab.program();
        command.args(["diagnose", "--docker", "--format", format, "--docker-host"]);
        command.arg(format!("unix://{}", socket.display()));
        let ended = run(&mut command, HARD);
        assert_eq!(ended.code, Some(1), "{}", ended.err);
        lab.clean(&ended, "diagnose --docker");
    }
    let password = lab.path("password");
    fs::write(&password, format!("{KEY_PASSWORD}\n")).unwrap();
    let encrypted = lab.path("encrypted.key");
    let made = Command::new("openssl")
        .args(["pkcs8", "-topk8", "-passout", &format!("pass:{KEY_PASSWORD}"), "-in"])
        .arg(lab.path("certs/server/tls.key"))
        .arg("-out")
        .arg(&encrypted)
        .status();
    assert!(made.unwrap().success());
    for format in ["human", "json", "sarif"] {
        let mut command = lab.program();
        command.args(["certs", "--format", format]).arg(lab.path("certs"));
        lab.clean(&run(&mut command, HARD), "certs");
        let mut command = lab.program();
        command.args(["certs", "--format", format, "--password-file"]).arg(&password);
        command.arg("--cert").arg(lab.path("certs/server/tls.crt")).arg("--key").arg(&encrypted);
        lab.clean(&run(&mut command, HARD), "certs with a password");
    }
}

/// What everybody can see of a process: its arguments; and what its owner can, its environment.
fn seen_of(id: &Path) -> String {
    ["cmdline", "environ"]
        .iter()
        .filter_map(|name| fs::read(id.join(name)).ok())
        .map(|bytes| String::from_utf8_lossy(&bytes).replace('\0', " "))
        .collect::<Vec<_>>()
        .join(" | ")
}

fn children_of(parent: u32) -> Vec<PathBuf> {
    fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            let status = fs::read_to_string(path.join("status")).unwrap_or_default();
            status
                .lines()
                .any(|line| line.strip_prefix("PPid:").is_some_and(|id| id.trim() == parent.to_string()))
        })
        .collect()
}

#[test]
fn the_demo_shows_none_and_hands_none_on() {
    let lab = Lab::new();
    let mut command = lab.program();
    command.args(["demo", "--keep", "-v", "--format", "json"]);
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    let mut watched = start(&mut command);
    watched.until(HARD, |_, err| err.contains("tls-verify run --no-docker"));
    let children = children_of(watched.id());
    let (_, err) = watched.so_far();
    // The demo's own throw-away secrets are printed for `run`, and nowhere else.
    let own: Vec<String> = ["CORDUM_API_KEY", "REDIS_PASSWORD"]
        .iter()
        .map(|name| {
            let line = err.lines().find_map(|line| line.strip_prefix(&format!("export {name}='"))).unwrap();
            line.trim_end_matches('\'').to_owned()
        })
        .collect();
    for child in &children {
        let seen = seen_of(child);
        lab.holds_none(&seen, &format!("a child of demo ({seen})"));
        for secret in &own {
            assert!(!seen.contains(secret.as_str()), "a secret of the demo in a child's arguments: {seen}");
        }
    }
    if tls_verify_fixtures::servers::on_path("redis-server").is_some() {
        assert!(!children.is_empty(), "real servers were looked at");
    }
    let id = Pid::from_raw(i32::try_from(watched.id()).unwrap()).unwrap();
    kill_process(id, Signal::INT).unwrap();
    let ended = watched.end(HARD);
    lab.clean(&ended, "demo");
    for secret in &own {
        assert!(!ended.out.contains(secret.as_str()), "the report shows the demo's own secret");
    }
}

#[test]
fn cordumctl_alone_is_told_the_key_and_by_no_argument() {
    let lab = Lab::new();
    let seen = lab.path("seen");
    let script = lab.path("cordumctl");
    let text = format!(
        "#!/bin/sh\n{{ echo \"$@\"; env | grep -v '^CORDUM_API_KEY='; }} >> '{}'\nenv >&2\necho \"default $CORDUM_API_KEY\"\nexit 1\n",
        seen.display()
    );
    fs::write(lab.path("draft"), text).unwrap();
    assert!(Command::new("cp").arg(lab.path("draft")).arg(&script).status().unwrap().success());
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    for format in ["human", "json"] {
        let mut command = lab.run();
        command.args(["--no-docker", "--only", "3,4", "--format", format, "--cordumctl"]).arg(&script);
        lab.clean(&run(&mut command, HARD), "run with a cordumctl");
    }
    let seen = fs::read_to_string(&seen).unwrap();
    assert!(seen.contains("status --gateway"), "it was started: {seen}");
    lab.holds_none(&seen, "cordumctl's arguments and the rest of its environment");
}
