//! The formats, the exit codes, standard input and the `allow` comments.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use super::{audited, loud};
use crate::program;

const COMPOSE: &str = "services:
  redis:
    image: redis:7
    command: redis-server --port 0 --tls-port 6379
  app:
    image: registry.example.test/app:1
    environment:
      REDIS_URL: redis://redis:6379
";

fn folder(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("compose.yaml"), text).unwrap();
    folder
}

fn shown(folder: &Path, arguments: &[&str]) -> String {
    let output = program().arg("audit").args(arguments).current_dir(folder).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn people_see_the_place_the_line_and_the_cure() {
    let folder = folder(COMPOSE);
    let text = shown(folder.path(), &[]);
    for part in [
        "compose.yaml:8:18: error[scheme-mismatch] (app)",
        "8 | REDIS_URL: redis://redis:6379",
        "redis://redis:6379 → rediss://redis:6379",
        "app   redis:6379  plaintext  mtls",
        "exit code 1",
    ] {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
}

#[test]
fn fingerprints_survive_lines_that_move_and_differ_between_findings() {
    let folder = folder("");
    let prints = |text: &str| -> Vec<String> {
        fs::write(folder.path().join("compose.yaml"), text).unwrap();
        let sarif: Value = serde_json::from_str(&shown(folder.path(), &["--format", "sarif"])).unwrap();
        assert_eq!(sarif["version"], "2.1.0");
        let results = sarif["runs"][0]["results"].as_array().unwrap();
        for result in results {
            let rule = result["ruleIndex"].as_u64().unwrap() as usize;
            assert_eq!(sarif["runs"][0]["tool"]["driver"]["rules"][rule]["id"], result["ruleId"]);
            let region = &result["locations"][0]["physicalLocation"]["region"];
            assert!(region["startLine"].as_u64().unwrap() > 0 && region["startColumn"].as_u64().unwrap() > 0);
        }
        let print =
            |one: &Value| one["partialFingerprints"]["tlsVerifyAudit/v1"].as_str().unwrap().to_owned();
        results.iter().map(print).collect()
    };
    let two = COMPOSE.to_owned() + "      CACHE_URL: redis://redis:6379\n";
    let (before, after) = (prints(&two), prints(&format!("# a comment\n\n{two}")));
    assert!(before.len() >= 2);
    assert_eq!(before, after);
    assert_eq!(before.iter().collect::<BTreeSet<_>>().len(), before.len());
}

/// Each result's fingerprint, with the file that it names.
fn prints(from: &Path, arguments: &[&str]) -> Vec<(String, String)> {
    let all = [&["--format", "sarif"], arguments].concat();
    let sarif: Value = serde_json::from_str(&shown(from, &all)).unwrap();
    let text = |one: &Value| one.as_str().unwrap().to_owned();
    let of = |one: &Value| {
        let file = &one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
        (text(&one["partialFingerprints"]["tlsVerifyAudit/v1"]), text(file))
    };
    sarif["runs"][0]["results"].as_array().unwrap().iter().map(of).collect()
}

#[test]
fn a_file_has_one_fingerprint_however_it_is_named() {
    for repository in [false, true] {
        let root = tempfile::tempdir().unwrap();
        for name in ["one", "two"] {
            fs::create_dir_all(root.path().join("deploy").join(name)).unwrap();
            fs::write(root.path().join("deploy").join(name).join("compose.yaml"), COMPOSE).unwrap();
        }
        if repository {
            fs::create_dir(root.path().join(".git")).unwrap();
        }
        let whole = root.path().join("deploy/one");
        let only = |from: &Path, path: &str| -> Vec<String> {
            prints(from, &[path]).into_iter().map(|(print, _)| print).collect()
        };
        let first = only(root.path(), "deploy/one");
        assert_eq!(first.len(), 1);
        for (from, path) in [
            (root.path(), "deploy/one/"),
            (root.path(), "./deploy/../deploy/one/compose.yaml"),
            (root.path(), whole.to_str().unwrap()),
            (whole.as_path(), "."),
            (&root.path().join("deploy/two"), "../one"),
        ] {
            assert_eq!(only(from, path), first, "{path} from {}", from.display());
        }
        let both = prints(root.path(), &["deploy"]);
        assert!(both.len() == 2 && both[0].0 != both[1].0, "{both:?}");
        assert!(both.iter().any(|(print, _)| *print == first[0]), "{both:?}");
        // Another checkout of the same repository is the same repository.
        let other = tempfile::tempdir().unwrap();
        fs::create_dir_all(other.path().join("deploy/one")).unwrap();
        fs::write(other.path().join("deploy/one/compose.yaml"), COMPOSE).unwrap();
        if repository {
            fs::write(other.path().join(".git"), "gitdir: elsewhere").unwrap();
        }
        assert_eq!(only(other.path(), "deploy/one") == first, repository);
    }
}

/// Services of one name are no one service.
#[test]
fn several_deployments_stay_apart_in_the_table_and_the_page() {
    let root = tempfile::tempdir().unwrap();
    for (name, scheme) in [("blue", "redis"), ("green", "rediss")] {
        fs::create_dir(root.path().join(name)).unwrap();
        let text = COMPOSE.replace("redis://", &format!("{scheme}://"));
        fs::write(root.path().join(name).join("compose.yaml"), text).unwrap();
    }
    let report: Value =
        serde_json::from_str(&shown(root.path(), &["blue", "green", "--format", "json"])).unwrap();
    let rows = report["connections"].as_array().unwrap();
    let of = |one: &Value| [&one["deployment"], &one["client"]].map(|one| one.as_str().unwrap().to_owned());
    let mut told: Vec<[String; 2]> = rows.iter().map(of).collect();
    told.sort();
    let blue = report["deployments"][0]["source"].as_str().unwrap();
    let green = report["deployments"][1]["source"].as_str().unwrap();
    assert_eq!(told, [[blue, "plaintext"], [green, "tls"]].map(|row| row.map(str::to_owned)));
    let people = shown(root.path(), &["blue", "green"]);
    for heading in [blue, green] {
        assert!(people.contains(&format!("\n{heading}:\napp ")), "{people}");
    }
    let page = shown(root.path(), &["blue", "green", "--format", "html"]);
    let captions: Vec<&str> =
        page.split("<figcaption>").skip(1).filter_map(|rest| rest.split("</figcaption>").next()).collect();
    assert_eq!(captions, [blue, green]);
    assert!(page.contains(&format!("<td>{green}</td><th scope=\"row\">app</th><td>redis</td>")), "{page}");
    // One alone needs no name.
    let page = shown(root.path(), &["blue", "--format", "html"]);
    assert!(!page.contains("<figcaption>") && !page.contains("<th scope=\"col\">Deployment</th>"));
    assert!(!shown(root.path(), &["blue"]).contains(&format!("\n{blue}:\napp ")));
}

#[test]
fn the_other_formats_say_the_same() {
    let folder = folder(COMPOSE);
    let junit = shown(folder.path(), &["--format", "junit"]);
    assert!(junit.contains("failures=\"1\"") && junit.contains("scheme-mismatch compose.yaml:8"), "{junit}");
    let github = shown(folder.path(), &["--format", "github"]);
    assert!(
        github.contains("::error file=compose.yaml,line=8,col=18,title=tls-verify scheme-mismatch::"),
        "{github}"
    );
    let lines = shown(folder.path(), &["--format", "jsonl"]);
    let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(first["rule"], "scheme-mismatch");
    let target = folder.path().join("out.sarif");
    let report = format!("sarif={}", target.display());
    shown(folder.path(), &["--report", &report]);
    assert!(fs::read_to_string(target).unwrap().contains("scheme-mismatch"));
}

#[test]
fn standard_input_is_read_as_what_it_is() {
    for (text, rule) in [
        (COMPOSE.to_owned(), "scheme-mismatch"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  k: |\n    -----BEGIN PRIVATE KEY-----\n    aa==\n    -----END PRIVATE KEY-----\n".to_owned(), "exposed-secret"),
    ] {
        let mut child = program()
            .args(["audit", "-", "--format", "json"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let found = loud(&report);
        assert!(found.iter().any(|(have, file, line)| have == rule && file == "-" && *line > 0), "{report}");
    }
}

#[test]
fn an_allow_comment_makes_a_note_and_one_that_matches_nothing_is_told() {
    let allowed = COMPOSE.replace(
        "redis://redis:6379\n",
        "redis://redis:6379 # tls-verify: allow scheme-mismatch on purpose\n",
    );
    let above = COMPOSE
        .replace("      REDIS_URL", "      # tls-verify: allow scheme-mismatch on purpose\n      REDIS_URL");
    for text in [allowed, above] {
        let (report, code) = audited(folder(&text).path(), &[]);
        assert_eq!((loud(&report), code), (vec![], 0));
        let note = report["findings"]
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["rule"] == "scheme-mismatch")
            .unwrap();
        assert_eq!(note["severity"], "note");
        assert!(note["because"].to_string().contains("on purpose"), "{note}");
    }
    let other = COMPOSE.replace("    image: redis:7", "    image: redis:7 # tls-verify: allow half-pair old");
    let (report, _) = audited(folder(&other).path(), &[]);
    assert!(loud(&report).iter().any(|(rule, _, line)| rule == "unused-allow" && *line == 3), "{report}");
}

#[test]
fn strict_makes_warnings_fail() {
    let text =
        COMPOSE.replace("--port 0", "--port 6380").replace("redis://redis:6379", "rediss://redis:6379");
    let folder = folder(&text);
    let (report, code) = audited(folder.path(), &[]);
    assert_eq!((loud(&report)[0].0.as_str(), code), ("plaintext-listener", 0));
    assert_eq!(audited(folder.path(), &["--strict"]).1, 1);
}

#[test]
fn every_rule_has_a_page() {
    for rule in tls_verify_core::rules::ALL {
        let output = program().args(["explain", rule.id]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.starts_with(rule.id) && text.contains("allow"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    }
}

#[test]
fn certificates_and_names_may_be_given_from_outside() {
    use tls_verify_fixtures::pki::{Authority, Layout, Leaf};
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let ca = Authority::generate().unwrap();
    let certs = tempfile::tempdir().unwrap();
    let server = ca.issue(&Leaf::server().for_names(&["redis"])).unwrap();
    Layout::write(certs.path(), &ca, &server, &ca.issue(&Leaf::client()).unwrap()).unwrap();
    let folder = folder(
        "services:
  redis:
    image: redis:7
    entrypoint: redis-server --port 0 --tls-port 6379 --tls-cert-file /t/server/tls.crt --tls-key-file /t/server/tls.key
    ports: [\"6379:6379\"]
    volumes: [\"${TLS_DIR}:/t:ro\"]
  app:
    image: registry.example.test/app:1
    environment: {REDIS_URL: \"rediss://redis:6379\", REDIS_CA: /t/ca/ca.crt}
    volumes: [\"${TLS_DIR}:/t:ro\"]
",
    );
    let (report, code) = audited(folder.path(), &[]);
    assert_eq!((loud(&report), code), (vec![], 3), "the folder is hidden by a variable");
    let path = certs.path().to_str().unwrap();
    assert_eq!(audited(folder.path(), &["--certs", path]).1, 0);
    let (report, code) = audited(folder.path(), &["--certs", path, "--names", "cache.example.org"]);
    assert_eq!((loud(&report)[0].0.as_str(), code), ("name-not-in-certificate", 1));
}

#[test]
fn a_folder_without_a_deployment_is_told_of_among_others() {
    let folder = tempfile::tempdir().unwrap();
    for (name, file, text) in
        [("one", "docker-compose.yml", "services:\n  api:\n    image: api\n"), ("two", "notes.txt", "x")]
    {
        std::fs::create_dir(folder.path().join(name)).unwrap();
        std::fs::write(folder.path().join(name).join(file), text).unwrap();
    }
    for (paths, code, said) in [
        (&["one", "two"][..], 0, "note: two holds no deployment"),
        (&["one"], 0, ""),
        (&["two"], 2, "error: two holds no deployment"),
    ] {
        let mut command = crate::program();
        let output = command.arg("audit").args(paths).current_dir(folder.path()).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{paths:?}: {told}");
        assert!(told.contains(said) && told.is_empty() == said.is_empty(), "{paths:?}: {told}");
    }
}

/// An included file is read with the environment that its include gives it, and is nothing without.
#[test]
fn what_is_included_is_no_deployment_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    for part in ["store", "alone"] {
        fs::create_dir(folder.path().join(part)).unwrap();
        let text = COMPOSE.replace("redis://", "${SCHEME}://");
        fs::write(folder.path().join(part).join("compose.yaml"), text).unwrap();
    }
    let outer = "include:\n- {path: store/compose.yaml, env_file: store/tls.env}\nservices: {}\n";
    fs::write(folder.path().join("compose.yaml"), outer).unwrap();
    fs::write(folder.path().join("store/tls.env"), "SCHEME=rediss\n").unwrap();
    fs::write(folder.path().join("alone/.env"), "SCHEME=redis\n").unwrap();
    let (report, code) = audited(folder.path(), &["."]);
    let sources: Vec<&str> =
        report["deployments"].as_array().unwrap().iter().map(|one| one["source"].as_str().unwrap()).collect();
    assert_eq!(sources, ["compose.yaml", "alone/compose.yaml"], "{report}");
    assert_eq!((loud(&report), code), (vec![("scheme-mismatch".into(), "alone/compose.yaml".into(), 8)], 1));
    // Named, it is one.
    let (report, _) = audited(folder.path(), &["store"]);
    assert_eq!(report["deployments"].as_array().unwrap().len(), 1, "{report}");
}
