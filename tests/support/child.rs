//! A process under watch: its time, its peak memory, its output; killed when it does not end.

#![allow(dead_code, reason = "each test binary uses its own part")]

use std::fs::File;
use std::io::{Read, Seek};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// The program, with nothing of the caller's environment but PATH.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tls-verify"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
}

/// How a process ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) took: Duration,
    /// `VmHWM`, in KiB; 0 where the system does not tell.
    pub(crate) peak: u64,
}

impl Ended {
    /// Standard output as one JSON object.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out)
            .unwrap_or_else(|error| panic!("{error}: stdout {:?}, stderr {:?}", self.out, self.err))
    }
}

/// A started process; killed when it is dropped.
pub(crate) struct Watched {
    child: Child,
    out: File,
    err: File,
    begun: Instant,
    peak: u64,
}

/// Starts it without standard input, its output going to files: nothing can block on a full pipe.
pub(crate) fn start(command: &mut Command) -> Watched {
    let (out, err) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
    let child = command
        .stdin(Stdio::null())
        .stdout(out.try_clone().unwrap())
        .stderr(err.try_clone().unwrap())
        .spawn()
        .unwrap();
    Watched { child, out, err, begun: Instant::now(), peak: 0 }
}

/// Starts it with another standard output, and waits for its end.
pub(crate) fn run_to(command: &mut Command, to: impl Into<Stdio>, limit: Duration) -> Ended {
    let (out, err) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
    let child = command.stdin(Stdio::null()).stdout(to).stderr(err.try_clone().unwrap()).spawn().unwrap();
    // The command still holds the other end: a pipe is closed with it.
    command.stdout(Stdio::null());
    Watched { child, out, err, begun: Instant::now(), peak: 0 }.end(limit)
}

/// Starts it and waits for its end.
pub(crate) fn run(command: &mut Command, limit: Duration) -> Ended {
    start(command).end(limit)
}

impl Watched {
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has written so far.
    pub(crate) fn so_far(&mut self) -> (String, String) {
        (whole(&mut self.out), whole(&mut self.err))
    }

    /// Waits until `ready` says so of standard output and standard error.
    pub(crate) fn until(&mut self, limit: Duration, ready: impl Fn(&str, &str) -> bool) {
        loop {
            let (out, err) = self.so_far();
            if ready(&out, &err) {
                return;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "it ended too early ({ended:?}): {out} {err}");
            assert!(self.begun.elapsed() < limit, "not ready within {limit:?}: {out} {err}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits for its end.
    pub(crate) fn end(mut self, limit: Duration) -> Ended {
        let status = loop {
            self.peak = self.peak.max(peak(self.child.id()));
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if self.begun.elapsed() > limit {
                let (out, err) = self.so_far();
                panic!("it does not end within {limit:?}: {out} {err}");
            }
            std::thread::sleep(Duration::from_millis(3));
        };
        let took = self.begun.elapsed();
        let (out, err) = self.so_far();
        Ended { status, code: status.code(), out, err, took, peak: self.peak }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn whole(file: &mut File) -> String {
    let mut bytes = Vec::new();
    // The child writes at the shared offset, so that it is put back where it was: at the end.
    file.rewind().unwrap();
    file.read_to_end(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The highest resident memory so far, in KiB.
fn peak(id: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    text.lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.trim().strip_suffix(" kB"))
        .and_then(|number| number.trim().parse().ok())
        .unwrap_or(0)
}
