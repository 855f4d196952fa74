//! What does not run proves nothing: every service of the project in every state in which it does no work.

use std::time::{Duration, Instant};

use crate::project::Project;
use crate::ran::Ran;
use crate::row::is_chosen;

/// The guide's five services, and what they stand around.
const SERVICES: &[&str] =
    &["scheduler", "workflow-engine", "context-engine", "safety-kernel", "api-gateway", "redis", "nats"];

struct State {
    name: &'static str,
    /// `docker …` on its container.
    make: &'static [&'static str],
    /// What brings it back.
    undo: Undo,
    /// What check 7 may say of a service in it, by its cause and variant.
    said: &'static [&'static str],
}

enum Undo {
    Docker(&'static [&'static str]),
    Up,
}

const DOWN: &[&str] = &["connection-refused container-stopped", "dns container-stopped"];
const STATES: &[State] = &[
    State { name: "stopped", make: &["stop", "-t", "5"], undo: Undo::Docker(&["start"]), said: DOWN },
    State { name: "killed", make: &["kill"], undo: Undo::Docker(&["start"]), said: DOWN },
    State {
        name: "paused",
        make: &["pause"],
        undo: Undo::Docker(&["unpause"]),
        said: &["timeout container-paused"],
    },
    State {
        name: "hung",
        make: &["kill", "--signal", "STOP"],
        undo: Undo::Docker(&["kill", "--signal", "CONT"]),
        said: &["timeout container-hung", "timeout"],
    },
    // What is not deployed is open; others may complain of it besides.
    State { name: "absent", make: &["rm", "-f"], undo: Undo::Up, said: &[] },
];

/// Those of every run; the others are for `scripts/test --long`.
const ALWAYS: &[&str] =
    &["scheduler paused", "workflow-engine hung", "redis killed", "context-engine absent"];

const SEVEN: &[&str] = &[
    "gateway-https",
    "gateway-wss",
    "cli-with-cacert",
    "cli-without-cacert",
    "worker-nats-tls",
    "nats-mtls",
    "redis-logs",
];

/// What is wrong with the report about one service in one state.
fn judge(ran: &Ran, service: &str, state: &State) -> Option<String> {
    if ran.code == 0 {
        return Some("exit 0 with `--all`".to_owned());
    }
    let status = |id: &str| ran.check(id)["status"].as_str().unwrap_or_default().to_owned();
    if !SEVEN.iter().any(|id| matches!(status(id).as_str(), "fail" | "unknown")) {
        return Some("the seven pass".to_owned());
    }
    // NATS is no matter of Redis' logs.
    if service != "nats" {
        let check = ran.check("redis-logs");
        let word = |key: &str| check["diagnoses"][0][key].as_str().unwrap_or_default();
        let said = format!("{} {}", word("cause"), word("variant")).trim().to_owned();
        if !matches!(status("redis-logs").as_str(), "fail" | "unknown")
            || !(state.said.is_empty() || state.said.contains(&said.as_str()))
        {
            return Some(format!("redis-logs: {} {said}: {}", check["status"], check["summary"]));
        }
    }
    for check in ran.checks().iter().filter(|check| check["status"] == "pass") {
        // What has nobody to look at has passed nothing.
        let looked = check["details"]["looked_at"].as_array().is_some_and(|all| !all.is_empty());
        if check["details"].get("looked_at").is_some() && !looked {
            return Some(format!("{} passes and has looked at nothing", check["id"]));
        }
    }
    None
}

/// Every state of every service on a healthy project.
pub fn go_through(project: &mut Project) -> Vec<String> {
    let mut wrong = Vec::new();
    for service in SERVICES {
        for state in STATES {
            let name = format!("{service} {}", state.name);
            if !is_chosen(&name, ALWAYS) {
                continue;
            }
            let begun = Instant::now();
            project.docker(state.make, &[service]);
            // The first look is the hard one: nobody has complained yet.
            let at_once = project.run(&[]);
            std::thread::sleep(Duration::from_secs(3));
            let later = project.run(&[]);
            for (when, ran) in [("at once", &at_once), ("later", &later)] {
                if let Some(what) = judge(ran, service, state) {
                    wrong.push(format!("WRONG {name}, {when}: {what}\n{}", ran.digest()));
                }
            }
            // Elsewhere, from what was collected, it is told the same.
            let elsewhere = project.collected(&[]);
            let same = later.roots().first().is_none_or(|root| elsewhere.roots().contains(root));
            if !same || elsewhere.code == 0 {
                wrong.push(format!(
                    "WRONG {name}, collected: {}\nlive: {}",
                    elsewhere.digest(),
                    later.digest()
                ));
            }
            match state.undo {
                Undo::Docker(action) => project.docker(action, &[service]),
                Undo::Up => project.up(),
            }
            let mut settled = project.settle(&[]);
            if settled.code != 0 {
                project.mend();
                settled = project.settle(&[]);
            }
            if settled.code != 0 {
                wrong.push(format!("{name}: not well again: {}", settled.digest()));
            }
            eprintln!("{name}: {:.0} s", begun.elapsed().as_secs_f64());
        }
    }
    wrong
}
