//! How results are shown, by command; what a command does not have is refused with the list of those it has.

use clap::ValueEnum;

/// Of `run` and `demo`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Human,
    Json,
    // With --watch: a line a change; else the report in one line.
    Jsonl,
    Junit,
    Tap,
    Github,
    Sarif,
    Prometheus,
    /// One page for people, with everything in it
    Html,
    /// One line, with exit codes of its own: 0 ok, 1 warning, 2 critical, 3 unknown
    Nagios,
}

/// Of `probe` and `merge`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProbeFormat {
    Human,
    Json,
    Jsonl,
    Junit,
    Html,
    Prometheus,
}

/// Of `certs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CertsFormat {
    Human,
    Json,
    Junit,
    /// SARIF 2.1.0, findings at their files.
    Sarif,
    Github,
    Html,
}

/// Of `diagnose`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DiagnoseFormat {
    Human,
    Json,
    Jsonl,
    Html,
}

/// Of `explain`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PlainFormat {
    Human,
    Json,
}

/// The names of a command's formats, without those that no file is written in.
#[must_use]
pub fn names<F: ValueEnum>(without: &[&str]) -> Vec<String> {
    let name = |format: &F| format.to_possible_value().map(|value| value.get_name().to_owned());
    F::value_variants().iter().filter_map(name).filter(|name| !without.contains(&name.as_str())).collect()
}

/// How an error is told: as an object where the result would have been one.
pub(crate) trait ErrorFormat: Copy + ValueEnum {
    fn told(self) -> Format {
        match self.to_possible_value().as_ref().map(|value| value.get_name()) {
            Some("json" | "jsonl") => Format::Json,
            _ => Format::Human,
        }
    }
}

impl ErrorFormat for ProbeFormat {}
impl ErrorFormat for CertsFormat {}
impl ErrorFormat for DiagnoseFormat {}
