//! From a request to its answer.

use std::net::IpAddr;
use std::sync::PoisonError;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Version};

use super::{ServeState, ServedRound};

/// Nothing but four places, read alone.
pub(super) fn answer<B>(request: &Request<B>, shared: &ServeState) -> Response<Full<Bytes>> {
    if let Err(status) = is_ours(request, shared.loopback) {
        return said(status, "this address serves its own machine alone\n");
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let mut refused = said(StatusCode::METHOD_NOT_ALLOWED, "read only\n");
        refused.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    let last = shared.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match (request.uri().path(), last) {
        ("/healthz", last) => health(last.as_ref(), shared),
        ("/" | "/metrics" | "/report.json", None) => {
            let mut early = said(StatusCode::SERVICE_UNAVAILABLE, "the first round has not ended yet\n");
            early.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
            early.headers_mut().insert(header::REFRESH, HeaderValue::from_static("2"));
            early
        }
        ("/", Some(round)) => whole("text/html; charset=utf-8", round.page),
        ("/metrics", Some(round)) => whole("text/plain; version=0.0.4; charset=utf-8", round.metrics),
        ("/report.json", Some(round)) => whole("application/json", round.json),
        _ => said(StatusCode::NOT_FOUND, "not here; there are /, /metrics, /report.json and /healthz\n"),
    }
}

/// On loopback only names of loopback are ours: a page of another site that resolves to 127.0.0.1 reads nothing.
fn is_ours<B>(request: &Request<B>, loopback: bool) -> Result<(), StatusCode> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (_, Some(_)) => return Err(StatusCode::BAD_REQUEST),
        (Some(host), None) => Some(host.to_str().map_err(|_| StatusCode::BAD_REQUEST)?),
        (None, None) => None,
    };
    if !loopback {
        return Ok(());
    }
    // A target in absolute form names the host itself.
    let named = request.uri().authority().map(|authority| authority.as_str());
    match (host, named) {
        (None, None) if request.version() == Version::HTTP_10 => Ok(()),
        (None, None) => Err(StatusCode::BAD_REQUEST),
        (host, named) if host.into_iter().chain(named).all(is_loopback) => Ok(()),
        _ => Err(StatusCode::MISDIRECTED_REQUEST),
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    bare.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

fn health(last: Option<&ServedRound>, shared: &ServeState) -> Response<Full<Bytes>> {
    match last {
        None => said(StatusCode::SERVICE_UNAVAILABLE, "no round has ended yet\n"),
        Some(round) if round.ended.elapsed() > shared.oldest => {
            said(StatusCode::SERVICE_UNAVAILABLE, "the last round is too old\n")
        }
        Some(_) => said(StatusCode::OK, "ok\n"),
    }
}

fn said(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut answer = whole("text/plain; charset=utf-8", Bytes::from_static(text.as_bytes()));
    *answer.status_mut() = status;
    answer
}

/// The body as a whole; hyper leaves it out where HEAD was asked.
fn whole(kind: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(body));
    headers(kind, answer.headers_mut());
    answer
}

fn headers(kind: &'static str, headers: &mut HeaderMap) {
    let all: [(HeaderName, &'static str); 6] = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in all {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::{Duration, Instant};

    use super::*;

    fn shared(loopback: bool, age: Option<u64>) -> ServeState {
        let body = |text: &'static str| Bytes::from_static(text.as_bytes());
        let round = |age: u64| ServedRound {
            page: body("page"),
            metrics: body("metrics"),
            json: body("{}"),
            ended: Instant::now() - Duration::from_secs(age),
        };
        ServeState { last: Mutex::new(age.map(round)), oldest: Duration::from_secs(60), loopback }
    }

    fn status(method: &str, uri: &str, host: &str, shared: &ServeState) -> u16 {
        let mut request = Request::builder().method(method).uri(uri);
        if !host.is_empty() {
            request = request.header(header::HOST, host);
        }
        answer(&request.body(()).unwrap(), shared).status().as_u16()
    }

    #[test]
    fn four_places_are_read_and_nothing_else() {
        let shared = shared(true, Some(1));
        for place in ["/", "/metrics", "/report.json", "/healthz", "/?x=1"] {
            assert_eq!(status("GET", place, "localhost:9109", &shared), 200, "{place}");
            assert_eq!(status("HEAD", place, "127.0.0.1", &shared), 200, "{place}");
            for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "CONNECT"] {
                assert_eq!(status(method, place, "localhost", &shared), 405, "{method} {place}");
            }
        }
        for place in ["/index.html", "/metrics/", "//", "/..", "/debug/pprof", "/favicon.ico"] {
            assert_eq!(status("GET", place, "localhost", &shared), 404, "{place}");
        }
    }

    #[test]
    fn on_loopback_a_foreign_host_is_misdirected() {
        let own = shared(true, Some(1));
        for host in ["localhost", "LOCALHOST:80", "127.0.0.1:9109", "127.3.2.1", "[::1]:9109", "[::1]"] {
            assert_eq!(status("GET", "/", host, &own), 200, "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:9109",
            "10.0.0.1",
            "localhost.evil.example",
            "[2001:db8::1]:80",
            "a@localhost.evil",
        ] {
            assert_eq!(status("GET", "/", host, &own), 421, "{host}");
            assert_eq!(status("GET", "/healthz", host, &own), 421, "{host}");
        }
        assert_eq!(status("GET", "http://evil.example/", "localhost", &own), 421);
        assert_eq!(status("GET", "/", "", &own), 400);
        assert_eq!(status("GET", "/", "evil.example", &shared(false, Some(1))), 200);
    }

    #[test]
    fn health_is_the_age_of_the_last_round() {
        assert_eq!(status("GET", "/healthz", "localhost", &shared(true, None)), 503);
        assert_eq!(status("GET", "/", "localhost", &shared(true, None)), 503);
        assert_eq!(status("GET", "/healthz", "localhost", &shared(true, Some(59))), 200);
        assert_eq!(status("GET", "/healthz", "localhost", &shared(true, Some(61))), 503);
        assert_eq!(status("GET", "/", "localhost", &shared(true, Some(61))), 200);
    }
}
