//! A Compose project that `collect` wrote: states, settings and logs say what they would say where it ran, and nothing
//! on this machine is dialled or judged in its place.

use std::fs;
use std::io::Write;
use std::path::Path;

use serde_json::{Value, json};
use tls_verify_fixtures::child;

const SERVICES: [&str; 8] = [
    "api-gateway",
    "scheduler",
    "safety-kernel",
    "workflow-engine",
    "context-engine",
    "nats",
    "redis",
    "dashboard",
];

/// A project in which everything runs but one container.
pub(crate) fn written(folder: &Path, odd: &str, phase: &str) {
    let state = |service: &&str| {
        let phase = if *service == odd { phase } else { "running" };
        let runs = phase == "running";
        json!({"name": format!("shop-{service}-1"), "service": service, "log": service, "image": "x", "phase": phase,
            "healthy": runs.then_some(true), "probe": null, "restarts": 0, "started": "2026-01-31T12:00:00Z",
            "last": (phase == "exited").then(|| json!({"exit_code": 3, "reason": null, "message": null,
                "finished": "2026-01-31T12:05:00Z"})),
            "current": true, "host_network": false, "user": null, "group": null, "published": {},
            "settings": {"NATS_URL": "tls://nats:4222", "REDIS_PASSWORD": "(removed)"}, "entrypoint": [], "arguments": [],
            "mounts": [{"target": "/etc/cordum/tls", "source": "/srv/certs", "read_only": true}]})
    };
    let bundle = json!({"schema": "tls-verify/project/v1", "project": "shop", "collected": "2026-01-31T13:00:00Z",
        "containers": SERVICES.iter().map(state).collect::<Vec<_>>()});
    fs::write(folder.join("states.json"), bundle.to_string()).unwrap();
    for service in SERVICES {
        let word = service.to_uppercase();
        let log = format!(
            "2026-01-31T12:00:00.5Z [{word}] INFO cordum {service} starting\n2026-01-31T12:00:01Z [{word}] INFO ready\n"
        );
        fs::write(folder.join(format!("{service}.log")), log).unwrap();
    }
}

pub(crate) fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, Value) {
    let mut command = crate::program();
    command.arg("run").args(arguments).args(["--format", "json", "--logs"]).arg(folder).current_dir(folder);
    let ended = child::start(&mut command).end(std::time::Duration::from_secs(60));
    (ended.code, ended.json())
}

pub(crate) fn check<'a>(report: &'a Value, id: &str) -> &'a Value {
    report["checks"].as_array().unwrap().iter().find(|check| check["id"] == id).unwrap()
}

#[test]
fn states_are_told_as_where_it_ran() {
    let (paused, stopped) = ("timeout container-paused", "connection-refused container-stopped");
    for (odd, phase, cause, command) in [
        ("nats", "paused", paused, "docker compose -p shop unpause nats"),
        ("redis", "paused", paused, "docker compose -p shop unpause redis"),
        ("scheduler", "exited", stopped, "docker compose -p shop up -d scheduler"),
        ("redis", "exited", "dns container-stopped", "docker compose -p shop up -d redis"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        written(folder.path(), odd, phase);
        let (code, report) = run(folder.path(), &["--all"]);
        let root = &report["root_causes"][0];
        let said = format!("{} {}", root["cause"], root["variant"]).replace('"', "");
        assert_eq!((code, root["where"].as_str()), (Some(1), Some(odd)), "{phase}: {root}");
        assert_eq!((said.as_str(), root["fix"][0]["command"].as_str()), (cause, Some(command)), "{root}");
        assert_eq!(report["root_causes"].as_array().unwrap().len(), 1, "{report}");
    }
}

#[test]
fn what_runs_elsewhere_is_neither_dialled_nor_judged_by_this_machines_files() {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), "", "");
    // Another stack's certificates, here.
    fs::create_dir_all(folder.path().join("certs/ca")).unwrap();
    fs::write(folder.path().join("certs/ca/ca.crt"), "no certificate").unwrap();
    let (code, report) = run(folder.path(), &["--all"]);
    assert_eq!((code, &report["root_causes"]), (Some(3), &json!([])), "{report}");
    for id in ["gateway-https", "nats-mtls", "redis-tls", "safety-kernel-grpc", "certificates"] {
        assert_eq!(check(&report, id)["status"], "unknown", "{}", check(&report, id));
    }
    let said = check(&report, "gateway-https")["summary"].to_string();
    assert!(said.contains("what was collected cannot be dialled"), "{said}");
    // Nobody dialled: that is no TLS that fails.
    for one in report["checks"].as_array().unwrap() {
        assert_eq!(one["diagnoses"], json!([]), "{one}");
    }
    // Nor does the plan promise otherwise.
    let (code, plan) = run(folder.path(), &["--all", "--list"]);
    let asks = plan["checks"].as_array().unwrap().iter().flat_map(|one| one["asks"].as_array().unwrap());
    assert_eq!(code, Some(0));
    for ask in asks {
        assert!(
            ask["address"] == folder.path().display().to_string()
                && ask["sends"].as_str().unwrap().starts_with("nothing"),
            "{ask}"
        );
    }
}

/// What the operator's variables and flags name is another stack, and what ran a second when it was collected has not run
/// for months since.
#[test]
fn it_is_what_was_collected_and_when_it_was_collected() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let here = format!("localhost:{}", listener.local_addr().unwrap().port());
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), "", "");
    let file = folder.path().join("states.json");
    let mut bundle: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    for one in bundle["containers"].as_array_mut().unwrap() {
        one["host_network"] = true.into();
        if one["service"] == "scheduler" {
            one["restarts"] = 9.into();
            one["started"] = "2026-01-31T12:59:59Z".into();
            one["healthy"] = Value::Null;
            one["last"] =
                json!({"exit_code": 1, "reason": null, "message": null, "finished": "2026-01-31T12:59:58Z"});
        }
    }
    fs::write(&file, bundle.to_string()).unwrap();
    let gateway = format!("https://{here}");
    let (code, report) = run(folder.path(), &["--all", "--gateway", &gateway]);
    assert_eq!(code, Some(1), "{report}");
    assert_eq!(report["root_causes"][0]["variant"], "container-restarting", "{}", report["root_causes"]);
    assert_eq!(check(&report, "gateway-https")["status"], "unknown");
    assert!(listener.accept().is_err(), "somebody was dialled");
}

/// A folder of logs whose `states.json` is somebody else's stays a folder of logs.
#[test]
fn another_states_file_is_no_project() {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), "scheduler", "exited");
    for text in ["[]", "{\"schema\": \"tls-verify/project/v9\"}", "not JSON", ""] {
        fs::write(folder.path().join("states.json"), text).unwrap();
        let (code, report) = run(folder.path(), &["--only", "7", "--no-docker"]);
        assert!(matches!(code, Some(0 | 3)), "{text}: {code:?} {report}");
    }
}

/// What is handed on is one file: it is read as it came.
#[test]
fn an_archive_says_what_its_folder_says_and_nothing_of_it_stays() {
    let folder = tempfile::tempdir().unwrap();
    let (kept, packed, own) =
        (folder.path().join("kept"), folder.path().join("kept.tar.gz"), folder.path().join("tmp"));
    fs::create_dir_all(&kept).unwrap();
    fs::create_dir_all(&own).unwrap();
    written(&kept, "nats", "paused");
    fs::write(kept.join("redis.log"), "2026-01-31T12:00:00Z x509: certificate signed by unknown authority\n")
        .unwrap();
    pack(&kept, &packed, |_| {});
    let told = |place: &Path| {
        let mut command = crate::program();
        command.args(["run", "--all", "--format", "json", "--logs"]).arg(place);
        let ended = child::start(command.current_dir(&own).env("TMPDIR", &own)).end(LONG);
        let mut report = ended.json();
        for change in ["started_at", "duration_ms"] {
            report[change] = Value::Null;
        }
        for check in report["checks"].as_array_mut().unwrap() {
            check["duration_ms"] = Value::Null;
        }
        let text = report.to_string().replace("kept.tar.gz", "kept").replace("the archive", "the folder");
        (ended.code, text)
    };
    let (code, said) = told(&packed);
    assert_eq!((code, said.as_str()), (Some(1), told(&kept).1.as_str()));
    assert!(said.contains("docker compose -p shop unpause nats") && !said.contains("/tls-verify-"), "{said}");
    let mut command = crate::program();
    let ended = child::start(command.args(["diagnose", "--format", "json"]).arg(&packed)).end(LONG);
    assert_eq!(ended.code, Some(1));
    assert!(ended.json().to_string().contains("kept.tar.gz/kept/redis.log"), "{}", ended.out);
    let mut command = crate::program();
    command.args(["run", "--list", "--logs"]).arg(&packed).env("TMPDIR", &own);
    assert_eq!(child::start(&mut command).end(LONG).code, Some(0));
    assert_eq!(fs::read_dir(&own).unwrap().count(), 0, "something stays behind");
}

const LONG: std::time::Duration = std::time::Duration::from_secs(60);

/// A folder in an archive of its name.
fn pack(from: &Path, to: &Path, more: impl Fn(&mut tar::Builder<Vec<u8>>)) {
    let mut out = tar::Builder::new(Vec::new());
    out.append_dir_all(from.file_name().unwrap(), from).unwrap();
    more(&mut out);
    let bytes = out.into_inner().unwrap();
    let file = fs::File::create(to).unwrap();
    let mut packed = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    packed.write_all(&bytes).unwrap();
    packed.finish().unwrap();
}

#[test]
fn an_archive_that_nobody_should_read_is_one_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("kept");
    fs::create_dir_all(&kept).unwrap();
    written(&kept, "", "");
    let of = |name: &str, more: &dyn Fn(&mut tar::Builder<Vec<u8>>)| {
        let path = folder.path().join(name);
        pack(&kept, &path, more);
        path
    };
    let header = |name: &str, size: u64, kind: tar::EntryType| {
        let mut header = tar::Header::new_gnu();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(size);
        header.set_entry_type(kind);
        header.set_cksum();
        header
    };
    let file = tar::EntryType::Regular;
    let link = of("link.tgz", &|out| {
        let mut link = header("kept/certificates", 0, tar::EntryType::Symlink);
        link.set_link_name("/etc").unwrap();
        link.set_cksum();
        out.append(&link, std::io::empty()).unwrap();
    });
    let outside =
        of("outside.tar.gz", &|out| out.append(&header("../../a.log", 1, file), &b"x"[..]).unwrap());
    let colours =
        of("colours.tar.gz", &|out| out.append(&header("\x1b[31m/../x", 1, file), &b"x"[..]).unwrap());
    let large = of("large.tar.gz", &|out| {
        // It is enough to declare it.
        out.get_mut().extend_from_slice(header("kept/a.log", 300 << 20, file).as_bytes());
    });
    let whole = fs::read(of("whole.tar.gz", &|_| {})).unwrap();
    let cut = folder.path().join("cut.tar.gz");
    fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    let short = folder.path().join("short.tar.gz");
    fs::write(&short, &whole[..whole.len() - 4]).unwrap();
    let none = folder.path().join("none.tar.gz");
    fs::write(&none, "no archive").unwrap();
    for (path, words) in [
        (&link, "neither file nor folder"),
        (&outside, "not its own"),
        (&colours, "not its own"),
        (&large, "more than 256 MiB"),
        (&cut, "cut short"),
        (&short, "cut short"),
        (&none, "neither a folder nor a .tar.gz"),
    ] {
        let own = tempfile::tempdir().unwrap();
        let place = path.display().to_string();
        for command in [["run", "--logs"], ["run", "--objects"], ["diagnose", ""]] {
            if command[0] == "diagnose" && path == &none {
                // There it is a log.
                continue;
            }
            let mut program = crate::program();
            program.args(command.iter().filter(|word| !word.is_empty())).args([&place, "--format", "json"]);
            let ended = child::start(program.env("TMPDIR", own.path())).end(LONG);
            let said = ended.json();
            let errors = said["errors"].as_array().unwrap();
            assert_eq!((ended.code, errors.len()), (Some(2), 1), "{command:?} {place}: {said}");
            assert!(errors[0]["message"].as_str().unwrap().contains(words), "{command:?}: {said}");
            assert_eq!(errors[0]["file"], place.as_str());
            assert!(!ended.out.contains('\u{1b}') && !ended.out.contains("\\u001b"), "{}", ended.out);
            assert_eq!(fs::read_dir(own.path()).unwrap().count(), 0, "{command:?} {place}: something stays");
        }
    }
    assert!(!folder.path().join("a.log").exists());
}

/// Who mistakes one kind of collection for the other is told which it is.
#[test]
fn the_other_kind_of_collection_is_named() {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), "", "");
    let mut command = crate::program();
    let ended = child::start(command.args(["run", "--objects"]).arg(folder.path())).end(LONG);
    assert!(ended.code == Some(2) && ended.err.contains("--logs"), "{}", ended.err);
    let cluster = tempfile::tempdir().unwrap();
    fs::write(cluster.path().join("pods.json"), "{\"items\": []}").unwrap();
    let mut command = crate::program();
    let ended = child::start(command.args(["run", "--only", "7", "--logs"]).arg(cluster.path())).end(LONG);
    assert!(ended.code == Some(2) && ended.err.contains("--objects"), "{}", ended.err);
}
