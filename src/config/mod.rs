//! Arguments, environment and PEM files become a [`Stack`], once. Touches no network. Everything that
//! makes the selected checks impossible is reported, not only the first thing.

pub(crate) mod compose;
mod docker;
mod paths;
pub mod pem;
pub mod profile;
mod targets;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::Serialize;
use tls_verify_checks::cause::Variant;
use tls_verify_checks::context::{Check, Need};
use tls_verify_checks::deployment::MinimumVersion;
use tls_verify_checks::fault::FileFault;
use tls_verify_checks::platform::collection::Collection;
use tls_verify_checks::platform::{self, Choice};
use tls_verify_checks::secret::Secret;
use tls_verify_checks::stack::{LogSource, NatsLogin, Stack, TrustAnchors};

use crate::cli::{RunnerArgs, TargetArgs};

pub(crate) use targets::{host_port, resolution};

use paths::Paths;

/// The caller's environment, handed in so that it can be tested and replaced.
#[derive(Clone, Debug, Default)]
pub struct Environment(std::collections::HashMap<String, String>);

impl Environment {
    /// The process' own environment.
    #[must_use]
    pub fn of_process() -> Self {
        let own = Self(
            std::env::vars_os()
                .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
                .collect(),
        );
        // Secret whether or not this command asks for them.
        for name in ["CORDUM_API_KEY", "REDIS_PASSWORD", "NATS_TOKEN", "NATS_PASSWORD"] {
            if let Some(value) = own.get(name) {
                tls_verify_checks::secret::remember(value);
            }
        }
        own
    }

    /// A made-up one.
    #[must_use]
    pub fn from_pairs<const N: usize>(pairs: [(&str, &str); N]) -> Self {
        Self(pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect())
    }

    /// The same without these variables.
    #[must_use]
    pub fn without(&self, names: &[&str]) -> Self {
        let kept = self.0.iter().filter(|(name, _)| !names.contains(&name.as_str()));
        Self(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    /// Sets a variable.
    pub fn set(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_owned(), value.to_owned());
    }

    /// A variable that is set and not empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// A configuration error: what, which file, what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConfigError {
    pub message: String,
    pub file: Option<String>,
    pub fix: Option<String>,
}

impl ConfigError {
    #[must_use]
    pub fn new(message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { message: message.into(), file: None, fix: Some(fix.into()) }
    }

    #[must_use]
    pub fn in_file(mut self, file: &Path) -> Self {
        self.file = Some(file.display().to_string());
        self
    }
}

/// The stack, and remarks worth a line on standard error.
#[derive(Debug)]
pub struct Configured {
    pub stack: Stack,
    pub notes: Vec<String>,
}

/// The guide's services that use Redis.
pub const SERVICES: &[&str] =
    &["api-gateway", "scheduler", "safety-kernel", "workflow-engine", "context-engine"];

/// Parses everything once.
///
/// # Errors
/// All problems that make the selected checks impossible.
pub fn stack(
    args: &TargetArgs,
    runner: &RunnerArgs,
    environment: &Environment,
    selected: &[&Check],
) -> Result<Configured, Vec<ConfigError>> {
    let mut problems = Vec::new();
    let mut notes = Vec::new();
    // What was collected elsewhere is not dialled, so that nothing is needed to dial it with.
    let logs =
        args.logs.as_ref().map(|named| args.collection.clone().unwrap_or_else(|| Collection::folder(named)));
    let collected = logs.as_ref().and_then(platform::collected);
    let needs = |need: Need| collected.is_none() && selected.iter().any(|check| check.needs.contains(&need));
    let targets = targets::parse(args, environment, &mut problems);
    let paths = Paths::choose(args, environment, &mut notes);

    let anchors = anchors(&paths, needs(Need::Anchors), &mut problems, &mut notes);
    let api_key = api_key(args, environment, &mut problems);
    if needs(Need::ApiKey) && api_key.is_none() && !args.anonymous && args.api_key_file.is_none() {
        problems.push(ConfigError::new(
            "no API key: the gateway's checks need one",
            "set CORDUM_API_KEY, or use --api-key-file FILE, or --anonymous for a stack without authentication",
        ));
    }
    let since = since(args, &mut problems);
    if let Some(folder) = &logs {
        problems.extend(not_logs(folder));
    }
    let cordumctl = cordumctl(args, environment, &mut problems);
    let Some(targets) = targets.filter(|_| problems.is_empty()) else { return Err(problems) };
    let mut stack = Stack {
        endpoints: targets.endpoints,
        anchors,
        identity: paths.identity(),
        api_key,
        tenant: given(args.tenant.as_deref(), environment, "CORDUM_TENANT_ID", "default"),
        nats_login: NatsLogin {
            username: environment.get("NATS_USERNAME").map(str::to_owned).or(targets.nats_user),
            password: environment.get("NATS_PASSWORD").map(Secret::new).or(targets.nats_password),
            token: environment.get("NATS_TOKEN").map(Secret::new).or(targets.nats_token),
        },
        redis_username: targets.redis_user,
        redis_password: environment.get("REDIS_PASSWORD").map(Secret::new).or(targets.redis_password),
        cordumctl,
        is_project_named: args.project.is_some(),
        project: given(args.project.as_deref(), environment, "COMPOSE_PROJECT_NAME", "cordum"),
        compose: compose::here(environment),
        services: if args.services.is_empty() {
            SERVICES.iter().map(|name| (*name).to_owned()).collect()
        } else {
            args.services.clone()
        },
        workers: match args.worker.as_slice() {
            [] => vec!["mock-bank-worker".to_owned()],
            named => named.to_vec(),
        },
        worker_required: !args.worker.is_empty(),
        logs: log_source(logs.as_ref(), args.no_docker, collected.is_some()),
        platform: collected.map_or_else(|| docker::choice(args, environment), Choice::Ready),
        since,
        minimum: environment
            .get("CORDUM_TLS_MIN_VERSION")
            .and_then(MinimumVersion::parse)
            .map(|minimum| (minimum, "CORDUM_TLS_MIN_VERSION here".to_owned())),
        minimums: std::collections::BTreeMap::new(),
        nats_monitoring: None,
        timeout: runner.timeout,
        expiry_warn: runner.expiry_warn,
    };
    forget_here(&mut stack);
    Ok(Configured { stack, notes })
}

/// An argument, else a variable, else what it is without either.
fn given(argument: Option<&str>, environment: &Environment, variable: &str, otherwise: &str) -> String {
    argument.or_else(|| environment.get(variable)).unwrap_or(otherwise).to_owned()
}

/// The CA file; where no selected check needs it, it may be missing.
fn anchors(
    paths: &Paths,
    needed: bool,
    problems: &mut Vec<ConfigError>,
    notes: &mut Vec<String>,
) -> TrustAnchors {
    let mut anchors = TrustAnchors { file: paths.ca.clone(), certificates: Vec::new().into() };
    match pem::certificates(&paths.ca) {
        Ok(read) => {
            if needed {
                notes.extend(read.notes);
            }
            // Where it is not needed, what is traced to Redis or NATS is held against it all the same.
            anchors.certificates = read.certificates.into();
        }
        Err(fault) if needed => problems.push(ca_problem(&fault)),
        Err(_) => {}
    }
    anchors
}

fn since(args: &TargetArgs, problems: &mut Vec<ConfigError>) -> Option<SystemTime> {
    match args.since.as_deref().map(moment).transpose() {
        Ok(since) => since,
        Err(message) => {
            problems.push(ConfigError::new(
                format!("--since: {message}"),
                "give a duration such as 10m or a time such as 2026-01-31T12:00:00Z",
            ));
            None
        }
    }
}

/// What is wrong with a folder that is to hold logs.
fn not_logs(folder: &Collection) -> Option<ConfigError> {
    let (what, fix) = if !folder.path().is_dir() {
        ("--logs: no such directory", "give a directory with SERVICE.log files")
    } else if folder.path().join("pods.json").is_file() {
        ("--logs: these are a cluster's objects and logs", "read them with --objects")
    } else {
        return None;
    };
    Some(ConfigError::new(what, fix).in_file(folder.called()))
}

fn log_source(logs: Option<&Collection>, no_docker: bool, collected: bool) -> LogSource {
    match (logs, no_docker) {
        (Some(_), _) if collected => LogSource::Platform,
        (Some(directory), _) => LogSource::Directory(directory.clone()),
        (None, true) => LogSource::None,
        (None, false) => LogSource::Platform,
    }
}

/// The `cordumctl` that is named, else the one on PATH.
fn cordumctl(
    args: &TargetArgs,
    environment: &Environment,
    problems: &mut Vec<ConfigError>,
) -> Option<PathBuf> {
    match &args.cordumctl {
        Some(path) if !path.is_file() => {
            problems.push(
                ConfigError::new(
                    "--cordumctl: no such file",
                    "give the path of a cordumctl, or leave the flag out",
                )
                .in_file(path),
            );
            None
        }
        Some(path) => Some(std::path::absolute(path).unwrap_or_else(|_| path.clone())),
        None => on_path("cordumctl", environment),
    }
}

/// Whatever a flag or a variable names here is not what was collected elsewhere.
fn forget_here(stack: &mut Stack) {
    if stack.platform.is_collected() {
        for endpoint in stack.endpoints.each_mut() {
            endpoint.explicit = false;
        }
        stack.cordumctl = None;
    }
}

fn ca_problem(fault: &FileFault) -> ConfigError {
    let fix = match fault.variant {
        Variant::PermissionDenied => {
            format!("make it readable for you: chmod a+r {}", fault.file.display())
        }
        _ => pem::converted(&fault.file).map_or_else(
            || {
                "point --certs, --cacert or CORDUM_TLS_CA at the stack's ca/ca.crt; \
                 `cordumctl generate-certs` makes one for a new stack"
                    .to_owned()
            },
            |command| format!("write it as PEM and name that file with --cacert: {command}"),
        ),
    };
    ConfigError::new(fault.message.clone(), fix).in_file(&fault.file)
}

fn api_key(args: &TargetArgs, environment: &Environment, problems: &mut Vec<ConfigError>) -> Option<Secret> {
    let Some(file) = &args.api_key_file else { return environment.get("CORDUM_API_KEY").map(Secret::new) };
    let fix = "put the API key, and nothing else, into the file";
    match std::fs::read_to_string(file) {
        Ok(text) => {
            let key = text.trim_start_matches('\u{feff}').trim();
            if key.is_empty() {
                problems.push(ConfigError::new("the API key file is empty", fix).in_file(file));
                None
            } else if key.chars().any(|c| c.is_control() || c.is_whitespace()) {
                problems
                    .push(ConfigError::new("the API key file holds more than one word", fix).in_file(file));
                None
            } else {
                Some(Secret::new(key))
            }
        }
        Err(error) => {
            problems.push(
                ConfigError::new(format!("the API key file cannot be read: {error}"), fix).in_file(file),
            );
            None
        }
    }
}

fn on_path(program: &str, environment: &Environment) -> Option<PathBuf> {
    let path = environment.get("PATH")?;
    std::env::split_paths(path).map(|folder| folder.join(program)).find(|file| is_executable(file))
}

#[cfg(unix)]
fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(file).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(file: &Path) -> bool {
    file.is_file()
}

/// A duration before now, or RFC 3339.
pub(crate) fn moment(text: &str) -> Result<SystemTime, String> {
    if let Ok(ago) = crate::cli::duration(text) {
        return Ok(SystemTime::now().checked_sub(ago).unwrap_or(SystemTime::UNIX_EPOCH));
    }
    time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339)
        .map(SystemTime::from)
        .map_err(|_| format!("`{text}` is neither a duration nor an RFC 3339 time"))
}

/// The longest that anything may be waited for without a deadline of its own.
pub const FOREVER: Duration = Duration::from_secs(3600);
