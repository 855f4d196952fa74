//! Faults of what the files hold: other things than they should, several of them, damaged ones or none.

use std::fs;

use tls_verify_fixtures::pki::Leaf;

use crate::certs::certificates::Row;
use crate::certs::folder::run;

/// PEM in good order around three zero bytes.
const NOTHING_INSIDE: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

pub(crate) const ROWS: &[Row] = &[
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
        "carriage returns alone",
        |f| f.put("client/tls.crt", &f.text("client/tls.crt").replace('\n', "\r")),
        1,
        &["error client/tls.crt bad-key-file no-pem"],
    ),
    (
        "the CA in one line",
        |f| f.put("ca/ca.crt", &f.text("ca/ca.crt").replace('\n', "")),
        1,
        &["error ca/ca.crt bad-key-file no-pem"],
    ),
    (
        "headers in the CA's block, which Go does not trust",
        |f| {
            let text = f.text("ca/ca.crt").replacen("-----\n", "-----\nName: x\n\n", 1);
            f.put("ca/ca.crt", &text);
        },
        1,
        &["error ca/ca.crt bad-key-file wrong-kind"],
    ),
    (
        "headers in the server's block, which Go shows",
        |f| {
            let text = f.text("server/tls.crt").replacen("-----\n", "-----\nName: x\n\n", 1);
            f.put("server/tls.crt", &text);
        },
        0,
        &["warning server/tls.crt bad-key-file wrong-kind"],
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
