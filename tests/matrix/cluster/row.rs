//! A state of the stack in a cluster: how it is made, what all checks say of it, and what its cure does.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::lab::{Lab, patience};

/// How the first cure of the first root cause is put into effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cure {
    /// Nobody but the operator can: only what it says is held.
    Told,
    /// Its command is typed.
    Typed,
    /// Its changes are made as they stand.
    Changes,
}

#[derive(Clone, Copy)]
pub(super) struct Row {
    pub(super) name: &'static str,
    /// A script: see the preamble in `lab.rs`.
    pub(super) make: &'static str,
    pub(super) arguments: &'static [&'static str],
    pub(super) code: i32,
    /// The checks that fail, all of them and no other: for the cause of the first root, where it has one.
    pub(super) fails: &'static [&'static str],
    /// The checks that cannot be told; every other one is good.
    pub(super) open: &'static [&'static str],
    /// Every root cause, in order: `secret/cordum-server-tls bad-key-file file-missing`.
    pub(super) roots: &'static [&'static str],
    /// Words of the first fix: its text, its command or its changes.
    pub(super) fix: &'static [&'static str],
    pub(super) cure: Cure,
    /// Runs each time, not with `--long` alone.
    pub(super) always: bool,
}

pub(super) const FAULT: Row = Row {
    name: "",
    make: "",
    arguments: &[],
    code: 1,
    fails: &[],
    open: &[],
    roots: &[],
    fix: &[],
    cure: Cure::Typed,
    always: false,
};

impl Row {
    /// What its checks say is not written down yet: `CLUSTER_ACCEPT=1` runs it and prints that.
    pub(super) const fn is_draft(&self) -> bool {
        self.code != 0 && self.fails.is_empty()
    }
}

/// A state in which nothing is wrong.
pub(super) const ODD: Row = Row { code: 0, cure: Cure::Told, ..FAULT };

/// What a check said, in a row's words.
fn said(check: &Value) -> String {
    let mut said = check["status"].as_str().unwrap_or_default().to_owned();
    if said == "pass" {
        return said;
    }
    let word = |key: &str| check.pointer(&format!("/diagnoses/0/{key}")).and_then(Value::as_str);
    for word in [word("cause"), word("variant")].into_iter().flatten() {
        said.push(' ');
        said.push_str(word);
    }
    if let Some(side) = word("side") {
        said.push('/');
        said.push_str(side);
    }
    said
}

fn roots(report: &Value) -> Vec<String> {
    let all = report["root_causes"].as_array().cloned().unwrap_or_default();
    let one = |root: &Value| {
        let words =
            ["where", "cause", "variant"].map(|key| root[key].as_str().unwrap_or_default().to_owned());
        words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
    };
    all.iter().map(one).collect()
}

/// What of a run is not as the row has it.
fn differences(row: &Row, code: i32, report: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let checks = report["checks"].as_array().cloned().unwrap_or_default();
    if checks.len() != tls_verify_checks::ALL.len() {
        wrong.push(format!("{} checks: {report}", checks.len()));
    }
    let accepts = std::env::var_os("CLUSTER_ACCEPT").is_some();
    let cause = report["root_causes"][0]["cause"].as_str();
    for check in checks.iter().filter(|_| !accepts) {
        let id = check["id"].as_str().unwrap_or_default();
        let told = said(check);
        let wanted = if row.fails.contains(&id) {
            "fail"
        } else if row.open.contains(&id) {
            "unknown"
        } else {
            "good"
        };
        let status = check["status"].as_str().unwrap_or_default();
        let status = if matches!(status, "pass" | "warn") { "good" } else { status };
        let named = check.pointer("/diagnoses/0/cause").and_then(Value::as_str);
        let another = wanted == "fail" && cause.is_some() && named != cause;
        if status != wanted || another {
            wrong.push(format!("{id} says `{told}`, not `{wanted}` ({cause:?})"));
        }
    }
    if code != row.code {
        wrong.push(format!("exit {code}, not {}", row.code));
    }
    let roots = roots(report);
    if roots != row.roots {
        wrong.push(format!("root causes {roots:?}, not {:?}", row.roots));
    }
    let fix = report["root_causes"][0]["fix"][0].to_string();
    wrong.extend(
        row.fix.iter().filter(|word| !fix.contains(**word)).map(|word| format!("`{word}` is not in {fix}")),
    );
    // Nothing that is printed to be pasted deletes, forces or puts a secret on a command line.
    let commands = tls_verify_fixtures::reports::commands(report);
    let harm = [" delete ", "--force", " replace ", "generate-certs", "> "];
    for command in commands {
        wrong.extend(
            harm.iter().filter(|word| command.contains(**word)).map(|word| format!("{word} in {command}")),
        );
    }
    wrong
}

/// Everything that is not `pass`, for a person who reads a failed row.
fn digest(code: i32, report: &Value) -> String {
    use std::fmt::Write;
    let mut out = format!("exit {code}; roots {:?}\n", roots(report));
    for check in report["checks"].as_array().into_iter().flatten() {
        let told = said(check);
        if told != "pass" {
            let _ = writeln!(out, "    ({}, \"{told}\"), {}", check["id"], check["summary"]);
            for one in check["diagnoses"].as_array().into_iter().flatten() {
                let _ = writeln!(out, "        {} {} {}", one["cause"], one["where"], one["because"]);
            }
        }
    }
    for root in report["root_causes"].as_array().into_iter().flatten() {
        let _ = writeln!(
            out,
            "    root {} {} {}\n      {}\n      {}",
            root["where"], root["cause"], root["checks"], root["because"], root["fix"]
        );
    }
    out
}

/// Makes the state, looks until it is as the row has it, cures it, looks again, and mends what is left.
pub(super) fn hold(lab: &Lab, row: &Row) -> Result<(), String> {
    let begun = Instant::now();
    let result = state(lab, row, begun);
    let looked = begun.elapsed();
    if result.is_err() {
        // What is left of it may be in no object: what a server read at its start, for one.
        let _ = lab.shell("k delete pod --all --grace-period=1 --wait=false");
    }
    let mended = lab.mend().map_err(|error| format!("{}: not mended: {error}", row.name));
    eprintln!(
        "{:<64} {} {:.0} s, {:.0} s with mending",
        row.name,
        if result.is_ok() { "ok" } else { "WRONG" },
        looked.as_secs_f64(),
        begun.elapsed().as_secs_f64()
    );
    let ended = result.and(mended);
    if let Err(why) = &ended {
        // The others take their time: what is known is told now.
        eprintln!("{why}");
    }
    ended
}

fn state(lab: &Lab, row: &Row, begun: Instant) -> Result<(), String> {
    let made = lab.shell(row.make)?;
    // Seen, not assumed: `policies` has asked. What such a state says of a stack is held by the recorded rows.
    if made.contains("NOT ENFORCED") {
        eprintln!("left out, for this node enforces no NetworkPolicy: {}: {made}", row.name);
        return Ok(());
    }
    if row.code == 0 {
        lab.settle()?;
    }
    let report = until(lab, row, begun)?;
    if std::env::var_os("CLUSTER_ACCEPT").is_some() {
        let of = |status: &str| -> Vec<String> {
            let all = report["checks"].as_array().into_iter().flatten();
            all.filter(|check| check["status"] == status)
                .map(|check| check["id"].as_str().unwrap_or_default().to_owned())
                .collect()
        };
        eprintln!("ACCEPT {}\tfails: &{:?},\topen: &{:?},", row.name, of("fail"), of("unknown"));
    }
    if std::env::var_os("TLS_VERIFY_SHOW").is_some() {
        eprintln!("{}: {}", row.name, digest(row.code, &report));
    }
    let fix = &report["root_causes"][0]["fix"][0];
    match row.cure {
        Cure::Told => return Ok(()),
        Cure::Typed => {
            let command = fix["command"].as_str().ok_or_else(|| format!("no command in {fix}"))?;
            lab.type_in(command)?;
        }
        Cure::Changes => {
            let changes = fix["changes"].as_array().filter(|all| !all.is_empty());
            for change in changes.ok_or_else(|| format!("no changes in {fix}"))? {
                lab.shell(&super::applied::script(change)?)?;
            }
        }
    }
    until(lab, &ODD, Instant::now()).map(|_| ()).map_err(|why| format!("not cured by {fix}: {why}"))
}

/// Runs until it is as the row has it; the report.
fn until(lab: &Lab, row: &Row, begun: Instant) -> Result<Value, String> {
    loop {
        let ran = lab.run(row.arguments);
        if let (Err(why), true) = (&ran, begun.elapsed() > patience()) {
            return Err(why.clone());
        }
        let Ok((code, report)) = ran else { continue };
        let wrong = differences(row, code, &report);
        if wrong.is_empty() {
            return Ok(report);
        }
        if begun.elapsed() > patience() {
            let pods = lab.shell("k get pods").unwrap_or_default();
            return Err(format!("{}\n{}\n{pods}", wrong.join("\n"), digest(code, &report)));
        }
        std::thread::sleep(Duration::from_millis(500));
    }
}
