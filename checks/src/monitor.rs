//! NATS monitoring: who is connected now, over which TLS version, with which certificate. The
//! monitoring port is published in no compose file, so it is reached where it can be.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use tls_verify_core::evidence::{Fact, MonitoringError, NatsFact, PlatformFact};
use tls_verify_core::workload::Instance;

use crate::context::Context;
use crate::platform::{Platform, Reach};
use crate::stack::Link;

/// A row of `/connz?auth=1` (nats-server 2.9 to 2.12).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct NatsClient {
    pub cid: u64,
    pub ip: String,
    pub name: String,
    /// The client library's language, known from its CONNECT.
    pub lang: String,
    pub tls_version: String,
    pub tls_cipher_suite: String,
    pub tls_peer_certs: Vec<PeerCertificate>,
    pub start: String,
}

/// The certificate a client showed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct PeerCertificate {
    pub subject: String,
    pub cert_sha256: String,
}

impl NatsClient {
    /// A client that has said CONNECT; others are merely on their way.
    fn is_made(&self) -> bool {
        !self.name.is_empty() || !self.lang.is_empty()
    }

    /// The client's address.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.ip.parse().ok()
    }
}

#[derive(Deserialize)]
struct Connz {
    #[serde(default)]
    server_id: String,
    #[serde(default)]
    connections: Vec<NatsClient>,
}

const PATH: &str = "/connz?auth=1&limit=4096";

/// The connections that NATS reports, and how they were asked for.
///
/// # Errors
/// Every way that was tried, a fact each.
pub async fn connections(context: &Context) -> Result<(Vec<NatsClient>, String), Vec<Fact>> {
    let mut tried = Vec::new();
    if let Some(base) = &context.stack.nats_monitoring {
        match fetch(&format!("{base}{PATH}"), context.stack.timeout).await {
            Ok(connz) => return Ok((made(connz), base.clone())),
            Err(error) => tried.push(NatsFact::MonitoringAt { base: base.clone(), error }.into()),
        }
    }
    let platform = match context.platform().await {
        Ok(platform) => platform,
        Err(failure) => {
            tried.extend(failure.facts.iter().cloned());
            return match beside(context).await {
                Ok(found) => Ok(found),
                Err(error) => {
                    tried.push(error.into());
                    Err(tried)
                }
            };
        }
    };
    let servers: Vec<&Instance> =
        platform.of_service(Link::Nats.service()).filter(|one| one.is_up()).collect();
    let mut all = Vec::new();
    let mut way = None;
    for server in servers {
        match ask::<Connz>(platform, server, PATH).await {
            Ok((connz, base)) => {
                all.extend(made(connz));
                way.get_or_insert(base);
            }
            Err(ways) => tried.extend(ways),
        }
    }
    way.map(|way| (all, way)).ok_or(tried)
}

/// What a server's monitoring says at a path, and how it was asked for: at a published port, at its own address,
/// through the platform, by a program in its container.
///
/// # Errors
/// Every way that was tried, a fact each.
pub(crate) async fn ask<T: DeserializeOwned>(
    platform: &dyn Platform,
    server: &Instance,
    path: &str,
) -> Result<(T, String), Vec<Fact>> {
    if platform.is_collected() {
        return Err(vec![PlatformFact::NotDialled.into()]);
    }
    let mut tried = Vec::new();
    for base in bases(server) {
        match fetch(&format!("{base}{path}"), GUESSED).await {
            Ok(said) => return Ok((said, base)),
            Err(error) => tried.push(NatsFact::MonitoringAt { base, error }.into()),
        }
    }
    if platform.reach(server, PORT) == Reach::Through {
        match through(platform, server, path).await {
            Ok(said) => return Ok((said, format!("port {PORT} of {}", server.name))),
            Err(error) => {
                tried.push(NatsFact::MonitoringOf { server: server.name.clone(), error }.into());
            }
        }
    }
    let url = format!("http://localhost:{PORT}{path}");
    for (program, option) in [("wget", "-qO-"), ("curl", "-sf")] {
        let error = match platform.run(server, &[program, option, url.as_str()]).await {
            Ok(body) => match serde_json::from_slice(&body) {
                Ok(said) => return Ok((said, format!("`{program}` in {}", server.name))),
                Err(_) => MonitoringError::NoAnswer,
            },
            Err(error) => MonitoringError::Said(error),
        };
        tried.push(NatsFact::MonitoringBy { program, server: server.name.clone(), error }.into());
    }
    Err(tried)
}

/// The monitoring port of every Cordum configuration.
const PORT: u16 = 8222;

/// Of a list of connections no more is read: some 600 bytes a connection, and no more than 4096 are asked for.
const LIMIT: usize = 8 * 1024 * 1024;

/// Where a server's monitoring may be, as URLs.
fn bases(server: &Instance) -> Vec<String> {
    let published = server.published.get(&PORT).into_iter().flatten();
    let mut bases: Vec<String> = published.map(|port| format!("http://127.0.0.1:{port}")).collect();
    bases.extend(server.addresses.iter().map(|address| match address {
        IpAddr::V4(address) => format!("http://{address}:{PORT}"),
        IpAddr::V6(address) => format!("http://[{address}]:{PORT}"),
    }));
    bases
}

/// The same by way of the platform.
async fn through<T: DeserializeOwned>(
    platform: &dyn Platform,
    server: &Instance,
    path: &str,
) -> Result<T, MonitoringError> {
    let deadline = Instant::now() + GUESSED;
    let said = MonitoringError::Said;
    let asked = async {
        let stream = platform.open(server, PORT).await.map_err(|error| said(error.to_string()))?;
        let answer = in_clear(stream, &format!("localhost:{PORT}"), path, LIMIT, deadline).await;
        let answer = answer.map_err(|failure| said(failure.trail.last().cloned().unwrap_or_default()))?;
        serde_json::from_slice(&answer.body).map_err(|_| MonitoringError::NoJson)
    };
    tokio::time::timeout_at(deadline.into(), asked).await.unwrap_or(Err(MonitoringError::NoAnswer))
}

/// A bare `GET` in clear, as a monitoring port takes it.
async fn in_clear(
    stream: impl crate::platform::Wire + 'static,
    authority: &str,
    path: &str,
    limit: usize,
    deadline: Instant,
) -> Result<crate::http::HttpAnswer, crate::fault::Failure> {
    let request = hyper::Request::get(path)
        .header("host", authority)
        .header("connection", "close")
        .body(http_body_util::Empty::new())
        .map_err(|error| crate::peel::peel(&error, crate::fault::Stage::Configure, false))?;
    crate::http::exchange(stream, false, request, limit, deadline).await
}

/// An address that is only tried gets no longer than this.
const GUESSED: Duration = Duration::from_secs(1);

/// Without an engine: the monitoring port of the host that we dial NATS at, as from inside the project's
/// network. It has to be the same server's, which its id shows.
async fn beside(context: &Context) -> Result<(Vec<NatsClient>, String), NatsFact> {
    let host = &context.stack.endpoints.nats.host;
    let base =
        if host.contains(':') { format!("http://[{host}]:{PORT}") } else { format!("http://{host}:{PORT}") };
    let said = |error| NatsFact::MonitoringAt { base: base.clone(), error };
    let connz: Connz = fetch(&format!("{base}{PATH}"), GUESSED).await.map_err(said)?;
    let greeted = crate::nats::greeting(context).await;
    let id = greeted.map(|info| info.server_id).unwrap_or_default();
    if id.is_empty() || id != connz.server_id {
        return Err(said(MonitoringError::AnotherServers));
    }
    Ok((made(connz), base))
}

fn made(connz: Connz) -> Vec<NatsClient> {
    connz.connections.into_iter().filter(NatsClient::is_made).collect()
}

async fn fetch<T: DeserializeOwned>(url: &str, patience: Duration) -> Result<T, MonitoringError> {
    let said = MonitoringError::Said;
    let work = async {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(crate::tls::no_tls())
            .no_proxy()
            .build()
            .map_err(|error| said(error.to_string()))?;
        let response = client.get(url).send().await.map_err(|error| said(innermost(&error)))?;
        let mut response = response;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| said(innermost(&error)))? {
            body.extend_from_slice(&chunk);
            if body.len() > LIMIT {
                return Err(MonitoringError::TooLong { mebibytes: LIMIT >> 20 });
            }
        }
        serde_json::from_slice(&body).map_err(|_| MonitoringError::NoJson)
    };
    tokio::time::timeout(patience, work).await.unwrap_or(Err(MonitoringError::NoAnswer))
}

fn innermost(error: &reqwest::Error) -> String {
    crate::peel::trail(error).pop().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    /// A server that begins its answer so, and goes on with the same for as long as it is read.
    fn endless(begin: &'static str, more: &'static [u8], pause: Duration) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}{PATH}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let _ = stream.read(&mut [0; 1024]);
                let mut wrote = stream.write_all(begin.as_bytes());
                while wrote.is_ok() {
                    std::thread::sleep(pause);
                    wrote = stream.write_all(more);
                }
            }
        });
        base
    }

    #[tokio::test]
    async fn an_answer_without_an_end_ends_in_time_and_in_bounds() {
        const LIST: &str = "HTTP/1.1 200 OK\r\n\r\n{\"server_id\":\"N\",\"connections\":[";
        for (begin, more, pause, why) in [
            (LIST, &[b' '; 65_536][..], 0, "longer than 8 MiB"),
            (LIST, b" ", 50, "no answer"),
            ("HTTP/1.1 200 OK\r\n", b"a: b\r\n", 50, "no answer"),
            ("", b"", 50, "no answer"),
        ] {
            let url = endless(begin, more, Duration::from_millis(pause));
            let patience = if pause == 0 { Duration::from_secs(60) } else { Duration::from_millis(400) };
            let begun = Instant::now();
            let said = fetch::<Connz>(&url, patience)
                .await
                .err()
                .map_or_else(String::new, |error| error.to_string());
            assert!(said.contains(why), "{begin:?}: {said}");
            assert!(begun.elapsed() < patience + Duration::from_secs(5), "{begin:?}: {:?}", begun.elapsed());
        }
    }
}
