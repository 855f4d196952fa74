//! A fault of the running project as a row: how it is made and what all 15 checks say of it.

use std::time::{Duration, Instant};

use crate::project::Project;
use crate::ran::Ran;

/// One fault.
pub struct Row {
    pub name: &'static str,
    pub make: fn(&mut Project),
    pub arguments: &'static [&'static str],
    pub code: i32,
    /// What these checks say; every other one passes. `good` is `pass` or `warn`: what a log keeps of
    /// trouble that is over depends on the moment.
    pub says: &'static [(&'static str, &'static str)],
    /// The root causes, and no others.
    pub roots: &'static [&'static str],
    /// Words of the first root cause's `because` or `fix`.
    pub words: &'static [&'static str],
    /// Words of what `diagnose --docker` says meanwhile.
    pub diagnosed: &'static [&'static str],
    /// The root causes that are told elsewhere from what was collected, where they are not the same: only a login or an
    /// exchange shows them.
    pub elsewhere: Option<&'static [&'static str]>,
}

pub const ROW: Row = Row {
    name: "",
    make: |_| {},
    arguments: &[],
    code: 1,
    says: &[],
    roots: &[],
    words: &[],
    diagnosed: &[],
    elsewhere: None,
};

/// Told elsewhere by whichever of its clients had said it.
pub const ANY: &[&str] = &["*"];

/// Keys that containers can read are world-readable on Linux: a note, and a warning in production.
const FILES: (&str, &str) = ("certificates", "good");

/// One NATS and one Redis have no links among themselves.
const ONE_OF_EACH: (&str, &str) = ("cluster-links", "skip");

/// What is wrong with a run by a row.
pub fn differences(row: &Row, ran: &Ran) -> Vec<String> {
    let mut wrong = Vec::new();
    assert_eq!(ran.checks().len(), tls_verify_checks::ALL.len());
    for check in ran.checks() {
        let id = check["id"].as_str().unwrap();
        let said = ran.said(id);
        let all = row.says.iter().chain([&FILES, &ONE_OF_EACH]);
        let expected = all.into_iter().find(|(known, _)| *known == id).map_or("pass", |(_, says)| *says);
        let good = said == "pass" || said.starts_with("warn");
        if said != expected && !(expected == "good" && good) {
            wrong.push(format!("{}: {id} says `{said}`, not `{expected}`", row.name));
        }
    }
    if ran.code != row.code {
        wrong.push(format!("{}: exit {} instead of {}", row.name, ran.code, row.code));
    }
    let roots = ran.roots();
    if roots != row.roots {
        wrong.push(format!("{}: root causes {roots:?}, not {:?}", row.name, row.roots));
    }
    let first = ran.report.pointer("/root_causes/0").map(ToString::to_string).unwrap_or_default();
    for word in row.words {
        if !first.contains(word) {
            wrong.push(format!("{}: `{word}` is not in {first}", row.name));
        }
    }
    wrong
}

/// Rows that run each time, one of each kind; `scripts/test --long` runs all of them.
pub const ALWAYS: &[&str] = &[
    "NATS loses TLS while services run",
    "NATS in plaintext, services restarted",
    "NATS asks for no client certificate",
    "NATS stopped, services running",
    "NATS stopped, services restarted",
    "NATS with a CA of the same name and another key, services running",
    "NATS with a CA of the same name and another key, services restarted",
];

/// Whether a row is chosen: by its name, else by how long the run may take.
pub fn is_chosen(name: &str, always: &[&str]) -> bool {
    match std::env::var("TLS_VERIFY_ROW") {
        Ok(only) => only.split(',').any(|one| name.contains(one)),
        Err(_) => std::env::var("TLS_VERIFY_LONG").is_ok_and(|long| long == "1") || always.contains(&name),
    }
}

/// Makes each fault on a healthy project, looks, and mends it.
pub fn go_through(project: &mut Project, rows: &[Row]) -> Vec<String> {
    let mut wrong = Vec::new();
    for row in rows.iter().filter(|row| is_chosen(row.name, ALWAYS)) {
        wrong.extend(one(project, row));
    }
    wrong
}

/// Containers on a busy machine take their time to get into the faulty state.
fn patience() -> Duration {
    let seconds = std::env::var("TLS_VERIFY_PATIENCE").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(40))
}

fn one(project: &mut Project, row: &Row) -> Vec<String> {
    let begun = Instant::now();
    (row.make)(project);
    let made = begun.elapsed();
    let mut runs = 0;
    let (mut found, ran) = loop {
        let ran = project.run(row.arguments);
        runs += 1;
        let found = differences(row, &ran);
        if found.is_empty() || begun.elapsed() > made + patience() {
            break (found, ran);
        }
        std::thread::sleep(Duration::from_millis(250));
    };
    if !found.is_empty() || std::env::var("TLS_VERIFY_SHOW").is_ok() {
        eprintln!("{}: {}", row.name, ran.digest());
    }
    if !row.diagnosed.is_empty() {
        let said = project.diagnose("json");
        let missing = row.diagnosed.iter().filter(|word| !said.contains(**word));
        found.extend(missing.map(|word| format!("{}: diagnose does not say `{word}`: {said}", row.name)));
    }
    let looked = begun.elapsed();
    // An argument that names the engine is none of a folder.
    let told_elsewhere = row.elsewhere.unwrap_or(row.roots);
    if row.code == 1 && !row.arguments.contains(&"--docker-host") {
        let elsewhere = project.collected(row.arguments);
        let is_told = match told_elsewhere {
            ANY => elsewhere.code == 1,
            exact => elsewhere.roots() == exact,
        };
        if !is_told {
            let digest = elsewhere.digest();
            found.push(format!("{}, collected: not {told_elsewhere:?}: {digest}", row.name));
        }
    }
    project.mend();
    let healed = project.settle(&[]);
    if healed.code != 0 {
        found.push(format!("after {}: not healed: {}", row.name, healed.digest()));
    }
    eprintln!(
        "{:<58} {} {:.1} s: made in {:.1}, {runs} runs until {:.1}",
        row.name,
        if found.is_empty() { "ok" } else { "WRONG" },
        begun.elapsed().as_secs_f64(),
        made.as_secs_f64(),
        looked.as_secs_f64()
    );
    found
}
