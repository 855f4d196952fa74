//! The real helm and kustomize: what they make of charts and overlays, and how they refuse them. A stand-in
//! (`programs`, `charts`) does what they cannot be made to do.

use std::path::{Path, PathBuf};

use super::charts::chart;
use super::loud;
use super::programs::{audited, deployment, told, tree, undecided, written};

/// A folder that has this program and nothing else, as `scripts/test` has built it, or of PATH.
fn real(name: &str) -> Option<tempfile::TempDir> {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let cache = std::env::var_os("XDG_CACHE_HOME").map_or_else(|| home.join(".cache"), PathBuf::from);
    let built = std::env::var_os("TLS_VERIFY_PROGRAMS")
        .map_or_else(|| cache.join("tls-verify/programs-1"), PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(built).chain(std::env::split_paths(&path));
    let Some(program) = folders.map(|one| one.join(name)).find(|one| one.is_file()) else {
        eprintln!("skipped: no {name} here; stand-ins print what it would");
        return None;
    };
    let bin = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(program, bin.path().join(name)).unwrap();
    Some(bin)
}

fn helm(folder: &Path, arguments: &[&str]) -> Option<(serde_json::Value, i32)> {
    real("helm").map(|bin| audited(folder, arguments, Some(bin.path())))
}

fn kustomize(folder: &Path, arguments: &[&str]) -> Option<(serde_json::Value, i32)> {
    real("kustomize").map(|bin| audited(folder, arguments, Some(bin.path())))
}

#[test]
fn what_the_real_kustomize_builds_is_told_where_it_was_written() {
    let tree = tree();
    let folder = tree.path();
    let Some((report, code)) = kustomize(folder, &["overlay"]) else { return };
    let found = loud(&report);
    for place in [
        told(folder, "unknown-setting", "base/nats.conf", "verfiy"),
        told(folder, "scheme-mismatch", "overlay/plain.yaml", "nats://bus:4222"),
        told(folder, "scheme-mismatch", "overlay/kustomization.yaml", "nats://bus:4222/other"),
        told(folder, "scheme-mismatch", "overlay/operations.yaml", "nats://bus:4222/third"),
    ] {
        assert!(found.contains(&place), "no {place:?} in {found:?}");
    }
    assert_eq!(code, 1);
    assert!(!undecided(&report).contains("not built"), "{report}");
}

/// Components, replacements, generated ConfigMaps with hashes in their names, and a prefix before every name.
#[test]
fn components_replacements_and_generators_are_traced() {
    let bus = deployment(
        "bus",
        "        args: [--tls, --tlscert=/x.crt, --tlskey=/x.key]\n---\napiVersion: v1\nkind: Service\nmetadata: {name: bus}\nspec: {selector: {app: bus}, ports: [{port: 4222}]}\n",
    )
    .replace("registry.example.test/app:1", "nats:2");
    let app = deployment(
        "app",
        "        env:\n        - {name: BUS_URL, value: replaced}\n        - {name: LOG_URL, value: \"tls://bus:4222\"}\n        envFrom:\n        - configMapRef: {name: settings}\n",
    );
    let folder = written(&[
        (
            "base/kustomization.yaml",
            "resources: [bus.yaml, app.yaml]\nconfigMapGenerator:\n- name: settings\n  envs: [settings.env]\n",
        ),
        ("base/bus.yaml", &bus),
        ("base/app.yaml", &app),
        ("base/settings.env", "EVENTS_URL=nats://bus:4222\nLANG=C\n"),
        (
            "parts/plain/kustomization.yaml",
            "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches:\n- target: {kind: Deployment, name: app}\n  patch: |-\n    - op: replace\n      path: /spec/template/spec/containers/0/env/1/value\n      value: nats://bus:4222/log\n",
        ),
        (
            "overlay/kustomization.yaml",
            "resources: [../base, urls.yaml]\ncomponents: [../parts/plain]\nreplacements:\n- source: {kind: ConfigMap, name: urls, fieldPath: data.bus}\n  targets:\n  - select: {kind: Deployment, name: app}\n    fieldPaths: [\"spec.template.spec.containers.[name=main].env.[name=BUS_URL].value\"]\n",
        ),
        (
            "overlay/urls.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: urls}\ndata:\n  bus: nats://bus:4222/replaced\n",
        ),
    ]);
    let Some((report, code)) = kustomize(folder.path(), &["overlay"]) else { return };
    let found = loud(&report);
    for place in [
        told(folder.path(), "scheme-mismatch", "base/settings.env", "EVENTS_URL"),
        told(folder.path(), "scheme-mismatch", "parts/plain/kustomization.yaml", "nats://bus:4222/log"),
    ] {
        assert!(found.contains(&place), "no {place:?} in {found:?}");
    }
    assert_eq!((found.len(), code), (3, 1), "{found:?}");
}

#[test]
fn what_the_real_kustomize_refuses_hides_nothing_else() {
    let folder = written(&[
        ("kustomization.yaml", "resources: [a.yaml, gone.yaml]\n"),
        ("a.yaml", &deployment("a", "        command: [curl, -k, \"https://orders.example.org\"]\n")),
    ]);
    let Some((report, code)) = kustomize(folder.path(), &["."]) else { return };
    let found = loud(&report);
    assert!(
        found.iter().any(|(rule, file, _)| rule == "unreadable-config" && file == "kustomization.yaml"),
        "{found:?}"
    );
    assert!(
        found.iter().any(|(rule, file, _)| rule == "verification-disabled" && file == "a.yaml"),
        "{found:?}"
    );
    assert!(report["findings"].to_string().contains("gone.yaml"), "{report}");
    assert_eq!(code, 1);
}

#[test]
fn what_the_real_helm_renders_is_told_in_the_template_or_in_the_value_that_stands_there() {
    let folder = chart(&[("prod.yaml", "bus:\n  url: tls://bus:4222\n")]);
    let Some((report, code)) = helm(folder.path(), &["c"]) else { return };
    let found = loud(&report);
    let value = told(folder.path(), "scheme-mismatch", "c/values.yaml", "url:");
    assert!(found.contains(&value), "{found:?}");
    assert!(found.contains(&told(folder.path(), "unused-setting", "c/values.yaml", "unread")), "{found:?}");
    assert_eq!(code, 1);
    // What stands in a file of values wins, and is where it is told.
    let Some((report, _)) = helm(folder.path(), &["c", "--values", "prod.yaml"]) else { return };
    assert!(!loud(&report).contains(&value), "{report}");
    let plain = chart(&[
        ("c/values.yaml", "image: registry.example.test/app:1\nlive: false\nbus:\n  url: tls://bus:4222\n"),
        ("dev.yaml", "live: true\nbus: {url: \"nats://bus:4222\"}\n"),
    ]);
    let Some((report, _)) = helm(plain.path(), &["c", "--values", "dev.yaml"]) else { return };
    assert!(
        loud(&report).contains(&told(plain.path(), "scheme-mismatch", "dev.yaml", "nats://")),
        "{report}"
    );
}

#[test]
fn why_the_real_helm_renders_nothing_decides_what_is_said() {
    let broken = chart(&[("c/templates/extra.yaml", "kind: ConfigMap\ndata:\n  a: b\nname: {{ nme . }}\n")]);
    let Some((report, code)) = helm(broken.path(), &["c"]) else { return };
    assert_eq!(loud(&report), [("unreadable-config".to_owned(), "c/templates/extra.yaml".to_owned(), 4)]);
    assert_eq!(code, 1);
    let required =
        chart(&[("c/templates/extra.yaml", "a: {{ required \"a key is required\" .Values.key }}\n")]);
    let depending = chart(&[(
        "c/Chart.yaml",
        "apiVersion: v2\nname: mini\nversion: 1.0.0\ndependencies: [{name: redis, version: 1.0.0, repository: 'https://x.example.test'}]\n",
    )]);
    for (folder, word) in [(&required, "--values FILE"), (&depending, "helm dependency build c")] {
        let Some((report, code)) = helm(folder.path(), &["c"]) else { return };
        assert!(undecided(&report).contains(word), "{report}");
        assert_eq!((loud(&report), code), (vec![], 3), "{report}");
    }
}
