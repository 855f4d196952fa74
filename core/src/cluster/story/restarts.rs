//! Commands that restart what no rollout restarts, worded so that they do.

use super::replicas::resumed;
use crate::cluster::cure::Kubectl;
use crate::cluster::fault::ClusterFault;
use crate::cluster::immutable;
use crate::remedy::ByHand;
use crate::workload::kubernetes::Cluster;

/// What is restarted, or changed, by a rollout that does not come, is made anew by hand.
pub fn by_hand(cluster: &Cluster, kubectl: &Kubectl, fault: &mut ClusterFault) {
    resumed(cluster, kubectl, fault);
    immutable::told(cluster, fault);
    for workload in &cluster.workloads {
        let Some(hand) = ByHand::of(cluster, workload) else { continue };
        let name = workload.to_string();
        let command = |words: &Vec<String>| kubectl.command(words);
        for cure in &mut fault.cures {
            let Some(before) =
                cure.command.as_deref().filter(|text| text.split(' ').any(|word| word == name))
            else {
                continue;
            };
            let mut steps: Vec<String> = Vec::new();
            let (mut is_changed, mut is_restarted) = (false, false);
            for step in before.split(" && ") {
                let is_of_it = step.split(' ').any(|word| word == name);
                let does = |verb: &str| is_of_it && step.contains(verb);
                if does(" rollout restart ") {
                    is_restarted = true;
                    let others: Vec<&str> = step.split(' ').filter(|word| *word != name).collect();
                    if others.last() != Some(&"restart") {
                        steps.push(others.join(" "));
                    }
                    steps.extend(hand.restart.iter().map(command));
                } else if does(" rollout status ") {
                    steps.push(kubectl.command(&hand.wait));
                } else {
                    is_changed |= [" set ", " patch "].into_iter().any(does);
                    steps.push(step.to_owned());
                }
            }
            if is_changed && !is_restarted {
                steps.extend(hand.changed.iter().map(command));
            }
            if is_restarted {
                cure.text.push_str(&format!("; {}", hand.why_restart));
            } else if is_changed && !hand.why_changed.is_empty() {
                cure.text.push_str(&format!("; {}", hand.why_changed));
            }
            cure.command = Some(steps.join(" && "));
        }
    }
}
