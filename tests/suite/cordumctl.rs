//! Checks 3 and 4 with a cordumctl of every kind: one that works, and the many that fail for another reason
//! than the one that counts.

#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tls_verify_fixtures::demo::Demo;

use crate::program;
use tls_verify_fixtures::child::{ExitedChild, run};

/// Nothing here takes so long; what does is killed.
const HARD: Duration = Duration::from_secs(60);

/// Go's words for an authority that is not known (cordumctl 0.2).
const STRANGER: &str = "rest GET /api/v1/status: Get \"https://localhost:8081/api/v1/status\": tls: failed to verify \
                        certificate: x509: certificate signed by unknown authority";

struct Lab {
    _runtime: tokio::runtime::Runtime,
    demo: Demo,
    folder: tempfile::TempDir,
}

impl Lab {
    fn start() -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let demo = runtime.block_on(Demo::start(None)).unwrap();
        Self { _runtime: runtime, demo, folder: tempfile::tempdir().unwrap() }
    }

    fn ca(&self) -> PathBuf {
        self.demo.certs.join("ca/ca.crt")
    }

    /// An executable of these bytes.
    fn file(&self, name: &str, bytes: &[u8], mode: u32) -> PathBuf {
        let path = self.folder.path().join(name);
        // Written by a process of its own: one of ours that forks meanwhile would keep it busy (ETXTBSY).
        fs::write(path.with_extension("part"), bytes).unwrap();
        let copied = std::process::Command::new("cp").arg(path.with_extension("part")).arg(&path).status();
        assert!(copied.unwrap().success());
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    /// A shell script; `$CA` is the file after `--cacert`, or empty.
    fn script(&self, name: &str, body: &str) -> PathBuf {
        let text = format!(
            "#!/bin/sh\nCA=\nprev=\nfor word in \"$@\"; do [ \"$prev\" = --cacert ] && CA=$word; prev=$word; done\n\
             {body}\n"
        );
        self.file(name, text.as_bytes(), 0o755)
    }

    fn command(&self) -> std::process::Command {
        let mut command = program();
        command
            .args(["run", "--only", "cli-with-cacert,cli-without-cacert", "--no-docker", "--format", "json"])
            .args([
                "--timeout",
                "5s",
                "--gateway",
                &format!("https://localhost:{}", self.demo.gateway.port()),
            ])
            .arg("--certs")
            .arg(&self.demo.certs)
            .env("CORDUM_API_KEY", &self.demo.api_key);
        command
    }

    fn ask(&self, cordumctl: &Path) -> ExitedChild {
        let mut command = self.command();
        command.arg("--cordumctl").arg(cordumctl);
        run(&mut command, HARD)
    }
}

/// Status and main cause of both checks.
fn said(ended: &ExitedChild) -> (String, String) {
    let report = ended.json();
    let of = |index: usize| {
        let check = &report["checks"][index];
        let cause = check.pointer("/diagnoses/0/cause").and_then(Value::as_str);
        format!("{} {}", check["status"].as_str().unwrap(), cause.unwrap_or("-"))
    };
    (of(0), of(1))
}

#[test]
fn one_that_works_passes_both_checks() {
    let lab = Lab::start();
    let table = "echo 'Gateway  https://localhost'; echo 'NATS     connected'";
    let refuses = format!("echo '{STRANGER}' >&2; exit 1");
    let works = lab.script("works", &format!("[ -n \"$CA\" ] || {{ {refuses}; }}\n{table}"));
    let ended = lab.ask(&works);
    assert_eq!((said(&ended), ended.code), (("pass -".into(), "pass -".into()), Some(0)), "{}", ended.out);
    assert!(ended.json()["checks"][0]["details"]["client"].as_str().unwrap().contains("works"));
    // The CA of the same name with another key, in Go's words; a note in front of the reason.
    let regenerated = format!(
        "{STRANGER} (possibly because of \\\"x509: ECDSA verification failure\\\" while trying to verify candidate \
         authority certificate \\\"Cordum Dev CA\\\")"
    );
    let noted = lab.script(
        "noted",
        &format!(
            "[ -n \"$CA\" ] || {{ echo 'cordum sdk: a note' >&2; echo \"{}\" >&2; exit 1; }}\n{table}",
            regenerated.replace("\"https://localhost:8081/api/v1/status\"", "U")
        ),
    );
    let ended = lab.ask(&noted);
    assert_eq!((said(&ended), ended.code), (("pass -".into(), "pass -".into()), Some(0)), "{}", ended.out);
}

#[test]
fn one_that_fails_for_another_reason_proves_nothing() {
    let lab = Lab::start();
    let get = "rest GET /api/v1/status: Get \"https://localhost:8081/api/v1/status\":";
    let rows: Vec<(&str, String, &str, &str)> = vec![
        ("refused", format!("echo '{get} dial tcp [::1]:8081: connect: connection refused' >&2; exit 1"), "fail connection-refused", "unknown connection-refused"),
        ("dns", format!("echo '{get} dial tcp: lookup nowhere on 127.0.0.53:53: no such host' >&2; exit 1"), "fail dns", "unknown dns"),
        ("401", "echo 'status 401: {\"code\":\"unauthorized\",\"error\":\"unauthorized\",\"status\":401}' >&2; exit 1".into(), "fail auth-not-tls", "unknown auth-not-tls"),
        ("403", "echo 'status 403: {\"code\":\"forbidden\",\"error\":\"forbidden\",\"status\":403}' >&2; exit 1".into(), "fail auth-not-tls", "unknown auth-not-tls"),
        // The gateway's /readyz is fine: a verdict on nothing.
        ("429", "echo 'status 429: {\"code\":\"rate_limited\"}' >&2; exit 1".into(), "unknown -", "unknown -"),
        ("502", "echo 'status 502: <html>502 Bad Gateway nginx</html>' >&2; exit 1".into(), "fail bad-gateway", "unknown bad-gateway"),
        ("timeout", format!("echo '{get} context deadline exceeded (Client.Timeout exceeded while awaiting headers)' >&2; exit 1"), "fail timeout", "unknown timeout"),
        ("expired", format!("echo '{get} tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2026-01-01T00:00:00Z is after 2021-01-01T00:00:00Z' >&2; exit 1"), "fail expired", "unknown expired"),
        ("hostname", format!("echo '{get} tls: failed to verify certificate: x509: certificate is valid for nats, not localhost' >&2; exit 1"), "fail hostname-mismatch", "unknown hostname-mismatch"),
        ("eof", format!("echo '{get} EOF' >&2; exit 1"), "fail connection-reset", "unknown connection-reset"),
        ("scheme", "echo 'status 400: Client sent an HTTP request to an HTTPS server.' >&2; exit 1".into(), "fail wrong-scheme-plain-to-tls", "unknown wrong-scheme-plain-to-tls"),
        ("flags", "echo 'flag provided but not defined: -cacert' >&2; exit 2".into(), "fail -", "unknown -"),
        // A flag error that happens to name the right words is a flag error.
        ("flags that quote", format!("echo '{STRANGER}' >&2; exit 2"), "fail -", "unknown -"),
        ("silent", "exit 1".into(), "fail -", "unknown -"),
        ("signal", "kill -9 $$".into(), "fail -", "unknown -"),
        ("hangs", "exec sleep 600".into(), "fail timeout", "unknown timeout"),
        ("floods", "exec yes 'nothing of interest' >&2".into(), "fail -", "unknown -"),
        ("floods both", "yes out & exec yes err >&2".into(), "fail -", "unknown -"),
    ];
    let mut wrong = Vec::new();
    for (name, body, with, without) in rows {
        let ended = lab.ask(&lab.script(name, &body));
        let (one, two) = said(&ended);
        if (one.as_str(), two.as_str()) != (with, without) {
            wrong.push(format!("{name}: {one} / {two}, not {with} / {without}"));
        }
        let code = if with.starts_with("fail") { 1 } else { 3 };
        if ended.code != Some(code) || ended.err.contains("panicked") || ended.took > Duration::from_secs(20)
        {
            wrong.push(format!("{name}: {:?} after {:?}: {}", ended.code, ended.took, ended.err));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn one_that_cannot_be_started_leaves_both_undecided() {
    let lab = Lab::start();
    let mut foreign = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0".to_vec();
    // e_machine: IBM S/390.
    foreign.extend([22, 0, 1, 0, 0, 0]);
    foreign.extend([0; 64]);
    for (name, path) in [
        ("broken", lab.file("broken", b"\0\x01\x02 no program", 0o755)),
        ("foreign", lab.file("foreign", &foreign, 0o755)),
        ("not executable", lab.file("plain", b"#!/bin/sh\nexit 0\n", 0o644)),
        ("no interpreter", lab.file("orphan", b"#!/nowhere/sh\nexit 0\n", 0o755)),
    ] {
        let ended = lab.ask(&path);
        let (one, two) = said(&ended);
        assert!(one.starts_with("unknown ") && two.starts_with("unknown "), "{name}: {one} / {two}");
        assert_eq!(ended.code, Some(3), "{name}");
        assert!(ended.out.contains("cannot be started"), "{name}: {}", ended.out);
    }
}

#[test]
fn one_that_connects_to_strangers_fails_and_one_that_trusts_the_system_store_warns() {
    let lab = Lab::start();
    let table = "echo 'NATS connected'; exit 0";
    let ended = lab.ask(&lab.script("trusting", table));
    let (one, two) = said(&ended);
    assert_eq!((one.as_str(), two.as_str()), ("pass -", "fail verification-not-enforced"), "{}", ended.out);
    // The system trusts the gateway's CA; a throw-away CA is refused.
    let store = format!(
        "if [ -z \"$CA\" ] || cmp -s \"$CA\" '{}'; then {table}; fi\necho '{STRANGER}' >&2; exit 1",
        lab.ca().display()
    );
    let ended = lab.ask(&lab.script("store", &store));
    let (one, two) = said(&ended);
    assert_eq!((one.as_str(), two.as_str(), ended.code), ("pass -", "warn -", Some(0)), "{}", ended.out);
    assert!(ended.out.contains("throw-away CA"), "{}", ended.out);
    // Refused for another reason with the throw-away CA: nothing is proved.
    let store = format!(
        "if [ -z \"$CA\" ] || cmp -s \"$CA\" '{}'; then {table}; fi\necho 'status 401: {{}}' >&2; exit 1",
        lab.ca().display()
    );
    let ended = lab.ask(&lab.script("store401", &store));
    assert_eq!(said(&ended).1, "unknown auth-not-tls", "{}", ended.out);
}

#[test]
fn one_that_ends_well_without_talking_to_anybody_is_no_proof() {
    let lab = Lab::start();
    let ended = lab.ask(Path::new("/bin/true"));
    let (one, two) = said(&ended);
    assert_eq!(
        (one.as_str(), two.as_str()),
        ("unknown -", "fail verification-not-enforced"),
        "{}",
        ended.out
    );
    assert!(ended.out.contains("nothing shows that it talked"), "{}", ended.out);
    // A quiet one that does look at its CA has talked.
    let quiet = format!("cmp -s \"$CA\" '{}' && exit 0\necho '{STRANGER}' >&2; exit 1", lab.ca().display());
    let ended = lab.ask(&lab.script("quiet", &quiet));
    assert_eq!(said(&ended), ("pass -".into(), "pass -".into()), "{}", ended.out);
}

#[test]
fn its_environment_is_clean_and_its_output_masked() {
    let lab = Lab::start();
    let seen = lab.folder.path().join("seen");
    let body = format!(
        "{{ echo \"args: $*\"; echo \"pwd: $(pwd)\"; echo \"files: $(ls -A)\"; env; }} >> '{}'\n\
         printf '%s\\n' \"  -api-key string  api key (default \\\"$CORDUM_API_KEY\\\")\" \"key $CORDUM_API_KEY\" >&2; exit 1",
        seen.display()
    );
    let spy = lab.script("spy", &body);
    let mut command = lab.command();
    command.args(["-v"]).arg("--cordumctl").arg(&spy);
    for (name, value) in [
        ("CORDUM_TLS_INSECURE", "1"),
        ("HTTPS_PROXY", "http://127.0.0.1:1"),
        ("https_proxy", "http://127.0.0.1:1"),
        ("ALL_PROXY", "http://127.0.0.1:1"),
        ("SSL_CERT_FILE", "/nowhere"),
        ("SSL_CERT_DIR", "/nowhere"),
        ("CORDUM_TLS_CA", "/nowhere"),
        ("CORDUM_GATEWAY", "http://127.0.0.1:1"),
        ("GODEBUG", "x509sha1=1"),
        ("REDIS_PASSWORD", "word"),
        ("NATS_TOKEN", "word"),
    ] {
        command.env(name, value);
    }
    let ended = run(&mut command, HARD);
    let text = fs::read_to_string(&seen).unwrap();
    for name in [
        "INSECURE",
        "PROXY",
        "proxy",
        "SSL_CERT",
        "CORDUM_TLS_CA",
        "CORDUM_GATEWAY",
        "GODEBUG",
        "REDIS_PASSWORD",
        "NATS_TOKEN",
    ] {
        assert!(!text.contains(name), "{name} reaches cordumctl: {text}");
    }
    assert!(text.lines().filter(|line| line.starts_with("files: ")).all(|line| line == "files: "), "{text}");
    let args: Vec<&str> = text.lines().filter(|line| line.starts_with("args: ")).collect();
    assert_eq!(args.len(), 2, "{text}");
    for line in args {
        assert!(line.contains("status --gateway https://localhost:"), "{line}");
        assert!(!line.contains(&lab.demo.api_key), "the key is an argument: {line}");
    }
    assert!(text.contains(&format!("CORDUM_API_KEY={}", lab.demo.api_key)), "it needs the key: {text}");
    assert!(ended.out.contains("(redacted)"), "{}", ended.out);
    for text in [&ended.out, &ended.err] {
        assert!(!text.contains(&lab.demo.api_key), "the key is shown: {text}");
    }
}

#[test]
fn without_one_the_built_in_client_says_so() {
    let lab = Lab::start();
    let mut command = lab.command();
    // The caller's settings change no verdict of it either.
    command.env("PATH", "/nowhere").env("CORDUM_TLS_INSECURE", "1").env("HTTPS_PROXY", "http://127.0.0.1:1");
    let ended = run(&mut command, HARD);
    assert_eq!((said(&ended), ended.code), (("pass -".into(), "pass -".into()), Some(0)), "{}", ended.out);
    let client = ended.json()["checks"][0]["details"]["client"].as_str().unwrap().to_owned();
    assert!(client.contains("built-in client") && client.contains("no cordumctl on PATH"), "{client}");
}

#[test]
fn one_that_hangs_is_named_and_not_the_gateway() {
    let lab = Lab::start();
    for (name, body) in [
        ("says nothing", "exec sleep 30".to_owned()),
        // What it has said so far is no verdict: it may have tried again.
        ("says why and stays", format!("echo '{STRANGER}' >&2; exec sleep 30")),
        ("is deaf", "trap '' TERM INT HUP; sleep 30; sleep 30".to_owned()),
        ("leaves a child behind that holds its output", "sleep 30 & exit 1".to_owned()),
    ] {
        let ended = lab.ask(&lab.script("stuck", &body));
        assert_eq!(said(&ended), ("fail timeout".into(), "unknown timeout".into()), "{name}: {}", ended.out);
        let one = &ended.json()["checks"][0]["diagnoses"][0];
        let because = one["because"].to_string();
        assert!(because.contains("cordumctl did not end in time"), "{name}: {one}");
        assert_eq!(one["where"], "cordumctl", "{name}: {one}");
        assert!(ended.took < Duration::from_secs(20), "{name}: {:?}", ended.took);
    }
}
