//! Files of Secrets that a container's user may not read.

use crate::cluster::cure::{Fix, change};
use crate::cluster::pods::PodContext;
use crate::remedy::ChangeKind;
use crate::workload::Workload;
use crate::workload::kubernetes::Pod;

/// The group that opens a Secret's files to a pod: they are root's, with the mode that its volume sets, and the kubelet
/// gives them to `fsGroup` for reading. Nothing: its modes let it read them, or who it runs as is not said.
pub(super) fn readable(
    scene: PodContext<'_>,
    pod: &Pod,
    workload: &Workload,
    container: &str,
    path: &str,
) -> Option<Fix> {
    let configured = pod.configured.iter().find(|one| one.name == container)?;
    let user = configured.user.filter(|user| *user != 0)?;
    let mode = configured.mount_of(path)?.mode?;
    if mode & 0o004 != 0 || !configured.groups.is_empty() {
        return None;
    }
    let group = configured.group.filter(|group| *group != 0).unwrap_or(user);
    let name = workload.to_string();
    let patch = serde_json::json!({"spec": {"template": {"spec": {"securityContext": {"fsGroup": group}}}}});
    let field = "spec.template.spec.securityContext.fsGroup";
    let change = change(name.clone(), None, ChangeKind::Config, "fsGroup", Some(field.to_owned()))
        .values(None, Some(&group.to_string()));
    let cure = Fix::told(format!(
        "{name} runs as user {user}, and {path} is root's with mode {mode:04o}: give its pods a group that the files of \
         their Secrets are readable for, fsGroup {group}"
    ));
    Some(cure.with(change).by(scene.kubectl.command(&["patch", &name, "-p", &patch.to_string()])))
}
