//! How long a pod that starts is only on its way, by the time that its probes give it.

use std::time::{Duration, SystemTime};

use super::object::{ContainerSpec, ProbeSpec};
use super::{ContainerPhase, Pod};

/// What a probe takes that says nothing of its times: three failures, ten seconds apart (the API's defaults).
pub(super) const USUAL: Duration = Duration::from_secs(30);

/// How long after its start a container may be not ready: until its startup probe has it ended, then until its readiness
/// probe counts it as failed.
pub(super) fn time_to_ready(spec: &ContainerSpec) -> Duration {
    let probes = || [&spec.startup_probe, &spec.readiness_probe].into_iter().flatten();
    if probes().next().is_none() { USUAL } else { probes().map(given).sum() }
}

/// The time in which a probe may fail.
fn given(probe: &ProbeSpec) -> Duration {
    let or = |written: u32, usual: u64| if written == 0 { usual } else { u64::from(written) };
    let tries = or(probe.failure_threshold, 3).saturating_mul(or(probe.period_seconds, 10));
    Duration::from_secs(u64::from(probe.initial_delay_seconds).saturating_add(tries))
}

impl Pod {
    /// It is not ready, has never ended, and is younger than the time that its probes give it: nothing says yet that it
    /// does not get ready.
    #[must_use]
    pub fn is_starting(&self, now: SystemTime) -> bool {
        let Some(main) = self.main().filter(|main| !self.ready && main.restarts == 0) else { return false };
        let (since, given) = match &main.state {
            ContainerPhase::Running(since) => (*since, self.time_to_ready),
            ContainerPhase::Waiting(..) | ContainerPhase::Unknown => (self.created, USUAL),
            ContainerPhase::Terminated(_) => return false,
        };
        // Of a clock that is ahead of ours: just now.
        since.is_some_and(|since| now.duration_since(since).unwrap_or_default() <= given)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_give_a_start_its_time() {
        for (spec, seconds) in [
            (serde_json::json!({}), 30),
            (serde_json::json!({"readinessProbe": {}}), 30),
            (serde_json::json!({"readinessProbe": {"initialDelaySeconds": 5, "periodSeconds": 2}}), 11),
            (
                serde_json::json!({"startupProbe": {"periodSeconds": 1, "failureThreshold": 90},
                    "readinessProbe": {"initialDelaySeconds": 1, "periodSeconds": 2, "failureThreshold": 3}}),
                97,
            ),
            // It ends a container that was ready; it gives no time.
            (serde_json::json!({"livenessProbe": {"initialDelaySeconds": 600}}), 30),
        ] {
            let read: ContainerSpec = serde_json::from_value(spec.clone()).unwrap();
            assert_eq!(time_to_ready(&read).as_secs(), seconds, "{spec}");
        }
    }
}
