//! YAML as a tree in which every node knows its file, line and column, through anchors, aliases and merge keys.

mod builder;
mod node;
#[cfg(test)]
mod tests;

pub use builder::documents;
pub use node::{Node, NodeContent, Scalar};
