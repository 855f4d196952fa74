//! A running cluster instead of manifests: its objects are read as manifests are, each under its own name.

use std::time::Duration;

use serde_json::Value;
use tls_verify_checks::platform::kubernetes::raw::{self, Raw};
use tls_verify_core::manifest::discover;
use tls_verify_core::manifest::{Description, GeneratedObject, Mark, MemoryFiles, ParseFault, StoredKind};
use tls_verify_core::rules::{Finding, Verdicts};

use crate::cli::{AuditArgs, TargetArgs};
use crate::commands::run::cluster;
use crate::config::{ConfigError, Environment};

/// Kinds that describe how things are wired; pods and ReplicaSets are made from them.
const JUDGED: [&str; 9] = [
    "deployments",
    "statefulsets",
    "daemonsets",
    "cronjobs",
    "services",
    "ingresses",
    "networkpolicies",
    "configmaps",
    "secrets",
];

/// The namespace's objects as a description, and their texts.
pub(super) fn described(
    args: &AuditArgs,
    environment: &Environment,
) -> Result<(Description, MemoryFiles), Vec<ConfigError>> {
    const PATIENCE: Duration = Duration::from_secs(5);
    let targets = TargetArgs {
        kubeconfig: args.kubeconfig.clone(),
        kube_context: args.kube_context.clone(),
        namespace: args.namespace.clone(),
        ..TargetArgs::default()
    };
    let options = cluster::live::options(&targets, environment);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
        vec![ConfigError::new(format!("no runtime can be started: {error}"), "try again")]
    })?;
    let (raw, _) = runtime.block_on(raw::read(&options, PATIENCE)).map_err(|why| {
        vec![ConfigError::new(
            why,
            "name the cluster with --kubeconfig, --kube-context and -n, or audit its manifests",
        )]
    })?;
    of(&raw)
}

fn of(raw: &Raw) -> Result<(Description, MemoryFiles), Vec<ConfigError>> {
    let mut files = MemoryFiles::default();
    let mut paths = Vec::new();
    let judged = JUDGED.iter().flat_map(|kind| raw.objects.get(kind).into_iter().flatten());
    // A pod of its own is described by nothing else.
    let bare = raw
        .objects
        .get("pods")
        .into_iter()
        .flatten()
        .filter(|pod| pod["metadata"]["ownerReferences"].is_null());
    for object in judged.chain(bare) {
        let mut object = object.clone();
        if let Some(fields) = object.as_object_mut() {
            fields.remove("status");
        }
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let path = format!("{}/{}", word(&object["kind"]).to_lowercase(), word(&object["metadata"]["name"]));
        files = files.with(&path, serde_json::to_string_pretty(&object).unwrap_or_default());
        paths.push(path);
    }
    let source = format!("namespace {}", raw.namespace);
    let mut found = discover::manifests(&files, ".", &paths).into_iter();
    let mut whole = found.next().unwrap_or_default();
    // Several folders are one namespace.
    for more in found {
        whole.workloads.extend(more.workloads);
        whole.faults.extend(more.faults);
    }
    if whole.workloads.is_empty() {
        let why = raw.denied.first().cloned().unwrap_or_else(|| format!("{source} has no workload"));
        return Err(vec![ConfigError::new(why, "name the namespace with -n, or audit its manifests")]);
    }
    whole.source.clone_from(&source);
    for (name, why) in &raw.withheld {
        let made = GeneratedObject {
            kind: StoredKind::Secret,
            namespace: raw.namespace.clone(),
            name: name.clone(),
            names: Vec::new(),
        };
        whole.made.push(made);
        let how = format!("allow it: `get` on secrets with resourceNames [{name}]");
        whole.faults.push(ParseFault::undecided(Mark::start(&format!("secret/{name}")), why.clone(), how));
    }
    for why in &raw.denied {
        let how = "packaging/ has the Role that `run --explain-permissions` prints".to_owned();
        whole.faults.push(ParseFault::undecided(Mark::start(&source), why.clone(), how));
    }
    Ok((whole, files))
}

/// Objects have no lines, and no file to edit: their names are the places.
pub(super) fn without_lines(verdicts: &mut Verdicts) {
    for Finding { place, fix, .. } in &mut verdicts.findings {
        place.line = 0;
        place.column = 0;
        for change in fix.iter_mut().flat_map(|one| &mut one.changes) {
            change.defined_at = None;
        }
    }
    for place in verdicts.undecided.iter_mut().filter_map(|one| one.place.as_mut()) {
        place.line = 0;
        place.column = 0;
    }
}
