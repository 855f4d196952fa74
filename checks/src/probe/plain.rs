//! A plaintext scheme: does it answer in clear, or is it a TLS port that was given the wrong URL?

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{OpenedConnection, ProbeProtocol, ProbeTarget, open};
use crate::context::Context;
use crate::dial;
use crate::fault::{Cause, Failure, Stage, WireProtocol};
use crate::http::tell_tale;
use crate::observation::{Claim, Expects, Observation};
use crate::redis_tls;
use crate::tls::{ANY_VERSION, Hello, Offer, TrustMode};
use tls_verify_core::evidence::{ProbeFact, RedisFact};

pub(super) async fn probe(context: &Context, target: &ProbeTarget, connects: Claim, seen: &mut Observation) {
    let answers = seen.expect("plaintext", Expects::Works);
    let (said, closed) = match ask(context, target).await {
        Ok(said) => said,
        Err(failure) => {
            seen.failed(connects, failure);
            return;
        }
    };
    seen.held(connects);
    let text: String = String::from_utf8_lossy(&said[..said.len().min(60)]).escape_debug().collect();
    seen.detail("first_bytes", text.as_str());
    if target.protocol == ProbeProtocol::Redis && redis_tls::is_full(&said) {
        let answer = text.trim_end_matches("\\r\\n").to_owned();
        let failure = Failure::new(Stage::Exchange, Cause::Full).because(RedisFact::AnsweredPing { answer });
        seen.failed(answers, failure);
        return;
    }
    // A TLS server's own words: its alert, its HTTP 400, or silence followed by a handshake that works.
    let told = tell_tale(&said).is_some() || said.starts_with(&[21, 3]);
    let secure = told || (!fits(target.protocol, &said) && speaks_tls(context, target).await);
    if secure {
        let authority = target.endpoint.authority();
        let url = format!("{}://{authority}", target.protocol.secure_scheme());
        let mut failure = Failure::new(Stage::Exchange, Cause::PlainToTls)
            .because(ProbeFact::RightUrl { url: url.clone() });
        if !said.is_empty() && !said.starts_with(&[21, 3]) {
            failure = failure.because(ProbeFact::AnswersInClear { text });
        }
        seen.detail("right_url", url);
        seen.failed(answers, failure);
        return;
    }
    if fits(target.protocol, &said) {
        seen.worked(answers, "answers in clear");
        let failure = Failure::new(Stage::Exchange, Cause::NotTls(wire_protocol(target.protocol)))
            .because(ProbeFact::Unprotected);
        seen.warnings.push(failure);
        return;
    }
    let speaker = dial::wire_protocol(&said);
    let cause = match (said.is_empty(), closed) {
        (false, _) => Cause::NotTls(speaker),
        (true, true) => Cause::Eof,
        (true, false) => Cause::TimedOut,
    };
    let failure = Failure::new(Stage::Exchange, cause).because(match speaker {
        _ if said.is_empty() => ProbeFact::Mute,
        WireProtocol::NatsPlain | WireProtocol::NatsInfoFirst => {
            ProbeFact::NatsUrl { authority: target.endpoint.authority().to_string() }
        }
        _ => ProbeFact::SomethingElse { text },
    });
    seen.failed(answers, failure);
}

const fn wire_protocol(protocol: ProbeProtocol) -> WireProtocol {
    match protocol {
        ProbeProtocol::Redis => WireProtocol::Redis,
        ProbeProtocol::Grpc => WireProtocol::Http2,
        _ => WireProtocol::Http,
    }
}

/// Whether an answer is of the protocol that was asked for.
fn fits(protocol: ProbeProtocol, said: &[u8]) -> bool {
    match protocol {
        ProbeProtocol::Http | ProbeProtocol::Ws => said.starts_with(b"HTTP/") && tell_tale(said).is_none(),
        ProbeProtocol::Redis => said.starts_with(b"+PONG") || said.starts_with(b"-"),
        // A SETTINGS frame (RFC 9113, 6.5).
        ProbeProtocol::Grpc => said.len() >= 9 && said[3] == 4 && said[..2] == [0, 0],
        _ => false,
    }
}

/// What is answered in clear, and whether the peer closed.
async fn ask(context: &Context, target: &ProbeTarget) -> Result<(Vec<u8>, bool), Failure> {
    let deadline = context.attempt();
    let OpenedConnection { mut tap, .. } = open(context, target, deadline).await?;
    let host = target.endpoint.name();
    let words = match target.protocol {
        ProbeProtocol::Redis => "*1\r\n$4\r\nPING\r\n".to_owned(),
        ProbeProtocol::Grpc => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0".to_owned(),
        ProbeProtocol::Ws => format!(
            "GET {} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGxzLXZlcmlmeS1wcm9iZQ==\r\n\r\n",
            target.path
        ),
        _ => format!("GET {} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n", target.path),
    };
    let mut said = Vec::new();
    // Who turns us away may have spoken and closed before.
    let _ = tap.write_all(words.as_bytes()).await;
    let patience = tokio::time::Instant::now() + Duration::from_millis(1500).min(context.stack.timeout);
    let mut buffer = [0_u8; 1024];
    while said.len() < 2048 {
        match tokio::time::timeout_at(patience, tap.read(&mut buffer)).await {
            Ok(Ok(count)) if count > 0 => said.extend_from_slice(&buffer[..count]),
            Ok(_) => return Ok((said, true)),
            Err(_) => break,
        }
        let whole = match target.protocol {
            // What an error says is read to its end.
            ProbeProtocol::Redis => said.len() >= 5 && (said[0] != b'-' || said.contains(&b'\n')),
            ProbeProtocol::Grpc => said.len() >= 5,
            _ => said.windows(4).any(|end| end == b"\r\n\r\n") && said.len() > 300,
        };
        if whole {
            break;
        }
    }
    Ok((said, false))
}

async fn speaks_tls(context: &Context, target: &ProbeTarget) -> bool {
    let deadline = context.attempt();
    let Ok(opened) = open(context, target, deadline).await else { return false };
    let offer = Offer {
        trust: TrustMode::Observe(Arc::default()),
        name: target.endpoint.name(),
        identity: None,
        alpn: if target.protocol == ProbeProtocol::Grpc { &[b"h2"] } else { &[] },
        versions: ANY_VERSION,
        hello: Hello::AsGo,
    };
    match dial::handshake(opened.tap, opened.address, &offer, deadline).await {
        Ok(_) => true,
        Err(broken) => {
            matches!(broken.failure.cause, Cause::Alert { .. }) || !broken.recording.chain.is_empty()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gos_words_for_plaintext_are_no_http_answer() {
        let said = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";
        assert!(!fits(ProbeProtocol::Http, said));
        assert!(fits(ProbeProtocol::Http, b"HTTP/1.1 404 Not Found\r\n\r\n"));
    }
}
