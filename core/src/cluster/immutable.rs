//! Secrets and ConfigMaps that cannot be changed where they are.

use crate::cluster::fault::ClusterFault;
use crate::workload::kubernetes::Cluster;

/// A cure that changes what is immutable is told without a command: the API server takes no change of it (`field is
/// immutable when `immutable` is set`, Kubernetes 1.34), and nothing that is in use is deleted.
pub(super) fn told(cluster: &Cluster, fault: &mut ClusterFault) {
    for name in &cluster.immutable {
        let Some((kind, own)) = name.split_once('/') else { continue };
        for cure in &mut fault.cures {
            if cure.command.as_ref().is_some_and(|command| patches(command, kind, own)) {
                cure.command = None;
                cure.text.push_str(&format!(
                    "; {name} is immutable and takes no change: make one of another name with that, and have it mounted in \
                     place of this one"
                ));
            }
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
