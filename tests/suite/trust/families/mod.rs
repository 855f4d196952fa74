//! The odd cases that suites of chains are known for, by family: forms that RFC 5280 and the web's rules
//! forbid, and what Go makes of each.

mod anchors;
mod leaves;
mod paths;

use super::make::{Key, Odd, Plan, Signing, keys, oid, seq, tlv};
use super::spec::{DAY, NOW, Row};

fn dn(text: &str) -> Vec<u8> {
    if text.is_empty() {
        return seq(&[]);
    }
    seq(&[&tlv(0x31, &seq(&[&oid("2.5.4.3"), &tlv(12, text.as_bytes())]))])
}

fn validity(from: i64, to: i64) -> Vec<u8> {
    let time = |at: i64| {
        let at = time::OffsetDateTime::from_unix_timestamp(at).unwrap();
        let text = format!(
            "{:02}{:02}{:02}{:02}{:02}{:02}Z",
            at.year() % 100,
            u8::from(at.month()),
            at.day(),
            at.hour(),
            at.minute(),
            at.second()
        );
        tlv(23, text.as_bytes())
    };
    seq(&[&time(from), &time(to)])
}

const SAN: &str = "2.5.29.17";
const NC: &str = "2.5.29.30";

struct Makers {
    keys: Vec<Key>,
}

type Change<'a> = &'a dyn Fn(&mut Plan<'_>);

impl Makers {
    fn plan<'a>(&'a self, own: (&str, usize), by: (&str, usize), ca: bool) -> Plan<'a> {
        let mut extensions = Vec::new();
        let mut push =
            |id: &str, critical: bool, value: Vec<u8>| extensions.push((id.to_owned(), critical, value));
        if ca {
            push("2.5.29.19", true, seq(&[&[1, 1, 0xff]]));
            push("2.5.29.15", true, tlv(3, &[1, 6]));
        } else {
            push("2.5.29.37", false, seq(&[&oid("1.3.6.1.5.5.7.3.1")]));
            push(SAN, false, seq(&[&tlv(0x82, b"host.example")]));
        }
        Plan {
            version: tlv(0xa0, &tlv(2, &[2])),
            serial: vec![1, 2, 3],
            issuer: dn(by.0),
            validity: validity(NOW - 10 * DAY, NOW + 10 * DAY),
            subject: dn(own.0),
            spki: self.keys[own.1].spki.clone(),
            unique: Vec::new(),
            extensions,
            signer: &self.keys[by.1],
            signing: Signing { hash: self.keys[by.1].usual_hash(), pss: false, odd: Odd::Nothing },
            torn: false,
        }
    }

    /// A leaf under an anchor, or with `middle` under an intermediate, each changed.
    fn row(
        &self,
        rule: &str,
        accepted: bool,
        name: &str,
        changes: [Option<Change<'_>>; 3],
        key: usize,
    ) -> Row {
        let [of_root, of_middle, of_leaf] = changes;
        let make = |mut plan: Plan<'_>, change: Option<Change<'_>>| {
            if let Some(change) = change {
                change(&mut plan);
            }
            plan.assemble()
        };
        let root = make(self.plan(("root", key), ("root", key), true), of_root);
        let middle =
            of_middle.map(|change| make(self.plan(("middle", 1), ("root", key), true), Some(change)));
        let by = if middle.is_some() { ("middle", 1) } else { ("root", key) };
        let leaf = make(self.plan(("leaf", 2), by, false), of_leaf);
        Row {
            rule: rule.to_owned(),
            leaf,
            intermediates: middle.into_iter().collect(),
            roots: vec![root],
            at: NOW,
            name: name.to_owned(),
            client: false,
            accepted,
        }
    }
}

fn replace(plan: &mut Plan<'_>, id: &str, critical: bool, value: Vec<u8>) {
    plan.extensions.retain(|(own, ..)| own != id);
    plan.extensions.push((id.to_owned(), critical, value));
}

fn without(plan: &mut Plan<'_>, id: &str) {
    plan.extensions.retain(|(own, ..)| own != id);
}

fn dns(names: &[&str]) -> Vec<u8> {
    let names: Vec<Vec<u8>> = names.iter().map(|name| tlv(0x82, name.as_bytes())).collect();
    tlv(0x30, &names.concat())
}

/// permittedSubtrees and excludedSubtrees of these names.
fn subtrees(permitted: &[Vec<u8>], excluded: &[Vec<u8>]) -> Vec<u8> {
    let list = |tag: u8, names: &[Vec<u8>]| {
        let all: Vec<Vec<u8>> = names.iter().map(|name| seq(&[name])).collect();
        if names.is_empty() { Vec::new() } else { tlv(tag, &all.concat()) }
    };
    seq(&[&list(0xa0, permitted), &list(0xa1, excluded)])
}

/// What most leaves are asked for, and named in all that have the usual SAN.
const HOST: &str = "host.example";

pub(super) fn rows() -> Vec<Row> {
    let made = Makers { keys: keys() };
    let mut rows = leaves::rows(&made);
    rows.extend(anchors::rows(&made));
    rows.extend(paths::rows(&made));
    rows
}
