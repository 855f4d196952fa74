//! What an operator does to what runs. Said here as *what*; how it is typed is the platform's word.

/// Services are named as the stack names them; no service: all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Once more from its start, as it is configured.
    Restart(Vec<String>),
    /// Made anew, so that changed settings and mounts count.
    Recreate(Vec<String>),
    /// What is stopped or absent is started.
    Start(Vec<String>),
    /// What is frozen goes on.
    Unpause(String),
    /// The last lines of its log.
    ShowLogs { service: String, lines: u32 },
    /// What runs, and in which state.
    ShowState(Option<String>),
    /// The settings as the platform resolves them.
    ShowSettings,
    /// A command in one of its containers.
    Run { service: String, command: Vec<String> },
}

impl Action {
    /// The action of a catalogue's blank such as `{restart:nats}`: `verb` before the colon, the service after it.
    #[must_use]
    pub fn of(verb: &str, service: Option<&str>) -> Option<Self> {
        const LINES: u32 = 30;
        let all = || service.map(str::to_owned).into_iter().collect();
        let one = || service.map(str::to_owned);
        Some(match verb {
            "restart" => Self::Restart(all()),
            "recreate" => Self::Recreate(all()),
            "start" => Self::Start(all()),
            "unpause" => Self::Unpause(one()?),
            "logs" => Self::ShowLogs { service: one()?, lines: LINES },
            "state" => Self::ShowState(one()),
            "settings" => Self::ShowSettings,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blank_is_an_action_or_nothing() {
        assert_eq!(Action::of("restart", Some("nats")), Some(Action::Restart(vec!["nats".to_owned()])));
        assert_eq!(Action::of("restart", None), Some(Action::Restart(Vec::new())));
        assert_eq!(Action::of("unpause", None), None);
        assert_eq!(Action::of("delete", Some("nats")), None);
    }
}
