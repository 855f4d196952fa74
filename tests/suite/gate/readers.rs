//! Readers of the machine formats, strict where the formats are: what CI servers and collectors accept.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use quick_xml::events::Event;
use quick_xml::{Reader, XmlVersion};
use serde_json::Value;

use crate::gate::support::finish;

/// One result in any format: id in its name, status class.
pub(crate) type Rows = Vec<(String, String)>;

/// Element, its attributes (`!` in front: required), its children, whether it holds text.
type Element = (&'static str, &'static [&'static str], &'static [&'static str], bool);

/// The rules of the schema that Jenkins' xUnit plugin validates with (`junit-10.xsd`).
const JUNIT: &[Element] = &[
    ("testsuites", &["name", "time", "tests", "failures", "errors"], &["testsuite"], false),
    (
        "testsuite",
        &[
            "!name",
            "!tests",
            "!failures",
            "!errors",
            "group",
            "time",
            "skipped",
            "timestamp",
            "hostname",
            "id",
            "package",
            "file",
            "log",
            "url",
        ],
        &["testsuite", "properties", "testcase", "system-out", "system-err"],
        false,
    ),
    ("properties", &[], &["property"], false),
    ("property", &["!name", "!value"], &[], false),
    (
        "testcase",
        &["!name", "time", "classname", "group"],
        &["skipped", "error", "failure", "system-out", "system-err"],
        false,
    ),
    ("skipped", &["type", "message"], &[], true),
    ("error", &["type", "message"], &[], true),
    ("failure", &["type", "message"], &[], true),
    ("system-out", &[], &[], true),
    ("system-err", &[], &[], true),
];

/// Reads JUnit twice: by the schema's rules, and back with the library that CI tools use.
pub(crate) fn junit(text: &str) -> (Rows, String) {
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_end_names = true;
    let mut open: Vec<&Element> = Vec::new();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut claimed: BTreeMap<String, String> = BTreeMap::new();
    loop {
        let event = reader.read_event().unwrap_or_else(|error| panic!("no XML: {error}: {text}"));
        let (start, empty) = match &event {
            Event::Start(start) => (start, false),
            Event::Empty(start) => (start, true),
            Event::End(_) => {
                open.pop().unwrap();
                continue;
            }
            Event::Text(words) => {
                let words = words.decode().unwrap();
                let inside = open.last().is_some_and(|element| element.3);
                assert!(inside || words.trim().is_empty(), "text outside of a text element: {words}");
                continue;
            }
            Event::Eof => break,
            _ => continue,
        };
        let name = String::from_utf8(start.name().as_ref().to_vec()).unwrap();
        let element = JUNIT.iter().find(|(known, ..)| *known == name).unwrap_or_else(|| panic!("<{name}>"));
        match open.last() {
            Some(parent) => assert!(parent.2.contains(&element.0), "<{name}> in <{}>", parent.0),
            None => assert_eq!(name, "testsuites"),
        }
        let mut seen = BTreeSet::new();
        for attribute in start.attributes() {
            let attribute = attribute.unwrap();
            let key = String::from_utf8(attribute.key.as_ref().to_vec()).unwrap();
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).unwrap().into_owned();
            let known = element.1.iter().any(|one| one.trim_start_matches('!') == key);
            assert!(known, "<{name} {key}=…> is not in the schema");
            if key == "time" {
                assert!(value.parse::<f64>().is_ok_and(|time| time >= 0.0), "{value}");
            }
            if name == "testsuite" {
                claimed.insert(key.clone(), value);
            }
            seen.insert(key);
        }
        for required in element.1.iter().filter_map(|one| one.strip_prefix('!')) {
            assert!(seen.contains(required), "<{name}> without {required}");
        }
        *counts.entry(element.0).or_default() += 1;
        if !empty {
            open.push(element);
        }
    }
    assert!(open.is_empty());
    for (key, element) in
        [("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")]
    {
        let counted = counts.get(element).copied().unwrap_or_default().to_string();
        assert_eq!(claimed[key], counted, "{key}");
    }
    let report = quick_junit::Report::deserialize_from_str(text).unwrap();
    let suite = &report.test_suites[0];
    let code =
        suite.properties.iter().find(|one| one.name.as_str() == "exit_code").unwrap().value.to_string();
    let rows = suite.test_cases.iter().map(|case| {
        let status = match &case.status {
            quick_junit::TestCaseStatus::Success { .. } => "ok",
            quick_junit::TestCaseStatus::Skipped { .. } => "skip",
            quick_junit::TestCaseStatus::NonSuccess {
                kind: quick_junit::NonSuccessKind::Failure, ..
            } => "fail",
            quick_junit::TestCaseStatus::NonSuccess { kind: quick_junit::NonSuccessKind::Error, .. } => {
                "unknown"
            }
        };
        (case.name.to_string(), status.to_owned())
    });
    (rows.collect(), code)
}

/// TAP 14, by its rules, and by Perl's own harness where it is installed.
pub(crate) fn tap(text: &str) -> (Rows, String) {
    let mut lines = text.lines().peekable();
    assert_eq!(lines.next(), Some("TAP version 14"));
    let plan: usize = lines.next().unwrap().strip_prefix("1..").unwrap().parse().unwrap();
    let mut rows = Rows::new();
    let mut code = String::new();
    while let Some(line) = lines.next() {
        if let Some(comment) = line.strip_prefix("# ") {
            if let Some((_, found)) = comment.split_once("exit code ") {
                code = found.to_owned();
            }
            continue;
        }
        if line.starts_with("Bail out!") {
            continue;
        }
        let (good, rest) = match line.strip_prefix("not ok ") {
            Some(rest) => (false, rest),
            None => (true, line.strip_prefix("ok ").unwrap_or_else(|| panic!("no TAP: {line:?}"))),
        };
        let (number, rest) = rest.split_once(" - ").unwrap();
        assert_eq!(number.parse::<usize>().unwrap(), rows.len() + 1);
        // A directive begins at the first `#` that is not escaped.
        let mut name = String::new();
        let mut directive = None;
        let mut chars = rest.chars();
        while let Some(c) = chars.next() {
            match c {
                '\\' => name.extend(chars.next()),
                '#' => {
                    directive = Some(chars.as_str().trim().to_owned());
                    break;
                }
                c => name.push(c),
            }
        }
        let skipped = directive.is_some_and(|text| {
            assert!(text.starts_with("SKIP"), "{text}");
            true
        });
        let mut status = if skipped {
            "skip"
        } else if good {
            "ok"
        } else {
            "fail"
        };
        if lines.next_if_eq(&"  ---").is_some() {
            let mut block = String::new();
            for line in lines.by_ref() {
                if line == "  ..." {
                    break;
                }
                block.push_str(line.strip_prefix("  ").unwrap());
                block.push('\n');
            }
            let block: Value =
                serde_yaml_ng::from_str(&block).unwrap_or_else(|error| panic!("{error}: {block}"));
            assert!(block["message"].is_string(), "{block}");
            if block["status"] == "unknown" {
                status = "unknown";
            }
        }
        rows.push((name.trim().to_owned(), status.to_owned()));
    }
    assert_eq!(rows.len(), plan);
    harness(text, &rows);
    (rows, code)
}

fn harness(text: &str, rows: &Rows) {
    const SCRIPT: &str = r#"
        use strict; use warnings; use TAP::Parser;
        local $/; open(my $file, '<:encoding(UTF-8)', $ARGV[0]) or die $!; my $tap = <$file>;
        my $parser = TAP::Parser->new({ tap => $tap });
        my $blocks = 0;
        while (my $result = $parser->next) { $blocks++ if $result->is_yaml; }
        my @errors = grep { !/version/i } $parser->parse_errors;
        die join("; ", @errors) if @errors;
        printf "%d %d %d %d\n", scalar($parser->passed), scalar($parser->failed), scalar($parser->skipped), $blocks;
    "#;
    let perl = std::path::Path::new("/usr/bin/perl");
    if !perl.exists() {
        eprintln!("not run: Perl's TAP::Parser is not here");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run.tap");
    std::fs::write(&file, text).unwrap();
    let module = finish(Command::new(perl).args(["-MTAP::Parser", "-e", "1"]));
    if !module.status.success() {
        eprintln!("not run: Perl's TAP::Parser is not here");
        return;
    }
    let output = finish(Command::new(perl).arg("-e").arg(SCRIPT).arg(&file));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}\n{text}", String::from_utf8_lossy(&output.stderr));
    let numbers: Vec<usize> = said.split_whitespace().map(|number| number.parse().unwrap()).collect();
    let count = |wanted: &[&str]| rows.iter().filter(|(_, status)| wanted.contains(&status.as_str())).count();
    assert_eq!(
        numbers[..3],
        [count(&["ok", "skip"]), count(&["fail", "unknown"]), count(&["skip"])],
        "{said}"
    );
    assert!(numbers[3] >= count(&["fail", "unknown"]), "{said}");
}

/// A sample: name, labels, value.
pub(crate) type Sample = (String, BTreeMap<String, String>, f64);

/// The Prometheus text format 0.0.4, as strict as a collector: one HELP and TYPE for each family, families in
/// one piece, no series twice, every line ended.
pub(crate) fn prometheus(text: &str) -> Vec<Sample> {
    assert!(text.ends_with('\n') && !text.contains('\r'));
    let mut samples: Vec<Sample> = Vec::new();
    let mut typed: BTreeSet<String> = BTreeSet::new();
    let mut current = String::new();
    let mut series = BTreeSet::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert_eq!(kind, "gauge");
            assert!(typed.insert(name.to_owned()), "TYPE of {name} twice");
            current = name.to_owned();
            continue;
        }
        if line.starts_with("# HELP ") {
            continue;
        }
        let end = line.find(['{', ' ']).unwrap();
        let name = &line[..end];
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'), "{name}");
        assert_eq!(name, current, "a sample outside of its family: {line}");
        let mut labels = BTreeMap::new();
        let mut rest = &line[end..];
        if let Some(inside) = rest.strip_prefix('{') {
            let mut chars = inside.chars();
            loop {
                let key: String = chars.by_ref().take_while(|c| *c != '=').collect();
                assert!(
                    !key.is_empty() && key.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()),
                    "{line}"
                );
                assert_eq!(chars.next(), Some('"'), "{line}");
                let mut value = String::new();
                loop {
                    match chars.next().unwrap_or_else(|| panic!("no end: {line}")) {
                        '\\' => value.push(match chars.next() {
                            Some('n') => '\n',
                            Some(c @ ('\\' | '"')) => c,
                            other => panic!("\\{other:?}: {line}"),
                        }),
                        '"' => break,
                        c => value.push(c),
                    }
                }
                assert!(labels.insert(key, value).is_none(), "{line}");
                match chars.next() {
                    Some(',') => {}
                    Some('}') => break,
                    other => panic!("{other:?}: {line}"),
                }
            }
            rest = chars.as_str();
        }
        let value: f64 = rest.strip_prefix(' ').unwrap().parse().unwrap_or_else(|_| panic!("{line}"));
        assert!(series.insert((name.to_owned(), labels.clone())), "a series twice: {line}");
        samples.push((name.to_owned(), labels, value));
    }
    samples
}

/// Workflow commands of GitHub Actions: level, properties, message, as the runner decodes them.
pub(crate) fn github(text: &str) -> Vec<(String, BTreeMap<String, String>, String)> {
    let message = |text: &str| text.replace("%0A", "\n").replace("%0D", "\r").replace("%25", "%");
    let property = |text: &str| message(&text.replace("%3A", ":").replace("%2C", ","));
    text.lines()
        .map(|line| {
            let (head, words) = line.strip_prefix("::").and_then(|rest| rest.split_once("::")).unwrap();
            let (level, properties) = head.split_once(' ').unwrap();
            let properties = properties
                .split(',')
                .map(|one| one.split_once('=').unwrap())
                .map(|(key, value)| (key.to_owned(), property(value)))
                .collect();
            (level.to_owned(), properties, message(words))
        })
        .collect()
}

/// Cells of the rows of a Markdown table, without its head.
pub(crate) fn table(text: &str) -> Vec<Vec<String>> {
    let rows: Vec<Vec<String>> = text
        .lines()
        .filter(|line| line.starts_with('|'))
        .map(|line| {
            let mut cells = vec![String::new()];
            let mut chars = line.chars();
            while let Some(c) = chars.next() {
                match c {
                    '\\' => cells.last_mut().unwrap().extend(chars.next()),
                    '|' => cells.push(String::new()),
                    c => cells.last_mut().unwrap().push(c),
                }
            }
            cells[1..cells.len() - 1].iter().map(|cell| cell.trim().to_owned()).collect()
        })
        .collect();
    rows[2..].to_vec()
}

/// SARIF by its official schema.
pub(crate) fn sarif(text: &str) -> Value {
    let object: Value = serde_json::from_str(text).unwrap();
    let schema: Value = serde_json::from_str(include_str!("data/sarif-2.1.0.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(&object).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let rules: BTreeSet<&str> = object["runs"][0]["tool"]["driver"]["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| rule["id"].as_str().unwrap())
        .collect();
    for result in object["runs"][0]["results"].as_array().unwrap() {
        assert!(rules.contains(result["ruleId"].as_str().unwrap()), "{result}");
        // 3.27.10: only a failure has a level.
        assert_eq!(result["kind"] == "fail", result["level"] != "none", "{result}");
    }
    object
}
