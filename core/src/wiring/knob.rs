//! Settings of programs that are not known: variables and options whose names say what they are for.

use super::{FileRef, FileRole, SettingKind};
use crate::workload::{Argument, Container, Place};

/// A variable or an option with its value.
#[derive(Clone, Debug)]
pub struct Knob {
    /// As it is written.
    pub name: String,
    /// Its name in words.
    pub words: Vec<String>,
    /// With gaps marked.
    pub value: String,
    pub place: Place,
    pub kind: SettingKind,
}

/// Words at the end of a name that say what the value is, not whose.
const ENDS: [&str; 24] = [
    "url",
    "urls",
    "uri",
    "addr",
    "address",
    "addresses",
    "server",
    "servers",
    "host",
    "hosts",
    "endpoint",
    "endpoints",
    "dsn",
    "target",
    "upstream",
    "backend",
    "file",
    "path",
    "listen",
    "bind",
    "port",
    "broker",
    "connection",
    "string",
];
/// Words that say no more than that it is about TLS.
const TLS: [&str; 7] = ["tls", "ssl", "https", "x509", "pki", "mtls", "secure"];
/// Words of the roles.
const ROLES: [&str; 26] = [
    "ca",
    "cacert",
    "cacerts",
    "cafile",
    "cert",
    "certs",
    "crt",
    "certificate",
    "certfile",
    "key",
    "keyfile",
    "private",
    "root",
    "roots",
    "bundle",
    "trust",
    "truststore",
    "trusted",
    "authority",
    "chain",
    "client",
    "server",
    "insecure",
    "skip",
    "verify",
    "verification",
];

impl Knob {
    fn new(name: &str, value: String, place: Place, kind: SettingKind) -> Self {
        Self { name: name.to_owned(), words: words(name), value, place, kind }
    }

    /// Whose setting it is: its words without those that every such setting has.
    #[must_use]
    pub fn stem(&self) -> Vec<&str> {
        let mut own: Vec<&str> = self.words.iter().map(String::as_str).collect();
        own.retain(|word| !TLS.contains(word) && !ROLES.contains(word));
        while own.len() > 1 && own.last().is_some_and(|last| ENDS.contains(last)) {
            own.pop();
        }
        if own.len() == 1 && ENDS.contains(&own[0]) {
            own.clear();
        }
        own
    }

    #[must_use]
    pub fn has(&self, word: &str) -> bool {
        self.words.iter().any(|one| one == word)
    }

    /// What file it names, if its name and its value say so.
    #[must_use]
    pub fn role(&self) -> Option<FileRole> {
        let path = self.value.starts_with('/')
            || self.value.starts_with("./")
            || self.value.starts_with(crate::workload::Template::OPEN);
        if !path || self.value.contains("://") || self.value.contains(char::is_whitespace) {
            return None;
        }
        let any = |words: &[&str]| words.iter().any(|word| self.has(word));
        let joined = self.words.concat();
        let standard = matches!(
            self.name.as_str(),
            "SSL_CERT_FILE"
                | "SSL_CERT_DIR"
                | "REQUESTS_CA_BUNDLE"
                | "CURL_CA_BUNDLE"
                | "NODE_EXTRA_CA_CERTS"
        );
        if standard
            || any(&[
                "ca",
                "cacert",
                "cacerts",
                "cafile",
                "truststore",
                "trusted",
                "cabundle",
                "rootca",
                "rootcert",
                "sslrootcert",
            ])
            || joined.contains("cacert")
            || joined.contains("rootcert")
            || (any(&["root", "roots", "trust", "authority"])
                && any(&["cert", "certs", "crt", "bundle", "file", "pem"]))
        {
            return Some(FileRole::Ca);
        }
        // `PAYMENTS_KEY=${PAYMENTS_KEY}` is no file.
        let hidden = self.value.starts_with(crate::workload::Template::OPEN);
        let of_file = any(&["file", "path", "tls", "ssl", "pem", "cert", "keyfile", "https"]);
        if any(&["key", "keyfile", "tlskey", "sslkey", "privatekey"])
            && (!hidden || of_file)
            && !any(&["api", "public", "access", "jwt", "signing", "ssh", "license", "encryption"])
        {
            return Some(FileRole::Key);
        }
        any(&["cert", "crt", "certificate", "certfile", "tlscert", "sslcert", "certs"])
            .then_some(FileRole::Certificate)
    }

    #[must_use]
    pub fn file(&self) -> FileRef {
        FileRef {
            path: self.value.clone(),
            setting: self.name.clone(),
            place: self.place.clone(),
            kind: self.kind,
        }
    }

    /// It switches verification off: by its name and a value that is on, or the other way round.
    #[must_use]
    pub fn switches_verification_off(&self) -> bool {
        let on = super::truthy(&self.value) || self.value.is_empty();
        let off =
            matches!(self.value.to_ascii_lowercase().as_str(), "0" | "false" | "no" | "off" | "none" | "n");
        let joined = self.words.concat();
        if self.verifies_something_else() {
            return false;
        }
        if self.name == "NODE_TLS_REJECT_UNAUTHORIZED" || self.name == "PYTHONHTTPSVERIFY" {
            return off;
        }
        let negative = joined.contains("insecure")
            || joined.contains("skipverif")
            || joined.contains("skiptlsverif")
            || joined.contains("skipsslverif")
            || joined.contains("noverif")
            || joined.contains("nocheckcertificate")
            || joined.contains("verifyskip");
        let positive = (self.has("verify")
            || joined.contains("verifypeer")
            || joined.contains("tlsverify")
            || joined.contains("rejectunauthorized"))
            && !negative
            && !self.has("client");
        (negative && on) || (positive && off)
    }

    /// `SKIP_VERIFY_EMAIL`, `VERIFY_SIGNATURES`: what stands behind the word is no matter of TLS.
    fn verifies_something_else(&self) -> bool {
        const OURS: [&str; 14] = [
            "certs",
            "certificates",
            "peer",
            "peers",
            "host",
            "hostname",
            "name",
            "mode",
            "depth",
            "identity",
            "upstream",
            "backend",
            "enabled",
            "disabled",
        ];
        let Some(at) = self.words.iter().rposition(|word| word.starts_with("verif")) else { return false };
        let ours = |word: &String| {
            let word = word.as_str();
            TLS.contains(&word) || ROLES.contains(&word) || OURS.contains(&word)
        };
        !self.words[at + 1..].iter().all(ours)
    }

    /// Whether its name alone says that it is TLS whose verification it switches.
    #[must_use]
    pub fn is_about_tls(&self) -> bool {
        let joined = self.words.concat();
        self.words.iter().any(|word| TLS.contains(&word.as_str()) || word.starts_with("cert"))
            || ["skipverify", "skipverification", "noverify"].iter().any(|end| joined.ends_with(end))
            || (self.stem().is_empty() && joined.contains("verif"))
    }
}

/// The words of a name: `NATS_TLS_CA`, `tls-cert-file`, `caFile`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = '_';
    for c in name.chars() {
        if !c.is_ascii_alphanumeric() {
            words.push(String::new());
        } else {
            if c.is_ascii_uppercase() && before.is_ascii_lowercase() {
                words.push(String::new());
            }
            if let Some(last) = words.last_mut() {
                last.push(c.to_ascii_lowercase());
            }
        }
        before = c;
    }
    words.retain(|word| !word.is_empty());
    // `--tlscert`, as programs of NATS have it.
    let joined = |word: &String| {
        let rest = word.strip_prefix("tls").or_else(|| word.strip_prefix("ssl"))?;
        ROLES.contains(&rest).then(|| [word[..3].to_owned(), rest.to_owned()])
    };
    words.into_iter().flat_map(|word| joined(&word).map_or(vec![word], Vec::from)).collect()
}

/// Variables and options of a container.
#[must_use]
pub(crate) fn knobs(container: &Container, arguments: &[Argument]) -> Vec<Knob> {
    let own = container.place.clone().unwrap_or_else(|| Place::of_file(""));
    let mut knobs: Vec<Knob> = Vec::new();
    for setting in &container.environment {
        knobs.retain(|have| have.name != setting.name);
        let place = setting.place.clone().unwrap_or_else(|| own.clone());
        knobs.push(Knob::new(&setting.name, setting.value.marked(), place, SettingKind::Environment));
    }
    let mut waiting: Option<(String, Place)> = None;
    for word in arguments {
        let text = word.value.marked();
        let place = word.place.clone().unwrap_or_else(|| own.clone());
        match text.strip_prefix('-').map(|rest| rest.trim_start_matches('-')) {
            Some(rest) if !rest.is_empty() => {
                if let Some((name, at)) = waiting.take() {
                    knobs.push(Knob::new(&name, String::new(), at, SettingKind::Argument));
                }
                match rest.split_once('=') {
                    Some((name, value)) => {
                        knobs.push(Knob::new(
                            &format!("--{name}"),
                            value.to_owned(),
                            place,
                            SettingKind::Argument,
                        ));
                    }
                    None => waiting = Some((format!("--{rest}"), place)),
                }
            }
            _ => match waiting.take() {
                Some((name, _)) => knobs.push(Knob::new(&name, text, place, SettingKind::Argument)),
                // `NAME=VALUE` and bare addresses are settings of some programs too.
                None => knobs.push(Knob::new("", text, place, SettingKind::Argument)),
            },
        }
    }
    if let Some((name, at)) = waiting {
        knobs.push(Knob::new(&name, String::new(), at, SettingKind::Argument));
    }
    knobs
}

/// Whether two stems belong together: one begins as the other.
#[must_use]
pub(crate) fn related(one: &[&str], other: &[&str]) -> bool {
    !one.is_empty() && !other.is_empty() && (one.starts_with(other) || other.starts_with(one))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn knob(name: &str, value: &str) -> Knob {
        let place = Place { file: "x".into(), line: 1, column: 1 };
        Knob::new(name, value.to_owned(), place, SettingKind::Environment)
    }

    #[test]
    fn names_say_what_a_file_is_for() {
        for (name, role) in [
            ("NATS_CA", Some(FileRole::Ca)),
            ("CACHE_CA_FILE", Some(FileRole::Ca)),
            ("SSL_CERT_FILE", Some(FileRole::Ca)),
            ("--tlscacert", Some(FileRole::Ca)),
            ("--tlsca", Some(FileRole::Ca)),
            ("--tlskey", Some(FileRole::Key)),
            ("REDIS_EXPORTER_TLS_CA_CERT_FILE", Some(FileRole::Ca)),
            ("CERT", Some(FileRole::Certificate)),
            ("--tls-cert-file", Some(FileRole::Certificate)),
            ("TLS_KEY_FILE", Some(FileRole::Key)),
            ("API_KEY", None),
            ("KEYCLOAK_HOME", None),
        ] {
            assert_eq!(knob(name, "/x/y").role(), role, "{name}");
        }
        assert_eq!(knob("NATS_CA", "yes").role(), None);
    }

    #[test]
    fn stems_say_whose_a_setting_is() {
        assert_eq!(knob("CACHE_URL", "").stem(), ["cache"]);
        assert_eq!(knob("CACHE_CERT_FILE", "").stem(), ["cache"]);
        assert_eq!(knob("TLS_CERT_FILE", "").stem(), Vec::<&str>::new());
        assert_eq!(knob("--tlscert", "").stem(), Vec::<&str>::new());
        assert_eq!(knob("GRPC_LISTEN", "").stem(), ["grpc"]);
        assert_eq!(knob("CELERY_BROKER_URL", "").stem(), ["celery"]);
        assert!(related(&["redis"], &["redis", "exporter"]));
        assert!(!related(&["redis"], &["nats"]));
    }

    #[test]
    fn a_switch_that_belongs_to_nothing_known_has_to_say_that_it_is_one_of_tls() {
        for (name, tls) in [
            ("EMAIL_VERIFY", false),
            ("TLS_VERIFY", true),
            ("AGENT_SKIP_VERIFY", true),
            ("--upstream-verify", true),
            ("HUB_VERIFY_CERTIFICATE", true),
        ] {
            assert_eq!(knob(name, "").is_about_tls(), tls, "{name}");
        }
    }

    #[test]
    fn verification_is_switched_off_either_way_round() {
        for (name, value, off) in [
            ("NATS_TLS_INSECURE", "1", true),
            ("NATS_TLS_INSECURE", "0", false),
            ("NODE_TLS_REJECT_UNAUTHORIZED", "0", true),
            ("TLS_VERIFY", "false", true),
            ("TLS_VERIFY", "true", false),
            ("--tls-skip-verify", "", true),
            ("REDIS_EXPORTER_SKIP_TLS_VERIFICATION", "true", true),
            ("VERIFY_CLIENT", "false", false),
            ("SKIP_VERIFY_EMAIL", "true", false),
            ("VERIFY_SIGNATURES", "off", false),
            ("HUB_VERIFY_CERTIFICATE", "no", true),
        ] {
            assert_eq!(knob(name, value).switches_verification_off(), off, "{name}={value}");
        }
    }
}
