//! `--explain-permissions`: the account, the Role and the binding that the selected checks need, as `packaging/` has
//! them for all.

use tls_verify_checks::context::{Check, Dials};

/// Account, Role and binding of all checks.
pub const ROLE: &str = include_str!("../../../../packaging/kubernetes-role.yaml");

/// Checks that rest on what containers said.
const HEARD: &[&str] = &["worker-nats-tls", "redis-logs", "service-links", "cluster-links"];

/// The manifest for some checks: a rule that none of them needs is left out, with the comment above it.
#[must_use]
pub fn role(selected: &[&Check], no_secrets: bool) -> String {
    let dials = selected.iter().any(|check| check.dials != Dials::Never || check.id == "certificates");
    let hears = selected.iter().any(|check| HEARD.contains(&check.id));
    let is_needed = |rule: &str| match rule {
        rule if rule.contains("pods/log") => hears,
        rule if rule.contains("pods/portforward") => dials,
        rule if rule.contains("[secrets]") => !no_secrets,
        _ => true,
    };
    let Some((front, rest)) = ROLE.split_once("rules:\n") else { return ROLE.to_owned() };
    let (rules, back) = rest.split_once("---\n").unwrap_or((rest, ""));
    // A rule begins with its comment, or where it has none with itself.
    let mut blocks: Vec<String> = Vec::new();
    let mut commented = false;
    for line in rules.lines() {
        let comment = line.trim_start().starts_with('#');
        if comment || (line.starts_with("  - ") && !commented) || blocks.is_empty() {
            blocks.push(String::new());
        }
        commented = comment;
        if let Some(block) = blocks.last_mut() {
            block.push_str(line);
            block.push('\n');
        }
    }
    let kept: String = blocks.into_iter().filter(|block| is_needed(block)).collect();
    format!("{front}rules:\n{kept}---\n{back}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ids: &[&str], no_secrets: bool) -> String {
        let all = tls_verify_checks::ALL.iter();
        role(&all.filter(|check| ids.contains(&check.id)).collect::<Vec<_>>(), no_secrets)
    }

    #[test]
    fn all_checks_need_all_of_it() {
        assert_eq!(role(&tls_verify_checks::ALL.iter().collect::<Vec<_>>(), false), ROLE);
    }

    #[test]
    fn what_no_selected_check_needs_is_left_out() {
        let dialled = of(&["gateway-https"], false);
        assert!(dialled.contains("pods/portforward") && !dialled.contains("pods/log"), "{dialled}");
        let heard = of(&["redis-logs"], true);
        assert!(heard.contains("pods/log") && !heard.contains("[secrets]"), "{heard}");
        assert!(!heard.contains("cordum-api-key") && heard.contains("kind: RoleBinding"), "{heard}");
        assert!(heard.contains("resources: [deployments, statefulsets, daemonsets, replicasets]"), "{heard}");
    }
}
