//! The fault matrix: stacks broken in named ways, on real servers and in-process peers, and what each of the
//! fifteen checks must say of them. A check that a row does not name must pass.
//!
//! Each row is a test of its own: `cargo test --test matrix nats::` runs a family, `TLS_VERIFY_SHARD=1/3` the first
//! third of all; `MATRIX_SHOW=1` prints the screens of those that deviate, `MATRIX_ACCEPT=1` takes what is told.

mod binary;
mod cluster;
mod cures;
mod dashboard;
mod demo;
mod demo_answers;
mod demo_extended;
mod expect;
mod files;
mod folder;
mod gateway_answers;
mod gateway_certificates;
mod gateway_keys;
mod grpc;
mod harness;
mod healthy;
mod nats;
mod nats_settings;
mod redis;
mod service_logs;
mod snapshot;
mod versions;
mod wire;
mod wire_brokers;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};
use tls_verify_core::status::Status;

/// Every family.
const FAMILIES: &[(&str, &[&[harness::Row]])] = &[
    ("demo", &[demo::ROWS, demo_answers::ROWS]),
    ("demo-extended", &[demo_extended::ROWS]),
    ("gateway-certificates", &[gateway_certificates::ROWS, gateway_keys::ROWS]),
    ("gateway-answers", &[gateway_answers::ROWS]),
    ("wire", &[wire::ROWS, wire_brokers::ROWS]),
    ("nats", &[nats::ROWS, nats_settings::ROWS]),
    ("redis", &[redis::ROWS]),
    ("grpc-and-versions", &[grpc::ROWS, versions::ROWS]),
    ("dashboard", &[dashboard::ROWS]),
    ("files-and-logs", &[files::ROWS, service_logs::ROWS]),
    ("folder", &[folder::ROWS]),
    ("healthy", &[healthy::ROWS]),
];

fn rows() -> impl Iterator<Item = &'static harness::Row> {
    FAMILIES.iter().flat_map(|(_, files)| files.iter().copied().flatten())
}

/// The rows of a family, in order.
fn rows_of(family: &str) -> impl Iterator<Item = &'static harness::Row> {
    FAMILIES
        .iter()
        .filter(move |(name, _)| *name == family)
        .flat_map(|(_, files)| files.iter().copied().flatten())
}

/// What is claimed of the rows and of the program as a whole.
const CLAIMS: &[(&str, fn())] = &[
    ("every_cause_and_every_check_has_its_rows", every_cause_and_every_check_has_its_rows),
    (
        "every_fault_of_the_demo_has_a_row_and_the_rows_have_names_of_their_own",
        every_fault_of_the_demo_has_a_row_and_the_rows_have_names_of_their_own,
    ),
    ("the_rows_are_counted_by_the_kind_of_their_cure", cures::the_rows_are_counted_by_the_kind_of_their_cure),
    ("the_snapshots_speak_of_the_rows_alone", the_snapshots_speak_of_the_rows_alone),
    (
        "demo_ends_each_fault_with_its_code_and_a_healthy_stack_with_none",
        binary::demo_ends_each_fault_with_its_code_and_a_healthy_stack_with_none,
    ),
];

/// How many rows run at the same time: they mostly wait.
const AT_ONCE: usize = 4;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_ONCE);
    let claims = CLAIMS.iter().map(|(name, claim)| {
        Trial::test(*name, move || {
            claim();
            Ok(())
        })
    });
    let rows = FAMILIES.iter().flat_map(|(family, _)| rows_of(family).map(move |row| (*family, row)));
    let rows = rows.map(|(family, row)| {
        let trial = Trial::test(format!("{family}::{}", row.name), move || Ok(harness::hold(family, row)?));
        match harness::missing(row) {
            Some(need) => {
                eprintln!("not run: {} ({need:?} not found)", row.name);
                trial.with_ignored_flag(true)
            }
            None => trial,
        }
    });
    // One stack is for all of them, one after the other: they come last.
    let trials = shard(claims.chain(rows).chain(cluster::trials()).collect());
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// `TLS_VERIFY_SHARD=2/3`: every third test, from the second on.
fn shard(trials: Vec<Trial>) -> Vec<Trial> {
    let Ok(set) = std::env::var("TLS_VERIFY_SHARD") else { return trials };
    let parsed = set
        .split_once('/')
        .and_then(|(one, of)| Some((one.parse::<usize>().ok()?, of.parse::<usize>().ok()?)));
    let Some((one, of)) = parsed.filter(|(one, of)| (1..=*of).contains(one)) else {
        panic!("TLS_VERIFY_SHARD={set}: give a part and a number of parts, such as 1/3");
    };
    trials.into_iter().skip(one - 1).step_by(of).collect()
}

fn every_cause_and_every_check_has_its_rows() {
    let mut names: Vec<&str> = rows().map(|row| row.name).collect();
    names.sort_unstable();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all, "two rows have one name");
    for cause in tls_verify_checks::cause::CauseKind::ALL {
        let of = |says: &expect::Expect| says.word.main.is_some_and(|(named, _, _)| named == *cause);
        let named = |row: &&harness::Row| row.says.iter().any(of);
        assert!(rows().any(|row| named(&row)), "no row reaches {cause}");
    }
    // Checks of a transport of their own have at least six faults that they fail on.
    for check in tls_verify_checks::ALL {
        let fails =
            rows().filter(|row| harness::expected(row, check.number.into()).status == Status::Fail).count();
        let least = match check.id {
            "cli-without-cacert" => 1,
            // One NATS and one Redis have no links among themselves: recorded and real clusters hold it.
            "cluster-links" => 0,
            _ => 6,
        };
        assert!(fails >= least, "{}: {fails} rows", check.id);
        assert!(rows().any(|row| harness::expected(row, check.number.into()) == expect::Word::PASS));
    }
    let faults = rows().filter(|row| row.exit != 0).count();
    assert!(faults >= 150, "{faults} faults");
    eprintln!(
        "{faults} faults and {} other stacks, {} checks each",
        all - faults,
        tls_verify_checks::ALL.len()
    );
}

fn every_fault_of_the_demo_has_a_row_and_the_rows_have_names_of_their_own() {
    let rows: Vec<&harness::Row> = rows_of("demo").chain(demo_extended::ROWS).collect();
    for fault in tls_verify_fixtures::fault::ALL {
        let row = rows.iter().find(|row| row.name == fault.name());
        let row = row.unwrap_or_else(|| panic!("{} has no row", fault.name()));
        assert_eq!((row.about, row.exit), (fault.about(), fault.exit_code()), "{}", fault.name());
        assert_ne!(fault.exit_code(), 0);
    }
    assert_eq!(rows.len(), tls_verify_fixtures::fault::ALL.len());
}

fn the_snapshots_speak_of_the_rows_alone() {
    for (family, _) in FAMILIES {
        let told: Vec<String> = snapshot::sections(family).into_iter().map(|(name, _)| name).collect();
        let names: Vec<&str> = rows_of(family).map(|row| row.name).collect();
        assert_eq!(told, names, "{family}: MATRIX_ACCEPT=1 writes it anew");
    }
}
