//! What Compose, kubectl, an engine, a runtime or syslog put in front of what a program wrote.

/// Takes one thing off the front, if it is there.
type Cut = fn(&[u8]) -> Option<&[u8]>;

/// What the emitter wrote: without what others put in front.
pub(super) fn body(line: &[u8]) -> &[u8] {
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

/// Behind kubectl's `[pod/NAME/CONTAINER] `.
fn after_pod(line: &[u8]) -> Option<&[u8]> {
    after(line.strip_prefix(b"[pod/")?, b"] ", 200)
}

/// Behind a container runtime's `stderr F `.
fn after_stream(line: &[u8]) -> Option<&[u8]> {
    let rest = line.strip_prefix(b"stderr ").or_else(|| line.strip_prefix(b"stdout "))?;
    rest.strip_prefix(b"F ").or_else(|| rest.strip_prefix(b"P "))
}

pub(super) fn after<'a>(text: &'a [u8], mark: &[u8], within: usize) -> Option<&'a [u8]> {
    let at = memchr::memmem::find(&text[..text.len().min(within)], mark)?;
    Some(&text[at + mark.len()..])
}

/// Behind Compose's `name-1  | `.
pub(super) fn after_bar(line: &[u8]) -> Option<&[u8]> {
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
    line[..end].ends_with(b"Z").then_some(&line[end + 1..])
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
