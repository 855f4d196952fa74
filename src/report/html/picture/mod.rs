//! The picture of a stack, laid out by hand: clients left, the gateway, NATS as a bar that everybody plugs
//! into, the services, Redis as another bar. Where a page is narrow the same connections are drawn server by
//! server.

mod columns;

use super::stack::{Column, ConnectionState, ConnectionView, FAULT, NodeView, StackView};
use columns::{BUS, wide};

/// Height of one connection's row.
const ROW: u32 = 32;
/// Between two boxes.
const GAP: u32 = 8;
const TOP: u32 = 6;

/// A service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServiceBox {
    pub x: u32,
    pub y: u32,
    pub width: u32,
    pub height: u32,
    pub class: &'static str,
    pub name: String,
    pub note: String,
    /// Where the name stands.
    pub text_x: u32,
    pub text_y: u32,
    pub note_y: u32,
}

/// A connection: its line, its arrow, and what is written on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub path: String,
    pub arrow: String,
    pub class: &'static str,
    pub label: String,
    pub label_x: u32,
    pub label_y: u32,
    pub label_width: u32,
    pub text_x: u32,
    pub text_y: u32,
}

/// One drawing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Canvas {
    pub id: String,
    /// What stands above it: the deployment that it is of, where there are several.
    pub caption: String,
    pub title: String,
    pub about: String,
    pub width: u32,
    pub height: u32,
    pub shapes: Vec<ServiceBox>,
    pub lines: Vec<Line>,
}

/// The same stack for wide pages and for narrow ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Picture {
    pub wide: Option<Canvas>,
    pub groups: Vec<Canvas>,
    pub states: Vec<ConnectionState>,
    /// A service is marked itself.
    pub fault: bool,
}

/// Draws a stack that has any connection.
pub(crate) fn draw(stack: &StackView) -> Option<Picture> {
    if stack.connections.is_empty() {
        return None;
    }
    let has_bars = stack.nodes.iter().any(|node| node.column == Column::Gateway);
    let states = ConnectionState::ALL
        .into_iter()
        .filter(|state| stack.connections.iter().any(|one| one.state == *state))
        .collect();
    let client = stack.connections.first().map(|one| one.from.as_str()).unwrap_or_default();
    let alone = |one: &ConnectionView| one.from == client && one.deployment.is_empty();
    let groups = match stack.connections.iter().all(alone) {
        true => vec![fan(stack, client)],
        false => groups(stack),
    };
    Some(Picture { wide: has_bars.then(|| wide(stack)), groups, states, fault: !stack.own.is_empty() })
}

/// Tenths of a pixel: the size of a name, of a note and of a label.
const NAME: u32 = 125;
const NOTE: u32 = 110;
/// Pixels of a label's text at most: what is between two columns, without the arrow.
const LABEL: u32 = 138;

/// A name that fits into so many pixels, its middle left out where it is too long.
fn fit(text: &str, most: u32, size: u32) -> String {
    if measured(text, size) <= most {
        return text.to_owned();
    }
    let all: Vec<char> = text.chars().collect();
    // No character is narrower than a third of its size.
    let longest = (most * 30 / size) as usize;
    let mut cut = (1..all.len().min(longest)).rev().map(|kept| {
        let head: String = all[..kept.div_ceil(2)].iter().collect();
        let tail: String = all[all.len() - kept / 2..].iter().collect();
        format!("{head}…{tail}")
    });
    cut.find(|short| measured(short, size) <= most).unwrap_or_else(|| "…".to_owned())
}

/// Pixels that a bold text takes, by DejaVu Sans: none of the usual fonts is wider.
fn measured(text: &str, size: u32) -> u32 {
    let hundredths = |one: char| match one {
        'i' | 'j' | 'l' | ' ' => 35,
        '.' | ',' | ':' | ';' | '/' | '|' | '!' | '\'' | '-' => 42,
        't' | 'r' | 'f' | '(' | ')' | '[' | ']' => 49,
        's' | 'c' | 'z' => 60,
        'a' | 'e' | 'k' | 'o' | 'v' | 'x' | 'y' => 69,
        'w' => 93,
        'm' | 'M' | 'W' | '%' | '@' => 111,
        'a'..='z' | '0'..='9' | '_' => 72,
        'A'..='Z' => 78,
        '\u{2713}' | '\u{2717}' | '\u{d7}' => 85,
        _ => 100,
    };
    text.chars().map(hundredths).fold(0_u32, u32::saturating_add).saturating_mul(size) / 1000
}

/// A box with its name in the middle, or at the top where it is a bar.
fn shape(node: &NodeView, x: u32, y: u32, width: u32, height: u32) -> ServiceBox {
    let bar = height > 3 * ROW && node.column != Column::Client && node.column != Column::Service;
    let middle = if bar { y + 22 } else { y + height / 2 + 4 };
    let two = !node.note.is_empty() && height > ROW;
    let most = width.saturating_sub(10);
    // There is room beside the name for a number of replicas, or a mark, alone.
    let short = node.note.starts_with('\u{d7}') || node.note.ends_with("up") || node.note.starts_with(FAULT);
    let beside = !two && short;
    let name = match beside {
        true => {
            let note = format!(" {}", node.note);
            fit(&node.name, most.saturating_sub(measured(&note, NAME)), NAME) + &note
        }
        false => fit(&node.name, most, NAME),
    };
    ServiceBox {
        x,
        y,
        width,
        height,
        class: match node.column {
            _ if node.note.starts_with(FAULT) && bar => "bar fault",
            _ if node.note.starts_with(FAULT) => "fault",
            Column::Client => "client",
            Column::Gateway => "gateway",
            Column::Bus | Column::Store => "bar",
            Column::Service => "service",
        },
        name,
        note: if two { fit(&node.note, most, NOTE) } else { String::new() },
        text_x: x + width / 2,
        text_y: if two && !bar { middle - 8 } else { middle },
        note_y: if bar { middle + 16 } else { middle + 8 },
    }
}

/// What is written on a line.
fn label(link: &ConnectionView, what: bool) -> String {
    let state = match link.state {
        ConnectionState::Mutual => format!("mTLS{}", link.label.strip_prefix("TLS").unwrap_or_default()),
        _ if link.label.is_empty() => link.state.word(link.what == "configured").to_owned(),
        _ => link.label.clone(),
    };
    let head = if what && link.what != "TLS" && link.what != "configured" { link.what } else { "" };
    let glyph = format!("{} ", link.state.glyph());
    let most = LABEL - measured(&glyph, NOTE);
    let whole = format!("{head} {state}");
    // A state that is read whole says more than a protocol before half of one.
    let text = if head.is_empty() || measured(&whole, NOTE) > most { state } else { whole };
    glyph + &fit(&text, most, NOTE)
}

/// From one side to another, at two heights; the last part, where the label is, is level.
fn line(from: (u32, u32), to: (u32, u32), level: (u32, u32), text: String, state: ConnectionState) -> Line {
    let (x1, y1) = from;
    let (x2, y2) = to;
    let path = if y1 == y2 {
        format!("M{x1} {y1}H{x2}")
    } else {
        // It changes its height behind the bar that it passes.
        let (start, end) = (BUS.0 - 6, BUS.0 + BUS.1 + 6);
        let middle = start.midpoint(end);
        format!("M{x1} {y1}H{start}C{middle} {y1} {middle} {y2} {end} {y2}H{x2}")
    };
    let arrow = if x2 > x1 { format!("M{x2} {y2}l-8 -4.5v9z") } else { format!("M{x2} {y2}l8 -4.5v9z") };
    let width = measured(&text, NOTE) + 11;
    let middle = level.0.midpoint(level.1);
    Line {
        path,
        arrow,
        class: state.class(),
        label: text,
        label_x: middle.saturating_sub(width / 2),
        label_y: y2.saturating_sub(9),
        label_width: width,
        text_x: middle,
        text_y: y2 + 4,
    }
}

/// One client and its servers: itself a bar on the left.
fn fan(stack: &StackView, client: &str) -> Canvas {
    const BAR: (u32, u32) = (2, 20);
    const HEAD: (u32, u32) = (2, 122);
    const RIGHT: (u32, u32) = (196, 162);
    let (mut y, mut shapes, mut lines) = (TOP + ROW, Vec::new(), Vec::new());
    for one in &stack.connections {
        let level = y + ROW / 2 - GAP / 2;
        let node = NodeView { name: one.to.clone(), note: String::new(), column: Column::Service };
        shapes.push(shape(&node, RIGHT.0, y, RIGHT.1, ROW - GAP));
        let (x1, x2) = (BAR.0 + BAR.1, RIGHT.0);
        lines.push(line((x1, level), (x2, level), (x1, x2), label(one, false), one.state));
        y += ROW;
    }
    let node = |name: &str| NodeView { name: name.to_owned(), note: String::new(), column: Column::Bus };
    shapes.push(shape(&node(""), BAR.0, TOP, BAR.1, y - GAP - TOP));
    shapes.push(shape(&node(client), HEAD.0, TOP, HEAD.1, ROW - GAP / 2));
    Canvas {
        id: "fan".to_owned(),
        caption: String::new(),
        title: format!("Connections of {client}"),
        about: "The table below has the same content.".to_owned(),
        width: 360,
        height: y,
        shapes,
        lines,
    }
}

/// Server by server, each of its own deployment: its clients left, itself a bar on the right.
fn groups(stack: &StackView) -> Vec<Canvas> {
    const LEFT: (u32, u32) = (2, 156);
    const HEAD: (u32, u32) = (214, 144);
    const BAR: (u32, u32) = (338, 20);
    let mut servers: Vec<(&str, &str)> = Vec::new();
    for one in &stack.connections {
        let server = (one.deployment.as_str(), one.to.as_str());
        if !servers.contains(&server) {
            servers.push(server);
        }
    }
    let node = |name: &str, column: Column| {
        let note = stack.nodes.iter().find(|node| node.name == name).map_or("", |node| node.note.as_str());
        NodeView { name: name.to_owned(), note: note.to_owned(), column }
    };
    let mut all = Vec::new();
    for (index, (deployment, server)) in servers.iter().enumerate() {
        let (mut y, mut shapes, mut lines) = (TOP + ROW, Vec::new(), Vec::new());
        let mut open: Option<(&str, u32)> = None;
        for one in stack.connections.iter().filter(|one| one.to == *server && one.deployment == *deployment) {
            if let Some((name, top)) = open.filter(|(name, _)| *name != one.from) {
                shapes.push(shape(&node(name, Column::Client), LEFT.0, top, LEFT.1, y - GAP - top));
                open = None;
            }
            open = open.or(Some((&one.from, y)));
            let level = y + ROW / 2 - GAP / 2;
            let (x1, x2) = (LEFT.0 + LEFT.1, BAR.0);
            lines.push(line((x1, level), (x2, level), (x1, x2), label(one, false), one.state));
            y += ROW;
        }
        if let Some((name, top)) = open {
            shapes.push(shape(&node(name, Column::Client), LEFT.0, top, LEFT.1, y - GAP - top));
        }
        shapes.push(shape(
            &NodeView { name: String::new(), ..node(server, Column::Bus) },
            BAR.0,
            TOP,
            BAR.1,
            y - GAP - TOP,
        ));
        shapes.push(shape(&node(server, Column::Bus), HEAD.0, TOP, HEAD.1, ROW - GAP / 2));
        all.push(Canvas {
            id: format!("group-{index}"),
            caption: (*deployment).to_owned(),
            title: match *deployment {
                "" => format!("Connections to {server}"),
                deployment => format!("Connections to {server} of {deployment}"),
            },
            about: "The table below has the same content.".to_owned(),
            width: 360,
            height: y,
            shapes,
            lines,
        });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_keeps_both_of_its_ends() {
        let short = fit("deployment/cordum-api-gateway", 124, NAME);
        assert!(short.starts_with("deploy") && short.ends_with("ateway") && short.contains('…'), "{short}");
        assert!(measured(&short, NAME) <= 124);
        assert_eq!(fit("workflow-engine", 124, NAME), "workflow-engine");
        assert_eq!(fit("wwwwww", 4, NAME), "…");
        let long = "x".repeat(100_000);
        assert!(fit(&long, 124, NAME).chars().count() < 20);
    }

    #[test]
    fn what_is_usual_fits_between_two_columns_and_into_a_box() {
        for cause in ["unknown-authority", "scheme-mismatch", "bad-certificate", "Redis log is clean"] {
            let text = fit(cause, LABEL - measured("\u{2717} ", NOTE), NOTE);
            assert_eq!(text, cause);
        }
        assert!(measured("workflow-engine \u{d7}3", NAME) <= 146);
    }
}
