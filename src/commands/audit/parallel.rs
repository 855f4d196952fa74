//! The same work on many things at once, with the results in the order of the things.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::disk::Disk;

/// Does `work` on each, on as many threads as there are processors. What is read within the bounds of a look does not
/// depend on who reads first; where a bound is reached, all is done again, one after the other.
pub(super) fn each<T: Sync, R: Send>(disk: &Disk, things: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(things.len());
    if threads < 2 || disk.is_full() {
        return things.iter().map(work).collect();
    }
    let before = disk.so_far();
    let done = at_once(threads, things, &work);
    if !disk.is_full() {
        return done;
    }
    disk.back_to(before);
    things.iter().map(work).collect()
}

fn at_once<T: Sync, R: Send>(threads: usize, things: &[T], work: &(impl Fn(&T) -> R + Sync)) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let some = || {
        let mut done = Vec::new();
        while let Some((at, thing)) =
            Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|at| Some((at, things.get(at)?)))
        {
            done.push((at, work(thing)));
        }
        done
    };
    let mut all: Vec<(usize, R)> = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(some)).collect();
        let joined = threads.into_iter().map(|one| one.join().unwrap_or_else(|panic| resume_unwind(panic)));
        joined.flatten().collect()
    });
    all.sort_unstable_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_stand_in_the_order_of_the_things_whoever_is_first() {
        let things: Vec<u64> = (0..200).collect();
        let slow = |one: &u64| {
            thread::sleep(std::time::Duration::from_micros(one * 7919 % 300));
            one * 2
        };
        let wanted: Vec<u64> = things.iter().map(|one| one * 2).collect();
        assert_eq!(at_once(4, &things, &slow), wanted);
        assert_eq!(each(&Disk::new(&[], None), &things, slow), wanted);
    }
}
