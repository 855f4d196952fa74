//! The real paths, hosts and services for a step's blanks.

use std::path::Path;

use tls_verify_checks::stack::{Link, Stack};

/// What is put into the blanks.
#[derive(Clone, Debug)]
pub struct Blanks {
    pub service: String,
    pub ca: String,
    pub certs: String,
    /// The file at fault, or the one that most probably is.
    pub file: String,
    pub target: String,
    pub name: String,
    pub link: String,
    pub compose: String,
    pub verify: String,
}

impl Default for Blanks {
    fn default() -> Self {
        let word = |text: &str| text.to_owned();
        Self {
            service: word("SERVICE"),
            ca: word("./certs/ca/ca.crt"),
            certs: word("./certs"),
            file: word("./certs/client/tls.key"),
            target: word("HOST:PORT"),
            name: word("NAME"),
            link: word("gateway"),
            compose: word("docker compose"),
            verify: word("gateway-https"),
        }
    }
}

impl Blanks {
    /// Blanks of a link of a stack; `place` is the service at fault where it is another one.
    #[must_use]
    pub fn of(stack: &Stack, link: Link, place: Option<&str>) -> Self {
        // What a fault at another service of the stack needs is said of that service.
        let other = place.and_then(|place| Link::ALL.iter().copied().find(|one| one.service() == place));
        let link = other.filter(|other| other.service() != link.service()).unwrap_or(link);
        let ca = &stack.anchors.file;
        let folder = ca.parent().and_then(Path::parent).filter(|folder| !folder.as_os_str().is_empty());
        let endpoint = stack.endpoint(link);
        let certs = folder.map_or_else(|| "./certs".to_owned(), |folder| folder.display().to_string());
        Self {
            // A file at fault is no service to be restarted.
            service: place.filter(|place| !place.contains('/')).unwrap_or_else(|| link.service()).to_owned(),
            ca: ca.display().to_string(),
            file: match place.filter(|place| place.contains('/')) {
                Some(file) => file.to_owned(),
                None => format!("{certs}/client/tls.key"),
            },
            certs,
            target: endpoint.authority(),
            name: endpoint.name().to_owned(),
            link: link.to_string(),
            compose: stack.compose.command(&stack.project),
            verify: check_of(link).to_owned(),
        }
    }

    /// The text with its blanks filled.
    #[must_use]
    pub fn fill(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len() + 32);
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            out.push_str(&rest[..open]);
            let tail = &rest[open..];
            let Some((word, after)) = tail[1..].split_once('}') else {
                rest = tail;
                break;
            };
            match self.value(word) {
                Some(value) => out.push_str(value),
                None => {
                    out.push('{');
                    out.push_str(word);
                    out.push('}');
                }
            }
            rest = after;
        }
        out.push_str(rest);
        out
    }

    fn value(&self, word: &str) -> Option<&str> {
        Some(match word {
            "service" => &self.service,
            "ca" => &self.ca,
            "certs" => &self.certs,
            "file" => &self.file,
            "target" => &self.target,
            "name" => &self.name,
            "link" => &self.link,
            "compose" => &self.compose,
            "verify" => &self.verify,
            _ => return None,
        })
    }
}

/// The check that proves a fix on a link.
const fn check_of(link: Link) -> &'static str {
    match link {
        Link::Nats => "worker-nats-tls",
        Link::Redis => "redis-tls",
        Link::Dashboard => "dashboard-gateway",
        Link::GatewayGrpc => "gateway-grpc",
        Link::SafetyKernel => "safety-kernel-grpc",
        Link::ContextEngine => "context-engine-grpc",
        _ => "gateway-https",
    }
}
