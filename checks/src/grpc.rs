//! gRPC over our own verified TLS: ALPN `h2` demanded, then any gRPC status of the peer proves the
//! transport. It does not prove what the service depends on: its health answer is static.

use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use futures_util::FutureExt;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tls_verify_core::evidence::{HttpFact, Subject};
use tonic::transport::{Channel, Endpoint as Uri};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::context::{Check, Context, Dials, Need};
use crate::dial::before;
use crate::enforcement;
use crate::fault::{Cause, Failure, Stage};
use crate::observation::{EvidenceLevel, Expects, Observation};
use crate::peel::peel;
use crate::served;
use crate::stack::{Endpoint, Link};

pub const GATEWAY: Check = Check {
    number: 9,
    id: "gateway-grpc",
    title: "The gateway's gRPC port answers over TLS",
    about: "TLS with ALPN h2, then any gRPC status from grpc.health.v1.Health/Check",
    documented: false,
    link: Link::GatewayGrpc,
    over: &[Link::GatewayGrpc],
    dials: Dials::Verified,
    needs: &[Need::Anchors],
    observe: |context| observe(context, Link::GatewayGrpc).boxed(),
};

pub const SAFETY_KERNEL: Check = Check {
    number: 10,
    id: "safety-kernel-grpc",
    title: "The safety kernel answers over TLS, also to the gateway",
    about: "TLS with ALPN h2 and a gRPC status; the gateway's own link by GET /api/v1/policy/snapshots",
    documented: false,
    link: Link::SafetyKernel,
    over: &[Link::SafetyKernel],
    dials: Dials::Verified,
    needs: &[Need::Anchors],
    observe: |context| safety_kernel(context).boxed(),
};

pub const CONTEXT_ENGINE: Check = Check {
    number: 11,
    id: "context-engine-grpc",
    title: "The context engine's gRPC port answers over TLS",
    about: "TLS with ALPN h2, then any gRPC status from grpc.health.v1.Health/Check",
    documented: false,
    link: Link::ContextEngine,
    over: &[Link::ContextEngine],
    dials: Dials::Verified,
    needs: &[Need::Anchors],
    observe: |context| observe(context, Link::ContextEngine).boxed(),
};

const STEP: &str = "grpc.health.v1.Health/Check";

async fn observe(context: &Context, link: Link) -> Observation {
    let mut seen = Observation::new(EvidenceLevel::Proved);
    for replica in context.replicas(link).await {
        let answers = seen.expect(replica.step(STEP), Expects::Works);
        match health(context, &replica.endpoint, &mut seen).await {
            Ok(what) => seen.worked(answers, replica.step(&what)),
            Err(failure) => seen.failed(answers, failure),
        }
    }
    seen
}

pub(crate) async fn health(
    context: &Context,
    endpoint: &Endpoint,
    seen: &mut Observation,
) -> Result<String, Failure> {
    let link = endpoint.link;
    let deadline = context.attempt();
    let dialled = context.dial(endpoint, None, &[b"h2"], deadline).await.map_err(|broken| broken.failure)?;
    let (version, suite, alpn) = dialled.negotiated();
    seen.detail("tls", serde_json::json!({ "version": version, "suite": suite, "alpn": alpn }));
    if alpn.as_deref() != Some("h2") {
        return Err(Failure::new(
            Stage::Handshake,
            Cause::Alert {
                alert: rustls::AlertDescription::NoApplicationProtocol,
                identity_shown: false,
                asked: false,
            },
        )
        .because(HttpFact::NoAlpn));
    }
    let recorder = Arc::clone(&dialled.recorder);
    // The one connection that was made is the one that is used: a second one is refused.
    let once = Arc::new(Mutex::new(Some(TokioIo::new(dialled.stream))));
    let connector = tower::service_fn(move |_| {
        let stream = once.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        async move { stream.ok_or_else(|| std::io::Error::from(std::io::ErrorKind::ConnectionReset)) }
    });
    let authority = Endpoint { host: endpoint.name().to_owned(), ..endpoint.clone() }.authority();
    before(deadline, Stage::Exchange, async {
        let broke = |error: &(dyn std::error::Error + 'static)| {
            let mut failure = peel(error, Stage::Exchange, false);
            crate::dial::refine(&mut failure, &crate::tls::recorded(&recorder), &[]);
            if matches!(failure.cause, Cause::Other) {
                failure.cause = Cause::Eof;
            }
            failure
        };
        let uri = Uri::from_shared(format!("http://{authority}")).map_err(|error| broke(&error))?;
        let channel: Channel = uri.connect_with_connector(connector).await.map_err(|error| broke(&error))?;
        let answer = HealthClient::new(channel).check(HealthCheckRequest::default()).await;
        match answer {
            Ok(answer) => {
                let serving = answer.get_ref().status == ServingStatus::Serving as i32;
                if !serving {
                    let failure = Failure::new(Stage::Exchange, Cause::Other)
                        .because(HttpFact::NotServing)
                        .at(link.service());
                    seen.warnings.push(failure);
                }
                Ok(format!("gRPC status 0 over {version}"))
            }
            // A status with a source is the transport's own, not the peer's.
            Err(status) if std::error::Error::source(&status).is_some() => Err(broke(&status)),
            Err(status) => match status.code() {
                tonic::Code::Unimplemented | tonic::Code::Unauthenticated => {
                    Ok(format!("gRPC status {} over {version}", status.code() as i32))
                }
                code => Err(Failure::new(Stage::Exchange, Cause::Other)
                    .because(HttpFact::GrpcStatus { code: code as i32, name: format!("{code:?}") })),
            },
        }
    })
    .await
}

/// The kernel's port, and the gateway's own link to it.
async fn safety_kernel(context: &Context) -> Observation {
    let mut seen = observe(context, Link::SafetyKernel).await;
    if let Ok(platform) = context.platform().await {
        for failure in
            platform.instances().filter(|one| one.current || one.is_up()).filter_map(enforcement::kernel)
        {
            let verifies = seen.expect("its clients verify the kernel", Expects::Works);
            seen.failed(verifies, failure);
        }
    }
    const LINK: &str = "the gateway's link to the safety kernel";
    if let Some((since, said)) = served::refused_lately(context, "api-gateway", Link::SafetyKernel).await {
        let reaches = seen.expect(LINK, Expects::Works);
        seen.about(&reaches, Subject::Kernel { since });
        seen.failed(reaches, Failure::new(Stage::Exchange, Cause::Line(said)).at("safety-kernel"));
        return seen;
    }
    let begun = SystemTime::now();
    let gateway = context.resolved(Link::Gateway).await;
    let Ok(answer) = crate::http::get(context, &gateway, "/api/v1/policy/snapshots", true).await else {
        return seen;
    };
    seen.detail("policy_snapshots", answer.status);
    // 502 is the gateway's word for its own broken link; any other answer says nothing.
    let upstream = serde_json::from_slice::<Value>(&answer.body)
        .ok()
        .and_then(|json| json.get("code").and_then(Value::as_str).map(str::to_owned));
    // A gateway, or a proxy before it, that answers everything so says nothing of the kernel.
    let only_there = answer.status == 502 && upstream.is_some() && {
        let status = crate::http::get(context, &gateway, "/api/v1/status", true).await;
        status.is_ok_and(|status| status.status != 502)
    };
    if only_there {
        let reaches = seen.expect(LINK, Expects::Works);
        let failure = Failure::new(Stage::Exchange, Cause::Upstream { status: 502 })
            .because(HttpFact::KernelBehindBroken)
            .at("safety-kernel");
        let code = upstream.map(|code| HttpFact::UpstreamCode { code });
        let failure = code.into_iter().fold(failure, Failure::because);
        seen.about(&reaches, Subject::Kernel { since: begun });
        seen.failed(reaches, failure);
    } else if answer.status == 200 {
        let reaches = seen.expect(LINK, Expects::Works);
        seen.worked(reaches, "the gateway reaches it too");
    }
    seen
}
