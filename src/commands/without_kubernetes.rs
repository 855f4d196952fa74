//! What a build without the feature `kubernetes` answers where a cluster is meant: one sentence, and the remedy. A
//! recorded cluster (`--objects`) is read by every build.

use crate::config::{ConfigError, Environment};

/// Why no cluster can be asked.
fn absent() -> ConfigError {
    ConfigError::new(
        "this tls-verify was built without Kubernetes",
        "build it with the feature `kubernetes` (on by default), or collect the objects with kubectl and name their folder \
         with `run --objects DIR`",
    )
}

pub(crate) mod run {
    use super::{ConfigError, Environment, absent};
    use crate::cli::{RunArgs, TargetArgs};
    use crate::commands::run::Progress;
    use tls_verify_core::report::RunReport;

    /// Whether a flag means a cluster; that we are in a pod means none here.
    pub(crate) fn is_meant(args: &TargetArgs, _: &Environment) -> bool {
        args.kubernetes
            || args.kube_context.is_some()
            || args.kubeconfig.is_some()
            || args.namespace.is_some()
    }

    pub(crate) async fn report(
        _: &RunArgs,
        _: &Environment,
        _: tokio::sync::watch::Receiver<bool>,
        _: &mut dyn FnMut(Progress),
    ) -> Result<RunReport, Vec<ConfigError>> {
        Err(vec![absent()])
    }
}

pub(crate) mod diagnose {
    use super::{ConfigError, Environment, absent};
    use crate::cli::DiagnoseArgs;
    use tls_verify_core::remedy::catalogue::Placeholders;

    pub(crate) fn kubernetes<C>(
        _: &DiagnoseArgs,
        _: &Environment,
        _: &C,
    ) -> Result<Placeholders, ConfigError> {
        Err(absent())
    }
}

pub(crate) mod collect {
    use super::{ConfigError, Environment, absent};
    use crate::cli::CollectArgs;

    pub(crate) async fn collect<C, B>(
        _: &CollectArgs,
        _: &Environment,
        _: &mut C,
    ) -> Result<B, Vec<ConfigError>> {
        Err(vec![absent()])
    }
}

pub(crate) mod audit {
    use super::{ConfigError, Environment, absent};
    use crate::cli::AuditArgs;
    use tls_verify_core::manifest::{Description, MemoryFiles};
    use tls_verify_core::rules::Verdicts;

    pub(crate) fn described(
        _: &AuditArgs,
        _: &Environment,
    ) -> Result<(Description, MemoryFiles), Vec<ConfigError>> {
        Err(vec![absent()])
    }

    pub(crate) const fn without_lines(_: &mut Verdicts) {}
}
