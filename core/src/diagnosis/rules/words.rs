//! What a container said before it died, or says of the trouble that it is in.

use super::client;
use super::service::Seen;
use crate::cause::CauseKind;
use crate::diagnosis::{Asked, Known};
use crate::evidence::Fact;
use crate::link::Link;
use crate::logs::runs::{RunLog, RunTrouble, ServiceLog};
use crate::workload::Instance;

/// The trouble that an instance died of, or is in; `about`: that of this link, or of no named one.
pub(super) fn words<'a>(
    known: Known<'a>,
    seen: Seen<'_>,
    about: Option<Link>,
) -> Asked<Option<&'a RunTrouble>> {
    let Some(log) = known.log(seen.instance)? else { return Ok(None) };
    let last = |run: &'a RunLog| dying_words(run, &seen.instance.service, about);
    let before = before(log, seen.instance);
    Ok(if seen.instance.is_up() && seen.is_looping() {
        before.and_then(last).or_else(|| last(&log.present))
    } else if seen.instance.is_up() {
        last(&log.present)
    } else {
        last(&log.present).or_else(|| before.and_then(last))
    })
}

/// What an instance that does not run, or keeps ending, died of, as far as its log is about known trouble.
#[must_use]
pub fn died_of<'a>(log: &'a ServiceLog, instance: &Instance) -> Option<&'a RunTrouble> {
    let last = |run: &'a RunLog| dying_words(run, &instance.service, None);
    last(&log.present).or_else(|| before(log, instance).and_then(last))
}

/// The run before the present one, where it is of the same story. The engine counts restarts from the last start by
/// hand: without one, what stands before the present start has been mended since. Neither is it what ended a run
/// that had its links, or that said itself that it stops.
fn before<'a>(log: &'a ServiceLog, instance: &Instance) -> Option<&'a RunLog> {
    let ran = log.present.ended || !log.present.works.is_empty();
    log.previous.as_ref().filter(|_| instance.restarts > 0 && (instance.is_up() || !ran))
}

/// The last trouble of a run that it has not got over, unless it only warned of it and died of another.
fn dying_words<'a>(run: &'a RunLog, service: &str, about: Option<Link>) -> Option<&'a RunTrouble> {
    // What a server says of single clients is not what it died of.
    let of_a_client = |trouble: &&RunTrouble| {
        matches!(service, "nats" | "redis")
            && (trouble.sample.contains(" - cid:")
                || trouble.sample.contains("accepting a client connection"))
    };
    let of_another =
        |trouble: &&RunTrouble| about.is_some() && trouble.link.is_some() && trouble.link != about;
    let open = || {
        let open = run.troubles.iter().filter(|trouble| !trouble.recovered);
        open.filter(|trouble| !of_a_client(trouble) && !of_another(trouble))
    };
    let trouble = open().max_by_key(|trouble| trouble.line)?;
    // Who gives up when the time is over has said before what it met in that time.
    let met = open()
        .filter(|one| trouble.what.kind == CauseKind::Timeout && one.what.kind != CauseKind::Timeout)
        .filter(|one| one.link == trouble.link && one.what.kind.is_transient())
        .max_by_key(|one| one.line);
    let trouble = met.unwrap_or(trouble);
    // A server that gives up says so in general after it has named the file.
    let named = run.troubles.iter().find(|one| {
        one.what.kind == trouble.what.kind
            && (trouble.line.saturating_sub(2)..trouble.line).contains(&one.line)
            && client::file_of(&one.sample).is_some()
    });
    let trouble = match named {
        Some(named) if client::file_of(&trouble.sample).is_none() => named,
        _ => trouble,
    };
    let only_warned =
        ["] WARN ", "\"level\":\"WARN\"", "[warn]"].iter().any(|word| trouble.sample.contains(word));
    // A server ends with its last error; a service may log errors of several links.
    let is_server = matches!(service, "nats" | "redis");
    (!((only_warned || is_server) && run.error_line > trouble.line)).then_some(trouble)
}

/// What an instance said last, where nothing in it is known trouble.
pub(super) fn termination_log(known: Known<'_>, seen: Seen<'_>) -> Asked<Option<Fact>> {
    let Some(log) = known.log(seen.instance)? else { return Ok(None) };
    let words = match (&log.present.last_words, &log.previous) {
        // A start that has only begun says nothing yet: the one before ended in an error.
        (_, Some(previous)) if seen.instance.is_up() && log.present.error_line == 0 => &previous.last_words,
        (None, Some(previous)) => &previous.last_words,
        (words, _) => words,
    };
    let who = seen.instance.name.clone();
    Ok(words.clone().map(|line| Fact::LastWords { who, line }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::runs::RunReader;
    use crate::workload::Phase;

    /// nats-server that could not open its CA, was mended, ran, and was stopped: it ends with 1 on SIGTERM (2.10).
    #[test]
    fn what_an_earlier_start_died_of_is_not_what_a_later_one_was_stopped_for() {
        let failed = "2026-01-31T12:00:00.5Z nats-server: /etc/nats/nats.conf:5:1: open /etc/cordum/tls/ca/gone.crt: no \
                      such file or directory\n";
        let ran = "2026-01-31T12:05:00.5Z [1] 2026/01/31 12:05:00.500000 [INF] Starting nats-server\n\
                   2026-01-31T12:05:00.6Z [1] 2026/01/31 12:05:00.600000 [INF] Server is ready\n\
                   2026-01-31T12:09:00.6Z [1] 2026/01/31 12:09:00.600000 [INF] Initiating Shutdown...\n";
        let died = |text: &str, started: Option<&str>, restarts| {
            let mut reader = RunReader::new(None, started.and_then(crate::logs::moment), &[]);
            reader.feed(text.as_bytes());
            let mut instance = Instance::of_service("nats", "nats-1");
            (instance.phase, instance.restarts) = (Phase::Exited, restarts);
            died_of(&reader.finish(), &instance).map(|trouble| trouble.what.kind)
        };
        let both = format!("{failed}{ran}");
        assert_eq!(died(&both, Some("2026-01-31T12:05:00Z"), 0), None);
        assert_eq!(died(failed, None, 0), Some(CauseKind::BadKeyFile));
        // Another fault than the first one, which nothing here knows: the first is none of it.
        let other = "2026-01-31T12:10:00.5Z nats-server: /etc/nats/nats.conf:9:3: error parsing tls config, unknown field \
                     [\"min_version\"]\n";
        for before in [failed.to_owned(), both.clone()] {
            assert_eq!(
                died(&format!("{before}{other}"), Some("2026-01-31T12:10:00.6Z"), 9),
                None,
                "{before}"
            );
        }
        assert_eq!(
            died(&format!("{both}{failed}"), Some("2026-01-31T12:20:00Z"), 9),
            Some(CauseKind::BadKeyFile)
        );
        // A start of many that has not said a word yet dies of what the others died of.
        let silent = format!("{failed}2026-01-31T12:00:02Z nats-server: version 2.10.27\n");
        assert_eq!(died(&silent, Some("2026-01-31T12:00:01.5Z"), 3), Some(CauseKind::BadKeyFile));
    }
}
