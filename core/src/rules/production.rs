//! What Cordum's services refuse to start with in production.

use super::Finding;
use super::context::RuleContext;
use crate::cause::{CauseKind, Severity};
use crate::wiring::{Program, SERVERS, SettingKind, TlsMode, Verifies, is_loopback, named_gaps, truthy};
use crate::workload::{Container, Place};

struct Service<'a> {
    workload: usize,
    program: Program,
    container: &'a Container,
    place: Place,
}

/// Looks at every core service in production.
pub(super) fn inspect(case: &RuleContext<'_>, findings: &mut Vec<Finding>) {
    for (workload, programs) in case.wiring.programs.iter().enumerate() {
        // Of variables that are not known nothing is missed.
        if case.description.open_environment.contains(&case.workload(workload).name) {
            continue;
        }
        for (at, program) in programs.iter().enumerate() {
            let container = case.container(workload, at);
            if program.is_core() && container.in_production() {
                let place = case.container_place(workload, at);
                let service = Service { workload, program: *program, container, place };
                servers(case, &service, findings);
                brokers(case, &service, findings);
                others(case, &service, findings);
            }
        }
    }
}

impl Service<'_> {
    fn set(&self, name: &str) -> Option<(String, Place)> {
        let setting = self.container.variable(name)?;
        let text = setting.value.marked();
        (!text.trim().is_empty()).then(|| (text, setting.place.clone().unwrap_or_else(|| self.place.clone())))
    }

    fn finding(&self, case: &RuleContext<'_>, place: &Place, message: String) -> Finding {
        Finding::new("production-rule", Severity::Error, place, message).of(case.called(self.workload))
    }

    fn missing(
        &self,
        case: &RuleContext<'_>,
        name: &str,
        to: Option<&str>,
        message: String,
        cause: Option<CauseKind>,
    ) -> Finding {
        let change = case.change(self.workload, SettingKind::Environment, name, None, to, &self.place);
        let mut finding = self.finding(case, &self.place, message);
        finding.cause = cause;
        finding.fix(case.cure(format!("set {name}"), vec![change]))
    }
}

fn servers(case: &RuleContext<'_>, service: &Service<'_>, findings: &mut Vec<Finding>) {
    for server in SERVERS.iter().filter(|one| one.program == service.program) {
        if service.set(server.certificate).is_none() && service.set(server.key).is_none() {
            let message = format!(
                "{} is not set, and without it the service does not start in production",
                server.certificate
            );
            let mut finding = service.missing(case, server.certificate, None, message, None);
            let key = case.change(
                service.workload,
                SettingKind::Environment,
                server.key,
                None,
                None,
                &service.place,
            );
            if let Some(fix) = finding.fix.first_mut() {
                fix.text = format!("set {} and {}", server.certificate, server.key);
                fix.changes.push(key);
            }
            findings.push(finding);
        }
    }
}

fn brokers(case: &RuleContext<'_>, service: &Service<'_>, findings: &mut Vec<Finding>) {
    let allowed = service.set("CORDUM_NATS_ALLOW_PLAINTEXT").is_some_and(|(text, _)| truthy(&text));
    for variable in ["NATS_URL", "REDIS_URL"] {
        if service.set(variable).is_none() {
            let message = format!(
                "{variable} is not set: in production the service stops with `production mode requires these environment variables`"
            );
            findings.push(service.missing(case, variable, None, message, None));
        }
    }
    for dial in case.wiring.dials.iter().filter(|one| one.workload == Some(service.workload)) {
        let Some(prefix) =
            ["NATS", "REDIS"].into_iter().find(|prefix| dial.setting == format!("{prefix}_URL"))
        else {
            continue;
        };
        if prefix == "NATS"
            && dial.tls_mode == TlsMode::Plain
            && !allowed
            && service.program != Program::ContextEngine
        {
            let to = dial.raw.replacen("nats://", "tls://", 1);
            let message = format!(
                "{} is {}: in production the service stops with `nats TLS required in production`",
                dial.setting, dial.shown
            );
            let change = case.change(
                service.workload,
                SettingKind::Environment,
                "NATS_URL",
                Some(&dial.raw),
                Some(&to),
                &dial.place,
            );
            findings.push(
                service
                    .finding(case, &dial.place, message)
                    .cause(CauseKind::WrongSchemePlainToTls, None)
                    .fix(case.cure(format!("set NATS_URL to {to}"), vec![change])),
            );
        }
        let any = ["CA", "CERT", "KEY", "SERVER_NAME", "INSECURE"]
            .iter()
            .any(|part| service.set(&format!("{prefix}_TLS_{part}")).is_some());
        if dial.tls_mode == TlsMode::Tls && !any {
            let name = format!("{prefix}_TLS_CA");
            let message = format!(
                "{} is {} and no {prefix}_TLS_* is set: in production the service stops with `{} tls required in production`",
                dial.setting,
                dial.shown,
                prefix.to_ascii_lowercase()
            );
            findings.push(service.missing(case, &name, None, message, Some(CauseKind::UnknownAuthority)));
        }
        if let Verifies::No { setting, place, .. } = &dial.verifies
            && setting.ends_with("_TLS_INSECURE")
            && dial.tls_mode == TlsMode::Tls
        {
            let message = format!(
                "{setting} is on: in production the service stops with `{} tls insecure not allowed in production`",
                prefix.to_ascii_lowercase()
            );
            let mut change =
                case.change(service.workload, SettingKind::Environment, setting, Some("true"), None, place);
            change.from = service.set(setting).map(|(text, _)| named_gaps(&text));
            change.remove = true;
            findings.push(
                service
                    .finding(case, place, message)
                    .cause(CauseKind::VerificationNotEnforced, None)
                    .fix(case.cure(format!("take {setting} away"), vec![change])),
            );
        }
    }
}

fn others(case: &RuleContext<'_>, service: &Service<'_>, findings: &mut Vec<Finding>) {
    let kernel = matches!(service.program, Program::Gateway | Program::Scheduler);
    if kernel && service.set("SAFETY_KERNEL_TLS_CA").is_none() {
        let ca = ["NATS_TLS_CA", "REDIS_TLS_CA"]
            .iter()
            .find_map(|name| service.set(name))
            .map(|(path, _)| named_gaps(&path));
        let message = "SAFETY_KERNEL_TLS_CA is not set: in production the service stops with `safety_kernel_tls_ca required`".to_owned();
        findings.push(service.missing(
            case,
            "SAFETY_KERNEL_TLS_CA",
            ca.as_deref(),
            message,
            Some(CauseKind::UnknownAuthority),
        ));
    }
    if service.program == Program::Gateway
        && !["CORDUM_API_KEY", "CORDUM_API_KEYS", "CORDUM_API_KEYS_PATH"]
            .iter()
            .any(|name| service.container.variable(name).is_some())
    {
        let message = "no API key is set: in production the gateway does not start without one".to_owned();
        findings.push(service.missing(case, "CORDUM_API_KEY", None, message, None));
    }
    for (program, prefix) in [
        (Program::Gateway, "GATEWAY"),
        (Program::Scheduler, "SCHEDULER"),
        (Program::ContextEngine, "CONTEXT_ENGINE"),
    ] {
        if program != service.program {
            continue;
        }
        let address = format!("{prefix}_METRICS_ADDR");
        let public = format!("{prefix}_METRICS_PUBLIC");
        let own = service.set(&address);
        let loopback = own.as_ref().is_some_and(|(text, _)| {
            text.rsplit_once(':').is_some_and(|(host, _)| is_loopback(host.trim_matches(['[', ']'])))
        });
        let open = service
            .set(&public)
            .is_some_and(|(text, _)| truthy(&text) || text.contains(crate::workload::Template::OPEN));
        let unknown = own.as_ref().is_some_and(|(text, _)| text.contains(crate::workload::Template::OPEN));
        if !loopback && !open && !unknown {
            let message = format!(
                "the metrics port is open to others and {public} is not set: in production the service stops with `metrics bind rejected`"
            );
            findings.push(service.missing(case, &public, Some("true"), message, None));
        }
    }
}
