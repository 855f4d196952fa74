//! The page of `run` and `demo`.

use serde_json::Value;
use tls_verify_checks::cause::CauseKind;
use tls_verify_checks::context::Dials;

use super::items::{self, cause, share, took};
use super::model::{Bar, Chip, Compared, Parts, StatusMark};
use super::read::{self, Bounds, TableRow, get, list, number, text};
use super::stack::{self, anchor};
use super::validity::{Met, validity};
use super::{PageRequest, picture};
use crate::report::verdict::{self, FailureKind, RunOutcome, first_upper};

pub(crate) fn run(report: &Value, asked: &PageRequest, bounds: Bounds, parts: &mut Parts) {
    let checks = list(report, "checks");
    verdict(report, parts);
    parts.causes = list(report, "root_causes")
        .iter()
        .take(bounds.entries.min(50))
        .enumerate()
        .map(|(index, one)| cause(index, one))
        .collect();
    let stack = stack::of_run(report);
    parts.picture = picture::draw(&stack);
    parts.connections = stack.connections;
    parts.connections.extend(stack.own);
    compared(report, parts);
    parts.items = checks
        .iter()
        .take(bounds.entries)
        .enumerate()
        .map(|(index, one)| {
            let id = text(one, "id");
            let about =
                asked.about.iter().find(|(name, _)| name == id).map_or("", |(_, about)| about.as_str());
            let mut item = items::item(one, id, about, bounds);
            // What one root cause broke is read once.
            item.open = item.mark == StatusMark::FAIL && !explained(report, id);
            item.short = index >= bounds.whole && item.mark != StatusMark::FAIL;
            item
        })
        .collect();
    items::distinct(&mut parts.items);
    parts.times = times(checks);
    let met = met(report);
    // What was recorded is judged as of then.
    let (at, other) = match text(get(report, "target"), "as_of") {
        "" => (parts.at.as_str(), None),
        as_of => (as_of, Some((parts.at.as_str(), "when it was recorded"))),
    };
    parts.validity = validity(&met, at, other, bounds.entries.min(200));
    parts.asked = asked_of(report);
}

/// Whether an earlier check stands for the same root cause.
fn explained(report: &Value, id: &str) -> bool {
    let names = |root: &&Value| list(root, "checks").iter().any(|check| check.as_str() == Some(id));
    let first = |root: &Value| list(root, "checks").first().and_then(Value::as_str) == Some(id);
    list(report, "root_causes").iter().find(names).is_some_and(|root| !first(root))
}

fn verdict(report: &Value, parts: &mut Parts) {
    let tally = get(report, "summary");
    let count = |key: &str| number(tally, key);
    let (pass, warn, fail) = (count("pass"), count("warn"), count("fail"));
    let (skip, unknown) = (count("skip"), count("unknown"));
    let all = pass + warn + fail + skip + unknown;
    let causes = list(report, "root_causes").len();
    (parts.mark, parts.headline) = match text(report, "outcome") {
        // `--fail-on new`: what was broken before does not decide.
        "pass" if fail + unknown > 0 => (StatusMark::WARN, words(report)),
        "pass" if warn > 0 => (StatusMark::WARN, format!("TLS holds, with {}", counted(warn, "warning"))),
        "pass" => (StatusMark::PASS, "TLS holds".to_owned()),
        "fail" if fail == 0 && warn > 0 => {
            (StatusMark::FAIL, format!("{} that count as failures", counted(warn, "warning")))
        }
        "fail" if causes == 1 => {
            let root = list(report, "root_causes").first().unwrap_or(&Value::Null);
            (StatusMark::FAIL, headline(report, root))
        }
        "fail" => (StatusMark::FAIL, format!("{}: {} root causes", words(report), causes.max(1))),
        "interrupted" => (StatusMark::UNKNOWN, "Interrupted before it was decided".to_owned()),
        _ => (StatusMark::UNKNOWN, "Not everything could be decided".to_owned()),
    };
    parts.sub = match (fail, unknown) {
        (0, 0) if warn > 0 => format!("{pass} of {all} checks passed, {warn} with a warning"),
        (0, 0) => format!("{pass} of {all} checks passed"),
        (0, unknown) => format!("{unknown} of {all} checks undecided, none failed"),
        (fail, 0) => format!("{fail} of {all} checks failed"),
        (fail, unknown) => format!("{fail} of {all} checks failed, {unknown} undecided"),
    };
    if let Some(demo) = report.get("demo") {
        parts.sub.push_str(match text(demo, "fault") {
            "" => ". This is the demo stack",
            _ => ". This is the demo stack, broken on purpose: ",
        });
        parts.sub.push_str(text(demo, "fault"));
    }
    parts.chips = [
        (StatusMark::FAIL, fail, "failed"),
        (StatusMark::UNKNOWN, unknown, "undecided"),
        (StatusMark::WARN, warn, "warning"),
        (StatusMark::PASS, pass, "passed"),
        (StatusMark::SKIP, skip, "skipped"),
    ]
    .into_iter()
    .filter(|(_, count, _)| *count > 0)
    .map(|(mark, count, word)| Chip { mark, count, word })
    .collect();
}

fn headline(report: &Value, root: &Value) -> String {
    let what = words(report);
    match text(root, "summary") {
        "" => format!("{what} at {}", text(root, "where")),
        summary => format!("{what}: {summary}"),
    }
}

/// What a run comes to that failed, or that failed before.
fn words(report: &Value) -> String {
    let failed = list(report, "checks").iter().filter(|one| text(one, "status") == "fail");
    let cause = |one: &Value| {
        let main = list(one, "diagnoses").first().map_or("", |main| text(main, "cause"));
        CauseKind::ALL.iter().copied().find(|cause| cause.slug() == main)
    };
    let causes: Vec<Option<CauseKind>> = failed.map(cause).collect();
    let count = |key: &str| number(get(report, "summary"), key);
    first_upper(verdict::words(&RunOutcome {
        word: text(report, "outcome"),
        failed: count("fail"),
        undecided: count("unknown"),
        kind: FailureKind::of(&causes),
    }))
}

pub(crate) fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn compared(report: &Value, parts: &mut Parts) {
    let comparison = get(report, "comparison");
    text(comparison, "baseline").clone_into(&mut parts.baseline);
    let rows = [
        ("new", StatusMark::FAIL, "new"),
        ("still", StatusMark::WARN, "still broken"),
        ("fixed", StatusMark::PASS, "fixed"),
        ("absent", StatusMark::SKIP, "broken then, not looked at now"),
    ];
    if comparison.is_object() {
        parts.compared = rows
            .into_iter()
            .map(|(key, mark, word)| Compared {
                mark,
                word,
                what: list(comparison, key).iter().filter_map(Value::as_str).map(anchor).collect(),
            })
            .collect();
    }
}

fn times(checks: &[Value]) -> Vec<Bar> {
    let duration = |one: &Value| get(one, "duration_ms").as_f64().unwrap_or_default();
    let longest = checks.iter().map(duration).fold(0.0, f64::max);
    // What was recorded takes no time.
    if longest <= 0.0 {
        return Vec::new();
    }
    checks
        .iter()
        .filter(|one| text(one, "status") != "skip")
        .take(60)
        .map(|one| Bar {
            label: text(one, "id").to_owned(),
            mark: Some(StatusMark::of(text(one, "status"))),
            value: took(duration(one)),
            from: 0,
            width: share(duration(one), longest).max(3),
            class: StatusMark::of(text(one, "status")).class,
        })
        .collect()
}

/// Every certificate that was met, with the server that showed it or the file that holds it.
fn met(report: &Value) -> Vec<Met<'_>> {
    let mut met = Vec::new();
    for check in list(report, "checks") {
        let id = text(check, "id");
        // Checks that read or ask something else have no server of their own here.
        let dials = tls_verify_checks::named(id).filter(|check| check.dials == Dials::Verified);
        let server = dials.map_or(id, |check| check.link.service());
        let details = get(check, "details");
        for certificate in list(details, "presented") {
            met.push(Met { certificate, user: server.to_owned() });
        }
        for certificate in list(details, "files") {
            met.push(Met { certificate, user: text(certificate, "file").to_owned() });
        }
    }
    met
}

fn asked_of(report: &Value) -> Vec<TableRow> {
    let mut rows = vec![
        TableRow::new("Started", text(report, "started_at")),
        TableRow::new("Took", get(report, "duration_ms").as_f64().map(took).unwrap_or_default()),
    ];
    rows.push(TableRow::new("Stack", text(get(report, "demo"), "about")));
    if let Value::Object(target) = get(report, "target") {
        for (key, value) in target {
            rows.push(TableRow::new(format!("Target: {}", key.replace('_', " ")), read::words(value)));
        }
    }
    rows
}
