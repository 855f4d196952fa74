//! The release shape: nothing published but the gateway and the dashboard, Redis with client
//! certificates, TLS 1.3 for Cordum's own servers; replicas of what has no port on the host.

use crate::project::Project;

const PROFILE: &[&str] = &["--profile", "cordum-release"];

pub fn check() -> (Project, Vec<String>) {
    let mut project = Project::new("docker-compose.test.release.yml", "cordum-release", 3_000);
    project.scale = vec!["safety-kernel=2".to_owned(), "context-engine=2".to_owned()];
    project.up();
    let ran = project.settle(PROFILE);
    let mut wrong = Vec::new();
    let mut holds = |claim: &str, truth: bool| {
        if !truth {
            wrong.push(format!("release: {claim}: {}", ran.digest()));
        }
    };
    holds("exit 0", ran.code == 0);
    for check in ran.checks() {
        let beside = check["id"] == "certificates" || check["id"] == "cluster-links";
        holds("every check passes", check["status"] == "pass" || beside);
    }
    let details = &ran.check("tls-min-version")["details"];
    holds("TLS 1.3 is required", details["required"] == "TLSv1.3");
    for name in ["redis", "nats"] {
        holds("the data stores are reached", details["endpoints"][name]["reached"] == true);
    }
    // Each replica is dialled and reported.
    let endpoints: Vec<&String> = details["endpoints"].as_object().unwrap().keys().collect();
    for service in ["safety-kernel", "context-engine"] {
        let count = endpoints.iter().filter(|name| name.starts_with(service)).count();
        holds("both replicas are asked for old versions", count == 2);
        let summary = ran.check(&format!("{service}-grpc"))["summary"].as_str().unwrap();
        holds("both replicas answer", summary.matches("gRPC status").count() == 2);
    }
    (project, wrong)
}
