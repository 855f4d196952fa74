//! The links between Redis nodes: the bus of a cluster and the replication of a replica, by each node's own word
//! over a session like a service's.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use futures_util::future::join_all;
use tls_verify_core::evidence::RedisFact;
use tls_verify_core::workload::Instance;

use super::Member;
use crate::context::Context;
use crate::fault::{Cause, Failure, Stage, WireProtocol};
use crate::logs;
use crate::observation::{EvidenceLevel, Expects, Observation};
use crate::platform::Platform;
use crate::redis_tls;
use crate::stack::Link;

/// What a node says of itself (redis-server 6 to 8; Valkey alike).
#[derive(Debug, Default, PartialEq, Eq)]
struct RedisReply {
    /// `INFO cluster`: `cluster_enabled:1`.
    is_clustered: bool,
    /// `INFO replication`.
    role: RedisRole,
    /// `CLUSTER INFO`: `cluster_state:ok`.
    state_ok: bool,
    /// `CLUSTER NODES`: its own id.
    id: String,
    /// Ids of the others that it is connected with and does not hold for failed.
    peers: Vec<String>,
    /// `CONFIG GET`; nothing: it was not told.
    tls_cluster: Option<bool>,
    tls_replication: Option<bool>,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum RedisRole {
    #[default]
    Alone,
    Master {
        replicas: u32,
    },
    Replica {
        master: String,
        is_up: bool,
    },
}

pub(super) async fn inspect(
    context: &Context,
    platform: &Arc<dyn Platform>,
    members: &[Member],
    seen: &mut Observation,
) {
    let until = (Instant::now() + super::PATIENCE).min(context.attempt());
    let said: Vec<Result<RedisReply, Failure>> = loop {
        let said = join_all(members.iter().map(|member| ask(context, platform, member))).await;
        // Nodes that have just met are still on their way to each other.
        if Instant::now() > until || are_in(members, &said) {
            break said;
        }
        tokio::time::sleep(super::PAUSE).await;
    };
    let linked = |said: &RedisReply| said.is_clustered || said.role != RedisRole::Alone;
    let known = || said.iter().filter_map(|said| said.as_ref().ok());
    // Nodes that need nothing of each other are no cluster.
    if known().count() == said.len() && !known().any(linked) {
        return;
    }
    seen.evidence = seen.evidence.max(EvidenceLevel::Observed);
    let clustered = known().any(|said| said.is_clustered);
    for (at, member) in members.iter().enumerate() {
        let name = &member.instance.name;
        let tls = seen.expect(format!("{name} speaks TLS with the other nodes"), Expects::Works);
        let is_in = seen.expect(format!("{name} is in"), Expects::Works);
        let said = match &said[at] {
            Ok(said) => said,
            Err(failure) => {
                seen.untried(tls, failure.clone());
                match &member.fault {
                    Some(fault) => seen.failed(is_in, fault.clone()),
                    None => seen.untried(is_in, failure.clone()),
                }
                continue;
            }
        };
        match links(&member.instance, said) {
            Ok(what) => seen.worked(tls, what),
            Err((true, failure)) => seen.failed(tls, failure),
            Err((false, failure)) => seen.untried(tls, failure),
        }
        match place(name, said, clustered, known()) {
            // Whether it should follow somebody nobody says: it may have been detached.
            Ok(_) if !clustered && said.role == RedisRole::Alone => {
                let fact = RedisFact::StandsAlone { node: name.clone() };
                let alone = Failure::new(Stage::Exchange, Cause::Other).because(fact);
                seen.untried(is_in, alone.at(member.instance.service.clone()));
            }
            Ok(what) => seen.worked(is_in, what),
            Err(fact) => {
                let failure = why(context, platform.as_ref(), member).await;
                seen.failed(is_in, failure.because(fact));
            }
        }
    }
}

/// Everybody who answered is where it belongs.
fn are_in(members: &[Member], said: &[Result<RedisReply, Failure>]) -> bool {
    let known = || said.iter().filter_map(|said| said.as_ref().ok());
    let clustered = known().any(|said| said.is_clustered);
    members.iter().zip(said).all(|(member, said)| {
        said.as_ref().map_or(true, |said| place(&member.instance.name, said, clustered, known()).is_ok())
    })
}

/// Whether a node's own links speak TLS: what it says, or whether that is a verdict and why.
fn links(instance: &Instance, said: &RedisReply) -> Result<String, (bool, Failure)> {
    let (name, service) = (&instance.name, instance.service.clone());
    let (option, told) = match (&said.role, said.is_clustered) {
        // A replica dials its master besides the bus.
        (RedisRole::Replica { .. }, true) if said.tls_cluster == Some(true) => {
            ("tls-replication", said.tls_replication)
        }
        (_, true) => ("tls-cluster", said.tls_cluster),
        (RedisRole::Replica { .. }, false) => ("tls-replication", said.tls_replication),
        // Its replicas dial it, at the port that check 8 is about.
        (RedisRole::Master { replicas }, false) => return Ok(format!("{name} is the master of {replicas}")),
        (RedisRole::Alone, false) => return Ok(format!("{name} stands alone")),
    };
    let node = name.clone();
    match told {
        Some(true) => Ok(format!("{name} has `{option} yes`")),
        Some(false) => {
            let plain = Failure::new(Stage::Configure, Cause::NotTls(WireProtocol::Redis));
            Err((true, plain.because(RedisFact::LinksInClear { node, option }).at(service)))
        }
        None => {
            let untold = Failure::new(Stage::Exchange, Cause::Other);
            Err((false, untold.because(RedisFact::LinksUntold { node, option }).at(service)))
        }
    }
}

/// Whether a node is where it belongs.
fn place<'a>(
    name: &str,
    said: &RedisReply,
    clustered: bool,
    all: impl Iterator<Item = &'a RedisReply>,
) -> Result<String, RedisFact> {
    let node = name.to_owned();
    if let RedisRole::Replica { master, is_up: false } = &said.role {
        return Err(RedisFact::MasterLinkDown { node, master: master.clone() });
    }
    if !clustered {
        return Ok(match &said.role {
            RedisRole::Replica { master, .. } => format!("{name} follows {master}"),
            RedisRole::Master { .. } => format!("{name} is a master"),
            RedisRole::Alone => RedisFact::StandsAlone { node }.to_string(),
        });
    }
    let strangers = all
        .filter(|other| other.is_clustered && other.id != said.id && !said.peers.contains(&other.id))
        .map(|other| other.id.chars().take(8).collect::<String>());
    // What it remembers of nodes that are gone is no member's.
    let others: Vec<String> = strangers.collect();
    if !said.is_clustered || !others.is_empty() {
        return Err(RedisFact::NotInCluster { node, others });
    }
    if !said.state_ok {
        return Err(RedisFact::ClusterFails { node });
    }
    Ok(format!("{name} is connected with {} nodes", said.peers.len()))
}

async fn ask(
    context: &Context,
    platform: &Arc<dyn Platform>,
    member: &Member,
) -> Result<RedisReply, Failure> {
    if let Some(fault) = &member.fault {
        return Err(fault.clone());
    }
    let deadline = context.attempt();
    let endpoint =
        context.at_port(platform, Link::Redis, &member.instance, Link::Redis.container_port()).await;
    let mut session = redis_tls::open(context, &endpoint, deadline).await?;
    let info: String = session.ask(&redis::cmd("INFO"), deadline).await?;
    let mut said = of_info(&info);
    for (option, kept) in
        [("tls-cluster", &mut said.tls_cluster), ("tls-replication", &mut said.tls_replication)]
    {
        // Whoever may not read the configuration has not been told.
        let told = session.ask(redis::cmd("CONFIG").arg("GET").arg(option), deadline).await;
        let told: BTreeMap<String, String> = told.unwrap_or_default();
        *kept = told.get(option).map(|value| value == "yes");
    }
    if said.is_clustered {
        let state: String = session.ask(redis::cmd("CLUSTER").arg("INFO"), deadline).await?;
        said.state_ok = state.lines().any(|line| line.trim() == "cluster_state:ok");
        let nodes: String = session.ask(redis::cmd("CLUSTER").arg("NODES"), deadline).await?;
        of_nodes(&nodes, &mut said);
    }
    Ok(said)
}

fn of_info(info: &str) -> RedisReply {
    let value = |name: &str| {
        info.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(':')).unwrap_or_default()
    };
    let role = match value("role") {
        "slave" => RedisRole::Replica {
            master: format!("{}:{}", value("master_host"), value("master_port")),
            is_up: value("master_link_status") == "up",
        },
        _ => match value("connected_slaves").parse() {
            Ok(replicas) if replicas > 0 => RedisRole::Master { replicas },
            _ => RedisRole::Alone,
        },
    };
    RedisReply { is_clustered: value("cluster_enabled") == "1", role, ..RedisReply::default() }
}

/// `ID IP:PORT@BUS[,HOST] FLAGS MASTER PING PONG EPOCH LINK SLOTS…`, a line a node.
fn of_nodes(nodes: &str, said: &mut RedisReply) {
    for line in nodes.lines() {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let [id, _, flags, _, _, _, _, link, ..] = words[..] else { continue };
        let flags: Vec<&str> = flags.split(',').collect();
        if flags.contains(&"myself") {
            id.clone_into(&mut said.id);
        } else if link == "connected"
            && !flags.iter().any(|flag| ["fail", "fail?", "handshake", "noaddr"].contains(flag))
        {
            said.peers.push(id.to_owned());
        }
    }
}

/// What the node itself logged last that it has not got over.
async fn why(context: &Context, platform: &dyn Platform, member: &Member) -> Failure {
    let bare = Failure::new(Stage::Exchange, Cause::Other).at(member.instance.service.clone());
    let own = context.own_probes();
    let Ok(log) = logs::of_container(context, platform, &member.instance, &own).await else { return bare };
    // Whoever looks at a port and goes leaves a line of a closed connection, which tells nothing of the links.
    let tells = |one: &&logs::RunTrouble| !one.recovered && !one.what.kind.is_unreached();
    let last = log.present.troubles.iter().filter(tells).max_by_key(|one| one.line);
    match last {
        Some(trouble) => Failure { cause: Cause::Line(trouble.what.clone()), ..bare }.because(
            tls_verify_core::evidence::Fact::Logged {
                who: member.instance.name.clone(),
                when: None,
                line: trouble.sample.clone(),
            },
        ),
        None => bare,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As redis-server 7.0.15 prints it.
    const NODES: &str = "\
07c37dfeb235213a872192d90877d0cd55635b91 10.0.0.1:6379@16379,redis-0 myself,master - 0 1426238317239 2 connected 0-5460\n\
67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1 10.0.0.2:6379@16379 master - 0 1426238316232 2 connected 5461-10922\n\
292f8b365bb7edb5e285caf0b7e6ddc7265d2f4f 10.0.0.3:6379@16379 master,fail - 0 1426238318243 3 disconnected 10923-16383\n";

    #[test]
    fn nodes_are_read_by_their_flags() {
        let mut said = RedisReply { is_clustered: true, ..RedisReply::default() };
        of_nodes(NODES, &mut said);
        assert!(said.id.starts_with("07c37d"));
        assert_eq!(said.peers, ["67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1"]);
        said.state_ok = true;
        assert!(
            place("redis-0", &said, true, std::iter::empty()).is_ok(),
            "a node that is gone is no member"
        );
        let third = "292f8b365bb7edb5e285caf0b7e6ddc7265d2f4f".to_owned();
        let third = RedisReply { is_clustered: true, id: third, ..RedisReply::default() };
        assert_eq!(
            place("redis-0", &said, true, std::iter::once(&third)),
            Err(RedisFact::NotInCluster { node: "redis-0".into(), others: vec!["292f8b36".into()] })
        );
    }

    #[test]
    fn a_replica_is_in_while_it_has_its_master() {
        let replica = |status: &str| {
            of_info(&format!(
                "# Replication\r\nrole:slave\r\nmaster_host:redis\r\nmaster_port:6379\r\nmaster_link_status:{status}\r\n\
                 # Cluster\r\ncluster_enabled:0\r\n"
            ))
        };
        assert!(place("redis-2", &replica("up"), false, std::iter::empty()).is_ok());
        assert_eq!(
            place("redis-2", &replica("down"), false, std::iter::empty()),
            Err(RedisFact::MasterLinkDown { node: "redis-2".into(), master: "redis:6379".into() })
        );
        let told = |tls| {
            links(
                &Instance::of_service("redis-2", "redis-2"),
                &RedisReply { tls_replication: tls, ..replica("up") },
            )
        };
        assert!(told(Some(true)).is_ok());
        assert!(told(Some(false)).is_err_and(|(is_a_verdict, _)| is_a_verdict));
        assert!(told(None).is_err_and(|(is_a_verdict, _)| !is_a_verdict));
        let alone = of_info(
            "# Replication\r\nrole:master\r\nconnected_slaves:0\r\n# Cluster\r\ncluster_enabled:0\r\n",
        );
        assert_eq!(alone, RedisReply::default());
    }
}
