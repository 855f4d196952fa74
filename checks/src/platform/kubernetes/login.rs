//! Logins of a kubeconfig before `kube` has them: a credential plugin that may neither ask nor hang, a token's file
//! as it is written in the field. What a server refreshes (OIDC) stays with `kube`.

use std::time::Duration;

use kube::config::{AuthInfo, ExecConfig};
use serde::Deserialize;

/// What a plugin prints.
#[derive(Deserialize)]
struct ExecCredential {
    status: Option<ExecCredentialStatus>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExecCredentialStatus {
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
}

/// Makes a login one that waits for nobody.
///
/// # Errors
/// Why it cannot be used.
pub(super) async fn prepare(login: &mut AuthInfo, patience: Duration) -> Result<(), String> {
    // The others of kubectl's past run programs of their own, without a bound.
    if let Some(provider) = login.auth_provider.as_ref().filter(|one| one.name != "oidc") {
        return Err(format!(
            "the kubeconfig logs in by auth-provider `{}`, which kubectl has given up: let its user have an `exec` plugin",
            provider.name
        ));
    }
    if let Some(path) = &login.token_file {
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("the token file {path} cannot be read: {error}"))?;
        // The file counts more than a token beside it, and its last line's end is no part of it.
        login.token = (text.trim() != text).then(|| text.trim().to_owned().into());
        if login.token.is_some() {
            login.token_file = None;
        }
    }
    if let Some(plugin) = login.exec.take() {
        ask(login, &plugin, patience).await?;
    }
    Ok(())
}

/// Runs a credential plugin. `kube` would wait for its end, and lend it our standard input.
async fn ask(login: &mut AuthInfo, plugin: &ExecConfig, patience: Duration) -> Result<(), String> {
    let shown = plugin.command.as_deref().unwrap_or_default();
    let mut info = serde_json::json!({"apiVersion": plugin.api_version, "kind": "ExecCredential",
        "spec": {"interactive": false}});
    if let Some(cluster) = plugin.cluster.as_ref().filter(|_| plugin.provide_cluster_info) {
        info["spec"]["cluster"] = serde_json::to_value(cluster).unwrap_or_default();
    }
    let mut command = tokio::process::Command::new(shown);
    let variables = plugin.env.iter().flatten().filter_map(|one| Some((one.get("name")?, one.get("value")?)));
    command.args(plugin.args.iter().flatten()).envs(variables).env("KUBERNETES_EXEC_INFO", info.to_string());
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
    let printed: ExecCredential = serde_json::from_slice(&printed)
        .map_err(|_| format!("the credential plugin `{shown}` printed no ExecCredential"))?;
    let Some(given) = printed.status else {
        return Err(format!("the credential plugin `{shown}` printed no status, and so no login"));
    };
    if let Some(token) = given.token {
        login.token = Some(token.into());
    }
    if let (Some(certificate), Some(key)) = (given.client_certificate_data, given.client_key_data) {
        use base64::Engine as _;
        let encode = |pem: String| base64::engine::general_purpose::STANDARD.encode(pem);
        login.client_certificate_data = Some(encode(certificate));
        login.client_key_data = Some(encode(key).into());
    }
    Ok(())
}
