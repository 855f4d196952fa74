//! Random chains: several roots of one name, cross-signs, loops, and every certificate odd in its own way.

use super::make::{Key, Odd, Plan, Random, Signing, bits, oid, seq, tlv};
use super::spec::{DAY, NOW, Row};

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

const DNS: &[&str] = &[
    "host.example",
    "HOST.Example",
    "*.example",
    "a.b.example",
    "*.b.example",
    "host.example.",
    ".example",
    "",
    "*",
    "*.",
    "*.*.example",
    "h*.example",
    "*h.example",
    "x_y.example",
    "-a.example",
    "a-.example",
    "a-b.example",
    "127.0.0.1",
    "xn--e1afmkfd.example",
    "*.xn--e1afmkfd.example",
    "p\u{fc}.example",
    "host..example",
    "host example",
    "a.host.example",
    "host.example:443",
    "host.example/",
    "example",
    "localhost",
    "a.*.example",
    "*.host.example",
    "other.test",
    "*.test",
    "[::1]",
    "::1",
    "b.example",
    "ahost.example",
    "host-example",
    "@",
    ".",
    "..",
    "*..example",
    "*.-a.example",
    "a_.b",
    "*.A.b.Example",
    "HOST",
    "host",
    "0x7f.1",
    "1.1.1.1.",
    "a.b.c.d.e.f",
];
const EMAILS: &[&str] = &[
    "a@example",
    "a@host.example",
    "A@EXAMPLE",
    "\"a b\"@example",
    "\"a\\\"b\"@example",
    "@example",
    "a",
    "a@b@c",
    ".a@example",
    "a..b@example",
    "a@",
    "a@.example",
    "a@example.",
    "a\\@b@example",
    "a b@example",
    "b@other.test",
    "a@a.b.example",
    "\"a\"@example",
    "a+b@example",
    "a@*.example",
    "",
    "a\u{e9}@example",
];
const URIS: &[&str] = &[
    "https://host.example/",
    "https://HOST.example:443/x",
    "spiffe://example/a/b",
    "urn:x:y",
    "https://127.0.0.1/",
    "https://[::1]/",
    "https://[::1]:443/",
    "https://user@host.example/",
    "https://user:p%40ss@host.example/",
    "//host.example/x",
    "/x",
    "",
    "https://",
    "https:///x",
    "https://host..example/",
    "https://host.example./",
    "https://.example/",
    "https://*.example/",
    "https://host.example:/",
    "https://host.example:a/",
    "x://a:1:2/",
    "https://a:1:2/",
    "https://host%41.example/",
    "https://h%C3%A9.example/",
    "https://host.example/%zz",
    "a:b%zz",
    "https://host.example?%zz",
    "https://host.example#%zz",
    "1a:b",
    ":x",
    "a b",
    "https://a b/",
    "mailto:a@example",
    "https://other.test/",
    "https://a.host.example/",
    "ldap://host.example:389/cn=x",
    "x://a]/",
    "x://a]:1/",
    "x://[::1%25en0]/",
    "https://127.1/",
    "https://0x7f000001/",
    "*",
    "https://u<er@host.example/",
    "https://b.example",
];
const DOMAINS: &[&str] = &[
    "example",
    ".example",
    "host.example",
    "EXAMPLE",
    "",
    "*.example",
    "example.",
    "..",
    "xample",
    "b.example",
    ".b.example",
    "a.b.example",
    "-example",
    "host-example",
    "other.test",
    "test",
    ".",
    "a..b",
    ".host.example",
    "ost.example",
    "x y",
    "localhost",
    "xn--e1afmkfd.example",
    ".Host.Example",
    "p\u{fc}",
    "a-b.example",
    "127.0.0.1",
];
const MAILBOXES: &[&str] = &[
    "a@example",
    "A@example",
    "a@EXAMPLE",
    "\"a\"@example",
    "@example",
    "a@",
    "a@b@c",
    "a@.example",
    "b@other.test",
];
const ADDRESSES: &[&[u8]] = &[
    &[127, 0, 0, 1],
    &[10, 0, 0, 5],
    &[10, 0, 0, 1],
    &[9, 1, 2, 3],
    &[192, 168, 1, 1],
    &[0; 16],
    &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
    &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 5],
    &[0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
    &[],
    &[1, 2, 3, 4, 5],
];
const NETWORKS: &[(&[u8], &[u8])] = &[
    (&[10, 0, 0, 0], &[255, 0, 0, 0]),
    (&[10, 0, 0, 5], &[255, 0, 0, 0]),
    (&[9, 0, 0, 0], &[255, 0, 0, 0]),
    (&[10, 0, 0, 1], &[255; 4]),
    (&[0; 4], &[0; 4]),
    (&[127, 0, 0, 0], &[255, 0, 0, 0]),
    (&[10, 0, 0, 0], &[255, 255, 0, 0]),
    (&[10, 0, 0, 0], &[255, 0, 255, 0]),
    (&[192, 168, 0, 0], &[255, 255, 0, 0]),
    (&[10, 0, 0, 0], &[0xfc, 0, 0, 0]),
    (&[0; 16], &[0; 16]),
    (&[0; 16], &[255; 16]),
    (
        &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 0],
        &[255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0],
    ),
    (
        &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0],
        &[255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0],
    ),
    (
        &[0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        &[0xff, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ),
    (&[10, 0], &[255, 0]),
    (&[], &[]),
];
const REFERENCES: &[&str] = &[
    "host.example",
    "HOST.EXAMPLE",
    "host.example.",
    "a.b.example",
    "other.test",
    "127.0.0.1",
    "[127.0.0.1]",
    "::1",
    "[::1]",
    "10.0.0.5",
    "::ffff:10.0.0.5",
    "localhost",
    "*.example",
    "",
    ".",
    "..",
    "host..example",
    "x_y.example",
    "-a.example",
    "p\u{fc}.example",
    "xn--e1afmkfd.example",
    "0:0:0:0:0:0:0:1",
    "[host.example]",
    "fe80::1%en0",
    "fe80::1",
    "127.1",
    "010.0.0.5",
    "host.example:443",
    "*",
    "a.*.example",
    "example",
    "HOST",
    "[]",
    "b.example",
    "h\u{130}st.example",
    "1.1.1.1.",
    "::",
    "host example",
    ".example",
    "*.host.example",
    "h*.example",
];
const POLICIES: &[&str] = &["1.2.3.1", "1.2.3.2", "1.2.3.3", "2.5.29.32.0"];
const EKUS: &[&str] = &[
    "1.3.6.1.5.5.7.3.1",
    "1.3.6.1.5.5.7.3.2",
    "2.5.29.37.0",
    "1.3.6.1.5.5.7.3.3",
    "1.2.3.4",
    "1.3.6.1.4.1.311.10.3.3",
    "2.16.840.1.113730.4.1",
    "1.3.6.1.5.5.7.3",
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

    fn time(&mut self, at: i64) -> Vec<u8> {
        let when = time::OffsetDateTime::from_unix_timestamp(at).unwrap();
        let text = |year: String, rest: &str| {
            let clock = (when.hour(), when.minute(), when.second());
            let date = (u8::from(when.month()), when.day());
            format!("{year}{:02}{:02}{:02}{:02}{:02}{rest}", date.0, date.1, clock.0, clock.1, clock.2)
        };
        let short = format!("{:02}", when.year() % 100);
        let long = format!("{:04}", when.year());
        let utc = (1950..2050).contains(&when.year());
        if !self.odd(Subject::Dates) || self.random.once_in(2) {
            return if utc {
                tlv(23, text(short, "Z").as_bytes())
            } else {
                tlv(24, text(long, "Z").as_bytes())
            };
        }
        match self.random.below(12) {
            0 | 1 => tlv(24, text(long, "Z").as_bytes()),
            2 => tlv(24, text(long, ".5Z").as_bytes()),
            3 => tlv(23, text(short, "+0100").as_bytes()),
            4 => tlv(23, text(short, "+0000").as_bytes()),
            5 => tlv(23, text(short, "").as_bytes()),
            6 => tlv(
                23,
                text(short, "Z").as_bytes()[..10].iter().chain(b"Z").copied().collect::<Vec<_>>().as_slice(),
            ),
            7 => tlv(24, text(long, "-1200").as_bytes()),
            8 => tlv(23, b"500101000000Z"),
            9 => tlv(23, b"991231235960Z"),
            10 => tlv(24, b"99991231235959Z"),
            _ => tlv(24, b"00000101000000Z"),
        }
    }

    fn validity(&mut self) -> Vec<u8> {
        let (mut from, mut to) = (NOW - 100 * DAY, NOW + 100 * DAY);
        if self.odd(Subject::Dates) {
            let edges =
                [NOW, NOW - 1, NOW + 1, NOW + DAY, NOW - DAY, 2_524_608_000, 2_524_607_999, 4_000_000_000];
            match self.random.below(4) {
                0 | 1 => to = edges[self.random.below(edges.len())],
                2 => from = edges[self.random.below(edges.len())],
                _ => (from, to) = (to, from),
            }
        }
        let (from, to) = (self.time(from), self.time(to));
        seq(&[&from, &to])
    }

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

    fn extensions(&mut self, role: Role, own: &Entity, signer: &Entity) -> Vec<(String, bool, Vec<u8>)> {
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

    fn certificate(&mut self, role: Role, own: &Entity, signer: &Entity) -> Vec<u8> {
        let mut plan = Plan {
            version: tlv(0xa0, &tlv(2, &[2])),
            serial: vec![1, self.random.next() as u8],
            issuer: signer.name.clone(),
            validity: self.validity(),
            subject: own.name.clone(),
            spki: self.keys[own.key].spki.clone(),
            unique: Vec::new(),
            extensions: self.extensions(role, own, signer),
            signer: &self.keys[signer.key],
            signing: Signing { hash: self.keys[signer.key].usual_hash(), pss: false, odd: Odd::Nothing },
            torn: false,
        };
        if self.keys[signer.key].signs_with_any_hash() {
            plan.signing.pss = self.random.once_in(2);
            plan.signing.hash = [256, 384, 512][self.random.below(3)];
        }
        if self.odd(Subject::Keys) {
            let odds = [
                Odd::Broken,
                Odd::Parameters,
                Odd::Salt,
                Odd::OtherKind,
                Odd::UnknownKind,
                Odd::OtherHash,
                Odd::Mask,
            ];
            plan.signing.odd = odds[self.random.below(odds.len())];
            if self.random.once_in(6) && self.keys[signer.key].signs_with_any_hash() && signer.key != 11 {
                plan.signing = Signing { hash: 1, pss: false, odd: Odd::Nothing };
            }
        }
        if self.odd(Subject::Keys) && self.random.once_in(4) {
            plan.spki = match self.random.below(6) {
                0 => seq(&[&seq(&[&oid("1.3.101.110")]), &bits(&[9; 32])]),
                1 => seq(&[&seq(&[&oid("1.3.101.113")]), &bits(&[9; 57])]),
                2 => seq(&[
                    &seq(&[&oid("1.2.840.113549.1.1.1")]),
                    &bits(&seq(&[&tlv(2, &[3]), &tlv(2, &[3])])),
                ]),
                3 => seq(&[
                    &seq(&[&oid("1.2.840.113549.1.1.1"), &[5, 0]]),
                    &bits(&seq(&[&tlv(2, &[3]), &tlv(2, &[3])])),
                ]),
                4 => seq(&[&seq(&[&oid("1.2.840.10045.2.1"), &oid("1.2.840.10045.3.1.7")]), &bits(&[4; 65])]),
                _ => seq(&[&seq(&[&oid("1.2.840.10045.2.1"), &oid("1.3.132.0.33")]), &bits(&[4; 57])]),
            };
        }
        if self.odd(Subject::Form) {
            match self.random.below(10) {
                0 => plan.version = tlv(0xa0, &tlv(2, &[1])),
                1 => plan.version = Vec::new(),
                2 => plan.version = tlv(0xa0, &tlv(2, &[3])),
                3 => plan.serial = vec![0],
                4 => plan.serial = vec![0xff],
                5 => plan.serial = vec![0x7f; 21 + self.random.below(20)],
                6 => plan.serial = vec![0, 1],
                7 => plan.unique = [tlv(0x81, &[0, 1]), tlv(0x82, &[0, 1])].concat(),
                8 => plan.torn = true,
                _ => plan.unique = tlv(0xa1, &[]),
            }
            if plan.version.is_empty() && self.random.once_in(2) {
                plan.extensions.clear();
            }
        }
        plan.assemble()
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
