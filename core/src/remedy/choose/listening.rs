//! Where a service listens: on its own loopback, or on a port that is not the one it is published at, nobody reaches
//! it, whatever its certificates.

use super::view::WorkloadView;
use super::{Defect, DefectKind};
use crate::cause::{CauseKind as K, Variant};
use crate::wiring::{SERVERS, Server, address, is_loopback};

pub(super) fn inspect(view: &WorkloadView<'_>) -> Vec<Defect> {
    let mine = SERVERS.iter().filter(|server| server.link.service() == view.role());
    mine.filter_map(|server| of(view, server)).collect()
}

fn of(view: &WorkloadView<'_>, server: &Server) -> Option<Defect> {
    let (variable, default) = (server.address, server.port);
    let set = view.set(variable)?;
    let at = address(set)?;
    let port = at.port?;
    // On the host's network the host's loopback is everybody's who shares it.
    let inside = !view.container.host_network && at.host.as_deref().is_some_and(is_loopback);
    let published = |wanted: u16| view.container.published.iter().any(|(_, inner)| *inner == wanted);
    let elsewhere = port != default && published(default) && !published(port);
    let to = match (inside, elsewhere) {
        (false, false) => return None,
        (true, false) => port,
        (_, true) => default,
    };
    let mut defect = Defect::new(DefectKind::ListensElsewhere, view.name(), Some(server.link));
    defect.cause = Some((K::ConnectionRefused, Some(Variant::NothingListens)));
    defect.because.push(format!("{} has {variable}={set}", view.name()));
    defect.because.push(match elsewhere {
        true => format!("what is published is its port {default}: nothing listens there"),
        false => "that is its own loopback: no other container and no published port reaches it".to_owned(),
    });
    let to = format!(":{to}");
    defect.text = format!("in {} set {variable} from {set} to {to}", view.name());
    defect.changes.push(view.variable_change(variable, Some(&to)));
    Some(defect)
}
