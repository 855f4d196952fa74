//! The `collect` command: what `--logs` and `--objects` read back, without secrets, to be handed to somebody else.

mod clean;
#[cfg(feature = "kubernetes")]
mod cluster;
mod docker;
mod log;
mod output;

use std::time::{Duration, Instant};

#[cfg(not(feature = "kubernetes"))]
use super::without_kubernetes::collect as cluster;
use tls_verify_checks::context::Context;
use tls_verify_checks::served::{self, Served};
use tls_verify_checks::stack::Stack;
use tls_verify_core::remedy::shell;
use tls_verify_core::report::exit;

use crate::cli::{CollectArgs, Format};
use crate::config::{ConfigError, Environment};
use crate::report::text::plain;
use crate::usage::usage;
use clean::Cleaner;
use output::OutputTarget;

/// What was found, before it is written.
#[derive(Default)]
struct CollectedFiles {
    /// Path in the folder, and content.
    files: Vec<(String, Vec<u8>)>,
    /// What is not in it, and why, a sentence each.
    left_out: Vec<String>,
    /// How it is read back.
    read_back: &'static str,
}

impl CollectedFiles {
    fn add(&mut self, path: impl Into<String>, content: impl Into<Vec<u8>>) {
        self.files.push((path.into(), content.into()));
    }
}

/// Writes how the stack's ports answer, and what its gateways say of themselves. Our dials stand in the servers' logs:
/// they are known by what is kept of them.
async fn ports(stack: Stack, environment: &Environment, cleaner: &Cleaner, bundle: &mut CollectedFiles) {
    let context = Context::new(stack, Instant::now() + Duration::from_secs(20));
    let served = Served::look(&context).await.with_words(|said| cleaner.text(said));
    bundle.add(served::FILE, serde_json::to_vec_pretty(&served).unwrap_or_default());
    bundle.add(served::READY, cleaner.text(&served::readiness(&context).await));
    crate::own_connections::keep(&context.own_probes(), environment);
}

/// Whether a part of a path is one that every file system takes, and that leads nowhere else.
fn is_file_name(name: &str) -> bool {
    !name.is_empty() && name.len() < 256 && !name.starts_with('.') && !name.chars().any(char::is_control)
}

/// Runs the command and returns its exit code.
#[must_use]
pub fn command(args: &CollectArgs, environment: &Environment) -> u8 {
    let target = match OutputTarget::of(&args.target) {
        Ok(target) => target,
        Err(problem) => return usage(&[problem], Format::Human),
    };
    let work = {
        let (args, environment) = (args.clone(), environment.clone());
        move || collect(&args, &environment)
    };
    let bundle = match crate::runtime::interruptible(work) {
        Some(Ok(bundle)) => bundle,
        Some(Err(problems)) => return usage(&problems, Format::Human),
        None => {
            crate::output::tell("interrupted: nothing is written");
            return exit::INTERRUPTED;
        }
    };
    if let Err(error) = target.write(&bundle.files) {
        crate::output::tell(&format!("error: {} cannot be written: {error}", args.target.display()));
        return exit::UNDECIDED;
    }
    crate::output::print(exit::PASS, |out| {
        let shown = args.target.display();
        writeln!(out, "{shown}: {} files, without keys, passwords and tokens", bundle.files.len())?;
        writeln!(
            out,
            "read back with: tls-verify run {} {}",
            bundle.read_back,
            shell::path(&shown.to_string())
        )?;
        writeln!(out, "left out:")?;
        // Names in it are other people's.
        bundle.left_out.iter().try_for_each(|line| writeln!(out, "  {}", plain(line)))
    })
}

fn collect(args: &CollectArgs, environment: &Environment) -> Result<CollectedFiles, Vec<ConfigError>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
        vec![ConfigError::new(format!("no runtime can be started: {error}"), "try again")]
    })?;
    let mut cleaner = Cleaner::default();
    let mut bundle = if args.is_of_cluster() {
        runtime.block_on(cluster::collect(args, environment, &mut cleaner))?
    } else {
        runtime.block_on(docker::collect(args, environment, &mut cleaner))?
    };
    bundle.left_out.insert(0, "every private key, password and token".to_owned());
    let list = bundle.left_out.join("\n");
    bundle.add("left-out.txt", format!("{}\n", cleaner.text(&list)));
    Ok(bundle)
}
