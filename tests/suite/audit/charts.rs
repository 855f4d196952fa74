//! Charts through helm: rendered where it is there, said plainly where it is not, and every setting in the template or
//! in the value that it came from.

use std::fs;

use super::loud;
use super::programs::{audited, stand_in, told, undecided, written};

const TEMPLATE: &str = "apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}-app
spec:
  template:
    metadata:
      labels: {app: app}
    spec:
      containers:
        - name: app
          image: \"{{ .Values.image }}\"
          args: [--listen=:8443, --tls-cert=/t/tls.crt, --tls-key=/t/tls.key]
          env:
            - name: BUS_URL
              value: {{ .Values.bus.url | quote }}
          readinessProbe:
            httpGet:
              port: 8443
          {{- if .Values.live }}
          livenessProbe:
            httpGet:
              port: 8443
          {{- end }}
";
const BUS: &str = "apiVersion: v1
kind: Pod
metadata: {name: bus, labels: {app: bus}}
spec:
  containers:
  - name: nats
    image: nats:2
    args: [--tls, --tlscert=/x.crt, --tlskey=/x.key]
---
apiVersion: v1
kind: Service
metadata: {name: bus}
spec: {selector: {app: bus}, ports: [{port: 4222}]}
";
const VALUES: &str =
    "image: registry.example.test/app:1\nlive: true\nbus:\n  url: nats://bus:4222\nunread: 1\n";

pub(super) fn chart(more: &[(&str, &str)]) -> tempfile::TempDir {
    let mut files = vec![
        ("c/Chart.yaml", "apiVersion: v2\nname: mini\nversion: 1.0.0\n"),
        ("c/values.yaml", VALUES),
        ("c/templates/app.yaml", TEMPLATE),
        ("c/templates/bus.yaml", BUS),
    ];
    files.retain(|(path, _)| !more.iter().any(|(other, _)| path == other));
    files.extend(more);
    written(&files)
}

/// What helm prints of it.
fn printed() -> String {
    let app = TEMPLATE
        .replace("{{ .Release.Name }}", "cordum")
        .replace("{{ .Values.image }}", "registry.example.test/app:1")
        .replace("{{ .Values.bus.url | quote }}", "\"nats://bus:4222\"")
        .replace("          {{- if .Values.live }}\n", "")
        .replace("          {{- end }}\n", "");
    format!("---\n# Source: mini/templates/bus.yaml\n{BUS}---\n# Source: mini/templates/app.yaml\n{app}")
}

#[test]
fn what_helm_renders_is_told_in_the_template_or_in_the_value_that_stands_there() {
    let folder = chart(&[]);
    let text = folder.path().join("printed.txt");
    fs::write(&text, printed()).unwrap();
    let printing = stand_in("helm", &format!("cat '{}'", text.display()));
    let own = std::env::var_os("PATH")
        .and_then(|path| std::env::split_paths(&path).find(|one| one.join("helm").is_file()));
    for bin in [Some(printing.path().to_path_buf()), own].into_iter().flatten() {
        let (report, code) = audited(folder.path(), &["c"], Some(&bin));
        let found = loud(&report);
        assert!(
            found.contains(&told(folder.path(), "scheme-mismatch", "c/values.yaml", "url:")),
            "{found:?}"
        );
        assert!(
            found.contains(&told(folder.path(), "unused-setting", "c/values.yaml", "unread")),
            "{found:?}"
        );
        let probes: Vec<u64> = found
            .iter()
            .filter(|(rule, file, _)| rule == "probe-scheme" && file == "c/templates/app.yaml")
            .map(|(.., line)| *line)
            .collect();
        assert_eq!(probes, [18, 22], "{report}");
        assert_eq!(code, 1);
    }
}

const CONF: &str = "apiVersion: v1
kind: ConfigMap
metadata: {name: conf}
data:
  nats.conf: |
    port: 4223
    {{- if .Values.live }}
    tls {
      cert_file: /x.crt
      {{- /* both */}}
      key_file: /x.key
      min_version: \"1.1\"
    }
    {{- end }}
    verfiy: true
---
apiVersion: v1
kind: Pod
metadata: {name: inner}
spec:
  containers:
  - {name: nats, image: \"nats:2\", args: [-c, /conf/nats.conf], volumeMounts: [{name: conf, mountPath: /conf}]}
  volumes: [{name: conf, configMap: {name: conf}}]
";

#[test]
fn a_configuration_with_actions_between_its_lines_keeps_the_place_of_each() {
    let folder = chart(&[("c/templates/conf.yaml", CONF)]);
    let text = folder.path().join("printed.txt");
    let shown: Vec<&str> = CONF.lines().filter(|line| !line.contains("{{")).collect();
    let more = format!("---\n# Source: mini/templates/conf.yaml\n{}\n", shown.join("\n"));
    fs::write(&text, printed() + &more).unwrap();
    let printing = stand_in("helm", &format!("cat '{}'", text.display()));
    let (report, _) = audited(folder.path(), &["c"], Some(printing.path()));
    let found = loud(&report);
    for (rule, mark) in [("minimum-version", "min_version"), ("unknown-setting", "verfiy")] {
        let wanted = told(folder.path(), rule, "c/templates/conf.yaml", mark);
        assert!(found.contains(&wanted), "{wanted:?}: {found:?}");
    }
    // A line that stands as it is has its column, too.
    let column = |rule: &str| {
        let one = report["findings"].as_array().unwrap().iter().find(|one| one["rule"] == rule);
        one.map(|one| one["column"].as_u64().unwrap())
    };
    assert_eq!((column("minimum-version"), column("unknown-setting")), (Some(20), Some(5)));
}

#[test]
fn a_chart_without_helm_is_a_question_of_usage_where_it_is_named_and_undecided_where_it_is_met() {
    let folder = chart(&[]);
    let (report, code) = audited(folder.path(), &["c"], None);
    assert_eq!(code, 2);
    assert!(
        report["errors"].to_string().contains("helm template release c | tls-verify audit -"),
        "{report}"
    );
    let (report, code) = audited(folder.path(), &["."], None);
    assert!(undecided(&report).contains("helm is not on PATH"), "{report}");
    assert_eq!((loud(&report), code), (vec![], 3));
    let library = chart(&[("c/Chart.yaml", "apiVersion: v2\nname: l\nversion: 1.0.0\ntype: library\n")]);
    assert_eq!(audited(library.path(), &["."], None).1, 2, "nothing is deployed by it");
}

#[test]
fn why_helm_renders_nothing_decides_what_is_said() {
    let says = |text: &str| stand_in("helm", &format!("echo '{text}' >&2; exit 1"));
    // A mistake in a template is one of its line.
    let bad = says("Error: parse error at (mini/templates/app.yaml:4): function \"nme\" not defined");
    let folder = chart(&[]);
    let (report, code) = audited(folder.path(), &["c"], Some(bad.path()));
    assert_eq!(loud(&report), [("unreadable-config".to_owned(), "c/templates/app.yaml".to_owned(), 4)]);
    assert_eq!(code, 1);
    // What nobody has given or fetched yet is none.
    let required = says("Error: execution error at (mini/templates/app.yaml:3:4): a key is required");
    let unfetched = says("Error: found in Chart.yaml, but missing in charts/ directory: redis");
    let depending = chart(&[(
        "c/Chart.yaml",
        "apiVersion: v2\nname: mini\nversion: 1.0.0\ndependencies: [{name: redis, version: 1.0.0, repository: 'https://x.example.test'}]\n",
    )]);
    for (folder, bin, word) in
        [(&folder, &required, "--values FILE"), (&depending, &unfetched, "helm dependency build c")]
    {
        let (report, code) = audited(folder.path(), &["c"], Some(bin.path()));
        assert!(undecided(&report).contains(word), "{report}");
        assert_eq!((loud(&report), code), (vec![], 3));
    }
}
