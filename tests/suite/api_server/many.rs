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

/// Bytes of a log, written as long as they are read: twice what may be held.
const LOG: usize = 128 << 20;

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

fn measured(server: impl Fn(&mut TcpStream, &str) -> io::Result<()> + Send + Sync + 'static) -> (Value, u64) {
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
    (report, ended.peak)
}

fn statuses(report: &Value) -> Vec<Value> {
    report["checks"].as_array().into_iter().flatten().map(|check| check["status"].clone()).collect()
}

#[test]
fn three_hundred_pods_beside_the_stack_cost_little_and_change_nothing() {
    let Some(folder) = healthy() else { return };
    let alone = folder.clone();
    let (few, little) = measured(move |stream, path| from_folder(stream, path, &alone));
    let (many, more) = measured(move |stream, path| crowded(stream, path, &folder, 300));
    assert_eq!(statuses(&few), statuses(&many), "{few}\n{many}");
    assert!(more < little + MORE, "{little} KiB, with 300 pods more {more} KiB");
}

#[test]
fn a_long_log_is_read_in_pieces() {
    let Some(folder) = healthy() else { return };
    let alone = folder.clone();
    let (_, little) = measured(move |stream, path| from_folder(stream, path, &alone));
    let (_, more) = measured(move |stream, path| {
        // One of the stack's services talks without end.
        if !(path.contains("/log?") && path.contains("scheduler") && path.contains("container=scheduler")) {
            return from_folder(stream, path, &folder);
        }
        let line =
            "2026-11-29T15:00:00.000000000Z [SCHEDULER] INFO job dispatched topic=job.default worker=w-17\n";
        let block = line.repeat(1000);
        write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
        let mut left = LOG;
        while left > 0 {
            let now = left.min(block.len());
            stream.write_all(&block.as_bytes()[..now])?;
            left -= now;
        }
        Ok(())
    });
    assert!(more < little + MORE, "{little} KiB, with a long log {more} KiB");
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
