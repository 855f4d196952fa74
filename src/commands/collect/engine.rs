//! A Compose project: what its containers said, their states and settings, and the certificates that they mount, as
//! `--logs` reads them back.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use futures_util::StreamExt;
use tls_verify_checks::platform::bundle::{Bundle as Written, State};
use tls_verify_checks::platform::{self, Piece, Platform};
use tls_verify_core::workload::Instance;

use super::Bundle;
use super::clean::{Cleaner, REMOVED, is_option_of_a_secret, is_secret_name, without_passwords};
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
    Ok(of(platform.as_ref(), &stack.project, cleaner).await)
}

/// Everything of a project.
async fn of(platform: &dyn Platform, project: &str, cleaner: &mut Cleaner) -> Bundle {
    let mut bundle = Bundle { read_back: "--all --logs", ..Bundle::default() };
    for instance in platform.instances() {
        for setting in instance.configured.environment.iter().filter(|one| is_secret_name(&one.name)) {
            if let Some(text) = setting.value.known().filter(|text| !text.starts_with('/')) {
                cleaner.hide(text);
            }
        }
    }
    let mut written = Written::new(project, rfc3339(SystemTime::now()));
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
        let shown = |name: Option<&str>, text: &str| shown(cleaner, name, text);
        let mut state = State::of(instance, &name, rfc3339, shown);
        // A frozen one is told by them alone.
        state.processes = platform.processes(instance).await.ok();
        written.containers.push(state);
    }
    bundle.add(platform::bundle::FILE, serde_json::to_vec_pretty(&written).unwrap_or_default());
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

/// A setting's value, or an argument behind the one before it, without secrets.
fn shown(cleaner: &Cleaner, name: Option<&str>, text: &str) -> String {
    if name.is_some_and(|name| is_secret_name(name) || is_option_of_a_secret(name)) && !text.starts_with('/')
    {
        return REMOVED.to_owned();
    }
    without_passwords(&cleaner.text(text))
}
