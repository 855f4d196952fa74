//! The recogniser on the lines that Cordum's services, workers and command line print: each message with
//! the errors it can carry, harmless ones included. A row of the set says what the line is, alone
//! (`label`) and among a project's logs (`project`, where that differs), and whose link it speaks of.

use std::collections::BTreeMap;

use serde_json::Value;
use tls_verify_core::logs::classify::{Recognised, Sense, recognise, sense};

const SET: &str = include_str!("../../../../fixtures/data/recognise/cordum.jsonl");

struct Row {
    line: String,
    label: Option<String>,
    project: Option<String>,
    also: Vec<String>,
    link: Option<String>,
}

fn rows() -> Vec<Row> {
    let text = |row: &Value, key: &str| row[key].as_str().map(str::to_owned);
    SET.lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|row| Row {
            line: text(&row, "line").unwrap(),
            label: text(&row, "label"),
            project: text(&row, "project").or_else(|| text(&row, "label")),
            also: row["also"]
                .as_array()
                .map(|list| list.iter().map(|one| one.as_str().unwrap().to_owned()).collect())
                .unwrap_or_default(),
            link: text(&row, "link"),
        })
        .collect()
}

fn right(said: Option<&Recognised>, label: &str, also: &[String]) -> bool {
    let said = said.map_or("not-tls", |found| found.kind.slug());
    said == label || also.iter().any(|one| one == said)
}

/// Whether the link is the one that the row names.
fn linked(said: &Recognised, wanted: &str) -> bool {
    let said = said.link.map(|link| link.slug());
    match wanted {
        "none" => said.is_none(),
        "not-redis-not-nats" => !matches!(said, Some("redis" | "nats")),
        wanted => said == Some(wanted),
    }
}

#[test]
fn every_line_of_the_services_is_named_and_its_link_with_it() {
    let (mut wrong, mut all) = (Vec::new(), 0);
    let mut tally: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    let mut judge = |what: &str, label: &str, good: bool, line: &str, said: String| {
        all += 1;
        let one = tally.entry(format!("{what} {label}")).or_default();
        one.0 += u32::from(good);
        one.1 += 1;
        if !good {
            wrong
                .push(format!("{what} {label}: said {said}: {}", line.chars().take(300).collect::<String>()));
        }
    };
    for row in rows() {
        let alone = recognise(row.line.as_bytes());
        if let Some(label) = &row.label {
            judge("alone", label, right(alone.as_ref(), label, &row.also), &row.line, format!("{alone:?}"));
        }
        let among = match sense(row.line.as_bytes()) {
            Sense::Trouble(found) => Some(found),
            Sense::Nothing | Sense::Start(_) | Sense::Ends | Sense::Works(_) => None,
        };
        if let Some(label) = &row.project {
            judge("project", label, right(among.as_ref(), label, &row.also), &row.line, format!("{among:?}"));
        }
        if let (Some(link), Some(found)) = (&row.link, among.as_ref().or(alone.as_ref())) {
            judge("link", link, linked(found, link), &row.line, format!("{:?}", found.link));
        }
    }
    for (key, (good, all)) in &tally {
        println!("{key}: {good} of {all}");
    }
    println!("{} of {all} wrong", wrong.len());
    assert!(all > 2_000, "the set is too small: {all}");
    assert!(wrong.is_empty(), "{} of {all} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
