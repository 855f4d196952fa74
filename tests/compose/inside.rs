//! The tool's own image in the project's network, as uid 65532: with the engine's socket, and without.
//! The image holds the binary under test and the libraries it is linked against, and nothing else.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::bounded::run;
use crate::project::{API_KEY, Project, REDIS_PASSWORD, SERVICES};
use crate::ran::Ran;

const IMAGE: &str = "tls-verify:under-test";
const LONG: Duration = Duration::from_secs(120);

/// `FROM scratch`, as `packaging/Dockerfile`, for an engine that reaches no registry.
fn build(folder: &Path) {
    let program = env!("CARGO_BIN_EXE_tls-verify");
    let script = format!(
        "set -e; cd {root}; mkdir -p etc tmp; cp {program} tls-verify; strip tls-verify 2>/dev/null || true; \
         ldd {program} | grep -o '/[^ )]*' | while read lib; do install -D $(readlink -f $lib) .$lib; done; \
         printf 'hosts: files dns\\n' > etc/nsswitch.conf; for lib in libnss_dns.so.2 libnss_files.so.2; do \
         file=$(find /lib /usr/lib -name $lib | head -1); test -z \"$file\" || install -D $(readlink -f $file) .$file; done; \
         tar -c . | docker import --change 'ENTRYPOINT [\"/tls-verify\"]' --change 'CMD [\"run\"]' \
         --change 'USER 65532:65532' - {IMAGE}",
        root = folder.display()
    );
    let mut command = Command::new("sh");
    command.args(["-c", &script]);
    run(command, LONG).must("image");
}

/// The run in a container beside the services, until it is good or a minute has gone; `prepare` comes before each
/// try.
fn beside(
    project: &Project,
    mounts: &[String],
    socket_group: Option<u32>,
    arguments: &[&str],
    prepare: &dyn Fn(),
) -> Ran {
    let begun = Instant::now();
    loop {
        prepare();
        let mut command = Command::new("docker");
        command.args(["run", "--rm", "--network", &format!("{}_default", project.name)]);
        for mount in mounts {
            command.args(["-v", mount]);
        }
        if let Some(group) = socket_group {
            command.args(["--group-add", &group.to_string()]);
        }
        // Names only: values go by the environment, never by an argument.
        for name in ["CORDUM_API_KEY", "REDIS_PASSWORD"] {
            command.args(["-e", name]);
        }
        command.env("CORDUM_API_KEY", API_KEY).env("REDIS_PASSWORD", REDIS_PASSWORD);
        for pair in [
            "CORDUM_API_BASE=https://cordum-api-gateway:8081",
            "NATS_URL=tls://nats:4222",
            "REDIS_URL=rediss://redis:6379",
            "CORDUM_DASHBOARD_URL=http://dashboard:8080",
        ] {
            command.args(["-e", pair]);
        }
        command.args([IMAGE, "run", "--all", "--format", "json", "--project", project.name]);
        command.args(["--certs", "/etc/cordum/tls", "--gateway-grpc", "cordum-api-gateway:8080"]);
        command.args(["--safety-kernel", "safety-kernel:50051", "--context-engine", "context-engine:50070"]);
        command.args(arguments);
        let ran = Ran::of(&run(command, LONG));
        if ran.code == 0 || begun.elapsed() > Duration::from_secs(60) {
            return ran;
        }
        std::thread::sleep(Duration::from_millis(300));
    }
}

pub fn check(project: &Project) -> Vec<String> {
    use std::os::unix::fs::MetadataExt;
    let mut wrong = Vec::new();
    let root = tempfile::tempdir().unwrap();
    build(root.path());
    let certs = format!("{}:/etc/cordum/tls:ro", project.path("certs").display());
    let mut good = |how: &str, ran: &Ran| {
        if ran.code != 0 || ran.checks().len() != tls_verify_checks::ALL.len() {
            wrong.push(format!("{how}: {}", ran.digest()));
        }
    };
    let socket = std::env::var("DOCKER_HOST").unwrap_or_else(|_| "unix:///var/run/docker.sock".to_owned());
    if let Some(socket) = socket.strip_prefix("unix://") {
        let group = std::fs::metadata(socket).unwrap().gid();
        let mounts = [certs.clone(), format!("{socket}:/var/run/docker.sock:ro")];
        let ran = beside(project, &mounts, Some(group), &[], &|| {});
        good("with the engine's socket", &ran);
    }
    // Without it the logs come as files, and NATS' own monitoring tells who is connected.
    let logs = project.path("logs");
    std::fs::create_dir_all(&logs).unwrap();
    // A folder's latest time stamp is its now: starts that were young then have proved nothing yet.
    let write = || {
        for service in SERVICES {
            let container = project.containers(service).first().cloned().unwrap_or_default();
            let mut command = Command::new("docker");
            command.args(["logs", "--timestamps", &container]);
            let ended = run(command, LONG);
            std::fs::write(logs.join(format!("{service}.log")), ended.out + &ended.err).unwrap();
        }
        crate::project::open(&logs);
    };
    let mounts = [certs, format!("{}:/logs:ro", logs.display())];
    let ran = beside(project, &mounts, None, &["--no-docker", "--logs", "/logs"], &write);
    let mut good = |how: &str, ran: &Ran| {
        if ran.code != 0 || ran.checks().len() != tls_verify_checks::ALL.len() {
            wrong.push(format!("{how}: {}", ran.digest()));
        }
    };
    good("without the engine's socket", &ran);
    wrong
}
