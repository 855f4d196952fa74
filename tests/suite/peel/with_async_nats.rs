//! async-nats.

use std::net::SocketAddr;
use std::time::Duration;

use tls_verify_checks::cause::CauseKind;
use tls_verify_checks::fault::{Cause, Failure, Stage};
use tls_verify_checks::peel::peel;

use crate::peel::lab::{LIMIT, Lab, V12, V13, is, limited, listen, nobody, silent};

const INFO: &[u8] =
    b"INFO {\"server_id\":\"X\",\"version\":\"2.12.6\",\"tls_required\":true,\"max_payload\":1048576}\r\n";

async fn by_nats(lab: &Lab, address: SocketAddr) -> Failure {
    let options = async_nats::ConnectOptions::new()
        .require_tls(true)
        .tls_client_config(lab.client(&[]))
        .connection_timeout(Duration::from_secs(1));
    let url = format!("tls://localhost:{}", address.port());
    let error = limited(options.connect(url)).await.unwrap_err();
    peel(&error, Stage::Session, false)
}

#[tokio::test]
async fn async_nats_carries_tls_in_its_io_kind() {
    for version in [V12, V13] {
        let lab = Lab::expired(version);
        is(&by_nats(&lab, lab.serve(INFO, b"").await).await, Stage::Handshake, CauseKind::Expired);
        let lab = Lab::mutual(version);
        let failure = by_nats(&lab, lab.serve(INFO, b"").await).await;
        is(&failure, Stage::Handshake, CauseKind::ClientCertRequired);
    }
}

#[tokio::test]
async fn async_nats_has_kinds_of_its_own() {
    let lab = Lab::new(V13);
    let refused = lab.serve(INFO, b"-ERR 'Authorization Violation'\r\n").await;
    is(&by_nats(&lab, refused).await, Stage::Session, CauseKind::AuthNotTls);
    is(&by_nats(&lab, silent().await).await, Stage::Session, CauseKind::Timeout);
    is(&by_nats(&lab, nobody().await).await, Stage::Session, CauseKind::ConnectionRefused);
    // A close instead of INFO is words alone in this library; our own dial reads it as what it is.
    let failure = by_nats(&lab, resets_at_once().await).await;
    assert!(matches!(failure.cause, Cause::Other), "{failure:?}");
    let options = async_nats::ConnectOptions::new().connection_timeout(LIMIT);
    let error = limited(options.connect("tls://nowhere.invalid:4222")).await.unwrap_err();
    is(&peel(&error, Stage::Session, false), Stage::Resolve, CauseKind::Dns);
}

/// Closes before it has said anything.
async fn resets_at_once() -> SocketAddr {
    listen(|stream| async move { drop(stream) }).await
}
