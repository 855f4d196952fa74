//! Inputs that are made to break a reader: one clear word about each, in bounded time, and other files are read all
//! the same.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{audited, loud};

const GOOD: &str = "services:\n  redis:\n    image: redis:7\n    command: redis-server --port 0 --tls-port 6379 --tls-cert-file /x.pem\n";

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

#[test]
fn bombs_cycles_and_depths_end_in_one_finding_each_and_hide_nothing() {
    let mut bomb = "apiVersion: v1\nkind: ConfigMap\na0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
    for level in 1..15 {
        let all = vec![format!("*a{}", level - 1); 10].join(",");
        bomb.push_str(&format!("a{level}: &a{level} [{all}]\n"));
    }
    let deep = format!("apiVersion: v1\nkind: ConfigMap\ndata: {}", "[".repeat(200_000));
    let cycle = "services:\n  a:\n    extends: {file: x.yml, service: b}\n  nats:\n    image: nats\n    command: -c /n.conf\n    volumes: [\"./n.conf:/n.conf\"]\n";
    let files = [
        ("k/bomb.yaml", bomb.as_str()),
        ("k/deep.yaml", deep.as_str()),
        ("c/compose.yaml", cycle),
        ("c/x.yml", "services:\n  b:\n    extends: {file: x.yml, service: b}\n"),
        ("c/n.conf", "include \"n.conf\"\n"),
        ("i/compose.yaml", "include: [compose.yaml]\nservices: {}\n"),
        ("g/compose.yaml", GOOD),
    ];
    let folder = folder(&files);
    let begun = Instant::now();
    let (report, code) = audited(folder.path(), &["."]);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    let found = loud(&report);
    for file in ["k/bomb.yaml", "k/deep.yaml", "c/x.yml", "c/n.conf", "i/compose.yaml"] {
        let has = found.iter().any(|(rule, at, _)| rule == "unreadable-config" && at == file);
        assert!(has, "nothing of {file}: {found:?}");
    }
    assert!(found.iter().any(|(rule, at, _)| rule == "half-pair" && at == "g/compose.yaml"), "{found:?}");
    assert_eq!(code, 1);
}

#[test]
fn a_link_out_of_the_folder_is_not_followed() {
    let outside = folder(&[("secret.conf", "port: 1\ntls {\n")]);
    let inside = folder(&[(
        "compose.yaml",
        "services:\n  nats:\n    image: nats\n    command: -c /n.conf\n    volumes: [\"./n.conf:/n.conf\"]\n",
    )]);
    std::os::unix::fs::symlink(outside.path().join("secret.conf"), inside.path().join("n.conf")).unwrap();
    let (report, _) = audited(inside.path(), &["."]);
    let found = loud(&report);
    assert!(!found.iter().any(|(rule, ..)| rule == "unreadable-config"), "{found:?}");
}

#[test]
fn bytes_that_are_no_text_are_no_panic() {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = b"services:\n  a:\n    image: \"".to_vec();
    bytes.extend((0..=255_u8).cycle().take(5000));
    fs::write(folder.path().join("compose.yaml"), &bytes).unwrap();
    fs::write(folder.path().join("m.yaml"), b"\xff\xfe\x00apiVersion: v1\nkind: Pod\n").unwrap();
    let (report, code) = audited(folder.path(), &["."]);
    assert!(matches!(code, 0 | 1), "{report}");
}

#[test]
fn what_is_no_deployment_is_a_usage_error_that_names_the_input() {
    let empty = tempfile::tempdir().unwrap();
    for arguments in [
        &["."][..],
        &["nowhere"],
        &["-f", "nowhere.yml"],
        &["--env-file", "nowhere.env"],
        &["--docker", "--docker-host", "unix:///nowhere.sock"],
        &["--kubernetes"],
    ] {
        let (report, code) = audited(empty.path(), arguments);
        assert_eq!(code, 2, "{arguments:?}");
        assert_eq!(report["schema"], "tls-verify/error/v1");
        assert!(report["errors"][0]["fix"].is_string(), "{report}");
    }
}

#[test]
fn secrets_are_in_no_output() {
    let folder = folder(&[(
        "compose.yaml",
        "services:\n  redis:\n    image: redis:7\n    command: redis-server --port 0 --tls-port 6379 --requirepass hunter2x\n  app:\n    image: r.example.test/app\n    environment:\n      REDIS_URL: redis://user:hunter2x@redis:6379\n",
    )]);
    for format in ["human", "json", "jsonl", "sarif", "github", "junit"] {
        let output = crate::program()
            .args(["audit", "--format", format, "-v"])
            .current_dir(folder.path())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.contains("scheme-mismatch"), "{format}: {text}");
        assert!(!text.contains("hunter2x"), "{format}: {text}");
    }
}

/// The report, the time and the peak of memory in MiB.
fn measured(folder: &std::path::Path) -> (Value, Duration, u64) {
    let begun = Instant::now();
    let mut child = crate::program()
        .args(["audit", "--format", "json", "."])
        .current_dir(folder)
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let watch = std::thread::spawn(move || {
        let mut peak = 0;
        while let Ok(text) = fs::read_to_string(&status) {
            let Some(line) = text.lines().find_map(|line| line.strip_prefix("VmHWM:")) else { break };
            peak = peak.max(line.trim().trim_end_matches(" kB").parse::<u64>().unwrap());
            std::thread::sleep(Duration::from_millis(2));
        }
        peak / 1024
    });
    let mut text = String::new();
    std::io::Read::read_to_string(child.stdout.as_mut().unwrap(), &mut text).unwrap();
    child.wait().unwrap();
    let report = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    (report, begun.elapsed(), watch.join().unwrap())
}

const BUS: &str =
    "services: {bus: {image: \"nats:2\", command: \"-c /n.conf\", volumes: [\"./n.conf:/n.conf\"]}}\n";

/// Each variable is ten times the one before it.
fn tenfold(line: impl Fn(usize, String) -> String, use_of: impl Fn(usize) -> String) -> String {
    (1..12).map(|at| line(at, use_of(at - 1).repeat(10))).collect()
}

#[test]
fn variables_that_grow_without_end_are_cut_and_hide_nothing() {
    let env = |at: usize, text: String| format!("A{at}={text}\n");
    let shell = |at: usize| format!("${{A{at}}}");
    let grows = format!("A0=xxxxxxxxxx\n{}", tenfold(env, shell));
    let nats =
        format!("A0: 1\n{}", tenfold(|at, text| format!("A{at}: [ {text} ]\n"), |at| format!("$A{at} ")));
    let pod = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec:\n  containers:\n  - name: a\n    image: x\n    env:\n    - {{name: A0, value: xxxxxxxxxx}}\n{}",
        tenfold(|at, text| format!("    - {{name: A{at}, value: \"{text}\"}}\n"), |at| format!("$(A{at})"))
    );
    let nginx = format!(
        "server {{ listen 80; set $a0 xxxxxxxxxx;\n{}location / {{ proxy_pass http://$a11; }} }}\n",
        tenfold(|at, text| format!("set $a{at} \"{text}\";\n"), |at| format!("$a{at}"))
    );
    let folder = folder(&[
        ("env/compose.yaml", "services: {a: {image: x, env_file: e.env}}\n"),
        ("env/e.env", &grows),
        ("own/compose.yaml", "services: {a: {image: x, environment: {A: \"${A11}\"}}}\n"),
        ("own/.env", &grows),
        ("nats/compose.yaml", BUS),
        ("nats/n.conf", &nats),
        ("pod/pod.yaml", &pod),
        (
            "nginx/compose.yaml",
            "services: {w: {image: nginx, volumes: [\"./s.conf:/etc/nginx/conf.d/s.conf\"]}}\n",
        ),
        ("nginx/s.conf", &nginx),
        ("g/compose.yaml", GOOD),
    ]);
    let (report, time, peak) = measured(folder.path());
    let found = loud(&report);
    for file in ["env/e.env", "own/.env", "nats/n.conf"] {
        let has = found.iter().any(|(rule, at, _)| rule == "unreadable-config" && at == file);
        assert!(has, "nothing of {file}: {found:?}");
    }
    assert!(found.iter().any(|(rule, at, _)| rule == "half-pair" && at == "g/compose.yaml"), "{found:?}");
    eprintln!("variables: {time:?}, {peak} MiB");
    assert!(peak < 300 && time < Duration::from_secs(20), "{time:?}, {peak} MiB");
}

#[test]
fn links_that_lead_round_in_a_circle_are_walked_once() {
    let folder = folder(&[
        ("compose.yaml", GOOD),
        ("k/kustomization.yaml", "resources: [../l, ../l, ../l]\n"),
        ("l/kustomization.yaml", "resources: [../k, ../k, ../k]\n"),
    ]);
    for (target, link) in [(".", "self"), (".", "other"), ("..", "k/up"), ("/", "root")] {
        std::os::unix::fs::symlink(target, folder.path().join(link)).unwrap();
    }
    let (report, time, peak) = measured(folder.path());
    assert!(loud(&report).iter().any(|(rule, at, _)| rule == "half-pair" && at == "compose.yaml"));
    assert!(peak < 300 && time < Duration::from_secs(20), "{time:?}, {peak} MiB");
}

#[test]
fn pipes_and_devices_are_not_opened() {
    let folder = folder(&[
        ("n/compose.yaml", BUS),
        (
            "e/compose.yaml",
            "services: {a: {image: x, env_file: [p.env, /dev/zero], volumes: [\"/dev/zero:/pki/ca.crt\"], environment: {A_CA: /pki/ca.crt}}}\n",
        ),
        ("g/compose.yaml", GOOD),
        ("s/kept", ""),
    ]);
    for pipe in ["n/n.conf", "e/p.env", "s/compose.yaml"] {
        rustix::fs::mkfifoat(rustix::fs::CWD, folder.path().join(pipe), rustix::fs::Mode::RWXU).unwrap();
    }
    std::os::unix::fs::symlink("/dev/zero", folder.path().join("compose.yaml")).unwrap();
    let (report, time, peak) = measured(folder.path());
    let found = loud(&report);
    assert!(found.iter().any(|(rule, at, _)| rule == "half-pair" && at == "g/compose.yaml"), "{found:?}");
    assert!(
        found.iter().any(|(rule, at, _)| rule == "unreadable-config" && at == "compose.yaml"),
        "{found:?}"
    );
    assert!(peak < 300 && time < Duration::from_secs(20), "{time:?}, {peak} MiB");
}

#[test]
fn ten_thousand_files_a_hundred_megabytes_and_a_line_of_ten_are_bounded() {
    let long = "x".repeat(10_000_000);
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n";
    let large = format!("{map}{}", format!("  k: {}\n", "x".repeat(90)).repeat(1_100_000));
    let folder = folder(&[
        ("a/large.yaml", &large),
        ("b/compose.yaml", &format!("services: {{a: {{image: x, environment: {{A: \"{long}\"}}}}}}\n")),
        ("c/compose.yaml", BUS),
        ("c/n.conf", &format!("port: 4222\nserver_name: {long}\n")),
        ("compose.yaml", GOOD),
        ("d/deep.yaml", &format!("{map}  a: {}{}\n", "{a: ".repeat(10_000), "}".repeat(10_000))),
        ("e/compose.yaml", BUS),
        ("e/n.conf", &format!("{}{}", "a {\n".repeat(10_000), "}\n".repeat(10_000))),
    ]);
    for at in 0..10_000 {
        let inside = folder.path().join(format!("many{}", at / 200));
        fs::create_dir_all(&inside).unwrap();
        fs::write(inside.join(format!("{at}.yaml")), format!("{map}  a: b{at}\n")).unwrap();
    }
    let (report, time, peak) = measured(folder.path());
    let found = loud(&report);
    eprintln!("10,000 files, 100 MB, a line of 10 MB, 10,000 levels: {time:?}, {peak} MiB");
    for (rule, file) in [
        ("half-pair", "compose.yaml"),
        ("unreadable-config", "d/deep.yaml"),
        ("unreadable-config", "e/n.conf"),
    ] {
        assert!(found.iter().any(|(have, at, _)| have == rule && at == file), "{rule} {file}: {found:?}");
    }
    assert!(!report["undecided"].as_array().unwrap().is_empty(), "what was left out is told");
    assert!(peak < 500 && time < Duration::from_secs(90), "{time:?}, {peak} MiB");
}
