//! A build without the feature `kubernetes`: a cluster is refused with one sentence, everything else is there.

use crate::bare;

/// Every command that can be told of a cluster says the same, exits as for wrong usage, and dials nobody.
#[test]
fn a_cluster_is_refused_with_the_remedy() {
    for arguments in [
        &["run", "--kubernetes"][..],
        &["run", "-n", "cordum"],
        &["diagnose", "--kubernetes"],
        &["audit", "--kubernetes"],
        &["collect", "--kubernetes", "never-written.tar.gz"],
    ] {
        let output = bare().args(arguments).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {errors}");
        assert!(errors.contains("built without Kubernetes"), "{arguments:?}: {errors}");
        assert!(errors.contains("--objects DIR"), "{arguments:?}: {errors}");
    }
}
