//! Ingresses, and the controllers that their classes stand for.

use super::super::description::{Description, Ingress};
use super::super::yaml::Node;
use super::{name, namespace};

/// Annotations of ingress-nginx.
const SNIPPETS: [&str; 2] =
    ["nginx.ingress.kubernetes.io/configuration-snippet", "nginx.ingress.kubernetes.io/server-snippet"];

/// One as it is written.
pub(super) fn read(object: &Node) -> Ingress {
    let annotations = object.at(&["metadata", "annotations"]).map(Node::entries).unwrap_or_default();
    let mut backends = Vec::new();
    let mut backend = |node: Option<&Node>| {
        let Some(node) = node else { return };
        let service = node.get("service").unwrap_or(node);
        let name = service.text_at(&["name"]).or_else(|| node.text_at(&["serviceName"]));
        let port = service
            .text_at(&["port", "number"])
            .or_else(|| service.text_at(&["port", "name"]))
            .or_else(|| node.text_at(&["servicePort"]));
        if let (Some(name), Some(port)) = (name, port) {
            backends.push((name.to_owned(), port.to_owned(), service.mark.place()));
        }
    };
    backend(object.at(&["spec", "defaultBackend"]));
    for rule in object.at(&["spec", "rules"]).map(Node::items).unwrap_or_default() {
        for path in rule.at(&["http", "paths"]).map(Node::items).unwrap_or_default() {
            backend(path.get("backend"));
        }
    }
    Ingress {
        namespace: namespace(object),
        name: name(object),
        class: object
            .text_at(&["spec", "ingressClassName"])
            .or_else(|| object.text_at(&["metadata", "annotations", "kubernetes.io/ingress.class"]))
            .map(str::to_owned),
        annotations: annotations
            .iter()
            .filter_map(|(key, value)| {
                // A patch may have put another value in.
                let beside = key.mark.file == value.mark.file && key.mark.line == value.mark.line;
                let mark = if beside { &key.mark } else { &value.mark };
                Some((key.text()?.to_owned(), (value.text()?.to_owned(), mark.place())))
            })
            .collect(),
        snippets: annotations
            .iter()
            .filter(|(key, _)| key.text().is_some_and(|key| SNIPPETS.iter().any(|name| key.ends_with(name))))
            .filter_map(|(_, value)| value.source())
            .collect(),
        backends,
        secrets: object
            .at(&["spec", "tls"])
            .map(Node::items)
            .unwrap_or_default()
            .iter()
            .filter_map(|one| one.text_at(&["secretName"]).map(str::to_owned))
            .collect(),
        place: object.at(&["metadata", "name"]).map_or_else(|| object.mark.place(), |one| one.mark.place()),
    }
}

/// Where an IngressClass among the objects says which controller a class is, that one stands for it; the default one
/// is the class of those that name none.
pub(super) fn controllers(objects: &[Node], description: &mut Description) {
    let classes = || objects.iter().filter(|one| one.text_at(&["kind"]) == Some("IngressClass"));
    for ingress in &mut description.ingresses {
        let is_meant = |class: &&Node| match &ingress.class {
            Some(wanted) => name(class) == *wanted,
            None => {
                let default = ["metadata", "annotations", "ingressclass.kubernetes.io/is-default-class"];
                class.text_at(&default) == Some("true")
            }
        };
        let controller = classes().find(is_meant).and_then(|one| one.text_at(&["spec", "controller"]));
        if let Some(controller) = controller {
            ingress.class = Some(controller.to_owned());
        }
    }
}
