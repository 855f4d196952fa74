//! What `cordumctl`, certificate folders and the run itself came to.

/// What became of a `cordumctl` that was started, or of the client in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolFact {
    /// With the system's words.
    NotStarted {
        program: String,
        error: String,
    },
    NotInTime,
    /// `code`: nothing where a signal ended it; `words`: a line of its standard error, without secrets.
    Ended {
        code: Option<i32>,
        words: String,
    },
    NoJson,
    /// It ends well and prints nothing, whatever CA it is given.
    Silent {
        who: String,
    },
    /// The system's store trusts the gateway, so that only a CA of our own shows whether it is verified.
    TrustedBySystem,
}

/// What keeps a folder of certificates from being judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FolderFact {
    /// What was collected is of another machine.
    OfAnotherMachine,
    /// The CA file that was given lies in no `ca/`.
    OtherLayout { ca: String },
}

/// What ended a check from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunFact {
    DeadlinePassed,
    Interrupted,
    /// A bug of ours.
    NoResult,
    /// The run could not begin, with the reason that was printed.
    NotBegun {
        why: String,
    },
}
