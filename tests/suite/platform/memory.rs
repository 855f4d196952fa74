//! A platform in memory: what runs is a demo stack on loopback, reached by this platform's streams alone. It is
//! all that a further platform takes: one implementation of the trait, and a choice.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use tls_verify::cli::RunnerArgs;
use tls_verify::commands::run;
use tls_verify_checks::platform::{Choice, LogPiece, LogStream, Platform, Reach, Wire};
use tls_verify_checks::stack::{Endpoint, LogSource, Stack};
use tls_verify_core::remedy::{Action, Wording};
use tls_verify_core::report::RunReport;
use tls_verify_core::workload::{Instance, Phase, Setting, Termination, Value, Workload, WorkloadKind};
use tls_verify_fixtures::demo::Demo;

/// Instances, the ports behind them, and what they logged.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    workloads: Vec<Workload>,
    ports: BTreeMap<(String, u16), SocketAddr>,
    logs: BTreeMap<String, Vec<LogPiece>>,
    silent: Vec<String>,
}

/// The services of the demo, with the ports that they have inside.
const PORTS: &[(&str, u16)] = &[
    ("api-gateway", 8081),
    ("api-gateway", 8080),
    ("nats", 4222),
    ("redis", 6379),
    ("dashboard", 8080),
    ("safety-kernel", 50051),
    ("context-engine", 50070),
];

impl Memory {
    /// The demo as a platform sees it: started a while ago, never restarted.
    pub(crate) fn of(demo: &Demo) -> Self {
        let mut memory = Self::default();
        let logged = ["api-gateway", "scheduler", "safety-kernel", "workflow-engine", "context-engine"];
        for service in logged.into_iter().chain(["mock-bank-worker", "nats", "redis", "dashboard"]) {
            memory.add(service, &format!("{service}-abc"));
            let text = std::fs::read(demo.logs.join(format!("{service}.log"))).unwrap_or_default();
            memory.says(&format!("{service}-abc"), &[LogPiece::Bytes(Bytes::from(text))]);
        }
        let addresses = [
            demo.gateway,
            demo.gateway_grpc,
            demo.nats,
            demo.redis,
            demo.dashboard,
            demo.safety_kernel,
            demo.context_engine,
        ];
        for ((service, port), address) in PORTS.iter().zip(addresses) {
            memory.ports.insert((format!("{service}-abc"), *port), address);
        }
        if let Some(address) = demo.monitoring.as_deref().and_then(|url| url.strip_prefix("http://")) {
            memory.ports.insert(("nats-abc".to_owned(), 8222), address.parse().unwrap());
        }
        memory
    }

    pub(crate) fn add(&mut self, service: &str, name: &str) -> &mut Instance {
        let hour = Duration::from_secs(3600);
        let instance = Instance {
            id: name.to_owned(),
            phase: Phase::Running,
            started: Some(SystemTime::now() - hour),
            addresses: vec![[127, 0, 0, 1].into()],
            ..Instance::of_service(service, name)
        };
        let at = self.workloads.iter().position(|one| one.name == service).unwrap_or_else(|| {
            self.workloads.push(Workload::named(WorkloadKind::Deployment, service));
            self.workloads.len() - 1
        });
        let instances = &mut self.workloads[at].instances;
        instances.push(instance);
        instances.last_mut().unwrap()
    }

    pub(crate) fn one(&mut self, name: &str) -> &mut Instance {
        let all = self.workloads.iter_mut().flat_map(|workload| &mut workload.instances);
        all.into_iter().find(|one| one.name == name).unwrap()
    }

    /// What stands behind a port of an instance.
    pub(crate) fn listens(&mut self, name: &str, port: u16, at: SocketAddr) {
        self.ports.insert((name.to_owned(), port), at);
    }

    pub(crate) fn gone(&mut self, service: &str) {
        self.workloads.retain(|workload| workload.name != service);
    }

    /// It ended, and nothing listens any more.
    pub(crate) fn ended(&mut self, name: &str, phase: Phase, exit_code: i64) {
        self.ports.retain(|(owner, _), _| owner != name);
        let finished = Some(SystemTime::now() - Duration::from_secs(60));
        let last = Termination { exit_code, reason: None, message: None, started: None, finished };
        let one = self.one(name);
        one.phase = phase;
        one.last = Some(last);
    }

    /// Its ports accept, and nobody answers.
    pub(crate) fn hangs(&mut self, name: &str) {
        self.silent.push(name.to_owned());
    }

    /// A variable of its environment.
    pub(crate) fn set(&mut self, name: &str, variable: &str, value: &str) {
        let value = Value::Known(value.to_owned());
        let setting = Setting { name: variable.to_owned(), value, place: None };
        self.one(name).configured.environment.push(setting);
    }

    /// Lines behind what it has logged so far.
    pub(crate) fn adds(&mut self, name: &str, lines: &str) {
        self.logs
            .entry(name.to_owned())
            .or_default()
            .push(LogPiece::Bytes(Bytes::copy_from_slice(lines.as_bytes())));
    }

    pub(crate) fn says(&mut self, name: &str, pieces: &[LogPiece]) {
        self.logs.insert(name.to_owned(), pieces.to_vec());
    }
}

impl Platform for Memory {
    fn name(&self) -> &str {
        "memory"
    }

    fn stack(&self) -> String {
        "the stack in memory".to_owned()
    }

    fn workloads(&self) -> &[Workload] {
        &self.workloads
    }

    fn inspect<'a>(&'a self, of: &'a Instance) -> BoxFuture<'a, Result<Instance, String>> {
        async { Ok(of.clone()) }.boxed()
    }

    fn logs<'a>(&'a self, of: &'a Instance, _since: Option<SystemTime>) -> LogStream<'a> {
        match self.logs.get(&of.name) {
            Some(pieces) => stream::iter(pieces.iter().cloned().map(Ok)).boxed(),
            None => stream::iter([Err("it keeps no log".to_owned())]).boxed(),
        }
    }

    fn file<'a>(&'a self, _of: &'a Instance, path: &'a str) -> BoxFuture<'a, Result<Vec<u8>, String>> {
        async move { Err(format!("no {path} in memory")) }.boxed()
    }

    fn run<'a>(
        &'a self,
        _of: &'a Instance,
        _command: &'a [&'a str],
    ) -> BoxFuture<'a, Result<Vec<u8>, String>> {
        async { Err("nothing runs commands".to_owned()) }.boxed()
    }

    fn reach(&self, _of: &Instance, _port: u16) -> Reach {
        Reach::Through
    }

    fn open<'a>(&'a self, of: &'a Instance, port: u16) -> BoxFuture<'a, io::Result<Box<dyn Wire>>> {
        async move {
            if self.silent.contains(&of.name) {
                let (near, far) = tokio::io::duplex(16 * 1024);
                // Held open for longer than anybody waits.
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_secs(120)).await;
                    drop(far);
                });
                return Ok(Box::new(near) as Box<dyn Wire>);
            }
            let address = self.ports.get(&(of.name.clone(), port));
            let address = address.ok_or(io::ErrorKind::ConnectionRefused)?;
            let (near, mut far) = tokio::io::duplex(16 * 1024);
            let mut server = tokio::net::TcpStream::connect(address).await?;
            // What a port-forward does: bytes one way and the other, until one side ends.
            tokio::spawn(async move { drop(tokio::io::copy_bidirectional(&mut far, &mut server).await) });
            Ok(Box::new(near) as Box<dyn Wire>)
        }
        .boxed()
    }

    fn wording(&self) -> Arc<dyn Wording> {
        Arc::new(Words)
    }
}

/// How one speaks here.
#[derive(Debug)]
struct Words;

impl Wording for Words {
    fn command(&self, action: &Action) -> Option<String> {
        Some(format!("remember {action:?}"))
    }
}

/// Runs every check on what the platform shows; no address of the demo's is known to them.
pub(crate) async fn run_on(demo: &Demo, memory: Memory) -> RunReport {
    run_with(demo, memory, |_| {}).await
}

/// The same with what an operator asks for besides.
pub(crate) async fn run_with(demo: &Demo, memory: Memory, asks: impl FnOnce(&mut Stack)) -> RunReport {
    let timeout = Duration::from_secs(5);
    let runner = RunnerArgs {
        all: true,
        ..RunnerArgs::of_times(timeout, Duration::from_secs(60), Duration::from_secs(30 * 86_400))
    };
    let plan = tls_verify::commands::run::command::plan(&runner).unwrap();
    let mut stack = tls_verify::commands::demo::stack(demo, &runner, &plan).unwrap();
    let hidden = |endpoint: &mut Endpoint| {
        endpoint.host = "nowhere.invalid".to_owned();
        endpoint.explicit = false;
    };
    for endpoint in stack.endpoints.each_mut() {
        hidden(endpoint);
    }
    stack.nats_monitoring = None;
    stack.logs = LogSource::Platform;
    stack.platform = Choice::Ready(Arc::new(memory));
    asks(&mut stack);
    let (_keep, interrupted) = tokio::sync::watch::channel(false);
    run::run(stack, plan, interrupted, &mut |_| {}).await
}
