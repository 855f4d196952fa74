//! A setting is changed where it is written: in the ConfigMap or the Secret that a variable comes from, and a value
//! with a password in it by a command in which the password does not stand.

use std::fmt::Write;

use crate::cluster::connections::known;
use crate::cluster::cure::{Fix, Kubectl};
use crate::cluster::fault::ClusterFault;
use crate::evidence::SecretFact;
use crate::remedy::{Change, ChangeKind, shell};
use crate::workload::kubernetes::Cluster;
use crate::workload::{Container, ValueSource, Workload};

/// The fault with its place and its cure where the value is written.
pub(super) fn where_written(cluster: &Cluster, mut fault: ClusterFault, kubectl: &Kubectl) -> ClusterFault {
    let Some(cure) = fault.cures.first().cloned() else { return fault };
    let [change] = cure.changes.as_slice() else { return fault };
    let (ChangeKind::Environment, Some(to)) = (change.kind, change.to.clone()) else { return fault };
    let Some((workload, container)) = holder(cluster, change) else { return fault };
    // The value as it is, without what a reader of the cure put in place of a password.
    let Some(from) = known(container, &change.name).map(str::to_owned) else { return fault };
    let Some(to) = (if to.contains("***") { None } else { Some(to) }) else { return fault };
    let secret = password(&from).map(str::to_owned);
    let hidden = |text: &str| match &secret {
        Some(secret) => text.replacen(&format!(":{secret}@"), ":***@", 1),
        None => text.to_owned(),
    };
    let origin = container.origins.get(&change.name);
    if origin.is_none() && secret.is_none() {
        return fault;
    }
    let edit = edit(&from, &to, secret.as_deref());
    let mut cure = cure.clone();
    cure.text = cure.text.replace(&from, &hidden(&from)).replace(&to, &hidden(&to));
    for change in &mut cure.changes {
        (change.from, change.to) = (Some(hidden(&from)), Some(hidden(&to)));
    }
    let settled = match origin {
        None => {
            Fix { command: edit.map(|edit| in_workload(kubectl, workload, container, change, &edit)), ..cure }
        }
        Some(origin) => {
            let bearers = bearers(cluster, origin);
            let field = format!("data[{}]", origin.key);
            fault.add(SecretFact::ComesFrom {
                variable: change.name.clone(),
                workload: workload.to_string(),
                key: origin.key.clone(),
                origin: origin.to_string(),
            });
            let mut written = match origin.is_secret {
                true => Change::new(
                    origin.to_string(),
                    ChangeKind::Secret,
                    format!("{}/{}", origin.name, origin.key),
                ),
                false => Change::new(origin.to_string(), ChangeKind::Environment, change.name.clone()),
            };
            written.path = Some(field);
            let written = written.values(Some(&hidden(&from)), Some(&hidden(&to)));
            let put = match (&secret, origin.is_secret) {
                (None, false) => Some(kubectl.rewrite(&origin.name, &origin.key, &to)),
                _ => edit.map(|edit| in_object(kubectl, origin, &edit)),
            };
            let restart = kubectl.restart(&bearers);
            let command = put.zip(restart).map(|(put, restart)| format!("{put} && {restart}"));
            fault.bearers.extend(bearers);
            fault.bearers.insert(fault.place.clone());
            fault.place = origin.to_string();
            let text = format!("{} (it is written in {origin})", cure.text);
            Fix { text, command, changes: vec![written] }
        }
    };
    fault.cures[0] = settled;
    fault
}

fn holder<'a>(cluster: &'a Cluster, change: &Change) -> Option<(&'a Workload, &'a Container)> {
    let workload = cluster.workloads.iter().find(|one| one.to_string() == change.workload)?;
    let named = |one: &&Container| Some(&one.name) == change.container.as_ref();
    let container = workload.containers.iter().find(named).or_else(|| workload.main())?;
    Some((workload, container))
}

/// The workloads that have a variable from this very key.
fn bearers(cluster: &Cluster, origin: &ValueSource) -> Vec<String> {
    let has = |one: &&Workload| {
        one.containers.iter().any(|container| container.origins.values().any(|known| known == origin))
    };
    cluster.workloads.iter().filter(has).map(ToString::to_string).collect()
}

/// The password of a URL that is written out: `redis://:PASSWORD@redis:6379`.
fn password(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (user, _) = rest[..end].rsplit_once('@')?;
    let (_, password) = user.split_once(':')?;
    let referred = password.starts_with("$(") || password == "***";
    (!referred && !password.is_empty()).then_some(password)
}

/// The words of `sed` that make one value of the other, with no password in them: an expression anchored at the
/// front or at the end of the value. Nothing: what differs cannot be told without it.
fn edit(from: &str, to: &str, secret: Option<&str>) -> Option<String> {
    let front: usize = from
        .chars()
        .zip(to.chars())
        .take_while(|(one, other)| one == other)
        .map(|(one, _)| one.len_utf8())
        .sum();
    let back: usize = from[front..]
        .chars()
        .rev()
        .zip(to[front..].chars().rev())
        .take_while(|(one, other)| one == other)
        .map(|(one, _)| one.len_utf8())
        .sum();
    let hides = |text: &str| secret.is_some_and(|secret| text.contains(secret));
    // As far as the value's next border, so that a person can read it: `redis://`.
    let more = from[from.len() - back..].find("://").map_or(0, |at| at + 3);
    let (head, new_head) = (&from[..from.len() - back + more], &to[..to.len() - back + more]);
    let tail_from = from[..front].rfind('@').map_or(0, |at| at + 1);
    let (tail, new_tail) = (&from[tail_from..], &to[tail_from.min(to.len())..]);
    if !hides(head) && !hides(new_head) {
        return Some(format!("s#^{}#{}#", pattern(head), replacement(new_head)));
    }
    if tail_from > 0 && !hides(tail) && !hides(new_tail) {
        return Some(format!("s#{}$#{}#", pattern(tail), replacement(new_tail)));
    }
    None
}

/// As a basic regular expression (POSIX) between `#`.
fn pattern(text: &str) -> String {
    let mut out = String::new();
    for one in text.chars() {
        if matches!(one, '.' | '*' | '[' | ']' | '^' | '$' | '\\' | '#') {
            out.push('\\');
        }
        out.push(one);
    }
    out
}

fn replacement(text: &str) -> String {
    let mut out = String::new();
    for one in text.chars() {
        if matches!(one, '&' | '\\' | '#') {
            out.push('\\');
        }
        out.push(one);
    }
    out
}

/// The present value goes from one kubectl to the next, and into no process' arguments.
fn in_workload(
    kubectl: &Kubectl,
    workload: &Workload,
    container: &Container,
    change: &Change,
    edit: &str,
) -> String {
    let name = workload.to_string();
    let path = format!(
        "jsonpath={{.spec.template.spec.containers[?(@.name==\"{}\")].env[?(@.name==\"{}\")].value}}",
        container.name, change.name
    );
    format!(
        "{} | sed {} | {}",
        kubectl.command(&["get", &name, "-o", &path]),
        shell::word(&format!("{edit}; s#^#{}=#", replacement(&change.name))),
        kubectl.command(&["set", "env", &name, "-c", &container.name, "-e", "-"])
    )
}

/// (BSD's sed ends the last line where GNU's does not.)
fn in_object(kubectl: &Kubectl, origin: &ValueSource, edit: &str) -> String {
    let name = origin.to_string();
    let path = format!("jsonpath={{.data.{}}}", origin.key.replace('.', "\\."));
    let mut command = kubectl.command(&["get", &name, "-o", &path]);
    let patch = |value: &str| format!(r#"s#.*#{{"data":{{"{}":"{value}"}}}}#"#, replacement(&origin.key));
    let _ = match origin.is_secret {
        true => write!(
            command,
            " | base64 -d | sed {} | tr -d '\\n' | base64 | tr -d '\\n' | sed {}",
            shell::word(edit),
            shell::word(&patch("&"))
        ),
        false => write!(command, " | sed {}", shell::word(&format!("{edit}; {}", patch("&")))),
    };
    format!("{command} | {}", kubectl.command(&["patch", &name, "--patch-file", "/dev/stdin"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_told_without_the_password() {
        let scheme = edit("redis://:pw@redis:6379", "rediss://:pw@redis:6379", Some("pw"));
        assert_eq!(scheme.as_deref(), Some("s#^redis://#rediss://#"));
        let port = edit("rediss://:pw@redis:6380", "rediss://:pw@redis:6379", Some("pw"));
        assert_eq!(port.as_deref(), Some("s#redis:6380$#redis:6379#"));
        let host = edit("tls://queue.a:4222", "tls://nats:4222", None);
        assert_eq!(host.as_deref(), Some(r"s#^tls://queue\.a#tls://nats#"));
        assert_eq!(edit("redis://:a@r", "redis://:b@r", Some("a")), None);
    }

    #[test]
    fn a_password_is_one_only_where_it_is_written_out() {
        assert_eq!(password("redis://:pw@redis:6379/0"), Some("pw"));
        assert_eq!(password("redis://u:p@w@redis"), Some("p@w"));
        for none in
            ["redis://:$(REDIS_PASSWORD)@redis", "redis://:***@redis", "redis://redis:6379", "tls://u@h"]
        {
            assert_eq!(password(none), None, "{none}");
        }
    }
}
