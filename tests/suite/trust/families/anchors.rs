//! Anchors: their form, the constraints that they set on names, and the keys that they sign with.

use super::super::make::{Odd, Plan, Signing, bits, oid, seq, tlv};
use super::super::spec::Row;
use super::{Change, HOST, Makers, NC, SAN, dn, dns, replace, subtrees};

pub(super) fn rows(made: &Makers) -> Vec<Row> {
    let mut rows = Vec::new();
    // Anchors.
    let mut of_root = |rule: &str, accepted: bool, change: Change<'_>| {
        rows.push(made.row(rule, accepted, HOST, [Some(change), None, None], 0));
    };
    of_root("an anchor of version 1 signs", true, &|p| {
        p.version.clear();
        p.extensions.clear();
    });
    of_root("basicConstraints of an anchor need not be critical", true, &|p| {
        replace(p, "2.5.29.19", false, seq(&[&[1, 1, 0xff]]));
    });
    of_root("an anchor's own signature is not looked at", true, &|p| p.signing.odd = Odd::Broken);
    of_root("an anchor that is issued by another", true, &|p| p.issuer = dn("elsewhere"));
    of_root("an anchor with an EKU for servers", true, &|p| {
        replace(p, "2.5.29.37", false, seq(&[&oid("1.3.6.1.5.5.7.3.1")]));
    });
    of_root("an anchor with an EKU for e-mail", false, &|p| {
        replace(p, "2.5.29.37", false, seq(&[&oid("1.3.6.1.5.5.7.3.4")]));
    });
    of_root("an anchor with a name in its SAN that its constraints forbid", true, &|p| {
        replace(p, SAN, false, dns(&["other.test"]));
        replace(p, NC, true, subtrees(&[tlv(0x82, b"example")], &[]));
    });
    of_root("a path length of 255 in one octet is negative", false, &|p| {
        replace(p, "2.5.29.19", true, seq(&[&[1, 1, 0xff], &tlv(2, &[0xff])]));
    });
    of_root("CA:TRUE that is not canonical is not parsed", false, &|p| {
        replace(p, "2.5.29.19", true, seq(&[&[1, 1, 1]]));
    });
    of_root("a critical unknown extension of an anchor", false, &|p| replace(p, "1.2.3.4", true, vec![5, 0]));
    // Constraints of an anchor.
    let mail = |text: &str| tlv(0x81, text.as_bytes());
    let name = |text: &str| tlv(0x82, text.as_bytes());
    let uri = |text: &str| tlv(0x86, text.as_bytes());
    let directory = tlv(0xa4, &dn("leaf"));
    let mut limited = |rule: &str, accepted: bool, critical: bool, nc: Vec<u8>, sans: &[Vec<u8>]| {
        let of_root = |p: &mut Plan<'_>| replace(p, NC, critical, nc.clone());
        let all = [&[tlv(0x82, b"host.example")], sans].concat().concat();
        let of_leaf = |p: &mut Plan<'_>| replace(p, SAN, false, tlv(0x30, &all));
        rows.push(made.row(rule, accepted, HOST, [Some(&of_root), None, Some(&of_leaf)], 0));
    };
    limited(
        "constraints that are not critical count",
        false,
        false,
        subtrees(&[name("other.test")], &[]),
        &[],
    );
    limited("permitted and excluded both empty are not parsed", false, true, seq(&[]), &[]);
    limited("an empty constraint permits everything", true, true, subtrees(&[name("")], &[]), &[]);
    limited("an empty excluded constraint excludes everything", false, true, subtrees(&[], &[name("")]), &[]);
    limited(
        "a constraint that ends with a dot is not parsed",
        false,
        true,
        subtrees(&[name("example.")], &[]),
        &[],
    );
    limited(
        "a wildcard as a constraint is a name of its own",
        false,
        true,
        subtrees(&[name("*.example")], &[]),
        &[],
    );
    limited(
        "a critical constraint on directory names is unhandled",
        false,
        true,
        subtrees(std::slice::from_ref(&directory), &[]),
        &[],
    );
    limited("one that is not critical says nothing", true, false, subtrees(&[directory], &[]), &[]);
    limited(
        "a mailbox within its domain",
        true,
        true,
        subtrees(&[mail("host.example")], &[]),
        &[mail("a@HOST.example")],
    );
    limited(
        "a mailbox of a sub-domain is within a constraint that is a domain",
        true,
        true,
        subtrees(&[mail("example")], &[]),
        &[mail("a@host.example")],
    );
    limited("one exact mailbox", false, true, subtrees(&[mail("a@example")], &[]), &[mail("A@example")]);
    limited(
        "a mailbox that cannot be read, under constraints on DNS names",
        false,
        true,
        subtrees(&[name("example")], &[]),
        &[mail("nobody")],
    );
    limited(
        "a URI within its domain",
        true,
        true,
        subtrees(&[uri("host.example")], &[]),
        &[uri("https://host.example:443/x")],
    );
    limited(
        "a URI with an address, under constraints on DNS names",
        false,
        true,
        subtrees(&[name("example")], &[]),
        &[uri("https://127.0.0.1/")],
    );
    limited(
        "a URI without a host, under constraints on DNS names",
        false,
        true,
        subtrees(&[name("example")], &[]),
        &[uri("urn:x")],
    );
    limited(
        "a malformed DNS name under constraints",
        false,
        true,
        subtrees(&[name("example")], &[]),
        &[name("a..example")],
    );
    limited(
        "an IPv4 network permits no IPv6 address",
        false,
        true,
        subtrees(&[tlv(0x87, &[10, 0, 0, 0, 255, 0, 0, 0])], &[]),
        &[tlv(0x87, &[0; 16])],
    );
    limited(
        "a mask with a hole is not parsed",
        false,
        true,
        subtrees(&[tlv(0x87, &[10, 0, 0, 0, 255, 0, 255, 0])], &[]),
        &[],
    );
    limited(
        "host bits in the base of one network are masked",
        true,
        true,
        subtrees(&[tlv(0x87, &[10, 0, 0, 9, 255, 0, 0, 0])], &[]),
        &[tlv(0x87, &[10, 0, 0, 1])],
    );
    limited(
        "of two networks the base is searched as it stands",
        false,
        true,
        subtrees(&[tlv(0x87, &[9, 0, 0, 0, 255, 0, 0, 0]), tlv(0x87, &[10, 0, 0, 9, 255, 0, 0, 0])], &[]),
        &[tlv(0x87, &[10, 0, 0, 1])],
    );
    limited(
        "minimum and maximum are not looked at",
        true,
        true,
        {
            let base = seq(&[&name("example"), &tlv(0x80, &[1])]);
            seq(&[&tlv(0xa0, &base)])
        },
        &[],
    );
    // Keys and signatures of an anchor.
    let mut keyed = |rule: &str, accepted: bool, key: usize, change: Change<'_>| {
        rows.push(made.row(rule, accepted, HOST, [None, None, Some(change)], key));
    };
    let signing =
        |hash: u16, pss: bool, odd: Odd| move |p: &mut Plan<'_>| p.signing = Signing { hash, pss, odd };
    keyed("P-384", true, 8, &|_| {});
    keyed("P-521", true, 9, &|_| {});
    keyed("Ed25519", true, 10, &|_| {});
    keyed("Ed25519 with parameters", false, 10, &signing(256, false, Odd::Parameters));
    keyed("RSA 2048 with SHA-256", true, 11, &signing(256, false, Odd::Nothing));
    keyed("RSA without parameters in the algorithm", true, 11, &signing(256, false, Odd::Parameters));
    keyed("RSASSA-PSS", true, 11, &signing(384, true, Odd::Nothing));
    keyed("RSASSA-PSS with another hash in MGF1", false, 11, &signing(256, true, Odd::Mask));
    keyed("RSASSA-PSS with another salt length", false, 11, &signing(256, true, Odd::Salt));
    keyed("RSA 1024 with SHA-256", true, 12, &signing(256, false, Odd::Nothing));
    keyed("RSA 1024 with SHA-384", true, 12, &signing(384, false, Odd::Nothing));
    keyed("RSA 1024 with RSASSA-PSS", true, 12, &signing(256, true, Odd::Nothing));
    keyed("RSA 1016 is too small", false, 13, &signing(256, false, Odd::Nothing));
    keyed("RSA 1025, whose length is no multiple of eight", true, 14, &signing(256, false, Odd::Nothing));
    keyed("RSA with SHA-1", false, 12, &signing(1, false, Odd::Nothing));
    keyed("P-224", true, 15, &signing(256, false, Odd::Nothing));
    keyed("DSA signs nothing", false, 16, &|_| {});
    keyed("an algorithm of another kind than the key", false, 0, &signing(256, false, Odd::OtherKind));
    keyed("an unknown algorithm", false, 0, &signing(256, false, Odd::UnknownKind));
    keyed("a leaf with an X448 key, which nobody parses", true, 0, &|p| {
        p.spki = seq(&[&seq(&[&oid("1.3.101.111")]), &bits(&[9; 56])]);
    });
    keyed("a leaf with an RSA key of two bits", true, 0, &|p| {
        let key = seq(&[&tlv(2, &[3]), &tlv(2, &[3])]);
        p.spki = seq(&[&seq(&[&oid("1.2.840.113549.1.1.1"), &[5, 0]]), &bits(&key)]);
    });
    keyed("a leaf whose point is not on its curve", false, 0, &|p| {
        p.spki = seq(&[&seq(&[&oid("1.2.840.10045.2.1"), &oid("1.2.840.10045.3.1.7")]), &bits(&[4; 65])]);
    });
    keyed("a leaf on secp256k1", false, 0, &|p| {
        p.spki = seq(&[&seq(&[&oid("1.2.840.10045.2.1"), &oid("1.3.132.0.10")]), &bits(&[4; 65])]);
    });
    rows
}
