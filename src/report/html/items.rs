//! What checks, endpoints, causes and findings have in common.

use serde_json::Value;

use super::model::{
    Anchor, Bar, CauseView, ChainView, ChangeView, CureView, DiagnosisView, ItemView, StatusMark,
};
use super::read::{Bounds, CUT, TableRow, get, list, number, rows, text, texts, words};
use super::stack::anchor;

/// Facts of one diagnosis that are shown.
const FACTS: usize = 40;

pub(crate) fn name(one: &Value) -> String {
    match (text(one, "cause"), text(one, "variant")) {
        ("", _) => String::new(),
        (cause, "") => cause.to_owned(),
        (cause, variant) => format!("{cause} ({variant})"),
    }
}

pub(crate) fn cures(one: &Value) -> Vec<CureView> {
    list(one, "fix")
        .iter()
        .take(FACTS)
        .map(|fix| {
            let command = get(fix, "command").as_str().map(str::to_owned);
            CureView {
                text: text(fix, "text").to_owned(),
                whole: command.as_deref().is_some_and(|command| !command.contains(CUT)),
                command,
                changes: list(fix, "changes").iter().take(FACTS).map(change).collect(),
            }
        })
        .collect()
}

fn change(one: &Value) -> ChangeView {
    let place = [text(one, "workload"), text(one, "container")];
    let whose: Vec<&str> = place.into_iter().filter(|part| !part.is_empty()).collect();
    let setting = match (text(one, "name"), text(one, "path")) {
        (name, "") => name.to_owned(),
        ("", path) => path.to_owned(),
        (name, path) => format!("{name} in {path}"),
    };
    let value = |key: &str| match get(one, key) {
        Value::Null => String::new(),
        value => words(value).into_owned(),
    };
    let remove = get(one, "remove").as_bool() == Some(true);
    ChangeView {
        whose: whose.join(" · "),
        name: match text(one, "kind") {
            "" => setting,
            kind => format!("{setting} ({kind})"),
        },
        from: value("from"),
        to: match (remove, value("to")) {
            (true, _) => "(take it away)".to_owned(),
            (false, to) if to.is_empty() => "(yours to choose)".to_owned(),
            (false, to) => to,
        },
        at: text(one, "defined_at").to_owned(),
    }
}

pub(crate) fn diagnosis(one: &Value) -> DiagnosisView {
    let mark = StatusMark::of_severity(text(one, "severity"));
    let side = match text(one, "side") {
        "" => String::new(),
        side => format!("; the {side} side has to change"),
    };
    DiagnosisView {
        mark,
        name: name(one),
        title: text(one, "title").to_owned(),
        place: text(one, "where").to_owned(),
        grade: format!("{}{side}", text(one, "confidence")),
        because: texts(one, "because", FACTS),
        cures: cures(one),
    }
}

/// One origin of failed checks.
pub(crate) fn cause(index: usize, one: &Value) -> CauseView {
    CauseView {
        id: format!("cause-{}", index + 1),
        mark: StatusMark::FAIL,
        name: name(one),
        place: text(one, "where").to_owned(),
        summary: text(one, "summary").to_owned(),
        because: texts(one, "because", FACTS),
        cures: cures(one),
        breaks: list(one, "checks").iter().filter_map(Value::as_str).take(FACTS).map(anchor).collect(),
        rows: Vec::new(),
        sample: None,
        explain: match text(one, "cause") {
            "" => String::new(),
            cause => format!("tls-verify explain {cause}"),
        },
    }
}

/// A duration as people read it.
pub(crate) fn took(milliseconds: f64) -> String {
    if milliseconds >= 1000.0 {
        format!("{:.1} s", milliseconds / 1000.0)
    } else if milliseconds >= 10.0 {
        format!("{milliseconds:.0} ms")
    } else {
        format!("{milliseconds:.1} ms")
    }
}

/// The chain as a tree: the issuer that was only named, the rest from the top down.
pub(crate) fn chain(details: &Value) -> Vec<ChainView> {
    let presented = list(details, "presented");
    let Some(top) = presented.last() else { return Vec::new() };
    let mut links = Vec::new();
    if text(top, "issuer") != text(top, "subject") {
        links.push(ChainView {
            depth: 0,
            subject: text(top, "issuer").to_owned(),
            about: "named as the issuer; it was not sent".to_owned(),
            absent: true,
            more: false,
        });
    }
    for one in presented.iter().rev().take(12) {
        links.push(link(one, links.len()));
    }
    links
}

pub(crate) fn link(one: &Value, depth: usize) -> ChainView {
    let names = texts(one, "sans", 12);
    let mut about = vec![text(one, "key").to_owned()];
    let (begins, ends) = (text(one, "not_before"), text(one, "not_after"));
    if !ends.is_empty() {
        about.push(format!("{} to {}", super::validity::day(begins), super::validity::day(ends)));
    }
    if !names.is_empty() {
        about.push(format!("for {}", names.join(", ")));
    }
    if !text(one, "sha256").is_empty() {
        about.push(format!("SHA-256 {}", text(one, "sha256").chars().take(16).collect::<String>()));
    }
    about.retain(|part| !part.is_empty());
    ChainView {
        depth,
        subject: text(one, "subject").to_owned(),
        about: about.join(" · "),
        absent: false,
        more: false,
    }
}

/// The stages of a connection one after the other.
pub(crate) fn stages(details: &Value) -> Vec<Bar> {
    const ORDER: [(&str, &str); 6] = [
        ("resolve_ms", "resolve"),
        ("connect_ms", "connect"),
        ("info_ms", "NATS INFO"),
        ("preamble_ms", "preamble"),
        ("handshake_ms", "TLS handshake"),
        ("application_ms", "application"),
    ];
    let stages = get(details, "stages");
    let known: Vec<(&str, f64)> =
        ORDER.iter().filter_map(|(key, label)| Some((*label, get(stages, key).as_f64()?))).collect();
    let whole: f64 = known.iter().map(|(_, took)| took).sum();
    let mut from = 0.0;
    known
        .into_iter()
        .map(|(label, milliseconds)| {
            let bar = Bar {
                label: label.to_owned(),
                mark: None,
                value: took(milliseconds),
                from: share(from, whole),
                width: share(milliseconds, whole).max(3),
                class: "stage",
            };
            from += milliseconds;
            bar
        })
        .collect()
}

/// Thousandths of a whole.
pub(crate) fn share(part: f64, whole: f64) -> u32 {
    if whole <= 0.0 {
        return 0;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within 0 and 1000")]
    let share = (part / whole * 1000.0).clamp(0.0, 1000.0).round() as u32;
    share
}

/// A check or an endpoint, with everything that was seen.
pub(crate) fn item(one: &Value, id: &str, expected: &str, bounds: Bounds) -> ItemView {
    let status = text(one, "status");
    let details = get(one, "details");
    let Anchor { id: place, text: name } = anchor(id);
    let number = match get(one, "number").as_u64() {
        Some(number) => number.to_string(),
        None => String::new(),
    };
    ItemView {
        id: place,
        number,
        name,
        title: text(one, "title").to_owned(),
        mark: StatusMark::of(status),
        change: match text(one, "change") {
            "new" => "new",
            "still" => "still broken",
            "fixed" => "fixed",
            _ => "",
        },
        took: get(one, "duration_ms").as_f64().filter(|took| *took > 0.0).map(took).unwrap_or_default(),
        open: matches!(status, "fail" | "unknown"),
        expected: expected.to_owned(),
        seen: text(one, "summary").to_owned(),
        why: why(one),
        evidence: evidence(text(one, "evidence")).to_owned(),
        attempts: number_of_attempts(one),
        diagnoses: list(one, "diagnoses").iter().take(FACTS).map(diagnosis).collect(),
        chain: chain(details),
        stages: stages(details),
        rows: rows(details, &["presented", "stages", "files"], if bounds.whole >= 20 { 60 } else { 16 }),
        short: false,
    }
}

/// A warning's summary says what holds, and an endpoint's what was tried.
fn why(one: &Value) -> String {
    let wanted = match text(one, "status") {
        "warn" => "warning",
        "fail" if text(one, "title").is_empty() => "error",
        _ => return String::new(),
    };
    let all = list(one, "diagnoses");
    let main = all.iter().find(|diagnosis| text(diagnosis, "severity") == wanted);
    main.map_or_else(String::new, |diagnosis| text(diagnosis, "title").to_owned())
}

fn number_of_attempts(one: &Value) -> u64 {
    number(one, "attempts")
}

fn evidence(level: &str) -> &'static str {
    match level {
        "proved" => "proved: tls-verify did it on the wire itself",
        "observed" => "observed: another live system says so",
        "logged" => "logged: it stands in the services' logs",
        "configured" => "configured: it stands in the settings",
        "none" => "none",
        _ => "",
    }
}

/// A page has one of each place.
pub(crate) fn distinct(items: &mut [ItemView]) {
    let mut seen: Vec<String> = Vec::new();
    for item in items {
        let mut id = item.id.clone();
        let mut count = 1;
        while seen.contains(&id) {
            count += 1;
            id = format!("{}-{count}", item.id);
        }
        item.id.clone_from(&id);
        seen.push(id);
    }
}

/// Lines of a table, without those that say nothing.
pub(crate) fn said(rows: Vec<TableRow>) -> Vec<TableRow> {
    rows.into_iter().filter(|row| !row.value.is_empty()).collect()
}
