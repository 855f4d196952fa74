//! The loop without a network: answers are handed in as a stack would give them.

use std::time::SystemTime;

use super::rules::server;
use super::{Case, Known, Premises, diagnose};
use crate::cause::{CauseKind, Confidence, Side, Variant};
use crate::evidence::fault::{Cause, Failure, Recognised, Stage, WireProtocol};
use crate::evidence::{
    Answer, Clock, Evidence, Fact, InstanceState, PresentedChain, Question, ServiceState, Subject, Whom,
};
use crate::link::Link;
use crate::logs::runs::{RunLog, RunTrouble, ServiceLog};
use crate::workload::{Instance, Phase, Termination};
use crate::x509::verdict::ChainFault;

/// Runs the loop; what was asked in which order, and what it came to.
fn investigate(
    case: &Case,
    seen: &Failure,
    answer: impl Fn(&Question) -> Answer,
) -> (Vec<Question>, Failure) {
    let premises = Premises { trusting: true, ..Premises::default() };
    let mut found: Vec<Evidence> = Vec::new();
    loop {
        match diagnose(Known::open(&premises, &found), case, seen) {
            Ok(concluded) => return (found.into_iter().map(|one| one.question).collect(), concluded),
            Err(question) => {
                assert!(found.iter().all(|one| one.question != question), "asked twice: {question:?}");
                let answer = answer(&question);
                found.push(Evidence { question, answer });
            }
        }
    }
}

/// What a peer says.
fn said(words: &str) -> Fact {
    Fact::Verbatim(words.to_owned())
}

fn nobody(_: &Question) -> Answer {
    Answer::State(ServiceState::Unasked)
}

fn gateway(phase: Phase, exit_code: i64) -> Answer {
    let mut instance = Instance::of_service("api-gateway", "cordum-api-gateway-1");
    instance.phase = phase;
    instance.restarts = 3;
    instance.last =
        Some(Termination { exit_code, reason: None, message: None, started: None, finished: None });
    Answer::State(ServiceState::Is { instance: Box::new(instance), at: SystemTime::UNIX_EPOCH })
}

fn log_of(kind: CauseKind, link: Option<Link>, sample: &str) -> Answer {
    let what = Recognised { kind, variant: None, side: Side::Client, confidence: Confidence::Certain, link };
    let trouble = RunTrouble {
        what,
        link,
        count: 1,
        first: None,
        last: None,
        sample: sample.to_owned(),
        recovered: false,
        established: false,
        line: 1,
    };
    let mut present = RunLog::default();
    present.troubles.push(trouble);
    Answer::Log(Some(Box::new(ServiceLog { present, ..ServiceLog::default() })))
}

fn refused() -> Failure {
    Failure::new(Stage::Connect, Cause::Refused { nothing_listens: false }).because(said("connecting to it"))
}

#[test]
fn a_gateway_that_is_down_because_of_nats_is_traced_to_nats() {
    let nats = Failure::new(Stage::Session, Cause::NotTls(WireProtocol::NatsPlain))
        .because(said("no TLS"))
        .at("nats");
    let (asked, found) = investigate(&Case::of(Link::Gateway), &refused(), |question| match question {
        Question::State { .. } => gateway(Phase::Restarting, 1),
        Question::Log { .. } => log_of(CauseKind::ConnectionReset, Some(Link::Nats), "connect nats: EOF"),
        Question::Server(Link::Nats) => Answer::Server(Some(Box::new(nats.clone()))),
        other => panic!("{other:?}"),
    });
    assert_eq!(asked.len(), 3, "{asked:?}");
    assert_eq!(found.kind(), Some(CauseKind::WrongSchemeTlsToPlain));
    assert_eq!(found.place.as_deref(), Some("nats"));
    assert_eq!(
        found.facts[0].to_string(),
        "api-gateway is down because it cannot speak TLS with NATS: no TLS"
    );
    assert!(found.facts.contains(&said("connecting to it")), "the symptom is kept as a fact");
}

#[test]
fn a_file_that_it_cannot_read_is_its_own_whatever_else_is_broken() {
    let (asked, found) = investigate(&Case::of(Link::Gateway), &refused(), |question| match question {
        Question::State { .. } => gateway(Phase::Exited, 1),
        Question::Log { .. } => {
            log_of(CauseKind::BadKeyFile, Some(Link::Nats), "open /etc/x/tls.crt: permission denied")
        }
        Question::File(path) => {
            assert_eq!(path, "/etc/x/tls.crt");
            Answer::File(None)
        }
        other => panic!("{other:?}"),
    });
    assert!(!asked.contains(&Question::Server(Link::Nats)));
    assert_eq!(found.kind(), Some(CauseKind::BadKeyFile));
    assert_eq!(found.place.as_deref(), Some("/etc/x/tls.crt"));
}

#[test]
fn what_ended_well_was_stopped_and_nobody_reads_its_log() {
    let (asked, found) = investigate(&Case::of(Link::Gateway), &refused(), |question| match question {
        Question::State { .. } => gateway(Phase::Exited, 0),
        other => panic!("{other:?}"),
    });
    assert_eq!(asked.len(), 1);
    assert_eq!(found.cause.reading().and_then(|one| one.variant), Some(Variant::ContainerStopped));
}

#[test]
fn where_nobody_can_be_asked_the_symptom_stands_as_it_was_seen() {
    for link in Link::ALL {
        let (_, found) = investigate(&Case::of(*link), &refused(), nobody);
        assert_eq!((found.kind(), &found.facts), (refused().kind(), &refused().facts), "{link}");
    }
}

#[test]
fn questions_that_are_left_open_do_not_keep_from_concluding() {
    let premises = Premises::default();
    let seen = Failure::new(Stage::Handshake, Cause::Eof);
    let open = diagnose(Known::open(&premises, &[]), &Case::of(Link::Gateway), &seen);
    assert_eq!(open.err(), Some(Question::InClear(Whom { link: Link::Gateway, server: None })));
    let closed = diagnose(Known::closed(&premises, &[]), &Case::of(Link::Gateway), &seen).unwrap();
    assert_eq!(closed.kind(), Some(CauseKind::ConnectionReset));
}

#[test]
fn a_line_about_redis_is_redis_fault_where_redis_shows_it() {
    let subject =
        Subject::Line { service: "scheduler".to_owned(), instance: "cordum-scheduler-1".to_owned() };
    let case = Case { link: Link::Redis, subject };
    let line = Recognised {
        kind: CauseKind::Timeout,
        variant: None,
        side: Side::Network,
        confidence: Confidence::Likely,
        link: Some(Link::Redis),
    };
    let seen = Failure::new(Stage::Exchange, Cause::Line(line)).because(said("it logged so")).at("scheduler");
    let redis = Failure::new(Stage::Exchange, Cause::NotTls(WireProtocol::Redis))
        .because(said("in clear"))
        .at("redis");
    let (_, found) = investigate(&case, &seen, |question| match question {
        Question::State { .. } => Answer::State(ServiceState::Unasked),
        Question::Server(Link::Redis) => Answer::Server(Some(Box::new(redis.clone()))),
        other => panic!("{other:?}"),
    });
    assert_eq!(found.kind(), Some(CauseKind::WrongSchemeTlsToPlain));
    assert_eq!(found.place.as_deref(), Some("redis"));
    assert_eq!(found.facts, [said("in clear"), said("it logged so")]);
    assert_eq!(seen.kind(), Some(CauseKind::Timeout), "what was seen is as it was");
}

#[test]
fn a_frozen_container_is_neither_a_firewall_nor_a_timeout_of_the_network() {
    let silent = Failure::new(Stage::Handshake, Cause::TimedOut).because(said("no answer"));
    let (_, found) = investigate(&Case::of(Link::Gateway), &silent, |question| match question {
        Question::InClear(_) => Answer::InClear(None),
        Question::State { .. } => gateway(Phase::Paused, 0),
        other => panic!("{other:?}"),
    });
    let reading = found.cause.reading().unwrap();
    assert_eq!((reading.kind, reading.variant), (CauseKind::Timeout, Some(Variant::ContainerPaused)));
    let paused = |fact: &Fact| matches!(fact, Fact::State(InstanceState::Paused { .. }));
    assert!(paused(&found.facts[0]), "{:?}", found.facts);
}

#[test]
fn who_asks_for_a_certificate_gets_none_and_closes_wants_one() {
    for cause in [Cause::Eof, Cause::Reset] {
        let mut closed = Failure::new(Stage::Session, cause.clone());
        closed.unmet_request = true;
        let (asked, found) = investigate(&Case::of(Link::Redis), &closed, nobody);
        assert!(asked.is_empty());
        let reading = found.cause.reading().unwrap();
        assert_eq!((reading.kind, reading.confidence), (CauseKind::ClientCertRequired, Confidence::Likely));
        // Without the request it is what it looks like.
        let (_, found) = investigate(&Case::of(Link::Redis), &Failure::new(Stage::Session, cause), nobody);
        assert_eq!(found.kind(), Some(CauseKind::ConnectionReset));
    }
}

#[test]
fn each_server_is_judged_by_what_it_presented_itself() {
    let other_ca = ChainFault {
        confidence: Confidence::Likely,
        ..ChainFault::new(CauseKind::UnknownAuthority, Some(Variant::OtherCa), "not of our CA")
    };
    let mut second =
        Failure::new(Stage::Handshake, Cause::Chain(vec![other_ca])).because(said("not of our CA"));
    second.presented = vec![vec![1, 2, 3].into()];
    let (asked, _) = investigate(&Case::of(Link::Nats), &second, |question| match question {
        Question::Presented { chain, .. } => {
            assert_eq!(chain, &second.presented);
            let presented =
                PresentedChain { fingerprint: "02".to_owned(), issuer: "X".to_owned(), file: None };
            Answer::Presented(Some(presented))
        }
        Question::Intermediate { chain, .. } => {
            assert_eq!(chain, &second.presented);
            Answer::Intermediate(None)
        }
        other => panic!("{other:?}"),
    });
    assert_eq!(asked.len(), 2);
}

#[test]
fn by_a_clock_that_is_a_year_off_the_ca_has_not_ended() {
    for variant in [None, Some(Variant::ExpiredCa)] {
        let ended = ChainFault::new(CauseKind::Expired, variant, "it ended");
        let seen =
            Failure::new(Stage::Handshake, Cause::Chain(vec![ended.clone()])).because(said("it ended"));
        let by = |faults: Vec<ChainFault>| {
            let (_, found) = investigate(&Case::of(Link::Gateway), &seen, |question| match question {
                Question::Presented { .. } => Answer::Presented(Some(PresentedChain {
                    fingerprint: String::new(),
                    issuer: String::new(),
                    file: None,
                })),
                Question::Clock { .. } => {
                    Answer::Clock(Some(Clock { skew: -31_000_000, faults: faults.clone() }))
                }
                other => panic!("{other:?}"),
            });
            found.cause.reading().and_then(|reading| reading.variant)
        };
        assert_eq!(by(Vec::new()), Some(Variant::ClockSkew));
        assert_eq!(by(vec![ended.clone()]), variant, "by both clocks it has ended");
    }
}

#[test]
fn without_a_ca_file_no_session_of_ours_tells_anything_of_redis() {
    let premises = Premises::default();
    let found = [Evidence {
        question: Question::State { service: "redis".to_owned(), instance: None },
        answer: Answer::State(ServiceState::Unasked),
    }];
    assert!(server(Known::open(&premises, &found), Link::Redis).unwrap().is_none());
}

#[test]
fn what_an_operator_runs_has_no_container() {
    let late = Failure::new(Stage::Exchange, Cause::TimedOut).because(said("it did not end")).at("cordumctl");
    let (asked, found) = investigate(&Case::of(Link::Gateway), &late, nobody);
    assert!(asked.is_empty(), "{asked:?}");
    assert_eq!(found.place.as_deref(), Some("cordumctl"));
}
