//! Programs with a deadline, roads that open and close, a stack of which one part at a time breaks.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use tls_verify_fixtures::either::{AnyNats, AnyRedis};
use tls_verify_fixtures::peers::gateway::{self, GatewayOptions, GatewayPeer};
use tls_verify_fixtures::pki::{Authority, Layout, Leaf, Pair, Validity};
use tls_verify_fixtures::servers::NatsTls;

/// Longer than anything takes on a slow machine; a test that reaches it has failed.
pub(crate) const LONG: Duration = Duration::from_secs(240);

/// The program in an environment of its own.
pub(crate) fn program() -> Command {
    let mut command = crate::bare();
    command
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("DOCKER_HOST", "unix:///nowhere/docker.sock")
        .stdin(Stdio::null());
    command
}

/// Runs a command to its end, or kills it.
pub(crate) fn finish(command: &mut Command) -> Output {
    let running = Running::start(command);
    running.output()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The object keeps the schema that the program prints for it.
pub(crate) fn holds(name: &str, object: &Value) {
    let schema: Value = serde_json::from_slice(&finish(program().args(["schema", name])).stdout).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(object).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{name}: {errors:#?}\n{object}");
}

/// A started program; dropping it kills it.
pub(crate) struct Running {
    child: Child,
    out: Receiver<String>,
    err: Receiver<String>,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let out = lines(child.stdout.take().unwrap());
        let err = lines(child.stderr.take().unwrap());
        Self { child, out, err }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line of standard output.
    pub(crate) fn line(&self) -> String {
        match self.out.recv_timeout(LONG) {
            Ok(line) => line,
            Err(error) => panic!("no line ({error}): {:?}", self.err.try_iter().collect::<Vec<_>>()),
        }
    }

    /// The next line of standard error that holds `words`.
    pub(crate) fn said(&self, words: &str) -> String {
        let end = Instant::now() + LONG;
        let mut all = Vec::new();
        while let Ok(line) = self.err.recv_timeout(end.saturating_duration_since(Instant::now())) {
            if line.contains(words) {
                return line;
            }
            all.push(line);
        }
        panic!("nothing says `{words}`: {all:?}")
    }

    pub(crate) fn json(&self) -> Value {
        let line = self.line();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let id = rustix::process::Pid::from_raw(self.child.id() as i32).unwrap();
        rustix::process::kill_process(id, signal).unwrap();
    }

    /// Its end, whatever else it prints.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let end = Instant::now() + LONG;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < end, "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn output(mut self) -> Output {
        let status = self.ended();
        let join = |lines: &Receiver<String>| lines.iter().map(|line| line + "\n").collect::<String>();
        Output { status, stdout: join(&self.out).into_bytes(), stderr: join(&self.err).into_bytes() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(stream: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (send, receive) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
            if send.send(text(&line)).is_err() {
                return;
            }
        }
    });
    receive
}

/// Asks until it holds.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + LONG;
    while !holds() {
        assert!(Instant::now() < end, "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A port that leads to a server while it is open, and refuses while it is closed.
pub(crate) struct Road {
    pub(crate) port: u16,
    to: Arc<Mutex<SocketAddr>>,
    task: Option<tokio::task::JoinHandle<()>>,
}

impl Road {
    pub(crate) fn closed(to: SocketAddr) -> Self {
        let port = tls_verify_fixtures::servers::free_port().unwrap();
        Self { port, to: Arc::new(Mutex::new(to)), task: None }
    }

    pub(crate) async fn open(&mut self) {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).await.unwrap();
        let to = Arc::clone(&self.to);
        self.task = Some(tokio::spawn(async move {
            let mut cars = tokio::task::JoinSet::new();
            while let Ok((mut from, _)) = listener.accept().await {
                let to = *to.lock().unwrap();
                cars.spawn(async move {
                    if let Ok(mut onward) = tokio::net::TcpStream::connect(to).await {
                        let _ = tokio::io::copy_bidirectional(&mut from, &mut onward).await;
                    }
                });
            }
        }));
    }

    pub(crate) async fn close(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
            let _ = task.await;
        }
    }

    /// Leads elsewhere from the next connection on.
    pub(crate) fn lead(&self, to: SocketAddr) {
        *self.to.lock().unwrap() = to;
    }
}

impl Drop for Road {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// A gateway, NATS and Redis (the real ones where they are installed), behind roads.
pub(crate) struct Stack {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) certs: PathBuf,
    pub(crate) ca: Authority,
    pub(crate) gateway_road: Road,
    pub(crate) nats_road: Road,
    pub(crate) redis_road: Road,
    pub(crate) gateway: GatewayPeer,
    _nats: AnyNats,
    _redis: AnyRedis,
}

impl Stack {
    /// Everything runs; the roads are closed.
    pub(crate) async fn start() -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let certs = folder.path().join("certs");
        let ca = Authority::generate().unwrap();
        let server = ca.issue(&Leaf::server()).unwrap();
        Layout::write(&certs, &ca, &server, &ca.issue(&Leaf::client()).unwrap()).unwrap();
        let gateway = serve(&server).await;
        let redis = AnyRedis::start(&folder.path().join("redis"), Some(&certs), "word").await.unwrap();
        let nats = AnyNats::start(&folder.path().join("nats"), &certs, NatsTls::Verify).await.unwrap();
        Self {
            gateway_road: Road::closed(gateway.address),
            nats_road: Road::closed(nats.address()),
            redis_road: Road::closed(redis.address()),
            folder,
            certs,
            ca,
            gateway,
            _nats: nats,
            _redis: redis,
        }
    }

    pub(crate) async fn opened() -> Self {
        let mut stack = Self::start().await;
        stack.open().await;
        stack
    }

    pub(crate) async fn open(&mut self) {
        self.gateway_road.open().await;
        self.nats_road.open().await;
        self.redis_road.open().await;
    }

    /// A gateway whose certificate has expired, with the same trust.
    pub(crate) async fn expired_gateway(&self) -> GatewayPeer {
        serve(&self.ca.issue(&Leaf::server().valid(Validity::Expired)).unwrap()).await
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `run` against it.
    pub(crate) fn run(&self, only: &str) -> Command {
        let mut command = program();
        command
            .args(["run", "--only", only, "--certs"])
            .arg(&self.certs)
            .args(["--gateway", &format!("https://localhost:{}", self.gateway_road.port)])
            .args(["--nats", &format!("tls://localhost:{}", self.nats_road.port)])
            .args(["--redis", &format!("rediss://localhost:{}", self.redis_road.port)])
            .env("CORDUM_API_KEY", "key")
            .env("REDIS_PASSWORD", "word")
            .env("HOME", self.folder.path());
        command
    }
}

async fn serve(pair: &Pair) -> GatewayPeer {
    let config = gateway::tls(pair.chain.clone(), pair.private_key(), rustls::ALL_VERSIONS).unwrap();
    let bind = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    GatewayPeer::start(bind, Some(config), GatewayOptions::healthy("key")).await.unwrap()
}

/// An engine that knows no container, on a Unix socket; dropping it closes the socket.
pub(crate) struct Engine(tokio::task::JoinHandle<()>, PathBuf);

impl Engine {
    pub(crate) async fn start(socket: &Path) -> Self {
        let listener = tokio::net::UnixListener::bind(socket).unwrap();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream));
            }
        });
        Self(task, socket.to_owned())
    }

    pub(crate) async fn stop(self) {
        self.0.abort();
        let _ = std::fs::remove_file(&self.1);
    }
}

async fn answer(stream: tokio::net::UnixStream) {
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt};
    let (read, mut write) = stream.into_split();
    let mut lines = tokio::io::BufReader::new(read).lines();
    let mut path = String::new();
    while let Ok(Some(line)) = lines.next_line().await {
        if path.is_empty() {
            path = line.clone();
        }
        if !line.is_empty() {
            continue;
        }
        let body = if path.contains("/version") {
            r#"{"ApiVersion":"1.41","MinAPIVersion":"1.12","Version":"20.10"}"#
        } else {
            "[]"
        };
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ";
        let text = format!("{head}{}\r\n\r\n{body}", body.len());
        if write.write_all(text.as_bytes()).await.is_err() {
            return;
        }
        path.clear();
    }
}
