//! The same mistakes in other words: each is to be found in the line that has to be changed. What looks like one and
//! is none stays silent.

use tls_verify_core::cause::Severity;
use tls_verify_core::manifest::{MemoryFiles, compose};
use tls_verify_core::rules::{self, AuditOptions};

use super::rules::{judged, pki};

const POD: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: own}\nstringData: {tls.crt: x, tls.key: y}\n---\n\
apiVersion: v1\nkind: ConfigMap\nmetadata: {name: env}\ndata:\n  other: x\n  store-url: redis://store:6379\n  minimum: \"1.1\"\n---\n\
apiVersion: v1\nkind: Service\nmetadata: {name: store}\nspec: {selector: {app: store}, ports: [{port: 6379}]}\n---\n";

/// A pod of the API with what its container and its volume say.
fn api(container: &str, volume: &str) -> String {
    format!(
        "{POD}apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: api}}\nspec:\n  template:\n    metadata: {{labels: {{app: api}}}}\n    spec:\n      securityContext: {{runAsUser: 1000}}\n      containers:\n      - name: api\n        image: registry.example.test/api\n        args: [--tls-cert=/tls/tls.crt, --tls-key=/tls/tls.key]\n        volumeMounts: [{{name: tls, mountPath: /tls}}]\n{container}      volumes:\n      - name: tls\n{volume}"
    )
}

/// A Redis in TLS under the name that the Service selects.
fn store() -> String {
    format!(
        "{POD}apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {{name: store}}\nspec:\n  serviceName: store\n  template:\n    metadata: {{labels: {{app: store}}}}\n    spec:\n      containers:\n      - name: redis\n        image: redis:7\n        command: [/bin/sh, -c]\n        args:\n        - |\n          set -e\n          exec redis-server \\\n            --tls-port 6379 --port 0 \\\n            --tls-cert-file /tls/tls.crt --tls-key-file /tls/tls.key \\\n            --tls-protocols \"TLSv1.1 TLSv1.2\" \\\n            --tls-auth-clients no\n        volumeMounts: [{{name: tls, mountPath: /tls}}]\n      volumes: [{{name: tls, secret: {{secretName: own, optional: true}}}}]\n"
    )
}

fn job(container: &str) -> String {
    format!(
        "---\napiVersion: batch/v1\nkind: CronJob\nmetadata: {{name: nightly}}\nspec:\n  schedule: \"@daily\"\n  jobTemplate:\n    spec:\n      template:\n        spec:\n          containers:\n          - name: nightly\n{container}"
    )
}

const SERVER: &str = "services:\n  api:\n    image: registry.example.test/api\n    command: [serve, --listen=:8443, --tls-cert=/pki/broker.crt, --tls-key=/pki/broker.key]\n    volumes: [\"./pki:/pki:ro\"]\n";
const BUS: &str = "tls {\n  cert_file: /pki/broker.crt\n  key_file: /pki/broker.key\n  ca_file: /pki/ca.crt\n  verify: true\n";

fn bus(service: &str) -> String {
    format!(
        "services:\n  bus:\n    image: nats:2\n    command: -c /bus.conf\n    volumes: [\"./bus.conf:/bus.conf\", \"./pki:/pki\"]\n{service}"
    )
}

/// A bus of each profile under one name, and who dials it.
const PROFILES: &str = "services:\n  bus-dev:\n    image: nats:2\n    profiles: [dev]\n    networks: {default: {aliases: [bus]}}\n  bus-prod:\n    image: nats:2\n    profiles: [prod]\n    command: -c /bus.conf\n    volumes: [\"./bus.conf:/bus.conf\", \"./pki:/pki\"]\n    networks: {default: {aliases: [bus]}}\n  dev:\n    image: registry.example.test/app\n    profiles: [dev]\n    environment: {BUS: \"nats://bus:4222\"}\n  prod:\n    image: registry.example.test/app\n    profiles: [prod]\n    environment:\n      BUS: tls://bus:4222\n      BUS_CA: /pki/ca.crt\n    volumes: [\"./pki/ca.crt:/pki/ca.crt\"]\n";
const ETCD: &str = "services:\n  api:\n    image: quay.io/coreos/etcd:v3.5.17\n    command: [etcd, \"--listen-client-urls=https://0.0.0.0:2379\", \"--advertise-client-urls=https://api:2379\", --cert-file=/pki/broker.crt, --key-file=/pki/broker.key]\n    volumes: [\"./pki:/pki\"]\n  app:\n    image: registry.example.test/app\n    environment:\n      ENDPOINTS: https://api:2379\n      CA_FILE: /pki/ca.crt\n    volumes: [\"./pki/ca.crt:/pki/ca.crt\"]\n";
const STACK: &str = "services:\n  store:\n    image: redis/redis-stack-server:7.4.0-v1\n    environment:\n      REDIS_ARGS: \"--port 0 --tls-port 6379 --tls-cert-file /pki/broker.crt --tls-key-file /pki/broker.key --tls-auth-clients no\"\n    volumes: [\"./pki:/pki\"]\n  app:\n    image: registry.example.test/app\n    environment:\n      STORE: rediss://store:6379\n      STORE_CA: /pki/ca.crt\n    volumes: [\"./pki/ca.crt:/pki/ca.crt\"]\n";

struct Sample {
    rule: &'static str,
    /// The file and what stands in its line; `None`: nothing is to be found.
    at: Option<(&'static str, &'static str)>,
    files: Vec<(&'static str, String)>,
}

fn samples() -> Vec<Sample> {
    let bad = |rule, file, mark, files| Sample { rule, at: Some((file, mark)), files };
    let good = |rule, files| Sample { rule, at: None, files };
    let k8s = |text: String| vec![("k.yaml", text)];
    let compose = |text: String| vec![("compose.yaml", text)];
    let conf = |text: String, conf: String| vec![("compose.yaml", text), ("bus.conf", conf)];
    vec![
        // Where a volume says what is wrong: its key, its object, its modes.
        bad("source-missing", "k.yaml", "key: server.key", k8s(api("", "        secret:\n          secretName: own\n          items:\n          - {key: tls.crt, path: tls.crt}\n          - {key: server.key, path: tls.key}\n"))),
        bad("source-missing", "k.yaml", "secretName: absent", k8s(api("", "        secret:\n          secretName: absent\n"))),
        bad("unreadable-for-user", "k.yaml", "defaultMode", k8s(api("", "        secret:\n          secretName: own\n          defaultMode: 0400\n"))),
        bad("unreadable-for-user", "k.yaml", "mode: 0400", k8s(api("", "        secret:\n          secretName: own\n          items:\n          - {key: tls.crt, path: tls.crt}\n          - key: tls.key\n            path: tls.key\n            mode: 0400\n"))),
        good("unreadable-for-user", k8s(api("", "        secret:\n          secretName: own\n          defaultMode: 0400\n          items:\n          - {key: tls.crt, path: tls.crt, mode: 0444}\n          - {key: tls.key, path: tls.key, mode: 0444}\n"))),
        // A variable by way of a ConfigMap's key; a name and its value on two lines.
        bad("scheme-mismatch", "k.yaml", "store-url: redis", k8s(store() + &job("            image: registry.example.test/nightly\n            env:\n            - name: STORE\n              valueFrom: {configMapKeyRef: {name: env, key: store-url}}\n"))),
        bad("unknown-setting", "k.yaml", "minimum:", k8s(POD.to_owned() + &job("            image: ghcr.io/cordum-io/cordum/scheduler:1\n            env:\n            - name: CORDUM_TLS_MIN_VERSION\n              valueFrom: {configMapKeyRef: {name: env, key: minimum}}\n"))),
        bad("unknown-setting", "k.yaml", "name: NATS_TLS_SERVERNAME", k8s(POD.to_owned() + &job("            image: ghcr.io/cordum-io/cordum/scheduler:1\n            env:\n            - name: NATS_TLS_SERVERNAME\n              value: nats\n"))),
        bad("exposed-secret", "k.yaml", "value: |", k8s(POD.to_owned() + &job("            image: registry.example.test/nightly\n            env:\n            - name: SIGNING\n              value: |\n                -----BEGIN PRIVATE KEY-----\n                AA==\n                -----END PRIVATE KEY-----\n"))),
        bad("exposed-secret", "compose.yaml", "SIGNING: |", compose("services:\n  app:\n    image: registry.example.test/app\n    environment:\n      SIGNING: |\n        -----BEGIN PRIVATE KEY-----\n        AA==\n        -----END PRIVATE KEY-----\n".to_owned())),
        // In a shell's script, over several lines.
        bad("minimum-version", "k.yaml", "--tls-protocols", k8s(store())),
        bad("scheme-mismatch", "k.yaml", "redis-cli -h store", k8s(store() + &job("            image: redis:7\n            command:\n            - sh\n            - -c\n            - |\n              set -e\n              redis-cli -h store BGSAVE\n"))),
        bad("verification-disabled", "compose.yaml", "curl -fsSk", compose(SERVER.to_owned() + "  poll:\n    image: curlimages/curl\n    command:\n      - sh\n      - -c\n      - |\n        while true; do\n          curl -fsSk https://api:8443/poll\n          sleep 5\n        done\n")),
        bad("verification-disabled", "compose.yaml", "wget --no-check", compose(SERVER.to_owned() + "  poll:\n    image: alpine\n    entrypoint: [sh, -c]\n    command:\n      - >\n        set -e;\n        wget --no-check-certificate -qO- https://api:8443/poll\n")),
        bad("scheme-mismatch", "compose.yaml", "curl", compose(SERVER.to_owned() + "  poll:\n    image: alpine\n    command: [sh, -c, \"apk add curl && curl http://api:8443/x; sleep 9\"]\n")),
        good("verification-disabled", compose(SERVER.to_owned() + "  poll:\n    image: curlimages/curl\n    command: curl --cacert /pki/ca.crt https://api:8443/\n    volumes: [\"./pki:/pki\"]\n")),
        // A server's image lends its tools.
        good("plaintext-listener", conf(bus("  backup:\n    image: redis:7\n    command: [sh, -c, \"redis-cli --tls -h elsewhere.example.test ping\"]\n"), format!("{BUS}}}\n"))),
        good("unknown-setting", conf(bus("  backup:\n    image: redis:7\n    command: [sh, -c, \"redis-cli --tls -h elsewhere.example.test ping\"]\n"), format!("{BUS}}}\n"))),
        // Alternatives of which one runs.
        good("plaintext-listener", conf(bus("    profiles: [prod]\n  dev:\n    image: nats:2\n    profiles: [dev]\n"), format!("{BUS}}}\n"))),
        bad("plaintext-listener", "compose.yaml", "dev:", conf(bus("    profiles: [prod]\n  dev:\n    image: nats:2\n    profiles: [dev, prod]\n"), format!("{BUS}}}\n"))),
        // A minimum that is high enough.
        good("minimum-version", conf(bus(""), format!("{BUS}  min_version: \"1.3\"\n}}\n"))),
        good("minimum-version", conf(bus(""), format!("{BUS}  min_version: \"1.2\"\n}}\n"))),
        bad("minimum-version", "bus.conf", "min_version", conf(bus(""), format!("{BUS}  min_version: \"1.1\"\n}}\n"))),
        // An image that is configured by variables.
        bad("scheme-mismatch", "compose.yaml", "redis://store", compose("services:\n  store:\n    image: bitnami/redis:7\n    environment: [REDIS_TLS_ENABLED=yes, REDIS_TLS_CERT_FILE=/pki/broker.crt, REDIS_TLS_KEY_FILE=/pki/broker.key]\n    volumes: [\"./pki:/pki\"]\n  app:\n    image: registry.example.test/app\n    environment:\n      - STORE=redis://store:6379\n".to_owned())),
        good("scheme-mismatch", compose("services:\n  store:\n    image: bitnami/redis:7\n    environment: [REDIS_TLS_ENABLED=yes, REDIS_TLS_CERT_FILE=/pki/broker.crt, REDIS_TLS_KEY_FILE=/pki/broker.key]\n    volumes: [\"./pki:/pki\"]\n  app:\n    image: registry.example.test/app\n    environment: [\"STORE=rediss://store:6379\"]\n".to_owned())),
        // A certificate for the other end.
        bad("certificate", "bus.conf", "cert_file", conf(bus(""), BUS.replace("broker", "client") + "}\n")),
        // Passed over like the others of its kind.
        bad("unused-setting", "compose.yaml", "SERVER_NAME", compose("services:\n  nats: {image: \"nats:2\"}\n  workflow-engine:\n    image: ghcr.io/cordum-io/cordum/workflow-engine:1\n    environment:\n      NATS_URL: nats://nats:4222\n      NATS_TLS_SERVER_NAME: nats\n".to_owned())),
        // The health check's address, not the bracket.
        bad("probe-scheme", "compose.yaml", "http://localhost:8443", compose(SERVER.to_owned() + "    healthcheck:\n      test:\n        - CMD\n        - wget\n        - -q\n        - http://localhost:8443/live\n")),
        // Of several under one name the one counts that is there beside it.
        good("scheme-mismatch", conf(PROFILES.to_owned(), format!("{BUS}}}\n"))),
        bad("scheme-mismatch", "compose.yaml", "BUS: tls", conf(PROFILES.replace("    profiles: [prod]\n    environment", "    environment"), format!("{BUS}}}\n"))),
        // A link's name is one of its service.
        bad("name-not-in-certificate", "compose.yaml", "SESSIONS:", compose("services:\n  store:\n    image: redis:7\n    command: redis-server --port 0 --tls-port 6379 --tls-cert-file /pki/broker.crt --tls-key-file /pki/broker.key --tls-auth-clients no\n    volumes: [\"./pki:/pki\"]\n  app:\n    image: registry.example.test/app\n    links: [\"store:sessions\"]\n    environment:\n      SESSIONS: rediss://sessions:6379\n      SESSIONS_CA: /pki/ca.crt\n    volumes: [\"./pki/ca.crt:/pki/ca.crt\"]\n".to_owned())),
        // A port that is listened at by a URL.
        bad("scheme-mismatch", "compose.yaml", "ENDPOINTS: http:", compose(ETCD.replace("https://api:2379", "http://api:2379"))),
        good("scheme-mismatch", compose(ETCD.to_owned())),
        // What its entry point puts behind its command, and what every container has.
        good("scheme-mismatch", compose(STACK.to_owned())),
        bad("scheme-mismatch", "compose.yaml", "STORE: redis:", compose(STACK.replace("rediss://", "redis://"))),
        good("unreadable-config", conf(bus(""), format!("server_name: $HOSTNAME\n{BUS}}}\n"))),
        bad("unreadable-config", "bus.conf", "$ELSEWHERE", conf(bus(""), format!("server_name: $ELSEWHERE\n{BUS}}}\n"))),
        // Words that stand beside numbers.
        good("unreadable-config", vec![("compose.yaml", "services:\n  web:\n    image: nginx:1\n    volumes: [\"./n.conf:/etc/nginx/nginx.conf\"]\n".to_owned()), ("n.conf", "worker_processes auto;\nevents { }\nhttp { server { listen 80; location / { expires max; } } }\n".to_owned())]),
        // JSON in one line, and a ConfigMap that is made in every namespace.
        bad("scheme-mismatch", "jobs.json", "redis://store", vec![("k.yaml", store()), ("jobs.json", "{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"j\"}, \"spec\": {\"containers\": [{\"name\": \"j\", \"image\": \"registry.example.test/j\",\n\"env\": [{\"name\": \"STORE\", \"value\": \"redis://store:6379\"}]}]}}]}\n".to_owned())]),
        good("source-missing", k8s("apiVersion: trust.cert-manager.io/v1alpha1\nkind: Bundle\nmetadata: {name: internal-ca}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: shop}\nspec:\n  containers:\n  - {name: a, image: registry.example.test/a, volumeMounts: [{name: ca, mountPath: /ca}]}\n  volumes: [{name: ca, configMap: {name: internal-ca}}]\n".to_owned())),
        bad("unreadable-config", "k.yaml", "value: 8080", k8s(POD.to_owned() + &job("            image: registry.example.test/nightly\n            env:\n            - name: PORT\n              value: 8080\n"))),
    ]
}

/// The samples as they lie on a disk.
pub(super) fn deployments() -> Vec<MemoryFiles> {
    let base = pki();
    let laid =
        |sample: Sample| sample.files.iter().fold(base.clone(), |all, (path, text)| all.with(path, text));
    samples().into_iter().map(laid).collect()
}

#[test]
fn a_mistake_is_found_however_it_is_spelt_and_where_it_has_to_be_changed() {
    let base = pki();
    let mut wrong = Vec::new();
    for sample in samples() {
        let mut all = base.clone();
        for (path, text) in &sample.files {
            all = all.with(path, text);
        }
        let found = judged(&all);
        let own: Vec<_> =
            found.iter().filter(|one| one.rule == sample.rule && one.severity != Severity::Note).collect();
        let line = |file: &str, line: u32| {
            let (_, text) = sample.files.iter().find(|(path, _)| *path == file)?;
            text.lines().nth(line as usize - 1)
        };
        let right = match sample.at {
            None => own.is_empty(),
            Some((file, mark)) => own.iter().any(|one| {
                *one.place.file == *file && line(file, one.place.line).is_some_and(|text| text.contains(mark))
            }),
        };
        if !right {
            let told: Vec<String> =
                found.iter().map(|one| format!("{} {}: {}", one.rule, one.place, one.message)).collect();
            wrong.push(format!("{} at {:?}: {}\n", sample.rule, sample.at, told.join(" | ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is undecided in a Compose file, and whether the verdict hangs on it.
fn open(text: &str) -> Vec<(String, bool)> {
    let files = pki().with("compose.yaml", text);
    let request = compose::Request {
        folder: ".".to_owned(),
        files: vec!["compose.yaml".to_owned()],
        env_files: vec![],
    };
    let verdicts = rules::audit(&compose::load(&request, &files), &files, AuditOptions::timeless());
    verdicts.undecided.into_iter().map(|one| (one.what, one.decides)).collect()
}

#[test]
fn an_address_that_hides_its_scheme_decides_and_a_key_of_something_else_does_not() {
    let stack = |variable: &str| STACK.replace("STORE: rediss://store:6379", variable);
    for variable in
        ["STORE_URL: ${STORE_URL}", "STORE_URL: ${STORE_SCHEME}://store:6379", "REDIS_URL: ${REDIS_URL}"]
    {
        assert!(open(&stack(variable)).iter().any(|(_, decides)| *decides), "{variable}");
    }
    for variable in
        ["PAYMENTS_KEY: ${PAYMENTS_KEY}", "STATUS_URL: ${STATUS_URL}", "STORE_NAME: ${STORE_NAME}"]
    {
        let found = open(&stack(variable));
        assert!(!found.iter().any(|(_, decides)| *decides), "{variable}: {found:?}");
    }
}
