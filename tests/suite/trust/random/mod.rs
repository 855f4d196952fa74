//! Random chains: several roots of one name, cross-signs, loops, and every certificate odd in its own way.

mod certificate;
mod extensions;
mod pools;

use super::make::{Key, Odd, Plan, Random, Signing, oid, seq, tlv};
use super::spec::{NOW, Row};

use pools::{ADDRESSES, DNS, REFERENCES};

/// What a chain is odd in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    Names,
    Constraints,
    Policies,
    Usage,
    Lengths,
    Dates,
    Keys,
    Form,
    Paths,
    All,
}

const SUBJECTS: &[Subject] = &[
    Subject::Names,
    Subject::Constraints,
    Subject::Constraints,
    Subject::Policies,
    Subject::Usage,
    Subject::Lengths,
    Subject::Dates,
    Subject::Keys,
    Subject::Form,
    Subject::Paths,
    Subject::All,
];

pub(super) struct Maker<'a> {
    pub(super) random: Random,
    pub(super) keys: &'a [Key],
    subject: Subject,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Leaf,
    Authority,
    Anchor,
}

/// A name and a key.
#[derive(Clone)]
struct Entity {
    name: Vec<u8>,
    key: usize,
}

impl<'a> Maker<'a> {
    pub(super) fn new(seed: u64, keys: &'a [Key]) -> Self {
        Self { random: Random(seed), keys, subject: Subject::All }
    }

    /// Whether this one is odd: often where the chain is about it, seldom elsewhere.
    fn odd(&mut self, subject: Subject) -> bool {
        let n = match self.subject {
            Subject::All => 12,
            own if own == subject => 3,
            _ => 150,
        };
        self.random.once_in(n)
    }

    fn dn(&mut self) -> Vec<u8> {
        let text = self.random.pick(&["A", "B", "C"]);
        let odd = self.odd(Subject::Form) && self.random.once_in(2);
        let attribute = |tag: u8, value: &[u8]| tlv(0x31, &seq(&[&oid("2.5.4.3"), &tlv(tag, value)]));
        if !odd {
            return seq(&[&attribute(12, text.as_bytes())]);
        }
        match self.random.below(9) {
            0 => seq(&[]),
            1 => seq(&[&attribute(19, text.as_bytes())]),
            2 => seq(&[&attribute(20, b"\xe9")]),
            3 => seq(&[&attribute(30, &[0, b'A'])]),
            4 => seq(&[&attribute(30, &[0xd8, 0])]),
            5 => seq(&[&attribute(12, &[0xff])]),
            6 => seq(&[&attribute(19, b"a*b&c")]),
            7 => seq(&[&attribute(19, b"a_b")]),
            _ => seq(&[&attribute(12, b"A"), &attribute(22, b"B"), &attribute(18, b"1 2")]),
        }
    }

    fn key(&mut self, role: Role) -> usize {
        if !self.odd(Subject::Keys) {
            return self.random.below(8);
        }
        // RSA below 1025 bits is slow to sign with here, and DSA signs nothing.
        match (role, self.random.below(10)) {
            (_, n @ 0..=4) => n + 7,
            (Role::Leaf, n) => n + 7,
            (_, 5) => 12,
            (_, 6) => 13,
            (_, 7) => 14,
            (_, 8) => 15,
            _ => 16,
        }
    }

    /// A leaf, what is sent with it, what is trusted, and the question.
    pub(super) fn row(&mut self, index: usize) -> Row {
        self.subject = SUBJECTS[self.random.below(SUBJECTS.len())];
        let length = self.random.below(4);
        let mut entities: Vec<Entity> = Vec::new();
        for _ in 0..=length {
            let (name, key) = (self.dn(), self.key(Role::Authority));
            entities.push(Entity { name, key });
        }
        let name = if self.random.once_in(40) { entities[length].name.clone() } else { self.dn() };
        let leaf = Entity { name, key: self.key(Role::Leaf) };
        let anchor = entities[0].clone();
        let signer = if self.random.once_in(60) { leaf.clone() } else { anchor.clone() };
        let mut roots = vec![self.certificate(Role::Anchor, &anchor, &signer)];
        let mut intermediates = Vec::new();
        for at in 1..=length {
            let (own, above) = (entities[at].clone(), entities[at - 1].clone());
            intermediates.push(self.certificate(Role::Authority, &own, &above));
        }
        // What leads astray, or round in circles, or by another way.
        let astray = if self.subject == Subject::Paths { 6 } else { 1 };
        for _ in 0..self.random.below(astray + 1) {
            let any = |maker: &mut Self| {
                let at = maker.random.below(entities.len());
                entities[at].clone()
            };
            let mut own = any(self);
            let above = any(self);
            if self.random.once_in(3) {
                own.key = self.key(Role::Authority);
            }
            let one = self.certificate(Role::Authority, &own, &above);
            match self.random.below(4) {
                0 => roots.push(one),
                1 => roots.insert(0, one),
                2 => intermediates.push(one),
                _ => intermediates.insert(0, one),
            }
        }
        let mut of_leaf = self.certificate(Role::Leaf, &leaf, &entities[length].clone());
        if self.odd(Subject::Paths) {
            match self.random.below(6) {
                0 => roots.push(of_leaf.clone()),
                1 => of_leaf.clone_from(&roots[0]),
                2 => intermediates.push(roots[0].clone()),
                3 => intermediates.push(of_leaf.clone()),
                4 if !intermediates.is_empty() => {
                    let at = self.random.below(intermediates.len());
                    roots.push(intermediates[at].clone());
                }
                _ => {
                    roots.remove(0);
                }
            }
        }
        let name = if self.odd(Subject::Names) {
            self.random.pick(REFERENCES)
        } else if self.random.once_in(4) {
            ""
        } else {
            "host.example"
        };
        Row {
            rule: format!("random chain {index} about {:?}", self.subject),
            leaf: of_leaf,
            intermediates,
            roots,
            at: NOW,
            name: name.to_owned(),
            client: self.odd(Subject::Usage) && self.random.once_in(2),
            accepted: false,
        }
    }

    /// A leaf with many names, and the names that it is asked for.
    pub(super) fn named(&mut self) -> (Vec<u8>, Vec<String>) {
        self.subject = Subject::Paths;
        let own = Entity { name: seq(&[]), key: 0 };
        let mut plan = Plan {
            version: tlv(0xa0, &tlv(2, &[2])),
            serial: vec![1],
            issuer: own.name.clone(),
            validity: seq(&[&tlv(23, b"200101000000Z"), &tlv(23, b"400101000000Z")]),
            subject: own.name.clone(),
            spki: self.keys[0].spki.clone(),
            unique: Vec::new(),
            extensions: Vec::new(),
            signer: &self.keys[0],
            signing: Signing { hash: 256, pss: false, odd: Odd::Nothing },
            torn: false,
        };
        let mut names = Vec::new();
        for _ in 0..=self.random.below(4) {
            names.push(match self.random.below(4) {
                0 => tlv(0x87, self.random.pick(&ADDRESSES[..9])),
                _ => tlv(0x82, self.label_soup().replace(|c: char| !c.is_ascii(), "").as_bytes()),
            });
        }
        plan.extensions.push(("2.5.29.17".to_owned(), false, tlv(0x30, &names.concat())));
        let asked = (0..40).map(|_| {
            if self.random.once_in(3) { self.random.pick(REFERENCES).to_owned() } else { self.label_soup() }
        });
        let asked = asked.collect();
        (plan.assemble(), asked)
    }

    fn label_soup(&mut self) -> String {
        if self.random.once_in(3) {
            return self.random.pick(DNS).to_owned();
        }
        let labels = [
            "a", "b", "*", "A", "", "a*", "-a", "a-", "_", "xn--a", "1", "example", "EXAMPLE", "*a",
            "\u{fc}", "a b",
        ];
        let mut text = String::new();
        for at in 0..=self.random.below(4) {
            if at > 0 {
                text.push('.');
            }
            let usual = !self.random.once_in(3);
            text.push_str(if usual {
                self.random.pick(&["a", "b", "example", "*"])
            } else {
                self.random.pick(&labels)
            });
        }
        if self.random.once_in(8) {
            text.push('.');
        }
        text
    }
}
