//! The stack in a real Kubernetes of one node: faults, their cures typed or applied, and odd states in which nothing
//! is wrong. One row at a time; one of each kind each time, all of them with `scripts/test --long`.

mod applied;
mod healthy;
mod lab;
mod row;
mod secrets;
mod servers;
mod settings;
mod states;

use std::sync::{Mutex, PoisonError};

use lab::Lab;
use libtest_mimic::Trial;

const ROWS: &[&[row::Row]] = &[healthy::ROWS, secrets::ROWS, settings::ROWS, servers::ROWS, states::ROWS];

static LAB: Mutex<Option<Lab>> = Mutex::new(None);

/// A test of each row; what cannot be run here, or takes too long, is ignored and said to be.
pub(crate) fn trials() -> Vec<Trial> {
    let there = Lab::found().is_some();
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
    all()
        .map(|row| {
            let name = format!("kubernetes::{}", row.name);
            Trial::test(name, || Ok(hold(row)?)).with_ignored_flag(!there || !(long || row.always))
        })
        .collect()
}

fn hold(row: &row::Row) -> Result<(), String> {
    let mut lab = LAB.lock().unwrap_or_else(PoisonError::into_inner);
    if lab.is_none() {
        *lab = Some(Lab::deploy()?);
    }
    let lab = lab.as_ref().ok_or("no stack")?;
    row::hold(lab, row)
}
