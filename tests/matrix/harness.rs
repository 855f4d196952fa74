//! Rows of the matrix: a stack broken in one way, what each of the fifteen checks must say of it, and
//! which origins the report must name.

use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use tls_verify::cli::RunnerArgs;
use tls_verify::commands::run;
use tls_verify_checks::cause::{CauseKind, Severity, Variant};
use tls_verify_core::report::{CheckReport, Diagnosis, RunReport};
use tls_verify_core::status::Status;
use tls_verify_fixtures::demo::Demo;
use tls_verify_fixtures::pki;
use tls_verify_fixtures::plan::{Boxed, StackPlan};
use tls_verify_fixtures::servers;

use crate::cures;
use crate::expect::{Expect, Root, Word};
use crate::snapshot;

/// What a row needs beside what every machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    Nats,
    /// `NATS_SERVER_212`.
    Nats212,
    Redis,
    Nginx,
    Openssl,
    Ipv6,
}

impl Needs {
    const fn tool(self) -> &'static str {
        match self {
            Self::Nats => "nats",
            Self::Nats212 => "nats-2.12",
            Self::Redis => "redis",
            Self::Nginx => "nginx",
            Self::Openssl => "openssl",
            Self::Ipv6 => "ipv6",
        }
    }

    fn is_there(self) -> bool {
        match self {
            Self::Nats => servers::on_path("nats-server").is_some(),
            Self::Nats212 => nats_212().is_some(),
            Self::Redis => servers::on_path("redis-server").is_some(),
            Self::Nginx => servers::find("nginx").is_some(),
            Self::Openssl => servers::find("openssl").is_some(),
            Self::Ipv6 => std::net::TcpListener::bind("[::1]:0").is_ok(),
        }
    }
}

/// The newer nats-server, where there is one.
pub(crate) fn nats_212() -> Option<PathBuf> {
    std::env::var_os("NATS_SERVER_212").map(PathBuf::from).filter(|file| file.is_file())
}

/// One stack and what is said of it.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) set: fn(&mut StackPlan) -> Result<(), Boxed>,
    /// What checks say that do not pass.
    pub(crate) says: &'static [Expect],
    /// Every root cause, in order.
    pub(crate) roots: &'static [Root],
    pub(crate) exit: u8,
    pub(crate) needs: &'static [Needs],
}

impl Row {
    #[must_use]
    pub(crate) const fn needing(self, needs: &'static [Needs]) -> Self {
        Self { needs, ..self }
    }
}

/// A row.
#[must_use]
pub(crate) const fn row(
    name: &'static str,
    about: &'static str,
    set: fn(&mut StackPlan) -> Result<(), Boxed>,
    says: &'static [Expect],
    roots: &'static [Root],
    exit: u8,
) -> Row {
    Row { name, about, set, says, roots, exit, needs: &[] }
}

/// A row in which every check passes.
#[must_use]
pub(crate) const fn healthy(
    name: &'static str,
    about: &'static str,
    set: fn(&mut StackPlan) -> Result<(), Boxed>,
) -> Row {
    row(name, about, set, &[], &[], 0)
}

/// What a row needs and this machine lacks; where it has to be there, the row runs and fails.
pub(crate) fn missing(row: &Row) -> Option<Needs> {
    let required = std::env::var("TLS_VERIFY_REQUIRE").unwrap_or_default();
    let lacks = |need: &&Needs| !need.is_there() && !required.split(',').any(|tool| tool == need.tool());
    row.needs.iter().find(lacks).copied()
}

/// Runs a row: every deviation is listed, and what users are told is held against the snapshot.
pub(crate) fn hold(family: &str, row: &Row) -> Result<(), String> {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    if let Some(need) = row.needs.iter().find(|need| !need.is_there()) {
        return Err(format!("there is no {}", need.tool()));
    }
    match tried(family, row, 1) {
        // An attempt that ran out of its time may be the machine's fault: the same with four times as much.
        Err(wrong) if wrong.contains("timeout") || wrong.contains("not done after") => {
            eprintln!("{}, tried again with more time: {wrong}", row.name);
            tried(family, row, 4)
        }
        held => held,
    }
}

/// Every deviation, with attempts that take so many times as long as usual.
fn tried(family: &str, row: &Row, times: u32) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let ended = runtime.block_on(observe(*row, times));
    runtime.shutdown_background();
    let report = ended?;
    let (mut wrong, mut told) = (String::new(), String::new());
    compare(row, &report, &mut wrong);
    tell(row, &report, &mut told);
    cures::hold(&report, &mut wrong);
    if wrong.is_empty() { snapshot::hold(family, row.name, &told) } else { Err(wrong) }
}

/// Starts the stack and runs every check on it; attempts may take `times` as long as usual.
pub(crate) async fn observe(row: Row, times: u32) -> Result<RunReport, String> {
    let work = async {
        let mut plan = StackPlan::healthy().map_err(|error| error.to_string())?;
        (row.set)(&mut plan).map_err(|error| format!("the stack cannot be made: {error}"))?;
        let demo = Demo::run(plan).await.map_err(|error| format!("the stack does not start: {error}"))?;
        Ok(check(&demo, times).await)
    };
    let limit = Duration::from_secs(100) * times;
    match tokio::time::timeout(limit, work).await {
        Ok(ended) => ended,
        Err(_) => Err(format!("not done after {limit:?}")),
    }
}

async fn check(demo: &Demo, times: u32) -> RunReport {
    let timeout = demo.tool.timeout.unwrap_or(Duration::from_secs(15)) * times;
    let runner = RunnerArgs {
        all: true,
        ..RunnerArgs::of_times(timeout, Duration::from_secs(90) * times, Duration::from_secs(30 * 86_400))
    };
    let plan = tls_verify::commands::run::command::plan(&runner).unwrap();
    let stack = tls_verify::commands::demo::stack(demo, &runner, &plan).unwrap();
    let (_keep, interrupted) = tokio::sync::watch::channel(false);
    let mut report = run::run(stack, plan, interrupted, &mut |_| {}).await;
    let root = demo.certs.display().to_string();
    for place in report.root_causes.iter_mut().map(|root| &mut root.place) {
        *place = place.replace(&format!("{root}/"), "");
    }
    report
}

/// Status and main diagnosis of a check.
pub(crate) fn said(check: &CheckReport) -> Word {
    let main = check.diagnoses.iter().find(|one| !of_the_machine(one));
    if check.status == Status::Warn && main.is_none() && check.remarks.is_empty() {
        return Word::PASS;
    }
    Word { status: check.status, main: main.map(|main| (main.cause, main.variant, main.side)) }
}

/// What a check must say.
pub(crate) fn expected(row: &Row, number: u16) -> Word {
    let named = |says: &&Expect| says.checks.iter().any(|one| u16::from(*one) == number);
    row.says.iter().find(named).map_or(Word::PASS, |says| says.word)
}

/// Who may read the files is the machine's matter: a folder for one user warns on every Linux.
fn of_the_machine(one: &Diagnosis) -> bool {
    use tls_verify_checks::cause::Variant;
    one.severity == Severity::Warning
        && matches!(one.variant, Some(Variant::WorldReadable | Variant::PermissionDenied))
}

fn compare(row: &Row, report: &RunReport, wrong: &mut String) {
    let before = wrong.len();
    assert_eq!(report.checks.len(), 16);
    // One NATS and one Redis have no links among themselves.
    for check in report.checks.iter().filter(|check| check.status != Status::Skip) {
        let expected = expected(row, check.number);
        let said = said(check);
        if said != expected {
            writeln!(wrong, "  {:>2} {}: `{said}`, not `{expected}`", check.number, check.id).unwrap();
        }
        for one in &check.diagnoses {
            let commands = || one.fix.iter().filter_map(|fix| fix.command.as_deref());
            let new_set = commands().any(|command| command.contains("generate-certs"));
            // A new CA only where the CA itself has ended.
            if new_set && one.variant != Some(Variant::ExpiredCa) {
                writeln!(wrong, "  {:>2}: {} is cured with a new CA", check.number, one.cause).unwrap();
            }
            if one.fix.len() > 2 {
                writeln!(wrong, "  {:>2}: {} has more than two cures", check.number, one.cause).unwrap();
            }
            if one.because.is_empty() || one.fix.is_empty() {
                writeln!(wrong, "  {:>2}: {} without a reason or a fix", check.number, one.cause).unwrap();
            }
        }
        if matches!(check.status, Status::Fail | Status::Unknown) && check.summary.is_empty() {
            writeln!(wrong, "  {:>2}: nothing is said", check.number).unwrap();
        }
    }
    // Contract: every failed check has a root cause, also where no promised cause fits; a row names those that fit.
    for check in report.checks.iter().filter(|check| check.status == Status::Fail) {
        let named = check.diagnoses.iter().any(|one| one.severity == Severity::Error);
        let nameless = report.root_causes.iter().any(|root| root.nameless && root.checks.contains(&check.id));
        if named == nameless {
            writeln!(
                wrong,
                "  {:>2} {}: with a cause {named}, root cause without a name {nameless}",
                check.number, check.id
            )
            .unwrap();
        }
    }
    let roots: Vec<String> = report
        .root_causes
        .iter()
        .filter(|root| !root.nameless)
        .map(|root| {
            let variant = root.variant.map(|variant| format!(" {variant}")).unwrap_or_default();
            format!("{} {}{variant}", root.place, root.cause)
        })
        .collect();
    let wanted: Vec<String> = row.roots.iter().map(ToString::to_string).collect();
    if roots != wanted {
        writeln!(wrong, "  root causes `{}`, not `{}`", roots.join("; "), wanted.join("; ")).unwrap();
    }
    if report.exit_code != row.exit {
        writeln!(wrong, "  exit {}, not {}", report.exit_code, row.exit).unwrap();
    }
    if wrong.len() > before {
        wrong.insert_str(before, &format!("{} ({})\n", row.name, row.about));
        if std::env::var_os("MATRIX_SHOW").is_some() {
            let mut screen = Vec::new();
            let style =
                tls_verify::report::screen::Style { quiet: true, ..tls_verify::report::screen::Style::PLAIN };
            tls_verify::report::human::write(report, style, &mut screen).unwrap();
            wrong.push_str(&String::from_utf8_lossy(&screen));
        }
    }
}

/// What an operator is told, without what differs from run to run.
fn tell(row: &Row, report: &RunReport, told: &mut String) {
    writeln!(told, "## {}: {}", row.name, row.about).unwrap();
    for root in &report.root_causes {
        let cause = if root.nameless { "no promised cause" } else { root.cause.slug() };
        writeln!(told, "root cause: {}: {} [{cause}]", steady(&root.place), steady(&root.summary)).unwrap();
        if let Some(fact) = root.because.first().filter(|_| !is_race(root.cause)) {
            writeln!(told, "    {}", steady(fact)).unwrap();
        }
        for fix in &root.fix {
            writeln!(told, "    fix: {}", steady(&fix.text)).unwrap();
            if let Some(command) = &fix.command {
                writeln!(told, "         $ {}", steady(command).replace('\n', "\n           ")).unwrap();
            }
            for change in &fix.changes {
                writeln!(told, "         ~ {}", steady(&cures::line(change))).unwrap();
            }
        }
        writeln!(told, "    breaks: {}", root.checks.join(", ")).unwrap();
    }
    let told_of = |check: &&tls_verify_core::report::CheckReport| {
        check.status != Status::Skip && said(check) != Word::PASS
    };
    for check in report.checks.iter().filter(told_of) {
        write!(told, "{:>2} {} {}", check.number, check.id, said(check)).unwrap();
        match check.diagnoses.iter().find(|one| !of_the_machine(one)) {
            Some(main) => {
                let fact = main.because.first().cloned().unwrap_or_default();
                let above = report.root_causes.iter().any(|root| root.because.first() == Some(&fact));
                let fact = match (is_race(main.cause), above) {
                    (true, _) => String::new(),
                    (false, true) => "as above".to_owned(),
                    (false, false) => steady(&fact),
                };
                writeln!(told, " ({}): {fact}", main.confidence).unwrap();
            }
            None => writeln!(told, ": {}", steady(&check.summary)).unwrap(),
        }
    }
    told.push('\n');
}

/// What is seen of a connection that breaks off or stays silent depends on who was first.
fn is_race(cause: CauseKind) -> bool {
    matches!(cause, CauseKind::ConnectionReset | CauseKind::Timeout | CauseKind::ConnectionRefused)
}

/// Ports, times, paths and other things of the moment made equal.
fn steady(text: &str) -> String {
    use std::sync::LazyLock;
    static RULES: LazyLock<Vec<(regex::Regex, &str)>> = LazyLock::new(|| {
        [
            (r"/[^\s:`']*tls-verify-demo-[A-Za-z0-9]+", "DIR"),
            (r"/[^\s:`']*/\.tmp[A-Za-z0-9]+", "DIR"),
            (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
            (r"20[2-9]\d-\d\d-\d\d \d\d:\d\d(:\d\d)? UTC", "TIME"),
            (r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d", "TIME"),
            (r"\(in -?\d+ days\)|\(in -?\d+ hours\)", "(in N days)"),
            (r"\(-?\d+ days ago\)|\(\d+ hours ago\)", "(N days ago)"),
            (r"(127\.0\.0\.1|localhost|\[::1\]|::1|\.invalid|nats|redis):\d{4,5}", "$1:PORT"),
            (r"\b[0-9a-f]{32,64}\b", "HEX"),
            (r"\d+ times, TIME to TIME", "N times, TIME to TIME"),
            (r"\d+ days ago|\d+ hours ago", "N days ago"),
        ]
        .into_iter()
        .map(|(rule, with)| (regex::Regex::new(rule).unwrap(), with))
        .collect()
    });
    let mut text = text.to_owned();
    for (rule, with) in RULES.iter() {
        text = rule.replace_all(&text, *with).into_owned();
    }
    static DATE: LazyLock<regex::Regex> =
        LazyLock::new(|| regex::Regex::new(r"\b\d{4}-\d\d-\d\d\b").unwrap());
    // The fixtures' fixed days are the same on any day; any other date is counted from today.
    DATE.replace_all(&text, |date: &regex::Captures<'_>| {
        if pki::FIXED_DAYS.contains(&&date[0]) { date[0].to_owned() } else { "DAY".to_owned() }
    })
    .into_owned()
}
