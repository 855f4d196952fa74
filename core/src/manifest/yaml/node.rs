//! A node of the tree, and what it is asked.

use std::sync::Arc;

use crate::manifest::source::{Mark, Source};

/// A node of the tree.
#[derive(Clone, Debug)]
pub struct Node {
    pub data: NodeContent,
    /// `!reset`, `!override`: a tag that is not of YAML's own.
    pub tag: Option<Arc<str>>,
    pub mark: Mark,
}

/// What a node holds.
#[derive(Clone, Debug)]
pub enum NodeContent {
    Scalar(Scalar),
    Sequence(Vec<Node>),
    Mapping(Vec<(Node, Node)>),
}

/// A scalar, as it is written.
#[derive(Clone, Debug)]
pub struct Scalar {
    pub text: Arc<str>,
    pub plain: bool,
    /// Of a literal block: line and indentation of its first line.
    pub block: Option<(u32, u32)>,
    /// Of a block whose lines do not stand one behind the other where they come from: each one's place.
    pub lines: Option<Arc<[Mark]>>,
    /// The last line that it stands on.
    pub end: u32,
    /// A default stood in for a variable that nobody gave.
    pub defaulted: bool,
}

impl Node {
    /// A plain scalar.
    #[must_use]
    pub fn scalar(text: &str, mark: Mark) -> Self {
        let end = mark.line;
        let scalar =
            Scalar { text: Arc::from(text), plain: false, block: None, lines: None, end, defaulted: false };
        Self { data: NodeContent::Scalar(scalar), tag: None, mark }
    }

    #[must_use]
    pub fn mapping(entries: Vec<(Self, Self)>, mark: Mark) -> Self {
        Self { data: NodeContent::Mapping(entries), tag: None, mark }
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|(_, value)| value)
    }

    /// Key and value.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<(&Self, &Self)> {
        self.entries().iter().find(|(name, _)| name.text() == Some(key)).map(|(name, value)| (name, value))
    }

    /// The value at the end of a way of keys.
    #[must_use]
    pub fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// Text of a scalar that is not null.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.data {
            NodeContent::Scalar(scalar) if !self.is_null() => Some(&scalar.text),
            _ => None,
        }
    }

    /// The text at the end of a way of keys.
    #[must_use]
    pub fn text_at(&self, path: &[&str]) -> Option<&str> {
        self.at(path).and_then(Self::text)
    }

    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(&self.data, NodeContent::Scalar(one)
            if one.plain && matches!(&*one.text, "" | "~" | "null" | "Null" | "NULL"))
    }

    #[must_use]
    pub fn is_scalar(&self) -> bool {
        matches!(self.data, NodeContent::Scalar(_))
    }

    #[must_use]
    pub fn entries(&self) -> &[(Self, Self)] {
        match &self.data {
            NodeContent::Mapping(entries) => entries,
            NodeContent::Scalar(_) | NodeContent::Sequence(_) => &[],
        }
    }

    #[must_use]
    pub fn items(&self) -> &[Self] {
        match &self.data {
            NodeContent::Sequence(items) => items,
            NodeContent::Scalar(_) | NodeContent::Mapping(_) => &[],
        }
    }

    #[must_use]
    pub fn is_sequence(&self) -> bool {
        matches!(self.data, NodeContent::Sequence(_))
    }

    #[must_use]
    pub fn is_mapping(&self) -> bool {
        matches!(self.data, NodeContent::Mapping(_))
    }

    /// A whole number; YAML 1.1's octal too (`0400`), as Kubernetes' parser takes it.
    #[must_use]
    pub fn number(&self) -> Option<i64> {
        let text = self.text()?;
        let octal =
            text.strip_prefix("0o").or_else(|| text.strip_prefix('0').filter(|rest| !rest.is_empty()));
        match octal {
            Some(digits) => i64::from_str_radix(digits, 8).ok(),
            None => text.parse().ok(),
        }
    }

    #[must_use]
    pub fn truth(&self) -> Option<bool> {
        match self.text()?.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" => Some(true),
            "false" | "no" | "off" => Some(false),
            _ => None,
        }
    }

    /// The text of a scalar with the place of its lines.
    #[must_use]
    pub fn source(&self) -> Option<Source> {
        let NodeContent::Scalar(scalar) = &self.data else { return None };
        Some(match scalar.block {
            Some((line, indent)) => Source {
                text: Arc::clone(&scalar.text),
                start: Mark { file: Arc::clone(&self.mark.file), line, column: indent + 1 },
                indent,
                exact: true,
                lines: None,
            },
            None => Source { lines: scalar.lines.clone(), ..Source::at(&self.mark, &scalar.text) },
        })
    }

    /// As JSON: bare words are numbers, truths and nothing where YAML has them so.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        use serde_json::Value;
        match &self.data {
            NodeContent::Sequence(items) => Value::Array(items.iter().map(Self::json).collect()),
            NodeContent::Mapping(entries) => {
                let named = |(key, value): &(Self, Self)| Some((key.text()?.to_owned(), value.json()));
                Value::Object(entries.iter().filter_map(named).collect())
            }
            NodeContent::Scalar(_) if self.is_null() => Value::Null,
            NodeContent::Scalar(one) if one.plain => match &*one.text {
                "true" => true.into(),
                "false" => false.into(),
                text => text.parse::<i64>().map_or_else(|_| text.into(), Value::from),
            },
            NodeContent::Scalar(one) => Value::from(&*one.text),
        }
    }

    /// Every scalar below, itself included.
    pub fn scalars<'a>(&'a self, visit: &mut dyn FnMut(&'a Self)) {
        match &self.data {
            NodeContent::Scalar(_) => visit(self),
            NodeContent::Sequence(items) => items.iter().for_each(|item| item.scalars(visit)),
            NodeContent::Mapping(entries) => entries.iter().for_each(|(_, value)| value.scalars(visit)),
        }
    }
}
