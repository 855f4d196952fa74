//! Files that services name and that are symbolic links to what is not mounted: whole on the host, absent in the
//! container.

use super::context::CureContext;
use super::view::WorkloadView;
use super::{Defect, DefectKind};
use crate::cause::{CauseKind as K, Variant};
use crate::remedy::{Change, ChangeKind};
use crate::workload::Container;

/// One defect for all of them: they were linked by one hand.
#[must_use]
pub(super) fn inspect(facts: &CureContext<'_>) -> Vec<Defect> {
    let mut found: Option<Defect> = None;
    for view in facts.views() {
        for path in named(&view) {
            let Some(target) = facts.shelf.leads_out(view.container, path) else { continue };
            let Some(host) = view.host(path) else { continue };
            let defect = found.get_or_insert_with(|| {
                let mut defect = Defect::new(DefectKind::LinkLeadsOut, view.name(), None);
                defect.cause = Some((K::BadKeyFile, Some(Variant::FileMissing)));
                defect.file = Some(host.clone());
                defect.because.push(format!(
                    "{} is a symbolic link to {target}, which {} does not mount: {path} does not exist there",
                    facts.shown(&host),
                    view.name()
                ));
                defect
            });
            let file = facts.shown(&host);
            if !defect.changes.iter().any(|change| change.name == file) {
                let mut change = Change::new(defect.workload.clone(), ChangeKind::File, file)
                    .values(None, Some(&format!("the file that {target} is, not a link to it")));
                change.path = Some(path.to_owned());
                defect.changes.push(change);
            }
        }
    }
    let Some(mut defect) = found else { return Vec::new() };
    let files: Vec<&str> = defect.changes.iter().map(|change| change.name.as_str()).collect();
    defect.text = format!(
        "put the file itself at {} in place of the link, or mount what the link leads to at the same path",
        files.join(", ")
    );
    let paths: Vec<String> = defect.changes.iter().filter_map(|change| change.path.clone()).collect();
    defect.restart = facts
        .views()
        .filter(|view| paths.iter().any(|path| facts.shelf.leads_out(view.container, path).is_some()))
        .map(|view| view.name())
        .collect();
    vec![defect]
}

/// The files that a container's TLS settings name.
pub(super) fn named<'a>(view: &WorkloadView<'a>) -> impl Iterator<Item = &'a str> + use<'a> {
    let container: &'a Container = view.container;
    let ends = ["_CA", "_CERT", "_KEY"];
    container
        .environment
        .iter()
        .filter(move |one| one.name.contains("_TLS_") && ends.iter().any(|end| one.name.ends_with(end)))
        .filter_map(|one| one.value.known())
        .filter(|path| path.starts_with('/'))
}
