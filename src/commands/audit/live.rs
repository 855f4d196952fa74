//! The running project instead of its files: what the engine says of its containers.

use std::time::Duration;

use tls_verify_checks::platform;
use tls_verify_core::manifest::{Description, DescriptionKind};
use tls_verify_core::rules::Verdicts;
use tls_verify_core::rules::running;
use tls_verify_core::workload::Place;

use crate::cli::{AuditArgs, RunnerArgs, TargetArgs};
use crate::config::{self, ConfigError, Environment};

/// The containers of the project, with the host's files that they mount.
pub(super) fn docker(args: &AuditArgs, environment: &Environment) -> Result<Description, Vec<ConfigError>> {
    const PATIENCE: Duration = Duration::from_secs(5);
    let targets = TargetArgs {
        project: args.project.clone(),
        docker_host: args.docker_host.clone(),
        ..TargetArgs::default()
    };
    let runner = RunnerArgs::of_times(PATIENCE, 6 * PATIENCE, args.expiry_warn);
    let stack = config::stack(&targets, &runner, environment, &[])?.stack;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
        vec![ConfigError::new(format!("no runtime can be started: {error}"), "try again")]
    })?;
    let (workloads, source) = runtime.block_on(async {
        let platform = platform::connect(&stack, PATIENCE).await.map_err(|failure| {
            vec![ConfigError::new(failure.words(), "start Docker, give --docker-host, or audit the files")]
        })?;
        Ok::<_, Vec<ConfigError>>((platform.workloads().to_vec(), platform.stack()))
    })?;
    if workloads.is_empty() {
        let how = "name the project with --project, or audit its files with -f";
        return Err(vec![ConfigError::new(format!("{source} has no container"), how)]);
    }
    let mut description =
        Description { source: source.clone(), kind: DescriptionKind::Compose, ..Description::default() };
    description.workloads = workloads;
    for workload in &mut description.workloads {
        // Nothing of it has a line: the container is the place.
        let file = format!("container {}", workload.name);
        workload.place = Some(Place::of_file(file));
        *workload = running::placed(workload);
    }
    Ok(description)
}

/// What of the engine's has no line has no column and no file to edit; files that are mounted keep theirs.
pub(super) fn without_lines(verdicts: &mut Verdicts) {
    for finding in &mut verdicts.findings {
        if finding.place.line == 0 {
            finding.place.column = 0;
        }
        for change in finding.fix.iter_mut().flat_map(|one| &mut one.changes) {
            change.defined_at = change.defined_at.take().filter(|place| place.line > 0);
        }
    }
    let places = verdicts.undecided.iter_mut().filter_map(|one| one.place.as_mut());
    places.filter(|place| place.line == 0).for_each(|place| place.column = 0);
}
