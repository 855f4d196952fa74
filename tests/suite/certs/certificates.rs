//! Faults of the certificates themselves: dates, issuers, names, usages, keys and extensions.

use std::fs;

use rcgen::ExtendedKeyUsagePurpose::{ClientAuth, ServerAuth};
use tls_verify_fixtures::pki::{self, Authority, Leaf, Validity};

use crate::certs::folder::{Folder, run};

/// A pair that openssl makes: what the builders cannot, or will not.
struct Odd<'a> {
    role: &'a str,
    /// For `openssl genpkey`.
    key: &'a [&'a str],
    /// For `openssl x509 -req`.
    sign: &'a [&'a str],
    extensions: &'a str,
}

const EC: &[&str] = &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
const SERVER: &str = "subjectAltName=DNS:localhost,DNS:nats,DNS:redis,DNS:cordum-api-gateway,DNS:safety-kernel\n\
                      extendedKeyUsage=serverAuth\n";

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

/// Fault, how it is made, exit code, all findings that are no notes.
pub(crate) type Row = (&'static str, fn(&Folder), i32, &'static [&'static str]);

pub(crate) const ROWS: &[Row] = &[
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
];
