//! How far a dial came.

use crate::evidence::fault::Stage;

/// What became of a dial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DialFact {
    /// The time was up at this stage.
    NotInTime {
        stage: Stage,
    },
    Unresolved {
        host: String,
    },
    /// `of`: how many addresses the name has.
    Connecting {
        address: String,
        of: usize,
    },
    /// Through a platform, by its way's name.
    ConnectingThrough {
        way: String,
    },
    /// The server chooses its certificate by the name that is sent (SNI), and has none for this one.
    NoSuchName {
        sent: Option<String>,
    },
    /// The server that was dialled.
    Dialled {
        server: String,
    },
}
