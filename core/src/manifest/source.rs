//! A text and where it stands: a whole file, or a block inside of one (a configuration in a ConfigMap).

use std::sync::Arc;

use crate::workload::Place;

/// A place in a text that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    pub file: Arc<str>,
    pub line: u32,
    pub column: u32,
}

impl Mark {
    /// The beginning of a file.
    #[must_use]
    pub fn start(file: &str) -> Self {
        Self { file: Arc::from(file), line: 1, column: 1 }
    }

    /// The same, of something that was read before.
    #[must_use]
    pub fn of(place: &Place) -> Self {
        Self { file: Arc::clone(&place.file), line: place.line, column: place.column }
    }

    #[must_use]
    pub fn place(&self) -> Place {
        Place { file: Arc::clone(&self.file), line: self.line, column: self.column }
    }
}

/// A text with its place.
#[derive(Clone, Debug)]
pub struct Source {
    pub text: Arc<str>,
    /// Where its first character stands.
    pub start: Mark,
    /// Columns that every line is indented by where it stands.
    pub indent: u32,
    /// Whether its lines are the lines of the file.
    pub exact: bool,
    /// The place of each line, where they are not.
    pub lines: Option<Arc<[Mark]>>,
}

/// What is known of a file that a configuration includes.
pub enum Include {
    Text(Source),
    /// It is known that it is not there.
    Missing,
    Unknown,
}

impl Source {
    /// A whole file.
    #[must_use]
    pub fn file(name: &str, text: &str) -> Self {
        Self { text: Arc::from(text), start: Mark::start(name), indent: 0, exact: true, lines: None }
    }

    /// Something of which only the place is known, not where its lines are.
    #[must_use]
    pub fn at(mark: &Mark, text: &str) -> Self {
        Self { text: Arc::from(text), start: mark.clone(), indent: 0, exact: false, lines: None }
    }

    /// The place of a line and column of the text, both from 1.
    #[must_use]
    pub fn mark(&self, line: u32, column: u32) -> Mark {
        if !self.exact {
            let at = self.lines.as_ref().and_then(|lines| lines.get(line.saturating_sub(1) as usize));
            let moved = at.map(|at| {
                // Where a line reads otherwise no column is known.
                let column = if at.column == 0 { 0 } else { at.column + column.saturating_sub(1) };
                Mark { column, ..at.clone() }
            });
            return moved.unwrap_or_else(|| self.start.clone());
        }
        Mark {
            file: Arc::clone(&self.start.file),
            line: self.start.line + line.saturating_sub(1),
            column: self.indent + column,
        }
    }

    /// The place of a byte of the text.
    #[must_use]
    pub fn mark_at(&self, offset: usize) -> Mark {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let line = u32::try_from(before.matches('\n').count()).unwrap_or(u32::MAX - 1) + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
        self.mark(line, u32::try_from(column).unwrap_or(u32::MAX - 1) + 1)
    }
}

/// Something in an input that cannot be read, or is not what its reader takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseFault {
    pub kind: FaultKind,
    pub message: String,
    pub mark: Mark,
}

/// Which rule a fault is a matter of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The file cannot be parsed, or its program refuses it.
    Unreadable,
    /// A name that its reader does not know, with the nearest one that it knows.
    UnknownName { name: String, nearest: Option<String> },
    /// A value of a chart that no template reads.
    UnusedValue { name: String },
    /// It is not a finding: something that is left out, and how it could be decided.
    Undecided { how: String },
}

impl ParseFault {
    #[must_use]
    pub fn unreadable(mark: Mark, message: impl Into<String>) -> Self {
        Self { kind: FaultKind::Unreadable, message: message.into(), mark }
    }

    #[must_use]
    pub fn undecided(mark: Mark, message: impl Into<String>, how: impl Into<String>) -> Self {
        Self { kind: FaultKind::Undecided { how: how.into() }, message: message.into(), mark }
    }
}
