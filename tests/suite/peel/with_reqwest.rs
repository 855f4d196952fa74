//! reqwest, over HTTP/1.1 and HTTP/2.

use std::net::SocketAddr;
use std::time::Duration;

use tls_verify_checks::cause::CauseKind;
use tls_verify_checks::fault::{Failure, Stage};
use tls_verify_checks::peel::peel;

use crate::peel::lab::{Lab, V12, V13, closes, is, limited, nobody, plaintext, resets, silent};

fn https(address: SocketAddr) -> String {
    format!("https://localhost:{}/", address.port())
}

fn request(lab: &Lab, address: SocketAddr, alpn: &[&[u8]]) -> reqwest::RequestBuilder {
    reqwest::Client::builder()
        .tls_backend_preconfigured(lab.client(alpn))
        .no_proxy()
        .resolve("localhost", address)
        .timeout(Duration::from_secs(10))
        .build()
        .unwrap()
        .get(https(address))
}

async fn by_reqwest(lab: &Lab, address: SocketAddr) -> Failure {
    let error = limited(request(lab, address, &[b"http/1.1"]).send()).await.unwrap_err();
    peel(&error, Stage::Exchange, false)
}

#[tokio::test]
async fn reqwest_hides_our_refusal_in_two_io_errors() {
    for version in [V12, V13] {
        let lab = Lab::expired(version);
        let failure = by_reqwest(&lab, lab.serve(b"", b"").await).await;
        is(&failure, Stage::Handshake, CauseKind::Expired);
        let lab = Lab::new(version);
        let failure = by_reqwest(&Lab::new(version), lab.serve(b"", b"").await).await;
        // The same subject under another key (`BadSignature`), as after `generate-certs --force`.
        is(&failure, Stage::Handshake, CauseKind::BadSignature);
    }
}

#[tokio::test]
async fn reqwest_meets_the_alert_at_the_connect_or_at_the_first_read() {
    for version in [V12, V13] {
        let lab = Lab::mutual(version);
        let address = lab.serve(b"", b"").await;
        let error = limited(request(&lab, address, &[b"http/1.1"]).send()).await.unwrap_err();
        // TLS 1.2 fails while it connects; in 1.3 the client has already sent its request.
        assert_eq!(error.is_connect(), version == V12, "{error:?}");
        let failure = peel(&error, Stage::Exchange, false);
        is(&failure, Stage::Handshake, CauseKind::ClientCertRequired);
    }
}

#[tokio::test]
async fn reqwest_with_the_systems_errors() {
    let lab = Lab::new(V13);
    for (address, kind) in [
        (nobody().await, CauseKind::ConnectionRefused),
        (closes().await, CauseKind::ConnectionReset),
        (resets().await, CauseKind::ConnectionReset),
        (plaintext().await, CauseKind::WrongSchemeTlsToPlain),
    ] {
        let failure = by_reqwest(&lab, address).await;
        let stage = if kind == CauseKind::WrongSchemeTlsToPlain { Stage::Handshake } else { Stage::Exchange };
        is(&failure, stage, kind);
    }
}

#[tokio::test]
async fn reqwest_gives_up_or_is_left_without_an_answer() {
    let lab = Lab::new(V13);
    let waiting = request(&lab, silent().await, &[]).timeout(Duration::from_millis(200));
    let failure = peel(&limited(waiting.send()).await.unwrap_err(), Stage::Exchange, false);
    is(&failure, Stage::Exchange, CauseKind::Timeout);
    // Closed behind the handshake, before and within the answer: hyper's own words, no io::Error.
    let failure = by_reqwest(&lab, lab.serve(b"", b"").await).await;
    is(&failure, Stage::Exchange, CauseKind::ConnectionReset);
    let failure = by_reqwest(&lab, lab.serve(b"", b"HTTP/1.1 200 OK\r\nContent-Le").await).await;
    is(&failure, Stage::Exchange, CauseKind::ConnectionReset);
    let address = lab.serve(b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf").await;
    let answer = limited(request(&lab, address, &[]).send()).await.unwrap();
    let failure = peel(&limited(answer.bytes()).await.unwrap_err(), Stage::Exchange, false);
    is(&failure, Stage::Exchange, CauseKind::ConnectionReset);
}

#[tokio::test]
async fn reqwest_over_http_2_reaches_the_systems_error() {
    let lab = Lab { alpn: vec![b"h2".to_vec()], ..Lab::new(V13) };
    let address = lab.serve(b"", b"").await;
    let error = limited(request(&lab, address, &[b"h2"]).send()).await.unwrap_err();
    is(&peel(&error, Stage::Exchange, false), Stage::Exchange, CauseKind::ConnectionReset);
}
