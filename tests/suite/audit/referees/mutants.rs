//! Small mistakes that people make in a text, made one at a time and always the same ones.

/// A text and what was done to it.
#[derive(Clone, Debug)]
pub(super) struct Mutant {
    pub(super) what: String,
    pub(super) text: String,
}

/// Every mistake of the kinds below, in the order of the text.
pub(super) fn all(text: &str) -> Vec<Mutant> {
    let mut found = vec![Mutant { what: "as it is".to_owned(), text: text.to_owned() }];
    let lines: Vec<&str> = text.split('\n').collect();
    for (at, line) in lines.iter().enumerate() {
        if line.trim().is_empty() || line.trim_start().starts_with('#') {
            continue;
        }
        let mut with = |what: String, new: Option<String>| {
            let mut copy: Vec<String> = lines.iter().map(|one| (*one).to_owned()).collect();
            match new {
                Some(new) => copy[at] = new,
                None => {
                    copy.remove(at);
                }
            }
            found.push(Mutant { what: format!("line {}: {what}", at + 1), text: copy.join("\n") });
        };
        with("gone".to_owned(), None);
        with("ends early".to_owned(), Some(line.trim_end()[..cut(line.trim_end())].to_owned()));
        with("one blank more".to_owned(), Some(format!(" {line}")));
        for (index, c) in line.char_indices() {
            if "{}[];\"':=,".contains(c) {
                let (before, after) = (&line[..index], &line[index + c.len_utf8()..]);
                with(format!("without `{c}` at {}", index + 1), Some(format!("{before}{after}")));
            }
        }
        for (begin, end) in words(line) {
            let word = &line[begin..end];
            let other = match word {
                "true" | "false" | "yes" | "no" | "on" | "off" => "perhaps".to_owned(),
                _ if word.chars().all(|c| c.is_ascii_digit()) => format!("{word}x"),
                _ => format!("{word}zz"),
            };
            let changed = format!("{}{other}{}", &line[..begin], &line[end..]);
            with(format!("`{other}` for `{word}` at {}", begin + 1), Some(changed));
        }
    }
    for at in (1..lines.len()).step_by(3) {
        let text = lines[..at].join("\n");
        found.push(Mutant { what: format!("ends behind line {at}"), text });
    }
    found
}

/// Some of them, evenly over the text; all where the environment asks for it.
pub(super) fn some(text: &str, many: usize) -> Vec<Mutant> {
    let mutants = all(text);
    let many = if std::env::var_os("TLS_VERIFY_ALL_MUTANTS").is_some() { mutants.len() } else { many };
    let step = mutants.len().div_ceil(many.max(1)).max(1);
    mutants.into_iter().step_by(step).collect()
}

fn cut(line: &str) -> usize {
    let half = line.len() * 2 / 3;
    (0..=half).rev().find(|at| line.is_char_boundary(*at)).unwrap_or(0)
}

/// Where words begin and end.
fn words(line: &str) -> Vec<(usize, usize)> {
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let mut found = Vec::new();
    let mut begin = None;
    for (at, c) in line.char_indices().chain([(line.len(), ' ')]) {
        match (begin, inside(c)) {
            (None, true) => begin = Some(at),
            (Some(from), false) => {
                found.push((from, at));
                begin = None;
            }
            _ => {}
        }
    }
    found
}
