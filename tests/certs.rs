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
        .stdin(std::process::Stdio::null())
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

/// A pair that openssl makes: what the builders cannot, or will not.
struct Odd<'a> {
    role: &'a str,
    /// For `openssl genpkey`.
    key: &'a [&'a str],
    /// For `openssl x509 -req`.
    sign: &'a [&'a str],
    extensions: &'a str,
}

/// PEM in good order around three zero bytes.
const NOTHING_INSIDE: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

const EC: &[&str] = &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
const SERVER: &str = "subjectAltName=DNS:localhost,DNS:nats,DNS:redis,DNS:cordum-api-gateway,DNS:safety-kernel\n\
                      extendedKeyUsage=serverAuth\n";

fn run(arguments: &[&str], more: &[&str], folder: &Path) {
    let output = Command::new("openssl")
        .args(arguments)
        .args(more)
        .current_dir(folder)
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn odd(f: &Folder, odd: &Odd<'_>) {
    let work = tempfile::tempdir().unwrap();
    let at = work.path();
    fs::write(at.join("ca.crt"), f.text("ca/ca.crt")).unwrap();
    fs::write(at.join("ca.key"), f.ca.key_pem()).unwrap();
    fs::write(at.join("ext"), odd.extensions).unwrap();
    run(&["genpkey", "-out", "key"], odd.key, at);
    run(&["req", "-new", "-key", "key", "-subj", "/O=Cordum/CN=odd", "-out", "csr"], &[], at);
    let sign: &[&str] = &[
        "x509", "-req", "-in", "csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-extfile", "ext", "-out", "crt",
    ];
    let mut more = odd.sign.to_vec();
    if !more.contains(&"-set_serial") {
        more.extend(["-set_serial", "12345"]);
    }
    if !more.contains(&"-days") {
        more.extend(["-days", "200"]);
    }
    run(sign, &more, at);
    let take = |file: &str| fs::read_to_string(at.join(file)).unwrap();
    f.put(&format!("{}/tls.crt", odd.role), &take("crt"));
    f.put(&format!("{}/tls.key", odd.role), &take("key"));
}

fn server(f: &Folder, key: &[&str], sign: &[&str], extensions: &str) {
    odd(f, &Odd { role: "server", key, sign, extensions: &format!("{SERVER}{extensions}") });
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
        &["error client/tls.crt bad-key-file wrong-kind", "error client/tls.key key-mismatch -"],
    ),
    (
        "RSA of 1024 bits",
        |f| server(f, &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"], &[], ""),
        0,
        &["warning server/tls.crt other-tls weak-key"],
    ),
    (
        "P-224",
        |f| server(f, &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-224"], &[], ""),
        0,
        &["warning server/tls.crt other-tls weak-key"],
    ),
    (
        "signed with SHA-1",
        |f| server(f, EC, &["-sha1"], ""),
        1,
        &["error server/tls.crt bad-signature weak-signature"],
    ),
    (
        "serial number zero",
        |f| server(f, EC, &["-set_serial", "0"], ""),
        0,
        &["warning server/tls.crt other-tls -"],
    ),
    (
        "serial number of 21 octets",
        |f| server(f, EC, &["-set_serial", "0x7f01020304050607080910111213141516171819ff"], ""),
        0,
        &["warning server/tls.crt other-tls -"],
    ),
    (
        "negative serial number",
        |f| server(f, EC, &["-set_serial", "-5"], ""),
        1,
        &["error server/tls.crt other-tls -"],
    ),
    ("ends in ten days", |f| server(f, EC, &["-days", "10"], ""), 0, &["warning server/tls.crt expired -"]),
    (
        "key usage without signatures",
        |f| server(f, EC, &[], "keyUsage=critical,keyEncipherment\n"),
        0,
        &["warning server/tls.crt wrong-key-usage -"],
    ),
    (
        "a server certificate that is a CA's",
        |f| server(f, EC, &[], "basicConstraints=critical,CA:TRUE\n"),
        0,
        &["warning server/tls.crt invalid-ca ca-as-end-entity"],
    ),
    (
        "a critical extension that nobody knows",
        |f| server(f, EC, &[], "1.2.3.4=critical,DER:0500\n"),
        1,
        &["error server/tls.crt other-tls -"],
    ),
    (
        "an address alone is missing from what is used elsewhere",
        |f| f.serve(&Leaf::server().for_names(&["127.0.0.1", "::1"])),
        1,
        &["error server/tls.crt hostname-mismatch -"],
    ),
    (
        "two keys, the right one first",
        |f| f.put("server/tls.key", &format!("{}{}", f.text("server/tls.key"), f.text("client/tls.key"))),
        0,
        &["warning server/tls.key bad-key-file -"],
    ),
    (
        "two keys, the right one second",
        |f| f.put("server/tls.key", &format!("{}{}", f.text("client/tls.key"), f.text("server/tls.key"))),
        1,
        &["warning server/tls.key bad-key-file -", "error server/tls.key key-mismatch -"],
    ),
    (
        "the root in the server's file",
        |f| f.put("server/tls.crt", &format!("{}{}", f.text("server/tls.crt"), f.text("ca/ca.crt"))),
        0,
        &[],
    ),
    (
        "PKCS#12 in the server certificate's place",
        |f| {
            let path = f.path("server");
            run(
                &[
                    "pkcs12", "-export", "-in", "tls.crt", "-inkey", "tls.key", "-passout", "pass:x", "-out",
                    "p12",
                ],
                &[],
                &path,
            );
            fs::rename(path.join("p12"), path.join("tls.crt")).unwrap();
        },
        1,
        &["error server/tls.crt bad-key-file wrong-kind"],
    ),
    (
        "UTF-16",
        |f| {
            let text: Vec<u8> = f.text("client/tls.crt").encode_utf16().flat_map(u16::to_le_bytes).collect();
            fs::write(f.path("client/tls.crt"), [&[0xff, 0xfe], text.as_slice()].concat()).unwrap();
        },
        1,
        &["error client/tls.crt bad-key-file wrong-kind"],
    ),
    (
        "no certificate inside the server's block",
        |f| f.put("server/tls.crt", NOTHING_INSIDE),
        1,
        &["error server/tls.crt bad-key-file wrong-kind"],
    ),
    (
        "no certificate inside the server's block, and its key beside it",
        |f| f.put("server/tls.crt", &format!("{NOTHING_INSIDE}{}", f.text("server/tls.key"))),
        1,
        &["error server/tls.crt bad-key-file wrong-kind"],
    ),
    (
        "no certificate inside the client's block",
        |f| f.put("client/tls.crt", NOTHING_INSIDE),
        1,
        &["error client/tls.crt bad-key-file wrong-kind"],
    ),
    (
        "no certificate inside the CA file's block",
        |f| f.put("ca/ca.crt", NOTHING_INSIDE),
        1,
        &["error ca/ca.crt bad-key-file wrong-kind"],
    ),
    (
        "a damaged block before the CA, which Go passes over",
        |f| f.put("ca/ca.crt", &format!("{NOTHING_INSIDE}{}", f.text("ca/ca.crt"))),
        0,
        &["warning ca/ca.crt bad-key-file wrong-kind"],
    ),
    (
        "no key inside the block",
        |f| f.put("server/tls.key", &NOTHING_INSIDE.replace("CERTIFICATE", "PRIVATE KEY")),
        1,
        &["error server/tls.key bad-key-file wrong-kind"],
    ),
    (
        "OpenSSL's own label",
        |f| {
            let text = f.text("server/tls.crt").replace("CERTIFICATE", "TRUSTED CERTIFICATE");
            f.put("server/tls.crt", &text);
        },
        1,
        &["error server/tls.crt bad-key-file wrong-kind"],
    ),
    (
        "a DER key",
        |f| {
            let path = f.path("server");
            run(&["pkey", "-outform", "der", "-in", "tls.key", "-out", "der"], &[], &path);
            fs::rename(path.join("der"), path.join("tls.key")).unwrap();
        },
        1,
        &["error server/tls.key bad-key-file wrong-kind"],
    ),
    (
        "SEC1 key",
        |f| {
            let path = f.path("server");
            run(&["ec", "-in", "tls.key", "-out", "sec1"], &[], &path);
            fs::rename(path.join("sec1"), path.join("tls.key")).unwrap();
        },
        0,
        &[],
    ),
];

#[test]
fn every_fault_of_a_folder_is_found_and_nothing_else() {
    assert!(ROWS.len() >= 40, "{}", ROWS.len());
    let (mut wrong, mut mute) = (Vec::new(), Vec::new());
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
        for one in report["findings"].as_array().unwrap() {
            let message = one["message"].as_str().unwrap();
            assert!(message.len() > 8 && one["fix"].is_array(), "{name}: {one}");
            // What stops a service says what to do about it.
            if one["severity"] == "error" && one["fix"].as_array().unwrap().is_empty() {
                mute.push(format!("{name}: {message}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(mute.is_empty(), "without a fix: {mute:#?}");
}

#[test]
fn keys_that_the_containers_cannot_read_are_told() {
    let folder = Folder::healthy();
    let path = folder.directory.path();
    let _ = Command::new("chmod").arg("600").arg(folder.path("server/tls.key")).status().unwrap();
    let (code, report) = of(path);
    let seen = findings(&report, path);
    assert_eq!(code, 0, "{report}");
    assert!(seen.contains(&"warning . bad-key-file permission-denied".to_owned()), "{seen:?}");
    let told = report["findings"].to_string();
    assert!(told.contains("server/tls.key") && told.contains("65532"), "{told}");
}

#[test]
fn a_container_is_opened_with_its_password_alone() {
    let folder = Folder::healthy();
    let work = tempfile::tempdir().unwrap();
    let (crt, key) = (folder.path("server/tls.crt"), folder.path("server/tls.key"));
    let (crt, key) = (crt.to_str().unwrap(), key.to_str().unwrap());
    run(
        &["pkcs12", "-export", "-passout", "pass:secret", "-out", "a.p12"],
        &["-in", crt, "-inkey", key],
        work.path(),
    );
    fs::write(work.path().join("right"), "secret\n").unwrap();
    fs::write(work.path().join("wrong"), "guess\n").unwrap();
    let container = work.path().join("a.p12");
    let ask = |password: Option<&str>| {
        let file = password.map(|name| work.path().join(name));
        let mut arguments = vec![container.to_str().unwrap()];
        if let Some(file) = &file {
            arguments.extend(["--password-file", file.to_str().unwrap()]);
        }
        let (_, report) = certs(&arguments);
        (report["certificates"].as_array().unwrap().len(), report["findings"].to_string())
    };
    let (count, said) = ask(None);
    assert!(count == 0 && said.contains("PKCS#12") && said.contains("--password-file"), "{said}");
    let (count, said) = ask(Some("wrong"));
    assert!(count == 0 && said.contains("encrypted"), "{said}");
    let (count, said) = ask(Some("right"));
    assert!(count == 1 && !said.contains("secret"), "{count} {said}");
}

#[test]
fn one_bad_file_hides_no_other() {
    let folder = Folder::healthy();
    let path = folder.directory.path();
    folder.put("server/tls.crt", "rubbish");
    folder.put("extra.pem", "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n");
    folder.put("other.crt", &format!("-----BEGIN CERTIFICATE-----\nAAAA\n{}", folder.text("client/tls.crt")));
    folder.open();
    let (code, report) = of(path);
    assert_eq!(code, 1);
    let files: Vec<&str> =
        report["certificates"].as_array().unwrap().iter().map(|one| one["file"].as_str().unwrap()).collect();
    for wanted in ["ca/ca.crt", "client/tls.crt", "other.crt"] {
        assert!(files.iter().any(|file| file.ends_with(wanted)), "{wanted}: {files:?}");
    }
    assert!(findings(&report, path).contains(&"error server/tls.crt bad-key-file no-pem".to_owned()));
}

#[test]
fn mutants_of_every_form_are_read_in_bounded_time() {
    use base64::Engine as _;
    use tls_verify::certs::{Facts, read_bytes};
    let folder = Folder::healthy();
    let base64 = |name: &str| base64::engine::general_purpose::STANDARD.encode(folder.text(name));
    let manifest = format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\ndata:\n  tls.crt: {}\n  tls.key: {}\n",
        base64("server/tls.crt"),
        base64("server/tls.key")
    );
    let seeds: [Vec<u8>; 4] = [
        format!("text\n{}{}", folder.text("server/tls.crt"), folder.text("server/tls.key")).into_bytes(),
        folder.ca.issue(&Leaf::server()).unwrap().chain[0].to_vec(),
        manifest.clone().into_bytes(),
        serde_json::to_vec(&serde_json::json!({ "apiVersion": "v1", "kind": "List", "items": [
            { "kind": "Secret", "metadata": { "name": "a" }, "data": { "tls.crt": base64("client/tls.crt") } } ] }))
        .unwrap(),
    ];
    let mut state = 7_u64;
    let mut random = |bound: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % bound
    };
    let begun = std::time::Instant::now();
    let (mut mutants, mut read) = (0, 0);
    for round in 0..1000 {
        for seed in &seeds {
            let mut mutant = seed.clone();
            for _ in 0..=random(4) {
                let at = random(mutant.len());
                match random(6) {
                    0 => mutant[at] ^= 1 << random(8),
                    1 => mutant[at] = b"-:\n{}[]\"&*!\0\xff"[random(13)],
                    2 => mutant.truncate(at.max(1)),
                    3 => drop(mutant.drain(at..(at + random(40)).min(mutant.len()))),
                    4 => {
                        let piece = mutant[at..(at + random(200)).min(mutant.len())].to_vec();
                        let into = random(mutant.len());
                        mutant.splice(into..into, piece);
                    }
                    _ => mutant.insert(at, u8::try_from(random(256)).unwrap()),
                }
                if mutant.is_empty() {
                    mutant.push(b'-');
                }
            }
            mutants += 1;
            for found in read_bytes("file", &mutant, Some("password")) {
                // Whatever is there is either read or named.
                assert!(!found.blocks.is_empty() || !found.faults.is_empty(), "round {round}: {mutant:?}");
                for (index, der) in found.certificates().enumerate() {
                    read += usize::from(Facts::read("file", index, der).is_ok());
                }
            }
        }
    }
    assert!(mutants >= 3000 && read > 200, "{mutants} {read}");
    assert!(begun.elapsed().as_secs() < 120, "{:?}", begun.elapsed());
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
