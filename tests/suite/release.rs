//! A release from end to end, but for the machines that compile it: what the workflow packs is what the action, binstall
//! and the image take, and what has been changed on the way is not taken.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_yaml_ng::Value;
use tls_verify_fixtures::child::{self, ExitedChild};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const HARD: Duration = Duration::from_secs(120);
const TARGETS: [&str; 2] = ["x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl"];

fn text(file: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(file)).unwrap()
}

/// The script of a step of the release workflow.
fn step(job: &str, name: &str) -> String {
    let workflow: Value = serde_yaml_ng::from_str(&text(".github/workflows/release.yml")).unwrap();
    let steps = workflow["jobs"][job]["steps"].as_sequence().unwrap();
    let step =
        steps.iter().find(|step| step["name"] == name).unwrap_or_else(|| panic!("{job} has no `{name}`"));
    step["run"].as_str().unwrap().to_owned()
}

fn program(path: &Path, script: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// A folder with stand-ins before the machine's own programs.
struct Runner {
    folder: tempfile::TempDir,
}

impl Runner {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn run(&self, script: &str, place: &Path, variables: &[(&str, &str)]) -> ExitedChild {
        let mut command = child::program("bash");
        let bin = self.path().join("bin");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(std::iter::once(bin).chain(std::env::split_paths(&path))).unwrap();
        command.args(["-eo", "pipefail", "-c", script]).current_dir(place).env("PATH", path);
        command.envs(variables.iter().copied());
        child::run(&mut command, HARD)
    }

    fn ran(&self, script: &str, place: &Path, variables: &[(&str, &str)]) -> ExitedChild {
        let ended = self.run(script, place, variables);
        assert_eq!(ended.code, Some(0), "{script}: {} {}", ended.out, ended.err);
        ended
    }

    /// What the workflow uploads, with stand-ins for the compiled programs.
    fn released(&self) -> PathBuf {
        let source = self.path().join("source");
        for target in TARGETS {
            let tool = format!("exec {} \"$@\"", env!("CARGO_BIN_EXE_tls-verify"));
            program(&source.join(format!("target/{target}/release/tls-verify")), &tool);
        }
        for file in ["README.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE"] {
            fs::write(source.join(file), text(file)).unwrap();
        }
        for target in TARGETS {
            self.ran(&step("binary", "Pack"), &source, &[("TARGET", target)]);
        }
        let dist = source.join("dist");
        self.ran(&step("publish", "Checksums"), &dist, &[]);
        dist
    }

    /// The action's first step, with a network that has what was released.
    fn install(&self, dist: &Path, version: &str) -> (ExitedChild, String) {
        let fetch = r#"while [ $# -gt 1 ]; do if [ "$1" = -o ]; then to=$2; shift; fi; shift; done
            echo "$1" >>"$LOG"; cp "$DIST/$(basename "$1")" "$to""#;
        program(&self.path().join("bin/curl"), fetch);
        let (path, log) = (self.path().join("path"), self.path().join("log"));
        fs::write(&path, "").unwrap();
        fs::write(&log, "").unwrap();
        let shown = |path: &Path| path.display().to_string();
        let script = format!("bash {ROOT}/packaging/action/install");
        let variables = [
            ("VERSION", version),
            ("REPOSITORY", "some/where"),
            ("GITHUB_PATH", &shown(&path)),
            ("LOG", &shown(&log)),
            ("DIST", &shown(dist)),
            ("TMPDIR", &shown(self.path())),
        ];
        let ended = self.run(&script, self.path(), &variables);
        (ended, fs::read_to_string(path).unwrap())
    }
}

#[test]
fn the_action_takes_what_was_released_and_nothing_that_was_changed() {
    let runner = Runner::new();
    let dist = runner.released();
    for (version, place) in [("v1.2.3", "download/v1.2.3"), ("latest", "latest/download")] {
        let (ended, path) = runner.install(&dist, version);
        assert_eq!(ended.code, Some(0), "{} {}", ended.out, ended.err);
        let asked = fs::read_to_string(runner.path().join("log")).unwrap();
        let base = format!("https://github.com/some/where/releases/{place}/");
        assert!(asked.lines().count() == 2 && asked.lines().all(|line| line.starts_with(&base)), "{asked}");
        let mut tool = Command::new(Path::new(path.trim()).join("tls-verify"));
        let said = child::run(tool.arg("--version"), HARD);
        assert_eq!(said.out.trim(), concat!("tls-verify ", env!("CARGO_PKG_VERSION")));
    }
    for target in TARGETS {
        let file = dist.join(format!("tls-verify-{target}.tar.gz"));
        let mut bytes = fs::read(&file).unwrap();
        bytes.push(0);
        fs::write(file, bytes).unwrap();
    }
    let (ended, path) = runner.install(&dist, "v1.2.3");
    assert!(ended.code != Some(0) && path.is_empty(), "a changed archive is taken: {path}");
    fs::write(dist.join("SHA256SUMS"), "").unwrap();
    let (ended, path) = runner.install(&dist, "v1.2.3");
    assert!(ended.code != Some(0) && path.is_empty(), "an archive without a sum is taken: {path}");
}

#[test]
fn binstall_finds_what_was_released() {
    let runner = Runner::new();
    let dist = runner.released();
    let manifest: toml::Value = toml::from_str(&text("Cargo.toml")).unwrap();
    let package = &manifest["package"];
    let own = &package["metadata"]["binstall"];
    let field = |target: &str, name: &str| {
        let other = own.get("overrides").and_then(|all| all.get(target)).and_then(|one| one.get(name));
        other.unwrap_or(&own[name]).as_str().unwrap().to_owned()
    };
    for target in TARGETS.into_iter().chain(["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"]) {
        let filled = |template: &str| {
            template
                .replace("{ repo }", package["repository"].as_str().unwrap())
                .replace("{ version }", env!("CARGO_PKG_VERSION"))
                .replace("{ name }", "tls-verify")
                .replace("{ bin }", "tls-verify")
                .replace("{ binary-ext }", "")
                .replace("{ target }", target)
        };
        let url = filled(&field(target, "pkg-url"));
        let (place, name) = url.rsplit_once('/').unwrap();
        let wanted = concat!("/releases/download/v", env!("CARGO_PKG_VERSION"));
        assert!(place.starts_with("https://") && place.ends_with(wanted) && !url.contains('{'), "{url}");
        let listed = runner.ran(&format!("tar -tzf {name}"), &dist, &[]).out;
        let inside = filled(&field(target, "bin-dir"));
        assert!(listed.lines().any(|line| line == inside), "{target}: no {inside} in {listed}");
    }
    // The same names everywhere: a manual page and completions beside the program.
    let listed = runner.ran(&format!("tar -tzf tls-verify-{}.tar.gz", TARGETS[0]), &dist, &[]).out;
    for file in ["tls-verify.1", "tls-verify.bash", "tls-verify.zsh", "tls-verify.fish", "LICENSE-MIT"] {
        assert!(listed.contains(&format!("/{file}\n")), "{file}: {listed}");
    }
}

#[test]
fn the_image_holds_the_released_program_for_both_processors() {
    let runner = Runner::new();
    let dist = runner.released();
    program(&runner.path().join("bin/docker"), "echo \"$@\"");
    let script = step("publish", "The image holds the released binaries, not a build of its own");
    let place = dist.parent().unwrap();
    let variables = [("GITHUB_REPOSITORY", "Some/Where"), ("GITHUB_REF_NAME", "v1.2.3")];
    let ended = runner.ran(&script, place, &variables);
    for words in ["-f packaging/Dockerfile.release", "-t ghcr.io/some/where:1.2.3", "linux/amd64,linux/arm64"]
    {
        assert!(ended.out.contains(words), "{}", ended.out);
    }
    let dockerfile = text("packaging/Dockerfile.release");
    assert!(dockerfile.contains("COPY ${TARGETPLATFORM}/tls-verify /tls-verify"));
    assert!(dockerfile.contains("USER 65532:65532") && dockerfile.contains("FROM scratch"));
    for platform in ["linux/amd64", "linux/arm64"] {
        let tool = place.join("image").join(platform).join("tls-verify");
        assert!(fs::metadata(&tool).unwrap().permissions().mode() & 0o111 != 0, "{platform}");
    }
}

#[test]
fn a_release_elsewhere_than_where_the_crate_says_is_refused() {
    let runner = Runner::new();
    let manifest: toml::Value = toml::from_str(&text("Cargo.toml")).unwrap();
    let own = manifest["package"]["repository"].as_str().unwrap();
    let (server, repository) = own.match_indices('/').nth(2).map(|(at, _)| own.split_at(at)).unwrap();
    let script = step("version", "The crate names this repository, where binstall looks");
    for (repository, code) in [(&repository[1..], 0), ("somebody/else", 1)] {
        let variables = [("GITHUB_SERVER_URL", server), ("GITHUB_REPOSITORY", repository)];
        assert_eq!(runner.run(&script, Path::new(ROOT), &variables).code, Some(code), "{repository}");
    }
}
