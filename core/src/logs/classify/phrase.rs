//! Phrases: what messages of one meaning have in common, whatever program words them. A phrase is a row
//! of words over the normal form of [`super::words`]; the tables of literals say what single programs print.

use std::collections::HashMap;
use std::sync::OnceLock;

use crate::cause::{CauseKind, Confidence, Side, Variant};

use super::quick::Quick;
use super::words::Words;

/// One phrase and what it means.
#[derive(Debug)]
pub(super) struct Phrase {
    pub(super) cause: Option<CauseKind>,
    pub(super) variant: Option<Variant>,
    pub(super) side: Side,
    pub(super) confidence: Confidence,
    pub(super) rank: u8,
    parts: Vec<Part>,
    /// Words that the whole line must hold one of, and words that it must not hold.
    needs: Vec<Vec<u16>>,
    bars: Vec<u16>,
}

#[derive(Debug)]
enum Part {
    /// One of these groups' words.
    Word(u16),
    /// Up to so many words between, none of which denies.
    Gap(usize),
    /// Up to two words between, within one part of the message.
    Near,
    /// Any one word.
    Any,
    /// No value follows: it is not the name of a setting.
    NoValue,
}

/// `rank|cause[/variant]|side|confidence|phrase`. In a phrase: `a/b` one of the words, `a*` words that
/// begin so, `@name` a set of words, `..` up to five words between, `.` up to two within
/// one part of the message, `_` any word, `!=` no value follows, `+word` somewhere in the line,
/// `-word` nowhere in it. A cause of `nothing` says that the line is no problem below this rank.
const TABLE: &str = include_str!("tables/phrases.txt");

/// Between two parts of a phrase these turn its meaning round.
const DENIALS: &[&str] = &[
    "not", "no", "0", "if", "when", "whether", "unless", "until", "before", "without", "never", "zero",
    "null", "nil",
];

/// Levels of lines that report no trouble by themselves.
const INFORMS: &[&str] = &["info", "inf", "debug", "dbg", "trace", "trc", "notice"];

#[derive(Debug, Default)]
struct PhraseTable {
    phrases: Vec<Phrase>,
    exact: HashMap<String, Vec<u16>, Quick>,
    prefixes: Vec<(String, u16)>,
    /// By the group of its first word.
    by_first: Vec<Vec<usize>>,
    groups: HashMap<String, u16>,
}

impl PhraseTable {
    fn group(&mut self, spec: &str, sets: &HashMap<&str, &str>) -> u16 {
        if let Some(known) = self.groups.get(spec) {
            return *known;
        }
        let id = u16::try_from(self.groups.len()).unwrap_or(u16::MAX);
        self.groups.insert(spec.to_owned(), id);
        for word in alternatives(spec, sets) {
            match word.strip_suffix('*') {
                Some(prefix) => self.prefixes.push((prefix.to_owned(), id)),
                None => self.exact.entry(word).or_default().push(id),
            }
        }
        id
    }

    /// The groups that a word belongs to.
    fn groups_of(&self, word: &str, into: &mut Vec<u16>) {
        if let Some(groups) = self.exact.get(word) {
            into.extend_from_slice(groups);
        }
        for (prefix, group) in &self.prefixes {
            if word.starts_with(prefix.as_str()) {
                into.push(*group);
            }
        }
    }
}

/// The groups of each word of a line.
#[derive(Debug)]
struct Groups {
    all: Vec<u16>,
    ends: Vec<usize>,
}

impl Groups {
    fn of(table: &PhraseTable, words: &Words) -> Self {
        let mut groups =
            Self { all: Vec::with_capacity(4 * words.len()), ends: Vec::with_capacity(words.len()) };
        for index in 0..words.len() {
            table.groups_of(words.get(index), &mut groups.all);
            groups.ends.push(groups.all.len());
        }
        groups
    }

    fn at(&self, index: usize) -> &[u16] {
        let Some(end) = self.ends.get(index) else { return &[] };
        &self.all[index.checked_sub(1).map_or(0, |before| self.ends[before])..*end]
    }
}

/// All words of `a/b/@set`.
fn alternatives(spec: &str, sets: &HashMap<&str, &str>) -> Vec<String> {
    let mut words = Vec::new();
    for one in spec.split('/') {
        match one.strip_prefix('@') {
            // A set that the table does not define is a slip that `every_row_is_read` finds.
            Some(name) => words
                .extend(sets.get(name).copied().unwrap_or_default().split_whitespace().map(str::to_owned)),
            None => words.push(one.to_owned()),
        }
    }
    words
}

fn sets() -> HashMap<&'static str, &'static str> {
    TABLE
        .lines()
        .filter_map(|line| line.strip_prefix('@')?.split_once('='))
        .map(|(name, words)| (name.trim(), words.trim()))
        .collect()
}

pub(super) fn rows() -> impl Iterator<Item = &'static str> {
    TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with(['#', '@']))
}

fn row(line: &'static str, table: &mut PhraseTable, sets: &HashMap<&str, &str>) -> Option<Phrase> {
    let mut columns = line.splitn(5, '|');
    let mut next = || columns.next();
    let (rank, cause, side, confidence, text) = (next()?, next()?, next()?, next()?, next()?);
    let (cause, variant) = match cause.split_once('/') {
        Some((cause, variant)) => (cause, Some(variant.parse().ok()?)),
        None => (cause, None),
    };
    let cause = if cause == "nothing" { None } else { Some(cause.parse().ok()?) };
    let (mut parts, mut needs, mut bars) = (Vec::new(), Vec::new(), Vec::new());
    for part in text.split_whitespace() {
        if part.bytes().all(|byte| byte == b'.') {
            parts.push(match part.len() {
                1 => Part::Near,
                2 => Part::Gap(5),
                _ => Part::Gap(14),
            });
        } else if part == "_" {
            parts.push(Part::Any);
        } else if part == "!=" {
            parts.push(Part::NoValue);
        } else if let Some(word) = part.strip_prefix('+') {
            needs.push(vec![table.group(word, sets)]);
        } else if let Some(word) = part.strip_prefix('-') {
            bars.push(table.group(word, sets));
        } else {
            parts.push(Part::Word(table.group(part, sets)));
        }
    }
    matches!(parts.first(), Some(Part::Word(_))).then_some(())?;
    Some(Phrase {
        cause,
        variant,
        side: side.parse().ok()?,
        confidence: confidence.parse().ok()?,
        rank: rank.parse().ok()?,
        parts,
        needs,
        bars,
    })
}

fn table() -> &'static PhraseTable {
    static CELL: OnceLock<PhraseTable> = OnceLock::new();
    CELL.get_or_init(|| {
        let sets = sets();
        let mut table = PhraseTable::default();
        for line in rows() {
            if let Some(phrase) = row(line, &mut table, &sets) {
                let index = table.phrases.len();
                if let Some(Part::Word(first)) = phrase.parts.first() {
                    let first = usize::from(*first);
                    if table.by_first.len() <= first {
                        table.by_first.resize(first + 1, Vec::new());
                    }
                    table.by_first[first].push(index);
                }
                table.phrases.push(phrase);
            }
        }
        table
    })
}

/// The phrase of the highest rank above `above`; of equals the one that stands first.
pub(super) fn find(line: &[u8], above: u8) -> Option<&'static Phrase> {
    find_among(line, above, None)
}

/// The same, where one row (by its place) is left out.
fn find_among(line: &[u8], above: u8, left_out: Option<usize>) -> Option<&'static Phrase> {
    let table = table();
    let words = Words::read(line);
    let groups = Groups::of(table, &words);
    if groups.all.is_empty() {
        return None;
    }
    let present = &groups.all;
    let mut best: Option<&'static Phrase> = None;
    // What only sounds like trouble is none where the line says itself that it only informs.
    let informs = (0..words.len().min(20)).any(|index| INFORMS.contains(&words.get(index)));
    let mut floor = if informs { above.max(2) } else { above };
    for at in 0..words.len() {
        for first in groups.at(at) {
            for index in table.by_first.get(usize::from(*first)).into_iter().flatten() {
                let phrase = &table.phrases[*index];
                if phrase.rank > floor
                    && left_out != Some(*index)
                    && phrase.needs.iter().all(|one| one.iter().all(|group| present.contains(group)))
                    && !phrase.bars.iter().any(|group| present.contains(group))
                    && follows(&phrase.parts[1..], &groups, &words, at + 1)
                {
                    floor = phrase.rank;
                    best = Some(phrase);
                }
            }
        }
    }
    best
}

/// The parts fit from a word on.
fn follows(parts: &[Part], groups: &Groups, words: &Words, at: usize) -> bool {
    match parts {
        [] => true,
        [Part::Word(group), rest @ ..] => {
            groups.at(at).contains(group) && follows(rest, groups, words, at + 1)
        }
        [Part::NoValue, rest @ ..] => {
            (at >= words.len() || words.get(at) != "=") && follows(rest, groups, words, at)
        }
        [Part::Any, rest @ ..] => at < words.len() && follows(rest, groups, words, at + 1),
        [gap, rest @ ..] => {
            let near = matches!(gap, Part::Near);
            let most = if let Part::Gap(most) = gap { *most } else { 2 };
            for skipped in 0..=most {
                if at + skipped > words.len() {
                    return false;
                }
                if follows(rest, groups, words, at + skipped) {
                    return true;
                }
                let word = if at + skipped < words.len() { words.get(at + skipped) } else { "" };
                if DENIALS.contains(&word) || (near && word == ":") {
                    return false;
                }
            }
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sentences that a row fits: each of its words in the place of the first, gaps empty and filled.
    fn sentences(text: &str, sets: &HashMap<&str, &str>) -> Vec<String> {
        let parts: Vec<&str> =
            text.split_whitespace().filter(|part| !part.starts_with('-') && *part != "!=").collect();
        let words = |part: &str| -> Vec<String> {
            match part {
                "." | ".." | "..." => vec![String::new(), "quux".to_owned()],
                "_" => vec!["quux".to_owned()],
                part => alternatives(part.trim_start_matches('+'), sets)
                    .into_iter()
                    .map(|word| word.trim_end_matches('*').to_owned())
                    .collect(),
            }
        };
        let choices: Vec<Vec<String>> = parts.iter().map(|part| words(part)).collect();
        let mut sentences = Vec::new();
        for (place, options) in choices.iter().enumerate() {
            for option in options {
                let chosen =
                    choices.iter().enumerate().map(|(at, of)| if at == place { option } else { &of[0] });
                sentences.push(chosen.map(String::as_str).collect::<Vec<_>>().join(" "));
            }
        }
        sentences
    }

    /// A row is there for what no other row says.
    #[test]
    fn no_row_says_what_others_say() {
        let sets = sets();
        let means = |phrase: Option<&'static Phrase>| {
            phrase.map(|one| (one.cause, one.variant, one.side, one.confidence, one.rank))
        };
        let mut said = Vec::new();
        for (index, line) in rows().enumerate() {
            let text = line.splitn(5, '|').nth(4).unwrap();
            let own = &table().phrases[index];
            let mut all = sentences(text, &sets);
            all.retain(|sentence| means(find(sentence.as_bytes(), 0)) == means(Some(own)));
            if !all.is_empty()
                && all.iter().all(|one| means(find_among(one.as_bytes(), 0, Some(index))) == means(Some(own)))
            {
                said.push(line);
            }
        }
        assert!(said.is_empty(), "{} rows say what others say:\n{}", said.len(), said.join("\n"));
    }

    /// What is new is a word of a row, or grammar: their number only falls.
    #[test]
    fn rows_get_fewer() {
        const ROWS: usize = 538;
        assert!(rows().count() <= ROWS, "{} rows, {ROWS} at most", rows().count());
    }

    #[test]
    fn every_row_is_read() {
        let sets = sets();
        let mut read = PhraseTable::default();
        for line in rows() {
            assert!(row(line, &mut read, &sets).is_some(), "{line}");
            for word in line.split(['|', ' ', '/', '+', '-']).filter_map(|word| word.strip_prefix('@')) {
                assert!(sets.contains_key(word), "{word} of {line}");
            }
        }
    }
}
