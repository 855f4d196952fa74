//! Kubernetes manifests: objects of several documents and lists, as workloads, Services, Ingresses, Secrets and
//! ConfigMaps.

mod fields;
mod ingress;
mod pod;
mod store;
mod volume;

use std::collections::BTreeMap;

use super::description::{
    ClusterService, DescribedPolicy, Description, DescriptionKind, GeneratedObject, ServicePort, StoredKind,
};
use super::source::{ParseFault, Source};
use super::yaml::{self, Node};
use crate::workload::kubernetes::object::NetworkPolicy;
use crate::workload::{Place, Workload, WorkloadKind};

/// Whether a text says that it is a manifest, and is no template of another tool.
#[must_use]
pub fn looks_like_manifest(text: &str) -> bool {
    let mut version = false;
    let mut kind = false;
    for line in text.lines() {
        version |= line.starts_with("apiVersion:") || line.starts_with("\"apiVersion\"");
        kind |= line.starts_with("kind:") || line.starts_with("\"kind\"");
    }
    // JSON may stand in one line.
    let json =
        text.trim_start().starts_with('{') && text.contains("\"apiVersion\"") && text.contains("\"kind\"");
    (json || version && kind) && !has_template_marks(text)
}

/// Marks of Helm, Jinja, ERB, Go templates and their like outside of quoted text.
#[must_use]
pub fn has_template_marks(text: &str) -> bool {
    text.lines().any(|line| {
        let line = line.split(" #").next().unwrap_or_default().trim_start();
        if line.starts_with('#') {
            return false;
        }
        // `{{` may stand in a value that some program reads (Prometheus' alerts); a line of its own, a key or an
        // unquoted value is a template.
        let bare = ["{{", "{%", "<%", "{{-"].iter().any(|mark| line.starts_with(mark));
        let value = line.split_once(": ").map_or("", |(_, value)| value.trim_start());
        let key = line.split_once(':').map_or(line, |(key, _)| key);
        let item = line.strip_prefix("- ").map_or("", str::trim_start);
        bare || [value, item].iter().any(|text| text.starts_with("{{") || text.starts_with("<%"))
            || (key.contains("{{") && !key.contains('"') && !key.contains('\''))
    })
}

/// Whether one document is an object that is read, or known not to be.
#[must_use]
pub fn is_object(node: &Node) -> bool {
    node.text_at(&["kind"]).is_some() && node.text_at(&["apiVersion"]).is_some()
}

/// The objects of a text; lists are taken apart.
#[must_use]
pub fn objects(source: &Source) -> (Vec<Node>, Vec<ParseFault>) {
    let (documents, mut faults) = yaml::documents(source);
    let mut objects = Vec::new();
    for document in documents {
        if document.is_null() {
            continue;
        }
        if !document.is_mapping() {
            faults.push(ParseFault::unreadable(document.mark.clone(), "a manifest is a mapping at its top"));
            continue;
        }
        flatten(document, &mut objects, 0);
    }
    objects.iter().for_each(|object| fields::validate(object, &mut faults));
    (objects, faults)
}

fn flatten(document: Node, objects: &mut Vec<Node>, depth: usize) {
    let list = document.text_at(&["kind"]).is_some_and(|kind| kind.ends_with("List"));
    match document.get("items").filter(|_| list && depth < 4) {
        Some(items) => {
            items.items().to_vec().into_iter().for_each(|item| flatten(item, objects, depth + 1));
        }
        None => objects.push(document),
    }
}

/// What a set of objects describes.
#[must_use]
pub fn describe(objects: &[Node], source: &str) -> Description {
    let mut description = Description {
        source: source.to_owned(),
        kind: DescriptionKind::Kubernetes,
        ..Description::default()
    };
    for object in objects {
        description.read.insert(object.mark.file.to_string());
        match object.text_at(&["kind"]) {
            Some(kind @ ("Secret" | "ConfigMap")) => {
                let kind = if kind == "Secret" { StoredKind::Secret } else { StoredKind::ConfigMap };
                store::read(object, kind, &mut description);
            }
            Some("Service") => description.services.extend(service(object)),
            Some("Ingress") => description.ingresses.push(ingress::read(object)),
            Some("NetworkPolicy") => description.policies.extend(policy(object)),
            Some("Namespace") => {
                description.namespaces.insert(name(object), labels(object.at(&["metadata", "labels"])));
            }
            Some(kind) => made(object, kind, &mut description),
            None => {}
        }
    }
    // Variables are filled from ConfigMaps and Secrets that may stand behind them.
    for object in objects {
        let Some(kind) = object.text_at(&["kind"]).and_then(workload_kind) else { continue };
        let workload = pod::workload(object, kind, &mut description);
        description.workloads.push(workload);
    }
    ingress::controllers(objects, &mut description);
    name_workloads(&mut description);
    mesh(objects, &mut description);
    description
}

fn workload_kind(kind: &str) -> Option<WorkloadKind> {
    Some(match kind {
        "Deployment" | "ReplicaSet" | "ReplicationController" => WorkloadKind::Deployment,
        "StatefulSet" => WorkloadKind::StatefulSet,
        "DaemonSet" => WorkloadKind::DaemonSet,
        "Job" => WorkloadKind::Job,
        "CronJob" => WorkloadKind::CronJob,
        "Pod" => WorkloadKind::Pod,
        _ => return None,
    })
}

/// The namespace that an object is in.
#[must_use]
pub fn namespace(object: &Node) -> String {
    object.text_at(&["metadata", "namespace"]).unwrap_or("default").to_owned()
}

fn name(object: &Node) -> String {
    object.text_at(&["metadata", "name"]).unwrap_or_default().to_owned()
}

fn labels(node: Option<&Node>) -> BTreeMap<String, String> {
    let entries = node.map(Node::entries).unwrap_or_default();
    entries
        .iter()
        .filter_map(|(key, value)| Some((key.text()?.to_owned(), value.text()?.to_owned())))
        .collect()
}

fn service(object: &Node) -> Option<ClusterService> {
    let ports = object.at(&["spec", "ports"]).map(Node::items).unwrap_or_default();
    Some(ClusterService {
        namespace: namespace(object),
        name: name(object),
        selector: labels(object.at(&["spec", "selector"])),
        ports: ports
            .iter()
            .filter_map(|port| {
                let number = port.text_at(&["port"])?.parse().ok()?;
                Some(ServicePort {
                    name: port.text_at(&["name"]).map(str::to_owned),
                    port: number,
                    target: port.text_at(&["targetPort"]).map_or_else(|| number.to_string(), str::to_owned),
                    app_protocol: port.text_at(&["appProtocol"]).map(str::to_owned),
                    place: port.mark.place(),
                })
            })
            .collect(),
        place: object.mark.place(),
    })
}

/// One of another maker that is called the same (Calico's, Cilium's) is none.
fn policy(object: &Node) -> Option<DescribedPolicy> {
    object.text_at(&["apiVersion"]).filter(|version| version.starts_with("networking.k8s.io/"))?;
    let mut read: NetworkPolicy = serde_json::from_value(object.json()).ok()?;
    read.metadata.namespace = namespace(object);
    let spec = object.get("spec").unwrap_or(object);
    let of = |key: &str| spec.entry(key).map_or_else(|| spec.mark.place(), |(name, _)| name.mark.place());
    Some(DescribedPolicy { object: read, ingress: of("ingress"), egress: of("egress") })
}

/// What other objects make: certificates, sealed and external Secrets, and an Ingress whose annotation asks for one.
fn made(object: &Node, kind: &str, description: &mut Description) {
    let namespace = namespace(object);
    let secret = |name: Option<&str>, names: Vec<String>| {
        name.map(|name| GeneratedObject {
            kind: StoredKind::Secret,
            namespace: namespace.clone(),
            name: name.to_owned(),
            names,
        })
    };
    let texts = |path: &[&str]| -> Vec<String> {
        let items = object.at(path).map(Node::items).unwrap_or_default();
        items.iter().filter_map(Node::text).map(str::to_owned).collect()
    };
    let own = object.text_at(&["metadata", "name"]);
    let found = match kind {
        "Certificate" => {
            let mut names = texts(&["spec", "dnsNames"]);
            names.extend(texts(&["spec", "ipAddresses"]));
            secret(object.text_at(&["spec", "secretName"]), names)
        }
        "SealedSecret" => {
            secret(object.text_at(&["spec", "template", "metadata", "name"]).or(own), Vec::new())
        }
        "ExternalSecret" | "ClusterExternalSecret" => {
            secret(object.text_at(&["spec", "target", "name"]).or(own), Vec::new())
        }
        "VaultStaticSecret" | "VaultPKISecret" | "VaultDynamicSecret" => {
            secret(object.text_at(&["spec", "destination", "name"]).or(own), Vec::new())
        }
        "KafkaUser" | "SopsSecret" | "OnePasswordItem" | "BitwardenSecret" | "InfisicalSecret" => {
            secret(own, Vec::new())
        }
        // trust-manager writes one into every namespace.
        "Bundle" => own.map(|name| GeneratedObject {
            kind: StoredKind::ConfigMap,
            namespace: GeneratedObject::EVERYWHERE.to_owned(),
            name: name.to_owned(),
            names: Vec::new(),
        }),
        _ => None,
    };
    description.made.extend(found);
}

/// Names under which workloads are reached, from the Services that select them; and what an Ingress makes.
fn name_workloads(description: &mut Description) {
    let services = description.services.clone();
    for workload in &mut description.workloads {
        let own = workload.namespace.clone().unwrap_or_else(|| "default".to_owned());
        let selecting = services.iter().filter(|one| one.namespace == own && selects(one, workload));
        let names: Vec<String> = selecting.flat_map(service_names).collect();
        workload.aliases.extend(names);
    }
    let made: Vec<GeneratedObject> = description
        .ingresses
        .iter()
        .filter(|one| one.annotations.keys().any(|key| key.starts_with("cert-manager.io/")))
        .flat_map(|one| one.secrets.iter().map(|name| (one.namespace.clone(), name.clone())))
        .map(|(namespace, name)| GeneratedObject {
            kind: StoredKind::Secret,
            namespace,
            name,
            names: Vec::new(),
        })
        .collect();
    description.made.extend(made);
}

/// Whether a Service selects the pods of a workload.
#[must_use]
pub fn selects(service: &ClusterService, workload: &Workload) -> bool {
    !service.selector.is_empty()
        && service.selector.iter().all(|(key, value)| workload.labels.get(key) == Some(value))
}

/// `name.namespace`, `name.namespace.svc`, `name.namespace.svc.cluster.local`; the bare name counts in its own
/// namespace alone.
#[must_use]
pub fn service_names(service: &ClusterService) -> Vec<String> {
    let ClusterService { name, namespace, .. } = service;
    vec![
        format!("{name}.{namespace}"),
        format!("{name}.{namespace}.svc"),
        format!("{name}.{namespace}.svc.cluster.local"),
    ]
}

/// Which workloads a mesh's sidecar stands beside.
fn mesh(objects: &[Node], description: &mut Description) {
    let injected = |node: Option<&Node>| {
        let marks = labels(node);
        let is = |key: &str, value: &str| marks.get(key).is_some_and(|have| have == value);
        is("linkerd.io/inject", "enabled")
            || is("istio-injection", "enabled")
            || is("sidecar.istio.io/inject", "true")
            || is("kuma.io/sidecar-injection", "enabled")
            || is("consul.hashicorp.com/connect-inject", "true")
            || marks.contains_key("istio.io/rev")
            || is("istio.io/dataplane-mode", "ambient")
    };
    let namespaces: Vec<String> = objects
        .iter()
        .filter(|one| one.text_at(&["kind"]) == Some("Namespace"))
        .filter(|one| {
            injected(one.at(&["metadata", "annotations"])) || injected(one.at(&["metadata", "labels"]))
        })
        .map(name)
        .collect();
    for object in objects {
        let Some(kind) = object.text_at(&["kind"]).and_then(workload_kind) else { continue };
        let template = pod::template(object).unwrap_or(object);
        let own = injected(template.at(&["metadata", "annotations"]))
            || injected(template.at(&["metadata", "labels"]));
        let off = ["annotations", "labels"].iter().any(|part| {
            let marks = labels(template.at(&["metadata", part]));
            marks.get("linkerd.io/inject").is_some_and(|one| one == "disabled")
                || marks.get("sidecar.istio.io/inject").is_some_and(|one| one == "false")
        });
        let (name, namespace) = (name(object), namespace(object));
        let meshed = own || (namespaces.contains(&namespace) && !off);
        for workload in &mut description.workloads {
            if workload.kind == kind
                && workload.name == name
                && workload.namespace.as_ref() == Some(&namespace)
            {
                workload.meshed |= meshed;
            }
        }
    }
}

/// The place of a node, for those that build on this.
fn place(node: &Node) -> Option<Place> {
    Some(node.mark.place())
}
