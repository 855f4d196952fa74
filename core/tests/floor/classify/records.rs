//! Records in every shape of their emitters: a message and its error fields speak, what stands in other fields
//! and in quotes never does.

use std::fmt::Write;

use tls_verify_core::logs::classify::{Recognised, Sense, recognise, sense};

/// A record before it is written.
#[derive(Clone)]
struct Made {
    level: &'static str,
    message: String,
    fields: Vec<(&'static str, String)>,
}

impl Made {
    fn new(level: &'static str, message: &str, fields: &[(&'static str, &str)]) -> Self {
        let fields = fields.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
        Self { level, message: message.to_owned(), fields }
    }

    fn with(&self, at: usize, key: &'static str, value: &str) -> Self {
        let mut made = self.clone();
        made.fields.insert(at.min(made.fields.len()), (key, value.to_owned()));
        made
    }

    /// In all shapes in which the stack's services and their neighbours write.
    fn written(&self) -> Vec<String> {
        let [mut component, mut logfmt, mut klog, mut json]: [String; 4] = Default::default();
        for (key, value) in &self.fields {
            // The services' own text writes values as they are; what holds blanks and is foreign stands in
            // quotes there.
            if matches!(*key, "prompt" | "policy" | "title") {
                let _ = write!(component, " {key}={value:?}");
            } else {
                let _ = write!(component, " {key}={value}");
            }
            let _ = write!(logfmt, " {key}={value:?}");
            let _ = write!(klog, " {key}={value:?}");
            let _ = write!(json, ",{}:{}", serde_json::json!(key), serde_json::json!(value));
        }
        let Self { level, message, .. } = self;
        let letter = if *level == "DEBUG" { "I" } else { &level[..1] };
        let text = format!("[SCHEDULER] {level} {message}{component}");
        let json = format!(
            r#"{{"time":"2026-11-24T00:23:09.5Z","level":"{level}","msg":{},"component":"scheduler"{json}}}"#,
            serde_json::json!(message)
        );
        vec![
            format!("2026-11-24T00:23:09.521719108Z {text}"),
            format!("scheduler-1  | {text}"),
            format!("[pod/cordum-scheduler-0/scheduler] 2026-11-24T00:23:09.5Z {text}"),
            format!("2026-11-24T00:23:09.5Z stderr F {json}"),
            serde_json::json!({"log": format!("{text}\n"), "stream": "stderr", "time": "x"}).to_string(),
            format!("time=2026-11-24T00:23:09Z level={level} msg={message:?}{logfmt}"),
            format!("{}1124 00:23:09.521719       1 main.go:60] {message:?}{klog}", letter),
            text,
            json,
        ]
    }
}

const UNKNOWN: &str = "tls: failed to verify certificate: x509: certificate signed by unknown authority";

/// What users, policies and models may say.
const FOREIGN: &[&str] = &[
    "cordum scheduler starting...",
    "bus: reconnected to nats",
    "why do I see x509: certificate signed by unknown authority?",
    "redis: connection refused, error=redis: nil",
    "http: TLS handshake error from nowhere",
    "the certificate is up to date, verify ok, error=<nil>",
    "[SCHEDULER] INFO scheduler shutting down gracefully",
    "dial tcp 10.0.0.1:6379: connect: connection refused",
    "SSL routines::certificate verify failed",
];

fn troubles() -> Vec<Made> {
    vec![
        Made::new(
            "ERROR",
            "failed to connect to Redis for job store",
            &[("error", &format!("connect redis: {UNKNOWN}"))],
        ),
        Made::new("WARN", "safety-kernel: config service disabled", &[("err", "connect redis: EOF")]),
        Made::new(
            "ERROR",
            "config reload failed",
            &[("trigger", "poll"), ("error", "dial tcp: lookup redis on 127.0.0.11:53: no such host")],
        ),
        Made::new(
            "WARN",
            "safety kernel unavailable, requeueing job",
            &[
                ("job_id", "7"),
                (
                    "reason",
                    "rpc error: code = Unavailable desc = \"transport: authentication handshake failed: x509: certificate has expired or is not yet valid: current time 2026-11-25T10:00:00Z is after 2026-11-24T10:00:00Z\"",
                ),
            ],
        ),
    ]
}

fn trouble(line: &str) -> Option<Recognised> {
    match sense(line.as_bytes()) {
        Sense::Trouble(found) => Some(found),
        Sense::Nothing | Sense::Start(_) | Sense::Ends | Sense::Works(_) => None,
    }
}

#[test]
fn what_others_wrote_changes_nothing() {
    for made in troubles() {
        let alone: Vec<_> =
            made.written().iter().map(|line| (trouble(line), recognise(line.as_bytes()))).collect();
        for (said, line) in alone.iter().zip(made.written()) {
            assert!(said.0.is_some() && said.1.is_some(), "{line}");
        }
        for foreign in FOREIGN {
            for key in ["prompt", "policy", "title"] {
                for at in 0..=made.fields.len() {
                    let other = made.with(at, key, foreign);
                    for (line, wanted) in other.written().iter().zip(&alone) {
                        assert_eq!((trouble(line), recognise(line.as_bytes())), *wanted, "{line}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_quiet_record_stays_quiet_whatever_it_passes_on() {
    let quiet = [
        Made::new("INFO", "job accepted", &[("job_id", "7")]),
        Made::new("WARN", "job refused by policy", &[("tenant", "default")]),
        Made::new("ERROR", "registry warm-start: failed to read snapshot", &[("error", "redis: nil")]),
        Made::new("ERROR", "job failed", &[("error", "exit status 3"), ("attempt", "2")]),
        Made::new("DEBUG", "policy rule: \"x509: certificate has expired\" is asked for", &[]),
        Made::new("INFO", "prompt: why is the connection refused", &[]),
    ];
    for made in quiet {
        for foreign in FOREIGN {
            for at in 0..=made.fields.len() {
                for line in made.with(at, "prompt", foreign).written() {
                    assert_eq!(sense(line.as_bytes()), Sense::Nothing, "{line}");
                    assert_eq!(recognise(line.as_bytes()), None, "{line}");
                }
            }
        }
    }
}

#[test]
fn a_start_and_an_end_stand_at_the_front_of_the_services_own_message() {
    for message in ["cordum scheduler starting...", "using localhost default — set env var for production"]
    {
        for line in Made::new("INFO", message, &[("prompt", "x509: EOF")]).written() {
            // Others' shapes are not the services'.
            if line.contains("level=INFO") || line.contains("main.go") {
                continue;
            }
            assert!(matches!(sense(line.as_bytes()), Sense::Start(_)), "{line}");
        }
        for line in [
            format!("[SCHEDULER] INFO job accepted prompt={message}"),
            format!("[SCHEDULER] INFO job says {message}"),
            format!("[GATEWAY] ERROR api gateway error error=connect redis: EOF note={message}"),
            format!("user wrote: [SCHEDULER] INFO {message}"),
            format!("GET /?q={message}"),
            message.to_owned(),
        ] {
            assert!(!matches!(sense(line.as_bytes()), Sense::Start(_)), "{line}");
        }
    }
    assert_eq!(sense(b"[SCHEDULER] INFO scheduler shutting down gracefully timeout=15s"), Sense::Ends);
    assert_eq!(sense(b"[SCHEDULER] INFO job done note=scheduler shutting down gracefully"), Sense::Nothing);
}

#[test]
fn an_excuse_swallows_no_certificate() {
    for line in [
        format!("[GATEWAY] WARN bus: disconnected from nats err={UNKNOWN}"),
        format!("[SCHEDULER] ERROR scheduler: NATS disconnected, relying on poll error={UNKNOWN}"),
        format!("[GATEWAY] INFO ws disconnected err={UNKNOWN}"),
        format!("[SCHEDULER] ERROR heartbeat failed err={UNKNOWN} error=redis: nil"),
        format!("[SCHEDULER] ERROR connect redis: {UNKNOWN} error=context canceled"),
        format!("[GATEWAY] ERROR http: TLS handshake error from 172.18.0.1:53122: {UNKNOWN}"),
        format!("[GATEWAY] ERROR request completed, cache up to date error=connect redis: {UNKNOWN}"),
        format!("[GATEWAY] ERROR tests pass, licensing: ok, select where error={UNKNOWN}"),
        format!("[WORKFLOW-ENGINE] ERROR shutdown error error=connect redis: {UNKNOWN}"),
        format!("[WORKFLOW-ENGINE] INFO http listening error={UNKNOWN}"),
    ] {
        let kind = trouble(&line).map(|found| found.kind.slug().to_owned());
        assert_eq!(kind.as_deref(), Some("unknown-authority"), "{line}");
    }
}
