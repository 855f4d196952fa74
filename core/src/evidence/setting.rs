//! A setting of a service that bears on a fault.

/// A variable of a container that bears on a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkSetting {
    pub service: String,
    /// Empty for a file that no variable names, but a command line or a configuration file.
    pub name: String,
    /// Without user information.
    pub value: String,
    /// Where the file lies on the host, when the value is a mounted path.
    pub host: Option<String>,
}

impl std::fmt::Display for LinkSetting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.name.as_str() {
            "" => write!(f, "{}: {}", self.service, self.value)?,
            name => write!(f, "{}: {name}={}", self.service, self.value)?,
        }
        match &self.host {
            Some(host) => write!(f, " (on the host: {host})"),
            None => Ok(()),
        }
    }
}
