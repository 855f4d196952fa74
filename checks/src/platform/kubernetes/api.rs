//! Requests to the API server through `kube`: every answer bounded in size and time, what it refuses told by verb,
//! resource and namespace.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use http_body_util::{BodyExt, BodyStream};
use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use kube::api::{GetParams, ListParams, LogParams};
use kube::client::{Body, ClientBuilder};
use kube::core::Request;
use serde_json::Value;
use tls_verify_core::workload::kubernetes::Kind;
use tower::{BoxError, Service};

use super::access::Access;
use super::forward;
pub use super::refusal::ApiError;
use super::refusal::{at, of_configuration, of_connection};
use crate::platform::Wire;

/// An answer longer than this is no list of a namespace's objects in one page.
const PAGE_LIMIT: usize = 16 * 1024 * 1024;
/// Objects a page.
const PAGE: u32 = 200;
/// What a refusal may have to say.
const WORD_LIMIT: usize = 64 * 1024;

/// The API server.
pub struct Api {
    pub access: Access,
    client: Client,
    /// The same, for port-forwards.
    forwards: Client,
    patience: Duration,
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Api").field("access", &self.access).finish_non_exhaustive()
    }
}

impl Api {
    /// Prepares requests.
    ///
    /// # Errors
    /// When the identity cannot be used.
    pub fn new(access: Access, patience: Duration) -> Result<Self, String> {
        let builder =
            ClientBuilder::try_from(access.config.clone()).map_err(|error| of_configuration(&error))?;
        Ok(Self::over(access, builder, patience))
    }

    /// Over a service, which need not be a connection.
    fn over<S, B>(access: Access, builder: ClientBuilder<S>, patience: Duration) -> Self
    where
        S: Service<http::Request<Body>, Response = http::Response<B>> + Send + 'static,
        S::Future: Send + 'static,
        S::Error: Into<BoxError>,
        B: hyper::body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let client = builder.build();
        let below = client.clone();
        let upgrading = tower::service_fn(move |request| {
            let below = below.clone();
            async move { below.send(request).await.map(status_alone) }
        });
        let forwards = Client::new(upgrading, &access.namespace);
        Self { access, client, forwards, patience }
    }

    async fn send(
        &self,
        request: http::Request<Vec<u8>>,
        asked: &str,
    ) -> Result<http::Response<Body>, ApiError> {
        // Connecting has its own bound within this one.
        let patience = self.patience * 2;
        let answer = match tokio::time::timeout(patience, self.client.send(request.map(Body::from))).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(ApiError::Other(of_connection(&error, &self.access))),
            Err(_) => {
                let at = at(&self.access);
                return Err(ApiError::Other(format!("{at} does not answer within {patience:?} ({asked})")));
            }
        };
        match answer.status().as_u16() {
            200..=299 => Ok(answer),
            401 => Err(ApiError::Unauthorized),
            403 => Err(ApiError::Forbidden(asked.to_owned())),
            404 => Err(ApiError::NotFound),
            status => {
                let body = bounded(answer, WORD_LIMIT, self.patience).await.unwrap_or_default();
                let message = serde_json::from_slice::<Value>(&body)
                    .ok()
                    .and_then(|value| value["message"].as_str().map(str::to_owned))
                    .unwrap_or_default();
                let said = format!("the API server answers {status} ({asked}): {message}");
                Err(if status == 400 { ApiError::Unfit(said) } else { ApiError::Other(said) })
            }
        }
    }

    async fn json(&self, request: http::Request<Vec<u8>>, asked: &str) -> Result<Value, ApiError> {
        let answer = self.send(request, asked).await?;
        let body = bounded(answer, PAGE_LIMIT, self.patience * 2).await.map_err(ApiError::Other)?;
        serde_json::from_slice(&body)
            .map_err(|_| ApiError::Other(format!("the API server's answer is no JSON ({asked})")))
    }

    /// A Secret's JSON.
    ///
    /// # Errors
    /// Why it cannot be had.
    pub(super) async fn secret(&self, name: &str) -> Result<Value, ApiError> {
        let asked = format!("get secret {name} in namespace {}", self.access.namespace);
        let request = self.request("v1", "secrets").get(&escaped(name), &GetParams::default());
        self.json(request.map_err(|error| unaskable(&error, &asked))?, &asked).await
    }

    /// All objects of a kind in the namespace, page by page.
    ///
    /// # Errors
    /// Why they cannot be had.
    pub async fn list(&self, kind: Kind) -> Result<Vec<Value>, ApiError> {
        let version = match kind.group() {
            "" => "v1".to_owned(),
            group => format!("{group}/v1"),
        };
        self.list_named(&version, kind.plural()).await
    }

    /// All objects of a kind by its version (`v1`, `apps/v1`) and plural.
    pub(super) async fn list_named(&self, version: &str, plural: &str) -> Result<Vec<Value>, ApiError> {
        let asked = format!("list {plural} in namespace {}", self.access.namespace);
        let mut all = Vec::new();
        let mut page = ListParams::default().limit(PAGE);
        loop {
            let request = self.request(version, plural).list(&page);
            let mut answer = self.json(request.map_err(|error| unaskable(&error, &asked))?, &asked).await?;
            if let Some(items) = answer["items"].as_array_mut() {
                all.append(items);
            }
            match answer["metadata"]["continue"].as_str() {
                Some(token) if !token.is_empty() && all.len() < 20_000 => page = page.continue_token(token),
                _ => return Ok(all),
            }
        }
    }

    /// A container's log with time stamps, in pieces as they come; the present start's or the one before.
    ///
    /// # Errors
    /// Why it cannot be had.
    pub async fn log(
        &self,
        pod: &str,
        container: &str,
        previous: bool,
    ) -> Result<BoxStream<'static, Result<Bytes, String>>, ApiError> {
        let asked = format!("get pods/log in namespace {}", self.access.namespace);
        let which = LogParams {
            container: Some(container.to_owned()),
            previous,
            timestamps: true,
            ..LogParams::default()
        };
        let request = self.request("v1", "pods").logs(&escaped(pod), &which);
        let answer = self.send(request.map_err(|error| unaskable(&error, &asked))?, &asked).await?;
        let pieces = BodyStream::new(answer.into_body()).filter_map(|frame| async {
            match frame {
                Ok(frame) => frame.into_data().ok().map(Ok),
                Err(error) => Some(Err(format!("the log breaks off: {}", innermost(&error)))),
            }
        });
        Ok(pieces.boxed())
    }

    /// A stream to a port of a pod, through the API server and the kubelet.
    ///
    /// # Errors
    /// Who did not let us through: the API server, or the pod.
    pub(super) async fn forward(&self, pod: &str, port: u16) -> io::Result<Box<dyn Wire>> {
        let namespace = &self.access.namespace;
        let pods = kube::Api::<Pod>::namespaced(self.forwards.clone(), &escaped(namespace));
        let (name, ports) = (escaped(pod), [port]);
        let asking = pods.portforward(&name, &ports);
        match tokio::time::timeout(self.patience * 2, asking).await {
            Ok(Ok(forwarder)) => forward::stream(forwarder, port).await,
            Ok(Err(error)) => {
                Err(forward::refused(&error, namespace, || of_connection(&error, &self.access)))
            }
            Err(_) => Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "the API server does not answer to a port-forward",
            )),
        }
    }

    fn request(&self, version: &str, plural: &str) -> Request {
        let front = if version.contains('/') { "/apis" } else { "/api" };
        Request::new(format!("{front}/{version}/namespaces/{}/{plural}", escaped(&self.access.namespace)))
    }
}

/// `kube` collects whatever a refused upgrade says, and believes it more than the status.
fn status_alone(answer: http::Response<Body>) -> http::Response<Body> {
    let is_refusal = answer.status().is_client_error() || answer.status().is_server_error();
    if is_refusal { answer.map(|_| Body::empty()) } else { answer }
}

fn unaskable(error: &kube::core::request::Error, asked: &str) -> ApiError {
    ApiError::Other(format!("nothing can be asked ({asked}): {error}"))
}

fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    crate::peel::trail(error).pop().unwrap_or_default()
}

/// Reads an answer to its end, or to a bound.
async fn bounded(answer: http::Response<Body>, limit: usize, patience: Duration) -> Result<Vec<u8>, String> {
    let mut body = answer.into_body();
    let mut all = Vec::new();
    let reading = async {
        while let Some(frame) = body.frame().await {
            let frame = frame
                .map_err(|error| format!("the API server's answer breaks off: {}", innermost(&error)))?;
            if let Ok(data) = frame.into_data() {
                if all.len() + data.len() > limit {
                    return Err(format!(
                        "the API server's answer is longer than {} MiB",
                        limit / 1024 / 1024
                    ));
                }
                all.extend_from_slice(&data);
            }
        }
        Ok(())
    };
    match tokio::time::timeout(patience, reading).await {
        Ok(read) => read?,
        Err(_) => return Err(format!("the API server's answer does not end within {patience:?}")),
    }
    Ok(all)
}

/// A word in a path.
fn escaped(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[cfg(test)]
mod tests;
