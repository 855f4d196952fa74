//! Servers that speak in clear, let everybody in, or talk to each other in clear.

use super::schemes::rewrite;
use crate::cause::{CauseKind, Side, Variant};
use crate::cluster::config::Config;
use crate::cluster::connections::{Connection, ConnectionTarget, config_of};
use crate::cluster::cure::{Fix, Kubectl};
use crate::cluster::fault::ClusterFault;
use crate::cluster::judged;
use crate::cluster::secrets::SecretEntry;
use crate::evidence::WiringFact;
use crate::link::Link;
use crate::rules::Finding;
use crate::workload::Workload;
use crate::workload::kubernetes::{Cluster, service_of};

/// A server, whoever dials it, and what the rules say of both.
#[derive(Clone, Copy)]
pub(super) struct JudgedServer<'a> {
    pub(super) connections: &'a [Connection<'a>],
    pub(super) findings: &'a [Finding],
    pub(super) workload: &'a Workload,
    pub(super) config: &'a Config,
}

/// NATS or Redis speaks plaintext where its clients speak TLS, or production asks for it.
pub(super) fn plain_server(server: JudgedServer<'_>, kubectl: &Kubectl) -> Option<ClusterFault> {
    let JudgedServer { connections, findings, workload, config } = server;
    let nats = service_of(workload) == "nats";
    let link = if nats { Link::Nats } else { Link::Redis };
    let clients: Vec<_> =
        connections.iter().filter(|one| one.target == ConnectionTarget::Link(link)).collect();
    if clients.is_empty() || clients.iter().any(|one| one.server_tls != Some(false)) {
        return None;
    }
    let breaks: &[&'static str] =
        if nats { &["worker-nats-tls", "nats-mtls", "service-links"] } else { &["redis-tls"] };
    let place = place(workload, config);
    let in_clear = |clients: usize| WiringFact::ServerInClear {
        place: place.clone(),
        workload: workload.to_string(),
        clients,
    };
    let judged = clients.iter().filter_map(|one| judged::scheme(findings, one));
    let (in_tls, refused): (Vec<&Finding>, Vec<&Finding>) =
        judged.partition(|one| one.cause == Some(CauseKind::WrongSchemeTlsToPlain));
    if let Some(finding) = in_tls.first() {
        let variant = if nats { Variant::NatsPlaintext } else { Variant::RedisPlaintext };
        let fault = ClusterFault::new(Some(CauseKind::WrongSchemeTlsToPlain), place.clone())
            .variant(Some(variant))
            .because(in_clear(in_tls.len()))
            .of_rule(finding.rule)
            .breaks(breaks);
        return Some(fault.cure(with_tls(kubectl, workload, config, nats)));
    }
    let open = judged::of_server(findings, workload, "plaintext-listener", |setting| {
        matches!(setting, "tls" | "tls-port" | "port")
    });
    let Some(finding) = refused.first().copied().or(open) else {
        // No rule asks for TLS in a stack that has none; the check of the link does.
        return Some(
            ClusterFault::new(Some(CauseKind::WrongSchemeTlsToPlain), place.clone())
                .variant(Some(if nats { Variant::NatsPlaintext } else { Variant::RedisPlaintext }))
                .because(in_clear(0))
                .cure(with_tls(kubectl, workload, config, nats))
                .breaks(breaks),
        );
    };
    if !nats {
        return Some(
            ClusterFault::new(Some(CauseKind::WrongSchemeTlsToPlain), place.clone())
                .variant(Some(Variant::RedisPlaintext))
                .of_rule(finding.rule)
                .because(WiringFact::ProductionInClear { workload: workload.to_string() })
                .cure(with_tls(kubectl, workload, config, nats))
                .breaks(breaks),
        );
    }
    let urls: Vec<String> = clients
        .iter()
        .filter_map(|one| Some(format!("{}: {}", one.client, one.scheme.as_ref()?.1)))
        .collect();
    Some(
        ClusterFault::new(Some(CauseKind::WrongSchemePlainToTls), place.clone())
            .on(Side::Server)
            .of_rule(finding.rule)
            .because(WiringFact::ProductionServerInClear { place, workload: workload.to_string(), urls })
            .cure(with_tls(kubectl, workload, config, nats))
            .cure(allow_plaintext(kubectl, &clients))
            .breaks(breaks),
    )
}

/// The alternative where NATS cannot have TLS (the chart has no setting for it).
fn allow_plaintext(kubectl: &Kubectl, clients: &[&Connection<'_>]) -> Fix {
    let names: Vec<String> = clients.iter().map(|one| one.client.to_string()).collect();
    let mut words = vec!["set", "env"];
    words.extend(names.iter().map(String::as_str));
    words.push("CORDUM_NATS_ALLOW_PLAINTEXT=true");
    Fix::told(
        "or, where NATS cannot have TLS: CORDUM_NATS_ALLOW_PLAINTEXT=true lets the services speak plaintext with it in production",
    )
    .by(kubectl.command(&words))
}

fn with_tls(kubectl: &Kubectl, workload: &Workload, config: &Config, nats: bool) -> Fix {
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
        return Fix::told(format!(
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
pub(super) fn open_server(server: JudgedServer<'_>, kubectl: &Kubectl) -> Option<ClusterFault> {
    let JudgedServer { findings, workload, config, .. } = server;
    if service_of(workload) != "nats" {
        return None;
    }
    let finding = judged::of_server(findings, workload, "mtls-not-required", |_| true)?;
    let place = place(workload, config);
    let now = config.get("tls.verify").map_or("is not set".to_owned(), |value| format!("is {value}"));
    let what =
        format!("`verify` in the tls block of {place} {now} and has to be true: NATS lets in whoever comes");
    let fault = ClusterFault::new(Some(CauseKind::MtlsNotEnforced), place.clone())
        .of_rule(finding.rule)
        .because(WiringFact::AsksNoCertificate { place, verify: config.get("tls.verify").map(str::to_owned) })
        .breaks(&["nats-mtls"]);
    let Some(file) = &config.file else { return Some(fault.cure(Fix::told(what))) };
    let text = verifying(&file.text);
    Some(fault.cure(rewrite(kubectl, workload, file, &text, what, "tls.verify", "true")))
}

/// The text with `verify: true` in the first top-level tls block.
pub(super) fn verifying(text: &str) -> String {
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
pub(super) fn plain_cluster(server: JudgedServer<'_>, kubectl: &Kubectl) -> Option<ClusterFault> {
    let JudgedServer { findings, workload, config, .. } = server;
    let nats = service_of(workload) == "nats";
    let place = place(workload, config);
    let rule = "plaintext-listener";
    if nats {
        let finding = judged::of_server(findings, workload, rule, |setting| setting == "cluster.tls")?;
        // A block without peers is nobody's link.
        let peers = config.get("cluster.routes").is_some_and(|routes| routes.lines().count() > 1);
        return peers.then(|| {
            let what = format!(
                "the cluster block of {place} has no tls block: give it the files of the clients' block, with verify: true"
            );
            let changed = config.file.as_ref().and_then(|file| Some((file, with_routes(&file.text, config)?)));
            let cure = match changed {
                Some((file, text)) => {
                    rewrite(kubectl, workload, file, &text, what, "cluster.tls.verify", "true")
                }
                None => Fix::told(what),
            };
            ClusterFault::new(Some(CauseKind::WrongSchemeTlsToPlain), place.clone())
                .of_rule(finding.rule)
                .because(WiringFact::RoutesInClear { place: place.clone() })
                .cure(cure)
                .breaks(&["cluster-links"])
        });
    }
    let finding = judged::of_server(findings, workload, rule, |setting| setting == "tls-cluster")?;
    let missing: Vec<&str> =
        ["tls-cluster", "tls-replication"].into_iter().filter(|key| !config.is_on(key)).collect();
    let lines: Vec<String> = missing.iter().map(|key| format!("{key} yes")).collect();
    let what = format!(
        "{place} has no {}: the Redis nodes talk in clear and do not find each other: add it",
        lines.join(", ")
    );
    let fault = ClusterFault::new(Some(CauseKind::WrongSchemeTlsToPlain), place)
        .of_rule(finding.rule)
        .because(WiringFact::NodesInClear { lines: lines.clone() })
        .breaks(&["cluster-links"]);
    let Some(file) = &config.file else { return Some(fault.cure(Fix::told(what))) };
    let text = format!("{}\n{}\n", file.text.trim_end(), lines.join("\n"));
    Some(fault.cure(rewrite(kubectl, workload, file, &text, what, "tls-cluster", "yes")))
}

/// The configuration with a `tls` block in its `cluster`, of the files that its clients' block has.
fn with_routes(text: &str, config: &Config) -> Option<String> {
    let file = |name: &str| config.get(&format!("tls.{name}"));
    let (cert, key, ca) = (file("cert_file")?, file("key_file")?, file("ca_file")?);
    let mut out = String::new();
    let mut done = false;
    for line in text.lines() {
        out.push_str(line);
        out.push('\n');
        let words = line.trim_start();
        if !done && words.starts_with("cluster") && words.trim_end().ends_with('{') {
            let block = format!(
                "  tls {{\n    cert_file: {cert}\n    key_file: {key}\n    ca_file: {ca}\n    verify: true\n  }}\n"
            );
            out.push_str(&block);
            done = true;
        }
    }
    done.then_some(out)
}

/// The configuration's own name in reports.
fn place(workload: &Workload, config: &Config) -> String {
    config.file.as_ref().map_or_else(|| workload.to_string(), |file| format!("configmap/{}", file.config_map))
}

/// A server's configuration that names a key which its Secret does not have, where the Secret has the usual one: what
/// names it is at fault, and not the Secret.
pub(in crate::cluster) fn misread(
    cluster: &Cluster,
    workload: &Workload,
    path: &str,
    key: &SecretEntry,
    kubectl: &Kubectl,
) -> Option<(String, Fix)> {
    let config = config_of(cluster, workload)?;
    let file = config.file.as_ref()?;
    let (setting, _) = config.settings.iter().find(|(_, value)| *value == path)?;
    let usual = match setting.rsplit('.').next()? {
        "cert_file" | "tls-cert-file" => "tls.crt",
        "key_file" | "tls-key-file" => "tls.key",
        "ca_file" | "tls-ca-cert-file" => "ca.crt",
        _ => return None,
    };
    let secret = cluster.secrets.as_ref()?.get(&key.secret)?;
    if key.key == usual || !secret.keys.contains_key(usual) {
        return None;
    }
    let to = format!("{}{usual}", path.strip_suffix(key.key.as_str())?);
    let place = format!("configmap/{}", file.config_map);
    let what = format!(
        "{setting} in {} of {place} is {path}, and secret/{} has no key {}: it has {usual}, so {setting} has to be {to}",
        file.key, key.secret, key.key
    );
    let text = file.text.replace(path, &to);
    Some((place, rewrite(kubectl, workload, file, &text, what, setting, &to)))
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
