//! Who applies a cure in a cluster reads nothing but its changes: each is made with kubectl, as it says.

use serde_json::Value;

/// A script that makes one change.
pub(super) fn script(change: &Value) -> Result<String, String> {
    let word = |key: &str| change[key].as_str();
    let workload = word("workload").unwrap_or_default();
    let name = word("name").unwrap_or_default();
    let to = word("to");
    match word("kind").unwrap_or_default() {
        "environment" => {
            let container = word("container").ok_or("no container")?;
            let value = match (change["remove"] == true, to) {
                (true, _) => format!("{name}-"),
                // Whoever applies it keeps the secret that is there.
                (false, Some(to)) => {
                    format!("'{name}={}'", to.replace(":***", "***").replace("***", ":$(REDIS_PASSWORD)"))
                }
                (false, None) => return Err(format!("no value in {change}")),
            };
            Ok(format!("k set env {workload} -c {container} {value}"))
        }
        "config"
            if word("path").is_some_and(|path| path.starts_with("spec.template.spec.containers[name=")) =>
        {
            let container = word("container").ok_or("no container")?;
            let mut value = Value::from(to.ok_or("no value")?);
            for key in name.rsplit('.') {
                value = serde_json::json!({ key: value });
            }
            value["name"] = Value::from(container);
            let patch = serde_json::json!({"spec": {"template": {"spec": {"containers": [value]}}}});
            Ok(format!("k patch {workload} -p '{patch}'"))
        }
        other => Err(format!("a change of kind {other}: {change}")),
    }
}
