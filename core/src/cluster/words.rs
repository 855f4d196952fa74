//! Last words of Cordum's services and their init containers that name no TLS trouble, and what is to be done.

use super::connections::known;
use super::cure::{Fix, Kubectl, change};
use super::fault::ClusterFault;
use super::quantity::sum;
use super::wiring::set;
use crate::cause::CauseKind;
use crate::evidence::observation::EvidenceLevel;
use crate::evidence::{Fact, PodFact, WiringFact};
use crate::remedy::ChangeKind;
use crate::workload::kubernetes::{Cluster, Pod, service_of};
use crate::workload::{Value, Workload, WorkloadKind};

/// The kernel ended a container at the limit of its memory.
fn out_of_memory(
    kubectl: &Kubectl,
    pod: &Pod,
    workload: &Workload,
    container: &str,
    said: &Fact,
) -> ClusterFault {
    let name = workload.to_string();
    let limit = pod.memory.get(container).map(String::as_str);
    let raised = limit.and_then(|limit| Some((limit, sum(&[limit, limit])?)));
    let is_described = workload.kind != WorkloadKind::Pod;
    let cure = match raised.filter(|_| is_described) {
        Some((limit, raised)) => {
            let path = format!("spec.template.spec.containers[name={container}].resources.limits.memory");
            let field = "resources.limits.memory".to_owned();
            let to = format!("--limits=memory={raised}");
            let change = change(name.clone(), Some(container), ChangeKind::Config, field, Some(path))
                .values(Some(limit), Some(&raised));
            Fix::told(format!(
                "{name}: container {container} needs more memory than the {limit} of resources.limits.memory: give it \
                 {raised}"
            ))
            .with(change)
            .by(kubectl.command(&["set", "resources", &name, "-c", container, &to]))
        }
        None => Fix::told(format!(
            "{name}: container {container} needs more memory than resources.limits.memory lets it have: raise that"
        ))
        .by(kubectl.command(&["describe", "pod", &pod.name])),
    };
    ClusterFault::new(None, name).because(said.clone()).cure(cure).seen_in(EvidenceLevel::Observed)
}

/// What a service died of, told by its words.
#[must_use]
pub(super) fn fault(
    cluster: &Cluster,
    kubectl: &Kubectl,
    pod: &Pod,
    workload: &Workload,
    container: &str,
    said: &Fact,
) -> ClusterFault {
    let words = &*said.to_string();
    let name = workload.to_string();
    let fact = PodFact::SaidLast {
        container: container.to_owned(),
        pod: pod.name.clone(),
        said: Box::new(said.clone()),
    };
    let base =
        |place: String| ClusterFault::new(None, place).because(fact.clone()).seen_in(EvidenceLevel::Logged);
    if let Fact::Pod(PodFact::OutOfMemory { .. }) = said {
        return out_of_memory(kubectl, pod, workload, container, said);
    }
    // `FATAL: API_KEY secret is empty`
    if let Some(variable) =
        words.split_once(" secret is empty").and_then(|(front, _)| front.split_whitespace().last())
    {
        let configured = pod.configured.iter().find(|one| one.name == container);
        let source = configured.and_then(|one| one.variable(variable)).map(|one| &one.value);
        if let Some(Value::Secret { name: secret, key, .. }) = source {
            let patch = format!(r#"{{"stringData":{{"{key}":"<the value of {key}>"}}}}"#);
            let cure =
                Fix::told(format!("{key} of secret/{secret} is empty: put a value in, then the pods start"))
                    .by(kubectl.command(&["patch", "secret", secret, "--type=merge", "-p", &patch]));
            return base(format!("secret/{secret}")).cure(cure);
        }
    }
    // `public metrics bind ":9090" requires explicit allow`
    if words.contains("public metrics bind") {
        let variable = match service_of(workload) {
            "api-gateway" => "GATEWAY_METRICS_PUBLIC",
            "context-engine" => "CONTEXT_ENGINE_METRICS_PUBLIC",
            "workflow-engine" => "WORKFLOW_ENGINE_METRICS_PUBLIC",
            "safety-kernel" => "SAFETY_KERNEL_METRICS_PUBLIC",
            _ => "SCHEDULER_METRICS_PUBLIC",
        };
        let why = "in production its metrics are bound to all addresses only when that is allowed";
        return base(name).cure(set(kubectl, workload, variable, None, "true", why));
    }
    // `production mode requires these environment variables: NATS_URL hint=…`
    if let Some((_, rest)) = words.split_once("requires these environment variables: ") {
        let variable = rest.split_whitespace().next().unwrap_or_default().trim_end_matches(',');
        let neighbours = cluster.workloads.iter().filter(|one| one.to_string() != name);
        // What holds a login is not typed.
        let value = neighbours
            .filter_map(|one| known(one.main()?, variable))
            .find(|value| !value.contains('@') || value.contains("***@"));
        let cure = match value {
            Some(value) => set(
                kubectl,
                workload,
                variable,
                None,
                value,
                "production asks for it, and its neighbours have that",
            ),
            None => Fix::told(format!(
                "{variable} of {name} is not set, and production asks for it: only you know its value"
            ))
            .with(change(
                name.clone(),
                Some(container),
                ChangeKind::Environment,
                variable.to_owned(),
                Some(format!("spec.template.spec.containers[name={container}].env")),
            )),
        };
        return base(name.clone()).cure(cure);
    }
    if words.contains("SAFETY_POLICY_PUBLIC_KEY") {
        let cure = Fix::told(format!(
            "{name} has no SAFETY_POLICY_PUBLIC_KEY and SAFETY_POLICY_SIGNATURE, and production asks for a signed policy: set both"
        ))
        .by(kubectl.command(&["set", "env", &name, "--list"]));
        return base(name.clone()).cure(cure);
    }
    if let Some(fault) = login(kubectl, pod, workload, container, words) {
        return fault.because(fact);
    }
    let cure = Fix::told(format!("{name} stops for what it says itself: {words}")).by(kubectl.command(&[
        "logs",
        &pod.name,
        "-c",
        container,
        "--previous",
        "--tail=30",
    ]));
    base(name).cure(cure)
}

/// A login that was refused: a reference that Kubernetes left as it is written, or a password that differs.
pub(super) fn login(
    kubectl: &Kubectl,
    pod: &Pod,
    workload: &Workload,
    container: &str,
    words: &str,
) -> Option<ClusterFault> {
    if !["WRONGPASS", "NOAUTH", "Authorization Violation", "authorization violation"]
        .iter()
        .any(|word| words.contains(word))
    {
        return None;
    }
    let configured = pod.configured.iter().find(|one| one.name == container)?;
    let name = workload.to_string();
    let fault = |place: String| {
        ClusterFault::new(Some(CauseKind::AuthNotTls), place)
            .on(crate::cause::Side::Client)
            .seen_in(EvidenceLevel::Logged)
    };
    if let Some(url) = known(configured, "REDIS_URL")
        && let Some(reference) =
            url.split_once("$(").and_then(|(_, rest)| rest.split_once(')')).map(|(inner, _)| inner)
        && let Some(Value::Secret { name: secret, key, .. }) =
            configured.variable(reference).map(|one| &one.value)
    {
        let cure = Fix::told(format!(
            "REDIS_URL of {name} stands before {reference} in the list of variables, so Kubernetes leaves $({reference}) as \
             it is written: {reference} has to come first"
        ))
        .by(moved_first(kubectl, &name, container, reference, secret, key));
        return Some(
            fault(name.clone())
                .because(WiringFact::ReferenceAsText { workload: name, reference: reference.to_owned() })
                .cure(cure),
        );
    }
    let secret = configured.environment.iter().find_map(|one| match &one.value {
        Value::Secret { name, key, .. } if key.contains("PASSWORD") || key.contains("assword") => {
            Some((name.clone(), key.clone()))
        }
        _ => None,
    });
    let place = secret.as_ref().map_or_else(|| name.clone(), |(secret, _)| format!("secret/{secret}"));
    let text = match &secret {
        Some((secret, key)) => format!(
            "{name} logs in with {key} of secret/{secret}, and the server was started with another one: both read it at \
             their start"
        ),
        None => format!("{name} logs in with another password than the server was started with"),
    };
    let restart = kubectl.restart(std::slice::from_ref(&name));
    let mut cure = Fix::told(text);
    cure.command = restart;
    Some(fault(place).cure(cure))
}

/// `env` with one variable in front, as a patch: kubectl merges by name and keeps the patch's order in front.
fn moved_first(
    kubectl: &Kubectl,
    workload: &str,
    container: &str,
    variable: &str,
    secret: &str,
    key: &str,
) -> String {
    let patch = serde_json::json!({"spec": {"template": {"spec": {"containers": [{
        "name": container,
        "$setElementOrder/env": [{"name": variable}, {"name": "REDIS_URL"}],
        "env": [{"name": variable, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}],
    }]}}}});
    kubectl.command(&["patch", workload, "-p", &patch.to_string()])
}
