//! Options of `collect`.

use std::path::PathBuf;

use clap::Args;

/// Options of `collect`.
#[derive(Args, Clone, Debug)]
pub struct CollectArgs {
    /// Where to: FILE.tar.gz, or a folder that is empty or not there yet
    #[arg(value_name = "FILE.tar.gz|DIR")]
    pub target: PathBuf,
    /// From the Docker project (the default)
    #[arg(long, conflicts_with_all = ["kubernetes", "kubeconfig", "kube_context", "namespace"])]
    pub docker: bool,
    /// Compose project [env: COMPOSE_PROJECT_NAME] [default: cordum]
    #[arg(long, value_name = "NAME", conflicts_with = "kubernetes")]
    pub project: Option<String>,
    /// Docker Engine [env: DOCKER_HOST] [default: current context, the usual sockets]
    #[arg(long, value_name = "URL", conflicts_with = "kubernetes")]
    pub docker_host: Option<String>,
    /// From a cluster; implied by the next three
    #[arg(long)]
    pub kubernetes: bool,
    /// kubectl's configuration [env: KUBECONFIG] [default: ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Context of kubectl's configuration
    #[arg(long, value_name = "NAME")]
    pub kube_context: Option<String>,
    /// Namespace of the stack
    #[arg(short = 'n', long, value_name = "NS")]
    pub namespace: Option<String>,
}

impl CollectArgs {
    /// A cluster is meant.
    #[must_use]
    pub const fn is_of_cluster(&self) -> bool {
        self.kubernetes
            || self.kubeconfig.is_some()
            || self.kube_context.is_some()
            || self.namespace.is_some()
    }
}
