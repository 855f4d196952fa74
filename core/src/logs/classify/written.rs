//! Lines that no program wrote of its connections: prose, tests, manifests, help; and what programs of the machine
//! say, which have no TLS. They name causes without reporting any.

use std::sync::OnceLock;

use memchr::memmem;
use regex::bytes::{Regex, RegexBuilder};

use super::source;

/// Fronts of such lines.
const FRONTS: &[&str] = &[
    // Comments and headings.
    r"#{2,4} |# [a-z]|# Subtest|[Uu]sage: |(?:TODO|FIXME|XXX|HACK)\b",
    // Options, as help and arguments name them.
    r"(?:- )?--[a-z][\w-]+(?:[ =,]|$)|-[A-Za-z], --[a-z]",
    // What tests are called, and what they do step by step.
    r"[Ss]kipping test\b|\d+ (?:passing|failing|pending)\b|Running (?:tests|unittests)[/ ]|(?:not )?ok \d+\b|\d+\.\.\d+ #|running \d+ tests?\b|- skipped\b|(?:SKIP|XFAIL|XPASS)\b|\?\s+\S+\s+\[no test files\]",
    r"(?:--- )?(?:PASS|ok)\b|--- FAIL: |=== [A-Z]+ |\[ *(?:OK|PASSED|RUN|FAILED|SKIPPED) *\] |(?:PASSED|FAILED|ERROR|SKIPPED) \S+\.py::",
    r"Tests run: \d|Ran \d+ tests? in |\S+::\S+ (?:PASSED|FAILED|SKIPPED|ERROR)\b|test \S+ \.\.\. |SUCCESS: \d+ |\d+% +\d+/\d+ tests",
    r"\[(?:INFO|WARN|WARNING|ERROR)\] (?:Tests run|Running )|> Task :|(?:Feature|Scenario(?: Outline)?): |(?:Given|Then) (?:the|an?|I|it)\b|Step \d+(?:/\d+)? ?: ",
    r"E\s{3,}(?:AssertionError|assert)\b|(?:[\w.]+ )?(?:\xe2\x97\x8f|\xe2\x9c[\x93\x94\x95\x97\x98]|\xe2\x88\x9a|\xc3\x97) ",
    // What npm says of a package, in its author's words.
    r"npm (?:warn|WARN) deprecated ",
    // Compilers.
    r"error\[[A-Z]\d+\]: |warning: (?:unused|use of deprecated|field|function|variable|constant|struct|method)\b|.* --> \S+\.\w+:\d+:\d+$",
    // What kubectl did with an object; an event of how it goes on.
    r"[\w.-]+/[\w.-]+ (?:created|configured|unchanged|deleted|patched|labeled|annotated|restarted|scaled|replaced|condition met)\b|Normal {2,}\w+ {2,}",
    // Prose of manifests; an event's `note` and `message` are the event's own.
    r"(?:- )?(?:description|summary|title|example|help|comment|notes|docs?|expr|regex|pattern|usage|name|value|label):\s.*[^,]$|# (?:HELP|TYPE) ",
    // The value of an option; a machine of Vagrant's has that name too, and a program speaks behind it.
    r"(?:- )?default:\s+(?:[\x22']|x509: )",
    // What a change is called, and who wrote and read it; a number without a letter at its front is a time.
    r"(?:[-*] )?(?:fix|feat|docs|chore|refactor|tests?|Docs|Fix|Feat)(?:\([^)]*\))?: |[-*] (?i:fix|feat|docs|chore|refactor|tests?|added|fixed|removed|changed|improved)(?:\([^)]*\))?[: ]",
    r"(?:Fixes|Closes|Resolves|Refs) #\d|BREAKING CHANGE|commit [0-9a-f]{7}|(?:\* )?(?:[a-f][0-9a-f]{6,9}|\d[a-f][0-9a-f]{5,8}|\d{2}[a-f][0-9a-f]{4,7}|\d{3}[a-f][0-9a-f]{3,6}|\d{4}[a-f][0-9a-f]{2,5}) (?:\([^)]*\) )?[A-Z][a-z]+ [^:]|\[[\w./-]+ (?:\(root-commit\) )?[0-9a-f]{7,12}\] [A-Z]|[0-9a-f]{7,40} (?:Merge|Revert|Fix|Add|Update|Bump)\b|BUG/[A-Z]+: |v?\d+\.\d+\.\d+ - |(?:Author|Subject|Re|Fwd|[A-Z][a-z]+(?:-[a-z]+)*-by): ",
    // Pages, and lists in them.
    r"<(?:li|p|h\d|td|th|a|option|span)\b|<title>[^\d]|[*-] \*\*|(?:[*-] )?\[[ x]\] |\|.*\|$",
    // The parts of a document and of a report, by their labels.
    r"(?:Answer|Question|Symptoms?|Tip|Expected|Actual|Summary|Solution|Workaround|Resolution|Background|Motivation|FAQ|Runbook): ",
    r"(?:Our|Known|Summary of|Steps to|To|Lessons?) (?:[a-z]+ )?[a-z]+: |(?:ALERT )?\[?RESOLVED\b",
    // Questions, and sentences that explain.
    r"(?:Why|How|What|When|Which|Where|Did|Do|Does|Can|Should) [^:]*.*\?(?:$| See | \()",
    // Somebody tells of himself, in a sentence: no colon, bracket or sign of a record stands before it, what follows in
    // brackets is another's word; a level `I` stands before a name with a colon.
    r"(?:[^:=\[\](]*[ ])?I(?:'(?:m|ve|d|ll)| (?:am|was|have|had|did|do|don't|didn't|can|can't|cannot|could|couldn't|will|would|see|saw|get|got|use|used|try|tried|set|need|want|found|made|ran|installed|updated|added|changed|tested|noticed|just|also|still|only|know|created|configured|started|restarted|enabled|disabled|upgraded|removed|assume|suspect|expect|think|believe|guess))\b",
    // Talk, mail, and queries of logs and metrics.
    r"@\w+ |\d\d:\d\d <\w+> |\[#\w|I (?:think|see|get|got|have|believe)\b|X-[\w-]+: ",
    r"fields @|(?:rate|sum|count_over_time|increase|avg|max|min|histogram_quantile) ?\(|(?:sum|count|avg|max) by \(",
    r"(?:Common|Known|Possible|Typical|Frequent) (?:errors|problems|causes|issues)\b|This (?:happens|occurs|means|error)\b|(?:See|Note that|For (?:example|instance))\b",
    r"The (?:error|message|warning) [\x22'`].* (?:means|indicates|says|is (?:returned|shown|logged|raised|caused))\b|(?:If|When|In case) you\b|\d+[.)] (?:Check|Make|Ensure|Verify|Open|Run|Add)\b",
    // Ansible's steps, by their names.
    r"(?:TASK|PLAY|RUNNING HANDLER) \[.*\] \*{3}|(?:ok|changed|skipping): \[",
    // A request and its answer, without more.
    r"(?:GET|POST|PUT|DELETE|PATCH|HEAD|OPTIONS) /\S* (?:\{.*\} )?(?:[13]\d\d|20[0-4]|404)\b",
];

/// Longer lines are records.
const LONGEST: usize = 400;

/// Prose, source, a test's name, a comment, help: by its front.
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
    // A test that failed has a name; a command that failed says what did, and why.
    let says_why = || {
        let crossed = [&b"\xe2\x9c\x95"[..], b"\xe2\x9c\x97", b"\xe2\x9c\x98", b"\xc3\x97"];
        crossed.iter().any(|mark| trimmed.starts_with(mark))
            && [&b" failed: "[..], b" failed, reason: ", b"rror: "]
                .iter()
                .any(|word| memmem::find(trimmed, word).is_some())
    };
    trimmed.len() < LONGEST
        && ((fronts.is_match(trimmed) && !says_why()) || source::is_one(trimmed) || traced())
}

/// A line of a paragraph that goes on from the one above: set in by a blank, of plain words alone, with a guess or an
/// address to the reader among them (curl: ` problem with the certificate (it might be expired, or the name might`).
pub(super) fn goes_on(line: &[u8]) -> bool {
    const TALK: &[&[u8]] = &[b"might", b"may", b"probably", b"perhaps", b"usually", b"you", b"your"];
    let text = line.trim_ascii();
    let is_plain = |byte: &u8| byte.is_ascii_alphabetic() || b" ,.()'-".contains(byte);
    line.first() == Some(&b' ')
        && text.first().is_some_and(u8::is_ascii_lowercase)
        && text.iter().all(is_plain)
        && text.split(|byte| *byte == b' ').count() > 5
        && text.split(|byte| !byte.is_ascii_alphabetic()).any(|word| TALK.contains(&word))
}

/// Programs of the machine that have no TLS: they tell of units, commands and keys by their names.
const MACHINE: &[&[u8]] = &[
    b" systemd[",
    b" systemd: ",
    b" systemd-resolved[",
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
    // The certificates of OpenSSH are its own.
    b" sshd[",
    b" sshd-session[",
    b" sshd-auth[",
];

/// Written by such a program, as syslog and journald name it.
pub(super) fn by_machine(line: &[u8]) -> bool {
    let head = &line[..line.len().min(120)];
    let dated =
        head.iter().take(16).filter(|byte| **byte == b':').count() >= 2 || head.get(10) == Some(&b'T');
    // The time and the machine's name stand before it, and nothing else.
    let fronts = |before: &[u8]| {
        memmem::find(before, b": ").is_none()
            && !before.ends_with(b":")
            && before.iter().filter(|byte| **byte == b' ').count() <= 5
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
        (b"\"StartContainer\" for ", b" with CrashLoopBackOff"),
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
            "Why do I get \"certificate verify failed\"?",
            "The error \"tls: bad certificate\" means that the server refused it.",
            "Fixes #1234: connection reset by peer",
            "* 1f2e3d4 (HEAD -> main) Retry on tls: bad certificate",
            "[main 4f1c2aa] Do not panic on tls: bad certificate",
            "TASK [certs : Fail when certificate has expired] *****",
            "skipping: [web1] => (item=expired certificate)",
            "These are the logs of the pod that I cannot connect to",
            "  Tls \u{2714} it refuses expired certificates".trim(),
            "1..14 # tls handshake failures",
            "\u{2717} refuses a certificate that has expired",
        ] {
            assert!(by_people(line.as_bytes()), "{line}");
        }
        for line in [
            "-ERR 'Authorization Violation'",
            "- x509: certificate has expired",
            "error: certificate has expired",
            "1.1.1.1:1 - cid:1 - ->> [-ERR Authorization Violation]",
            "FAIL: x509: certificate has expired",
            "10-31 17:02:47.278 2658 2680 I chromium: net::ERR_CERT_DATE_INVALID",
            "2020-09-02T16:16:51.748+0000 I  NETWORK  [conn1] SSL peer certificate validation failed",
            "message: 'x509: certificate has expired'",
            "connect redis: x509: certificate has expired (I am here)",
            "failed=x509 I was told that the certificate has expired",
            "test failed: x509: certificate has expired",
            "[conn 4f1c2aa0] x509: certificate has expired",
            // Seconds, a day, and a container's id.
            "1732929600 Certificate has expired",
            "20261130 Certificate has expired",
            "4f1c2aa0b1c2 Certificate has expired",
            "fatal: [web1]: FAILED! => certificate verify failed",
            // What an event says, as YAML shows it.
            "note: 'Failed to pull image: x509: certificate has expired'",
            "The connection to the server a:1 was refused - did you specify the right host or port?",
            "<title>400 The plain HTTP request was sent to HTTPS port</title>",
            "This server could not prove that it is a: its security certificate has expired",
            "\u{2717} reconciliation failed: x509: certificate has expired",
            // Vagrant's machine of that name.
            "default: curl: (60) SSL certificate problem: certificate has expired",
        ] {
            assert!(!by_people(line.as_bytes()), "{line}");
        }
    }

    #[test]
    fn a_paragraph_goes_on() {
        assert!(goes_on(b" problem with the certificate (it might be expired, or the name might"));
        assert!(goes_on(b"   the certificate of your server has expired or is of another name"));
        for line in [
            &b"problem with the certificate (it might be expired, or the name might"[..],
            b"  x509: certificate has expired or is not yet valid, you may see",
            b" certificate has expired",
            b" verify error: certificate may have expired by now on this host",
        ] {
            assert!(!goes_on(line));
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
