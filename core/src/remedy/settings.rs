//! Steps with the real settings of a service: which variable, what it holds now, where that file lies on
//! the host, and what it has to hold.

use crate::cause::CauseKind;
use crate::evidence::LinkSetting;
use crate::remedy::{Action, Change, ChangeKind, Wording, shell};

use crate::report::Fix;

/// One step for each setting that bears on the fault, the service's restart with the last of them.
#[must_use]
pub fn steps(kind: CauseKind, settings: &[LinkSetting], wording: &dyn Wording) -> Vec<Fix> {
    let mut steps: Vec<Fix> = settings
        .iter()
        .filter_map(|setting| {
            let host = setting.host.as_ref().map(|host| format!(", on the host {host}")).unwrap_or_default();
            let LinkSetting { service, name, value, .. } = setting;
            let wanted = wanted(kind, name)?;
            let text = match name.as_str() {
                "" => format!("in {service} look at {value}{host}: {wanted}"),
                name => format!("in {service} look at {name} (now {value}{host}): {wanted}"),
            };
            let command = setting.host.as_ref().and_then(|host| show_file(kind, name, host));
            Some(Fix::new(text, command))
        })
        .collect();
    if let (Some(last), Some(setting)) = (steps.last_mut(), settings.first()) {
        let made = wording.command(&Action::Recreate(vec![setting.service.clone()]));
        last.command = match (last.command.take(), made) {
            (Some(look), Some(made)) => Some(format!("{look}\n{made}")),
            (look, made) => look.or(made),
        };
    }
    steps
}

/// Where the settings of the service at fault are all there is to be done.
#[must_use]
pub const fn suffices(kind: CauseKind) -> bool {
    matches!(
        kind,
        CauseKind::AuthNotTls
            | CauseKind::Dns
            | CauseKind::ConnectionRefused
            | CauseKind::HostnameMismatch
            | CauseKind::WrongSchemePlainToTls
    )
}

/// A service that does not know a server's certificate, where the CA file of the run verifies it.
#[must_use]
pub fn trust_anchor(service: &str, server: &str, variable: &str) -> Fix {
    let text = format!(
        "in {service} name in {variable} the CA file that verifies {server} (the one of this run does), then restart {service}: it may hold an earlier one"
    );
    let change = Change::new(service, ChangeKind::Environment, variable);
    Fix { text, command: None, changes: vec![change] }
}

/// Where nothing of what was seen has a name: its own words are all that is left. The platform puts its command there.
#[must_use]
pub fn what_it_says(who: &str) -> Fix {
    Fix {
        text: format!("read what {who} says at this moment, and whether this is the port that was meant"),
        command: None,
        changes: Vec::new(),
    }
}

/// The command that shows what a file holds.
fn show_file(kind: CauseKind, name: &str, host: &str) -> Option<String> {
    let host = shell::path(host);
    if kind == CauseKind::BadKeyFile || name.ends_with("_KEY") {
        Some(format!("ls -l {host}"))
    } else if name.ends_with("_CA") {
        Some(format!("tls-verify certs --cacert {host}"))
    } else if name.ends_with("_CERT") {
        Some(format!("openssl x509 -in {host} -noout -subject -issuer -dates"))
    } else {
        None
    }
}

/// What a variable has to hold for the fault to go away.
fn wanted(kind: CauseKind, name: &str) -> Option<&'static str> {
    Some(match kind {
        CauseKind::UnknownAuthority | CauseKind::BadSignature | CauseKind::InvalidCa => {
            if name.ends_with("_INSECURE") {
                return None;
            }
            "it has to be the file of the CA that signed the peer's certificate"
        }
        CauseKind::HostnameMismatch => "the name in it has to be one of the names in the peer's certificate",
        CauseKind::Dns | CauseKind::ConnectionRefused => {
            "the host in it has to exist, and something has to listen at its port"
        }
        CauseKind::AuthNotTls => "it has to hold the login that the server was started with",
        CauseKind::WrongSchemeTlsToPlain | CauseKind::WrongSchemePlainToTls => {
            "its scheme has to be the one that the peer speaks"
        }
        CauseKind::KeyMismatch => "certificate and key have to be a pair",
        CauseKind::BadKeyFile => {
            "the file has to be there, to be PEM, and to be readable for the container's user"
        }
        CauseKind::Expired | CauseKind::NotYetValid => "its certificate has to be valid today",
        CauseKind::BadCertificate | CauseKind::ClientCertRequired | CauseKind::WrongKeyUsage => {
            "it has to be a client certificate of the CA that the peer trusts"
        }
        _ => return None,
    })
}
