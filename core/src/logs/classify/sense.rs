//! What is known of a line once it has been read.

use crate::cause::{CauseKind, Confidence, Side, Variant};
use crate::link::Link;

/// What a line of text was recognised as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recognised {
    pub kind: CauseKind,
    pub variant: Option<Variant>,
    pub side: Side,
    pub confidence: Confidence,
    /// The link that the line speaks of, where it says so.
    pub link: Option<Link>,
}

/// What a line of a log says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sense {
    Nothing,
    /// The service starts: what stands before belongs to an earlier run. A link that the line proves at
    /// once is named.
    Start(Option<Link>),
    /// The service stops, as it was told to.
    Ends,
    /// A link works (again); which one, where the line says so.
    Works(Option<Link>),
    Trouble(Recognised),
}

impl Sense {
    /// The trouble that it tells of, if any.
    #[must_use]
    pub fn trouble(self) -> Option<Recognised> {
        match self {
            Self::Trouble(trouble) => Some(trouble),
            Self::Nothing | Self::Start(_) | Self::Ends | Self::Works(_) => None,
        }
    }
}
