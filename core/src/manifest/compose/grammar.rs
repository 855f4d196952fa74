//! The schema made ready: references followed once, types as bits, names in maps.

use std::collections::HashMap;

use serde_json::Value;

/// Types of YAML, as a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kinds(u8);

impl Kinds {
    pub(super) const NULL: Self = Self(1);
    pub(super) const BOOLEAN: Self = Self(2);
    pub(super) const NUMBER: Self = Self(4);
    /// Whoever takes a number takes a whole one.
    pub(super) const INTEGER: Self = Self(4 | 8);
    pub(super) const STRING: Self = Self(16);
    pub(super) const OBJECT: Self = Self(32);
    pub(super) const ARRAY: Self = Self(64);

    fn named(name: &str) -> Self {
        match name {
            "null" => Self::NULL,
            "boolean" => Self::BOOLEAN,
            "number" => Self::NUMBER,
            "integer" => Self(8),
            "string" => Self::STRING,
            "object" => Self::OBJECT,
            "array" => Self::ARRAY,
            _ => Self(0),
        }
    }
}

/// What may stand at a place. Shapes name one another by their number in the grammar.
#[derive(Debug, Default)]
pub(super) struct SchemaShape {
    /// As the schema lists them; empty: whatever it is.
    pub(super) types: Vec<&'static str>,
    kinds: u8,
    /// One of these has to take it.
    pub(super) branches: Vec<usize>,
    pub(super) choices: Vec<&'static str>,
    pub(super) least: Option<f64>,
    pub(super) most: Option<f64>,
    pub(super) properties: HashMap<&'static str, usize>,
    pub(super) patterns: Vec<(&'static str, usize)>,
    /// No other names are taken.
    pub(super) closed: bool,
    pub(super) required: Vec<&'static str>,
    pub(super) items: Option<usize>,
    pub(super) unique: bool,
}

impl SchemaShape {
    /// Whether it takes a type.
    pub(super) fn takes(&self, own: Kinds) -> bool {
        self.types.is_empty() || self.kinds & own.0 != 0
    }
}

/// A schema; its first shape is the whole.
#[derive(Debug, Default)]
pub(super) struct Grammar {
    shapes: Vec<SchemaShape>,
}

impl Grammar {
    pub(super) fn of(schema: &'static Value) -> Self {
        let mut maker = GrammarMaker { schema, named: HashMap::new(), grammar: Self::default() };
        maker.shape(schema);
        maker.grammar
    }

    pub(super) fn whole(&self) -> &SchemaShape {
        self.at(0)
    }

    pub(super) fn at(&self, shape: usize) -> &SchemaShape {
        &self.shapes[shape]
    }
}

struct GrammarMaker {
    schema: &'static Value,
    named: HashMap<&'static str, usize>,
    grammar: Grammar,
}

impl GrammarMaker {
    fn shape(&mut self, schema: &'static Value) -> usize {
        let way = schema.get("$ref").and_then(Value::as_str);
        if let Some(known) = way.and_then(|way| self.named.get(way)) {
            return *known;
        }
        let number = self.grammar.shapes.len();
        self.grammar.shapes.push(SchemaShape::default());
        let mut found = schema;
        if let Some(way) = way {
            self.named.insert(way, number);
            found = self.schema.pointer(way.trim_start_matches('#')).unwrap_or(schema);
        }
        let shape = self.filled(found);
        self.grammar.shapes[number] = shape;
        number
    }

    fn filled(&mut self, schema: &'static Value) -> SchemaShape {
        let list = |name: &str| schema.get(name).and_then(Value::as_array).into_iter().flatten();
        let texts = |name: &str| list(name).filter_map(Value::as_str).collect::<Vec<_>>();
        let entries = |name: &str| schema.get(name).and_then(Value::as_object).into_iter().flatten();
        let types = schema.get("type").and_then(Value::as_str).map_or_else(|| texts("type"), |one| vec![one]);
        let branches = if schema.get("oneOf").is_some() { "oneOf" } else { "anyOf" };
        SchemaShape {
            kinds: types.iter().fold(0, |all, one| all | Kinds::named(one).0),
            types,
            branches: list(branches).map(|one| self.shape(one)).collect(),
            choices: texts("enum"),
            least: schema.get("minimum").and_then(Value::as_f64),
            most: schema.get("maximum").and_then(Value::as_f64),
            properties: entries("properties").map(|(name, one)| (name.as_str(), self.shape(one))).collect(),
            patterns: entries("patternProperties")
                .map(|(name, one)| (name.as_str(), self.shape(one)))
                .collect(),
            closed: schema.get("additionalProperties") == Some(&Value::Bool(false)),
            required: texts("required"),
            items: schema.get("items").map(|one| self.shape(one)),
            unique: schema.get("uniqueItems") == Some(&Value::Bool(true)),
        }
    }
}
