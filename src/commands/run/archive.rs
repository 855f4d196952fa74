//! `--logs FILE.tar.gz` and `--objects FILE.tar.gz`: what `collect` wrote, laid out for as long as the run takes.

use std::path::Path;
use std::sync::Arc;

use tls_verify_checks::platform::archive::ArchiveFault;
use tls_verify_checks::platform::collection::Collection;
use tls_verify_core::report::exit;

use crate::cli::RunArgs;
use crate::config::ConfigError;
use crate::runtime::interruptible;
use crate::usage::usage;

/// The arguments with the archive that they name laid out; nothing where they name none.
///
/// # Errors
/// The exit code: it cannot be read, or the operator did not want to wait.
pub(super) fn opened(args: &RunArgs) -> Result<Option<RunArgs>, u8> {
    let named = args.targets.objects.as_ref().or(args.targets.logs.as_ref());
    let Some(path) = named.filter(|path| path.is_file()) else { return Ok(None) };
    let refused = |fault: &ArchiveFault| usage(&[problem(fault, path)], args.output.format);
    let own = tempfile::Builder::new().prefix("tls-verify-").tempdir();
    let own = Arc::new(own.map_err(|error| refused(&ArchiveFault::System(error)))?);
    let work = {
        let (path, own) = (path.clone(), Arc::clone(&own));
        move || Collection::archive(&path, &own)
    };
    match interruptible(work) {
        Some(Ok(collection)) => {
            let mut args = args.clone();
            args.targets.collection = Some(collection);
            Ok(Some(args))
        }
        Some(Err(fault)) => Err(refused(&fault)),
        None => {
            // Whoever lays out finds no folder any more; the process ends.
            let _ = std::fs::remove_dir_all(own.path());
            Err(exit::INTERRUPTED)
        }
    }
}

/// What is wrong with an archive, and what to do.
pub(crate) fn problem(fault: &ArchiveFault, path: &Path) -> ConfigError {
    let how = if fault.is_bound() {
        "unpack it where there is room, and name the folder"
    } else {
        "name what `tls-verify collect` wrote, as a folder or as FILE.tar.gz"
    };
    ConfigError::new(fault.to_string(), how).in_file(path)
}
