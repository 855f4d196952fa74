//! nats-server, nginx and redis-server as referees over configurations with mistakes in them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use regex::Regex;
use tls_verify_core::manifest::MemoryFiles;

use super::super::Folder;
use super::mutants;
use super::{Score, refused_here};

/// A program on PATH or where Debian has servers.
pub(super) fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin"), PathBuf::from("/sbin")])
        .map(|folder| folder.join(name))
        .find(|file| file.is_file());
    if found.is_none() {
        eprintln!("skipped: no {name} here to be the referee");
    }
    found
}

/// Real files for whatever a configuration names, so that only its own shape is judged.
struct Place {
    folder: Folder,
}

impl Place {
    fn new() -> Self {
        let folder = super::super::folder();
        for (name, text) in super::super::certificates() {
            fs::write(folder.path().join(name), text).unwrap();
        }
        Self { folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Every path to a certificate or key leads here.
    fn mapped(&self, text: &str) -> String {
        let file = Regex::new(r#"/[\w./-]+\.(crt|pem|key)(zz)?\b"#).unwrap();
        let shown = self.path().display();
        file.replace_all(text, |found: &regex::Captures<'_>| {
            let name = if found[0].contains("key") {
                "own.key"
            } else if found[0].contains("ca") {
                "ca.crt"
            } else {
                "own.crt"
            };
            format!("{shown}/{name}")
        })
        .into_owned()
    }
}

/// What a program says of a text: `Err` is its refusal of shape or type, `Ok` everything else.
fn said(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    if output.status.success() { String::new() } else { text }
}

const NATS: &str = include_str!("samples/nats.conf");
const NGINX: &str = include_str!("samples/site.conf");
const REDIS: &str = include_str!("samples/redis.conf");

/// The configurations of the deployments that are kept beside the project, whose names end so.
pub(super) fn kept(end: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = super::super::deployments::corpus().into_iter().collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(end) {
                found.push((path.display().to_string(), fs::read_to_string(&path).unwrap_or_default()));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn nats_server_and_this_refuse_the_same() {
    let Some(program) = program("nats-server") else { return };
    let place = Place::new();
    let mut score = Score::new("nats-server -t");
    let mut texts = vec![("the sample".to_owned(), NATS.to_owned())];
    texts.extend(kept(".conf").into_iter().filter(|(_, text)| {
        text.contains("cert_file") && !text.contains("server {") && !text.contains("include ")
    }));
    let variable = Regex::new(r"\$(\w+)").unwrap();
    for (name, text) in texts {
        for mutant in mutants::some(&text, 150) {
            let file = place.path().join("nats.conf");
            fs::write(&file, place.mapped(&mutant.text)).unwrap();
            let mut command = Command::new(&program);
            command.arg("-t").arg("-c").arg(&file);
            for found in variable.captures_iter(&mutant.text) {
                command.env(&found[1], "word");
            }
            let theirs = said(&mut command);
            // A file that does not hold what it should, or is not there, is another rule's matter.
            let elsewhere = ["no such file", "X509", "parsing certificates", "missing 'c", "missing 'k"]
                .iter()
                .any(|word| theirs.contains(word));
            let files = MemoryFiles::default().with("nats.conf", &mutant.text).with(
                "compose.yaml",
                "services:\n  bus:\n    image: nats:2\n    command: -c /nats.conf\n    volumes: [\"./nats.conf:/nats.conf:ro\"]\n",
            );
            score.count(&name, &mutant, (!elsewhere).then_some(theirs), refused_here(&files, "nats.conf"));
        }
    }
    score.close();
}

#[test]
fn nginx_and_this_refuse_the_same() {
    let Some(program) = program("nginx") else { return };
    let place = Place::new();
    let mut score = Score::new("nginx -t");
    let mut texts = vec![("the sample".to_owned(), NGINX.to_owned())];
    texts.extend(kept(".conf").into_iter().filter(|(_, text)| text.contains("server {")));
    let upstream = Regex::new(r"(https?|grpcs?)://[A-Za-z][\w.-]*").unwrap();
    let server = Regex::new(r"(?m)^(\s*server\s+)[a-z][\w.-]*(:\d+)").unwrap();
    for (name, text) in texts {
        let whole = text.contains("events") && text.contains("http {");
        for mutant in mutants::some(&text, 150) {
            let own = place.path().join("site.conf");
            // Names are not looked up here.
            let mapped = place.mapped(&mutant.text);
            let mapped = upstream.replace_all(&mapped, "$1://127.0.0.1");
            let mapped = server.replace_all(&mapped, "${1}127.0.0.1$2");
            fs::write(&own, mapped.as_bytes()).unwrap();
            let outer = format!("events {{}}\nhttp {{ include {}; }}\n", own.display());
            let outer_file = place.path().join("nginx.conf");
            fs::write(&outer_file, outer).unwrap();
            let file = if whole { &own } else { &outer_file };
            let mut command = Command::new(&program);
            let pid = format!("pid {}/pid; error_log stderr;", place.path().display());
            command
                .args(["-t", "-q", "-e", "stderr", "-g", &pid, "-p"])
                .arg(place.path())
                .arg("-c")
                .arg(file);
            let theirs = said(&mut command);
            let elsewhere = ["host not found", "cannot load", "No such file", "BIO_new_file"]
                .iter()
                .any(|word| theirs.contains(word));
            let at = if whole { "/etc/nginx/nginx.conf" } else { "/etc/nginx/conf.d/site.conf" };
            let files = MemoryFiles::default().with("site.conf", &mutant.text).with(
                "compose.yaml",
                format!("services:\n  web:\n    image: nginx:1\n    volumes: [\"./site.conf:{at}:ro\"]\n"),
            );
            score.count(&name, &mutant, (!elsewhere).then_some(theirs), refused_here(&files, "site.conf"));
        }
    }
    score.close();
}

#[test]
fn redis_server_and_this_refuse_the_same() {
    let Some(program) = program("redis-server") else { return };
    let place = Place::new();
    let mut score = Score::new("redis-server");
    let mut texts = vec![("the sample".to_owned(), REDIS.to_owned())];
    texts.extend(kept("redis.conf"));
    for (name, text) in texts {
        for mutant in mutants::some(&text, 150) {
            // It reads from above and stops at what it refuses: a last line that it never takes says that it took
            // the others, and nothing is started.
            let file = place.path().join("redis.conf");
            let mapped = place.mapped(&mutant.text).replace("include ", "# include ");
            fs::write(&file, format!("{mapped}\nends-here yes\n")).unwrap();
            let theirs = said(Command::new(&program).arg(&file).current_dir(place.path()));
            let theirs = if theirs.contains("'ends-here yes'") { String::new() } else { theirs };
            let files = MemoryFiles::default().with("redis.conf", &mutant.text).with(
                "compose.yaml",
                "services:\n  store:\n    image: redis:7\n    command: redis-server /redis.conf\n    volumes: [\"./redis.conf:/redis.conf:ro\"]\n",
            );
            score.count(&name, &mutant, Some(theirs), refused_here(&files, "redis.conf"));
        }
    }
    score.close();
}
