//! `run --watch --listen`: what is served, to whom, and that no reader is in the way of the rounds.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tls_verify_fixtures::demo::Demo;
use tokio::runtime::Runtime;

use super::browser::{Browser, tools};
use super::finish;
use super::reader::Page;
use crate::program;

/// A watch over a stack of its own.
struct Watch {
    child: Child,
    address: String,
    rounds: PathBuf,
    _folder: tempfile::TempDir,
    _lines: Receiver<String>,
    _demo: Demo,
    _runtime: Runtime,
}

impl Watch {
    fn start() -> Self {
        Self::every("200ms")
    }

    /// With a round as often as this.
    fn every(interval: &str) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let runtime = Runtime::new().unwrap();
        let demo = runtime.block_on(Demo::start(None)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let rounds = folder.path().join("rounds.json");
        let mut command = program();
        command
            .args(["run", "--no-docker", "--only", "gateway-https,redis-tls", "--format", "jsonl"])
            .args(["--listen", "127.0.0.1:0", "--watch", interval, "--certs"])
            .arg(&demo.certs)
            .arg("--report")
            .arg(format!("json={}", rounds.display()))
            .env("CORDUM_API_KEY", &demo.api_key)
            .env("REDIS_PASSWORD", &demo.redis_password)
            .env("CORDUM_API_BASE", format!("https://localhost:{}", demo.gateway.port()))
            .env("REDIS_URL", format!("rediss://localhost:{}", demo.redis.port()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (send, lines) = channel();
        let errors = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || errors.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        let address = loop {
            let line = lines.recv_timeout(Duration::from_secs(30)).expect("it does not say where it serves");
            if let Some(rest) = line.split("serving http://").nth(1) {
                break rest.split('/').next().unwrap().to_owned();
            }
        };
        let watch =
            Self { child, address, rounds, _folder: folder, _lines: lines, _demo: demo, _runtime: runtime };
        let until = Instant::now() + Duration::from_secs(30);
        while watch.get("/healthz").0 != 200 {
            assert!(Instant::now() < until, "no round ends");
            std::thread::sleep(Duration::from_millis(50));
        }
        watch
    }

    /// Status and everything that was sent.
    fn ask(&self, head: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let _ = stream.write_all(head.as_bytes());
        let mut text = Vec::new();
        let _ = stream.read_to_end(&mut text);
        let text = String::from_utf8_lossy(&text).into_owned();
        let status = text.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
        (status, text)
    }

    fn get(&self, place: &str) -> (u16, String) {
        let (status, text) = self.ask(&format!("GET {place} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body).to_owned();
        (status, body)
    }

    /// How many rounds end in so long.
    fn rounds_in(&self, length: Duration) -> usize {
        let (until, mut seen) = (Instant::now() + length, Vec::new());
        while Instant::now() < until {
            if let Ok(text) = fs::read_to_string(&self.rounds)
                && let Ok(report) = serde_json::from_str::<Value>(&text)
                && seen.last() != Some(&report["started_at"])
            {
                seen.push(report["started_at"].clone());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        seen.len()
    }

    /// Kilobytes in memory.
    fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn four_places_are_served_and_nothing_can_be_changed() {
    let mut watch = Watch::start();
    let (code, html) = watch.get("/");
    assert_eq!(code, 200);
    let page = Page::read(&html);
    assert!(page.texts("h1")[0].contains("TLS holds") && page.text().contains("Last rounds"));
    let (code, json) = watch.get("/report.json");
    let report: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((code, report["schema"].as_str()), (200, Some("tls-verify/run/v1")));
    let (code, metrics) = watch.get("/metrics");
    assert_eq!(code, 200);
    for name in ["tls_verify_check_status{", "tls_verify_exit_code 0", "tls_verify_rounds_total "] {
        assert!(metrics.contains(name), "{metrics}");
    }
    promtool_accepts(&metrics);
    let (code, head) = watch.ask("HEAD / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    assert!(code == 200 && head.ends_with("\r\n\r\n"), "a body was sent: {head}");
    for (request, wanted) in [
        ("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc", 405),
        ("DELETE /report.json HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
        ("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n", 400),
        ("GET /../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
        ("GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 421),
        ("\u{16}\u{3}\u{1}", 0),
    ] {
        let (code, text) = watch.ask(request);
        assert!(code == wanted || (wanted == 0 && code == 400), "{request}: {text}");
        assert!(!text.to_ascii_lowercase().contains("access-control-allow"), "{text}");
    }
    // Ctrl-C ends it all the same.
    kill_process(Pid::from_child(&watch.child), Signal::INT).unwrap();
    assert_eq!(watch.child.wait().unwrap().code(), Some(130));
}

/// Where Prometheus' own tool is, it has the last word.
fn promtool_accepts(metrics: &str) {
    let Ok(mut tool) = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
    else {
        return;
    };
    tool.stdin.take().unwrap().write_all(metrics.as_bytes()).unwrap();
    let output = tool.wait_with_output().unwrap();
    // Advice on names is no error of the text.
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!said.contains("error while linting"), "{said}");
}

#[test]
fn an_address_that_cannot_be_used_and_one_without_a_watch_are_usage_errors() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let busy = taken.local_addr().unwrap().to_string();
    let certs = tempfile::tempdir().unwrap();
    const WATCHED: &[&str] = &["--watch", "1s", "--only", "redis-logs", "--no-docker"];
    for (address, others) in [("127.0.0.1:0", &[][..]), (&busy, WATCHED), ("nonsense", WATCHED)] {
        let arguments = [&["run", "--format", "json", "--listen", address], others].concat();
        let output = finish(program().args(&arguments).current_dir(certs.path()));
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((output.status.code(), said["exit_code"].as_u64()), (Some(2), Some(2)), "{said}");
        assert!(said.to_string().contains("--listen") || said.to_string().contains("--watch"), "{said}");
    }
}

#[test]
fn no_reader_is_in_the_way_of_the_rounds_and_memory_stays_flat() {
    let watch = Watch::start();
    watch.rounds_in(Duration::from_secs(2));
    let (before, calm) = (watch.memory(), watch.rounds_in(Duration::from_secs(4)));
    let mut readers = Vec::new();
    for index in 0..1000 {
        let Ok(mut stream) = TcpStream::connect(&watch.address) else { continue };
        let _ = stream.set_nonblocking(true);
        let _ = match index % 5 {
            // Says nothing.
            0 => Ok(()),
            // Asks, and never reads.
            1 | 2 => stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
            // Never ends its head.
            3 => stream.write_all(&[b'x'; 60_000]),
            _ => stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: "),
        };
        readers.push(stream);
    }
    let until = Instant::now() + Duration::from_secs(4);
    let drip = {
        let mut drips: Vec<TcpStream> =
            readers.iter().step_by(5).filter_map(|one| one.try_clone().ok()).collect();
        std::thread::spawn(move || {
            while Instant::now() < until {
                drips.iter_mut().for_each(|one| drop(one.write_all(b"G")));
                std::thread::sleep(Duration::from_millis(100));
            }
        })
    };
    let loaded = watch.rounds_in(Duration::from_secs(4));
    drip.join().unwrap();
    println!(
        "{calm} rounds alone, {loaded} under 1000 readers; {before} kB before, {} kB after",
        watch.memory()
    );
    assert!(loaded * 10 >= calm * 6, "{loaded} rounds under readers, {calm} without");
    assert!(watch.memory() < before + 24 * 1024, "{before} kB before, {} kB after", watch.memory());
    for one in &readers {
        let _ = one.shutdown(Shutdown::Both);
    }
    drop(readers);
    // Whoever behaves is served again, at once or as soon as the last of the others is thrown out.
    let until = Instant::now() + Duration::from_secs(25);
    while watch.get("/healthz").0 != 200 {
        assert!(Instant::now() < until, "nobody is served any more");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// A probe of liveness waits for no reader, however many of them there are.
#[test]
fn health_is_told_while_the_table_is_full_of_slow_readers() {
    let watch = Watch::start();
    let readers: Vec<TcpStream> = (0..128)
        .map(|index| {
            let mut stream = TcpStream::connect(&watch.address).unwrap();
            let place = if index % 2 == 0 { "/" } else { "/report.json" };
            // A head that does not end holds its connection for seconds.
            stream.write_all(format!("GET {place} HTTP/1.1\r\nHost: localhost\r\n").as_bytes()).unwrap();
            stream
        })
        .collect();
    for _ in 0..10 {
        let asked = Instant::now();
        assert_eq!(watch.get("/healthz"), (200, "ok\n".to_owned()));
        assert!(asked.elapsed() < Duration::from_secs(4), "health took {:?}", asked.elapsed());
    }
    drop(readers);
}

/// The strip, the changes and the page are bounded; so is what readers leave behind.
#[test]
fn memory_is_flat_over_hundreds_of_rounds_that_are_read() {
    let watch = Watch::every("100ms");
    let rounds = || -> u64 {
        let (code, metrics) = watch.get("/metrics");
        assert_eq!(code, 200);
        let line = metrics.lines().find_map(|line| line.strip_prefix("tls_verify_rounds_total ")).unwrap();
        line.parse().unwrap()
    };
    let until = |count: u64| {
        let end = Instant::now() + Duration::from_secs(120);
        while rounds() < count {
            assert!(Instant::now() < end, "round {count} does not come");
            for place in ["/", "/report.json"] {
                assert_eq!(watch.get(place).0, 200);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        watch.memory()
    };
    // The strip is full by then.
    let full = until(130);
    let later = until(330);
    println!("{full} kB after 130 rounds, {later} kB after 330");
    assert!(later < full + 4 * 1024, "{full} kB after 130 rounds, {later} kB after 330");
}

#[test]
fn the_page_refreshes_itself_and_stays_where_it_is() {
    let Some((chromium, _)) = tools() else { return };
    let watch = Watch::start();
    let mut browser = Browser::start(&chromium);
    let (asked, said) = browser.open(&format!("http://{}/", watch.address), 800, false);
    let favicon = |one: &String| one.ends_with("/favicon.ico");
    assert!(
        asked.iter().all(favicon) && said.iter().all(|one| one.contains("favicon")),
        "{asked:?} {said:?}"
    );
    browser.value("document.querySelector('#list > details').open = true; document.getElementById('find').value = 'redis'");
    browser.value("document.querySelector('.twin').open = true");
    browser.value(
        "document.querySelectorAll('#list > details')[1].querySelector('summary').focus({preventScroll: true})",
    );
    browser.value("window.scrollTo(0, 400)");
    let focus = "document.activeElement.tagName + document.activeElement.parentElement.id";
    let reached = browser.value(focus);
    assert!(reached.as_str().unwrap().starts_with("SUMMARYcheck-"), "{reached}");
    let round = "document.querySelector('.when time').dateTime";
    let first = browser.value(round);
    let until = Instant::now() + Duration::from_secs(20);
    while browser.value(round) == first {
        assert!(Instant::now() < until, "the page does not refresh itself");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(browser.value("Math.round(window.scrollY)"), 400);
    assert_eq!(browser.value("document.querySelector('#list > details').open"), true);
    assert_eq!(browser.value("document.querySelector('.twin').open"), true);
    // Whoever goes through the page by key is where they were.
    assert_eq!(browser.value(focus), reached);
    assert_eq!(browser.value("document.getElementById('find').value"), "redis");
    assert!(browser.value("document.querySelectorAll('.strip li').length").as_i64().unwrap() >= 2);
    // When the watch has gone the page says that it is old.
    drop(watch);
    let until = Instant::now() + Duration::from_secs(20);
    while !browser
        .value("document.getElementById('fresh').textContent")
        .to_string()
        .contains("does not answer")
    {
        assert!(Instant::now() < until, "the page looks fresh for ever");
        std::thread::sleep(Duration::from_millis(100));
    }
}
