//! Two deployments in which each rule finds something, two in which it does not: of stacks that are nobody's but
//! these tests'.

use std::collections::BTreeMap;
use std::time::Duration;

use time::OffsetDateTime;
use tls_verify_core::cause::Severity;
use tls_verify_core::certificates::ValidityPolicy;
use tls_verify_core::manifest::discover::{self, Discovered, Hints};
use tls_verify_core::manifest::{Description, MemoryFiles, compose};
use tls_verify_core::rules::{self, AuditOptions, Finding};
use tls_verify_fixtures::pki::{Authority, Leaf, Validity};

/// A small trust domain under `pki/`.
pub(super) fn pki() -> MemoryFiles {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let ca = Authority::generate().unwrap();
    let other = Authority::generate().unwrap();
    let broker = ca.issue(&Leaf::server().for_names(&["bus", "store", "api", "api.shop.svc"])).unwrap();
    let client = ca.issue(&Leaf::client()).unwrap();
    let old = ca.issue(&Leaf::server().for_names(&["bus", "store"]).valid(Validity::Expired)).unwrap();
    MemoryFiles::default()
        .with("pki/ca.crt", ca.pem())
        .with("pki/other.crt", other.pem())
        .with("pki/ca.key", ca.key_pem())
        .with("pki/broker.crt", broker.chain_pem())
        .with("pki/broker.key", broker.key_pem())
        .with("pki/client.crt", client.chain_pem())
        .with("pki/client.key", client.key_pem())
        .with("pki/old.crt", old.chain_pem())
        .with("pki/old.key", old.key_pem())
}

pub(super) fn judged(files: &MemoryFiles) -> Vec<Finding> {
    let descriptions: Vec<Description> = discover::folder(files, ".", &Hints::default())
        .into_iter()
        .flat_map(|one| match one {
            Discovered::Compose(request) => vec![compose::load(&request, files)],
            Discovered::Manifests(paths) => discover::manifests(files, ".", &paths),
            Discovered::Alone(path) => vec![discover::alone(files, &path)],
            Discovered::Kustomization(_) | Discovered::Chart(_) => Vec::new(),
        })
        .collect();
    let look = ValidityPolicy { at: OffsetDateTime::now_utc(), expiry_warn: Duration::from_secs(86_400) };
    descriptions
        .iter()
        .flat_map(|one| rules::audit(one, files, AuditOptions { look, live: false }).findings)
        .collect()
}

const MOUNT: &str = "volumes: [\"./pki/ca.crt:/pki/ca.crt:ro\", \"./pki/client.crt:/pki/client.crt:ro\", \"./pki/client.key:/pki/client.key:ro\"]";
const SERVED: &str = "volumes: [\"./pki/ca.crt:/pki/ca.crt:ro\", \"./pki/broker.crt:/pki/broker.crt:ro\", \"./pki/broker.key:/pki/broker.key:ro\"]";

/// Redis as `store`, with more arguments.
fn store(more: &str) -> String {
    format!(
        "  store:\n    image: redis:7\n    command: redis-server --port 0 --tls-port 6379 --tls-cert-file /pki/broker.crt --tls-key-file /pki/broker.key --tls-ca-cert-file /pki/ca.crt {more}\n    {SERVED}\n"
    )
}

/// A program that nobody knows, with these variables.
fn app(variables: &[(&str, &str)]) -> String {
    let lines: String =
        variables.iter().map(|(name, value)| format!("      {name}: \"{value}\"\n")).collect();
    format!(
        "  app:\n    image: registry.example.test/app:1\n    {MOUNT}\n    environment:\n      LANG: C\n{lines}"
    )
}

const IDENTITY: [(&str, &str); 3] =
    [("STORE_CA", "/pki/ca.crt"), ("STORE_CERT", "/pki/client.crt"), ("STORE_KEY", "/pki/client.key")];

fn with_identity(url: &str) -> String {
    let all: Vec<(&str, &str)> = [("STORE_URL", url)].into_iter().chain(IDENTITY).collect();
    app(&all)
}

fn kernel(variables: &str) -> String {
    format!(
        "  kernel:\n    image: ghcr.io/cordum-io/cordum/safety-kernel:1\n    {MOUNT}\n    environment:\n{variables}"
    )
}

fn nginx(location: &str) -> String {
    format!("server {{\n  listen 80;\n  location / {{\n{location}\n  }}\n}}\n")
}

fn web() -> String {
    "  web:\n    image: nginx:1\n    volumes: [\"./site.conf:/etc/nginx/conf.d/site.conf:ro\", \"./pki/ca.crt:/pki/ca.crt:ro\"]\n".to_owned()
}

/// A TLS service as `api`.
fn api() -> String {
    format!(
        "  api:\n    image: registry.example.test/api:1\n    command: [\"serve\", \"--listen=:8443\", \"--tls-cert=/pki/broker.crt\", \"--tls-key=/pki/broker.key\"]\n    {SERVED}\n"
    )
}

fn bus(conf: &str) -> (String, String) {
    let service = format!(
        "  bus:\n    image: nats:2\n    command: -c /bus.conf\n    {}\n",
        SERVED.replace(']', ", \"./bus.conf:/bus.conf:ro\"]")
    );
    (service, conf.to_owned())
}

const BUS_TLS: &str =
    "tls { cert_file: /pki/broker.crt, key_file: /pki/broker.key, ca_file: /pki/ca.crt, verify: true }\n";

fn pod(spec: &str) -> String {
    format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: api, namespace: shop}}\nspec:\n{spec}")
}

/// An init container out of the server's own image, a service with an alias, and a password from a Secret that is not here.
const WAITING: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bus, namespace: shop}\ndata:\n  bus.conf: |\n    port: 4222\n    tls { cert_file: /tls/tls.crt, key_file: /tls/tls.key, ca_file: /tls/ca.crt, verify: true }\n---\n\
apiVersion: v1\nkind: Service\nmetadata: {name: bus, namespace: shop}\nspec:\n  selector: {app: bus}\n  ports: [{port: 4222}]\n---\n\
apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: bus, namespace: shop}\nspec:\n  serviceName: bus\n  template:\n    metadata: {labels: {app: bus}}\n    spec:\n      initContainers:\n      - name: wait\n        image: nats:2\n        command: [sh, -c, \"until nc -z bus 4222; do sleep 1; done\"]\n      containers:\n      - name: bus\n        image: nats:2\n        args: [-c, /conf/bus.conf]\n        volumeMounts: [{name: conf, mountPath: /conf}, {name: tls, mountPath: /tls}]\n      volumes: [{name: conf, configMap: {name: bus}}, {name: tls, secret: {secretName: bus-tls}}]\n---\n\
apiVersion: v1\nkind: Pod\nmetadata: {name: app, namespace: shop}\nspec:\n  containers:\n  - name: app\n    image: registry.example.test/app:1\n    env:\n    - {name: WORD, valueFrom: {secretKeyRef: {name: bus-auth, key: WORD}}}\n    - {name: BUS_URL, value: \"tls://:$(WORD)@bus:4222\"}\n";

/// A bus and a program that dials it, in one namespace, with policies.
fn fenced(policies: &str) -> Vec<(&'static str, String)> {
    let app = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: app, namespace: shop}\nspec:\n  template:\n    metadata: {labels: {app: app, tier: back}}\n    spec:\n      containers:\n      - name: app\n        image: registry.example.test/app:1\n        env: [{name: BUS_URL, value: \"nats://bus:4222\"}]\n---\n\
        apiVersion: v1\nkind: Service\nmetadata: {name: bus, namespace: shop}\nspec: {selector: {app: bus}, ports: [{port: 4222}]}\n---\n\
        apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: bus, namespace: shop}\nspec:\n  serviceName: bus\n  template:\n    metadata: {labels: {app: bus}}\n    spec:\n      containers: [{name: bus, image: \"nats:2\", ports: [{name: client, containerPort: 4222}]}]\n";
    vec![("stack.yaml", app.to_owned()), ("policies.yaml", policies.to_owned())]
}

fn policy(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {name}, namespace: shop}}\nspec:\n{spec}---\n"
    )
}

const DENY: &str = "  podSelector: {}\n  policyTypes: [Ingress]\n";
const NAMES: &str = "  podSelector: {matchLabels: {app: app}}\n  policyTypes: [Egress]\n  egress:\n  - to: [{namespaceSelector: {}}]\n    ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]\n";

/// What NetworkPolicies say of a client and its server.
fn fences() -> Vec<(&'static str, bool, Vec<(&'static str, String)>)> {
    let to_bus = |more: &str| {
        format!(
            "  podSelector:\n    matchLabels: {{app: bus}}\n  ingress:\n  - from:\n    - podSelector: {{matchLabels: {more}}}\n    ports:\n    - port: client\n"
        )
    };
    let out = "  podSelector: {matchLabels: {app: app}}\n  policyTypes: [Egress]\n  egress:\n  - to:\n    - podSelector: {matchLabels: {app: bus}}\n    ports: [{port: 4222}]\n";
    [
        (true, policy("deny", DENY)),
        (true, policy("deny", DENY) + &policy("bus", &to_bus("{app: api}"))),
        (true, policy("out", out)),
        (true, policy("names", NAMES)),
        (true, policy("closed", "  podSelector: {matchLabels: {tier: back}}\n  policyTypes: [Egress]\n")),
        (true, policy("flow", "  {podSelector: {matchLabels: {app: bus}}, ingress: [{from: [{podSelector: {}, namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: other}}}]}]}\n")),
        (false, policy("deny", DENY) + &policy("bus", &to_bus("{tier: back}"))),
        (false, policy("names", NAMES) + &policy("out", out)),
        (false, policy("deny", DENY) + &policy("all", "  podSelector: {}\n  ingress: [{}]\n")),
        // Of another namespace, another maker, other pods.
        (false, policy("deny", DENY).replace("namespace: shop", "namespace: other")),
        (false, policy("deny", DENY).replace("networking.k8s.io/v1", "crd.projectcalico.org/v1")),
        (false, policy("store", "  podSelector: {matchLabels: {app: store}}\n  policyTypes: [Ingress, Egress]\n")),
        // Undecided: nobody has described the labels of its namespace, or the addresses of its pods.
        (false, policy("team", "  podSelector: {}\n  ingress: [{from: [{namespaceSelector: {matchLabels: {team: shop}}}]}]\n")),
        (false, policy("block", "  podSelector: {}\n  ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}]}]\n")),
    ]
    .into_iter()
    .map(|(bad, policies)| ("network-policy", bad, fenced(&policies)))
    .collect()
}

/// Rule, whether it finds something, and the files.
fn samples() -> Vec<(&'static str, bool, Vec<(&'static str, String)>)> {
    let compose = |services: String| vec![("compose.yaml", format!("services:\n{services}"))];
    let both = |services: String, name: &'static str, text: String| {
        vec![("compose.yaml", format!("services:\n{services}")), (name, text)]
    };
    let on_bus = |service: &str, conf: &str| {
        let (bus, conf) = bus(conf);
        both(bus + service, "bus.conf", conf)
    };
    let prod = "      CORDUM_ENV: production\n      NATS_URL: tls://n.example.org:4222\n      NATS_TLS_CA: /pki/ca.crt\n      REDIS_URL: rediss://r.example.org:6379\n      REDIS_TLS_CA: /pki/ca.crt\n";
    let served =
        "      SAFETY_KERNEL_TLS_CERT: /pki/client.crt\n      SAFETY_KERNEL_TLS_KEY: /pki/client.key\n";
    let verified =
        "proxy_pass https://api:8443;\nproxy_ssl_verify on;\nproxy_ssl_trusted_certificate /pki/ca.crt;";
    vec![
        ("scheme-mismatch", true, compose(store("") + &with_identity("redis://store:6379"))),
        ("scheme-mismatch", true, on_bus(&app(&[("BUS_URL", "tls://bus:4222")]), "port: 4222\n")),
        ("scheme-mismatch", false, compose(store("") + &with_identity("rediss://store:6379"))),
        ("scheme-mismatch", false, on_bus(&app(&[("BUS_URL", "nats://bus:4222")]), &format!("{BUS_TLS}allow_non_tls: true\n"))),
        ("scheme-mismatch", false, vec![("m.yaml", WAITING.to_owned())]),
        ("verification-disabled", true, compose(store("") + &(with_identity("rediss://store:6379") + "      STORE_TLS_INSECURE: \"true\"\n"))),
        ("verification-disabled", true, both(api() + &web(), "site.conf", nginx("proxy_pass https://api:8443;"))),
        ("verification-disabled", false, compose(store("") + &(with_identity("rediss://store:6379") + "      STORE_TLS_INSECURE: \"false\"\n"))),
        ("verification-disabled", false, compose(format!("{}    healthcheck: {{test: [CMD, curl, -k, \"https://localhost:8443/\"]}}\n", api()))),
        ("mtls-not-required", true, compose(store("--tls-auth-clients optional") + &with_identity("rediss://store:6379"))),
        ("mtls-not-required", true, on_bus(&app(&[("BUS_URL", "tls://bus:4222"), ("BUS_CA", "/pki/ca.crt"), ("BUS_CERT", "/pki/client.crt"), ("BUS_KEY", "/pki/client.key")]), &BUS_TLS.replace(", verify: true", ""))),
        ("mtls-not-required", false, compose(store("--tls-auth-clients no") + &app(&[("STORE_URL", "rediss://store:6379"), ("STORE_CA", "/pki/ca.crt")]))),
        ("mtls-not-required", false, on_bus(&app(&[("BUS_URL", "tls://bus:4222"), ("BUS_CA", "/pki/ca.crt"), ("BUS_CERT", "/pki/client.crt"), ("BUS_KEY", "/pki/client.key")]), &BUS_TLS.replace("verify:", "verify_and_map:"))),
        ("plaintext-listener", true, compose(store("--port 6378"))),
        ("plaintext-listener", true, on_bus("", &format!("{BUS_TLS}cluster {{ port: 6222, routes: [] }}\n"))),
        ("plaintext-listener", false, on_bus("", &format!("{BUS_TLS}http: 8222\n"))),
        ("plaintext-listener", false, compose("  store:\n    image: redis:7\n".to_owned())),
        ("missing-ca", true, compose(store("--tls-auth-clients no") + "  app:\n    image: r.example.test/app\n    environment: {CACHE: \"rediss://store:6379\"}\n")),
        ("missing-ca", true, on_bus("  app:\n    image: r.example.test/app\n    command: [run, --bus, \"tls://bus:4222\"]\n", BUS_TLS)),
        ("missing-ca", false, compose(store("") + "  app:\n    image: r.example.test/app\n    environment: {CACHE: \"rediss://cache.example.org:6379\"}\n")),
        ("missing-ca", false, compose(store("") + "  app:\n    image: r.example.test/app\n    environment: {CACHE: \"rediss://store:6379\", SSL_CERT_FILE: /pki/ca.crt}\n    volumes: [\"./pki/ca.crt:/pki/ca.crt\"]\n")),
        ("half-pair", true, compose("  store:\n    image: redis:7\n    command: redis-server --tls-port 6379 --port 0 --tls-cert-file /pki/broker.crt\n".to_owned())),
        ("half-pair", true, compose(kernel("      SAFETY_KERNEL_TLS_KEY: /pki/client.key\n"))),
        ("half-pair", false, compose(store(""))),
        ("half-pair", false, compose(kernel(served))),
        ("path-not-mounted", true, compose(with_identity("rediss://elsewhere.example.org:6379").replace("/pki/client.key\"\n", "/pki/clinet.key\"\n"))),
        ("path-not-mounted", true, on_bus("", &BUS_TLS.replace("ca.crt", "root.crt"))),
        ("path-not-mounted", false, compose(with_identity("rediss://elsewhere.example.org:6379"))),
        ("path-not-mounted", false, compose(app(&[("STORE_URL", "rediss://r.example.org:6379"), ("STORE_CA", "/etc/ssl/certs/ca-certificates.crt")]))),
        ("source-missing", true, compose(store("").replace("./pki/ca.crt", "./pki/gone/ca.crt"))),
        ("source-missing", true, vec![("pod.yaml", pod("  containers:\n  - {name: api, image: r.example.test/api, volumeMounts: [{name: tls, mountPath: /tls}]}\n  volumes:\n  - {name: tls, secret: {secretName: nobody-makes-it}}\n"))]),
        ("source-missing", false, compose("  app:\n    image: r.example.test/app\n    volumes: [\"./data:/data\"]\n".to_owned())),
        ("source-missing", false, vec![("pod.yaml", pod("  containers:\n  - {name: api, image: r.example.test/api, volumeMounts: [{name: tls, mountPath: /tls}]}\n  volumes:\n  - {name: tls, secret: {secretName: made}}\n---\napiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {name: c, namespace: shop}\nspec: {secretName: made}\n"))]),
        ("unreadable-for-user", true, compose(with_identity("rediss://r.example.org:6379").replace("    environment", "    user: \"1000\"\n    environment").replace("client.key:ro", "closed.key:ro").replace("client.key:/pki", "closed.key:/pki").replace("STORE_KEY: \"/pki/client.key\"", "STORE_KEY: \"/pki/closed.key\""))),
        ("unreadable-for-user", true, vec![("pod.yaml", pod("  securityContext: {runAsUser: 1000}\n  containers:\n  - name: api\n    image: r.example.test/api\n    env: [{name: TLS_CERT_FILE, value: /tls/tls.crt}, {name: TLS_KEY_FILE, value: /tls/tls.key}]\n    volumeMounts: [{name: tls, mountPath: /tls}]\n  volumes:\n  - {name: tls, secret: {secretName: s, defaultMode: 0400}}\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: shop}\nstringData: {tls.crt: a, tls.key: b}\n"))]),
        ("unreadable-for-user", false, compose(with_identity("rediss://r.example.org:6379").replace("    environment", "    user: \"1000\"\n    environment"))),
        ("unreadable-for-user", false, vec![("pod.yaml", pod("  securityContext: {runAsUser: 1000, fsGroup: 1000}\n  containers:\n  - name: api\n    image: r.example.test/api\n    env: [{name: TLS_CERT_FILE, value: /tls/tls.crt}, {name: TLS_KEY_FILE, value: /tls/tls.key}]\n    volumeMounts: [{name: tls, mountPath: /tls}]\n  volumes:\n  - {name: tls, secret: {secretName: s, defaultMode: 0400}}\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: shop}\nstringData: {tls.crt: a, tls.key: b}\n"))]),
        ("name-not-in-certificate", true, compose(store("").replace("    image: redis", "    networks: {default: {aliases: [cache]}}\n    image: redis") + &with_identity("rediss://cache:6379"))),
        ("name-not-in-certificate", true, compose(store("") + &(with_identity("rediss://store:6379") + "      STORE_SERVER_NAME: somebody\n"))),
        ("name-not-in-certificate", false, compose(store("") + &with_identity("rediss://store:6379"))),
        ("name-not-in-certificate", false, compose(store("").replace("    image: redis", "    networks: {default: {aliases: [cache]}}\n    image: redis") + &(with_identity("rediss://cache:6379") + "      STORE_SERVER_NAME: store\n"))),
        ("certificate", true, compose(store("").replace("broker", "old"))),
        ("certificate", true, compose(store("--tls-auth-clients no") + &app(&[("STORE_URL", "rediss://store:6379"), ("STORE_CA", "/pki/other.crt")]).replace("./pki/ca.crt:/pki/ca.crt", "./pki/other.crt:/pki/other.crt"))),
        ("certificate", false, compose(store("") + &with_identity("rediss://store:6379"))),
        ("certificate", false, on_bus("", BUS_TLS)),
        ("minimum-version", true, compose(store("--tls-protocols \"TLSv1.1 TLSv1.2\""))),
        ("minimum-version", true, both(web(), "site.conf", "server {\n listen 443 ssl;\n ssl_protocols TLSv1 TLSv1.3;\n}\n".to_owned())),
        ("minimum-version", false, both(web(), "site.conf", "server {\n listen 443 ssl;\n ssl_protocols TLSv1.2 TLSv1.3;\n}\n".to_owned())),
        ("minimum-version", false, compose(kernel("      CORDUM_TLS_MIN_VERSION: \"1.2\"\n"))),
        ("production-rule", true, compose(kernel(prod))),
        ("production-rule", true, compose(kernel(&(prod.replace("tls://", "nats://") + served)))),
        ("production-rule", false, compose(kernel(&(prod.to_owned() + served)))),
        ("production-rule", false, compose(kernel("      NODE_ENV: production\n      NATS_URL: nats://n.example.org\n"))),
        ("probe-scheme", true, compose(store("") + "    healthcheck: {test: redis-cli ping}\n")),
        ("probe-scheme", true, compose(api() + "    healthcheck: {test: [CMD, wget, -q, \"http://127.0.0.1:8443/\"]}\n")),
        ("probe-scheme", false, compose(store("") + "    healthcheck: {test: redis-cli --tls --cacert /pki/ca.crt ping}\n")),
        ("probe-scheme", false, compose(api() + "    healthcheck: {test: [CMD, wget, -q, \"http://127.0.0.1:9000/\"]}\n")),
        ("upstream-tls", true, both(api() + &web(), "site.conf", nginx("proxy_pass http://api:8443;"))),
        ("upstream-tls", true, both(api() + &web(), "site.conf", nginx(&format!("{verified}\nproxy_ssl_name other.example.org;")))),
        ("upstream-tls", false, both(api() + &web(), "site.conf", nginx(verified))),
        ("upstream-tls", false, both(web(), "site.conf", nginx("proxy_pass http://outside.example.org;"))),
        ("unknown-setting", true, compose(kernel("      NATS_TLS_CACERT: /pki/ca.crt\n"))),
        ("unknown-setting", true, on_bus("", &BUS_TLS.replace("verify:", "verfiy:"))),
        ("unknown-setting", false, compose(kernel("      NATS_TOKEN: x\n      MY_OWN_TLS: y\n"))),
        ("unknown-setting", false, on_bus("", &format!("CERTS: /pki\nserver_name: $CERTS\n{BUS_TLS}"))),
        ("unused-setting", true, compose(kernel("      NATS_URL: nats://n.example.org:4222\n      NATS_TLS_CA: /pki/ca.crt\n"))),
        ("unused-setting", true, both(api() + &web(), "site.conf", nginx("proxy_pass https://api:8443;\nproxy_ssl_verify off;\nproxy_ssl_trusted_certificate /pki/ca.crt;"))),
        ("unused-setting", false, compose(kernel("      NATS_URL: tls://n.example.org:4222\n      NATS_TLS_CA: /pki/ca.crt\n"))),
        ("unused-setting", true, compose(kernel("      NATS_URL: nats://n.example.org:4222,nats://m.example.org:4222\n      NATS_TLS_CA: /pki/ca.crt\n"))),
        ("unused-setting", false, compose(kernel("      NATS_URL: tls://n.example.org:4222, tls://m.example.org:4222\n      NATS_TLS_CA: /pki/ca.crt\n"))),
        ("unused-setting", false, both(api() + &web(), "site.conf", nginx(verified))),
        ("exposed-secret", true, compose("  app:\n    image: r.example.test/app\n    volumes: [\"./pki:/pki\"]\n".to_owned())),
        ("exposed-secret", true, vec![("compose.yaml", "services:\n  app:\n    build: ./app\n".to_owned()), ("app/Dockerfile", "FROM scratch\nCOPY server.key /tls/\n".to_owned()), ("app/server.key", "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n".to_owned())]),
        ("exposed-secret", false, compose(app(&[]))),
        ("exposed-secret", false, vec![("s.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData:\n  k: |\n    -----BEGIN PRIVATE KEY-----\n    AA==\n    -----END PRIVATE KEY-----\n".to_owned())]),
        ("unreadable-config", true, on_bus("", "tls {\n")),
        ("unreadable-config", true, both(web(), "site.conf", "server { listen 80 }\n".to_owned())),
        ("unreadable-config", false, vec![("k.yaml", "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {{ .Name }}\n".to_owned()), ("compose.yaml", "services: {a: {image: x}}\n".to_owned())]),
        ("unreadable-config", false, on_bus("", "# nothing\n")),
    ]
}

/// The samples as they lie on a disk.
pub(super) fn deployments() -> Vec<MemoryFiles> {
    let base = pki();
    samples().into_iter().chain(fences()).map(|(_, _, files)| laid(&base, &files)).collect()
}

fn laid(base: &MemoryFiles, files: &[(&'static str, String)]) -> MemoryFiles {
    let mut all = base.clone();
    if files.iter().any(|(_, text)| text.contains("closed.key")) {
        all = all.with("pki/closed.key", "x").mode("pki/closed.key", 0o600);
    }
    for (path, text) in files {
        all = all.with(path, text);
    }
    all
}

#[test]
fn every_rule_finds_what_it_has_to_find_and_is_silent_where_nothing_is_wrong() {
    let base = pki();
    let mut wrong = Vec::new();
    let mut counts: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
    for (rule, bad, files) in samples().into_iter().chain(fences()) {
        let count = counts.entry(rule).or_default();
        if bad {
            count.0 += 1;
        } else {
            count.1 += 1;
        }
        let found = judged(&laid(&base, &files));
        let has = found.iter().any(|one| one.rule == rule && one.severity != Severity::Note);
        if has != bad {
            let told: Vec<String> =
                found.iter().map(|one| format!("{} {}: {}", one.rule, one.place, one.message)).collect();
            wrong.push(format!("{rule}, bad {bad}: {}\n{}", told.join(" | "), files[0].1));
        }
        // A place that can be opened, and a cure.
        for one in &found {
            assert!(!one.place.file.is_empty() && one.place.line > 0, "{one:?}");
            assert!(!one.fix.is_empty(), "{one:?}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for rule in rules::ALL.iter().filter(|one| one.id != rules::UNUSED_ALLOW) {
        let (bad, good) = counts.get(rule.id).copied().unwrap_or_default();
        assert!(bad >= 2 && good >= 2, "{}: {bad} failing and {good} passing samples", rule.id);
    }
}
