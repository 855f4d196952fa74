//! What a container said before it died, or says of the trouble that it is in.

use tls_verify_core::workload::Instance;

use crate::cause::CauseKind;
use crate::context::Context;
use crate::logs::{self, RunLog, Trouble};
use crate::own_side;
use crate::platform::Platform;
use crate::reason::is_looping;
use crate::stack::Link;

/// The trouble that a container died of, or is in; `about`: that of this link, or of no named one.
pub(crate) async fn words(
    context: &Context,
    engine: &dyn Platform,
    container: &Instance,
    about: Option<Link>,
) -> Option<Trouble> {
    let own = context.own_probes();
    let log = logs::of_container(context, engine, container, &own).await.ok()?;
    let last = |run: &RunLog| dying_words(run, &container.service, about);
    // The engine counts restarts from the last start by hand: without one, what stands before the
    // present start has been mended since.
    let before = log.previous.as_ref().filter(|_| container.restarts > 0 || container.is_down());
    if container.is_up() && is_looping(container) {
        before.and_then(last).or_else(|| last(&log.present))
    } else if container.is_up() {
        last(&log.present)
    } else {
        last(&log.present).or_else(|| before.and_then(last))
    }
}

/// The last trouble of a run that it has not got over, unless it only warned of it and died of another.
fn dying_words(run: &RunLog, service: &str, about: Option<Link>) -> Option<Trouble> {
    // What a server says of single clients is not what it died of.
    let of_a_client = |trouble: &&Trouble| {
        matches!(service, "nats" | "redis")
            && (trouble.sample.contains(" - cid:")
                || trouble.sample.contains("accepting a client connection"))
    };
    let of_another = |trouble: &&Trouble| about.is_some() && trouble.link.is_some() && trouble.link != about;
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
            && own_side::file_of(&one.sample).is_some()
    });
    let trouble = match named {
        Some(named) if own_side::file_of(&trouble.sample).is_none() => named,
        _ => trouble,
    };
    let only_warned =
        ["] WARN ", "\"level\":\"WARN\"", "[warn]"].iter().any(|word| trouble.sample.contains(word));
    (!(only_warned && run.error_line > trouble.line)).then(|| trouble.clone())
}

/// What a container said last, where nothing in it is known trouble.
pub(crate) async fn last_words(
    context: &Context,
    engine: &dyn Platform,
    container: &Instance,
) -> Option<String> {
    let log = logs::of_container(context, engine, container, &[]).await.ok()?;
    let words = match (&log.present.last_words, &log.previous) {
        // A start that has only begun says nothing yet: the one before ended in an error.
        (_, Some(previous)) if container.is_up() && log.present.error_line == 0 => {
            previous.last_words.clone()
        }
        (words, _) => words.clone(),
    };
    words.map(|words| format!("{} said last: {words}", container.name))
}
