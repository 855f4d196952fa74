//! The same faults through the program itself: exit codes, and the caller's environment without a say.

use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::Value;
use tls_verify_fixtures::fault::{self, Fault};

/// Runs `demo`; a program that does not end is killed.
fn run(fault: Option<Fault>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tls-verify"));
    command.args(["demo", "--format", "json"]);
    if let Some(fault) = fault {
        command.args(["--fault", fault.name()]);
    }
    // Nothing of the caller may change a verdict.
    command.env("CORDUM_TLS_INSECURE", "1").env("HTTPS_PROXY", "http://127.0.0.1:1");
    command.env("SSL_CERT_FILE", "/dev/null").env_remove("CORDUM_API_KEY");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    // Both pipes are read while it runs, so that it never waits for us; killing it ends both readers.
    let read = |pipe: &mut dyn std::io::Read| {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).unwrap();
        bytes
    };
    std::thread::scope(|scope| {
        let (stdout, stderr) = (scope.spawn(move || read(&mut out)), scope.spawn(move || read(&mut err)));
        let begun = Instant::now();
        let status = loop {
            match child.try_wait().unwrap() {
                Some(status) => break status,
                None if begun.elapsed() > Duration::from_secs(120) => {
                    child.kill().unwrap();
                    break child.wait().unwrap();
                }
                None => std::thread::sleep(Duration::from_millis(10)),
            }
        };
        Output { status, stdout: stdout.join().unwrap(), stderr: stderr.join().unwrap() }
    })
}

pub(crate) fn demo_ends_each_fault_with_its_code_and_a_healthy_stack_with_none() {
    let work: Mutex<Vec<Option<Fault>>> =
        Mutex::new(fault::ALL.iter().copied().map(Some).chain([None]).collect());
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                loop {
                    let Some(fault) = work.lock().unwrap().pop() else { break };
                    let name = fault.map_or("healthy", Fault::name);
                    let expected = fault.map_or(0, |fault| i32::from(fault.exit_code()));
                    let output = run(fault);
                    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
                    let failing = report["checks"]
                        .as_array()
                        .is_some_and(|checks| checks.iter().any(|check| check["status"] == "fail"));
                    let roots = report["root_causes"].as_array().is_some_and(|roots| !roots.is_empty());
                    if output.status.code() != Some(expected)
                        || report["exit_code"] != expected
                        || roots != failing
                    {
                        wrong.lock().unwrap().push(format!(
                            "{name}: {:?}, not {expected}: {report} {}",
                            output.status.code(),
                            String::from_utf8_lossy(&output.stderr)
                        ));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
