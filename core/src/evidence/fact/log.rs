//! What could be read of a log, and what not.

/// How much of a log could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogFact {
    Empty {
        who: String,
    },
    /// With the reader's words.
    Unreadable {
        who: String,
        error: String,
    },
    /// Lines beyond all bounds, or no UTF-8.
    Unread {
        who: String,
        bytes: u64,
    },
    /// It begins after the start of what it is of.
    BeginsLate {
        who: String,
        from: String,
    },
    /// Nothing in it says that NATS was reached.
    SaysNothingOfNats,
    /// Nobody could tell whether it runs.
    NotInspected {
        who: String,
    },
    /// Redis cannot be looked at, and these are too young to have missed it.
    TooYoung {
        who: Vec<String>,
    },
    NoSource,
}
