//! What is done about a fault, as data: which setting of whom, from what value to what value, or which action;
//! worded once, by the platform that the stack runs on, and quoted in one place.

mod action;
mod by_hand;
pub mod catalogue;
pub mod choose;
mod compose;
mod kubernetes;
mod leaf;
pub mod settings;
pub mod shell;
mod wording;

use serde::{Deserialize, Serialize, Serializer};

pub use action::Action;
pub use by_hand::{ByHand, Commands};
pub use compose::Compose;
pub use kubernetes::Kubernetes;
pub use leaf::NewLeaf;
pub use wording::{Effect, Unmanaged, Wording};

use crate::workload::Place;

/// One cure: all of its changes together, and the command that puts them into effect.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Fix {
    pub text: String,
    /// To be pasted into a POSIX shell; everything in it is quoted.
    pub command: Option<String>,
    /// Empty where the command is all.
    pub changes: Vec<Change>,
}

impl Fix {
    /// A sentence and, where one is known, a command.
    #[must_use]
    pub fn new(text: impl Into<String>, command: Option<String>) -> Self {
        Self { text: text.into(), command, changes: Vec::new() }
    }
}

/// What kind of thing a change is made to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// A variable of a container.
    Environment,
    /// A word of a container's command line: an option and its value.
    Argument,
    /// A key of a configuration file.
    Config,
    /// What is mounted at a path of the container.
    Mount,
    /// A file of the host: its mode, or what it has to hold.
    File,
    /// A key of a Secret.
    Secret,
}

/// One change that an operator makes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Who has the setting, as `where` names it.
    pub workload: String,
    /// Which of the workload's containers, where it may have several.
    pub container: Option<String>,
    pub kind: ChangeKind,
    /// The variable; the option; the mount's path in the container; the key's path in a configuration; the host's
    /// file; `NAME/KEY` of a Secret.
    pub name: String,
    /// The configuration file in the container, or the manifest's field.
    pub path: Option<String>,
    pub from: Option<String>,
    /// `None` without `remove`: only the operator knows.
    pub to: Option<String>,
    /// It is to be taken away.
    pub remove: bool,
    /// Where it is written, relative to the project's folder.
    #[serde(serialize_with = "file_and_line")]
    pub defined_at: Option<Place>,
}

impl Change {
    /// A setting that is to have another value.
    #[must_use]
    pub fn new(workload: impl Into<String>, kind: ChangeKind, name: impl Into<String>) -> Self {
        Self {
            workload: workload.into(),
            container: None,
            kind,
            name: name.into(),
            path: None,
            from: None,
            to: None,
            remove: false,
            defined_at: None,
        }
    }

    /// From what to what; a value that is not set is empty.
    #[must_use]
    pub fn values(mut self, from: Option<&str>, to: Option<&str>) -> Self {
        self.from = from.map(str::to_owned);
        self.to = to.map(str::to_owned);
        self
    }

    #[must_use]
    pub fn at(mut self, place: Option<Place>) -> Self {
        self.defined_at = place;
        self
    }
}

/// `FILE:LINE`: a column is too much for whoever applies it.
fn file_and_line<S: Serializer>(place: &Option<Place>, to: S) -> Result<S::Ok, S::Error> {
    match place {
        Some(place) => to.collect_str(&Place { column: 0, ..place.clone() }),
        None => to.serialize_none(),
    }
}
