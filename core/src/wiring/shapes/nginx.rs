//! The shapes of nginx's directives.

use std::collections::BTreeSet;
use std::net::Ipv6Addr;

use super::super::scan::has_gap;
use super::{meant, unknown};
use crate::manifest::ParseFault;
use crate::manifest::nginx::NginxDirective;

/// `NAME WORDS KIND`: how many words it takes (4: and more), `{` for a block; `o` on or off, `n` a number, `v` a size or
/// a time, `*` anything; behind a comma the words that stand beside these, `-` for a sign. Of nginx 1.22 with Debian's modules.
const TABLE: &str = include_str!("nginx.txt");
/// Newer than the table, or of modules that are used as often.
const NEWER: &str = "http2 http3 http3_hq http3_max_concurrent_streams http3_stream_buffer_size quic_bpf quic_gso \
    quic_host_key quic_retry quic_active_connection_id_limit keepalive_min_timeout max_headers early_hints state zone api \
    status_zone health_check match sticky ntlm queue mgmt resolver brotli brotli_static brotli_types js_import js_set \
    js_content js_access modsecurity more_set_headers more_clear_headers geoip2 vhost_traffic_status stream mail grpc_set_header \
    proxy_ssl ssl_preread preread_timeout preread_buffer_size proxy_timeout proxy_responses proxy_requests \
    proxy_upload_rate proxy_download_rate proxy_protocol proxy_protocol_timeout proxy_session_drop proxy_half_close \
    ssl_handshake_timeout ssl_alpn pass proxy_pass_trailers add_trailer add_header_inherit perl uwsgi_pass scgi_pass memcached_pass proxy_limit_rate set_real_ip_from";
/// Blocks in which names are the user's own.
const FREE: [&str; 6] = ["map", "geo", "types", "split_clients", "charset_map", "geoip2"];
/// Variables of nginx itself; those of a family are told by how they begin.
const VARIABLES: &str = "args binary_remote_addr body_bytes_sent bytes_sent connection connection_requests connection_time \
    content_length content_type date_gmt date_local document_root document_uri fastcgi_path_info fastcgi_script_name \
    gzip_ratio host hostname http2 http3 https invalid_referer is_args limit_conn_status limit_rate limit_req_status \
    memcached_key modern_browser ancient_browser msie msec nginx_version pid pipe protocol proxy_add_x_forwarded_for \
    proxy_host proxy_port query_string realip_remote_addr realip_remote_port realpath_root remote_addr remote_port \
    remote_user request request_body request_body_file request_completion request_filename request_id request_length \
    request_method request_port request_time request_uri is_request_port scheme secure_link secure_link_expires \
    server_addr server_name server_port server_protocol session_log_id session_time slice_range spdy \
    spdy_request_priority status time_iso8601 time_local uid_got uid_reset uid_set uri userid";
const FAMILIES: [&str; 14] = [
    "arg_",
    "http_",
    "cookie_",
    "sent_",
    "upstream_",
    "ssl_",
    "geoip",
    "tcpinfo_",
    "proxy_protocol_",
    "jwt_",
    "otel_",
    "quic",
    "js_",
    "gzip_",
];

/// Names that a configuration makes.
#[derive(Default)]
pub(in super::super) struct NginxVariables {
    variables: BTreeSet<String>,
    /// Something is included that is not known.
    open: bool,
}

impl NginxVariables {
    pub(in super::super) fn of(directives: &[NginxDirective], open: bool) -> Self {
        let mut known = Self { variables: BTreeSet::new(), open };
        known.discover(directives);
        known
    }

    fn discover(&mut self, directives: &[NginxDirective]) {
        for one in directives {
            let makes = matches!(
                one.name.as_str(),
                "set" | "map" | "geo" | "split_clients" | "perl_set" | "js_set" | "js_var" | "geoip2"
            ) || one.name.ends_with("_set")
                || one.name.starts_with("set_");
            for word in &one.words {
                if makes && let Some(name) = word.strip_prefix('$') {
                    self.variables.insert(name.to_ascii_lowercase());
                }
                // Named groups of patterns.
                for part in word.split("(?").skip(1) {
                    let part = part.trim_start_matches('P').trim_start_matches(['<', '\'']);
                    let end = part.find(['>', '\'']).unwrap_or(0);
                    self.variables.insert(part[..end].to_ascii_lowercase());
                }
            }
            self.discover(one.block.as_deref().unwrap_or_default());
        }
    }
}

/// What nginx refuses of a directive in a block (`outer`, empty at the top).
pub(in super::super) fn validate(
    one: &NginxDirective,
    outer: &str,
    known: &NginxVariables,
    faults: &mut Vec<ParseFault>,
) {
    if outer == "map" {
        let alone = matches!(one.name.as_str(), "hostnames" | "volatile");
        if !alone && one.words.len() != 1 {
            faults.push(ParseFault::unreadable(
                one.mark.clone(),
                "a line of a `map` is a value and what it becomes",
            ));
        }
    }
    if FREE.contains(&outer) || has_gap(&one.name) || one.words.iter().any(|word| has_gap(word)) {
        return;
    }
    let row = TABLE.lines().map(|line| line.split(' ').collect::<Vec<_>>()).find(|row| row[0] == one.name);
    let Some(row) = row else {
        let others = NEWER.split_whitespace().any(|name| name == one.name);
        let ssl = ["ssl_", "proxy_ssl_", "grpc_ssl_"].iter().any(|family| one.name.starts_with(family));
        let names = TABLE.lines().filter_map(|line| line.split(' ').next());
        if !others
            && !ssl
            && let Some(nearest) = meant(&one.name, names)
        {
            faults.push(unknown(&one.mark, &one.name, nearest, "nginx"));
        }
        return;
    };
    if outer == "upstream" && one.name == "server" {
        if let Some(port) = wrong_port(one.word()) {
            faults.push(ParseFault::unreadable(one.mark.clone(), format!("`{port}` is no port")));
        }
        return;
    }
    faults.extend(shape(one, outer, &row).or_else(|| value(one)));
    if !known.open
        && let Some(name) = misspelt_variable(one, known)
    {
        let message = format!("no variable `${name}` is made anywhere");
        faults.push(ParseFault::unreadable(one.mark.clone(), message));
    }
}

fn shape(one: &NginxDirective, outer: &str, row: &[&str]) -> Option<ParseFault> {
    let (counts, kind) = (*row.get(1)?, *row.get(2)?);
    let name = &one.name;
    if counts == "{" || outer == "upstream" || outer == "stream" || one.block.is_some() || counts == "-" {
        return None;
    }
    let many = one.words.len();
    let digit = many.min(4).to_string();
    let taken = counts.contains(&digit) || (many > 4 && counts.contains('4'));
    if !taken {
        let message = match counts {
            "1" => format!("`{name}` takes one value, and here are {many}"),
            _ => format!("`{name}` does not take {many} values"),
        };
        return Some(ParseFault::unreadable(one.mark.clone(), message));
    }
    let [word] = one.words.as_slice() else { return None };
    if word.contains('$') {
        return None;
    }
    let (kind, beside) = kind.split_once(',').unwrap_or((kind, ""));
    if beside.split(',').any(|one| !one.is_empty() && one == word) {
        return None;
    }
    let word = if beside.split(',').any(|one| one == "-") { word.trim_start_matches('-') } else { word };
    let digits = word.trim_start_matches(|c: char| c.is_ascii_digit());
    let (taken, what) = match kind {
        "o" => (word.eq_ignore_ascii_case("on") || word.eq_ignore_ascii_case("off"), "on or off"),
        "n" => (digits.is_empty(), "a number"),
        "v" => (is_amount(word), "a size or a time"),
        _ => return None,
    };
    let wrong = format!("`{name}` is `{word}`: nginx takes {what}");
    (!taken).then(|| ParseFault::unreadable(one.mark.clone(), wrong))
}

fn is_amount(word: &str) -> bool {
    let mut rest = word;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        if digits == 0 {
            return false;
        }
        rest = &rest[digits..];
        let unit = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        if !matches!(
            &rest[..unit],
            "" | "ms" | "s" | "m" | "h" | "d" | "w" | "M" | "y" | "k" | "K" | "g" | "G"
        ) {
            return false;
        }
        rest = rest[unit..].trim_start();
    }
    !word.is_empty()
}

/// What no table holds.
fn value(one: &NginxDirective) -> Option<ParseFault> {
    let wrong = |message: String| Some(ParseFault::unreadable(one.mark.clone(), message));
    let word = one.word();
    match one.name.as_str() {
        "listen" => listen(one).and_then(wrong),
        "ssl_protocols" | "proxy_ssl_protocols" | "grpc_ssl_protocols" => {
            const ALL: [&str; 6] = ["SSLv2", "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"];
            let strange =
                one.words.iter().find(|word| !ALL.iter().any(|known| known.eq_ignore_ascii_case(word)))?;
            wrong(format!("`{}` knows no `{strange}`", one.name))
        }
        "proxy_http_version" if !matches!(word, "1.0" | "1.1" | "2") => {
            wrong(format!("`proxy_http_version` is `{word}`: nginx takes 1.0 or 1.1"))
        }
        "proxy_pass" => {
            let scheme = word.to_ascii_lowercase();
            let right = word.contains('$') || scheme.starts_with("http://") || scheme.starts_with("https://");
            // In `stream` it names a server alone.
            let server = !word.contains('/') && word.contains(':');
            if let Some(port) = wrong_port(word) {
                return wrong(format!("`{port}` is no port"));
            }
            (!right && !server && word.contains('/')).then_some(())?;
            wrong(format!("`proxy_pass` takes http:// or https://, and this is `{word}`"))
        }
        "grpc_pass" => {
            if let Some(port) = wrong_port(word) {
                return wrong(format!("`{port}` is no port"));
            }
            let (scheme, _) = word.split_once("://")?;
            (!scheme.contains('$') && !matches!(scheme.to_ascii_lowercase().as_str(), "grpc" | "grpcs"))
                .then_some(())?;
            wrong(format!("`grpc_pass` takes grpc:// or grpcs://, and this is `{word}`"))
        }
        "return"
            if one.words.len() == 2 && !word.contains('$') && !word.chars().all(|c| c.is_ascii_digit()) =>
        {
            wrong(format!("`return` begins with a code, and `{word}` is none"))
        }
        "ssl_verify_client" if !matches!(word, "on" | "off" | "optional" | "optional_no_ca") => {
            wrong(format!("`ssl_verify_client` is `{word}`: nginx takes on, off, optional or optional_no_ca"))
        }
        _ => None,
    }
}

/// The port of an upstream's address, where it is no number.
fn wrong_port(word: &str) -> Option<&str> {
    let rest = word.split_once("://").map_or(word, |(_, rest)| rest);
    if word.contains('$') || rest.starts_with("unix:") {
        return None;
    }
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let (_, port) = authority.rsplit(']').next().unwrap_or_default().rsplit_once(':')?;
    (!port.chars().all(|c| c.is_ascii_digit())).then_some(port)
}

/// An address, then parameters.
fn listen(one: &NginxDirective) -> Option<String> {
    const PLAIN: &str = "default default_server ssl http2 http3 quic spdy proxy_protocol deferred bind reuseport multipath udp";
    const VALUED: &str = "setfib fastopen backlog rcvbuf sndbuf accept_filter ipv6only so_keepalive";
    let address = one.word();
    if address.contains('$') {
        return None;
    }
    if !address.starts_with("unix:") {
        let port = match address.strip_prefix('[') {
            Some(inside) => {
                let Some((host, rest)) = inside.split_once(']') else {
                    return Some(format!("`{address}` has no closing bracket"));
                };
                if host.parse::<Ipv6Addr>().is_err() {
                    return Some(format!("`{host}` is no IPv6 address"));
                }
                if !rest.is_empty() && !rest.starts_with(':') {
                    return Some(format!("`{address}` is no address with a port"));
                }
                rest.strip_prefix(':')
            }
            None => address.split_once(':').map(|(_, port)| port),
        };
        if let Some(port) = port
            && !port.split('-').all(|end| end.parse::<u16>().is_ok_and(|port| port > 0))
        {
            return Some(format!("`{port}` is no port"));
        }
    }
    let known = |word: &&String| {
        PLAIN.split_whitespace().any(|one| one == word.as_str())
            || word.split_once('=').is_some_and(|(name, _)| VALUED.split_whitespace().any(|one| one == name))
    };
    let strange = one.words.iter().skip(1).find(|word| !known(word))?;
    Some(format!("`listen` knows no `{strange}`"))
}

/// A variable that nobody makes, and that is nearly one that is made: modules make others.
fn misspelt_variable(one: &NginxDirective, known: &NginxVariables) -> Option<String> {
    if matches!(one.name.as_str(), "log_format" | "if") || one.name.ends_with("_by_lua") {
        return None;
    }
    for word in &one.words {
        for part in word.split('$').skip(1) {
            let part = part.strip_prefix('{').unwrap_or(part);
            let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(part.len());
            let name = part[..end].to_ascii_lowercase();
            let made = known.variables.contains(&name)
                || VARIABLES.split_whitespace().any(|one| one == name)
                || FAMILIES.iter().any(|family| name.starts_with(family))
                || !name.starts_with(|c: char| c.is_ascii_alphabetic());
            let own = one.name == "set" || one.name == "map" || one.name.ends_with("_set");
            let names = known.variables.iter().map(String::as_str).chain(VARIABLES.split_whitespace());
            if !made && !own && name.len() > 3 && meant(&name, names).is_some() {
                return Some(name);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Source;
    use crate::manifest::nginx::read;

    fn refused(text: &str) -> Vec<u32> {
        fn walk(
            directives: &[NginxDirective],
            outer: &str,
            known: &NginxVariables,
            faults: &mut Vec<ParseFault>,
        ) {
            for one in directives {
                validate(one, outer, known, faults);
                walk(one.block.as_deref().unwrap_or_default(), &one.name, known, faults);
            }
        }
        let conf = read(&Source::file("site.conf", text), &|_| None);
        let mut faults = conf.faults.clone();
        walk(&conf.directives, "", &NginxVariables::of(&conf.directives, conf.open), &mut faults);
        faults.iter().map(|one| one.mark.line).collect()
    }

    #[test]
    fn shapes_are_those_that_nginx_takes() {
        let text = "map $http_upgrade $up {\n  default a b;\n}\nserver {\n  listen 443 sslzz;\n  listen [:]:80;\n  listen *:443x;\n\
                    ssl_protocols TLSv1.2x;\n  server_namezz a;\n  location / {\n    proxy_pass httpx://a;\n    proxy_read_timeout 60zz;\n\
                    proxy_ssl_verify perhaps;\n    proxy_http_version 1x;\n    proxy_set_header A $schemezz;\n    proxy_set_header B;\n  }\n}\n";
        assert_eq!(refused(text), [2, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16]);
    }

    #[test]
    fn what_nginx_takes_is_taken() {
        let text = "map $http_upgrade $up {\n  hostnames;\n  default a;\n  '' b;\n}\ngeo $near { default 0; 10.0.0.0/8 1; }\n\
                    upstream api { zone api 64k; server a:1 weight=5; keepalive 8; }\nserver {\n  listen unix:/run/x.sock;\n  \
                    listen [::1]:443 ssl ipv6only=on;\n  listen 8000-8010;\n  listen localhost;\n  http2 on;\n  brotli on;\n  \
                    location ~ ^/(?<part>x)/ {\n    proxy_pass http://api/$part$up$near$is_args$args;\n    proxy_read_timeout 1h30m;\n    \
                    client_max_body_size 0;\n    set $own 1;\n    proxy_set_header X $own;\n    return 200 \"$1\";\n  }\n}\n";
        assert_eq!(refused(text), Vec::<u32>::new());
        let beside = "worker_processes auto;\nworker_priority -5;\nevents { }\nhttp {\n  directio off;\n  expires -1;\n  userid_expires max;\n\
                      server {\n    location /a { expires epoch; }\n    location /b { expires 30d; }\n  }\n}\n";
        assert_eq!(refused(beside), Vec::<u32>::new());
        let strange = "worker_processes some;\nhttp {\n  expires soon;\n  directio on;\n}\n";
        assert_eq!(refused(strange), [1, 3, 4]);
    }
}
