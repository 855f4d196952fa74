//! Failed checks grouped by where the fault began: one certificate, one authority, one server. Pure.

use std::path::Path;

use crate::cause::{CauseKind, Confidence, Severity, Side, Variant};
use crate::evidence::fault::FaultIdentity;

use crate::remedy::settings;
use crate::report::{CheckReport, Diagnosis, RootCause};
use crate::status::Status;

/// A group in the making.
struct CauseGroup {
    root: RootCause,
    confidence: Confidence,
    identity: Option<FaultIdentity>,
    /// The first fact is a chain.
    chained: bool,
    /// Services and files that show it, the first being the root's own.
    places: Vec<String>,
}

/// Groups failed checks by origin, most upstream first, then most certain. `verifies` tells of a check by its id whether
/// it verifies a server's certificate with the CA file.
#[must_use]
pub fn root_causes(checks: &[CheckReport], verifies: impl Fn(&str) -> bool) -> Vec<RootCause> {
    let mut groups: Vec<CauseGroup> = Vec::new();
    for check in checks.iter().filter(|check| check.status == Status::Fail) {
        let Some(main) = main(check) else { continue };
        match groups.iter_mut().find(|group| group.belongs(main)) {
            Some(group) => group.join(check, main),
            None => groups.push(CauseGroup::of(check, main)),
        }
    }
    let doubted = ca_file_is_doubted(checks, &verifies);
    let trusted = checks.iter().any(|one| verifies(&one.id) && one.status.is_good());
    for group in &mut groups {
        group.merge_trust_of_group(trusted, doubted);
    }
    merge_symptoms(&mut groups);
    merge_dashboard(&mut groups);
    groups.sort_by_key(|group| (upstream(&group.root.place, group.root.cause), group.confidence));
    groups.into_iter().map(|group| group.root).chain(nameless(checks)).collect()
}

/// Failed checks whose failure has none of the promised causes, one root cause for each who showed it.
fn nameless(checks: &[CheckReport]) -> Vec<RootCause> {
    let mut roots: Vec<RootCause> = Vec::new();
    for check in checks.iter().filter(|check| check.status == Status::Fail && main(check).is_none()) {
        let looked_at = check.details.get("looked_at").and_then(|list| list.get(0));
        let component = looked_at.and_then(|one| one.get("component")).and_then(|name| name.as_str());
        let place = component.unwrap_or(&check.id).to_owned();
        if let Some(known) = roots.iter_mut().find(|known| known.place == place) {
            known.checks.push(check.id.clone());
            continue;
        }
        roots.push(RootCause {
            nameless: true,
            cause: CauseKind::OtherTls,
            variant: None,
            checks: vec![check.id.clone()],
            summary: check.summary.clone(),
            because: check.remarks.iter().filter(|remark| **remark != check.summary).cloned().collect(),
            fix: vec![settings::what_it_says(&place)],
            place,
        });
    }
    roots
}

/// Where the CA file verifies nothing that is served, nor the certificates that lie beside it, it is the CA
/// file that is another's: our side has to be changed. `verifies` as in [`root_causes`].
pub fn merge_sides(checks: &mut [CheckReport], verifies: impl Fn(&str) -> bool) {
    merge_trust(checks);
    if !ca_file_is_doubted(checks, &verifies) {
        return;
    }
    for diagnosis in checks.iter_mut().flat_map(|check| &mut check.diagnoses).filter(|one| is_other(one)) {
        diagnosis.side = Side::Client;
    }
}

/// A server that our own dial has just verified is of the right CA: where the gateway does not know it, the gateway's
/// trust has to be changed.
fn merge_trust(checks: &mut [CheckReport]) {
    for (server, proof, variable) in
        [("redis", "redis-tls", "REDIS_TLS_CA"), ("nats", "worker-nats-tls", "NATS_TLS_CA")]
    {
        if !checks.iter().any(|check| check.id == proof && check.status == Status::Pass) {
            continue;
        }
        let of_gateway =
            |check: &&mut CheckReport| check.id.starts_with("gateway-") || check.id.starts_with("cli-");
        for one in checks.iter_mut().filter(of_gateway).flat_map(|check| &mut check.diagnoses) {
            if one.cause == CauseKind::UnknownAuthority && one.place.as_deref() == Some(server) {
                one.place = Some("api-gateway".to_owned());
                one.side = Side::Client;
                one.fix = vec![settings::trust_anchor("api-gateway", server, variable)];
            }
        }
    }
}

fn is_other(one: &Diagnosis) -> bool {
    one.cause == CauseKind::UnknownAuthority && one.variant == Some(Variant::OtherCa)
}

/// No server that was reached and neither the server's nor the client's file is of the CA file's authority.
fn ca_file_is_doubted(checks: &[CheckReport], verifies: &dyn Fn(&str) -> bool) -> bool {
    let verifying = |check: &&CheckReport| verifies(&check.id);
    let others = checks.iter().filter(verifying).filter(|check| main(check).is_some_and(is_other)).count();
    let trusted = checks.iter().filter(verifying).any(|check| check.status.is_good());
    let files = checks
        .iter()
        .filter(|check| check.id == "certificates")
        .flat_map(|check| &check.diagnoses)
        .filter(|one| is_other(one) && one.severity == Severity::Error)
        .count();
    others >= 2 && files >= 2 && !trusted
}

fn main(check: &CheckReport) -> Option<&Diagnosis> {
    check.diagnoses.iter().find(|one| one.severity == Severity::Error)
}

impl CauseGroup {
    fn of(check: &CheckReport, main: &Diagnosis) -> Self {
        let place = main.place.clone().unwrap_or_default();
        Self {
            root: RootCause {
                nameless: false,
                cause: main.cause,
                variant: main.variant,
                place: place.clone(),
                checks: vec![check.id.clone()],
                summary: main.title.clone(),
                because: main.because.clone(),
                fix: main.fix.clone(),
            },
            confidence: main.confidence,
            identity: main.identity.clone(),
            chained: main.chained,
            places: vec![place],
        }
    }

    /// The same certificate or authority, or the same fault at the same place.
    fn belongs(&self, other: &Diagnosis) -> bool {
        let shared = match (&self.identity, &other.identity) {
            (Some(mine), Some(theirs)) => mine.is(theirs),
            // Known by its path alone to one of the two.
            (Some(known), None) => known.is_of_file(other.place.as_deref()),
            (None, Some(known)) => known.is_of_file(self.places.first().map(String::as_str)),
            (None, None) => false,
        };
        let place = other.place.as_deref().unwrap_or_default();
        let same = family(self.root.cause, self.root.variant) == family(other.cause, other.variant);
        shared
            || self.of_one_folder(other)
            || (self.places.iter().any(|one| one == place) && (same || is_file(place)))
    }

    /// Files of one folder that may not be read were closed by one hand: services name the first they need.
    fn of_one_folder(&self, other: &Diagnosis) -> bool {
        let closed =
            |cause, variant| cause == CauseKind::BadKeyFile && variant == Some(Variant::PermissionDenied);
        let folder = |place: &str| {
            let path = Path::new(place);
            path.is_absolute().then(|| path.parent().and_then(Path::parent).map(Path::to_owned)).flatten()
        };
        let theirs = folder(other.place.as_deref().unwrap_or_default());
        closed(self.root.cause, self.root.variant)
            && closed(other.cause, other.variant)
            && theirs.is_some()
            && self.places.iter().any(|mine| folder(mine) == theirs)
    }

    fn join(&mut self, check: &CheckReport, main: &Diagnosis) {
        let root = &mut self.root;
        root.checks.push(check.id.clone());
        self.identity = self.identity.take().or_else(|| main.identity.clone());
        let surer = main.confidence < self.confidence;
        // What is surer and says less keeps the narrower name.
        let narrower = surer && (main.cause != root.cause || main.variant.is_some());
        if narrower || (main.confidence == self.confidence && names_it_better(main, root)) {
            // A cure for what only one of them knows is better than one for what both have seen.
            let tells_more = main.variant.is_some() && root.variant.is_none();
            root.cause = main.cause;
            root.variant = main.variant;
            root.summary.clone_from(&main.title);
            if (!surer || tells_more) && self.places.first() == main.place.as_ref() {
                root.fix.clone_from(&main.fix);
            }
        }
        if surer {
            self.confidence = main.confidence;
        }
        // The chain in a sentence comes first, whichever check found it.
        if let (Some(chain), true, false) = (main.because.first(), main.chained, self.chained) {
            root.because.retain(|fact| fact != chain);
            root.because.insert(0, chain.clone());
            self.chained = true;
        }
        for fact in &main.because {
            if !root.because.contains(fact) && root.because.len() < 8 {
                root.because.push(fact.clone());
            }
        }
        let place = main.place.clone().unwrap_or_default();
        if self.places.contains(&place) {
            return;
        }
        // One command for all: `restart nats` and `restart redis` are `restart nats redis`.
        for (fix, other) in root.fix.iter_mut().zip(&main.fix) {
            let (Some(mine), Some(theirs)) = (&mut fix.command, &other.command) else { continue };
            let (Some((front, _)), Some((same, last))) = (theirs.rsplit_once(' '), theirs.rsplit_once(' '))
            else {
                continue;
            };
            if mine.starts_with(front) && last == place && !place.contains('/') && same == front {
                mine.push(' ');
                mine.push_str(last);
                let so_far = self.places.join(", ");
                fix.text = fix.text.replacen(&so_far, &format!("{so_far}, {place}"), 1);
            }
        }
        self.places.push(place);
    }

    /// Several services that show one certificate or authority point at the file that stands for all; at the
    /// CA file only where it verifies nobody (`trusted`), and was regenerated or is another's (`doubted`).
    fn merge_trust_of_group(&mut self, trusted: bool, doubted: bool) {
        // A login that several services are refused is the server's matter.
        if let Some(FaultIdentity::Login(link)) = &self.identity
            && self.places.len() > 1
        {
            link.service().clone_into(&mut self.root.place);
        }
        let Some(file) = self.identity.as_ref().and_then(FaultIdentity::file) else { return };
        let of_anchors = matches!(self.identity, Some(FaultIdentity::Authority { .. }));
        let regenerated = self.root.variant == Some(Variant::CaRegenerated);
        if of_anchors && (trusted || !(regenerated || doubted)) {
            if let Some(served) = self.places.iter().find(|place| is_file(place)) {
                self.root.place.clone_from(served);
            }
        } else if self.places.len() > 1 || self.places.iter().any(|place| place == file) {
            file.clone_into(&mut self.root.place);
        }
    }
}

/// Of two names for one fault, the one that tells more, so that the first check does not decide: a
/// stopped container is a name that vanished (`dns`), and a variant is more than none.
fn names_it_better(one: &Diagnosis, root: &RootCause) -> bool {
    let rank = |cause: CauseKind, variant: Option<Variant>| {
        let tells = variant.is_some_and(|variant| variant != Variant::BelowMinimum);
        (tells, cause == CauseKind::Dns && tells)
    };
    rank(one.cause, one.variant) > rank(root.cause, root.variant)
}

/// What is wrong with one file is one fault, whatever its readers make of it.
fn is_file(place: &str) -> bool {
    [".crt", ".key", ".pem"].iter().any(|end| place.ends_with(end))
}

/// What the services' logs say of Redis is Redis' own fault where a look at Redis shows the same.
fn merge_symptoms(groups: &mut Vec<CauseGroup>) {
    let shows_redis = |group: &CauseGroup| {
        group.places.iter().any(|place| place == "redis")
            || group.root.checks.iter().any(|id| id == "redis-tls")
    };
    let Some(at) = groups.iter().position(shows_redis) else { return };
    let kind = family(groups[at].root.cause, groups[at].root.variant).1;
    // Services show the client certificate that we show: what is wrong with it they are told too.
    let of_identity = |cause| matches!(cause, CauseKind::BadCertificate | CauseKind::ClientCertRequired);
    let identity = of_identity(kind) || groups[at].places.iter().any(|place| place.contains("/client/"));
    let mut said = Vec::new();
    groups.retain(|group| {
        let same = !shows_redis(group)
            && group.root.checks == ["redis-logs"]
            && (family(group.root.cause, group.root.variant).1 == kind
                || (identity && of_identity(group.root.cause)));
        if same {
            said.extend(group.root.because.iter().take(1).cloned());
        }
        !same
    });
    let Some(redis) = groups.iter_mut().find(|group| shows_redis(group)) else { return };
    if !said.is_empty() {
        redis.root.checks.push("redis-logs".to_owned());
        redis.root.because.extend(said);
    }
}

/// A dashboard that cannot use a gateway which is broken itself is no origin, whether nginx says so in general or names
/// what it met: the same that we did.
fn merge_dashboard(groups: &mut Vec<CauseGroup>) {
    let broken = |group: &CauseGroup| {
        group.root.cause != CauseKind::AuthNotTls && group.root.checks.iter().any(|id| id == "gateway-https")
    };
    let Some(gateway) = groups.iter().position(broken) else { return };
    // Whom nginx trusts, and by what name, may be wrong on its own; that a gateway is in clear is the gateway's.
    let in_clear = groups[gateway].root.cause == CauseKind::WrongSchemeTlsToPlain;
    let symptom = |group: &CauseGroup| {
        let same = in_clear && group.root.cause == CauseKind::WrongSchemeTlsToPlain;
        group.root.checks == ["dashboard-gateway"] && (group.root.cause == CauseKind::BadGateway || same)
    };
    let Some(at) = groups.iter().position(symptom) else { return };
    let dashboard = groups.remove(at);
    if let Some(gateway) = groups.iter_mut().find(|group| broken(group)) {
        gateway.root.checks.extend(dashboard.root.checks);
        // Both ends: what it met, and what it is set to.
        let because = dashboard.root.because;
        let set = because.iter().skip(1).find(|fact| fact.starts_with("dashboard: ")).cloned();
        let said = because.first().map(|fact| format!("the dashboard: {fact}"));
        gateway.root.because.extend(said.into_iter().chain(set));
    }
}

/// Causes that are one fault under several names.
#[must_use]
pub fn family(cause: CauseKind, variant: Option<Variant>) -> (u8, CauseKind) {
    match cause {
        CauseKind::UnknownAuthority | CauseKind::BadSignature => (0, CauseKind::UnknownAuthority),
        CauseKind::WrongSchemeTlsToPlain | CauseKind::MtlsNotEnforced
            if variant.is_none() || variant == Some(Variant::NatsPlaintext) =>
        {
            (1, CauseKind::WrongSchemeTlsToPlain)
        }
        kind if kind.is_unreached() => (2, CauseKind::ConnectionRefused),
        other => (3, other),
    }
}

/// Files first, then what everything depends on, then what depends on it.
fn upstream(place: &str, cause: CauseKind) -> u8 {
    match (place, cause) {
        (_, CauseKind::BadKeyFile | CauseKind::KeyMismatch) => 0,
        (place, _) if is_file(place) => 0,
        ("nats" | "redis", _) => 1,
        ("api-gateway", _) => 3,
        ("dashboard", _) => 4,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn failed(id: &str, component: &str) -> CheckReport {
        let details =
            json!({"looked_at": [{"component": component, "address": "localhost:1", "result": "HTTP 415"}]});
        CheckReport {
            number: 1,
            id: id.to_owned(),
            title: id.to_owned(),
            status: Status::Fail,
            duration_ms: 0.0,
            attempts: 1,
            change: None,
            summary: "HTTP 415".to_owned(),
            evidence: "observed".to_owned(),
            diagnoses: Vec::new(),
            details: details.as_object().cloned().unwrap_or_default(),
            remarks: vec!["HTTP 415".to_owned(), "content type application/grpc".to_owned()],
        }
    }

    #[test]
    fn a_failed_check_without_a_promised_cause_has_a_root_cause_all_the_same() {
        let checks = [
            failed("gateway-https", "api-gateway"),
            failed("gateway-wss", "api-gateway"),
            failed("redis-tls", "redis"),
        ];
        let roots = root_causes(&checks, |_| true);
        let told: Vec<(&str, &[String], bool)> =
            roots.iter().map(|root| (root.place.as_str(), root.checks.as_slice(), root.nameless)).collect();
        let both = ["gateway-https".to_owned(), "gateway-wss".to_owned()];
        assert_eq!(told, [("api-gateway", &both[..], true), ("redis", &["redis-tls".to_owned()], true)]);
        assert_eq!(roots[0].because, ["content type application/grpc"]);
        assert!(roots.iter().all(|root| root.fix.len() == 1), "{roots:?}");
        assert_eq!(serde_json::to_value(&roots[0]).unwrap()["cause"], serde_json::Value::Null);
    }
}
