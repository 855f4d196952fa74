//! rustls itself, and the system under it.

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tls_verify_checks::cause::CauseKind;
use tls_verify_checks::fault::{Cause, Stage};
use tls_verify_checks::peel::peel;
use tls_verify_fixtures::pki::Leaf;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::peel::lab::{Lab, V12, V13, closes, dial, is, limited, nobody, provider, resets, silent};

#[tokio::test]
async fn rustls_itself() {
    for version in [V12, V13] {
        let lab = Lab::expired(version);
        let error = limited(dial(&lab, lab.serve(b"", b"").await)).await.unwrap_err();
        is(&peel(&error, Stage::Handshake, false), Stage::Handshake, CauseKind::Expired);
        // The error without the io::Error around it.
        let bare = error.get_ref().unwrap().downcast_ref::<rustls::Error>().unwrap();
        is(&peel(bare, Stage::Handshake, false), Stage::Handshake, CauseKind::Expired);
    }
    let lab = Lab::mutual(V13);
    let mut stream = limited(dial(&lab, lab.serve(b"", b"").await)).await.unwrap();
    let error = limited(stream.read(&mut [0_u8; 16])).await.unwrap_err();
    // Read where a session was expected: the alert is the handshake's all the same.
    is(&peel(&error, Stage::Session, true), Stage::Handshake, CauseKind::ClientCertRequired);
    let lab = Lab { leaf: Leaf::server().for_names(&["elsewhere"]), ..Lab::new(V13) };
    let error = limited(dial(&lab, lab.serve(b"", b"").await)).await.unwrap_err();
    is(&peel(&error, Stage::Connect, false), Stage::Handshake, CauseKind::HostnameMismatch);
    // Only one version here, only the other there.
    let lab = Lab::new(V12);
    let address = lab.serve(b"", b"").await;
    let config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[V13])
        .unwrap()
        .with_root_certificates(lab.roots())
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let shaken = connector.connect(ServerName::try_from("localhost").unwrap(), stream);
    let error = limited(shaken).await.unwrap_err();
    is(&peel(&error, Stage::Connect, false), Stage::Handshake, CauseKind::ProtocolVersion);
}

#[tokio::test]
async fn a_ca_used_as_a_leaf_is_told_from_other_reasons() {
    for (inner, kind, named) in [
        (webpki::Error::CaUsedAsEndEntity, CauseKind::InvalidCa, true),
        (webpki::Error::MaximumPathDepthExceeded, CauseKind::OtherTls, false),
    ] {
        let other = rustls::CertificateError::Other(rustls::OtherError(Arc::new(inner)));
        let error = std::io::Error::other(rustls::Error::InvalidCertificate(other));
        let failure = peel(&error, Stage::Handshake, false);
        is(&failure, Stage::Handshake, kind);
        let variant = failure.cause.reading().and_then(|reading| reading.variant);
        assert_eq!(variant.is_some(), named, "{failure:?}");
    }
}

#[tokio::test]
async fn the_systems_own_errors() {
    let lab = Lab::new(V13);
    let error = limited(TcpStream::connect(nobody().await)).await.unwrap_err();
    is(&peel(&error, Stage::Connect, false), Stage::Connect, CauseKind::ConnectionRefused);
    let error = limited(dial(&lab, closes().await)).await.unwrap_err();
    let failure = peel(&error, Stage::Handshake, false);
    is(&failure, Stage::Handshake, CauseKind::ConnectionReset);
    assert!(matches!(failure.cause, Cause::Eof), "{failure:?}");
    let error = limited(dial(&lab, resets().await)).await.unwrap_err();
    let failure = peel(&error, Stage::Handshake, false);
    is(&failure, Stage::Handshake, CauseKind::ConnectionReset);
    assert!(matches!(failure.cause, Cause::Reset), "{failure:?}");
    let error =
        tokio::time::timeout(Duration::from_millis(100), dial(&lab, silent().await)).await.unwrap_err();
    is(&peel(&error, Stage::Handshake, false), Stage::Handshake, CauseKind::Timeout);
    let error = limited(tokio::net::lookup_host("nowhere.invalid:1")).await.map(|_| ()).unwrap_err();
    is(&peel(&error, Stage::Resolve, false), Stage::Resolve, CauseKind::Dns);
    // A file's error is no name's.
    let error = tokio::fs::File::open("/nowhere/at/all").await.unwrap_err();
    assert!(matches!(peel(&error, Stage::Configure, false).cause, Cause::Other));
}
