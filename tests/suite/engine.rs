//! Docker engines that are well, and ones that are not: what of `run` is then undecided, and why. A fake
//! engine on a Unix socket; no Docker.

use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tls_verify_fixtures::demo::Demo;

const SERVICES: &[&str] = &["api-gateway", "scheduler", "safety-kernel", "workflow-engine", "context-engine"];

type Answer = fn(&mut UnixStream, &str) -> io::Result<()>;

/// A fake engine; its threads end with the test program.
fn start(folder: &Path, answer: Answer) -> PathBuf {
    start_with(folder, Arc::new(answer))
}

/// What an engine of one's own does with a request for a path.
pub(crate) type EngineAnswers = Arc<dyn Fn(&mut UnixStream, &str) -> io::Result<()> + Send + Sync>;

pub(crate) fn start_with(folder: &Path, answer: EngineAnswers) -> PathBuf {
    let socket = folder.join("docker.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            std::thread::spawn(move || {
                let limit = Some(Duration::from_secs(60));
                stream.set_read_timeout(limit)?;
                stream.set_write_timeout(limit)?;
                let mut asked = Vec::new();
                let mut buffer = [0_u8; 1024];
                while !asked.windows(4).any(|window| window == b"\r\n\r\n") {
                    match stream.read(&mut buffer)? {
                        0 => return Ok(()),
                        count => asked.extend_from_slice(&buffer[..count]),
                    }
                }
                let text = String::from_utf8_lossy(&asked).into_owned();
                answer(&mut stream, text.split_whitespace().nth(1).unwrap_or_default())
            });
        }
    });
    socket
}

fn send(stream: &mut UnixStream, status: &str, kind: &str, body: &[u8]) -> io::Result<()> {
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )?;
    stream.write_all(body)
}

pub(crate) fn object(stream: &mut UnixStream, value: &Value) -> io::Result<()> {
    send(stream, "200 OK", "application/json", value.to_string().as_bytes())
}

/// Lists and inspects five running containers; the log is left to the caller.
fn well(stream: &mut UnixStream, path: &str, log: Answer) -> io::Result<()> {
    if path.ends_with("/version") {
        return object(stream, &json!({ "Version": "20.10.24", "ApiVersion": "1.41" }));
    }
    if path.contains("/containers/json") {
        let rows: Vec<Value> = SERVICES
            .iter()
            .map(|service| {
                json!({ "Id": service, "Names": [format!("/cordum-{service}-1")], "State": "running",
                        "Labels": { "com.docker.compose.project": "cordum", "com.docker.compose.service": service } })
            })
            .collect();
        return object(stream, &Value::Array(rows));
    }
    if path.contains("/logs") {
        return log(stream, path);
    }
    let id = path.split('/').rev().nth(1).unwrap_or_default();
    object(
        stream,
        &json!({ "Id": id, "Name": format!("/cordum-{id}-1"), "RestartCount": 0,
                 "Config": { "Env": ["REDIS_URL=rediss://:inspected-secret@redis:6379",
                                     "REDIS_TLS_CA=/etc/cordum/tls/other/ca.crt"] },
                 "Mounts": [{ "Source": "/srv/certs", "Destination": "/etc/cordum/tls" }],
                 "State": { "Status": "running", "Running": true, "StartedAt": "2026-01-01T00:00:00Z" } }),
    )
}

/// One frame of the engine's log stream (standard error) a line.
fn frames(lines: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    for line in lines {
        let line = format!("2026-01-01T00:00:01.000000000Z {line}\n");
        out.extend_from_slice(&[2, 0, 0, 0]);
        out.extend_from_slice(&u32::try_from(line.len()).unwrap().to_be_bytes());
        out.extend_from_slice(line.as_bytes());
    }
    out
}

const RAW: &str = "application/vnd.docker.raw-stream";

fn healthy_log(stream: &mut UnixStream, _: &str) -> io::Result<()> {
    send(stream, "200 OK", RAW, &frames(&["[SCHEDULER] INFO scheduler running, waiting for signals..."]))
}

fn own_ca(stream: &mut UnixStream, path: &str) -> io::Result<()> {
    if !path.contains("scheduler") {
        return healthy_log(stream, path);
    }
    let line = "[SCHEDULER] ERROR failed to connect to Redis for job store error=connect redis: tls: failed to \
                verify certificate: x509: certificate signed by unknown authority";
    send(stream, "200 OK", RAW, &frames(&["[SCHEDULER] INFO cordum scheduler starting...", line]))
}

fn stalled(stream: &mut UnixStream, _: &str) -> io::Result<()> {
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Type: {RAW}\r\nTransfer-Encoding: chunked\r\n\r\n")?;
    let mut nothing = [0_u8; 1];
    let _ = stream.read(&mut nothing);
    Ok(())
}

/// The engine, what check 7 says of it, and words of why.
const ROWS: &[(&str, Answer, &str, &str)] = &[
    ("well", |stream, path| well(stream, path, healthy_log), "pass", "none is Redis or TLS trouble"),
    (
        "a service's own CA",
        |stream, path| well(stream, path, own_ca),
        "fail unknown-authority",
        "unknown authority",
    ),
    (
        "logs are gone",
        |stream, path| {
            well(stream, path, |stream, _| {
                send(stream, "404 Not Found", "application/json", b"{\"message\":\"No such container\"}")
            })
        },
        "unknown",
        "No such container",
    ),
    (
        "a log that stalls",
        |stream, path| well(stream, path, stalled),
        "unknown",
        "not read to its end in time",
    ),
    (
        "no engine at all",
        |stream, _| stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n"),
        "unknown",
        "Docker is not reachable at",
    ),
    (
        "an engine that refuses",
        |stream, _| {
            send(stream, "500 Internal Server Error", "application/json", b"{\"message\":\"on fire\"}")
        },
        "unknown",
        "on fire",
    ),
];

/// A stack whose Redis is there: without one, the cleanest log proves nothing. The last who has it ends it.
fn redis() -> Arc<(tokio::runtime::Runtime, Demo)> {
    static CELL: Mutex<Weak<(tokio::runtime::Runtime, Demo)>> = Mutex::new(Weak::new());
    let mut cell = CELL.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = cell.upgrade() {
        return known;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let demo = runtime.block_on(Demo::start(None)).unwrap();
    let made = Arc::new((runtime, demo));
    *cell = Arc::downgrade(&made);
    made
}

/// Check 7 with an engine: status and main cause, its summary, the whole report.
fn redis_logs(socket: &Path) -> (String, String, Value) {
    redis_logs_where(socket, |_| {})
}

/// The same with something more in the environment.
fn redis_logs_where(socket: &Path, set: impl FnOnce(&mut Command)) -> (String, String, Value) {
    let folder = tempfile::tempdir().unwrap();
    let stack = redis();
    let demo = &stack.1;
    let begun = Instant::now();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tls-verify"));
    set(&mut command);
    let mut child = command
        .args(["run", "--only", "redis-logs", "--format", "json", "--deadline", "6s", "--timeout", "1s"])
        .args(["--redis", &format!("rediss://localhost:{}", demo.redis.port()), "--certs"])
        .arg(&demo.certs)
        .arg("--docker-host")
        .arg(format!("unix://{}", socket.display()))
        .env("XDG_STATE_HOME", folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while child.try_wait().unwrap().is_none() {
        if begun.elapsed() > Duration::from_secs(60) {
            let _ = child.kill();
            panic!("no end within a minute, with a deadline of 6 s");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = child.wait_with_output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(!report.to_string().contains("inspected-secret"), "{report}");
    let check = &report["checks"][0];
    let mut said = check["status"].as_str().unwrap().to_owned();
    if let (Some(cause), false) =
        (check.pointer("/diagnoses/0/cause").and_then(Value::as_str), said == "pass")
    {
        said = format!("{said} {cause}");
    }
    (said, check["summary"].as_str().unwrap().to_owned(), report)
}

#[test]
fn each_engine_is_told_apart_and_none_is_a_pass_without_a_log() {
    for (name, answer, expected, why) in ROWS {
        let folder = tempfile::tempdir().unwrap();
        let (said, summary, report) = redis_logs(&start(folder.path(), *answer));
        assert_eq!(said, *expected, "{name}: {report}");
        assert!(report["checks"][0].to_string().contains(why), "{name}: {summary}");
    }
}

#[test]
fn the_fix_names_the_setting_and_the_file_on_the_host() {
    let folder = tempfile::tempdir().unwrap();
    let socket = start(folder.path(), |stream, path| well(stream, path, own_ca));
    let (_, _, report) = redis_logs(&socket);
    let fix = report.pointer("/root_causes/0/fix/0/text").unwrap().as_str().unwrap();
    assert!(fix.starts_with("in scheduler look at REDIS_TLS_CA (now /etc/cordum/tls/other/ca.crt"), "{fix}");
    assert!(fix.contains("on the host /srv/certs/other/ca.crt"), "{fix}");
}

#[test]
fn the_fix_is_a_command_of_the_compose_that_is_there_and_finds_the_projects_file() {
    let folder = tempfile::tempdir().unwrap();
    let put = |place: &str, name: &str| {
        let file = folder.path().join(place).join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, "").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    put("cli", "docker");
    put("settings/cli-plugins", "docker-compose");
    put("one", "docker-compose");
    let socket = start(folder.path(), |stream, path| well(stream, path, own_ca));
    let fix = |path: &str, socket: &Path| {
        let (_, _, report) = redis_logs_where(socket, |command| {
            command.env("PATH", folder.path().join(path));
            command.env("DOCKER_CONFIG", folder.path().join("settings")).env_remove("HOME");
        });
        let command = report.pointer("/root_causes/0/fix/0/command").and_then(Value::as_str);
        command.unwrap_or_else(|| panic!("{report}")).lines().last().unwrap_or_default().to_owned()
    };
    let restart = "-p cordum up -d --no-deps scheduler";
    assert_eq!(fix("cli", &socket), format!("docker compose {restart}"));
    assert_eq!(fix("one", &socket), format!("docker-compose {restart}"));
    assert_eq!(fix("nothing", &socket), format!("docker compose {restart}"));
    // Made by version 1, from a file here that Compose does not look for.
    let socket = start(&folder.path().join("cli"), made_by_version_1);
    let restart = "-p cordum -f docker-compose.test.yml up -d --no-deps scheduler";
    assert_eq!(fix("nothing", &socket), format!("docker-compose {restart}"));
    assert_eq!(fix("cli", &socket), format!("docker compose {restart}"));
}

fn made_by_version_1(stream: &mut UnixStream, path: &str) -> io::Result<()> {
    if !path.contains("/containers/json") {
        return well(stream, path, own_ca);
    }
    let rows = SERVICES.iter().map(|service| {
        json!({ "Id": service, "Names": [format!("/cordum_{service}_1")], "State": "running",
                "Labels": { "com.docker.compose.project": "cordum", "com.docker.compose.service": service,
                            "com.docker.compose.version": "1.29.2",
                            "com.docker.compose.project.working_dir": env!("CARGO_MANIFEST_DIR"),
                            "com.docker.compose.project.config_files": "docker-compose.test.yml" } })
    });
    object(stream, &rows.collect())
}

#[test]
fn a_socket_that_is_not_there_or_not_ours_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let (said, summary, _) = redis_logs(&folder.path().join("nowhere.sock"));
    assert_eq!(said, "unknown", "{summary}");
    assert!(summary.contains("Docker is not reachable at unix://"), "{summary}");
    let socket = start(folder.path(), |stream, path| well(stream, path, healthy_log));
    std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o000)).unwrap();
    // Nothing is closed to root.
    if UnixStream::connect(&socket).is_err() {
        let (said, summary, _) = redis_logs(&socket);
        assert_eq!(said, "unknown", "{summary}");
        assert!(summary.to_lowercase().contains("permission denied"), "{summary}");
    }
}

/// What listens where the defaults look is another project's: it is none of the project that was asked for.
#[test]
fn of_a_project_that_is_not_there_nothing_is_dialled_in_another_ones_place() {
    let folder = tempfile::tempdir().unwrap();
    let socket = start(folder.path(), |stream, path| {
        if path.contains("staging") { object(stream, &json!([])) } else { well(stream, path, healthy_log) }
    });
    let ca = tls_verify_fixtures::pki::Authority::generate().unwrap();
    std::fs::write(folder.path().join("ca.crt"), ca.pem()).unwrap();
    let out = crate::program()
        .args(["run", "--only", "gateway-https", "--anonymous", "--timeout", "2s", "--format", "json"])
        .args(["--cacert", "ca.crt", "--project", "staging", "--docker-host"])
        .arg(format!("unix://{}", socket.display()))
        .current_dir(folder.path())
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&out.stdout).unwrap();
    let check = &report["checks"][0];
    assert_eq!((out.status.code(), check["status"].as_str()), (Some(1), Some("fail")), "{check}");
    let main = &check["diagnoses"][0];
    let told = (main["cause"].as_str(), main["variant"].as_str());
    assert_eq!(told, (Some("connection-refused"), Some("container-absent")), "{check}");
}
