//! The patterns: one file an emitter in `tables/`, each row with the server or library it was seen in.

use std::sync::OnceLock;

use super::Pattern;

/// A row: `rank|cause[/variant]|side|confidence|seen in|text [&& second text]`. A higher rank is a more
/// inner cause and wins over wrappers: 9 and 10 verdicts on certificates, 8 files, 7 protocol, 5 logins,
/// 3 and 4 connections, 1 and 2 wrappers.
const TABLES: &[(&str, &str)] = &[
    ("go", include_str!("tables/cordum.txt")),
    ("go", include_str!("tables/go.txt")),
    ("go-redis", include_str!("tables/go-redis.txt")),
    ("nats.go", include_str!("tables/nats.go.txt")),
    ("nats-server", include_str!("tables/nats-server.txt")),
    ("grpc-go", include_str!("tables/grpc-go.txt")),
    ("redis-server", include_str!("tables/redis-server.txt")),
    ("openssl", include_str!("tables/openssl.txt")),
    ("nginx", include_str!("tables/nginx.txt")),
    ("curl", include_str!("tables/curl.txt")),
    ("envoy", include_str!("tables/envoy.txt")),
    ("haproxy", include_str!("tables/haproxy.txt")),
    ("java", include_str!("tables/java.txt")),
    ("python", include_str!("tables/python.txt")),
    ("node", include_str!("tables/node.txt")),
    ("dotnet", include_str!("tables/dotnet.txt")),
    ("rust", include_str!("tables/rust.txt")),
    ("browser", include_str!("tables/browser.txt")),
    ("docker", include_str!("tables/docker.txt")),
    ("other", include_str!("tables/other.txt")),
    ("other", include_str!("tables/libraries.txt")),
];

/// Texts that are named like trouble and are none, whatever else stands in the line.
pub(super) const QUIET: &[&str] = &include!("tables/quiet.in");

/// All patterns, read once.
pub(super) fn patterns() -> &'static [Pattern] {
    static CELL: OnceLock<Vec<Pattern>> = OnceLock::new();
    CELL.get_or_init(|| {
        TABLES.iter().flat_map(|(name, table)| table.lines().filter_map(|line| row(name, line))).collect()
    })
}

fn row(table: &'static str, line: &'static str) -> Option<Pattern> {
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let mut columns = line.splitn(6, '|');
    let mut next = || columns.next();
    let (rank, cause, side, confidence, seen, text) = (next()?, next()?, next()?, next()?, next()?, next()?);
    let (cause, variant) = match cause.split_once('/') {
        Some((cause, variant)) => (cause, Some(variant.parse().ok()?)),
        None => (cause, None),
    };
    let (text, and) = match text.split_once(" && ") {
        Some((text, and)) => (text, Some(and)),
        None => (text, None),
    };
    Some(Pattern {
        text,
        and,
        cause: cause.parse().ok()?,
        variant,
        side: side.parse().ok()?,
        confidence: confidence.parse().ok()?,
        rank: rank.parse().ok()?,
        seen,
        table,
    })
}

/// Words for what the services keep in Redis, in messages that do not name it.
pub(super) const STORE: &[&str] = &[
    // What Redis alone answers so.
    "wrongpass ",
    "noauth ",
    "noperm ",
    "max number of clients",
    "instance registry:",
    "registry warm-start",
    "worker snapshot",
    "snapshot writer",
    "worker count",
    "count unavailable",
    "lock acquisition failed",
    "lock acquire failed",
    "lock renewal",
    "lock release",
    "run lock failed",
    "orphan lock failed",
    "list jobs",
    "list runs",
    "list terminal runs",
    "list expired deadlines",
    "list approval repairs",
    "inspect approval repair",
    "approval queue depth",
    "mark timeout",
    "mark deadline timeout",
    "set failure reason",
    "state read failed",
    "state transition failed",
    "reconciler: get",
    "persist job",
    "add job to trace",
    "cancel job failed",
    "dlq add failed",
    "store result failed",
    "set result pointer failed",
    "config reload failed",
    "config snapshot failed",
    "config bootstrap failed",
    "auto-bootstrap default config",
    "rbac bootstrap",
    "seed pack catalogs",
    "seed admin user",
    "migrate legacy policy bundles",
    "credential cache",
    "bus: idempotency",
    "audit chain append",
    "shadow policy load",
    "output pointer fetch",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_read() {
        for line in TABLES.iter().flat_map(|(_, table)| table.lines()) {
            if !line.is_empty() && !line.starts_with('#') {
                assert!(row("", line).is_some_and(|row| !row.text.is_empty()), "{line}");
            }
        }
    }
}
