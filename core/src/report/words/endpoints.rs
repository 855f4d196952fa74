//! How facts of TLS itself, of platforms, of tools and of the run read; and the verdicts that a look beside a chain
//! comes to.

use std::fmt;

use crate::cause::{CauseKind, Variant};
use crate::evidence::{
    FolderFact, MonitoringError, PlatformFact, RunFact, TlsFact, ToolFact, VerificationOff,
};
use crate::x509::verdict::ChainFault;

impl fmt::Display for TlsFact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WeakKey { bits } => write!(
                f,
                "the server's RSA key of {bits} bits signs what this tool's TLS library does not verify (2048 at \
                 least); Go clients take it: use a larger key"
            ),
            Self::FirstBytes { text } => write!(f, "the first bytes of the answer are \"{text}\""),
            Self::Alert { alert, identity_shown } => {
                let shown =
                    if *identity_shown { "our client certificate" } else { "no client certificate" };
                write!(f, "the peer answered alert {} ({alert:?}) to {shown}", u8::from(*alert))
            }
            Self::LargeHelloUnanswered => f.write_str(
                "a ClientHello with the X25519MLKEM768 key share that Go clients send since 1.24 (more than one \
                 segment) is not answered; a small one is: something on the way, or an old server, cannot take it",
            ),
            Self::GoPrints { words } => write!(f, "Go clients print: {words}"),
            Self::BeyondUs { suite } => write!(
                f,
                "the server accepts Go's TLS 1.2 hello with cipher suite {suite:#06x}, which the TLS library of this \
                 tool does not speak: Go clients connect, this tool cannot verify it"
            ),
            Self::NoEndpointReached => f.write_str("no TLS endpoint could be reached"),
            Self::Accepts { who, versions, minimum } => {
                write!(f, "{who} accepts {}; the minimum is {minimum}", versions.join(", "))
            }
            Self::VersionsUntold { who } => {
                write!(f, "{who} neither accepts nor refuses an old version in time")
            }
            Self::LetIn { who: Some(who), what } => write!(f, "{who} was let in: {what}"),
            Self::LetIn { who: None, what } => f.write_str(what),
            Self::VerifiesNobody { who, by, link, in_production } => {
                let production = if *in_production { " (production forbids it)" } else { "" };
                write!(f, "{who}: {by}; it takes whoever answers for {link}{production}")
            }
            Self::TooMuch { limit } => {
                write!(f, "the peer sent more than {} KiB in answer to a small request", limit / 1024)
            }
        }
    }
}

impl fmt::Display for VerificationOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => write!(f, "{name} is set"),
            Self::UrlOption => f.write_str("`skip_verify=true` stands in its REDIS_URL"),
            Self::PlainPort => f.write_str("its REDIS_URL is redis:// to another port than the TLS port"),
        }
    }
}

impl fmt::Display for PlatformFact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoContainer { stack, service } => {
                write!(f, "{stack} has no container of service `{service}`")
            }
            Self::NoWorkload { stack, service } => {
                write!(f, "{stack} has no workload of service `{service}`")
            }
            Self::HadNoContainer { project, service } => {
                write!(f, "project `{project}` had no container of service `{service}`")
            }
            Self::NoLogFile { service, folder } => write!(f, "there is no {service}.log in {folder}"),
            Self::NoProject { project } => {
                write!(f, "the engine has no container of project `{project}`; --project names another")
            }
            Self::NoSocket => f.write_str("no Docker socket found; set DOCKER_HOST or use --docker-host"),
            Self::Unreachable { host, error } => write!(f, "Docker is not reachable at {host}: {error}"),
            Self::Unanswered { host } => write!(f, "Docker at {host} does not answer"),
            Self::NotAsked => f.write_str("Docker is not asked (`--no-docker`)"),
            Self::NotDialled => f.write_str("what was collected cannot be dialled"),
            Self::MetThen { who, port, said } => {
                write!(f, "that is how port {port} of {who} answered when it was collected")?;
                said.iter().try_for_each(|said| write!(f, ": `{said}`"))
            }
            Self::ProcessStopped { who } => {
                write!(f, "the process of {who} is stopped (state T): it does nothing until it gets SIGCONT")
            }
            Self::HealthCheckUnanswered { who, words } => {
                write!(f, "{who} does not answer its health check: {words}")
            }
            Self::AcceptsAndIsSilent { who, port } => {
                write!(f, "{who} accepts connections at its port {port} and answers none")
            }
        }
    }
}

impl fmt::Display for ToolFact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotStarted { program, error } => write!(f, "`{program}` cannot be started: {error}"),
            Self::NotInTime => f.write_str("cordumctl did not end in time"),
            Self::Ended { code: Some(code), words } => write!(f, "cordumctl ended with exit {code}: {words}"),
            Self::Ended { code: None, words } => write!(f, "cordumctl ended with a signal: {words}"),
            Self::NoJson => f.write_str("the answer is not JSON"),
            Self::Silent { who } => write!(
                f,
                "{who} ends with exit 0 and no output whatever CA it is given: nothing shows that it talked to the \
                 gateway"
            ),
            Self::TrustedBySystem => f.write_str(
                "the gateway's certificate chains to the system store, so the CLI connects without \
                 --cacert; that it verifies was proved with a throw-away CA",
            ),
        }
    }
}

impl fmt::Display for FolderFact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OfAnotherMachine => {
                f.write_str("this machine's certificates are not those of what was collected")
            }
            Self::OtherLayout { ca } => write!(
                f,
                "{ca} is not in a folder with the guide's layout (ca/, server/, client/); `tls-verify certs` judges \
                 single files"
            ),
        }
    }
}

impl fmt::Display for RunFact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DeadlinePassed => f.write_str("the run's deadline passed first"),
            Self::Interrupted => f.write_str("interrupted before it ended"),
            Self::NoResult => f.write_str("the check ended without a result (a bug of tls-verify)"),
            Self::NotBegun { why } => f.write_str(why),
        }
    }
}

impl fmt::Display for MonitoringError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAnswer => f.write_str("no answer"),
            Self::NoJson => f.write_str("its answer is not the JSON of NATS' monitoring"),
            Self::TooLong { mebibytes } => write!(f, "its answer is longer than {mebibytes} MiB"),
            Self::AnotherServers => f.write_str("it is another server's"),
            Self::Said(words) => f.write_str(words),
        }
    }
}

impl ChainFault {
    /// The issuer's certificate exists, and is not sent.
    #[must_use]
    pub fn missing_intermediate(subject: &str, file: &str) -> Self {
        let message =
            format!("the certificate is issued by {subject}, which is not sent with it; it is in {file}");
        Self::new(CauseKind::UnknownAuthority, Some(Variant::MissingIntermediate), message)
    }

    /// An endpoint serves another certificate than its file holds; `rereads`: it takes up renewed files by itself.
    #[must_use]
    pub fn served_differs(service: &str, file: &str, rereads: bool) -> Self {
        let reload = if rereads {
            "Go servers read renewed files within 30 s: if it stays so, restart it"
        } else {
            "it reads its certificate at its start alone: restart it"
        };
        let message = format!("{service} serves another certificate than {file} holds; {reload}");
        Self::new(CauseKind::OtherTls, Some(Variant::ServedDiffers), message)
    }

    /// It is valid, and ends soon.
    #[must_use]
    pub fn ends_soon(called: &str, not_after: &str, days: i64) -> Self {
        let message = format!("the certificate of {called} ends on {not_after} (in {days} days)");
        Self::new(CauseKind::Expired, None, message)
    }
}
