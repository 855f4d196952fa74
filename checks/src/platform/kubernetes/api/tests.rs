//! The API in memory: a service in place of a connection, for what no server needs to be there for.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::stream;
use http::{Response, StatusCode};
use http_body_util::{Full, StreamBody};
use hyper::body::Frame;
use kube::Config;
use serde_json::json;

use super::*;
use crate::platform::kubernetes::AccessOptions;

/// What a test allows for an answer.
const PATIENCE: Duration = Duration::from_millis(150);

fn access() -> Access {
    Access {
        config: Config::new("https://api.invalid:6443".parse().unwrap()),
        namespace: "shop".to_owned(),
        context: None,
        inside: false,
    }
}

fn api<B, F>(answer: impl FnMut(http::Request<Body>) -> F + Send + 'static) -> Api
where
    F: Future<Output = Result<Response<B>, Infallible>> + Send + 'static,
    B: hyper::body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<tower::BoxError>,
{
    Api::over(access(), ClientBuilder::new(tower::service_fn(answer), "shop"), PATIENCE)
}

/// Always the same.
fn says(status: u16, body: &str) -> Api {
    let body = body.to_owned();
    api(move |_| {
        let answer = Response::builder().status(status).body(Full::from(body.clone())).unwrap();
        async move { Ok(answer) }
    })
}

/// A body without an end, and how much of it was taken.
fn endless(status: StatusCode) -> (Api, Arc<AtomicUsize>) {
    let taken = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&taken);
    let api = api(move |_| {
        let counted = Arc::clone(&counted);
        let pieces = stream::repeat_with(move || {
            counted.fetch_add(32 * 1024, Ordering::Relaxed);
            Ok::<_, Infallible>(Frame::data(Bytes::from_static(&[b' '; 32 * 1024])))
        });
        let mut answer = Response::new(StreamBody::new(pieces));
        *answer.status_mut() = status;
        async move { Ok(answer) }
    });
    (api, taken)
}

#[tokio::test]
async fn what_is_forbidden_is_named_by_verb_resource_and_namespace() {
    let api = says(403, "{}");
    let said = |refusal: ApiError| refusal.to_string();
    assert!(
        said(api.list(Kind::Deployments).await.unwrap_err()).ends_with("list deployments in namespace shop")
    );
    assert!(said(api.secret("ca").await.unwrap_err()).ends_with("get secret ca in namespace shop"));
    let log = api.log("gateway-1", "gateway", false).await.map(|_| ()).unwrap_err();
    assert!(said(log).ends_with("get pods/log in namespace shop"));
    let forward = api.forward("gateway-1", 8081).await.map(|_| ()).unwrap_err();
    assert_eq!(forward.kind(), io::ErrorKind::PermissionDenied);
    assert!(forward.to_string().ends_with("pods/portforward in namespace shop"), "{forward}");
}

#[tokio::test]
async fn a_pod_that_is_gone_is_told_from_an_api_server_in_trouble() {
    let gone = says(404, "no such pod").forward("gateway-1", 8081).await.map(|_| ()).unwrap_err();
    assert_eq!((gone.kind(), gone.to_string().as_str()), (io::ErrorKind::NotFound, "the pod is gone"));
    let busy = says(503, "{}").forward("gateway-1", 8081).await.map(|_| ()).unwrap_err();
    assert!(busy.to_string().contains("503"), "{busy}");
    // One that takes the request for an ordinary one forwards nothing.
    let odd = says(200, "{}").forward("gateway-1", 8081).await.map(|_| ()).unwrap_err();
    assert!(odd.to_string().contains("200"), "{odd}");
}

#[tokio::test]
async fn pages_are_followed_to_the_last() {
    let api = api(|request| {
        let query = request.uri().query().unwrap_or_default();
        assert!(query.contains("limit=200"), "{query}");
        let page = match query.split("continue=").nth(1) {
            None => json!({"metadata": {"continue": "a/b="}, "items": [1]}),
            Some("a%2Fb%3D") => json!({"metadata": {"continue": ""}, "items": [2]}),
            Some(other) => json!({"items": [other]}),
        };
        let answer = Response::new(Full::from(page.to_string()));
        async move { Ok(answer) }
    });
    assert_eq!(api.list(Kind::Pods).await.unwrap(), [1, 2]);
}

#[tokio::test]
async fn a_body_without_an_end_is_left_at_its_bound() {
    let (api, taken) = endless(StatusCode::OK);
    let why = api.list(Kind::Pods).await.unwrap_err().to_string();
    assert!(why.contains("longer than 16 MiB"), "{why}");
    assert!(taken.load(Ordering::Relaxed) <= PAGE_LIMIT + 64 * 1024);
    // The library collects what a refusal says: it gets nothing.
    let (api, taken) = endless(StatusCode::INTERNAL_SERVER_ERROR);
    let why = api.forward("gateway-1", 8081).await.err().unwrap().to_string();
    assert!(why.contains("500"), "{why}");
    assert_eq!(taken.load(Ordering::Relaxed), 0);
    let why = api.list(Kind::Pods).await.unwrap_err().to_string();
    assert!(why.contains("500"), "{why}");
    assert!(taken.load(Ordering::Relaxed) <= WORD_LIMIT + 64 * 1024, "{taken:?}");
}

#[tokio::test]
async fn an_api_that_hangs_or_drips_is_left_in_time() {
    let hangs = api(|_| std::future::pending::<Result<Response<Full<Bytes>>, Infallible>>());
    let why = hangs.list(Kind::Pods).await.unwrap_err().to_string();
    assert!(why.contains("does not answer within") && why.contains("list pods in namespace shop"), "{why}");
    let forward = hangs.forward("gateway-1", 8081).await.map(|_| ()).unwrap_err();
    assert_eq!(forward.kind(), io::ErrorKind::TimedOut);
    let drips = api(|_| {
        let pieces = stream::unfold((), |()| async {
            tokio::time::sleep(PATIENCE / 4).await;
            Some((Ok::<_, Infallible>(Frame::data(Bytes::from_static(b" "))), ()))
        });
        let answer = Response::new(StreamBody::new(Box::pin(pieces)));
        async move { Ok(answer) }
    });
    let why = drips.list(Kind::Pods).await.unwrap_err().to_string();
    assert!(why.contains("does not end within"), "{why}");
}

#[tokio::test]
async fn a_name_is_a_word_of_a_path_and_no_path() {
    let api = api(|request| {
        let answer = Response::new(Full::from(json!(request.uri().to_string()).to_string()));
        async move { Ok(answer) }
    });
    let asked = api.secret("../pods").await.unwrap();
    assert_eq!(asked, "/api/v1/namespaces/shop/secrets/..%2Fpods");
}

/// A kubeconfig's user, as it is read from a file.
async fn found(user: serde_json::Value) -> Result<Access, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config");
    let config = json!({"current-context": "lab",
        "clusters": [{"name": "lab", "cluster": {"server": "https://api.invalid:6443", "proxy-url": "ftp://me:hunter2@proxy.invalid:3128"}}],
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "me"}}],
        "users": [{"name": "me", "user": user}]});
    std::fs::write(&file, config.to_string()).unwrap();
    std::fs::write(folder.path().join("token"), "hunter2\n").unwrap();
    Access::find(&AccessOptions { kubeconfig: Some(file), ..AccessOptions::default() }, PATIENCE).await
}

#[tokio::test]
async fn no_login_is_in_what_is_said() {
    let access = found(json!({"token": "hunter2"})).await.unwrap();
    assert!(!format!("{access:?}").contains("hunter2"));
    let why = Api::new(access, PATIENCE).unwrap_err();
    assert!(why.contains("ftp") && !why.contains("hunter2"), "{why}");
    // A value of a wrong kind is what a parser likes to quote.
    let why = found(json!({"token": {"hunter2": "hunter2"}})).await.unwrap_err();
    assert!(why.contains("is no kubeconfig") && !why.contains("hunter2"), "{why}");
}

#[tokio::test]
async fn a_token_in_a_file_ends_before_the_end_of_its_line() {
    let access = found(json!({"tokenFile": "token", "token": "another"})).await.unwrap();
    let login = serde_json::to_value(&access.config.auth_info).unwrap();
    assert_eq!(login["token"], "hunter2");
}

#[tokio::test]
async fn a_provider_that_would_run_a_program_is_refused_and_oidc_is_not() {
    let why =
        found(json!({"auth-provider": {"name": "gcp", "config": {"cmd-path": "sleep", "cmd-args": "60"}}}));
    assert!(why.await.unwrap_err().contains("auth-provider `gcp`"));
    let oidc = json!({"auth-provider": {"name": "oidc", "config": {"id-token": "a.e30.b"}}});
    assert!(found(oidc).await.is_ok());
}
