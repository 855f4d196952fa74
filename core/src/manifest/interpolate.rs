//! Compose's interpolation: `$VAR`, `${VAR}`, `${VAR:-default}`, `${VAR-default}`, `${VAR:?message}`,
//! `${VAR?message}`, `${VAR:+other}`, `${VAR+other}`, nested, and `$$` for a dollar.

use crate::workload::Template;

/// How deep defaults may hold defaults.
const DEPTH: usize = 16;

/// What a text may grow to by its variables, in bytes: no program is started with a longer one.
pub const LONGEST: usize = 128 * 1024;

/// What came of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled {
    /// With gaps where a variable is not known.
    pub text: String,
    /// A default stood in for a variable: whoever starts it may say otherwise.
    pub by_default: bool,
}

/// Fills a text in.
///
/// # Errors
/// A form that Compose refuses, in a sentence.
pub fn fill(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<Filled, String> {
    let mut by_default = false;
    let text = expand(text, lookup, &mut by_default, 0)?;
    Ok(Filled { text, by_default })
}

fn expand(
    text: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
    by_default: &mut bool,
    depth: usize,
) -> Result<String, String> {
    if depth > DEPTH {
        return Err(format!("defaults lie more than {DEPTH} deep in one another"));
    }
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(behind) = after.strip_prefix('$') {
            out.push('$');
            rest = behind;
        } else if let Some(inside) = after.strip_prefix('{') {
            let end =
                closing(inside).ok_or_else(|| format!("`${{{}` has no closing brace", short(inside)))?;
            out.push_str(&braced(&inside[..end], lookup, by_default, depth)?);
            rest = &inside[end + 1..];
        } else {
            let name = &after[..name_length(after)];
            if name.is_empty() {
                return Err(format!("`${}` is no variable; a dollar is written `$$`", short(after)));
            }
            out.push_str(&lookup(name).unwrap_or_else(|| Template::gap(name)));
            rest = &after[name.len()..];
        }
        if out.len() > LONGEST.max(text.len()) {
            return Err(format!("`{}` grows to more than {LONGEST} bytes by its variables", short(text)));
        }
    }
    out.push_str(rest);
    Ok(out)
}

fn short(text: &str) -> String {
    text.chars().take(20).take_while(|c| !c.is_whitespace()).collect()
}

fn name_length(text: &str) -> usize {
    let first = text.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if first { text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len()) } else { 0 }
}

/// Where the brace closes that was opened before `text`.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let bytes = text.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'{' if at > 0 && bytes[at - 1] == b'$' => depth += 1,
            b'}' if depth == 0 => return Some(at),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn braced(
    inside: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
    by_default: &mut bool,
    depth: usize,
) -> Result<String, String> {
    let name = &inside[..name_length(inside)];
    let rest = &inside[name.len()..];
    if name.is_empty() {
        return Err(format!("`${{{}}}` names no variable", short(inside)));
    }
    let value = lookup(name);
    let (operator, word) = match rest.as_bytes() {
        [] => return Ok(value.unwrap_or_else(|| Template::gap(name))),
        [b':', b'-' | b'?' | b'+', ..] => rest.split_at(2),
        [b'-' | b'?' | b'+', ..] => rest.split_at(1),
        _ => return Err(format!("`${{{}}}` is no form of a variable that Compose knows", short(inside))),
    };
    let full = operator.starts_with(':');
    let set = value.as_ref().filter(|value| !full || !value.is_empty());
    match operator.chars().last() {
        Some('-') => match set {
            Some(value) => Ok(value.clone()),
            None => {
                *by_default = true;
                expand(word, lookup, by_default, depth + 1)
            }
        },
        Some('+') => match set {
            Some(_) => expand(word, lookup, by_default, depth + 1),
            None => Ok(String::new()),
        },
        _ => Ok(set.cloned().unwrap_or_else(|| Template::gap(name))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str) -> String {
        let lookup = |name: &str| match name {
            "A" => Some("a".to_owned()),
            "E" => Some(String::new()),
            _ => None,
        };
        fill(text, &lookup).unwrap().text
    }

    #[test]
    fn every_form_means_what_compose_means_by_it() {
        assert_eq!(filled("$A/${A}/$$A"), "a/a/$A");
        assert_eq!(filled("${E:-x}${E-x}${N:-x}${N-y}"), "xxy");
        assert_eq!(filled("${A:+s}${E:+s}${E+t}${N+t}"), "st");
        assert_eq!(filled("${N:-${M:-deep}}"), "deep");
        assert_eq!(filled("${N:-{a}}"), "{a}");
        assert_eq!(filled("${A:?no}"), "a");
    }

    #[test]
    fn what_is_not_given_is_a_gap_and_no_empty_text() {
        assert_eq!(filled("x${N}y"), format!("x{}y", Template::gap("N")));
        assert_eq!(filled("${N:?set it}"), Template::gap("N"));
    }

    #[test]
    fn what_compose_refuses_is_refused() {
        for text in ["${A", "${}", "a$", "${A!x}", "$(date)"] {
            assert!(fill(text, &|_| None).is_err(), "{text}");
        }
    }
}
