//! Volumes of a pod: what they bring, and where each part of that is written.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::super::description::VolumeMarks;
use super::super::yaml::Node;
use crate::workload::{Mount, MountSource, Place};

/// Places beside those of the model itself, as they are met.
#[derive(Default)]
pub(super) struct Written {
    pub(super) volumes: RefCell<BTreeMap<Place, VolumeMarks>>,
    pub(super) names: RefCell<BTreeMap<Place, Place>>,
}

/// What a container's `volumeMounts` entry brings, by the pod's volumes and claims.
pub(super) fn mount(spec: &Node, claims: &[String], mount: &Node, written: &Written) -> Option<Mount> {
    let target = mount.text_at(&["mountPath"])?.to_owned();
    let volume_name = mount.text_at(&["name"])?;
    let volumes = spec.get("volumes").map(Node::items).unwrap_or_default();
    let volume = volumes.iter().find(|one| one.text_at(&["name"]) == Some(volume_name));
    let (source, mode) = match volume {
        Some(volume) => source_of(volume),
        None if claims.iter().any(|claim| claim == volume_name) => {
            (MountSource::Volume(volume_name.to_owned()), None)
        }
        None => (MountSource::Other(format!("the volume {volume_name}, which the pod does not have")), None),
    };
    // The source is what has to be changed where it is wrong; where it is written, else the mount.
    let named = volume.map_or(&mount.mark, |one| one.get("name").map_or(&one.mark, |name| &name.mark));
    let object =
        volume.and_then(|one| one.at(&["secret", "secretName"]).or_else(|| one.at(&["configMap", "name"])));
    let place = object.map_or(named, |one| &one.mark).place();
    if let Some(volume) = volume {
        let mut volumes = written.volumes.borrow_mut();
        let marks = volumes.entry(place.clone()).or_insert_with(|| volume_marks(volume));
        if let Some(part) = mount.get("subPath") {
            marks.parts.insert(part.text().unwrap_or_default().to_owned(), part.mark.place());
        }
    }
    Some(Mount {
        target,
        source,
        sub_path: mount.text_at(&["subPath"]).map(str::to_owned),
        read_only: mount.get("readOnly").and_then(Node::truth).unwrap_or(false),
        mode,
        place: Some(place),
    })
}

/// Where modes and keys of a volume are written, and the modes of single keys.
fn volume_marks(volume: &Node) -> VolumeMarks {
    let mut marks = VolumeMarks::default();
    let own = ["secret", "configMap", "projected"].iter().find_map(|field| volume.get(field));
    let sources = own.and_then(|one| one.get("sources")).map(Node::items).unwrap_or_default();
    let parts = sources.iter().flat_map(|one| [one.get("secret"), one.get("configMap")]).flatten();
    marks.mode = own.and_then(|one| one.get("defaultMode")).map(|one| one.mark.place());
    for item in
        own.into_iter().chain(parts).flat_map(|one| one.get("items").map(Node::items).unwrap_or_default())
    {
        let Some(key) = item.get("key") else { continue };
        let name = key.text().unwrap_or_default().to_owned();
        let mode =
            item.get("mode").and_then(|mode| Some((u32::try_from(mode.number()?).ok()?, mode.mark.place())));
        marks.modes.extend(mode.map(|mode| (name.clone(), mode)));
        marks.items.insert(name, key.mark.place());
    }
    marks
}

/// A volume's source and the mode of its files.
fn source_of(volume: &Node) -> (MountSource, Option<u32>) {
    let mode = |node: &Node| {
        node.get("defaultMode").and_then(Node::number).and_then(|mode| u32::try_from(mode).ok())
    };
    for (field, name_field) in [("secret", "secretName"), ("configMap", "name")] {
        if let Some(node) = volume.get(field) {
            return (stored(node, field, name_field), mode(node));
        }
    }
    if let Some(node) = volume.get("projected") {
        let sources = node.get("sources").map(Node::items).unwrap_or_default();
        let all = sources
            .iter()
            .map(|one| match (one.get("secret"), one.get("configMap")) {
                (Some(secret), _) => stored(secret, "secret", "name"),
                (None, Some(map)) => stored(map, "configMap", "name"),
                (None, None) => MountSource::Other("a projection of the pod itself".to_owned()),
            })
            .collect();
        return (MountSource::Projected(all), mode(node));
    }
    if volume.get("emptyDir").is_some() {
        return (MountSource::Empty, None);
    }
    if let Some(path) = volume.text_at(&["hostPath", "path"]) {
        // A path of the node, not of this machine.
        return (MountSource::Other(format!("the node's {path}")), None);
    }
    if let Some(claim) = volume.text_at(&["persistentVolumeClaim", "claimName"]) {
        return (MountSource::Volume(claim.to_owned()), None);
    }
    let kind = volume.entries().iter().filter_map(|(key, _)| key.text()).find(|key| *key != "name");
    (MountSource::Other(kind.unwrap_or("an empty volume").to_owned()), None)
}

fn stored(node: &Node, field: &str, name_field: &str) -> MountSource {
    let name = node.text_at(&[name_field]).unwrap_or_default().to_owned();
    let optional = node.get("optional").and_then(Node::truth).unwrap_or(false);
    let entries = node.get("items").map(Node::items).unwrap_or_default();
    let items: BTreeMap<String, String> = entries
        .iter()
        .filter_map(|one| Some((one.text_at(&["key"])?.to_owned(), one.text_at(&["path"])?.to_owned())))
        .collect();
    if field == "secret" {
        MountSource::Secret { name, items, optional }
    } else {
        MountSource::ConfigMap { name, items, optional }
    }
}
