//! A certificate without its key, a key without its certificate.

use crate::cause::{CauseKind, Severity, Variant};
use crate::certificates::source::CertificateSource as Pem;
use crate::rules::Finding;
use crate::rules::context::RuleContext;
use crate::wiring::{FileRef, FileUse, OpenedPath};

/// Certificate without key, key without certificate.
pub(in crate::rules) fn half_pair(case: &RuleContext<'_>, findings: &mut Vec<Finding>) {
    for half in &case.wiring.halves {
        let name = case.called(half.workload);
        let container = container_of(case, half.workload, &half.has);
        let partner = partner(&half.has.path);
        let there = partner.filter(|path| {
            let file = FileRef { path: path.clone(), ..half.has.clone() };
            matches!(&*case.open(half.workload, container, &file), OpenedPath::Content(_))
                && !of_other_end(case, half.workload, container, &file)
        });
        let message =
            format!("{} is set without {}: {name} stops, or goes without both", half.has.setting, half.lacks);
        let change =
            case.change(half.workload, half.has.kind, &half.lacks, None, there.as_deref(), &half.has.place);
        findings.push(
            Finding::new("half-pair", Severity::Error, &half.has.place, message)
                .of(name)
                .cause(CauseKind::BadKeyFile, Some(Variant::HalfPair))
                .fix(case.cure(format!("set {} too", half.lacks), vec![change])),
        );
    }
}

/// A certificate for clients alone is no half of a server's pair.
fn of_other_end(case: &RuleContext<'_>, workload: usize, container: usize, file: &FileRef) -> bool {
    let serves = case
        .wiring
        .files
        .iter()
        .any(|one| one.workload == workload && one.file.place == file.place && one.server);
    let client = |pem: std::rc::Rc<Pem>| {
        pem.facts
            .first()
            .is_some_and(|one| !one.ekus.is_empty() && !one.ekus.iter().any(|eku| eku == "serverAuth"))
    };
    serves && case.pem(workload, container, file).is_some_and(client)
}

fn container_of(case: &RuleContext<'_>, workload: usize, file: &FileRef) -> usize {
    let same = |one: &&FileUse| one.workload == workload && one.file.place == file.place;
    case.wiring.files.iter().find(same).map_or(0, |one| one.container)
}

/// The other half's usual name beside it.
fn partner(path: &str) -> Option<String> {
    let swaps =
        [("tls.crt", "tls.key"), (".crt", ".key"), ("-cert.pem", "-key.pem"), ("cert.pem", "key.pem")];
    swaps.iter().find_map(|(certificate, key)| {
        path.strip_suffix(certificate)
            .map(|stem| format!("{stem}{key}"))
            .or_else(|| path.strip_suffix(key).map(|stem| format!("{stem}{certificate}")))
    })
}
