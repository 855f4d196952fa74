//! A certificate's dates, and the clock of the server that shows it: whose clock is wrong.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use tls_verify_fixtures::pki::{self, Authority, Leaf, Pair, Validity};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::probe::lab::{listen, server_config};

/// An HTTPS server whose `Date` is so many hours ahead of ours; without one where that is nothing.
pub(super) fn web(runtime: &tokio::runtime::Runtime, pair: &Pair, ahead: Option<i64>) -> u16 {
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(server_config(pair)));
    listen(runtime, move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            let mut asked = [0; 1024];
            if !matches!(stream.read(&mut asked).await, Ok(1..)) {
                return;
            }
            let date = ahead.map(|hours| format!("Date: {}\r\n", date(hours))).unwrap_or_default();
            let answer =
                format!("HTTP/1.1 400 Bad Request\r\n{date}Content-Length: 0\r\nConnection: close\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    })
}

/// RFC 9110, 5.6.7.
fn date(ahead: i64) -> String {
    let format = time::macros::format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    let by = Duration::from_secs(ahead.unsigned_abs() * 3600);
    let now = SystemTime::now();
    let then = if ahead < 0 { now - by } else { now + by };
    time::OffsetDateTime::from(then).format(&format).unwrap()
}

#[test]
fn whose_clock_is_wrong_is_told_by_the_servers_date() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let ca = Authority::named("Cordum Dev CA", Validity::Hours { from: -9000, to: 9000 }).unwrap();
    fs::write(folder.path().join("ca.crt"), pki::pem("CERTIFICATE", &ca.certificate)).unwrap();
    let leaf = |from, to| ca.issue(&Leaf::server().valid(Validity::Hours { from, to })).unwrap();
    let (soon, gone, later, good) = (leaf(16, 9000), leaf(-900, -8), leaf(72, 9000), leaf(-1, 9000));
    let (ours, theirs) = ("client", "server");
    // Certificate, by how much the server's Date is ahead, scheme: cause, variant, side.
    let rows = [
        (
            "it starts in 16 h and the server is 17 h ahead",
            &soon,
            Some(17),
            "https",
            "not-yet-valid",
            "clock-skew",
            ours,
        ),
        ("the same under another scheme", &soon, Some(17), "wss", "not-yet-valid", "clock-skew", ours),
        (
            "it starts in 16 h and the server has our time",
            &soon,
            Some(0),
            "https",
            "not-yet-valid",
            "-",
            theirs,
        ),
        (
            "it starts in 16 h and the server is 5 h ahead",
            &soon,
            Some(5),
            "https",
            "not-yet-valid",
            "-",
            theirs,
        ),
        ("it starts in 16 h and the server says no time", &soon, None, "https", "not-yet-valid", "-", theirs),
        (
            "it starts in three days, further than the clocks differ",
            &later,
            Some(17),
            "https",
            "not-yet-valid",
            "-",
            theirs,
        ),
        (
            "it ended 8 h ago and the server is 16 h behind",
            &gone,
            Some(-16),
            "https",
            "expired",
            "clock-skew",
            ours,
        ),
        ("it ended 8 h ago and the server is 2 h behind", &gone, Some(-2), "https", "expired", "-", theirs),
        ("it ended 8 h ago and the server is 16 h ahead", &gone, Some(16), "https", "expired", "-", theirs),
        ("it is valid by both", &good, Some(17), "https", "-", "-", "-"),
    ];
    let mut wrong = Vec::new();
    for (name, pair, ahead, scheme, cause, variant, side) in rows {
        let target = format!("{scheme}://127.0.0.1:{}/", web(&runtime, pair, ahead));
        let output = crate::bare()
            .args(["probe", &target, "--cacert", "ca.crt", "--format", "json"])
            .current_dir(folder.path())
            .output()
            .unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let word = |key: &str| {
            let found = report.pointer(&format!("/endpoints/0/diagnoses/0/{key}"));
            found.and_then(Value::as_str).unwrap_or("-").to_owned()
        };
        let said = [word("cause"), word("variant"), word("side")];
        if said != [cause, variant, side] {
            wrong.push(format!("{name}: {said:?}"));
        }
        let both = report.to_string().contains("by the server's own clock");
        if both != (variant == "clock-skew") {
            wrong.push(format!("{name}: {report}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
