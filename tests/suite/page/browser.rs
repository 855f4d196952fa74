//! Chromium, steered through its DevTools protocol: a page as people see it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

/// No answer takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Chromium and axe-core, where both are.
pub(crate) fn tools() -> Option<(PathBuf, PathBuf)> {
    let path = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.exists());
    let usual = || {
        ["/usr/bin/chromium", "/usr/bin/chromium-browser"].iter().map(PathBuf::from).find(|one| one.exists())
    };
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache")));
    let axe = || Some(cache?.join("tls-verify/axe-core-4.14.1/axe.min.js")).filter(|path| path.exists());
    let found = path("TLS_VERIFY_CHROMIUM").or_else(usual).zip(path("TLS_VERIFY_AXE").or_else(axe));
    let required =
        std::env::var("TLS_VERIFY_REQUIRE").is_ok_and(|all| all.split(',').any(|one| one == "chromium"));
    assert!(found.is_some() || !required, "chromium and axe-core are required, and not there");
    if found.is_none() {
        println!("skipped: no chromium, or no axe-core");
    }
    found
}

/// A browser with one tab.
pub(crate) struct Browser {
    child: Child,
    runtime: Runtime,
    socket: WebSocketStream<TcpStream>,
    session: String,
    next: u64,
    events: Vec<Value>,
    _profile: tempfile::TempDir,
}

impl Browser {
    pub(crate) fn start(program: &Path) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut child = Command::new(program)
            .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"])
            .args([
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-dev-shm-usage",
            ])
            .args(["--remote-debugging-port=0", "--force-color-profile=srgb", "about:blank"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            // Its sockets too: it is ended without time to tidy up.
            .env("TMPDIR", profile.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let url = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("DevTools listening on ").map(str::to_owned))
            .expect("chromium does not say where it listens");
        // What it complains of goes on being read.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        let runtime = Runtime::new().unwrap();
        let place = url.strip_prefix("ws://").unwrap().split('/').next().unwrap().to_owned();
        let socket = runtime.block_on(async {
            let stream = TcpStream::connect(place).await.unwrap();
            tokio_tungstenite::client_async(&url, stream).await.unwrap().0
        });
        let mut browser = Self {
            child,
            runtime,
            socket,
            session: String::new(),
            next: 0,
            events: Vec::new(),
            _profile: profile,
        };
        let target = browser.call("Target.createTarget", json!({"url": "about:blank"}));
        let attached =
            browser.call("Target.attachToTarget", json!({"targetId": target["targetId"], "flatten": true}));
        browser.session = attached["sessionId"].as_str().unwrap().to_owned();
        for domain in ["Page.enable", "Network.enable", "Runtime.enable", "Log.enable"] {
            browser.call(domain, json!({}));
        }
        browser
    }

    /// A command's answer.
    pub(crate) fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.next += 1;
        let id = self.next;
        let mut message = json!({"id": id, "method": method, "params": parameters});
        if !self.session.is_empty() {
            message["sessionId"] = self.session.clone().into();
        }
        let (runtime, socket, events) = (&self.runtime, &mut self.socket, &mut self.events);
        let answer = runtime.block_on(async {
            socket.send(Message::text(message.to_string())).await.unwrap();
            tokio::time::timeout(PATIENCE, async {
                loop {
                    let text = socket.next().await.unwrap().unwrap();
                    let Ok(text) = text.into_text() else { continue };
                    let Ok(value) = serde_json::from_str::<Value>(&text) else { continue };
                    if value["id"] == id {
                        return value;
                    }
                    events.push(value);
                }
            })
            .await
            .unwrap_or_else(|_| panic!("{method} is not answered"))
        });
        assert!(answer.get("error").is_none(), "{method}: {}", answer["error"]);
        answer["result"].clone()
    }

    /// Sets size and colours, and loads an address; what was asked of the network, and what the console said.
    pub(crate) fn open(&mut self, url: &str, width: u32, dark: bool) -> (Vec<String>, Vec<String>) {
        let size = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", size);
        let scheme = if dark { "dark" } else { "light" };
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.call("Emulation.setEmulatedMedia", media);
        self.events.clear();
        self.call("Page.navigate", json!({"url": url}));
        for _ in 0..600 {
            if self.value("document.readyState + location.href") == format!("complete{url}") {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.told(url)
    }

    /// The same where no script may run, not even ours.
    pub(crate) fn open_plain(&mut self, url: &str) -> (Vec<String>, Vec<String>) {
        self.events.clear();
        self.call("Page.navigate", json!({"url": url}));
        for _ in 0..600 {
            if self.events.iter().any(|one| one["method"] == "Page.loadEventFired") {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
            self.call("Page.getLayoutMetrics", json!({}));
        }
        self.told(url)
    }

    fn told(&self, url: &str) -> (Vec<String>, Vec<String>) {
        let of = |method: &str| {
            self.events.iter().filter(move |one| one["method"] == method).cloned().collect::<Vec<_>>()
        };
        let asked = of("Network.requestWillBeSent")
            .iter()
            .map(|one| one["params"]["request"]["url"].as_str().unwrap_or_default().to_owned())
            .filter(|asked| asked != url)
            .collect();
        let said =
            of("Log.entryAdded").iter().chain(&of("Runtime.exceptionThrown")).map(Value::to_string).collect();
        (asked, said)
    }

    /// What a script gives.
    pub(crate) fn value(&mut self, script: &str) -> Value {
        let asked = json!({"expression": script, "returnByValue": true, "awaitPromise": true});
        let answer = self.call("Runtime.evaluate", asked);
        assert!(answer.get("exceptionDetails").is_none(), "{}", answer["exceptionDetails"]);
        answer["result"]["value"].clone()
    }

    /// The whole page as a picture, or its first part.
    pub(crate) fn picture(&mut self, most: f64, scale: f64) -> Vec<u8> {
        let size = self.call("Page.getLayoutMetrics", json!({}))["cssContentSize"].clone();
        let height = size["height"].as_f64().unwrap().min(most);
        let clip = json!({"x": 0, "y": 0, "width": size["width"], "height": height, "scale": scale});
        let shot = self.call("Page.captureScreenshot", json!({"captureBeyondViewport": true, "clip": clip}));
        STANDARD.decode(shot["data"].as_str().unwrap()).unwrap()
    }

    /// The page as it is printed.
    pub(crate) fn print(&mut self) -> Vec<u8> {
        let printed = self.call("Page.printToPDF", json!({"printBackground": true}));
        STANDARD.decode(printed["data"].as_str().unwrap()).unwrap()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
