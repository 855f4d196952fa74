//! The stack in a real Kubernetes of one node: faults, their cures typed or applied, and odd states in which nothing
//! is wrong. One row at a time; one of each kind each time, all of them with `scripts/test --long`.

mod applied;
mod handed_on;
mod healthy;
mod jobs;
mod lab;
mod rights;
mod row;
mod secrets;
mod servers;
mod settings;
mod states;
mod ways;

use std::sync::{Mutex, PoisonError};

use lab::Lab;
use libtest_mimic::Trial;

const ROWS: &[&[row::Row]] =
    &[healthy::ROWS, secrets::ROWS, settings::ROWS, servers::ROWS, states::ROWS, ways::ROWS];

static LAB: Mutex<Option<Lab>> = Mutex::new(None);

/// A test of each row; what cannot be run here, or takes too long, is ignored and said to be.
pub(crate) fn trials() -> Vec<Trial> {
    let there = cfg!(feature = "kubernetes") && Lab::found().is_some();
    let required = std::env::var("TLS_VERIFY_REQUIRE").is_ok_and(|list| list.contains("kubernetes"));
    if !there {
        assert!(!required, "a Kubernetes is required and not there");
        eprintln!("not run: rows in a real Kubernetes (scripts/test starts one)");
    }
    let long = std::env::var("TLS_VERIFY_LONG").is_ok_and(|long| long == "1");
    let all = || ROWS.iter().copied().flatten();
    if there && !long {
        let left = all().filter(|row| !row.always).count();
        eprintln!("{left} of {} rows in Kubernetes are for `scripts/test --long`", all().count());
    }
    let of = |name: &str, always: bool, hold: fn(&Lab) -> Result<(), String>| {
        Trial::test(format!("kubernetes::{name}"), move || Ok(with_stack(hold)?))
            .with_ignored_flag(!there || !(long || always))
    };
    let whole = [
        of("the Job of packaging/ proves all checks from inside", true, jobs::inside),
        of("what is collected holds how the ports answered", true, handed_on::collected),
        of("two thousand endpoints in an Indexed Job", false, jobs::fleet),
        of("each right of the least Role taken away in turn", false, rights::hold),
    ];
    let accepts = std::env::var_os("CLUSTER_ACCEPT").is_some();
    let drafts = all().filter(|row| row.is_draft()).count();
    if there && long && !accepts {
        eprintln!("{drafts} rows in Kubernetes are drafts: CLUSTER_ACCEPT=1 prints what they say");
    }
    all()
        .filter(|row| accepts || !row.is_draft())
        .map(|row| {
            let name = format!("kubernetes::{}", row.name);
            let hold = || Ok(with_stack(|lab| row::hold(lab, row))?);
            Trial::test(name, hold).with_ignored_flag(!there || !(long || row.always))
        })
        .chain(whole)
        .collect()
}

/// One row at a time has the stack.
fn with_stack(hold: impl FnOnce(&Lab) -> Result<(), String>) -> Result<(), String> {
    let mut lab = LAB.lock().unwrap_or_else(PoisonError::into_inner);
    if lab.is_none() {
        *lab = Some(Lab::deploy()?);
    }
    hold(lab.as_ref().ok_or("no stack")?)
}
