//! One root cause with its cure fits on one screen.

use crate::program;

#[test]
fn one_root_cause_with_its_cure_fits_on_one_screen() {
    for fault in ["expired", "nats-plaintext", "redis-plaintext", "other-ca"] {
        let output = program()
            .args(["demo", "--fault", fault, "--color", "never", "--all"])
            .env("COLUMNS", "80")
            .output()
            .unwrap();
        let screen = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<&str> = screen.lines().collect();
        assert!(lines.len() <= 24, "{fault}: {} lines\n{screen}", lines.len());
        let long = |line: &&&str| line.chars().count() > 80 && !line.trim_start().starts_with('$');
        let long: Vec<_> = lines.iter().filter(long).collect();
        assert!(long.is_empty(), "{fault}: {long:?}");
        assert!(screen.contains("Root cause: ") && screen.contains("fix: "), "{screen}");
        assert!(screen.contains("breaks: "), "{screen}");
        assert!(!screen.contains("????"), "{screen}");
    }
}
