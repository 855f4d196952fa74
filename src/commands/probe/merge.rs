//! `merge`: shards' lines become one report with one exit code.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read, Write};
use std::path::Path;

use serde_json::{Value, json};
use tls_verify_core::report::{exit, outcome};
use tls_verify_core::status::Status;

use super::{Count, ProbeReport};
use crate::cli::{ErrorFormat, MergeArgs, ProbeFormat, names};
use crate::config::ConfigError;
use crate::output;
use crate::report::files::ReportFiles;
use crate::usage::usage;

const FIX: &str = "give what `probe --format jsonl` wrote";

/// Runs the command and returns its exit code.
#[must_use]
pub fn command(args: &MergeArgs) -> u8 {
    let format = args.format.told();
    let mut reports = match ReportFiles::open(&args.report, &names::<ProbeFormat>(&["human"])) {
        Ok(reports) => reports,
        Err(problems) => return usage(&problems, format),
    };
    let mut joined = Joined::default();
    let mut problems = Vec::new();
    for (index, path) in args.files.iter().enumerate() {
        match open(path) {
            Ok(reader) => joined.read(index, path, reader, &mut problems),
            Err(error) => {
                let why = format!("a shard's lines cannot be read: {error}");
                problems.push(ConfigError::new(why, FIX).in_file(path));
            }
        }
    }
    if !problems.is_empty() {
        return usage(&problems, format);
    }
    let Joined { endpoints, count, twice, .. } = joined;
    let mut notes = Vec::new();
    if twice > 0 {
        notes.push(format!("{twice} lines stand in two files and count once"));
    }
    let mut code = count.exit_code(args.strict);
    let wanted = args.expect.unwrap_or(1);
    if endpoints.len() < wanted {
        notes.push(format!("{} endpoints of {wanted}: a shard is missing", endpoints.len()));
        code = exit::not_whole(code);
    }
    for note in notes {
        let _ = writeln!(io::stderr(), "note: {note}");
    }
    let report =
        ProbeReport { schema: "tls-verify/probe/v1", outcome: outcome(code), exit_code: code, endpoints };
    let code = output::print(code, |out| match args.format {
        ProbeFormat::Human => super::screen::merged(&report, count, out),
        other => crate::report::probe("merge", &report, other, out),
    });
    output::filed(code, reports.write_probe("merge", &report))
}

fn open(path: &Path) -> io::Result<Box<dyn BufRead>> {
    let reader: Box<dyn Read> =
        if path == Path::new("-") { Box::new(io::stdin()) } else { Box::new(std::fs::File::open(path)?) };
    Ok(Box::new(io::BufReader::new(reader)))
}

#[derive(Default)]
struct Joined {
    endpoints: Vec<Value>,
    count: Count,
    /// Which file a line was first seen in: the same probe's line in another file is a copy.
    seen: BTreeMap<String, usize>,
    twice: usize,
}

impl Joined {
    fn read(&mut self, index: usize, path: &Path, mut reader: impl BufRead, problems: &mut Vec<ConfigError>) {
        let mut number = 0_usize;
        loop {
            let mut bytes = Vec::new();
            match reader.read_until(b'\n', &mut bytes) {
                Ok(0) => return,
                Ok(_) => number += 1,
                Err(error) => {
                    problems.push(
                        ConfigError::new(format!("a shard's lines cannot be read: {error}"), FIX)
                            .in_file(path),
                    );
                    return;
                }
            }
            let whole = bytes.ends_with(b"\n");
            let line = String::from_utf8_lossy(&bytes).trim().to_owned();
            if line.is_empty() {
                continue;
            }
            let endpoint = serde_json::from_str::<Value>(&line).ok().and_then(|object| {
                let status = Status::named(object.get("status")?.as_str()?)?;
                object.get("target")?.as_str()?;
                Some((status, object))
            });
            match endpoint {
                Some(_) if self.is_copy(index, &line) => self.twice += 1,
                Some((status, object)) => {
                    self.count.add(status);
                    self.endpoints.push(object);
                }
                // A shard that was killed while it wrote: what it did not get to say is undecided.
                None if !whole => {
                    self.count.add(Status::Unknown);
                    let place = format!("{}, line {number}", path.display());
                    self.endpoints.push(json!({
                        "target": place, "status": Status::Unknown.slug(),
                        "summary": "the line breaks off: the shard was stopped while it wrote",
                        "diagnoses": [], "details": {},
                    }));
                }
                None => problems.push(
                    ConfigError::new(format!("line {number} is no endpoint of a probe"), FIX).in_file(path),
                ),
            }
        }
    }

    fn is_copy(&mut self, index: usize, line: &str) -> bool {
        *self.seen.entry(line.to_owned()).or_insert(index) != index
    }
}
