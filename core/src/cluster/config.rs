//! The configuration files of NATS and Redis, as far as they decide about TLS: keys by their path, values as text.

use std::collections::BTreeMap;

use crate::manifest::nats_conf;
use crate::manifest::source::{Include, Source};
use crate::workload::kubernetes::Cluster;
use crate::workload::{Container, MountSource};

/// Keys and values, a block's key before those in it (`cluster.tls.verify`); a list's values one a line.
pub(super) type Settings = BTreeMap<String, String>;

/// A server's configuration, and where it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Config {
    pub settings: Settings,
    /// ConfigMap, key in it, path in the container, and the whole text.
    pub file: Option<ConfigFile>,
}

/// A file that a ConfigMap brings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ConfigFile {
    pub config_map: String,
    pub key: String,
    pub path: String,
    pub text: String,
}

impl Config {
    /// A value, lower case names as the servers read them.
    #[must_use]
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.settings.get(key).map(String::as_str)
    }

    /// `true`, `yes`, `on`, `1`.
    #[must_use]
    pub(super) fn is_on(&self, key: &str) -> bool {
        self.get(key).is_some_and(|value| {
            ["true", "yes", "on", "1"].iter().any(|word| value.eq_ignore_ascii_case(word))
        })
    }

    /// Some key begins with this path.
    #[must_use]
    pub(super) fn has_block(&self, path: &str) -> bool {
        let front = format!("{path}.");
        self.settings.keys().any(|key| key.starts_with(&front))
    }
}

/// All words of a container's command, those of a `sh -c` script told apart.
fn words(container: &Container) -> Vec<String> {
    let all = container.entrypoint.iter().chain(&container.arguments);
    all.filter_map(|one| one.value.known())
        .flat_map(|text| text.split_whitespace())
        .map(|word| word.trim_matches(['"', '\'']).to_owned())
        .collect()
}

/// The text of a file that a ConfigMap brings to this path.
fn file(cluster: &Cluster, container: &Container, path: &str) -> Option<ConfigFile> {
    let mount = container.mount_of(path)?;
    let MountSource::ConfigMap { name, items, .. } = &mount.source else { return None };
    let below = path.strip_prefix(mount.target.trim_end_matches('/'))?.trim_start_matches('/');
    let shown = match (&mount.sub_path, below) {
        (Some(part), "") => part.clone(),
        (Some(part), below) => format!("{part}/{below}"),
        (None, below) => below.to_owned(),
    };
    let key = items.iter().find(|(_, path)| **path == shown).map_or(shown.clone(), |(key, _)| key.clone());
    let text = cluster.config_maps.as_ref()?.get(name)?.get(&key)?.clone();
    Some(ConfigFile { config_map: name.clone(), key, path: path.to_owned(), text })
}

/// What a NATS server is configured with; `None`: it cannot be known.
#[must_use]
pub(super) fn of_nats(cluster: &Cluster, container: &Container) -> Option<Config> {
    let words = words(container);
    let named = words.iter().enumerate().find_map(|(at, word)| match word.as_str() {
        "-c" | "--config" | "-config" => words.get(at + 1).filter(|path| path.starts_with('/')).cloned(),
        word => word.strip_prefix("--config=").or_else(|| word.strip_prefix("-c=")).map(str::to_owned),
    });
    let Some(path) = named else {
        let mut settings = Settings::new();
        if words.iter().any(|word| word == "--tls" || word.starts_with("--tlscert")) {
            settings.insert("tls.cert_file".to_owned(), String::new());
        }
        return Some(Config { settings, file: None });
    };
    let file = file(cluster, container, &path)?;
    let beside = cluster.config_maps.as_ref().and_then(|all| all.get(&file.config_map));
    let include = |path: &str| {
        let name = path.rsplit('/').next().unwrap_or(path);
        beside.and_then(|map| map.get(name)).cloned()
    };
    Some(Config { settings: nats(&file.text, &include), file: Some(file) })
}

/// What a Redis server is configured with; `None`: it cannot be known.
#[must_use]
pub(super) fn of_redis(cluster: &Cluster, container: &Container) -> Option<Config> {
    let words = words(container);
    let path = words.iter().find(|word| word.starts_with('/') && word.ends_with(".conf"));
    let mut config = Config::default();
    if let Some(path) = path {
        let file = file(cluster, container, path)?;
        config.settings = redis(&file.text);
        config.file = Some(file);
    }
    for (at, word) in words.iter().enumerate() {
        if let Some(name) = word.strip_prefix("--").filter(|name| !name.is_empty()) {
            let value = words.get(at + 1).filter(|next| !next.starts_with("--"));
            config.settings.insert(name.to_ascii_lowercase(), value.cloned().unwrap_or_default());
        }
    }
    Some(config)
}

/// `redis.conf`: a directive a line.
fn redis(text: &str) -> Settings {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .filter_map(|line| line.split_once(char::is_whitespace))
        .map(|(key, value)| (key.to_ascii_lowercase(), value.trim().trim_matches('"').to_owned()))
        .collect()
}

/// `nats.conf`, flattened.
fn nats(text: &str, include: &dyn Fn(&str) -> Option<String>) -> Settings {
    let variable = |_: &str| nats_conf::Lookup::Unknown;
    let included = |path: &str, _: &Source| match include(path) {
        Some(text) => Include::Text(Source::file(path, &text)),
        None => Include::Unknown,
    };
    let world = nats_conf::World { variable: &variable, include: &included };
    let conf = nats_conf::read(&Source::file("nats.conf", text), &world);
    let mut settings = Settings::new();
    flatten(&conf.block, "", &mut settings);
    settings
}

fn flatten(block: &nats_conf::NatsBlock, front: &str, into: &mut Settings) {
    for entry in &block.entries {
        let path = format!("{front}{}", entry.name.to_ascii_lowercase());
        match &entry.value.data {
            nats_conf::NatsData::Block(inner) => flatten(inner, &format!("{path}."), into),
            nats_conf::NatsData::Array(_) => {
                let values: Vec<String> =
                    entry.value.items().iter().map(nats_conf::NatsValue::text).collect();
                into.insert(path, values.join("\n"));
            }
            _ => {
                into.insert(path, entry.value.text());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nats_file_is_read_by_path() {
        let read = nats(
            "port: 4222\nhttp: 8222 # monitor\ntls {\n  cert_file: \"/a/tls.crt\"\n  verify: true\n}\ncluster {\n \
             name: c\n routes = [\n  nats://n-0.n:6222\n  nats://n-1.n:6222\n ]\n tls { cert_file: /b, verify: \
             false }\n}\n// end\njetstream { store_dir: /data }\n",
            &|_| None,
        );
        let of = |key: &str| read.get(key).map(String::as_str);
        assert_eq!(of("port"), Some("4222"));
        assert_eq!(of("tls.cert_file"), Some("/a/tls.crt"));
        assert_eq!(of("tls.verify"), Some("true"));
        assert_eq!(of("cluster.tls.cert_file"), Some("/b"));
        assert_eq!(of("cluster.tls.verify"), Some("false"));
        assert_eq!(of("cluster.routes"), Some("nats://n-0.n:6222\nnats://n-1.n:6222"));
        assert_eq!(of("jetstream.store_dir"), Some("/data"));
    }

    #[test]
    fn a_list_on_one_line_of_urls_is_read() {
        let text = "cluster { routes: [nats://a:6222, nats://b:6222] }\nauthorization: { token: \"x:y\" }";
        let read = nats(text, &|_| None);
        assert_eq!(read["cluster.routes"], "nats://a:6222\nnats://b:6222");
        assert_eq!(read["authorization.token"], "x:y");
    }

    #[test]
    fn a_redis_file_is_read_by_directive() {
        let read = redis("port 0\n# tls-port 1\ntls-port 6379\nTLS-Auth-Clients \"no\"\n");
        assert_eq!(read["tls-port"], "6379");
        assert_eq!(read["tls-auth-clients"], "no");
        assert_eq!(read["port"], "0");
    }
}
