//! Variables by their names: unknown ones, versions, those that nothing reads.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use crate::manifest::{FaultKind, Mark, ParseFault};
use crate::wiring::scan::{Here, WiringScanner, has_gap};
use crate::wiring::{SettingKind, Unused};
use crate::workload::MinimumVersion;

/// Variables about TLS that are read.
const KNOWN: &str = "NATS_URL NATS_TLS_CA NATS_TLS_CERT NATS_TLS_KEY NATS_TLS_SERVER_NAME NATS_TLS_INSECURE \
    NATS_TOKEN NATS_USERNAME NATS_PASSWORD NATS_NKEY NATS_PING_INTERVAL REDIS_URL REDIS_TLS_CA REDIS_TLS_CERT \
    REDIS_TLS_KEY REDIS_TLS_SERVER_NAME REDIS_TLS_INSECURE REDIS_CLUSTER_ADDRESSES REDIS_PASSWORD REDIS_RATE_LIMIT \
    GATEWAY_HTTP_TLS_CERT GATEWAY_HTTP_TLS_KEY GRPC_TLS_CERT GRPC_TLS_KEY SAFETY_KERNEL_TLS_CERT SAFETY_KERNEL_TLS_KEY \
    SAFETY_KERNEL_TLS_CA SAFETY_KERNEL_TLS_REQUIRED SAFETY_KERNEL_TLS_INSECURE SAFETY_KERNEL_INSECURE \
    SAFETY_KERNEL_ADDR SAFETY_KERNEL_ADMIN_ADDR \
    CONTEXT_ENGINE_TLS_CERT CONTEXT_ENGINE_TLS_KEY CONTEXT_ENGINE_TLS_CA CONTEXT_ENGINE_TLS_REQUIRED \
    CONTEXT_ENGINE_INSECURE CONTEXT_ENGINE_ADDR CONTEXT_ENGINE_METRICS_ADDR CONTEXT_ENGINE_METRICS_PUBLIC \
    CORDUM_TLS_MIN_VERSION CORDUM_TLS_CA CORDUM_TLS_CERT CORDUM_TLS_KEY CORDUM_TLS_INSECURE CORDUM_TLS_DIR CORDUM_ENV \
    CORDUM_PRODUCTION CORDUM_NATS_ALLOW_PLAINTEXT CORDUM_API_KEY CORDUM_API_KEYS CORDUM_API_KEYS_PATH \
    CORDUM_API_UPSTREAM_SCHEME CORDUM_API_UPSTREAM_HOST CORDUM_HSTS_MAX_AGE CORDUM_API_BASE CORDUM_API_BASE_URL \
    GATEWAY_HTTP_ADDR GATEWAY_GRPC_ADDR GATEWAY_METRICS_ADDR GATEWAY_METRICS_PUBLIC SCHEDULER_METRICS_ADDR \
    SCHEDULER_METRICS_PUBLIC SAFETY_POLICY_PUBLIC_KEY SAFETY_POLICY_SIGNATURE CORDUM_ALLOWED_ORIGINS \
    CORDUM_GRPC_REFLECTION CORDUM_GRPC_REFLECTION_FORCE CORDUM_REDIS_ACL_FILE CORDUM_TENANT_ID CORDUM_LOG_FORMAT \
    CORDUM_LOG_LEVEL CORDUM_VERSION CORDUM_GATEWAY CORDUM_CERT_DIR CORDUM_JWT_REQUIRED";

static NAMES: LazyLock<BTreeSet<&str>> = LazyLock::new(|| KNOWN.split_whitespace().collect());

/// Misspelt variables about TLS.
pub(super) fn names(scanner: &mut WiringScanner<'_>, here: Here<'_>) {
    for setting in &here.it.environment {
        let name = setting.name.as_str();
        if NAMES.contains(name) {
            continue;
        }
        let ours = ["NATS_", "REDIS_", "GATEWAY_", "GRPC_", "SAFETY_KERNEL_", "CONTEXT_ENGINE_", "CORDUM_"];
        let about = ours.iter().any(|prefix| name.starts_with(prefix)) && name.contains("TLS");
        // A name that is not about TLS must be almost one that is read.
        let slip = || {
            let near = NAMES.iter().copied().filter(|_| name.len() > 7).find(|known| is_slip(name, known));
            near.filter(|near| here.it.variable(near).is_none()).map(str::to_owned)
        };
        let near = if about {
            meant(name).or_else(|| nearest(name, NAMES.iter().copied()))
        } else {
            match slip() {
                Some(near) => Some(near),
                None => continue,
            }
        };
        let place = setting.place.clone().unwrap_or_else(|| here.place());
        scanner.found.faults.push(ParseFault {
            kind: FaultKind::UnknownName { name: name.to_owned(), nearest: near },
            message: format!("no service of Cordum reads `{name}`"),
            mark: Mark::of(&place),
        });
    }
}

/// The name without what others write behind it: `NATS_TLS_CA_FILE`, `REDIS_TLS_CACERT`, `NATS_TLS_KEY_PATH`.
fn meant(name: &str) -> Option<String> {
    let ends = ["_FILE", "_PATH", "_PEM", "_CERT_FILE", "CERT", "_CERT", "FILE", "_CRT"];
    ends.iter().filter_map(|end| name.strip_suffix(end)).find(|one| NAMES.contains(one)).map(str::to_owned)
}

/// `CORDUM_TLS_MIN_VERSION`: what is not understood is passed over in silence.
pub(super) fn minimum(scanner: &mut WiringScanner<'_>, here: Here<'_>) {
    const NAME: &str = "CORDUM_TLS_MIN_VERSION";
    let Some((text, place)) = here.variable(NAME) else { return };
    if has_gap(&text) {
        return;
    }
    let strict = here.it.in_production();
    match MinimumVersion::parse(&text) {
        Some(MinimumVersion::Tls13) => {}
        Some(MinimumVersion::Tls12) => {
            if strict {
                scanner.found.minimums.push(crate::wiring::Minimum {
                    workload: here.workload,
                    setting: NAME.to_owned(),
                    value: text,
                    lowest: "1.2",
                    better: "1.3".to_owned(),
                    place,
                    kind: SettingKind::Environment,
                });
            }
        }
        None => {
            let instead = if strict { "1.3" } else { "1.2" };
            scanner.found.faults.push(ParseFault {
                kind: FaultKind::UnknownName {
                    name: format!("{NAME}={text}"),
                    nearest: Some(instead.to_owned()),
                },
                message: format!("`{NAME}={text}` is silently ignored: the minimum stays {instead}"),
                mark: Mark::of(&place),
            });
        }
    }
}

/// Variables that no running program reads.
pub(super) fn idle(scanner: &mut WiringScanner<'_>, here: Here<'_>) {
    for name in ["CONTEXT_ENGINE_TLS_CA", "CONTEXT_ENGINE_TLS_REQUIRED", "CONTEXT_ENGINE_INSECURE"] {
        if let Some((_, place)) = here.variable(name) {
            scanner.found.unused.push(Unused {
                workload: here.workload,
                setting: name.to_owned(),
                place,
                kind: SettingKind::Environment,
                why: "only a client library reads it, which no running service uses".to_owned(),
                minor: true,
                switch: None,
            });
        }
    }
}

/// Whether one letter is wrong, too much or missing, or two have changed places.
fn is_slip(name: &str, known: &str) -> bool {
    let (name, known) = (name.as_bytes(), known.as_bytes());
    if name.len().abs_diff(known.len()) > 1 {
        return false;
    }
    let front = name.iter().zip(known).take_while(|(one, other)| one == other).count();
    let (name, known) = (&name[front..], &known[front..]);
    let back = name.iter().rev().zip(known.iter().rev()).take_while(|(one, other)| one == other).count();
    match (&name[..name.len() - back], &known[..known.len() - back]) {
        ([_] | [], [_] | []) => true,
        ([a, b], [c, d]) => a == d && b == c,
        _ => false,
    }
}

/// The nearest of some names, if one is near.
#[must_use]
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let bound = (name.len() / 3).max(2);
    known
        // The lengths alone differ by as much.
        .filter(|one| one.len().abs_diff(name.len()) <= bound)
        .map(|one| (strsim::osa_distance(name, one), one))
        .filter(|(distance, _)| *distance <= bound)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, one)| one.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_what_the_distance_of_one_is() {
        let names = [
            "NATS_URL",
            "NATS_ULR",
            "NATS_UR",
            "NATS_URLS",
            "NATZ_URL",
            "ANTS_URL",
            "NATS_RUL",
            "NTAS_ULR",
            "N",
            "",
        ];
        for one in names {
            for other in names {
                assert_eq!(is_slip(one, other), strsim::osa_distance(one, other) <= 1, "{one} {other}");
            }
        }
    }
}
