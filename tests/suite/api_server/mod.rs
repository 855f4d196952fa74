//! API servers that answer badly, kubeconfigs that lead nowhere, plugins that fail: one clear error, in time, within
//! bounds. In-process, for a real server cannot be made to do this.

mod agreement;
mod denied;
mod many;
mod oidc;
mod recorded;
mod secure;

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tls_verify_fixtures::child::{self, ExitedChild};

/// What a server does with a request for a path.
type Answers = fn(&mut TcpStream, &str) -> io::Result<()>;

/// What is not ended by its own deadline is not ended by its server before this, and then killed.
const LONG: Duration = Duration::from_secs(240);

pub(crate) fn serve(answers: impl Fn(&mut TcpStream, &str) -> io::Result<()> + Send + Sync + 'static) -> u16 {
    serve_requests(move |stream, asked| answers(stream, asked.split(' ').nth(1).unwrap_or_default()))
}

/// The same with the request as it came.
fn serve_requests(answers: impl Fn(&mut TcpStream, &str) -> io::Result<()> + Send + Sync + 'static) -> u16 {
    let answers = Arc::new(answers);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answers = Arc::clone(&answers);
            std::thread::spawn(move || one(&*answers, stream));
        }
    });
    port
}

fn one(answers: &dyn Fn(&mut TcpStream, &str) -> io::Result<()>, mut stream: TcpStream) -> io::Result<()> {
    let mut asked = Vec::new();
    let mut buffer = [0_u8; 1024];
    while !asked.windows(4).any(|window| window == b"\r\n\r\n") {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        asked.extend_from_slice(&buffer[..count]);
    }
    answers(&mut stream, &String::from_utf8_lossy(&asked))
}

pub(crate) fn answer(stream: &mut TcpStream, status: u16, body: &str) -> io::Result<()> {
    write!(
        stream,
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn list(items: &Value) -> String {
    json!({"kind": "List", "metadata": {}, "items": items}).to_string()
}

/// A kubeconfig for a server, in a folder of its own.
fn kubeconfig(folder: &Path, server: &str, user: &Value) -> PathBuf {
    let file = folder.join("config");
    let config = json!({"apiVersion": "v1", "kind": "Config", "current-context": "lab",
        "clusters": [{"name": "lab", "cluster": {"server": server}}],
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "me", "namespace": "shop"}}],
        "users": [{"name": "me", "user": user}]});
    std::fs::write(&file, config.to_string()).unwrap();
    file
}

fn run(file: &Path, more: &[&str]) -> ExitedChild {
    let mut command = crate::program();
    command.args(["run", "--all", "--format", "json", "--kubeconfig"]).arg(file).args(more);
    for (bound, usual) in [("--timeout", "1s"), ("--deadline", "6s")] {
        if !more.contains(&bound) {
            command.args([bound, usual]);
        }
    }
    child::start(&mut command).end(LONG)
}

/// One error that says this, exit 2, in little memory; what hangs is killed.
fn is_told(name: &str, ended: &ExitedChild, words: &[&str]) -> Vec<String> {
    let mut wrong = Vec::new();
    let report = ended.json();
    let errors = report["errors"].as_array().cloned().unwrap_or_default();
    let message = errors.first().map(|one| one["message"].to_string()).unwrap_or_default();
    if ended.code != Some(2) || errors.len() != 1 {
        wrong.push(format!("{name}: exit {:?}: {report}", ended.code));
    }
    wrong.extend(
        words
            .iter()
            .filter(|word| !message.contains(**word))
            .map(|word| format!("{name}: no `{word}` in {message}")),
    );
    if ended.peak > 160 * 1024 {
        wrong.push(format!("{name}: {} KiB", ended.peak));
    }
    wrong
}

#[test]
fn an_api_server_that_answers_badly_is_one_clear_error_in_time() {
    let rows: &[(&str, Answers, &[&str])] = &[
        (
            "silence",
            |_, _| {
                std::thread::sleep(LONG);
                Ok(())
            },
            &["does not answer within"],
        ),
        ("it closes", |_, _| Ok(()), &["the API server"]),
        ("garbage", |stream, _| stream.write_all(&[0, 255, 7, 13].repeat(1000)), &["the API server"]),
        (
            "a header that drips",
            |stream, _| loop {
                stream.write_all(b"H")?;
                std::thread::sleep(Duration::from_millis(200));
            },
            &["the API server"],
        ),
        (
            "a body that drips",
            |stream, _| {
                write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n")?;
                loop {
                    stream.write_all(b" ")?;
                    std::thread::sleep(Duration::from_millis(200));
                }
            },
            &["does not end within"],
        ),
        (
            "a hundred megabytes",
            |stream, _| {
                write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n{{\"items\":[\"")?;
                let block = vec![b'a'; 1 << 20];
                loop {
                    stream.write_all(&block)?;
                }
            },
            &["longer than 16 MiB"],
        ),
        (
            "a page of a login",
            |stream, _| answer(stream, 200, "<html>Sign in</html>"),
            &["is no JSON", "list pods"],
        ),
        ("items that are no objects", |stream, _| answer(stream, 200, &list(&json!([7]))), &["pods"]),
        ("a token that has expired", |stream, _| answer(stream, 401, "{}"), &["401", "expired"]),
        (
            "an inner error",
            |stream, _| answer(stream, 500, &json!({"message": "etcdserver: request timed out"}).to_string()),
            &["500", "etcdserver: request timed out", "list pods in namespace shop"],
        ),
    ];
    let mut wrong = Vec::new();
    for (name, answers, words) in rows {
        let folder = tempfile::tempdir().unwrap();
        let port = serve(*answers);
        let file = kubeconfig(folder.path(), &format!("http://127.0.0.1:{port}"), &json!({"token": "t"}));
        wrong.extend(is_told(name, &run(&file, &[]), words));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_kubeconfig_that_leads_nowhere_is_one_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    let mut wrong =
        is_told("no file", &run(&folder.path().join("gone"), &[]), &["there is no kubeconfig at", "gone"]);
    let file = kubeconfig(folder.path(), "http://127.0.0.1:9", &json!({}));
    wrong.extend(is_told("refused", &run(&file, &[]), &["127.0.0.1:9", "cannot be reached"]));
    wrong.extend(is_told("context", &run(&file, &["--kube-context", "prod"]), &["no context `prod`", "lab"]));
    std::fs::write(&file, "apiVersion: [").unwrap();
    wrong.extend(is_told("no YAML", &run(&file, &[]), &["is no kubeconfig"]));
    let file = kubeconfig(folder.path(), "https://127.0.0.1:9", &json!({}));
    wrong.extend(is_told("no CA", &run(&file, &[]), &["certificate-authority"]));
    let file = kubeconfig(folder.path(), "http://127.0.0.1:9", &json!({"tokenFile": "gone"}));
    wrong.extend(is_told("no token", &run(&file, &[]), &["the token file", "gone"]));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_credential_plugin_that_fails_hangs_asks_or_babbles_is_one_clear_error() {
    let exec = |command: &str, words: &[&str]| json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": command, "args": words}});
    let rows = [
        ("absent", exec("no-such-plugin", &[]), vec!["no-such-plugin", "cannot be run"]),
        (
            "fails",
            exec("sh", &["-c", "echo token has expired, log in again >&2; exit 3"]),
            vec!["`sh` failed", "log in again"],
        ),
        ("hangs", exec("sleep", &["300"]), vec!["did not end within"]),
        // Nobody answers it: its standard input is empty.
        ("asks", exec("sh", &["-c", "read answer || exit 4"]), vec!["`sh` failed"]),
        ("babbles", exec("echo", &["hello"]), vec!["printed no ExecCredential"]),
        ("endless", exec("yes", &[]), vec!["`yes`"]),
    ];
    let mut wrong = Vec::new();
    for (name, user, words) in rows {
        let folder = tempfile::tempdir().unwrap();
        let file = kubeconfig(folder.path(), "http://127.0.0.1:9", &user);
        wrong.extend(is_told(name, &run(&file, &[]), &words));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_namespace_without_the_stack_is_unknown_and_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    let port = serve(|stream, _| answer(stream, 200, &list(&json!([]))));
    let file = kubeconfig(folder.path(), &format!("http://127.0.0.1:{port}"), &json!({"token": "t"}));
    let ended = run(&file, &[]);
    let report = ended.json();
    assert_eq!(ended.code, Some(3), "{report}");
    for check in report["checks"].as_array().unwrap() {
        assert_eq!(check["status"], "unknown", "{check}");
    }
    assert_eq!(report["root_causes"], json!([]));
}

#[test]
fn what_is_forbidden_is_named_by_verb_resource_and_namespace() {
    let folder = tempfile::tempdir().unwrap();
    let port = serve(|stream, _| answer(stream, 403, "{}"));
    let file = kubeconfig(folder.path(), &format!("http://127.0.0.1:{port}"), &json!({"token": "t"}));
    let ended = run(&file, &[]);
    let report = ended.json();
    assert_eq!(ended.code, Some(3), "{report}");
    for check in report["checks"].as_array().unwrap() {
        assert_eq!(check["status"], "unknown", "{check}");
        assert!(check["summary"].as_str().unwrap().contains("list pods in namespace shop"), "{check}");
    }
    assert_eq!(report["root_causes"], json!([]));
}

#[test]
fn the_plan_of_a_cluster_asks_no_api_server() {
    let folder = tempfile::tempdir().unwrap();
    let file = kubeconfig(folder.path(), "http://127.0.0.1:9", &json!({}));
    let ended = run(&file, &["--list"]);
    let report = ended.json();
    assert_eq!((ended.code, &report["schema"]), (Some(0), &json!("tls-verify/plan/v1")));
    let grpc =
        report["checks"].as_array().unwrap().iter().find(|check| check["id"] == "gateway-grpc").unwrap();
    assert_eq!(grpc["asks"][0]["address"], "port 8080 of each ready pod");
}

#[test]
fn a_cluster_and_an_engine_are_two_platforms() {
    for words in
        [["diagnose", "--docker", "--kubernetes"], ["run", "--docker-host=tcp://127.0.0.1:9", "--kubernetes"]]
    {
        let mut command = crate::program();
        let ended = child::start(command.args(words)).end(LONG);
        assert_eq!(ended.code, Some(2), "{} {}", ended.out, ended.err);
        assert!(ended.err.contains("two platforms"), "{}", ended.err);
    }
}
