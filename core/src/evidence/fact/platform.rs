//! What a platform has, lacks, or does not tell.

/// What Docker, Kubernetes or a recording has or lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlatformFact {
    /// `stack`: what is looked at, in the platform's words (project `cordum`).
    NoContainer {
        stack: String,
        service: String,
    },
    NoWorkload {
        stack: String,
        service: String,
    },
    /// The same of a project that was collected.
    HadNoContainer {
        project: String,
        service: String,
    },
    NoLogFile {
        service: String,
        folder: String,
    },
    /// The project has no container at all.
    NoProject {
        project: String,
    },
    NoSocket,
    /// With the library's words.
    Unreachable {
        host: String,
        error: String,
    },
    Unanswered {
        host: String,
    },
    /// By the operator's choice.
    NotAsked,
    /// What was collected on another machine.
    NotDialled,
    /// How a port answered when it was collected, with the first words of one that speaks in clear.
    MetThen {
        who: String,
        port: u16,
        said: Option<String>,
    },
    /// Its first process is stopped by a signal.
    ProcessStopped {
        who: String,
    },
    /// With what the platform noted of its last health check.
    HealthCheckUnanswered {
        who: String,
        words: String,
    },
    AcceptsAndIsSilent {
        who: String,
        port: u16,
    },
}
