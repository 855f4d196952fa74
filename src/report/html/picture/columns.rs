//! The whole stack, in columns from the clients to the stores.

use std::collections::BTreeMap;

use super::{Canvas, GAP, ROW, ServiceBox, TOP, label, line, shape};
use crate::report::html::stack::{Column, ConnectionView, NodeView, StackView};

/// Where each column of the wide picture begins, and how wide it is.
const CLIENT: (u32, u32) = (4, 110);

const GATEWAY: (u32, u32) = (276, 100);

pub(super) const BUS: (u32, u32) = (538, 66);

const SERVICE: (u32, u32) = (766, 156);

const STORE: (u32, u32) = (1084, 66);

const WIDTH: u32 = 1154;

fn place(column: Column) -> (u32, u32) {
    match column {
        Column::Client => CLIENT,
        Column::Gateway => GATEWAY,
        Column::Bus => BUS,
        Column::Service => SERVICE,
        Column::Store => STORE,
    }
}

/// One row for each connection on either side; what goes past the services has a row of its own above them.
struct Rows {
    /// Next free height on the left, and on the right.
    left: u32,
    right: u32,
    /// Where a connection leaves, and where it arrives.
    leaves: BTreeMap<usize, u32>,
    arrives: BTreeMap<usize, u32>,
    spans: BTreeMap<String, (u32, u32)>,
}

impl Rows {
    /// A box on the left with a row for each connection.
    fn block(&mut self, name: &str, indices: Vec<usize>, apart: bool) {
        let top = self.left;
        for index in indices {
            self.leaves.insert(index, self.left + ROW / 2 - GAP / 2);
            self.left += ROW;
        }
        if self.left > top {
            self.spans.insert(name.to_owned(), (top, self.left - GAP));
            if apart {
                self.left += GAP;
            }
        }
    }
}

pub(super) fn wide(stack: &StackView) -> Canvas {
    let column = |name: &str| {
        stack.nodes.iter().find(|node| node.name == name).map_or(Column::Service, |node| node.column)
    };
    let mut rows = Rows {
        left: TOP,
        right: TOP,
        leaves: BTreeMap::new(),
        arrives: BTreeMap::new(),
        spans: BTreeMap::new(),
    };
    let all: Vec<(usize, &ConnectionView)> = stack.connections.iter().enumerate().collect();
    // Our own sessions first: they go past the gateway.
    let mut clients: Vec<&NodeView> =
        stack.nodes.iter().filter(|node| node.column == Column::Client).collect();
    clients.sort_by_key(|node| node.name != "tls-verify");
    let passes =
        |one: &ConnectionView| column(&one.to) == Column::Store && column(&one.from) != Column::Service;
    for node in clients {
        let mut own: Vec<(usize, &ConnectionView)> =
            all.iter().filter(|(_, one)| one.from == node.name).copied().collect();
        own.sort_by_key(|(index, one)| (!passes(one), column(&one.to), *index));
        rows.block(&node.name, own.iter().map(|(index, _)| *index).collect(), node.name == "tls-verify");
        for (index, one) in own.iter().filter(|(_, one)| column(&one.to) != Column::Service) {
            let level = rows.leaves[index];
            rows.arrives.insert(*index, level);
            if passes(one) {
                rows.right = rows.right.max(level + ROW / 2);
            }
        }
    }
    gateway(&mut rows, &all, &column, &passes);
    services(&mut rows, stack, &all, &column);
    let bottom = rows.left.max(rows.right);
    let mut shapes: Vec<ServiceBox> = Vec::new();
    for node in &stack.nodes {
        let (x, width) = place(node.column);
        let (top, end) = match node.column {
            Column::Bus | Column::Store => (TOP, bottom - GAP),
            _ => match rows.spans.get(&node.name) {
                Some(span) => *span,
                None => continue,
            },
        };
        shapes.push(shape(node, x, top, width, end - top));
    }
    let lines = all.iter().filter_map(|(index, one)| {
        let (from, to) = (place(column(&one.from)), place(column(&one.to)));
        let (y1, y2) = (*rows.leaves.get(index)?, *rows.arrives.get(index)?);
        Some(if from.0 < to.0 {
            let gap = previous(column(&one.to));
            line((from.0 + from.1, y1), (to.0, y2), (gap, to.0), label(one, true), one.state)
        } else {
            line((from.0, y1), (to.0 + to.1, y2), (to.0 + to.1, from.0), label(one, false), one.state)
        })
    });
    Canvas {
        id: "wide".to_owned(),
        caption: String::new(),
        title: "The stack and what was proved on its connections".to_owned(),
        about: "The table below has the same content.".to_owned(),
        width: WIDTH,
        height: bottom,
        lines: lines.collect(),
        shapes,
    }
}

/// Where the column before this one ends: between them is the label.
fn previous(column: Column) -> u32 {
    let before = match column {
        Column::Client | Column::Gateway => CLIENT,
        Column::Bus => GATEWAY,
        Column::Service => BUS,
        Column::Store => SERVICE,
    };
    before.0 + before.1
}

type Indexed<'a> = [(usize, &'a ConnectionView)];

/// The gateway stands beside its clients, and has rows for its own connections.
fn gateway(
    rows: &mut Rows,
    all: &Indexed<'_>,
    column: &dyn Fn(&str) -> Column,
    passes: &dyn Fn(&ConnectionView) -> bool,
) {
    let coming: Vec<u32> = all
        .iter()
        .filter(|(_, one)| column(&one.to) == Column::Gateway)
        .filter_map(|(index, _)| rows.leaves.get(index).copied())
        .collect();
    let Some(name) = all.iter().map(|(_, one)| one).find_map(|one| {
        [&one.to, &one.from].into_iter().find(|name| column(name) == Column::Gateway).cloned()
    }) else {
        return;
    };
    let top = coming.iter().min().map_or(rows.left, |first| first + GAP / 2 - ROW / 2);
    let mut next = top;
    let mut own: Vec<(usize, &ConnectionView)> =
        all.iter().filter(|(_, one)| one.from == name).copied().collect();
    own.sort_by_key(|(index, one)| (!passes(one), column(&one.to), *index));
    for (index, one) in own {
        let level = next + ROW / 2 - GAP / 2;
        rows.leaves.insert(index, level);
        if column(&one.to) != Column::Service {
            rows.arrives.insert(index, level);
        }
        if passes(one) {
            rows.right = rows.right.max(level + ROW / 2);
        }
        next += ROW;
    }
    let end = coming.iter().max().map_or(next, |last| (last + GAP / 2 + ROW / 2).max(next));
    rows.left = rows.left.max(end);
    rows.spans.insert(name, (top, end - GAP));
}

/// The services below what goes past them.
fn services(rows: &mut Rows, stack: &StackView, all: &Indexed<'_>, column: &dyn Fn(&str) -> Column) {
    for node in stack.nodes.iter().filter(|node| node.column == Column::Service) {
        let top = rows.right;
        let (mut left, mut right) = (top, top);
        for (index, one) in all.iter().filter(|(_, one)| one.to == node.name) {
            rows.arrives.insert(*index, left + ROW / 2 - GAP / 2);
            left += ROW;
            let _ = one;
        }
        for (index, one) in all.iter().filter(|(_, one)| one.from == node.name) {
            let side = if column(&one.to) == Column::Store { &mut right } else { &mut left };
            let level = *side + ROW / 2 - GAP / 2;
            rows.leaves.insert(*index, level);
            rows.arrives.insert(*index, level);
            *side += ROW;
        }
        let end = left.max(right).max(top + ROW);
        rows.spans.insert(node.name.clone(), (top, end - GAP));
        rows.right = end;
    }
}
