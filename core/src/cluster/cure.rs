//! What is to be done, in kubectl's words: pasteable, quoted, and nothing in it deletes or forces.

pub use crate::remedy::Fix;
use crate::remedy::{Change, ChangeKind, shell};
use crate::workload::Workload;

impl Fix {
    /// What is wrong where, and what it has to be.
    #[must_use]
    pub(super) fn told(text: impl Into<String>) -> Self {
        Self::new(text, None)
    }

    /// The command that puts it into effect.
    #[must_use]
    pub(super) fn by(mut self, command: impl Into<String>) -> Self {
        self.command = Some(command.into());
        self
    }

    /// The same as data.
    #[must_use]
    pub(super) fn with(mut self, change: Change) -> Self {
        self.changes.push(change);
        self
    }
}

/// How kubectl is called: context and namespace.
#[derive(Clone, Debug, Default)]
pub struct Kubectl {
    pub context: Option<String>,
    pub namespace: String,
}

impl Kubectl {
    /// A command of these words, each of them quoted.
    #[must_use]
    pub fn command<S: AsRef<str>>(&self, words: &[S]) -> String {
        let mut all = vec!["kubectl".to_owned()];
        all.extend(self.context.iter().map(|context| shell::word(&format!("--context={context}"))));
        all.extend(["-n".to_owned(), shell::word(&self.namespace)]);
        all.extend(words.iter().map(|word| shell::word(word.as_ref())));
        all.join(" ")
    }

    /// Pods of these workloads are made anew, one by one.
    #[must_use]
    pub fn restart(&self, workloads: &[String]) -> Option<String> {
        let rolls = |name: &&String| {
            ["deployment/", "statefulset/", "daemonset/"].iter().any(|kind| name.starts_with(kind))
        };
        let names: Vec<&str> = workloads.iter().filter(rolls).map(String::as_str).collect();
        (!names.is_empty()).then(|| self.command(&[&["rollout", "restart"], names.as_slice()].concat()))
    }

    /// A variable of a container, set: the workload rolls out by that.
    #[must_use]
    pub fn set(&self, workload: &Workload, container: &str, variable: &str, to: &str) -> String {
        let name = workload.to_string();
        self.command(&["set", "env", &name, "-c", container, &format!("{variable}={to}")])
    }

    /// Keys of a Secret, put in from files that lie where the operator is; the others stay. What the files hold reaches
    /// no process' arguments, and a file that is not there changes nothing.
    #[must_use]
    pub fn fill(&self, secret: &str, files: &[(&str, &str)]) -> String {
        let from: Vec<String> = files.iter().map(|(key, file)| format!("--from-file={key}={file}")).collect();
        let mut words = vec!["create", "secret", "generic", secret];
        words.extend(from.iter().map(String::as_str));
        words.extend(["--dry-run=client", "-o", "json"]);
        self.merged(&words, secret)
    }

    /// Keys of a Secret, put in from what it holds under other names; those stay.
    #[must_use]
    pub fn under_other_names(&self, secret: &str, pairs: &[(&str, &str)]) -> String {
        let data: Vec<String> =
            pairs.iter().map(|(key, from)| format!(r#""{key}":"{{{{index .data "{from}"}}}}""#)).collect();
        let template = format!(r#"go-template={{"data":{{{}}}}}"#, data.join(","));
        self.merged(&["get", "secret", secret, "-o", &template], secret)
    }

    /// What a command prints, merged into a Secret.
    fn merged(&self, from: &[&str], secret: &str) -> String {
        let into = ["patch", "secret", secret, "--type=merge", "--patch-file", "/dev/stdin"];
        format!("{} | {}", self.command(from), self.command(&into))
    }

    /// A key of a ConfigMap, replaced as a whole.
    #[must_use]
    pub fn rewrite(&self, config_map: &str, key: &str, text: &str) -> String {
        let patch = serde_json::json!({ "data": { key: text } });
        self.command(&["patch", "configmap", config_map, "--type=merge", "-p", &patch.to_string()])
    }
}

/// A change with its workload, container, name and the manifest's field.
#[must_use]
pub(super) fn change(
    workload: impl Into<String>,
    container: Option<&str>,
    kind: ChangeKind,
    name: impl Into<String>,
    path: Option<String>,
) -> Change {
    let mut change = Change::new(workload, kind, name);
    change.container = container.map(str::to_owned);
    change.path = path;
    change
}

/// What is right of a Secret's key is not known here: only the operator has it.
#[must_use]
pub(super) fn of_secret(workload: impl Into<String>, secret: &str, key: &str) -> Change {
    change(workload, None, ChangeKind::Secret, format!("{secret}/{key}"), Some(format!("data[{key}]")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_quoted_and_carry_the_context() {
        let kubectl = Kubectl { context: Some("my ctx".to_owned()), namespace: "cordum".to_owned() };
        assert_eq!(
            kubectl.command(&["get", "pod", "$(reboot)"]),
            "kubectl '--context=my ctx' -n cordum get pod '$(reboot)'"
        );
        assert_eq!(kubectl.restart(&["pod/x".to_owned()]), None);
        let kubectl = Kubectl { context: None, namespace: "n".to_owned() };
        assert_eq!(
            kubectl.fill("s", &[("tls.crt", "a b.crt")]),
            "kubectl -n n create secret generic s '--from-file=tls.crt=a b.crt' '--dry-run=client' -o json | kubectl -n n patch secret s '--type=merge' --patch-file /dev/stdin"
        );
    }
}
