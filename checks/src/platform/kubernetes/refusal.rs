//! Why the API server did not give what was asked: `kube`'s errors in our causes and words, none of which holds a
//! login.

use std::error::Error;
use std::fmt;

use kube::client::AuthError;
use kube::client::oidc_errors as oidc;

use super::access::Access;
use crate::fault::{Cause, Stage};
use crate::peel;

/// Why a request was not answered as asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiError {
    /// 403: verb, resource and namespace.
    Forbidden(String),
    Unauthorized,
    NotFound,
    /// 400: of a log, that the container has no such start.
    Unfit(String),
    Other(String),
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forbidden(what) => write!(f, "the API server forbids us to {what}"),
            Self::Unauthorized => f.write_str(
                "the API server does not know us (401): the token or certificate of the kubeconfig has expired or is wrong",
            ),
            Self::NotFound => f.write_str("the API server has no such object"),
            Self::Unfit(why) | Self::Other(why) => f.write_str(why),
        }
    }
}

/// Why no client can be made of what the kubeconfig says.
pub(super) fn of_configuration(error: &kube::Error) -> String {
    if let Some(login) = login(error) {
        return login;
    }
    let why = peel::trail(error).pop().unwrap_or_default();
    match error {
        kube::Error::RustlsTls(_) | kube::Error::InferKubeconfig(_) => {
            format!("the kubeconfig's client certificate or certificate-authority cannot be used: {why}")
        }
        // The URL may hold a password.
        kube::Error::ProxyProtocolUnsupported { proxy_url }
        | kube::Error::ProxyProtocolDisabled { proxy_url, .. } => {
            let scheme = proxy_url.scheme_str().unwrap_or_default();
            format!("a proxy that speaks `{scheme}` cannot be used: http, https and socks5 can")
        }
        _ => format!("the kubeconfig cannot be used: {why}"),
    }
}

/// Why a request came to nothing before there was an answer.
pub(super) fn of_connection(error: &kube::Error, access: &Access) -> String {
    if let Some(login) = login(error) {
        return login;
    }
    let shows_identity = access.config.auth_info.client_certificate_data.is_some()
        || access.config.auth_info.client_certificate.is_some();
    let failure = peel::peel(error, Stage::Connect, shows_identity);
    let why = failure.trail.last().cloned().unwrap_or_default();
    let kind = failure.kind();
    let at = at(access);
    let told = match (failure.stage, &failure.cause, kind) {
        (Stage::Handshake, _, Some(kind)) => format!("{at} cannot be spoken to over TLS ({kind}): {why}"),
        (Stage::Handshake, ..) => format!("{at} cannot be spoken to over TLS: {why}"),
        (_, Cause::TimedOut, _) => {
            let patience = access.config.connect_timeout.unwrap_or_default();
            format!("{at} leaves the connection or its TLS handshake unanswered for {patience:?}")
        }
        _ if is_connecting(error) => format!("{at} cannot be reached: {why}"),
        _ => format!("{at}: {why}"),
    };
    if access.names_no_authority() {
        format!(
            "{told} (the kubeconfig names no certificate-authority for its cluster: the system's roots count)"
        )
    } else {
        told
    }
}

/// How the API server is named, and the proxy before it.
pub(super) fn at(access: &Access) -> String {
    let address = access.address();
    match access.config.proxy_url.as_ref().and_then(|url| Some((url.host()?, url.port_u16()))) {
        Some((host, Some(port))) => format!("the API server at {address} through the proxy {host}:{port}"),
        Some((host, None)) => format!("the API server at {address} through the proxy {host}"),
        None => format!("the API server at {address}"),
    }
}

/// Whether it was the connection that did not come about.
fn is_connecting(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(one) = next {
        if let Some(client) = one.downcast_ref::<hyper_util::client::legacy::Error>() {
            return client.is_connect();
        }
        next = one.source();
    }
    false
}

/// A login that cannot be had; the library's own words for it may quote what an issuer answered.
fn login(error: &(dyn Error + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(one) = next {
        if let Some(error) = one.downcast_ref::<AuthError>() {
            return Some(of_login(error));
        }
        next = one.source();
    }
    None
}

fn of_login(error: &AuthError) -> String {
    match error {
        AuthError::ReadTokenFile(why, path) => {
            format!("the token file {} cannot be read: {why}", path.display())
        }
        AuthError::InvalidBearerToken(_) => {
            "the kubeconfig's token has characters that no token has".to_owned()
        }
        AuthError::InvalidBasicAuth(_) => "the kubeconfig's user name or password cannot be sent".to_owned(),
        AuthError::Oidc(error) => format!("the kubeconfig's OIDC login cannot be used: {}", of_oidc(error)),
        _ => "the kubeconfig's login cannot be used".to_owned(),
    }
}

fn of_oidc(error: &oidc::Error) -> String {
    match error {
        oidc::Error::IdTokenMissing => "it has no id-token".to_owned(),
        oidc::Error::IdToken(_) => "its id-token tells no time at which it ends".to_owned(),
        oidc::Error::RefreshInit(why) => format!("its id-token has ended, and cannot be renewed: {why}"),
        oidc::Error::Refresh(oidc::RefreshError::InvalidMetadata(_)) => {
            "its issuer's metadata name no token endpoint".to_owned()
        }
        oidc::Error::Refresh(oidc::RefreshError::InvalidTokenResponse(_)) => {
            "its issuer's answer is no token".to_owned()
        }
        oidc::Error::Refresh(why) => {
            let why = peel::trail(why).pop().unwrap_or_default();
            format!("its id-token has ended, and its issuer does not renew it: {why}")
        }
    }
}
