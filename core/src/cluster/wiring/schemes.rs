//! Clients that speak plaintext to a TLS port, or TLS to a plaintext port.

use super::set;
use crate::cause::{CauseKind, Side, Variant};
use crate::cluster::config::ConfigFile;
use crate::cluster::connections::{Connection, ConnectionTarget, known};
use crate::cluster::cure::{Fix, Kubectl, change};
use crate::cluster::fault::ClusterFault;
use crate::cluster::judged;
use crate::evidence::{UnsetBecause, WiringFact};
use crate::link::Link;
use crate::remedy::ChangeKind;
use crate::rules::Finding;
use crate::workload::Workload;

/// A client that speaks plaintext to a TLS port, or TLS to a plaintext port as the only one.
pub(super) fn scheme(
    connections: &[Connection<'_>],
    findings: &[Finding],
    one: &Connection<'_>,
    kubectl: &Kubectl,
) -> Option<ClusterFault> {
    let finding = judged::scheme(findings, one)?;
    told(connections, findings, one, finding, kubectl).map(|fault| fault.of_rule(finding.rule))
}

/// In whose setting it is: the client's, unless it is not the odd one.
fn told(
    connections: &[Connection<'_>],
    findings: &[Finding],
    one: &Connection<'_>,
    finding: &Finding,
    kubectl: &Kubectl,
) -> Option<ClusterFault> {
    let to_plain = |finding: &Finding| finding.cause == Some(CauseKind::WrongSchemeTlsToPlain);
    let (variable, value) = one.scheme.as_ref()?;
    let workload = one.client.to_string();
    let whole = one.client.main().and_then(|main| known(main, variable)).unwrap_or(value).to_owned();
    let wrong = |tls: bool| WiringFact::WrongScheme {
        variable: variable.clone(),
        workload: workload.clone(),
        value: value.clone(),
        target: one.target.word(),
        tls,
    };
    match to_plain(finding) {
        // A server in clear that production has to speak TLS with is the server's fault.
        false if one.server_tls == Some(false) => None,
        false if one.target == ConnectionTarget::Link(Link::SafetyKernel) => {
            let main = one.client.main()?;
            let path = known(main, "NATS_TLS_CA").or_else(|| known(main, "REDIS_TLS_CA"))?;
            let (name, why) = ("SAFETY_KERNEL_TLS_CA", "the safety kernel speaks TLS");
            Some(
                ClusterFault::new(Some(CauseKind::WrongSchemePlainToTls), workload.clone())
                    .on(Side::Client)
                    .breaks(&["safety-kernel-grpc"])
                    .because(WiringFact::Unset {
                        variables: vec![name.to_owned()],
                        workload: workload.clone(),
                        because: UnsetBecause::KernelSpeaksTls,
                    })
                    .cure(set(kubectl, one.client, name, None, path, why)),
            )
        }
        false => {
            let breaks: &[&'static str] = match one.target {
                ConnectionTarget::Link(Link::Gateway) => &["dashboard-gateway"],
                _ => &[],
            };
            let why = format!("{} speaks TLS there", one.target.word());
            let to = with_scheme(one.target, &whole, true);
            Some(
                ClusterFault::new(Some(CauseKind::WrongSchemePlainToTls), workload.clone())
                    .on(Side::Client)
                    .breaks(breaks)
                    .because(wrong(true))
                    .cure(set(kubectl, one.client, variable, Some(&whole), &to, &why)),
            )
        }
        true => {
            let others: Vec<_> = connections
                .iter()
                .filter(|other| other.target == one.target && !std::ptr::eq(other.client, one.client))
                .collect();
            // Where the other clients speak TLS too, it is the server that is the odd one.
            let dials_in_tls =
                |other: &&Connection<'_>| judged::scheme(findings, other).is_some_and(to_plain);
            let alone = !others.is_empty() && !others.iter().any(dials_in_tls);
            if !alone || one.target == ConnectionTarget::Link(Link::Gateway) {
                return gateway_in_clear(one, kubectl);
            }
            let why = format!("{} speaks plaintext", one.target.word());
            let to = with_scheme(one.target, &whole, false);
            Some(
                ClusterFault::new(Some(CauseKind::WrongSchemeTlsToPlain), workload.clone())
                    .on(Side::Client)
                    .because(wrong(false))
                    .cure(set(kubectl, one.client, variable, Some(&whole), &to, &why)),
            )
        }
    }
}

/// A URL, or a scheme alone, with the scheme that fits.
fn with_scheme(target: ConnectionTarget, whole: &str, tls: bool) -> String {
    let scheme = match target {
        ConnectionTarget::Link(Link::Nats) => Some(if tls { "tls" } else { "nats" }),
        ConnectionTarget::Link(Link::Redis) => Some(if tls { "rediss" } else { "redis" }),
        ConnectionTarget::Link(Link::Gateway) => Some(if tls { "https" } else { "http" }),
        _ => None,
    };
    match (scheme, whole.split_once("://")) {
        (Some(scheme), Some((_, rest))) => format!("{scheme}://{rest}"),
        (Some(scheme), None) => scheme.to_owned(),
        (None, _) => whole.to_owned(),
    }
}

/// The dashboard asks for HTTPS, and the gateway has no certificate set.
fn gateway_in_clear(one: &Connection<'_>, kubectl: &Kubectl) -> Option<ClusterFault> {
    if one.target != ConnectionTarget::Link(Link::Gateway) {
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
        ClusterFault::new(Some(CauseKind::WrongSchemeTlsToPlain), name)
            .variant(Some(Variant::HttpPlaintext))
            .because(WiringFact::Unset {
                variables: vec!["GATEWAY_HTTP_TLS_CERT".to_owned()],
                workload: one.server.to_string(),
                because: UnsetBecause::ServesPlainHttp,
            })
            .cure(cure)
            .breaks(&["gateway-https", "gateway-wss", "cli-with-cacert", "dashboard-gateway"]),
    )
}

/// A ConfigMap's text with a change, and the server restarted with it.
pub(super) fn rewrite(
    kubectl: &Kubectl,
    workload: &Workload,
    file: &ConfigFile,
    text: &str,
    what: String,
    key: &str,
    to: &str,
) -> Fix {
    let change = change(
        workload.to_string(),
        workload.main().map(|main| main.name.as_str()),
        ChangeKind::Config,
        key.to_owned(),
        Some(file.path.clone()),
    )
    .values(None, Some(to));
    let cure = Fix::told(what).with(change);
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
