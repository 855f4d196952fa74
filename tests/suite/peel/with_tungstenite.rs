//! tungstenite, over a stream of ours.

use std::net::SocketAddr;

use rustls::AlertDescription;
use tls_verify_checks::cause::CauseKind;
use tls_verify_checks::fault::{Cause, Failure, Stage};
use tls_verify_checks::peel::peel;
use tokio_tungstenite::tungstenite;

use crate::peel::lab::{Lab, V12, V13, dial, is, limited};

async fn by_tungstenite(lab: &Lab, address: SocketAddr) -> Failure {
    let stream = limited(dial(lab, address)).await.unwrap();
    let url = format!("wss://localhost:{}/api/v1/stream", address.port());
    let error = limited(tokio_tungstenite::client_async(url, stream)).await.unwrap_err();
    peel(&error, Stage::Exchange, false)
}

#[tokio::test]
async fn tungstenite_meets_the_alert_of_tls_1_3_at_its_first_read() {
    let lab = Lab::mutual(V13);
    let failure = by_tungstenite(&lab, lab.serve(b"", b"").await).await;
    is(&failure, Stage::Handshake, CauseKind::ClientCertRequired);
    let Cause::Alert { alert, identity_shown, .. } = failure.cause else { panic!("{failure:?}") };
    assert_eq!((alert, identity_shown), (AlertDescription::CertificateRequired, false));
    // In TLS 1.2 there is no stream to speak over: the dial itself fails.
    let lab = Lab::mutual(V12);
    let error = limited(dial(&lab, lab.serve(b"", b"").await)).await.unwrap_err();
    is(
        &peel(&tungstenite::Error::Io(error), Stage::Connect, false),
        Stage::Handshake,
        CauseKind::ClientCertRequired,
    );
}

#[tokio::test]
async fn tungstenite_is_refused_in_http() {
    let lab = Lab::new(V13);
    let rows: [(&[u8], CauseKind); 5] = [
        (b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", CauseKind::AuthNotTls),
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", CauseKind::AuthNotTls),
        (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", CauseKind::BadGateway),
        (
            b"HTTP/1.1 400 Bad Request\r\nContent-Length: 39\r\n\r\nNo required SSL certificate was sent\r\n\r\n",
            CauseKind::ClientCertRequired,
        ),
        (
            b"HTTP/1.1 400 Bad Request\r\nContent-Length: 28\r\n\r\nThe SSL certificate error\r\n\r\n",
            CauseKind::BadCertificate,
        ),
    ];
    for (answer, kind) in rows {
        is(&by_tungstenite(&lab, lab.serve(b"", answer).await).await, Stage::Exchange, kind);
    }
    let answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    let failure = by_tungstenite(&lab, lab.serve(b"", answer).await).await;
    assert!(matches!(failure.cause, Cause::Http { status: 404 }), "{failure:?}");
    // Closed instead of an answer.
    let failure = by_tungstenite(&lab, lab.serve(b"", b"").await).await;
    is(&failure, Stage::Exchange, CauseKind::ConnectionReset);
}
