//! `certs` on the guide's layout: healthy, and with one fault each.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rcgen::ExtendedKeyUsagePurpose::{ClientAuth, ServerAuth};
use serde_json::Value;
use tls_verify_fixtures::pki::{self, Authority, Layout, Leaf, Validity};

struct Folder {
    directory: tempfile::TempDir,
    ca: Authority,
    layout: Layout,
}

impl Folder {
    fn healthy() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let ca = Authority::generate().unwrap();
        let layout = Layout::write(
            directory.path(),
            &ca,
            &ca.issue(&Leaf::server()).unwrap(),
            &ca.issue(&Leaf::client()).unwrap(),
        )
        .unwrap();
        let folder = Self { directory, ca, layout };
        folder.open();
        folder
    }

    fn open(&self) {
        let _ = Command::new("chmod").arg("-R").arg("a+rX").arg(self.directory.path()).status();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn put(&self, name: &str, text: &str) {
        self.layout.put(name, text, 0o644).unwrap();
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn pair(&self, role: &str, pair: &pki::Pair) {
        self.put(&format!("{role}/tls.crt"), &pair.chain_pem());
        self.put(&format!("{role}/tls.key"), &pair.key.serialize_pem());
    }

    fn serve(&self, leaf: &Leaf) {
        self.pair("server", &self.ca.issue(leaf).unwrap());
    }
}

fn certs(arguments: &[&str]) -> (i32, Value) {
    let output = Command::new(env!("CARGO_BIN_EXE_tls-verify"))
        .arg("certs")
        .args(arguments)
        .args(["--format", "json"])
        .env_clear()
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let report = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error}: {text} {}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code().unwrap(), report)
}

fn of(folder: &Path) -> (i32, Value) {
    certs(&[folder.to_str().unwrap()])
}

/// `error file cause variant` of what is worse than a note.
fn findings(report: &Value, folder: &Path) -> Vec<String> {
    let root = format!("{}/", folder.display());
    report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["severity"] != "note")
        .map(|one| {
            let word = |key: &str| one[key].as_str().unwrap_or("-").to_owned();
            let file = word("file").replace(&root, "");
            let file = if file == folder.display().to_string() { ".".to_owned() } else { file };
            format!("{} {file} {} {}", word("severity"), word("cause"), word("variant"))
        })
        .filter(|line| !line.ends_with("world-readable"))
        .collect()
}

#[test]
fn a_generated_folder_is_right_and_all_three_verifiers_accept_it() {
    let folder = Folder::healthy();
    let (code, report) = of(folder.directory.path());
    assert_eq!(findings(&report, folder.directory.path()), Vec::<String>::new());
    assert_eq!(code, 0);
    for key in ["accepted", "go", "openssl", "webpki"] {
        assert_eq!(report["verification"][key], true, "{key}");
    }
    assert_eq!(report["certificates"].as_array().unwrap().len(), 3);
}

type Row = (&'static str, fn(&Folder), i32, &'static [&'static str]);

/// Fault, how it is made, exit code, all findings that are no notes.
const ROWS: &[Row] = &[
    (
        "expired",
        |f| f.serve(&Leaf::server().valid(Validity::Expired)),
        1,
        &["error server/tls.crt expired -"],
    ),
    (
        "not yet valid",
        |f| f.serve(&Leaf::server().valid(Validity::Future)),
        1,
        // It would outlive its CA.
        &["error server/tls.crt not-yet-valid -", "warning ca/ca.crt expired expired-ca"],
    ),
    (
        "client expired",
        |f| f.pair("client", &f.ca.issue(&Leaf::client().valid(Validity::Expired)).unwrap()),
        1,
        &["error client/tls.crt expired -"],
    ),
    (
        "another CA",
        |f| {
            let other = Authority::named("Another CA", Validity::Now).unwrap();
            f.pair("server", &other.issue(&Leaf::server()).unwrap());
        },
        1,
        &["error server/tls.crt unknown-authority other-ca"],
    ),
    (
        "regenerated CA",
        |f| f.pair("server", &Authority::generate().unwrap().issue(&Leaf::server()).unwrap()),
        1,
        &["error server/tls.crt unknown-authority ca-regenerated"],
    ),
    (
        "self-signed",
        |f| f.pair("server", &pki::self_signed(&Leaf::server()).unwrap()),
        1,
        &["error server/tls.crt unknown-authority self-signed"],
    ),
    (
        "missing intermediate, which lies beside",
        |f| {
            let middle = f.ca.intermediate("Middle").unwrap();
            let pair = middle.issue(&Leaf::server()).unwrap();
            f.put("server/tls.crt", &pki::pem("CERTIFICATE", &pair.chain[0]));
            f.put("server/tls.key", &pair.key.serialize_pem());
            f.put("middle.crt", &pki::pem("CERTIFICATE", &middle.certificate));
        },
        1,
        &["error server/tls.crt unknown-authority missing-intermediate"],
    ),
    (
        "intermediate in the client file",
        |f| f.pair("client", &f.ca.intermediate("Middle").unwrap().issue(&Leaf::client()).unwrap()),
        0,
        &["warning client/tls.crt unknown-authority missing-intermediate"],
    ),
    (
        "chain upside down",
        |f| {
            let middle = f.ca.intermediate("Middle").unwrap();
            let pair = middle.issue(&Leaf::server()).unwrap();
            let text: String = pair.chain.iter().rev().map(|der| pki::pem("CERTIFICATE", der)).collect();
            f.put("server/tls.crt", &text);
            f.put("server/tls.key", &pair.key.serialize_pem());
        },
        1,
        &[
            "error server/tls.key key-mismatch -",
            "error server/tls.crt invalid-ca -",
            "error server/tls.crt hostname-mismatch no-san",
        ],
    ),
    (
        "keys exchanged",
        |f| {
            let (server, client) = (f.text("server/tls.key"), f.text("client/tls.key"));
            f.put("server/tls.key", &client);
            f.put("client/tls.key", &server);
        },
        1,
        &["error server/tls.key key-mismatch -", "error client/tls.key key-mismatch -"],
    ),
    (
        "encrypted key",
        |f| {
            f.put(
                "server/tls.key",
                "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
            );
        },
        1,
        &["error server/tls.key bad-key-file encrypted"],
    ),
    (
        "certificate in the key's place",
        |f| f.put("server/tls.key", &f.text("server/tls.crt")),
        1,
        &["error server/tls.key bad-key-file wrong-kind"],
    ),
    (
        "client certificate for the server",
        |f| f.pair("server", &f.ca.issue(&Leaf { usages: vec![ClientAuth], ..Leaf::server() }).unwrap()),
        1,
        &["error server/tls.crt wrong-key-usage -"],
    ),
    (
        "server certificate for the client",
        |f| f.pair("client", &f.ca.issue(&Leaf::client().using(&[ServerAuth])).unwrap()),
        1,
        &["error client/tls.crt wrong-key-usage -"],
    ),
    (
        "a used name is missing",
        |f| f.serve(&Leaf::server().for_names(&["localhost", "nats", "cordum-api-gateway", "safety-kernel"])),
        1,
        &["error server/tls.crt hostname-mismatch -"],
    ),
    (
        "no names at all",
        |f| f.serve(&Leaf::server().for_names(&[])),
        1,
        &["error server/tls.crt hostname-mismatch no-san"],
    ),
    (
        "only documented names are missing",
        |f| {
            let used = ["localhost", "nats", "redis", "cordum-api-gateway", "safety-kernel"];
            f.serve(&Leaf::server().for_names(&used));
        },
        0,
        &[],
    ),
    (
        "a leaf as CA",
        |f| {
            f.put("ca/ca.crt", &pki::pem("CERTIFICATE", &pki::self_signed(&Leaf::client()).unwrap().chain[0]))
        },
        1,
        &[
            "error ca/ca.crt invalid-ca not-a-ca",
            "error server/tls.crt unknown-authority other-ca",
            "error client/tls.crt unknown-authority other-ca",
        ],
    ),
    (
        "expired CA",
        |f| {
            let old = Authority::named("Cordum Dev CA", Validity::Expired).unwrap();
            f.put("ca/ca.crt", &pki::pem("CERTIFICATE", &old.certificate));
            f.pair("server", &old.issue(&Leaf::server()).unwrap());
            f.pair("client", &old.issue(&Leaf::client()).unwrap());
        },
        1,
        &[
            "error ca/ca.crt expired expired-ca",
            "error server/tls.crt expired expired-ca",
            "error client/tls.crt expired expired-ca",
        ],
    ),
    (
        "expired CA beside a valid one",
        |f| {
            let old = Authority::named("Old CA", Validity::Expired).unwrap();
            f.put(
                "ca/ca.crt",
                &format!("{}{}", pki::pem("CERTIFICATE", &old.certificate), f.text("ca/ca.crt")),
            );
        },
        0,
        &[
            "warning ca/ca.crt expired expired-ca",
            "warning client/tls.crt unknown-authority missing-intermediate",
        ],
    ),
    (
        "a key in the CA file",
        |f| f.put("ca/ca.crt", &format!("{}{}", f.text("ca/ca.crt"), f.text("client/tls.key"))),
        0,
        &["warning ca/ca.crt bad-key-file wrong-kind"],
    ),
    ("empty CA file", |f| f.put("ca/ca.crt", ""), 1, &["error ca/ca.crt bad-key-file no-pem"]),
    ("CA file of text", |f| f.put("ca/ca.crt", "hello\n"), 1, &["error ca/ca.crt bad-key-file no-pem"]),
    (
        "a directory in a file's place",
        |f| {
            fs::remove_file(f.path("server/tls.key")).unwrap();
            fs::create_dir(f.path("server/tls.key")).unwrap();
        },
        1,
        &["error server/tls.key bad-key-file wrong-kind"],
    ),
    (
        "server key missing",
        |f| fs::remove_file(f.path("server/tls.key")).unwrap(),
        1,
        &["error server/tls.key bad-key-file file-missing"],
    ),
    (
        "client certificate missing",
        |f| fs::remove_file(f.path("client/tls.crt")).unwrap(),
        1,
        &["error client/tls.crt bad-key-file file-missing"],
    ),
    (
        "a cut-off block",
        |f| f.put("client/tls.crt", &f.text("client/tls.crt").replace("-----END CERTIFICATE-----", "")),
        1,
        &["error client/tls.crt bad-key-file no-pem"],
    ),
    (
        "DER in a PEM file's place",
        |f| {
            fs::write(f.path("client/tls.crt"), f.ca.issue(&Leaf::client()).unwrap().chain[0].as_ref())
                .unwrap()
        },
        1,
        &["error client/tls.key key-mismatch -", "warning client/tls.crt bad-key-file wrong-kind"],
    ),
];

#[test]
fn every_fault_of_a_folder_is_found_and_nothing_else() {
    assert!(ROWS.len() >= 25);
    let mut wrong = Vec::new();
    for (name, make, expected, lines) in ROWS {
        let folder = Folder::healthy();
        make(&folder);
        folder.open();
        let (code, report) = of(folder.directory.path());
        // A CA that ends with short-lived leaves warns of its own.
        let mut seen = findings(&report, folder.directory.path());
        let mut wanted: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        seen.sort();
        wanted.sort();
        if seen != wanted || code != *expected {
            wrong.push(format!("{name}: exit {code}, {seen:#?}"));
        }
        assert_eq!(report["exit_code"], code, "{name}");
        assert!(report["findings"].as_array().unwrap().iter().all(|one| one["fix"].is_array()), "{name}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn odd_but_usable_pem_is_read() {
    let folder = Folder::healthy();
    let text = folder.text("ca/ca.crt");
    let odd = format!("\u{feff}Subject: a CA\r\n{}\r\ntrailing text\r\n", text.replace('\n', "\r\n"));
    folder.put("ca/ca.crt", &odd);
    let (code, report) = of(folder.directory.path());
    assert_eq!(code, 0, "{report}");
}

#[test]
fn the_release_day_is_asked_for_with_at() {
    let folder = Folder::healthy();
    let path = folder.directory.path().to_str().unwrap();
    let (code, report) = certs(&[path, "--at", "2090-01-01T00:00:00Z"]);
    assert_eq!(code, 1);
    assert_eq!(report["verification"]["cause"], "expired");
}

#[test]
fn single_files_are_verified_for_a_name_and_a_purpose() {
    let folder = Folder::healthy();
    let ca = folder.path("ca/ca.crt");
    let server = folder.path("server/tls.crt");
    let client = folder.path("client/tls.crt");
    let ask = |cert: &Path, more: &[&str]| {
        let mut all = vec!["--cacert", ca.to_str().unwrap(), "--cert", cert.to_str().unwrap()];
        all.extend(more);
        certs(&all)
    };
    let (code, report) = ask(&server, &["--name", "nats", "--name", "127.0.0.1"]);
    assert_eq!((code, &report["verification"]["accepted"]), (0, &Value::Bool(true)));
    let (code, report) = ask(&server, &["--name", "elsewhere"]);
    assert_eq!((code, report["verification"]["cause"].as_str()), (1, Some("hostname-mismatch")));
    let (code, report) = ask(&server, &["--purpose", "client"]);
    assert_eq!((code, report["verification"]["cause"].as_str()), (1, Some("wrong-key-usage")));
    let (code, report) = ask(&client, &["--purpose", "client"]);
    assert_eq!((code, &report["verification"]["accepted"]), (0, &Value::Bool(true)));
    fs::write(folder.path("broken.crt"), pki::pem("CERTIFICATE", &[0x30, 0x03, 1, 2, 3])).unwrap();
    let (code, report) = ask(&folder.path("broken.crt"), &[]);
    assert_eq!((code, &report["verification"]["accepted"]), (1, &Value::Bool(false)));
}

#[test]
fn a_kubernetes_secret_is_read_from_standard_input() {
    use base64::Engine;
    use std::io::Write;
    let folder = Folder::healthy();
    let encoded =
        |name: &str| base64::engine::general_purpose::STANDARD.encode(fs::read(folder.path(name)).unwrap());
    let manifest = format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: cordum-client-tls\ndata:\n  ca.crt: {}\n  tls.crt: {}\n  tls.key: {}\n",
        encoded("ca/ca.crt"),
        encoded("client/tls.crt"),
        encoded("server/tls.key"),
    );
    let mut child = Command::new(env!("CARGO_BIN_EXE_tls-verify"))
        .args(["certs", "-", "--format", "json"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(manifest.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    let errors: Vec<&Value> =
        report["findings"].as_array().unwrap().iter().filter(|one| one["severity"] == "error").collect();
    assert_eq!(errors.len(), 1, "{report}");
    assert_eq!(errors[0]["cause"], "key-mismatch");
    assert_eq!(errors[0]["file"], "secret/cordum-client-tls:tls.key");
}
