//! Where the Docker Engine listens.

use std::path::{Path, PathBuf};

use super::Environment;
use tls_verify_checks::platform::{Choice, Sockets};

use crate::cli::TargetArgs;

/// `--docker-host`, `DOCKER_HOST`, the current context, the usual sockets.
pub(super) fn choice(args: &TargetArgs, environment: &Environment) -> Choice {
    if args.no_docker {
        return Choice::Off;
    }
    if let Some(host) = args.docker_host.as_deref().or_else(|| environment.get("DOCKER_HOST")) {
        let host = if host.starts_with('/') { format!("unix://{host}") } else { host.to_owned() };
        return Choice::Docker(Sockets::Host(host));
    }
    if let Some(host) = context_host(environment) {
        return Choice::Docker(Sockets::Host(host));
    }
    let mut sockets = vec![PathBuf::from("/var/run/docker.sock"), PathBuf::from("/run/docker.sock")];
    if let Some(runtime) = environment.get("XDG_RUNTIME_DIR") {
        sockets.push(Path::new(runtime).join("docker.sock"));
        sockets.push(Path::new(runtime).join("podman/podman.sock"));
    }
    if let Some(home) = environment.get("HOME") {
        sockets.push(Path::new(home).join(".docker/run/docker.sock"));
        sockets.push(Path::new(home).join(".docker/desktop/docker.sock"));
    }
    sockets.push(PathBuf::from("/run/podman/podman.sock"));
    Choice::Docker(Sockets::Usual(sockets))
}

/// The endpoint of the Docker CLI's current context (`~/.docker/config.json`, `contexts/meta`).
fn context_host(environment: &Environment) -> Option<String> {
    let home = environment
        .get("DOCKER_CONFIG")
        .map(PathBuf::from)
        .or_else(|| environment.get("HOME").map(|home| Path::new(home).join(".docker")))?;
    let name = match environment.get("DOCKER_CONTEXT") {
        Some(name) => name.to_owned(),
        None => {
            let config: serde_json::Value =
                serde_json::from_slice(&std::fs::read(home.join("config.json")).ok()?).ok()?;
            config.get("currentContext")?.as_str()?.to_owned()
        }
    };
    if name == "default" {
        return None;
    }
    for entry in std::fs::read_dir(home.join("contexts/meta")).ok()?.flatten() {
        let Ok(bytes) = std::fs::read(entry.path().join("meta.json")) else { continue };
        let Ok(meta) = serde_json::from_slice::<serde_json::Value>(&bytes) else { continue };
        if meta.get("Name").and_then(|value| value.as_str()) == Some(name.as_str()) {
            return meta.pointer("/Endpoints/docker/Host")?.as_str().map(str::to_owned);
        }
    }
    None
}
