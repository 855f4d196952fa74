//! What runs, judged as what is described: containers of an engine, pods of a cluster. Nothing of it has a line.

use std::sync::Arc;

use super::context::RuleContext;
use super::{AuditOptions, Finding, findings, look};
use crate::cause::CauseKind;
use crate::manifest::{Description, FaultKind, MemoryFiles};
use crate::wiring::{Program, wire};
use crate::workload::{Container, Mount, MountSource, Place, Setting, Value, Workload, WorkloadKind};

/// The settings by which a running container verifies nobody whom it dials, each with the rule that says so.
#[must_use]
pub fn unverified(service: &str, container: &Container) -> Vec<(String, &'static str)> {
    let mut container = container.clone();
    // A URL that stands in a file, that is built in, or that is not known here is the stack's own.
    for (prefix, url) in [("NATS", "tls://nats:4222"), ("REDIS", "rediss://redis:6379")] {
        let name = format!("{prefix}_URL");
        let is_off = container.variable(&format!("{prefix}_TLS_INSECURE")).is_some();
        let known = |one: &Setting| {
            matches!(one.value, Value::Known(_) | Value::Partly(_) | Value::Secret { text: Some(_), .. })
        };
        if is_off && !container.variable(&name).is_some_and(known) {
            container.environment.push(Setting { name, value: Value::Known(url.to_owned()), place: None });
        }
    }
    let mut workload = Workload::named(WorkloadKind::Service, service);
    workload.containers = vec![container];
    let workload = placed(&workload);
    let role = role(service, &workload);
    let description = Description {
        source: service.to_owned(),
        roles: role.map(|program| (workload.to_string(), program)).into_iter().collect(),
        workloads: vec![workload],
        ..Description::default()
    };
    let rules = ["production-rule", "verification-disabled"];
    findings(&description, &MemoryFiles::default(), AuditOptions::timeless(), &rules)
        .iter()
        .filter(|one| one.cause == Some(CauseKind::VerificationNotEnforced))
        .filter_map(|one| Some((setting(one)?.to_owned(), one.rule)))
        .collect()
}

/// Whether an nginx takes anybody to whom it passes on what is asked for under a location. `path` is where its
/// container has the configuration, `text` what stands there; where that holds what is not known, nothing is claimed.
#[must_use]
pub fn takes_any_upstream(service: &str, path: &str, text: &str, location: &str) -> bool {
    let mut workload = Workload::named(WorkloadKind::Service, service);
    let (source, target) = (MountSource::Host(service.to_owned()), path.to_owned());
    let mounts = vec![Mount { source, target, read_only: true, sub_path: None, mode: None, place: None }];
    workload.containers = vec![Container { mounts, ..Container::default() }];
    let description = Description {
        source: service.to_owned(),
        roles: [(workload.to_string(), Program::Nginx)].into(),
        workloads: vec![workload],
        ..Description::default()
    };
    let files = MemoryFiles::default().with(service, text);
    let mut wiring = wire(&description, &files);
    if wiring.faults.iter().any(|fault| fault.kind == FaultKind::Unreadable) {
        return false;
    }
    let dials = &wiring.dials;
    wiring.connections.retain(|one| dials[one.dial].location.as_deref() == Some(location));
    let case = RuleContext::new(&description, &files, &wiring, AuditOptions::timeless());
    !look(&case, |rule| rule.id == "verification-disabled").is_empty()
}

/// The setting that a finding is about.
#[must_use]
pub fn setting(finding: &Finding) -> Option<&str> {
    Some(finding.fix.first()?.changes.first()?.name.as_str())
}

/// What a service of the stack runs, whatever its image is called; whoever else dials NATS or Redis is a worker.
#[must_use]
pub fn role(service: &str, workload: &Workload) -> Option<Program> {
    Some(match service {
        "nats" => Program::Nats,
        "redis" => Program::Redis,
        "api-gateway" => Program::Gateway,
        "scheduler" => Program::Scheduler,
        "safety-kernel" => Program::SafetyKernel,
        "workflow-engine" => Program::WorkflowEngine,
        "context-engine" => Program::ContextEngine,
        "dashboard" => Program::Dashboard,
        _ => {
            let main = workload.main()?;
            let dials = ["NATS_URL", "REDIS_URL"].iter().any(|name| main.variable(name).is_some());
            return dials.then_some(Program::Worker);
        }
    })
}

/// A workload whose settings are places of their own: without lines two of one container would be one.
#[must_use]
pub fn placed(workload: &Workload) -> Workload {
    let mut one = workload.clone();
    let file = one.place.as_ref().map_or_else(|| Arc::from(one.to_string()), |place| Arc::clone(&place.file));
    let mut column = 0;
    let mut next = || {
        column += 1;
        Some(Place { file: Arc::clone(&file), line: 0, column })
    };
    one.place = next();
    for container in &mut one.containers {
        container.place = next();
        container.environment.iter_mut().for_each(|setting| setting.place = next());
        let words = container.entrypoint.iter_mut().chain(&mut container.arguments);
        words.for_each(|word| word.place = next());
        container.mounts.iter_mut().for_each(|mount| mount.place = next());
    }
    one
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(variables: &[(&str, &str)]) -> Container {
        let set = |(name, value): &(&str, &str)| Setting {
            name: (*name).to_owned(),
            value: Value::Known((*value).to_owned()),
            place: None,
        };
        Container { environment: variables.iter().map(set).collect(), ..Container::default() }
    }

    #[test]
    fn a_running_container_is_judged_by_the_rules_of_its_files() {
        let off = |service: &str, variables: &[(&str, &str)]| unverified(service, &container(variables));
        let (nats, redis) = (("NATS_URL", "tls://n:4222"), ("REDIS_URL", "rediss://r:6379"));
        let insecure = |name| (name, "true");
        let told = |setting: &str, rule| vec![(setting.to_owned(), rule)];
        let development = told("NATS_TLS_INSECURE", "verification-disabled");
        assert_eq!(off("scheduler", &[nats, insecure("NATS_TLS_INSECURE")]), development);
        let production = ("CORDUM_ENV", "production");
        let refused = off("scheduler", &[nats, redis, insecure("NATS_TLS_INSECURE"), production]);
        assert_eq!(refused, told("NATS_TLS_INSECURE", "production-rule"));
        let url = ("REDIS_URL", "rediss://r:6379?skip_verify=true");
        assert_eq!(off("api-gateway", &[url]), told("REDIS_URL", "verification-disabled"));
        let worker = [("NATS_URL", "nats://n:4222"), ("NATS_TLS_CA", "/ca"), insecure("NATS_TLS_INSECURE")];
        assert_eq!(off("some-worker", &worker), development);
        let kernel = [("SAFETY_KERNEL_ADDR", "k:50051"), ("SAFETY_KERNEL_TLS_CA", "/ca")];
        let all = [kernel[0], kernel[1], insecure("SAFETY_KERNEL_TLS_INSECURE")];
        assert_eq!(off("api-gateway", &all), told("SAFETY_KERNEL_TLS_INSECURE", "verification-disabled"));
        assert_eq!(off("mock-bank-worker", &[insecure("NATS_TLS_INSECURE")]), development, "no URL is told");
        // Off, of another link, or of one that is plaintext anyway.
        assert_eq!(off("scheduler", &[nats, ("NATS_TLS_INSECURE", "false")]), []);
        assert_eq!(off("api-gateway", &kernel), []);
        assert_eq!(off("scheduler", &[("NATS_URL", "nats://n:4222"), insecure("NATS_TLS_INSECURE")]), []);
    }

    /// A collection leaves out URLs that hold a password: what is switched off is switched off all the same.
    #[test]
    fn a_url_that_is_not_known_hides_no_switch() {
        let secret = Value::Secret { name: "s".to_owned(), key: "k".to_owned(), text: None };
        for unknown in [Value::Unknown("left out".to_owned()), secret] {
            for name in ["NATS", "REDIS"] {
                let switch = format!("{name}_TLS_INSECURE");
                let mut one = container(&[(&switch, "true")]);
                let url = Setting { name: format!("{name}_URL"), value: unknown.clone(), place: None };
                one.environment.push(url);
                let found: Vec<String> =
                    unverified("scheduler", &one).into_iter().map(|(name, _)| name).collect();
                assert_eq!(found, [switch]);
            }
        }
    }

    #[test]
    fn two_settings_of_one_container_are_two_findings() {
        let both = [
            ("NATS_URL", "tls://n:4222"),
            ("REDIS_URL", "rediss://r:6379"),
            ("NATS_TLS_INSECURE", "1"),
            ("REDIS_TLS_INSECURE", "1"),
        ];
        assert_eq!(unverified("scheduler", &container(&both)).len(), 2);
    }

    #[test]
    fn nginx_verifies_where_it_is_told_to() {
        const FILE: &str = "/etc/nginx/conf.d/default.conf";
        let nginx = |text: &str| takes_any_upstream("dashboard", FILE, text, "/api/");
        let of = |verify: &str, pass: &str| {
            nginx(&format!("server {{ location /api/ {{ proxy_ssl_name x; {verify} {pass} }} }}"))
        };
        assert!(of("proxy_ssl_verify off;", "proxy_pass https://gateway:8081;"));
        assert!(of("", "proxy_pass https://gateway:8081;"), "off is nginx' own default");
        let with_ca = "proxy_ssl_verify  on; proxy_ssl_trusted_certificate /ca.pem;";
        assert!(!of(with_ca, "proxy_pass https://gateway:8081;"));
        assert!(!of("", "proxy_pass http://gateway:8081;"), "plaintext is another fault");
        assert!(!nginx("server { location / { } }"));
        let further_out = "proxy_ssl_verify on; server { location ^~ /api/ { proxy_pass https://g:8081; } }";
        assert!(!nginx(further_out), "it is inherited");
        assert!(nginx(&further_out.replace("{ proxy_pass", "{ proxy_ssl_verify off; proxy_pass")));
        let comment = "# proxy_ssl_verify on;\n";
        assert!(of(comment, "proxy_pass https://gateway:8081;"), "a comment switches nothing on");
        assert!(of("", "set $up https://gateway:8081; proxy_pass $up;"));
        assert!(nginx("server { set $up https://g:8081; location /api/ { proxy_pass $up; } }"));
        let map = "map $host $up { default https://g:8081; } server { location /api/ { proxy_pass $up; } }";
        assert!(nginx(map));
        let upstream = "upstream g { server a:8081; server b:8081; } server { location /api/ { proxy_pass https://g; } }";
        assert!(nginx(upstream));
        let whole = format!("events {{ }} http {{ include /etc/nginx/mime.types; {upstream} }}");
        assert!(takes_any_upstream("dashboard", "/etc/nginx/nginx.conf", &whole, "/api/"));
    }

    /// The dashboard's stream is verified by nobody, and that is how it is made; another location is another matter.
    #[test]
    fn another_location_and_what_an_unknown_file_may_say_are_claimed_of_nobody() {
        let nginx = |text: &str| takes_any_upstream("dashboard", "/etc/nginx/nginx.conf", text, "/api/");
        let verified =
            "proxy_ssl_verify on; proxy_ssl_trusted_certificate /ca.pem; proxy_pass https://g:8081;";
        let stream = "location /api/v1/stream { proxy_pass https://g:8081; }";
        assert!(!nginx(&format!("http {{ server {{ location /api/ {{ {verified} }} {stream} }} }}")));
        assert!(!nginx(&format!("http {{ server {{ location /api/ {{ {verified} {stream} }} }} }}")));
        let pass = "proxy_pass https://g:8081;";
        for (include, claimed) in [
            ("include tls.conf;", false),
            ("include snippets/*.conf;", false),
            ("include mime.types;", true),
            ("include /etc/nginx/conf.d/*.conf;", true),
            ("include uwsgi_params;", true),
        ] {
            let of = |text: String| assert_eq!(nginx(&text), claimed, "{text}");
            of(format!("http {{ server {{ location /api/ {{ {include} {pass} }} }} }}"));
            of(format!("http {{ {include} server {{ location /api/ {{ {pass} }} }} }}"));
        }
        let off = "proxy_ssl_verify off;";
        let text = format!("http {{ server {{ {off} location /api/ {{ include tls.conf; {pass} }} }} }}");
        assert!(!nginx(&text), "it may switch on what is off further out");
        let own = format!("http {{ server {{ location /api/ {{ include tls.conf; {off} {pass} }} }} }}");
        assert!(nginx(&own), "nginx takes no setting twice in one block");
        assert!(
            !nginx(&format!("http {{ server {{ location /api/ {{ {pass} }} }}")),
            "it was not read to its end"
        );
    }
}
