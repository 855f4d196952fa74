//! What is shipped around the binary: every file is read, every command line in it is one the program takes.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use clap::{CommandFactory, Parser};
use serde_yaml_ng::Value;
use tls_verify::cli::Cli;

use crate::gate::support::{finish, program, text};

fn file(name: &str) -> String {
    fs::read_to_string(format!("{}/packaging/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn documents(name: &str) -> Vec<Value> {
    use serde::Deserialize;
    serde_yaml_ng::Deserializer::from_str(&file(name)).map(|one| Value::deserialize(one).unwrap()).collect()
}

fn words(list: &Value) -> Vec<String> {
    list.as_sequence().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect()
}

/// The program takes it.
fn taken(words: &[String]) -> Cli {
    let line = std::iter::once("tls-verify".to_owned()).chain(words.iter().cloned());
    Cli::try_parse_from(line).unwrap_or_else(|error| panic!("{words:?}: {error}"))
}

/// Every environment variable that `--help` or the README of the options names.
fn known(variable: &str) -> bool {
    const MORE: &[&str] = &["REDIS_PASSWORD", "NATS_TOKEN", "NATS_USERNAME", "NATS_PASSWORD"];
    let help: String = ["run", "probe"]
        .iter()
        .map(|name| Cli::command().find_subcommand_mut(name).unwrap().render_long_help().to_string())
        .collect();
    MORE.contains(&variable)
        || help.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| word == variable)
}

/// Paths in a command line lie in what is mounted.
fn mounted(words: &[String], mounts: &[String]) {
    for word in words {
        let path = word.rsplit('=').next().unwrap();
        if path.starts_with('/') {
            assert!(mounts.iter().any(|mount| path.starts_with(mount.as_str())), "{path}: {mounts:?}");
        }
    }
}

#[test]
fn the_compose_snippet_runs_the_program_as_its_services_run() {
    let all = documents("compose.yml");
    let services = all[0]["services"].as_mapping().unwrap();
    assert_eq!(services.len(), 3);
    for (name, service) in services {
        let command = words(&service["command"]);
        taken(&command);
        let volumes = words(&service["volumes"]);
        let mounts: Vec<String> = volumes
            .iter()
            .map(|volume| {
                // `${NAME:-default}:place[:ro]`.
                let place = volume.split_once('}').map_or(volume.as_str(), |(_, rest)| rest);
                place.split(':').rfind(|part| part.starts_with('/')).unwrap().to_owned()
            })
            .collect();
        mounted(&command, &mounts);
        assert!(mounts.iter().any(|mount| mount == "/var/run/docker.sock"), "{name:?}: {mounts:?}");
        let environment = service.get("<<").unwrap_or(service)["environment"].as_mapping().unwrap();
        for (variable, value) in environment {
            assert!(known(variable.as_str().unwrap()), "{variable:?}");
            let value = value.as_str().unwrap();
            // Names that are in the certificates.
            assert!(!value.contains("//api-gateway"), "{value}");
        }
        let group = service.get("<<").unwrap_or(service)["group_add"][0].as_str().unwrap();
        assert!(group.contains("DOCKER_GROUP"), "{group}");
    }
    let head = file("compose.yml");
    for need in ["stat -c %g", "chmod -R a+rX", "cordum-api-gateway", "65532"] {
        assert!(head.contains(need), "{need}");
    }
}

#[test]
fn the_check_by_the_api_runs_as_the_account_whose_role_is_the_least() {
    let job = &documents("kubernetes-check.yaml")[0];
    let spec = &job["spec"]["template"]["spec"];
    taken(&words(&spec["containers"][0]["args"]));
    let role = documents("kubernetes-role.yaml");
    assert_eq!(
        (&role[0]["kind"], &role[0]["metadata"]["name"]),
        (&"ServiceAccount".into(), &spec["serviceAccountName"])
    );
    assert!(
        spec.get("automountServiceAccountToken").is_none(),
        "the token is what it asks the API server with"
    );
    // The namespace is the reader's to name.
    assert!(job["metadata"].get("namespace").is_none());
}

#[test]
fn the_jobs_mount_what_they_read_and_are_let_through() {
    for (name, kinds) in [
        ("kubernetes-job.yaml", &["Job", "NetworkPolicy", "NetworkPolicy"][..]),
        ("kubernetes-fleet.yaml", &["Job"]),
    ] {
        let all = documents(name);
        let found: Vec<&str> = all.iter().map(|one| one["kind"].as_str().unwrap()).collect();
        assert_eq!(found, kinds);
        assert!(all.iter().all(|one| one["metadata"]["namespace"] == "cordum"), "{name}");
        let pod = &all[0]["spec"]["template"];
        let spec = &pod["spec"];
        assert_eq!(spec["restartPolicy"], "Never");
        assert_eq!(spec["securityContext"]["runAsNonRoot"], true);
        let container = &spec["containers"][0];
        let args = words(&container["args"]);
        taken(&args);
        let volumes: BTreeSet<&str> =
            spec["volumes"].as_sequence().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
        let mounts: Vec<String> = container["volumeMounts"]
            .as_sequence()
            .unwrap()
            .iter()
            .map(|mount| {
                assert!(volumes.contains(mount["name"].as_str().unwrap()), "{mount:?}");
                assert_eq!(mount["readOnly"], true);
                mount["mountPath"].as_str().unwrap().to_owned()
            })
            .collect();
        mounted(&args, &mounts);
        for variable in container["env"].as_sequence().unwrap() {
            assert!(known(variable["name"].as_str().unwrap()), "{variable:?}");
        }
        for volume in spec["volumes"].as_sequence().unwrap() {
            if let Some(secret) = volume.get("secret") {
                let secret_name = secret["secretName"].as_str().unwrap();
                assert!(["cordum-client-tls", "cordum-server-tls"].contains(&secret_name), "{secret_name}");
                // Readable for the pod's group, and for nobody else.
                assert_eq!(secret["defaultMode"], 288, "0440 in any YAML: {secret:?}");
            }
        }
        // The policies speak of this pod.
        for policy in &all[1..] {
            let policy = serde_yaml_ng::to_string(policy).unwrap();
            assert!(policy.contains("app: tls-verify"), "{policy}");
        }
        assert_eq!(pod["metadata"]["labels"]["app"], "tls-verify");
    }
    let job = &documents("kubernetes-fleet.yaml")[0]["spec"];
    assert_eq!(job["completionMode"], "Indexed");
    let count = job["completions"].as_u64().unwrap().to_string();
    let environment = job["template"]["spec"]["containers"][0]["env"].as_sequence().unwrap();
    let told = environment.iter().find(|one| one["name"] == "JOB_COMPLETIONS").unwrap();
    assert_eq!(told["value"], count.as_str());
    // The command that joins the shards.
    let text = file("kubernetes-fleet.yaml");
    let merge = text.lines().skip_while(|line| !line.contains("tls-verify merge")).take(2);
    let merge: String =
        merge.map(|line| line.trim_start_matches(['#', ' ']).trim_end_matches('\\')).collect();
    let merge = merge.replace("\"$(grep -cv '^ *\\(#\\|$\\)' targets.txt)\"", "4");
    let line: Vec<String> = merge.split_whitespace().skip(1).map(str::to_owned).collect();
    taken(&line);
}

#[test]
fn the_workflow_and_the_image_call_the_program_rightly() {
    let workflow = &documents("github-workflow.yml")[0];
    let steps = workflow["jobs"]["tls"]["steps"].as_sequence().unwrap();
    let runs: Vec<&str> = steps.iter().filter_map(|step| step.get("run")?.as_str()).collect();
    let own: Vec<&&str> = runs.iter().filter(|run| run.starts_with("tls-verify")).collect();
    assert_eq!(own.len(), 1, "{runs:?}");
    let line: Vec<String> = own[0].split_whitespace().skip(1).map(str::to_owned).collect();
    let cli = taken(&line);
    let Some(tls_verify::cli::Command::Run(args)) = cli.command else { panic!("{line:?}") };
    assert_eq!(args.output.format, tls_verify::cli::Format::Github);
    assert_eq!(args.output.report.len(), 4);
    // The artifact's pattern finds every report.
    assert!(args.output.report.iter().all(|report| report.split_once('=').unwrap().1.starts_with("tls.")));
    let image = file("Dockerfile").replace("\\\n", " ");
    let instruction = |word: &str| -> Vec<String> {
        image
            .lines()
            .filter(|line| line.starts_with(word))
            .map(|line| line[word.len()..].trim().to_owned())
            .collect()
    };
    assert_eq!(instruction("FROM").last().unwrap(), "scratch");
    assert_eq!(instruction("USER"), ["65532:65532"]);
    assert_eq!(instruction("ENTRYPOINT"), ["[\"/tls-verify\"]"]);
    let list = |text: &str| -> Vec<String> { serde_json::from_str(text).unwrap() };
    taken(&list(&instruction("CMD")[0]));
    let health = &instruction("HEALTHCHECK")[0];
    let health = list(health.split_once("CMD").unwrap().1.trim());
    assert_eq!(health[0], "/tls-verify");
    taken(&health[1..]);
    for setting in instruction("ENV") {
        assert!(known(setting.split_once('=').unwrap().0), "{setting}");
    }
    // What is built in is sent to the build, and nothing that is large.
    let ignored = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/.dockerignore")).unwrap();
    assert!(ignored.lines().any(|line| line == "target"), "{ignored}");
    // Every file is in the list.
    let readme = file("README.md");
    for entry in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/packaging")).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        assert!(name == "README.md" || readme.contains(&format!("`{name}`")), "{name}");
    }
}

#[test]
fn completions_are_scripts_of_their_shells() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let output = finish(program().args(["completions", shell]));
        assert_eq!(output.status.code(), Some(0));
        let script = folder.path().join(shell);
        fs::write(&script, &output.stdout).unwrap();
        assert!(text(&output.stdout).contains("watch"), "{shell}");
        let Some(found) = tls_verify_fixtures::servers::find(shell) else {
            eprintln!("not run: {shell} is not here");
            continue;
        };
        let checked = finish(Command::new(found).arg("-n").arg(&script));
        assert!(checked.status.success(), "{shell}: {}", text(&checked.stderr));
    }
    // bash completes options and commands.
    let Some(bash) = tls_verify_fixtures::servers::find("bash") else { return };
    for (line, wanted) in [
        ("tls-verify run --wa", "--watch --wait"),
        ("tls-verify pro", "probe"),
        ("tls-verify run --format j", "json"),
    ] {
        let count = line.split(' ').count();
        let script = format!(
            "source {}; COMP_WORDS=({line}); COMP_CWORD={}; _tls__verify tls-verify \"${{COMP_WORDS[-1]}}\" \"${{COMP_WORDS[-2]}}\"; \
             echo \"${{COMPREPLY[@]}}\"",
            folder.path().join("bash").display(),
            count - 1
        );
        let output = finish(Command::new(&bash).args(["-c", &script]));
        let said = text(&output.stdout);
        for word in wanted.split(' ') {
            assert!(
                said.split_whitespace().any(|one| one == word),
                "{line}: {said} {}",
                text(&output.stderr)
            );
        }
    }
}

#[test]
fn the_manual_page_is_clean_and_whole() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("tls-verify.1");
    let output = finish(program().arg("man"));
    fs::write(&page, &output.stdout).unwrap();
    let source = text(&output.stdout);
    // Every option of every command, every check, every code.
    for sub in Cli::command().get_subcommands() {
        assert!(
            source.contains(&format!(".SH COMMAND {}", sub.get_name().to_uppercase())),
            "{}",
            sub.get_name()
        );
        for option in sub.get_arguments().filter_map(|argument| argument.get_long()) {
            assert!(source.contains(&option.replace('-', "\\-")), "{option}");
        }
    }
    for check in tls_verify_checks::ALL {
        assert!(source.contains(&check.id.replace('-', "\\-")), "{}", check.id);
    }
    assert!(source.contains(".SH EXIT STATUS\n.TP\n0\n"), "{source}");
    if tls_verify_fixtures::servers::find("groff").is_some()
        && tls_verify_fixtures::servers::find("man").is_some()
    {
        let mut command = Command::new("man");
        command.args(["--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z"]).arg(&page);
        let output = finish(command.env("LC_ALL", "C.UTF-8").env("MANWIDTH", "80"));
        assert!(output.status.success() && output.stderr.is_empty(), "{}", text(&output.stderr));
    } else {
        eprintln!("not run: groff and man are not here");
    }
    match tls_verify_fixtures::servers::find("mandoc") {
        Some(mandoc) => {
            let output = finish(Command::new(mandoc).args(["-T", "lint", "-W", "error"]).arg(&page));
            assert!(output.status.success(), "{}", text(&output.stdout));
        }
        None => eprintln!("not run: mandoc is not here"),
    }
}
