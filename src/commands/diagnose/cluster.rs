//! The logs of a namespace's containers, present and previous, and the cures of what is wrong in it.

use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};

use tls_verify_checks::platform::Platform;
use tls_verify_checks::platform::kubernetes::Namespace;
use tls_verify_core::cluster::{Kubectl, Story, alike};
use tls_verify_core::remedy::catalogue::Placeholders;

use super::containers::ContainerReader;
use super::{Collected, lock};
use crate::cli::DiagnoseArgs;
use crate::commands::run::cluster::live;
use crate::config::{ConfigError as Wrong, Environment};
use crate::output;

/// How long the logs are read once more for what is behind them.
const LISTENING: Duration = Duration::from_secs(60);

/// How long the API server may take for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Reads the logs of the namespace's containers.
pub(super) fn kubernetes(
    args: &DiagnoseArgs,
    environment: &Environment,
    collected: &Mutex<Collected>,
) -> Result<Placeholders, Wrong> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Wrong::new(format!("no runtime can be started: {error}"), "try again"))?;
    let own = crate::own_connections::kept(environment);
    runtime.block_on(async {
        let options = live::options(&args.targets, environment);
        let secrets = !args.targets.no_secrets;
        let namespace = Namespace::connect(&options, secrets, PATIENCE).await.map_err(|why| {
            Wrong::new(why, "look at `kubectl get pods` with the same --kubeconfig, --kube-context and -n")
        })?;
        for denial in namespace.denied() {
            output::tell(&format!("note: {}", denial.said));
        }
        let inside = namespace.cluster.pods.iter().flat_map(|pod| pod.addresses.iter().copied()).collect();
        let reader = ContainerReader { own, inside, collected };
        for container in namespace.containers() {
            let called = format!("{}, container {},", container.name, container.container);
            reader.read(namespace.logs(&container, None), &container, &called).await;
        }
        let any = !lock(collected).groups.is_empty();
        if any {
            let kubectl =
                Kubectl { context: namespace.context(), namespace: namespace.cluster.namespace.clone() };
            let logs = namespace.listen(Instant::now() + LISTENING).await;
            let story = Story::of(&namespace.cluster, &logs, SystemTime::now(), &kubectl);
            cure(&mut lock(collected), &story);
        }
        Ok(Placeholders { wording: namespace.wording(), ..Placeholders::default() })
    })
}

/// The first cure of the fault behind a group: one that breaks a service of it, else one of the same cause.
fn cure(collected: &mut Collected, story: &Story) {
    for group in &mut collected.groups {
        let same = |at: usize| story.faults[at].cause.map(alike) == Some(alike(group.cause));
        let behind = group
            .sources
            .iter()
            .filter_map(|service| story.services.get(service))
            .flat_map(|health| &health.broken)
            .map(|broken| broken.fault)
            .find(|at| same(*at));
        let at = behind.or_else(|| story.ranked().into_iter().find(|at| same(*at)));
        group.cure = at.and_then(|at| story.faults[at].cures.first().cloned());
    }
}
