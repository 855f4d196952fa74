//! What lies between leaf and anchor: the policies of intermediates, and how far a path is searched.

use super::super::make::{Plan, oid, seq, tlv};
use super::super::spec::{DAY, NOW, Row};
use super::{Change, HOST, Makers, SAN, dns, replace, validity};

pub(super) fn rows(made: &Makers) -> Vec<Row> {
    let mut rows = Vec::new();
    // Policies.
    let policies = |p: &mut Plan<'_>, all: &[&str]| {
        let list: Vec<Vec<u8>> = all.iter().map(|one| seq(&[&oid(one)])).collect();
        replace(p, "2.5.29.32", false, tlv(0x30, &list.concat()));
    };
    let explicit = |p: &mut Plan<'_>| replace(p, "2.5.29.36", true, seq(&[&tlv(0x80, &[0])]));
    let mut asserted = |rule: &str, accepted: bool, middle: Change<'_>, leaf: Change<'_>| {
        rows.push(made.row(rule, accepted, HOST, [None, Some(middle), Some(leaf)], 0));
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
    rows.extend(searches(made));
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
                name: HOST.to_owned(),
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
