//! The fault matrix: stacks broken in named ways, on real servers and in-process peers, and what each of the
//! fifteen checks must say of them. A check that a row does not name must pass.
//!
//! `MATRIX_ROW=part` runs the rows of that name, `MATRIX_SHOW=1` prints the screens of those that deviate.

mod binary;
mod dashboard;
mod demo;
mod demo_extended;
mod files;
mod folder;
mod gateway_answers;
mod gateway_certificates;
mod grpc;
mod harness;
mod healthy;
mod nats;
mod redis;
mod wire;

#[test]
fn demo_faults() {
    harness::hold("demo", demo::ROWS);
}

#[test]
fn demo_faults_of_the_extended_checks() {
    harness::hold("demo-extended", demo_extended::ROWS);
}

#[test]
fn healthy_variants() {
    harness::hold("healthy", healthy::ROWS);
}

#[test]
fn dashboard_faults() {
    harness::hold("dashboard", dashboard::ROWS);
}

#[test]
fn certificates_of_the_gateway() {
    harness::hold("gateway-certificates", gateway_certificates::ROWS);
}

#[test]
fn answers_of_the_gateway() {
    harness::hold("gateway-answers", gateway_answers::ROWS);
}

#[test]
fn something_else_on_the_wire() {
    harness::hold("wire", wire::ROWS);
}

#[test]
fn nats_and_its_clients() {
    harness::hold("nats", nats::ROWS);
}

#[test]
fn redis_and_its_clients() {
    harness::hold("redis", redis::ROWS);
}

#[test]
fn grpc_ports_and_versions() {
    harness::hold("grpc-and-versions", grpc::ROWS);
}

#[test]
fn files_and_logs() {
    harness::hold("files-and-logs", files::ROWS);
}

#[test]
fn the_folder_and_what_is_served() {
    harness::hold("folder", folder::ROWS);
}

/// Every family.
const FAMILIES: &[&[harness::Row]] = &[
    demo::ROWS,
    demo_extended::ROWS,
    gateway_certificates::ROWS,
    gateway_answers::ROWS,
    wire::ROWS,
    nats::ROWS,
    redis::ROWS,
    grpc::ROWS,
    dashboard::ROWS,
    files::ROWS,
    folder::ROWS,
    healthy::ROWS,
];

fn rows() -> impl Iterator<Item = &'static harness::Row> {
    FAMILIES.iter().copied().flatten()
}

#[test]
fn every_cause_and_every_check_has_its_rows() {
    let mut names: Vec<&str> = rows().map(|row| row.name).collect();
    names.sort_unstable();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all, "two rows have one name");
    for cause in tls_verify_checks::cause::CauseKind::ALL {
        let named = |row: &&harness::Row| row.says.split([' ', ';']).any(|word| word == cause.slug());
        assert!(rows().any(|row| named(&row)), "no row reaches {cause}");
    }
    // Checks of a transport of their own have at least six faults that they fail on.
    for check in tls_verify_checks::ALL {
        let fails =
            rows().filter(|row| harness::expected(row, check.number.into()).starts_with("fail")).count();
        let least = if check.id == "cli-without-cacert" { 1 } else { 6 };
        assert!(fails >= least, "{}: {fails} rows", check.id);
        assert!(rows().any(|row| harness::expected(row, check.number.into()) == "pass"));
    }
    let faults = rows().filter(|row| row.exit != 0).count();
    assert!(faults >= 150, "{faults} faults");
    eprintln!(
        "{faults} faults and {} other stacks, {} checks each",
        all - faults,
        tls_verify_checks::ALL.len()
    );
}

#[test]
fn every_fault_of_the_demo_has_a_row_and_the_rows_have_names_of_their_own() {
    let rows: Vec<&harness::Row> = demo::ROWS.iter().chain(demo_extended::ROWS).collect();
    for fault in tls_verify_fixtures::fault::ALL {
        let row = rows.iter().find(|row| row.name == fault.name());
        let row = row.unwrap_or_else(|| panic!("{} has no row", fault.name()));
        assert_eq!((row.about, row.exit), (fault.about(), fault.exit_code()), "{}", fault.name());
        assert_ne!(fault.exit_code(), 0);
    }
    assert_eq!(rows.len(), tls_verify_fixtures::fault::ALL.len());
}
