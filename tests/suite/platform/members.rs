//! Check 16 on real clusters: NATS servers and Redis nodes that each have an address of their own, as containers do.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tls_verify::cli::{RunnerArgs, TargetArgs};
use tls_verify::commands::run;
use tls_verify::config::Environment;
use tls_verify_checks::platform::{Choice, LogPiece};
use tls_verify_checks::stack::LogSource;
use tls_verify_core::report::RunReport;
use tls_verify_core::workload::Phase;
use tls_verify_fixtures::pki::{Authority, Layout, Leaf};
use tls_verify_fixtures::servers::find;

use super::memory::Memory;
use super::told;

const HARD: Duration = Duration::from_secs(60);

/// Servers that end when it is dropped, and the files that they read.
struct Lab {
    folder: tempfile::TempDir,
    children: Vec<Child>,
    /// Three numbers of 127.N.0.0/16 that are this test's alone.
    network: u8,
    memory: Memory,
    ca: Authority,
}

impl Drop for Lab {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Nothing: the program is not here, and need not be.
fn lab(network: u8, program: &str) -> Option<Lab> {
    if find(program).is_none() {
        let required = std::env::var("TLS_VERIFY_REQUIRE").unwrap_or_default();
        let what = program.trim_end_matches("-server");
        assert!(!required.contains(what), "{program} is not here");
        eprintln!("skipped: {program} is not here");
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let ca = Authority::generate().unwrap();
    let client = ca.issue(&Leaf::client()).unwrap();
    Layout::write(folder.path(), &ca, &ca.issue(&Leaf::server()).unwrap(), &client).unwrap();
    Some(Lab { folder, children: Vec::new(), network, memory: Memory::default(), ca })
}

impl Lab {
    fn address(&self, member: u8) -> Ipv4Addr {
        Ipv4Addr::new(127, self.network, 0, member)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A certificate of a member, for both ends of a link; the folder that it lies in with its CA.
    fn pair(&self, name: &str, member: u8, ca: &Authority) -> PathBuf {
        let both = [rcgen::ExtendedKeyUsagePurpose::ServerAuth, rcgen::ExtendedKeyUsagePurpose::ClientAuth];
        let leaf = Leaf::server().at(&[IpAddr::from(self.address(member))]).using(&both);
        let pair = ca.issue(&leaf).unwrap();
        let folder = self.path(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("tls.crt"), pair.chain_pem()).unwrap();
        fs::write(folder.join("tls.key"), pair.key_pem()).unwrap();
        fs::write(folder.join("ca.crt"), ca.pem()).unwrap();
        folder
    }

    fn start(&mut self, program: &str, arguments: &[&str], log: &Path) {
        let mut command = Command::new(find(program).unwrap());
        let log = fs::File::create(log).unwrap();
        command.args(arguments).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.children.push(command.spawn().unwrap());
    }

    /// A container of the service, with the ports that its server has.
    fn deploy(&mut self, service: &str, member: u8, ports: &[u16]) {
        let address = self.address(member);
        for port in ports {
            await_port(address, *port);
            self.memory.listens(service, *port, (address, *port).into());
        }
        self.memory.add(service, service).addresses = vec![address.into()];
    }

    /// What check 16 says.
    fn check(mut self) -> RunReport {
        for (service, log) in [1, 2, 3]
            .iter()
            .flat_map(|at| ["nats", "redis"].map(|what| (format!("{what}-{at}"), format!("{what}-{at}.log"))))
        {
            if let Ok(text) = fs::read(self.path(&log)) {
                self.memory.says(&service, &[LogPiece::Bytes(text.into())]);
            }
        }
        let runner = RunnerArgs {
            only: vec!["cluster-links".to_owned()],
            ..RunnerArgs::of_times(Duration::from_secs(8), HARD, Duration::from_secs(86_400))
        };
        let plan = run::command::plan(&runner).unwrap();
        let targets = TargetArgs { certs: Some(self.folder.path().to_owned()), ..TargetArgs::default() };
        let environment = Environment::from_pairs([("REDIS_PASSWORD", "members")]);
        let mut stack = tls_verify::config::stack(&targets, &runner, &environment, &[]).unwrap().stack;
        stack.logs = LogSource::Platform;
        stack.platform = Choice::Ready(Arc::new(std::mem::take(&mut self.memory)));
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let (_keep, interrupted) = tokio::sync::watch::channel(false);
            run::run(stack, plan, interrupted, &mut |_| {}).await
        })
    }
}

fn await_port(address: Ipv4Addr, port: u16) {
    let begun = Instant::now();
    while TcpStream::connect((address, port)).is_err() {
        assert!(begun.elapsed() < HARD, "nobody listens at {address}:{port}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What a NATS server is given.
#[derive(Clone, Copy)]
struct Nats {
    /// The CA that it knows its siblings by, and whose certificate it shows them, is the stack's.
    own: bool,
    /// Its routes speak TLS.
    tls: bool,
    clustered: bool,
    monitored: bool,
}

const NATS: Nats = Nats { own: true, tls: true, clustered: true, monitored: true };

/// NATS servers with these properties, the first of them `nats-1`.
fn nats(lab: &mut Lab, servers: &[Nats]) {
    let other = Authority::generate().unwrap();
    let routes: Vec<String> =
        (1..=servers.len()).map(|at| format!("nats://{}:6222", lab.address(at as u8))).collect();
    for (at, server) in servers.iter().enumerate() {
        let member = at as u8 + 1;
        let address = lab.address(member);
        let clients = lab.pair(&format!("clients-{member}"), member, &lab.ca);
        let block = |folder: &Path| {
            let at = |name: &str| folder.join(name).display().to_string();
            format!(
                "tls {{\n cert_file: \"{}\"\n key_file: \"{}\"\n ca_file: \"{}\"\n verify: true\n}}\n",
                at("tls.crt"),
                at("tls.key"),
                at("ca.crt")
            )
        };
        let mut text = format!("server_name: nats-{member}\nlisten: \"{address}:4222\"\n{}", block(&clients));
        if server.monitored {
            text.push_str(&format!("http: \"{address}:8222\"\n"));
        }
        if server.clustered {
            let siblings =
                lab.pair(&format!("routes-{member}"), member, if server.own { &lab.ca } else { &other });
            let tls = if server.tls { block(&siblings) } else { String::new() };
            text.push_str(&format!(
                "cluster {{\n name: members\n listen: \"{address}:6222\"\n{tls} routes: [ {} ]\n}}\n",
                routes.join(", ")
            ));
        }
        let file = lab.path(&format!("nats-{member}.conf"));
        fs::write(&file, text).unwrap();
        let log = lab.path(&format!("nats-{member}.log"));
        lab.start("nats-server", &["-c", &file.display().to_string()], &log);
    }
    for (at, server) in servers.iter().enumerate() {
        let mut ports = vec![4222];
        ports.extend(server.clustered.then_some(6222));
        ports.extend(server.monitored.then_some(8222));
        lab.deploy(&format!("nats-{}", at + 1), at as u8 + 1, &ports);
    }
    // What is refused stands in the log once it has been tried.
    for (at, _) in servers.iter().enumerate().filter(|(_, server)| !server.own) {
        await_words(&lab.path(&format!("nats-{}.log", at + 1)), "certificate signed by unknown authority");
    }
}

/// Status, cause with variant and place of check 16.
fn said(report: &RunReport) -> (&str, Option<String>) {
    let check = report.checks.iter().find(|check| check.id == "cluster-links").unwrap();
    let diagnosis = check.diagnoses.first().map(|one| {
        let variant = one.variant.map(|variant| format!(" {}", variant.slug())).unwrap_or_default();
        format!("{}{variant} {}", one.cause, one.place.as_deref().unwrap_or_default())
    });
    (check.status.slug(), diagnosis)
}

#[test]
fn three_nats_servers_that_hold_their_routes_over_tls_are_in() {
    let Some(mut lab) = lab(41, "nats-server") else { return };
    nats(&mut lab, &[NATS, NATS, NATS]);
    let report = lab.check();
    assert_eq!((said(&report), report.exit_code), (("pass", None), 0), "{}", told(&report));
    let summary = &report.checks.iter().find(|check| check.id == "cluster-links").unwrap().summary;
    assert!(summary.contains("nats-3 holds routes to 2 others"), "{summary}");
}

#[test]
fn routes_in_clear_are_told() {
    let Some(mut lab) = lab(42, "nats-server") else { return };
    let plain = Nats { tls: false, ..NATS };
    nats(&mut lab, &[plain, plain]);
    let report = lab.check();
    let cause = "wrong-scheme-tls-to-plain nats-plaintext nats-1".to_owned();
    assert_eq!((said(&report), report.exit_code), (("fail", Some(cause)), 1), "{}", told(&report));
    assert!(told(&report).contains("its `cluster` block has no `tls`"), "{}", told(&report));
}

#[test]
fn a_server_of_another_authority_is_out_and_named() {
    let Some(mut lab) = lab(43, "nats-server") else { return };
    nats(&mut lab, &[NATS, Nats { own: false, ..NATS }, NATS]);
    let report = lab.check();
    let (status, cause) = said(&report);
    let cause = cause.unwrap_or_default();
    assert!(status == "fail" && cause.starts_with("unknown-authority"), "{}", told(&report));
    assert!(cause.ends_with("nats-2"), "{}", told(&report));
    assert!(told(&report).contains("no route between nats-2 and nats-1, nats-3"), "{}", told(&report));
}

#[test]
fn a_sibling_without_a_cluster_is_out() {
    let Some(mut lab) = lab(44, "nats-server") else { return };
    nats(&mut lab, &[NATS, NATS, Nats { clustered: false, ..NATS }]);
    let report = lab.check();
    assert_eq!(said(&report).0, "fail", "{}", told(&report));
    assert!(told(&report).contains("nats-3 has no `cluster` in its configuration"), "{}", told(&report));
}

#[test]
fn a_sibling_that_has_stopped_is_out() {
    let Some(mut lab) = lab(45, "nats-server") else { return };
    nats(&mut lab, &[NATS, NATS, NATS]);
    lab.memory.ended("nats-3", Phase::Exited, 1);
    let report = lab.check();
    assert_eq!(said(&report).0, "fail", "{}", told(&report));
    assert!(told(&report).contains("nats-3 is exited"), "{}", told(&report));
}

#[test]
fn servers_that_stand_alone_are_no_cluster_and_one_that_is_not_seen_is_no_pass() {
    let Some(mut lab) = lab(46, "nats-server") else { return };
    let alone = Nats { clustered: false, ..NATS };
    nats(&mut lab, &[alone, alone]);
    let report = lab.check();
    assert_eq!(said(&report).0, "skip", "{}", told(&report));
    assert!(told(&report).contains("stand alone"), "{}", told(&report));

    let Some(mut lab) = self::lab(47, "nats-server") else { return };
    nats(&mut lab, &[NATS, Nats { monitored: false, ..NATS }]);
    let report = lab.check();
    assert_eq!((said(&report).0, report.exit_code), ("unknown", 3), "{}", told(&report));
    assert!(told(&report).contains("nats-2") && told(&report).contains("port 8222"), "{}", told(&report));
}

/// Redis nodes, each with TLS alone at 6379 and the password of the services.
fn redis(lab: &mut Lab, each: &[&str]) {
    for (at, more) in each.iter().enumerate() {
        let member = at as u8 + 1;
        let folder = lab.pair(&format!("redis-{member}"), member, &lab.ca);
        let data = lab.path(&format!("data-{member}"));
        fs::create_dir_all(&data).unwrap();
        let file = |name: &str| folder.join(name).display().to_string();
        let text = format!(
            "bind {0}\ncluster-announce-ip {0}\nport 0\ntls-port 6379\ntls-cert-file {1}\ntls-key-file {2}\ntls-ca-cert-file {3}\n\
             tls-auth-clients yes\nrequirepass members\nmasterauth members\nsave \"\"\ndir {4}\n{more}\n",
            lab.address(member),
            file("tls.crt"),
            file("tls.key"),
            file("ca.crt"),
            data.display()
        );
        let config = lab.path(&format!("redis-{member}.conf"));
        fs::write(&config, text).unwrap();
        let log = lab.path(&format!("redis-{member}.log"));
        lab.start("redis-server", &[&config.display().to_string()], &log);
    }
    for at in 0..each.len() {
        lab.deploy(&format!("redis-{}", at + 1), at as u8 + 1, &[6379]);
    }
}

/// One cluster of the nodes.
fn join(lab: &Lab, nodes: u8) {
    let at = |member: u8, name: &str| lab.path(&format!("redis-{member}/{name}")).display().to_string();
    let addresses: Vec<String> = (1..=nodes).map(|member| format!("{}:6379", lab.address(member))).collect();
    let cli = || {
        let mut command = Command::new(find("redis-cli").unwrap());
        command.args(["--tls", "--cert", &at(1, "tls.crt"), "--key", &at(1, "tls.key")]);
        command.args(["--cacert", &at(1, "ca.crt")]).env("REDISCLI_AUTH", "members").stdin(Stdio::null());
        command
    };
    let output = cli().args(["--cluster", "create"]).args(&addresses).arg("--cluster-yes").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let begun = Instant::now();
    for member in 1..=nodes {
        let host = lab.address(member).to_string();
        while !String::from_utf8_lossy(&cli().args(["-h", &host, "cluster", "info"]).output().unwrap().stdout)
            .contains("cluster_state:ok")
        {
            assert!(begun.elapsed() < HARD, "no cluster");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

const CLUSTER: &str = "cluster-enabled yes\ncluster-node-timeout 15000\n";

#[test]
fn redis_nodes_of_one_cluster_are_in_and_a_bus_in_clear_is_told() {
    let Some(mut lab) = lab(48, "redis-server") else { return };
    let node = format!("{CLUSTER}tls-cluster yes\ntls-replication yes");
    redis(&mut lab, &[&node, &node, &node]);
    join(&lab, 3);
    let report = lab.check();
    assert_eq!((said(&report), report.exit_code), (("pass", None), 0), "{}", told(&report));

    let Some(mut lab) = self::lab(49, "redis-server") else { return };
    let plain = format!("{CLUSTER}port 6380\ntls-cluster no");
    redis(&mut lab, &[&node, &plain]);
    let report = lab.check();
    let (status, cause) = said(&report);
    assert_eq!(status, "fail", "{}", told(&report));
    assert!(cause.is_some_and(|cause| cause.starts_with("wrong-scheme-tls-to-plain")), "{}", told(&report));
    assert!(told(&report).contains("`tls-cluster` is `no`"), "{}", told(&report));
}

#[test]
fn a_replica_follows_its_master_over_tls_or_is_out() {
    let Some(mut lab) = lab(50, "redis-server") else { return };
    let follows = format!("tls-replication yes\nreplicaof {} 6379", lab.address(1));
    redis(&mut lab, &["", &follows]);
    await_link(&lab, 2);
    let report = lab.check();
    assert_eq!((said(&report), report.exit_code), (("pass", None), 0), "{}", told(&report));

    let Some(mut lab) = self::lab(51, "redis-server") else { return };
    let follows = format!("tls-replication no\nreplicaof {} 6379", lab.address(1));
    redis(&mut lab, &["", &follows]);
    let report = lab.check();
    let (status, cause) = said(&report);
    assert_eq!(status, "fail", "{}", told(&report));
    assert!(told(&report).contains("`tls-replication` is `no`"), "{}", told(&report));
    assert!(cause.is_some_and(|cause| cause.ends_with("redis-2")), "{}", told(&report));

    let Some(mut lab) = self::lab(52, "redis-server") else { return };
    redis(&mut lab, &["", ""]);
    let report = lab.check();
    assert_eq!(said(&report).0, "skip", "{}", told(&report));
}

/// Until the replica has its master.
fn await_link(lab: &Lab, member: u8) {
    await_words(&lab.path(&format!("redis-{member}.log")), "MASTER <-> REPLICA sync: Finished with success");
}

fn await_words(log: &Path, words: &str) {
    let begun = Instant::now();
    while !fs::read_to_string(log).unwrap_or_default().contains(words) {
        assert!(begun.elapsed() < HARD, "{}", fs::read_to_string(log).unwrap_or_default());
        std::thread::sleep(Duration::from_millis(50));
    }
}
