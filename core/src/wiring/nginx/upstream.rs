//! What is passed on to whom, and what is verified of it.

use super::{NginxSettings, Walk};
use crate::manifest::nginx::NginxDirective;
use crate::wiring::nats::halves;
use crate::wiring::scan::has_gap;
use crate::wiring::{
    Address, ClientTrust, Dial, Dialler, FileRole, Program, Protocol, SettingKind, Switch, TlsMode, Verifies,
    address,
};
use crate::workload::Template;

/// So many variables may stand in one text, those of its variables included.
const SUBSTITUTIONS: usize = 500;

impl Walk<'_, '_> {
    /// Variables put in; what nginx only knows at a request is a gap.
    fn filled(&self, text: &str) -> String {
        self.filled_in(text, &mut { SUBSTITUTIONS }, 0)
    }

    fn filled_in(&self, text: &str, left: &mut usize, depth: usize) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            *left = left.saturating_sub(1);
            if *left == 0 {
                return Template::gap("a variable");
            }
            out.push_str(before);
            let braced = after.starts_with('{');
            let inner = if braced { &after[1..] } else { after };
            let end = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inner.len());
            let name = &inner[..end];
            rest = &inner[(end + usize::from(braced)).min(inner.len())..];
            match self.variables.get(&format!("${name}")) {
                Some(value) if depth < 8 => out.push_str(&self.filled_in(value, left, depth + 1)),
                _ if name == "scheme" => out.push_str("http"),
                _ => out.push_str(&Template::gap(name)),
            }
        }
        out.push_str(rest);
        out
    }

    pub(super) fn pass(&mut self, directive: &NginxDirective, settings: &NginxSettings, prefix: &str) {
        let text = self.filled(directive.word());
        let Some(target) = address(&text) else { return };
        let mut dial = Dial::new(
            self.here.workload,
            self.here.container,
            &directive.name,
            SettingKind::Config,
            directive.mark.place(),
        );
        dial.program = Program::Nginx;
        dial.dialler = Dialler::Proxy;
        dial.location.clone_from(&self.location);
        dial.protocol = if prefix == "grpc_ssl" { Protocol::Grpc } else { Protocol::Http };
        let ssl = settings.on("proxy_ssl").filter(|(on, _)| *on && self.stream).map(|(_, mark)| mark.place());
        dial.tls_mode = match target.scheme.as_deref() {
            Some("https" | "grpcs") => TlsMode::Tls,
            Some("http" | "grpc") => TlsMode::Plain,
            None if self.stream => {
                dial.protocol = Protocol::Other;
                if ssl.is_some() { TlsMode::Tls } else { TlsMode::Unknown }
            }
            None if prefix == "grpc_ssl" && !text.contains("://") => TlsMode::Plain,
            _ => TlsMode::Unknown,
        };
        if target.host.as_deref() == Some("unix") || directive.word().contains("unix:") {
            return;
        }
        if dial.tls_mode == TlsMode::Tls {
            self.verification(&mut dial, directive, settings, prefix, &target);
        }
        for (to, shown) in self.targets(&target, dial.tls_mode) {
            let mut one = dial.clone();
            one.host = to.0;
            one.port = to.1;
            one.shown = shown;
            one.raw = directive.word().to_owned();
            if let Some(place) = &ssl {
                // The address says nothing of it: this does.
                one.setting = "proxy_ssl".to_owned();
                one.place = place.clone();
                one.raw = "on".to_owned();
            }
            self.scanner.found.dials.push(one);
        }
    }

    fn verification(
        &mut self,
        dial: &mut Dial,
        directive: &NginxDirective,
        settings: &NginxSettings,
        prefix: &str,
        target: &Address,
    ) {
        let name = |suffix: &str| format!("{prefix}_{suffix}");
        let trusted = settings.file(&name("trusted_certificate"));
        if let Some(file) = &trusted {
            self.scanner.names_file(self.here, file, FileRole::Ca, false);
        }
        // What a file says that is not known may be said there.
        let open = settings.open;
        dial.trust = match trusted.clone() {
            Some(file) => ClientTrust::Files(vec![file]),
            None if open => ClientTrust::Unknown,
            None => ClientTrust::System,
        };
        dial.verifies = match settings.on(&name("verify")) {
            Some((true, mark)) => {
                if trusted.is_none() && !open {
                    dial.refuses =
                        Some(format!("nginx: no {} for {}", name("trusted_certificate"), name("verify")));
                    dial.place = mark.place();
                    dial.setting = name("trusted_certificate");
                }
                Verifies::Yes
            }
            Some((false, mark)) => {
                Verifies::No { setting: name("verify"), place: mark.place(), kind: SettingKind::Config }
            }
            None if open => Verifies::Unknown,
            None => Verifies::No {
                setting: name("verify"),
                place: directive.mark.place(),
                kind: SettingKind::BuiltIn,
            },
        };
        let own = settings.of(&name("name"));
        dial.name = match own {
            Some((text, mark)) => {
                let text = self.filled(text);
                match text.as_str() {
                    _ if has_gap(&text) => None,
                    _ => Some((text, mark.place(), name("name"))),
                }
            }
            None if open => None,
            None => target.host.clone().map(|host| (host, directive.mark.place(), directive.name.clone())),
        };
        dial.depth = settings
            .of(&name("verify_depth"))
            .and_then(|(text, mark)| Some((text.parse().ok()?, mark.place())))
            .or((!open).then(|| (1, directive.mark.place())));
        let certificate = settings.file(&name("certificate"));
        let key = settings.file(&name("certificate_key"));
        for (file, role) in [(&certificate, FileRole::Certificate), (&key, FileRole::Key)] {
            if let Some(file) = file {
                self.scanner.names_file(self.here, file, role, false);
            }
        }
        halves(self.scanner, self.here, &certificate, &key, &name("certificate"), &name("certificate_key"));
        dial.identity = certificate.zip(key);
        // A CA that nothing verifies with.
        if let (Verifies::No { setting, place: said, kind }, Some(file)) = (&dial.verifies, &trusted) {
            let place = file.place.clone();
            if !self.scanner.found.unused.iter().any(|one| one.place == place) {
                self.scanner.found.unused.push(crate::wiring::Unused {
                    workload: self.here.workload,
                    setting: file.setting.clone(),
                    place,
                    kind: SettingKind::Config,
                    why: format!("`{}` is not on: nothing is verified with it", name("verify")),
                    minor: false,
                    switch: Some(Switch {
                        setting: setting.clone(),
                        place: said.clone(),
                        kind: SettingKind::Config,
                        from: (*kind == SettingKind::Config).then_some("off"),
                        to: Some("on"),
                    }),
                });
            }
        }
    }

    /// Where it goes: the servers of an upstream, or the host itself.
    fn targets(&self, target: &Address, tls_mode: TlsMode) -> Vec<((Option<String>, Option<u16>), String)> {
        let default = if tls_mode == TlsMode::Tls { 443 } else { 80 };
        let servers =
            target.host.as_ref().filter(|_| target.port.is_none()).and_then(|host| self.upstreams.get(host));
        match servers {
            Some(servers) => servers
                .iter()
                .filter(|(server, _)| !server.starts_with("unix:"))
                .filter_map(|(server, _)| address(server))
                .map(|one| ((one.host, one.port.or(Some(80))), one.shown))
                .collect(),
            None => vec![((target.host.clone(), target.port.or(Some(default))), target.shown.clone())],
        }
    }
}
