//! Go programs as referees: built once, fed on one side while the other is read, stopped when they are late.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Longest that building and judging may take together.
const LATEST: Duration = Duration::from_secs(400);

struct Stopped(Child);

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Stopped {
    fn within(&mut self, latest: Instant) {
        while self.0.try_wait().unwrap().is_none() {
            assert!(Instant::now() < latest, "the referee is late");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// What the program in `tests/referee/NAME` says to this input; `None`: there is no Go here.
pub(crate) fn ask(name: &str, input: Vec<u8>) -> Option<Vec<u8>> {
    let latest = Instant::now() + LATEST;
    let go = ["go", "/usr/local/go/bin/go"].into_iter().find(|go| {
        let mut version = Command::new(go);
        version.arg("version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        version.status().is_ok_and(|status| status.success())
    });
    let Some(go) = go else {
        eprintln!("skipped: no Go here to be the referee");
        return None;
    };
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join(name);
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/referee").join(name);
    let mut build = Command::new(go);
    build.arg("build").arg("-o").arg(&program).arg("main.go").current_dir(source).stdin(Stdio::null());
    let mut build = Stopped(build.spawn().unwrap());
    build.within(latest);
    assert!(build.0.wait().unwrap().success());
    let child = Command::new(&program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut child = Stopped(child);
    let (mut stdin, mut stdout) = (child.0.stdin.take().unwrap(), child.0.stdout.take().unwrap());
    // The referee answers while it is still being asked.
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let reader = std::thread::spawn(move || {
        let mut output = Vec::new();
        stdout.read_to_end(&mut output).map(|_| output)
    });
    child.within(latest);
    let output = reader.join().unwrap().unwrap();
    writer.join().unwrap().unwrap();
    assert!(child.0.wait().unwrap().success());
    Some(output)
}
