//! From a report's JSON to the parts of its page.

use serde_json::Value;

use super::model::{Parts, Round, StatusMark};
use super::read::{Bounds, TableRow, cut, get, list, number, text};
use super::{LivePage, PageRequest, items, lists, run};

/// The page's parts, whatever the report is of.
pub(crate) fn parts(report: &Value, asked: &PageRequest, bounds: Bounds) -> Parts {
    let mut parts = Parts::new(&asked.command);
    parts.at = match text(report, "started_at") {
        "" => asked.at.clone(),
        started => started.to_owned(),
    };
    match text(report, "schema") {
        "tls-verify/probe/v1" => lists::probe(report, bounds, &mut parts),
        "tls-verify/certs/v1" => lists::certs(report, asked, bounds, &mut parts),
        "tls-verify/diagnose/v1" => lists::diagnose(report, &mut parts),
        "tls-verify/audit/v1" => lists::audit(report, bounds, &mut parts),
        _ => run::run(report, asked, bounds, &mut parts),
    }
    parts.exit = exit(report);
    for key in ["endpoints", "findings", "certificates", "causes", "connections", "undecided"] {
        let all = number(report, &format!("{key}_count"));
        let shown = list(report, key).len() as u64;
        if all > shown {
            let order = if key == "endpoints" { ", what is not good first" } else { "" };
            parts.left_out.push(format!("{shown} of {all} {key} are shown{order}"));
        }
    }
    parts.title = format!("{} {} · tls-verify {}", parts.mark.glyph, parts.headline, parts.command);
    parts.title = cut(&parts.title, 160);
    let mut rows = vec![
        TableRow::new("Command", asked.line.clone()),
        TableRow::new("Version", format!("tls-verify {}", asked.version)),
        TableRow::new("Host", asked.host.clone()),
        TableRow::new("Page made", asked.at.clone()),
    ];
    rows.append(&mut parts.asked);
    parts.asked = items::said(rows);
    parts
}

fn exit(report: &Value) -> String {
    let code = number(report, "exit_code");
    let lines = text(report, "schema") == "tls-verify/diagnose/v1";
    let summary = get(report, "summary");
    let means = match code {
        0 if lines => "no problem line",
        // `--fail-on new`.
        0 if number(summary, "fail") + number(summary, "unknown") > 0 => "nothing new failed",
        0 => "everything selected passed",
        1 if lines => "a problem line was found",
        1 => "something failed",
        2 => "usage error",
        3 => "something could not be decided",
        130 => "interrupted",
        _ => "",
    };
    format!("exit code {code}: {means}")
}

/// What a live page has beside the report.
pub(crate) fn live(parts: &mut Parts, live: &LivePage, mask: &dyn Fn(&str) -> String, bounds: Bounds) {
    let shown = |text: &str| cut(&mask(text), bounds.text.min(300));
    parts.rounds = live
        .rounds
        .iter()
        .map(|(at, status, said)| Round { mark: StatusMark::of(status), at: at.clone(), said: shown(said) })
        .collect();
    parts.changes = live.changes.iter().map(|(at, said)| TableRow::new(at.clone(), shown(said))).collect();
}
