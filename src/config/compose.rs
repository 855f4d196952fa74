//! Which Compose the operator has: the Docker CLI's plugin, or the program of its own.

use std::path::{Path, PathBuf};

use tls_verify_checks::platform::compose::{ComposeCli, ComposeProgram};

use super::{Environment, is_executable, on_path};

pub(super) fn here(environment: &Environment) -> ComposeCli {
    ComposeCli::new(installed(environment), std::env::current_dir().unwrap_or_default())
}

/// A command with `docker compose` in it, for the Compose that is installed.
pub(crate) fn spoken(command: &str, environment: &Environment) -> String {
    let plugin = ComposeProgram::Plugin.words();
    let words = installed(environment).map_or(plugin, ComposeProgram::words);
    let told: Vec<String> = command
        .split(" && ")
        .map(|part| match part.strip_prefix(plugin) {
            Some(rest) => format!("{words}{rest}"),
            None => part.to_owned(),
        })
        .collect();
    told.join(" && ")
}

/// The plugin goes first: where both are there, it is the one that is maintained.
fn installed(environment: &Environment) -> Option<ComposeProgram> {
    let plugin = if cfg!(windows) { "docker-compose.exe" } else { "docker-compose" };
    if on_path("docker", environment).is_some()
        && plugin_folders(environment).iter().any(|folder| is_executable(&folder.join(plugin)))
    {
        return Some(ComposeProgram::Plugin);
    }
    on_path("docker-compose", environment).map(|_| ComposeProgram::Standalone)
}

/// Where the Docker CLI looks for plugins (docker/cli 20.10 to 28, `cli-plugins/manager`).
fn plugin_folders(environment: &Environment) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    let own = environment
        .get("DOCKER_CONFIG")
        .map(PathBuf::from)
        .or_else(|| environment.get("HOME").map(|home| Path::new(home).join(".docker")));
    if let Some(own) = own {
        folders.extend(extra(&own));
        folders.push(own.join("cli-plugins"));
    }
    let system = [
        "/usr/local/lib/docker/cli-plugins",
        "/usr/local/libexec/docker/cli-plugins",
        "/usr/lib/docker/cli-plugins",
        "/usr/libexec/docker/cli-plugins",
    ];
    folders.extend(system.map(PathBuf::from));
    for (variable, below) in [("ProgramData", "Docker"), ("ProgramFiles", "Docker")] {
        folders.extend(environment.get(variable).map(|root| Path::new(root).join(below).join("cli-plugins")));
    }
    folders
}

/// `cliPluginsExtraDirs` of the CLI's own settings.
fn extra(own: &Path) -> Vec<PathBuf> {
    let settings = std::fs::read(own.join("config.json")).unwrap_or_default();
    let settings: serde_json::Value = serde_json::from_slice(&settings).unwrap_or_default();
    let listed = settings.get("cliPluginsExtraDirs").and_then(serde_json::Value::as_array);
    listed.into_iter().flatten().filter_map(serde_json::Value::as_str).map(PathBuf::from).collect()
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn put(folder: &Path, name: &str) {
        std::fs::create_dir_all(folder).unwrap();
        std::fs::write(folder.join(name), "").unwrap();
        std::fs::set_permissions(folder.join(name), std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn the_plugin_goes_before_the_program_and_needs_the_cli() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        put(&at("cli"), "docker");
        put(&at("one"), "docker-compose");
        put(&at("home/.docker/cli-plugins"), "docker-compose");
        put(&at("extra"), "docker-compose");
        std::fs::create_dir_all(at("settings")).unwrap();
        let settings = serde_json::json!({ "cliPluginsExtraDirs": [at("extra")] }).to_string();
        std::fs::write(at("settings/config.json"), settings).unwrap();
        let installed = |path: &[&str], variable: &str, value: &str| {
            let mut environment = Environment::default();
            let path = std::env::join_paths(path.iter().map(|name| at(name))).unwrap();
            environment.set("PATH", path.to_str().unwrap());
            environment.set(variable, at(value).to_str().unwrap());
            super::installed(&environment)
        };
        assert_eq!(installed(&["cli", "one"], "HOME", "home"), Some(ComposeProgram::Plugin));
        assert_eq!(installed(&["cli"], "DOCKER_CONFIG", "home/.docker"), Some(ComposeProgram::Plugin));
        assert_eq!(installed(&["cli"], "DOCKER_CONFIG", "settings"), Some(ComposeProgram::Plugin));
        assert_eq!(installed(&["one"], "HOME", "home"), Some(ComposeProgram::Standalone));
        assert_eq!(installed(&[], "HOME", "home"), None);
        let mut environment = Environment::default();
        environment.set("PATH", at("one").to_str().unwrap());
        let command = "chmod -R a+rX './docker compose' && docker compose restart";
        let told = "chmod -R a+rX './docker compose' && docker-compose restart";
        assert_eq!(spoken(command, &environment), told);
        assert_eq!(spoken(command, &Environment::default()), command);
    }
}
