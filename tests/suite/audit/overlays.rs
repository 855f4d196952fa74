//! What operations on paths put into an overlay is told where the operation stands: a new key, a changed one, an entry
//! of a list.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::loud;
use super::programs::{audited, kubectl, told, written};

/// A backend in TLS behind an Ingress with these annotations.
fn objects(annotations: &str, variable: &str) -> String {
    let [(_, ca), (_, certificate), (_, key)] = super::certificates();
    let encoded = |text: &str| STANDARD.encode(text);
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: api-tls, namespace: web}}\ndata:\n  ca.crt: {}\n  tls.crt: {}\n  tls.key: {}\n---\n\
         apiVersion: v1\nkind: Service\nmetadata: {{name: api, namespace: web}}\nspec: {{selector: {{app: api}}, ports: [{{port: 8443}}]}}\n---\n\
         apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: api, namespace: web}}\nspec:\n  template:\n    metadata: {{labels: {{app: api}}}}\n    spec:\n      containers:\n      - name: api\n        image: registry.example.test/api:1\n        args: [--listen=:8443, --tls-cert=/t/tls.crt, --tls-key=/t/tls.key]\n        volumeMounts: [{{name: t, mountPath: /t}}]\n        env:\n        - {{name: LANG, value: C}}\n{variable}      volumes: [{{name: t, secret: {{secretName: api-tls}}}}]\n---\n\
         apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: api\n  namespace: web\n  annotations:\n    nginx.ingress.kubernetes.io/backend-protocol: HTTPS\n{annotations}spec:\n  ingressClassName: nginx\n  rules:\n  - http: {{paths: [{{path: /, pathType: Prefix, backend: {{service: {{name: api, port: {{number: 8443}}}}}}}}]}}\n",
        encoded(&ca),
        encoded(&certificate),
        encoded(&key)
    )
}

fn annotations(name: &str) -> String {
    format!(
        "    nginx.ingress.kubernetes.io/proxy-ssl-name: {name}\n    nginx.ingress.kubernetes.io/proxy-ssl-secret: web/api-tls\n    nginx.ingress.kubernetes.io/proxy-ssl-verify: \"on\"\n"
    )
}

fn operation(verb: &str, name: &str, value: &str) -> String {
    format!(
        "- op: {verb}\n  path: /metadata/annotations/nginx.ingress.kubernetes.io~1proxy-ssl-{name}\n  value: \"{value}\"\n"
    )
}

/// What is found in an overlay over a base, and its folder; a stand-in prints what is built where there is no kubectl.
fn found(base: &str, patch: &str, built: &str) -> (tempfile::TempDir, Vec<(String, String, u64)>) {
    let folder = written(&[
        ("base/kustomization.yaml", "resources: [all.yaml]\n"),
        ("base/all.yaml", base),
        (
            "overlay/kustomization.yaml",
            "resources: [../base]\npatches:\n- path: ingress.yaml\n  target: {kind: Ingress}\n- target: {kind: Deployment, name: api}\n  patch: |-\n    - op: add\n      path: /spec/template/spec/containers/0/env/-\n      value: {name: SELF_URL, value: \"http://api:8443/\"}\n",
        ),
        ("overlay/ingress.yaml", patch),
    ]);
    let (bin, _) = kubectl(folder.path(), built);
    let (report, _) = audited(folder.path(), &["overlay"], Some(bin.path()));
    (folder, loud(&report))
}

const VARIABLE: &str = "        - {name: SELF_URL, value: \"http://api:8443/\"}\n";

#[test]
fn what_an_operation_puts_in_stands_where_the_operation_does() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let all = |name: &str| {
        operation("add", "verify", "on")
            + &operation("add", "secret", "web/api-tls")
            + &operation("add", "name", name)
    };
    for (base, patch) in [
        // A key that is new.
        (String::new(), all("api")),
        // One that is changed.
        (annotations("localhost"), operation("replace", "name", "api")),
    ] {
        let built = objects(&annotations("api"), VARIABLE);
        let (folder, found) = found(&objects(&base, ""), &patch, &built);
        let mark = told(folder.path(), "upstream-tls", "overlay/ingress.yaml", "value: \"api\"");
        let entry = told(folder.path(), "scheme-mismatch", "overlay/kustomization.yaml", "http://api:8443/");
        assert_eq!(found, [mark, entry], "{patch}");
    }
    // The name that the certificate has; and what stands in the base stays there.
    let entry = |folder: &tempfile::TempDir| {
        told(folder.path(), "scheme-mismatch", "overlay/kustomization.yaml", "http://api:8443/")
    };
    let built = objects(&annotations("localhost"), VARIABLE);
    let (folder, right) = found(&objects("", ""), &all("localhost"), &built);
    assert_eq!(right, [entry(&folder)]);
    let built = objects(&annotations("api"), VARIABLE);
    let (folder, wrong) = found(&objects(&annotations("api"), ""), &operation("add", "verify", "on"), &built);
    let mark = told(folder.path(), "upstream-tls", "base/all.yaml", "proxy-ssl-name");
    assert_eq!(wrong, [mark, entry(&folder)]);
}
