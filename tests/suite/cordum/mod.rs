//! Composes recordings of the stack from the lines that Cordum's services print, in their order and rhythm.

use std::fmt::Write as _;

use serde_json::Value;

/// Milliseconds since midnight.
pub(crate) const BOOT: u64 = 660_000;
/// When something happens to the stack, and when the recording ends.
pub(crate) const EVENT: u64 = BOOT + 40_000;
pub(crate) const END: u64 = EVENT + 14_000;

pub(crate) const CORE: [&str; 5] =
    ["api-gateway", "scheduler", "safety-kernel", "workflow-engine", "context-engine"];

/// The logs of a project, as lines with their moments.
#[derive(Clone)]
pub(crate) struct Logs {
    json: bool,
    pub(crate) files: Vec<(String, Vec<(u64, String)>)>,
}

fn stamp(at: u64) -> String {
    let (seconds, rest) = (at / 1000, at % 1000);
    format!("2026-11-24T{:02}:{:02}:{:02}.{rest:03}145632Z", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

impl Logs {
    /// A healthy stack that was started at [`BOOT`].
    pub(crate) fn healthy() -> Self {
        Self::new(false)
    }

    pub(crate) fn new(json: bool) -> Self {
        let mut logs = Self { json, files: Vec::new() };
        for service in CORE {
            logs.start(service, BOOT);
        }
        for worker in ["mock-bank-worker", "demo-quickstart-worker"] {
            logs.start(worker, BOOT + 9_000);
        }
        logs.raw("redis", BOOT, "1:M 24 Nov 2026 00:11:00.205 * Ready to accept connections");
        logs.raw("nats", BOOT, "[1] 2026/11/24 00:11:00.177344 [INF] Server is ready");
        logs.beats(BOOT + 10_000, END);
        logs
    }

    pub(crate) fn raw(&mut self, service: &str, at: u64, line: &str) {
        let index = self.files.iter().position(|(name, _)| name == service).unwrap_or_else(|| {
            self.files.push((service.to_owned(), Vec::new()));
            self.files.len() - 1
        });
        self.files[index].1.push((at, line.to_owned()));
    }

    /// A line of a core service: `LEVEL message|key=value|key=value`.
    pub(crate) fn say(&mut self, service: &str, at: u64, line: &str) {
        let (level, rest) = line.split_once(' ').unwrap();
        let mut parts = rest.split('|');
        let message = parts.next().unwrap();
        // Replicas carry the name of their service.
        let component = service.trim_end_matches(|last: char| last.is_ascii_digit() || last == '-');
        let text = if self.json {
            let mut text = serde_json::json!({
                "time": stamp(at), "level": level, "msg": message, "component": component
            });
            for (key, value) in parts.map(|part| part.split_once('=').unwrap()) {
                text[key] = if value == "<nil>" { Value::Null } else { value.into() };
            }
            text.to_string()
        } else {
            let head = component.trim_start_matches("api-").to_uppercase();
            let rest: String = parts.fold(String::new(), |mut text, part| {
                let _ = write!(text, " {part}");
                text
            });
            format!("[{head}] {level} {message}{rest}")
        };
        self.raw(service, at, &text);
    }

    pub(crate) fn fleet(&mut self, at: u64, text: &str) {
        let line = serde_json::json!({"time": stamp(at), "level": "INFO", "msg": text}).to_string();
        self.raw("mock-bank-worker", at, &line);
    }

    pub(crate) fn greeter(&mut self, at: u64, text: &str) {
        self.raw("demo-quickstart-worker", at, &format!("2026/11/24 00:12:00 [demo-quickstart] {text}"));
    }

    /// The lines with which a service begins, before it reaches for anything.
    pub(crate) fn begin(&mut self, service: &str, at: u64) {
        let name = service.trim_end_matches(|last: char| last.is_ascii_digit() || last == '-');
        let localhost = "WARN using localhost default — set env var for production|var=NATS_URL|value=nats://localhost:4222";
        match name {
            "context-engine" => self.say(service, at, localhost),
            "api-gateway" | "scheduler" | "safety-kernel" | "workflow-engine" => {
                let words =
                    if name == "api-gateway" { "api gateway".to_owned() } else { name.replace('-', " ") };
                self.say(service, at, &format!("INFO cordum {words} starting..."));
            }
            _ => return,
        }
        self.say(service, at, &format!("INFO build info|service=cordum-{name}|version=0.2.0|commit=unknown"));
        if name == "workflow-engine" {
            self.say(service, at, localhost);
        }
        self.say(service, at + 7, "INFO redis pool configured|pool_size=20|dial_timeout=5s|read_timeout=3s");
    }

    /// A whole start that goes well.
    pub(crate) fn start(&mut self, service: &str, at: u64) {
        self.begin(service, at);
        let then = at + 60;
        let jetstream = "INFO bus: jetstream enabled|ack_wait=10m0s|replicas=1";
        let name = service.trim_end_matches(|last: char| last.is_ascii_digit() || last == '-');
        match name {
            "api-gateway" => {
                self.say(service, then, jetstream);
                self.say(service, then + 90, "INFO grpc listening|addr=:8080");
                self.say(
                    service,
                    then + 91,
                    "INFO route.registered|method=GET|path=/api/v1/status|auth=[REDACTED]",
                );
                self.say(service, then + 92, "INFO http listening|addr=:8081");
            }
            "scheduler" => {
                self.say(service, then, jetstream);
                self.say(service, then + 60, "INFO scheduler running, waiting for signals...");
            }
            "workflow-engine" => {
                self.say(service, then, jetstream);
                self.say(service, then + 9, "INFO started|http=:9093|scan_interval=5s|run_scan_limit=200");
            }
            "safety-kernel" => {
                self.say(service, then, "INFO safety-kernel: subscribed to config change notifications|subject=sys.config.changed");
                self.say(service, then + 8, "INFO safety-kernel: shadow evaluation enabled|refresh=15s");
                self.say(service, then + 9, "INFO safety-kernel: listening|addr=:50051");
            }
            "context-engine" => {
                self.say(
                    service,
                    then,
                    "INFO context engine listening|addr=:50070|redis=rediss://:a-throw-away-word@redis:6379",
                );
            }
            "mock-bank-worker" => {
                self.fleet(at, "[mock-bank] Redis connection verified (TLS-aware)");
                self.fleet(at, "[mock-bank] NATS TLS enabled");
                self.fleet(at + 8, "[mock-bank] starting 7 workers across 3 pools...");
                self.fleet(at + 20, "=== MegaCorp Agent Fleet Ready ===");
            }
            _ => {
                self.greeter(at, "redis ok");
                self.greeter(at + 5, "nats connected (url=tls://nats:4222)");
            }
        }
    }

    /// Heartbeats that the scheduler hears.
    pub(crate) fn beats(&mut self, from: u64, to: u64) {
        for at in (from..to).step_by(5_000) {
            self.say(
                "scheduler",
                at,
                "INFO heartbeat received|worker_id=demo-quickstart-greeter|pool=demo-quickstart",
            );
        }
    }

    /// A clean stop.
    pub(crate) fn stop(&mut self, service: &str, at: u64) {
        match service {
            "mock-bank-worker" => self.fleet(at, "[mock-bank] shutting down..."),
            "demo-quickstart-worker" => self.greeter(at, "shutdown requested"),
            "context-engine" => self.say(service, at, "INFO context-engine shutting down gracefully..."),
            _ => {
                self.say(service, at, "INFO shutting down gracefully|timeout=15s");
                self.say(service, at + 200, "INFO bus: disconnected from nats|err=<nil>");
                if service == "scheduler" {
                    self.say(
                        service,
                        at + 200,
                        "ERROR scheduler: NATS disconnected, relying on poll|error=<nil>",
                    );
                }
                self.say(service, at + 201, "INFO bus: connection closed");
            }
        }
    }

    /// From [`EVENT`] on the service starts, says its last words, and is started again with Docker's back-off.
    pub(crate) fn crash(&mut self, service: &str, words: &[&str]) {
        let mut at = EVENT;
        let mut wait = 100;
        self.quiet_after(service, EVENT);
        self.stop(service, EVENT - 1_500);
        while at < END - 600 {
            self.begin(service, at);
            for word in words {
                match service {
                    "mock-bank-worker" => self.fleet(at + 500, word),
                    "demo-quickstart-worker" => self.greeter(at + 500, word),
                    _ if word.starts_with("redis: ") || word.starts_with("  ") => {
                        self.raw(service, at + 500, word);
                    }
                    _ => self.say(service, at + 500, word),
                }
            }
            at += 800 + wait;
            wait = (wait * 2).min(3_200);
        }
    }

    /// Drops what a log says after a moment.
    pub(crate) fn quiet_after(&mut self, service: &str, at: u64) {
        for (name, lines) in &mut self.files {
            if name == service {
                lines.retain(|(when, _)| *when < at - 2_000);
            }
        }
    }

    /// All services find Redis like this at their start: the error behind each service's own words.
    pub(crate) fn crash_on_redis(&mut self, error: &str, pool: bool) {
        let own = format!(
            "redis: 2026/11/24 00:12:00 pool.go:426: redis: connection pool: failed to dial after 5 attempts: {error}"
        );
        for (service, words) in [
            ("api-gateway", format!("ERROR api gateway error|error=connect redis: connect redis: {error}")),
            (
                "scheduler",
                format!("ERROR failed to connect to Redis for job store|error=connect redis: {error}"),
            ),
            (
                "workflow-engine",
                format!(
                    "ERROR workflow engine error|error=connect redis memory store: connect redis: {error}"
                ),
            ),
            ("context-engine", format!("ERROR context engine init failed|error=connect redis: {error}")),
            (
                "mock-bank-worker",
                format!(
                    "[mock-bank] Redis connection failed (check REDIS_URL, password, and TLS certs): redis ping failed: {error}"
                ),
            ),
            ("demo-quickstart-worker", format!("redis connect: redis ping failed: {error}")),
        ] {
            let worker = service.ends_with("-worker");
            let words: Vec<&str> = if pool && !worker { vec![&own, &words] } else { vec![&words] };
            self.crash(service, &words);
        }
        // The safety kernel carries on.
        self.quiet_after("safety-kernel", EVENT);
        self.begin("safety-kernel", EVENT);
        self.say(
            "safety-kernel",
            EVENT + 400,
            &format!("WARN safety-kernel: config service disabled|err=connect redis: {error}"),
        );
        self.say("safety-kernel", EVENT + 420, "INFO safety-kernel: listening|addr=:50051");
        if pool {
            self.raw("safety-kernel", EVENT + 900, &own);
        }
    }

    pub(crate) fn crash_on_nats(&mut self, error: &str) {
        let url = "connect nats tls://nats:4222";
        self.crash("api-gateway", &[&format!("ERROR api gateway error|error=connect nats: {url}: {error}")]);
        self.crash("scheduler", &[&format!("ERROR failed to connect to NATS|error={url}: {error}")]);
        self.crash(
            "workflow-engine",
            &[&format!("ERROR workflow engine error|error=connect nats: {url}: {error}")],
        );
        self.crash(
            "mock-bank-worker",
            &[
                "[mock-bank] Redis connection verified (TLS-aware)",
                "[mock-bank] NATS TLS enabled",
                &format!("nats connect: {error}"),
            ],
        );
        self.say(
            "safety-kernel",
            EVENT,
            &format!("WARN safety-kernel: NATS connection failed, relying on poll|err={url}: {error}"),
        );
    }

    /// The services run while Redis fails them: every poll and heartbeat says so, to the end.
    pub(crate) fn starve(&mut self, error: &str, pool: bool) {
        for at in (EVENT + 700..END).step_by(5_000) {
            if pool {
                for service in ["api-gateway", "scheduler", "workflow-engine"] {
                    self.raw(service, at, &format!("redis: 2026/11/24 00:12:00 pool.go:426: redis: connection pool: failed to dial after 5 attempts: {error}"));
                }
            }
            self.say(
                "api-gateway",
                at + 100,
                &format!("WARN redis rate limit unavailable, denying request|error={error}"),
            );
            self.say("api-gateway", at + 200, &format!("WARN instance registry: heartbeat renewal failed|key=cordum:instance:api-gateway:4d1c|error={error}"));
            self.say(
                "scheduler",
                at + 2_000,
                &format!("WARN scheduler worker count persist failed|error={error}"),
            );
            self.say("scheduler", at + 2_100, &format!("ERROR lock acquisition failed|error={error}"));
            self.say(
                "workflow-engine",
                at + 300,
                &format!("ERROR reconciler lock acquisition failed|error={error}"),
            );
        }
    }

    /// Everything is restarted and well.
    pub(crate) fn heal(&mut self, at: u64) {
        for service in CORE.into_iter().chain(["mock-bank-worker", "demo-quickstart-worker"]) {
            self.quiet_after(service, at);
            self.start(service, at);
        }
        self.beats(at + 1_000, END);
    }

    /// The same, where the services crashed before.
    pub(crate) fn heal_after(&mut self, at: u64) {
        for service in CORE.into_iter().chain(["mock-bank-worker", "demo-quickstart-worker"]) {
            self.start(service, at);
        }
        self.beats(at + 1_000, END);
    }

    pub(crate) fn write(&self) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, lines) in &self.files {
            let mut lines = lines.clone();
            lines.sort_by_key(|(at, _)| *at);
            let text: String = lines.iter().map(|(at, line)| format!("{} {line}\n", stamp(*at))).collect();
            std::fs::write(folder.path().join(format!("{name}.log")), text).unwrap();
        }
        folder
    }
}

/// What the tool says of a folder, as JSON.
pub(crate) fn tool(args: &[&str], folder: &std::path::Path) -> Value {
    let output = crate::bare().args(args).arg(folder).stdin(std::process::Stdio::null()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains("a-throw-away-word"), "a password is shown");
    serde_json::from_str(&text).unwrap()
}
