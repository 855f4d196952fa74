//! The real paths, hosts and services for a step's blanks.

use std::sync::Arc;

use crate::link::Link;
use crate::remedy::{Action, ChangeKind, Compose, Wording, shell};

/// What is put into the blanks.
#[derive(Clone, Debug)]
pub struct Placeholders {
    pub service: String,
    pub ca: String,
    pub certs: String,
    /// The file at fault, or the one that most probably is.
    pub file: String,
    pub target: String,
    pub name: String,
    pub link: String,
    /// How the platform says what is to be done.
    pub wording: Arc<dyn Wording>,
    pub verify: String,
}

impl Default for Placeholders {
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
            wording: Arc::new(Compose::default()),
            verify: word("gateway-https"),
        }
    }
}

impl Placeholders {
    /// An endpoint that is no service of the stack is named by its address.
    #[must_use]
    pub fn is_external(&self) -> bool {
        self.service.contains(':')
    }

    /// What is spoken on the link.
    #[must_use]
    pub fn protocol(&self) -> &'static str {
        match self.link() {
            Some(Link::Nats) => "nats",
            Some(Link::Redis) => "redis",
            Some(Link::GatewayGrpc | Link::SafetyKernel | Link::ContextEngine) => "grpc",
            Some(Link::Gateway | Link::Dashboard) | None => "https",
        }
    }

    /// The setting that names the certificate or the key which is served on the link: `{certificate}`, `{key}`.
    #[must_use]
    pub fn setting(&self, blank: &str) -> Option<(ChangeKind, String)> {
        let key = match blank {
            "{certificate}" => false,
            "{key}" => true,
            _ => return None,
        };
        let pick = |kind, cert: &str, of_key: &str| Some((kind, if key { of_key } else { cert }.to_owned()));
        let of =
            |prefix: &str| pick(ChangeKind::Environment, &format!("{prefix}_CERT"), &format!("{prefix}_KEY"));
        match (self.service.as_str(), self.link()) {
            ("nats", _) => pick(ChangeKind::Config, "tls.cert_file", "tls.key_file"),
            ("redis", _) => pick(ChangeKind::Argument, "--tls-cert-file", "--tls-key-file"),
            ("api-gateway", Some(Link::GatewayGrpc)) => of("GRPC_TLS"),
            ("api-gateway", _) => of("GATEWAY_HTTP_TLS"),
            ("safety-kernel", _) => of("SAFETY_KERNEL_TLS"),
            ("context-engine", _) => of("CONTEXT_ENGINE_TLS"),
            _ => None,
        }
    }

    fn link(&self) -> Option<Link> {
        Link::ALL.iter().copied().find(|link| link.to_string() == self.link)
    }

    /// The text with its blanks filled, for people.
    #[must_use]
    pub fn fill(&self, text: &str) -> String {
        self.filled(text, false).unwrap_or_default()
    }

    /// The command with its blanks filled, everything in them quoted; `None` where the platform has no word for
    /// what is to be done.
    #[must_use]
    pub fn command(&self, text: &str) -> Option<String> {
        self.filled(text, true)
    }

    fn filled(&self, text: &str, quoted: bool) -> Option<String> {
        let mut out = String::with_capacity(text.len() + 32);
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            out.push_str(&rest[..open]);
            let tail = &rest[open..];
            let Some((word, after)) = tail[1..].split_once('}') else {
                rest = tail;
                break;
            };
            let setting = matches!(word, "certificate" | "key").then(|| {
                let known = self.setting(&format!("{{{word}}}"));
                known.map_or_else(|| format!("the {word}"), |(_, name)| name)
            });
            match (self.action(word), self.value(word).or(setting.as_deref())) {
                (Some(action), _) => out.push_str(&self.wording.command(&action)?),
                (None, Some(value)) if quoted => out.push_str(&shell::path(value)),
                (None, Some(value)) => out.push_str(value),
                (None, None) => {
                    out.push('{');
                    out.push_str(word);
                    out.push('}');
                }
            }
            rest = after;
        }
        out.push_str(rest);
        Some(out)
    }

    /// `restart:nats`, or `restart:service` for the service at fault.
    fn action(&self, word: &str) -> Option<Action> {
        let (verb, noun) = match word.split_once(':') {
            Some((verb, "service")) => (verb, Some(self.service.as_str())),
            Some((verb, noun)) => (verb, Some(noun)),
            None => (word, None),
        };
        Action::of(verb, noun)
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
            "verify" => &self.verify,
            _ => return None,
        })
    }
}

/// A file or folder, and no workload such as `deployment/NAME`.
#[must_use]
pub fn is_path(place: &str) -> bool {
    const KINDS: &[&str] =
        &["deployment", "statefulset", "daemonset", "job", "cronjob", "pod", "secret", "configmap"];
    place.split_once('/').is_some_and(|(kind, _)| !KINDS.contains(&kind))
}
