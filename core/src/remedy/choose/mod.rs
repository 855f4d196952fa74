//! Which cure fits: from what runs, what it was started with, what the files hold that it names, what its
//! neighbours have, and what was verified on the wire. Whatever is found wrong is a [`Defect`] with its cure; a root
//! cause of a report takes the defect that explains it.

mod brokers;
mod client;
mod context;
mod links;
mod listening;
mod matching;
mod mounts;
mod own;
mod pair;
mod permissions;
mod proxy;
mod server;
mod table;
mod view;

pub use context::{CureContext, Held, Owner, Shelf};
pub use matching::{apply, of_line};
pub use server::certificate_variable;
pub use table::{DEFECTS, DefectEnd, DefectKind, DefectRow};
pub use view::WorkloadView;

use super::{Change, Effect, Fix};
use crate::cause::{CauseKind, Variant};
use crate::link::Link;

/// A setting, file or mount that is wrong, and what makes it right.
#[derive(Clone, Debug)]
pub struct Defect {
    /// Its line of the table.
    pub kind: DefectKind,
    /// Who has it, as `where` names it.
    pub workload: String,
    /// The link that it breaks.
    pub link: Option<Link>,
    /// What a report calls it, where that is known better here than by the symptom.
    pub cause: Option<(CauseKind, Option<Variant>)>,
    /// What a peer that closes without a word has found, where this is the defect behind it.
    pub behind_a_close: Option<(CauseKind, Option<Variant>)>,
    /// The file at fault on the host, where a file is.
    pub file: Option<String>,
    /// Facts that decide it, best first.
    pub because: Vec<String>,
    /// What is to be done, in a sentence.
    pub text: String,
    pub changes: Vec<Change>,
    /// Who has to begin again beside those whose settings change.
    pub restart: Vec<String>,
    /// A command of its own, in front of the restart.
    pub command: Option<String>,
}

impl Defect {
    /// A defect of a workload on a link.
    #[must_use]
    pub fn new(kind: DefectKind, workload: impl Into<String>, link: Option<Link>) -> Self {
        Self {
            kind,
            workload: workload.into(),
            link,
            cause: None,
            behind_a_close: None,
            file: None,
            because: Vec::new(),
            text: String::new(),
            changes: Vec::new(),
            restart: Vec::new(),
            command: None,
        }
    }

    /// The cure, worded.
    #[must_use]
    pub fn fix(&self, facts: &CureContext<'_>) -> Fix {
        let is_server = |name: &str| {
            facts.views().any(|view| view.name() == name && matches!(view.role(), "nats" | "redis"))
        };
        let effect = Effect::of(&self.changes)
            .and_restart(self.restart.iter().map(String::as_str))
            .servers_first(is_server);
        let after = facts.wording.effect(&self.changes, &effect);
        let command = match (&self.command, after) {
            (Some(first), Some(after)) => Some(format!("{first} && {after}")),
            (first, after) => first.clone().or(after),
        };
        Fix { text: self.text.clone(), command, changes: self.changes.clone() }
    }
}

/// Everything that is wrong with what runs, as far as it can be told.
#[must_use]
pub fn defects(facts: &CureContext<'_>) -> Vec<Defect> {
    let mut found = permissions::inspect(facts);
    found.extend(links::inspect(facts));
    // What cannot be read is said once; what it leads to is not looked at.
    for view in facts.views() {
        found.extend(mounts::inspect(facts, &view));
        found.extend(client::inspect(facts, &view));
        found.extend(server::inspect(facts, &view));
        found.extend(listening::inspect(&view));
        found.extend(brokers::inspect(facts, &view));
        found.extend(proxy::inspect(facts, &view));
    }
    matching::grouped(found)
}
