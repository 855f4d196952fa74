//! Lines that no program wrote of its connections: source, tests, shells, manifests, help; and what programs of the
//! machine say, which have no TLS. They name causes without reporting any.

use std::sync::OnceLock;

use memchr::memmem;
use regex::bytes::{Regex, RegexBuilder};

/// Fronts of such lines.
const FRONTS: &[&str] = &[
    // Comments, patches, headings.
    r"//|/\*|<!--|--- a/|\+\+\+ b/|@@ -|#{2,4} |# [a-z]",
    // A shell's trace and prompt.
    r"\+{1,3} |\$ |>>> |[Uu]sage: ",
    // Options, as help and arguments name them.
    r"(?:- )?--[a-z][\w-]+(?:[ =,]|$)|-[A-Za-z], --[a-z]",
    // Source, as traces quote it.
    r"assert\w*[.(! ]|expect\(|(?:test|it|describe)\([\x22'`]|(?:raise|throw) [\w.:]+(?:\(|;|$)|throw new ",
    r"(?:if|while|switch|elif|else if|\} else|\} catch)\b.*[{:]$|(?:func|fn|def|class|pub|const|let|var)\b.*[{(;:,]$",
    // What tests are called.
    r"(?:not )?ok \d+\b|running \d+ tests?\b|- skipped\b|(?:SKIP|XFAIL|XPASS)\b|\?\s+\S+\s+\[no test files\]",
    r"\[(?:INFO|WARN|WARNING|ERROR)\] (?:Tests run|Running )|> Task :",
    r"E\s{3,}(?:AssertionError|assert)\b|(?:\xe2\x97\x8f|\xe2\x9c\x97|\xe2\x9c\x98|\xe2\x9c\x95|\xc3\x97) ",
    // Compilers.
    r"error\[[A-Z]\d+\]: |warning: (?:unused|use of deprecated|field|function|variable|constant|struct|method)\b",
    // What kubectl did with an object.
    r"[\w.-]+/[\w.-]+ (?:created|configured|unchanged|deleted|patched|labeled|annotated|restarted|scaled|replaced|condition met)\b",
    // Prose of manifests.
    r"(?:- )?(?:description|summary|title|example|help|comment|notes?|docs?|expr|regex|pattern|usage|name|value|label):\s.*[^,]$",
    // The value of an option; a machine of Vagrant's has that name too, and a program speaks behind it.
    r"(?:- )?default:\s+(?:[\x22']|x509: )",
    // What a change is called.
    r"[-*] (?:fix|feat|docs|chore|refactor|tests?|added|fixed|removed|changed)(?:\([^)]*\))?[: ]",
];

/// Longer lines are records.
const LONGEST: usize = 400;

/// Source, a test's name, a comment, help: by its front.
pub(super) fn by_people(trimmed: &[u8]) -> bool {
    static CELL: OnceLock<Regex> = OnceLock::new();
    let fronts = CELL.get_or_init(|| {
        let built = RegexBuilder::new(&format!("^(?:{})", FRONTS.join("|"))).unicode(false).build();
        // Constants that the tests below exercise.
        built.expect("the fronts are a valid expression")
    });
    // What NATS' trace shows of messages; its errors are the server's own.
    let traced = || {
        (memmem::find(trimmed, b" - <<- ").is_some() || memmem::find(trimmed, b" - ->> ").is_some())
            && memmem::find(trimmed, b"-ERR").is_none()
    };
    trimmed.len() < LONGEST && (fronts.is_match(trimmed) || traced())
}

/// Programs of the machine that have no TLS: they tell of units, commands and keys by their names.
const MACHINE: &[&[u8]] = &[
    b" systemd[",
    b" systemd: ",
    b" kernel: ",
    b" CRON[",
    b" cron[",
    b" crond[",
    b" anacron[",
    b" sudo[",
    b" sudo: ",
    b" audit[",
    b" auditd[",
    b" dbus-daemon[",
    b" logrotate[",
    b" run-parts[",
];

/// Written by such a program, as syslog and journald name it.
pub(super) fn by_machine(line: &[u8]) -> bool {
    let head = &line[..line.len().min(120)];
    let dated =
        head.iter().take(16).filter(|byte| **byte == b':').count() >= 2 || head.get(10) == Some(&b'T');
    // The time and the machine's name stand before it, and nothing else.
    let fronts = |before: &[u8]| {
        memmem::find(before, b": ").is_none() && before.iter().filter(|byte| **byte == b' ').count() <= 5
    };
    dated && MACHINE.iter().any(|name| memmem::find(head, name).is_some_and(|at| fronts(&head[..at])))
}

/// Where a statement of SQL begins, or the name of a container that is started again.
pub(super) fn quoted_from(line: &[u8]) -> Option<usize> {
    const MARKS: &[(&[u8], &[u8])] = &[
        (b"SELECT ", b" FROM "),
        (b"INSERT INTO ", b""),
        (b"DELETE FROM ", b""),
        (b"UPDATE ", b" SET "),
        (b"restarting failed container ", b" in pod "),
    ];
    let found = |(word, then): &(&[u8], &[u8])| {
        memmem::find(line, word).filter(|at| then.is_empty() || memmem::find(&line[*at..], then).is_some())
    };
    MARKS.iter().filter_map(found).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_wrote_is_told_from_what_programs_say() {
        for line in [
            "// returns x509 errors",
            "+ openssl verify || echo failed",
            "--tls-skip-verify   skip",
            "-k, --insecure  Allow",
            "raise ssl.SSLError(\"certificate verify failed\")",
            "assert.match(err.message, /expired/)",
            "if err := x509(); err != nil {",
            "not ok 3 - expired certificate",
            "\u{25cf} TLS \u{203a} rejects",
            "error[E1111]: failed to resolve: use of undeclared crate",
            "secret/tls-expired configured",
            "description: \"certificate has expired\"",
            "[1] 1 [TRC] 1.1.1.1:1 - cid:1 - <<- MSG_PAYLOAD: [\"x509: a\"]",
        ] {
            assert!(by_people(line.as_bytes()), "{line}");
        }
        for line in [
            "-ERR 'Authorization Violation'",
            "- x509: certificate has expired",
            "if the certificate has expired, renew it",
            "error: certificate has expired",
            "1.1.1.1:1 - cid:1 - ->> [-ERR Authorization Violation]",
            "FAIL: x509: certificate has expired",
            "message: 'x509: certificate has expired'",
            "test failed: x509: certificate has expired",
            // Vagrant's machine of that name.
            "default: curl: (60) SSL certificate problem: certificate has expired",
        ] {
            assert!(!by_people(line.as_bytes()), "{line}");
        }
    }

    #[test]
    fn the_machine_speaks_under_its_own_names() {
        assert!(by_machine(b"Nov 28 14:02:11 web1 systemd[1]: Finished Check for expired certificates."));
        assert!(by_machine(b"2026-11-28T14:02:11+00:00 web1 kernel: Loading compiled-in X.509 certificates"));
        assert!(!by_machine(b"Nov 28 14:02:11 web1 gateway[1]: x509: from systemd[1]: expired"));
        assert_eq!(quoted_from(b"refused (SQL: SELECT a FROM b)"), Some(14));
        assert_eq!(quoted_from(b"cannot select a certificate from it"), None);
    }
}
