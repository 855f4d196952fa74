//! Which targets of a list: lines of a file, and one share of them.

use std::io::{self, BufRead, Write};
use std::path::Path;

use crate::cli::ProbeArgs;
use crate::config::{ConfigError, Environment};

/// Every `.1`-th target from the `.0`-th on.
pub(super) type Shard = (usize, usize);

/// `--shard I/N`, else Kubernetes' index of an Indexed Job and `JOB_COMPLETIONS` beside it.
pub(super) fn shard(args: &ProbeArgs, environment: &Environment) -> Result<Option<Shard>, ConfigError> {
    let index = environment.get("JOB_COMPLETION_INDEX");
    let text = match (&args.shard, index, environment.get("JOB_COMPLETIONS")) {
        (Some(text), ..) => text.clone(),
        (None, Some(index), Some(count)) if args.list.is_some() => format!("{index}/{count}"),
        (None, Some(index), None) if args.list.is_some() => {
            if !args.quiet {
                let _ = writeln!(
                    io::stderr(),
                    "note: JOB_COMPLETION_INDEX is {index}, but JOB_COMPLETIONS is not set: all targets are probed"
                );
            }
            return Ok(None);
        }
        _ => return Ok(None),
    };
    let parsed =
        text.split_once('/').and_then(|(index, count)| Some((index.parse().ok()?, count.parse().ok()?)));
    match parsed {
        Some((index, count)) if index < count => Ok(Some((index, count))),
        _ => Err(ConfigError::new(
            format!("--shard: `{text}` is not I/N with I from 0 to N-1"),
            "give, for example, 0/3, 1/3 and 2/3",
        )),
    }
}

/// Lines of a list as they are read, without comments; `-` is standard input. What cannot be read is an error
/// in its place, never the end of the list.
pub(super) fn lines(path: &Path) -> Result<Box<dyn Iterator<Item = Result<String, String>>>, ConfigError> {
    let reader: Box<dyn BufRead> = if path == Path::new("-") {
        Box::new(io::BufReader::new(io::stdin()))
    } else {
        match std::fs::File::open(path) {
            Ok(file) => Box::new(io::BufReader::new(file)),
            Err(error) => {
                return Err(ConfigError::new(
                    format!("the list of targets cannot be read: {error}"),
                    "give a file with one target a line, or `-`",
                )
                .in_file(path));
            }
        }
    };
    let place = path.display().to_string();
    let mut broken = false;
    let read = reader.split(b'\n').map_while(move |line| match line {
        Ok(bytes) => Some(Ok(String::from_utf8_lossy(&bytes).trim().to_owned())),
        // A disk or a pipe that fails goes on failing.
        Err(_) if broken => None,
        Err(error) => {
            broken = true;
            Some(Err(format!("the list {place} cannot be read further: {error}")))
        }
    });
    Ok(Box::new(read.filter(|line| {
        line.as_ref().map_or(true, |line| {
            let line = line.trim_start_matches('\u{feff}');
            !line.is_empty() && !line.starts_with('#')
        })
    })))
}
