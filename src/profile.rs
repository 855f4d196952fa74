//! `--profile`: a file that names what a stack is, so that one that is not Cordum's default can be
//! verified too.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use tls_verify_checks::deployment::Minimum;

use crate::catalogue::distance;
use crate::cli::{RunnerArgs, TargetArgs};
use crate::config::{Environment, Problem};

/// The built-in ones.
pub const BUILT_IN: &[(&str, &str)] = &[
    ("cordum-dev", include_str!("../checks/profiles/cordum-dev.toml")),
    ("cordum-release", include_str!("../checks/profiles/cordum-release.toml")),
    ("cordum-k8s", include_str!("../checks/profiles/cordum-k8s.toml")),
];

/// A profile as written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Profile {
    pub name: Option<String>,
    pub about: Option<String>,
    pub targets: Targets,
    pub server_names: BTreeMap<String, String>,
    pub certificates: Certificates,
    pub stack: Stack,
    pub checks: Checks,
    #[serde(rename = "endpoint")]
    pub endpoints: Vec<Endpoint>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Targets {
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
pub struct Stack {
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
pub struct Checks {
    /// The checks to run, instead of the seven documented ones.
    pub required: Vec<String>,
    /// Checks that say nothing about this stack, with the reason.
    pub not_applicable: BTreeMap<String, String>,
}

/// One more endpoint, in any scheme of `probe`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Endpoint {
    pub target: String,
    pub name: Option<String>,
}

impl Profile {
    /// A built-in profile, or a file.
    ///
    /// # Errors
    /// Why it cannot be used; an unknown key with the nearest known one.
    pub fn load(path: &Path) -> Result<Self, Problem> {
        let name = path.to_string_lossy();
        let built_in = BUILT_IN.iter().find(|(known, _)| *known == name).filter(|_| !path.is_file());
        let text = match built_in {
            Some((_, text)) => (*text).to_owned(),
            None => std::fs::read_to_string(path).map_err(|error| {
                let names: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).collect();
                Problem::new(
                    format!("--profile: the file cannot be read: {error}"),
                    format!("give a TOML file, or one of {}", names.join(", ")),
                )
                .in_file(path)
            })?,
        };
        let profile: Self = toml::from_str(&text).map_err(|error| explain(&error, &text).in_file(path))?;
        if let Some(text) = &profile.stack.minimum
            && Minimum::parse(text).is_none()
        {
            let message = format!("--profile: `minimum = \"{text}\"` is no TLS version");
            return Err(Problem::new(message, "give \"1.2\" or \"1.3\"").in_file(path));
        }
        Ok(profile)
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
        set(&mut args.worker, &self.stack.worker, &[]);
        set(&mut args.tenant, &self.stack.tenant, &["CORDUM_TENANT_ID"]);
        let file =
            |place: &mut Option<std::path::PathBuf>, value: &Option<std::path::PathBuf>, names: &[&str]| {
                if free(place.is_none(), names) {
                    place.clone_from(value);
                }
            };
        // `--certs` sets all three paths and beats single ones.
        if args.certs.is_none() {
            file(&mut args.cacert, &self.certificates.ca, &["CORDUM_TLS_CA"]);
            file(&mut args.cert, &self.certificates.cert, &["NATS_TLS_CERT", "CORDUM_TLS_CERT"]);
            file(&mut args.key, &self.certificates.key, &["NATS_TLS_KEY", "CORDUM_TLS_KEY"]);
        }
        file(&mut args.certs, &self.certificates.dir, &["CORDUM_CERT_DIR", "CORDUM_TLS_CA"]);
        if args.services.is_empty() {
            args.services.clone_from(&self.stack.services);
        }
        args.no_docker |= self.stack.docker == Some(false) && args.docker_host.is_none();
        args.anonymous |= self.stack.anonymous == Some(true);
        for (link, name) in &self.server_names {
            let own = format!("{link}=");
            if !args.server_name.iter().any(|text| text.starts_with(&own)) {
                args.server_name.push(format!("{link}={name}"));
            }
        }
        if runner.only.is_empty() && !runner.all && !self.checks.required.is_empty() {
            runner.only.clone_from(&self.checks.required);
        }
    }
}

/// An unknown key, with the nearest known one.
fn explain(error: &toml::de::Error, text: &str) -> Problem {
    let said = error.message();
    let line = error.span().map(|span| text[..span.start.min(text.len())].lines().count().max(1));
    let place = line.map(|line| format!(" (line {line})")).unwrap_or_default();
    let words: Vec<&str> = said.split('`').collect();
    let unknown = said.starts_with("unknown field").then(|| words.get(1)).flatten();
    match unknown {
        Some(unknown) => {
            let nearest = words
                .iter()
                .skip(3)
                .step_by(2)
                .min_by_key(|known| distance(unknown, known))
                .map(|known| format!("did you mean `{known}`?"))
                .unwrap_or_else(|| "leave it out".to_owned());
            Problem::new(format!("--profile: there is no key `{unknown}`{place}"), nearest)
        }
        None => Problem::new(
            format!("--profile: {}{place}", said.lines().next().unwrap_or_default()),
            "see the built-in profiles for an example",
        ),
    }
}
