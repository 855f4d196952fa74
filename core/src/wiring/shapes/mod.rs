//! What values nats-server, redis-server and nginx take: tables that were asked of the programs themselves
//! (`tests/referee/shapes.py`), and the few shapes that no table holds. A name that no table knows is told only where it
//! is nearly one that is known: newer versions know more.

mod nats;
mod nginx;
mod redis;

pub(super) use nats::validate as nats;
pub(super) use nginx::{NginxVariables as NginxNames, validate as nginx};
pub(super) use redis::validate as redis;

use crate::manifest::{FaultKind, Mark, ParseFault};

/// The name that was meant, where one is very near; newer names than the table's are left alone.
fn meant<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let bound = if name.len() < 6 { 1 } else { 2 };
    let near = |one: &str| strsim::osa_distance(name, one) <= bound || (name.len() >= 5 && cut(name, one));
    known.filter(|one| near(one)).min_by_key(|one| strsim::osa_distance(name, one))
}

/// Whether one is the other with its end missing or something behind it.
fn cut(name: &str, one: &str) -> bool {
    let short = one.len().abs_diff(name.len()) <= 4;
    short
        && one.len() >= 4
        && (one.starts_with(name) || (name.starts_with(one) && !name[one.len()..].contains(['_', '-'])))
}

fn unknown(mark: &Mark, name: &str, nearest: &str, program: &str) -> ParseFault {
    ParseFault {
        kind: FaultKind::UnknownName { name: name.to_owned(), nearest: Some(nearest.to_owned()) },
        message: format!("{program} does not know `{name}` and does not start"),
        mark: mark.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_misspelt_is_told_and_what_is_newer_is_not() {
        let known = ["port", "maxmemory", "protected-mode", "http", "io-threads"];
        let of = |name: &str| meant(name, known.into_iter());
        assert_eq!(of("prot"), Some("port"));
        assert_eq!(of("protected-mo"), Some("protected-mode"));
        assert_eq!(of("maxmemoryzz"), Some("maxmemory"));
        assert_eq!(of("io-threads-do-reads"), None);
        assert_eq!(of("brotli"), None);
    }
}
