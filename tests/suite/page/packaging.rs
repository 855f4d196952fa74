//! What is shipped for the live page: Prometheus' own tool accepts it, and it speaks of what there is.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use clap::Parser;
use serde::Deserialize;
use serde_json::Value;
use tls_verify::cli::Cli;

use super::page;

fn file(name: &str) -> String {
    fs::read_to_string(format!("{}/packaging/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// Prometheus' tool, where it is.
fn promtool(folder: &Path, arguments: &[&str]) -> Option<()> {
    let output = match Command::new("promtool").args(arguments).current_dir(folder).output() {
        Ok(output) => output,
        Err(error) => {
            let required = std::env::var("TLS_VERIFY_REQUIRE").is_ok_and(|all| all.contains("chromium"));
            assert!(!required, "promtool: {error}");
            println!("skipped: no promtool");
            return None;
        }
    };
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "promtool {arguments:?}: {said}");
    Some(())
}

/// Every metric that a run or a watch writes.
fn metrics() -> BTreeSet<String> {
    let (text, _) = page(&["demo", "--all", "--format", "prometheus"]);
    let names = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    names.map(str::to_owned).chain(["tls_verify_rounds_total".to_owned()]).collect()
}

/// Words of a text that are metrics of ours.
fn named(text: &str) -> BTreeSet<String> {
    let word = |one: char| !one.is_ascii_alphanumeric() && one != '_';
    text.split(word).filter(|one| one.starts_with("tls_verify_")).map(str::to_owned).collect()
}

#[test]
fn the_alerts_fire_when_they_should_and_stay_silent_while_all_holds() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("prometheus-alerts.yml"), file("prometheus-alerts.yml")).unwrap();
    let cases = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/suite/page/data/alerts.yml");
    fs::copy(cases, folder.path().join("cases.yml")).unwrap();
    let (known, used) = (metrics(), named(&file("prometheus-alerts.yml")));
    assert!(used.len() >= 4 && used.is_subset(&known), "{used:?} {known:?}");
    promtool(folder.path(), &["check", "rules", "prometheus-alerts.yml"]);
    promtool(folder.path(), &["test", "rules", "cases.yml"]);
}

#[test]
fn the_dashboard_asks_for_metrics_that_there_are_in_words_that_prometheus_takes() {
    let dashboard: Value = serde_json::from_str(&file("grafana-dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<u64> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len(), "two panels with one id");
    let known = metrics();
    let mut rules = "groups:\n- name: dashboard\n  rules:\n".to_owned();
    let mut seen = BTreeSet::new();
    for target in panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap()) {
        let expression = target["expr"].as_str().unwrap().replace("$instance", ".*");
        let used = named(&expression);
        assert!(!used.is_empty() && used.is_subset(&known), "{expression}");
        seen.extend(used);
        let quoted = serde_json::to_string(&expression).unwrap();
        rules.push_str(&format!("  - record: asked:{}\n    expr: {quoted}\n", seen.len() + rules.len()));
    }
    assert_eq!(seen, known, "a metric that the dashboard does not show");
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("rules.yml"), rules).unwrap();
    promtool(folder.path(), &["check", "rules", "rules.yml"]);
}

#[test]
fn the_handbook_has_every_metric_and_no_other() {
    let text = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/handbook/metrics.md");
    let (mut known, told) = (metrics(), named(&fs::read_to_string(text).unwrap()));
    // What `probe` alone writes.
    let (probed, _) = page(&["probe", "127.0.0.1:1", "--format", "prometheus"]);
    known.extend(named(&probed));
    assert_eq!(told, known);
}

#[test]
fn the_deployment_serves_what_its_monitor_scrapes() {
    let text = file("kubernetes-watch.yaml");
    let documents: Vec<serde_yaml_ng::Value> = serde_yaml_ng::Deserializer::from_str(&text)
        .map(|one| serde_yaml_ng::Value::deserialize(one).unwrap())
        .collect();
    let of = |kind: &str| documents.iter().find(|one| one["kind"] == kind).unwrap();
    let pod = &of("Deployment")["spec"]["template"];
    let container = &pod["spec"]["containers"][0];
    let words: Vec<String> =
        container["args"].as_sequence().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect();
    let line = std::iter::once("tls-verify".to_owned()).chain(words.iter().cloned());
    let cli = Cli::try_parse_from(line).unwrap_or_else(|error| panic!("{error}"));
    let Some(tls_verify::cli::Command::Run(run)) = cli.command else { panic!("no run") };
    let listen = run.listen.unwrap();
    let port = listen.rsplit(':').next().unwrap().parse::<u64>().unwrap();
    assert_eq!(container["ports"][0]["containerPort"].as_u64(), Some(port));
    let mounts: Vec<&str> = container["volumeMounts"]
        .as_sequence()
        .unwrap()
        .iter()
        .map(|one| one["mountPath"].as_str().unwrap())
        .collect();
    for path in words.iter().filter(|word| word.starts_with('/')) {
        assert!(mounts.iter().any(|mount| path.starts_with(mount)), "{path}: {mounts:?}");
    }
    for probe in ["livenessProbe", "readinessProbe"] {
        assert_eq!(container[probe]["httpGet"]["path"], "/healthz", "{probe}");
        assert_eq!(container[probe]["httpGet"]["port"], container["ports"][0]["name"], "{probe}");
    }
    let service = of("Service");
    assert_eq!(service["spec"]["selector"], pod["metadata"]["labels"]);
    assert_eq!(service["spec"]["ports"][0]["targetPort"], container["ports"][0]["name"]);
    let monitor = &of("ServiceMonitor")["spec"];
    assert_eq!(monitor["selector"]["matchLabels"], service["metadata"]["labels"]);
    assert_eq!(monitor["endpoints"][0]["port"], service["spec"]["ports"][0]["name"]);
    assert_eq!(monitor["endpoints"][0]["path"], "/metrics");
}
