//! Where certificates and keys are looked for.

use std::path::PathBuf;

use tls_verify_checks::cause::Variant;
use tls_verify_checks::stack::{Identity, Loaded};

use super::{Environment, pem};
use crate::cli::TargetArgs;

/// Where certificates are looked for.
pub(super) struct Paths {
    pub(super) ca: PathBuf,
    cert: PathBuf,
    key: PathBuf,
}

impl Paths {
    /// A flag beats the environment beats the default; `--certs` beats single paths from the
    /// environment. A path from the environment that does not exist here, as a container's, is
    /// noted and passed over.
    pub(super) fn choose(args: &TargetArgs, environment: &Environment, notes: &mut Vec<String>) -> Self {
        let folder = args
            .certs
            .clone()
            .or_else(|| environment.get("CORDUM_CERT_DIR").map(PathBuf::from))
            .or_else(|| args.fallback.dir.clone())
            .unwrap_or_else(|| PathBuf::from("./certs"));
        let mut pick = |flag: &Option<PathBuf>, names: &[&str], last: &Option<PathBuf>, tail: &str| {
            if let Some(path) = flag {
                return path.clone();
            }
            if args.certs.is_none() {
                for name in names {
                    let Some(path) = environment.get(name).map(PathBuf::from) else { continue };
                    if path.exists() {
                        return path;
                    }
                    notes.push(format!(
                        "{name}={} does not exist on this machine and is passed over",
                        path.display()
                    ));
                }
                if let Some(path) = last {
                    return path.clone();
                }
            }
            folder.join(tail)
        };
        let last = &args.fallback;
        Self {
            ca: pick(&args.cacert, &["CORDUM_TLS_CA", "NATS_TLS_CA", "REDIS_TLS_CA"], &last.ca, "ca/ca.crt"),
            cert: pick(
                &args.cert,
                &["NATS_TLS_CERT", "REDIS_TLS_CERT", "CORDUM_TLS_CERT"],
                &last.cert,
                "client/tls.crt",
            ),
            key: pick(
                &args.key,
                &["NATS_TLS_KEY", "REDIS_TLS_KEY", "CORDUM_TLS_KEY"],
                &last.key,
                "client/tls.key",
            ),
        }
    }

    pub(super) fn identity(&self) -> Loaded<Identity> {
        match pem::identity(&self.cert, &self.key) {
            Ok(identity) => Loaded::Usable(identity),
            Err(fault) if fault.variant == Variant::FileMissing => Loaded::Absent(fault),
            Err(fault) => Loaded::Faulty(fault),
        }
    }
}
