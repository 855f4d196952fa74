//! How a platform says what is to be done.

use std::fmt;

use super::{Action, Change, ChangeKind};

/// What has to be done for changes to count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effect {
    /// Workloads whose own settings or mounts have changed: they are made anew.
    pub changed: Vec<String>,
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
        let made = (!effect.changed.is_empty())
            .then(|| self.command(&Action::Recreate(effect.changed.clone())))
            .flatten();
        let mut restarted = effect.restarted.clone();
        restarted.retain(|one| !effect.changed.contains(one));
        let again = (!restarted.is_empty()).then(|| self.command(&Action::Restart(restarted))).flatten();
        match (made, again) {
            (Some(made), Some(again)) => Some(format!("{made} && {again}")),
            (made, again) => made.or(again),
        }
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
