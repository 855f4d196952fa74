//! Logins that an issuer renews: an issuer in this process gives the token that the API server is then shown; one that
//! cannot be used is told, in time.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use rustls::ServerConfig;
use serde_json::{Value, json};
use tls_verify_fixtures::child::{self, ExitedChild};
use tls_verify_fixtures::pki::{Authority, Leaf, Validity};

use super::{LONG, answer, is_told, kubeconfig, list, serve_requests};
use crate::hostile::peer::{self, Does, wait};

/// `{"exp":4000000000}` and `{"exp":1000000000}`, as an ID token has them.
const RENEWED: &str = "head.eyJleHAiOjQwMDAwMDAwMDB9.renewed";
const ENDED: &str = "head.eyJleHAiOjEwMDAwMDAwMDB9.ended";

/// Metadata that name its own token endpoint, and a token for whoever has the right refresh token and client.
fn issues(stream: &mut dyn peer::Stream) -> io::Result<()> {
    loop {
        let asked = String::from_utf8_lossy(&peer::asked(stream)?).into_owned();
        if asked.is_empty() {
            return Ok(());
        }
        let host = asked
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("host: ").map(str::to_owned));
        let (status, body) = if asked.starts_with("GET /realm/.well-known/openid-configuration ") {
            (200, json!({"token_endpoint": format!("https://{}/token", host.unwrap_or_default())}))
        } else if !asked.starts_with("POST /token ") {
            (404, json!({}))
        } else if asked.contains("refresh_token=r3new") && asked.contains("client_id=tls-verify") {
            // Who logs in by a header is refused by this issuer: the other way has to be tried.
            (200, json!({"id_token": RENEWED, "refresh_token": "next"}))
        } else {
            (401, json!({"error": "invalid_client"}))
        };
        let body = body.to_string();
        write!(
            stream,
            "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )?;
        stream.flush()?;
    }
}

fn refuses(stream: &mut dyn peer::Stream) -> io::Result<()> {
    peer::asked(stream)?;
    write!(stream, "HTTP/1.1 503 X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
    stream.flush()
}

fn config(ca: &Authority, leaf: &Leaf) -> Arc<ServerConfig> {
    let pair = ca.issue(leaf).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    Arc::new(builder.with_no_client_auth().with_single_cert(pair.chain.clone(), pair.private_key()).unwrap())
}

fn user(issuer: &str, refresh: Option<&str>) -> Value {
    let mut config = json!({"id-token": ENDED, "idp-issuer-url": issuer, "client-id": "tls-verify",
        "client-secret": "hunter2"});
    if let Some(token) = refresh {
        config["refresh-token"] = token.into();
    }
    json!({"auth-provider": {"name": "oidc", "config": config}})
}

/// A run whose system trusts this CA.
fn run(file: &Path, roots: &Path) -> ExitedChild {
    let mut command = crate::program();
    command
        .args(["run", "--all", "--format", "json", "--timeout", "2s", "--deadline", "10s", "--kubeconfig"])
        .arg(file)
        .env("SSL_CERT_FILE", roots);
    child::start(&mut command).end(LONG)
}

#[test]
fn an_issuer_renews_the_token_that_the_api_server_is_shown() {
    let ca = Authority::generate().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let roots = folder.path().join("roots.pem");
    std::fs::write(&roots, ca.pem()).unwrap();
    let shown: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&shown);
    let api = serve_requests(move |stream, asked| {
        let line = asked.lines().find(|line| line.to_ascii_lowercase().starts_with("authorization: "));
        seen.lock().unwrap().push(line.unwrap_or_default().to_owned());
        answer(stream, 200, &list(&json!([])))
    });
    let issuer = peer::start(Does::InTls("", issues), &config(&ca, &Leaf::server()), false);
    let server = format!("http://127.0.0.1:{api}");
    let file = kubeconfig(
        folder.path(),
        &server,
        &user(&format!("https://localhost:{issuer}/realm"), Some("r3new")),
    );
    let ended = run(&file, &roots);
    assert_eq!(ended.code, Some(3), "an empty namespace is open: {}", ended.json());
    let shown = shown.lock().unwrap();
    let right = format!("bearer {}", RENEWED.to_ascii_lowercase());
    assert!(
        !shown.is_empty() && shown.iter().all(|line| line.to_ascii_lowercase().ends_with(&right)),
        "{shown:?}"
    );
}

#[test]
fn an_issuer_that_gives_no_token_is_told_in_time_and_without_secrets() {
    let ca = Authority::generate().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let roots = folder.path().join("roots.pem");
    std::fs::write(&roots, ca.pem()).unwrap();
    let api = serve_requests(|stream, _| answer(stream, 200, &list(&json!([]))));
    let server = format!("http://127.0.0.1:{api}");
    let good = config(&ca, &Leaf::server());
    let stranger = Authority::named("Another", Validity::Now).unwrap();
    let at = |does: Does, config: &Arc<ServerConfig>| {
        format!("https://localhost:{}/realm", peer::start(does, config, false))
    };
    let rows: Vec<(&str, Value, &[&str])> = vec![
        ("another refresh token", user(&at(Does::InTls("", issues), &good), Some("old")), &["OIDC"]),
        ("no refresh token", user(&at(Does::InTls("", issues), &good), None), &["OIDC", "refresh-token"]),
        ("it is out of order", user(&at(Does::InTls("", refuses), &good), Some("r3new")), &["OIDC", "503"]),
        (
            "its certificate is of a CA that the system does not know",
            user(&at(Does::InTls("", issues), &config(&stranger, &Leaf::server())), Some("r3new")),
            &["OIDC"],
        ),
        (
            "its certificate has ended",
            user(
                &at(Does::InTls("", issues), &config(&ca, &Leaf::server().valid(Validity::Expired))),
                Some("r3new"),
            ),
            &["OIDC"],
        ),
        ("it is silent", user(&at(Does::InClear(wait), &good), Some("r3new")), &[]),
        ("nobody is there", user("https://localhost:9/realm", Some("r3new")), &["OIDC"]),
        ("no TLS", user("http://localhost:9/realm", Some("r3new")), &["OIDC"]),
    ];
    let mut wrong = Vec::new();
    for (name, user, words) in rows {
        let ended = run(&kubeconfig(folder.path(), &server, &user), &roots);
        wrong.extend(is_told(name, &ended, words));
        if ended.took > std::time::Duration::from_secs(60) {
            wrong.push(format!("{name}: {:?}", ended.took));
        }
        for secret in ["hunter2", "r3new", ENDED] {
            if ended.out.contains(secret) || ended.err.contains(secret) {
                wrong.push(format!("{name}: {secret} is told: {} {}", ended.out, ended.err));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
