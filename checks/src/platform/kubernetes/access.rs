//! How the API server is reached, as kubectl finds it: a kubeconfig with its contexts, or a pod's own account.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde::Deserialize;

use crate::secret::Secret;

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
    pub host: String,
    pub port: u16,
    /// What stands before `/api` in the URL.
    pub prefix: String,
    /// The name that its certificate has to have.
    pub name: String,
    pub plain: bool,
    pub insecure: bool,
    pub anchors: Vec<CertificateDer<'static>>,
    pub identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
    pub token: Option<Secret>,
    pub basic: Option<Secret>,
    pub namespace: String,
    /// The context, where the operator named one.
    pub context: Option<String>,
    /// We run in a pod of the cluster.
    pub inside: bool,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct KubeconfigFile {
    current_context: Option<String>,
    contexts: Vec<NamedEntry>,
    clusters: Vec<NamedEntry>,
    users: Vec<NamedEntry>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct NamedEntry {
    name: String,
    context: Option<KubeconfigContext>,
    cluster: Option<KubeconfigCluster>,
    user: Option<User>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct KubeconfigContext {
    cluster: String,
    user: String,
    namespace: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct KubeconfigCluster {
    server: String,
    certificate_authority: Option<String>,
    certificate_authority_data: Option<String>,
    insecure_skip_tls_verify: bool,
    tls_server_name: Option<String>,
    proxy_url: Option<String>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct User {
    #[serde(rename = "client-certificate")]
    certificate: Option<String>,
    #[serde(rename = "client-certificate-data")]
    certificate_data: Option<String>,
    #[serde(rename = "client-key")]
    key: Option<String>,
    #[serde(rename = "client-key-data")]
    key_data: Option<String>,
    token: Option<String>,
    #[serde(rename = "tokenFile")]
    token_file: Option<String>,
    username: Option<String>,
    password: Option<String>,
    exec: Option<Exec>,
}

/// What it holds is not shown.
impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("User")
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Exec {
    api_version: String,
    command: String,
    args: Vec<String>,
    env: Vec<Variable>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Variable {
    name: String,
    value: String,
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
            return Self::of_pod(options);
        }
        if !any {
            let looked: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
            return Err(format!("there is no kubeconfig at {}", looked.join(", ")));
        }
        let mut merged = KubeconfigFile::default();
        let mut folders: BTreeMap<(char, String), PathBuf> = BTreeMap::new();
        for file in &files {
            merge(&mut merged, &mut folders, file)?;
        }
        let context = options.context.clone().or(merged.current_context.clone()).unwrap_or_default();
        if context.is_empty() {
            return Err("the kubeconfig has no current context: name one with --kube-context".to_owned());
        }
        let find = |all: &[NamedEntry], name: &str| all.iter().position(|one| one.name == name);
        let Some(at) = find(&merged.contexts, &context) else {
            let known: Vec<&str> = merged.contexts.iter().map(|one| one.name.as_str()).collect();
            return Err(format!("the kubeconfig has no context `{context}`; it has: {}", known.join(", ")));
        };
        let chosen = merged.contexts[at].context.clone().unwrap_or_default();
        let cluster = find(&merged.clusters, &chosen.cluster)
            .and_then(|at| merged.clusters[at].cluster.clone())
            .ok_or_else(|| {
                format!("context `{context}` names cluster `{}`, which is not there", chosen.cluster)
            })?;
        let user = find(&merged.users, &chosen.user)
            .and_then(|at| merged.users[at].user.clone())
            .unwrap_or_default();
        let beside =
            |kind: char, name: &str| folders.get(&(kind, name.to_owned())).cloned().unwrap_or_default();
        let mut access = of_cluster(&cluster, &beside('c', &chosen.cluster))?;
        access.context.clone_from(&options.context);
        access.namespace = options
            .namespace
            .clone()
            .or(chosen.namespace)
            .filter(|one| !one.is_empty())
            .unwrap_or_else(|| "cordum".to_owned());
        access.log_in(&user, &beside('u', &chosen.user), patience).await?;
        Ok(access)
    }

    fn of_pod(options: &AccessOptions) -> Result<Self, String> {
        let read = |name: &str| {
            let path = Path::new(ACCOUNT).join(name);
            std::fs::read_to_string(&path)
                .map_err(|error| format!("{} cannot be read: {error}", path.display()))
        };
        let host = options.environment.get("KUBERNETES_SERVICE_HOST").cloned().unwrap_or_default();
        let port = options.environment.get("KUBERNETES_SERVICE_PORT").and_then(|port| port.parse().ok());
        let anchors = certificates(read("ca.crt")?.as_bytes())?;
        let own = read("namespace").unwrap_or_default().trim().to_owned();
        let namespace = options.namespace.clone().unwrap_or(own);
        Ok(Self {
            name: host.clone(),
            host,
            port: port.unwrap_or(443),
            prefix: String::new(),
            plain: false,
            insecure: false,
            anchors,
            identity: None,
            token: Some(Secret::new(read("token")?.trim())),
            basic: None,
            namespace,
            context: None,
            inside: true,
        })
    }

    async fn log_in(&mut self, user: &User, folder: &Path, patience: Duration) -> Result<(), String> {
        let bytes = |data: &Option<String>, file: &Option<String>, what: &str| match (data, file) {
            (Some(data), _) => decoded(data, what).map(Some),
            (None, Some(file)) => {
                let path = folder.join(file);
                let read = std::fs::read(&path);
                read.map(Some).map_err(|error| format!("{what} {} cannot be read: {error}", path.display()))
            }
            (None, None) => Ok(None),
        };
        let certificate = bytes(&user.certificate_data, &user.certificate, "the client certificate")?;
        let key = bytes(&user.key_data, &user.key, "the client key")?;
        if let (Some(certificate), Some(key)) = (certificate, key) {
            self.identity = Some((certificates(&certificate)?, private_key(&key)?));
        }
        if let Some(file) = &user.token_file {
            let path = folder.join(file);
            let token = std::fs::read_to_string(&path)
                .map_err(|error| format!("the token file {} cannot be read: {error}", path.display()))?;
            self.token = Some(Secret::new(token.trim()));
        } else if let Some(token) = &user.token {
            self.token = Some(Secret::new(token.trim()));
        }
        if let (Some(name), Some(password)) = (&user.username, &user.password) {
            let both = base64::engine::general_purpose::STANDARD.encode(format!("{name}:{password}"));
            self.basic = Some(Secret::new(both));
        }
        if let Some(exec) = &user.exec {
            self.ask_plugin(exec, folder, patience).await?;
        }
        Ok(())
    }

    /// Runs a credential plugin, which may not ask and has to end in time.
    async fn ask_plugin(&mut self, exec: &Exec, folder: &Path, patience: Duration) -> Result<(), String> {
        let program = if exec.command.contains('/') {
            folder.join(&exec.command)
        } else {
            PathBuf::from(&exec.command)
        };
        let shown = &exec.command;
        let info = serde_json::json!({"apiVersion": exec.api_version, "kind": "ExecCredential",
            "spec": {"interactive": false}});
        let mut command = tokio::process::Command::new(program);
        command
            .args(&exec.args)
            .envs(exec.env.iter().map(|one| (&one.name, &one.value)))
            .env("KUBERNETES_EXEC_INFO", info.to_string());
        let asking = super::plugin::output(&mut command);
        let (status, printed, complained) = match tokio::time::timeout(patience, asking).await {
            Ok(Ok(output)) => output,
            Ok(Err(error)) => return Err(format!("the credential plugin `{shown}` cannot be run: {error}")),
            Err(_) => return Err(format!("the credential plugin `{shown}` did not end within {patience:?}")),
        };
        if !status.success() {
            let said = String::from_utf8_lossy(&complained);
            let said = said.lines().last().unwrap_or_default();
            return Err(format!("the credential plugin `{shown}` failed ({status}): {said}"));
        }
        let answer: serde_json::Value = serde_json::from_slice(&printed)
            .map_err(|_| format!("the credential plugin `{shown}` printed no ExecCredential"))?;
        let status = &answer["status"];
        if let Some(token) = status["token"].as_str() {
            self.token = Some(Secret::new(token));
        }
        if let (Some(certificate), Some(key)) =
            (status["clientCertificateData"].as_str(), status["clientKeyData"].as_str())
        {
            self.identity = Some((certificates(certificate.as_bytes())?, private_key(key.as_bytes())?));
        }
        Ok(())
    }
}

fn files(options: &AccessOptions) -> Vec<PathBuf> {
    if let Some(file) = &options.kubeconfig {
        return vec![file.clone()];
    }
    if let Some(list) = options.environment.get("KUBECONFIG").filter(|list| !list.is_empty()) {
        return std::env::split_paths(list).collect();
    }
    let home = options.environment.get("HOME").cloned().unwrap_or_default();
    vec![Path::new(&home).join(".kube/config")]
}

/// The first file that has an entry wins, as kubectl has it.
fn merge(
    into: &mut KubeconfigFile,
    folders: &mut BTreeMap<(char, String), PathBuf>,
    path: &Path,
) -> Result<(), String> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(format!("the kubeconfig {} cannot be read: {error}", path.display())),
    };
    let file: KubeconfigFile = serde_yaml_ng::from_str(&text)
        .map_err(|error| format!("{} is no kubeconfig: {error}", path.display()))?;
    let folder = path.parent().unwrap_or(Path::new(".")).to_owned();
    into.current_context = into.current_context.take().or(file.current_context);
    let mut add = |kind: char, all: &mut Vec<NamedEntry>, more: Vec<NamedEntry>| {
        for one in more {
            if !all.iter().any(|known| known.name == one.name) {
                folders.insert((kind, one.name.clone()), folder.clone());
                all.push(one);
            }
        }
    };
    add('x', &mut into.contexts, file.contexts);
    add('c', &mut into.clusters, file.clusters);
    add('u', &mut into.users, file.users);
    Ok(())
}

fn of_cluster(cluster: &KubeconfigCluster, folder: &Path) -> Result<Access, String> {
    let url = url::Url::parse(&cluster.server)
        .map_err(|error| format!("the kubeconfig's server `{}` is no URL: {error}", cluster.server))?;
    if cluster.proxy_url.is_some() {
        return Err("the kubeconfig asks for a proxy (`proxy-url`), which is not spoken here".to_owned());
    }
    let plain = url.scheme() == "http";
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let anchors = match (&cluster.certificate_authority_data, &cluster.certificate_authority) {
        (Some(data), _) => certificates(&decoded(data, "certificate-authority-data")?)?,
        (None, Some(file)) => {
            let path = folder.join(file);
            let bytes = std::fs::read(&path)
                .map_err(|error| format!("the cluster's CA {} cannot be read: {error}", path.display()))?;
            certificates(&bytes)?
        }
        (None, None) => Vec::new(),
    };
    Ok(Access {
        name: cluster.tls_server_name.clone().unwrap_or_else(|| host.clone()),
        port: url.port_or_known_default().unwrap_or(443),
        prefix: url.path().trim_end_matches('/').to_owned(),
        host,
        plain,
        insecure: cluster.insecure_skip_tls_verify,
        anchors,
        identity: None,
        token: None,
        basic: None,
        namespace: String::new(),
        context: None,
        inside: false,
    })
}

fn decoded(data: &str, what: &str) -> Result<Vec<u8>, String> {
    let clean: String = data.chars().filter(|c| !c.is_whitespace()).collect();
    base64::engine::general_purpose::STANDARD
        .decode(clean)
        .map_err(|_| format!("{what} in the kubeconfig is no base64"))
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let read: Vec<_> = CertificateDer::pem_slice_iter(pem).filter_map(Result::ok).collect();
    if read.is_empty() {
        Err("there is no certificate in what the kubeconfig names as one".to_owned())
    } else {
        Ok(read)
    }
}

fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|_| "the kubeconfig's client key is no key in PEM".to_owned())
}
