//! `helm`, `kubectl` and `kustomize`: started with nothing but PATH, an empty home, no input and a time limit; what
//! they print is read like any other manifest.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// What one may take.
#[derive(Clone, Copy, Debug)]
struct ProgramBounds {
    time: Duration,
    /// Bytes that are read of its output.
    output: u64,
}

const BOUNDS: ProgramBounds = ProgramBounds { time: Duration::from_secs(30), output: 16 * 1024 * 1024 };
/// What is read of its complaints; what comes after them is thrown away.
const WORDS: u64 = 64 * 1024;

/// Why a program gave nothing that can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// It ended with a failure; what it said of it.
    Failed(String),
    /// It was not started, did not end, or printed more than is read: that says nothing about its input.
    Unfit(String),
}

/// A program on PATH.
pub(super) fn found(name: &str, path: Option<&str>) -> Option<PathBuf> {
    std::env::split_paths(path?).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// A folder as an argument that is no option whatever it is called.
pub(super) fn folder(path: &str) -> String {
    if path.starts_with('-') { format!("./{path}") } else { path.to_owned() }
}

/// What it prints.
///
/// # Errors
/// What it says instead, or why nothing can be known by it.
pub(super) fn output(program: &Path, arguments: &[&str], path: Option<&str>) -> Result<String, Refused> {
    within(BOUNDS, program, arguments, path)
}

fn within(
    bounds: ProgramBounds,
    program: &Path,
    arguments: &[&str],
    path: Option<&str>,
) -> Result<String, Refused> {
    let unfit =
        |error: io::Error| Refused::Unfit(format!("{} cannot be started: {error}", program.display()));
    let home = tempfile::tempdir().map_err(unfit)?;
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .env("PATH", path.unwrap_or_default())
        .env("HOME", home.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(unfit)?;
    let begun = Instant::now();
    let ended = ended(bounds, begun, &mut child);
    // Whatever happened, nothing is left running.
    let _ = child.kill();
    let _ = child.wait();
    let (status, out, words) = ended?;
    if status.success() {
        Ok(String::from_utf8_lossy(&out).into_owned())
    } else {
        Err(Refused::Failed(String::from_utf8_lossy(&words).trim().to_owned()))
    }
}

/// Waits for its end and for that of its output, which a program of its own may hold open.
fn ended(
    bounds: ProgramBounds,
    begun: Instant,
    child: &mut Child,
) -> Result<(ExitStatus, Vec<u8>, Vec<u8>), Refused> {
    const STEP: Duration = Duration::from_millis(10);
    let late = || Refused::Unfit(format!("it took longer than {} s", bounds.time.as_secs_f32()));
    let out = drained(child.stdout.take(), bounds.output);
    let words = drained(child.stderr.take(), WORDS);
    let mut printed = None;
    loop {
        if printed.is_none() {
            match out.recv_timeout(STEP) {
                Ok(bytes) if bytes.len() as u64 > bounds.output => {
                    let limit = bounds.output / (1024 * 1024);
                    return Err(Refused::Unfit(format!("it printed more than {limit} MiB")));
                }
                Ok(bytes) => printed = Some(bytes),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(late()),
            }
        } else {
            std::thread::sleep(STEP);
        }
        let status = child.try_wait().map_err(|error| Refused::Unfit(error.to_string()))?;
        if let (Some(status), Some(bytes)) = (status, printed.take_if(|_| status.is_some())) {
            return Ok((status, bytes, words.recv_timeout(STEP * 100).unwrap_or_default()));
        }
        if begun.elapsed() > bounds.time {
            return Err(late());
        }
    }
}

/// Everything that comes out, one byte more than is wanted at most.
fn drained(stream: Option<impl Read + Send + 'static>, most: u64) -> Receiver<Vec<u8>> {
    let (done, result) = channel();
    std::thread::spawn(move || {
        let Some(mut stream) = stream else { return };
        let mut bytes = Vec::new();
        let _ = stream.by_ref().take(most + 1).read_to_end(&mut bytes);
        let _ = done.send(bytes);
        if most == WORDS {
            let _ = io::copy(&mut stream, &mut io::sink());
        }
    });
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    const SMALL: ProgramBounds = ProgramBounds { time: Duration::from_secs(3), output: 1024 * 1024 };

    /// What a script does instead of the program.
    fn with(script: &str) -> (Result<String, Refused>, Duration) {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("kubectl");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let begun = Instant::now();
        let printed = within(SMALL, &program, &["kustomize", "."], Some("/usr/bin:/bin"));
        (printed, begun.elapsed())
    }

    #[test]
    fn what_it_prints_is_read_and_its_complaints_are_not() {
        assert_eq!(with("echo warning >&2; echo kind: Pod").0, Ok("kind: Pod\n".to_owned()));
        assert_eq!(
            with("echo half; echo 'why not' >&2; exit 3").0,
            Err(Refused::Failed("why not".to_owned()))
        );
        assert_eq!(with("exit 1").0, Err(Refused::Failed(String::new())));
    }

    #[test]
    fn it_sees_no_variable_and_nobody_answers_it() {
        let (printed, _) =
            with("env | cut -d= -f1 | grep -v -e ^_$ -e ^PWD$ -e ^OLDPWD$ -e ^SHLVL$ | sort | tr '\\n' ' '");
        assert_eq!(printed, Ok("HOME PATH ".to_owned()));
        assert_eq!(with("read -r answer || echo nobody").0, Ok("nobody\n".to_owned()));
    }

    #[test]
    fn one_that_hangs_floods_or_leaves_its_output_open_is_ended_in_time() {
        let unfit = |printed: &Result<String, Refused>| matches!(printed, Err(Refused::Unfit(_)));
        for script in [
            "exec sleep 60",
            "exec yes",
            "head -c 3000000 /dev/zero; exec sleep 60",
            "trap '' PIPE; while :; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; done",
            "sleep 20 & echo kind: Pod",
        ] {
            let (printed, took) = with(script);
            assert!(unfit(&printed), "{script}: {printed:?}");
            assert!(took < Duration::from_secs(10), "{script}: {took:?}");
        }
        // Its complaints may be as long as they like.
        let (printed, _) = with("head -c 3000000 /dev/zero >&2; echo kind: Pod");
        assert_eq!(printed, Ok("kind: Pod\n".to_owned()));
        let nothing = within(SMALL, Path::new("/nonexistent/helm"), &[], None);
        assert!(unfit(&nothing), "{nothing:?}");
    }
}
