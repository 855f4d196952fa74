//! What a row expects, as values: which checks end how, of which cause, and the report's root causes in order.

use std::fmt;

pub(crate) use tls_verify_core::cause::CauseKind as C;
pub(crate) use tls_verify_core::cause::Side::{Client, Network, Server};
pub(crate) use tls_verify_core::cause::Variant as V;

use tls_verify_core::cause::Side;
use tls_verify_core::status::Status;

/// What some of the checks must say; a check that no row names must pass.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expect {
    pub(crate) checks: &'static [u8],
    pub(crate) word: Word,
}

/// Status, and cause, variant and side of the main diagnosis where there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) status: Status,
    pub(crate) main: Option<(C, Option<V>, Side)>,
}

impl Word {
    pub(crate) const PASS: Self = Self { status: Status::Pass, main: None };
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.status.slug())?;
        match self.main {
            Some((cause, variant, side)) => {
                write!(f, " {cause} {} {side}", variant.map_or("-", V::slug))
            }
            None => Ok(()),
        }
    }
}

const fn ended(checks: &'static [u8], status: Status) -> Expect {
    Expect { checks, word: Word { status, main: None } }
}

pub(crate) const fn fail(checks: &'static [u8]) -> Expect {
    ended(checks, Status::Fail)
}

pub(crate) const fn unknown(checks: &'static [u8]) -> Expect {
    ended(checks, Status::Unknown)
}

pub(crate) const fn warn(checks: &'static [u8]) -> Expect {
    ended(checks, Status::Warn)
}

/// The warning that an endpoint serves another certificate than the file.
pub(crate) const fn drift(checks: &'static [u8]) -> Expect {
    warn(checks).of(C::OtherTls, Server).variant(V::ServedDiffers)
}

impl Expect {
    /// Names the cause and the side that has to be changed.
    pub(crate) const fn of(self, cause: C, side: Side) -> Self {
        Self { word: Word { main: Some((cause, None, side)), ..self.word }, ..self }
    }

    /// Narrows the cause.
    pub(crate) const fn variant(self, variant: V) -> Self {
        match self.word.main {
            Some((cause, _, side)) => {
                Self { word: Word { main: Some((cause, Some(variant), side)), ..self.word }, ..self }
            }
            None => panic!("a variant needs its cause"),
        }
    }
}

/// A root cause of the report.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Root {
    pub(crate) place: &'static str,
    pub(crate) cause: C,
    pub(crate) variant: Option<V>,
}

pub(crate) const fn root(place: &'static str, cause: C) -> Root {
    Root { place, cause, variant: None }
}

impl Root {
    pub(crate) const fn variant(self, variant: V) -> Self {
        Self { variant: Some(variant), ..self }
    }
}

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let variant = self.variant.map(|variant| format!(" {variant}")).unwrap_or_default();
        write!(f, "{} {}{variant}", self.place, self.cause)
    }
}
