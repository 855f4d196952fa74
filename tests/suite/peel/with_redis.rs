//! redis-rs, over a stream of ours.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use tls_verify_checks::cause::CauseKind;
use tls_verify_checks::fault::{Failure, Stage};
use tls_verify_checks::peel::peel;

use crate::peel::lab::{Lab, V12, V13, dial, is, limited};

async fn by_redis(lab: &Lab, address: SocketAddr) -> Failure {
    let stream = limited(dial(lab, address)).await.unwrap();
    let login = redis::RedisConnectionInfo::default().set_password("word");
    let config = redis::AsyncConnectionConfig::default().set_response_timeout(None);
    let made = redis::aio::MultiplexedConnection::new_with_config(&login, stream, config);
    let error = match limited(made).await {
        Err(error) => error,
        Ok((mut connection, driver)) => {
            tokio::spawn(driver);
            limited(redis::cmd("PING").query_async::<String>(&mut connection)).await.unwrap_err()
        }
    };
    peel(&error, Stage::Session, false)
}

#[tokio::test]
async fn redis_shares_its_errors_in_an_arc() {
    let lab = Lab::mutual(V13);
    let address = lab.serve(b"", b"").await;
    is(&by_redis(&lab, address).await, Stage::Handshake, CauseKind::ClientCertRequired);
    // Through the library's own conversion, as its own connections make it.
    let lab = Lab::expired(V12);
    let error = limited(dial(&lab, lab.serve(b"", b"").await)).await.unwrap_err();
    let error = redis::RedisError::from(error);
    assert!(error.source().is_some_and(|source| source.is::<Arc<dyn Error + Send + Sync>>()));
    is(&peel(&error, Stage::Session, false), Stage::Handshake, CauseKind::Expired);
}

#[tokio::test]
async fn redis_refuses_a_login_by_kind_and_by_code() {
    let lab = Lab::new(V13);
    for answer in [
        &b"-WRONGPASS invalid username-password pair or user is disabled.\r\n"[..],
        b"-NOAUTH Authentication required.\r\n",
        b"-NOPERM this user has no permissions to run the 'ping' command\r\n",
    ] {
        is(&by_redis(&lab, lab.serve(b"", answer).await).await, Stage::Session, CauseKind::AuthNotTls);
    }
    is(&by_redis(&lab, lab.serve(b"", b"").await).await, Stage::Session, CauseKind::ConnectionReset);
}
