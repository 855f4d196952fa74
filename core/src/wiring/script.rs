//! Scripts of a shell, taken apart into the commands that they run.

use crate::workload::{Argument, Setting, Template, Value};

/// The simple commands of a shell's script, with the container's variables put in; `exec` and assignments before
/// a command are passed over. What the shell would have to run first is a gap.
#[must_use]
pub(crate) fn script_commands(script: &Argument, environment: &[Setting]) -> Vec<Vec<Argument>> {
    let text = script.value.marked();
    let mut commands = Vec::new();
    let mut words: Vec<Argument> = Vec::new();
    let mut word = String::new();
    let mut open = false;
    let mut chars = text.chars().peekable();
    let mut quote: Option<char> = None;
    let push_word = |word: &mut String, open: &mut bool, words: &mut Vec<Argument>| {
        if *open || !word.is_empty() {
            words.push(Argument { value: Value::of(word), place: script.place.clone() });
        }
        word.clear();
        *open = false;
    };
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some('\''), '\'') | (Some('"'), '"') => quote = None,
            (Some('\''), c) => word.push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                open = true;
            }
            (None, '\\') if chars.peek() == Some(&'\n') => {
                chars.next();
            }
            (_, '\\') => word.extend(chars.next()),
            (_, '$') => word.push_str(&dollar(&mut chars, environment)),
            (_, '`') => {
                for inner in chars.by_ref() {
                    if inner == '`' {
                        break;
                    }
                }
                word.push_str(&Template::gap("a command substitution"));
            }
            (Some(_), c) => word.push(c),
            (None, ' ' | '\t' | '\r') => push_word(&mut word, &mut open, &mut words),
            (None, '#') if word.is_empty() => while chars.next_if(|c| *c != '\n').is_some() {},
            (None, ';' | '\n' | '|' | '&' | '(' | ')') => {
                push_word(&mut word, &mut open, &mut words);
                commands.push(std::mem::take(&mut words));
            }
            (None, c) => word.push(c),
        }
    }
    push_word(&mut word, &mut open, &mut words);
    commands.push(words);
    commands.into_iter().map(significant).filter(|command| !command.is_empty()).collect()
}

/// Without what stands before the program.
fn significant(words: Vec<Argument>) -> Vec<Argument> {
    let skip = words
        .iter()
        .take_while(|word| {
            let text = word.value.marked();
            let assigns = text.split_once('=').is_some_and(|(name, _)| {
                !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            });
            assigns
                || matches!(
                    text.as_str(),
                    "exec" | "then" | "do" | "else" | "if" | "while" | "until" | "!" | "{" | "time" | "nohup"
                )
        })
        .count();
    words.into_iter().skip(skip).collect()
}

fn dollar(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, environment: &[Setting]) -> String {
    match chars.peek() {
        Some('(') => {
            let mut depth = 0_usize;
            for inner in chars.by_ref() {
                match inner {
                    '(' => depth += 1,
                    ')' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                if depth == 0 {
                    break;
                }
            }
            Template::gap("a command substitution")
        }
        Some('{') => {
            chars.next();
            let inside: String = chars.by_ref().take_while(|c| *c != '}').collect();
            let end = inside.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inside.len());
            let (name, rest) = inside.split_at(end);
            let set = environment.iter().rev().find(|one| one.name == name);
            match (set, rest.strip_prefix(":-").or_else(|| rest.strip_prefix('-'))) {
                (Some(setting), _) => setting.value.marked(),
                (None, Some(default)) if !default.contains('$') => default.to_owned(),
                (None, _) => Template::gap(name),
            }
        }
        Some(c) if c.is_ascii_alphabetic() || *c == '_' => {
            let mut name = String::new();
            while let Some(c) = chars.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
                name.push(c);
            }
            match environment.iter().rev().find(|one| one.name == name) {
                Some(setting) => setting.value.marked(),
                None => Template::gap(&name),
            }
        }
        _ => "$".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(script: &str) -> Vec<Vec<String>> {
        let script = Argument { value: Value::of(script), place: None };
        let environment =
            [Setting { name: "P".to_owned(), value: Value::Known("secret".to_owned()), place: None }];
        script_commands(&script, &environment)
            .into_iter()
            .map(|command| {
                command.into_iter().map(|word| super::super::named_gaps(&word.value.marked())).collect()
            })
            .collect()
    }

    #[test]
    fn a_script_is_taken_apart_into_its_commands() {
        assert_eq!(
            words(
                "set -e; A=1 exec redis-server --requirepass \"$P\" --x '$P' \\\n --y $Q | grep -q \"a b\""
            ),
            [
                vec!["set", "-e"],
                vec!["redis-server", "--requirepass", "secret", "--x", "$P", "--y", "${Q}"],
                vec!["grep", "-q", "a b"],
            ]
        );
        assert_eq!(
            words("f $(cat /x y) `z`"),
            [["f", "${a command substitution}", "${a command substitution}"]]
        );
    }
}
