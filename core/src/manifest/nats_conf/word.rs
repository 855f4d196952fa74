//! What a bare word is: a truth, a size, a number, or a text.

use super::tree::NatsData;

pub(super) fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" => Some(true),
        "false" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// Whether a word is neither number nor address though its first characters are those of one.
pub(super) fn begins_as_number(word: &str) -> bool {
    let digits = word.trim_start_matches(|c: char| c.is_ascii_digit());
    let Some(rest) = digits.strip_prefix('.').filter(|_| digits.len() < word.len()) else { return false };
    let fraction = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    let address =
        fraction.starts_with('.') && fraction.chars().all(|c| c.is_ascii_digit() || ".:-".contains(c));
    !address
}

/// What a bare word is.
pub(super) fn plain(word: &str) -> NatsData {
    if let Some(truth) = truth(word) {
        return NatsData::Bool(truth);
    }
    let digits = word.find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(word.len());
    let (number, unit) = word.split_at(digits);
    if let Ok(number) = number.parse::<i64>() {
        let factor = match unit.to_ascii_lowercase().as_str() {
            "" => Some(1),
            "k" => Some(1000),
            "kb" | "ki" | "kib" => Some(1 << 10),
            "m" => Some(1_000_000),
            "mb" | "mi" | "mib" => Some(1 << 20),
            "g" => Some(1_000_000_000),
            "gb" | "gi" | "gib" => Some(1 << 30),
            "t" => Some(1_000_000_000_000),
            "tb" | "ti" | "tib" => Some(1 << 40),
            _ => None,
        };
        if let Some(factor) = factor {
            return NatsData::Integer(number.saturating_mul(factor));
        }
    }
    match word.parse::<f64>() {
        Ok(number) if word.contains('.') && number.is_finite() => NatsData::Float(number),
        _ => NatsData::Text(word.to_owned()),
    }
}
