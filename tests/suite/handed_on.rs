//! `collect` of an engine that calls things as it likes: what is handed on lies in its folder, holds no secret, and says
//! what is not in it.

use std::fs;
use std::io::{self, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::{Value, json};
use tls_verify_fixtures::child;

use crate::hostile::{engine, peer};

const HARD: Duration = Duration::from_secs(60);

/// Ids and services; three containers would be `scheduler-2`.
const CONTAINERS: [(&str, &str); 8] = [
    ("one", "scheduler"),
    ("two", "scheduler"),
    ("three", "scheduler-2"),
    ("up", "../../out"),
    ("root", "/etc/out"),
    ("colours", "a\u{1b}[31mb\nc"),
    ("stalls", "redis"),
    ("hidden", ".profile"),
];

fn answers(stream: &mut UnixStream, path: &str) -> io::Result<()> {
    if path.contains("/logs") {
        let line = "2026-01-01T00:00:01.000000000Z redis=rediss://u:canary-1@redis:6379 Authorization: Bearer \
                    canary-2 password=canary-3 and canary-of-the-settings\n";
        let mut frame = vec![1, 0, 0, 0];
        frame.extend_from_slice(&u32::try_from(line.len()).unwrap().to_be_bytes());
        frame.extend_from_slice(line.as_bytes());
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n";
        if path.contains("stalls") {
            write!(stream, "{head}Transfer-Encoding: chunked\r\n\r\n")?;
            return peer::wait(stream);
        }
        write!(stream, "{head}Content-Length: {}\r\nConnection: close\r\n\r\n", frame.len())?;
        return stream.write_all(&frame);
    }
    let said = if path.ends_with("/version") {
        json!({"Version": "20.10.24", "ApiVersion": "1.41"})
    } else if path.contains("/containers/json") {
        let row = |(id, service): &(&str, &str)| {
            json!({"Id": id, "Names": [format!("/{id}")], "State": "running",
                "Labels": {"com.docker.compose.project": "cordum", "com.docker.compose.service": service}})
        };
        CONTAINERS.iter().map(row).collect()
    } else if path.ends_with("/json") {
        let id = path.split('/').rev().nth(1).unwrap_or_default();
        json!({"Id": id, "Name": format!("/{id}"), "RestartCount": 0,
            "State": {"Status": "running", "Running": true, "StartedAt": "2026-01-01T00:00:00Z"},
            "Config": {"Cmd": ["redis-server", "--requirepass", "canary-4"],
                "Env": ["REDIS_PASSWORD=canary-of-the-settings", "REDIS_URL=rediss://u:canary-5@redis:6379",
                    "NATS_TLS_CA=/../../out.crt", "REDIS_TLS_CA=/c/ca.crt\u{1b}[2J.crt", "CORDUM_TLS_CA=/c/ca.crt"]}})
    } else {
        json!({"message": "it is not there"})
    };
    let said = said.to_string();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{said}",
        said.len()
    )
}

fn files(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, found);
        } else {
            let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
            found.push((path.display().to_string(), text));
        }
    }
}

#[test]
fn an_engine_that_lies_writes_nowhere_else_and_hands_on_no_secret() {
    let (folder, own) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let socket = engine::start(own.path(), answers);
    let place = folder.path().join("deep").join("er");
    fs::create_dir_all(&place).unwrap();
    for target in ["kept", "kept.tar.gz"] {
        let mut command = crate::program();
        command.args(["collect", "--docker-host", &format!("unix://{}", socket.display()), target]);
        let ended = child::run(command.current_dir(&place), HARD);
        assert_eq!(ended.code, Some(0), "{} {}", ended.out, ended.err);
        for words in ["redis.log: nothing came for 10 s, and no end", "no name of a file"] {
            assert!(ended.out.contains(words), "no `{words}` in {}", ended.out);
        }
        let tame = |text: &str| !text.contains("canary") && !text.contains('\u{1b}');
        assert!(tame(&ended.out) && tame(&ended.err), "{} {}", ended.out, ended.err);
    }
    let mut all = Vec::new();
    files(folder.path(), &mut all);
    assert!(all.iter().all(|(name, _)| name.contains("/deep/er/kept")), "{all:?}");
    for (name, text) in all.iter().filter(|(name, _)| !name.ends_with(".tar.gz")) {
        assert!(!text.contains("canary"), "{name}: {text}");
    }
    // Three of a name have three logs, and each state names its own.
    let states = fs::read_to_string(place.join("kept/states.json")).unwrap();
    let states: Value = serde_json::from_str(&states).unwrap();
    let mut logs: Vec<&str> =
        states["containers"].as_array().unwrap().iter().map(|one| one["log"].as_str().unwrap()).collect();
    logs.sort_unstable();
    assert_eq!(logs, ["redis", "scheduler", "scheduler-2", "scheduler-2-2"]);
    // A log that was not read to its end proves nothing.
    let mut command = crate::program();
    command.args(["run", "--only", "7", "--services", "scheduler,redis", "--logs", "kept.tar.gz"]);
    let ended = child::run(command.current_dir(&place), HARD);
    assert_eq!(ended.code, Some(3), "{} {}", ended.out, ended.err);
}

/// A port of this machine that an engine calls its gateway's.
static PUBLISHED: OnceLock<u16> = OnceLock::new();

fn publishes(stream: &mut UnixStream, path: &str) -> io::Result<()> {
    let port = PUBLISHED.get().copied().unwrap_or_default();
    let labels = json!({"com.docker.compose.project": "cordum", "com.docker.compose.service": "api-gateway"});
    let said = if path.ends_with("/version") {
        json!({"Version": "20.10.24", "ApiVersion": "1.41"})
    } else if path.contains("/containers/json") {
        json!([{"Id": "one", "Names": ["/one"], "State": "running", "Labels": labels}])
    } else if path.contains("/logs") {
        json!("")
    } else {
        json!({"Id": "one", "Name": "/one", "RestartCount": 0, "Config": {"Labels": labels},
            "State": {"Status": "running", "Running": true, "StartedAt": "2026-01-01T00:00:00Z"},
            "NetworkSettings": {"Ports": {"8081/tcp": [{"HostIp": "0.0.0.0", "HostPort": port.to_string()}]}}})
    };
    let said = said.to_string();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{said}",
        said.len()
    )
}

/// What listens here is not what an engine on another machine publishes there.
#[test]
fn the_ports_of_an_engine_elsewhere_are_not_those_of_this_machine() {
    let (folder, own) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let here = TcpListener::bind("127.0.0.1:0").unwrap();
    PUBLISHED.set(here.local_addr().unwrap().port()).unwrap();
    std::thread::spawn(move || {
        for stream in here.incoming().flatten() {
            let _ = (&stream).write_all(b"SSH-2.0-OpenSSH_9.2\r\n");
        }
    });
    let socket = engine::start(own.path(), publishes);
    let near = format!("unix://{}", socket.display());
    let bridge = TcpListener::bind("127.0.0.1:0").unwrap();
    let far = format!("tcp://{}", bridge.local_addr().unwrap());
    std::thread::spawn(move || {
        for client in bridge.incoming().flatten() {
            let engine = UnixStream::connect(&socket).unwrap();
            let (mut up, mut down) = (engine.try_clone().unwrap(), client.try_clone().unwrap());
            std::thread::spawn(move || io::copy(&mut &client, &mut up));
            std::thread::spawn(move || {
                let _ = io::copy(&mut &engine, &mut down);
                let _ = down.shutdown(std::net::Shutdown::Both);
            });
        }
    });
    for (host, is_dialled) in [(near, true), (far, false)] {
        let target = folder.path().join(if is_dialled { "near" } else { "far" });
        let mut command = crate::program();
        let ended = child::run(command.args(["collect", "--docker-host", &host]).arg(&target), HARD);
        assert_eq!(ended.code, Some(0), "{} {}", ended.out, ended.err);
        let served = fs::read_to_string(target.join("served.json")).unwrap_or_default();
        assert_eq!(served.contains("\"speaks\": \"ssh\""), is_dialled, "{host}: {served}");
        assert_ne!(ended.out.contains("collect there"), is_dialled, "{}", ended.out);
    }
}
