//! Shows that every member of a NATS cluster and every node of a Redis cluster or replica set is in, and talks to
//! the others over TLS. With one NATS and one Redis there is nothing that it could be about.

mod nats;
mod redis;

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tls_verify_core::workload::Instance;

use crate::context::{Check, Context, Dials};
use crate::fault::Failure;
use crate::inspections;
use crate::observation::{EvidenceLevel, Observation};
use crate::platform::Platform;
use crate::stack::Link;
use crate::standing;

pub const CHECK: Check = Check {
    number: 16,
    id: "cluster-links",
    title: "Every member of a NATS or Redis cluster is in, over TLS",
    about: "routes between NATS servers, the bus and replication between Redis nodes; not applicable with one of each",
    documented: false,
    link: Link::Nats,
    over: &[Link::Nats, Link::Redis],
    dials: Dials::Otherwise,
    needs: &[],
    observe: |context| observe(context).boxed(),
};

async fn observe(context: &Context) -> Observation {
    let mut seen = Observation::new(EvidenceLevel::Proved);
    let Ok(platform) = context.connected().await else {
        return not_applicable("one NATS and one Redis were named, and no engine was asked for more");
    };
    let nats = members(context, platform, Link::Nats).await;
    let redis = members(context, platform, Link::Redis).await;
    if nats.len() > 1 {
        nats::inspect(context, platform, &nats, &mut seen).await;
    }
    if redis.len() > 1 {
        redis::inspect(context, platform, &redis, &mut seen).await;
    }
    if seen.steps().is_empty() {
        let why = if nats.len() > 1 || redis.len() > 1 {
            "the NATS and Redis servers that there are stand alone, each for itself"
        } else {
            "there is one NATS and one Redis"
        };
        return not_applicable(why);
    }
    seen
}

fn not_applicable(why: &str) -> Observation {
    let mut seen = Observation::new(EvidenceLevel::None);
    seen.not_applicable = Some(format!("not applicable: {why}"));
    seen
}

/// How long servers that have just started may take to find each other, and how often they are asked.
const PATIENCE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(300);

/// One of several servers of a service, as it stands now.
struct Member {
    instance: Instance,
    /// What keeps it from doing its work.
    fault: Option<Failure>,
}

async fn members(context: &Context, platform: &Arc<dyn Platform>, link: Link) -> Vec<Member> {
    let known: Vec<&Instance> = platform.of_service(link.service()).collect();
    if known.len() < 2 {
        // One is no cluster, however it stands: other checks are about it.
        return known.into_iter().map(|one| Member { instance: one.clone(), fault: None }).collect();
    }
    let look = |one| async move {
        let (instance, fault) = standing::of(context, platform.as_ref(), one).await;
        if let Some(fault) = &fault {
            inspections::note(
                link.service(),
                &instance.name,
                inspections::result(&Err::<(), _>(fault.clone())),
            );
        }
        Member { instance, fault }
    };
    futures_util::future::join_all(known.into_iter().map(look)).await
}
