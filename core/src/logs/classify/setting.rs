//! A setting or a measured value, as it is echoed: `name: value`, `NAME=value`, `directive value;`. Its name may
//! speak of errors; only a name for an error itself makes its value one.

use std::sync::OnceLock;

use regex::bytes::Regex;

use super::record;

/// Longer lines are no settings.
const LONGEST: usize = 200;

/// `name{labels} 3`, `name: 5s`, `some_name: a-value`, `some_name a-value;`.
const MEASURED: &str = r"^(?:[\w.:-]+(?:\{[^}]*\})?:?\s+-?\d+(?:\.\d+)?(?:e[+-]?\d+)?\s?(?:ms|s|m|h|ns|us)?|[a-z]+(?:[_.-][a-z_.-]+)+:\s+[\w./,:-]+|[a-z]+(?:[_-][a-z]+)+ [\w./,:-]+;?|[a-z]+(?:_[a-z]+)+(?: [\w$./=~^*%-]+)+;)$";

/// `some.dotted.name = a text`, `some: ["a text", "a text"]`, `someName: "a text",`.
const TEXT: &str = r#"^(?:- )?([a-z][\w-]*(?:\.[\w-]+){2,}) ?= ?\S.*$|^(?:- )?(\w+): \[["'].*["']\],?$|^([a-z]+(?:[A-Z][a-z]+)+): "[^"]*",$"#;

/// `NAME=value`, `some-name: "value"`, `some_name = [value, value]`, `"some.name": "a text",`.
const NAMED: &str = r#"^(?:- )?["']?([A-Za-z][\w.-]*)["']?(?:=|: | = | => )(?:"[^" ]*"|'[^' ]*'|[^\s"'\[{(:]+|[\[{][^()]*[\]}]|(?:"[^"]*"|'[^']*'),)[,;]?(?: #.*)?$"#;

/// Settings in a row: `Connect timeout: 5000; Ssl: True; SslHost: ; AbortOnConnectFail: True`.
const ROW: &str = r"^(?:[A-Za-z][\w .-]*: ?[\w./-]*; ?){2,}[A-Za-z][\w .-]*: ?[\w./-]*;?$";

fn built(cell: &'static OnceLock<Regex>, pattern: &str) -> &'static Regex {
    // Constants that the tests below exercise.
    cell.get_or_init(|| Regex::new(&format!("(?-u){pattern}")).expect("the settings are a valid expression"))
}

/// A line that is a setting or a measured value, and nothing else.
pub(super) fn is_one(text: &[u8]) -> bool {
    static MEASURED_CELL: OnceLock<Regex> = OnceLock::new();
    static NAMED_CELL: OnceLock<Regex> = OnceLock::new();
    static TEXT_CELL: OnceLock<Regex> = OnceLock::new();
    static ROW_CELL: OnceLock<Regex> = OnceLock::new();
    if text.len() >= LONGEST {
        return false;
    }
    if let Some(found) = built(&NAMED_CELL, NAMED).captures(text)
        && let Some(name) = found.get(1)
    {
        let name = name.as_bytes();
        // A name of several parts in one case, or one in capitals; the name of a type or a program is none.
        let capitals = name.len() > 3 && !name.iter().any(u8::is_ascii_lowercase);
        let parts = name.iter().any(|byte| matches!(byte, b'_' | b'.' | b'-'))
            && !name.iter().any(u8::is_ascii_uppercase);
        let handler = name.starts_with(b"on-") || name.starts_with(b"on_");
        let echoed = (parts || capitals) && (handler || !record::tells_of_errors(name));
        if echoed && !is_code_of_error(text) {
            return true;
        }
    }
    if let Some(found) = built(&TEXT_CELL, TEXT).captures(text)
        && let Some(name) = found.iter().skip(1).flatten().next()
        && !record::tells_of_errors(name.as_bytes())
        && !name.as_bytes().ends_with(b"essage")
    {
        return true;
    }
    if built(&ROW_CELL, ROW).is_match(text)
        && !text
            .split(|byte| matches!(byte, b':' | b';'))
            .any(|part| record::tells_of_errors(part.trim_ascii()))
    {
        return true;
    }
    built(&MEASURED_CELL, MEASURED).is_match(text) && !is_code_of_error(text)
}

/// What a program calls what went wrong stands behind its name: `app: ECONNREFUSED`, `redis-cli: EOF`.
fn is_code_of_error(text: &[u8]) -> bool {
    let value = text.rsplit(|byte| *byte == b' ').next().unwrap_or(text);
    value == b"EOF" || (value.len() > 5 && value[0] == b'E' && value.iter().all(u8::is_ascii_uppercase))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_told_from_errors_behind_a_name() {
        for line in [
            "cluster.app.ssl.connection_error: 0",
            "http_requests_total{code=\"502\"} 0",
            "proxy_ssl_verify on;",
            "proxy_next_upstream error timeout invalid_header http_502;",
            "TLS_ERROR_ACTION=warn",
            "ssl_verify_error_action: retry",
            "FAIL_ON_CERT_EXPIRED: \"true\"",
            "on-tls-error: {action: close, log: true}",
            "\"tls.error.expired\": \"The certificate has expired\",",
            "tls_handshake_timeout = \"10s\"",
            "label.certificate.expired = Certificate expired",
            "matches: [\"connection refused\", \"connection reset by peer\"]",
            "alertBadCertificate: \"bad certificate\",",
            "ERR_CERT: { title: 'Certificate expired', severity: 'high' },",
            "Connect timeout: 5000; Ssl: True; SslHost: ; AbortOnConnectFail: True",
        ] {
            assert!(is_one(line.as_bytes()), "{line}");
        }
        for line in [
            "last_error=EOF",
            "Host: redis; Error: timeout; Retry: 5",
            "Connection timed out; host: redis",
            "errors: [\"certificate has expired\"]",
            "errorMessage: \"certificate has expired\",",
            "app.tls.error = certificate has expired",
            "api-gateway: ECONNREFUSED",
            "redis-cli: EOF",
            "\"error\": \"x509: certificate has expired\",",
            "\"tls.message\": \"certificate has expired\",",
            "message: 'x509: certificate has expired'",
            "nats-server: x509: certificate has expired",
            "error:0A000086:SSL",
            "http.client.BadStatusLine: \\x15\\x03\\x01",
            "cause: { code: 'ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR' },",
            "code: 'CERT_HAS_EXPIRED'",
        ] {
            assert!(!is_one(line.as_bytes()), "{line}");
        }
    }
}
