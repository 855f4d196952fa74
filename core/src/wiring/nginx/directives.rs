//! What nginx refuses: directives that it does not know, blocks that are not ended, servers that lack something.

use super::{NginxSettings, Walk};
use crate::manifest::nginx::NginxDirective;
use crate::manifest::{FaultKind, ParseFault};
use crate::wiring::{FileRef, shapes};

impl Walk<'_, '_> {
    /// What nginx refuses of a directive: a block where a value has to end, and what its tables say.
    fn shape(&mut self, directive: &NginxDirective, outer: &str) {
        const PLAIN: [&str; 7] =
            ["listen", "server_name", "root", "index", "try_files", "access_log", "error_log"];
        let name = directive.name.as_str();
        let plain = PLAIN.contains(&name)
            || ["ssl_", "proxy_", "grpc_"].iter().any(|prefix| name.starts_with(prefix));
        let message = match &directive.block {
            Some(_) if plain => format!("`{name}` is not ended by `;`"),
            Some(servers) if name == "upstream" && !servers.iter().any(|one| one.name == "server") => {
                "no server stands in this upstream".to_owned()
            }
            _ => return shapes::nginx(directive, outer, &self.names, &mut self.scanner.found.faults),
        };
        self.scanner.found.faults.push(ParseFault::unreadable(directive.mark.clone(), message));
    }

    /// Shapes of a block and of all blocks in it.
    pub(super) fn shapes(&mut self, directives: &[NginxDirective], outer: &str) {
        for one in directives {
            self.shape(one, outer);
            self.shapes(one.block.as_deref().unwrap_or_default(), &one.name);
        }
    }

    /// Directives about TLS that nginx does not know.
    pub(super) fn known(&mut self, directive: &NginxDirective) {
        const PREFIXES: [&str; 3] = ["proxy_ssl_", "grpc_ssl_", "ssl_"];
        const UPSTREAM: &str = "certificate certificate_cache certificate_key ciphers conf_command crl key_log name \
            password_file protocols server_name session_reuse trusted_certificate verify verify_depth";
        const SERVER: &str = "alpn buffer_size certificate certificate_cache certificate_compression certificate_key \
            ciphers client_certificate conf_command crl dhparam early_data ecdh_curve ech_file engine handshake_timeout \
            key_log ocsp ocsp_cache ocsp_responder object_cache_inheritable password_file prefer_server_ciphers preread protocols \
            reject_handshake session_cache session_ticket_key session_tickets session_timeout stapling stapling_file \
            stapling_responder stapling_verify trusted_certificate verify_client verify_depth";
        let Some(prefix) = PREFIXES.iter().find(|prefix| directive.name.starts_with(**prefix)) else {
            return;
        };
        let known = if *prefix == "ssl_" { SERVER } else { UPSTREAM };
        let rest = &directive.name[prefix.len()..];
        if known.split_whitespace().any(|one| one == rest) {
            return;
        }
        let nearest = crate::wiring::cordum::nearest(rest, known.split_whitespace())
            .map(|one| format!("{prefix}{one}"));
        self.scanner.found.faults.push(ParseFault {
            kind: FaultKind::UnknownName { name: directive.name.clone(), nearest },
            message: format!("nginx does not know `{}` and does not start", directive.name),
            mark: directive.mark.clone(),
        });
    }

    /// What a server that speaks TLS has to have.
    pub(super) fn demands(
        &mut self,
        server: &NginxDirective,
        settings: &NginxSettings,
        certificate: &Option<FileRef>,
    ) {
        let block = server.block.as_deref().unwrap_or_default();
        let ssl = block.iter().find(|one| one.name == "listen" && one.words.iter().any(|word| word == "ssl"));
        let Some(ssl) = ssl.filter(|_| !self.open) else { return };
        let rejects = settings.on("ssl_reject_handshake").is_some_and(|(on, _)| on);
        if certificate.is_none() && settings.of("ssl_certificate_key").is_none() && !rejects {
            let message = "no `ssl_certificate` is named for a port that speaks TLS";
            self.scanner.found.faults.push(ParseFault::unreadable(ssl.mark.clone(), message));
        }
        let asks = settings.of("ssl_verify_client").filter(|(word, _)| matches!(*word, "on" | "optional"));
        let trusts = ["ssl_client_certificate", "ssl_trusted_certificate"];
        if let Some((_, mark)) = asks
            && !trusts.iter().any(|name| settings.of(name).is_some())
        {
            let message =
                "`ssl_verify_client` needs `ssl_client_certificate`: without it nginx does not start";
            self.scanner.found.faults.push(ParseFault::unreadable(mark.clone(), message));
        }
    }
}
