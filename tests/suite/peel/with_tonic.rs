//! tonic.

use tls_verify_checks::cause::CauseKind;
use tls_verify_checks::fault::Stage;
use tls_verify_checks::peel::peel;

use crate::peel::lab::{Lab, V13, dial, is, limited};

#[tokio::test]
async fn tonic_over_http_2() {
    use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
    let lab = Lab { alpn: vec![b"h2".to_vec()], ..Lab::new(V13) };
    let address = lab.serve(b"", b"").await;
    let stream = limited(dial(&lab, address)).await.unwrap();
    let once = std::sync::Mutex::new(Some(hyper_util::rt::TokioIo::new(stream)));
    let connector = tower::service_fn(move |_: http::Uri| {
        let stream = once.lock().unwrap().take();
        async move { stream.ok_or_else(|| std::io::Error::from(std::io::ErrorKind::ConnectionReset)) }
    });
    let endpoint = tonic::transport::Endpoint::from_static("http://localhost");
    let channel = endpoint.connect_with_connector(connector);
    let asked = async {
        let channel = channel.await.map_err(|error| peel(&error, Stage::Exchange, false))?;
        let status = HealthClient::new(channel).check(HealthCheckRequest::default()).await.unwrap_err();
        Err::<(), _>(peel(&status, Stage::Exchange, false))
    };
    is(&limited(asked).await.unwrap_err(), Stage::Exchange, CauseKind::ConnectionReset);
}
