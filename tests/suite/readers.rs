//! One and the same story of a stack, as logs of a Docker project and as a recorded namespace: check 7 says the
//! same of both, and `diagnose` names what it says.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

/// A small generator of our own: the same stories on every machine.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

/// What happens to a service.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Calm,
    /// Redis came late.
    GotOver,
    /// It runs on without a Redis that it cannot trust.
    Distrusts,
    /// Every start ends at Redis.
    DiesOfRedis,
    /// Every start ends at NATS.
    DiesOfNats,
}

/// Service, its tag, its container and label in a cluster, the words of its start, and of what it died of.
const SERVICES: &[[&str; 5]] = &[
    [
        "api-gateway",
        "GATEWAY",
        "gateway",
        "cordum api gateway starting...",
        "api gateway error error=connect",
    ],
    [
        "scheduler",
        "SCHEDULER",
        "scheduler",
        "cordum scheduler starting...",
        "failed to connect error=connect",
    ],
    [
        "workflow-engine",
        "WORKFLOW-ENGINE",
        "workflow-engine",
        "cordum workflow engine starting...",
        "workflow engine error error=connect",
    ],
];

const HARMLESS: &[&str] = &[
    "INFO policy signing: enabled component=x mode=warn key_id=dev-local",
    "INFO job finished prompt=why x509: certificate has expired or is not yet valid",
    "INFO request completed method=GET path=/readyz status=200 duration_ms=1",
    "WARN registry warm-start: failed to read snapshot error=redis: nil",
    "INFO said \"remote error: tls: bad certificate\" topic=tls",
    "INFO credential sweep done expired=0 errors=0",
    "ERROR tenant quota exceeded tenant=default limit=4",
];

const DISTRUST: &str = "tls: failed to verify certificate: x509: certificate signed by unknown authority";

/// A log's starts, each with its lines and their seconds.
type Starts = Vec<Vec<(usize, String)>>;

fn story(dice: &mut Dice, service: &[&str; 5], fate: Fate) -> Starts {
    let [_, tag, _, start, died] = service;
    let count = match fate {
        Fate::DiesOfRedis | Fate::DiesOfNats => 3,
        Fate::Calm | Fate::GotOver | Fate::Distrusts => 1 + dice.below(2),
    };
    let mut starts = Starts::new();
    let mut second = dice.below(20);
    for index in 0..count {
        let mut lines = vec![(second, format!("[{tag}] INFO {start}"))];
        let mut say = |second: &mut usize, words: &str| {
            *second += 1;
            lines.push((*second, format!("[{tag}] {words}")));
        };
        let noise = |dice: &mut Dice, second: &mut usize, say: &mut dyn FnMut(&mut usize, &str)| {
            for _ in 0..dice.below(4) {
                say(second, HARMLESS[dice.below(HARMLESS.len())]);
            }
        };
        noise(dice, &mut second, &mut say);
        let link = if fate == Fate::DiesOfNats { "nats" } else { "redis" };
        match fate {
            Fate::DiesOfRedis | Fate::DiesOfNats => {
                say(&mut second, &format!("ERROR {died} {link}: {DISTRUST}"));
            }
            Fate::Calm | Fate::GotOver | Fate::Distrusts => {
                let last = index + 1 == count;
                if fate == Fate::GotOver && last {
                    say(
                        &mut second,
                        "WARN redis ping failed error=dial tcp 172.18.0.3:6379: connect: connection refused",
                    );
                    noise(dice, &mut second, &mut say);
                }
                say(&mut second, "INFO http listening addr=:8081");
                say(&mut second, "INFO bus: jetstream enabled ack_wait=10m0s");
                if fate == Fate::Distrusts && last {
                    for _ in 0..=dice.below(3) {
                        noise(dice, &mut second, &mut say);
                        say(&mut second, &format!("ERROR redis ping failed error={DISTRUST}"));
                    }
                }
                noise(dice, &mut second, &mut say);
                if last && fate != Fate::Distrusts {
                    second = 900;
                    say(&mut second, HARMLESS[0]);
                }
            }
        }
        second += 30;
        starts.push(lines);
    }
    starts
}

fn text(starts: &[Vec<(usize, String)>]) -> String {
    let mut text = String::new();
    for (second, line) in starts.iter().flatten() {
        let (minutes, seconds) = (second / 60, second % 60);
        writeln!(text, "2026-11-24T10:{minutes:02}:{seconds:02}.000000000Z {line}").unwrap();
    }
    text
}

fn pod(app: &str, container: &str, fate: Fate, starts: usize) -> Value {
    let dies = matches!(fate, Fate::DiesOfRedis | Fate::DiesOfNats);
    let ready = matches!(fate, Fate::Calm | Fate::GotOver);
    let ended = json!({"terminated": {"exitCode": 1, "reason": "Error", "startedAt": "2026-11-24T10:00:00Z",
        "finishedAt": "2026-11-24T10:00:05Z"}});
    let state = match dies {
        true => {
            json!({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s restarting failed container"}})
        }
        false => json!({"running": {"startedAt": "2026-11-24T10:00:00Z"}}),
    };
    let word = if ready { "True" } else { "False" };
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": format!("{app}-0"), "namespace": "cordum", "labels": {"app": app}},
        "spec": {"containers": [{"name": container, "image": "cordum:1", "env": []}]},
        "status": {
            "phase": "Running", "podIP": "10.244.0.9",
            "conditions": [{"type": "Ready", "status": word}],
            "containerStatuses": [{"name": container, "ready": ready, "started": !dies, "restartCount": starts - 1,
                "state": state, "lastState": if starts > 1 { ended } else { json!({}) }, "image": "cordum:1"}],
        },
    })
}

/// Writes one story twice.
fn write(dice: &mut Dice, docker: &Path, cluster: &Path) -> Vec<Fate> {
    std::fs::create_dir_all(cluster.join("logs")).unwrap();
    std::fs::create_dir_all(docker).unwrap();
    let mut pods = Vec::new();
    let mut fates = Vec::new();
    let fate_of =
        [Fate::Calm, Fate::Calm, Fate::GotOver, Fate::Distrusts, Fate::DiesOfRedis, Fate::DiesOfNats];
    for service in SERVICES {
        let fate = fate_of[dice.below(fate_of.len())];
        fates.push(fate);
        let starts = story(dice, service, fate);
        std::fs::write(docker.join(format!("{}.log", service[0])), text(&starts)).unwrap();
        let app = format!("cordum-{}", service[0]);
        let (last, before) = starts.split_last().unwrap();
        let log = |end: &str| cluster.join("logs").join(format!("{app}-0_{}{end}", service[2]));
        std::fs::write(log(".log"), text(std::slice::from_ref(last))).unwrap();
        if let Some(previous) = before.last() {
            std::fs::write(log(".previous.log"), text(std::slice::from_ref(previous))).unwrap();
        }
        pods.push(pod(&app, service[2], fate, starts.len()));
    }
    let redis =
        "2026-11-24T09:59:00.000000000Z 1:M 24 Nov 2026 09:59:00.000 * Ready to accept connections tls\n";
    let nats = "2026-11-24T09:59:00.000000000Z [1] 2026/11/24 09:59:00.000000 [INF] Server is ready\n";
    for (name, said) in [("redis", redis), ("nats", nats)] {
        std::fs::write(docker.join(format!("{name}.log")), said).unwrap();
        std::fs::write(cluster.join("logs").join(format!("{name}-0_{name}.log")), said).unwrap();
        pods.push(pod(name, name, Fate::Calm, 1));
    }
    let list = json!({"apiVersion": "v1", "kind": "List", "items": pods});
    std::fs::write(cluster.join("pods.json"), list.to_string()).unwrap();
    fates
}

fn json_of(args: &[&str], folder: &Path) -> Value {
    let output = crate::bare().args(args).arg(folder).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error}: {text}{}", String::from_utf8_lossy(&output.stderr)))
}

/// What is broken now; what was got over may be told or not.
fn causes(check: &Value) -> BTreeSet<String> {
    let all = check["diagnoses"].as_array().cloned().unwrap_or_default();
    let broken = all.iter().filter(|one| one["severity"] == "error");
    broken.filter_map(|one| one["cause"].as_str().map(str::to_owned)).collect()
}

fn class(check: &Value) -> &str {
    match check["status"].as_str() {
        Some("pass" | "warn") => "well",
        Some(other) => other,
        None => "nothing",
    }
}

#[test]
fn a_docker_project_and_a_namespace_of_one_story_are_judged_alike() {
    let services = "api-gateway,scheduler,workflow-engine";
    let run = ["run", "--only", "redis-logs", "--format", "json", "--services", services];
    let mut seen = BTreeSet::new();
    for seed in 0..16 {
        let folder = tempfile::tempdir().unwrap();
        let (docker, cluster) = (folder.path().join("docker"), folder.path().join("cluster"));
        let fates = write(&mut Dice(seed * 104_729 + 7), &docker, &cluster);
        let logs = json_of(&[&run[..], &["--no-docker", "--logs"]].concat(), &docker);
        let objects = json_of(&[&run[..], &["--objects"]].concat(), &cluster);
        let told = json_of(&["diagnose", "--format", "json"], &docker);
        let (logs, objects) = (&logs["checks"][0], &objects["checks"][0]);
        let story = format!("seed {seed}: {fates:?}\nlogs: {logs}\nobjects: {objects}\ndiagnose: {told}");
        assert_eq!(class(logs), class(objects), "{story}");
        let said = causes(logs);
        assert_eq!(said, causes(objects), "{story}");
        let named = told["summary"].as_object().unwrap();
        assert!(said.iter().all(|cause| named.contains_key(cause)), "{story}");
        // What was told of Redis is told by each of the three, and nothing is made of user text.
        let of_redis = fates.iter().any(|fate| matches!(fate, Fate::Distrusts | Fate::DiesOfRedis));
        assert_eq!(logs["status"] == "fail", of_redis, "{story}");
        assert_eq!(said.contains("unknown-authority"), of_redis, "{story}");
        assert!(!named.contains_key("expired") && !named.contains_key("bad-certificate"), "{story}");
        seen.insert(class(logs).to_owned());
    }
    assert!(seen.len() > 1, "every story ended alike: {seen:?}");
}
