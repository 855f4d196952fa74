//! Admission webhooks that the API server cannot ask: no pod is made for TLS between it and somebody else's service.

use crate::cause::CauseKind;
use crate::cluster::cure::{Fix, Kubectl};
use crate::cluster::fault::ClusterFault;
use crate::logs::classify::recognise;

/// `failed calling webhook "NAME": failed to call webhook: Post "https://SERVICE.NAMESPACE.svc:443/…": ERROR`
/// (`k8s.io/apiserver`, `pkg/admission/plugin/webhook`, Kubernetes 1.34).
struct WebhookCall<'a> {
    name: &'a str,
    /// As the URL has it, without the port.
    host: &'a str,
    error: &'a str,
}

impl<'a> WebhookCall<'a> {
    fn read(why: &'a str) -> Option<Self> {
        let (_, rest) = why.split_once("failed calling webhook \"")?;
        let (name, rest) = rest.split_once('"')?;
        let (_, rest) = rest.split_once("\"https://")?;
        let (url, error) = rest.split_once("\": ")?;
        let host = url.split(['/', ':', '?']).next()?;
        Some(Self { name, host, error })
    }

    /// The Service and its namespace, where it is one of the cluster's.
    fn service(&self) -> Option<(&'a str, &'a str)> {
        let (service, rest) = self.host.split_once('.')?;
        let (namespace, rest) = rest.split_once('.')?;
        (rest == "svc").then_some((service, namespace))
    }
}

/// The fault behind pods that are not made, where a webhook that the API server asks about them is behind it.
pub(super) fn unanswered(kubectl: &Kubectl, why: &str) -> Option<ClusterFault> {
    let call = WebhookCall::read(why)?;
    let met = recognise(call.error.as_bytes())?;
    let who = match call.service() {
        Some((service, namespace)) => format!("service/{service} of namespace {namespace}"),
        None => call.host.to_owned(),
    };
    let name = call.name;
    let configurations = "validatingwebhookconfigurations,mutatingwebhookconfigurations";
    let columns = "custom-columns=NAME:.metadata.name,WEBHOOKS:.webhooks[*].name";
    let cure = match (met.kind, call.service()) {
        (kind, Some((_, namespace))) if kind.is_unreached() => {
            let there = Kubectl { namespace: namespace.to_owned(), ..kubectl.clone() };
            Fix::told(format!("{who} does not answer for webhook {name}: start what stands behind it"))
                .by(there.command(&["get", "pods,endpointslices"]))
        }
        (CauseKind::UnknownAuthority | CauseKind::BadSignature, _) => Fix::told(format!(
            "the API server trusts another authority than the one behind the certificate of {who}: caBundle of webhook \
             {name} has to be that one's; what has installed the webhook writes it (cert-manager's cainjector, an operator, \
             a chart)"
        ))
        .by(kubectl.command(&["get", configurations, "-o", columns])),
        _ => Fix::told(format!("the API server cannot ask {who}, which stands behind webhook {name}: {}", call.error))
            .by(kubectl.command(&["get", configurations, "-o", columns])),
    };
    Some(
        ClusterFault::new(Some(met.kind), format!("webhook/{name}"))
            .variant(met.variant)
            .on(met.side)
            .cure(cure),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRONT: &str = r#"Error creating: Internal error occurred: failed calling webhook "validate.kyverno.svc-fail": failed to call webhook: Post "https://kyverno-svc.kyverno.svc:443/validate/fail?timeout=10s": "#;

    #[test]
    fn what_the_api_server_met_is_told_with_the_webhook_and_its_service() {
        let kubectl = Kubectl { context: None, namespace: "cordum".to_owned() };
        let told = |error: &str| unanswered(&kubectl, &format!("{FRONT}{error}"));
        let fault =
            told("tls: failed to verify certificate: x509: certificate signed by unknown authority").unwrap();
        assert_eq!(
            (fault.place.as_str(), fault.cause),
            ("webhook/validate.kyverno.svc-fail", Some(CauseKind::UnknownAuthority))
        );
        assert!(
            fault.cures[0].text.contains("service/kyverno-svc of namespace kyverno: caBundle"),
            "{fault:?}"
        );
        let fault = told("dial tcp 10.96.1.2:443: connect: connection refused").unwrap();
        assert_eq!(fault.cause, Some(CauseKind::ConnectionRefused));
        let command = fault.cures[0].command.as_deref();
        assert_eq!(command, Some("kubectl -n kyverno get 'pods,endpointslices'"));
        let fault =
            told("tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2026-11-30T10:00:00Z is after 2026-11-29T10:00:00Z")
                .unwrap();
        assert_eq!(fault.cause, Some(CauseKind::Expired));
        // What a webhook decided is none of TLS.
        let denied = r#"admission webhook "validate.kyverno.svc-fail" denied the request: certificate has expired is the message"#;
        assert!(unanswered(&kubectl, denied).is_none());
    }
}
