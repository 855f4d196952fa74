//! What does not run, hangs, was restarted, or verifies nobody: what each check says of it.

use tls_verify_checks::platform::LogPiece;
use tls_verify_core::status::Status;
use tls_verify_core::workload::Phase;

use super::memory::Memory;
use super::{report, told};

/// A state, and what some checks must say of it: status, cause and variant of the main diagnosis.
struct Row {
    name: &'static str,
    make: fn(&mut Memory),
    says: &'static [(&'static str, &'static str)],
    exit: u8,
}

/// The scheduler, which has worked with Redis, did not like its certificate ten minutes ago.
fn refuses_redis(memory: &mut Memory) {
    let at = |minutes: i64| {
        let when = time::OffsetDateTime::now_utc() - time::Duration::minutes(minutes);
        when.format(&time::format_description::well_known::Rfc3339).unwrap()
    };
    memory.says("scheduler-abc", &[]);
    memory.adds(
        "scheduler-abc",
        &format!(
            "{began} [SCHEDULER] INFO cordum scheduler starting...\n{began} [SCHEDULER] INFO bus: jetstream enabled\n\
             {began} [SCHEDULER] INFO scheduler running, waiting for signals\n{refused} [SCHEDULER] ERROR worker \
             snapshot read failed error=redis: tls: failed to verify certificate: x509: certificate has expired or is \
             not yet valid\n",
            began = at(59),
            refused = at(10),
        ),
    );
}

/// Redis, and whoever is connected to it, as seen from here.
fn redis_began(memory: &mut Memory, minutes: u64, scheduler: [u8; 4]) {
    let began = std::time::SystemTime::now() - std::time::Duration::from_secs(60 * minutes);
    memory.one("redis-abc").started = Some(began);
    memory.one("scheduler-abc").addresses = vec![scheduler.into()];
}

const ROWS: &[Row] = &[
    Row {
        name: "Redis' certificate was refused, and Redis has begun since",
        make: |memory| {
            refuses_redis(memory);
            redis_began(memory, 5, [192, 0, 2, 1]);
        },
        // That address has no connection to NATS.
        says: &[("redis-logs", "pass"), ("service-links", "fail connection-reset")],
        exit: 1,
    },
    Row {
        name: "Redis' certificate is refused by who has no connection to it",
        make: |memory| {
            refuses_redis(memory);
            redis_began(memory, 60, [192, 0, 2, 1]);
        },
        says: &[("redis-logs", "fail expired")],
        exit: 1,
    },
    Row {
        name: "Redis' certificate was refused before Redis began, a moment ago",
        make: |memory| {
            refuses_redis(memory);
            redis_began(memory, 0, [192, 0, 2, 1]);
        },
        says: &[("redis-logs", "fail expired")],
        exit: 1,
    },
    Row {
        name: "Redis' certificate was refused by who had never reached it",
        make: |memory| {
            memory.says("safety-kernel-abc", &[]);
            memory.adds(
                "safety-kernel-abc",
                "2026-01-01T01:00:00Z [SAFETY-KERNEL] WARN safety-kernel: config service disabled err=connect redis: \
                 connect redis: tls: failed to verify certificate: x509: certificate signed by unknown authority\n\
                 2026-01-01T01:00:01Z [SAFETY-KERNEL] INFO safety-kernel: listening addr=:50051\n",
            );
            redis_began(memory, 5, [192, 0, 2, 1]);
        },
        says: &[("redis-logs", "fail unknown-authority")],
        exit: 1,
    },
    Row {
        name: "the scheduler stopped",
        make: |memory| memory.ended("scheduler-abc", Phase::Exited, 0),
        says: &[
            ("redis-logs", "fail connection-refused container-stopped"),
            ("service-links", "fail connection-refused container-stopped"),
        ],
        exit: 1,
    },
    Row {
        name: "the scheduler killed",
        make: |memory| memory.ended("scheduler-abc", Phase::Exited, 137),
        says: &[("redis-logs", "fail connection-refused container-stopped")],
        exit: 1,
    },
    Row {
        name: "the context engine between two starts",
        make: |memory| memory.ended("context-engine-abc", Phase::Restarting, 1),
        says: &[("redis-logs", "fail connection-refused container-restarting")],
        exit: 1,
    },
    Row {
        name: "the workflow engine paused",
        make: |memory| memory.one("workflow-engine-abc").phase = Phase::Paused,
        says: &[
            ("redis-logs", "fail timeout container-paused"),
            ("service-links", "fail timeout container-paused"),
        ],
        exit: 1,
    },
    Row {
        name: "the safety kernel hangs",
        make: |memory| memory.hangs("safety-kernel-abc"),
        says: &[
            ("redis-logs", "fail timeout container-hung"),
            ("service-links", "fail timeout container-hung"),
            ("safety-kernel-grpc", "fail timeout"),
        ],
        exit: 1,
    },
    Row {
        name: "a health check that runs out of its time",
        make: |memory| {
            let one = memory.one("scheduler-abc");
            one.healthy = Some(false);
            one.probe = Some("Health check exceeded timeout (2s)".to_owned());
        },
        says: &[("redis-logs", "fail timeout container-hung")],
        exit: 1,
    },
    Row {
        name: "a health check that waits at another port, of a service that answers at its own",
        make: |memory| {
            let one = memory.one("api-gateway-abc");
            one.healthy = Some(false);
            one.probe = Some("Health check exceeded timeout (2s)".to_owned());
        },
        says: &[("redis-logs", "pass"), ("service-links", "pass")],
        exit: 0,
    },
    Row {
        name: "a health check that runs out of its time, of a service that shakes hands and is asked nothing else",
        make: |memory| {
            let one = memory.one("safety-kernel-abc");
            one.healthy = Some(false);
            one.probe = Some("Health check exceeded timeout (2s)".to_owned());
        },
        says: &[("redis-logs", "fail timeout container-hung")],
        exit: 1,
    },
    Row {
        name: "a health check that runs out of its time, of a gateway whose port is silent too",
        make: |memory| {
            memory.hangs("api-gateway-abc");
            let one = memory.one("api-gateway-abc");
            one.healthy = Some(false);
            one.probe = Some("Health check exceeded timeout (2s)".to_owned());
        },
        says: &[("redis-logs", "fail timeout container-hung")],
        exit: 1,
    },
    Row {
        name: "a health check that is itself at fault",
        make: |memory| {
            let one = memory.one("scheduler-abc");
            one.healthy = Some(false);
            one.probe = Some("wget: can't connect to remote host (127.0.0.1): Connection refused".to_owned());
        },
        says: &[("redis-logs", "pass"), ("service-links", "pass")],
        exit: 0,
    },
    Row {
        name: "the scheduler is not deployed",
        make: |memory| memory.gone("scheduler"),
        says: &[("redis-logs", "unknown"), ("service-links", "unknown connection-refused container-absent")],
        exit: 3,
    },
    Row {
        name: "no worker is deployed",
        make: |memory| memory.gone("mock-bank-worker"),
        says: &[("redis-logs", "pass"), ("worker-nats-tls", "pass")],
        exit: 0,
    },
    Row {
        name: "the worker stopped",
        make: |memory| memory.ended("mock-bank-worker-abc", Phase::Exited, 0),
        says: &[("redis-logs", "pass"), ("worker-nats-tls", "fail connection-refused container-stopped")],
        exit: 1,
    },
    Row {
        name: "a second worker that crash-loops",
        make: |memory| {
            memory.add("fleet-b", "fleet-b-abc");
            memory.set("fleet-b-abc", "NATS_URL", "tls://nats:4222");
            memory.says("fleet-b-abc", &[]);
            memory.ended("fleet-b-abc", Phase::Restarting, 1);
        },
        says: &[("worker-nats-tls", "fail connection-refused container-restarting")],
        exit: 1,
    },
    Row {
        name: "Redis stopped a moment ago: nobody has complained yet",
        make: |memory| memory.ended("redis-abc", Phase::Exited, 0),
        says: &[("redis-logs", "fail dns container-stopped"), ("redis-tls", "fail dns container-stopped")],
        exit: 1,
    },
    Row {
        name: "Redis paused",
        make: |memory| {
            memory.hangs("redis-abc");
            memory.one("redis-abc").phase = Phase::Paused;
        },
        says: &[("redis-logs", "fail timeout container-paused")],
        exit: 1,
    },
    Row {
        name: "Redis absent, and a service names it",
        make: |memory| {
            memory.gone("redis");
            memory.set("scheduler-abc", "REDIS_URL", "rediss://:x@redis:6379/0");
        },
        says: &[("redis-logs", "fail dns container-absent")],
        exit: 1,
    },
    Row {
        name: "restarted once, and settled",
        make: |memory| {
            let one = memory.one("scheduler-abc");
            one.restarts = 1;
            one.started = Some(std::time::SystemTime::now() - std::time::Duration::from_secs(8));
        },
        says: &[("redis-logs", "pass"), ("service-links", "pass")],
        exit: 0,
    },
    Row {
        name: "an old container that has exited, of an earlier configuration",
        make: |memory| {
            let one = memory.add("scheduler", "scheduler-old");
            one.current = false;
            memory.ended("scheduler-old", Phase::Exited, 1);
        },
        says: &[("redis-logs", "pass"), ("service-links", "pass")],
        exit: 0,
    },
    Row {
        name: "a replica that has exited",
        make: |memory| {
            memory.add("scheduler", "scheduler-two");
            memory.says("scheduler-two", &[LogPiece::PresentStart]);
            memory.ended("scheduler-two", Phase::Exited, 1);
        },
        says: &[("service-links", "fail connection-refused container-stopped")],
        exit: 1,
    },
    Row {
        name: "a core service that verifies no NATS",
        make: |memory| memory.set("scheduler-abc", "NATS_TLS_INSECURE", "true"),
        says: &[("service-links", "fail verification-not-enforced"), ("redis-logs", "pass")],
        exit: 1,
    },
    Row {
        name: "a worker that verifies no NATS",
        make: |memory| memory.set("mock-bank-worker-abc", "NATS_TLS_INSECURE", "1"),
        says: &[("worker-nats-tls", "fail verification-not-enforced"), ("service-links", "pass")],
        exit: 1,
    },
    Row {
        name: "a URL that verifies no Redis",
        make: |memory| {
            memory.set("scheduler-abc", "REDIS_URL", "rediss://:x@redis:6379/0?skip_verify=true");
        },
        says: &[("redis-logs", "fail verification-not-enforced")],
        exit: 1,
    },
    Row {
        name: "plaintext beside the TLS port",
        make: |memory| memory.set("context-engine-abc", "REDIS_URL", "redis://:x@redis:6380"),
        says: &[("redis-logs", "fail verification-not-enforced")],
        exit: 1,
    },
    Row {
        name: "a worker's nats:// URL with TLS settings",
        make: |memory| {
            memory.set("mock-bank-worker-abc", "NATS_URL", "nats://nats:4222");
            memory.set("mock-bank-worker-abc", "NATS_TLS_CA", "/etc/cordum/tls/ca/ca.crt");
        },
        says: &[("worker-nats-tls", "pass"), ("redis-logs", "pass")],
        exit: 0,
    },
    Row {
        name: "a job's text that names Redis' refusals, in a line about something else",
        make: |memory| {
            let line = "[SCHEDULER] ERROR dispatch failed error=x509: certificate has expired or is not yet valid \
                        prompt=why NOAUTH or WRONGPASS ?\n";
            memory.adds("scheduler-abc", line);
        },
        says: &[("redis-logs", "pass")],
        exit: 0,
    },
    Row {
        name: "a login that only Redis refuses in these words",
        make: |memory| {
            let line = "[SCHEDULER] ERROR state store unavailable error=WRONGPASS invalid username-password pair or user \
                        is disabled.\n";
            memory.adds("scheduler-abc", line);
        },
        says: &[("redis-logs", "fail auth-not-tls")],
        exit: 1,
    },
];

/// Redis itself says that the scheduler has a younger connection.
#[test]
fn a_refusal_is_over_where_redis_has_a_younger_connection() {
    if tls_verify_fixtures::servers::find("redis-server").is_none() {
        eprintln!("skipped: redis-server is not here");
        return;
    }
    let report = report(|memory| {
        refuses_redis(memory);
        redis_began(memory, 60, [127, 0, 0, 1]);
    });
    let check = report.checks.iter().find(|check| check.id == "redis-logs").unwrap();
    assert_eq!((check.status, report.exit_code), (Status::Warn, 0), "{}", told(&report));
    assert!(!check.diagnoses[0].because.iter().any(|one| one.contains("restart")), "{}", told(&report));
}

#[test]
fn what_does_not_run_or_verifies_nobody_never_passes() {
    let mut wrong = String::new();
    for row in ROWS {
        let report = report(row.make);
        for (id, expected) in row.says {
            let check = report.checks.iter().find(|check| check.id == *id).unwrap();
            let main = check.diagnoses.first().filter(|_| check.status != Status::Warn);
            let cause = main.map_or_else(String::new, |main| format!(" {}", main.cause));
            let variant =
                main.and_then(|main| main.variant).map_or_else(String::new, |one| format!(" {one}"));
            let status = if check.status == Status::Warn { Status::Pass } else { check.status };
            let said = format!(
                "{}{}",
                status.slug(),
                if status == Status::Pass { String::new() } else { cause + &variant }
            );
            if said != *expected {
                wrong += &format!("{}: {id} says `{said}`, not `{expected}`: {}\n", row.name, check.summary);
            }
        }
        if report.exit_code != row.exit {
            wrong +=
                &format!("{}: exit {}, not {}: {}\n", row.name, report.exit_code, row.exit, told(&report));
        }
        for check in &report.checks {
            assert!(check.details.get("looked_at").is_some_and(serde_json::Value::is_array), "{}", check.id);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
