//! Each finding's cure, applied by a machine that knows nothing but the changes: the finding is gone, and nothing
//! new has come. What only the operator can do (a new certificate, a new value) is counted, not applied.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use tls_verify_core::manifest::{FileKind, Files, MemoryFiles};
use tls_verify_core::rules::Finding;

use super::deployments::{arguments, copy, corpus, expectation};
use super::{audited, rules, spellings, unseen};

/// What tells findings apart although lines move.
fn identity(finding: &Value) -> (String, String, String) {
    let text = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    (text("rule"), text("workload"), text("message"))
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Applies a change; `false`: a machine cannot.
fn apply(folder: &Path, change: &Value) -> bool {
    let text = |key: &str| change[key].as_str().map(str::to_owned);
    let (kind, name) = (text("kind").unwrap(), text("name").unwrap());
    if kind == "file" {
        let (Some(mode), path) = (text("to"), folder.join(&name)) else { return false };
        let Ok(mode) = u32::from_str_radix(&mode, 8) else { return false };
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        return true;
    }
    let Some(place) = text("defined_at") else { return false };
    let (file, line) = place.rsplit_once(':').unwrap();
    let at = line.parse::<usize>().unwrap() - 1;
    let path = folder.join(file);
    let mut lines: Vec<String> = fs::read_to_string(&path).unwrap().lines().map(str::to_owned).collect();
    let done = match (kind.as_str(), text("from"), text("to"), change["remove"] == true) {
        (_, None, Some(to), _) if name.ends_with("[]") => {
            add_rule(&mut lines, at, name.trim_end_matches("[]"), &to)
        }
        ("mount", Some(from), _, true) => unmount(&mut lines, at, &from, &name),
        (_, _, _, true) => remove(&mut lines, at, &name),
        (_, Some(from), Some(to), _) => replace(&mut lines[at], &name, &from, &to),
        ("environment", None, Some(to), _) => add_variable(&mut lines, at, &name, &to),
        ("mount", None, Some(to), _) => add_mount(&mut lines, at, &format!("./{to}:{name}:ro")),
        ("config", None, Some(to), _) => {
            let own = indentation(&lines[at]);
            let field = text("path").filter(|path| path.starts_with("spec."));
            if let Some(field) = field {
                set_field(&mut lines, at, &field, &to)
            } else if name.contains(".io/") {
                add_annotation(&mut lines, at, &name, &to)
            } else if let Some(open) = lines[at].find('{').filter(|_| lines[at].contains('}')) {
                let one = if lines[at].contains(';') {
                    format!(" {name} {to};")
                } else {
                    format!(" {name}: {to},")
                };
                lines[at].insert_str(open + 1, &one);
                true
            } else if file.contains(".conf") {
                // As nginx writes it where something ends so, else as Redis does.
                let end = if lines.iter().any(|line| line.trim_end().ends_with(';')) { ";" } else { "" };
                lines.insert(at + 1, format!("{}{name} {to}{end}", " ".repeat(own)));
                true
            } else {
                lines.insert(at + 1, format!("{}{name}: {to}", " ".repeat(own + 2)));
                true
            }
        }
        _ => false,
    };
    if done {
        fs::write(&path, lines.join("\n") + "\n").unwrap();
    }
    done
}

/// A line that is the setting's alone, with the value of a variable that stands on a line of its own.
fn remove(lines: &mut Vec<String>, at: usize, name: &str) -> bool {
    let own = |line: &str| {
        let rest = line.trim_start().trim_start_matches("- ").trim_start_matches(['"', '\'']);
        rest.strip_prefix(name)
            .is_some_and(|after| after.starts_with([':', '=', ' ', '"', '\'', ';']) || after.is_empty())
    };
    // With the lines of a block that it holds.
    let below = |lines: &[String], from: usize, deep: usize| {
        lines[from..].iter().take_while(|line| line.trim().is_empty() || indentation(line) > deep).count()
    };
    if own(&lines[at]) {
        let deep = indentation(&lines[at]);
        let more = below(lines, at + 1, deep);
        lines.drain(at..=at + more);
        // What held nothing else goes with it.
        let alone = lines.get(at).is_none_or(|next| indentation(next) < deep);
        if let Some(before) =
            at.checked_sub(1).filter(|before| alone && lines[*before].trim_end().ends_with(':'))
        {
            lines.remove(before);
        }
        return true;
    }
    let named = at.checked_sub(1).filter(|before| {
        let value = lines[at].trim_start().starts_with("value:");
        value && lines[*before].trim() == format!("- name: {name}")
    });
    if let Some(before) = named {
        let more = below(lines, at + 1, indentation(&lines[at]));
        lines.drain(before..=at + more);
    }
    named.is_some()
}

/// A field of a manifest's pod that is not there yet, in the object that a line belongs to.
fn set_field(lines: &mut [String], at: usize, field: &str, to: &str) -> bool {
    let mut parts = field.rsplit('.');
    let (Some(name), Some(outer)) = (parts.next(), parts.next()) else { return false };
    let start = (0..=at).rev().find(|line| lines[*line].trim() == "---").map_or(0, |line| line + 1);
    let end = (at..lines.len()).find(|line| lines[*line].trim() == "---").unwrap_or(lines.len());
    let found = (start..end).find(|line| lines[*line].trim_start().starts_with(&format!("{outer}: {{")));
    let Some(line) = found else { return false };
    let open = lines[line].find('{').unwrap();
    lines[line].insert_str(open + 1, &format!("{name}: {to}, "));
    true
}

/// An annotation of the object that a line belongs to, where it has any.
fn add_annotation(lines: &mut Vec<String>, at: usize, name: &str, to: &str) -> bool {
    let start = (0..=at).rev().find(|line| lines[*line].trim() == "---").map_or(0, |line| line + 1);
    let Some(found) = (start..lines.len()).find(|line| lines[*line].trim() == "annotations:") else {
        return false;
    };
    let indent = " ".repeat(indentation(&lines[found + 1]));
    lines.insert(found + 1, format!("{indent}{name}: \"{to}\""));
    true
}

/// An entry of a manifest's list, at the list's line, or in the object that has none: at its first line.
fn add_rule(lines: &mut Vec<String>, at: usize, list: &str, to: &str) -> bool {
    let key = format!("{list}:");
    let Some(found) = lines[at].find(&key).map(|start| start + key.len()) else {
        if let Some(open) = lines[at].find('{').filter(|open| lines[at][..*open].trim().is_empty()) {
            lines[at].insert_str(open + 1, &format!("{list}: [{to}], "));
        } else {
            lines.insert(at, format!("{}{list}: [{to}]", " ".repeat(indentation(&lines[at]))));
        }
        return true;
    };
    if let Some(open) = lines[at][found..].find('[').map(|open| found + open) {
        let rest = lines[at][open + 1..].trim_start().starts_with(']');
        lines[at].insert_str(open + 1, &format!("{to}{}", if rest { "" } else { ", " }));
        return true;
    }
    let indent = lines.get(at + 1).map_or(0, |next| indentation(next));
    lines.insert(at + 1, format!("{}- {to}", " ".repeat(indent)));
    true
}

/// A mount in short words, on a line of its own or in a list on one line; what comes in its place goes to the end.
fn unmount(lines: &mut Vec<String>, at: usize, from: &str, target: &str) -> bool {
    let item = |text: &str| {
        let text = text.trim().trim_matches(['"', '\'']).trim_start_matches("./");
        text.strip_prefix(from.trim_start_matches("./"))
            .is_some_and(|rest| rest.starts_with(&format!(":{target}")))
    };
    if lines[at].trim_start().strip_prefix("- ").is_some_and(item) {
        lines.remove(at);
        return true;
    }
    let Some((before, list)) = lines[at].split_once("volumes: [") else { return false };
    let Some(list) = list.strip_suffix(']') else { return false };
    let kept: Vec<&str> = list.split(',').filter(|one| !item(one)).map(str::trim).collect();
    let indent = " ".repeat(indentation(&lines[at]));
    let mut new = vec![format!("{before}volumes:")];
    new.extend(kept.iter().map(|one| format!("{indent}- {one}")));
    lines.splice(at..=at, new);
    true
}

/// In a line, behind the setting's name where that stands there too; `***` stands for what is not shown.
fn replace(line: &mut String, name: &str, from: &str, to: &str) -> bool {
    let start = line.find(name).map_or(0, |at| at + name.len());
    if let (Some((before, after)), Some((new_before, new_after))) =
        (from.split_once("***"), to.split_once("***"))
    {
        let Some(begin) = line[start..].find(before).map(|at| at + start) else { return false };
        let secret_at = begin + before.len();
        let Some(end) = line[secret_at..].find(after).map(|at| at + secret_at) else { return false };
        let secret = line[secret_at..end].to_owned();
        line.replace_range(begin..end + after.len(), &format!("{new_before}{secret}{new_after}"));
        return true;
    }
    let begin = line[start..].find(from).map(|at| at + start).or_else(|| line.find(from));
    match begin {
        Some(begin) => {
            line.replace_range(begin..begin + from.len(), to);
            true
        }
        None => false,
    }
}

/// Beside a variable that stands there, or in the block of a container.
fn add_variable(lines: &mut Vec<String>, at: usize, name: &str, value: &str) -> bool {
    let here = lines[at].clone();
    let indent = " ".repeat(indentation(&here));
    let trimmed = here.trim_start();
    let upper = |text: &str| text.chars().next().is_some_and(|c| c.is_ascii_uppercase());
    if upper(trimmed) || trimmed.strip_prefix("- ").is_some_and(upper) {
        let dash = if trimmed.starts_with("- ") { "- " } else { "" };
        let between = if trimmed.contains(": ") && dash.is_empty() { ": " } else { "=" };
        lines.insert(at + 1, format!("{indent}{dash}{name}{between}{value}"));
        return true;
    }
    let block = indentation(&here);
    let environment = (at + 1..lines.len())
        .take_while(|one| lines[*one].trim().is_empty() || indentation(&lines[*one]) > block)
        .find(|one| lines[*one].trim_start().starts_with("environment:"));
    let Some(found) = environment.filter(|one| lines[*one].trim_end().ends_with(':')) else { return false };
    let indent = " ".repeat(indentation(&lines[found + 1]));
    let entry = if lines[found + 1].trim_start().starts_with("- ") {
        format!("{indent}- {name}={value}")
    } else {
        format!("{indent}{name}: {value}")
    };
    lines.insert(found + 1, entry);
    true
}

/// In the block of a container, or beside the mounts that the line is, or was, one of.
fn add_mount(lines: &mut Vec<String>, at: usize, item: &str) -> bool {
    let from = at.min(lines.len() - 1);
    let is_key = |line: &str| line.trim_end().ends_with(':');
    if is_key(&lines[from]) && lines[from].trim() != "volumes:" {
        return add_item(lines, at, "volumes", item);
    }
    let Some(found) = (0..=from).rev().find(|one| lines[*one].trim() == "volumes:") else { return false };
    let beside = lines.get(found + 1).filter(|one| one.trim_start().starts_with("- "));
    let indent = " ".repeat(indentation(beside.unwrap_or(&lines[found])));
    lines.insert(found + 1, format!("{indent}- {item}"));
    true
}

fn add_item(lines: &mut Vec<String>, at: usize, section: &str, item: &str) -> bool {
    let block = indentation(&lines[at]);
    let found = (at + 1..lines.len())
        .take_while(|one| lines[*one].trim().is_empty() || indentation(&lines[*one]) > block)
        .find(|one| lines[*one].trim() == format!("{section}:"));
    let Some(found) = found else { return false };
    let indent = " ".repeat(indentation(&lines[found + 1]));
    lines.insert(found + 1, format!("{indent}- {item}"));
    true
}

/// Writes a tree in memory to a disk.
fn spread(files: &MemoryFiles, path: &str, to: &Path) {
    for name in files.list(path) {
        let (inner, target) = (format!("{path}/{name}"), to.join(&name));
        let meta = files.meta(&inner).unwrap();
        if meta.kind == FileKind::Folder {
            fs::create_dir(&target).unwrap();
            spread(files, &inner, &target);
        } else {
            fs::write(&target, &*files.read(&inner).unwrap()).unwrap();
            fs::set_permissions(&target, fs::Permissions::from_mode(meta.mode)).unwrap();
        }
    }
}

/// Reads it back.
fn gathered(folder: &Path, path: &str, mut files: MemoryFiles) -> MemoryFiles {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let inner = format!("{path}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            files = gathered(&entry.path(), &inner, files);
        } else {
            let mode = entry.metadata().unwrap().permissions().mode() & 0o7777;
            files = files.with(&inner, fs::read(entry.path()).unwrap()).mode(&inner, mode);
        }
    }
    files
}

#[test]
fn the_same_holds_for_the_cure_of_every_sample() {
    let of = |finding: &Finding| (finding.rule, finding.workload.clone(), finding.message.clone());
    let mut wrong = Vec::new();
    let (mut applied, mut left) = (0, Vec::new());
    for files in rules::deployments().into_iter().chain(spellings::deployments()).chain(unseen::deployments())
    {
        let before = rules::judged(&files);
        let known: Vec<_> = before.iter().map(of).collect();
        for finding in &before {
            let folder = super::folder();
            spread(&files, ".", folder.path());
            let changes = serde_json::to_value(&finding.fix[0].changes).unwrap();
            let changes = changes.as_array().unwrap();
            if changes.is_empty() || !changes.iter().all(|change| apply(folder.path(), change)) {
                left.push(format!("{}: {}", finding.rule, finding.message));
                continue;
            }
            applied += 1;
            let now: Vec<_> =
                rules::judged(&gathered(folder.path(), ".", MemoryFiles::default())).iter().map(of).collect();
            if now.contains(&of(finding)) {
                wrong.push(format!("still there: {} {}: {}", finding.rule, finding.place, finding.message));
            }
            for one in now.iter().filter(|one| !known.contains(one)) {
                wrong.push(format!("new after the cure of {}: {}: {one:?}", finding.rule, finding.message));
            }
        }
    }
    eprintln!("{applied} cures applied, {} left to the operator:\n{}", left.len(), left.join("\n"));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(applied >= 60, "only {applied} cures could be applied");
}

#[test]
fn a_cure_applied_by_a_machine_makes_its_finding_go_and_brings_no_new_one() {
    let Some(corpus) = corpus() else { return };
    let mut wrong = Vec::new();
    let (mut applied, mut left) = (0, 0);
    let mut folders: Vec<_> = fs::read_dir(corpus).unwrap().flatten().map(|one| one.path()).collect();
    folders.sort();
    for folder in folders.iter().filter(|one| one.is_dir()) {
        let expect = expectation(folder);
        let arguments = arguments(&expect);
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let (before, _) = audited(copy(folder, &expect).path(), &words);
        for finding in before["findings"].as_array().unwrap() {
            let mended = copy(folder, &expect);
            let changes = finding["fix"][0]["changes"].as_array().unwrap();
            if changes.is_empty() || !changes.iter().all(|change| apply(mended.path(), change)) {
                left += 1;
                continue;
            }
            applied += 1;
            let (after, _) = audited(mended.path(), &words);
            let known: Vec<_> = before["findings"].as_array().unwrap().iter().map(identity).collect();
            let now: Vec<_> = after["findings"].as_array().unwrap().iter().map(identity).collect();
            let name = folder.file_name().unwrap().to_string_lossy();
            if now.contains(&identity(finding)) {
                wrong.push(format!("{name}: still there: {finding}"));
            }
            for one in now.iter().filter(|one| !known.contains(one)) {
                wrong.push(format!("{name}: new after the cure of {}: {one:?}", finding["message"]));
            }
        }
    }
    eprintln!("{applied} cures applied, {left} left to the operator");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(applied >= 15, "only {applied} cures could be applied");
}
