//! Who applies a cure reads nothing but its changes: each is made in the files of the project, as it says.

use std::path::Path;

use serde_json::Value;
use serde_yaml_ng::Value as Yaml;

use crate::cured::{Copy, Fault};

/// The place of an option's change is the option's own line, or that of a variable that it is made of: as the files
/// were when the report was made, for a change may move lines.
pub fn is_at_its_place(copy: &Copy, change: &Value) -> Result<(), String> {
    let place = change["defined_at"].as_str().and_then(|place| place.rsplit_once(':'));
    let (Some("argument"), Some(from), Some((file, line))) =
        (change["kind"].as_str(), change["from"].as_str(), place)
    else {
        return Ok(());
    };
    let text = std::fs::read_to_string(copy.path(file)).map_err(|error| error.to_string())?;
    let number: usize = line.parse().map_err(|_| "no line")?;
    match text.lines().nth(number - 1).unwrap_or_default() {
        there if there.contains(from) || there.contains("${") => Ok(()),
        there => Err(format!("{file}:{line} is {there}, not {from}")),
    }
}

/// Makes one change.
pub fn change(copy: &Copy, change: &Value, fault: &Fault) -> Result<(), String> {
    let word = |key: &str| change[key].as_str();
    let (kind, name) = (word("kind").unwrap_or_default(), word("name").unwrap_or_default());
    let workload = word("workload").unwrap_or_default();
    let remove = change["remove"] == true;
    // Of what only the operator knows, the operator has the value.
    let to = word("to").or(fault.value.filter(|_| !remove));
    let defined = word("defined_at").and_then(|place| place.rsplit_once(':'));
    let compose = copy.path("docker-compose.yml");
    match kind {
        "environment" => {
            let secret = crate::project::REDIS_PASSWORD;
            let to = to.map(|to| to.replace("***", &format!(":{secret}")));
            if let Some((".env", line)) = defined {
                return line_of_env(copy, line, to.as_deref().unwrap_or_default());
            }
            environment(
                &compose,
                workload,
                name,
                if remove { None } else { Some(to.as_deref().ok_or("no value")?) },
            );
            Ok(())
        }
        "mount" => {
            let to = to.ok_or("no source")?;
            edit(&compose, |root| {
                let volumes = &mut root["services"][workload]["volumes"];
                if change["from"].is_null() {
                    let mount = Yaml::from(format!("{to}:{name}:ro"));
                    match volumes.as_sequence_mut() {
                        Some(volumes) => volumes.push(mount),
                        None => *volumes = Yaml::from(vec![mount]),
                    }
                    return;
                }
                for volume in volumes.as_sequence_mut().into_iter().flatten() {
                    let text = volume.as_str().unwrap_or_default().to_owned();
                    // SOURCE:TARGET:MODE, where the source may hold `${NAME:-x}`.
                    if let Some(at) = text.find(&format!(":{name}")) {
                        *volume = Yaml::from(format!("{to}{}", &text[at..]));
                    }
                }
            });
            Ok(())
        }
        "argument" => {
            let to = if remove { "" } else { to.ok_or("no value")? }.to_owned();
            edit(&compose, |root| {
                let words = root["services"][workload]["command"].as_sequence_mut().unwrap();
                match words.iter().position(|word| word.as_str() == Some(name)) {
                    Some(at) if remove => drop(words.drain(at..at + 2)),
                    Some(at) => words[at + 1] = Yaml::from(to.clone()),
                    None => words.extend([Yaml::from(name), Yaml::from(to.clone())]),
                }
            });
            Ok(())
        }
        "config" => {
            let file = defined.map(|(file, _)| file).ok_or("no place")?;
            config(&copy.path(file), name, to, remove)
        }
        "file" => {
            let path = copy.path(name.trim_start_matches("./"));
            let supply = fault.supply;
            match (to.filter(|to| to.len() == 4 && to.bytes().all(|byte| byte.is_ascii_digit())), supply) {
                (Some(mode), _) => {
                    use std::os::unix::fs::PermissionsExt;
                    let mode = u32::from_str_radix(mode, 8).map_err(|error| error.to_string())?;
                    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode))
                        .map_err(|error| error.to_string())
                }
                (None, Some(supply)) => {
                    supply(copy, &path);
                    Ok(())
                }
                (None, None) => Err("nobody has what the file has to hold".to_owned()),
            }
        }
        other => Err(format!("a change of kind {other}")),
    }
}

fn line_of_env(copy: &Copy, line: &str, to: &str) -> Result<(), String> {
    let path = copy.path(".env");
    let text = std::fs::read_to_string(&path).map_err(|error| error.to_string())?;
    let at: usize = line.parse().map_err(|_| "no line")?;
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let old = lines.get_mut(at - 1).ok_or("no such line")?;
    let (name, _) = old.split_once('=').ok_or("no variable there")?;
    *old = format!("{name}={to}");
    std::fs::write(&path, lines.join("\n") + "\n").map_err(|error| error.to_string())
}

/// Sets a variable of a service, or takes it away.
pub fn environment(compose: &Path, service: &str, name: &str, value: Option<&str>) {
    edit(compose, |root| {
        let environment = root["services"][service]["environment"].as_mapping_mut().unwrap();
        match value {
            Some(value) => {
                environment.insert(Yaml::from(name), Yaml::from(value));
            }
            None => {
                environment.remove(name);
            }
        }
    });
}

/// Changes the Compose file as data.
pub fn edit(compose: &Path, change: impl FnOnce(&mut Yaml)) {
    let text = std::fs::read_to_string(compose).unwrap();
    let mut root: Yaml = serde_yaml_ng::from_str(&text).unwrap();
    change(&mut root);
    // For version 1 of Compose a bare `no` is a truth.
    let text = serde_yaml_ng::to_string(&root).unwrap().replace("- no\n", "- \"no\"\n");
    std::fs::write(compose, text).unwrap();
}

/// A key of NATS' configuration: `tls.verify`.
fn config(path: &Path, name: &str, to: Option<&str>, remove: bool) -> Result<(), String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let (block, key) = name.rsplit_once('.').unwrap_or(("", name));
    let quoted = |to: &str| if matches!(to, "true" | "false") { to.to_owned() } else { format!("\"{to}\"") };
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let is_key = |line: &String| line.trim_start().starts_with(&format!("{key}:"));
    match (lines.iter().position(is_key), remove) {
        (Some(at), true) => {
            lines.remove(at);
        }
        (Some(at), false) => lines[at] = format!("  {key}: {}", quoted(to.ok_or("no value")?)),
        (None, true) => return Err(format!("{name} is not there")),
        (None, false) => {
            let value = format!("  {key}: {}", quoted(to.ok_or("no value")?));
            match lines.iter().position(|line| line.trim_start().starts_with(&format!("{block} {{"))) {
                Some(at) => lines.insert(at + 1, value),
                None => lines.extend([format!("{block} {{"), value, "}".to_owned()]),
            }
        }
    }
    std::fs::write(path, lines.join("\n") + "\n").map_err(|error| error.to_string())
}
