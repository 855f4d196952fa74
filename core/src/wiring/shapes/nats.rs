//! The values that nats-server takes.

use super::super::scan::has_gap;
use super::{meant, unknown};
use crate::manifest::ParseFault;
use crate::manifest::nats_conf::{NatsBlock, NatsData, NatsEntry, NatsValue};

/// `BLOCK.NAME KINDS`: `t` a truth, `n` a number, `d` a duration, `w` a word, `l` a list, `m` a block. Of nats-server 2.9 and 2.12
/// together.
const TABLE: &str = include_str!("nats.txt");

/// Fields of the blocks of which no table is made.
const USER: &str = "user username pass password nkey permission permissions allowed_connection_types connection_types \
    clients account proxy_required";
const PERMISSIONS: &str = "pub publish import sub subscribe export allow_responses allow_response";
const JETSTREAM: &str = "strict store store_dir storedir max_memory_store max_mem_store max_mem max_file_store max_file \
    domain enable enabled key ek encryption_key prev_key prev_ek prev_encryption_key cipher extension_hint limits \
    unique_tag max_outstanding_catchup max_buffered_size max_buffered_msgs request_queue_limit sync sync_interval \
    sync_always meta_compact meta_compact_size tpm";
const CURVES: &str =
    "CurveP256 CurveP384 CurveP521 X25519 X25519MLKEM768 SecP256r1MLKEM768 SecP384r1MLKEM1024";

/// What nats-server refuses in the values of a configuration.
pub(in super::super) fn validate(top: &NatsBlock, faults: &mut Vec<ParseFault>) {
    entries("top", top, faults);
    for (names, table) in [
        (&["authorization"][..], "authorization"),
        (&["cluster"], "cluster"),
        (&["gateway"], "gateway"),
        (&["leafnodes", "leaf"], "leafnodes"),
        (&["websocket", "ws"], "websocket"),
        (&["mqtt"], "mqtt"),
        (&["tls"], "tls"),
    ] {
        let Some((_, block)) = top.block(names) else { continue };
        entries(table, block, faults);
        if let Some((_, tls)) = block.block(&["tls"]) {
            entries("tls", tls, faults);
        }
    }
    if let Some((_, block)) = top.block(&["jetstream"]) {
        fields(block, JETSTREAM, faults);
    }
    if let Some((_, block)) = top.block(&["authorization"]) {
        users(block, faults);
    }
    if let Some((_, accounts)) = top.block(&["accounts"]) {
        for account in &accounts.entries {
            if let NatsData::Block(account) = &account.value.data {
                users(account, faults);
            }
        }
    }
    if let Some(routes) = top.block(&["cluster"]).and_then(|(_, block)| block.entry(&["routes"])) {
        for route in routes.value.items() {
            faults.extend(url(route));
        }
    }
}

fn entries(table: &str, block: &NatsBlock, faults: &mut Vec<ParseFault>) {
    for entry in &block.entries {
        let name = entry.name.to_ascii_lowercase();
        let wanted = TABLE
            .lines()
            .filter_map(|line| line.split_once(' '))
            .find(|(one, _)| one.split_once('.') == Some((table, name.as_str())))
            .map(|(_, kinds)| kinds);
        if let Some(kinds) = wanted {
            faults.extend(kind(entry, kinds));
        }
        if matches!(name.as_str(), "listen" | "http" | "https" | "client_advertise") {
            faults.extend(address(&entry.value));
        }
        if name == "curve_preferences" {
            for one in entry.value.items() {
                let text = one.text();
                if !has_gap(&text)
                    && !CURVES.split_whitespace().any(|known| known == text)
                    && let Some(known) = meant(&text, CURVES.split_whitespace())
                {
                    let message = format!("nats-server knows no curve `{text}`: {known} is meant");
                    faults.push(ParseFault::unreadable(one.mark.clone(), message));
                }
            }
        }
    }
}

/// A value of another kind than the name takes.
fn kind(entry: &NatsEntry, kinds: &str) -> Option<ParseFault> {
    let text = entry.value.text();
    let (taken, is) = match &entry.value.data {
        _ if has_gap(&text) => return None,
        NatsData::Bool(_) => (kinds.contains('t'), "a truth"),
        NatsData::Integer(_) => (kinds.contains('n'), "a number"),
        NatsData::Float(_) => (kinds.contains(['n', 'd', 'w']), "a number"),
        NatsData::Array(_) => (kinds.contains(['l', 'w']), "a list"),
        NatsData::Block(_) => (kinds.contains('m'), "a block"),
        NatsData::Text(_) if kinds.contains('w') => return None,
        NatsData::Text(text) => (kinds.contains('d') && is_duration(text), "a word"),
    };
    (!taken).then(|| {
        let wanted: Vec<&str> = kinds
            .chars()
            .map(|kind| match kind {
                't' => "true or false",
                'n' => "a number",
                'd' => "a duration such as \"2s\"",
                'w' => "a word",
                'l' => "a list",
                _ => "a block",
            })
            .collect();
        let shown = if text.is_empty() { is.to_owned() } else { format!("`{text}`") };
        let message = format!("`{}` is {shown}: nats-server takes {}", entry.name, wanted.join(" or "));
        ParseFault::unreadable(entry.value.mark.clone(), message)
    })
}

/// As Go's `time.ParseDuration`.
fn is_duration(text: &str) -> bool {
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest == "0" {
        return true;
    }
    let mut any = false;
    while !rest.is_empty() {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        if !rest[..number].contains(|c: char| c.is_ascii_digit()) {
            return false;
        }
        let unit = &rest[number..];
        let end = unit.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(unit.len());
        if !matches!(&unit[..end], "ns" | "us" | "µs" | "ms" | "s" | "m" | "h") {
            return false;
        }
        any = true;
        rest = &unit[end..];
    }
    any
}

/// `HOST:PORT`, or a port.
fn address(value: &NatsValue) -> Option<ParseFault> {
    let NatsData::Text(text) = &value.data else { return None };
    if has_gap(text) {
        return None;
    }
    let port = text.rsplit_once(':').map(|(_, port)| port.trim());
    let right = port.is_some_and(|port| port.parse::<i32>().is_ok());
    (!right)
        .then(|| ParseFault::unreadable(value.mark.clone(), format!("`{text}` is no address with a port")))
}

/// The port of a URL is a number.
fn url(value: &NatsValue) -> Option<ParseFault> {
    let text = value.text();
    let (_, rest) = text.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let authority = authority.rsplit('@').next().unwrap_or_default();
    let port = authority.rsplit(']').next().unwrap_or_default().rsplit_once(':').map(|(_, port)| port)?;
    let wrong = !has_gap(&text) && !port.chars().all(|c| c.is_ascii_digit());
    wrong.then(|| {
        ParseFault::unreadable(value.mark.clone(), format!("the port `{port}` of this URL is no number"))
    })
}

/// Names that are nearly ones that are known.
fn fields(block: &NatsBlock, known: &str, faults: &mut Vec<ParseFault>) {
    for entry in &block.entries {
        let name = entry.name.to_ascii_lowercase();
        if !known.split_whitespace().any(|one| one == name)
            && let Some(nearest) = meant(&name, known.split_whitespace())
        {
            faults.push(unknown(&entry.mark, &entry.name, nearest, "nats-server"));
        }
    }
}

fn users(block: &NatsBlock, faults: &mut Vec<ParseFault>) {
    let permissions = |block: &NatsBlock, faults: &mut Vec<ParseFault>| {
        for name in ["permission", "permissions", "default_permission", "default_permissions"] {
            if let Some((_, inner)) = block.block(&[name]) {
                fields(inner, PERMISSIONS, faults);
            }
        }
    };
    permissions(block, faults);
    let Some(users) = block.entry(&["users"]) else { return };
    for user in users.value.items() {
        if let NatsData::Block(user) = &user.data {
            fields(user, USER, faults);
            permissions(user, faults);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Source;
    use crate::manifest::nats_conf::{Lookup, World, read};
    use crate::manifest::source::Include;

    fn refused(text: &str) -> Vec<u32> {
        let world = World { variable: &|_| Lookup::Unknown, include: &|_, _| Include::Unknown };
        let conf = read(&Source::file("nats.conf", text), &world);
        let mut faults = conf.faults;
        validate(&conf.block, &mut faults);
        faults.iter().map(|one| one.mark.line).collect()
    }

    #[test]
    fn values_are_of_the_kind_that_nats_server_takes() {
        let text = "port: 4222x\ndebug: fal\nserver_name: 5\nlisten: 0.0.0.04222\ntls {\n  timeout: 2x\n  verify: \"true\"\n\
                    curve_preferences: [CurveP256zz]\n}\njetstream {\nstore_dirz: /x\n}\n\
                    authorization { users: [\n{user: a, passwordzz: b}\n] }\ncluster { routes: [\nnats://a:6222x\n] }\n";
        let mut found = refused(text);
        found.sort_unstable();
        assert_eq!(found, [1, 2, 3, 4, 6, 7, 8, 11, 14, 17]);
    }

    #[test]
    fn what_nats_server_takes_is_taken() {
        let text = "port: -1\ndebug: on\nserver_name: \"5\"\nlisten: \"[::]:4222\"\nhttp: 8222\nmax_payload: 1MB\nping_interval: 20\n\
                    write_deadline: \"1m30s\"\ntls {\n  timeout: 2.5\n  verify: $VERIFY\n}\njetstream: enabled\n\
                    cluster { routes: [nats://u:p@a:6222, \"nats-route://b:6222\"] }\nhttp_port: $PORT\n";
        assert_eq!(refused(text), Vec::<u32>::new());
    }
}
