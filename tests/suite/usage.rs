//! What cannot be run is said completely, with the file and the remedy, and nothing is run.

fn run(directory: &std::path::Path, args: &[&str]) -> (i32, String, String) {
    let output = crate::bare().args(args).current_dir(directory).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn everything_that_is_missing_is_reported_at_once() {
    let empty = tempfile::tempdir().unwrap();
    let (code, out, err) = run(empty.path(), &["run", "--gateway", "nonsense"]);
    assert_eq!((code, out.as_str()), (2, ""));
    for word in ["ca.crt", "CORDUM_API_KEY", "--gateway"] {
        assert!(err.contains(word), "{word}: {err}");
    }
}

#[test]
fn with_json_a_usage_error_is_one_object() {
    let empty = tempfile::tempdir().unwrap();
    let (code, out, _) = run(empty.path(), &["run", "--format", "json"]);
    let object: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(code, 2);
    assert_eq!(object["schema"], "tls-verify/error/v1");
    assert_eq!(object["exit_code"], 2);
    assert!(object["errors"].as_array().unwrap().len() >= 2, "{object}");
}

#[test]
fn with_json_a_word_that_is_no_argument_is_one_object_too() {
    let empty = tempfile::tempdir().unwrap();
    for args in [
        &["run", "--format", "json", "--nonsense"][..],
        &["run", "--format=json", "--timeout", "soon"],
        &["certs", "--at", "never", "--format", "json"],
        &["probe", "--format", "jsonl"],
        &["nonsense", "--format", "json"],
    ] {
        let (code, out, err) = run(empty.path(), args);
        let object: serde_json::Value =
            serde_json::from_str(&out).unwrap_or_else(|error| panic!("{args:?}: {error}: {out} {err}"));
        assert_eq!((code, &object["exit_code"]), (2, &2.into()), "{args:?}");
        assert!(object["errors"][0]["message"].as_str().is_some_and(|text| text.len() > 10), "{object}");
    }
    let (code, out, err) = run(empty.path(), &["run", "--nonsense"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("--nonsense"), "{err}");
    let (code, out, _) = run(empty.path(), &["run", "--help", "--format", "json"]);
    assert_eq!(code, 0);
    assert!(out.contains("--watch"), "{out}");
}

#[test]
fn a_directory_an_empty_file_and_a_key_are_no_ca() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("empty.crt"), "").unwrap();
    std::fs::write(folder.path().join("text.crt"), "hello\n").unwrap();
    for (file, words) in
        [(".", "is a directory"), ("empty.crt", "is empty"), ("text.crt", "no PEM certificate")]
    {
        let (code, _, err) = run(folder.path(), &["run", "--anonymous", "--cacert", file]);
        assert_eq!(code, 2, "{file}");
        assert!(err.contains(words), "{file}: {err}");
    }
}

/// Go and curl read no DER: what it is, and the command that makes PEM of it, for the file as it is called.
#[test]
fn a_ca_in_der_is_no_ca_and_is_told_how_to_become_one() {
    let folder = tempfile::tempdir().unwrap();
    let ca = tls_verify_fixtures::pki::Authority::generate().unwrap();
    std::fs::write(folder.path().join("our ca.der"), ca.certificate.as_ref()).unwrap();
    let command = "openssl x509 -inform der -in 'our ca.der' -out 'our ca.der.pem'";
    for args in [&["run", "--anonymous"][..], &["probe", "https://127.0.0.1:1"]] {
        let (code, _, err) = run(folder.path(), &[args, &["--cacert", "our ca.der"]].concat());
        assert_eq!(code, 2, "{args:?}: {err}");
        assert!(err.contains("our ca.der is DER") && err.contains(command), "{args:?}: {err}");
    }
}

#[test]
fn only_what_a_selected_check_needs_is_asked_for() {
    let empty = tempfile::tempdir().unwrap();
    let (code, out, err) =
        run(empty.path(), &["run", "--only", "redis-logs", "--no-docker", "--format", "json"]);
    assert_eq!(code, 3, "{err}");
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["checks"][0]["status"], "unknown");
}

#[test]
fn a_password_in_a_url_is_not_repeated() {
    let empty = tempfile::tempdir().unwrap();
    let (code, out, err) = run(
        empty.path(),
        &["run", "--anonymous", "--nats", "ftp://user:CANARY@host:1", "--redis", "rediss://:CANARY@"],
    );
    assert_eq!(code, 2);
    assert!(!out.contains("CANARY") && !err.contains("CANARY"), "{err}");
}

/// A limit of nothing would say nothing of the stack.
#[test]
fn a_limit_of_nothing_is_refused_before_anything_is_tried() {
    let empty = tempfile::tempdir().unwrap();
    for limit in ["--timeout", "--deadline"] {
        for nothing in ["0s", "0ms"] {
            for command in [&["run", "--only", "redis-tls"][..], &["probe", "127.0.0.1:1"], &["demo"]] {
                let args = [command, &[limit, nothing]].concat();
                let (code, out, err) = run(empty.path(), &args);
                assert_eq!((code, out.as_str()), (2, ""), "{args:?}: {err}");
                assert!(err.contains(limit), "{args:?}: {err}");
            }
        }
    }
}
