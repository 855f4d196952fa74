//! `--profile`: a file that names what a stack is, so that one that is not Cordum's default can be
//! verified too.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use tls_verify_checks::deployment::MinimumVersion;
use tls_verify_checks::stack::Link;
use tls_verify_core::remedy::catalogue::distance;

use crate::cli::{Fallback, RunnerArgs, TargetArgs};
use crate::config::{ConfigError, Environment};

/// The built-in ones.
pub const BUILT_IN: &[(&str, &str)] = &[
    ("cordum-dev", include_str!("../../checks/profiles/cordum-dev.toml")),
    ("cordum-release", include_str!("../../checks/profiles/cordum-release.toml")),
    ("cordum-k8s", include_str!("../../checks/profiles/cordum-k8s.toml")),
];

/// A profile as written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Profile {
    pub name: Option<String>,
    pub about: Option<String>,
    pub targets: ProfileTargets,
    pub server_names: BTreeMap<String, String>,
    /// `1.2` or `1.3` by link, where it is not the stack's.
    pub minimum_versions: BTreeMap<String, String>,
    pub certificates: Certificates,
    pub stack: ProfileStack,
    pub checks: ProfileChecks,
    #[serde(rename = "endpoint")]
    pub endpoints: Vec<ProfileEndpoint>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct ProfileTargets {
    pub gateway: Option<String>,
    pub nats: Option<String>,
    pub redis: Option<String>,
    pub dashboard: Option<String>,
    pub gateway_grpc: Option<String>,
    pub safety_kernel: Option<String>,
    pub context_engine: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Certificates {
    pub dir: Option<std::path::PathBuf>,
    pub ca: Option<std::path::PathBuf>,
    pub cert: Option<std::path::PathBuf>,
    pub key: Option<std::path::PathBuf>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct ProfileStack {
    pub project: Option<String>,
    pub services: Vec<String>,
    pub worker: Option<String>,
    pub tenant: Option<String>,
    /// `1.2` or `1.3`: what gateway and gRPC have to ask for.
    pub minimum: Option<String>,
    pub docker: Option<bool>,
    pub anonymous: Option<bool>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct ProfileChecks {
    /// The checks to run, instead of the seven documented ones.
    pub required: Vec<String>,
    /// Checks that say nothing about this stack, with the reason.
    pub not_applicable: BTreeMap<String, String>,
}

/// One more endpoint, in any scheme of `probe`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ProfileEndpoint {
    pub target: String,
    pub name: Option<String>,
}

impl Profile {
    /// A built-in profile, or a file.
    ///
    /// # Errors
    /// Why it cannot be used; an unknown key with the nearest known one.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let name = path.to_string_lossy();
        let built_in = BUILT_IN.iter().find(|(known, _)| *known == name).filter(|_| !path.is_file());
        let text = match built_in {
            Some((_, text)) => (*text).to_owned(),
            None => std::fs::read_to_string(path).map_err(|error| {
                let names: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).collect();
                ConfigError::new(
                    format!("--profile: the file cannot be read: {error}"),
                    format!("give a TOML file, or one of {}", names.join(", ")),
                )
                .in_file(path)
            })?,
        };
        let profile: Self = toml::from_str(&text).map_err(|error| explain(&error, &text).in_file(path))?;
        profile.sound().map_err(|problem| problem.in_file(path))?;
        Ok(profile)
    }

    /// What the types do not say.
    fn sound(&self) -> Result<(), ConfigError> {
        let versions = self.stack.minimum.iter().map(|text| ("minimum", text));
        let links = self.minimum_versions.iter().map(|(link, text)| (link.as_str(), text));
        for (key, text) in versions.chain(links) {
            if MinimumVersion::parse(text).is_none() {
                let message = format!("--profile: `{key} = \"{text}\"` is no TLS version");
                return Err(ConfigError::new(message, "give \"1.2\" or \"1.3\""));
            }
        }
        let links: Vec<&str> = Link::ALL.iter().map(|link| link.slug()).collect();
        for name in self.server_names.keys().chain(self.minimum_versions.keys()) {
            if !links.contains(&name.as_str()) {
                return Err(unknown("link", name, &links));
            }
        }
        let checks: Vec<&str> = tls_verify_checks::ALL.iter().map(|check| check.id).collect();
        for name in self.checks.required.iter().chain(self.checks.not_applicable.keys()) {
            if !checks.contains(&name.as_str())
                && !tls_verify_checks::ALL.iter().any(|one| one.number.to_string() == *name)
            {
                return Err(unknown("check", name, &checks));
            }
        }
        match self.checks.not_applicable.iter().find(|(_, reason)| reason.trim().is_empty()) {
            Some((check, _)) => {
                let message = format!("--profile: `{check}` is not applicable for no reason");
                Err(ConfigError::new(message, "say why: the report shows it"))
            }
            None => Ok(()),
        }
    }

    /// The lowest versions by link.
    #[must_use]
    pub fn minimums(&self) -> BTreeMap<Link, MinimumVersion> {
        let link = |name: &String| Link::ALL.iter().copied().find(|link| link.slug() == name);
        self.minimum_versions
            .iter()
            .filter_map(|(name, text)| Some((link(name)?, MinimumVersion::parse(text)?)))
            .collect()
    }

    /// Fills in what neither a flag nor the environment says.
    pub fn apply(&self, args: &mut TargetArgs, runner: &mut RunnerArgs, environment: &Environment) {
        let free =
            |flag: bool, names: &[&str]| flag && names.iter().all(|name| environment.get(name).is_none());
        let set = |place: &mut Option<String>, value: &Option<String>, names: &[&str]| {
            if free(place.is_none(), names) {
                place.clone_from(value);
            }
        };
        set(&mut args.gateway, &self.targets.gateway, &["CORDUM_API_BASE", "CORDUM_GATEWAY"]);
        set(&mut args.nats, &self.targets.nats, &["NATS_URL"]);
        set(&mut args.redis, &self.targets.redis, &["REDIS_URL"]);
        set(&mut args.dashboard, &self.targets.dashboard, &["CORDUM_DASHBOARD_URL"]);
        set(&mut args.gateway_grpc, &self.targets.gateway_grpc, &[]);
        set(&mut args.safety_kernel, &self.targets.safety_kernel, &[]);
        set(&mut args.context_engine, &self.targets.context_engine, &[]);
        set(&mut args.project, &self.stack.project, &["COMPOSE_PROJECT_NAME"]);
        if args.worker.is_empty() {
            args.worker.extend(self.stack.worker.clone());
        }
        set(&mut args.tenant, &self.stack.tenant, &["CORDUM_TENANT_ID"]);
        let own = &self.certificates;
        args.fallback = Fallback {
            dir: own.dir.clone(),
            ca: own.ca.clone(),
            cert: own.cert.clone(),
            key: own.key.clone(),
        };
        if args.services.is_empty() {
            args.services.clone_from(&self.stack.services);
        }
        args.no_docker |= self.stack.docker == Some(false) && args.docker_host.is_none();
        args.anonymous |= self.stack.anonymous == Some(true);
        for (link, name) in &self.server_names {
            let own = format!("{link}=");
            let variable = format!("{}_TLS_SERVER_NAME", link.to_ascii_uppercase());
            if matches!(link.as_str(), "nats" | "redis") && environment.get(&variable).is_some() {
                continue;
            }
            if !args.server_name.iter().any(|text| text.starts_with(&own)) {
                args.server_name.push(format!("{link}={name}"));
            }
        }
        if runner.only.is_empty() && !runner.all && !self.checks.required.is_empty() {
            runner.only.clone_from(&self.checks.required);
        }
    }
}

fn unknown(what: &str, name: &str, known: &[&str]) -> ConfigError {
    let nearest = known.iter().min_by_key(|known| distance(name, known));
    ConfigError::new(
        format!("--profile: there is no {what} `{name}`"),
        nearest.map(|nearest| format!("did you mean `{nearest}`?")).unwrap_or_default(),
    )
}

/// An unknown key, with the nearest known one; a wrong type, with its key.
fn explain(error: &toml::de::Error, text: &str) -> ConfigError {
    let said = error.message();
    let start = error.span().map(|span| span.start.min(text.len()));
    let before = start.and_then(|start| text.get(..start)).unwrap_or_default();
    let place = start.map(|_| format!(" (line {})", before.matches('\n').count() + 1)).unwrap_or_default();
    let words: Vec<&str> = said.split('`').collect();
    let strange = said.starts_with("unknown field").then(|| words.get(1)).flatten();
    if let Some(strange) = strange {
        let known: Vec<&str> = words.iter().skip(3).step_by(2).copied().collect();
        let fix = match known.iter().min_by_key(|known| distance(strange, known)) {
            Some(nearest) => format!("did you mean `{nearest}`? The keys here are {}", known.join(", ")),
            None => "leave it out".to_owned(),
        };
        return ConfigError::new(format!("--profile: there is no key `{strange}`{place}"), fix);
    }
    // The last `key =` before the value that has the wrong type.
    let key = before
        .lines()
        .rev()
        .find_map(|line| line.split_once('='))
        .map(|(key, _)| format!("`{}`: ", key.trim()))
        .filter(|_| said.starts_with("invalid type") || said.starts_with("invalid value"))
        .unwrap_or_default();
    ConfigError::new(
        format!("--profile: {key}{}{place}", said.lines().next().unwrap_or_default()),
        "see the built-in profiles for an example",
    )
}
