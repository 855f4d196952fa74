//! Settings of both ends that do not fit: schemes, switched-off verification, hosts that are no name of anything,
//! servers that let everybody in, clusters that talk in clear.

use std::collections::BTreeMap;

use super::config::{Config, File};
use super::connections::{Connection, Target, config_of, host_of, in_production, known};
use super::cure::{Cure, Kubectl, change};
use super::fault::Fault;
use crate::cause::{CauseKind, Side, Variant};
use crate::link::Link;
use crate::remedy::ChangeKind;
use crate::workload::kubernetes::{Cluster, service_of};
use crate::workload::{Value, Workload};

/// Faults that the description alone shows.
#[must_use]
pub(super) fn faults(cluster: &Cluster, connections: &[Connection<'_>], kubectl: &Kubectl) -> Vec<Fault> {
    let mut faults = Vec::new();
    for connection in connections {
        faults.extend(unverified(connection, kubectl));
        faults.extend(scheme(connections, connection, kubectl));
        faults.extend(nobody(cluster, connection, kubectl));
        faults.extend(no_such_port(cluster, connection, kubectl));
    }
    for service in ["nats", "redis"] {
        for workload in cluster.of_service(service) {
            if let Some(config) = config_of(cluster, workload) {
                faults.extend(plain_server(connections, workload, &config, kubectl));
                faults.extend(open_server(connections, workload, &config, kubectl));
                faults.extend(plain_cluster(workload, &config, kubectl));
            }
        }
    }
    let mut distinct: BTreeMap<(String, Option<CauseKind>), Fault> = BTreeMap::new();
    for fault in faults {
        let known = distinct.entry(fault.identity()).or_insert_with(|| fault.clone());
        known.breaks.extend(fault.breaks);
        for fact in fault.because {
            known.add(fact);
        }
    }
    distinct.into_values().collect()
}

/// A variable of a workload's main container that has to hold something else.
pub(super) fn set(
    kubectl: &Kubectl,
    workload: &Workload,
    variable: &str,
    from: Option<&str>,
    to: &str,
    why: &str,
) -> Cure {
    let name = workload.to_string();
    let container = workload.main().map_or("", |main| main.name.as_str());
    let now = from.map_or("is not set".to_owned(), |from| format!("is {from}"));
    let change = change(
        name.clone(),
        Some(container),
        ChangeKind::Environment,
        variable.to_owned(),
        Some(format!("spec.template.spec.containers[name={container}].env")),
    )
    .values(from, Some(to));
    let cure = Cure::told(format!("{variable} of {name} {now} and has to be {to}: {why}")).with(change);
    // A password that comes from a Secret is referred to as the manifest does it; another one is not typed.
    let passwords: Vec<&str> = workload
        .main()
        .into_iter()
        .flat_map(|main| &main.environment)
        .filter(|one| matches!(one.value, Value::Secret { .. }) && one.name.contains("PASSWORD"))
        .map(|one| one.name.as_str())
        .collect();
    let to = match passwords.as_slice() {
        [name] => to.replace("***", &format!("$({name})")),
        _ => to.to_owned(),
    };
    if to.contains("***") { cure } else { cure.by(kubectl.set(workload, container, variable, &to)) }
}

fn unverified(one: &Connection<'_>, kubectl: &Kubectl) -> Option<Fault> {
    let setting = one.unverified.as_ref()?;
    let workload = one.client.to_string();
    let breaks: &[&'static str] = match (one.target, service_of(one.client)) {
        (
            Target::Link(Link::Nats),
            "api-gateway" | "scheduler" | "safety-kernel" | "workflow-engine" | "context-engine",
        ) => &["service-links"],
        (Target::Link(Link::Nats), _) => &["worker-nats-tls"],
        (Target::Link(Link::Redis), _) => &["redis-logs"],
        (Target::Link(Link::Gateway), _) => &["dashboard-gateway"],
        (Target::Link(Link::SafetyKernel), _) => &["safety-kernel-grpc"],
        _ => &[],
    };
    let fault = Fault::new(Some(CauseKind::VerificationNotEnforced), workload.clone())
        .on(Side::Client)
        .breaks(breaks);
    if setting.starts_with('/') {
        return Some(
            fault
                .because(format!("nothing is mounted at {setting} in {workload}: it verifies no certificate of {}", one.target.word()))
                .cure(Cure::told(format!(
                    "{workload} has no CA at {setting}, so it verifies nobody: mount ca.crt of the clients' Secret there"
                ))),
        );
    }
    Some(
        fault
            .because(format!(
                "{setting} is on in {workload}: it verifies no certificate of {}",
                one.target.word()
            ))
            .cure(set(
                kubectl,
                one.client,
                setting,
                Some("true"),
                "false",
                "the server's certificate has to be verified",
            )),
    )
}

/// A client that speaks plaintext to a TLS port, or TLS to a plaintext port as the only one.
fn scheme(connections: &[Connection<'_>], one: &Connection<'_>, kubectl: &Kubectl) -> Option<Fault> {
    let (variable, value) = one.scheme.as_ref()?;
    let workload = one.client.to_string();
    let whole = one.client.main().and_then(|main| known(main, variable)).unwrap_or(value).to_owned();
    let right = |tls: bool| match one.target {
        Target::Link(Link::Nats) => Some(if tls { "tls" } else { "nats" }),
        Target::Link(Link::Redis) => Some(if tls { "rediss" } else { "redis" }),
        Target::Link(Link::Gateway) => Some(if tls { "https" } else { "http" }),
        _ => None,
    };
    let with_scheme = |tls: bool| match (right(tls), whole.split_once("://")) {
        (Some(scheme), Some((_, rest))) => format!("{scheme}://{rest}"),
        (Some(scheme), None) => scheme.to_owned(),
        (None, _) => whole.clone(),
    };
    match (one.client_tls, one.server_tls) {
        (Some(false), Some(true)) => {
            let breaks: &[&'static str] = match one.target {
                Target::Link(Link::Gateway) => &["dashboard-gateway"],
                Target::Link(Link::SafetyKernel) => &["safety-kernel-grpc"],
                _ => &[],
            };
            let base = Fault::new(Some(CauseKind::WrongSchemePlainToTls), workload.clone())
                .on(Side::Client)
                .breaks(breaks);
            if one.target == Target::Link(Link::SafetyKernel) {
                let main = one.client.main()?;
                let path = known(main, "NATS_TLS_CA").or_else(|| known(main, "REDIS_TLS_CA"))?;
                return Some(
                    base.because(format!(
                        "SAFETY_KERNEL_TLS_CA of {workload} is not set, and the safety kernel speaks TLS"
                    ))
                    .cure(set(
                        kubectl,
                        one.client,
                        "SAFETY_KERNEL_TLS_CA",
                        None,
                        path,
                        "the safety kernel speaks TLS",
                    )),
                );
            }
            Some(
                base.because(format!(
                    "{variable} of {workload} is {value}, and {} speaks TLS there",
                    one.target.word()
                ))
                .cure(set(
                    kubectl,
                    one.client,
                    variable,
                    Some(&whole),
                    &with_scheme(true),
                    &format!("{} speaks TLS there", one.target.word()),
                )),
            )
        }
        (Some(true), Some(false)) => {
            let others: Vec<_> = connections
                .iter()
                .filter(|other| other.target == one.target && !std::ptr::eq(other.client, one.client))
                .collect();
            // Where the other clients speak TLS too, it is the server that is the odd one.
            let alone = !others.is_empty() && others.iter().all(|other| other.client_tls == Some(false));
            if !alone || one.target == Target::Link(Link::Gateway) {
                return gateway_in_clear(one, kubectl);
            }
            Some(
                Fault::new(Some(CauseKind::WrongSchemeTlsToPlain), workload.clone())
                    .on(Side::Client)
                    .because(format!(
                        "{variable} of {workload} is {value}, and {} speaks plaintext",
                        one.target.word()
                    ))
                    .cure(set(
                        kubectl,
                        one.client,
                        variable,
                        Some(&whole),
                        &with_scheme(false),
                        &format!("{} speaks plaintext", one.target.word()),
                    )),
            )
        }
        _ => None,
    }
}

/// The dashboard asks for HTTPS, and the gateway has no certificate set.
fn gateway_in_clear(one: &Connection<'_>, kubectl: &Kubectl) -> Option<Fault> {
    if one.target != Target::Link(Link::Gateway) {
        return None;
    }
    let main = one.server.main()?;
    let certificate = known(main, "GRPC_TLS_CERT")?;
    let key = known(main, "GRPC_TLS_KEY")?;
    let cure = set(kubectl, one.server, "GATEWAY_HTTP_TLS_CERT", None, certificate, "its clients speak TLS");
    let second = set(kubectl, one.server, "GATEWAY_HTTP_TLS_KEY", None, key, "its clients speak TLS");
    let name = one.server.to_string();
    let command = kubectl.command(&[
        "set",
        "env",
        &name,
        "-c",
        &main.name,
        &format!("GATEWAY_HTTP_TLS_CERT={certificate}"),
        &format!("GATEWAY_HTTP_TLS_KEY={key}"),
    ]);
    let mut cure = cure.by(command);
    cure.changes.extend(second.changes);
    Some(
        Fault::new(Some(CauseKind::WrongSchemeTlsToPlain), name)
            .variant(Some(Variant::HttpPlaintext))
            .because(format!("GATEWAY_HTTP_TLS_CERT of {} is not set: it serves plain HTTP", one.server))
            .cure(cure)
            .breaks(&["gateway-https", "gateway-wss", "cli-with-cacert", "dashboard-gateway"]),
    )
}

/// A host that nothing in the namespace is called.
fn nobody(cluster: &Cluster, one: &Connection<'_>, kubectl: &Kubectl) -> Option<Fault> {
    if !matches!(one.target, Target::Link(_)) {
        return None;
    }
    let address = match (one.target, &one.scheme) {
        (Target::Link(Link::Nats | Link::Redis), Some((variable, url))) => (variable.clone(), url.clone()),
        _ => one.names.first().map(|name| (name.setting.clone(), name.name.clone()))?,
    };
    let host = host_of(&address.1);
    if service_of(one.client) == "dashboard" && !host.contains('.') {
        return Some(short_upstream(cluster, one, host, kubectl));
    }
    let short = !host.contains('.');
    let inside = host.strip_suffix(".cluster.local").unwrap_or(host);
    let inside = inside.strip_suffix(".svc").unwrap_or(inside);
    let mut parts = inside.rsplitn(2, '.');
    let (last, front) = (parts.next().unwrap_or_default(), parts.next());
    let (service, namespace) = match front {
        None => (last, cluster.namespace.as_str()),
        Some(front) => (front, last),
    };
    if host.parse::<std::net::IpAddr>().is_ok()
        || cluster.services.is_empty()
        || (!short && (!host.contains(".svc") || namespace != cluster.namespace))
        || host == "localhost"
    {
        return None;
    }
    // `cordum-nats-0.cordum-nats`: a pod behind a headless Service.
    let name = service.rsplit('.').next().unwrap_or(service);
    if cluster.services.iter().any(|known| known.name == name) {
        return None;
    }
    let workload = one.client.to_string();
    let right = one.server.aliases.first()?;
    let to = address.1.replacen(host, right, 1);
    let hides =
        one.client.main().and_then(|main| known(main, &address.0)).is_some_and(|text| text.contains('@'));
    let typed = |url: &str| {
        if hides { url.replacen("://", "://***@", 1) } else { url.to_owned() }
    };
    let breaks: &[&'static str] =
        if service_of(one.client) == "dashboard" { &["dashboard-gateway"] } else { &[] };
    Some(
        Fault::new(Some(CauseKind::Dns), workload.clone())
            .on(Side::Client)
            .because(format!(
                "{} of {workload} names the host {host}, and no Service is called so",
                address.0
            ))
            .cure(set(
                kubectl,
                one.client,
                &address.0,
                Some(&typed(&address.1)),
                &typed(&to),
                &format!("{} is reached by that name", one.target.word()),
            ))
            .breaks(breaks),
    )
}

/// A port that the Service which is dialled does not have.
fn no_such_port(cluster: &Cluster, one: &Connection<'_>, kubectl: &Kubectl) -> Option<Fault> {
    if !matches!(one.target, Target::Link(Link::Nats | Link::Redis)) {
        return None;
    }
    let (variable, url) = one.scheme.as_ref()?;
    let host = host_of(url);
    let service =
        cluster.services.iter().find(|service| service.name == host.split('.').next().unwrap_or(host))?;
    let port: u16 = url.rsplit_once(':')?.1.split(['/', '?']).next()?.parse().ok()?;
    let usual = if one.target == Target::Link(Link::Nats) { 4222 } else { 6379 };
    let ports: Vec<u16> = service.ports.iter().map(|(port, _)| *port).collect();
    if service.headless || ports.contains(&port) || !ports.contains(&usual) {
        return None;
    }
    let whole = one.client.main().and_then(|main| known(main, variable)).unwrap_or(url).to_owned();
    let to = whole.replacen(&format!(":{port}"), &format!(":{usual}"), 1);
    let why = format!("Service {} has the ports {ports:?}", service.name);
    Some(
        Fault::new(Some(CauseKind::ConnectionRefused), one.client.to_string())
            .on(Side::Client)
            .because(format!(
                "{variable} of {} is {url}, and Service {} has no port {port}",
                one.client, service.name
            ))
            .cure(set(kubectl, one.client, variable, Some(&whole), &to, &why)),
    )
}

/// nginx asks its resolver for the name as it stands: the search list of a pod's resolv.conf does not count.
fn short_upstream(cluster: &Cluster, one: &Connection<'_>, host: &str, kubectl: &Kubectl) -> Fault {
    let to = format!("{host}.{}.svc.cluster.local", cluster.namespace);
    Fault::new(Some(CauseKind::Dns), one.client.to_string())
        .on(Side::Client)
        .because(format!(
            "CORDUM_API_UPSTREAM_HOST of {} is {host}: nginx resolves no short names in a cluster",
            one.client
        ))
        .cure(set(
            kubectl,
            one.client,
            "CORDUM_API_UPSTREAM_HOST",
            Some(host),
            &to,
            "nginx resolves full names only",
        ))
        .breaks(&["dashboard-gateway"])
}

/// The configuration's own name in reports.
fn place(workload: &Workload, config: &Config) -> String {
    config.file.as_ref().map_or_else(|| workload.to_string(), |file| format!("configmap/{}", file.config_map))
}

/// A ConfigMap's text with a change, and the server restarted with it.
fn rewrite(
    kubectl: &Kubectl,
    workload: &Workload,
    file: &File,
    text: &str,
    what: String,
    key: &str,
    to: &str,
) -> Cure {
    let change = change(
        workload.to_string(),
        workload.main().map(|main| main.name.as_str()),
        ChangeKind::Config,
        key.to_owned(),
        Some(file.path.clone()),
    )
    .values(None, Some(to));
    let cure = Cure::told(what).with(change);
    // A configuration with a password in it is not printed.
    if crate::logs::classify::redact(text) != *text
        || text.contains("password")
        || text.contains("requirepass")
    {
        return cure;
    }
    let mut command = kubectl.rewrite(&file.config_map, &file.key, text);
    if let Some(restart) = kubectl.restart(&[workload.to_string()]) {
        command.push_str(" && ");
        command.push_str(&restart);
    }
    cure.by(command)
}

/// NATS or Redis speaks plaintext where its clients speak TLS, or production asks for it.
fn plain_server(
    connections: &[Connection<'_>],
    workload: &Workload,
    config: &Config,
    kubectl: &Kubectl,
) -> Option<Fault> {
    let nats = service_of(workload) == "nats";
    let link = if nats { Link::Nats } else { Link::Redis };
    let clients: Vec<_> = connections.iter().filter(|one| one.target == Target::Link(link)).collect();
    if clients.is_empty() || clients.iter().any(|one| one.server_tls != Some(false)) {
        return None;
    }
    let breaks: &[&'static str] =
        if nats { &["worker-nats-tls", "nats-mtls", "service-links"] } else { &["redis-tls"] };
    let place = place(workload, config);
    let wants_tls = clients.iter().filter(|one| one.client_tls == Some(true)).count();
    if wants_tls > 0 {
        let variant = if nats { Variant::NatsPlaintext } else { Variant::RedisPlaintext };
        let fault = Fault::new(Some(CauseKind::WrongSchemeTlsToPlain), place.clone())
            .variant(Some(variant))
            .because(format!(
                "{place} gives {workload} no TLS for clients, and {wants_tls} of its clients speak TLS"
            ))
            .breaks(breaks);
        return Some(fault.cure(with_tls(kubectl, workload, config, nats)));
    }
    let production = clients.iter().any(|one| one.client.main().is_some_and(in_production));
    if !production {
        return Some(
            Fault::new(Some(CauseKind::WrongSchemeTlsToPlain), place.clone())
                .variant(Some(if nats { Variant::NatsPlaintext } else { Variant::RedisPlaintext }))
                .because(format!("{place} gives {workload} no TLS, and none of its clients asks for it"))
                .cure(with_tls(kubectl, workload, config, nats))
                .breaks(breaks),
        );
    }
    if !nats {
        return Some(
            Fault::new(Some(CauseKind::WrongSchemeTlsToPlain), place.clone())
                .variant(Some(Variant::RedisPlaintext))
                .because(format!("{workload} speaks plaintext in production, and nothing refuses that"))
                .cure(with_tls(kubectl, workload, config, nats))
                .breaks(breaks),
        );
    }
    let urls: Vec<String> = clients
        .iter()
        .filter_map(|one| Some(format!("{}: {}", one.client, one.scheme.as_ref()?.1)))
        .collect();
    Some(
        Fault::new(Some(CauseKind::WrongSchemePlainToTls), place.clone())
            .on(Side::Server)
            .because(format!(
                "production asks for NATS over TLS: {place} gives {workload} none, and the clients dial {}",
                urls.join(", ")
            ))
            .cure(with_tls(kubectl, workload, config, nats))
            .cure(allow_plaintext(kubectl, &clients))
            .breaks(breaks),
    )
}

/// The alternative where NATS cannot have TLS (the chart has no setting for it).
fn allow_plaintext(kubectl: &Kubectl, clients: &[&Connection<'_>]) -> Cure {
    let names: Vec<String> = clients.iter().map(|one| one.client.to_string()).collect();
    let mut words = vec!["set", "env"];
    words.extend(names.iter().map(String::as_str));
    words.push("CORDUM_NATS_ALLOW_PLAINTEXT=true");
    Cure::told(
        "or, where NATS cannot have TLS: CORDUM_NATS_ALLOW_PLAINTEXT=true lets the services speak plaintext with it in production",
    )
    .by(kubectl.command(&words))
}

fn with_tls(kubectl: &Kubectl, workload: &Workload, config: &Config, nats: bool) -> Cure {
    let mounts = workload.main().map(|main| main.mounts.as_slice()).unwrap_or_default();
    let folder = mounts
        .iter()
        .find(|mount| matches!(&mount.source, crate::workload::MountSource::Secret { .. }))
        .map(|mount| mount.target.trim_end_matches('/').to_owned());
    let (Some(file), Some(folder)) = (&config.file, folder) else {
        let what = if nats {
            "a `tls { cert_file, key_file, ca_file, verify: true }` block"
        } else {
            "`tls-port 6379`, `port 0` and its certificate"
        };
        return Cure::told(format!(
            "{workload} has to speak TLS: mount a Secret with its certificate (tls.crt, tls.key, ca.crt), give its \
             configuration {what}, and let the clients dial {}://",
            if nats { "tls" } else { "rediss" }
        ));
    };
    let text = if nats {
        format!(
            "{}\ntls {{\n  cert_file: {folder}/tls.crt\n  key_file: {folder}/tls.key\n  ca_file: {folder}/ca.crt\n  verify: true\n}}\n",
            file.text.trim_end()
        )
    } else {
        let kept: Vec<&str> = file
            .text
            .lines()
            .filter(|line| {
                !line.trim_start().starts_with("port ") && !line.trim_start().starts_with("tls-port ")
            })
            .collect();
        let pair = if config.get("tls-cert-file").is_some() {
            String::new()
        } else {
            format!(
                "tls-cert-file {folder}/tls.crt\ntls-key-file {folder}/tls.key\ntls-ca-cert-file {folder}/ca.crt\n"
            )
        };
        format!("port 0\ntls-port 6379\n{pair}{}\n", kept.join("\n"))
    };
    let key = if nats { "tls" } else { "tls-port" };
    let to = if nats { "cert_file, key_file, ca_file, verify: true" } else { "6379" };
    rewrite(
        kubectl,
        workload,
        file,
        &text,
        format!(
            "{} of configmap/{} has no TLS for clients, and they speak TLS: give it {key}",
            file.key, file.config_map
        ),
        key,
        to,
    )
}

/// NATS speaks TLS and asks nobody for a certificate, though its clients carry some.
fn open_server(
    connections: &[Connection<'_>],
    workload: &Workload,
    config: &Config,
    kubectl: &Kubectl,
) -> Option<Fault> {
    let nats = service_of(workload) == "nats";
    let carries =
        connections.iter().any(|one| one.target == Target::Link(Link::Nats) && one.identity.is_some());
    let verifies = config.is_on("tls.verify") || config.is_on("tls.verify_and_map");
    if !nats || !config.has_block("tls") || verifies || !carries {
        return None;
    }
    let place = place(workload, config);
    let now = config.get("tls.verify").map_or("is not set".to_owned(), |value| format!("is {value}"));
    let what =
        format!("`verify` in the tls block of {place} {now} and has to be true: NATS lets in whoever comes");
    let fault = Fault::new(Some(CauseKind::MtlsNotEnforced), place.clone())
        .because(format!("tls.verify {now} in {place}: NATS asks no client for a certificate"))
        .breaks(&["nats-mtls"]);
    let Some(file) = &config.file else { return Some(fault.cure(Cure::told(what))) };
    let text = verifying(&file.text);
    Some(fault.cure(rewrite(kubectl, workload, file, &text, what, "tls.verify", "true")))
}

/// The text with `verify: true` in the first top-level tls block.
fn verifying(text: &str) -> String {
    let mut out: Vec<String> = Vec::new();
    let mut depth = 0_usize;
    let mut inside = false;
    let mut done = false;
    for line in text.lines() {
        let trimmed = line.trim_start();
        if depth == 0 && trimmed.starts_with("tls") && line.contains('{') {
            inside = true;
            out.push(line.to_owned());
            if !done {
                out.push("  verify: true".to_owned());
                done = true;
            }
            depth += line.matches('{').count();
            depth = depth.saturating_sub(line.matches('}').count());
            continue;
        }
        let drops =
            inside && depth == 1 && (trimmed.starts_with("verify:") || trimmed.starts_with("verify "));
        depth += line.matches('{').count();
        depth = depth.saturating_sub(line.matches('}').count());
        if depth == 0 {
            inside = false;
        }
        if !drops {
            out.push(line.to_owned());
        }
    }
    out.join("\n") + "\n"
}

/// Members that talk in clear among themselves though their clients do not.
fn plain_cluster(workload: &Workload, config: &Config, kubectl: &Kubectl) -> Option<Fault> {
    let nats = service_of(workload) == "nats";
    let place = place(workload, config);
    if nats {
        let plain = config.has_block("cluster")
            && config.get("cluster.routes").is_some_and(|routes| routes.lines().count() > 1)
            && !config.has_block("cluster.tls")
            && config.has_block("tls");
        return plain.then(|| {
            Fault::new(Some(CauseKind::WrongSchemeTlsToPlain), place.clone())
                .because(format!(
                    "the cluster block of {place} has no tls block: the NATS servers talk in clear"
                ))
                .cure(Cure::told(format!("give the cluster block of {place} a tls block with verify: true")))
                .breaks(&["cluster-links"])
        });
    }
    let tls = config.get("tls-port").is_some_and(|port| port != "0");
    let missing: Vec<&str> =
        ["tls-cluster", "tls-replication"].into_iter().filter(|key| !config.is_on(key)).collect();
    if !tls || !config.is_on("cluster-enabled") || !missing.contains(&"tls-cluster") {
        return None;
    }
    let lines: Vec<String> = missing.iter().map(|key| format!("{key} yes")).collect();
    let what = format!(
        "{place} has no {}: the Redis nodes talk in clear and do not find each other: add it",
        lines.join(", ")
    );
    let fault = Fault::new(Some(CauseKind::WrongSchemeTlsToPlain), place)
        .because(format!("{} is not set, and the port for clients speaks TLS only", lines.join(", ")))
        .breaks(&["cluster-links"]);
    let Some(file) = &config.file else { return Some(fault.cure(Cure::told(what))) };
    let text = format!("{}\n{}\n", file.text.trim_end(), lines.join("\n"));
    Some(fault.cure(rewrite(kubectl, workload, file, &text, what, "tls-cluster", "yes")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verify_is_put_into_the_clients_block_alone() {
        let text = "port: 4222\ntls {\n  cert_file: /a\n  verify: false\n}\ncluster {\n  tls {\n    verify: false\n  }\n}\n";
        assert_eq!(
            verifying(text),
            "port: 4222\ntls {\n  verify: true\n  cert_file: /a\n}\ncluster {\n  tls {\n    verify: false\n  }\n}\n"
        );
    }
}
