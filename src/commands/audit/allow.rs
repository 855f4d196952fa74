//! `# tls-verify: allow RULE reason`: a finding at that line, or on the next one, becomes a note.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use tls_verify_core::cause::Severity;
use tls_verify_core::manifest::Files;
use tls_verify_core::rules::{Finding, UNUSED_ALLOW};
use tls_verify_core::workload::Place;

use super::disk::Disk;

/// A comment.
struct Allow {
    place: Place,
    rule: String,
    reason: String,
    /// It stands alone on its line and means the next one.
    alone: bool,
    used: bool,
}

const MARK: &str = "tls-verify: allow";

/// Turns what is allowed into notes, and tells what matches nothing.
pub(super) fn apply(findings: &mut Vec<Finding>, read: &BTreeSet<String>, disk: &Disk) {
    let mut allows: Vec<Allow> = read.iter().flat_map(|path| of_file(disk, path)).collect();
    let mut by_file: HashMap<Arc<str>, Vec<usize>> = HashMap::new();
    for (at, allow) in allows.iter().enumerate() {
        by_file.entry(allow.place.file.clone()).or_default().push(at);
    }
    for finding in findings.iter_mut() {
        for at in by_file.get(&finding.place.file).into_iter().flatten() {
            let allow = &mut allows[*at];
            let line = allow.place.line + u32::from(allow.alone);
            if line == finding.place.line && allow.rule == finding.rule {
                allow.used = true;
                finding.severity = Severity::Note;
                let reason =
                    if allow.reason.is_empty() { String::new() } else { format!(": {}", allow.reason) };
                finding
                    .because
                    .push(format!("allowed at {}{reason}", Place { column: 0, ..allow.place.clone() }));
            }
        }
    }
    for allow in allows.into_iter().filter(|one| !one.used) {
        let message = format!("`allow {}` matches no finding", allow.rule);
        let mut change = tls_verify_core::remedy::Change::new(
            String::new(),
            tls_verify_core::remedy::ChangeKind::Config,
            "the comment",
        );
        change.remove = true;
        change.defined_at = Some(allow.place.clone());
        let fix = tls_verify_core::remedy::Fix {
            text: "take the comment away".to_owned(),
            command: None,
            changes: vec![change],
        };
        findings.push(Finding::new(UNUSED_ALLOW, Severity::Warning, &allow.place, message).fix(fix));
    }
}

fn of_file(disk: &Disk, path: &str) -> Vec<Allow> {
    let Ok(bytes) = disk.read(path) else { return Vec::new() };
    let Ok(text) = std::str::from_utf8(&bytes) else { return Vec::new() };
    if !text.contains(MARK) {
        return Vec::new();
    }
    let lines: Vec<&str> = text.lines().collect();
    let mut allows = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(start) = line.find(MARK) else { continue };
        let before = line[..start].trim_end();
        let Some(content) = before.strip_suffix('#').or_else(|| before.strip_suffix("//")) else { continue };
        let rest = line[start + MARK.len()..].trim();
        let (rule, reason) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX - 1);
        // Several comments may stand above one setting.
        let alone = content.trim().is_empty();
        let below = lines[at + 1..].iter().take_while(|line| line.contains(MARK)).count();
        let skipped = if alone { number(below) } else { 0 };
        allows.push(Allow {
            place: Place {
                file: path.into(),
                line: number(at) + 1 + skipped,
                column: number(content.chars().count()) + 1,
            },
            rule: rule.to_owned(),
            reason: reason.trim().to_owned(),
            alone,
            used: false,
        });
    }
    allows
}
