//! The caller's certificate store has no say: whatever `SSL_CERT_FILE` and `SSL_CERT_DIR` name, a healthy stack
//! passes every check, and `probe` and `certs` find nothing. No check is about that store: check 4 asks what
//! the CLI trusts without a CA in an environment of its own.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tls_verify_fixtures::demo::Demo;
use tls_verify_fixtures::pki::Authority;

use crate::program;
use tls_verify_fixtures::child::{ExitedChild, run};

/// Nothing here takes longer, on a busy machine either.
const HARD: Duration = Duration::from_secs(120);

/// Stores that are missing, empty, of the wrong kind, full of garbage, or of somebody else.
struct Stores {
    folder: tempfile::TempDir,
}

impl Stores {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let stores = Self { folder };
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        stores.put("empty", b"");
        stores.put("garbage", &[0x1f, 0x8b, 0xff, 0, 7, b'\n', 0xfe].repeat(500));
        stores.put("broken", b"-----BEGIN CERTIFICATE-----\nnot base64 !!!\n-----END CERTIFICATE-----\n");
        stores.put("cut", b"-----BEGIN CERTIFICATE-----\nMIIB");
        stores.put("no-der", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        stores.put("other-ca", Authority::generate().unwrap().pem().as_bytes());
        fs::create_dir(stores.path("nothing-in-it")).unwrap();
        fs::create_dir(stores.path("garbage-in-it")).unwrap();
        for name in ["garbage", "broken", "cut"] {
            fs::copy(stores.path(name), stores.path("garbage-in-it").join(format!("{name}.pem"))).unwrap();
        }
        stores
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).unwrap();
    }

    /// Both variables by every name; a folder where a file is expected, and the other way round.
    fn settings(&self) -> Vec<Vec<(&'static str, PathBuf)>> {
        let names = ["missing", "empty", "garbage", "broken", "cut", "no-der", "other-ca"];
        let names: Vec<PathBuf> =
            names.iter().chain(&["nothing-in-it", "garbage-in-it"]).map(|name| self.path(name)).collect();
        let one = |variable| names.iter().map(move |path| vec![(variable, path.clone())]);
        let (file, folder) = (self.path("missing"), self.path("missing-too"));
        one("SSL_CERT_FILE")
            .chain(one("SSL_CERT_DIR"))
            .chain([vec![("SSL_CERT_FILE", file), ("SSL_CERT_DIR", folder)]])
            .chain([vec![("SSL_CERT_FILE", PathBuf::new()), ("SSL_CERT_DIR", PathBuf::new())]])
            .collect()
    }
}

/// What a report says, a line a row.
fn said(ended: &ExitedChild, rows: &str, name: &str) -> BTreeMap<String, String> {
    let report = ended.json();
    assert_eq!(report["exit_code"].as_i64(), ended.code.map(i64::from), "{report}");
    let row = |row: &Value| {
        let causes: Vec<&Value> =
            row["diagnoses"].as_array().into_iter().flatten().map(|one| &one["cause"]).collect();
        (row[name].to_string(), format!("{} {causes:?} {}", row["status"], row["evidence"]))
    };
    report[rows].as_array().unwrap().iter().map(row).collect()
}

/// The same command with each setting says what it says with none.
fn same(stores: &Stores, what: &str, make: impl Fn() -> Command, told: impl Fn(&ExitedChild) -> String) {
    let plain = told(&run(&mut make(), HARD));
    let mut wrong = Vec::new();
    for setting in stores.settings() {
        let ended = run(make().envs(setting.iter().cloned()), HARD);
        let now = told(&ended);
        if now != plain {
            wrong.push(format!("{what} with {setting:?}:\n{now}\ninstead of\n{plain}\n{}", ended.out));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_check_of_a_healthy_stack_passes_whatever_it_names() {
    let stores = Stores::new();
    let demo = || {
        let mut command = program();
        command.args(["demo", "--all", "--format", "json", "--timeout", "20s", "--deadline", "60s"]);
        command
    };
    same(&stores, "demo", demo, |ended| {
        let rows = said(ended, "checks", "id");
        assert_eq!(rows.len(), tls_verify_checks::ALL.len(), "{}", ended.out);
        format!("{:?} {rows:#?}", ended.code)
    });
    // What all were compared with is healthy; keys that containers cannot read are a warning of the demo's.
    let plain = run(&mut demo(), HARD);
    assert_eq!(plain.code, Some(0), "{} {}", plain.out, plain.err);
    for (id, row) in said(&plain, "checks", "id") {
        // One NATS and one Redis have no links among themselves.
        let beside = ["\"certificates\"", "\"cluster-links\""].contains(&id.as_str());
        assert!(row.starts_with("\"pass\"") || beside, "{id}: {row}");
    }
}

struct Lab {
    runtime: tokio::runtime::Runtime,
    demo: Demo,
}

impl Lab {
    fn start() -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let demo = runtime.block_on(Demo::start(None)).unwrap();
        Self { runtime, demo }
    }

    fn with_certs(&self, arguments: &[&str]) -> Command {
        let _ = &self.runtime;
        let mut command = program();
        command.args(arguments).arg("--certs").arg(&self.demo.certs);
        command
    }
}

fn local(address: std::net::SocketAddr) -> String {
    format!("localhost:{}", address.port())
}

#[test]
fn the_workers_session_with_a_stack_that_is_up() {
    let (stores, lab) = (Stores::new(), Lab::start());
    let check = || {
        let mut command = lab.with_certs(&["run", "--only", "5", "--no-docker", "--format", "json"]);
        command.args(["--timeout", "20s", "--deadline", "60s"]);
        command.args(["--nats", &format!("tls://{}", local(lab.demo.nats))]);
        command
    };
    same(&stores, "run", check, |ended| {
        assert!(ended.code == Some(0), "{} {}", ended.out, ended.err);
        format!("{:#?}", said(ended, "checks", "id"))
    });
}

#[test]
fn probe_says_the_same_of_every_scheme() {
    let (stores, lab) = (Stores::new(), Lab::start());
    let demo = &lab.demo;
    let probe = || {
        let mut command = lab.with_certs(&["probe", "--format", "json"]);
        command.args(["--timeout", "20s", "--deadline", "60s"]);
        for (scheme, address) in [
            ("https", demo.gateway),
            ("wss", demo.gateway),
            ("tls", demo.nats),
            ("nats", demo.nats),
            ("rediss", demo.redis),
            ("grpcs", demo.safety_kernel),
        ] {
            command.arg(format!("{scheme}://{}", local(address)));
        }
        command.arg(local(demo.gateway));
        command
    };
    same(&stores, "probe", probe, |ended| {
        assert_eq!(ended.code, Some(0), "{} {}", ended.out, ended.err);
        format!("{:#?}", said(ended, "endpoints", "target"))
    });
}

#[test]
fn certs_says_the_same_of_the_folder() {
    let (stores, lab) = (Stores::new(), Lab::start());
    let certs = |folder: &Path| {
        let mut command = program();
        command.arg("certs").arg(folder).args(["--format", "json"]);
        command
    };
    same(
        &stores,
        "certs",
        || certs(&lab.demo.certs),
        |ended| {
            let report = ended.json();
            assert_eq!(report["verification"]["accepted"], true, "{report}");
            format!("{:?} {:#}", ended.code, report["findings"])
        },
    );
}
