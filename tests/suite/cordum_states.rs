//! Whole recordings of the stack in states of every kind, composed from what the services really print, in
//! the order and rhythm in which they print it: what check 7 and `diagnose` say of each.

use crate::cordum::{CORE, END, EVENT, Logs, tool};
use serde_json::Value;

const REGENERATED: &str = "tls: failed to verify certificate: x509: certificate signed by unknown authority (possibly because of \"x509: ECDSA verification failure\" while trying to verify candidate authority certificate \"Cordum Dev CA\")";
const FOREIGN: &str = "tls: failed to verify certificate: x509: certificate signed by unknown authority";
const EXPIRED: &str = "tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2026-11-24T00:12:00Z is after 2026-11-23T00:00:00Z";
const NO_REDIS: &str = "dial tcp: lookup redis on 127.0.0.11:53: no such host";
const NO_NATS: &str = "dial tcp: lookup nats on 127.0.0.11:53: no such host";
const UNREADABLE: &str = "redis tls ca read: open /etc/cordum/tls/ca/ca.crt: permission denied";

/// What must be said of a state.
struct Wanted {
    name: &'static str,
    /// Empty: pass or warn. Else: fail with one of these.
    redis: &'static [&'static str],
    /// Causes that `diagnose` has to name, and those that it may name beside them.
    must: &'static [&'static str],
    may: &'static [&'static str],
    /// The services that check 7 blames, where it fails.
    blamed: &'static [&'static str],
    logs: Logs,
}

const ALL: &[&str] = &[
    "api-gateway",
    "scheduler",
    "safety-kernel",
    "workflow-engine",
    "context-engine",
    "mock-bank-worker",
    "demo-quickstart-worker",
];

fn quiet(name: &'static str, may: &'static [&'static str], make: impl FnOnce(&mut Logs)) -> Wanted {
    let mut logs = Logs::healthy();
    make(&mut logs);
    Wanted { name, redis: &[], must: &[], may, blamed: &[], logs }
}

fn broken(
    name: &'static str,
    redis: &'static [&'static str],
    must: &'static [&'static str],
    blamed: &'static [&'static str],
    make: impl FnOnce(&mut Logs),
) -> Wanted {
    let mut logs = Logs::healthy();
    make(&mut logs);
    Wanted { name, redis, must, may: &[], blamed, logs }
}

fn well() -> Vec<Wanted> {
    let json = Wanted { logs: Logs::new(true), ..quiet("JSON logs", &[], |_| {}) };
    let mut healed = Logs::new(true);
    healed.crash("context-engine", &[&format!("ERROR context engine init failed|error={UNREADABLE}")]);
    healed.heal(END - 4_000);
    vec![
        quiet("healthy", &[], |_| {}),
        json,
        Wanted { logs: healed, ..quiet("healed, JSON logs", &["bad-key-file"], |_| {}) },
        quiet("Redis restarted", &["connection-reset"], |logs| {
            for (service, after, line) in [
                ("scheduler", 300, "WARN scheduler worker count persist failed|error=EOF"),
                ("scheduler", 310, "WARN scheduler worker count read failed|error=EOF"),
                ("scheduler", 6_000, "WARN config reload failed|trigger=poll|error=EOF"),
                ("api-gateway", 6_900, "WARN instance registry: heartbeat renewal failed|key=k|error=EOF"),
                ("api-gateway", 9_300, "ERROR reconciler lock acquisition failed|error=acquire lock: EOF"),
                (
                    "workflow-engine",
                    9_800,
                    "ERROR reconciler lock acquisition failed|error=acquire lock: EOF",
                ),
                ("safety-kernel", 9_900, "WARN shadow-loader: list failed|error=shadow policy load: EOF"),
            ] {
                logs.say(service, EVENT + after, line);
            }
        }),
        quiet("Redis was away for some seconds", &["dns", "connection-reset"], |logs| {
            logs.starve(NO_REDIS, true);
            logs.files.iter_mut().for_each(|(_, lines)| {
                lines.retain(|(at, line)| *at < EVENT + 3_000 || line.contains("heartbeat received"));
            });
            logs.raw("redis", EVENT + 4_000, "1:M 24 Nov 2026 00:11:44.205 * Ready to accept connections");
            logs.say("workflow-engine", EVENT + 6_000, "ERROR reconciler lock acquisition failed|error=EOF");
        }),
        quiet("NATS restarted", &["connection-reset"], |logs| {
            for service in ["api-gateway", "scheduler", "safety-kernel", "workflow-engine"] {
                logs.say(service, EVENT, "INFO bus: disconnected from nats|err=EOF");
                logs.say(service, EVENT + 2_100, "INFO bus: reconnected to nats|url=tls://nats:4222");
            }
            logs.say("scheduler", EVENT + 1, "ERROR scheduler: NATS disconnected, relying on poll|error=EOF");
            logs.say(
                "scheduler",
                EVENT + 2_101,
                "ERROR scheduler: NATS reconnected, re-subscribing|subject=s",
            );
        }),
        quiet("all restarted", &[], |logs| {
            for service in ALL {
                logs.stop(service, EVENT - 2_500);
            }
            logs.heal(EVENT);
        }),
        quiet("files were unreadable, restarted", &["bad-key-file"], |logs| {
            for service in CORE {
                logs.crash(
                    service,
                    &[&format!("ERROR {service} error|error=parse redis options: {UNREADABLE}")],
                );
            }
            logs.crash("mock-bank-worker", &[&format!("[mock-bank] Redis connection failed: {UNREADABLE}")]);
            logs.crash("demo-quickstart-worker", &[&format!("redis connect: {UNREADABLE}")]);
            logs.files.iter_mut().for_each(|(_, lines)| lines.retain(|(at, _)| *at < EVENT + 8_000));
            logs.heal_after(EVENT + 9_000);
        }),
        quiet("another CA was mended, restarted", &["unknown-authority"], |logs| {
            logs.crash_on_redis(REGENERATED, true);
            logs.files.iter_mut().for_each(|(_, lines)| lines.retain(|(at, _)| *at < EVENT + 8_000));
            logs.heal_after(EVENT + 9_000);
        }),
        quiet("crash loop until Redis came", &["dns"], |logs| {
            logs.crash_on_redis(NO_REDIS, true);
            logs.files.iter_mut().for_each(|(_, lines)| lines.retain(|(at, _)| *at < EVENT + 8_000));
            logs.heal_after(EVENT + 9_000);
        }),
        quiet("stopped while Redis was away", &["dns", "timeout"], |logs| {
            logs.say(
                "scheduler",
                EVENT - 2_600,
                "WARN scheduler worker count persist failed|error=context canceled",
            );
            logs.say("api-gateway", EVENT - 2_600, "ERROR reconciler lock acquisition failed|error=dial tcp: lookup redis: operation was canceled");
            logs.heal(EVENT);
        }),
        quiet("replicas", &[], |logs| {
            for service in ["api-gateway-2", "scheduler-2", "workflow-engine-2"] {
                logs.start(service, EVENT);
            }
        }),
        quiet("noisy clients", &[], |logs| {
            for (after, line) in [
                (10, "INFO http: TLS handshake error from 172.18.0.1:51514: EOF"),
                (
                    20,
                    "INFO http: TLS handshake error from 172.18.0.1:51516: remote error: tls: unknown certificate authority",
                ),
                (30, "INFO request completed|method=GET|path=/api/v1/status|status=401|duration=1ms"),
                (
                    40,
                    "INFO ws disconnected|conn_id=3|reason=write_error|error=write tcp 172.18.0.9:8081->172.18.0.1:51514: write: broken pipe",
                ),
                (50, "WARN jwt validation failed|error=token has invalid claims: token is expired"),
                (60, "WARN licensing: invalid license; falling back to community|error=license has expired"),
            ] {
                logs.say("api-gateway", EVENT + after, line);
            }
            logs.say(
                "scheduler",
                EVENT,
                "WARN worker heartbeat rejected: tier worker limit exceeded|worker_id=w|current=7|allowed=3",
            );
            logs.say("scheduler", EVENT, "WARN job deadline expired|job_id=j");
        }),
    ]
}

fn ill() -> Vec<Wanted> {
    let authority = &["unknown-authority", "bad-signature"];
    vec![
        broken(
            "Redis of another CA, running",
            authority,
            &["unknown-authority"],
            &["api-gateway", "scheduler", "workflow-engine"],
            |logs| {
                logs.starve(REGENERATED, true);
            },
        ),
        broken("Redis of another CA, restarted", authority, &["unknown-authority"], ALL, |logs| {
            logs.crash_on_redis(REGENERATED, true);
        }),
        broken("Redis expired, restarted", &["expired"], &["expired"], ALL, |logs| {
            logs.crash_on_redis(EXPIRED, true)
        }),
        broken(
            "Redis stopped, running",
            &["dns"],
            &["dns"],
            &["api-gateway", "scheduler", "workflow-engine"],
            |logs| {
                logs.starve(NO_REDIS, true);
            },
        ),
        broken("Redis stopped, restarted", &["dns"], &["dns"], ALL, |logs| {
            logs.crash_on_redis(NO_REDIS, true)
        }),
        broken(
            "Redis silent, running",
            &["timeout"],
            &["timeout"],
            &["api-gateway", "scheduler", "workflow-engine"],
            |logs| {
                logs.starve("context deadline exceeded", false);
            },
        ),
        broken(
            "Redis asks for a certificate",
            &["client-cert-required"],
            &["client-cert-required"],
            ALL,
            |logs| {
                logs.crash_on_redis("remote error: tls: certificate required", false);
            },
        ),
        broken("another password", &["auth-not-tls"], &["auth-not-tls"], ALL, |logs| {
            logs.crash_on_redis("WRONGPASS invalid username-password pair or user is disabled.", false);
        }),
        broken("Redis speaks TLS 1.2 only", &["protocol-version"], &["protocol-version"], ALL, |logs| {
            logs.crash_on_redis("remote error: tls: protocol version not supported", false);
        }),
        broken(
            "the gateway's client certificate expired",
            &["expired"],
            &["expired"],
            &["api-gateway"],
            |logs| {
                let check = "tls chain invalid: /etc/cordum/tls/client/tls.crt does not chain to /etc/cordum/tls/ca/ca.crt";
                let record = [
                    &*format!(
                        "ERROR api gateway error|error=connect redis: create redis client: parse redis options: apply redis tls config: build tls config: redis tls: {check}"
                    ),
                    "  cert:  subject=\"CN=cordum-client,O=Cordum\"  issuer=\"CN=Cordum Dev CA\"",
                    "         valid 2026-11-01..2026-11-20",
                    "  ca:    subject=\"CN=Cordum Dev CA\"",
                    "         valid 2026-11-01..2027-11-01",
                    "  cause: cert expired 96h11m0s ago",
                    "  fix:   cordumctl generate-certs --force --days 365",
                    "         (regenerates CA + server + client atomically)",
                ];
                logs.crash("api-gateway", &record);
            },
        ),
        broken(
            "a file is missing on the workflow engine",
            &["bad-key-file"],
            &["bad-key-file"],
            &["workflow-engine"],
            |logs| {
                logs.crash("workflow-engine", &["ERROR workflow engine error|error=connect redis memory store: create redis client: parse redis options: apply redis tls config: build tls config: redis tls ca read: open /etc/cordum/tls/ca/ca.crt: no such file or directory"]);
            },
        ),
        broken(
            "the worker's password",
            &["auth-not-tls"],
            &["auth-not-tls"],
            &["mock-bank-worker"],
            |logs| {
                logs.crash("mock-bank-worker", &["[mock-bank] Redis connection failed (check REDIS_URL, password, and TLS certs): redis ping failed: NOAUTH Authentication required."]);
            },
        ),
        broken(
            "the worker has redis:// for the TLS port",
            &["connection-reset", "wrong-scheme-plain-to-tls"],
            &["connection-reset"],
            &["demo-quickstart-worker"],
            |logs| logs.crash("demo-quickstart-worker", &["redis connect: redis ping failed: EOF"]),
        ),
        broken(
            "the safety kernel has redis:// for the TLS port",
            &["connection-reset", "wrong-scheme-plain-to-tls"],
            &["connection-reset"],
            &["safety-kernel"],
            |logs| {
                logs.begin("safety-kernel", EVENT);
                for (after, line) in [
                    (400, "WARN safety-kernel: config service disabled|err=connect redis: EOF"),
                    (410, "INFO safety-kernel: shadow evaluation disabled — configsvc unavailable"),
                    (800, "WARN safety-kernel: snapshot redis LPUSH failed|err=EOF"),
                    (801, "INFO safety-kernel: listening|addr=:50051"),
                ] {
                    logs.say("safety-kernel", EVENT + after, line);
                }
            },
        ),
        broken("production without a CA for the kernel", &[], &["other-tls"], &[], |logs| {
            logs.crash(
                "scheduler",
                &["ERROR failed to connect to safety kernel|error=safety_kernel_tls_ca required"],
            );
        }),
        // Trouble of other links is no trouble of Redis.
        broken("NATS of another CA, restarted", &[], &["unknown-authority"], &[], |logs| {
            logs.crash_on_nats(FOREIGN)
        }),
        broken("NATS expired, restarted", &[], &["expired"], &[], |logs| logs.crash_on_nats(EXPIRED)),
        broken("NATS stopped, restarted", &[], &["dns"], &[], |logs| logs.crash_on_nats(NO_NATS)),
        broken("NATS refuses", &[], &["connection-refused"], &[], |logs| {
            logs.crash_on_nats("nats: no servers available for connection")
        }),
        broken("NATS without TLS, running", &[], &["connection-reset"], &[], |logs| {
            for service in ["api-gateway", "scheduler", "safety-kernel", "workflow-engine"] {
                logs.say(service, EVENT, "INFO bus: disconnected from nats|err=EOF");
            }
        }),
        broken("the worker has no CA", &[], &["unknown-authority"], &[], |logs| {
            logs.crash(
                "mock-bank-worker",
                &["[mock-bank] Redis connection verified (TLS-aware)", &format!("nats connect: {FOREIGN}")],
            );
        }),
        broken("the gateway's key is another's", &[], &["key-mismatch"], &[], |logs| {
            logs.crash("api-gateway", &["INFO http listening|addr=:8081", "ERROR api gateway error|error=http tls keypair: initial cert load (gateway-http): tls: private key does not match public key"]);
        }),
        broken("half a pair", &[], &["bad-key-file"], &[], |logs| {
            logs.crash("api-gateway", &["ERROR api gateway error|error=http tls requires both GATEWAY_HTTP_TLS_CERT and GATEWAY_HTTP_TLS_KEY"]);
        }),
        broken("the safety kernel of another CA", &[], &["unknown-authority"], &[], |logs| {
            let line = format!(
                "ERROR safety kernel list snapshots failed|error=rpc error: code = Unavailable desc = connection error: desc = \"transport: authentication handshake failed: {FOREIGN}\""
            );
            logs.say("api-gateway", EVENT, &line);
        }),
        broken("the safety kernel expired", &[], &["expired"], &[], |logs| {
            let line = format!(
                "WARN safety kernel unavailable, requeueing job|job_id=j|reason=safety kernel error: rpc error: code = Unavailable desc = connection error: desc = \"transport: authentication handshake failed: {EXPIRED}\""
            );
            logs.say("scheduler", EVENT, &line);
        }),
    ]
}

/// What is wrong with what the tool says of a state.
fn judged(wanted: &Wanted) -> Vec<String> {
    let folder = wanted.logs.write();
    let report =
        tool(&["run", "--only", "redis-logs", "--no-docker", "--format", "json", "--logs"], folder.path());
    let check = &report["checks"][0];
    let status = check["status"].as_str().unwrap();
    let diagnoses = check["diagnoses"].as_array().unwrap();
    let errors: Vec<&Value> = diagnoses.iter().filter(|one| one["severity"] == "error").collect();
    let mut wrong = Vec::new();
    let name = wanted.name;
    if wanted.redis.is_empty() {
        if !matches!(status, "pass" | "warn") {
            wrong.push(format!("{name}: {status}: {errors:#?}"));
        }
    } else {
        let causes: Vec<&str> = errors.iter().map(|one| one["cause"].as_str().unwrap()).collect();
        if status != "fail" || causes.iter().any(|cause| !wanted.redis.contains(cause)) {
            wrong.push(format!("{name}: {status} {causes:?}"));
        }
        for service in ALL {
            let blamed =
                errors.iter().any(|one| one["because"].to_string().contains(&format!("\"{service} logged")));
            if blamed != wanted.blamed.contains(service) {
                wrong.push(format!("{name}: {service} is {}blamed", if blamed { "" } else { "not " }));
            }
        }
    }
    let report = tool(&["diagnose", "--format", "json"], folder.path());
    let said: Vec<&String> = report["summary"].as_object().unwrap().keys().collect();
    for must in wanted.must {
        if !said.iter().any(|said| said == must) {
            wrong.push(format!("{name}: diagnose misses {must}: {said:?}"));
        }
    }
    for one in said {
        if !wanted.must.contains(&one.as_str()) && !wanted.may.contains(&one.as_str()) {
            wrong.push(format!("{name}: diagnose says {one}"));
        }
    }
    wrong
}

#[test]
fn states_that_are_well_are_quiet() {
    let wrong: Vec<String> = well().iter().flat_map(judged).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn states_that_are_ill_are_named_and_nothing_else_is_blamed() {
    let wrong: Vec<String> = ill().iter().flat_map(judged).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
