//! What was said of the last lines, by their template: a log in trouble says the same few things
//! thousands of times. Of bounded size, and never another answer than a fresh look would give, since a
//! fresh look sees nothing but the template either.

use std::collections::HashMap;

use super::log_template::{self, Form};

/// Bytes of one generation of forms.
const GENERATION: usize = 1 << 20;
/// Longer lines are looked at anew.
const LONGEST: usize = 4096;
/// What an entry costs beside its text.
const ENTRY: usize = 96;

/// The last answers, in two generations: the older one goes when the younger is full.
#[derive(Debug)]
pub struct Memo<T> {
    young: HashMap<Box<[u8]>, T>,
    old: HashMap<Box<[u8]>, T>,
    bytes: usize,
    form: Vec<u8>,
}

impl<T> Default for Memo<T> {
    fn default() -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), bytes: 0, form: Vec::new() }
    }
}

impl<T: Clone> Memo<T> {
    /// What `classify` says of the template of a line.
    pub fn of(&mut self, line: &[u8], classify: impl FnOnce(Form<'_>) -> T) -> T {
        log_template::write(line, &mut self.form);
        if self.form.len() > LONGEST {
            let answer = classify(Form::written(&self.form));
            self.form = Vec::new();
            return answer;
        }
        if let Some(known) = self.young.get(self.form.as_slice()) {
            return known.clone();
        }
        let (form, answer) = match self.old.remove_entry(self.form.as_slice()) {
            Some(known) => known,
            None => (self.form.as_slice().into(), classify(Form::written(&self.form))),
        };
        self.bytes += form.len() + ENTRY;
        if self.bytes > GENERATION {
            self.old = std::mem::take(&mut self.young);
            self.bytes = form.len() + ENTRY;
        }
        self.young.insert(form, answer.clone());
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_answers_are_known_and_no_more_than_those() {
        let mut memo = Memo::default();
        let mut asked = 0;
        let mut ask = |memo: &mut Memo<usize>, line: &str| {
            let answer = memo.of(line.as_bytes(), |form| {
                asked += 1;
                form.text().len()
            });
            assert_eq!(answer, line.len());
            asked
        };
        assert_eq!(ask(&mut memo, "at 10:00:00 refused"), 1);
        assert_eq!(ask(&mut memo, "at 10:00:01 refused"), 1, "the same form");
        assert_eq!(ask(&mut memo, "at 10:00:01 reset"), 2);
        let long = "x".repeat(LONGEST + 1);
        assert_eq!(ask(&mut memo, &long), 3);
        assert_eq!(ask(&mut memo, &long), 4, "too long to be kept");
        for number in 0..40_000_u32 {
            let name: String = number.to_string().bytes().map(|digit| char::from(digit + 64)).collect();
            ask(&mut memo, &format!("lookup {name}: no such host"));
            assert_eq!(ask(&mut memo, "at 10:00:01 refused"), 5 + number as usize, "what comes often stays");
            assert!(memo.young.len() + memo.old.len() < 2 * GENERATION / ENTRY);
        }
    }
}
