//! The live page beside `run --watch`: the last round as a page, as metrics and as JSON, for whoever may reach
//! the address. It reads nothing but a request's first lines and changes nothing; it lives on a thread of its own,
//! so that no reader is in the way of the rounds.

mod answer;

use std::collections::VecDeque;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tls_verify_core::report::{RunReport, exit};
use tokio::task::JoinHandle;

use crate::commands::run::watch::{Transition, TransitionKind};
use crate::config::ConfigError;
use crate::output::masked;
use crate::report::html::LivePage;
use crate::report::{page, prometheus};

/// Connections at one time; where more come the oldest are closed.
const CONNECTIONS: usize = 128;
/// A request's head has come by then.
const HEAD: Duration = Duration::from_secs(5);
/// A connection has ended by then: it serves one request, whoever reads slowly.
const WHOLE: Duration = Duration::from_secs(20);
/// Bytes of a request's head.
const LARGEST_HEAD: usize = 16 * 1024;
/// Rounds and changes that the page keeps.
const ROUNDS: usize = 120;
const CHANGES: usize = 50;

/// The last round as it is served.
#[derive(Clone, Debug)]
struct ServedRound {
    page: Bytes,
    metrics: Bytes,
    json: Bytes,
    ended: Instant,
}

/// What the server's thread sees.
#[derive(Debug)]
struct ServeState {
    last: Mutex<Option<ServedRound>>,
    /// A round that is older says that the watch hangs.
    oldest: Duration,
    /// Bound to loopback: a foreign name in `Host` is another site's script.
    loopback: bool,
}

/// A server that waits for rounds.
#[derive(Debug)]
pub(crate) struct Site {
    shared: Arc<ServeState>,
    live: LivePage,
    rounds: VecDeque<(String, &'static str, String)>,
    changes: VecDeque<(String, String)>,
    count: u64,
}

/// `HOST:PORT`; without a host it is loopback.
fn addresses(text: &str) -> Result<Vec<SocketAddr>, String> {
    let bare = text.strip_prefix(':').unwrap_or(text);
    if let Ok(port) = bare.parse::<u16>() {
        return Ok(vec![SocketAddr::from(([127, 0, 0, 1], port))]);
    }
    let all: Vec<SocketAddr> = text.to_socket_addrs().map_err(|error| error.to_string())?.collect();
    if all.is_empty() { Err("the name has no address".to_owned()) } else { Ok(all) }
}

impl Site {
    /// Binds the address and begins to serve; nothing is there to be read before the first round has ended.
    ///
    /// # Errors
    /// Why the address cannot be used.
    pub(crate) fn open(text: &str, every: Duration, deadline: Duration) -> Result<Self, ConfigError> {
        let problem = |why: String| {
            ConfigError::new(format!("--listen {text}: {why}"), "give a free address such as 127.0.0.1:9109")
        };
        let addresses = addresses(text).map_err(problem)?;
        let listener = TcpListener::bind(&*addresses).map_err(|error| problem(error.to_string()))?;
        let address = listener.local_addr().map_err(|error| problem(error.to_string()))?;
        listener.set_nonblocking(true).map_err(|error| problem(error.to_string()))?;
        let loopback = address.ip().to_canonical().is_loopback();
        let shared =
            Arc::new(ServeState { last: Mutex::new(None), oldest: every.max(deadline) * 3, loopback });
        let served = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("serve".to_owned())
            .spawn(move || serve(listener, &served))
            .map_err(|error| problem(error.to_string()))?;
        if !loopback {
            crate::output::tell(&format!(
                "warning: {address} is no loopback address: whoever reaches it reads the report, without a password"
            ));
        }
        crate::output::tell(&format!("note: serving http://{address}/, /metrics, /report.json and /healthz"));
        // Often enough to be fresh, seldom enough to be no load.
        let refresh = (every.as_secs() / 2).clamp(1, 10);
        let live = LivePage { every: refresh, ..LivePage::default() };
        Ok(Self { shared, live, rounds: VecDeque::new(), changes: VecDeque::new(), count: 0 })
    }

    /// Serves a round that has ended, with what it changed.
    pub(crate) fn publish(&mut self, report: &RunReport, changes: &[Transition]) {
        self.count += 1;
        let status = match report.exit_code {
            exit::PASS if report.summary.warn + report.summary.fail + report.summary.unknown > 0 => "warn",
            exit::PASS => "pass",
            exit::FAIL => "fail",
            _ => "unknown",
        };
        let at = |text: &str| format!("{}Z", text.get(..19).unwrap_or(text));
        let said = format!(
            "{} passed, {} failed, {} undecided",
            report.summary.pass + report.summary.warn,
            report.summary.fail,
            report.summary.unknown
        );
        push(&mut self.rounds, (at(&report.started_at), status, said), ROUNDS, false);
        for one in changes.iter().filter(|one| one.kind == TransitionKind::Change) {
            push(&mut self.changes, (at(&one.at), changed(one)), CHANGES, true);
        }
        self.live.rounds = self.rounds.iter().cloned().collect();
        self.live.changes = self.changes.iter().cloned().collect();
        let Some(round) = self.render(report) else { return };
        *self.shared.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(round);
    }

    /// What cannot be rendered is told, and the round before it stays.
    fn render(&self, report: &RunReport) -> Option<ServedRound> {
        let render = || -> std::io::Result<ServedRound> {
            let page = page::page("run", report, Some(&self.live))?;
            let mut metrics = Vec::new();
            prometheus::write(report, &mut metrics)?;
            prometheus::rounds(self.count, &mut metrics)?;
            let json = serde_json::to_vec(report)?;
            Ok(ServedRound {
                page: masked(page.into_bytes()).into(),
                metrics: masked(metrics).into(),
                json: masked(json).into(),
                ended: Instant::now(),
            })
        };
        render()
            .map_err(|error| crate::output::tell(&format!("error: the page cannot be made: {error}")))
            .ok()
    }
}

/// `redis-tls: pass to fail, expired at redis`.
fn changed(one: &Transition) -> String {
    let word = |status: Option<tls_verify_core::status::Status>| status.map_or("new", |status| status.slug());
    let cause = match (one.cause, &one.place) {
        (Some(cause), Some(place)) => format!(", {cause} at {place}"),
        (Some(cause), None) => format!(", {cause}"),
        _ => String::new(),
    };
    let check = one.check.as_deref().unwrap_or_default();
    format!("{check}: {} to {}{cause}", word(one.from), word(one.to))
}

fn push<T>(all: &mut VecDeque<T>, one: T, most: usize, front: bool) {
    if front {
        all.push_front(one);
        all.truncate(most);
    } else {
        all.push_back(one);
        while all.len() > most {
            all.pop_front();
        }
    }
}

fn serve(listener: TcpListener, shared: &Arc<ServeState>) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return crate::output::tell(&format!("error: the page cannot be served: {error}")),
    };
    runtime.block_on(async {
        match tokio::net::TcpListener::from_std(listener) {
            Ok(listener) => accept(listener, shared).await,
            Err(error) => crate::output::tell(&format!("error: the page cannot be served: {error}")),
        }
    });
}

async fn accept(listener: tokio::net::TcpListener, shared: &Arc<ServeState>) {
    let mut held: VecDeque<JoinHandle<()>> = VecDeque::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors, most likely: those of others come back.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        held.retain(|one| !one.is_finished());
        // Whoever has read for the longest makes room: a probe of liveness waits for nobody.
        if held.len() >= CONNECTIONS
            && let Some(oldest) = held.pop_front()
        {
            oldest.abort();
        }
        let shared = Arc::clone(shared);
        held.push_back(tokio::spawn(async move {
            let service = service_fn(move |request| {
                let answer = answer::answer(&request, &shared);
                async move { Ok::<_, std::convert::Infallible>(answer) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD)
                .max_buf_size(LARGEST_HEAD)
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), service);
            let _ = tokio::time::timeout(WHOLE, connection).await;
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_host_it_is_loopback() {
        let one = |text: &str| addresses(text).unwrap()[0].to_string();
        assert_eq!(one("9109"), "127.0.0.1:9109");
        assert_eq!(one(":9109"), "127.0.0.1:9109");
        assert_eq!(one("0.0.0.0:9109"), "0.0.0.0:9109");
        assert_eq!(one("[::1]:0"), "[::1]:0");
        assert!(addresses("9109x").is_err() && addresses("127.0.0.1").is_err());
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut all = VecDeque::new();
        (0..10).for_each(|one| push(&mut all, one, 3, false));
        assert_eq!(all, [7, 8, 9]);
        (0..10).for_each(|one| push(&mut all, one, 3, true));
        assert_eq!(all, [9, 8, 7]);
    }
}
