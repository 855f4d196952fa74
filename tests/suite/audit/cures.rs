//! Each finding's cure, applied by a machine that knows nothing but the changes: the finding is gone, and nothing
//! new has come. What only the operator can do (a new certificate, a new value) is counted, not applied.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use super::audited;
use super::deployments::{arguments, copy, corpus, expectation};

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
        (_, _, _, true) if lines[at].contains(&name) => {
            lines.remove(at);
            true
        }
        (_, _, _, true) => false,
        (_, Some(from), Some(to), _) => replace(&mut lines[at], &name, &from, &to),
        ("environment", None, Some(to), _) => add_variable(&mut lines, at, &name, &to),
        ("mount", None, Some(to), _) => add_item(&mut lines, at, "volumes", &format!("./{to}:{name}:ro")),
        ("config", None, Some(to), _) => {
            let own = indentation(&lines[at]);
            if file.contains(".conf") {
                lines.insert(at + 1, format!("{}{name} {to};", " ".repeat(own)));
            } else {
                lines.insert(at + 1, format!("{}{name}: {to}", " ".repeat(own + 2)));
            }
            true
        }
        _ => false,
    };
    if done {
        fs::write(&path, lines.join("\n") + "\n").unwrap();
    }
    done
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
