//! What a stack puts into the blanks of the catalogue's steps.

use std::path::Path;
use tls_verify_checks::context::{Check, Dials};

use tls_verify_checks::stack::{Link, Stack};
use tls_verify_core::remedy::catalogue::{Placeholders, is_path};

/// Placeholders of a link of a stack; `place` is the service at fault where it is another one.
#[must_use]
pub fn of(stack: &Stack, link: Link, place: Option<&str>) -> Placeholders {
    // What a fault at another service of the stack needs is said of that service.
    let other = place.and_then(|place| Link::ALL.iter().copied().find(|one| one.service() == place));
    let link = other.filter(|other| other.service() != link.service()).unwrap_or(link);
    let ca = &stack.anchors.file;
    let folder = ca.parent().and_then(Path::parent).filter(|folder| !folder.as_os_str().is_empty());
    let endpoint = stack.endpoint(link);
    let certs = folder.map_or_else(|| "./certs".to_owned(), |folder| folder.display().to_string());
    Placeholders {
        // A file at fault is no service to be restarted.
        service: place.filter(|place| !is_path(place)).unwrap_or_else(|| link.service()).to_owned(),
        ca: ca.display().to_string(),
        file: match place.filter(|place| is_path(place)) {
            Some(file) => file.to_owned(),
            None => format!("{certs}/client/tls.key"),
        },
        certs,
        target: endpoint.authority(),
        name: endpoint.name().to_owned(),
        link: link.to_string(),
        wording: stack.wording(),
        verify: check_of(link).to_owned(),
    }
}

/// The check that proves a fix on a link: the first that dials it.
fn check_of(link: Link) -> &'static str {
    let dials = |check: &&Check| check.link == link && check.dials != Dials::Never;
    tls_verify_checks::ALL.iter().find(dials).map_or("gateway-https", |check| check.id)
}
