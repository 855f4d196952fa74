//! The secrets, the peers and the engine that send them back, and a look for them in what is shown.

use std::fs;
use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use tls_verify_fixtures::pki::{Authority, Layout, Leaf};

use crate::hostile::engine;
use crate::hostile::peer::{self, Does, Stream, asked};
use crate::program;
use tls_verify_fixtures::child::ExitedChild;

pub(crate) const API_KEY: &str = "canary-api-key-5d1f";
const REDIS: &str = "canary-redis-9c07\"&<%";
const TOKEN: &str = "canary-nats-token-77ab";
const PASSWORD: &str = "canary-nats-password-e210";
pub(crate) const IN_URL: &str = "canary-in-a-url-31c9";
pub(crate) const KEY_PASSWORD: &str = "canary-key-password-f00d";
pub(crate) const IN_LOG: &str = "canary-of-others-ab12";
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
pub(crate) fn chatty(stream: &mut UnixStream, path: &str) -> io::Result<()> {
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

pub(crate) fn log() -> String {
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

pub(crate) struct Lab {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) port: u16,
    pub(crate) nats: u16,
    keys: Vec<String>,
}

impl Lab {
    pub(crate) fn new() -> Self {
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

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program with secrets in every variable that it reads.
    pub(crate) fn program(&self) -> Command {
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
    pub(crate) fn run(&self) -> Command {
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

    pub(crate) fn clean(&self, ended: &ExitedChild, what: &str) {
        let texts = [("standard output", &ended.out), ("standard error", &ended.err)];
        for (stream, text) in texts {
            self.holds_none(text, &format!("{what}, {stream}"));
        }
        assert!(!ended.err.contains("panicked"), "{what}: {}", ended.err);
    }

    pub(crate) fn holds_none(&self, text: &str, what: &str) {
        for canary in ALL.iter().copied().chain(self.keys.iter().map(String::as_str)) {
            let at = text.find(canary);
            let around = at.map(|at| text.get(at.saturating_sub(80)..at + canary.len()).unwrap_or(canary));
            assert!(at.is_none(), "{what}: {canary} is shown: …{}", around.unwrap_or_default());
        }
    }
}
