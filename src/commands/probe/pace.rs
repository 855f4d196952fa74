//! How many targets are probed at once, and whether a time that ran out was the peer's: on a machine that is too busy to
//! run us in time, fewer at once, and what ran out of time meanwhile is tried again.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tls_verify_core::cause::CauseKind;
use tls_verify_core::status::Status;
use tokio::sync::Notify;

use super::ProbedEndpoint;

/// Between two looks at whether we are run in time.
const TICK: Duration = Duration::from_millis(20);
/// So late a look halves what goes on at once.
const LATE: Duration = Duration::from_millis(100);
/// What goes on at once is halved no more often than this.
const CALM: Duration = Duration::from_secs(1);
/// Lost time is remembered so long; no attempt is longer.
const REMEMBERED: Duration = Duration::from_secs(600);
/// How often a target is tried whose time ran out while we were late ourselves.
pub(super) const TRIES: u32 = 3;

/// The pace of a list of targets.
#[derive(Debug)]
pub(super) struct Pace {
    state: Mutex<PaceState>,
    free: Notify,
}

#[derive(Debug)]
struct PaceState {
    running: usize,
    limit: usize,
    /// Never more at once than the operator said.
    most: usize,
    /// Never fewer than run side by side here.
    least: usize,
    halved: Option<Instant>,
    /// When the next look is due.
    due: Instant,
    /// When a look came, and by how much too late.
    late: VecDeque<(Instant, Duration)>,
}

/// A target that is being probed; another may begin when it is dropped.
#[derive(Debug)]
pub(super) struct PaceTurn<'a> {
    pace: &'a Pace,
    begun: Instant,
}

impl Pace {
    /// At most `jobs` at once; begins with what this many processors can do.
    pub(super) fn new(jobs: usize, processors: usize) -> Self {
        let (most, least) = (jobs.max(1), processors.clamp(1, jobs.max(1)));
        let state = PaceState {
            running: 0,
            limit: processors.saturating_mul(16).clamp(least, most),
            most,
            least,
            halved: None,
            due: Instant::now() + TICK,
            late: VecDeque::new(),
        };
        Self { state: Mutex::new(state), free: Notify::new() }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, PaceState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks for as long as it is polled whether this process is run in time.
    pub(super) async fn watch(self: Arc<Self>) {
        loop {
            let due = self.state().due;
            tokio::time::sleep_until(due.into()).await;
            self.look(Instant::now());
        }
    }

    fn look(&self, now: Instant) {
        let mut state = self.state();
        let late = now.saturating_duration_since(state.due);
        state.due = now + TICK;
        if late >= TICK {
            state.late.push_back((now, late));
        }
        while state.late.front().is_some_and(|(at, _)| now.duration_since(*at) > REMEMBERED) {
            state.late.pop_front();
        }
        let calm = state.halved.is_none_or(|at| now.duration_since(at) >= CALM);
        if late >= LATE && calm {
            state.limit = (state.limit / 2).max(state.least);
            state.halved = Some(now);
        }
    }

    /// Waits until one more may begin.
    pub(super) async fn turn(&self) -> PaceTurn<'_> {
        loop {
            let freed = self.free.notified();
            {
                let mut state = self.state();
                if state.running < state.limit {
                    state.running += 1;
                    return PaceTurn { pace: self, begun: Instant::now() };
                }
            }
            freed.await;
        }
    }
}

impl PaceTurn<'_> {
    /// How long it has lasted, and how much of that this process was not run though it should have been.
    pub(super) fn lost(&self) -> (Duration, Duration) {
        let now = Instant::now();
        let state = self.pace.state();
        let since = state.late.iter().filter(|(at, _)| *at > self.begun);
        // What came late had begun before the look that it is told by.
        let told: Duration = since.map(|(at, late)| (*late).min(at.duration_since(self.begun))).sum();
        let open = now.saturating_duration_since(state.due.max(self.begun));
        (now.duration_since(self.begun), told + open)
    }
}

impl Drop for PaceTurn<'_> {
    fn drop(&mut self) {
        let mut state = self.pace.state();
        state.running -= 1;
        if state.limit < state.most && state.halved.is_none_or(|at| at.elapsed() >= CALM) {
            state.limit += 1;
        }
        drop(state);
        self.pace.free.notify_waiters();
    }
}

/// Whether an endpoint ran out of a time of which we have lost a good part ourselves.
pub(super) fn is_ours(endpoint: &ProbedEndpoint, (lasted, lost): (Duration, Duration)) -> bool {
    let ran_out = endpoint.status == Status::Fail
        && endpoint
            .diagnoses
            .first()
            .is_some_and(|one| matches!(one.cause, CauseKind::Timeout | CauseKind::Dns));
    ran_out && lost >= lasted / 4
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(pace: &Pace) -> usize {
        pace.state().limit
    }

    #[tokio::test]
    async fn fewer_go_on_at_once_while_we_are_late_and_more_again_after_that() {
        assert_eq!(limit(&Pace::new(64, 2)), 32);
        assert_eq!(limit(&Pace::new(8, 2)), 8);
        assert_eq!(limit(&Pace::new(0, 0)), 1);
        let pace = Pace::new(64, 2);
        let due = pace.state().due;
        pace.look(due + Duration::from_millis(5));
        assert_eq!(limit(&pace), 32);
        let due = pace.state().due;
        pace.look(due + Duration::from_millis(300));
        assert_eq!(limit(&pace), 16);
        // The same jam is not counted twice.
        let due = pace.state().due;
        pace.look(due + Duration::from_millis(300));
        assert_eq!(limit(&pace), 16);
        for _ in 0..9 {
            let due = pace.state().due;
            pace.look(due + Duration::from_secs(2));
        }
        assert_eq!(limit(&pace), 2);
        pace.state().halved = None;
        for _ in 0..100 {
            drop(pace.turn().await);
        }
        assert_eq!(limit(&pace), 64);
        let mut held = Vec::new();
        for _ in 0..64 {
            held.push(pace.turn().await);
        }
        assert!(tokio::time::timeout(Duration::from_millis(20), pace.turn()).await.is_err());
        held.pop();
        assert!(tokio::time::timeout(Duration::from_secs(5), pace.turn()).await.is_ok());
    }

    #[tokio::test]
    async fn the_time_that_was_lost_is_known_before_the_next_look() {
        let pace = Pace::new(4, 2);
        let turn = pace.turn().await;
        // Nobody looks: as if nothing of this process were run.
        std::thread::sleep(Duration::from_millis(200));
        let (lasted, lost) = turn.lost();
        assert!(lost >= Duration::from_millis(150) && lost <= lasted, "{lost:?} of {lasted:?}");
        pace.look(Instant::now());
        let (lasted, again) = turn.lost();
        assert!(again >= Duration::from_millis(150) && again <= lasted, "{again:?} of {lasted:?}");
        let next = pace.turn().await;
        assert!(next.lost().1 < Duration::from_millis(100));
    }
}
