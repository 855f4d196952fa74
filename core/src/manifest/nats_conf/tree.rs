//! What a configuration says: blocks, entries and values with their places.

use super::word::truth;
use crate::manifest::source::Mark;

/// A value with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct NatsValue {
    pub data: NatsData,
    pub mark: Mark,
}

/// What it is.
#[derive(Clone, Debug, PartialEq)]
pub enum NatsData {
    /// Quoted or bare; with gaps where a variable is not known.
    Text(String),
    /// Sizes in bytes (`1k`, `10MB`).
    Integer(i64),
    Float(f64),
    Bool(bool),
    Array(Vec<NatsValue>),
    Block(NatsBlock),
}

impl NatsData {
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
pub struct NatsBlock {
    pub entries: Vec<NatsEntry>,
}

/// One of them; names are told apart without regard to case.
#[derive(Clone, Debug, PartialEq)]
pub struct NatsEntry {
    pub name: String,
    pub mark: Mark,
    pub value: NatsValue,
}

impl NatsBlock {
    /// The entry that counts: the last of its name.
    #[must_use]
    pub fn entry(&self, names: &[&str]) -> Option<&NatsEntry> {
        self.entries.iter().rev().find(|one| names.iter().any(|name| one.name.eq_ignore_ascii_case(name)))
    }

    #[must_use]
    pub fn block(&self, names: &[&str]) -> Option<(&NatsEntry, &Self)> {
        self.entry(names).and_then(|entry| match &entry.value.data {
            NatsData::Block(block) => Some((entry, block)),
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

impl NatsValue {
    /// As text, whatever it was read as.
    #[must_use]
    pub fn text(&self) -> String {
        match &self.data {
            NatsData::Text(text) => text.clone(),
            NatsData::Integer(number) => number.to_string(),
            NatsData::Float(number) => number.to_string(),
            NatsData::Bool(truth) => truth.to_string(),
            NatsData::Array(_) | NatsData::Block(_) => String::new(),
        }
    }

    #[must_use]
    pub fn truth(&self) -> Option<bool> {
        match &self.data {
            NatsData::Bool(truth) => Some(*truth),
            NatsData::Text(text) => truth(text),
            NatsData::Integer(_) | NatsData::Float(_) | NatsData::Array(_) | NatsData::Block(_) => None,
        }
    }

    #[must_use]
    pub fn items(&self) -> &[Self] {
        match &self.data {
            NatsData::Array(items) => items,
            _ => std::slice::from_ref(self),
        }
    }
}
