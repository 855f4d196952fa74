//! Shows that every member of a NATS cluster and every node of a Redis cluster or replica set is in, and talks to
//! the others over TLS. With one NATS and one Redis there is nothing that it could be about.

use futures_util::FutureExt;

use crate::context::{Check, Context, Dials};
use crate::fault::{Cause, Failure, Stage};
use crate::observation::{EvidenceLevel, Expects, Observation};
use crate::stack::Link;

pub const CHECK: Check = Check {
    number: 16,
    id: "cluster-links",
    title: "Every member of a NATS or Redis cluster is in, over TLS",
    about: "routes between NATS servers, the bus and replication between Redis nodes; not applicable with one of each",
    documented: false,
    link: Link::Gateway,
    over: &[],
    dials: Dials::Never,
    needs: &[],
    observe: |context| observe(context).boxed(),
};

async fn observe(context: &Context) -> Observation {
    let mut seen = Observation::new(EvidenceLevel::Observed);
    let Ok(platform) = context.platform().await else {
        return nobody_shows_more(seen);
    };
    let several = |service: &'static str| platform.of_service(service).count() > 1;
    let clusters: Vec<&str> = ["nats", "redis"].into_iter().filter(|service| several(service)).collect();
    if clusters.is_empty() {
        return one_of_each(seen);
    }
    for service in clusters {
        let claim = seen.expect(format!("links between the members of {service}"), Expects::Works);
        let failure = Failure::new(Stage::Exchange, Cause::Other)
            .because(format!(
                "{service} has several containers, and their links among themselves are not looked at here"
            ))
            .at(service);
        seen.untried(claim, failure);
    }
    seen
}

/// One of each is all that was named, and nobody shows more.
fn nobody_shows_more(mut seen: Observation) -> Observation {
    seen.evidence = EvidenceLevel::None;
    seen.not_applicable = Some(
        "not applicable: one NATS and one Redis were named, and no engine was asked for more".to_owned(),
    );
    seen
}

/// The platform shows no more than one of each.
fn one_of_each(mut seen: Observation) -> Observation {
    seen.evidence = EvidenceLevel::None;
    seen.not_applicable = Some("not applicable: there is one NATS and one Redis".to_owned());
    seen
}
