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
    // The engine counts restarts from the last start by hand: without one, what stands before the
    // present start has been mended since.
    let before = log.previous.as_ref().filter(|_| seen.instance.restarts > 0 || seen.instance.is_down());
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
    last(&log.present).or_else(|| log.previous.as_ref().and_then(last))
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
    (!(only_warned && run.error_line > trouble.line)).then_some(trouble)
}

/// What an instance said last, where nothing in it is known trouble.
pub(super) fn termination_log(known: Known<'_>, seen: Seen<'_>) -> Asked<Option<Fact>> {
    let Some(log) = known.log(seen.instance)? else { return Ok(None) };
    let words = match (&log.present.last_words, &log.previous) {
        // A start that has only begun says nothing yet: the one before ended in an error.
        (_, Some(previous)) if seen.instance.is_up() && log.present.error_line == 0 => &previous.last_words,
        (words, _) => words,
    };
    let who = seen.instance.name.clone();
    Ok(words.clone().map(|line| Fact::LastWords { who, line }))
}
