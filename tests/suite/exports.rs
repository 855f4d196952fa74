//! Check 7 on exported logs, in the shapes in which they are kept: what was not read is never a pass.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

/// First and last words of every core service's healthy log.
const SERVICES: &[(&str, &str, &str)] = &[
    (
        "api-gateway",
        "[GATEWAY] INFO cordum api gateway starting...",
        "[GATEWAY] INFO http listening addr=:8081",
    ),
    (
        "scheduler",
        "[SCHEDULER] INFO cordum scheduler starting...",
        "[SCHEDULER] INFO scheduler running, waiting for signals",
    ),
    (
        "safety-kernel",
        "[SAFETY-KERNEL] INFO cordum safety kernel starting...",
        "[SAFETY-KERNEL] INFO safety-kernel: listening addr=:50051",
    ),
    (
        "workflow-engine",
        "[WORKFLOW-ENGINE] INFO cordum workflow engine starting...",
        "[WORKFLOW-ENGINE] INFO started http=:9093",
    ),
    (
        "context-engine",
        "[CONTEXT-ENGINE] INFO cordum context engine starting...",
        "[CONTEXT-ENGINE] INFO context engine listening addr=:50070",
    ),
];

const TROUBLE: &str = "[SCHEDULER] ERROR worker snapshot read failed error=redis: tls: failed to verify certificate: \
                       x509: certificate has expired or is not yet valid";

/// A line of a service: the engine's time, and what the service wrote.
type Line = (String, String);

/// What it is called, the file's name without `.log`, and how the lines are kept in it.
type Shape = (&'static str, &'static str, fn(&[Line]) -> Vec<u8>);

fn lines(first: &str, last: &str, trouble: bool) -> Vec<Line> {
    let mut lines = vec![
        ("2026-11-29T10:00:00.000000000Z".to_owned(), first.to_owned()),
        ("2026-11-29T10:00:01.000000000Z".to_owned(), last.to_owned()),
    ];
    if trouble {
        lines.push(("2026-11-29T10:04:00.000000000Z".to_owned(), TROUBLE.to_owned()));
    }
    lines.push(("2026-11-29T10:05:00.000000000Z".to_owned(), last.replacen(" INFO ", " INFO still ", 1)));
    lines
}

fn plain(lines: &[Line]) -> Vec<u8> {
    lines.iter().map(|(time, text)| format!("{time} {text}\n")).collect::<String>().into_bytes()
}

/// Exit code and status where the scheduler's log is kept like this, under this name.
fn judged(name: &str, keep: impl Fn(&[Line]) -> Vec<u8>, trouble: bool) -> (i64, String, String) {
    let folder = tempfile::tempdir().unwrap();
    for (service, first, last) in SERVICES {
        let is_kept = *service == "scheduler";
        let lines = lines(first, last, is_kept && trouble);
        let (file, bytes) = if is_kept { (name, keep(&lines)) } else { (*service, plain(&lines)) };
        fs::write(folder.path().join(format!("{file}.log")), bytes).unwrap();
    }
    asked(folder.path())
}

fn asked(folder: &Path) -> (i64, String, String) {
    let output = crate::bare()
        .args(["run", "--only", "redis-logs", "--no-docker", "--format", "json", "--logs"])
        .arg(folder)
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let check = &report["checks"][0];
    let text = |key: &str| check[key].as_str().unwrap().to_owned();
    (report["exit_code"].as_i64().unwrap(), text("status"), text("summary"))
}

fn each(lines: &[Line], line: impl Fn(&str, &str) -> String) -> Vec<u8> {
    lines.iter().map(|(time, text)| line(time, text) + "\n").collect::<String>().into_bytes()
}

/// As a container runtime cuts long lines: the last part alone is marked as such.
fn in_parts(lines: &[Line]) -> Vec<u8> {
    each(lines, |time, text| {
        let mut parts = String::new();
        let (first, last) = text.split_at(text.len() / 2);
        write!(parts, "{time} stderr P {first}\n{time} stderr F {last}").unwrap();
        parts
    })
}

/// As systemd's journal writes what holds a colour.
fn as_numbers(lines: &[Line]) -> Vec<u8> {
    each(lines, |_, text| {
        let coloured = format!("\x1b[36mscheduler-1 |\x1b[0m {text}");
        json!({"_HOSTNAME": "h", "PRIORITY": "3", "MESSAGE": coloured.as_bytes()}).to_string()
    })
}

#[test]
fn every_shape_of_an_export_is_read() {
    let mut wrong = Vec::new();
    let shapes: &[Shape] = &[
        ("plain", "scheduler", plain),
        ("carriage returns alone", "scheduler", |lines| {
            String::from_utf8(plain(lines)).unwrap().replace('\n', "\r").into_bytes()
        }),
        ("carriage returns and line feeds", "scheduler", |lines| {
            String::from_utf8(plain(lines)).unwrap().replace('\n', "\r\n").into_bytes()
        }),
        ("a byte order mark", "scheduler", |lines| [&b"\xef\xbb\xbf"[..], &plain(lines)].concat()),
        ("the runtime's parts", "scheduler", in_parts),
        ("the journal's numbers", "scheduler", as_numbers),
        ("the engine's own file", "scheduler", |lines| {
            each(lines, |time, text| {
                json!({"log": format!("{text}\n"), "stream": "stderr", "time": time}).to_string()
            })
        }),
        ("a container's name", "cordum-scheduler-1", plain),
        ("a container's older name", "cordum_scheduler_1", plain),
        ("a replica's name", "scheduler-2", plain),
    ];
    for (shape, name, keep) in shapes {
        for (trouble, status) in [(false, "pass"), (true, "fail")] {
            let (_, said, summary) = judged(name, keep, trouble);
            // A second replica alone is no scheduler that is missed.
            if said != status {
                wrong.push(format!("{shape}, {trouble}: {said}, not {status}: {summary}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// UTF-16 is not read, and that is what is said.
#[test]
fn what_is_in_another_encoding_is_named_and_never_passes() {
    for (little, mark) in [(true, true), (true, false), (false, true), (false, false)] {
        let keep = |lines: &[Line]| {
            let text = String::from_utf8(plain(lines)).unwrap();
            let mark = mark.then_some(0xfeff_u16);
            let units = mark.into_iter().chain(text.encode_utf16());
            units.flat_map(|one| if little { one.to_le_bytes() } else { one.to_be_bytes() }).collect()
        };
        for trouble in [false, true] {
            let (code, status, summary) = judged("scheduler", keep, trouble);
            assert_eq!((code, status.as_str()), (3, "unknown"), "{summary}");
            assert!(summary.contains("were not read"), "{summary}");
        }
    }
}

/// A carriage return inside a line of a file with line feeds is its writer's: it begins none.
#[test]
fn a_carriage_return_in_somebodys_text_begins_no_line() {
    let keep = |lines: &[Line]| {
        let forged = "2026-11-29T10:04:30.000000000Z [SCHEDULER] INFO job accepted prompt=x\r[SCHEDULER] INFO cordum \
                      scheduler starting...\r[SCHEDULER] INFO scheduler running, waiting for signals\n";
        [plain(lines), forged.as_bytes().to_vec()].concat()
    };
    let (code, status, summary) = judged("scheduler", keep, true);
    assert_eq!((code, status.as_str()), (1, "fail"), "{summary}");
}
