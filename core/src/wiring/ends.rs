//! The two ends of a connection, as settings describe them.

use super::Program;
use crate::workload::Place;

/// What an end speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsMode {
    Plain,
    Tls,
    Unknown,
}

/// What a server asks of its clients in TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuth {
    Demanded,
    Optional,
    NotAsked,
    Unknown,
}

/// What is spoken inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Nats,
    /// Routes between members of a NATS cluster, gateways, leaf nodes.
    NatsRoute,
    NatsLeaf,
    Redis,
    Http,
    Grpc,
    Other,
}

impl Protocol {
    /// As messages name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nats => "NATS",
            Self::NatsRoute => "NATS routes",
            Self::NatsLeaf => "NATS leaf nodes",
            Self::Redis => "Redis",
            Self::Http => "HTTP",
            Self::Grpc => "gRPC",
            Self::Other => "a connection",
        }
    }
}

/// A file that a setting names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRef {
    /// The path in the container; gaps are marked as in [`crate::workload::Template`].
    pub path: String,
    /// The setting's name: a variable, an option, a directive.
    pub setting: String,
    pub place: Place,
    /// What kind of setting it is.
    pub kind: SettingKind,
}

/// What kind of setting something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingKind {
    Environment,
    Argument,
    /// Of a configuration file.
    Config,
    /// It is what the program does by itself.
    BuiltIn,
}

/// Where somebody listens.
#[derive(Clone, Debug)]
pub struct Listener {
    pub workload: usize,
    pub container: usize,
    pub protocol: Protocol,
    /// `None`: it is not known which.
    pub port: Option<u16>,
    pub tls_mode: TlsMode,
    pub clients: ClientAuth,
    /// Where the last is said.
    pub clients_at: Option<(String, Place)>,
    pub certificate: Option<FileRef>,
    pub key: Option<FileRef>,
    pub ca: Option<FileRef>,
    /// Reached from its own container or pod alone.
    pub loopback: bool,
    /// A plaintext port that is meant to be plain: monitoring, metrics, health.
    pub side: bool,
    /// The same port takes plaintext too, and which setting says so.
    pub also_plain: Option<(String, Place)>,
    /// Where it is said.
    pub place: Place,
    /// The setting that says so.
    pub setting: String,
    pub kind: SettingKind,
    /// The block that its TLS settings stand in, or would stand in.
    pub block: Place,
}

impl Listener {
    /// One of which only the port is known.
    #[must_use]
    pub fn new(
        workload: usize,
        container: usize,
        protocol: Protocol,
        port: Option<u16>,
        place: Place,
    ) -> Self {
        Self {
            workload,
            container,
            protocol,
            port,
            tls_mode: TlsMode::Unknown,
            clients: ClientAuth::Unknown,
            clients_at: None,
            certificate: None,
            key: None,
            ca: None,
            loopback: false,
            side: false,
            also_plain: None,
            block: place.clone(),
            place,
            setting: String::new(),
            kind: SettingKind::Config,
        }
    }
}

/// A lower bound of TLS versions, as somebody sets it.
#[derive(Clone, Debug)]
pub struct Minimum {
    pub workload: usize,
    pub setting: String,
    /// What stands there.
    pub value: String,
    /// The lowest version that it allows, as `1.0`.
    pub lowest: &'static str,
    /// What it has to become: without the old versions.
    pub better: String,
    pub place: Place,
    pub kind: SettingKind,
}

/// What a file is for whose path a setting names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileRole {
    Ca,
    Certificate,
    Key,
    /// A configuration that the program reads.
    Config,
}

/// A file that a setting of a container names.
#[derive(Clone, Debug)]
pub struct FileUse {
    pub workload: usize,
    pub container: usize,
    pub file: FileRef,
    pub role: FileRole,
    /// As a server's, or a client's.
    pub server: bool,
    /// It is not sure that it is what it looks like.
    pub guessed: bool,
    /// The program does without it, silently.
    pub optional: bool,
}

/// A pair of which one half is set.
#[derive(Clone, Debug)]
pub struct Half {
    pub workload: usize,
    /// What is set.
    pub has: FileRef,
    /// The setting that is missing.
    pub lacks: String,
}

/// A setting that changes nothing.
#[derive(Clone, Debug)]
pub struct Unused {
    pub workload: usize,
    pub setting: String,
    pub place: Place,
    pub kind: SettingKind,
    pub why: String,
    /// Only worth knowing.
    pub minor: bool,
    /// What makes it idle, and has to be changed for it to count.
    pub switch: Option<Switch>,
}

/// A setting that switches others off.
#[derive(Clone, Debug)]
pub struct Switch {
    pub setting: String,
    pub place: Place,
    pub kind: SettingKind,
    /// What stands there; `None`: it is not set.
    pub from: Option<&'static str>,
    /// What has to stand there; `None`: it is to be taken away.
    pub to: Option<&'static str>,
}

/// What a client trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientTrust {
    Files(Vec<FileRef>),
    /// The system's roots.
    System,
    Unknown,
}

/// Whether a client verifies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verifies {
    Yes,
    /// Not, and which setting says so, where.
    No {
        setting: String,
        place: Place,
        kind: SettingKind,
    },
    Unknown,
}

/// Who dials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialler {
    /// The program itself.
    Program,
    /// A proxy for somebody else.
    Proxy,
    /// A health check or probe of the container itself.
    Probe,
    Ingress,
}

/// A connection as its client is configured.
#[derive(Clone, Debug)]
pub struct Dial {
    /// `None`: an Ingress.
    pub workload: Option<usize>,
    /// The name of an Ingress.
    pub ingress: Option<String>,
    pub container: usize,
    pub dialler: Dialler,
    pub program: Program,
    pub protocol: Protocol,
    /// The setting that holds the address.
    pub setting: String,
    pub kind: SettingKind,
    pub place: Place,
    /// The address as it is shown: without a password.
    pub shown: String,
    /// The whole value as it is written, with its password masked and gaps as `${NAME}`.
    pub raw: String,
    pub host: Option<String>,
    pub port: Option<u16>,
    pub tls_mode: TlsMode,
    /// TLS is applied whatever the scheme says.
    pub upgrades: bool,
    pub verifies: Verifies,
    /// The name that is verified, and where it is said.
    pub name: Option<(String, Place, String)>,
    pub trust: ClientTrust,
    pub identity: Option<(FileRef, FileRef)>,
    /// Something of this connection comes from what is not known.
    pub unknown: Option<String>,
    /// How many intermediates its verifier takes (`proxy_ssl_verify_depth`), and where it is said.
    pub depth: Option<(u32, Place)>,
    /// Of a proxy: the path of the requests that it passes on there (nginx' `location`).
    pub location: Option<String>,
    /// It refuses to start because of this, whatever the peer is.
    pub refuses: Option<String>,
}

impl Dial {
    /// A dial of which address and place alone are known.
    #[must_use]
    pub fn new(workload: usize, container: usize, setting: &str, kind: SettingKind, place: Place) -> Self {
        Self {
            workload: Some(workload),
            ingress: None,
            container,
            dialler: Dialler::Program,
            program: Program::Other,
            protocol: Protocol::Other,
            setting: setting.to_owned(),
            kind,
            place,
            shown: String::new(),
            raw: String::new(),
            host: None,
            port: None,
            tls_mode: TlsMode::Unknown,
            upgrades: false,
            verifies: Verifies::Yes,
            name: None,
            trust: ClientTrust::System,
            identity: None,
            unknown: None,
            depth: None,
            location: None,
            refuses: None,
        }
    }
}
