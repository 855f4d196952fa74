//! An Ingress as the one at fault: annotations to be set, which are no workload's.

use super::scheme::other_scheme;
use crate::cause::{CauseKind, Severity, Variant};
use crate::remedy::{Change, ChangeKind, Fix};
use crate::rules::Finding;
use crate::rules::context::RuleContext;
use crate::wiring::{ClientTrust, Dial, INGRESS_NGINX, Listener, OpenedPath, SettingKind, TlsMode, Verifies};
use crate::workload::Place;

/// An annotation of ingress-nginx as a change.
fn annotation(
    case: &RuleContext<'_>,
    dial: &Dial,
    name: &str,
    (from, to): (Option<&str>, Option<&str>),
    place: &Place,
) -> Change {
    Change::new(case.dialler(dial), ChangeKind::Config, format!("{INGRESS_NGINX}{name}"))
        .values(from, to)
        .at(Some(place.clone()))
}

/// A directive of a snippet as a change.
fn directive(
    case: &RuleContext<'_>,
    dial: &Dial,
    name: &str,
    (from, to): (&str, &str),
    place: &Place,
) -> Change {
    Change::new(case.dialler(dial), ChangeKind::Config, name)
        .values(Some(from), Some(to))
        .at(Some(place.clone()))
}

/// One that passes on in the wrong way; in TLS it is told to verify, as far as it is not told so already.
pub(super) fn scheme_fix(case: &RuleContext<'_>, dial: &Dial, listener: &Listener) -> Fix {
    let tls = listener.tls_mode == TlsMode::Tls;
    if !dial.setting.starts_with(INGRESS_NGINX) {
        // A list of Services that is to have this one, or not.
        let service = dial.shown.split(':').next().unwrap_or_default();
        let mut change = Change::new(case.dialler(dial), ChangeKind::Config, dial.setting.clone())
            .values(None, tls.then_some(service))
            .at(Some(dial.place.clone()));
        change.remove = !tls;
        let text = if tls {
            format!("name {service} in `{}`", dial.setting)
        } else {
            format!("take {service} out of `{}`", dial.setting)
        };
        return case.cure(text, vec![change]);
    }
    let to = other_scheme(&dial.raw, tls).unwrap_or_default();
    let change = annotation(case, dial, "backend-protocol", (Some(&dial.raw), Some(&to)), &dial.place);
    let mut changes = vec![change];
    if !tls {
        return case.cure(format!("set `{}` to {to}", dial.setting), changes);
    }
    changes.extend(verification(case, dial, Some(listener)));
    case.cure(format!("set `{}` to {to}, and verify it", dial.setting), changes)
}

/// One that is to verify with a Secret that has no CA in it.
pub(super) fn without_ca(case: &RuleContext<'_>, dial: &Dial) -> Option<Finding> {
    let ClientTrust::Files(files) = &dial.trust else { return None };
    let file = files.first().filter(|_| dial.tls_mode == TlsMode::Tls && dial.verifies == Verifies::Yes)?;
    let OpenedPath::KeyMissing { name, key, .. } = &*case.open(0, 0, file) else { return None };
    let message = format!(
        "the upstream {} is to be verified with the Secret {name}, which has no `{key}`: nginx takes no verification without a CA",
        dial.shown
    );
    let change = Change::new(case.dialler(dial), ChangeKind::Secret, format!("{name}/{key}"))
        .at(Some(file.place.clone()));
    Some(
        Finding::new("upstream-tls", Severity::Error, &file.place, message)
            .of(case.dialler(dial))
            .cause(CauseKind::UnknownAuthority, Some(Variant::EmptyTrustStore))
            .fix(case.cure(format!("put the CA into the Secret {name} as `{key}`"), vec![change])),
    )
}

/// What one lacks to verify its backend.
pub(super) fn verification(case: &RuleContext<'_>, dial: &Dial, listener: Option<&Listener>) -> Vec<Change> {
    if !dial.setting.starts_with(INGRESS_NGINX) {
        return Vec::new();
    }
    let served = listener.and_then(|one| case.served(one));
    let mut changes = Vec::new();
    if let Verifies::No { setting, place, kind } = &dial.verifies {
        let from = (*kind != SettingKind::BuiltIn).then_some("off");
        changes.push(match setting.starts_with(INGRESS_NGINX) {
            true => annotation(case, dial, "proxy-ssl-verify", (from, Some("on")), place),
            false => directive(case, dial, setting, ("off", "on"), place),
        });
    }
    if dial.trust == ClientTrust::System {
        // Which Secret has the CA only the operator knows, where none among the files does.
        let space =
            dial.host.as_deref().and_then(|host| host.rsplit_once('.')).map_or("", |(_, space)| space);
        let secret = served.as_ref().and_then(|served| case.secret_of_ca(space, served));
        changes.push(annotation(case, dial, "proxy-ssl-secret", (None, secret.as_deref()), &dial.place));
    }
    // Without a name it verifies the one that nginx makes of the upstream, which no certificate has.
    let facts = served.as_ref().and_then(|one| one.facts.first());
    if let (None, Some(facts)) = (&dial.name, facts) {
        let name = facts.sans.first().map(String::as_str);
        changes.push(annotation(case, dial, "proxy-ssl-name", (None, name), &dial.place));
    }
    changes
}

/// A name that the certificate has.
pub(super) fn name_fix(case: &RuleContext<'_>, dial: &Dial, better: &str) -> Option<Fix> {
    let (name, place, setting) = dial.name.as_ref()?;
    if !setting.starts_with(INGRESS_NGINX) {
        let change = directive(case, dial, setting, (name, better), place);
        return Some(
            case.cure(format!("set {setting} to {better}, a name that the certificate has"), vec![change]),
        );
    }
    let own = setting.ends_with("proxy-ssl-name").then_some(name.as_str());
    let change = annotation(case, dial, "proxy-ssl-name", (own, Some(better)), place);
    let text = format!("set `{INGRESS_NGINX}proxy-ssl-name` to {better}, a name that the certificate has");
    Some(case.cure(text, vec![change]))
}
