//! The whole project in containers on a real Docker Engine: faults, healthy variants, the release shape,
//! and the tool's own image in the project's network.
#![expect(unreachable_pub, reason = "modules of a test program")]

mod applied;
mod audited;
mod bounded;
mod cured;
mod cures;
mod engine;
mod files;
mod gateway;
mod healthy;
mod inside;
mod links;
mod logs;
mod mended;
mod more;
mod nats;
mod pairs;
mod project;
mod ran;
mod redis;
mod release;
mod row;
mod settings;
mod states;

use engine::available;
use project::Project;
use row::{Row, go_through};

/// One project at a time: services that start on a busy machine miss their own deadlines.
fn alone() -> std::sync::MutexGuard<'static, ()> {
    static ONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn faults(name: &'static str, offset: u16, families: &[&[Row]]) {
    if !available() {
        return;
    }
    let rows = || families.iter().flat_map(|rows| rows.iter());
    if !rows().any(|row| row::is_chosen(row.name, row::ALWAYS)) {
        eprintln!("{name}: {} rows, all of them for `scripts/test --long`", rows().count());
        return;
    }
    let _alone = alone();
    let mut project = Project::new("docker-compose.test.yml", name, offset);
    project.up();
    let healthy = project.settle(&[]);
    assert_eq!(healthy.code, 0, "{}", healthy.digest());
    let mut wrong = Vec::new();
    for rows in families {
        wrong.extend(go_through(&mut project, rows));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_nats_and_the_services_links_break_is_named_where_it_began() {
    faults("cordum", 0, &[nats::ROWS, links::ROWS, settings::ROWS, logs::UNASKED]);
}

#[test]
fn what_redis_the_gateway_and_the_logs_break_is_named_where_it_began() {
    faults("cordum-beside", 1_000, &[redis::ROWS, gateway::ROWS, logs::ROWS, files::ROWS]);
}

#[test]
fn healthy_states_stay_healthy_however_they_look() {
    if !available() {
        return;
    }
    let _alone = alone();
    let mut project = Project::new("docker-compose.test.yml", "cordum-variants", 2_000);
    project.up();
    let healthy = project.settle(&[]);
    assert_eq!(healthy.code, 0, "{}", healthy.digest());
    let worker = healthy.check("worker-nats-tls");
    assert_eq!(worker["evidence"], "proved", "{worker}");
    assert_eq!(worker["details"]["worker_evidence"], "proved", "{worker}");
    let services = worker["details"]["services"].as_array().unwrap();
    assert_eq!(services.len(), 5, "{worker}");
    assert!(services.iter().all(|row| row["tls_version"] == "1.3"), "{worker}");
    // The refusals that our own probes provoked stand in the servers' logs, and are no trouble.
    let said = project.diagnose("jsonl");
    let ours: Vec<&str> = said.lines().filter(|line| line.contains("TLS handshake error")).collect();
    assert!(ours.is_empty(), "{ours:#?}");
    let wrong = healthy::go_through(&mut project);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_does_not_run_passes_nothing() {
    if !available() {
        return;
    }
    let _alone = alone();
    let mut project = Project::new("docker-compose.test.yml", "cordum-states", 6_000);
    project.up();
    let healthy = project.settle(&[]);
    assert_eq!(healthy.code, 0, "{}", healthy.digest());
    let wrong = states::go_through(&mut project);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_running_project_has_the_findings_of_its_files() {
    if !available() {
        return;
    }
    let _alone = alone();
    let mut project = Project::new("docker-compose.test.yml", "cordum-audited", 7_000);
    audited::compare(&mut project);
}

#[test]
fn the_command_of_a_fix_mends_the_project() {
    if !available() {
        return;
    }
    let _alone = alone();
    let project = Project::new("docker-compose.test.yml", "cordum-mended", 4_000);
    project.up();
    let healthy = project.settle(&[]);
    assert_eq!(healthy.code, 0, "{}", healthy.digest());
    let wrong = mended::go_through(&project);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_first_cure_of_a_report_makes_the_project_well() {
    if !available() {
        return;
    }
    let _alone = alone();
    let share = cured::Share::chosen();
    let copy = cured::Copy::new(share);
    let healthy = cured::settle(&copy);
    assert_eq!(healthy.code, 0, "{}", healthy.digest());
    let all: &[&[cured::Fault]] = &[
        cures::SETTINGS,
        more::SETTINGS,
        more::MOUNTS,
        cures::MOUNTS,
        cures::SERVERS,
        more::SERVERS,
        cures::FILES,
        more::FILES,
        more::STOPPED,
        pairs::ROWS,
        pairs::SERVERS,
    ];
    let wrong = cured::go_through(&copy, share, all);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_release_shape_is_healthy_although_little_is_published() {
    if !available() {
        return;
    }
    let _alone = alone();
    let (mut project, mut wrong) = release::check();
    // From inside, one of each: several addresses of a name are dialled one by one as well.
    project.scale.clear();
    project.up();
    wrong.extend(inside::check(&project));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
