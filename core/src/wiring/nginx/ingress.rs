//! The ingress controller's annotations: the same settings in other words.

use crate::wiring::scan::WiringScanner;
use crate::wiring::{ClientTrust, Dial, Dialler, FileRef, Protocol, SettingKind, TlsMode, Verifies};

/// The ingress controller's annotations.
pub(crate) fn ingresses(scanner: &mut WiringScanner<'_>) {
    const PREFIX: &str = "nginx.ingress.kubernetes.io/";
    for ingress in &scanner.view.description.ingresses {
        if !ingress.class.as_deref().is_none_or(|class| class.contains("nginx")) {
            continue;
        }
        let annotation = |name: &str| ingress.annotations.get(&format!("{PREFIX}{name}"));
        // The client's TLS goes through to the pods: there is nothing that the controller could verify.
        if annotation("ssl-passthrough").is_some_and(|(on, _)| on.eq_ignore_ascii_case("true")) {
            continue;
        }
        let backend = annotation("backend-protocol");
        let protocol = backend.map_or("HTTP", |(text, _)| text.as_str()).to_ascii_uppercase();
        let tls_mode = match protocol.as_str() {
            "HTTPS" | "GRPCS" => TlsMode::Tls,
            "HTTP" | "GRPC" | "AUTO_HTTP" => TlsMode::Plain,
            _ => TlsMode::Unknown,
        };
        for (service, port, place) in &ingress.backends {
            let at = backend.map_or_else(|| place.clone(), |(_, place)| place.clone());
            let mut dial = Dial::new(0, 0, &format!("{PREFIX}backend-protocol"), SettingKind::Config, at);
            dial.workload = None;
            dial.ingress = Some(ingress.name.clone());
            dial.dialler = Dialler::Ingress;
            dial.protocol = if protocol.starts_with("GRPC") { Protocol::Grpc } else { Protocol::Http };
            dial.tls_mode = tls_mode;
            dial.host = Some(format!("{service}.{}", ingress.namespace));
            dial.shown = format!("{service}:{port}");
            dial.raw.clone_from(&protocol);
            let found = scanner
                .view
                .description
                .services
                .iter()
                .find(|one| one.name == *service && one.namespace == ingress.namespace);
            dial.port = port.parse().ok().or_else(|| {
                let ports = found.map(|one| one.ports.as_slice()).unwrap_or_default();
                ports.iter().find(|one| one.name.as_deref() == Some(port)).map(|one| one.port)
            });
            dial.verifies = match annotation("proxy-ssl-verify") {
                Some((on, _)) if on.eq_ignore_ascii_case("on") => Verifies::Yes,
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
            if tls_mode == TlsMode::Tls && dial.verifies == Verifies::Yes && dial.trust == ClientTrust::System
            {
                dial.refuses = Some(
                    "the controller verifies with the CA of `proxy-ssl-secret`, which is not set".to_owned(),
                );
            }
            scanner.found.dials.push(dial);
        }
    }
}

/// What begins the path of a key of a Secret that no container mounts.
pub(crate) const SECRET: &str = "secret://";
