//! Secrets planted in every input occur in no output of any format, whoever sends them back, and in nothing
//! that others can see of a started process.

#![cfg(unix)]

#[path = "support/child.rs"]
mod child;
#[path = "hostile/engine.rs"]
#[allow(dead_code, reason = "the good engine alone is used here")]
mod engine;
#[path = "hostile/peer.rs"]
#[allow(dead_code, reason = "only some behaviours are used here")]
mod peer;

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tls_verify_fixtures::pki::{Authority, Layout, Leaf};

use child::{Ended, program, run, start};
use peer::{Does, Stream, asked};

const HARD: Duration = Duration::from_secs(60);

const API_KEY: &str = "canary-api-key-5d1f";
const REDIS: &str = "canary-redis-9c07\"&<%";
const TOKEN: &str = "canary-nats-token-77ab";
const PASSWORD: &str = "canary-nats-password-e210";
const IN_URL: &str = "canary-in-a-url-31c9";
const KEY_PASSWORD: &str = "canary-key-password-f00d";
const IN_LOG: &str = "canary-of-others-ab12";
const OF_CONTAINER: &str = "canary-of-a-container-c0de";

const ALL: &[&str] =
    &[API_KEY, "canary-redis-9c07", TOKEN, PASSWORD, IN_URL, KEY_PASSWORD, IN_LOG, OF_CONTAINER];

/// What a hostile or careless peer sends back: everything that it was told, without any word around it.
fn echo(stream: &mut dyn Stream) -> io::Result<()> {
    let request = String::from_utf8_lossy(&asked(stream)?).into_owned();
    let values: Vec<&str> = request
        .split(['\r', '\n', '"', ',', ' '])
        .filter(|word| word.to_ascii_lowercase().contains("canary"))
        .collect();
    let said = format!("wrong {} {}", values.join(" "), request.replace(['\r', '\n'], " "));
    if request.starts_with("GET") {
        let body = format!("{{\"error\":\"{}\"}}", said.replace('"', "'"));
        let status = if request.contains("/readyz") { "503 Unavailable" } else { "401 Unauthorized" };
        write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )?;
    } else if request.starts_with("CONNECT") {
        write!(stream, "-ERR 'Authorization Violation for {said}'\r\n")?;
    } else {
        write!(stream, "{}", format!("-ERR {said}\r\n").repeat(4))?;
    }
    stream.flush()?;
    peer::wait(stream)
}

/// An engine whose containers have secrets in their environment and in their logs.
fn chatty(stream: &mut UnixStream, path: &str) -> io::Result<()> {
    let json = |stream: &mut UnixStream, text: &str| {
        write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
            text.len()
        )
    };
    if path.contains("/logs") {
        let log = log();
        let mut frame = vec![2, 0, 0, 0];
        frame.extend(u32::try_from(log.len()).unwrap().to_be_bytes());
        frame.extend(log.as_bytes());
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", frame.len())?;
        return stream.write_all(&frame);
    }
    if path.ends_with("/json") && !path.contains("/containers/json") {
        let id = path.split('/').rev().nth(1).unwrap_or_default();
        return json(
            stream,
            &format!(
                "{{\"Id\":\"{id}\",\"Name\":\"/cordum-{id}-1\",\"RestartCount\":3,\"State\":{{\"Status\":\
                 \"restarting\",\"Running\":true,\"Restarting\":true,\"ExitCode\":1,\"StartedAt\":\
                 \"2026-01-01T00:00:00Z\",\"Error\":\"{OF_CONTAINER}\"}},\"Config\":{{\"Env\":[\"REDIS_PASSWORD=\
                 {OF_CONTAINER}\",\"CORDUM_API_KEY={OF_CONTAINER}\",\"NATS_URL=tls://u:{OF_CONTAINER}@nats:4222\"]}}}}"
            ),
        );
    }
    engine::good(stream, path)
}

fn log() -> String {
    [
        format!("[GATEWAY] ERROR exit error=connect redis rediss://:{IN_LOG}@redis:6379: x509: certificate has expired"),
        format!("[SCHEDULER] ERROR connect nats tls://user:{IN_LOG}@nats:4222: connection refused"),
        format!("redis: WRONGPASS password={IN_LOG} Authorization: Bearer {IN_LOG} x-api-key: {IN_LOG}"),
        // Our own secret in a line that gives no hint of it.
        format!("[GATEWAY] ERROR login of {API_KEY} with {PASSWORD} refused: x509: certificate signed by unknown authority"),
    ]
    .map(|line| format!("2026-01-01T00:00:01.000000000Z {line}\n"))
    .concat()
}

struct Lab {
    folder: tempfile::TempDir,
    port: u16,
    nats: u16,
    keys: Vec<String>,
}

impl Lab {
    fn new() -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let ca = Authority::generate().unwrap();
        let (server, client) = (ca.issue(&Leaf::server()).unwrap(), ca.issue(&Leaf::client()).unwrap());
        let certs = folder.path().join("certs");
        Layout::write(&certs, &ca, &server, &client).unwrap();
        // A private key where none belongs.
        let mixed = format!("{}{}", fs::read_to_string(certs.join("ca/ca.crt")).unwrap(), ca.key_pem());
        fs::write(certs.join("ca/ca.crt"), mixed).unwrap();
        let builder = rustls::ServerConfig::builder().with_no_client_auth();
        let config = Arc::new(builder.with_single_cert(server.chain.clone(), server.private_key()).unwrap());
        let does = Does::InTls("", echo);
        let logs = folder.path().join("logs");
        fs::create_dir(&logs).unwrap();
        for service in ["api-gateway", "scheduler", "safety-kernel", "workflow-engine", "context-engine"] {
            fs::write(logs.join(format!("{service}.log")), log()).unwrap();
        }
        let keys = [ca.key_pem(), server.key_pem(), client.key_pem()]
            .iter()
            .map(|pem| pem.lines().nth(1).unwrap().to_owned())
            .collect();
        let (port, nats) = (peer::start(does, &config, false), peer::start(does, &config, true));
        Self { folder, port, nats, keys }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program with secrets in every variable that it reads.
    fn program(&self) -> Command {
        let mut command = program();
        command
            .env("CORDUM_API_KEY", API_KEY)
            .env("REDIS_PASSWORD", REDIS)
            .env("NATS_TOKEN", TOKEN)
            .env("NATS_PASSWORD", PASSWORD)
            .env("NATS_USERNAME", "user")
            .env("HOME", self.folder.path());
        command
    }

    /// The stack's targets, all of them peers that send back what they hear.
    fn run(&self) -> Command {
        let mut command = self.program();
        command
            .args(["run", "--all", "-v", "--timeout", "2s", "--deadline", "6s", "--certs"])
            .arg(self.path("certs"))
            .args(["--gateway", &format!("https://localhost:{}", self.port)])
            .args(["--dashboard", &format!("http://localhost:{}", self.port)])
            .args(["--gateway-grpc", &format!("localhost:{}", self.port)])
            .env("NATS_URL", format!("tls://user:{IN_URL}@localhost:{}", self.nats))
            .env("REDIS_URL", format!("rediss://:{IN_URL}@localhost:{}", self.port));
        command
    }

    fn clean(&self, ended: &Ended, what: &str) {
        let texts = [("standard output", &ended.out), ("standard error", &ended.err)];
        for (stream, text) in texts {
            self.holds_none(text, &format!("{what}, {stream}"));
        }
        assert!(!ended.err.contains("panicked"), "{what}: {}", ended.err);
    }

    fn holds_none(&self, text: &str, what: &str) {
        for canary in ALL.iter().copied().chain(self.keys.iter().map(String::as_str)) {
            let at = text.find(canary);
            let around = at.map(|at| text.get(at.saturating_sub(80)..at + canary.len()).unwrap_or(canary));
            assert!(at.is_none(), "{what}: {canary} is shown: …{}", around.unwrap_or_default());
        }
    }
}

const FORMATS: &[&str] = &["human", "json", "junit", "tap", "github", "sarif", "prometheus"];

#[test]
fn a_run_shows_none_in_any_format() {
    let lab = Lab::new();
    for (number, source) in ["logs", "engine"].into_iter().enumerate() {
        let mut command = lab.run();
        if source == "logs" {
            command.arg("--no-docker").arg("--logs").arg(lab.path("logs"));
        } else {
            let socket = engine::start(lab.folder.path(), chatty);
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
        let socket = engine::start(folder.path(), chatty);
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
