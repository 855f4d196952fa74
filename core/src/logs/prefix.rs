//! What Compose, kubectl, an engine, a runtime or syslog put in front of what a program wrote.

use std::time::SystemTime;

use super::moment;

/// Takes one thing off the front, if it is there.
type Cut = fn(&[u8]) -> Option<&[u8]>;

/// What the emitter wrote: without what others put in front.
pub(crate) fn body(line: &[u8]) -> &[u8] {
    const CUTS: [Cut; 5] = [after_bar, after_pod, after_stamp, after_stream, after_syslog];
    let mut rest = line;
    // Compose's name, the engine's time, a stream, a pod: no more than one of each.
    for _ in 0..CUTS.len() {
        match CUTS.iter().find_map(|cut| cut(rest)) {
            Some(next) => rest = next,
            None => break,
        }
    }
    rest
}

/// The engine's time in front of a line, behind a name that stands before it.
pub(crate) fn engine_time(line: &[u8]) -> Option<SystemTime> {
    let rest = after_bar(line).or_else(|| after_pod(line)).unwrap_or(line);
    let behind = after_stamp(rest)?;
    std::str::from_utf8(&rest[..rest.len() - behind.len() - 1]).ok().and_then(moment)
}

/// Behind kubectl's `[pod/NAME/CONTAINER] `.
fn after_pod(line: &[u8]) -> Option<&[u8]> {
    after(line.strip_prefix(b"[pod/")?, b"] ", 200)
}

/// Behind a container runtime's `stderr F `.
fn after_stream(line: &[u8]) -> Option<&[u8]> {
    let rest = line.strip_prefix(b"stderr ").or_else(|| line.strip_prefix(b"stdout "))?;
    rest.strip_prefix(b"F ").or_else(|| rest.strip_prefix(b"P "))
}

/// A part of a line as a container runtime writes it (`stderr P …`, the last one `stderr F …`), and whether it is the
/// last.
pub(crate) fn part(line: &[u8]) -> Option<(&[u8], bool)> {
    let rest = after_stamp(line)?;
    let rest = rest.strip_prefix(b"stderr ").or_else(|| rest.strip_prefix(b"stdout "))?;
    match rest.strip_prefix(b"P ") {
        Some(body) => Some((body, false)),
        None => rest.strip_prefix(b"F ").map(|body| (body, true)),
    }
}

pub(crate) fn after<'a>(text: &'a [u8], mark: &[u8], within: usize) -> Option<&'a [u8]> {
    let at = memchr::memmem::find(&text[..text.len().min(within)], mark)?;
    Some(&text[at + mark.len()..])
}

/// Behind Compose's `name-1  | `.
pub(crate) fn after_bar(line: &[u8]) -> Option<&[u8]> {
    let name = line
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
        .count();
    let blanks = line[name..].iter().take_while(|byte| **byte == b' ').count();
    (name > 0 && blanks > 0).then_some(())?;
    line[name + blanks..].strip_prefix(b"| ")
}

/// Behind the engine's `2026-11-24T00:23:09.521283249Z `.
fn after_stamp(line: &[u8]) -> Option<&[u8]> {
    let stamped = line.len() > 20
        && line[..4].iter().all(u8::is_ascii_digit)
        && line[4] == b'-'
        && line[10] == b'T'
        && line[13] == b':';
    stamped.then_some(())?;
    let end = line.iter().take(40).position(|byte| *byte == b' ')?;
    // Docker writes UTC, podman the host's zone.
    let zone = &line[end - 6..end];
    let zoned = zone.ends_with(b"Z") || (matches!(zone[0], b'+' | b'-') && zone[3] == b':');
    zoned.then_some(&line[end + 1..])
}

/// Behind `Sep 12 10:00:00 host program[1]: `.
fn after_syslog(line: &[u8]) -> Option<&[u8]> {
    let head = line.get(..16)?;
    let dated = head[3] == b' ' && head[6] == b' ' && head[9] == b':' && head[12] == b':' && head[15] == b' ';
    (dated && head[..3].iter().all(u8::is_ascii_alphabetic) && head[4..6].iter().any(u8::is_ascii_digit))
        .then_some(())?;
    let rest = &line[16..];
    let colon = memchr::memmem::find(&rest[..rest.len().min(160)], b": ")?;
    (rest[..colon].iter().filter(|byte| **byte == b' ').count() == 1).then_some(&rest[colon + 2..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_times_of_others_are_cut_off() {
        for line in [
            "[GATEWAY] ERROR x",
            "api-1  | [GATEWAY] ERROR x",
            "2026-11-25T10:00:00.000000000Z [GATEWAY] ERROR x",
            "2026-11-25T12:00:00.000000000+02:00 [GATEWAY] ERROR x",
            "api-1  | 2026-11-25T10:00:00Z [GATEWAY] ERROR x",
            "[pod/api-0/api] 2026-11-25T10:00:00Z [GATEWAY] ERROR x",
            "2026-11-25T10:00:00Z stderr F [GATEWAY] ERROR x",
        ] {
            assert_eq!(body(line.as_bytes()), b"[GATEWAY] ERROR x", "{line}");
            let timed = line.contains("2026").then(|| moment("2026-11-25T10:00:00Z")).flatten();
            assert_eq!(engine_time(line.as_bytes()), timed, "{line}");
        }
        for line in ["2026-11-25T10:00:00", "2026-11-25T10:00:00.5 x", "| x", "a-b c | x", ""] {
            assert_eq!(body(line.as_bytes()), line.as_bytes(), "{line}");
        }
    }
}
