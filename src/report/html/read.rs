//! Reads a report as JSON, within bounds: a page is for people, and has an end.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// How much of a report is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// Bytes of one text.
    pub text: usize,
    /// Entries of a list.
    pub entries: usize,
    /// Entries that are shown with everything that was seen.
    pub whole: usize,
}

/// From all that is promised down to what fits whatever comes.
pub(crate) const BOUNDS: [Bounds; 6] = [
    Bounds { text: 2048, entries: 500, whole: 500 },
    Bounds { text: 2048, entries: 500, whole: 60 },
    Bounds { text: 1024, entries: 500, whole: 20 },
    Bounds { text: 400, entries: 300, whole: 12 },
    Bounds { text: 160, entries: 120, whole: 6 },
    Bounds { text: 60, entries: 40, whole: 3 },
];

/// Stands where a text was cut.
pub(crate) const CUT: &str = " \u{2026} cut: ";

/// What is read where nothing is.
static NULL: Value = Value::Null;

/// The report with its secrets masked and its texts cut.
pub(crate) fn bounded(value: &Value, bounds: Bounds, mask: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(cut(&mask(text), bounds.text)),
        // What is left out of the report's own lists is counted by who shows them.
        Value::Array(all) => Value::Array(all.iter().map(|one| bounded(one, bounds, mask)).collect()),
        Value::Object(all) => Value::Object(
            all.iter()
                .map(|(key, one)| (cut(&mask(key), bounds.text.min(200)), bounded(one, bounds, mask)))
                .collect::<Map<_, _>>(),
        ),
        other => other.clone(),
    }
}

/// The text, or its beginning and how much is not shown.
pub(crate) fn cut(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let end = (0..=limit).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    format!("{}{CUT}{} more bytes", &text[..end], text.len() - end)
}

pub(crate) fn get<'a>(value: &'a Value, key: &str) -> &'a Value {
    value.get(key).unwrap_or(&NULL)
}

/// A text, empty where there is none.
pub(crate) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    get(value, key).as_str().unwrap_or_default()
}

pub(crate) fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    get(value, key).as_array().map(Vec::as_slice).unwrap_or_default()
}

pub(crate) fn number(value: &Value, key: &str) -> u64 {
    get(value, key).as_u64().unwrap_or_default()
}

/// Texts of a list.
pub(crate) fn texts(value: &Value, key: &str, most: usize) -> Vec<String> {
    let all = list(value, key);
    let mut shown: Vec<String> = all.iter().take(most).filter_map(Value::as_str).map(str::to_owned).collect();
    if all.len() > most {
        shown.push(format!("… and {} more", all.len() - most));
    }
    shown
}

/// A value in words.
pub(crate) fn words(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Null => "none".into(),
        Value::Bool(true) => "yes".into(),
        Value::Bool(false) => "no".into(),
        Value::Number(number) => number.to_string().into(),
        Value::String(text) => text.as_str().into(),
        Value::Array(_) | Value::Object(_) => value.to_string().into(),
    }
}

/// A line of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TableRow {
    pub key: String,
    pub value: String,
}

impl TableRow {
    pub(crate) fn new(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self { key: key.into(), value: value.into() }
    }
}

/// Details of any shape as lines; `left_out` has its own place on the page.
pub(crate) fn rows(details: &Value, left_out: &[&str], most: usize) -> Vec<TableRow> {
    let mut rows = Vec::new();
    if let Value::Object(all) = details {
        for (key, value) in all.iter().filter(|(key, _)| !left_out.contains(&key.as_str())) {
            walk(key, value, &mut rows, most);
        }
    }
    if rows.len() > most {
        let more = rows.len() - most;
        rows.truncate(most);
        rows.push(TableRow::new("…", format!("{more} more")));
    }
    rows
}

fn walk(path: &str, value: &Value, rows: &mut Vec<TableRow>, most: usize) {
    // One more than is shown, so that it is known that there are more.
    if rows.len() > most.saturating_mul(4) {
        return;
    }
    match value {
        Value::Object(all) => {
            for (key, value) in all {
                walk(&format!("{path} · {key}"), value, rows, most);
            }
        }
        Value::Array(all) if all.iter().any(|one| one.is_object() || one.is_array()) => {
            for (index, value) in all.iter().enumerate() {
                walk(&format!("{path} {}", index + 1), value, rows, most);
            }
        }
        Value::Array(all) => {
            let shown: Vec<Cow<'_, str>> = all.iter().take(most).map(words).collect();
            let more = all.len().saturating_sub(shown.len());
            let tail = if more > 0 { format!(", … and {more} more") } else { String::new() };
            let value = if all.is_empty() { "none".to_owned() } else { shown.join(", ") + &tail };
            rows.push(TableRow::new(path.replace('_', " "), value));
        }
        other => rows.push(TableRow::new(path.replace('_', " "), words(other))),
    }
}

/// Lists of a report that grow with what is looked at; their lengths are kept beside them as `KEY_count`.
const GROWING: [&str; 6] = ["endpoints", "findings", "certificates", "causes", "connections", "undecided"];

/// The report with its long lists cut before anything else is done with them: what is not good comes first.
pub(crate) fn shortened(report: &Value, bounds: Bounds) -> Value {
    let Value::Object(all) = report else { return report.clone() };
    let mut short = Map::new();
    for (key, value) in all {
        match value {
            Value::Array(list) if GROWING.contains(&key.as_str()) => {
                let mut order: Vec<&Value> = list.iter().collect();
                if key == "endpoints" {
                    order.sort_by_key(|one| rank(text(one, "status")));
                }
                short.insert(format!("{key}_count"), list.len().into());
                let kept = order.into_iter().take(bounds.entries).cloned().collect();
                short.insert(key.clone(), Value::Array(kept));
            }
            other => {
                short.insert(key.clone(), other.clone());
            }
        }
    }
    if let Some(endpoints) = report.get("endpoints").and_then(Value::as_array) {
        let mut tally = Map::new();
        for status in ["fail", "unknown", "warn", "pass", "skip"] {
            let count = endpoints.iter().filter(|one| text(one, "status") == status).count();
            tally.insert(status.to_owned(), count.into());
        }
        short.insert("tally".to_owned(), Value::Object(tally));
    }
    if let Some(findings) = report.get("findings").and_then(Value::as_array) {
        let mut tally = Map::new();
        for severity in ["error", "warning", "note"] {
            let count = findings.iter().filter(|one| text(one, "severity") == severity).count();
            tally.insert(severity.to_owned(), count.into());
        }
        short.insert("tally".to_owned(), Value::Object(tally));
    }
    Value::Object(short)
}

/// What is not good stands first.
fn rank(status: &str) -> u8 {
    match status {
        "fail" => 0,
        "unknown" => 1,
        "warn" => 2,
        _ => 3,
    }
}
