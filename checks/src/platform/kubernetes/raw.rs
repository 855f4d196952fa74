//! A namespace's objects as the API server hands them out: what `audit` judges and `collect` writes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;
use tls_verify_core::workload::kubernetes::Kind;

use super::{Access, AccessOptions, Api, ApiError};

/// Objects by kind (`deployments`), and what of them could not be had.
#[derive(Clone, Debug, Default)]
pub struct Raw {
    pub namespace: String,
    pub context: Option<String>,
    pub objects: BTreeMap<&'static str, Vec<Value>>,
    /// Secrets that something names and that we may not read, with what the API server said.
    pub withheld: Vec<(String, String)>,
    /// Kinds that we may not list, a sentence each.
    pub denied: Vec<String>,
}

/// Kind, group and plural of everything that is listed.
const KINDS: [(&str, &str, &str); 11] = [
    ("Pod", "v1", "pods"),
    ("Deployment", "apps/v1", "deployments"),
    ("StatefulSet", "apps/v1", "statefulsets"),
    ("DaemonSet", "apps/v1", "daemonsets"),
    ("ReplicaSet", "apps/v1", "replicasets"),
    ("Service", "v1", "services"),
    ("Event", "v1", "events"),
    ("ConfigMap", "v1", "configmaps"),
    ("Ingress", "networking.k8s.io/v1", "ingresses"),
    ("NetworkPolicy", "networking.k8s.io/v1", "networkpolicies"),
    ("CronJob", "batch/v1", "cronjobs"),
];

/// Asks for everything in a namespace, and for the Secrets that something in it names.
///
/// # Errors
/// Why nothing can be asked.
pub async fn read(options: &AccessOptions, patience: Duration) -> Result<(Raw, Api), String> {
    let access = Access::find(options, patience).await?;
    let api = Api::new(access, patience)?;
    let namespace = api.access.namespace.clone();
    let mut raw = Raw { namespace, context: api.access.context.clone(), ..Raw::default() };
    for (kind, version, plural) in KINDS {
        let mut items = match api.list_named(version, plural).await {
            Ok(items) => items,
            Err(refusal @ (ApiError::Unauthorized | ApiError::Unfit(_) | ApiError::Other(_))) => {
                return Err(refusal.to_string());
            }
            // A server without the group has nothing of it.
            Err(ApiError::NotFound) => continue,
            Err(refusal @ ApiError::Forbidden(_)) => {
                raw.denied.push(refusal.to_string());
                continue;
            }
        };
        for item in &mut items {
            item["apiVersion"] = version.into();
            item["kind"] = kind.into();
            if let Some(metadata) = item["metadata"].as_object_mut() {
                metadata.remove("managedFields");
                if let Some(notes) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
                    notes.remove("kubectl.kubernetes.io/last-applied-configuration");
                }
            }
        }
        raw.objects.insert(plural, items);
    }
    let mut names = BTreeSet::new();
    raw.objects.values().flatten().for_each(|item| named_secrets(item, &mut names));
    let mut secrets = Vec::new();
    for name in names {
        match api.secret(&name).await {
            Ok(mut secret) => {
                secret["apiVersion"] = "v1".into();
                secret["kind"] = "Secret".into();
                if let Some(metadata) = secret["metadata"].as_object_mut() {
                    metadata.remove("managedFields");
                    metadata.remove("annotations");
                }
                secrets.push(secret);
            }
            Err(ApiError::NotFound) => {}
            Err(refusal) => raw.withheld.push((name, refusal.to_string())),
        }
    }
    raw.objects.insert(Kind::Secrets.plural(), secrets);
    Ok((raw, api))
}

/// The Secrets that an object names, wherever it names them; those for pulling images are nobody's TLS.
fn named_secrets(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| named_secrets(item, names)),
        Value::Object(fields) => {
            for (key, inner) in fields {
                let name = match key.as_str() {
                    "secretName" => inner.as_str(),
                    "secretKeyRef" | "secretRef" | "secret" => inner["name"].as_str(),
                    "imagePullSecrets" => continue,
                    _ => None,
                };
                let plain = |name: &&str| {
                    !name.is_empty()
                        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.'))
                };
                names.extend(name.filter(plain).map(str::to_owned));
                named_secrets(inner, names);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_found_wherever_they_are_named() {
        let pod = serde_json::json!({"spec": {
            "imagePullSecrets": [{"name": "pull"}],
            "volumes": [{"secret": {"secretName": "mounted"}},
                {"projected": {"sources": [{"secret": {"name": "projected"}}]}}],
            "containers": [{"env": [{"valueFrom": {"secretKeyRef": {"name": "variable", "key": "x"}}}],
                "envFrom": [{"secretRef": {"name": "all"}}, {"secretRef": {"name": "../pods"}}]}]}});
        let mut names = BTreeSet::new();
        named_secrets(&pod, &mut names);
        assert_eq!(names.into_iter().collect::<Vec<_>>(), ["all", "mounted", "projected", "variable"]);
    }
}
