//! `diagnose` on whatever is given to it: any size, any bytes, any file.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

const BAD: &str = "dial tcp 10.0.0.1:6379: connect: connection refused";
const PATIENCE: Duration = Duration::from_secs(120);

fn command(inputs: &[&Path], format: &str) -> Command {
    let mut command = crate::bare();
    command.args(["diagnose", "--format", format]).args(inputs).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Waits with a deadline; its output is small or read on threads.
fn ended(mut child: Child) -> Output {
    fn read(pipe: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<Vec<u8>> {
        std::thread::spawn(move || {
            let mut text = Vec::new();
            if let Some(mut pipe) = pipe {
                let _ = pipe.read_to_end(&mut text);
            }
            text
        })
    }
    let (stdout, stderr) = (read(child.stdout.take()), read(child.stderr.take()));
    let until = Instant::now() + PATIENCE;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if Instant::now() > until {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("it did not end");
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    Output { status, stdout: stdout.join().unwrap(), stderr: stderr.join().unwrap() }
}

fn diagnose(path: &Path) -> (i32, Vec<Value>) {
    let output = ended(command(&[path], "jsonl").spawn().unwrap());
    let text = String::from_utf8(output.stdout).unwrap();
    let rows = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (output.status.code().unwrap(), rows)
}

fn number(row: &Value) -> u64 {
    row["line_number"].as_u64().unwrap()
}

#[test]
fn any_bytes_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log");
    let junk: Vec<u8> =
        (0..200_000_u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let breaks = junk.iter().filter(|byte| **byte == b'\n').count() as u64;
    let cases: [(Vec<u8>, Vec<u64>); 8] = [
        (b"".to_vec(), vec![]),
        (b"\n\n\n".to_vec(), vec![]),
        (BAD.into(), vec![1]),
        (format!("fine\r\n{BAD}\r\n").into(), vec![2]),
        ([b"\xff\xfe\xc3\x28 ".as_slice(), BAD.as_bytes(), b" \xf0\x28\n"].concat(), vec![1]),
        ([junk.as_slice(), b"\n", BAD.as_bytes()].concat(), vec![breaks + 2]),
        ([b"a\0b\0\n".as_slice(), BAD.as_bytes(), b"\0\0"].concat(), vec![2]),
        (format!("\u{feff}{BAD}").into(), vec![1]),
    ];
    for (bytes, wanted) in cases {
        std::fs::write(&file, &bytes).unwrap();
        let (code, rows) = diagnose(&file);
        let last: Vec<u64> =
            rows.iter().filter(|row| row["cause"] == "connection-refused").map(number).collect();
        assert_eq!(last, wanted, "{:?}", String::from_utf8_lossy(&bytes[..bytes.len().min(60)]));
        assert_eq!(code, i32::from(!rows.is_empty()));
    }
}

#[test]
fn a_line_of_a_hundred_megabytes_is_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log");
    let mut writer = std::io::BufWriter::new(std::fs::File::create(&file).unwrap());
    writer.write_all(b"x509: certificate signed by unknown authority ").unwrap();
    let piece = vec![b'x'; 1 << 20];
    for _ in 0..100 {
        writer.write_all(&piece).unwrap();
    }
    write!(writer, "\n{BAD}\n").unwrap();
    drop(writer);
    let (code, rows) = diagnose(&file);
    assert_eq!(code, 1);
    let found: Vec<(u64, &str)> =
        rows.iter().map(|row| (number(row), row["cause"].as_str().unwrap())).collect();
    assert_eq!(found, [(1, "unknown-authority"), (2, "connection-refused")]);
    assert!(rows[0]["line"].as_str().unwrap().len() < 10_000);
}

#[test]
fn packed_files_are_unpacked_and_broken_ones_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log.gz");
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    writeln!(packer, "fine\n{BAD}").unwrap();
    let packed = packer.finish().unwrap();
    // Rotated logs are often several streams in one file.
    std::fs::write(&file, [packed.as_slice(), &packed].concat()).unwrap();
    let (code, rows) = diagnose(&file);
    assert_eq!((code, rows.iter().map(number).collect::<Vec<_>>()), (1, vec![2, 4]));
    for broken in [packed[..packed.len() - 9].to_vec(), [&packed[..14], b"\xff\xff\xff\xff\xff\xff"].concat()]
    {
        std::fs::write(&file, broken).unwrap();
        let output = ended(command(&[&file], "json").spawn().unwrap());
        assert_eq!(output.status.code(), Some(2));
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(said["schema"], "tls-verify/error/v1");
        assert!(said["errors"][0]["file"].as_str().unwrap().ends_with("log.gz"), "{said}");
        assert!(!said["errors"][0]["fix"].as_str().unwrap().is_empty());
    }
    std::fs::write(&file, b"\x1f\x8b").unwrap();
    assert_eq!(ended(command(&[&file], "json").spawn().unwrap()).status.code(), Some(2));
}

#[test]
fn what_cannot_be_read_is_a_usage_error_with_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let absent = folder.path().join("absent.log");
    for path in [folder.path(), &absent] {
        let output = ended(command(&[path], "json").spawn().unwrap());
        assert_eq!(output.status.code(), Some(2), "{}", path.display());
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(said["exit_code"], 2);
        assert!(!said["errors"][0]["fix"].as_str().unwrap().is_empty(), "{said}");
    }
    // A folder among the logs is no log.
    std::fs::create_dir(folder.path().join("odd.log")).unwrap();
    std::fs::write(folder.path().join("scheduler.log"), BAD).unwrap();
    let (code, rows) = diagnose(folder.path());
    assert_eq!((code, rows.len()), (1, 1));
}

#[cfg(unix)]
#[test]
fn an_unreadable_file_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("scheduler.log");
    std::fs::write(&file, BAD).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::read(&file).is_ok() {
        eprintln!("skipped: this user may read everything");
        return;
    }
    let output = ended(command(&[&file], "json").spawn().unwrap());
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stdout).contains("scheduler.log"));
}

#[test]
fn only_newer_lines_count_where_their_time_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gateway.log");
    let text = format!("2026-01-01T00:00:00Z {BAD}\n2026-06-01T00:00:00Z {BAD}\n{BAD}\n");
    std::fs::write(&file, text).unwrap();
    let output = ended(command(&[&file], "jsonl").args(["--since", "2026-03-01T00:00:00Z"]).spawn().unwrap());
    let text = String::from_utf8(output.stdout).unwrap();
    let numbers: Vec<u64> = text.lines().map(|line| number(&serde_json::from_str(line).unwrap())).collect();
    assert_eq!(numbers, [2, 3]);
    let output = ended(command(&[&file], "json").args(["--since", "soon"]).spawn().unwrap());
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn standard_input_and_pasted_text_are_read() {
    let mut child = command(&[], "jsonl").stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let text = format!("fine\napi-1  | \u{1b}[31m{BAD}\u{1b}[0m\n");
    std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = ended(child);
    let row: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((row["source"].as_str(), row["line_number"].as_u64()), (Some("stdin"), Some(2)));
    let output = ended(command(&[Path::new(BAD)], "json").spawn().unwrap());
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["summary"]["connection-refused"], 1);
}

#[test]
fn who_follows_a_log_hears_of_a_line_while_the_pipe_stays_open() {
    let mut child = command(&[], "jsonl").stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let stdout = child.stdout.take().unwrap();
    let (heard, said) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for line in std::io::BufRead::lines(std::io::BufReader::new(stdout)) {
            if heard.send(line.unwrap()).is_err() {
                return;
            }
        }
    });
    let expect = |number: u64, cause: &str| {
        let row =
            said.recv_timeout(std::time::Duration::from_secs(60)).expect("a record, while more may come");
        let row: Value = serde_json::from_str(&row).unwrap();
        assert_eq!((row["line_number"].as_u64(), row["cause"].as_str()), (Some(number), Some(cause)));
    };
    // Nothing follows.
    stdin.write_all(b"dial tcp 10.0.0.1:6379: connect: connection refused\n").unwrap();
    expect(1, "connection-refused");
    // Half a line follows.
    stdin.write_all(b"x509: certificate signed by unknown authority\nall is").unwrap();
    expect(2, "unknown-authority");
    // A record of several lines in one piece, and nothing behind it.
    let trace = b" well\njavax.net.ssl.SSLHandshakeException: General SSLEngine problem\n\tat a.b(C.java:1)\nCaused by: java.security.cert.CertificateExpiredException: NotAfter: Mon\n";
    stdin.write_all(trace).unwrap();
    expect(4, "expired");
    // More than a block at once, and then nothing.
    let mut flood = b"INFO request completed status=200\n".repeat(60_000);
    flood.extend_from_slice(b"x509: certificate is valid for localhost, not redis\n");
    stdin.write_all(&flood).unwrap();
    expect(60_007, "hostname-mismatch");
    drop(stdin);
    assert_eq!(ended(child).status.code(), Some(1));
}

#[test]
fn a_closed_output_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log");
    std::fs::write(&file, format!("{BAD}\n").repeat(100_000)).unwrap();
    let mut child = command(&[&file], "jsonl").spawn().unwrap();
    drop(child.stdout.take());
    let output = ended(child);
    assert!(!String::from_utf8_lossy(&output.stderr).contains("panicked"));
    assert_eq!(output.status.code(), Some(1));
}
