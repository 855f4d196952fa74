//! A namespace: its objects of each kind and what its containers said, as `--objects` reads them back.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tls_verify_checks::platform::kubernetes::{Denial, Namespace, Right, raw};
use tls_verify_checks::platform::{Choice, Platform};
use tls_verify_checks::served;
use tls_verify_checks::stack::Stack;

use super::clean::{Cleaner, REMOVED};
use super::log::{self, Patience};
use super::{CollectedFiles, is_file_name};
use crate::cli::{CollectArgs, RunnerArgs, TargetArgs};
use crate::commands::run::cluster::{FOREIGN, live};
use crate::config::{self, ConfigError, Environment};

const PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn collect(
    args: &CollectArgs,
    environment: &Environment,
    cleaner: &mut Cleaner,
) -> Result<CollectedFiles, Vec<ConfigError>> {
    let targets = TargetArgs {
        kubeconfig: args.kubeconfig.clone(),
        kube_context: args.kube_context.clone(),
        namespace: args.namespace.clone(),
        ..TargetArgs::default()
    };
    let options = live::options(&targets, environment);
    let (mut found, api) = raw::read(&options, PATIENCE).await.map_err(|why| {
        vec![ConfigError::new(why, "name the cluster with --kubeconfig, --kube-context and -n")]
    })?;
    if found.objects.get("pods").is_none_or(Vec::is_empty)
        && found.objects.get("deployments").is_none_or(Vec::is_empty)
    {
        let why = found
            .denied
            .first()
            .cloned()
            .unwrap_or_else(|| format!("namespace {} is empty", found.namespace));
        return Err(vec![ConfigError::new(why, "name the namespace with -n")]);
    }
    let mut bundle = CollectedFiles { read_back: "--all --objects", ..CollectedFiles::default() };
    bundle.left_out.extend(found.denied.iter().cloned());
    bundle.left_out.extend(found.withheld.iter().map(|(name, why)| format!("secret/{name}: {why}")));
    // Their values first: they may stand in anything else.
    for secret in found.objects.get_mut("secrets").into_iter().flatten() {
        hide(secret, cleaner, &mut bundle);
    }
    for (kind, items) in &mut found.objects {
        if *kind != "secrets" {
            items.iter_mut().for_each(|item| cleaner.object(item));
        }
        let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
        bundle.add(format!("{kind}.json"), serde_json::to_vec_pretty(&list).unwrap_or_default());
    }
    for pod in found.objects.get("pods").into_iter().flatten() {
        let name = pod["metadata"]["name"].as_str().unwrap_or_default();
        for status in
            ["containerStatuses", "initContainerStatuses"].iter().flat_map(|key| list(&pod["status"][*key]))
        {
            let container = status["name"].as_str().unwrap_or_default();
            let restarted = status["restartCount"].as_u64().unwrap_or(0) > 0;
            for (previous, end) in [(false, ".log"), (true, ".previous.log")] {
                if previous && !restarted {
                    continue;
                }
                let path = format!("logs/{name}_{container}{end}");
                if !path.split('/').all(is_file_name) || path.split('/').count() != 2 {
                    bundle.left_out.push(format!("{path}: no name of a file"));
                    continue;
                }
                let pieces = api.log(name, container, previous).await.map_err(|refusal| refusal.to_string());
                let read = match pieces {
                    Ok(pieces) => log::read(pieces, Patience::USUAL).await,
                    Err(why) => Err(why),
                };
                match read {
                    Ok((bytes, missing)) => {
                        bundle.left_out.extend(missing.map(|missing| format!("{path}: {missing}")));
                        bundle.add(path, cleaner.text(&String::from_utf8_lossy(&bytes)));
                    }
                    Err(why) => bundle.left_out.push(format!("{path}: {why}")),
                }
            }
        }
    }
    ports(&targets, environment, cleaner, &mut bundle).await?;
    Ok(bundle)
}

/// How the ports of the pods answer, and the gateways' `/readyz`: dialled, through the API server where we are not in
/// a pod.
async fn ports(
    targets: &TargetArgs,
    environment: &Environment,
    cleaner: &mut Cleaner,
    bundle: &mut CollectedFiles,
) -> Result<(), Vec<ConfigError>> {
    let namespace = match Namespace::connect(&live::options(targets, environment), false, PATIENCE).await {
        Ok(namespace) => Arc::new(namespace),
        Err(why) => {
            bundle.left_out.push(format!("{} and {}: {why}", served::FILE, served::READY));
            return Ok(());
        }
    };
    let runner = RunnerArgs::of_times(PATIENCE, 6 * PATIENCE, Duration::from_secs(30 * 86_400));
    let stack = config::stack(targets, &runner, &environment.without(FOREIGN), &[])?.stack;
    let platform: Arc<dyn Platform> = Arc::<Namespace>::clone(&namespace);
    super::ports(Stack { platform: Choice::Ready(platform), ..stack }, environment, cleaner, bundle).await;
    let forward = |denial: &&Denial| denial.right == Right::Forward;
    bundle.left_out.extend(namespace.denied().iter().find(forward).map(|denial| denial.said.clone()));
    Ok(())
}

/// Takes a Secret's values out, except for certificates, and whatever else repeats them.
fn hide(secret: &mut Value, cleaner: &mut Cleaner, bundle: &mut CollectedFiles) {
    let name = secret["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    for (key, value) in secret["data"].as_object_mut().into_iter().flatten() {
        if !is_certificate(value) {
            let bytes = value.as_str().and_then(|text| STANDARD.decode(text).ok()).unwrap_or_default();
            cleaner.hide(&String::from_utf8_lossy(&bytes));
            bundle.left_out.push(format!("secret/{name}, key {key}: its value"));
            *value = REMOVED.into();
        }
    }
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

/// Base64 of certificates alone.
fn is_certificate(value: &Value) -> bool {
    let Some(bytes) = value.as_str().and_then(|text| STANDARD.decode(text).ok()) else { return false };
    let text = String::from_utf8_lossy(&bytes);
    text.contains("-----BEGIN CERTIFICATE-----") && !text.contains("PRIVATE KEY")
}
