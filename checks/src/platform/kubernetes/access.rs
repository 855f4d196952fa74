//! How the API server is reached, as kubectl finds it: a kubeconfig with its contexts, or a pod's own account. The
//! reading is `kube`'s; what is missing is said in our words.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::{HeaderValue, Uri, header};
use hyper_util::client::proxy::matcher::Matcher;
use kube::Config;
use kube::config::{AuthInfo, Cluster, ExecAuthCluster, Kubeconfig, KubeconfigError};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::login;

/// Where a pod's account is mounted.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// What the operator says about it.
#[derive(Clone, Debug, Default)]
pub struct AccessOptions {
    pub kubeconfig: Option<PathBuf>,
    pub context: Option<String>,
    pub namespace: Option<String>,
    /// `KUBECONFIG`, `HOME`, and the address that a pod is given.
    pub environment: BTreeMap<String, String>,
}

/// A way to the API server.
pub struct Access {
    pub(super) config: Config,
    pub namespace: String,
    /// The context, where the operator named one.
    pub context: Option<String>,
    /// We run in a pod of the cluster.
    pub inside: bool,
}

/// The logins that it holds are not shown.
impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access").field("server", &self.address()).finish_non_exhaustive()
    }
}

/// Whether a pod's account is mounted here.
#[must_use]
pub fn in_a_pod(environment: &BTreeMap<String, String>) -> bool {
    environment.contains_key("KUBERNETES_SERVICE_HOST") && Path::new(ACCOUNT).join("token").exists()
}

impl Access {
    /// Finds it.
    ///
    /// # Errors
    /// What is missing or cannot be used, in a sentence that names it.
    pub async fn find(options: &AccessOptions, patience: Duration) -> Result<Self, String> {
        let named = options.kubeconfig.is_some() || options.context.is_some();
        let files = files(options);
        let any = files.iter().any(|file| file.is_file());
        if !named && !any && in_a_pod(&options.environment) {
            let config = Config::incluster().map_err(|error| format!("the pod's own account: {error}"))?;
            let namespace = config.default_namespace.trim().to_owned();
            return Self::new(config, options, namespace, true, patience).await;
        }
        if !any {
            let looked: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
            return Err(format!("there is no kubeconfig at {}", looked.join(", ")));
        }
        let merged = merged(&files)?;
        let context = options.context.clone().or_else(|| merged.current_context.clone()).unwrap_or_default();
        if context.is_empty() {
            return Err("the kubeconfig has no current context: name one with --kube-context".to_owned());
        }
        let Some(chosen) = merged.contexts.iter().find(|one| one.name == context) else {
            let known: Vec<&str> = merged.contexts.iter().map(|one| one.name.as_str()).collect();
            return Err(format!("the kubeconfig has no context `{context}`; it has: {}", known.join(", ")));
        };
        let chosen = chosen.context.clone().unwrap_or_default();
        let cluster = merged.clusters.iter().find(|one| one.name == chosen.cluster);
        let Some(cluster) = cluster.and_then(|one| one.cluster.as_ref()) else {
            return Err(format!(
                "context `{context}` names cluster `{}`, which is not there",
                chosen.cluster
            ));
        };
        let user = merged.auth_infos.iter().find(|one| Some(&one.name) == chosen.user.as_ref());
        let config = configured(cluster, user.and_then(|one| one.auth_info.clone()))?;
        let namespace = chosen.namespace.unwrap_or_default();
        Self::new(config, options, namespace, false, patience).await
    }

    async fn new(
        mut config: Config,
        options: &AccessOptions,
        namespace: String,
        inside: bool,
        patience: Duration,
    ) -> Result<Self, String> {
        if !matches!(config.cluster_url.scheme_str(), Some("http" | "https")) {
            return Err(format!("the kubeconfig's server `{}` is no URL", config.cluster_url));
        }
        // Each round asks anew.
        config.root_cert_file = None;
        config.connect_timeout = Some(patience);
        // A busy server's answer is told, not waited for.
        config.default_retry = false;
        let agent = HeaderValue::from_static(concat!("tls-verify/", env!("CARGO_PKG_VERSION")));
        config.headers.push((header::USER_AGENT, agent));
        login::prepare(&mut config.auth_info, patience).await?;
        let named = options.namespace.clone().or(Some(namespace)).filter(|one| !one.is_empty());
        Ok(Self {
            config,
            namespace: named.unwrap_or_else(|| "cordum".to_owned()),
            context: options.context.clone(),
            inside,
        })
    }

    /// Host and port of the API server, without what else its URL may hold.
    pub(super) fn address(&self) -> String {
        let url = &self.config.cluster_url;
        let port = url.port_u16().unwrap_or(if self.is_plain() { 80 } else { 443 });
        format!("{}:{port}", url.host().unwrap_or_default())
    }

    pub(super) fn is_plain(&self) -> bool {
        self.config.cluster_url.scheme_str() == Some("http")
    }

    /// Nothing says whose certificates count: the system's roots do.
    pub(super) fn names_no_authority(&self) -> bool {
        !self.is_plain() && self.config.root_cert.is_none() && !self.config.accept_invalid_certs
    }
}

fn files(options: &AccessOptions) -> Vec<PathBuf> {
    if let Some(file) = &options.kubeconfig {
        return vec![file.clone()];
    }
    if let Some(list) = options.environment.get("KUBECONFIG").filter(|list| !list.is_empty()) {
        return std::env::split_paths(list).filter(|path| !path.as_os_str().is_empty()).collect();
    }
    let home = options.environment.get("HOME").cloned().unwrap_or_default();
    vec![Path::new(&home).join(".kube/config")]
}

/// The first file that has an entry wins; one that is not there counts for nothing.
fn merged(files: &[PathBuf]) -> Result<Kubeconfig, String> {
    let mut merged = Kubeconfig::default();
    for file in files {
        let read = match Kubeconfig::read_from(file) {
            Ok(read) => read,
            Err(KubeconfigError::ReadConfig(error, _)) if error.kind() == std::io::ErrorKind::NotFound => {
                continue;
            }
            Err(KubeconfigError::ReadConfig(error, path)) => {
                return Err(format!("the kubeconfig {} cannot be read: {error}", path.display()));
            }
            // Its own words show the lines around the fault, and a key may be among them.
            Err(KubeconfigError::Parse(error)) => {
                let at = error.location().map(|at| format!(" (line {}, column {})", at.line(), at.column()));
                return Err(format!("{} is no kubeconfig{}", file.display(), at.unwrap_or_default()));
            }
            Err(error) => return Err(format!("{}: {}", file.display(), told(&error))),
        };
        merged = merged.merge(read).map_err(|error| told(&error))?;
    }
    Ok(merged)
}

/// What of a kubeconfig cannot be used; none of these words holds a value.
fn told(error: &KubeconfigError) -> String {
    let why = crate::peel::trail(error).pop().unwrap_or_default();
    match error {
        KubeconfigError::LoadCertificateAuthority(_) => {
            format!("the cluster's certificate-authority in the kubeconfig cannot be read: {why}")
        }
        _ => format!("the kubeconfig cannot be used: {why}"),
    }
}

/// As kubectl: HTTPS_PROXY and NO_PROXY, and none to this machine.
fn proxy_of_environment(server: &Uri) -> Option<Uri> {
    let host = server.host().unwrap_or_default().trim_matches(['[', ']']);
    let is_here =
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    if is_here {
        return None;
    }
    let found = Matcher::from_env().intercept(server)?;
    let Some((name, password)) = found.raw_auth() else { return Some(found.uri().clone()) };
    // It keeps the login apart; `kube` wants it where it was.
    let escape = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let authority = found.uri().authority()?;
    let scheme = found.uri().scheme_str()?;
    format!("{scheme}://{}:{}@{authority}", escape(name), escape(password)).parse().ok()
}

/// What `kube` makes of a context; its own loader has the environment's proxies first, and fails where it cannot read
/// NO_PROXY, which it then asks about the proxy and not about the server.
fn configured(cluster: &Cluster, user: Option<AuthInfo>) -> Result<Config, String> {
    let server = cluster.server.clone().unwrap_or_default();
    let server: Uri = server.parse().map_err(|_| format!("the kubeconfig's server `{server}` is no URL"))?;
    let loaded = ExecAuthCluster::try_from(cluster).map_err(|error| told(&error))?;
    let mut config = Config::new(server);
    config.root_cert = loaded.certificate_authority_data.as_deref().map(authorities).transpose()?;
    config.accept_invalid_certs = cluster.insecure_skip_tls_verify.unwrap_or(false);
    config.tls_server_name = cluster.tls_server_name.clone().filter(|name| !name.is_empty());
    config.proxy_url = match cluster.proxy_url.as_deref().filter(|url| !url.is_empty()) {
        Some(url) => Some(url.parse().map_err(|_| "the kubeconfig's `proxy-url` is no URL".to_owned())?),
        None => proxy_of_environment(&config.cluster_url),
    };
    config.auth_info = user.unwrap_or_default();
    if let Some(plugin) = config.auth_info.exec.as_mut().filter(|plugin| plugin.provide_cluster_info) {
        plugin.cluster = Some(loaded);
    }
    Ok(config)
}

/// The certificates of a bundle that can be an authority: one odd one does not spoil the others.
fn authorities(pem: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let is_usable = |der: &CertificateDer<'static>| rustls::RootCertStore::empty().add(der.clone()).is_ok();
    let all = CertificateDer::pem_slice_iter(pem).filter_map(Result::ok);
    let usable: Vec<_> = all.filter(is_usable).map(|der| der.to_vec()).collect();
    if usable.is_empty() {
        return Err(
            "there is no certificate in what the kubeconfig names as certificate-authority".to_owned()
        );
    }
    Ok(usable)
}
