//! How a platform says what is to be done.

use std::fmt;

use super::{Action, Change, ChangeKind};

/// What has to be done for changes to count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effect {
    /// Workloads whose own settings or mounts have changed: they are made anew.
    pub changed: Vec<String>,
    /// Of those that are restarted, the ones that the others dial at their start: what does not try again finds
    /// them up.
    pub first: Vec<String>,
    /// Workloads that read a changed file at their start, or have to begin again: they are restarted.
    pub restarted: Vec<String>,
}

impl Effect {
    /// What a cure's changes need, each workload once, in the order of the changes.
    #[must_use]
    pub fn of(changes: &[Change]) -> Self {
        let mut effect = Self::default();
        for change in changes {
            match change.kind {
                ChangeKind::Environment | ChangeKind::Argument | ChangeKind::Mount => {
                    add(&mut effect.changed, &change.workload);
                }
                ChangeKind::Config | ChangeKind::Secret => add(&mut effect.restarted, &change.workload),
                // Who reads a file of the host is known where the cure was chosen.
                ChangeKind::File => {}
            }
        }
        effect
    }

    /// With workloads that have to begin again beside those that are made anew.
    #[must_use]
    pub fn and_restart<'a>(mut self, others: impl IntoIterator<Item = &'a str>) -> Self {
        for one in others {
            if !self.changed.iter().any(|known| known == one) {
                add(&mut self.restarted, one);
            }
        }
        self
    }

    /// With the servers of the others before the others.
    #[must_use]
    pub fn servers_first(mut self, is_server: impl Fn(&str) -> bool) -> Self {
        let (first, rest) = self.restarted.into_iter().partition(|one| is_server(one));
        self.first = first;
        self.restarted = rest;
        self
    }
}

fn add(list: &mut Vec<String>, one: &str) {
    if !list.iter().any(|known| known == one) {
        list.push(one.to_owned());
    }
}

/// How a platform says it. Everything that comes back can be pasted into a POSIX shell.
pub trait Wording: fmt::Debug + Send + Sync {
    /// The command for an action; `None` where the platform has no word for it.
    fn command(&self, action: &Action) -> Option<String>;

    /// The command that puts changes into effect; `None` where there is nothing to be typed.
    fn effect(&self, changes: &[Change], effect: &Effect) -> Option<String> {
        let _ = changes;
        let restart = |names: &[String]| {
            Action::Restart(names.iter().filter(|one| !effect.changed.contains(one)).cloned().collect())
        };
        let actions =
            [Action::Recreate(effect.changed.clone()), restart(&effect.first), restart(&effect.restarted)];
        let some = |action: &&Action| match action {
            Action::Recreate(names) | Action::Restart(names) => !names.is_empty(),
            _ => true,
        };
        let commands: Vec<String> = actions.iter().filter(some).filter_map(|one| self.command(one)).collect();
        (!commands.is_empty()).then(|| commands.join(" && "))
    }
}

/// Nothing is known that manages the endpoint: whoever runs it knows how it is restarted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unmanaged;

impl Wording for Unmanaged {
    fn command(&self, _: &Action) -> Option<String> {
        None
    }
}
