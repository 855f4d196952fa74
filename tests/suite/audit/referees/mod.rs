//! The programs themselves as referees: what they refuse as syntax or type is refused here, and what they take is.

mod compose_files;
mod manifests;
mod mutants;
mod servers;

use std::time::Duration;

use time::OffsetDateTime;
use tls_verify_core::certificates::ValidityPolicy;
use tls_verify_core::manifest::discover::{self, Discovered, Hints};
use tls_verify_core::manifest::{Description, Files, compose};
use tls_verify_core::rules::{self, AuditOptions};

use mutants::Mutant;

/// What `audit` says against a file's shape: its finding of one of the two rules that stand for a refusal, or of a more
/// special one for what a program refuses as incomplete.
fn refused_here(files: &dyn Files, file: &str) -> Option<String> {
    let descriptions: Vec<Description> = discover::folder(files, ".", &Hints::default())
        .into_iter()
        .flat_map(|one| match one {
            Discovered::Compose(request) => vec![compose::load(&request, files)],
            Discovered::Manifests(paths) => discover::manifests(files, ".", &paths),
            Discovered::Alone(path) => vec![discover::alone(files, &path)],
            Discovered::Kustomization(_) | Discovered::Chart(_) => Vec::new(),
        })
        .collect();
    let look = ValidityPolicy { at: OffsetDateTime::now_utc(), expiry_warn: Duration::from_secs(1) };
    let findings = descriptions
        .iter()
        .flat_map(|one| rules::audit(one, files, AuditOptions { look, live: false }).findings)
        .filter(|one| *one.place.file == *file)
        .filter(|one| {
            matches!(one.rule, "unreadable-config" | "unknown-setting" | "half-pair" | "upstream-tls")
        })
        .min_by_key(|one| !matches!(one.rule, "unreadable-config" | "unknown-setting"));
    findings.map(|one| format!("{} at {}: {}", one.rule, one.place.line, one.message))
}

/// How often a program and this say the same.
struct Score {
    program: &'static str,
    asked: usize,
    refused: usize,
    /// Refused there and taken here.
    missed: Vec<String>,
    /// Taken there and refused here.
    alarms: Vec<String>,
}

impl Score {
    const fn new(program: &'static str) -> Self {
        Self { program, asked: 0, refused: 0, missed: Vec::new(), alarms: Vec::new() }
    }

    /// `theirs`: what the program said, empty where it took it; `None`: it stumbled over something else.
    fn count(&mut self, sample: &str, mutant: &Mutant, theirs: Option<String>, here: Option<String>) {
        let Some(theirs) = theirs else { return };
        self.asked += 1;
        let sample = sample.rsplit('/').take(3).collect::<Vec<_>>().join(" of ");
        match (theirs.is_empty(), here) {
            (false, None) => {
                self.refused += 1;
                let said = theirs.lines().filter(|line| !line.trim().is_empty()).take(4).collect::<Vec<_>>();
                self.missed.push(format!("{sample}, {}: {}", mutant.what, said.join(" | ")));
            }
            (false, Some(_)) => self.refused += 1,
            (true, Some(here)) if here.starts_with("un") => {
                self.alarms.push(format!("{sample}, {}: {here}", mutant.what))
            }
            (true, _) => {}
        }
    }

    fn close(self) {
        let Self { program, asked, refused, missed, alarms } = self;
        eprintln!(
            "{program}: {asked} asked, {refused} refused there, {} of them taken here, {} false alarms",
            missed.len(),
            alarms.len()
        );
        assert!(refused > 20, "{program} refuses hardly anything: is it asked rightly?");
        // Types of settings that have nothing to do with connections are left to the programs.
        assert!(
            missed.len() * 33 <= refused && alarms.is_empty(),
            "taken here, refused by {program}:\n{}\n\nrefused here, taken by {program}:\n{}",
            missed.join("\n"),
            alarms.join("\n")
        );
    }
}
