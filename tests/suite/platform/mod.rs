//! What runs the stack, behind its trait: whatever it is, the same is seen and said of it.

mod members;
mod memory;
mod states;

use tls_verify_core::report::RunReport;
use tls_verify_fixtures::demo::Demo;

use memory::{Memory, run_on};

/// What the checks say of a healthy demo that `change` has changed.
fn report(change: impl FnOnce(&mut Memory)) -> RunReport {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let demo = Demo::start(None).await.unwrap();
        let mut memory = Memory::of(&demo);
        change(&mut memory);
        run_on(&demo, memory).await
    })
}

fn told(report: &RunReport) -> String {
    let line = |check: &tls_verify_core::report::CheckReport| {
        format!("{} {}: {} {:?}\n", check.number, check.status.slug(), check.summary, check.diagnoses.first())
    };
    report.checks.iter().map(line).collect()
}

#[test]
fn every_worker_that_is_named_has_to_be_there() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    for (named, exit) in [(&["mock-bank-worker"][..], 0), (&["mock-bank-worker", "second-worker"][..], 1)] {
        let report = runtime.block_on(async {
            let demo = Demo::start(None).await.unwrap();
            memory::run_with(&demo, Memory::of(&demo), |stack| {
                stack.workers = named.iter().map(|name| (*name).to_owned()).collect();
                stack.worker_required = true;
            })
            .await
        });
        assert_eq!(report.exit_code, exit, "{}", told(&report));
        let check = report.checks.iter().find(|check| check.id == "worker-nats-tls").unwrap();
        let absent = check.diagnoses.iter().find(|one| one.place.as_deref() == Some("second-worker"));
        assert_eq!(absent.is_some(), exit == 1, "{}", told(&report));
    }
}

#[test]
fn a_platform_that_nobody_knew_is_asked_like_any_other() {
    let report = report(|_| {});
    assert_eq!(report.exit_code, 0, "{}", told(&report));
    let of = |id: &str| report.checks.iter().find(|check| check.id == id).unwrap();
    assert!(of("service-links").summary.contains("4 core services"), "{}", told(&report));
    assert!(of("redis-logs").summary.contains("6 logs read"), "{}", told(&report));
}
