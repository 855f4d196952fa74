//! The cure that is chosen, on a stack in memory: one setting, file or mount is wrong, and the cure names it, what
//! it is, and what it has to be. A healthy stack has nothing to be cured.

mod odd;
mod rows;
mod stack;

use rows::ROWS;
use stack::Stack;
use tls_verify_checks::cause::{CauseKind, Variant};
use tls_verify_core::link::Link;
use tls_verify_core::remedy::choose::{self, DefectKind};
use tls_verify_core::remedy::{ChangeKind, Fix};
use tls_verify_core::report::RootCause;
use tls_verify_fixtures::pki::{Leaf, Validity};

/// A change in short: `WORKLOAD KIND NAME: FROM -> TO`.
fn short(fix: &Fix) -> Vec<String> {
    fix.changes
        .iter()
        .map(|change| {
            let kind = format!("{:?}", change.kind).to_lowercase();
            let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
            let to = if change.remove { "(removed)".to_owned() } else { value(&change.to) };
            format!("{} {kind} {}: {} -> {to}", change.workload, change.name, value(&change.from))
        })
        .collect()
}

#[test]
fn a_healthy_stack_has_nothing_to_be_cured() {
    let stack = Stack::healthy();
    let found: Vec<String> = stack.found().iter().map(|(_, fix)| fix.text.clone()).collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn each_fault_has_its_one_cure() {
    let mut wrong = Vec::new();
    for (name, make, changes, command) in ROWS.iter().chain(odd::ROWS) {
        let mut stack = Stack::healthy();
        make(&mut stack);
        let found = stack.found();
        let said: Vec<Vec<String>> = found.iter().map(|(_, fix)| short(fix)).collect();
        if said != [changes.to_vec()] {
            wrong.push(format!("{name}: {said:#?}"));
            continue;
        }
        let (defect, fix) = &found[0];
        let typed = fix.command.clone().unwrap_or_default();
        if !typed.contains(command) {
            wrong.push(format!("{name}: {typed}"));
        }
        if fix.text.contains("s3cret") || defect.because.iter().any(|fact| fact.contains("s3cret")) {
            wrong.push(format!("{name}: a secret: {}", fix.text));
        }
        if fix.text.contains("generate-certs") || typed.contains("generate-certs") {
            wrong.push(format!("{name}: new certificates where a setting is at fault"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_may_not_be_read_is_opened_first_and_the_cas_key_stays_closed() {
    let mut stack = Stack::healthy();
    stack.host.put("/srv/certs/ca/ca.key", "secret");
    for (_, bits) in stack.host.files.values_mut() {
        *bits = 0o600;
    }
    let found = stack.found();
    let (defect, fix) = &found[0];
    assert!(defect.kind == DefectKind::FilesClosed);
    let command = fix.command.clone().unwrap();
    assert!(command.starts_with("chmod a+rX /srv/certs/"), "{command}");
    assert!(!command.contains("ca.key") && !command.contains("-R"), "{command}");
    assert!(fix.changes.iter().all(|change| change.kind == ChangeKind::File), "{fix:?}");
    for service in ["api-gateway", "scheduler"] {
        assert!(command.contains(service), "{command}");
    }
    // In production a key is opened to the services' group alone.
    stack.set("api-gateway", "CORDUM_ENV", "production");
    let command = stack.found()[0].1.command.clone().unwrap();
    assert!(command.contains("chgrp 65532 ") && command.contains("chmod g+r "), "{command}");
    let opened = command.split(" && ").find(|part| part.starts_with("chmod a+rX")).unwrap().to_owned();
    assert!(!opened.contains(".key"), "{command}");
}

#[test]
fn a_file_that_is_renewed_already_is_only_read_again() {
    let mut stack = Stack::healthy();
    let old = stack.ca.issue(&Leaf::server().valid(Validity::Expired)).unwrap();
    stack.served.insert(Link::Redis, vec![old.chain[0].to_vec()]);
    let found = stack.found();
    assert_eq!(found.len(), 1, "{:#?}", found.iter().map(|(_, fix)| &fix.text).collect::<Vec<_>>());
    let (_, fix) = &found[0];
    assert!(fix.changes.is_empty() && fix.text.contains("renewed already"), "{fix:?}");
    assert!(fix.command.as_deref().unwrap().contains("restart redis"), "{fix:?}");
}

#[test]
fn a_redis_without_tls_asks_for_client_certificates_in_production() {
    for (environment, asks) in [("production", "yes"), ("development", "no")] {
        let mut stack = Stack::healthy();
        stack.words("redis", &["redis-server", "--requirepass", "s3cret"]);
        stack.set("api-gateway", "CORDUM_ENV", environment);
        let found = stack.found();
        let changes: Vec<String> = found.iter().flat_map(|(_, fix)| short(fix)).collect();
        let wanted = format!("redis argument --tls-auth-clients: - -> {asks}");
        assert!(changes.contains(&wanted), "{environment}: {changes:#?}");
    }
}

/// What nats-server reads from a file that its configuration includes is changed there.
#[test]
fn a_setting_that_is_included_is_changed_where_it_stands() {
    let mut stack = Stack::healthy();
    let conf = stack::CONF;
    let begin = conf.find("tls").unwrap();
    stack.host.put("/srv/nats.conf", &format!("{}include 'tls.d/tls.conf'\n", &conf[..begin]));
    let block = format!("# kept apart\n{}", conf[begin..].replace("verify: true", "verify: false"));
    stack.host.put("/srv/tls.conf", &block);
    stack.mount_at("nats", "/srv/tls.conf", "/etc/nats/tls.d/tls.conf");
    let found = stack.found();
    assert_eq!(found.len(), 1, "{found:#?}");
    let (_, fix) = &found[0];
    let change = &fix.changes[0];
    assert_eq!(change.path.as_deref(), Some("/etc/nats/tls.d/tls.conf"), "{fix:?}");
    let place = change.defined_at.as_ref().unwrap();
    let line = 1 + block[..block.find("verify").unwrap()].matches('\n').count();
    assert_eq!((&*place.file, place.line as usize), ("tls.conf", line));
    assert!(fix.text.contains("./tls.conf") && fix.command.as_deref().unwrap().contains("restart nats"));
}

/// What a report says of a service before its log has been read to the reason.
fn down(place: &str, variant: Variant) -> RootCause {
    RootCause {
        nameless: false,
        cause: CauseKind::ConnectionRefused,
        variant: Some(variant),
        place: place.to_owned(),
        checks: vec!["gateway-https".to_owned()],
        summary: String::new(),
        because: Vec::new(),
        fix: vec![Fix::new("read what api-gateway said last", None)],
    }
}

#[test]
fn a_service_that_does_not_come_up_is_cured_by_what_it_is_set_up_wrongly_for() {
    let mut stack = Stack::healthy();
    stack.set("api-gateway", "REDIS_URL", "redis://:s3cret@redis:6379");
    let of = |place: &str, variant| {
        let mut roots = vec![down(place, variant)];
        stack.with_facts(|facts| choose::apply(facts, &mut [], &mut roots, tls_verify_checks::over));
        roots.remove(0).fix.remove(0)
    };
    for variant in [Variant::ContainerRestarting, Variant::NothingListens] {
        let fix = of("api-gateway", variant);
        assert_eq!(fix.changes.len(), 1, "{fix:?}");
    }
    // It hangs at its start, and nothing of it has been read yet.
    let hangs = |variant| {
        let mut roots = vec![RootCause {
            cause: CauseKind::Timeout,
            variant,
            ..down("api-gateway", Variant::NothingListens)
        }];
        stack.with_facts(|facts| choose::apply(facts, &mut [], &mut roots, tls_verify_checks::over));
        roots.remove(0).fix.remove(0).changes
    };
    assert_eq!(hangs(None).len(), 1);
    assert!(hangs(Some(Variant::ContainerPaused)).is_empty());
    // Who was stopped is started, and a setting of another service is no reason.
    assert!(of("api-gateway", Variant::ContainerStopped).changes.is_empty());
    assert!(of("context-engine", Variant::ContainerRestarting).changes.is_empty());
}

#[test]
fn what_several_services_have_alike_is_one_cure_and_told_of_the_first() {
    let mut stack = Stack::healthy();
    for service in ["api-gateway", "scheduler"] {
        stack.set(service, "NATS_URL", "nats://nats:4222");
    }
    let found = stack.found();
    assert_eq!(found.len(), 1, "{found:#?}");
    let (defect, fix) = &found[0];
    assert_eq!((defect.workload.as_str(), fix.changes.len()), ("scheduler, api-gateway", 2));
    let told = defect.because.iter().filter(|fact| fact.contains("has NATS_URL=")).count();
    assert_eq!(told, 1, "{:#?}", defect.because);
}

#[test]
fn a_link_out_of_what_is_mounted_is_replaced_by_the_file() {
    let mut stack = Stack::healthy();
    stack.host.links.insert("/srv/certs/server/tls.crt".to_owned(), "/srv/store/tls.crt".to_owned());
    let found = stack.found();
    assert_eq!(found.len(), 1, "{found:#?}");
    let (defect, fix) = &found[0];
    assert!(defect.kind == DefectKind::LinkLeadsOut, "{defect:?}");
    assert!(fix.changes.len() == 1 && fix.changes[0].name.ends_with("certs/server/tls.crt"), "{fix:?}");
    assert!(fix.changes[0].to.as_deref().unwrap().contains("/srv/store/tls.crt"), "{fix:?}");
    let command = fix.command.as_deref().unwrap();
    for service in ["nats", "redis", "api-gateway", "safety-kernel"] {
        assert!(command.contains(service), "{command}");
    }
    // Whoever complains of it, by its name in the container too, is cured by it.
    for place in ["/etc/cordum/tls/server/tls.crt", "/srv/certs/server/tls.crt", "redis", "api-gateway"] {
        let cause = CauseKind::BadKeyFile;
        let mut roots = vec![RootCause { cause, variant: None, ..down(place, Variant::NothingListens) }];
        stack.with_facts(|facts| choose::apply(facts, &mut [], &mut roots, tls_verify_checks::over));
        assert_eq!(roots[0].fix[0].changes.len(), 1, "{place}: {roots:?}");
        assert_eq!(roots[0].place, "/srv/certs/server/tls.crt");
    }
}
