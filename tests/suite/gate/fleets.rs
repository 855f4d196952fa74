//! `probe --shard` and `merge`: the shares are the whole, and nothing that is missing is called clean.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use tokio::runtime::Runtime;

use crate::gate::readers::prometheus;
use crate::gate::support::{Stack, finish, holds, program, text};

struct Lab {
    stack: Stack,
    list: PathBuf,
}

impl Lab {
    /// A list of targets of all kinds, some twice, one that is none.
    fn new(runtime: &Runtime) -> Self {
        let stack = runtime.block_on(Stack::opened());
        let list = stack.file("targets");
        let (gateway, nats, redis) = (stack.gateway_road.port, stack.nats_road.port, stack.redis_road.port);
        let mut lines = vec!["# targets".to_owned(), String::new()];
        for index in 0..7 {
            lines.push(format!("https://localhost:{gateway}/{index}"));
            lines.push(format!("  tls://localhost:{nats}  "));
            lines.push(format!("rediss://127.0.0.1:{redis}\r"));
        }
        lines.push("127.0.0.1:1".to_owned());
        lines.push("gopher://nowhere".to_owned());
        fs::write(&list, lines.join("\n")).unwrap();
        Self { stack, list }
    }

    fn probe(&self) -> Command {
        let mut command = program();
        command
            .args(["probe", "--format", "jsonl", "--certs"])
            .arg(&self.stack.certs)
            .arg("--targets")
            .arg(&self.list);
        command.env("REDIS_PASSWORD", "word");
        command
    }
}

/// What of a line is the same in every run.
fn faces(lines: &str) -> Vec<String> {
    let mut faces: Vec<String> = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .map(|one| {
            let causes: Vec<&Value> =
                one["diagnoses"].as_array().unwrap().iter().map(|cause| &cause["cause"]).collect();
            format!("{} {} {causes:?}", one["target"], one["status"])
        })
        .collect();
    faces.sort();
    faces
}

fn merge(files: &[PathBuf], more: &[&str]) -> (i32, String, String) {
    let output = finish(program().arg("merge").args(files).args(more));
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn shards_together_are_exactly_the_unsharded_run() {
    let runtime = Runtime::new().unwrap();
    let lab = Lab::new(&runtime);
    let whole = finish(&mut lab.probe());
    let whole = (whole.status.code().unwrap(), faces(&text(&whole.stdout)));
    assert_eq!(whole.1.len(), 23, "{whole:?}");
    for count in [1, 4, 40] {
        let mut files = Vec::new();
        for index in 0..count {
            // As an Indexed Job sets it.
            let mut command = lab.probe();
            command.env("JOB_COMPLETION_INDEX", index.to_string()).env("JOB_COMPLETIONS", count.to_string());
            let output = finish(&mut command);
            let file = lab.stack.file(&format!("shard-{count}-{index}"));
            fs::write(&file, &output.stdout).unwrap();
            files.push(file);
        }
        let (code, out, err) = merge(&files, &["--format", "jsonl", "--expect", "23"]);
        assert_eq!((code, faces(&out)), whole.clone(), "{count} shards: {err}");
        let (code, out, _) = merge(&files, &["--format", "json"]);
        let report: Value = serde_json::from_str(&out).unwrap();
        holds("probe", &report);
        assert_eq!((&report["exit_code"], code), (&whole.0.into(), whole.0));
    }
    // The flag beats Kubernetes; an index alone shards nothing, and says so.
    let mut command = lab.probe();
    command.env("JOB_COMPLETION_INDEX", "0").env("JOB_COMPLETIONS", "23").args(["--shard", "22/23"]);
    assert_eq!(faces(&text(&finish(&mut command).stdout)).len(), 1);
    let output = finish(lab.probe().env("JOB_COMPLETION_INDEX", "0"));
    assert_eq!(faces(&text(&output.stdout)).len(), 23);
    assert!(text(&output.stderr).contains("JOB_COMPLETIONS is not set"), "{}", text(&output.stderr));
    for shard in ["3/3", "a/b", "1", "-1/2", "0/0"] {
        let output = finish(lab.probe().arg(format!("--shard={shard}")));
        assert_eq!(output.status.code(), Some(2), "{shard}");
    }
}

#[test]
fn what_a_shard_did_not_say_is_never_clean() {
    let folder = tempfile::tempdir().unwrap();
    let line = |target: &str, status: &str, extra: &str| {
        format!(
            "{{\"target\":\"{target}\",\"status\":\"{status}\",\"summary\":\"{extra}\",\"diagnoses\":[],\"details\":{{}}}}\n"
        )
    };
    let good = line("https://a", "pass", "1 ms");
    let rows: &[(&[&str], &[&str], i32, &str)] = &[
        // Whole files.
        (&[&good, &line("https://b", "pass", "")], &[], 0, ""),
        (&[&good, &line("https://b", "warn", "")], &[], 0, ""),
        (&[&good, &line("https://b", "warn", "")], &["--strict"], 1, ""),
        (&[&good, &line("https://b", "fail", "")], &[], 1, ""),
        (&[&good, &line("https://b", "unknown", "")], &[], 3, ""),
        // A shard that found nothing to do, and shards of which none said anything.
        (&[&good, ""], &[], 0, ""),
        (&["", "\n\n"], &[], 3, "missing"),
        // A shard is missing.
        (&[&good], &["--expect", "2"], 3, "1 endpoints of 2"),
        // It was killed while it wrote.
        (&[&good, "{\"target\":\"https://b\",\"sta"], &[], 3, ""),
        (&[&good, "\u{fffd}"], &[], 3, ""),
        // The last line without its end is whole all the same.
        (&[good.trim_end()], &[], 0, ""),
        // A file named twice is one file; a target named twice in a list is two probes.
        (&[&good, &good], &[], 0, "count once"),
        (&[&good, &line("https://a", "pass", "2 ms")], &["--expect", "2"], 0, ""),
        // Lines of others.
        (&[&good, "Defaulted container \"tls-verify\"\n"], &[], 2, "line 1"),
        (&[&(good.clone() + "{\"schema\":\"tls-verify/run/v1\"}\n")], &[], 2, "line 2"),
        (&[&line("https://a", "passed", "")], &[], 2, "line 1"),
        (&["[1,2]\n"], &[], 2, "line 1"),
    ];
    for (contents, more, wanted, words) in rows {
        let files: Vec<PathBuf> = contents
            .iter()
            .enumerate()
            .map(|(index, content)| {
                let file = folder.path().join(format!("shard-{index}"));
                fs::write(&file, content).unwrap();
                file
            })
            .collect();
        let (code, out, err) = merge(&files, more);
        assert_eq!(code, *wanted, "{contents:?} {more:?}: {out} {err}");
        assert!(out.contains(words) || err.contains(words), "{contents:?}: no `{words}` in {out} {err}");
        let object: Value = serde_json::from_str(&out).unwrap();
        holds(if *wanted == 2 { "error" } else { "probe" }, &object);
        assert_eq!(object["exit_code"], code);
    }
    let (code, _, err) = merge(&[PathBuf::from("/nowhere")], &["--format", "human"]);
    assert!(code == 2 && err.contains("/nowhere"), "{err}");
}

#[test]
fn merged_results_are_a_prometheus_file_and_a_screen() {
    let folder = tempfile::tempdir().unwrap();
    let (shard, prom) = (folder.path().join("shard"), folder.path().join("fleet.prom"));
    let line = |status: &str| {
        format!(
            "{{\"target\":\"https://a\",\"status\":\"{status}\",\"summary\":\"seen\",\"diagnoses\":[],\"details\":{{}}}}\n"
        )
    };
    fs::write(&shard, line("pass") + &line("fail")).unwrap();
    let report = format!("prometheus={}", prom.display());
    let (code, out, _) = merge(&[shard], &["--format", "human", "--report", &report]);
    assert_eq!(code, 1);
    assert!(out.contains("fail    https://a  seen") || out.contains("fail https://a seen"), "{out}");
    // A target named twice is one series, with the worse of both.
    let samples = prometheus(&fs::read_to_string(&prom).unwrap());
    let fails: Vec<f64> = samples
        .iter()
        .filter(|(name, labels, _)| name == "tls_verify_endpoint_status" && labels["status"] == "fail")
        .map(|(_, _, value)| *value)
        .collect();
    assert_eq!(fails, [1.0]);
}

#[test]
fn a_list_that_cannot_be_read_to_its_end_is_not_clean() {
    let runtime = Runtime::new().unwrap();
    let lab = Lab::new(&runtime);
    // Bytes that are no UTF-8 are one bad line, not the end.
    let mut bytes = format!("https://localhost:{}\n", lab.stack.gateway_road.port).into_bytes();
    bytes.extend_from_slice(b"https://\xff\xfe\n127.0.0.1:1\n");
    fs::write(&lab.list, &bytes).unwrap();
    let output = finish(&mut lab.probe());
    let found = faces(&text(&output.stdout));
    assert_eq!(found.len(), 3, "{found:?}");
    assert_eq!(output.status.code(), Some(1), "{found:?}");
    // A list without a target decides nothing.
    fs::write(&lab.list, "# none\n\n").unwrap();
    let output = finish(&mut lab.probe());
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).contains("no target"), "{}", text(&output.stderr));
    // Standard input is a list too.
    fs::write(&lab.list, "127.0.0.1:1\n").unwrap();
    let mut command = program();
    command.args(["probe", "--targets", "-", "--format", "jsonl", "--certs"]).arg(&lab.stack.certs);
    let output = finish(command.stdin(fs::File::open(&lab.list).unwrap()));
    assert_eq!(faces(&text(&output.stdout)).len(), 1);
}
