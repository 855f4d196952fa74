//! TLS with the API server itself: real servers with certificates that are wrong, each told by our own causes; and
//! the ways to it that a kubeconfig names.

use std::io::{self, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rustls::ServerConfig;
use serde_json::{Value, json};
use tls_verify_fixtures::pki::{Authority, Leaf, Pair, Validity};

use super::{answer, is_told, list, run, serve};
use crate::hostile::peer::{self, Does, wait};

fn config(pair: &Pair, clients: Option<&Authority>) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(ca) => {
            let mut roots = rustls::RootCertStore::empty();
            roots.add(ca.certificate.clone()).unwrap();
            let verifier =
                rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    Arc::new(builder.with_single_cert(pair.chain.clone(), pair.private_key()).unwrap())
}

/// An empty namespace, whatever is asked.
const EMPTY: Does = Does::InTls("", |stream| {
    peer::asked(stream)?;
    let body = r#"{"kind": "List", "metadata": {}, "items": []}"#;
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())?;
    stream.flush()
});

/// A kubeconfig with this cluster and user.
fn kubeconfig(folder: &Path, cluster: &Value, user: &Value) -> PathBuf {
    let file = folder.join("config");
    let config = json!({"apiVersion": "v1", "kind": "Config", "current-context": "lab",
        "clusters": [{"name": "lab", "cluster": cluster}],
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "me", "namespace": "shop"}}],
        "users": [{"name": "me", "user": user}]});
    std::fs::write(&file, config.to_string()).unwrap();
    file
}

fn cluster(port: u16, ca: &Authority) -> Value {
    json!({"server": format!("https://127.0.0.1:{port}"), "certificate-authority-data": STANDARD.encode(ca.pem())})
}

/// An empty namespace is open, and no failure.
fn is_answered(name: &str, file: &Path) -> Option<String> {
    let ended = run(file, &[]);
    (ended.code != Some(3)).then(|| format!("{name}: exit {:?}: {}", ended.code, ended.json()))
}

#[test]
fn trouble_with_the_api_servers_certificate_has_our_causes() {
    let ca = Authority::generate().unwrap();
    let stranger = Authority::named("Another", Validity::Now).unwrap();
    let of = |leaf: Leaf| ca.issue(&leaf).unwrap();
    let good = of(Leaf::server());
    let rows: Vec<(&str, Does, Arc<ServerConfig>, &[&str])> = vec![
        (
            "another authority",
            EMPTY,
            config(&stranger.issue(&Leaf::server()).unwrap(), None),
            &["unknown-authority"],
        ),
        ("expired", EMPTY, config(&of(Leaf::server().valid(Validity::Expired)), None), &["(expired)"]),
        ("not yet", EMPTY, config(&of(Leaf::server().valid(Validity::Future)), None), &["(not-yet-valid)"]),
        (
            "another name",
            EMPTY,
            config(&of(Leaf::server().for_names(&["kubernetes"])), None),
            &["(hostname-mismatch)", "127.0.0.1"],
        ),
        (
            "no server's",
            EMPTY,
            config(&of(Leaf::client().at(&[[127, 0, 0, 1].into()])), None),
            &["(wrong-key-usage)"],
        ),
        ("it wants a certificate", EMPTY, config(&good, Some(&ca)), &["(client-cert-required)"]),
        (
            "no TLS at all",
            Does::InClear(|stream| {
                peer::asked(stream)?;
                stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            }),
            config(&good, None),
            &["(wrong-scheme-tls-to-plain)"],
        ),
        ("silence", Does::InClear(wait), config(&good, None), &["TLS handshake unanswered for"]),
        ("silence inside", Does::Handshake, config(&good, None), &["does not answer within"]),
    ];
    let mut wrong = Vec::new();
    for (name, does, config, words) in rows {
        let folder = tempfile::tempdir().unwrap();
        let port = peer::start(does, &config, false);
        let file = kubeconfig(folder.path(), &cluster(port, &ca), &json!({"token": "t"}));
        let mut words = words.to_vec();
        words.push("the API server at 127.0.0.1:");
        wrong.extend(is_told(name, &run(&file, &[]), &words));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_kubectl_would_reach_is_reached() {
    let ca = Authority::generate().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    let named = config(&ca.issue(&Leaf::server().for_names(&["kubernetes"])).unwrap(), None);
    let mut with_name = cluster(peer::start(EMPTY, &named, false), &ca);
    with_name["tls-server-name"] = "kubernetes".into();
    let file = kubeconfig(folder.path(), &with_name, &json!({"token": "t"}));
    wrong.extend(is_answered("tls-server-name", &file));
    let anyone = json!({"server": format!("https://127.0.0.1:{}", peer::start(EMPTY, &named, false)),
        "insecure-skip-tls-verify": true});
    let file = kubeconfig(folder.path(), &anyone, &json!({"token": "t"}));
    wrong.extend(is_answered("insecure-skip-tls-verify", &file));
    let mutual = config(&ca.issue(&Leaf::server()).unwrap(), Some(&ca));
    let client = ca.issue(&Leaf::client()).unwrap();
    let to = cluster(peer::start(EMPTY, &mutual, false), &ca);
    let user = json!({"client-certificate-data": STANDARD.encode(client.chain_pem()),
        "client-key-data": STANDARD.encode(client.key_pem())});
    wrong.extend(is_answered("client certificate", &kubeconfig(folder.path(), &to, &user)));
    let credential = json!({"kind": "ExecCredential", "status": {"clientCertificateData": client.chain_pem(),
        "clientKeyData": client.key_pem()}});
    std::fs::write(folder.path().join("credential"), credential.to_string()).unwrap();
    let user = json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "cat",
        "args": [folder.path().join("credential")]}});
    wrong.extend(is_answered("a plugin's certificate", &kubeconfig(folder.path(), &to, &user)));
    let proxy = serve(tunnel);
    let mut through = to;
    through["proxy-url"] = format!("http://127.0.0.1:{proxy}").into();
    wrong.extend(is_answered("proxy-url", &kubeconfig(folder.path(), &through, &user)));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A proxy that knows CONNECT.
fn tunnel(stream: &mut TcpStream, to: &str) -> io::Result<()> {
    let mut far = TcpStream::connect(to)?;
    write!(stream, "HTTP/1.1 200 OK\r\n\r\n")?;
    let (mut near, mut back) = (stream.try_clone()?, far.try_clone()?);
    std::thread::spawn(move || io::copy(&mut back, &mut near));
    io::copy(stream, &mut far).map(|_| ())
}

#[test]
fn a_proxy_that_leads_nowhere_is_named_without_its_password() {
    let ca = Authority::generate().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut to = cluster(9, &ca);
    to["proxy-url"] = "http://me:hunter2@127.0.0.1:9".into();
    let ended = run(&kubeconfig(folder.path(), &to, &json!({"token": "t"})), &[]);
    let mut wrong = is_told("refused", &ended, &["through the proxy 127.0.0.1:9", "cannot be reached"]);
    if format!("{}{}", ended.out, ended.err).contains("hunter2") {
        wrong.push("the password is told".to_owned());
    }
    let port = serve(|stream, _| answer(stream, 407, "{}"));
    to["proxy-url"] = format!("http://127.0.0.1:{port}").into();
    let ended = run(&kubeconfig(folder.path(), &to, &json!({"token": "t"})), &[]);
    wrong.extend(is_told("a login", &ended, &["through the proxy 127.0.0.1:"]));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The token that an issuer gave is shown as it is while it lasts, and what cannot be renewed is told.
#[test]
fn an_oidc_login_is_used_or_told() {
    let folder = tempfile::tempdir().unwrap();
    let user = |ends: i64| {
        let claims = URL_SAFE_NO_PAD.encode(json!({"exp": ends}).to_string());
        json!({"auth-provider": {"name": "oidc", "config": {"id-token": format!("head.{claims}.tail")}}})
    };
    let port = serve(|stream, _| answer(stream, 200, &list(&json!([]))));
    let to = json!({"server": format!("http://127.0.0.1:{port}")});
    let mut wrong = Vec::new();
    wrong.extend(is_answered("valid", &kubeconfig(folder.path(), &to, &user(4_000_000_000))));
    let ended = run(&kubeconfig(folder.path(), &to, &user(1_000_000_000)), &[]);
    wrong.extend(is_told("ended", &ended, &["OIDC", "idp-issuer-url"]));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What of several files is named first counts, and one that is not there counts for nothing.
#[test]
fn a_list_of_kubeconfigs_is_one() {
    let ca = Authority::generate().unwrap();
    let port = peer::start(EMPTY, &config(&ca.issue(&Leaf::server()).unwrap(), None), false);
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    let user = json!({"users": [{"name": "me", "user": {"tokenFile": "token"}}], "current-context": "lab"});
    std::fs::create_dir(&first).unwrap();
    std::fs::write(first.join("token"), "t\n").unwrap();
    std::fs::write(first.join("config"), user.to_string()).unwrap();
    std::fs::create_dir(&second).unwrap();
    let file = kubeconfig(&second, &cluster(port, &ca), &json!({"tokenFile": "gone"}));
    let mut command = crate::program();
    let list = std::env::join_paths([&folder.path().join("gone"), &first.join("config"), &file]).unwrap();
    command
        .args(["run", "--all", "--format", "json", "--kubernetes", "--timeout", "1s", "--deadline", "6s"])
        .env("KUBECONFIG", list);
    let ended = tls_verify_fixtures::child::start(&mut command).end(super::LONG);
    assert_eq!(ended.code, Some(3), "{}", ended.json());
}
