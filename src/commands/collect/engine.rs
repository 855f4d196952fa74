//! A Compose project: what its containers said as `--logs` reads it back; beside that their states, settings and the
//! certificates that they mount, for people.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use futures_util::StreamExt;
use serde_json::json;
use tls_verify_checks::platform::{self, Piece, Platform};
use tls_verify_core::workload::{Container, Instance, Value};

use super::Bundle;
use super::clean::{Cleaner, REMOVED, is_secret_name};
use crate::cli::{CollectArgs, RunnerArgs, TargetArgs};
use crate::commands::run::rfc3339;
use crate::config::{self, Environment, Problem};

/// More of a log than this is not written; its end is.
pub(super) const LARGEST: usize = 32 << 20;

/// Appends, and forgets the oldest lines; whether something was forgotten.
pub(super) fn bounded(bytes: &mut Vec<u8>, more: &[u8]) -> bool {
    bytes.extend_from_slice(more);
    if bytes.len() <= 2 * LARGEST {
        return false;
    }
    let from = bytes.len() - LARGEST;
    let line = bytes[from..].iter().position(|byte| *byte == b'\n').map_or(from, |at| from + at + 1);
    bytes.drain(..line);
    true
}

pub(super) async fn gather(
    args: &CollectArgs,
    environment: &Environment,
    cleaner: &mut Cleaner,
) -> Result<Bundle, Vec<Problem>> {
    const PATIENCE: Duration = Duration::from_secs(10);
    let targets = TargetArgs {
        project: args.project.clone(),
        docker_host: args.docker_host.clone(),
        ..TargetArgs::default()
    };
    let runner = RunnerArgs::of_times(PATIENCE, 6 * PATIENCE, Duration::from_secs(30 * 86_400));
    let stack = config::stack(&targets, &runner, environment, &[])?.stack;
    let platform = platform::connect(&stack, PATIENCE).await.map_err(|failure| {
        vec![Problem::new(
            failure.words(),
            "start Docker, give --docker-host, or collect from a cluster with -n",
        )]
    })?;
    if platform.workloads().is_empty() {
        let why = format!("{} has no container", platform.stack());
        return Err(vec![Problem::new(why, "name the project with --project")]);
    }
    Ok(of(platform.as_ref(), cleaner).await)
}

/// Everything of a project.
async fn of(platform: &dyn Platform, cleaner: &mut Cleaner) -> Bundle {
    let mut bundle = Bundle { read_back: "--all --no-docker --logs", ..Bundle::default() };
    for instance in platform.instances() {
        for setting in instance.configured.environment.iter().filter(|one| is_secret_name(&one.name)) {
            if let Some(text) = setting.value.known().filter(|text| !text.starts_with('/')) {
                cleaner.hide(text);
            }
        }
    }
    let mut states = Vec::new();
    let mut members: BTreeMap<&str, usize> = BTreeMap::new();
    for instance in platform.instances() {
        let member = members.entry(&instance.service).or_default();
        *member += 1;
        // A replica is named as Compose files name further ones.
        let name =
            if *member == 1 { instance.service.clone() } else { format!("{}-{member}", instance.service) };
        if name.contains(['/', '\0']) || name.starts_with('.') {
            bundle.left_out.push(format!("{name}: no name of a file"));
            continue;
        }
        let path = format!("{name}.log");
        match log(platform, instance).await {
            Ok((bytes, cut)) => {
                if cut {
                    bundle
                        .left_out
                        .push(format!("{path}: what is older than its last {} MiB", LARGEST >> 20));
                }
                bundle.add(path, cleaner.text(&String::from_utf8_lossy(&bytes)));
            }
            Err(why) => bundle.left_out.push(format!("{path}: {why}")),
        }
        certificates(platform, instance, &name, &mut bundle).await;
        states.push(state(instance, cleaner));
    }
    let states = serde_json::to_vec_pretty(&states).unwrap_or_default();
    bundle.add("states.json", states);
    bundle
}

async fn log(platform: &dyn Platform, instance: &Instance) -> Result<(Vec<u8>, bool), String> {
    let mut pieces = platform.logs(instance, None);
    let mut bytes = Vec::new();
    let mut cut = false;
    while let Some(piece) = pieces.next().await {
        if let Piece::Bytes(more) = piece? {
            cut |= bounded(&mut bytes, &more);
        }
    }
    Ok((bytes, cut))
}

/// The certificates that its settings name; a file that holds a key is none.
async fn certificates(platform: &dyn Platform, instance: &Instance, name: &str, bundle: &mut Bundle) {
    let words = instance.configured.environment.iter().filter_map(|one| one.value.known());
    let arguments = instance.configured.arguments.iter().filter_map(|one| one.value.known());
    let mut seen = Vec::new();
    for path in words.chain(arguments) {
        let is_named = path.starts_with('/')
            && !path.contains("..")
            && [".crt", ".pem", ".cer"].iter().any(|end| path.ends_with(end));
        if !is_named || seen.contains(&path) {
            continue;
        }
        seen.push(path);
        match platform.file(instance, path).await {
            Ok(bytes) => {
                let text = String::from_utf8_lossy(&bytes);
                if text.contains("PRIVATE KEY") || !text.contains("-----BEGIN CERTIFICATE-----") {
                    bundle.left_out.push(format!("{path} of {name}: it is no certificate alone"));
                } else {
                    bundle.add(format!("certificates/{name}{path}"), bytes.clone());
                }
            }
            Err(why) => bundle.left_out.push(format!("{path} of {name}: {why}")),
        }
    }
}

/// What is known of a container, its settings without secrets.
fn state(instance: &Instance, cleaner: &Cleaner) -> serde_json::Value {
    let moment = |at: Option<SystemTime>| at.map(rfc3339);
    let Container { image, environment, arguments, mounts, .. } = &instance.configured;
    let settings: BTreeMap<&str, String> = environment
        .iter()
        .map(|one| {
            let text = match &one.value {
                Value::Known(text) if is_secret_name(&one.name) && !text.starts_with('/') => {
                    REMOVED.to_owned()
                }
                Value::Known(text) => cleaner.text(text),
                _ => REMOVED.to_owned(),
            };
            (one.name.as_str(), text)
        })
        .collect();
    let mut words: serde_json::Value =
        arguments.iter().map(|one| one.value.known().unwrap_or(REMOVED).to_owned()).collect();
    cleaner.object(&mut words);
    let mounts: Vec<String> = mounts.iter().map(|one| one.target.clone()).collect();
    json!({
        "name": instance.name, "service": instance.service, "image": image,
        "phase": format!("{:?}", instance.phase).to_lowercase(), "healthy": instance.healthy,
        "restarts": instance.restarts, "started": moment(instance.started),
        "last": instance.last.as_ref().map(|one| json!({"exit_code": one.exit_code, "finished": moment(one.finished)})),
        "published": instance.published, "settings": settings, "arguments": words, "mounts": mounts,
    })
}
