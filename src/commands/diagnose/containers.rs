//! The logs of the project's containers, without what our own connections left in them.

use std::net::{IpAddr, SocketAddr};
use std::sync::Mutex;
use std::time::SystemTime;

use futures_util::StreamExt;
use tls_verify_checks::context::OwnProbe;
use tls_verify_checks::platform::{self, LogPiece, LogStream};
use tls_verify_core::logs::own_connections::caused_by;
use tls_verify_core::logs::scan::{LogProblem, LogScanner};
use tls_verify_core::remedy::catalogue::Placeholders;
use tls_verify_core::workload::Instance;

use super::{Collected, lock};
use crate::cli::DiagnoseArgs;
use crate::config::{self, ConfigError as Wrong, Environment};
use crate::output;

/// A server's line about a client that is no container of the project. Docker's proxy gives a client on
/// the host another address and port, so that only the moment is left to know our own by.
fn from_outside(line: &str, inside: &[IpAddr]) -> bool {
    if !line.contains("handshake") && !line.contains("client connection") {
        return false;
    }
    let peer = line.split_whitespace().find_map(|word| word.trim_end_matches(':').parse::<SocketAddr>().ok());
    peer.is_none_or(|peer| !inside.contains(&peer.ip()))
}

/// Within three seconds of a connection of ours.
fn at_once(own: &OwnProbe, at: Option<SystemTime>) -> bool {
    at.is_some_and(|at| {
        at.duration_since(own.at)
            .or_else(|_| own.at.duration_since(at))
            .is_ok_and(|apart| apart.as_secs() < 3)
    })
}

/// What a connection of ours left in a log.
fn is_own(own: &[OwnProbe], problem: &LogProblem, inside: &[IpAddr]) -> bool {
    own.iter().any(|one| {
        caused_by(one, problem.at, problem.line.as_bytes())
            || (from_outside(&problem.line, inside) && at_once(one, problem.at))
    })
}

/// Takes in what containers said, without what our own connections left there.
pub(super) struct ContainerReader<'a> {
    pub(super) own: Vec<OwnProbe>,
    /// The addresses of the containers that are looked at.
    pub(super) inside: Vec<IpAddr>,
    pub(super) collected: &'a Mutex<Collected>,
}

impl ContainerReader<'_> {
    /// Reads a log to its end; `called`: whose it is, where it cannot be read so far.
    pub(super) async fn read(&self, mut pieces: LogStream<'_>, container: &Instance, called: &str) {
        let mut sink = |problem: LogProblem| {
            if !is_own(&self.own, &problem, &self.inside) {
                lock(self.collected).take(&container.name, &container.service, problem);
            }
        };
        let mut scanner = LogScanner::new(true, &mut sink);
        while let Some(piece) = pieces.next().await {
            match piece {
                Ok(LogPiece::Bytes(bytes)) => scanner.feed(&bytes),
                Ok(LogPiece::PresentStart) => {}
                Err(error) => {
                    output::tell(&format!("note: the log of {called} cannot be read to its end: {error}"));
                    break;
                }
            }
        }
        scanner.finish();
    }
}

/// Reads the logs of the project's containers.
pub(super) fn docker(
    args: &DiagnoseArgs,
    environment: &Environment,
    collected: &Mutex<Collected>,
) -> Result<Placeholders, Wrong> {
    let configured = config::stack(&args.targets, &args.runner(), environment, &[])
        .map_err(|mut problems| problems.remove(0))?;
    let stack = configured.stack;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Wrong::new(format!("no runtime can be started: {error}"), "try again"))?;
    let own = crate::own_connections::kept(environment);
    runtime.block_on(async {
        let platform = platform::connect(&stack, stack.timeout).await.map_err(|failure| {
            Wrong::new(failure.words(), "start Docker, give --docker-host, or pipe the logs in")
        })?;
        let inside = platform.instances().flat_map(|container| container.addresses.iter().copied()).collect();
        let reader = ContainerReader { own, inside, collected };
        for container in platform.instances() {
            reader.read(platform.logs(container, stack.since), container, &container.name).await;
            lock(collected).explain_by(container);
        }
        lock(collected).cure_by(&*platform, &stack);
        Ok(crate::placeholders::of(&stack, tls_verify_checks::stack::Link::Gateway, None))
    })
}
