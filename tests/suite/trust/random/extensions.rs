//! The extensions of a random certificate.

use super::super::make::{oid, seq, tlv};
use super::pools::{ADDRESSES, DNS, DOMAINS, EKUS, EMAILS, MAILBOXES, NETWORKS, POLICIES, URIS};
use super::{Entity, Maker, Role, Subject};

impl Maker<'_> {
    fn general_name(&mut self) -> Vec<u8> {
        // Email, URI and odd forms spoil a chain with constraints: not too many of them.
        match self.random.below(16) {
            0 => tlv(0x81, self.random.pick(EMAILS).as_bytes()),
            1 => tlv(0x86, self.random.pick(URIS).as_bytes()),
            2 => tlv(0x87, self.random.pick(ADDRESSES)),
            3 => tlv(0x81, self.random.pick(&["a@example", "a@host.example", "b@other.test"]).as_bytes()),
            4 => tlv(0x86, self.random.pick(&["https://host.example/", "spiffe://example/a"]).as_bytes()),
            5 | 6 => tlv(0x87, self.random.pick(&ADDRESSES[..9])),
            7 if self.random.once_in(4) => tlv(0xa4, &seq(&[])),
            8 if self.random.once_in(4) => {
                tlv(0xa0, &[&oid("1.2.3")[..], &tlv(0xa0, &tlv(12, b"x"))].concat())
            }
            9 if self.random.once_in(4) => tlv(0x88, &[0x2a, 3]),
            10 | 11 => tlv(0x82, self.random.pick(DNS).as_bytes()),
            _ => tlv(
                0x82,
                self.random.pick(&["host.example", "*.example", "a.b.example", "b.example"]).as_bytes(),
            ),
        }
    }

    fn alternative_names(&mut self) -> Vec<u8> {
        let mut names = Vec::new();
        if !(self.odd(Subject::Names) && self.random.once_in(2)) {
            names.push(tlv(0x82, b"host.example"));
        }
        if self.odd(Subject::Names) || self.odd(Subject::Constraints) {
            for _ in 0..self.random.below(4) {
                names.push(self.general_name());
            }
        }
        tlv(0x30, &names.concat())
    }

    fn subtree(&mut self) -> Vec<u8> {
        let base = match self.random.below(12) {
            0..=4 => tlv(0x82, self.random.pick(DOMAINS).as_bytes()),
            5 | 6 => {
                let (ip, mask) = NETWORKS[self.random.below(NETWORKS.len())];
                tlv(0x87, &[ip, mask].concat())
            }
            7 => tlv(0x81, self.random.pick(DOMAINS).as_bytes()),
            8 => tlv(0x81, self.random.pick(MAILBOXES).as_bytes()),
            9 => tlv(0x86, self.random.pick(DOMAINS).as_bytes()),
            10 if self.random.once_in(3) => tlv(0xa4, &seq(&[])),
            _ => {
                tlv(0x82, self.random.pick(&["example", ".example", "host.example", "other.test"]).as_bytes())
            }
        };
        let more: &[u8] = if self.random.once_in(20) { &[0x80, 1, 0] } else { &[] };
        seq(&[&base, more])
    }

    fn name_constraints(&mut self) -> Vec<u8> {
        let mut list = |tag: u8, most: usize| {
            let count = self.random.below(most);
            let all: Vec<Vec<u8>> = (0..count).map(|_| self.subtree()).collect();
            if count == 0 && !self.random.once_in(20) { Vec::new() } else { tlv(tag, &all.concat()) }
        };
        let (permitted, excluded) = (list(0xa0, 5), list(0xa1, 4));
        seq(&[&permitted, &excluded])
    }

    fn policies(&mut self, extensions: &mut Vec<(String, bool, Vec<u8>)>) {
        let mut chosen: Vec<&str> = Vec::new();
        for _ in 0..=self.random.below(3) {
            chosen.push(self.random.pick(POLICIES));
        }
        if !self.random.once_in(20) {
            chosen.sort_unstable();
            chosen.dedup();
        }
        let list: Vec<Vec<u8>> = chosen.iter().map(|policy| seq(&[&oid(policy)])).collect();
        if !self.random.once_in(6) {
            extensions.push(("2.5.29.32".to_owned(), self.random.once_in(2), tlv(0x30, &list.concat())));
        }
        if self.random.once_in(3) {
            let number = [0, 1, 2, 0xff, 5][self.random.below(5)];
            let explicit = if self.random.once_in(4) { Vec::new() } else { tlv(0x80, &[number]) };
            let inhibit =
                if self.random.once_in(2) { Vec::new() } else { tlv(0x81, &[self.random.below(3) as u8]) };
            extensions.push(("2.5.29.36".to_owned(), true, seq(&[&explicit, &inhibit])));
        }
        if self.random.once_in(3) {
            let pairs: Vec<Vec<u8>> = (0..=self.random.below(3))
                .map(|_| seq(&[&oid(self.random.pick(POLICIES)), &oid(self.random.pick(POLICIES))]))
                .collect();
            extensions.push(("2.5.29.33".to_owned(), true, tlv(0x30, &pairs.concat())));
        }
        if self.random.once_in(4) {
            extensions.push(("2.5.29.54".to_owned(), true, tlv(2, &[self.random.below(3) as u8])));
        }
    }

    fn ekus(&mut self) -> Vec<u8> {
        let list: Vec<Vec<u8>> = (0..self.random.below(4)).map(|_| oid(self.random.pick(EKUS))).collect();
        tlv(0x30, &list.concat())
    }

    fn basic(&mut self, role: Role) -> Option<Vec<u8>> {
        let ca: &[u8] = &[1, 1, 0xff];
        let usual = if role == Role::Leaf { seq(&[]) } else { seq(&[ca]) };
        if !self.odd(Subject::Lengths) {
            return (role != Role::Leaf || self.random.once_in(2)).then_some(usual);
        }
        match self.random.below(12) {
            0 => None,
            1 => Some(seq(&[])),
            2 => Some(seq(&[&[1, 1, 0]])),
            3 => Some(seq(&[&[1, 1, 1]])),
            4 => Some(seq(&[&tlv(2, &[0])])),
            5 => Some(seq(&[ca, &tlv(2, &[0xff])])),
            6 => Some(seq(&[ca, &tlv(2, &[0, 0xff, 0xff, 0xff, 0xff])])),
            7 => Some(seq(&[ca, &tlv(2, &[0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])])),
            8 => Some(seq(&[ca])),
            _ => Some(seq(&[ca, &tlv(2, &[self.random.below(4) as u8])])),
        }
    }

    pub(super) fn extensions(
        &mut self,
        role: Role,
        own: &Entity,
        signer: &Entity,
    ) -> Vec<(String, bool, Vec<u8>)> {
        let mut all: Vec<(String, bool, Vec<u8>)> = Vec::new();
        let mut push = |id: &str, critical: bool, value: Vec<u8>| all.push((id.to_owned(), critical, value));
        if let Some(basic) = self.basic(role) {
            push("2.5.29.19", !self.random.once_in(3), basic);
        }
        if self.odd(Subject::Usage) || self.random.once_in(3) {
            let usual: &[u8] = if role == Role::Leaf { &[7, 0x80] } else { &[1, 6] };
            let odd: &[&[u8]] =
                &[&[7, 0x80], &[0], &[0, 0], &[1, 2], &[2, 4], &[7, 0, 0x80], &[1, 7], &[9, 1], &[]];
            let value = if self.odd(Subject::Usage) { self.random.pick(odd) } else { usual };
            push("2.5.29.15", true, tlv(3, value));
        }
        if role == Role::Leaf || self.odd(Subject::Usage) {
            let server = seq(&[&oid(EKUS[0])]);
            let value = if self.odd(Subject::Usage) { self.ekus() } else { server };
            push("2.5.29.37", self.random.once_in(4), value);
        }
        if role == Role::Leaf && !(self.odd(Subject::Names) && self.random.once_in(5))
            || self.odd(Subject::Paths)
        {
            let value = self.alternative_names();
            push("2.5.29.17", self.random.once_in(4), value);
        }
        if (role != Role::Leaf && self.odd(Subject::Constraints))
            || self.odd(Subject::Constraints) && self.random.once_in(8)
        {
            let value = self.name_constraints();
            push("2.5.29.30", !self.random.once_in(3), value);
        }
        if self.odd(Subject::Form) || self.odd(Subject::Paths) || self.random.once_in(3) {
            let key = |entity: &Entity| vec![entity.key as u8, entity.name.len() as u8];
            let odd = self.odd(Subject::Form);
            let value = match self.random.below(5) {
                0 if odd => vec![0x30, 1],
                1 if odd => seq(&[&tlv(0xa1, &tlv(0x82, b"x")), &tlv(0x82, &[1])]),
                2 if odd => seq(&[&tlv(0x80, &[9, 9])]),
                _ => seq(&[&tlv(0x80, &key(signer))]),
            };
            push("2.5.29.35", odd && self.random.once_in(4), value);
            let value = if odd && self.random.once_in(3) { vec![4, 3, 1] } else { tlv(4, &key(own)) };
            push("2.5.29.14", odd && self.random.once_in(4), value);
        }
        if self.subject == Subject::Policies || self.odd(Subject::Policies) {
            self.policies(&mut all);
        }
        if self.odd(Subject::Form) {
            let value = match self.random.below(3) {
                0 => vec![5, 0],
                1 => seq(&[&seq(&[&oid("1.3.6.1.5.5.7.48.1"), &tlv(0x86, b"http://x/")])]),
                _ => seq(&[&seq(&[&tlv(0xa0, &tlv(0xa0, &tlv(0x86, b"http://x/")))])]),
            };
            let ids = [
                "1.2.3.4",
                "1.3.6.1.5.5.7.1.1",
                "2.5.29.31",
                "2.5.29.18",
                "2.5.29.9",
                "2.5.29.46",
                "2.5.29.99",
            ];
            all.push((ids[self.random.below(ids.len())].to_owned(), self.random.once_in(2), value));
        }
        if self.odd(Subject::Form) && self.random.once_in(4) && !all.is_empty() {
            let twice = self.random.below(all.len());
            let twice = all[twice].clone();
            all.push(twice);
        }
        all
    }
}
