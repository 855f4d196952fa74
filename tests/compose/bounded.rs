//! Other programs, each within a time: one that hangs fails its row, never the suite.

use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    /// Nothing when it could not be started, was killed, or did not end in time.
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ended {
    /// It has to have worked.
    pub fn must(self, what: &str) -> Self {
        assert_eq!(self.code, Some(0), "{what}: {} {}", self.out, self.err);
        self
    }
}

/// Runs a program to its end, or kills it.
pub fn run(mut command: Command, limit: Duration) -> Ended {
    let begun = Instant::now();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return Ended { code: None, out: String::new(), err: error.to_string() },
    };
    let out = reader(child.stdout.take());
    let err = reader(child.stderr.take());
    let code = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status.code(),
            Ok(None) if begun.elapsed() < limit => std::thread::sleep(Duration::from_millis(10)),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                break None;
            }
        }
    };
    // A grandchild may hold the pipe open: what has come by now counts.
    let text = |from: mpsc::Receiver<Vec<u8>>| {
        let mut bytes = Vec::new();
        while let Ok(chunk) = from.recv_timeout(Duration::from_secs(2)) {
            bytes.extend(chunk);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let (out, mut err) = (text(out), text(err));
    if code.is_none() && begun.elapsed() >= limit {
        err.push_str(&format!(" (no end within {} s: {command:?})", limit.as_secs()));
    }
    Ended { code, out, err }
}

fn reader(pipe: Option<impl Read + Send + 'static>) -> mpsc::Receiver<Vec<u8>> {
    let (to, from) = mpsc::channel();
    std::thread::spawn(move || {
        let Some(mut pipe) = pipe else { return };
        let mut buffer = [0_u8; 16 * 1024];
        while let Ok(count @ 1..) = pipe.read(&mut buffer) {
            if to.send(buffer[..count].to_vec()).is_err() {
                return;
            }
        }
    });
    from
}

#[test]
fn a_program_that_hangs_is_ended_and_said() {
    let mut command = Command::new("sleep");
    command.arg("60");
    let begun = Instant::now();
    let ended = run(command, Duration::from_millis(300));
    assert_eq!(ended.code, None);
    assert!(ended.err.contains("no end within"), "{}", ended.err);
    assert!(begun.elapsed() < Duration::from_secs(20));
}
