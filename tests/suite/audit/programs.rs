//! kustomize through its program: built where that is there, said plainly where it is not, and every setting in the
//! file that it came from. A stand-in does what the real ones cannot be made to do.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::loud;
use crate::program;

const POD: &str = "    spec:
      containers:
      - name: main
        image: registry.example.test/app:1
";

pub(super) fn deployment(name: &str, more: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\nspec:\n  template:\n    metadata: {{labels: {{app: {name}}}}}\n{POD}{more}"
    )
}

/// A bus in TLS whose configuration is generated, and a client that a patch sends to it in plaintext.
pub(super) fn tree() -> tempfile::TempDir {
    let bus = format!(
        "{}        args: [-c, /conf/nats.conf]\n        volumeMounts: [{{name: conf, mountPath: /conf}}]\n      volumes: [{{name: conf, configMap: {{name: bus-conf}}}}]\n---\napiVersion: v1\nkind: Service\nmetadata: {{name: bus}}\nspec: {{selector: {{app: bus}}, ports: [{{port: 4222}}]}}\n",
        deployment("bus", "").replace("registry.example.test/app:1", "nats:2")
    );
    let app = deployment(
        "app",
        "        env:\n        - {name: BUS_URL, value: \"tls://bus:4222\"}\n        - {name: STORE_URL, value: \"rediss://elsewhere.example.org\"}\n",
    );
    let patch = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: app}\nspec:\n  template:\n    spec:\n      containers:\n      - name: main\n        env:\n        - {name: BUS_URL, value: \"nats://bus:4222\"}\n";
    let overlay = "resources: [../base]\npatches:\n- path: plain.yaml\n- target: {kind: Deployment, name: app}\n  patch: |-\n    - op: add\n      path: /spec/template/spec/containers/0/env/-\n      value: {name: OTHER_URL, value: \"nats://bus:4222/other\"}\n- path: operations.yaml\n  target: {kind: Deployment, name: app}\n";
    let operations = "- op: add\n  path: /spec/template/spec/containers/0/env/-\n  value:\n    name: THIRD_URL\n    value: nats://bus:4222/third\n";
    let conf = "port: 4222\ntls {\n  cert_file: /x.crt\n  key_file: /x.key\n  verfiy: true\n}\n";
    written(&[
        (
            "base/kustomization.yaml",
            "resources: [bus.yaml, app.yaml]\nconfigMapGenerator:\n- name: bus-conf\n  files: [nats.conf]\n",
        ),
        ("base/bus.yaml", &bus),
        ("base/app.yaml", &app),
        ("base/nats.conf", conf),
        ("overlay/kustomization.yaml", overlay),
        ("overlay/plain.yaml", patch),
        ("overlay/operations.yaml", operations),
    ])
}

pub(super) fn written(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

/// A folder with a program of this name.
pub(super) fn stand_in(name: &str, script: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

/// The report with these programs and no others on PATH but a shell's own.
pub(super) fn audited(folder: &Path, arguments: &[&str], programs: Option<&Path>) -> (Value, i32) {
    let tools = tempfile::tempdir().unwrap();
    for tool in ["cat", "head", "sleep", "dirname", "touch"] {
        let real = ["/bin", "/usr/bin"].map(|one| PathBuf::from(one).join(tool));
        let real = real.iter().find(|one| one.exists()).unwrap();
        std::os::unix::fs::symlink(real, tools.path().join(tool)).unwrap();
    }
    let path = std::env::join_paths(programs.into_iter().chain([tools.path()])).unwrap();
    let output = program()
        .args(["audit", "--format", "json"])
        .args(arguments)
        .env("PATH", path)
        .current_dir(folder)
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    (
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}")),
        output.status.code().unwrap(),
    )
}

pub(super) fn undecided(report: &Value) -> String {
    report["undecided"].to_string()
}

/// The line of a file that has this text.
fn line(folder: &Path, file: &str, mark: &str) -> u64 {
    let text = fs::read_to_string(folder.join(file)).unwrap();
    let at =
        text.lines().position(|line| line.contains(mark)).unwrap_or_else(|| panic!("no {mark} in {file}"));
    at as u64 + 1
}

pub(super) fn told(folder: &Path, rule: &str, file: &str, mark: &str) -> (String, String, u64) {
    (rule.to_owned(), file.to_owned(), line(folder, file, mark))
}

/// What kubectl makes of the overlay, for machines without it.
fn built(folder: &Path) -> String {
    let base = |name: &str| fs::read_to_string(folder.join("base").join(name)).unwrap();
    let app = base("app.yaml").replace("tls://bus:4222\"}", "nats://bus:4222\"}") + "";
    let app = app.replace(
        "        - {name: STORE_URL",
        "        - {name: THIRD_URL, value: \"nats://bus:4222/third\"}\n        - {name: OTHER_URL, value: \"nats://bus:4222/other\"}\n        - {name: STORE_URL",
    );
    let conf: String = base("nats.conf").lines().map(|line| format!("    {line}\n")).collect();
    format!(
        "apiVersion: v1\ndata:\n  nats.conf: |\n{conf}kind: ConfigMap\nmetadata: {{name: bus-conf-77tkh5}}\n---\n{}---\n{app}",
        base("bus.yaml").replace("{name: bus-conf}", "{name: bus-conf-77tkh5}")
    )
}

/// kubectl of this machine, or one that prints what it would.
pub(super) fn kubectl(folder: &Path, built: &str) -> (tempfile::TempDir, bool) {
    let own = std::env::var_os("TLS_VERIFY_KUBECTL").map(PathBuf::from).or_else(|| {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).map(|one| one.join("kubectl")).find(|one| one.is_file())
    });
    match own {
        Some(real) => {
            let bin = tempfile::tempdir().unwrap();
            std::os::unix::fs::symlink(real, bin.path().join("kubectl")).unwrap();
            (bin, true)
        }
        None => {
            let text = folder.join("built.txt");
            fs::write(&text, built).unwrap();
            (stand_in("kubectl", &format!("cat '{}'", text.display())), false)
        }
    }
}

#[test]
fn what_kustomize_builds_is_told_where_it_was_written() {
    let tree = tree();
    let folder = tree.path();
    let places = [
        told(folder, "unknown-setting", "base/nats.conf", "verfiy"),
        told(folder, "scheme-mismatch", "overlay/plain.yaml", "nats://bus:4222"),
        told(folder, "scheme-mismatch", "overlay/kustomization.yaml", "nats://bus:4222/other"),
        told(folder, "scheme-mismatch", "overlay/operations.yaml", "nats://bus:4222/third"),
    ];
    let text = folder.join("built.txt");
    fs::write(&text, built(folder)).unwrap();
    let printing = stand_in("kubectl", &format!("cat '{}'", text.display()));
    let (real, is_real) = kubectl(folder, &built(folder));
    if !is_real {
        eprintln!("skipped: no kubectl; a stand-in prints what it would");
    }
    for bin in [printing.path(), real.path()] {
        let (report, code) = audited(folder, &["overlay"], Some(bin));
        let found = loud(&report);
        for place in &places {
            assert!(found.contains(place), "no {place:?} in {found:?}");
        }
        assert!(found.iter().all(|(.., line)| *line > 0), "{found:?}");
        assert_eq!(code, 1);
        assert!(!undecided(&report).contains("not built"), "{report}");
    }
}

#[test]
fn without_its_program_a_kustomization_is_read_as_it_is_and_that_is_said() {
    let tree = tree();
    let (report, _) = audited(tree.path(), &["overlay"], None);
    let open = undecided(&report);
    assert!(open.contains("neither kubectl nor kustomize is on PATH"), "{open}");
    assert!(open.contains("kubectl kustomize overlay | tls-verify audit -"), "{open}");
    let found = loud(&report);
    // Patches are no manifests, and what is generated is there.
    assert_eq!(found, [told(tree.path(), "unknown-setting", "base/nats.conf", "verfiy")], "{report}");
}

#[test]
fn a_kustomization_that_is_refused_hides_nothing_else() {
    let key = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: k}\ndata:\n  k: |\n    -----BEGIN PRIVATE KEY-----\n    AA==\n    -----END PRIVATE KEY-----\n";
    let refusing = stand_in("kubectl", "echo 'error: accumulating resources: it is wrong' >&2; exit 1");
    let folder = written(&[("kustomization.yaml", "resources: [key.yaml]\n"), ("key.yaml", key)]);
    let (report, code) = audited(folder.path(), &["."], Some(refusing.path()));
    let found = loud(&report);
    assert!(found.contains(&told(folder.path(), "exposed-secret", "key.yaml", "k: |")), "{found:?}");
    assert!(
        found.contains(&told(folder.path(), "unreadable-config", "kustomization.yaml", "resources")),
        "{found:?}"
    );
    assert!(report["findings"].to_string().contains("accumulating resources: it is wrong"), "{report}");
    assert_eq!(code, 1);
    // A file that cannot be read is what it stumbled over: that line is told, and once.
    let folder = written(&[
        ("kustomization.yaml", "resources: [a.yaml]\n"),
        ("a.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: a\nspec: {}\n"),
    ]);
    let (report, _) = audited(folder.path(), &["."], Some(refusing.path()));
    let found = loud(&report);
    assert!(
        matches!(found.as_slice(), [(rule, file, line)] if rule == "unreadable-config" && file == "a.yaml" && *line > 2),
        "{found:?}"
    );
}

#[test]
fn a_program_that_hangs_on_its_output_or_floods_says_nothing_about_the_files() {
    for (script, word) in [
        ("head -c 100000000 /dev/zero", "more than 16 MiB"),
        ("read -r answer && exit 0; echo 'error: nobody answers' >&2; exit 1", "nobody answers"),
    ] {
        let bin = stand_in("kubectl", script);
        let folder =
            written(&[("kustomization.yaml", "resources: [a.yaml]\n"), ("a.yaml", &deployment("a", ""))]);
        let (report, code) = audited(folder.path(), &["."], Some(bin.path()));
        assert!(report.to_string().contains(word), "{report}");
        assert_eq!(code == 1, word == "nobody answers", "{report}");
    }
}

#[test]
fn nothing_is_fetched_and_a_folder_is_never_an_option() {
    let bin = stand_in(
        "kubectl",
        "touch \"$(dirname \"$0\")/was-run\"; for one in \"$@\"; do echo \"# $one\"; done",
    );
    let folder = written(&[
        ("far/kustomization.yaml", "resources: ['https://github.com/x/y//deploy?ref=v1']\n"),
        ("charts/kustomization.yaml", "helmCharts: [{name: x, repo: 'https://x.example.test'}]\n"),
        ("plugin/kustomization.yaml", "generators: [make.yaml]\n"),
    ]);
    for one in ["far", "charts", "plugin"] {
        let (report, code) = audited(folder.path(), &[one], Some(bin.path()));
        assert!(undecided(&report).contains("is not built"), "{report}");
        assert_ne!(code, 1);
        assert!(!bin.path().join("was-run").exists(), "{one}");
    }
    let odd = written(&[("--enable-helm/kustomization.yaml", "resources: []\n")]);
    audited(odd.path(), &["."], Some(bin.path()));
    assert!(bin.path().join("was-run").exists());
    let said = stand_in("kubectl", "[ \"$2\" = ./--enable-helm ] && exit 0; echo \"error: $2\" >&2; exit 1");
    let (report, _) = audited(odd.path(), &["."], Some(said.path()));
    assert_eq!(loud(&report), [], "{report}");
}

#[test]
fn a_base_lacks_nothing_that_its_overlay_makes_and_a_component_is_nothing_by_itself() {
    let app = deployment(
        "app",
        "        volumeMounts: [{name: t, mountPath: /t}]\n      volumes: [{name: t, secret: {secretName: app-tls}}]\n",
    );
    let folder = written(&[
        ("base/kustomization.yaml", "resources: [app.yaml]\n"),
        ("base/app.yaml", &app),
        (
            "prod/kustomization.yaml",
            "resources: [../base]\ncomponents: [../part]\nsecretGenerator: [{name: app-tls, literals: [a=b]}]\n",
        ),
        (
            "part/kustomization.yaml",
            "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches: [{path: p.yaml}]\n",
        ),
        ("part/p.yaml", &deployment("app", "")),
    ]);
    let (report, code) = audited(folder.path(), &["."], None);
    assert_eq!((loud(&report), code), (vec![], 0), "{report}");
    let sources: Vec<&str> =
        report["deployments"].as_array().unwrap().iter().map(|one| one["source"].as_str().unwrap()).collect();
    assert_eq!(sources, ["base", "prod"]);
    // Alone it does.
    let (report, _) = audited(folder.path(), &["base"], None);
    assert_eq!(loud(&report).len(), 1, "{report}");
}
