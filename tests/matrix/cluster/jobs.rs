//! The manifests of `packaging/` as they are, in the cluster: the Job that proves all checks from inside, and the
//! Indexed Job that goes through a fleet. Only the image is another: the program under test.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use super::lab::Lab;

/// How many endpoints the fleet has, each a port of its own.
const FLEET: usize = 2000;
const FIRST: usize = 20_000;

/// A pod that listens at all of them, behind a name that its certificate has.
const LISTENERS: &str = r#"
k create secret generic fleet-tls --from-file="$PKI/fleet/tls.crt" --from-file="$PKI/fleet/tls.key"
k create configmap fleet --from-literal=nginx.conf='
worker_rlimit_nofile 8192; error_log stderr; pid /tmp/nginx.pid;
events { worker_connections 8000; }
http { access_log off; server { listen 20000-21999 ssl; ssl_certificate /tls/tls.crt; ssl_certificate_key /tls/tls.key; return 200; } }'
k create -f - <<'END'
apiVersion: v1
kind: Service
metadata: {name: fleet}
spec: {clusterIP: None, selector: {app: fleet}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: fleet}
spec:
  selector: {matchLabels: {app: fleet}}
  template:
    metadata: {labels: {app: fleet}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: nginx
          image: docker.io/lab/dashboard:1
          imagePullPolicy: Never
          command: [nginx, -c, /conf/nginx.conf, -g, "daemon off;"]
          readinessProbe: {tcpSocket: {port: 21999}, periodSeconds: 1}
          volumeMounts: [{name: conf, mountPath: /conf}, {name: tls, mountPath: /tls}]
      volumes:
        - {name: conf, configMap: {name: fleet}}
        - {name: tls, secret: {secretName: fleet-tls}}
END
k rollout status deployment/fleet --timeout=90s
"#;

/// The program as an image on the node, once.
fn image(lab: &Lab) -> Result<(), String> {
    static MADE: OnceLock<Result<(), String>> = OnceLock::new();
    MADE.get_or_init(|| {
        let (kubeconfig, _) = Lab::found().ok_or("there is no cluster")?;
        let folder = kubeconfig.parent().unwrap_or(Path::new(".")).display().to_string();
        let program = super::lab::program();
        lab.shell(&format!(
            "\"$ROOT/fixtures/kubernetes/images\" '{folder}/images' tool '{program}'
             \"$ROOT/fixtures/kubernetes/cluster\" import '{folder}' '{folder}/images/tool.tar'"
        ))
        .map(drop)
    })
    .clone()
}

/// Makes a manifest's Job with the program under test, waits until it has ended, and gives each pod's log.
fn ended(lab: &Lab, manifest: &str, change: &str) -> Result<(Value, BTreeMap<String, String>), String> {
    let job: Value = read(&lab.shell(&format!(
        "k create --dry-run=client -f \"$ROOT/packaging/{manifest}\" -o json | jq '
           .spec.template.spec.containers[0] |= (.image = \"docker.io/lab/tls-verify:1\" | .imagePullPolicy = \"Never\")
           | {change}' | k create -f - -o json"
    ))?)?;
    let name = job["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let begun = std::time::Instant::now();
    let job = loop {
        let job = read(&lab.shell(&format!("k get job {name} -o json"))?)?;
        let conditions = job["status"]["conditions"].as_array().cloned().unwrap_or_default();
        if conditions.iter().any(|one| matches!(one["type"].as_str(), Some("Complete" | "Failed"))) {
            break job;
        }
        if begun.elapsed() > super::lab::patience() * 2 {
            return Err(format!("{name} does not end: {}\n{}", job["status"], lab.shell("k get pods")?));
        }
        std::thread::sleep(std::time::Duration::from_millis(500));
    };
    let pods = lab.shell(&format!("k get pods -l job-name={name} -o name"))?;
    let mut logs = BTreeMap::new();
    for pod in pods.lines() {
        logs.insert(pod.to_owned(), lab.shell(&format!("k logs {pod}"))?);
    }
    Ok((job, logs))
}

fn read(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("{error}: {text}"))
}

/// With the account and the Role of `packaging/` and no others: every check is good, and the Job has succeeded.
pub(super) fn inside(lab: &Lab) -> Result<(), String> {
    image(lab)?;
    lab.shell(r#"k apply -f "$ROOT/packaging/kubernetes-role.yaml""#)?;
    let result = proves(lab);
    lab.mend()?;
    result
}

fn proves(lab: &Lab) -> Result<(), String> {
    // Quiet: `kubectl logs` mixes both streams, in any order.
    let change = ".spec.template.spec.containers[0].args += [\"--format\", \"json\", \"--quiet\", \"--timeout\", \"8s\"]";
    let (job, logs) = ended(lab, "kubernetes-check.yaml", change)?;
    let log = logs.values().next().ok_or("the Job has no pod")?;
    let from = log.find('{').ok_or_else(|| format!("no report in {log}"))?;
    let report = read(log[from..].trim())?;
    let checks = report["checks"].as_array().cloned().unwrap_or_default();
    let bad: Vec<String> = checks
        .iter()
        .filter(|check| !matches!(check["status"].as_str(), Some("pass" | "warn")))
        .map(|check| format!("{} {}: {}", check["id"], check["status"], check["summary"]))
        .collect();
    if checks.len() != tls_verify_checks::ALL.len() || !bad.is_empty() || job["status"]["succeeded"] != 1 {
        return Err(format!("{} checks, {bad:?}, {}", checks.len(), job["status"]));
    }
    Ok(())
}

/// Two thousand endpoints in four shards: each is asked once, and the shards join to one report in which all is well.
pub(super) fn fleet(lab: &Lab) -> Result<(), String> {
    image(lab)?;
    let result = shards(lab);
    lab.mend()?;
    result
}

fn shards(lab: &Lab) -> Result<(), String> {
    lab.shell(LISTENERS)?;
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let targets: String = (FIRST..).take(FLEET).map(|port| format!("https://fleet:{port}\n")).collect();
    std::fs::write(folder.path().join("targets"), targets).map_err(|error| error.to_string())?;
    lab.shell(&format!(
        "k create configmap tls-targets --from-file=targets='{}/targets'",
        folder.path().display()
    ))?;
    let begun = std::time::Instant::now();
    let (job, logs) = ended(lab, "kubernetes-fleet.yaml", "del(.metadata.namespace)")?;
    let took = begun.elapsed();
    let mut merge = Command::new(super::lab::program());
    merge.args(["merge", "--format", "json", "--expect", &FLEET.to_string()]);
    for (number, log) in logs.values().enumerate() {
        let file = folder.path().join(format!("shard-{number}.jsonl"));
        std::fs::write(&file, log).map_err(|error| error.to_string())?;
        merge.arg(file);
    }
    let output = merge.output().map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    if logs.len() != 4 || output.status.code() != Some(0) {
        let text: String = text.chars().take(2000).collect();
        return Err(format!("{} shards, {:?}: {errors} {text} {}", logs.len(), output.status, job["status"]));
    }
    eprintln!("{FLEET} endpoints in four shards: {:.0} s with the pods' start", took.as_secs_f64());
    Ok(())
}
