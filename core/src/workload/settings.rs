//! What a container is started with: variables, arguments, mounts, and where each of them is written.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Where something is written. Lines and columns count from 1; 0 where only the file is known.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// As it is shown: relative to the folder that was looked at.
    pub file: Arc<str>,
    pub line: u32,
    pub column: u32,
}

impl Place {
    /// Of a whole file.
    #[must_use]
    pub fn of_file(file: impl Into<Arc<str>>) -> Self {
        Self { file: file.into(), line: 0, column: 0 }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.column) {
            (0, _) => f.write_str(&self.file),
            (line, 0) => write!(f, "{}:{line}", self.file),
            (line, column) => write!(f, "{}:{line}:{column}", self.file),
        }
    }
}

/// A value, as far as it can be known from what was given.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    Known(String),
    /// It comes from a Secret; its text only where reading is allowed and the caller asked for it.
    Secret {
        name: String,
        key: String,
        text: Option<String>,
    },
    /// It comes from a ConfigMap that is not among what was given.
    ConfigMap {
        name: String,
        key: String,
    },
    /// It cannot be known: a variable of the caller's shell, a command substitution. Why, as a name.
    Unknown(String),
    /// Parts of it are known: `rediss://:` and `@redis:6379` round a password.
    Partly(Template),
}

/// A text with gaps. A gap stands between two characters of Unicode's private use, with its name inside.
#[derive(Clone, PartialEq, Eq)]
pub struct Template(String);

impl Template {
    /// What begins a gap.
    pub const OPEN: char = '\u{f0000}';
    /// What ends it.
    pub const CLOSE: char = '\u{f0001}';

    /// The text of a gap.
    #[must_use]
    pub fn gap(name: &str) -> String {
        let name: String = name.chars().filter(|c| !matches!(*c, Self::OPEN | Self::CLOSE)).collect();
        format!("{}{name}{}", Self::OPEN, Self::CLOSE)
    }

    /// With every gap filled by what `fill` says of its name.
    #[must_use]
    pub fn filled(&self, mut fill: impl FnMut(&str) -> String) -> String {
        let mut out = String::new();
        let mut rest = self.0.as_str();
        while let Some((before, after)) = rest.split_once(Self::OPEN) {
            out.push_str(before);
            let (name, behind) = after.split_once(Self::CLOSE).unwrap_or((after, ""));
            out.push_str(&fill(name));
            rest = behind;
        }
        out.push_str(rest);
        out
    }

    /// The names of its gaps.
    #[must_use]
    pub fn gaps(&self) -> Vec<String> {
        let mut names = Vec::new();
        let _ = self.filled(|name| {
            names.push(name.to_owned());
            String::new()
        });
        names
    }

    /// With its gaps marked as they stand.
    #[must_use]
    pub fn marked(&self) -> &str {
        &self.0
    }
}

/// `rediss://:${REDIS_PASSWORD}@redis:6379`.
impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.filled(|name| format!("${{{name}}}")))
    }
}

impl Value {
    /// A value of a text in which gaps are marked as in [`Template::gap`].
    #[must_use]
    pub fn of(text: &str) -> Self {
        if !text.contains(Template::OPEN) {
            return Self::Known(text.to_owned());
        }
        let template = Template(text.to_owned());
        let gaps = template.gaps();
        match gaps.as_slice() {
            [name] if Template::gap(name) == text => Self::Unknown(name.clone()),
            _ => Self::Partly(template),
        }
    }

    /// The text with gaps marked as in [`Template::gap`].
    #[must_use]
    pub fn marked(&self) -> String {
        match self {
            Self::Known(text) | Self::Secret { text: Some(text), .. } => text.clone(),
            Self::Secret { name, key, text: None } | Self::ConfigMap { name, key } => {
                Template::gap(&format!("{name}/{key}"))
            }
            Self::Unknown(why) => Template::gap(why),
            Self::Partly(template) => template.0.clone(),
        }
    }

    /// The text, where it is known.
    #[must_use]
    pub fn known(&self) -> Option<&str> {
        match self {
            Self::Known(text) | Self::Secret { text: Some(text), .. } => Some(text),
            Self::Secret { text: None, .. } | Self::ConfigMap { .. } | Self::Unknown(_) | Self::Partly(_) => {
                None
            }
        }
    }
}

/// The text of a secret is not shown.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(text) => f.debug_tuple("Known").field(text).finish(),
            Self::Secret { name, key, .. } => {
                f.debug_struct("Secret").field("name", name).field("key", key).finish_non_exhaustive()
            }
            Self::ConfigMap { name, key } => {
                f.debug_struct("ConfigMap").field("name", name).field("key", key).finish()
            }
            Self::Unknown(why) => f.debug_tuple("Unknown").field(why).finish(),
            Self::Partly(template) => f.debug_tuple("Partly").field(template).finish(),
        }
    }
}

/// A variable of a container's environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    pub name: String,
    pub value: Value,
    /// Where the value that won is written.
    pub place: Option<Place>,
}

/// A word of a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    pub value: Value,
    pub place: Option<Place>,
}

/// What brings a path into a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// The path in the container.
    pub target: String,
    pub source: MountSource,
    /// The part of the source that is mounted.
    pub sub_path: Option<String>,
    pub read_only: bool,
    /// Mode of the files where the source sets one (`defaultMode`, `mode` of a Compose config).
    pub mode: Option<u32>,
    pub place: Option<Place>,
}

impl Mount {
    /// Whether a path of the container lies in it.
    #[must_use]
    pub fn holds(&self, path: &str) -> bool {
        path.strip_prefix(self.target.trim_end_matches('/'))
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// Where a mount's content comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MountSource {
    /// A file or folder of the host.
    Host(String),
    /// A volume of the engine or a claim: its content is not known.
    Volume(String),
    /// Key to file name; empty: every key under its own name.
    Secret {
        name: String,
        items: BTreeMap<String, String>,
        optional: bool,
    },
    ConfigMap {
        name: String,
        items: BTreeMap<String, String>,
        optional: bool,
    },
    /// Several sources under one folder (`projected`).
    Projected(Vec<Self>),
    /// A `configs:` or `secrets:` entry of Compose that carries its content.
    Inline(String),
    /// Empty at the start.
    Empty,
    Other(String),
}

impl MountSource {
    /// The names of the Secrets that are mounted, each source of a projected volume too.
    #[must_use]
    pub fn secrets(&self) -> Vec<&str> {
        match self {
            Self::Secret { name, .. } => vec![name],
            Self::Projected(parts) => parts.iter().flat_map(Self::secrets).collect(),
            _ => Vec::new(),
        }
    }
}
