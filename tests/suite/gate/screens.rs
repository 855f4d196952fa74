//! The screen: one origin, one way out, few lines, whatever the fault and the terminal.

use std::process::Command;

use serde_json::Value;

use crate::gate::support::{finish, program, text};

fn demo(fault: &str) -> Command {
    let mut command = program();
    command.args(["demo", "--fault", fault]);
    command
}

/// A path of `demo` without the part that differs from run to run.
fn without_run(text: &str) -> String {
    const FRONT: &str = "tls-verify-demo-";
    match text.split_once(FRONT) {
        Some((before, after)) => format!("{before}{FRONT}{}", after.get(6..).unwrap_or_default()),
        None => text.to_owned(),
    }
}

const FAULTS: &[&str] = &[
    "expired",
    "regenerated-ca",
    "missing-san",
    "no-mtls",
    "nats-plaintext",
    "client-eku",
    "redis-plaintext",
    "gateway-down",
    "wrong-api-key",
    "ws-forbidden",
    "dashboard-wrong-scheme",
    "below-minimum",
];

#[test]
fn every_line_fits_the_terminal_and_commands_stay_whole() {
    for fault in FAULTS {
        for width in [80, 50] {
            let output = finish(demo(fault).env("COLUMNS", width.to_string()));
            let out = text(&output.stdout);
            assert!(!out.contains('\u{1b}'), "{fault}: colour without a terminal");
            for line in out.lines() {
                let command = ["$ ", "more: "].iter().any(|front| line.trim_start().starts_with(front));
                // A word that is longer than a line (a path) stands alone in its own.
                let words = line.split_whitespace().count();
                assert!(line.chars().count() <= width || command || words == 1, "{fault}, {width}: {line}");
                assert!(line.trim_end() == line, "{fault}: {line:?}");
            }
        }
    }
}

#[test]
fn one_screen_says_what_is_at_fault_and_what_to_run() {
    for fault in FAULTS {
        let report: Value =
            serde_json::from_slice(&finish(demo(fault).args(["--format", "json"])).stdout).unwrap();
        let out = text(&finish(&mut demo(fault)).stdout);
        let roots = report["root_causes"].as_array().unwrap();
        let checks = report["checks"].as_array().unwrap();
        // The origins come first, each once, with one fix; in all no more than two screens' worth of lines.
        let heads: Vec<&str> = out.lines().filter(|line| line.starts_with("Root cause")).collect();
        assert_eq!(heads.len(), roots.len(), "{fault}: {out}");
        for (head, root) in heads.iter().zip(roots) {
            let place = without_run(root["where"].as_str().unwrap());
            assert!(without_run(head).contains(&format!(": {place} — ")), "{fault}: {head}");
        }
        let before = out.split("\npass ").next().unwrap().matches("\n  fix: ").count();
        assert_eq!(
            before,
            roots.iter().filter(|root| !root["fix"].as_array().unwrap().is_empty()).count(),
            "{out}"
        );
        assert!(out.lines().count() <= 28 + 3 * checks.len() + 10 * roots.len(), "{fault}: {out}");
        // Every check that is not good says why, or where that stands.
        for check in checks {
            let title = check["title"].as_str().unwrap();
            // What a root cause says of it is not said again: there it stands by its id.
            let Some(own) = out.split(title).nth(1) else {
                let id = check["id"].as_str().unwrap();
                let silent = check["status"] == "skip" || check["status"] == "pass";
                assert!(silent || out.contains(id), "{fault}: no {title}");
                continue;
            };
            let next = own.lines().nth(1).unwrap();
            if check["status"] == "fail" {
                assert!(next.contains("root cause") || next.contains(", change the "), "{fault}: {next}");
            }
            if check["status"] == "unknown" {
                let said = next.contains("undecided by root cause") || next.contains(", change the ");
                assert!(said || !next.trim().is_empty(), "{fault}: {next}");
            }
        }
        let last = out.lines().last().unwrap();
        assert!(last.contains(&format!("(exit {})", report["exit_code"])), "{fault}: {last}");
    }
}

#[test]
fn colour_adds_nothing_to_the_words() {
    for fault in ["regenerated-ca", "ws-forbidden"] {
        // Without times and ports, which differ from run to run.
        let words = |out: String| -> Vec<String> {
            let mut plain = String::new();
            let mut rest = out.as_str();
            while let Some((before, after)) = rest.split_once("\u{1b}[") {
                plain.push_str(before);
                rest = after.split_once('m').map_or("", |(_, rest)| rest);
            }
            plain.push_str(rest);
            plain.lines().map(|line| line.chars().filter(|c| c.is_alphabetic()).take(16).collect()).collect()
        };
        let colored = text(&finish(demo(fault).args(["--color", "always"])).stdout);
        assert!(colored.contains("\u{1b}["), "{colored}");
        assert_eq!(words(colored), words(text(&finish(&mut demo(fault)).stdout)), "{fault}");
        let never = finish(demo(fault).args(["--color", "auto"]).env("NO_COLOR", "1"));
        assert!(!text(&never.stdout).contains('\u{1b}'));
    }
}

#[test]
fn the_verdict_does_not_call_broken_what_is_not_tls() {
    for (fault, verdict) in [
        ("expired", "TLS is broken: "),
        ("wrong-api-key", "TLS is fine, a login is not: "),
        ("nats-down", "not reachable: "),
        ("ws-forbidden", "not decided: "),
    ] {
        let out = text(&finish(&mut demo(fault)).stdout);
        assert!(out.lines().last().unwrap().starts_with(verdict), "{fault}: {out}");
    }
    let out = text(&finish(demo("ws-forbidden").args(["--only", "1,3"])).stdout);
    assert!(out.contains("TLS holds: 2 passed"), "{out}");
}

#[test]
fn more_is_shown_on_request_and_less_too() {
    let short = text(&finish(&mut demo("redis-other-ca")).stdout);
    let long = text(&finish(demo("redis-other-ca").arg("-v")).stdout);
    let engines_words = "workflow-engine logged";
    assert!(short.contains("breaks: ") && !short.contains(engines_words), "{short}");
    assert!(long.contains(engines_words) && long.contains("details: "), "{long}");
    let quiet = text(&finish(demo("no-mtls").arg("-q")).stdout);
    assert!(!quiet.contains("\npass ") && quiet.contains("Root cause: nats"), "{quiet}");
}
