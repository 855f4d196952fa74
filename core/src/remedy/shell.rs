//! Words for a POSIX shell: the one place where anything is quoted. Names, paths and labels are whatever somebody
//! wrote into them.

use std::borrow::Cow;

/// A word that the shell takes as it stands. A NUL byte cannot be in any argument and is left out.
#[must_use]
pub fn word(text: &str) -> String {
    let text: Cow<'_, str> = if text.contains('\0') { text.replace('\0', "").into() } else { text.into() };
    // A tilde in front is the shell's home; shlex quotes no tilde elsewhere either.
    match shlex::try_quote(&text) {
        Ok(quoted) if !quoted.starts_with('~') => quoted.into_owned(),
        _ => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

/// A path that no program takes for an option.
#[must_use]
pub fn path(text: &str) -> String {
    if text.starts_with('-') { word(&format!("./{text}")) } else { word(text) }
}

/// A whole command line.
#[must_use]
pub fn line<S: AsRef<str>>(words: impl IntoIterator<Item = S>) -> String {
    words.into_iter().map(|one| word(one.as_ref())).collect::<Vec<_>>().join(" ")
}

/// Names behind a command's options: `--` in front where one begins with a dash.
#[must_use]
pub fn operands<S: AsRef<str>>(names: &[S]) -> Vec<String> {
    let dashed = names.iter().any(|name| name.as_ref().starts_with('-'));
    let guard = dashed.then(|| "--".to_owned());
    guard.into_iter().chain(names.iter().map(|name| name.as_ref().to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_would_read_is_a_word() {
        assert_eq!(word("./certs/ca/ca.crt"), "./certs/ca/ca.crt");
        for text in ["a b", "$(reboot)", "it's", "a\nb", "~root", "", "*", "a;b", "`x`", "a#b", "!x"] {
            let quoted = word(text);
            assert_eq!(shlex::split(&quoted), Some(vec![text.to_owned()]), "{text:?}: {quoted}");
            assert_ne!(quoted, text, "{text:?}");
        }
        assert_eq!(word("a\0b"), "ab");
        assert_eq!(path("-rf"), "./-rf");
        assert_eq!(line(operands(&["-x", "nats"])), "-- -x nats");
        assert_eq!(line(operands(&["nats"])), "nats");
    }
}
