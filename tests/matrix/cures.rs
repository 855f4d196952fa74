//! What is claimed of the cures of all rows: kinds, counted from what the snapshots hold; no advice that the row's own
//! evidence contradicts; one root cause with its cure on one screen.

use std::collections::BTreeMap;
use std::fmt::Write;

use tls_verify::report::human::write;
use tls_verify::report::screen::Style;
use tls_verify_core::cause::{CauseKind, Variant};
use tls_verify_core::remedy::Change;
use tls_verify_core::report::RunReport;
use tls_verify_core::status::Status;

/// A change in a line: `KIND NAME of WORKLOAD: to VALUE`.
pub(crate) fn line(change: &Change) -> String {
    let kind = format!("{:?}", change.kind).to_lowercase();
    let to = match (&change.to, change.remove) {
        (_, true) => "away".to_owned(),
        (Some(to), _) => format!("to {to}"),
        (None, _) => OPERATOR.to_owned(),
    };
    format!("{kind} {} of {}: {to}", change.name, change.workload)
}

const OPERATOR: &str = "the operator's value";

/// Rows whose advice has neither a change nor a command that acts: what is at fault lies outside what can be seen
/// without an engine (a silent peer, a proxy's upstream), or is the operator's own (a login, a name, an address).
const NONE: &[&str] = &[
    "nats-client-ca",
    "gateway-eof",
    "gateway-reset",
    "wrong-api-key",
    "gateway-not-found",
    "ws-bad-accept",
    "gateway-busy",
    "redis-wrong-password",
    "redis-eof",
    "grpc-no-alpn",
    "dashboard-bad-gateway",
    "dashboard-page",
    "dashboard-unavailable",
    "dashboard-forbidden",
    "clock-behind",
    "clock-ahead",
    "everywhere-future-ca",
    "status-400",
    "status-401",
    "status-403",
    "status-404",
    "status-500",
    "status-502",
    "status-503",
    "redis-gone-for-gateway",
    "redis-password-of-gateway",
    "nats-gone-for-gateway",
    "another-page",
    "another-json",
    "nginx-wants-certificate",
    "nginx-plain-to-tls",
    "nginx-upstream-gone",
    "stream-400",
    "stream-401",
    "stream-404",
    "stream-426",
    "stream-502",
    "stream-503",
    "cli-verifies-nothing",
    "cli-always-fails",
    "gateway-silent",
    "gateway-is-nats",
    "gateway-is-redis",
    "gateway-alert-80",
    "gateway-alert-112",
    "gateway-dns",
    "nats-silent",
    "nats-eof",
    "nats-reset",
    "nats-dripping-info",
    "nats-is-http",
    "nats-is-https",
    "nats-hangs-in-tls",
    "nats-closes-in-tls",
    "nats-resets-in-tls",
    "nats-dns",
    "redis-silent",
    "redis-reset",
    "redis-is-http",
    "redis-is-https",
    "redis-dns",
    "client-not-yet",
    "client-not-yet-2.12",
    "nats-client-ca-2.12",
    "nats-token-missing",
    "nats-token-wrong",
    "nats-user-wrong",
    "redis-wants-other-ca",
    "redis-wrong-user",
    "gateway-grpc-eof",
    "gateway-grpc-http1",
    "gateway-grpc-silent",
    "kernel-no-alpn",
    "kernel-reset",
    "kernel-dns",
    "engine-nginx-502",
    "dash-wrong-name",
    "dash-404",
    "dash-401",
    "dash-500",
    "dash-504",
    "dash-429-redis",
    "dash-eof",
    "dash-silent",
    "dash-ssh",
    "dash-dns",
    "log-redis-dns",
    "log-redis-password",
];

/// The kinds of a row's first cure.
fn kinds(section: &str) -> Vec<&'static str> {
    let mut found: Vec<&'static str> = Vec::new();
    let mut add = |kind| {
        if !found.contains(&kind) {
            found.push(kind);
        }
    };
    let mut lines = section.lines().skip_while(|line| !line.starts_with("    fix: ")).skip(1);
    let mut commands = Vec::new();
    for line in lines.by_ref().take_while(|line| line.starts_with("         ")) {
        let line = line.trim_start();
        if let Some(command) = line.strip_prefix("$ ") {
            commands.push(command);
            continue;
        }
        let Some(change) = line.strip_prefix("~ ") else { continue };
        add(match change.split(' ').next() {
            Some("environment" | "argument" | "config") => "setting",
            Some("mount") => "mount",
            Some("secret") => "secret",
            _ => "file",
        });
        if change.ends_with(OPERATOR) {
            add("operator's value");
        }
    }
    if found.is_empty() && commands.iter().any(|command| acts(command)) {
        found.push("command");
    }
    found
}

/// Whether a command does something, and does not only look.
fn acts(command: &str) -> bool {
    let looks = [" logs ", " ps ", " config", "ls -l", "tls-verify certs", "openssl x509"];
    !looks.iter().any(|word| command.contains(word))
}

pub(crate) fn the_rows_are_counted_by_the_kind_of_their_cure() {
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    let mut none = Vec::new();
    let mut faults = 0;
    for (family, _) in crate::FAMILIES {
        for (name, text) in crate::snapshot::sections(family) {
            if !text.contains("root cause: ") {
                continue;
            }
            faults += 1;
            let kinds = kinds(&text);
            for kind in &kinds {
                *count.entry(kind).or_default() += 1;
            }
            if kinds.is_empty() {
                none.push(name);
            }
        }
    }
    eprintln!("cures of {faults} rows by kind: {count:?}; without one: {}", none.len());
    for kind in ["setting", "file", "command", "operator's value"] {
        assert!(count.contains_key(kind), "no row is cured by a {kind}");
    }
    let none: Vec<&str> = none.iter().map(String::as_str).collect();
    assert_eq!(none, NONE, "rows without a cure");
}

/// What a row's report may not advise, and how long it may be.
pub(crate) fn hold(report: &RunReport, wrong: &mut String) {
    let good = |id: &str| report.checks.iter().any(|check| check.id == id && check.status == Status::Pass);
    for root in &report.root_causes {
        for fix in &root.fix {
            let all = format!("{} {}", fix.text, fix.command.as_deref().unwrap_or_default());
            let mut says = |what: &str| writeln!(wrong, "  `{}`: {what}", fix.text).unwrap();
            // What our own dial has just proved is not to be made otherwise.
            for (checks, words) in [
                (["worker-nats-tls", "nats-mtls"], &["NATS' configuration", "restart nats"][..]),
                (["redis-tls", "redis-logs"], &["start Redis", "restart redis", "--no-deps redis"]),
            ] {
                let words = words.iter().any(|word| all.contains(word));
                let server = if checks.contains(&"nats-mtls") { "nats" } else { "redis" };
                let other =
                    root.place != server && !root.checks.iter().any(|id| checks.contains(&id.as_str()));
                if words && other && checks.iter().all(|id| good(id)) {
                    says("this server was just seen well");
                }
            }
            let authority = root.variant == Some(Variant::ExpiredCa) || root.cause == CauseKind::InvalidCa;
            if !authority && (all.contains("generate-certs --") && all.contains("--force --")) {
                says("new certificates for everybody");
            }
            if all.contains("ca.key") {
                says("opens the CA's key");
            }
        }
    }
    if report.root_causes.len() == 1 {
        let mut screen = Vec::new();
        let style = Style { width: 80, ..Style::PLAIN };
        write(report, style, &mut screen).unwrap();
        let screen = String::from_utf8_lossy(&screen).into_owned();
        let lines: Vec<&str> = screen.lines().collect();
        let command = |line: &str| line.trim_start().starts_with('$');
        if lines.len() > 24 {
            writeln!(wrong, "  {} lines on a screen of 24:\n{screen}", lines.len()).unwrap();
        }
        if let Some(long) = lines.iter().find(|line| line.chars().count() > 80 && !command(line)) {
            writeln!(wrong, "  a line of {} columns: {long}", long.chars().count()).unwrap();
        }
        if let Some(folder) = std::env::var_os("MATRIX_SCREENS") {
            let name = format!("{}.txt", std::thread::current().name().unwrap_or("row").replace("::", "-"));
            let _ = std::fs::write(std::path::Path::new(&folder).join(name), screen);
        }
    }
}
