//! Hostile Docker engines on a Unix socket.

use std::io::{self, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::hostile::peer::{asked, drip, endless, then, wait};

/// What an engine does when it is asked for something.
pub(crate) type Answers = fn(&mut UnixStream, &str) -> io::Result<()>;

/// Name, behaviour, and a word of the report. What cannot be inspected is there all the same: its log is read,
/// and whether it runs stays open.
pub(crate) const ALL: &[(&str, Answers, &str)] = &[
    ("silence", |stream, _| wait(stream), "Docker"),
    ("close", |_, _| Ok(()), "Docker is not reachable"),
    ("garbage", |stream, _| stream.write_all(&[255, 0, 17, 3].repeat(4096)), "Docker is not reachable"),
    ("drip", |stream, _| drip(stream, b"HTTP/1.1 200 OK\r\nA: b"), "Docker"),
    ("endless header", |stream, _| then(stream, b"HTTP/1.1 200 OK\r\nA: ", b"b"), "Docker is not reachable"),
    ("endless version", |stream, _| body(stream, b"{\"Version\":\"", b"1"), "Docker is not reachable"),
    (
        "endless list",
        |stream, path| {
            if path.contains("/json?") { body(stream, b"[{\"Id\":\"", b"a") } else { good(stream, path) }
        },
        "Docker is not reachable",
    ),
    (
        "endless inspection",
        |stream, path| {
            if path.ends_with("/json") { body(stream, b"{\"Id\":\"", b"a") } else { good(stream, path) }
        },
        "whether it runs is not known",
    ),
    (
        "silence after the list",
        |stream, path| if path.ends_with("/json") { wait(stream) } else { good(stream, path) },
        "Docker",
    ),
    ("endless log", |stream, path| logs(stream, path, b"", FRAME), "not read to its end in time"),
    (
        "endless line",
        |stream, path| logs(stream, path, b"", b"no end of line "),
        "not read to its end in time",
    ),
    (
        "frame of four gigabytes",
        |stream, path| logs(stream, path, &[1, 0, 0, 0, 255, 255, 255, 255], b"a line of a log\n"),
        "not read to its end in time",
    ),
    (
        "endless empty frames",
        |stream, path| logs(stream, path, b"", &[1, 0, 0, 0, 0, 0, 0, 0]),
        "not read to its end",
    ),
    (
        "log that stalls",
        |stream, path| {
            if path.contains("/logs") {
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")?;
                wait(stream)
            } else {
                good(stream, path)
            }
        },
        "not read to its end in time",
    ),
    (
        "log that cannot be read",
        |stream, path| {
            if path.contains("/logs") {
                let said = "{\"message\":\"configured logging driver does not support reading\"}";
                write!(stream, "HTTP/1.1 501 Not Implemented\r\nContent-Length: {}\r\n\r\n{said}", said.len())
            } else {
                good(stream, path)
            }
        },
        "does not support reading",
    ),
];

const FRAME: &[u8] = b"\x01\0\0\0\0\0\0\x2b2026-01-01T00:00:00.000000000Z one more line\n";

fn body(stream: &mut UnixStream, front: &[u8], more: &[u8]) -> io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")?;
    then(stream, front, more)
}

fn logs(stream: &mut UnixStream, path: &str, front: &[u8], more: &[u8]) -> io::Result<()> {
    if !path.contains("/logs") {
        return good(stream, path);
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n")?;
    stream.write_all(front)?;
    endless(stream, more)
}

/// What a real engine says of one container of each service.
pub(crate) fn good(stream: &mut UnixStream, path: &str) -> io::Result<()> {
    let services =
        ["nats", "redis", "api-gateway", "scheduler", "safety-kernel", "workflow-engine", "context-engine"];
    let said = if path.ends_with("/version") {
        "{\"Version\":\"20.10.24\",\"ApiVersion\":\"1.41\"}".to_owned()
    } else if path.contains("/containers/json") {
        let rows: Vec<String> = services
            .iter()
            .map(|service| {
                format!(
                    "{{\"Id\":\"{service}\",\"Labels\":{{\"com.docker.compose.project\":\"cordum\",\
                     \"com.docker.compose.service\":\"{service}\"}}}}"
                )
            })
            .collect();
        format!("[{}]", rows.join(","))
    } else {
        let id = path.split('/').rev().nth(1).unwrap_or_default();
        format!(
            "{{\"Id\":\"{id}\",\"Name\":\"/cordum-{id}-1\",\"State\":{{\"Status\":\"running\",\"Running\":true,\
             \"StartedAt\":\"2026-01-01T00:00:00Z\"}},\"RestartCount\":0}}"
        )
    };
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{said}",
        said.len()
    )
}

/// Starts one and returns its socket.
pub(crate) fn start(folder: &Path, answers: Answers) -> PathBuf {
    let socket = folder.join("docker.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let limit = Some(Duration::from_secs(600));
                stream.set_read_timeout(limit)?;
                stream.set_write_timeout(limit)?;
                let request = String::from_utf8_lossy(&asked(&mut stream)?).into_owned();
                let path = request.split_whitespace().nth(1).unwrap_or_default().to_owned();
                answers(&mut stream, &path)
            });
        }
    });
    socket
}
