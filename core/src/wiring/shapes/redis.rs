//! The values that redis-server takes.

use super::super::scan::has_gap;
use super::{meant, unknown};
use crate::manifest::redis_conf::{RedisConf, RedisDirective};
use crate::manifest::{Mark, ParseFault};

/// `NAME KIND`: `b` yes or no, `i` an integer, `m` a size, `=a,b` one of these, `*` anything. Of Redis 7.0.
const TABLE: &str = include_str!("redis.txt");
/// Newer than the table, or of another server of the same protocol.
const NEWER: &str = "locale-collate cluster-announce-human-nodename enable-module-command hide-user-data-from-log \
    io-threads-do-reads events-per-io-thread import-mode dual-channel-replication-enabled availability-zone \
    max-new-connections-per-cycle max-new-tls-connections-per-cycle repl-diskless-sync-max-replicas \
    cluster-manual-failover-timeout lazyexpire-nested-arbitrary-keys tls-ca-cert-dir tls-allowlist tls-auth-clients-user \
    latency-tracking set-max-listpack-entries set-max-listpack-value replica-full-sync-buffer-limit \
    cluster-slot-stats-enabled prefetch-batch-max-size rdb-version-check cluster-databases";

fn kind(name: &str) -> Option<&'static str> {
    TABLE.lines().filter_map(|line| line.split_once(' ')).find(|(one, _)| *one == name).map(|(_, kind)| kind)
}

/// What redis-server refuses of the directives; those about TLS are judged elsewhere.
pub(in super::super) fn validate(conf: &RedisConf, faults: &mut Vec<ParseFault>) {
    for directive in &conf.directives {
        let RedisDirective { name, words, mark } = directive;
        if name.starts_with("tls") || name.starts_with("ssl") || words.iter().any(|word| has_gap(word)) {
            if name == "tls-port" {
                faults.extend(value(name, "i", words, mark));
            }
            continue;
        }
        match kind(name) {
            Some(kind) => {
                faults.extend(value(name, kind, words, mark).or_else(|| special(name, words, mark)))
            }
            None if name.contains('.') || NEWER.split_whitespace().any(|one| one == name) => {}
            None => {
                let known = TABLE.lines().filter_map(|line| line.split(' ').next());
                if let Some(nearest) = meant(name, known) {
                    faults.push(unknown(mark, name, nearest, "redis-server"));
                }
            }
        }
    }
}

fn value(name: &str, kind: &str, words: &[String], mark: &Mark) -> Option<ParseFault> {
    let [word] = words else {
        let one = kind != "*" && words.is_empty();
        return one.then(|| ParseFault::unreadable(mark.clone(), format!("`{name}` takes a value")));
    };
    if has_gap(word) {
        return None;
    }
    let (taken, what) = match kind {
        "b" => (["yes", "no"].iter().any(|one| word.eq_ignore_ascii_case(one)), "yes or no".to_owned()),
        // A few integers are octal modes or sizes; a digit at the beginning and no foreign letter is enough.
        "i" => (is_integer(word), "a whole number".to_owned()),
        "m" => (is_size(word), "a size such as 64mb".to_owned()),
        "*" => return None,
        choice => {
            let choice = choice.trim_start_matches('=');
            let known = |word: &str| choice.split(',').any(|one| one.eq_ignore_ascii_case(word));
            // Several may stand in one.
            (word.split_whitespace().all(known), choice.replace(',', ", "))
        }
    };
    (!taken).then(|| {
        ParseFault::unreadable(mark.clone(), format!("`{name}` is `{word}`: redis-server takes {what}"))
    })
}

fn is_integer(word: &str) -> bool {
    let digits = word.strip_prefix('-').unwrap_or(word);
    !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit())
}

fn is_size(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    let word = word.strip_prefix('-').unwrap_or(&word);
    let unit = word.trim_start_matches(|c: char| c.is_ascii_digit());
    unit.len() < word.len() && matches!(unit, "" | "b" | "k" | "kb" | "m" | "mb" | "g" | "gb" | "%")
}

/// Directives of several words.
fn special(name: &str, words: &[String], mark: &Mark) -> Option<ParseFault> {
    let wrong = |what: &str| Some(ParseFault::unreadable(mark.clone(), format!("`{name}` takes {what}")));
    match name {
        "save" => {
            let words: Vec<&str> = words.iter().flat_map(|word| word.split_whitespace()).collect();
            let numbers = words.iter().all(|word| is_integer(word));
            (!numbers || words.len() % 2 == 1).then_some(())?;
            wrong("pairs of seconds and changes")
        }
        "client-output-buffer-limit" => {
            let words: Vec<&str> = words.iter().flat_map(|word| word.split_whitespace()).collect();
            let classes = ["normal", "slave", "replica", "pubsub"];
            let right = !words.is_empty()
                && words.len().is_multiple_of(4)
                && words.chunks(4).all(|four| {
                    classes.contains(&four[0]) && is_size(four[1]) && is_size(four[2]) && is_integer(four[3])
                });
            (!right).then_some(())?;
            wrong("a class, two sizes and seconds")
        }
        "rename-command" if words.len() != 2 => wrong("a command and its new name"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Source;
    use crate::manifest::redis_conf;
    use crate::manifest::source::Include;

    fn refused(text: &str) -> Vec<u32> {
        let mut conf = RedisConf::default();
        redis_conf::file(&Source::file("redis.conf", text), &|_, _| Include::Unknown, &mut conf);
        let mut faults = conf.faults.clone();
        validate(&conf, &mut faults);
        faults.iter().map(|one| one.mark.line).collect()
    }

    #[test]
    fn values_are_of_the_kind_that_redis_server_takes() {
        let text = "port 6379x\nappendonly perhaps\nmaxmemory 64mbzz\nmaxmemory-policy lru\nsave 900\n\
                    client-output-buffer-limit pubsub 32mb 8mb\nprotected-mo yes\n";
        assert_eq!(refused(text), [1, 2, 3, 4, 5, 6, 7]);
    }

    #[test]
    fn what_redis_server_takes_is_taken() {
        let text = "port 6379\nappendonly YES\nmaxmemory 64MB\nmaxmemory 1048576\nmaxmemory-policy allkeys-lru\nsave \"\"\n\
                    save 900 1 300 10\nclient-output-buffer-limit normal 0 0 0\nnotify-keyspace-events KEA\n\
                    some.module-option 3\nio-threads-do-reads no\nunixsocketperm 700\nbind 127.0.0.1 -::1\n\
                    rename-command CONFIG \"\"\nmaxmemory-clients 5%\noom-score-adj relative\n";
        assert_eq!(refused(text), Vec::<u32>::new());
    }
}
