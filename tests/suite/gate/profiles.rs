//! `--profile`: every field has its effect, every mistake is named, the built-in ones do what they say.

use std::fs;
use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use tls_verify::config::profile::{BUILT_IN, Profile};
use tls_verify_fixtures::pki::{Authority, Layout, Leaf, Validity};
use tokio::runtime::Runtime;

use crate::gate::support::{Engine, Stack, finish, holds, program, text};

/// `run` with a profile in a folder of its own, nothing else named.
struct Bench(tempfile::TempDir);

impl Bench {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn run(&self, profile: &str) -> Command {
        let file = self.0.path().join("mine.toml");
        fs::write(&file, profile).unwrap();
        let mut command = program();
        command.args(["run", "--format", "json", "--profile"]).arg(file);
        command.current_dir(self.0.path()).env("CORDUM_API_KEY", "key").env("REDIS_PASSWORD", "word");
        command
    }
}

fn report(command: &mut Command) -> Value {
    let output = finish(command);
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {} {}", text(&output.stdout), text(&output.stderr)));
    assert_eq!(report["exit_code"], output.status.code().unwrap(), "{report}");
    report
}

fn check<'a>(report: &'a Value, id: &str) -> &'a Value {
    let checks = report["checks"].as_array().unwrap_or_else(|| panic!("{report}"));
    checks.iter().find(|check| check["id"] == id).unwrap_or_else(|| panic!("no {id}: {report}"))
}

#[test]
fn targets_are_dialled_and_flags_and_environment_beat_them() {
    let bench = Bench::new();
    let ca = Authority::generate().unwrap();
    let certs = bench.0.path().join("certs");
    let server = ca.issue(&Leaf::server()).unwrap();
    Layout::write(&certs, &ca, &server, &ca.issue(&Leaf::client()).unwrap()).unwrap();
    let keys = ["gateway", "nats", "redis", "dashboard", "gateway-grpc", "safety-kernel", "context-engine"];
    let schemes = ["https://", "tls://", "rediss://", "http://", "", "", ""];
    let ports: Vec<TcpListener> = keys.iter().map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let target =
        |index: usize| format!("{}localhost:{}", schemes[index], ports[index].local_addr().unwrap().port());
    let mut profile = "name = \"mine\"\nabout = \"a stack of ours\"\n[targets]\n".to_owned();
    for (index, key) in keys.iter().enumerate() {
        profile.push_str(&format!("{key} = \"{}\"\n", target(index)));
    }
    // Every one of them is dialled; what it meets there is cut off.
    let visits: Vec<std::thread::JoinHandle<bool>> = ports
        .iter()
        .map(|port| {
            let port = port.try_clone().unwrap();
            std::thread::spawn(move || {
                port.set_nonblocking(true).unwrap();
                let end = Instant::now() + Duration::from_secs(60);
                let mut visited = false;
                while Instant::now() < end {
                    match port.accept() {
                        Ok(_) => {
                            visited = true;
                            break;
                        }
                        Err(_) => std::thread::sleep(Duration::from_millis(5)),
                    }
                }
                visited
            })
        })
        .collect();
    let only = "gateway-https,worker-nats-tls,redis-tls,9,10,11,dashboard-gateway";
    let mut command = bench.run(&profile);
    command.args(["--only", only, "--no-docker", "--timeout", "1s"]);
    let seen = report(&mut command);
    for (visit, key) in visits.into_iter().zip(keys) {
        assert!(visit.join().unwrap(), "{key} was not dialled");
    }
    assert_eq!(seen["target"]["gateway"], target(0));
    assert_eq!((&seen["target"]["profile"], &seen["target"]["nats"]), (&"mine".into(), &target(1).into()));
    drop(ports);
    let mut command = bench.run(&profile);
    command.args(["--only", "redis-tls", "--no-docker", "--redis", "rediss://127.0.0.1:1"]);
    let seen = report(command.env("NATS_URL", "tls://127.0.0.1:2"));
    assert_eq!(seen["target"]["redis"], "rediss://127.0.0.1:1");
    assert_eq!(seen["target"]["nats"], "tls://127.0.0.1:2");
    // People see which profile judged.
    let mut command = program();
    command.args(["run", "--only", "redis-tls", "--no-docker", "--profile", "mine.toml"]);
    let output = finish(command.current_dir(bench.0.path()).env("REDIS_PASSWORD", "word"));
    assert!(text(&output.stdout).starts_with("profile mine: a stack of ours\n"), "{}", text(&output.stdout));
}

#[test]
fn certificates_names_and_minimum_versions_take_effect() {
    let runtime = Runtime::new().unwrap();
    let stack = runtime.block_on(Stack::opened());
    let stranger = Authority::named("Stranger", Validity::Now).unwrap();
    let elsewhere = stack.file("elsewhere");
    let pair = stranger.issue(&Leaf::client()).unwrap();
    Layout::write(&elsewhere, &stranger, &stranger.issue(&Leaf::server()).unwrap(), &pair).unwrap();
    let targets = format!(
        "[targets]\ngateway = \"https://localhost:{}\"\nnats = \"tls://localhost:{}\"\nredis = \"rediss://localhost:{}\"\n",
        stack.gateway_road.port, stack.nats_road.port, stack.redis_road.port
    );
    let bench = Bench::new();
    let (own, other) = (stack.certs.display(), elsewhere.display());
    let run = |more: &str, only: &str, env: &[(&str, String)]| {
        let mut command = bench.run(&format!("{targets}{more}"));
        command
            .args(["--only", only, "--no-docker"])
            .envs(env.iter().map(|(name, value)| (name, value.as_str())));
        report(&mut command)
    };
    // dir; an environment variable of one file beats it, a container's path does not.
    let seen = run(&format!("[certificates]\ndir = \"{own}\"\n"), "gateway-https,worker-nats-tls", &[]);
    assert_eq!(seen["outcome"], "pass", "{seen}");
    let dir = format!("[certificates]\ndir = \"{own}\"\n");
    let seen = run(&dir, "gateway-https", &[("CORDUM_TLS_CA", format!("{other}/ca/ca.crt"))]);
    assert_eq!(check(&seen, "gateway-https")["diagnoses"][0]["cause"], "unknown-authority", "{seen}");
    let seen = run(&dir, "gateway-https", &[("CORDUM_TLS_CA", "/etc/cordum/tls/none.crt".to_owned())]);
    assert_eq!(seen["outcome"], "pass", "{seen}");
    // ca, cert and key alone.
    let ca = format!("{dir}ca = \"{other}/ca/ca.crt\"\n");
    let seen = run(&ca, "gateway-https", &[]);
    assert_eq!(check(&seen, "gateway-https")["diagnoses"][0]["cause"], "unknown-authority", "{seen}");
    let pair = format!("{dir}cert = \"{other}/client/tls.crt\"\nkey = \"{other}/client/tls.key\"\n");
    let seen = run(&pair, "worker-nats-tls", &[]);
    assert_eq!(check(&seen, "worker-nats-tls")["diagnoses"][0]["cause"], "bad-certificate", "{seen}");
    // The name that is verified, unless the environment says another.
    let name = format!("{dir}[server-names]\ngateway = \"gateway.example\"\nnats = \"nats.example\"\n");
    let seen = run(&name, "gateway-https,worker-nats-tls", &[("NATS_TLS_SERVER_NAME", "nats".to_owned())]);
    let main = &check(&seen, "gateway-https")["diagnoses"][0];
    assert_eq!(main["cause"], "hostname-mismatch", "{seen}");
    assert!(main["because"].to_string().contains("gateway.example"), "{main}");
    assert_eq!(check(&seen, "worker-nats-tls")["status"], "pass", "{seen}");
    // Minimum versions, for Cordum's own servers and for single links.
    let versions = format!("{dir}[stack]\nminimum = \"1.3\"\n[minimum-versions]\nredis = \"1.3\"\n");
    let seen = run(&versions, "tls-min-version", &[]);
    let endpoints = &check(&seen, "tls-min-version")["details"]["endpoints"];
    for (link, minimum) in [("gateway", "TLSv1.3"), ("redis", "TLSv1.3"), ("nats", "TLSv1.2")] {
        assert_eq!(endpoints[link]["minimum"], minimum, "{endpoints}");
    }
    assert_eq!(check(&seen, "tls-min-version")["status"], "fail", "Redis accepts 1.2: {seen}");
    let seen = run(&versions, "tls-min-version", &[("CORDUM_TLS_MIN_VERSION", "1.2".to_owned())]);
    assert_eq!(check(&seen, "tls-min-version")["details"]["endpoints"]["gateway"]["minimum"], "TLSv1.2");
}

#[test]
fn the_stack_and_its_checks_are_what_the_profile_says() {
    let runtime = Runtime::new().unwrap();
    let stack = runtime.block_on(Stack::opened());
    let socket = stack.file("docker.sock");
    let engine = runtime.block_on(Engine::start(&socket));
    let bench = Bench::new();
    let profile = "[stack]\nproject = \"ours\"\nservices = [\"front\", \"back\"]\nworker = \"digger\"\n";
    let with = |profile: &str| {
        let mut command = bench.run(profile);
        command.arg("--certs").arg(&stack.certs).env("DOCKER_HOST", format!("unix://{}", socket.display()));
        command.args(["--nats", &format!("tls://localhost:{}", stack.nats_road.port)]);
        command.args(["--gateway", &format!("https://localhost:{}", stack.gateway_road.port)]);
        command
    };
    let seen = report(with(profile).args(["--only", "redis-logs,worker-nats-tls", "-v"]));
    let said = seen.to_string();
    for words in ["project `ours`", "service `front`", "service `digger`"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(!said.contains("api-gateway`"), "{said}");
    // Docker is not asked.
    let seen = report(with("[stack]\ndocker = false\n").args(["--only", "redis-logs"]));
    assert!(check(&seen, "redis-logs")["summary"].as_str().unwrap().contains("not asked"), "{seen}");
    // No authentication: no key is asked for.
    let seen = report(
        with("[stack]\nanonymous = true\ndocker = false\n")
            .args(["--only", "gateway-https"])
            .env_remove("CORDUM_API_KEY"),
    );
    assert_eq!(check(&seen, "gateway-https")["attempts"], 1, "{seen}");
    // Required checks instead of the seven, in the report's order; flags beat them; what is not applicable is
    // a skip with its reason and no failure.
    let profile = "[stack]\ndocker = false\n[checks]\nrequired = [\"redis-logs\", \"gateway-https\", \"5\"]\n\
                   [checks.not-applicable]\nredis-logs = \"logs are elsewhere\"\n";
    let seen = report(&mut with(profile));
    let ids: Vec<&str> =
        seen["checks"].as_array().unwrap().iter().map(|check| check["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["gateway-https", "worker-nats-tls", "redis-logs"], "{seen}");
    assert_eq!(check(&seen, "redis-logs")["status"], "skip");
    assert_eq!(check(&seen, "redis-logs")["summary"], "not applicable: logs are elsewhere");
    assert_eq!(seen["exit_code"], 0, "{seen}");
    let seen = report(with(profile).args(["--only", "gateway-https"]));
    assert_eq!(seen["checks"].as_array().unwrap().len(), 1, "{seen}");
    runtime.block_on(engine.stop());
    // The tenant.
    let file = bench.0.path().join("mine.toml");
    fs::write(&file, "[stack]\ntenant = \"acme\"\n").unwrap();
    let cli = <tls_verify::cli::Cli as clap::Parser>::parse_from(["tls-verify"]);
    let (mut targets, mut runner) = (cli.run.targets, cli.run.runner);
    let none = tls_verify::config::Environment::from_pairs([]);
    Profile::load(&file).unwrap().apply(&mut targets, &mut runner, &none);
    assert_eq!(targets.tenant.as_deref(), Some("acme"));
}

#[test]
fn endpoints_of_every_scheme_are_checks_of_the_run() {
    let runtime = Runtime::new().unwrap();
    let stack = runtime.block_on(Stack::opened());
    let (gateway, nats, redis) = (stack.gateway_road.port, stack.nats_road.port, stack.redis_road.port);
    let rows = [
        (format!("https://localhost:{gateway}"), "pass"),
        (format!("wss://localhost:{gateway}/api/v1/stream"), "pass"),
        (format!("tls://localhost:{nats}"), "pass"),
        (format!("nats://localhost:{nats}"), "pass"),
        (format!("rediss://localhost:{redis}"), "pass"),
        (format!("localhost:{redis}"), "pass"),
        (format!("http://localhost:{gateway}"), "fail"),
        (format!("redis://localhost:{redis}"), "fail"),
        ("grpcs://127.0.0.1:1".to_owned(), "fail"),
        ("grpc://127.0.0.1:1".to_owned(), "fail"),
        ("ws://127.0.0.1:1".to_owned(), "fail"),
    ];
    let mut profile = "[checks]\nrequired = [\"gateway-https\"]\n".to_owned();
    for (index, (target, _)) in rows.iter().enumerate() {
        profile.push_str(&format!("[[endpoint]]\nname = \"n{index}\"\ntarget = \"{target}\"\n"));
    }
    profile.push_str(&format!("[[endpoint]]\ntarget = \"https://localhost:{gateway}\"\n"));
    let bench = Bench::new();
    let mut command = bench.run(&profile);
    command.arg("--certs").arg(&stack.certs).arg("--no-docker");
    let seen = report(command.args(["--gateway", &format!("https://localhost:{gateway}")]));
    holds("run", &seen);
    for (index, (target, wanted)) in rows.iter().enumerate() {
        let found = check(&seen, &format!("endpoint:n{index}"));
        assert_eq!(found["status"], *wanted, "{target}: {found}");
        assert_eq!(found["number"], 101 + index, "{found}");
        assert!(found["status"] == "pass" || found["diagnoses"][0]["cause"].is_string(), "{target}: {found}");
    }
    check(&seen, &format!("endpoint:https://localhost:{gateway}"));
    assert_eq!(seen["summary"]["pass"], 8, "{}", seen["summary"]);
    assert_eq!(seen["exit_code"], 1);
}

#[test]
fn mistakes_are_named_with_key_line_and_the_nearest_name() {
    let bench = Bench::new();
    for (profile, words) in [
        ("[targets]\ngatway = \"https://a\"\n", &["`gatway`", "line 2", "did you mean `gateway`"][..]),
        ("[target]\ngateway = \"https://a\"\n", &["`target`", "did you mean `targets`"]),
        ("[stack]\nservice = []\n", &["did you mean `services`"]),
        ("[[endpoint]]\ntarget = \"a:1\"\nnam = \"b\"\n", &["line 3", "did you mean `name`"]),
        ("[[endpoint]]\nname = \"b\"\n", &["target"]),
        ("[targets]\n\ngateway = 8081\n", &["`gateway`", "integer", "line 3"]),
        ("[stack]\nservices = \"a,b\"\n", &["`services`", "line 2"]),
        ("[stack]\ndocker = \"no\"\n", &["`docker`", "line 2", "boolean"]),
        ("[checks]\nrequired = [\n  \"gateway-https\",\n  7,\n]\n", &["`required`", "line 4"]),
        ("[targets\n", &["line 1"]),
        ("[stack]\nminimum = \"1.5\"\n", &["`minimum = \"1.5\"`", "1.3"]),
        ("[minimum-versions]\nredis = \"1.0\"\n", &["`redis = \"1.0\"`"]),
        ("[minimum-versions]\nreddis = \"1.3\"\n", &["link `reddis`", "did you mean `redis`"]),
        ("[server-names]\ngateways = \"a\"\n", &["link `gateways`", "did you mean `gateway`"]),
        ("[server-names]\ngateway = \"-bad name-\"\n", &["-bad name-"]),
        ("[checks]\nrequired = [\"redis-log\"]\n", &["check `redis-log`", "did you mean `redis-logs`"]),
        ("[checks.not-applicable]\nnats-mtl = \"x\"\n", &["check `nats-mtl`", "did you mean `nats-mtls`"]),
        ("[checks.not-applicable]\nnats-mtls = \" \"\n", &["nats-mtls", "reason"]),
        ("[[endpoint]]\ntarget = \"gopher://x\"\n", &["gopher"]),
        (
            "[[endpoint]]\ntarget = \"a:1\"\nname=\"n\"\n[[endpoint]]\ntarget = \"b:1\"\nname=\"n\"\n",
            &["two endpoints", "`n`"],
        ),
        ("[[endpoint]]\ntarget = \"a:1\"\nname=\"two\\nlines\"\n", &["two\\nlines"]),
        ("[targets]\nredis = \"https://a\"\n", &["redis"]),
    ] {
        let mut command = bench.run(profile);
        let output = finish(command.args(["--only", "redis-logs", "--no-docker"]));
        assert_eq!(output.status.code(), Some(2), "{profile}: {}", text(&output.stdout));
        let object: Value = serde_json::from_slice(&output.stdout).unwrap();
        holds("error", &object);
        let errors: Vec<String> = object["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| {
                format!("{} {}", one["message"].as_str().unwrap(), one["fix"].as_str().unwrap_or_default())
            })
            .collect();
        let said = errors.join("; ");
        for word in words {
            assert!(said.contains(word), "{profile}: no `{word}` in {said}");
        }
    }
    let output = finish(program().args(["run", "--profile", "cordum-dve"]));
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("cordum-dev"), "{}", text(&output.stderr));
}

#[test]
fn the_built_in_profiles_are_files_to_copy() {
    for (name, content) in BUILT_IN {
        let file = format!("{}/checks/profiles/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        assert_eq!(fs::read_to_string(&file).unwrap(), *content);
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("copy.toml");
        fs::copy(&file, &copy).unwrap();
        let (own, copied) = (Profile::load(name.as_ref()).unwrap(), Profile::load(&copy).unwrap());
        assert_eq!(format!("{own:?}"), format!("{copied:?}"));
        assert_eq!(own.name.as_deref(), Some(*name));
        assert!(own.about.is_some_and(|about| !about.is_empty()), "{name}");
    }
}

#[test]
fn a_healthy_cluster_through_port_forwards_ends_in_0() {
    let runtime = Runtime::new().unwrap();
    let mut stack = runtime.block_on(Stack::start());
    runtime.block_on(stack.open());
    let mut command = program();
    command.args(["run", "--profile", "cordum-k8s", "--format", "json", "--certs"]).arg(&stack.certs);
    command
        .args(["--gateway", &format!("https://localhost:{}", stack.gateway_road.port)])
        .args(["--nats", &format!("tls://localhost:{}", stack.nats_road.port)])
        .args(["--redis", &format!("rediss://localhost:{}", stack.redis_road.port)])
        .env("CORDUM_API_KEY", "key")
        .env("REDIS_PASSWORD", "word");
    let seen = report(&mut command);
    assert_eq!(seen["exit_code"], 0, "{seen}");
    assert_eq!(seen["summary"]["pass"], 6, "{}", seen["summary"]);
    assert_eq!(check(&seen, "redis-logs")["status"], "skip");
    assert!(check(&seen, "redis-logs")["summary"].as_str().unwrap().contains("kubectl logs"), "{seen}");
}
