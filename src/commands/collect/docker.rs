//! A Compose project: what its containers said, their states and settings, and the certificates that they mount, as
//! `--logs` reads them back.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use futures_util::StreamExt;
use tls_verify_checks::platform::bundle::{Bundle as Written, RecordedContainer};
use tls_verify_checks::platform::{self, Choice, LogPiece, Platform};
use tls_verify_checks::served;
use tls_verify_checks::stack::Stack;
use tls_verify_core::workload::Instance;

use super::clean::{Cleaner, REMOVED, is_option_of_a_secret, is_secret_name, without_passwords};
use super::log::{self, Patience};
use super::{CollectedFiles, is_file_name};
use crate::cli::{CollectArgs, RunnerArgs, TargetArgs};
use crate::commands::run::cluster::FOREIGN;
use crate::commands::run::rfc3339;
use crate::config::{self, ConfigError, Environment};

pub(super) async fn collect(
    args: &CollectArgs,
    environment: &Environment,
    cleaner: &mut Cleaner,
) -> Result<CollectedFiles, Vec<ConfigError>> {
    const PATIENCE: Duration = Duration::from_secs(10);
    let targets = TargetArgs {
        project: args.project.clone(),
        docker_host: args.docker_host.clone(),
        ..TargetArgs::default()
    };
    let runner = RunnerArgs::of_times(PATIENCE, 6 * PATIENCE, Duration::from_secs(30 * 86_400));
    let stack = config::stack(&targets, &runner, &environment.without(FOREIGN), &[])?.stack;
    let platform = platform::connect(&stack, PATIENCE).await.map_err(|failure| {
        vec![ConfigError::new(
            failure.words(),
            "start Docker, give --docker-host, or collect from a cluster with -n",
        )]
    })?;
    if platform.workloads().is_empty() {
        let why = format!("{} has no container", platform.stack());
        return Err(vec![ConfigError::new(why, "name the project with --project")]);
    }
    let mut bundle = of(platform.as_ref(), &stack.project, cleaner).await;
    if !platform.is_near() {
        let why = "this engine publishes its ports on a machine of its own: collect there";
        bundle.left_out.push(format!("{} and {}: {why}", served::FILE, served::READY));
        return Ok(bundle);
    }
    super::ports(Stack { platform: Choice::Ready(platform), ..stack }, environment, cleaner, &mut bundle)
        .await;
    Ok(bundle)
}

/// Everything of a project.
async fn of(platform: &dyn Platform, project: &str, cleaner: &mut Cleaner) -> CollectedFiles {
    let mut bundle = CollectedFiles { read_back: "--all --logs", ..CollectedFiles::default() };
    // Since they were listed one may have ended, or have been out of sight between two starts.
    let mut instances = Vec::new();
    for known in platform.instances() {
        instances.push(platform.inspect(known).await.unwrap_or_else(|_| known.clone()));
    }
    for instance in &instances {
        for setting in instance.configured.environment.iter().filter(|one| is_secret_name(&one.name)) {
            if let Some(text) = setting.value.known().filter(|text| !text.starts_with('/')) {
                cleaner.hide(text);
            }
        }
    }
    let mut written = Written::new(project, rfc3339(SystemTime::now()));
    let mut taken = BTreeSet::new();
    for instance in &instances {
        let Some(name) = name_of(&instance.service, &mut taken) else {
            bundle.left_out.push(format!("{}: no name of a file", instance.service));
            continue;
        };
        let path = format!("{name}.log");
        let pieces = platform.logs(instance, None).filter_map(|piece| async {
            match piece {
                Ok(LogPiece::Bytes(bytes)) => Some(Ok(bytes)),
                Ok(LogPiece::PresentStart) => None,
                Err(why) => Some(Err(why)),
            }
        });
        match log::read(pieces, Patience::USUAL).await {
            Ok((bytes, missing)) => {
                bundle.left_out.extend(missing.map(|missing| format!("{path}: {missing}")));
                bundle.add(path, cleaner.text(&String::from_utf8_lossy(&bytes)));
            }
            Err(why) => bundle.left_out.push(format!("{path}: {why}")),
        }
        certificates(platform, instance, &name, &mut bundle).await;
        let shown = |name: Option<&str>, text: &str| shown(cleaner, name, text);
        let mut state = RecordedContainer::of(instance, &name, rfc3339, shown);
        // A frozen one is told by them alone.
        state.processes = platform.processes(instance).await.ok();
        written.containers.push(state);
    }
    bundle.add(platform::bundle::FILE, serde_json::to_vec_pretty(&written).unwrap_or_default());
    bundle
}

/// The service's name, with a number where a file of that name is taken, as Compose numbers replicas.
fn name_of(service: &str, taken: &mut BTreeSet<String>) -> Option<String> {
    let names =
        (1_u32..).map(|member| if member == 1 { service.to_owned() } else { format!("{service}-{member}") });
    let mut free = names.filter(|name| taken.insert(name.clone()));
    free.next().filter(|name| !name.contains('/') && is_file_name(&format!("{name}.log")))
}

/// The certificates that its settings name; a file that holds a key is none.
async fn certificates(platform: &dyn Platform, instance: &Instance, name: &str, bundle: &mut CollectedFiles) {
    let words = instance.configured.environment.iter().filter_map(|one| one.value.known());
    let arguments = instance.configured.arguments.iter().filter_map(|one| one.value.known());
    let mut seen = Vec::new();
    for path in words.chain(arguments) {
        let is_named = path.starts_with('/')
            && !path.contains("..")
            && path.split('/').all(|part| part.len() < 256 && !part.chars().any(char::is_control))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_free_and_of_files() {
        let mut taken = BTreeSet::new();
        let mut name = |service: &str| name_of(service, &mut taken);
        let numbered = ["nats", "nats", "nats-2", "nats"].map(|service| name(service).unwrap());
        assert_eq!(numbered, ["nats", "nats-2", "nats-2-2", "nats-3"]);
        let long = "x".repeat(300);
        for wrong in ["../nats", ".nats", "a/b", "", "a\0b", "a\u{1b}[31m", "a\nb", long.as_str()] {
            assert_eq!(name(wrong), None, "{wrong:?}");
        }
    }
}
