//! Arguments of `audit`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::ColorChoice;

/// Options of `audit`.
#[derive(Args, Clone, Debug)]
pub struct AuditArgs {
    /// Folders, files, or `-` for rendered YAML on standard input (default: the current folder)
    #[arg(value_name = "PATH")]
    pub paths: Vec<String>,
    /// A Compose file; several are laid over one another. Without PATH they alone are read
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    pub files: Vec<String>,
    /// Stands in for `.env`
    #[arg(long, value_name = "FILE")]
    pub env_file: Option<String>,
    /// Values for a Helm chart
    #[arg(long, value_name = "FILE")]
    pub values: Vec<String>,
    /// The running project's workloads instead of files
    #[arg(long, conflicts_with_all = ["kubernetes", "paths", "files"])]
    pub docker: bool,
    /// Compose project of --docker [env: COMPOSE_PROJECT_NAME] [default: cordum]
    #[arg(long, value_name = "NAME", requires = "docker")]
    pub project: Option<String>,
    /// Docker Engine of --docker [env: DOCKER_HOST] [default: current context, the usual sockets]
    #[arg(long, value_name = "URL", requires = "docker")]
    pub docker_host: Option<String>,
    /// The cluster's workloads instead of files
    #[arg(long, conflicts_with_all = ["paths", "files"])]
    pub kubernetes: bool,
    /// kubectl's configuration; implies --kubernetes [env: KUBECONFIG] [default: ~/.kube/config]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["docker", "paths", "files"])]
    pub kubeconfig: Option<PathBuf>,
    /// Context of kubectl's configuration; implies --kubernetes
    #[arg(long, value_name = "NAME", conflicts_with_all = ["docker", "paths", "files"])]
    pub kube_context: Option<String>,
    /// Namespace of the stack; implies --kubernetes
    #[arg(short = 'n', long, value_name = "NS", conflicts_with_all = ["docker", "paths", "files"])]
    pub namespace: Option<String>,
    /// Certificates that stand in for a mounted folder which is not here
    #[arg(long, value_name = "DIR")]
    pub certs: Option<String>,
    /// More names that clients use for what is published
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub names: Vec<String>,
    /// Warnings fail
    #[arg(long)]
    pub strict: bool,
    /// Warn when a certificate ends within this time
    #[arg(long, value_name = "DURATION", default_value = "30d", value_parser = super::duration)]
    pub expiry_warn: std::time::Duration,
    /// Report on standard output
    #[arg(long, value_enum, default_value_t = AuditFormat::Human, help_heading = "Output")]
    pub format: AuditFormat,
    /// A report in a file, beside the one on standard output
    #[arg(long, value_name = "FORMAT=FILE", help_heading = "Output")]
    pub report: Vec<String>,
    /// Colour
    #[arg(long, value_enum, default_value_t = ColorChoice::Auto, help_heading = "Output")]
    pub color: ColorChoice,
    /// Only findings
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,
    /// Notes, and everything that was left undecided
    #[arg(short, long, help_heading = "Output")]
    pub verbose: bool,
}

impl AuditArgs {
    /// A running cluster is meant.
    #[must_use]
    pub const fn is_of_cluster(&self) -> bool {
        self.kubernetes
            || self.kubeconfig.is_some()
            || self.kube_context.is_some()
            || self.namespace.is_some()
    }

    /// What is looked at: without PATH and `-f`, the current folder.
    #[must_use]
    pub fn inputs(&self) -> Vec<PathBuf> {
        if self.paths.is_empty() && self.files.is_empty() {
            vec![PathBuf::from(".")]
        } else {
            self.paths.iter().map(PathBuf::from).collect()
        }
    }
}

/// How the result is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AuditFormat {
    Human,
    Json,
    Jsonl,
    Junit,
    Github,
    Sarif,
    Html,
}
