//! The configuration of nats-server: blocks, arrays, variables, includes, sizes and durations, both styles of
//! comments, as `conf/lex.go` and `conf/parse.go` of nats-server 2.10 take them.

mod reader;
#[cfg(test)]
mod tests;
mod tree;
mod word;

use std::collections::BTreeSet;

use super::source::{Include, ParseFault, Source};

use reader::NatsReader;

pub use tree::{NatsBlock, NatsData, NatsEntry, NatsValue};

/// How deep blocks and includes may lie in one another.
const DEPTH: usize = 40;
/// Values that one configuration may hold, includes counted as often as they are used.
const VALUES: usize = 100_000;

/// What a configuration sees of the world.
pub struct World<'a> {
    /// The environment; an include sees it too.
    pub variable: &'a dyn Fn(&str) -> Lookup,
    /// The text of an include, by the path as it is written and the file that names it.
    pub include: &'a dyn Fn(&str, &Source) -> Include,
}

/// What is known of a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    Known(String),
    /// It is set to something that is not known.
    Unknown,
    Unset,
}

/// A configuration as far as it could be read.
#[derive(Debug, Default)]
pub struct NatsConf {
    pub block: NatsBlock,
    pub faults: Vec<ParseFault>,
    /// Variables of the file that values refer to: they are no settings.
    pub used: BTreeSet<String>,
    /// Something of it could not be known (an include that is not among what was given).
    pub open: bool,
}

/// Reads a configuration.
#[must_use]
pub fn read(source: &Source, world: &World<'_>) -> NatsConf {
    let mut conf = NatsConf::default();
    let mut budget = VALUES;
    let mut reader = NatsReader { source, at: 0, world, conf: &mut conf, depth: 0, budget: &mut budget };
    let mut scopes = vec![NatsBlock::default()];
    if let Err(fault) = reader.body(&mut scopes, None) {
        conf.faults.push(fault);
    }
    conf.block = scopes.into_iter().next().unwrap_or_default();
    conf
}
