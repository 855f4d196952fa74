//! Secrets and ConfigMaps that cannot be changed where they are.

use crate::cluster::cure::Kubectl;
use crate::cluster::fault::ClusterFault;
use crate::workload::kubernetes::Cluster;

/// What is immutable is made anew, with what it holds, as one that can be changed, before a cure changes it: the API server
/// takes no other change of it (`field is immutable when `immutable` is set`, Kubernetes 1.34), not even that.
pub(super) fn made_anew(cluster: &Cluster, kubectl: &Kubectl, fault: &mut ClusterFault) {
    for name in &cluster.immutable {
        let Some((kind, own)) = name.split_once('/') else { continue };
        for cure in &mut fault.cures {
            let Some(command) = cure.command.as_mut().filter(|command| patches(command, kind, own)) else {
                continue;
            };
            let get = kubectl.command(&["get", kind, own, "-o", "json"]);
            let patch = r#"{"immutable":false}"#;
            let mutable =
                kubectl.command(&["patch", "--local", "-f", "-", "--type=merge", "-p", patch, "-o", "json"]);
            let replace = kubectl.command(&["replace", "--force", "-f", "-"]);
            *command = format!("{get} | {mutable} | {replace} && {command}");
            cure.text.push_str(&format!("; {name} is immutable, and is made anew as one that is not"));
        }
    }
}

/// Whether a command changes this object.
fn patches(command: &str, kind: &str, name: &str) -> bool {
    let words: Vec<&str> = command.split(' ').collect();
    let whole = format!("{kind}/{name}");
    words.windows(3).any(|words| words == ["patch", kind, name])
        || words.windows(2).any(|words| words == ["patch", whole.as_str()])
}
