//! Check `redis-logs` on whole recorded logs of the real stack, healthy and broken. The recordings lie
//! beside the project; where they are absent the test says that it skipped, in CI they must be there.

use std::path::{Path, PathBuf};

use serde_json::Value;

fn recordings() -> Option<PathBuf> {
    let folder = std::env::var_os("TLS_VERIFY_CORPUS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"), PathBuf::from)
        .join("live");
    if folder.join("expect.json").is_file() {
        return Some(folder);
    }
    assert!(std::env::var_os("CI").is_none(), "the recordings are missing: {}", folder.display());
    eprintln!("skipped: no recordings at {}", folder.display());
    None
}

fn redis_logs(folder: &Path) -> (Value, String) {
    let output = crate::bare()
        .args(["run", "--only", "redis-logs", "--no-docker", "--format", "json", "--logs"])
        .arg(folder)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    (serde_json::from_str(&text).unwrap(), text)
}

/// The throw-away passwords of a recording: the user information of every URL in it.
fn passwords(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let text = String::from_utf8_lossy(&std::fs::read(entry.path()).unwrap()).into_owned();
        for part in text.split("rediss://").skip(1) {
            if let Some((user, _)) =
                part.split_once('@').filter(|(user, _)| user.len() < 100 && !user.contains(' '))
            {
                found.push(user.trim_start_matches(':').to_owned());
            }
        }
    }
    found.retain(|password| password.len() > 4);
    found.dedup();
    found
}

#[test]
fn recorded_states_are_judged_as_they_were() {
    let Some(folder) = recordings() else { return };
    let expected: Value =
        serde_json::from_slice(&std::fs::read(folder.join("expect.json")).unwrap()).unwrap();
    let mut wrong = Vec::new();
    for (state, wanted) in expected.as_object().unwrap() {
        let (report, text) = redis_logs(&folder.join(state));
        let check = &report["checks"][0];
        let status = check["status"].as_str().unwrap();
        let cause = check.pointer("/diagnoses/0/cause").and_then(Value::as_str).unwrap_or("");
        let right = match &wanted["redis"] {
            Value::Array(causes) => status == "fail" && causes.iter().any(|one| one == cause),
            Value::String(word) if word == "quiet" => matches!(status, "pass" | "warn"),
            _ => true,
        };
        if !right {
            wrong.push(format!("{state}: {status} {cause}"));
        }
        for password in passwords(&folder.join(state)) {
            assert!(!text.contains(&password), "{state}: a password reached the report");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn lines_of_recorded_states_are_named_and_healthy_ones_are_not() {
    let Some(folder) = recordings() else { return };
    let expected: Value =
        serde_json::from_slice(&std::fs::read(folder.join("expect.json")).unwrap()).unwrap();
    let mut wrong = Vec::new();
    for (state, wanted) in expected.as_object().unwrap() {
        let output =
            crate::bare().args(["diagnose", "--format", "json"]).arg(folder.join(state)).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let report: Value = serde_json::from_str(&text).unwrap();
        let said: Vec<&String> = report["summary"].as_object().unwrap().keys().collect();
        let list = |key: &str| -> Vec<String> {
            wanted[key].as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
        };
        for must in list("must") {
            if !must.split('|').any(|one| said.iter().any(|said| *said == one)) {
                wrong.push(format!("{state}: {must} is missing among {said:?}"));
            }
        }
        let allowed = [list("must").join("|"), list("may").join("|")].join("|");
        for one in said {
            if !allowed.split('|').any(|allowed| allowed == one) {
                wrong.push(format!("{state}: {one} is a false alarm"));
            }
        }
        assert_eq!(report["exit_code"], i64::from(output.status.code().unwrap()));
        for password in passwords(&folder.join(state)) {
            assert!(!text.contains(&password), "{state}: a password reached the report");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
