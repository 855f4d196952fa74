//! Docker Compose's words.

use super::{Action, Wording, shell};

/// How the project is steered from where the operator stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compose {
    /// `docker compose -p cordum -f …`, a word each, unquoted.
    words: Vec<String>,
}

impl Compose {
    /// `words`: the program, the project and its files.
    #[must_use]
    pub fn new<S: Into<String>>(words: impl IntoIterator<Item = S>) -> Self {
        Self { words: words.into_iter().map(Into::into).collect() }
    }

    /// The command with more words behind it.
    fn with<S: AsRef<str>>(&self, options: &[&str], names: &[S]) -> String {
        let words = self.words.iter().map(String::as_str).chain(options.iter().copied());
        shell::line(words.map(str::to_owned).chain(shell::operands(names)))
    }

    /// The command alone, quoted.
    #[must_use]
    pub fn prefix(&self) -> String {
        shell::line(&self.words)
    }
}

impl Default for Compose {
    fn default() -> Self {
        Self::new(["docker", "compose"])
    }
}

impl Wording for Compose {
    fn command(&self, action: &Action) -> Option<String> {
        let none: &[String] = &[];
        Some(match action {
            Action::Restart(services) => self.with(&["restart"], services),
            // What depends on them runs on: version 2 stops it with them otherwise, and does not start it again.
            Action::Recreate(services) if !services.is_empty() => {
                self.with(&["up", "-d", "--no-deps"], services)
            }
            Action::Recreate(_) => self.with(&["up", "-d"], none),
            Action::Start(services) => self.with(&["up", "-d"], services),
            Action::Unpause(service) => self.with(&["unpause"], std::slice::from_ref(service)),
            Action::ShowLogs { service, lines } => {
                self.with(&["logs", "--tail", &lines.to_string()], std::slice::from_ref(service))
            }
            Action::ShowState(service) => self.with(&["ps", "-a"], service.as_slice()),
            Action::ShowSettings => self.with(&["config"], none),
            Action::Run { service, command } => {
                let words = std::iter::once(service).chain(command).cloned().collect::<Vec<_>>();
                self.with(&["exec"], &words)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remedy::Effect;

    #[test]
    fn servers_are_up_before_those_that_dial_them_at_their_start() {
        let effect =
            Effect::default().and_restart(["safety-kernel", "nats"]).servers_first(|one| one == "nats");
        let front = "docker compose restart";
        let told = Compose::default().effect(&[], &effect);
        assert_eq!(told.as_deref(), Some(format!("{front} nats && {front} safety-kernel").as_str()));
    }

    #[test]
    fn composes_words_carry_the_project_and_quote_names() {
        let compose = Compose::new(["docker", "compose", "-p", "my stack", "-f", "a b/c.yml"]);
        let of = |action| compose.command(&action).unwrap();
        let front = "docker compose -p 'my stack' -f 'a b/c.yml'";
        let nats = || vec!["nats".to_owned()];
        assert_eq!(of(Action::Restart(nats())), format!("{front} restart nats"));
        assert_eq!(of(Action::Recreate(nats())), format!("{front} up -d --no-deps nats"));
        assert_eq!(of(Action::Restart(Vec::new())), format!("{front} restart"));
        assert_eq!(of(Action::ShowState(None)), format!("{front} ps -a"));
        assert_eq!(of(Action::Unpause("$(x)".to_owned())), format!("{front} unpause '$(x)'"));
        assert_eq!(of(Action::Start(vec!["-x".to_owned()])), format!("{front} up -d -- -x"));
    }
}
