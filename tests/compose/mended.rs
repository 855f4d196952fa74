//! What is printed is typed: the first command of a root cause's fix, for the Compose that is there.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::engine::plugin;
use crate::project::Project;
use crate::ran::Ran;

/// Stops each service, and does what the report says.
pub fn go_through(project: &Project) -> Vec<String> {
    let mut wrong = Vec::new();
    for service in ["nats", "redis", "api-gateway", "dashboard"] {
        project.stop(&[service]);
        let ran = until_named(project, service);
        let fix = ran.report.pointer("/root_causes/0/fix/0/command").and_then(Value::as_str);
        let program = if plugin() { "docker compose" } else { "docker-compose" };
        let start = format!("{program} -p {} -f docker-compose.test.yml up -d {service}", project.name);
        if fix != Some(&start) {
            wrong.push(format!("{service}: {fix:?}, not `{start}`: {}", ran.digest()));
            project.up();
            continue;
        }
        let ended = project.by_hand(&start);
        if ended.code != Some(0) {
            wrong.push(format!("`{start}` ends with {:?}: {} {}", ended.code, ended.out, ended.err));
            project.up();
        }
        let healed = project.settle(&[]);
        if healed.code != 0 {
            wrong.push(format!("after `{start}`: {}", healed.digest()));
        }
    }
    wrong
}

/// Runs until the report names the service as the root cause, or for a minute.
fn until_named(project: &Project, service: &str) -> Ran {
    let begun = Instant::now();
    loop {
        let ran = project.run(&[]);
        let named = ran.report.pointer("/root_causes/0/where").is_some_and(|place| place == service);
        if named || begun.elapsed() > Duration::from_secs(60) {
            return ran;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}
