//! A block of whole lines: which of them are worth a word. Pure, so that blocks can be looked at on
//! several threads; what lines mean together is for [`super::scan`], in their order.

use std::time::SystemTime;

use super::classify::{self, Form, Memo, Recognised, Sense, emitter};
use super::line::{INSPECTED, plain, shown, time_of};
use crate::link::Link;

/// What a line says that is not passed over.
#[derive(Clone, Debug)]
pub enum LineMeaning {
    /// A service starts.
    Start,
    /// The link to NATS works.
    NatsWorks,
    /// A problem, and how inner its cause is.
    Problem(Recognised, u8),
}

/// A line that is not passed over.
#[derive(Debug)]
pub struct NotedLine {
    /// Where it stands in the block.
    pub start: usize,
    pub end: usize,
    /// Lines of the block before it.
    pub before: u64,
    pub said: LineMeaning,
    /// Who wrote it, by its shape.
    pub shape: Option<&'static str>,
    /// Who wrote it, by its shape or its words.
    pub emitter: Option<&'static str>,
    /// Without secrets, cut.
    pub shown: String,
    pub at: Option<SystemTime>,
}

/// What the form of a line tells.
#[derive(Clone, Debug)]
struct Told {
    said: LineMeaning,
    shape: Option<&'static str>,
    emitter: Option<&'static str>,
}

/// Looks at lines, and remembers what it said of the last ones.
#[derive(Debug)]
pub struct LineClassifier {
    project: bool,
    memo: Memo<Option<Told>>,
}

impl LineClassifier {
    #[must_use]
    pub fn new(project: bool) -> Self {
        Self { project, memo: Memo::default() }
    }

    /// The lines of a block that are worth a word, and how many lines there are.
    pub fn at(&mut self, block: &[u8]) -> (Vec<NotedLine>, u64) {
        let mut looks = Vec::new();
        let mut lines = 0;
        let mut from = 0;
        while let Some(hit) = classify::first_candidate(&block[from..], self.project) {
            let hit = from + hit;
            let start = memchr::memrchr(b'\n', &block[from..hit]).map_or(from, |index| from + index + 1);
            let end = memchr::memchr(b'\n', &block[hit..]).map_or(block.len(), |index| hit + index);
            lines += memchr::memchr_iter(b'\n', &block[from..start]).count() as u64;
            if let Some(look) = self.line(&block[start..end.min(start + INSPECTED)], start, end, lines) {
                looks.push(look);
            }
            lines += 1;
            from = (end + 1).min(block.len());
        }
        lines += memchr::memchr_iter(b'\n', &block[from..]).count() as u64;
        (looks, lines)
    }

    fn line(&mut self, line: &[u8], start: usize, end: usize, before: u64) -> Option<NotedLine> {
        let plain = plain(line);
        let project = self.project;
        let Told { said, shape, emitter } = self.memo.of(&plain, |form| told(form, project))?;
        let (shown, at) = match said {
            LineMeaning::Problem(..) => (shown(&plain), time_of(&plain)),
            LineMeaning::Start | LineMeaning::NatsWorks => (String::new(), None),
        };
        Some(NotedLine { start, end, before, said, shape, emitter, shown, at })
    }
}

fn told(form: Form<'_>, project: bool) -> Option<Told> {
    let problem = || classify::ranked_of(form).map(|(found, rank)| LineMeaning::Problem(found, rank));
    let said = if project {
        match classify::sense_of(form) {
            Sense::Start(_) => LineMeaning::Start,
            Sense::Works(Some(Link::Nats)) => LineMeaning::NatsWorks,
            Sense::Ends | Sense::Works(_) | Sense::Nothing => return None,
            Sense::Trouble(_) => problem()?,
        }
    } else {
        problem()?
    };
    let shape = match said {
        LineMeaning::Problem(..) => emitter::of_form(form),
        LineMeaning::Start | LineMeaning::NatsWorks => None,
    };
    let emitter = shape.or_else(|| classify::emitter_of(form));
    Some(Told { said, shape, emitter })
}
