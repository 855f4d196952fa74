//! Shapes of values that Compose checks and its schema does not: numbers and truths in quotes, durations, ports.

use super::super::source::ParseFault;
use super::super::yaml::Node;
use super::schema::SchemaStep;

/// What the text of a setting has to be, where Compose casts it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cast {
    Whole,
    Fraction,
    Truth,
    /// An amount of memory.
    Size,
    Duration,
    /// Nothing that its name tells.
    Text,
}

fn cast(name: &str) -> Cast {
    match name {
        "cpu_count"
        | "cpu_period"
        | "cpu_quota"
        | "cpu_rt_period"
        | "cpu_rt_runtime"
        | "cpu_shares"
        | "replicas"
        | "parallelism"
        | "max_attempts"
        | "max_replicas_per_node"
        | "retries"
        | "oom_score_adj"
        | "pids_limit"
        | "target"
        | "scale"
        | "hard"
        | "soft" => Cast::Whole,
        "cpu_percent" | "cpus" | "max_failure_ratio" => Cast::Fraction,
        "create_host_path" | "init" | "disable" | "oom_kill_disable" | "privileged" | "read_only"
        | "stdin_open" | "tty" | "nocopy" | "external" | "internal" | "attachable" | "enable_ipv6"
        | "required" => Cast::Truth,
        "memory" | "mem_limit" | "mem_reservation" | "memswap_limit" | "mem_swappiness" | "shm_size"
        | "kernel_memory" => Cast::Size,
        "interval" | "timeout" | "start_period" | "start_interval" | "stop_grace_period" | "delay"
        | "monitor" | "window" => Cast::Duration,
        _ => Cast::Text,
    }
}

/// Judges a text by the way that leads to it.
pub(super) fn scalar(node: &Node, way: &[SchemaStep<'_>], faults: &mut Vec<ParseFault>) {
    let Some(text) = node.text() else { return };
    let Some(name) = way.last().map(|step| step.key()) else { return };
    let before = way.iter().rev().nth(1).map_or("", |step| step.key());
    let deep = way.len();
    let at = |parent: &str| before == parent;
    let item_of = |list: &str| deep > 2 && way[deep - 3] == SchemaStep::Key(list);
    let services = way[0] == SchemaStep::Key("services");
    let service = |depth: usize| services && deep == depth;
    let mut wrong = |what: &str| {
        faults.push(ParseFault::unreadable(
            node.mark.clone(),
            format!("`{name}` is `{text}`, which is {what}"),
        ));
    };
    let cast = cast(name);
    match cast {
        // `target` is a port's, a build stage's, a secret's file and a volume's path.
        Cast::Whole => {
            let whole = match name {
                "target" => item_of("ports"),
                "hard" | "soft" => item_of("ulimits"),
                "replicas" => at("deploy"),
                "retries" => at("healthcheck"),
                _ => true,
            };
            if whole && services && node.number().is_none() {
                return wrong("no whole number");
            }
        }
        Cast::Fraction if services && text.parse::<f64>().is_err() => return wrong("no number"),
        Cast::Truth => {
            let truth = match name {
                "disable" => at("healthcheck"),
                "read_only" => service(3) || item_of("volumes"),
                "required" => item_of("env_file") || item_of("depends_on"),
                "create_host_path" => at("bind"),
                "external" | "internal" | "attachable" | "enable_ipv6" => deep == 3 && !services,
                "nocopy" => at("volume"),
                _ => service(3),
            };
            if truth && !is_truth(text) {
                return wrong("neither true nor false");
            }
        }
        Cast::Duration => {
            let duration = at("healthcheck")
                || (name == "stop_grace_period" && service(3))
                || way.contains(&SchemaStep::Key("deploy"));
            if duration && !is_duration(text) {
                return wrong("no duration (10s, 1m30s)");
            }
        }
        Cast::Size if services && !is_size(text) => return wrong("no amount of memory (64m, 1gb)"),
        Cast::Fraction | Cast::Size | Cast::Text => {}
    }
    if deep == 4 && at("volumes") && services && !text.contains('\\') && text.matches(':').count() > 2 {
        let message = format!("`{text}` has too many colons for a mount");
        faults.push(ParseFault::unreadable(node.mark.clone(), message));
    } else if deep == 4 && at("ports") && !is_port(text) {
        let message = format!("`{text}` is no port that Compose can publish");
        faults.push(ParseFault::unreadable(node.mark.clone(), message));
    }
}

/// Judges a mapping or a list by the way that leads to it.
pub(super) fn whole(node: &Node, way: &[SchemaStep<'_>], faults: &mut Vec<ParseFault>) {
    let [SchemaStep::Key("services"), _, SchemaStep::Key(setting), rest @ ..] = way else { return };
    let mut wrong = |message: String| faults.push(ParseFault::unreadable(node.mark.clone(), message));
    match (*setting, rest) {
        ("volumes", [_]) if node.is_mapping() => {
            if node.get("target").is_none() {
                wrong("a mount needs a `target`".to_owned());
            } else if node.text_at(&["type"]) == Some("bind") && node.get("source").is_none() {
                wrong("a bind mount needs a `source`".to_owned());
            }
        }
        ("healthcheck", [SchemaStep::Key("test")]) if node.is_sequence() => {
            let first = node.items().first().and_then(Node::text);
            if first.is_some_and(|one| !matches!(one, "CMD" | "CMD-SHELL" | "NONE")) {
                wrong("a health check's list begins with CMD, CMD-SHELL or NONE".to_owned());
            }
        }
        _ => {}
    }
}

/// `64m`, `1.5gb`, `1024`.
fn is_size(text: &str) -> bool {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let unit = text[end..].trim().to_ascii_lowercase();
    let unit = unit.strip_suffix("ib").or_else(|| unit.strip_suffix('b')).unwrap_or(&unit);
    let number = text.strip_prefix('-').map_or(&text[..end], |rest| rest);
    number.parse::<f64>().is_ok() && matches!(unit, "" | "k" | "m" | "g" | "t" | "p")
        || text.parse::<i64>().is_ok()
}

fn is_truth(text: &str) -> bool {
    matches!(text.to_ascii_lowercase().as_str(), "true" | "false" | "y" | "yes" | "on" | "n" | "no" | "off")
}

/// Go's: numbers with units, and 0.
fn is_duration(text: &str) -> bool {
    let mut rest = text.trim_start_matches(['-', '+']);
    if rest == "0" {
        return true;
    }
    if rest.is_empty() {
        return false;
    }
    while !rest.is_empty() {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        if number == 0 || !rest[..number].contains(|c: char| c.is_ascii_digit()) {
            return false;
        }
        let unit = rest[number..]
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .map_or(rest.len(), |at| number + at);
        // Compose has days and weeks too.
        if !matches!(&rest[number..unit], "ns" | "us" | "µs" | "μs" | "ms" | "s" | "m" | "h" | "d" | "w") {
            return false;
        }
        rest = &rest[unit..];
    }
    true
}

/// `[IP:][HOST[-HOST]:]CONTAINER[-CONTAINER][/PROTOCOL]`.
fn is_port(text: &str) -> bool {
    let (text, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    if !matches!(protocol.to_ascii_lowercase().as_str(), "tcp" | "udp" | "sctp") {
        return false;
    }
    let range = |text: &str| -> Option<(u16, u16)> {
        let (from, to) = text.split_once('-').unwrap_or((text, text));
        let (from, to) = (from.parse().ok()?, to.parse().ok()?);
        (from <= to).then_some((from, to))
    };
    let (rest, inside) = text.rsplit_once(':').map_or((None, text), |(rest, inside)| (Some(rest), inside));
    let Some(inside) = range(inside) else { return false };
    let Some(rest) = rest else { return true };
    let (address, outside) =
        rest.rsplit_once(':').map_or((None, rest), |(address, outside)| (Some(address), outside));
    let host = match range(outside) {
        Some((from, to)) => inside.0 == inside.1 || to - from == inside.1 - inside.0,
        None => outside.is_empty(),
    };
    let named = address
        .is_none_or(|one| one.is_empty() || one.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok());
    host && named
}
