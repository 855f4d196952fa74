//! How Cordum's services read a switch, and the two that say that they are in production: what they refuse then
//! hangs on them everywhere, whoever looks.

use super::Container;

/// Whether a value is on, as Cordum's core reads it.
#[must_use]
pub fn truthy(text: &str) -> bool {
    matches!(text.trim().to_ascii_lowercase().as_str(), "1" | "true" | "yes" | "y" | "on")
}

/// The lowest version of TLS that a service takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MinimumVersion {
    Tls12,
    Tls13,
}

impl MinimumVersion {
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Tls12 => "TLSv1.2",
            Self::Tls13 => "TLSv1.3",
        }
    }

    /// As `CORDUM_TLS_MIN_VERSION` is read; anything else is ignored there.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim().to_ascii_lowercase().as_str() {
            "1.2" | "tls1.2" | "tls12" => Some(Self::Tls12),
            "1.3" | "tls1.3" | "tls13" => Some(Self::Tls13),
            _ => None,
        }
    }
}

impl Container {
    /// Whether its variables say that it is in production.
    #[must_use]
    pub fn in_production(&self) -> bool {
        let says = |name: &str, is: fn(&str) -> bool| {
            self.variable(name).and_then(|one| one.value.known()).is_some_and(is)
        };
        says("CORDUM_PRODUCTION", truthy)
            || says("CORDUM_ENV", |text| {
                matches!(text.trim().to_ascii_lowercase().as_str(), "prod" | "production")
            })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Setting, Value};
    use super::*;

    #[test]
    fn two_variables_say_that_a_service_is_in_production() {
        let with = |name: &str, value: Value| {
            let setting = Setting { name: name.to_owned(), value, place: None };
            Container { environment: vec![setting], ..Container::default() }.in_production()
        };
        let known = |text: &str| Value::Known(text.to_owned());
        for (name, text) in [
            ("CORDUM_ENV", "production"),
            ("CORDUM_ENV", " PROD "),
            ("CORDUM_PRODUCTION", "1"),
            ("CORDUM_PRODUCTION", "Yes"),
        ] {
            assert!(with(name, known(text)), "{name}={text}");
        }
        for (name, text) in [
            ("CORDUM_ENV", "staging"),
            ("CORDUM_PRODUCTION", "0"),
            ("CORDUM_PRODUCTION", "production"),
            ("NODE_ENV", "production"),
        ] {
            assert!(!with(name, known(text)), "{name}={text}");
        }
        assert!(!with("CORDUM_ENV", Value::Unknown("ENV".to_owned())));
    }
}
