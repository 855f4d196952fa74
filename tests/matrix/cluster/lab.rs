//! The stack in a namespace of a real Kubernetes, how a fault is made in it, and how it is made whole again.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tls_verify_fixtures::pki::{Authority, Leaf, Validity};

/// The stack's namespace: another one lets several runs share a cluster.
pub(super) fn namespace() -> String {
    std::env::var("TLS_VERIFY_NAMESPACE").unwrap_or_else(|_| "cordum".to_owned())
}

/// The program under test: the one that was built with the tests, or another build of it.
pub(super) fn program() -> String {
    std::env::var("TLS_VERIFY_PROGRAM").unwrap_or_else(|_| env!("CARGO_BIN_EXE_tls-verify").to_owned())
}

/// How long a state may take to come on a busy machine.
pub(super) fn patience() -> Duration {
    let seconds = std::env::var("TLS_VERIFY_PATIENCE").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(100))
}

/// Words that every script begins with.
const PREAMBLE: &str = r#"
set -eu
k() { "$KUBECTL" -n "$NS" "$@"; }
fill() { # SECRET FOLDER KEY...: keys of a Secret from files of the folder
  secret=$1; from=$2; shift 2; data=""
  for key in "$@"; do data="$data${data:+,}\"$key\":\"$(base64 -w0 <"$PKI/$from/$key")\""; done
  k patch secret "$secret" --type=merge -p "{\"data\":{$data}}"
  sleep 1.5 # the kubelet mounts what its watch has brought
}
unset_key() { k patch secret "$1" --type=json -p "[{\"op\":\"remove\",\"path\":\"/data/$2\"}]"; }
env_of() { workload=$1; shift; k set env "$workload" "$@"; }
again() { k rollout restart "$@"; }
config() { # CONFIGMAP KEY SED: a key of a ConfigMap through sed
  text=$(k get configmap "$1" -o json | jq --arg key "$2" -r '.data[$key]' | sed -E "$3")
  k patch configmap "$1" --type=merge -p "$(jq -cn --arg key "$2" --arg text "$text" '{data: {($key): $text}}')"
}
policies() { # [HOST PORT]: the lab's network enforces none: this does, as long as the namespace has some. A stranger
  # that gets an answer from HOST:PORT all the same shows that this node lets it not be done: the row is left out.
  setsid "$ROOT/fixtures/kubernetes/policies" "$KUBECTL" "$NS" "${KUBECONFIG%/*}" </dev/null >"${KUBECONFIG%/*}/policies.log" 2>&1 &
  sleep 2
  [ $# = 2 ] || return 0
  k run kept-out --image=docker.io/library/redis:7 --image-pull-policy=Never --restart=Never --labels=app=kept-out \
    --command -- sh -c "redis-cli -h $1 -p $2 ping; echo answered"
  for i in $(seq 60); do k get pod kept-out -o jsonpath='{.status.phase}' | grep -q Pending || break; sleep 0.5; done
  sleep 4
  said=$(k logs kept-out || true)
  k delete pod kept-out --now --wait=false
  case "$said" in *answered*) echo "NOT ENFORCED"; cat "${KUBECONFIG%/*}/policies.log"; exit 0;; esac
}
services="deployment/cordum-api-gateway deployment/cordum-scheduler deployment/cordum-safety-kernel deployment/cordum-workflow-engine deployment/cordum-context-engine"
"#;

/// The cluster that `scripts/test` started.
pub(super) struct Lab {
    kubeconfig: PathBuf,
    kubectl: PathBuf,
    pki: tempfile::TempDir,
    /// What was deployed, without what the cluster adds.
    healthy: Vec<Value>,
}

/// Kinds that a row may touch.
const KINDS: &str = "deployments,statefulsets,configmaps,secrets,services,networkpolicies,jobs,serviceaccounts,roles,rolebindings,resourcequotas,limitranges";

impl Lab {
    /// Where the cluster is, if there is one.
    pub(super) fn found() -> Option<(PathBuf, PathBuf)> {
        let file = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_file());
        Some((file("TLS_VERIFY_KUBECONFIG")?, file("TLS_VERIFY_KUBECTL")?))
    }

    /// Deploys the stack and waits until it stands.
    pub(super) fn deploy() -> Result<Self, String> {
        let (kubeconfig, kubectl) = Self::found().ok_or("there is no cluster")?;
        let pki = tempfile::tempdir().map_err(|error| error.to_string())?;
        material(&pki).map_err(|error| error.to_string())?;
        let mut lab = Self { kubeconfig, kubectl, pki, healthy: Vec::new() };
        lab.shell(r#""$KUBECTL" delete namespace "$NS" --ignore-not-found"#)?;
        lab.shell(r#""$ROOT/fixtures/kubernetes/stack" "$KUBECTL" "$NS" "$PKI""#)?;
        lab.settle()?;
        lab.healthy = lab.objects()?;
        Ok(lab)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let root = env!("CARGO_MANIFEST_DIR");
        command
            .env("KUBECONFIG", &self.kubeconfig)
            .env("KUBECTL", &self.kubectl)
            .env("NS", namespace())
            .env("PKI", self.pki.path())
            .env("ROOT", root)
            .stdin(Stdio::null());
        command
    }

    /// Runs a script; what it printed.
    pub(super) fn shell(&self, script: &str) -> Result<String, String> {
        let mut command = self.command("timeout");
        command.args(["120", "bash", "-c"]).arg(format!("{PREAMBLE}{script}"));
        done(command, script)
    }

    /// Types a command that the tool printed, as an operator would: with kubectl on the path, in a folder in which
    /// the good files lie under the names that the tool proposes.
    pub(super) fn type_in(&self, command: &str) -> Result<String, String> {
        let bin = self.pki.path().join("bin");
        if !bin.exists() {
            std::fs::create_dir(&bin).map_err(|error| error.to_string())?;
            std::os::unix::fs::symlink(&self.kubectl, bin.join("kubectl"))
                .map_err(|error| error.to_string())?;
        }
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
        let mut typed = self.command("timeout");
        typed
            .args(["60", "sh", "-c", command])
            .env("PATH", path)
            .current_dir(self.pki.path().join("operator"));
        done(typed, command)
    }

    /// `run --all --kubernetes`: exit code and report.
    pub(super) fn run(&self, more: &[&str]) -> Result<(i32, Value), String> {
        let mut command = self.command("timeout");
        command
            .args([
                "120",
                &program(),
                "run",
                "--all",
                "--kubernetes",
                "-n",
                &namespace(),
                "--format",
                "json",
                // A busy machine is no fault.
                "--timeout",
                "8s",
                "--deadline",
                "90s",
            ])
            .args(more)
            .env_remove("DOCKER_HOST");
        let output = command.output().map_err(|error| error.to_string())?;
        let text = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        for canary in ["lab-api-key-0123456789", "lab-redis-0123456789"] {
            if text.contains(canary) || errors.contains(canary) {
                return Err(format!("a secret is told: {text} {errors}"));
            }
        }
        let report = serde_json::from_str(&text).map_err(|error| format!("{error}: {text} {errors}"))?;
        Ok((output.status.code().unwrap_or(-1), report))
    }

    /// The same as an account of the namespace.
    pub(super) fn run_as(&self, account: &str) -> Result<(i32, Value), String> {
        let script = format!(
            r#"token=$(k create token {account})
"$KUBECTL" config view --raw -o json | jq --arg token "$token" '.users[].user = {{token: $token}}' >"$PKI/account""#
        );
        self.shell(&script)?;
        let file = self.pki.path().join("account").display().to_string();
        self.run(&["--kubeconfig", &file])
    }

    /// Waits until every workload has all of its pods, of its newest description, ready.
    pub(super) fn settle(&self) -> Result<(), String> {
        let begun = Instant::now();
        loop {
            let waits = self.unsettled()?;
            if waits.is_empty() {
                return Ok(());
            }
            if begun.elapsed() > patience() {
                return Err(format!("not settled: {waits:?}\n{}", self.shell("k get pods -o wide")?));
            }
            std::thread::sleep(Duration::from_millis(300));
        }
    }

    fn unsettled(&self) -> Result<Vec<String>, String> {
        let all = self.get("deployments,statefulsets,pods")?;
        let mut waits = Vec::new();
        for one in &all {
            let name = one["metadata"]["name"].as_str().unwrap_or_default().to_owned();
            if one["kind"] == "Pod" {
                if one["metadata"]["deletionTimestamp"].is_string() {
                    waits.push(format!("{name} is leaving"));
                }
                continue;
            }
            // What stands beside the stack, or is held on purpose, is not waited for.
            if !name.starts_with("cordum-") || one["spec"]["paused"] == true {
                continue;
            }
            let wanted = one["spec"]["replicas"].as_u64().unwrap_or(1);
            let count = |key: &str| one["status"][key].as_u64().unwrap_or(0);
            let seen = one["status"]["observedGeneration"] == one["metadata"]["generation"];
            if !seen || [count("readyReplicas"), count("updatedReplicas"), count("replicas")] != [wanted; 3] {
                waits.push(name);
            }
        }
        Ok(waits)
    }

    fn get(&self, kinds: &str) -> Result<Vec<Value>, String> {
        let text = self.shell(&format!("k get {kinds} -o json"))?;
        let list: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        Ok(list["items"].as_array().cloned().unwrap_or_default())
    }

    fn objects(&self) -> Result<Vec<Value>, String> {
        let mut all = self.get(KINDS)?;
        for one in &mut all {
            let Some(object) = one.as_object_mut() else { continue };
            object.remove("status");
            if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
                for key in ["resourceVersion", "uid", "generation", "creationTimestamp", "managedFields"] {
                    metadata.remove(key);
                }
                if let Some(notes) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
                    notes.retain(|name, _| !name.contains("kubernetes.io/"));
                }
            }
        }
        Ok(all)
    }

    /// Everything as it was deployed, whatever a row and its cure have made of it.
    pub(super) fn mend(&self) -> Result<(), String> {
        let same = |one: &Value, other: &Value| {
            one["kind"] == other["kind"] && one["metadata"]["name"] == other["metadata"]["name"]
        };
        let present = self.objects()?;
        let mut script = String::new();
        for extra in present.iter().filter(|one| !self.healthy.iter().any(|known| same(one, known))) {
            let kind = extra["kind"].as_str().unwrap_or_default();
            let name = extra["metadata"]["name"].as_str().unwrap_or_default();
            script.push_str(&format!("k delete {kind} {name} --wait=false\n"));
            if kind == "ResourceQuota" {
                // Who was refused tries again after minutes; a new template at once.
                script.push_str("k rollout restart deployment\n");
            }
        }
        let differs = |known: &&Value| {
            let now = present.iter().find(|one| same(one, known));
            now.is_none_or(|now| {
                ["spec", "data", "rules", "subjects"].iter().any(|field| now[*field] != known[*field])
            })
        };
        let changed: Vec<&Value> = self.healthy.iter().filter(differs).collect();
        // A Secret that a cure made anew may be of another type, which no replacement changes.
        let of_another_type = |one: &&&Value| {
            present.iter().any(|now| same(now, one) && one["kind"] == "Secret" && now["type"] != one["type"])
        };
        for name in changed.iter().filter(of_another_type).filter_map(|one| one["metadata"]["name"].as_str())
        {
            script.push_str(&format!("k delete secret {name}\n"));
        }
        let missing = |one: &&&Value| of_another_type(one) || !present.iter().any(|now| same(now, one));
        for (verb, all) in [
            ("create", changed.iter().filter(missing).collect::<Vec<_>>()),
            ("replace", changed.iter().filter(|one| !missing(one)).collect()),
        ] {
            if !all.is_empty() {
                let list = json!({"apiVersion": "v1", "kind": "List", "items": all});
                let file = self.pki.path().join(format!("{verb}.json"));
                std::fs::write(&file, list.to_string()).map_err(|error| error.to_string())?;
                script.push_str(&format!("k {verb} -f \"$PKI/{verb}.json\"\n"));
            }
        }
        // What has read another file at its start, or waits for its next one, starts anew.
        let sources: Vec<&str> = changed
            .iter()
            .filter(|one| one["kind"] == "Secret" || one["kind"] == "ConfigMap")
            .filter_map(|one| one["metadata"]["name"].as_str())
            .collect();
        let mut leaving = Vec::new();
        for pod in self.get("pods")? {
            let ready = pod["status"]["conditions"]
                .as_array()
                .is_some_and(|all| all.iter().any(|one| one["type"] == "Ready" && one["status"] == "True"));
            let spec = pod["spec"].to_string();
            if !ready || sources.iter().any(|name| spec.contains(&format!("\"{name}\""))) {
                leaving.extend(pod["metadata"]["name"].as_str().map(str::to_owned));
            }
        }
        if !sources.is_empty() {
            script.push_str("sleep 1.5\n");
        }
        if !leaving.is_empty() {
            script.push_str(&format!(
                "k delete pod --ignore-not-found --grace-period=1 --wait=false {}\n",
                leaving.join(" ")
            ));
        }
        self.shell(&script)?;
        self.settle()
    }
}

fn done(mut command: Command, what: &str) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{what}: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    Err(format!("{what}: {text} {}", String::from_utf8_lossy(&output.stderr)))
}

/// Files of all kinds: those of the stack, and those with which it is broken.
fn material(folder: &tempfile::TempDir) -> Result<(), Box<dyn std::error::Error>> {
    let put = |name: &str, leaf: &Leaf, authority: &Authority| -> Result<(), Box<dyn std::error::Error>> {
        let pair = authority.issue(leaf)?;
        let at = folder.path().join(name);
        std::fs::create_dir_all(&at)?;
        std::fs::write(at.join("tls.crt"), pair.chain_pem())?;
        std::fs::write(at.join("tls.key"), pair.key_pem())?;
        std::fs::write(at.join("ca.crt"), authority.pem())?;
        Ok(())
    };
    let own = Authority::named("Cordum CA", Validity::Now)?;
    let other = Authority::named("Cordum CA", Validity::Now)?;
    let namespace = namespace();
    let full = format!("cordum-api-gateway.{namespace}.svc.cluster.local");
    let server = ["localhost", "cordum-api-gateway", &full, "cordum-safety-kernel", "cordum-context-engine"];
    let pods = format!("*.cordum-nats.{namespace}.svc");
    let nats = ["nats", "cordum-nats", &pods, "localhost"];
    let redis = ["redis", "cordum-redis", "localhost"];
    let both = [rcgen::ExtendedKeyUsagePurpose::ServerAuth, rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    let leaves = [
        ("server", Leaf::server().for_names(&server)),
        ("client", Leaf::client()),
        ("nats", Leaf::server().for_names(&nats).using(&both)),
        ("redis", Leaf::server().for_names(&redis).using(&both)),
        ("fleet", Leaf::server().for_names(&["fleet"])),
    ];
    for (name, leaf) in leaves {
        put(name, &leaf, &own)?;
        put(&format!("renewed-{name}"), &leaf, &own)?;
        put(&format!("other-{name}"), &leaf, &other)?;
        put(&format!("expired-{name}"), &leaf.clone().valid(Validity::Expired), &own)?;
        put(&format!("early-{name}"), &leaf.clone().valid(Validity::Future), &own)?;
        put(&format!("strange-{name}"), &leaf.clone().for_names(&["elsewhere.example"]), &own)?;
        let folder = folder.path().join("operator/certs").join(name);
        std::fs::create_dir_all(&folder)?;
    }
    // The guide's generated certificates lack the names that a cluster asks for.
    put("generated-server", &Leaf::server().for_names(&["localhost", "cordum-api-gateway"]), &own)?;
    put("generated-nats", &Leaf::server().for_names(&["nats", "localhost"]).using(&both), &own)?;
    put("server-usage-client", &Leaf::client().using(&both[..1]), &own)?;
    put("client-usage-server", &Leaf::server().for_names(&server).using(&both[1..]), &own)?;
    let operator = folder.path().join("operator");
    for name in ["server", "client", "nats", "redis", "nats-server", "redis-server"] {
        let from = folder.path().join(format!("renewed-{}", name.split('-').next().unwrap_or(name)));
        let to = operator.join("certs").join(name);
        std::fs::create_dir_all(&to)?;
        for file in ["tls.crt", "tls.key", "ca.crt"] {
            std::fs::copy(from.join(file), to.join(file))?;
        }
    }
    std::fs::create_dir_all(operator.join("certs/ca"))?;
    std::fs::create_dir_all(folder.path().join("ca"))?;
    for at in [operator.join("certs/ca/ca.crt"), folder.path().join("ca/ca.crt"), operator.join("ca.crt")] {
        std::fs::write(at, own.pem())?;
    }
    Ok(())
}
