//! The far ends of the connections that a line tells of.

use std::net::IpAddr;

/// An address at the other end of a connection, as a line has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FarEnd<'a> {
    pub host: &'a str,
    pub port: u16,
}

/// Every `HOST:PORT` of a text: of Go's `LOCAL->REMOTE` the remote one, of a URL without scheme, user information and
/// path. Times of day and the like are none.
pub fn far_ends(text: &str) -> impl Iterator<Item = FarEnd<'_>> {
    let parts = |c: char| {
        c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '(' | ')' | '{' | '}' | ',' | ';' | '=')
    };
    text.split(parts).filter_map(far_end)
}

fn far_end(word: &str) -> Option<FarEnd<'_>> {
    let word = word.rsplit_once("->").map_or(word, |(_, far)| far);
    let word = word.split_once("://").map_or(word, |(_, rest)| rest);
    let word = word.split(['/', '?', '#', '<', '>']).next()?;
    let word = word.rsplit_once('@').map_or(word, |(_, rest)| rest);
    let (host, port) = word.trim_end_matches([':', '.', '!']).rsplit_once(':')?;
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host = bracketed.unwrap_or(host);
    let is_name = || {
        host.contains(|c: char| c.is_ascii_alphabetic())
            && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
    };
    let is_host = if bracketed.is_some() {
        host.parse::<IpAddr>().is_ok()
    } else {
        is_name() || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_ipv4())
    };
    let port = port.parse().ok().filter(|port| *port > 0)?;
    is_host.then_some(FarEnd { host, port })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_both_ends_the_far_one_is_told() {
        let rows: &[(&str, &[(&str, u16)])] = &[
            (
                "read tcp 10.244.0.31:49876->10.96.12.5:4222: read: connection reset by peer",
                &[("10.96.12.5", 4222)],
            ),
            ("write tcp [fd00::1f]:49876->[fd00::5]:6379: write: broken pipe", &[("fd00::5", 6379)]),
            (
                "[GATEWAY] ERROR x error=dial tcp 10.96.3.4:50051: connect: connection refused",
                &[("10.96.3.4", 50051)],
            ),
            (
                "connect nats tls://u:p@nats.cordum.svc:4222/x: dial tcp: lookup nats on 10.96.0.10:53: no such host",
                &[("nats.cordum.svc", 4222), ("10.96.0.10", 53)],
            ),
            (
                r#"{"time":"2026-11-30T13:00:00Z","error":"read tcp 1.2.3.4:1->5.6.7.8:6379: EOF"}"#,
                &[("5.6.7.8", 6379)],
            ),
            ("7:M 29 Nov 2026 14:58:09.711 # at 12:00:01, 14:56 and a:0, b:70000, ::1:6379", &[]),
            (
                "Error 104 while reading from redis:6379 : (104, 'Connection reset by peer')",
                &[("redis", 6379)],
            ),
        ];
        for (line, wanted) in rows {
            let found: Vec<(&str, u16)> = far_ends(line).map(|end| (end.host, end.port)).collect();
            assert_eq!(found, *wanted, "{line}");
        }
    }
}
