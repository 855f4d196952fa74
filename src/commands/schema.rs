//! JSON Schemas of every JSON output.

use tls_verify_core::remedy::catalogue::distance;
use tls_verify_core::report::exit;

use crate::cli::Format;
use crate::config::ConfigError;
use crate::output::print;
use crate::usage::usage;

/// Name and text of each.
pub const ALL: &[(&str, &str)] = &[
    ("run", include_str!("../schemas/run.json")),
    ("certs", include_str!("../schemas/certs.json")),
    ("audit", include_str!("../schemas/audit.json")),
    ("probe", include_str!("../schemas/probe.json")),
    ("diagnose", include_str!("../schemas/diagnose.json")),
    ("explain", include_str!("../schemas/explain.json")),
    ("faults", include_str!("../schemas/faults.json")),
    ("plan", include_str!("../schemas/plan.json")),
    ("transition", include_str!("../schemas/transition.json")),
    ("error", include_str!("../schemas/error.json")),
];

/// Prints one, or the names.
#[must_use]
pub fn command(name: Option<&str>) -> u8 {
    match name {
        None => print(exit::PASS, |out| ALL.iter().try_for_each(|(name, _)| writeln!(out, "{name}"))),
        Some(name) => match ALL.iter().find(|(known, _)| *known == name) {
            Some((_, text)) => print(exit::PASS, |out| out.write_all(text.as_bytes())),
            None => {
                let nearest = ALL
                    .iter()
                    .min_by_key(|(known, _)| distance(name, known))
                    .map_or("run", |(known, _)| known);
                let names: Vec<&str> = ALL.iter().map(|(name, _)| *name).collect();
                let problem = ConfigError::new(
                    format!("there is no schema `{name}`; did you mean `{nearest}`?"),
                    format!("one of {}", names.join(", ")),
                );
                usage(&[problem], Format::Human)
            }
        },
    }
}
