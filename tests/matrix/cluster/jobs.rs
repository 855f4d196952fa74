//! The manifests of `packaging/` as they are, in the cluster: the Job that proves all checks from inside, and the
//! Indexed Job that goes through a fleet. Only the image is another: the program under test.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use super::lab::Lab;

/// How many endpoints the fleet has.
const FLEET: usize = 2000;

/// The program as an image on the node, once.
fn image(lab: &Lab) -> Result<(), String> {
    static MADE: OnceLock<Result<(), String>> = OnceLock::new();
    MADE.get_or_init(|| {
        let (kubeconfig, _) = Lab::found().ok_or("there is no cluster")?;
        let folder = kubeconfig.parent().unwrap_or(Path::new(".")).display().to_string();
        let program = env!("CARGO_BIN_EXE_tls-verify");
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
    let known = [
        "https://cordum-api-gateway.cordum.svc.cluster.local:8081",
        "tls://nats:4222",
        "tls://cordum-nats-0.cordum-nats.cordum.svc:4222",
        "tls://cordum-nats-1.cordum-nats.cordum.svc:4222",
        "tls://cordum-nats-2.cordum-nats.cordum.svc:4222",
        "grpcs://cordum-safety-kernel:50051",
    ];
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let targets: String = known.iter().cycle().take(FLEET).map(|target| format!("{target}\n")).collect();
    std::fs::write(folder.path().join("targets"), targets).map_err(|error| error.to_string())?;
    lab.shell(&format!(
        "k create configmap tls-targets --from-file=targets='{}/targets'",
        folder.path().display()
    ))?;
    let begun = std::time::Instant::now();
    let (job, logs) = ended(lab, "kubernetes-fleet.yaml", ".")?;
    let took = begun.elapsed();
    let mut merge = Command::new(env!("CARGO_BIN_EXE_tls-verify"));
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
