//! Leaves: their form, their extensions and their names.

use super::super::make::{Odd, Plan, oid, seq, tlv};
use super::super::spec::{DAY, NOW, Row};
use super::{Change, HOST, Makers, NC, SAN, dn, dns, replace, subtrees, validity, without};

pub(super) fn rows(made: &Makers) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut of_leaf = |rule: &str, accepted: bool, change: Change<'_>| {
        rows.push(made.row(rule, accepted, HOST, [None, None, Some(change)], 0));
    };
    // Form.
    of_leaf("a serial number of zero", true, &|p| p.serial = vec![0]);
    of_leaf("a serial number of 21 octets", true, &|p| p.serial = vec![0x7f; 21]);
    of_leaf("a negative serial number is not parsed", false, &|p| p.serial = vec![0xff, 0]);
    of_leaf("a serial number that is not minimal is not parsed", false, &|p| p.serial = vec![0, 1]);
    of_leaf("version 1 with extensions: they are not read, so there is no name", false, &|p| {
        p.version.clear()
    });
    of_leaf("version 4 is not parsed", false, &|p| p.version = tlv(0xa0, &tlv(2, &[3])));
    of_leaf("an empty subject and a SAN that is not critical", true, &|p| p.subject = dn(""));
    of_leaf("the outer algorithm is another than the inner one", false, &|p| p.torn = true);
    of_leaf("unique identifiers", true, &|p| p.unique = [tlv(0x81, &[0, 1]), tlv(0x82, &[0, 1])].concat());
    of_leaf("an extension twice", false, &|p| p.extensions.push(p.extensions[0].clone()));
    of_leaf("a date in GeneralizedTime before 2050", true, &|p| {
        p.validity = seq(&[&tlv(24, b"20200101000000Z"), &tlv(24, b"20400101000000Z")]);
    });
    of_leaf("a fraction of a second in a date is not parsed", false, &|p| {
        p.validity = seq(&[&tlv(24, b"20200101000000.5Z"), &tlv(24, b"20400101000000Z")]);
    });
    of_leaf("a date with a zone is parsed", true, &|p| {
        p.validity = seq(&[&tlv(23, b"200101000000+0100"), &tlv(23, b"400101000000Z")]);
    });
    of_leaf("a date without seconds is parsed", true, &|p| {
        p.validity = seq(&[&tlv(23, b"2001010000Z"), &tlv(23, b"400101000000Z")]);
    });
    of_leaf("notAfter before notBefore", false, &|p| p.validity = validity(NOW + DAY, NOW - DAY));
    of_leaf("year 9999", true, &|p| {
        p.validity = seq(&[&tlv(23, b"200101000000Z"), &tlv(24, b"99991231235959Z")]);
    });
    // Extensions of a leaf.
    of_leaf("no SAN at all", false, &|p| without(p, SAN));
    of_leaf("an empty SAN", false, &|p| replace(p, SAN, false, seq(&[])));
    of_leaf("a critical SAN", true, &|p| replace(p, SAN, true, dns(&["host.example"])));
    of_leaf("a SAN that is no sequence", false, &|p| replace(p, SAN, false, vec![4, 0]));
    of_leaf("a critical SAN of an otherName alone is unhandled", false, &|p| {
        replace(p, SAN, true, seq(&[&tlv(0xa0, &[&oid("1.2.3")[..], &tlv(0xa0, &tlv(12, b"x"))].concat())]));
    });
    of_leaf("an IP address of five octets is not parsed", false, &|p| {
        replace(p, SAN, false, seq(&[&tlv(0x82, b"host.example"), &tlv(0x87, &[1; 5])]));
    });
    of_leaf("a DNS name that is not ASCII is not parsed", false, &|p| {
        replace(p, SAN, false, seq(&[&tlv(0x82, b"host.example"), &tlv(0x82, "b\u{fc}".as_bytes())]));
    });
    of_leaf("a malformed DNS name beside the right one", true, &|p| {
        replace(p, SAN, false, dns(&["host.example", "a..b", "-", "*.*", "x y"]));
    });
    of_leaf("a URI that Go does not parse", false, &|p| {
        replace(p, SAN, false, seq(&[&tlv(0x82, b"host.example"), &tlv(0x86, b"https://a b/")]));
    });
    of_leaf("a critical EKU", true, &|p| replace(p, "2.5.29.37", true, seq(&[&oid("1.3.6.1.5.5.7.3.1")])));
    of_leaf("an empty EKU is as none", true, &|p| replace(p, "2.5.29.37", false, seq(&[])));
    of_leaf("Netscape's server gated crypto is not serverAuth", false, &|p| {
        replace(p, "2.5.29.37", false, seq(&[&oid("2.16.840.1.113730.4.1")]));
    });
    of_leaf("keyCertSign on a leaf", true, &|p| replace(p, "2.5.29.15", true, tlv(3, &[2, 4])));
    of_leaf("a critical authority key identifier is not parsed", false, &|p| {
        replace(p, "2.5.29.35", true, seq(&[&tlv(0x80, &[1])]));
    });
    of_leaf("a critical subject key identifier is not parsed", false, &|p| {
        replace(p, "2.5.29.14", true, tlv(4, &[1]));
    });
    of_leaf("an authority key identifier that fits no key", true, &|p| {
        replace(p, "2.5.29.35", false, seq(&[&tlv(0x80, &[9; 20])]));
    });
    of_leaf("an authority key identifier of issuer and serial", true, &|p| {
        replace(p, "2.5.29.35", false, seq(&[&tlv(0xa1, &tlv(0x82, b"x")), &tlv(0x82, &[1])]));
    });
    of_leaf("a malformed authority information access", false, &|p| {
        replace(p, "1.3.6.1.5.5.7.1.1", false, vec![4, 1, 0]);
    });
    of_leaf("a critical authority information access is not parsed", false, &|p| {
        replace(p, "1.3.6.1.5.5.7.1.1", true, seq(&[]));
    });
    of_leaf("name constraints on a leaf say nothing", true, &|p| {
        replace(p, NC, true, subtrees(&[tlv(0x82, b"other.test")], &[]));
    });
    of_leaf("a critical issuerAltName is unhandled", false, &|p| {
        replace(p, "2.5.29.18", true, dns(&["x"]));
    });
    of_leaf("a critical extension of the PKIX arc is unhandled", false, &|p| {
        replace(p, "1.3.6.1.5.5.7.1.24", true, seq(&[&tlv(2, &[5])]));
    });
    of_leaf("a broken signature", false, &|p| p.signing.odd = Odd::Broken);
    // Names.
    let mut named = |rule: &str, accepted: bool, name: &str, sans: &[&str]| {
        let change = |p: &mut Plan<'_>| replace(p, SAN, false, dns(sans));
        rows.push(made.row(rule, accepted, name, [None, None, Some(&change)], 0));
    };
    named("a wildcard of a public suffix", true, "example.com", &["*.com"]);
    named("a wildcard inside a label", false, "foo.example", &["f*o.example"]);
    named("a wildcard that is not leftmost", false, "foo.bar.example", &["foo.*.example"]);
    named("a wildcard over two labels", false, "a.b.example", &["*.example"]);
    named("a wildcard inside a punycode label", false, "xn--abc.example", &["xn--*.example"]);
    named("a name in Unicode for its punycode", false, "\u{fc}.example", &["xn--tda.example"]);
    named("an underscore", true, "a_b.example", &["a_b.example"]);
    named("a trailing dot in the SAN alone", false, "host.example", &["host.example."]);
    named("a trailing dot on both sides", true, "host.example.", &["host.example."]);
    named("a leading dot", false, "a.host.example", &[".host.example"]);
    named("an IPv4 address as a DNS name", false, "192.0.2.1", &["192.0.2.1"]);
    named("an IPv4 address in hexadecimal is a name", true, "0xc0.1", &["0xc0.1"]);
    named("a label of 64 letters", true, &"a".repeat(64), &[&"a".repeat(64)]);
    let cn_only = |p: &mut Plan<'_>| {
        p.subject = dn("host.example");
        without(p, SAN);
    };
    rows.push(made.row("the common name alone", false, HOST, [None, None, Some(&cn_only)], 0));
    rows
}
