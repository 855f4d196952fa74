//! What NATS and Redis servers are set up with for each other: routes, replication and the bus of a cluster in clear.

use super::nats::{Configuration, plain};
use super::{names, option, own_pair};
use crate::link::Link;
use crate::remedy::choose::context::CureContext;
use crate::remedy::choose::pair::{PairPurpose, verdict};
use crate::remedy::choose::view::WorkloadView;
use crate::remedy::choose::{Defect, DefectKind};
use crate::remedy::{Change, ChangeKind};
use crate::workload::Place;
use crate::x509::Purpose;

/// A `cluster` block without `tls`: the routes are in clear. A server is its siblings' client too, so that the
/// certificate has to be good for both.
pub(super) fn routes(
    facts: &CureContext<'_>,
    view: &WorkloadView<'_>,
    read: &Configuration,
) -> Option<Defect> {
    let (entry, cluster) = read.conf.block.block(&["cluster"])?;
    if cluster.block(&["tls"]).is_some() || read.conf.open {
        return None;
    }
    let (shown, path) = (&entry.mark.file, read.path(&entry.mark));
    let mut defect = Defect::new(DefectKind::NatsRoutesInClear, view.name(), Some(Link::Nats));
    defect.because.push(format!("the cluster block of {} has no tls", view.located(path)));
    let change = |name: &str, to: Option<&str>| {
        let mut change = Change::new(view.name(), ChangeKind::Config, name).values(None, to);
        change.path = Some(path.to_owned());
        change.defined_at = Some(Place { file: plain(shown).into(), line: entry.mark.line, column: 0 });
        change
    };
    let stack = facts.stack_anchors();
    let own_names = names("nats");
    let role = |purpose| PairPurpose { purpose, anchors: &stack, names: &own_names };
    let as_client = |cert: &str, key: &str| {
        verdict(facts, view, (cert, key), PairPurpose { names: &[], ..role(Purpose::Client) }).is_ok()
    };
    let pair = own_pair(facts, view, role(Purpose::Server)).filter(|(cert, key, _)| as_client(cert, key));
    let files = match &pair {
        Some((cert, key, ca)) => [Some(cert.as_str()), Some(key.as_str()), Some(ca.as_str())],
        None => [None; 3],
    };
    for (name, to) in ["cert_file", "key_file", "ca_file"].iter().zip(files) {
        defect.changes.push(change(&format!("cluster.tls.{name}"), to));
    }
    defect.changes.push(change("cluster.tls.verify", Some("true")));
    defect.text = match &pair {
        Some((cert, key, ca)) => format!(
            "add to the cluster block of {shown}: tls {{ cert_file: \"{cert}\", key_file: \"{key}\", ca_file: \"{ca}\", \
             verify: true }}"
        ),
        None => format!(
            "add a tls block to the cluster block of {shown}: cert_file, key_file, ca_file and verify: true, with a \
             certificate for serverAuth and clientAuth that names the hosts of the routes"
        ),
    };
    Some(defect)
}

/// A replica, or a node of a cluster, that speaks with the others in clear beside its TLS port.
pub(super) fn nodes(
    view: &WorkloadView<'_>,
    words: &[String],
    argument: &dyn Fn(&str, Option<&str>, Option<&str>) -> Change,
) -> Option<Defect> {
    let clustered = option(words, &["--cluster-enabled"]) == Some("yes");
    let follows = option(words, &["--replicaof", "--slaveof"]).is_some();
    let wanted = if clustered {
        "--tls-cluster"
    } else if follows {
        "--tls-replication"
    } else {
        return None;
    };
    let present = option(words, &[wanted]);
    if present == Some("yes") {
        return None;
    }
    let mut defect = Defect::new(DefectKind::RedisNodesInClear, view.name(), Some(Link::Redis));
    defect.because.push(format!(
        "{} is started with {wanted} {}",
        view.name(),
        present.unwrap_or("(not set)")
    ));
    defect.text = format!("start {} with {wanted} yes", view.name());
    defect.changes.push(argument(wanted, present, Some("yes")));
    Some(defect)
}
