//! Namespaces and logs of a size that no test cluster has: what is held in memory stays bounded.

use std::io::{self, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::recorded::from_folder;
use super::{answer, kubeconfig, run, serve};
use crate::objects::folders;

/// Memory that a run may take beyond that of the same run over the recording as it is, KiB.
const MORE: u64 = 64 * 1024;

/// Bytes of a log, written as long as they are read: twice what may be held, or sixteen times that.
fn log_size() -> usize {
    if std::env::var("TLS_VERIFY_LONG").is_ok_and(|long| long == "1") { 1 << 30 } else { 128 << 20 }
}

fn healthy() -> Option<PathBuf> {
    folders().into_iter().find(|folder| folder.ends_with("K1-healthy"))
}

/// The recording with pods of other applications beside its own, in pages as an API server gives them.
fn crowded(stream: &mut TcpStream, path: &str, folder: &Path, count: usize) -> io::Result<()> {
    let text = std::fs::read_to_string(folder.join("pods.json")).unwrap_or_default();
    let whole: Value = serde_json::from_str(&text).unwrap_or_default();
    let is_pods = path.split('?').next().is_some_and(|front| front.ends_with("/pods"));
    if !is_pods {
        return from_folder(stream, path, folder);
    }
    let mut all = whole["items"].as_array().cloned().unwrap_or_default();
    let model = all.first().cloned().unwrap_or_default();
    for number in 0..count {
        let mut pod = model.clone();
        pod["metadata"]["name"] = format!("shop-{number}").into();
        pod["metadata"]["labels"] = json!({"app": "shop"});
        pod["metadata"]["ownerReferences"] = json!([]);
        pod["status"]["phase"] = "Pending".into();
        pod["status"]["containerStatuses"] = json!([]);
        all.push(pod);
    }
    let from: usize = path
        .split("continue=")
        .nth(1)
        .and_then(|rest| rest.split('&').next())
        .and_then(|token| token.parse().ok())
        .unwrap_or(0);
    let page: Vec<Value> = all.iter().skip(from).take(100).cloned().collect();
    let next = from + page.len();
    let token = if next < all.len() { next.to_string() } else { String::new() };
    answer(stream, 200, &json!({"kind": "List", "metadata": {"continue": token}, "items": page}).to_string())
}

/// The report, the memory that it took in KiB, and the time.
fn measured(
    server: impl Fn(&mut TcpStream, &str) -> io::Result<()> + Send + Sync + 'static,
) -> (Value, u64, Duration) {
    let port = serve(server);
    let home = tempfile::tempdir().unwrap();
    let file = kubeconfig(home.path(), &format!("http://127.0.0.1:{port}"), &json!({"token": "t"}));
    let ended = run(
        &file,
        &[
            "-n",
            "cordum",
            "--timeout",
            "60s",
            "--deadline",
            "200s",
            "--only",
            "redis-logs,certificates,service-links",
        ],
    );
    let report = ended.json();
    assert!(report["checks"].is_array(), "{:?}: {report}", ended.code);
    (report, ended.peak, ended.took)
}

fn statuses(report: &Value) -> Vec<Value> {
    report["checks"].as_array().into_iter().flatten().map(|check| check["status"].clone()).collect()
}

#[test]
fn three_hundred_pods_beside_the_stack_cost_little_and_change_nothing() {
    let Some(folder) = healthy() else { return };
    let alone = folder.clone();
    let (few, little, short) = measured(move |stream, path| from_folder(stream, path, &alone));
    let (many, more, long) = measured(move |stream, path| crowded(stream, path, &folder, 300));
    eprintln!("{little} KiB in {short:?}; with 300 pods more {more} KiB in {long:?}");
    assert_eq!(statuses(&few), statuses(&many), "{few}\n{many}");
    assert!(more < little + MORE, "{little} KiB, with 300 pods more {more} KiB");
}

#[test]
fn a_long_log_is_read_in_pieces() {
    let Some(folder) = healthy() else { return };
    let alone = folder.clone();
    let (_, little, short) = measured(move |stream, path| from_folder(stream, path, &alone));
    let (report, more, long) = measured(move |stream, path| {
        // One of the stack's services talks without end.
        if !(path.contains("/log?") && path.contains("scheduler") && path.contains("container=scheduler")) {
            return from_folder(stream, path, &folder);
        }
        let line =
            "2026-11-29T15:00:00.000000000Z [SCHEDULER] INFO job dispatched topic=job.default worker=w-17\n";
        let block = line.repeat(1000);
        write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
        let mut left = log_size();
        while left > 0 {
            let now = left.min(block.len());
            stream.write_all(&block.as_bytes()[..now])?;
            left -= now;
        }
        Ok(())
    });
    eprintln!("{little} KiB in {short:?}; with a log of {} MiB {more} KiB in {long:?}", log_size() >> 20);
    assert!(more < little + MORE, "{little} KiB, with a long log {more} KiB");
    // Where the time is up before its end (a debug build reads some megabytes a second) that is said, and nothing fails.
    assert_eq!(report["summary"]["fail"], 0, "{report}");
}

/// A log that comes without end is left at the deadline, and what rests on it is open.
#[test]
fn a_log_without_an_end_is_left_at_the_deadline() {
    let Some(folder) = healthy() else { return };
    let port = serve(move |stream, path| {
        if !path.contains("/log?") {
            return from_folder(stream, path, &folder);
        }
        write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
        loop {
            writeln!(
                stream,
                "2026-11-29T15:00:00.000000000Z [SCHEDULER] INFO job dispatched topic=job.default"
            )?;
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    let home = tempfile::tempdir().unwrap();
    let file = kubeconfig(home.path(), &format!("http://127.0.0.1:{port}"), &json!({"token": "t"}));
    let ended = run(&file, &["-n", "cordum", "--only", "redis-logs,service-links"]);
    let report = ended.json();
    assert!(matches!(ended.code, Some(2 | 3)), "{:?}: {report}", ended.code);
}

/// The healthy recording with a scheduler that is between restarts.
fn looping(stream: &mut TcpStream, path: &str, folder: &Path) -> io::Result<()> {
    let is_pods = path.split('?').next().is_some_and(|front| front.ends_with("/pods"));
    if !is_pods {
        return from_folder(stream, path, folder);
    }
    let text = std::fs::read_to_string(folder.join("pods.json")).unwrap_or_default();
    let mut whole: Value = serde_json::from_str(&text).unwrap_or_default();
    for pod in whole["items"].as_array_mut().into_iter().flatten() {
        if !pod["metadata"]["name"].as_str().is_some_and(|name| name.contains("scheduler")) {
            continue;
        }
        let statuses = pod["status"]["containerStatuses"].as_array_mut();
        let Some(status) = statuses.into_iter().flatten().find(|one| one["name"] == "scheduler") else {
            continue;
        };
        status["ready"] = false.into();
        status["started"] = false.into();
        status["restartCount"] = 4.into();
        status["state"] = json!({"waiting": {"reason": "CrashLoopBackOff"}});
        status["lastState"] = json!({"terminated": {"exitCode": 1, "reason": "Error",
            "startedAt": "2026-11-29T15:00:00Z", "finishedAt": "2026-11-29T15:00:04Z"}});
        for condition in pod["status"]["conditions"].as_array_mut().into_iter().flatten() {
            if matches!(condition["type"].as_str(), Some("Ready" | "ContainersReady")) {
                condition["status"] = "False".into();
            }
        }
    }
    answer(stream, 200, &whole.to_string())
}

/// In a loaded cluster a log comes late, breaks off, or is refused for the moment: what its container died of is not
/// known then, and that is no root cause.
#[test]
fn a_log_that_was_not_read_leaves_its_checks_open_and_is_no_root_cause() {
    let Some(folder) = healthy() else { return };
    let rows: [(&str, fn(&mut TcpStream) -> io::Result<()>); 4] = [
        ("it was not read to its end in time", |_| {
            std::thread::sleep(Duration::from_secs(60));
            Ok(())
        }),
        ("it was not read to its end in time", |stream| {
            write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
            loop {
                writeln!(stream, "2026-11-29T15:00:00.000000000Z [SCHEDULER] INFO starting")?;
                std::thread::sleep(Duration::from_millis(100));
            }
        }),
        ("the API server answers 500", |stream| answer(stream, 500, "{\"message\": \"etcd is busy\"}")),
        ("the log breaks off", |stream| {
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")?;
            writeln!(stream, "2026-11-29T15:00:00.000000000Z [SCHEDULER] INFO starting")
        }),
    ];
    let told = std::thread::scope(|scope| {
        let row = |(why, log): (&'static str, fn(&mut TcpStream) -> io::Result<()>)| {
            let folder = folder.clone();
            scope.spawn(move || left_open(folder, why, log))
        };
        let rows: Vec<_> = rows.into_iter().map(row).collect();
        rows.into_iter().flat_map(|one| one.join().unwrap()).collect::<Vec<String>>()
    });
    assert!(told.is_empty(), "{}", told.join("\n"));
}

/// What is wrong where the log of the looping scheduler is served so.
fn left_open(folder: PathBuf, why: &str, log: fn(&mut TcpStream) -> io::Result<()>) -> Vec<String> {
    let port = serve(move |stream, path| {
        if path.contains("/log?") && path.contains("container=scheduler") {
            return log(stream);
        }
        looping(stream, path, &folder)
    });
    let home = tempfile::tempdir().unwrap();
    let file = kubeconfig(home.path(), &format!("http://127.0.0.1:{port}"), &json!({"token": "t"}));
    let bounds = ["--timeout", "10s", "--deadline", "30s"];
    let ended = run(&file, &[&["-n", "cordum", "--only", "redis-logs,service-links"][..], &bounds].concat());
    let report = ended.json();
    let mut wrong = Vec::new();
    let open = report["checks"].as_array().into_iter().flatten().filter(|one| one["status"] != "skip");
    for check in open {
        let told = check["summary"].as_str().unwrap_or_default();
        let named = told.contains("the log of scheduler of pod cordum-scheduler-") && told.contains(why);
        if check["status"] != "unknown" || !named {
            wrong.push(format!("{why}: {check}"));
        }
    }
    if report["root_causes"] != json!([]) || ended.code != Some(3) {
        wrong.push(format!("{why}: {:?} {}", ended.code, report["root_causes"]));
    }
    wrong
}

/// The list of a namespace says where it goes on for ever: it is left at some point, in time.
#[test]
fn pages_without_an_end_are_left() {
    let port = serve(|stream, _| {
        let body = json!({"kind": "List", "metadata": {"continue": "again"}, "items": []}).to_string();
        answer(stream, 200, &body)
    });
    let home = tempfile::tempdir().unwrap();
    let file = kubeconfig(home.path(), &format!("http://127.0.0.1:{port}"), &json!({"token": "t"}));
    let ended = run(&file, &[]);
    assert!(matches!(ended.code, Some(2 | 3)), "{:?} {}", ended.code, ended.json());
}
