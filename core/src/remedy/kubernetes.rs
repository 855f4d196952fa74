//! kubectl's words. Workloads are named `deployment/NAME`, as reports name them.

use std::collections::BTreeMap;

use super::{Action, ByHand, Change, ChangeKind, Effect, Wording, shell};

/// One namespace of one cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kubernetes {
    /// Where the operator named one.
    pub context: Option<String>,
    pub namespace: String,
    /// What a service of the stack is called here: `nats`, `statefulset/cordum-nats`.
    pub services: BTreeMap<String, String>,
    /// Objects whose pods no rollout makes anew.
    pub by_hand: BTreeMap<String, ByHand>,
}

impl Kubernetes {
    /// What is meant by a name, a service's or an object's.
    fn object<'a>(&'a self, name: &'a str) -> &'a str {
        self.services.get(name).map_or(name, String::as_str)
    }

    fn objects(&self, names: &[String]) -> Vec<String> {
        names.iter().map(|name| self.object(name).to_owned()).collect()
    }

    fn typed(&self, commands: &[Vec<String>]) -> Vec<String> {
        let none: &[String] = &[];
        let typed = |one: &Vec<String>| {
            let words: Vec<&str> = one.iter().map(String::as_str).collect();
            self.with(&words, none)
        };
        commands.iter().map(typed).collect()
    }

    fn with<S: AsRef<str>>(&self, options: &[&str], names: &[S]) -> String {
        let mut words = vec!["kubectl".to_owned()];
        words.extend(self.context.iter().map(|context| format!("--context={context}")));
        if self.namespace.starts_with('-') {
            words.push(format!("--namespace={}", self.namespace));
        } else if !self.namespace.is_empty() {
            words.extend(["-n".to_owned(), self.namespace.clone()]);
        }
        words.extend(options.iter().map(|word| (*word).to_owned()));
        words.extend(shell::operands(names));
        shell::line(words)
    }
}

/// What `kubectl rollout` and `kubectl scale` know.
fn rolls(name: &str) -> bool {
    ["deployment/", "statefulset/", "daemonset/"].iter().any(|kind| name.starts_with(kind))
}

impl Wording for Kubernetes {
    fn command(&self, action: &Action) -> Option<String> {
        let none: &[String] = &[];
        Some(match action {
            Action::Restart(names) | Action::Recreate(names) => {
                let names = self.objects(names);
                let rolling: Vec<&String> = names.iter().filter(|name| rolls(name)).collect();
                if names.is_empty() {
                    return Some(self.with(&["rollout", "restart", "deployment"], none));
                }
                let (by_hand, rolling): (Vec<_>, Vec<_>) =
                    rolling.into_iter().partition(|name| self.by_hand.contains_key(*name));
                let mut lines: Vec<String> = Vec::new();
                lines.extend((!rolling.is_empty()).then(|| self.with(&["rollout", "restart"], &rolling)));
                for name in by_hand {
                    lines.extend(self.typed(&self.by_hand[name].restart));
                }
                return (!lines.is_empty()).then(|| lines.join(" && "));
            }
            // How many a service of the stack should have is not known here: one may be fewer than run.
            Action::Start(names) if names.iter().any(|name| self.services.contains_key(name)) => return None,
            Action::Start(names) => {
                let rolling: Vec<&String> = names.iter().filter(|name| rolls(name)).collect();
                if rolling.is_empty() {
                    return None;
                }
                self.with(&["scale", "--replicas=1"], &rolling)
            }
            // Nothing freezes a pod.
            Action::Unpause(_) => return None,
            Action::ShowLogs { service, lines } => {
                if !self.services.is_empty() && !self.object(service).contains('/') {
                    return None;
                }
                self.with(&["logs", &format!("--tail={lines}")], &[self.object(service)])
            }
            Action::ShowState(Some(name)) => self.with(&["describe"], &[self.object(name)]),
            Action::ShowState(None) => self.with(&["get", "pods"], none),
            Action::ShowSettings => self.with(&["get", "deployments", "-o", "yaml"], none),
            Action::Run { service, command } => {
                let front = self.with(&["exec"], &[self.object(service)]);
                format!("{front} -- {}", shell::line(command))
            }
        })
    }

    /// Variables are set by kubectl itself, which rolls the workload out; what stands in a ConfigMap or a Secret is
    /// read at the next start.
    fn effect(&self, changes: &[Change], effect: &Effect) -> Option<String> {
        let mut lines: Vec<String> = Vec::new();
        let mut set: Vec<&str> = Vec::new();
        for workload in &effect.changed {
            let mine = || changes.iter().filter(|one| one.workload == *workload);
            let all_known = mine().all(|one| {
                one.kind == ChangeKind::Environment
                    && (one.remove || one.to.as_deref().is_some_and(|to| !to.contains("***")))
            });
            if !all_known {
                continue;
            }
            set.push(workload);
            let container = mine().find_map(|one| one.container.as_deref());
            let mut words = vec![workload.clone()];
            for one in mine() {
                words.push(match (&one.to, one.remove) {
                    (Some(to), false) => format!("{}={to}", one.name),
                    _ => format!("{}-", one.name),
                });
            }
            let options: Vec<&str> = ["set", "env"]
                .into_iter()
                .chain(container.map(|name| ["-c", name]).into_iter().flatten())
                .collect();
            lines.push(self.with(&options, &words));
            if let Some(hand) = self.by_hand.get(self.object(workload)) {
                lines.extend(self.typed(&hand.changed));
            }
        }
        let mut others: Vec<String> =
            effect.changed.iter().filter(|one| !set.contains(&one.as_str())).cloned().collect();
        others.extend(effect.restarted.iter().filter(|one| !effect.changed.contains(one)).cloned());
        let mut first = effect.first.clone();
        first.retain(|one| !effect.changed.contains(one));
        // Where nobody comes after them, nobody waits for them.
        if others.is_empty() {
            others = std::mem::take(&mut first);
        }
        if !first.is_empty() {
            lines.extend(self.command(&Action::Restart(first.clone())));
            let wait = |one: &String| match self.by_hand.get(one) {
                Some(hand) => self.typed(std::slice::from_ref(&hand.wait)).concat(),
                None => self.with(&["rollout", "status", "--timeout", "120s"], &[one]),
            };
            lines.extend(self.objects(&first).iter().filter(|one| rolls(one)).map(wait));
        }
        if !others.is_empty() {
            lines.extend(self.command(&Action::Restart(others)));
        }
        (!lines.is_empty()).then(|| lines.join(" && "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_up_before_those_that_dial_them_at_their_start() {
        let wording = Kubernetes { namespace: "n".to_owned(), ..Kubernetes::default() };
        let all = ["deployment/safety-kernel", "statefulset/nats"];
        let told = |names: &[&str]| {
            let effect = Effect::default().and_restart(names.iter().copied());
            wording.effect(&[], &effect.servers_first(|name| name.ends_with("nats"))).unwrap()
        };
        assert_eq!(
            told(&all),
            "kubectl -n n rollout restart statefulset/nats && kubectl -n n rollout status --timeout 120s \
             statefulset/nats && kubectl -n n rollout restart deployment/safety-kernel"
        );
        assert_eq!(told(&all[1..]), "kubectl -n n rollout restart statefulset/nats");
    }

    #[test]
    fn kubectls_words_name_context_and_namespace() {
        let cluster = Kubernetes {
            context: Some("my ctx".to_owned()),
            namespace: "cordum".to_owned(),
            ..Kubernetes::default()
        };
        let front = "kubectl '--context=my ctx' -n cordum";
        let nats = || vec!["statefulset/nats".to_owned()];
        assert_eq!(
            cluster.command(&Action::Restart(nats())).unwrap(),
            format!("{front} rollout restart statefulset/nats")
        );
        assert_eq!(cluster.command(&Action::Restart(vec!["secret/x".to_owned()])), None);
        let change = Change::new("deployment/a", ChangeKind::Environment, "NATS_URL")
            .values(Some("nats://nats:4222"), Some("tls://nats:4222"));
        let changes = [change];
        assert_eq!(
            cluster.effect(&changes, &Effect::of(&changes)).unwrap(),
            format!("{front} set env deployment/a 'NATS_URL=tls://nats:4222'")
        );
    }

    #[test]
    fn a_service_is_called_as_the_cluster_calls_it() {
        let services = BTreeMap::from([("nats".to_owned(), "statefulset/cordum-nats".to_owned())]);
        let cluster = Kubernetes { namespace: "n".to_owned(), services, ..Kubernetes::default() };
        let said = |action: Action| cluster.command(&action);
        let nats = || "nats".to_owned();
        assert_eq!(
            said(Action::Restart(vec![nats()])).unwrap(),
            "kubectl -n n rollout restart statefulset/cordum-nats"
        );
        assert_eq!(
            said(Action::ShowLogs { service: nats(), lines: 30 }).unwrap(),
            "kubectl -n n logs '--tail=30' statefulset/cordum-nats"
        );
        assert_eq!(said(Action::Restart(vec!["SERVICE".to_owned()])), None);
        // Three may run of it.
        assert_eq!(said(Action::Start(vec![nats()])), None);
        assert_eq!(said(Action::ShowLogs { service: "SERVICE".to_owned(), lines: 30 }), None);
    }

    #[test]
    fn a_secret_that_is_not_known_is_not_typed() {
        let cluster = Kubernetes { context: None, namespace: "n".to_owned(), ..Kubernetes::default() };
        let change = Change::new("deployment/a", ChangeKind::Environment, "REDIS_URL")
            .values(Some("redis://***@redis"), Some("rediss://***@redis"));
        let changes = [change];
        assert_eq!(
            cluster.effect(&changes, &Effect::of(&changes)).unwrap(),
            "kubectl -n n rollout restart deployment/a"
        );
    }
}
