//! Files that a container cannot use, told at the Secret or the setting that they come from.

use std::collections::BTreeMap;

use super::kinds::alike;
use super::trace::PodTrouble;
use super::{Story, container_logged, first_line, permissions};
use crate::cause::{CauseKind, Variant};
use crate::cluster::connections;
use crate::cluster::cure::{Fix, change};
use crate::cluster::fault::ClusterFault;
use crate::cluster::log::StartTrouble;
use crate::cluster::pods::PodContext;
use crate::cluster::secrets::{self, PathContent, usual_path};
use crate::cluster::{certificates, wiring};
use crate::evidence::observation::EvidenceLevel;
use crate::evidence::{Fact, SecretFact, UnsetBecause, WiringFact};
use crate::remedy::ChangeKind;
use crate::workload::Workload;
use crate::workload::kubernetes::Pod;

impl Story {
    /// A file of its own that a container cannot use.
    pub(super) fn of_file(
        &mut self,
        scene: PodContext<'_>,
        said: PodTrouble<'_>,
        path: &str,
        found: &PathContent,
    ) -> usize {
        let PodTrouble { pod, workload, container, trouble } = said;
        let kind = trouble.what.kind;
        let fact = container_logged(pod, container, &trouble.sample);
        // A path that only this workload asks for, beside files that are there: the setting is wrong, not the Secret.
        if matches!(found, PathContent::MissingKey(_))
            && let Some(at) = self.at(&workload.to_string(), Some(kind))
        {
            return at;
        }
        let Some(key) = found.key() else {
            if let Some(at) = self.at(&workload.to_string(), Some(kind)) {
                return at;
            }
            return self.add(not_there(scene, pod, workload, container, trouble, path).because(fact));
        };
        let of_workload =
            |fact, cure| ClusterFault::of_trouble(trouble, workload.to_string()).because(fact).cure(cure);
        let named = setting_of(pod, container, path);
        if let (PathContent::MissingKey(_), Some(setting)) = (found, &named)
            && let Some(right) = usual_path(scene.cluster, path, key)
        {
            let why = "that file is there, and there is none at the other path";
            let cure = wiring::set(scene.kubectl, workload, setting, Some(path), &right, why);
            return self.add(of_workload(fact, cure));
        }
        if trouble.what.variant == Some(Variant::PermissionDenied)
            && let Some(cure) = permissions::readable(scene, pod, workload, container, path)
        {
            return self.add(of_workload(fact, cure));
        }
        let place = format!("secret/{}", key.secret);
        // What the certificates themselves show is told already.
        let known = self.faults.iter().position(|one| {
            one.place == place
                && one.cause.is_some_and(|cause| alike(cause) == alike(kind) || kind == CauseKind::BadKeyFile)
        });
        if let Some(at) = known {
            return at;
        }
        // The pair's other half may be the odd one.
        if trouble.sample.contains("does not chain to") {
            let known = self.faults.iter().position(|one| {
                one.place.starts_with("secret/") && one.cause.is_some_and(|cause| alike(cause) == alike(kind))
            });
            if let Some(at) = known {
                return at;
            }
        }
        let absent = matches!(found, PathContent::MissingKey(_));
        let misread = wiring::misread(scene.cluster, workload, path, key, scene.kubectl);
        if let (true, Some((place, cure))) = (absent, misread) {
            return self.add(
                ClusterFault::new(Some(kind), place)
                    .variant(trouble.what.variant)
                    .on(trouble.what.side)
                    .because(fact)
                    .cure(cure)
                    .seen_in(EvidenceLevel::Logged),
            );
        }
        let cure = of_secret_file(scene, workload, key, trouble, absent);
        self.add(
            ClusterFault::new(Some(kind), place)
                .variant(trouble.what.variant)
                .on(trouble.what.side)
                .because(fact)
                .because(SecretFact::FileIs { path: path.to_owned(), file: key.clone() })
                .cure(cure)
                .seen_in(EvidenceLevel::Logged)
                .breaks(&["certificates"]),
        )
    }
}

/// A path at which the container has no file.
fn not_there(
    scene: PodContext<'_>,
    pod: &Pod,
    workload: &Workload,
    container: &str,
    trouble: &StartTrouble,
    path: &str,
) -> ClusterFault {
    let setting = setting_of(pod, container, path);
    let what = setting.as_ref().map_or_else(|| path.to_owned(), |name| format!("{name} ({path})"));
    let sibling = setting.as_ref().and_then(|name| sibling_value(scene, workload, name));
    let renamed = renamed(scene, pod, workload, container);
    let cure = match (setting, sibling) {
        (Some(name), _) if renamed.iter().any(|(own, ..)| *own == name) => {
            under_other_names(scene, workload, container, &renamed)
        }
        (Some(name), Some(to)) if to != path => wiring::set(
            scene.kubectl,
            workload,
            &name,
            Some(path),
            &to,
            "its neighbours read that file, and nothing is mounted at the other path",
        ),
        _ => Fix::told(format!(
            "{what} of {workload} is no file in its container: mount it, or name one that is"
        )),
    };
    ClusterFault::new(Some(trouble.what.kind), workload.to_string())
        .variant(trouble.what.variant)
        .on(trouble.what.side)
        .seen_in(EvidenceLevel::Logged)
        .cure(cure)
}

/// Variables of a container that name a key's own path, where its mount has the key under another: variable, path, and the
/// one that is there.
fn renamed<'a>(
    scene: PodContext<'_>,
    pod: &'a Pod,
    workload: &Workload,
    container: &str,
) -> Vec<(&'a str, &'a str, String)> {
    // What has to be set is the description's; of a pod that is made otherwise nothing is known.
    let Some(own) = pod.configured.iter().find(|one| one.name == container) else { return Vec::new() };
    let is_described = workload.containers.iter().any(|one| one.name == container);
    let named = own.environment.iter().filter_map(|one| {
        let path = one.value.known().filter(|path| is_described && path.starts_with('/'))?;
        let there = secrets::renamed(own, path)?;
        let is_missing = matches!(secrets::at(scene.cluster, own, path), PathContent::NotMounted);
        is_missing.then_some((one.name.as_str(), path, there))
    });
    named.collect()
}

/// All of them are set at once: what reads one of them reads the others next.
fn under_other_names(
    scene: PodContext<'_>,
    workload: &Workload,
    container: &str,
    renamed: &[(&str, &str, String)],
) -> Fix {
    let name = workload.to_string();
    let words: Vec<String> =
        renamed.iter().map(|(own, path, to)| format!("{own} from {path} to {to}")).collect();
    let set: Vec<String> = renamed.iter().map(|(own, _, to)| format!("{own}={to}")).collect();
    let mut command = vec!["set", "env", &name, "-c", container];
    command.extend(set.iter().map(String::as_str));
    let cure = Fix::told(format!(
        "{name}: the items of its mount have these files under other names: set {}",
        words.join(", ")
    ))
    .by(scene.kubectl.command(&command));
    renamed.iter().fold(cure, |cure, (own, path, to)| {
        let field = format!("spec.template.spec.containers[name={container}].env");
        let change = change(name.clone(), Some(container), ChangeKind::Environment, *own, Some(field));
        cure.with(change.values(Some(path), Some(to)))
    })
}

/// The variable of a container that names a path.
fn setting_of(pod: &Pod, container: &str, path: &str) -> Option<String> {
    let configured = pod.configured.iter().find(|one| one.name == container)?;
    let setting = configured.environment.iter().find(|setting| setting.value.known() == Some(path))?;
    Some(setting.name.clone())
}

/// A certificate without its key, or a key without its certificate.
pub(super) fn half_pair(scene: PodContext<'_>, workload: &Workload, sample: &str) -> Option<ClusterFault> {
    let main = workload.main()?;
    let lower = sample.to_ascii_lowercase();
    let fronts =
        ["NATS_TLS", "REDIS_TLS", "GATEWAY_HTTP_TLS", "GRPC_TLS", "SAFETY_KERNEL_TLS", "CONTEXT_ENGINE_TLS"];
    let said = |front: &&&str| lower.contains(&front.to_ascii_lowercase().replace('_', " "));
    let all = || fronts.iter().filter(said).chain(fronts.iter().filter(|front| !said(front)));
    let (front, missing, there) = all().find_map(|front| {
        let (cert, key) = (format!("{front}_CERT"), format!("{front}_KEY"));
        let set = |name: &str| connections::known(main, name).is_some();
        match (set(&cert), set(&key)) {
            (true, false) => Some((*front, key, cert)),
            (false, true) => Some((*front, cert, key)),
            _ => None,
        }
    })?;
    let path = connections::known(main, &there)?;
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let file = if missing.ends_with("_KEY") { "tls.key" } else { "tls.crt" };
    let to = sibling_value(scene, workload, &missing).unwrap_or_else(|| format!("{folder}/{file}"));
    let why = format!("{there} is {path}, and the two belong together");
    Some(
        ClusterFault::new(Some(CauseKind::BadKeyFile), workload.to_string())
            .variant(Some(Variant::HalfPair))
            .because(WiringFact::Unset {
                variables: vec![missing.clone()],
                workload: workload.to_string(),
                because: UnsetBecause::OtherOfPair { there, front: front.to_owned() },
            })
            .because(Fact::Verbatim(first_line(sample).to_owned()))
            .cure(wiring::set(scene.kubectl, workload, &missing, None, &to, &why))
            .seen_in(EvidenceLevel::Logged),
    )
}

/// What another workload's variable of the same name holds.
fn sibling_value(scene: PodContext<'_>, workload: &Workload, variable: &str) -> Option<String> {
    let others = scene.cluster.workloads.iter().filter(|other| !std::ptr::eq(*other, workload));
    let mut values: BTreeMap<&str, usize> = BTreeMap::new();
    for other in others {
        if let Some(value) = other.main().and_then(|main| connections::known(main, variable)) {
            *values.entry(value).or_default() += 1;
        }
    }
    values.into_iter().max_by_key(|(_, count)| *count).map(|(value, _)| value.to_owned())
}

/// A Secret's file that its reader cannot use.
fn of_secret_file(
    scene: PodContext<'_>,
    workload: &Workload,
    key: &crate::cluster::secrets::SecretEntry,
    trouble: &StartTrouble,
    absent: bool,
) -> Fix {
    // The loader of a pair names the certificate's file alone.
    let of_key = trouble.sample.contains("private key") && key.key == "tls.crt";
    let at_fault = if of_key { "tls.key" } else { &key.key };
    let what = if trouble.what.kind == CauseKind::KeyMismatch {
        format!("tls.key of secret/{} is not the key of its tls.crt: both have to be of one pair", key.secret)
    } else if absent {
        format!("secret/{} has no key {}, which {workload} reads: put it in", key.secret, key.key)
    } else {
        format!("{at_fault} of secret/{} cannot be used by {workload}: put one in that can", key.secret)
    };
    let folder =
        key.secret.strip_prefix("cordum-").unwrap_or(&key.secret).trim_end_matches("-tls").to_owned();
    let pair = [format!("certs/{folder}/tls.crt"), format!("certs/{folder}/tls.key")];
    let files: Vec<(&str, &str)> = if key.key == "ca.crt" {
        vec![("ca.crt", "certs/ca/ca.crt")]
    } else {
        vec![("tls.crt", &pair[0]), ("tls.key", &pair[1])]
    };
    let mut command = if absent {
        certificates::fill(scene.cluster, key, scene.kubectl).1
    } else {
        scene.kubectl.fill(&key.secret, &files)
    };
    let mut readers = certificates::readers(
        scene.cluster,
        scene.connections,
        &key.secret,
        &["tls.crt", "tls.key", &key.key],
    );
    if !readers.contains(&workload.to_string()) {
        readers.push(workload.to_string());
    }
    if let Some(restart) = scene.kubectl.restart(&readers) {
        command.push_str(" && ");
        command.push_str(&restart);
    }
    let mut cure = Fix::told(what).by(command);
    for (name, _) in files {
        cure = cure.with(crate::cluster::cure::of_secret(workload.to_string(), &key.secret, name));
    }
    cure
}
