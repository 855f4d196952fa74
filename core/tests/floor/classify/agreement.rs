//! Two readers, one log: what a check counts by starts and what `diagnose` scans say the same of composed logs,
//! whatever stands in what order and however the bytes are cut.

use std::collections::BTreeMap;

use serde_json::Value;
use tls_verify_core::logs::classify::{Sense, sense};
use tls_verify_core::logs::runs::{RunLog, RunReader};
use tls_verify_core::logs::scan::{LogProblem, LogScanner};

const SET: &str = include_str!("../../../../fixtures/data/recognise/cordum.jsonl");
const WILD: &str = include_str!("../../../../fixtures/data/recognise/eighth.jsonl");

/// A small generator of our own: the same logs on every machine.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }

    fn one<'a>(&mut self, of: &'a [String]) -> &'a str {
        &of[self.below(of.len())]
    }
}

/// Lines by what they are in a project's log.
#[derive(Default)]
struct Pools {
    harmless: Vec<String>,
    starts: Vec<String>,
    works: Vec<String>,
    trouble: Vec<String>,
}

/// What services of the stack say of their starts and of links that work.
const STARTS: &[&str] = &[
    "[GATEWAY] INFO cordum api gateway starting...",
    "[GATEWAY] INFO build info service=cordum-api-gateway version=0.2.0 commit=unknown date=unknown",
    "[SCHEDULER] INFO cordum scheduler starting...",
    "[WORKFLOW-ENGINE] INFO cordum workflow engine starting...",
    "2026/11/24 00:12:01 [mock-bank] Redis connection verified",
    "{\"time\":\"2026-11-24T00:23:09Z\",\"level\":\"INFO\",\"msg\":\"cordum safety kernel starting\"}",
    "[GATEWAY] INFO http listening addr=:8081",
    "[SCHEDULER] INFO bus: jetstream enabled",
    "[SCHEDULER] INFO scheduler running, waiting for signals...",
    "1:M 24 Nov 2026 00:23:09.123 * Ready to accept connections tls",
];

fn pools() -> Pools {
    let mut pools = Pools::default();
    let rows = SET.lines().chain(WILD.lines()).map(|row| {
        let row: Value = serde_json::from_str(row).unwrap();
        row["line"].as_str().unwrap().to_owned()
    });
    for line in rows.chain(STARTS.iter().map(|line| (*line).to_owned())) {
        // A record of several lines is composed below; the loss of NATS waits for what follows.
        if line.contains('\n') || line.contains("disconnected from nats") || line.trim().is_empty() {
            continue;
        }
        match sense(line.as_bytes()) {
            Sense::Start(_) => pools.starts.push(line),
            Sense::Works(_) => pools.works.push(line),
            Sense::Trouble(_) => pools.trouble.push(line),
            Sense::Nothing | Sense::Ends => pools.harmless.push(line),
        }
    }
    pools
}

/// Errors of several lines, whose cause stands inside.
const RECORDS: &[&[&str]] = &[
    &[
        "javax.net.ssl.SSLHandshakeException: General SSLEngine problem",
        "\tat sun.security.ssl.Alerts.getSSLException(Alerts.java:192)",
        "Caused by: java.security.cert.CertificateExpiredException: NotAfter: Mon",
        "\tat x.y(Z.java:1)",
    ],
    &[
        "[SCHEDULER] ERROR failed to connect to NATS error=nats tls config: nats tls: tls chain invalid: /c/tls.crt does not chain to /c/ca.crt",
        "  cert:  subject=\"CN=cordum-client\"  issuer=\"CN=Cordum Dev CA\"",
        "         valid 2026-11-01..2026-11-20",
        "  cause: cert expired 96h0m0s ago",
        "  fix:   cordumctl generate-certs --force --days 365",
    ],
];

/// A log of some starts, with the engine's times, colours and line ends of other systems.
fn composed(dice: &mut Dice, pools: &Pools) -> String {
    let (mut text, mut second) = (String::new(), 0);
    let timed = dice.below(4) > 0;
    let mut put = |dice: &mut Dice, line: &str| {
        second += dice.below(3);
        if timed {
            let (hours, minutes, seconds) = (second / 3600, second / 60 % 60, second % 60);
            text += &format!("2026-11-24T{hours:02}:{minutes:02}:{seconds:02}.000000001Z ");
        }
        match dice.below(12) {
            0 => text += &format!("\u{1b}[36m{line}\u{1b}[0m\r\n"),
            _ => text += &format!("{line}\n"),
        }
    };
    for _ in 0..=dice.below(4) {
        if dice.below(5) > 0 {
            for _ in 0..=dice.below(2) {
                let line = dice.one(&pools.starts).to_owned();
                put(dice, &line);
            }
        }
        for _ in 0..dice.below(14) {
            let kind = dice.below(10);
            match kind {
                0 => {
                    for line in RECORDS[dice.below(RECORDS.len())] {
                        put(dice, line);
                    }
                    // A record's end is known by a line that does not go on with it.
                    put(dice, "[GATEWAY] INFO all is well");
                }
                1 | 2 => {
                    let line = dice.one(&pools.trouble).to_owned();
                    put(dice, &line);
                }
                3 => {
                    let line = dice.one(&pools.works).to_owned();
                    put(dice, &line);
                }
                _ => {
                    let line = dice.one(&pools.harmless).to_owned();
                    put(dice, &line);
                }
            }
        }
    }
    text
}

type Counts = BTreeMap<String, u64>;

fn counted(run: &RunLog) -> Counts {
    let mut counts = Counts::new();
    for trouble in &run.troubles {
        *counts.entry(name(trouble.what.kind.slug(), trouble.what.variant)).or_default() += trouble.count;
    }
    counts
}

fn name(kind: &str, variant: Option<impl ToString>) -> String {
    format!("{kind}/{}", variant.map_or_else(String::new, |variant| variant.to_string()))
}

/// The last start and the one before, as they are counted, and as they are scanned.
fn both(dice: &mut Dice, text: &str) -> ((Counts, Counts), (Counts, Counts)) {
    let step = 1 + dice.below(300);
    let mut reader = RunReader::new(None, None, &[]);
    for piece in text.as_bytes().chunks(step) {
        reader.feed(piece);
    }
    let log = reader.finish();
    let read = (counted(&log.present), log.previous.as_ref().map(counted).unwrap_or_default());
    let mut runs: BTreeMap<u32, Counts> = BTreeMap::new();
    let mut sink = |problem: LogProblem| {
        let found = problem.found();
        *runs.entry(problem.run).or_default().entry(name(found.kind.slug(), found.variant)).or_default() += 1;
    };
    let mut scanner = LogScanner::new(true, &mut sink);
    for piece in text.as_bytes().chunks(1 + dice.below(4000)) {
        scanner.feed(piece);
    }
    let (_, last) = scanner.finish();
    let of = |run: Option<u32>| run.and_then(|run| runs.get(&run).cloned()).unwrap_or_default();
    (read, (of(Some(last)), of(last.checked_sub(1))))
}

#[test]
fn both_readers_say_the_same_of_every_composed_log() {
    let pools = pools();
    for pool in [&pools.harmless, &pools.starts, &pools.works, &pools.trouble] {
        assert!(pool.len() > 3, "a pool is empty");
    }
    let mut said = 0;
    for seed in 0..300 {
        let mut dice = Dice(seed * 7919 + 13);
        let text = composed(&mut dice, &pools);
        let (read, scanned) = both(&mut dice, &text);
        assert_eq!(read, scanned, "seed {seed}:\n{text}");
        said += read.0.len();
    }
    assert!(said > 300, "{said}");
}
