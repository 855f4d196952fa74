//! Shapes in which trouble may hide: what others put in front of a line or around it, records in records, parts of lines,
//! very long ones; and words of comfort beside a verdict.

use tls_verify_core::logs::classify::{recognise, sense};
use tls_verify_core::logs::runs::RunReader;
use tls_verify_core::logs::scan::LogScanner;

/// Errors, and what they are, whatever stands around them.
const ERRORS: &[(&str, &str)] = &[
    ("x509: certificate signed by unknown authority", "unknown-authority"),
    ("tls: failed to verify certificate: x509: certificate is valid for a, not b", "hostname-mismatch"),
    (
        "x509: certificate has expired or is not yet valid: current time 2026-11-30T10:00:00Z is after 2026-11-01T00:00:00Z",
        "expired",
    ),
    ("error:0A000086:SSL routines::certificate verify failed (self-signed certificate)", "unknown-authority"),
    ("javax.net.ssl.SSLHandshakeException: PKIX path building failed", "unknown-authority"),
    (
        "ssl.SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate has expired (_ssl.c:1006)",
        "expired",
    ),
    ("invalid peer certificate: UnknownIssuer", "unknown-authority"),
    ("remote error: tls: bad certificate", "bad-certificate"),
];

/// What Compose, kubectl, a runtime, syslog, journald, a terminal and programs put in front.
const FRONTS: &[&str] = &[
    "",
    "svc-1  | ",
    "\u{1b}[36msvc-1  |\u{1b}[0m ",
    "2026-11-30T10:00:00.123456789Z ",
    "2026-11-30T10:00:00.123456789Z stderr F ",
    "2026-11-30T12:00:00.123456789+02:00 stdout F ",
    "[pod/api-0/api] ",
    "Nov 30 10:00:00 host app[411]: ",
    "2026-11-30T10:00:00+0000 host app[411]: ",
    "2026/11/30 10:00:00 ",
    "[GATEWAY] ERROR connect failed error=",
    "Error: ",
    "panic: ",
    "- ",
    "  ",
    "note: ",
    "message: ",
    "    message: '",
    "E1130 10:00:00.123456       1 main.go:60] ",
    "2026-11-30T10:00:00.123Z\terror\tmain\t",
    "\u{1b}[31mERROR\u{1b}[0m ",
    "fatal: unable to access 'https://a/b.git/': ",
];

/// Records around it: an object in an object, a list of causes, a log in a log.
const RECORDS: &[&str] = &[
    r#"{"level":"error","msg":"failed","error":"@"}"#,
    r#"{"level":"error","msg":"failed","error":{"message":"@","code":7}}"#,
    r#"{"level":"error","msg":"failed","err":{"type":"Error","message":"@","stack":"at x (y.js:1:2)"}}"#,
    r#"{"level":50,"msg":"failed","err":{"cause":{"message":"@"}}}"#,
    r#"{"severity":"ERROR","message":"failed","error":{"root_cause":[{"type":"tls","reason":"@"}]}}"#,
    r#"{"log":"@\n","stream":"stderr","time":"2026-11-30T10:00:00Z"}"#,
    r#"{"log":"{\"level\":\"error\",\"msg\":\"failed\",\"error\":\"@\"}\n","stream":"stderr","time":"2026-11-30T10:00:00Z"}"#,
    r#"{"jsonPayload":{"message":"@"},"severity":"ERROR"}"#,
    r#"{"timestamp":"2026-11-30T10:00:00Z","level":"ERROR","fields":{"message":"failed","error":"@"},"target":"app"}"#,
    r#"{"@timestamp":"2026-11-30T10:00:00Z","log.level":"error","message":"failed","error.message":"@"}"#,
    r#"{"MESSAGE":"@","PRIORITY":"3","_HOSTNAME":"h"}"#,
    r#"time="2026-11-30T10:00:00Z" level=error msg="failed" error="@""#,
];

/// How `diagnose` reads a line: without a terminal's sequences.
fn kind(line: &str) -> Option<String> {
    let plain = anstream::adapter::strip_str(line).to_string();
    recognise(plain.as_bytes()).map(|found| found.kind.slug().to_owned())
}

#[test]
fn what_stands_in_front_hides_nothing() {
    for (error, wanted) in ERRORS {
        for front in FRONTS {
            let line = format!("{front}{error}");
            assert_eq!(kind(&line).as_deref(), Some(*wanted), "{line}");
        }
    }
}

#[test]
fn records_in_records_hide_nothing() {
    for (error, wanted) in ERRORS {
        for record in RECORDS {
            let line = record.replace('@', error);
            assert_eq!(kind(&line).as_deref(), Some(*wanted), "{line}");
        }
    }
}

/// Words that make a line harmless elsewhere.
const COMFORT: &[&str] = &[
    "retry succeeded",
    "no TLS errors",
    "0 failures",
    "if the peer is up",
    "checking for expired certificates",
    "verify ok",
    "up to date",
    "test",
    "documentation of",
    "help",
    "0 handshake errors",
    "connected after 3 attempts",
    "Summary",
];

#[test]
fn a_word_of_comfort_swallows_no_error_field() {
    for (error, wanted) in ERRORS {
        for comfort in COMFORT {
            for line in [
                format!("[GATEWAY] ERROR {comfort} error={error}"),
                format!(r#"{{"level":"error","msg":"{comfort}","error":"{error}"}}"#),
                format!("time=2026-11-30T10:00:00Z level=ERROR msg=\"{comfort}\" err=\"{error}\""),
                format!("E1130 10:00:00.123456       1 main.go:60] \"{comfort}\" err=\"{error}\""),
            ] {
                assert_eq!(kind(&line).as_deref(), Some(*wanted), "{line}");
            }
        }
    }
}

/// What a message ends with does not join with the name of the field behind it, and what it names beside is no comfort.
#[test]
fn a_lost_connection_in_an_error_field_is_read_whatever_the_message_ends_with() {
    for end in [
        "value",
        "public key",
        "the reference",
        "syntax",
        "duplicate key",
        "deprecated option",
        "null pointer",
    ] {
        for (error, wanted) in [
            ("EOF", "connection-reset"),
            ("dial tcp 10.0.0.9:6379: connect: connection refused", "connection-refused"),
            ("read tcp 10.0.0.1:5->10.0.0.2:6379: i/o timeout", "timeout"),
            ("lookup redis: no such host", "dns"),
        ] {
            for line in [
                format!("[GATEWAY] ERROR failed to set {end} error={error}"),
                format!(r#"{{"level":"error","msg":"failed to set {end}","err":"{error}"}}"#),
                format!(
                    "time=2026-11-30T10:00:00Z level=ERROR msg=\"failed to set {end}\" error=\"{error}\""
                ),
            ] {
                assert_eq!(kind(&line).as_deref(), Some(wanted), "{line}");
            }
        }
    }
    for line in [
        "KeyError: 'timeout'",
        "ValueError: timeout must be a number",
        "[GATEWAY] ERROR request completed status=499 error=EOF",
    ] {
        assert_eq!(kind(line), None, "{line}");
    }
}

#[test]
fn a_verdict_at_the_end_of_a_very_long_line_is_read() {
    for length in [1_000, 30_000, 200_000] {
        let padding = "abc ".repeat(length / 4);
        for line in [
            format!(
                "[GATEWAY] ERROR failed trace={padding} error=x509: certificate signed by unknown authority"
            ),
            format!(
                r#"{{"level":"error","msg":"failed","trace":"{padding}","error":"x509: certificate signed by unknown authority"}}"#
            ),
            format!("Error: {padding}: x509: certificate signed by unknown authority"),
        ] {
            assert_eq!(kind(&line).as_deref(), Some("unknown-authority"), "{length}");
        }
    }
}

/// What stands before an error in its message takes nothing away where the service itself writes at an error's level.
#[test]
fn words_of_people_are_no_excuse_at_the_level_of_an_error() {
    for front in
        ["I am the scheduler", "test", "value", "class redis", "Step 1", "See", "Fixes #12", "# comment"]
    {
        let error = "x509: certificate signed by unknown authority";
        for line in [
            format!("[SCHEDULER] ERROR {front}: {error}"),
            format!(r#"{{"time":"2026-01-31T12:00:00Z","level":"ERROR","msg":"{front}: {error}"}}"#),
            format!("[SCHEDULER] ERROR connect redis: {error} (I am here)"),
            format!("[SCHEDULER] WARN connect redis: {error} (I am here)"),
        ] {
            assert_eq!(kind(&line).as_deref(), Some("unknown-authority"), "{line}");
        }
        assert_eq!(kind(&format!("[SCHEDULER] INFO Fixes #12: {error}")), None);
    }
}

/// A line in parts, as a container runtime writes it, and a Java trace behind Compose's name: both readers.
#[test]
fn parts_and_traces_are_put_together() {
    let parts = "2026-11-30T10:00:00.1Z stderr P [GATEWAY] ERROR connect redis fai\n\
        2026-11-30T10:00:00.1Z stderr P led error=x509: certificate sig\n\
        2026-11-30T10:00:00.1Z stderr F ned by unknown authority\n";
    let trace = "kafka-1  | javax.net.ssl.SSLHandshakeException: General SSLEngine problem\n\
        kafka-1  | \tat sun.security.ssl.Alerts.getSSLException(Alerts.java:192)\n\
        kafka-1  | Caused by: java.security.cert.CertificateExpiredException: NotAfter: Mon\n\
        kafka-1  | \tat x.y(Z.java:1)\nkafka-1  | INFO up\n";
    for (text, wanted) in [(parts, "unknown-authority"), (trace, "expired")] {
        for step in [1, 7, 64, 4096] {
            let mut reader = RunReader::new(None, None, &[]);
            let mut said = Vec::new();
            let mut sink = |problem: tls_verify_core::logs::scan::LogProblem| {
                said.push(problem.found().kind.slug().to_owned());
            };
            let mut scanner = LogScanner::new(false, &mut sink);
            for piece in text.as_bytes().chunks(step) {
                reader.feed(piece);
                scanner.feed(piece);
            }
            scanner.finish();
            let counted: Vec<_> =
                reader.finish().present.troubles.iter().map(|one| one.what.kind.slug().to_owned()).collect();
            assert_eq!(said, [wanted], "{step}");
            assert_eq!(counted, [wanted], "{step}");
        }
    }
}

/// Lines that a YAML listing of events begins with, as `kubectl get events -o yaml` shows them; and what a manifest
/// says in the same shape.
#[test]
fn an_events_own_message_is_told_from_a_manifests_prose() {
    for (line, wanted) in [
        ("note: 'MountVolume.SetUp failed for volume \"tls\" : secret \"gw-tls\" not found'", "bad-key-file"),
        (
            "  note: 'Failed to pull image: x509: certificate signed by unknown authority'",
            "unknown-authority",
        ),
        (
            "  message: 'Readiness probe failed: dial tcp 10.42.0.9:8443: connect: connection refused'",
            "connection-refused",
        ),
        (
            "- note: 'Liveness probe failed: Get \"https://10.0.0.1:1/\": net/http: TLS handshake timeout'",
            "timeout",
        ),
    ] {
        assert_eq!(kind(line).as_deref(), Some(wanted), "{line}");
    }
    for line in [
        "description: 'x509: certificate signed by unknown authority'",
        "  value: \"x509: certificate signed by unknown authority\"",
        "- name: x509: certificate signed by unknown authority",
        "# x509: certificate signed by unknown authority",
    ] {
        assert_eq!(kind(line), None, "{line}");
        assert!(sense(line.as_bytes()).trouble().is_none(), "{line}");
    }
}
