//! `merge`: shards' lines become one report with one exit code.

use std::io::{self, BufRead, Write};

use serde_json::Value;

use super::{Count, Report};
use crate::app::usage;
use crate::cli::{Format, LineFormat, MergeArgs};
use crate::config::Problem;
use crate::judge::Status;
use crate::outcome::outcome;

/// Runs the command and returns its exit code.
#[must_use]
pub fn command(args: &MergeArgs) -> u8 {
    let mut endpoints: Vec<Value> = Vec::new();
    let mut count = Count::default();
    let mut problems = Vec::new();
    for path in &args.files {
        let reader: Box<dyn BufRead> = if path == std::path::Path::new("-") {
            Box::new(io::BufReader::new(io::stdin()))
        } else {
            match std::fs::File::open(path) {
                Ok(file) => Box::new(io::BufReader::new(file)),
                Err(error) => {
                    let why = format!("a shard's lines cannot be read: {error}");
                    problems.push(Problem::new(why, "give what `probe --format jsonl` wrote").in_file(path));
                    continue;
                }
            }
        };
        for (number, line) in reader.lines().enumerate() {
            let read = line.ok().filter(|line| !line.trim().is_empty());
            let Some(line) = read else { continue };
            let status = serde_json::from_str::<Value>(&line).ok().and_then(|object| {
                let status = Status::named(object.get("status")?.as_str()?)?;
                object.get("target")?.as_str()?;
                Some((status, object))
            });
            match status {
                Some((status, object)) => {
                    count.add(status);
                    endpoints.push(object);
                }
                None => problems.push(
                    Problem::new(
                        format!("line {} is no endpoint of a probe", number + 1),
                        "give what `probe --format jsonl` wrote",
                    )
                    .in_file(path),
                ),
            }
        }
    }
    if !problems.is_empty() {
        return usage(&problems, if args.format == LineFormat::Human { Format::Human } else { Format::Json });
    }
    let code = count.exit_code(false);
    let report = Report { schema: "tls-verify/probe/v1", outcome: outcome(code), exit_code: code, endpoints };
    let mut out = io::stdout().lock();
    let wrote = match args.format {
        LineFormat::Json => serde_json::to_writer(&mut out, &report)
            .map_err(io::Error::other)
            .and_then(|()| out.write_all(b"\n")),
        LineFormat::Jsonl => report.endpoints.iter().try_for_each(|one| writeln!(out, "{one}")),
        LineFormat::Human => super::screen::merged(&report, count, &mut out),
    };
    let _ = wrote.and_then(|()| out.flush());
    code
}
