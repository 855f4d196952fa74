//! The asynchronous runtime, and how a person ends it.

use crate::cli::OutputArgs;
use crate::commands::run::Progress;
use crate::commands::run::progress;

/// Runs `work` on a runtime that a hanging name resolution cannot hold up, with Ctrl-C and SIGTERM
/// watched and
/// progress on a terminal.
pub(crate) fn block_on<F: Future>(
    output: &OutputArgs,
    work: impl FnOnce(tokio::sync::watch::Receiver<bool>, Box<dyn FnMut(Progress)>) -> F,
) -> F::Output {
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => panic!("no asynchronous runtime can be started: {error}"),
    };
    let (interrupt, interrupted) = tokio::sync::watch::channel(false);
    runtime.spawn(async move {
        stop_signal().await;
        let _ = interrupt.send(true);
        // Kept so that the receiver is not told that nobody can interrupt.
        std::future::pending::<()>().await;
    });
    let progress = progress::on_stderr(output);
    let report = runtime.block_on(work(interrupted, progress));
    // getaddrinfo cannot be cancelled: a runtime that waits for it would miss the deadline.
    runtime.shutdown_background();
    report
}

/// Does blocking `work` beside a watch on Ctrl-C and SIGTERM; `None`: interrupted, the work goes on until the
/// process ends.
pub(crate) fn interruptible<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return Some(work());
    };
    let (done, result) = tokio::sync::oneshot::channel();
    let worker = std::thread::spawn(move || {
        let _ = done.send(work());
    });
    let ended = runtime.block_on(async {
        tokio::select! {
            ended = result => Some(ended.ok()),
            () = stop_signal() => None,
        }
    });
    match ended {
        Some(Some(value)) => Some(value),
        Some(None) => {
            // The sender is gone: the worker panicked, and so do we.
            if let Err(panic) = worker.join() {
                std::panic::resume_unwind(panic);
            }
            None
        }
        None => None,
    }
}

/// Returns on Ctrl-C (SIGINT), or when the process is asked to end (SIGTERM: `docker stop`, Kubernetes).
pub(crate) async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
