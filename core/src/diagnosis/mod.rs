//! From what was seen to what is wrong. The loop is: diagnose with what is known; where that ends in a
//! question, ask it, append the answer, and diagnose again. Diagnosing is pure, so the same evidence always
//! gives the same diagnosis.

mod known;
pub mod root_cause;
pub mod rules;
pub mod settings;
#[cfg(test)]
mod tests;

pub use known::{Asked, Known, Premises};
pub use rules::{Case, diagnose};

use crate::evidence::Question;
use crate::evidence::observation::{Observation, Step};
use crate::link::Link;

/// The question whose answer would tell more of a step, if there is one.
#[must_use]
pub fn next_question(premises: &Premises, link: Link, step: &Step) -> Option<Question> {
    let case = Case { link, subject: step.subject().clone() };
    diagnose(Known::open(premises, step.evidence()), &case, step.symptom()?).err()
}

/// Draws the conclusion of every step from all that was found.
pub fn conclude(premises: &Premises, link: Link, seen: &mut Observation) {
    seen.conclude(|step| {
        let case = Case { link, subject: step.subject().clone() };
        diagnose(Known::closed(premises, step.evidence()), &case, step.symptom()?).ok()
    });
}
