//! The odd cases that suites of chains are known for, by family: forms that RFC 5280 and the web's rules
//! forbid, and what Go makes of each.

use super::make::{Key, Odd, Plan, Signing, bits, keys, oid, seq, tlv};
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

pub(super) fn rows() -> Vec<Row> {
    let made = Makers { keys: keys() };
    let mut rows = Vec::new();
    let host = "host.example";
    let mut of_leaf = |rule: &str, accepted: bool, change: Change<'_>| {
        rows.push(made.row(rule, accepted, host, [None, None, Some(change)], 0));
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
    rows.push(made.row("the common name alone", false, host, [None, None, Some(&cn_only)], 0));
    // Anchors.
    let mut of_root = |rule: &str, accepted: bool, change: Change<'_>| {
        rows.push(made.row(rule, accepted, host, [Some(change), None, None], 0));
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
        rows.push(made.row(rule, accepted, host, [Some(&of_root), None, Some(&of_leaf)], 0));
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
        rows.push(made.row(rule, accepted, host, [None, None, Some(change)], key));
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
    // Policies.
    let policies = |p: &mut Plan<'_>, all: &[&str]| {
        let list: Vec<Vec<u8>> = all.iter().map(|one| seq(&[&oid(one)])).collect();
        replace(p, "2.5.29.32", false, tlv(0x30, &list.concat()));
    };
    let explicit = |p: &mut Plan<'_>| replace(p, "2.5.29.36", true, seq(&[&tlv(0x80, &[0])]));
    let mut asserted = |rule: &str, accepted: bool, middle: Change<'_>, leaf: Change<'_>| {
        rows.push(made.row(rule, accepted, host, [None, Some(middle), Some(leaf)], 0));
    };
    asserted(
        "an explicit policy is required and asserted",
        true,
        &|p| {
            policies(p, &["1.2.3.1"]);
            explicit(p);
        },
        &|p| policies(p, &["1.2.3.1"]),
    );
    asserted(
        "an explicit policy is required and none is asserted",
        false,
        &|p| {
            policies(p, &["1.2.3.1"]);
            explicit(p);
        },
        &|_| {},
    );
    asserted(
        "an explicit policy is required and another is asserted",
        false,
        &|p| {
            policies(p, &["1.2.3.1"]);
            explicit(p);
        },
        &|p| policies(p, &["1.2.3.2"]),
    );
    asserted(
        "anyPolicy above",
        true,
        &|p| {
            policies(p, &["2.5.29.32.0"]);
            explicit(p);
        },
        &|p| policies(p, &["1.2.3.2"]),
    );
    asserted(
        "a policy is mapped",
        true,
        &|p| {
            policies(p, &["1.2.3.1"]);
            explicit(p);
            replace(p, "2.5.29.33", true, seq(&[&seq(&[&oid("1.2.3.1"), &oid("1.2.3.2")])]));
        },
        &|p| policies(p, &["1.2.3.2"]),
    );
    asserted(
        "a mapping of anyPolicy is invalid",
        false,
        &|p| {
            policies(p, &["1.2.3.1"]);
            replace(p, "2.5.29.33", true, seq(&[&seq(&[&oid("2.5.29.32.0"), &oid("1.2.3.2")])]));
        },
        &|p| policies(p, &["1.2.3.2"]),
    );
    asserted(
        "anyPolicy is inhibited",
        false,
        &|p| {
            policies(p, &["1.2.3.1"]);
            explicit(p);
            replace(p, "2.5.29.54", true, tlv(2, &[0]));
        },
        &|p| policies(p, &["2.5.29.32.0"]),
    );
    asserted("a policy twice is not parsed", false, &|_| {}, &|p| policies(p, &["1.2.3.1", "1.2.3.1"]));
    asserted(
        "policy constraints that are not critical",
        true,
        &|p| replace(p, "2.5.29.36", false, seq(&[&tlv(0x80, &[5])])),
        &|_| {},
    );
    rows.extend(searches(&made));
    rows
}

/// Chains among many: how far Go searches.
fn searches(made: &Makers) -> Vec<Row> {
    let ca = |own: (&str, usize), by: (&str, usize)| made.plan(own, by, true).assemble();
    let row =
        |rule: &str, accepted: bool, by: (&str, usize), intermediates: Vec<Vec<u8>>, roots: Vec<Vec<u8>>| {
            Row {
                rule: rule.to_owned(),
                leaf: made.plan(("leaf", 2), by, false).assemble(),
                intermediates,
                roots,
                at: NOW,
                name: "host.example".to_owned(),
                client: false,
                accepted,
            }
        };
    let root = ca(("root", 0), ("root", 0));
    let numbered = |count: u8, by: (&str, usize)| -> Vec<Vec<u8>> {
        (0..count)
            .map(|number| {
                let mut plan = made.plan(("middle", 3), by, true);
                plan.serial = vec![1, number];
                plan.assemble()
            })
            .collect()
    };
    // Of one name with another key, ahead of the one that signed.
    let mut some = numbered(90, ("root", 0));
    some.push(ca(("middle", 1), ("root", 0)));
    let mut many = numbered(110, ("root", 0));
    many.push(ca(("middle", 1), ("root", 0)));
    let mut expired = made.plan(("middle", 1), ("root", 0), true);
    expired.validity = validity(NOW - 9 * DAY, NOW - DAY);
    let expired = expired.assemble();
    let good = ca(("middle", 1), ("root", 0));
    let by = ("middle", 1);
    let mut ladder = Vec::new();
    let steps: Vec<String> = (0..30).map(|step| format!("step {step}")).collect();
    for pair in steps.windows(2) {
        ladder.push(ca((&pair[1], 4), (&pair[0], 4)));
    }
    ladder.push(ca((&steps[0], 4), ("root", 0)));
    let mut twin = made.plan(("middle", 1), ("root", 0), true);
    replace(&mut twin, SAN, false, dns(&["x"]));
    vec![
        row("ninety of the name do not sign", true, by, some, vec![root.clone()]),
        row("a hundred signatures are the limit", false, by, many, vec![root.clone()]),
        row(
            "the same intermediate a hundred times is one",
            true,
            by,
            vec![good.clone(); 120],
            vec![root.clone()],
        ),
        row(
            "an expired twin is passed over",
            true,
            by,
            vec![expired.clone(), good.clone()],
            vec![root.clone()],
        ),
        row("only the expired one", false, by, vec![expired], vec![root.clone()]),
        row("thirty steps", true, ("step 29", 4), ladder, vec![root.clone()]),
        row("the intermediate is an anchor of its own", true, by, vec![], vec![good.clone()]),
        row("the anchor is sent along", true, by, vec![root.clone(), good.clone()], vec![root.clone()]),
        row("the same entity with a SAN", true, by, vec![twin.assemble()], vec![root.clone()]),
        row("nothing between", false, by, vec![], vec![root]),
    ]
}
