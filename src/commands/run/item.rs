//! What a run asks: a check, or an endpoint that a profile names.

use std::borrow::Cow;
use std::sync::Arc;

use tls_verify_checks::context::{Check, Context};
use tls_verify_checks::investigate::investigate;
use tls_verify_checks::observation::Observation;
use tls_verify_checks::stack::{Link, Stack};

use super::too_late;
use crate::commands::probe::{self, NamedEndpoint};

/// One line of the report.
#[derive(Clone, Debug)]
pub enum Item {
    Check(&'static Check),
    Endpoint(Arc<NamedEndpoint>),
}

impl Item {
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Check(check) => check.id,
            Self::Endpoint(named) => &named.id,
        }
    }

    #[must_use]
    pub fn number(&self) -> u16 {
        match self {
            Self::Check(check) => check.number.into(),
            Self::Endpoint(named) => named.number,
        }
    }

    #[must_use]
    pub fn title(&self) -> String {
        match self {
            Self::Check(check) => check.title.to_owned(),
            Self::Endpoint(named) => format!("{} holds its TLS session", named.target.text),
        }
    }

    #[must_use]
    pub fn link(&self) -> Link {
        match self {
            Self::Check(check) => check.link,
            Self::Endpoint(named) => named.target.endpoint.link,
        }
    }

    /// The stack as the item sees it: an endpoint stands where its link's own would.
    pub(super) fn with_target<'a>(&self, stack: &'a Stack) -> Cow<'a, Stack> {
        match self {
            Self::Check(_) => Cow::Borrowed(stack),
            Self::Endpoint(named) => Cow::Owned(probe::with_target(stack, &named.target)),
        }
    }

    /// What is seen until the context's deadline; `false`: it was cut short there.
    pub(super) async fn observe(&self, context: &Context) -> (Observation, bool) {
        let deadline = context.deadline;
        match self {
            Self::Check(check) => {
                let work = async {
                    match tokio::time::timeout_at(deadline.into(), (check.observe)(context)).await {
                        Ok(seen) => (seen, true),
                        Err(_) => (too_late(), false),
                    }
                };
                let ((mut seen, whole), looked_at) = tls_verify_checks::inspections::noted(work).await;
                seen.detail("looked_at", looked_at);
                investigate(context, self.link(), &mut seen).await;
                crate::presented_chain::add(context, check, &mut seen);
                (seen, whole)
            }
            Self::Endpoint(named) => {
                let left = deadline.saturating_duration_since(std::time::Instant::now());
                let (_, seen, whole) = probe::observe(&context.stack, &named.target, left).await;
                (seen, whole)
            }
        }
    }
}
