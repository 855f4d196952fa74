//! What lies on a service's own side of a link: the files that it could not use, and the name by which it
//! dials.

use std::path::Path;

use crate::cause::{CauseKind, Confidence, Side};
use crate::diagnosis::settings;
use crate::diagnosis::{Asked, Known};
use crate::evidence::Fact;
use crate::evidence::fault::{Cause, Failure, FaultIdentity, Recognised, Stage};
use crate::link::Link;
use crate::logs::far_end::{FarEnd, far_ends};
use crate::workload::Instance;

/// The certificate or key file that a line names, the first of several: `open PATH: reason`, `Failed to
/// load certificate: PATH: …` (Redis), `tls chain invalid: CERT does not chain to CA` (Cordum).
#[must_use]
pub fn file_of(line: &str) -> Option<String> {
    files_of(line).into_iter().next()
}

fn files_of(line: &str) -> Vec<String> {
    let opened = line.find("open /").map(|at| &line[at + 5..]);
    let opened = opened.and_then(|rest| rest.split(':').next()).map(str::trim);
    let ends = |word: &&str| [".crt", ".key", ".pem"].iter().any(|end| word.ends_with(end));
    let words = line
        .split(|next: char| next.is_whitespace() || matches!(next, ':' | '"' | '\'' | '=' | ',' | ';' | '\\'))
        .filter(|word| word.starts_with('/') && word.len() > 1)
        .filter(ends);
    let mut found: Vec<String> = Vec::new();
    for path in opened.filter(|path| path.len() > 1).into_iter().chain(words) {
        if !found.iter().any(|known| known == path) {
            found.push(path.to_owned());
        }
    }
    found
}

/// The file at fault, where a service's words are about a file of its own and not about its peer: as the
/// service names it, and as the identity that every reader of the file on the host shares. The identity's
/// file is the one on the host, where the operator can mend it.
pub(super) fn file_at_fault(
    known: Known<'_>,
    container: &Instance,
    kind: CauseKind,
    sample: &str,
) -> Asked<Option<(String, FaultIdentity)>> {
    let files = files_of(sample);
    let Some(file) = files.first() else { return Ok(None) };
    let host = |path: &String| settings::on_host(container, path).unwrap_or_else(|| path.clone());
    let shared = host(file);
    let of_pair = sample.contains("does not chain to");
    // Which file of the pair is the wrong one is known where it is the pair that we use ourselves.
    let is_ours = || {
        let (anchors, identity) = (&known.premises.anchors, known.premises.identity.as_deref());
        files.get(1).map(host).is_some_and(|ca| Path::new(&ca) == anchors)
            && identity.is_some_and(|own| own == Path::new(&shared))
    };
    match kind {
        CauseKind::BadKeyFile | CauseKind::KeyMismatch => {}
        CauseKind::Expired | CauseKind::NotYetValid | CauseKind::WrongKeyUsage if of_pair => {}
        CauseKind::UnknownAuthority | CauseKind::BadSignature if of_pair && is_ours() => {}
        _ => return Ok(None),
    }
    Ok(Some((file.clone(), of_file(&shared, known.file(&shared)?))))
}

/// A file on the host as a fault's identity: by its certificate, as the links that show it name it.
#[must_use]
pub fn of_file(path: &str, fingerprint: Option<&str>) -> FaultIdentity {
    match fingerprint {
        Some(sha256) => FaultIdentity::Certificate { sha256: sha256.to_owned(), file: Some(path.to_owned()) },
        None => FaultIdentity::File(path.to_owned()),
    }
}

/// A server whose certificate lacks the name by which a service dials it, although our own dial, mostly by
/// another name, is content. `None`: the name is right, or nobody has seen the certificate.
pub(super) fn misnamed(known: Known<'_>, container: &Instance, link: Link) -> Asked<Option<Failure>> {
    let Some(name) = settings::name_dialled(container, link) else { return Ok(None) };
    let Some(found) = known.named(link, &name)? else { return Ok(None) };
    let fault = found.fault.clone();
    let identity = FaultIdentity::Certificate { sha256: found.fingerprint.clone(), file: None };
    let failure = Failure {
        identity: Some(identity),
        ..Failure::new(Stage::Handshake, Cause::Chain(vec![fault.clone()]))
    }
    .because(&fault);
    // The service's own name is what the certificate has to have; any other is the client's choice.
    Ok(Some(if name == link.service() {
        failure.at(link.service()).on(Side::Server)
    } else {
        let settings = settings::relevant(container, Some(link), Some(CauseKind::HostnameMismatch), None);
        failure.at(container.service.clone()).on(Side::Client).set_by(settings)
    }))
}

/// A service that dials a TLS port without TLS: the port closes without a word (Redis 7).
pub(super) fn without_tls(container: &Instance, link: Link) -> Option<Failure> {
    let url = (link == Link::Redis).then(|| container.variable("REDIS_URL")).flatten()?;
    let rest = url.strip_prefix("redis://")?;
    let authority = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    let port = authority.split(['/', '?']).next()?.rsplit_once(':').map(|(_, port)| port.parse().ok());
    if port.is_some_and(|port| port != Some(link.container_port())) {
        return None;
    }
    let line = Recognised {
        kind: CauseKind::WrongSchemePlainToTls,
        variant: None,
        side: Side::Client,
        confidence: Confidence::Likely,
        link: Some(link),
    };
    let settings = settings::relevant(container, Some(link), Some(CauseKind::WrongSchemePlainToTls), None);
    Some(
        Failure::new(Stage::Exchange, Cause::Line(line))
            .because(Fact::PlainRedisUrl)
            .at(container.service.clone())
            .set_by(settings),
    )
}

/// The one of these links at whose server a connection ends that a line tells of by its address alone: by the port in
/// the link's URL, and the host where it is a name in both.
pub(super) fn far_link(container: &Instance, links: &[Link], sample: &str) -> Option<Link> {
    let ends: Vec<FarEnd<'_>> = far_ends(sample).collect();
    let ends_there = |link: &&Link| {
        let variable = match link {
            Link::Nats => "NATS_URL",
            Link::Redis => "REDIS_URL",
            _ => return false,
        };
        let mut dialled = far_ends(container.variable(variable).unwrap_or_default()).peekable();
        if dialled.peek().is_none() {
            return ends.iter().any(|end| end.port == link.container_port());
        }
        let is_address = |host: &str| host.parse::<std::net::IpAddr>().is_ok();
        dialled.any(|own| {
            let same =
                |end: &FarEnd<'_>| is_address(end.host) || is_address(own.host) || end.host == own.host;
            ends.iter().any(|end| end.port == own.port && same(end))
        })
    };
    let mut found = links.iter().filter(ends_there);
    found.next().filter(|_| found.next().is_none()).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_the_servers_whose_url_has_its_port() {
        use crate::workload::{Setting, Value};
        let mut scheduler = Instance::of_service("scheduler", "cordum-scheduler-1");
        let both = [Link::Redis, Link::Nats];
        let of = |who: &Instance, line| far_link(who, &both, line);
        let reset = "read tcp 172.18.0.7:39812->172.18.0.3:4222: read: connection reset by peer";
        assert_eq!(of(&scheduler, reset), Some(Link::Nats));
        assert_eq!(
            of(&scheduler, "dial tcp 172.18.0.4:6379: connect: connection refused"),
            Some(Link::Redis)
        );
        assert_eq!(of(&scheduler, "dial tcp 172.18.0.4:443: i/o timeout"), None);
        assert_eq!(of(&scheduler, "read tcp 172.18.0.7:4222->172.18.0.3:39812: EOF"), None);
        let set = |name: &str, value: &str| Setting {
            name: name.to_owned(),
            value: Value::Known(value.to_owned()),
            place: None,
        };
        scheduler.configured.environment =
            vec![set("NATS_URL", "tls://nats:6380"), set("REDIS_URL", "rediss://:p@redis:6380/0")];
        assert_eq!(of(&scheduler, "dial tcp 172.18.0.4:6380: i/o timeout"), None);
        assert_eq!(of(&scheduler, "dial tcp nats:6380: i/o timeout"), Some(Link::Nats));
        assert_eq!(of(&scheduler, reset), None);
    }

    #[test]
    fn the_file_that_a_line_names_is_found() {
        let of = |line| file_of(line);
        assert_eq!(of("open /etc/x/tls.crt: permission denied").as_deref(), Some("/etc/x/tls.crt"));
        assert_eq!(of("open /run/secrets/key: no such file").as_deref(), Some("/run/secrets/key"));
        let redis =
            "# Failed to load certificate: /etc/x/server/tls.crt: error:0480006C:PEM routines::no start line";
        assert_eq!(of(redis).as_deref(), Some("/etc/x/server/tls.crt"));
        let nginx = r#"cannot load certificate "/etc/nginx/a.pem": BIO_new_file() failed"#;
        assert_eq!(of(nginx).as_deref(), Some("/etc/nginx/a.pem"));
        assert_eq!(of("dial tcp 1.2.3.4:6379: connection refused"), None);
        assert_eq!(
            files_of("tls chain invalid: /a/tls.crt does not chain to /b/ca.crt"),
            ["/a/tls.crt", "/b/ca.crt"]
        );
    }
}
