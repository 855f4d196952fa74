//! One random certificate: its dates, its keys, its signature and its form.

use super::super::make::{Odd, Plan, Signing, bits, oid, seq, tlv};
use super::super::spec::{DAY, NOW};
use super::{Entity, Maker, Role, Subject};

impl Maker<'_> {
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

    pub(super) fn certificate(&mut self, role: Role, own: &Entity, signer: &Entity) -> Vec<u8> {
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
}
