//! How facts read. Nothing else makes a sentence of them.

mod cluster;
mod endpoints;
mod protocols;
mod reading;

use std::fmt;

use crate::cause::CauseKind;
use crate::evidence::{Fact, InstanceState, LinkEffect};
use crate::link::Link;

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Verbatim(words) | Self::Verdict(words) => f.write_str(words),
            Self::OfCheck { summary, .. } => f.write_str(summary),
            Self::Tls(fact) => fact.fmt(f),
            Self::Platform(fact) => fact.fmt(f),
            Self::Tool(fact) => fact.fmt(f),
            Self::Folder(fact) => fact.fmt(f),
            Self::Run(fact) => fact.fmt(f),
            Self::Secret(fact) => fact.fmt(f),
            Self::Pod(fact) => fact.fmt(f),
            Self::Wiring(fact) => fact.fmt(f),
            Self::Dial(fact) => fact.fmt(f),
            Self::Nats(fact) => fact.fmt(f),
            Self::Redis(fact) => fact.fmt(f),
            Self::Http(fact) => fact.fmt(f),
            Self::Log(fact) => fact.fmt(f),
            Self::Probe(fact) => fact.fmt(f),
            Self::Setting(setting) => setting.fmt(f),
            Self::Logged { who, when: None, line } => write!(f, "{who} logged: {line}"),
            Self::Logged { who, when: Some(when), line } => write!(f, "{who} logged ({when}): {line}"),
            Self::LastWords { who, line } => write!(f, "{who} said last: {line}"),
            Self::State(state) => state.fmt(f),
            Self::Deaf { who, port } => write!(f, "{who} runs, but nothing listens on its port {port}"),
            Self::Unconnected { who } => write!(f, "{who} runs, but holds no NATS connection"),
            Self::Chained { service, effect, link, because, of_client_file, why } => {
                let so = match effect {
                    LinkEffect::Down => "is down",
                    LinkEffect::Unconnected => "is not connected",
                };
                let cannot = cannot(*because, *of_client_file);
                let name = name(*link);
                let colon = if why.is_empty() { "" } else { ": " };
                write!(f, "{service} {so} because it cannot {cannot} {name}{colon}{why}")
            }
            Self::TlsIsFine { over } => write!(f, "TLS itself is fine: {over}"),
            Self::GotOver => f.write_str("the service got over it"),
            Self::IfMended { service } => write!(
                f,
                "if it has been mended since: restart {service}, or look at newer lines with `--since`"
            ),
            Self::OfAnotherLink(Some(link)) => write!(f, "this is the service's link to {link}, not Redis"),
            Self::OfAnotherLink(None) => f.write_str("the line does not speak of Redis"),
            Self::OwnCertificate { file, message } => write!(f, "our certificate in {file}: {message}"),
            Self::OwnCertificateIsValid { file, anchors } => write!(f, "{file} is valid under {anchors}"),
            Self::KnowsClientsBy { service, authorities } if authorities.is_empty() => {
                write!(f, "{service} knows its clients by another CA file, or by an earlier CA of that name")
            }
            Self::KnowsClientsBy { service, authorities } => {
                write!(f, "{service} asks for client certificates of {}", authorities.join("; "))
            }
            Self::SpeaksOld { version } => {
                write!(f, "the server accepts {version}, and neither TLSv1.2 nor TLSv1.3")
            }
            Self::OnlyTheIssuerTells => f.write_str(
                "only a certificate of that issuer can tell whether it is another CA or an intermediate \
                 that was not sent",
            ),
            Self::ValidBy { skew } => {
                write!(f, "by the gateway's clock (HTTP Date) it is valid: that clock is {} ours", skewed(*skew))
            }
            Self::ClocksDiffer { skew } => {
                write!(f, "the gateway's clock (HTTP Date) is {} ours: one of the two is wrong", skewed(*skew))
            }
            Self::InClear { said } => write!(f, "the port answers in clear: \"{said}\""),
            Self::PlainRedis { answer } => write!(f, "Redis answers a plaintext PING with \"{answer}\""),
            Self::PlainRedisUrl => f.write_str("its REDIS_URL is redis://, and Redis speaks TLS there"),
            Self::HandshakeFirst => f.write_str(
                "the server says no INFO in clear and answers a TLS handshake that comes first: NATS with \
                 `handshake_first`, which Cordum's clients need off, or no NATS at all",
            ),
            Self::HttpInTls { meant, answer } => write!(
                f,
                "TLS is fine, and what answers there speaks HTTP and no {} (\"{answer}\"): another port or another \
                 host is meant",
                name(*meant)
            ),
            Self::UnmetRequest => f.write_str(
                "the server asked for a client certificate, got none, and closed the connection without an alert",
            ),
            Self::Unready { service, said } => write!(f, "the gateway's /readyz says of {service}: {said}"),
            Self::AnsweredBusy => f.write_str("the gateway answered 429 to an API request"),
            Self::PlainUpstream => f.write_str(
                "nginx speaks plain HTTP to the gateway (CORDUM_API_UPSTREAM_SCHEME is not https)",
            ),
        }
    }
}

impl fmt::Display for InstanceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Looping { who, restarts, exit: None } => {
                write!(f, "{who} restarts again and again ({restarts} times)")
            }
            Self::Looping { who, restarts, exit: Some(exit) } => {
                write!(f, "{who} restarts again and again ({restarts} times, last exit code {exit})")
            }
            Self::Paused { who } => write!(f, "{who} is paused (`docker unpause {who}` lets it go on)"),
            Self::WithoutNetwork { who } => write!(f, "{who} is running, and is connected to no network"),
            Self::Running { who } => write!(f, "{who} is running"),
            Self::Ended { who, phase, exit } => write!(f, "{who} is {phase} (exit code {exit})"),
        }
    }
}

fn name(link: Link) -> &'static str {
    match link {
        Link::Nats => "NATS",
        Link::Redis => "Redis",
        other => other.service(),
    }
}

/// What a client cannot do with its peer.
fn cannot(because: Option<CauseKind>, of_client_file: bool) -> &'static str {
    use CauseKind as K;
    match because {
        // The file is the one that clients show: what is wrong with it the server says.
        Some(K::Expired | K::NotYetValid | K::WrongKeyUsage) if of_client_file => {
            "get past the client check of"
        }
        Some(kind) if kind.is_verification() => "verify",
        Some(K::WrongSchemeTlsToPlain) => "speak TLS with",
        Some(K::AuthNotTls) => "log in to",
        Some(K::BadCertificate | K::ClientCertRequired) => "get past the client check of",
        _ => "reach",
    }
}

/// `23 hours ahead of` and the like.
fn skewed(skew: i64) -> String {
    let hours = (skew.abs() + 1800) / 3600;
    format!("{hours} hours {}", if skew > 0 { "ahead of" } else { "behind" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_without_a_reason_ends_without_a_colon() {
        let chained = |why: &str| Fact::Chained {
            service: "scheduler".to_owned(),
            effect: LinkEffect::Down,
            link: Link::Nats,
            because: Some(CauseKind::Expired),
            of_client_file: false,
            why: why.to_owned(),
        };
        assert_eq!(chained("").to_string(), "scheduler is down because it cannot verify NATS");
        assert_eq!(
            chained("it ended").to_string(),
            "scheduler is down because it cannot verify NATS: it ended"
        );
        assert_eq!(skewed(-86_300), "24 hours behind");
    }
}
