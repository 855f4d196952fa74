//! The ingress controllers' annotations: the same settings in other words.

use crate::manifest::nginx::{NginxDirective, read};
use crate::manifest::{Description, Ingress, ServicePort};
use crate::wiring::scan::WiringScanner;
use crate::wiring::{ClientTrust, Dial, Dialler, FileRef, Protocol, SettingKind, TlsMode, Verifies};
use crate::workload::Place;

/// What begins the path of a key of a Secret that no container mounts.
pub(crate) const SECRET: &str = "secret://";
/// What the annotations of ingress-nginx begin with.
pub(crate) const PREFIX: &str = "nginx.ingress.kubernetes.io/";
/// Those of the other controller that is made of nginx.
const F5: [&str; 2] = ["nginx.org/", "nginx.com/"];
/// The name that ingress-nginx has nginx verify where `proxy-ssl-name` says none: that of its one upstream.
const OWN_UPSTREAM: &str = "upstream_balancer";

/// Who reads an Ingress.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Controller {
    /// ingress-nginx.
    Community,
    /// NGINX Ingress Controller.
    F5,
    /// Nobody says who; all of them speak HTTP where nothing tells them otherwise.
    Unsaid,
}

/// `None`: one of another kind, whose settings are its own.
fn controller(ingress: &Ingress) -> Option<Controller> {
    if !ingress.class.as_deref().is_none_or(|class| class.contains("nginx")) {
        return None;
    }
    let says = |prefix: &str| ingress.annotations.keys().any(|key| key.starts_with(prefix));
    if F5.iter().any(|prefix| says(prefix))
        || ingress.class.as_deref().is_some_and(|class| F5.iter().any(|prefix| class.starts_with(prefix)))
    {
        return Some(Controller::F5);
    }
    if ingress.class.is_some() || says(PREFIX) {
        return Some(Controller::Community);
    }
    const OTHERS: [&str; 11] = [
        "traefik",
        "haproxy",
        "alb.",
        "contour",
        "cilium",
        "konghq",
        "gke.",
        "gce",
        "appgw",
        "openshift",
        "istio",
    ];
    let foreign = |key: &String| {
        let domain = key.split('/').next().unwrap_or_default();
        OTHERS.iter().any(|one| domain.contains(one))
    };
    (!ingress.annotations.keys().any(foreign)).then_some(Controller::Unsaid)
}

/// The Ingresses of a description as proxies.
pub(crate) fn ingresses(scanner: &mut WiringScanner<'_>) {
    for ingress in &scanner.view.description.ingresses {
        let Some(controller) = controller(ingress) else { continue };
        // The client's TLS goes through to the pods: there is nothing that the controller could verify.
        let passes = ingress.annotations.get(&format!("{PREFIX}ssl-passthrough"));
        if passes.is_some_and(|(on, _)| on.eq_ignore_ascii_case("true")) {
            continue;
        }
        for backend in &ingress.backends {
            let dial = dial(scanner.view.description, ingress, backend, controller);
            scanner.found.dials.extend(dial);
        }
    }
}

fn dial(
    description: &Description,
    ingress: &Ingress,
    (service, port, place): &(String, String, Place),
    controller: Controller,
) -> Option<Dial> {
    let found =
        description.services.iter().find(|one| one.name == *service && one.namespace == ingress.namespace);
    let ports = found.map(|one| one.ports.as_slice()).unwrap_or_default();
    let named = |one: &&ServicePort| one.name.as_deref() == Some(port) || one.port.to_string() == *port;
    let at = ports.iter().find(named);
    // Some of them dial in TLS what looks like it.
    let looks_secure = |one: &ServicePort| {
        let says = |text: &Option<String>| {
            text.as_deref().is_some_and(|text| text.to_ascii_lowercase().starts_with("https"))
        };
        one.port == 443 || says(&one.name) || says(&one.app_protocol)
    };
    if controller == Controller::Unsaid && at.is_some_and(looks_secure) {
        return None;
    }
    let mut dial = Dial::new(0, 0, "", SettingKind::Config, place.clone());
    dial.workload = None;
    dial.ingress = Some(ingress.name.clone());
    dial.dialler = Dialler::Ingress;
    dial.host = Some(format!("{service}.{}", ingress.namespace));
    dial.shown = format!("{service}:{port}");
    dial.port = port.parse().ok().or_else(|| at.map(|one| one.port));
    if controller == Controller::F5 {
        of_f5(&mut dial, ingress, service);
    } else {
        of_community(&mut dial, ingress);
    }
    Some(dial)
}

/// Lists of Services by annotations of its own; what it verifies stands in policies of its own.
fn of_f5(dial: &mut Dial, ingress: &Ingress, service: &str) {
    let among = |name: &str| {
        let (names, place) = ingress.annotations.get(&format!("nginx.org/{name}"))?;
        names.split(',').any(|one| one.trim() == service).then_some(place)
    };
    let secure = among("ssl-services");
    dial.setting = "nginx.org/ssl-services".to_owned();
    dial.protocol = if among("grpc-services").is_some() { Protocol::Grpc } else { Protocol::Http };
    dial.tls_mode = if secure.is_some() { TlsMode::Tls } else { TlsMode::Plain };
    dial.place = secure.unwrap_or(&dial.place).clone();
    dial.verifies = Verifies::Unknown;
    dial.trust = ClientTrust::Unknown;
}

fn of_community(dial: &mut Dial, ingress: &Ingress) {
    let annotation = |name: &str| ingress.annotations.get(&format!("{PREFIX}{name}"));
    let backend = annotation("backend-protocol");
    let protocol = backend.map_or("HTTP", |(text, _)| text.as_str()).to_ascii_uppercase();
    dial.setting = format!("{PREFIX}backend-protocol");
    dial.place = backend.map_or_else(|| dial.place.clone(), |(_, place)| place.clone());
    dial.protocol = if protocol.starts_with("GRPC") { Protocol::Grpc } else { Protocol::Http };
    dial.tls_mode = match protocol.as_str() {
        "HTTPS" | "GRPCS" => TlsMode::Tls,
        "HTTP" | "GRPC" => TlsMode::Plain,
        // `AUTO_HTTP` passes on as the client came.
        _ => TlsMode::Unknown,
    };
    dial.raw = protocol;
    let verify = annotation("proxy-ssl-verify");
    dial.verifies = match verify {
        Some((on, _)) if on == "on" => Verifies::Yes,
        Some((_, place)) => Verifies::No {
            setting: format!("{PREFIX}proxy-ssl-verify"),
            place: place.clone(),
            kind: SettingKind::Config,
        },
        None => Verifies::No {
            setting: format!("{PREFIX}proxy-ssl-verify"),
            place: dial.place.clone(),
            kind: SettingKind::BuiltIn,
        },
    };
    dial.name = annotation("proxy-ssl-name")
        .map(|(name, place)| (name.clone(), place.clone(), format!("{PREFIX}proxy-ssl-name")));
    dial.depth = annotation("proxy-ssl-verify-depth")
        .and_then(|(text, place)| Some((text.parse().ok()?, place.clone())))
        .or(Some((1, dial.place.clone())));
    dial.trust = match annotation("proxy-ssl-secret") {
        Some((secret, place)) => ClientTrust::Files(vec![FileRef {
            path: format!("{SECRET}{secret}/ca.crt"),
            setting: format!("{PREFIX}proxy-ssl-secret"),
            place: place.clone(),
            kind: SettingKind::Config,
        }]),
        None => ClientTrust::System,
    };
    snippets(dial, ingress);
    let Some((_, said)) = verify.filter(|_| dial.tls_mode == TlsMode::Tls && dial.verifies == Verifies::Yes)
    else {
        return;
    };
    if dial.trust == ClientTrust::System {
        // It then reads none of the others.
        dial.refuses =
            Some("without `proxy-ssl-secret` the controller does as if nothing were said".to_owned());
        dial.name = None;
    } else if dial.name.is_none() && !is_named(ingress) {
        dial.name = Some((OWN_UPSTREAM.to_owned(), said.clone(), format!("{PREFIX}proxy-ssl-verify")));
    }
}

/// The directives that snippets put into its locations.
fn directives(ingress: &Ingress) -> Vec<NginxDirective> {
    ingress.snippets.iter().flat_map(|source| read(source, &|_| None).directives).collect()
}

/// A setting of nginx' own that a snippet makes, by what its name ends in.
fn said<'a>(directives: &'a [NginxDirective], end: &str) -> Option<&'a NginxDirective> {
    let is_it = |one: &&NginxDirective| {
        ["proxy_ssl_", "grpc_ssl_"].iter().any(|front| one.name.strip_prefix(front) == Some(end))
    };
    directives.iter().find(is_it)
}

/// Whether a snippet says which name is verified: a variable, of which it is not known what it holds, too.
fn is_named(ingress: &Ingress) -> bool {
    said(&directives(ingress), "name").is_some()
}

/// What snippets say wins over the annotations.
fn snippets(dial: &mut Dial, ingress: &Ingress) {
    let directives = directives(ingress);
    if let Some(one) = said(&directives, "verify") {
        dial.verifies = match one.word() {
            "on" => Verifies::Yes,
            _ => {
                Verifies::No { setting: one.name.clone(), place: one.mark.place(), kind: SettingKind::Config }
            }
        };
    }
    // The path is one of the controller's pod.
    if said(&directives, "trusted_certificate").is_some() {
        dial.trust = ClientTrust::Unknown;
    }
    if let Some(one) = said(&directives, "name") {
        let known = !one.word().contains('$');
        dial.name = known.then(|| (one.word().to_owned(), one.mark.place(), one.name.clone()));
    }
}
