//! Every command that is printed is run in a shell with hostile names in it: each name arrives as it is, in one
//! piece, and nothing else happens.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use tls_verify_checks::cause::{CauseKind, Variant};
use tls_verify_checks::stack::Link;
use tls_verify_core::remedy::catalogue::{self, Placeholders};
use tls_verify_core::remedy::{
    Action, Change, ChangeKind, Compose, Effect, Kubernetes, NewLeaf, Unmanaged, Wording,
};

const HOSTILE: &[&str] = &[
    "my certs",
    "$(: >owned)",
    "`: >owned`",
    "'; : >owned; '",
    "\"; : >owned; \"",
    "x\n: >owned\n",
    "-rf",
    "--force",
    "a&: >owned",
    "a|: >owned",
    "~",
    "*",
    "#x",
    "!x",
    "a\\",
    "it's",
];

/// What printed commands start; each stands in a folder of its own and writes down what it was given.
const PROGRAMS: &[&str] = &[
    "docker",
    "docker-compose",
    "kubectl",
    "tls-verify",
    "cordumctl",
    "openssl",
    "chmod",
    "chgrp",
    "chown",
    "sudo",
];

/// A folder with stand-ins for all programs.
fn stand_ins(folder: &Path) {
    for program in PROGRAMS {
        let path = folder.join(program);
        fs::write(&path, "#!/bin/sh\nfor one; do printf '%s\\0' \"$one\" >>\"$RECORD\"; done\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

/// The words that the programs of a command were given.
fn words(bin: &Path, command: &str) -> Vec<String> {
    let here = tempfile::tempdir().unwrap();
    let record = bin.join("record");
    let _ = fs::remove_file(&record);
    let status = Command::new("/bin/sh")
        .args(["-c", command])
        .current_dir(here.path())
        .env_clear()
        .env("PATH", bin)
        .env("HOME", "/nonexistent")
        .env("RECORD", &record)
        .status()
        .unwrap();
    assert!(status.success(), "{status}: {command}");
    let left: Vec<_> = fs::read_dir(here.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.is_empty(), "it made {left:?}: {command}");
    let said = fs::read(&record).unwrap_or_default();
    said.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

/// Every platform's words, with a hostile name in each place.
fn wordings(name: &str) -> Vec<Arc<dyn Wording>> {
    vec![
        Arc::new(Compose::new(["docker", "compose", "-p", name, "-f", name])),
        Arc::new(Kubernetes {
            context: Some(name.to_owned()),
            namespace: name.to_owned(),
            ..Kubernetes::default()
        }),
        Arc::new(Unmanaged),
    ]
}

#[test]
fn the_catalogues_commands_take_any_name_for_a_name() {
    let bin = tempfile::tempdir().unwrap();
    stand_ins(bin.path());
    let mut commands: BTreeSet<(String, &str)> = BTreeSet::new();
    for name in HOSTILE {
        for wording in wordings(name) {
            for (link, service) in [(Link::Nats, *name), (Link::Gateway, "external:1")] {
                let word = || (*name).to_owned();
                let blanks = Placeholders {
                    service: service.to_owned(),
                    ca: word(),
                    certs: word(),
                    file: word(),
                    target: word(),
                    name: word(),
                    link: link.to_string(),
                    wording: Arc::clone(&wording),
                    verify: word(),
                };
                for cause in CauseKind::ALL {
                    for variant in [None].into_iter().chain(Variant::ALL.iter().copied().map(Some)) {
                        for place in ["nats", "redis", "dashboard", "api-gateway", "safety-kernel", "cli"] {
                            let fixes = catalogue::fixes(*cause, variant, place, &blanks);
                            assert!(!fixes.is_empty() && fixes.len() <= 2, "{cause} {variant:?} {place}");
                            commands.extend(fixes.into_iter().filter_map(|fix| Some((fix.command?, *name))));
                        }
                    }
                }
            }
        }
    }
    assert!(commands.len() > 100, "{}", commands.len());
    for (command, name) in &commands {
        let words = words(bin.path(), command);
        let named = command.contains("unset") || words.iter().any(|word| word.contains(name));
        // A command that has no name in it was written by us.
        let ours = !command.contains("docker") && !command.contains("kubectl");
        assert!(named || ours, "{name:?} does not arrive: {command}\n{words:?}");
    }
}

#[test]
fn composed_commands_take_any_name_for_a_name() {
    let bin = tempfile::tempdir().unwrap();
    stand_ins(bin.path());
    for name in HOSTILE {
        let word = || (*name).to_owned();
        let workload = format!("deployment/{name}");
        let mut commands = Vec::new();
        for wording in wordings(name) {
            for action in [
                Action::Restart(vec![word(), workload.clone()]),
                Action::Recreate(vec![word(), workload.clone()]),
                Action::Start(vec![word(), workload.clone()]),
                Action::Unpause(word()),
                Action::ShowLogs { service: word(), lines: 30 },
                Action::ShowState(Some(word())),
                Action::ShowState(None),
                Action::ShowSettings,
                Action::Run { service: word(), command: vec![word(), word()] },
            ] {
                commands.extend(wording.command(&action));
            }
            let changes = [
                Change::new(&workload, ChangeKind::Environment, "NATS_URL").values(Some("a"), Some(name)),
                Change::new("deployment/x", ChangeKind::Mount, *name).values(Some(name), Some(name)),
                Change::new(*name, ChangeKind::Config, *name).values(Some(name), Some(name)),
            ];
            commands.extend(wording.effect(&changes, &Effect::of(&changes).and_restart([*name])));
        }
        let names = [word(), "127.0.0.1".to_owned()];
        let leaf = NewLeaf {
            ca: name,
            ca_key: name,
            key: name,
            subject: name,
            names: &names,
            purpose: "serverAuth",
            out: name,
        };
        commands.push(leaf.command());
        for command in commands {
            let words = words(bin.path(), &command);
            assert!(words.iter().any(|word| word.contains(name)), "{name:?}: {command}\n{words:?}");
        }
    }
}
