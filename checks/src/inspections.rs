//! Everything that a check has looked at, by name: what is not in the list was not seen.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::fault::Failure;

/// One thing that was looked at, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    pub component: String,
    /// Where: an address, a container, a file.
    pub address: String,
    pub result: String,
}

type Looks = Arc<Mutex<Vec<Inspection>>>;

tokio::task_local! {
    static LOOKS: Looks;
}

/// More of one check are counted and not listed.
const LISTED: usize = 200;

/// Runs a check's work and lists what it looked at.
pub async fn noted<T>(work: impl Future<Output = T>) -> (T, Value) {
    let looks = Looks::default();
    let done = LOOKS.scope(Arc::clone(&looks), work).await;
    let looks = looks.lock().unwrap_or_else(PoisonError::into_inner);
    let listed = looks.iter().take(LISTED);
    let listed =
        listed.map(|one| json!({ "component": one.component, "address": one.address, "result": one.result }));
    (done, listed.collect())
}

/// Notes a look; of the same thing the last result stands.
pub(crate) fn note(component: impl Into<String>, address: impl Into<String>, result: impl Into<String>) {
    let look = Inspection { component: component.into(), address: address.into(), result: result.into() };
    // Outside a check nobody asks.
    let _ = LOOKS.try_with(|looks| {
        let mut looks = looks.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |one: &&mut Inspection| one.component == look.component && one.address == look.address;
        match looks.iter_mut().find(same) {
            Some(known) => known.result.clone_from(&look.result),
            None => looks.push(look),
        }
    });
}

/// Work that several checks stand on and that is done once. Each of them has looked at what it looked at,
/// whichever came first.
#[derive(Debug)]
pub(crate) struct AskedOnce<T>(OnceCell<(T, Vec<Inspection>)>);

impl<T> Default for AskedOnce<T> {
    fn default() -> Self {
        Self(OnceCell::new())
    }
}

impl<T> AskedOnce<T> {
    pub(crate) async fn get(&self, work: impl Future<Output = T>) -> &T {
        let once = self.0.get_or_init(|| async {
            let looks = Looks::default();
            let done = LOOKS.scope(Arc::clone(&looks), work).await;
            (done, std::mem::take(&mut *looks.lock().unwrap_or_else(PoisonError::into_inner)))
        });
        let (done, looks) = once.await;
        for look in looks {
            note(&look.component, &look.address, &look.result);
        }
        done
    }
}

/// What came of a connection, in a word.
pub(crate) fn result<T>(ended: &Result<T, Failure>) -> String {
    match ended {
        Ok(_) => "connected".to_owned(),
        Err(failure) => {
            failure.kind().map_or_else(|| "not reached".to_owned(), |kind| kind.slug().to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_looked_at_twice_is_listed_once_with_its_last_result() {
        note("nats", "a", "nobody listens to this");
        let (_, list) = noted(async {
            note("nats", "a", "connected");
            note("redis", "b", "connected");
            note("nats", "a", "expired");
        })
        .await;
        assert_eq!(list[0], json!({ "component": "nats", "address": "a", "result": "expired" }));
        assert_eq!(list.as_array().map(Vec::len), Some(2));
    }
    #[tokio::test]
    async fn what_is_done_once_for_several_is_listed_for_each_of_them() {
        let shared = AskedOnce::default();
        for _ in 0..2 {
            let work = shared.get(async { note("nats", "a", "timeout") });
            let (_, list) = noted(work).await;
            assert_eq!(list, json!([{ "component": "nats", "address": "a", "result": "timeout" }]));
        }
    }
}
