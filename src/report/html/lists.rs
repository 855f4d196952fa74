//! The pages of `probe`, `merge`, `certs`, `diagnose` and `audit`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::items::{self, cures, name};
use super::model::{CauseView, ChainView, Chip, FindingGroup, FindingView, Parts, StatusMark};
use super::read::{Bounds, TableRow, get, list, number, text, texts, words};
use super::run::counted;
use super::validity::{Met, presented_chain, validity};
use super::{PageRequest, picture, stack};

/// More endpoints than these are a table and no picture.
const DRAWN: usize = 40;

pub(crate) fn probe(report: &Value, bounds: Bounds, parts: &mut Parts) {
    let endpoints = list(report, "endpoints");
    let tally = get(report, "tally");
    let count = |key: &str| number(tally, key);
    let all = number(report, "endpoints_count");
    (parts.mark, parts.headline) = match text(report, "outcome") {
        "pass" if count("warn") > 0 => (
            StatusMark::WARN,
            format!("{} in order, {}", counted(all, "endpoint"), counted(count("warn"), "warning")),
        ),
        "pass" => (StatusMark::PASS, format!("{} in order", counted(all, "endpoint"))),
        "fail" => {
            (StatusMark::FAIL, format!("{} of {} failed", count("fail").max(1), counted(all, "endpoint")))
        }
        "interrupted" => (StatusMark::UNKNOWN, "Interrupted before it was decided".to_owned()),
        _ => (StatusMark::UNKNOWN, "Not everything could be decided".to_owned()),
    };
    parts.items_heading = "Endpoints";
    chips(tally, parts);
    if endpoints.len() <= DRAWN && all as usize == endpoints.len() {
        let stack = stack::of_probe(report);
        parts.picture = picture::draw(&stack);
        parts.connections = stack.connections;
    }
    parts.items = endpoints
        .iter()
        .enumerate()
        .map(|(index, one)| {
            let mut item = items::item(one, text(one, "target"), "", bounds);
            item.short = index >= bounds.whole;
            item.open = item.open && endpoints.len() <= 20;
            item
        })
        .collect();
    items::distinct(&mut parts.items);
    let met = presented_chain(report, "endpoints", "target");
    parts.validity = validity(&met, &parts.at, None, bounds.entries.min(100));
}

fn chips(tally: &Value, parts: &mut Parts) {
    let all = [
        (StatusMark::FAIL, "fail", "failed"),
        (StatusMark::UNKNOWN, "unknown", "undecided"),
        (StatusMark::WARN, "warn", "warning"),
        (StatusMark::PASS, "pass", "passed"),
        (StatusMark::SKIP, "skip", "skipped"),
        (StatusMark::ERROR, "error", "error"),
        (StatusMark::WARN, "warning", "warning"),
        (StatusMark::NOTE, "note", "note"),
    ];
    parts.chips = all
        .into_iter()
        .map(|(mark, key, word)| Chip { mark, count: number(tally, key), word })
        .filter(|chip| chip.count > 0)
        .collect();
}

pub(crate) fn certs(report: &Value, asked: &PageRequest, bounds: Bounds, parts: &mut Parts) {
    let tally = get(report, "tally");
    let certificates = list(report, "certificates");
    let all = number(report, "certificates_count");
    (parts.mark, parts.headline) = match text(report, "outcome") {
        "pass" if number(tally, "warning") > 0 => {
            let warnings = counted(number(tally, "warning"), "warning");
            (StatusMark::WARN, format!("The certificates are right, with {warnings}"))
        }
        "pass" => (StatusMark::PASS, "The certificates are right".to_owned()),
        "fail" => {
            (StatusMark::FAIL, format!("{} in the certificates", counted(number(tally, "error"), "error")))
        }
        "interrupted" => (StatusMark::UNKNOWN, "Interrupted before it was decided".to_owned()),
        _ => (StatusMark::UNKNOWN, "Not everything could be decided".to_owned()),
    };
    let at = text(report, "at");
    parts.sub = format!("{} read, as of {}Z", counted(all, "certificate"), at.get(..19).unwrap_or(at));
    chips(tally, parts);
    findings(report, bounds, parts);
    parts.trees = trees(certificates);
    let user = |one: &Value| text(one, "file").to_owned();
    let met: Vec<Met<'_>> =
        certificates.iter().map(|certificate| Met { certificate, user: user(certificate) }).collect();
    parts.validity =
        validity(&met, text(report, "at"), Some((&asked.at, "the day asked for")), bounds.entries.min(300));
    verdicts(report, parts);
}

fn verdicts(report: &Value, parts: &mut Parts) {
    for one in list(report, "verifications").iter().take(50) {
        let verifiers = ["go", "openssl", "webpki"].map(|who| {
            let word = match get(one, who).as_bool() {
                Some(true) => "accepts",
                Some(false) => "refuses",
                None => "no verdict",
            };
            format!("{who} {word}")
        });
        let mut why = texts(one, "differences", 5);
        if !text(one, "reason").is_empty() {
            why.insert(0, text(one, "reason").to_owned());
        }
        let reason = if why.is_empty() { String::new() } else { format!(": {}", why.join("; ")) };
        let whose = match (text(one, "file"), text(one, "purpose")) {
            ("", purpose) => format!("as a {purpose}"),
            (file, purpose) => format!("{file} as a {purpose}"),
        };
        parts.verdicts.push(TableRow::new(whose, format!("{}{reason}", verifiers.join(", "))));
    }
}

/// Files with nothing but notes are folded where they are more than this.
const OPEN: usize = 3;

/// Findings by file; what is no more than noted stands behind what is wrong.
fn findings(report: &Value, bounds: Bounds, parts: &mut Parts) {
    let all = groups(list(report, "findings"), bounds);
    let quiet = |group: &FindingGroup| group.findings.iter().all(|one| one.mark == StatusMark::NOTE);
    let (notes, findings): (Vec<_>, Vec<_>) = all.into_iter().partition(quiet);
    (parts.findings, parts.notes) = (findings, notes);
    if parts.notes.len() <= OPEN {
        parts.findings.append(&mut parts.notes);
    }
}

/// Findings by the file they are in.
fn groups(findings: &[Value], bounds: Bounds) -> Vec<FindingGroup> {
    let mut groups: Vec<FindingGroup> = Vec::new();
    let mut index: BTreeMap<String, usize> = BTreeMap::new();
    for one in findings.iter().take(bounds.entries) {
        let file = text(one, "file").to_owned();
        let at = *index.entry(file.clone()).or_insert(groups.len());
        if at == groups.len() {
            groups.push(FindingGroup { file, findings: Vec::new() });
        }
        if let Some(group) = groups.get_mut(at) {
            group.findings.push(finding(one));
        }
    }
    groups
}

fn finding(one: &Value) -> FindingView {
    let cause = name(one);
    let name = match (text(one, "rule"), cause.as_str()) {
        ("", cause) => cause.to_owned(),
        (rule, "") => rule.to_owned(),
        (rule, cause) => format!("{rule}: {cause}"),
    };
    let line = match (number(one, "line"), number(one, "column")) {
        (0, _) => String::new(),
        (line, 0) => format!("line {line}"),
        (line, column) => format!("line {line}, column {column}"),
    };
    let place = [line.as_str(), text(one, "workload")];
    FindingView {
        mark: StatusMark::of_severity(text(one, "severity")),
        name,
        place: place.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · "),
        message: text(one, "message").to_owned(),
        because: texts(one, "because", 20),
        cures: cures(one),
    }
}

/// Certificates below their issuers.
fn trees(certificates: &[Value]) -> Vec<ChainView> {
    let mut links = Vec::new();
    let mut done = vec![false; certificates.len()];
    let is_root = |one: &Value| {
        text(one, "subject") == text(one, "issuer")
            || !certificates.iter().any(|other| {
                text(other, "subject") == text(one, "issuer") && text(other, "sha256") != text(one, "sha256")
            })
    };
    for index in (0..certificates.len()).filter(|index| is_root(&certificates[*index])) {
        let one = &certificates[index];
        if done[index] {
            continue;
        }
        if text(one, "subject") != text(one, "issuer") {
            let absent = ChainView {
                depth: 0,
                subject: text(one, "issuer").to_owned(),
                about: "named as the issuer; it is not among these files".to_owned(),
                absent: true,
                more: false,
            };
            if !links.contains(&absent) {
                links.push(absent);
            }
            below(certificates, index, 1, &mut done, &mut links);
        } else {
            below(certificates, index, 0, &mut done, &mut links);
        }
    }
    for index in 0..certificates.len() {
        // Two that name each other.
        if !done[index] {
            below(certificates, index, 0, &mut done, &mut links);
        }
    }
    for at in 0..links.len() {
        let depth = links[at].depth;
        let next = links[at + 1..].iter().find(|one| one.depth <= depth);
        links[at].more = next.is_some_and(|one| one.depth == depth);
    }
    links
}

fn below(all: &[Value], index: usize, depth: usize, done: &mut [bool], links: &mut Vec<ChainView>) {
    if done[index] || depth > 9 {
        return;
    }
    done[index] = true;
    let mut link = items::link(&all[index], depth);
    let file = text(&all[index], "file");
    if !file.is_empty() {
        link.about = format!("{file} · {}", link.about);
    }
    links.push(link);
    let subject = text(&all[index], "subject").to_owned();
    for next in 0..all.len() {
        if text(&all[next], "issuer") == subject && !done[next] {
            below(all, next, depth + 1, done, links);
        }
    }
}

pub(crate) fn diagnose(report: &Value, parts: &mut Parts) {
    let problems = number(report, "problems");
    let causes = number(report, "causes_count");
    parts.causes_heading = "Causes found in these lines";
    (parts.mark, parts.headline) = match (text(report, "outcome"), problems) {
        (_, 1..) => {
            let lines =
                if problems == 1 { "1 problem line".to_owned() } else { format!("{problems} problem lines") };
            (StatusMark::FAIL, format!("{lines}, {}", counted(causes, "cause")))
        }
        ("pass", _) => (StatusMark::PASS, "No TLS or connection problem in these lines".to_owned()),
        _ => (StatusMark::UNKNOWN, "Interrupted".to_owned()),
    };
    for (index, one) in list(report, "causes").iter().enumerate() {
        let sample = get(one, "sample");
        let count = number(one, "count");
        let lines = if count == 1 { "1 line".to_owned() } else { format!("{count} lines") };
        parts.causes.push(CauseView {
            id: format!("cause-{}", index + 1),
            mark: StatusMark::FAIL,
            name: name(one),
            place: lines,
            summary: text(one, "title").to_owned(),
            because: Vec::new(),
            cures: cures(one),
            breaks: Vec::new(),
            rows: items::said(vec![
                TableRow::new("In", texts(one, "sources", 20).join(", ")),
                TableRow::new("First", text(one, "first")),
                TableRow::new("Last", text(one, "last")),
                TableRow::new("Logged by", text(one, "emitter")),
                TableRow::new("Certainty", text(one, "confidence")),
                TableRow::new("Side to change", text(one, "side")),
                TableRow::new(
                    "Line",
                    format!("{} of {}", words(get(sample, "line_number")), text(sample, "source")),
                ),
            ]),
            sample: Some(text(sample, "line").to_owned()),
            explain: text(one, "explain").to_owned(),
        });
    }
}

pub(crate) fn audit(report: &Value, bounds: Bounds, parts: &mut Parts) {
    let tally = get(report, "tally");
    let undecided = number(report, "undecided_count");
    (parts.mark, parts.headline) = match text(report, "outcome") {
        "pass" if number(tally, "warning") > 0 => (
            StatusMark::WARN,
            format!("The TLS wiring holds, with {}", counted(number(tally, "warning"), "warning")),
        ),
        "pass" => (StatusMark::PASS, "The TLS wiring holds as it is described".to_owned()),
        "fail" => (
            StatusMark::FAIL,
            format!("{} in the TLS wiring", counted(number(tally, "error").max(1), "mistake")),
        ),
        _ => (StatusMark::UNKNOWN, format!("{} undecided", counted(undecided, "place"))),
    };
    chips(tally, parts);
    if undecided > 0 {
        parts.chips.push(Chip { mark: StatusMark::UNKNOWN, count: undecided, word: "undecided" });
    }
    findings(report, bounds, parts);
    let stack = stack::of_audit(report);
    parts.picture = picture::draw(&stack);
    parts.connections = stack.connections;
    for one in list(report, "deployments").iter().take(50) {
        let workloads = counted(number(one, "workloads"), "workload");
        parts.asked.push(TableRow::new(
            "Deployment",
            format!("{}: {}, {workloads}", text(one, "source"), text(one, "kind")),
        ));
    }
    for one in list(report, "undecided") {
        let line = number(one, "line");
        let at =
            if line > 0 { format!("{}:{line}", text(one, "file")) } else { text(one, "file").to_owned() };
        let how = match text(one, "how") {
            "" => String::new(),
            how => format!(" ({how})"),
        };
        parts.undecided.push(TableRow::new(at, format!("{}{how}", text(one, "what"))));
    }
}
