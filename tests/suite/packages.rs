//! The ways to get the tool: packages that install and whose program works, workflows and an action that are
//! well formed and whose steps do what they say.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_yaml_ng::Value;
use tls_verify_fixtures::child::{self, ExitedChild};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const TOOL: &str = env!("CARGO_BIN_EXE_tls-verify");
/// Nothing here takes longer, on a busy machine either.
const HARD: Duration = Duration::from_secs(240);

/// Whether a tool is there; where it has to be, that it is missing is a failure.
fn there(tools: &[&str]) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let missing = |tool: &&&str| !std::env::split_paths(&path).any(|folder| folder.join(tool).is_file());
    let Some(tool) = tools.iter().find(missing) else { return true };
    let required = std::env::var("TLS_VERIFY_REQUIRE").unwrap_or_default();
    assert!(!required.split(',').any(|one| one == "packages"), "there is no {tool}");
    eprintln!("not run: {tool} not found");
    false
}

fn ran(command: &mut Command) -> ExitedChild {
    let ended = child::run(command, HARD);
    assert_eq!(ended.code, Some(0), "{command:?}: {} {}", ended.out, ended.err);
    ended
}

/// Both packages of this build.
fn packages(folder: &Path) -> (PathBuf, PathBuf) {
    let mut command = Command::new("bash");
    command
        .arg("packaging/packages")
        .arg("--dev")
        .arg(folder)
        .current_dir(ROOT)
        .env_remove("CARGO_TARGET_DIR");
    // The build that this test belongs to, wherever it lies.
    let target = Path::new(TOOL).ancestors().nth(2).unwrap();
    command.env("CARGO_TARGET_DIR", target);
    ran(&mut command);
    let find = |end: &str| {
        let mut found = fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
        found.find(|path| path.to_string_lossy().ends_with(end)).unwrap_or_else(|| panic!("no {end}"))
    };
    (find(".deb"), find(".rpm"))
}

/// What both packages hold beside the program.
const FILES: &[&str] = &[
    "usr/bin/tls-verify",
    "usr/share/man/man1/tls-verify.1.gz",
    "usr/share/bash-completion/completions/tls-verify",
    "usr/share/fish/vendor_completions.d/tls-verify.fish",
    "usr/share/doc/tls-verify/README.md",
    "usr/share/doc/tls-verify/profiles/cordum-dev.toml",
];

fn holds(root: &Path) {
    for file in FILES {
        assert!(root.join(file).is_file(), "{file} is missing below {}", root.display());
    }
    let completions = fs::read_to_string(root.join(FILES[2])).unwrap();
    assert!(completions.contains("tls-verify"), "{completions:.80}");
    let mut demo = child::program(root.join("usr/bin/tls-verify"));
    let ended = ran(demo.args(["demo", "--format", "json"]));
    assert_eq!(ended.json()["outcome"], "pass");
}

#[test]
fn packages_install_and_their_program_works() {
    if !there(&["cargo-deb", "cargo-generate-rpm", "dpkg", "rpm2cpio", "cpio"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (deb, rpm) = packages(&folder.path().join("out"));

    let root = folder.path().join("debian");
    for part in ["var/lib/dpkg/updates", "var/lib/dpkg/info", "var/log"] {
        fs::create_dir_all(root.join(part)).unwrap();
    }
    fs::write(root.join("var/lib/dpkg/status"), "").unwrap();
    let dpkg = |arguments: &[&std::ffi::OsStr]| {
        let mut command = Command::new("dpkg");
        let mut option = std::ffi::OsString::from("--root=");
        option.push(&root);
        // The libraries that it depends on are the machine's, not those of the empty root.
        command.arg(option).args(["--force-not-root", "--force-depends"]).args(arguments);
        ran(&mut command)
    };
    dpkg(&["-i".as_ref(), deb.as_os_str()]);
    let status = dpkg(&["-s".as_ref(), "tls-verify".as_ref()]).out;
    assert!(status.contains("Status: install ok installed"), "{status}");
    assert!(status.lines().any(|line| line.starts_with("Depends: ") && line.contains("libc6")), "{status}");
    holds(&root);
    dpkg(&["-r".as_ref(), "tls-verify".as_ref()]);
    assert!(!root.join(FILES[0]).exists(), "it is removed whole");

    let root = folder.path().join("redhat");
    fs::create_dir(&root).unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", "rpm2cpio \"$0\" | cpio -idm --quiet"]).arg(&rpm).current_dir(&root);
    ran(&mut command);
    holds(&root);
}

fn yaml(file: &str) -> Value {
    serde_yaml_ng::from_str(&fs::read_to_string(Path::new(ROOT).join(file)).unwrap()).unwrap()
}

const WORKFLOWS: &[&str] =
    &[".github/workflows/ci.yml", ".github/workflows/release.yml", "packaging/github-workflow.yml"];

#[test]
fn workflows_pass_their_linter() {
    if !there(&["actionlint", "shellcheck"]) {
        return;
    }
    let mut command = Command::new("actionlint");
    ran(command
        .args(["-no-color", "-ignore", "label \"ubuntu-24.04-arm\" is unknown"])
        .args(WORKFLOWS)
        .current_dir(ROOT));
    let mut command = Command::new("shellcheck");
    let scripts = ["packaging/packages", "packaging/action/install", "packaging/action/run"];
    ran(command.args(scripts).current_dir(ROOT));
}

#[test]
fn the_release_carries_the_version_of_the_program_for_both_processors() {
    let release = yaml(".github/workflows/release.yml");
    let targets: Vec<&str> = release["jobs"]["binary"]["strategy"]["matrix"]["include"]
        .as_sequence()
        .unwrap()
        .iter()
        .map(|one| one["target"].as_str().unwrap())
        .collect();
    assert_eq!(targets, ["x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl"]);
    // The step that compares the tag finds the version.
    let step = &release["jobs"]["version"]["steps"][1];
    let script = step["run"].as_str().unwrap();
    for (tag, code) in [(format!("v{}", env!("CARGO_PKG_VERSION")), 0), ("v99.0.0".to_owned(), 1)] {
        let mut command = Command::new("bash");
        command.args(["-e", "-c", script]).env("GITHUB_REF_NAME", &tag).current_dir(ROOT);
        let ended = child::run(&mut command, HARD);
        assert_eq!(ended.code, Some(code), "{tag}: {}", ended.out);
    }
    // What the action and binstall fetch is what the release makes.
    let install = fs::read_to_string(Path::new(ROOT).join("packaging/action/install")).unwrap();
    let manifest = fs::read_to_string(Path::new(ROOT).join("Cargo.toml")).unwrap();
    for target in targets {
        assert!(install.contains(target) && manifest.contains(target), "{target}");
    }
}

/// Runs the action's second step as GitHub does, with the program on PATH.
fn act(folder: &Path, inputs: &[(&str, &str)]) -> (ExitedChild, String, String) {
    let action = yaml("action.yml");
    let step =
        action["runs"]["steps"].as_sequence().unwrap().iter().find(|step| step["id"] == "run").unwrap();
    let (output, summary) = (folder.join("output"), folder.join("summary"));
    fs::write(&output, "").unwrap();
    fs::write(&summary, "").unwrap();
    let mut command = child::program("bash");
    command.args(["-e", "-c", step["run"].as_str().unwrap()]);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let own = Path::new(TOOL).parent().unwrap().to_owned();
    let path = std::env::join_paths(std::iter::once(own).chain(std::env::split_paths(&path))).unwrap();
    command.env("PATH", path).env("GITHUB_ACTION_PATH", ROOT).current_dir(folder);
    command.env("GITHUB_OUTPUT", &output).env("GITHUB_STEP_SUMMARY", &summary).env("GITHUB_ACTIONS", "true");
    for (variable, value) in step["env"].as_mapping().unwrap() {
        let expression = value.as_str().unwrap();
        let name = expression.trim_start_matches("${{ inputs.").trim_end_matches(" }}");
        let default = action["inputs"][name]["default"].as_str().unwrap_or_else(|| panic!("no input {name}"));
        let given = inputs.iter().find(|(key, _)| *key == name).map_or(default, |(_, value)| *value);
        command.env(variable.as_str().unwrap(), given);
    }
    let ended = child::run(&mut command, HARD);
    (ended, fs::read_to_string(output).unwrap(), fs::read_to_string(summary).unwrap())
}

#[test]
fn the_actions_steps_run_and_keep_the_reports_whatever_the_outcome() {
    for (inputs, code, outcome) in [
        (&[("command", "demo")][..], 0, "pass"),
        (&[("command", "demo"), ("args", "--fault 'expired'"), ("all", "true")][..], 1, "fail"),
        (&[("command", "certs"), ("certs", "nowhere at all")][..], 2, "error"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (ended, output, summary) = act(folder.path(), inputs);
        assert_eq!(ended.code, Some(0), "{inputs:?}: {} {}", ended.out, ended.err);
        assert!(output.contains(&format!("exit-code={code}\noutcome={outcome}\n")), "{inputs:?}: {output}");
        if code == 2 {
            continue;
        }
        assert!(summary.contains('|'), "{inputs:?}: a table on the job's page: {summary}");
        assert_eq!(ended.out.contains("::error"), code == 1, "{inputs:?}: {}", ended.out);
        for name in ["tls-verify.json", "tls-verify.xml", "tls-verify.sarif", "tls-verify.html"] {
            let file = folder.path().join("tls-verify-reports").join(name);
            assert!(fs::metadata(&file).is_ok_and(|file| file.len() > 200), "{inputs:?}: {name}");
        }
    }
}

/// Words that are lost would be another check than the one asked for.
#[test]
fn the_actions_arguments_reach_the_program_whole_or_not_at_all() {
    for (args, code, outcome) in [
        ("--only 'certificates", 2, ""),
        ("--only certificates --fault it's", 2, ""),
        // An empty word is one: a fault that there is not.
        ("--only certificates --fault ''", 0, "error"),
        ("--only \"certificates\"\n--deadline '20s'\n", 0, "pass"),
        (" \n", 0, "pass"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (ended, output, _) = act(folder.path(), &[("command", "demo"), ("args", args)]);
        assert_eq!(ended.code, Some(code), "{args:?}: {} {}", ended.out, ended.err);
        let said = if code == 0 { format!("outcome={outcome}\n") } else { String::new() };
        assert!(output.contains(&said) && output.is_empty() == (code == 2), "{args:?}: {output}");
        assert_eq!(ended.out.starts_with("::error::args:"), code == 2, "{args:?}: {}", ended.out);
    }
}

#[test]
fn the_actions_last_step_ends_as_the_program_did() {
    let action = yaml("action.yml");
    let step = action["runs"]["steps"].as_sequence().unwrap().last().unwrap();
    assert!(step["if"].as_str().unwrap().contains("inputs.fail != 'false'"));
    for (code, wanted) in [("0", 0), ("1", 1), ("3", 3), ("", 2)] {
        let mut command = child::program("bash");
        command.args(["-e", "-c", step["run"].as_str().unwrap()]).env("CODE", code);
        assert_eq!(child::run(&mut command, HARD).code, Some(wanted), "{code}");
    }
}

#[test]
fn the_readmes_step_gives_the_action_inputs_that_it_has() {
    let readme = fs::read_to_string(Path::new(ROOT).join("README.md")).unwrap();
    let block = readme.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    let steps: Value = serde_yaml_ng::from_str(block).unwrap();
    let action = yaml("action.yml");
    let version = concat!("@v", env!("CARGO_PKG_VERSION"));
    assert!(steps[0]["uses"].as_str().unwrap().ends_with(version), "{block}");
    for name in steps[0]["with"].as_mapping().unwrap().keys() {
        assert!(!action["inputs"][name.as_str().unwrap()].is_null(), "{name:?}");
    }
}

#[test]
fn the_action_runs_nothing_that_stands_in_its_inputs() {
    let folder = tempfile::tempdir().unwrap();
    let inputs = [("command", "certs"), ("args", "'$(touch made)' `touch made`; touch made")];
    let (ended, output, _) = act(folder.path(), &inputs);
    assert!(!folder.path().join("made").exists(), "{} {}", ended.out, ended.err);
    assert!(output.contains("exit-code=2"), "{output} {}", ended.err);
    let (ended, _, _) = act(folder.path(), &[("command", "explain; touch made")]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.out.contains("::error::command: "), "{}", ended.out);
}
