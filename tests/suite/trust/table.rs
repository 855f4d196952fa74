//! The table: a chain, the verdict, and the rule of Go's that decides it.

use rcgen::*;

use super::spec::*;

fn names(table: &mut Table) {
    let cases: &[(&[&str], &str, bool)] = &[
        (&["host.example"], "host.example", true),
        (&["HOST.example"], "host.EXAMPLE", true),
        (&["host.example"], "host.example.", true),
        (&["host.example"], "other.example", false),
        (&["*.example"], "host.example", true),
        (&["*.example"], "a.host.example", false),
        (&["*.example"], "example", false),
        (&["*.a.example"], "b.a.example", true),
        (&["h*.example"], "host.example", false),
        (&["host.*"], "host.example", false),
        (&["a.*.example"], "a.b.example", false),
        (&["under_score.example"], "under_score.example", true),
        (&["-dash.example"], "-dash.example", true),
        (&["localhost"], "localhost", true),
        (&["api-gateway"], "api-gateway", true),
        (&["one.example", "two.example"], "two.example", true),
        (&["host.example"], "127.0.0.1", false),
        (&["127.0.0.1"], "127.0.0.1", false),
        (&["*"], "localhost", false),
        (&["xn--bcher-kva.example"], "xn--bcher-kva.example", true),
        (&["*.xn--bcher-kva.example"], "a.xn--bcher-kva.example", true),
        (&["example"], "host.example", false),
    ];
    for (sans, name, accepted) in cases {
        let spec = Spec { sans: sans.iter().map(|san| dns(san)).collect(), ..leaf() };
        table.simple(&format!("VerifyHostname: {sans:?} for {name}"), *accepted, &ca("root"), &spec, name);
    }
    for (address, name, accepted) in [
        ("127.0.0.1", "127.0.0.1", true),
        ("127.0.0.1", "[127.0.0.1]", true),
        ("127.0.0.1", "127.0.0.2", false),
        ("::1", "::1", true),
        ("::1", "[::1]", true),
        ("::1", "0:0:0:0:0:0:0:1", true),
        ("::1", "127.0.0.1", false),
        ("10.0.0.1", "host.example", false),
        ("10.0.0.1", "::ffff:10.0.0.1", true),
    ] {
        let spec = Spec { sans: vec![ip(address)], ..leaf() };
        table.simple(&format!("VerifyHostname: IP {address} for {name}"), accepted, &ca("root"), &spec, name);
    }
    let only_cn = Spec { sans: Vec::new(), cn: "host.example".to_owned(), ..leaf() };
    table.simple("no common-name fallback", false, &ca("root"), &only_cn, "host.example");
    let email = Spec { sans: vec![SanType::Rfc822Name("a@host.example".try_into().unwrap())], ..leaf() };
    table.simple("an e-mail name is no host name", false, &ca("root"), &email, "host.example");
}

fn dates(table: &mut Table) {
    let (ca_spec, leaf_spec) = (ca("root"), leaf());
    let ca = root(&ca_spec);
    let end = under(&leaf_spec, &ca);
    for (what, at, accepted) in [
        ("notBefore itself", leaf_spec.from, true),
        ("a second before notBefore", leaf_spec.from - 1, false),
        ("notAfter itself", leaf_spec.to, true),
        ("a second after notAfter", leaf_spec.to + 1, false),
        ("long ago", 0, false),
    ] {
        table.at(&format!("isValid: {what}"), accepted, &end, &[], &[&ca], "host.example", at, false);
    }
    let old = root(&Spec { to: NOW - DAY, ..ca_spec.clone() });
    table.row(
        "a trust anchor's notAfter counts",
        false,
        &under(&leaf_spec, &old),
        &[],
        &[&old],
        "host.example",
    );
    let young = root(&Spec { from: NOW + DAY, ..ca_spec });
    table.row(
        "a trust anchor's notBefore counts",
        false,
        &under(&leaf_spec, &young),
        &[],
        &[&young],
        "host.example",
    );
    for (what, from, to, accepted) in [
        ("expired", NOW - 10 * DAY, NOW - DAY, false),
        ("young", NOW + DAY, NOW + 2 * DAY, false),
        ("good", NOW - DAY, NOW + DAY, true),
    ] {
        let middle = under(&Spec { from, to, ..self::ca("middle") }, &ca);
        let end = under(&leaf_spec, &middle);
        table.row(
            &format!("isValid: intermediate {what}"),
            accepted,
            &end,
            &[&middle],
            &[&ca],
            "host.example",
        );
    }
}

fn authority(table: &mut Table) {
    let top = root(&ca("root"));
    let twin = root(&ca("root"));
    let end = under(&leaf(), &top);
    table.row("signed by the anchor", true, &end, &[], &[&top], "host.example");
    table.row("same subject, other key", false, &end, &[], &[&twin], "host.example");
    table.row("several anchors of one name", true, &end, &[], &[&twin, &top], "host.example");
    table.row("no anchor", false, &end, &[], &[], "host.example");
    table.row("the anchor among the intermediates only", false, &end, &[&top], &[&twin], "host.example");
    table.row("a leaf that is itself an anchor", true, &end, &[], &[&end], "host.example");
    let own = root(&leaf());
    table.row("self-signed server certificate as its own anchor", true, &own, &[], &[&own], "host.example");
    table.row("self-signed, not an anchor", false, &own, &[], &[&top], "host.example");
    let no_basic = root(&Spec { ca: IsCa::NoCa, ..ca("plain") });
    table.row(
        "anchor without basicConstraints signs",
        false,
        &under(&leaf(), &no_basic),
        &[],
        &[&no_basic],
        "host.example",
    );
    let not_ca = root(&Spec { ca: IsCa::ExplicitNoCa, ..ca("not") });
    table.row("anchor with CA:FALSE signs", false, &under(&leaf(), &not_ca), &[], &[&not_ca], "host.example");
    let usage = root(&Spec { usages: vec![KeyUsagePurpose::DigitalSignature], ..ca("usage") });
    table.row(
        "anchor without keyCertSign signs",
        false,
        &under(&leaf(), &usage),
        &[],
        &[&usage],
        "host.example",
    );
    let none = root(&Spec { usages: Vec::new(), ..ca("none") });
    table.row("anchor without key usage signs", true, &under(&leaf(), &none), &[], &[&none], "host.example");
    let encipher = Spec { usages: vec![KeyUsagePurpose::CrlSign], ..leaf() };
    table.simple("key usage of the leaf is not looked at", true, &ca("root"), &encipher, "host.example");
    for (what, is_ca, accepted) in [
        ("CA", IsCa::Ca(BasicConstraints::Unconstrained), true),
        ("no basicConstraints", IsCa::NoCa, false),
        ("CA:FALSE", IsCa::ExplicitNoCa, false),
    ] {
        let middle = under(&Spec { ca: is_ca, ..ca("middle") }, &top);
        table.row(
            &format!("intermediate: {what}"),
            accepted,
            &under(&leaf(), &middle),
            &[&middle],
            &[&top],
            "host.example",
        );
    }
    let middle = under(&ca("middle"), &top);
    let end = under(&leaf(), &middle);
    table.row("missing intermediate", false, &end, &[], &[&top], "host.example");
    table.row("intermediate as anchor", true, &end, &[], &[&middle], "host.example");
    let stranger = under(&ca("stranger"), &top);
    table.row(
        "unrelated intermediates are passed over",
        true,
        &end,
        &[&stranger, &middle],
        &[&top],
        "host.example",
    );
    let ca_leaf = under(&Spec { ca: IsCa::Ca(BasicConstraints::Unconstrained), ..leaf() }, &top);
    table.row("an end-entity certificate with CA:TRUE", true, &ca_leaf, &[], &[&top], "host.example");
    // Two authorities that signed each other: the search must end.
    let a = root(&ca("a"));
    let b = root(&ca("b"));
    let cross = |spec: &Spec, subject: &Made, issuer: &Made| {
        let params = params(spec);
        let der = params
            .signed_by(&subject.key, &Issuer::from_params(&issuer.params, &issuer.key))
            .unwrap()
            .der()
            .to_vec();
        Made { der, params, key: KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap() }
    };
    let a_by_b = cross(&ca("a"), &a, &b);
    let b_by_a = cross(&ca("b"), &b, &a);
    let end = under(&leaf(), &a);
    table.row(
        "looping intermediates without an anchor",
        false,
        &end,
        &[&a_by_b, &b_by_a],
        &[&top],
        "host.example",
    );
    table.row("cross-signed to another anchor", true, &end, &[&a_by_b, &b_by_a], &[&b], "host.example");
}

fn lengths(table: &mut Table) {
    for limit in 0..3_u8 {
        for count in 0..4_usize {
            let top = root(&Spec { ca: IsCa::Ca(BasicConstraints::Constrained(limit)), ..ca("top") });
            let mut chain = vec![top];
            for index in 0..count {
                let next = under(&ca(&format!("middle {index}")), &chain[index]);
                chain.push(next);
            }
            let end = under(&leaf(), &chain[count]);
            let middle: Vec<&Made> = chain[1..].iter().collect();
            table.row(
                &format!("path length {limit} at the anchor with {count} intermediates"),
                count <= usize::from(limit),
                &end,
                &middle,
                &[&chain[0]],
                "host.example",
            );
        }
    }
    for (limit, accepted) in [(0, false), (1, true)] {
        let top = root(&ca("top"));
        let upper = under(&Spec { ca: IsCa::Ca(BasicConstraints::Constrained(limit)), ..ca("upper") }, &top);
        let lower = under(&ca("lower"), &upper);
        let end = under(&leaf(), &lower);
        table.row(
            &format!("path length {limit} at an intermediate"),
            accepted,
            &end,
            &[&upper, &lower],
            &[&top],
            "host.example",
        );
    }
}

fn usages(table: &mut Table) {
    use ExtendedKeyUsagePurpose as E;
    let sets: &[(&[E], bool, bool)] = &[
        (&[E::ServerAuth], true, false),
        (&[E::ClientAuth], false, true),
        (&[E::ServerAuth, E::ClientAuth], true, true),
        (&[E::Any], true, true),
        (&[], true, true),
        (&[E::CodeSigning], false, false),
        (&[E::CodeSigning, E::ServerAuth], true, false),
        (&[E::TimeStamping, E::Any], true, true),
    ];
    for (place, of_leaf, of_middle, of_root) in
        [("leaf", true, false, false), ("intermediate", false, true, false), ("anchor", false, false, true)]
    {
        for (ekus, server, client) in sets {
            let with =
                |on: bool, spec: Spec| Spec { ekus: if on { ekus.to_vec() } else { Vec::new() }, ..spec };
            let top = root(&with(of_root, ca("top")));
            let middle = under(&with(of_middle, ca("middle")), &top);
            let end = under(&with(of_leaf, leaf()), &middle);
            for (client_role, accepted) in [(false, *server), (true, *client)] {
                let rule = format!("extended key usage {ekus:?} of the {place}, client {client_role}");
                table.at(&rule, accepted, &end, &[&middle], &[&top], "host.example", NOW, client_role);
            }
        }
    }
}

fn subtrees(table: &mut Table) {
    let domain = |name: &str| GeneralSubtree::DnsName(name.to_owned());
    let net = |text: &str| {
        let (address, bits) = text.split_once('/').unwrap();
        GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(
            address.parse().unwrap(),
            bits.parse().unwrap(),
        ))
    };
    let cases: Vec<(Spec, Vec<SanType>, &str, bool)> = vec![
        (constrained(vec![domain("example")], vec![]), vec![dns("host.example")], "host.example", true),
        (constrained(vec![domain("host.example")], vec![]), vec![dns("host.example")], "host.example", true),
        (constrained(vec![domain("t.example")], vec![]), vec![dns("host.example")], "host.example", false),
        (constrained(vec![domain("ost.example")], vec![]), vec![dns("host.example")], "host.example", false),
        (constrained(vec![domain(".example")], vec![]), vec![dns("host.example")], "host.example", true),
        (constrained(vec![domain("EXAMPLE")], vec![]), vec![dns("host.example")], "host.example", true),
        (constrained(vec![domain("other")], vec![]), vec![dns("host.example")], "host.example", false),
        (
            constrained(vec![domain("other"), domain("example")], vec![]),
            vec![dns("host.example")],
            "host.example",
            true,
        ),
        (constrained(vec![], vec![domain("example")]), vec![dns("host.example")], "host.example", false),
        (constrained(vec![], vec![domain("other")]), vec![dns("host.example")], "host.example", true),
        (
            constrained(vec![domain("example")], vec![domain("host.example")]),
            vec![dns("host.example")],
            "host.example",
            false,
        ),
        (
            constrained(vec![domain("example")], vec![]),
            vec![dns("host.example"), dns("a.other")],
            "host.example",
            false,
        ),
        (constrained(vec![], vec![domain("a.example")]), vec![dns("*.example")], "host.example", false),
        (constrained(vec![domain("example")], vec![]), vec![dns("*.example")], "host.example", true),
        (constrained(vec![domain("example")], vec![]), vec![ip("10.0.0.1")], "10.0.0.1", true),
        (constrained(vec![net("10.0.0.0/8")], vec![]), vec![ip("10.0.0.1")], "10.0.0.1", true),
        (constrained(vec![net("10.0.0.0/8")], vec![]), vec![ip("11.0.0.1")], "11.0.0.1", false),
        (constrained(vec![net("10.0.0.0/8")], vec![]), vec![dns("host.example")], "host.example", true),
        (constrained(vec![], vec![net("10.0.0.0/8")]), vec![ip("10.0.0.1")], "10.0.0.1", false),
        (constrained(vec![], vec![net("10.0.0.0/8")]), vec![ip("::1")], "::1", true),
        (constrained(vec![net("10.0.0.0/8")], vec![]), vec![ip("::1")], "::1", false),
        (constrained(vec![net("::/0")], vec![]), vec![ip("::1")], "::1", true),
    ];
    for (place, at_root) in [("anchor", true), ("intermediate", false)] {
        for (spec, sans, name, accepted) in &cases {
            let end = Spec { sans: sans.clone(), ..leaf() };
            let rule = format!("name constraints of the {place}: {:?} for {sans:?}", spec.constraints);
            if at_root {
                table.simple(&rule, *accepted, spec, &end, name);
            } else {
                let top = root(&ca("top"));
                let middle = under(spec, &top);
                table.row(&rule, *accepted, &under(&end, &middle), &[&middle], &[&top], name);
            }
        }
    }
}

fn extensions_and_keys(table: &mut Table) {
    for critical in [false, true] {
        let mut extension = CustomExtension::from_oid_content(&[1, 2, 3, 4, 5], vec![5, 0]);
        extension.set_criticality(critical);
        let custom = vec![extension];
        let odd = Spec { custom: custom.clone(), ..leaf() };
        table.simple(
            &format!("unknown extension of the leaf, critical {critical}"),
            !critical,
            &ca("root"),
            &odd,
            "host.example",
        );
        let odd = Spec { custom, ..ca("odd") };
        table.simple(
            &format!("unknown extension of the anchor, critical {critical}"),
            !critical,
            &odd,
            &leaf(),
            "host.example",
        );
    }
    for key in [&PKCS_ECDSA_P256_SHA256, &PKCS_ECDSA_P384_SHA384, &PKCS_ECDSA_P521_SHA512, &PKCS_ED25519] {
        let top = Spec { key, ..ca("root") };
        table.simple(&format!("signed with {key:?}"), true, &top, &leaf(), "host.example");
        let end = Spec { key, ..leaf() };
        table.simple(&format!("a key for {key:?}"), true, &ca("root"), &end, "host.example");
    }
    // A signature with one bit turned.
    let top = root(&ca("root"));
    let mut end = under(&leaf(), &top);
    *end.der.last_mut().unwrap() ^= 1;
    table.row("a broken signature", false, &end, &[], &[&top], "host.example");
    let mut end = under(&leaf(), &top);
    end.der.push(0);
    table.row("trailing data", false, &end, &[], &[&top], "host.example");
    let mut end = under(&leaf(), &top);
    end.der.truncate(end.der.len() - 10);
    table.row("a cut certificate", false, &end, &[], &[&top], "host.example");
}

pub(super) fn table() -> Vec<Row> {
    let mut table = Table::default();
    names(&mut table);
    dates(&mut table);
    authority(&mut table);
    lengths(&mut table);
    usages(&mut table);
    subtrees(&mut table);
    extensions_and_keys(&mut table);
    table.0
}
