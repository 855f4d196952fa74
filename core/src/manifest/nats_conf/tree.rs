//! What a configuration says: blocks, entries and values with their places.

use super::word::truth;
use crate::manifest::source::Mark;

/// A value with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    pub data: Data,
    pub mark: Mark,
}

/// What it is.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// Quoted or bare; with gaps where a variable is not known.
    Text(String),
    /// Sizes in bytes (`1k`, `10MB`).
    Integer(i64),
    Float(f64),
    Bool(bool),
    Array(Vec<Value>),
    Block(Block),
}

impl Data {
    /// Values in it, itself included.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Array(items) => 1 + items.iter().map(|one| one.data.size()).sum::<usize>(),
            Self::Block(block) => 1 + block.entries.iter().map(|one| one.value.data.size()).sum::<usize>(),
            Self::Text(_) | Self::Integer(_) | Self::Float(_) | Self::Bool(_) => 1,
        }
    }
}

/// Names and values in their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Block {
    pub entries: Vec<Entry>,
}

/// One of them; names are told apart without regard to case.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub name: String,
    pub mark: Mark,
    pub value: Value,
}

impl Block {
    /// The entry that counts: the last of its name.
    #[must_use]
    pub fn entry(&self, names: &[&str]) -> Option<&Entry> {
        self.entries.iter().rev().find(|one| names.iter().any(|name| one.name.eq_ignore_ascii_case(name)))
    }

    #[must_use]
    pub fn block(&self, names: &[&str]) -> Option<(&Entry, &Self)> {
        self.entry(names).and_then(|entry| match &entry.value.data {
            Data::Block(block) => Some((entry, block)),
            _ => None,
        })
    }

    #[must_use]
    pub fn text(&self, names: &[&str]) -> Option<(String, &Mark)> {
        self.entry(names).map(|entry| (entry.value.text(), &entry.value.mark))
    }

    #[must_use]
    pub fn truth(&self, names: &[&str]) -> Option<(bool, &Mark)> {
        self.entry(names).and_then(|entry| Some((entry.value.truth()?, &entry.value.mark)))
    }
}

impl Value {
    /// As text, whatever it was read as.
    #[must_use]
    pub fn text(&self) -> String {
        match &self.data {
            Data::Text(text) => text.clone(),
            Data::Integer(number) => number.to_string(),
            Data::Float(number) => number.to_string(),
            Data::Bool(truth) => truth.to_string(),
            Data::Array(_) | Data::Block(_) => String::new(),
        }
    }

    #[must_use]
    pub fn truth(&self) -> Option<bool> {
        match &self.data {
            Data::Bool(truth) => Some(*truth),
            Data::Text(text) => truth(text),
            Data::Integer(_) | Data::Float(_) | Data::Array(_) | Data::Block(_) => None,
        }
    }

    #[must_use]
    pub fn items(&self) -> &[Self] {
        match &self.data {
            Data::Array(items) => items,
            _ => std::slice::from_ref(self),
        }
    }
}
