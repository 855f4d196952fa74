//! Events, joined to what they are about by its uid: an event about a pod that is gone says nothing about the pod
//! that has its name or its address now.

use std::time::SystemTime;

use super::object;
use super::pod::moment;

/// What Kubernetes noted about an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Uid of the object that it is about.
    pub uid: String,
    /// `pod/cordum-nats-0`.
    pub about: String,
    /// The container, where it is about one.
    pub container: Option<String>,
    pub warning: bool,
    pub reason: String,
    pub message: String,
    pub count: u64,
    pub last: Option<SystemTime>,
}

impl Event {
    pub(super) fn read(event: object::Event) -> Self {
        let about = event.involved_object;
        // `spec.containers{gateway}`, `spec.initContainers{validate-secrets}`.
        let container =
            about.field_path.split_once('{').and_then(|(_, rest)| rest.strip_suffix('}')).map(str::to_owned);
        let (count, seen) = match event.series {
            Some(series) => (series.count, series.last_observed_time),
            None => (event.count.unwrap_or(1), None),
        };
        let last = seen
            .or(event.last_timestamp)
            .or(event.event_time)
            .or(event.first_timestamp)
            .or(event.metadata.creation_timestamp);
        Self {
            uid: about.uid,
            about: format!("{}/{}", about.kind.to_lowercase(), about.name),
            container,
            warning: event.r#type == "Warning",
            reason: event.reason,
            message: event.message,
            count,
            last: last.as_deref().and_then(moment),
        }
    }
}
