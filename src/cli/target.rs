//! Where the stack is.

use std::path::PathBuf;

use clap::Args;
use tls_verify_checks::platform::collection::Collection;

/// Where the stack is.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Target")]
pub struct TargetArgs {
    /// Gateway [env: CORDUM_API_BASE, CORDUM_GATEWAY] [default: https://localhost:8081]
    #[arg(long, value_name = "URL")]
    pub gateway: Option<String>,
    /// NATS [env: NATS_URL] [default: tls://localhost:4222]
    #[arg(long, value_name = "URL")]
    pub nats: Option<String>,
    /// Redis [env: REDIS_URL] [default: rediss://localhost:6379]
    #[arg(long, value_name = "URL")]
    pub redis: Option<String>,
    /// Dashboard [env: CORDUM_DASHBOARD_URL] [default: http://localhost:8082]
    #[arg(long, value_name = "URL")]
    pub dashboard: Option<String>,
    /// The gateway's gRPC port [default: as published, else localhost:9080]
    #[arg(long, value_name = "HOST:PORT")]
    pub gateway_grpc: Option<String>,
    /// The safety kernel's gRPC port [default: as published, else localhost:50051]
    #[arg(long, value_name = "HOST:PORT")]
    pub safety_kernel: Option<String>,
    /// The context engine's gRPC port [default: as published, else localhost:50400]
    #[arg(long, value_name = "HOST:PORT")]
    pub context_engine: Option<String>,
    /// Folder with ca/ca.crt, client/tls.crt and client/tls.key [env: CORDUM_CERT_DIR] [default: ./certs]
    #[arg(long, value_name = "DIR")]
    pub certs: Option<PathBuf>,
    /// CA file, the only trust anchor [env: CORDUM_TLS_CA]
    #[arg(long, value_name = "FILE")]
    pub cacert: Option<PathBuf>,
    /// Client certificate for NATS and Redis [env: NATS_TLS_CERT, REDIS_TLS_CERT, CORDUM_TLS_CERT]
    #[arg(long, value_name = "FILE")]
    pub cert: Option<PathBuf>,
    /// Its private key [env: NATS_TLS_KEY, REDIS_TLS_KEY, CORDUM_TLS_KEY]
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// File with the API key [env: CORDUM_API_KEY holds the key itself]
    #[arg(long, value_name = "FILE")]
    pub api_key_file: Option<PathBuf>,
    /// The stack has no authentication
    #[arg(long)]
    pub anonymous: bool,
    /// Tenant [env: CORDUM_TENANT_ID] [default: default]
    #[arg(long, value_name = "ID")]
    pub tenant: Option<String>,
    /// Name to verify on a link instead of the URL's host (links: gateway, nats, redis, …)
    #[arg(long, value_name = "LINK=NAME")]
    pub server_name: Vec<String>,
    /// Dial ADDR for HOST:PORT
    #[arg(long, value_name = "HOST:PORT:ADDR")]
    pub resolve: Vec<String>,
    /// The cordumctl to run [default: the one on PATH]
    #[arg(long, value_name = "PATH")]
    pub cordumctl: Option<PathBuf>,
    /// Compose project [env: COMPOSE_PROJECT_NAME] [default: cordum]
    #[arg(long, value_name = "NAME")]
    pub project: Option<String>,
    /// Services that must be deployed
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub services: Vec<String>,
    /// A worker that must be deployed (may be repeated)
    #[arg(long, value_name = "NAME")]
    pub worker: Vec<String>,
    /// Docker Engine [env: DOCKER_HOST] [default: current context, the usual sockets]
    #[arg(long, value_name = "URL")]
    pub docker_host: Option<String>,
    /// Do not ask Docker
    #[arg(long)]
    pub no_docker: bool,
    /// Read SERVICE.log files from DIR, or what `collect` wrote, instead of Docker's logs
    #[arg(long, value_name = "DIR|FILE.tar.gz")]
    pub logs: Option<PathBuf>,
    /// Read a cluster's objects and logs (`kubectl get … -o json`, logs/POD_CONTAINER.log, or what `collect` wrote):
    /// nothing is dialled
    #[arg(long, value_name = "DIR|FILE.tar.gz")]
    pub objects: Option<PathBuf>,
    /// The stack runs on Kubernetes; implied by the next three, and in a pod
    #[arg(long)]
    pub kubernetes: bool,
    /// kubectl's configuration [env: KUBECONFIG] [default: ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Read no Secret of the cluster
    #[arg(long)]
    pub no_secrets: bool,
    /// Print the Role that the checks need on Kubernetes, and run nothing
    #[arg(long)]
    pub explain_permissions: bool,
    /// Context of kubectl's configuration
    #[arg(long, value_name = "NAME")]
    pub kube_context: Option<String>,
    /// Namespace of the stack
    #[arg(short = 'n', long, value_name = "NS")]
    pub namespace: Option<String>,
    /// Only log lines newer than this count (a duration such as 10m, or RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// What `logs` or `objects` name where it is an archive, laid out.
    #[arg(skip)]
    pub collection: Option<Collection>,
    /// What a profile says where neither a flag nor the environment does.
    #[arg(skip)]
    pub fallback: Fallback,
}

/// Certificate paths of a profile: after flags and environment, before `./certs`.
#[derive(Clone, Debug, Default)]
pub struct Fallback {
    pub dir: Option<PathBuf>,
    pub ca: Option<PathBuf>,
    pub cert: Option<PathBuf>,
    pub key: Option<PathBuf>,
}
