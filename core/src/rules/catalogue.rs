//! The rules, the more special ones first.

use super::context::RuleContext;
use super::verdict::Finding;
use super::{certificate, client, files, listen, policies, production, settings};
use crate::cause::{CauseKind, Severity};

/// A rule: what it finds, how grave that is, and what it is called.
#[derive(Debug)]
pub struct Rule {
    pub id: &'static str,
    pub title: &'static str,
    /// Where a rule has several, the gravest.
    pub severity: Severity,
    /// Where all of its findings have the same.
    pub cause: Option<CauseKind>,
    /// For people who ask: what goes wrong, how it is known, what helps.
    pub about: &'static str,
    pub(super) look: fn(&RuleContext<'_>, &mut Vec<Finding>),
}

/// What an `allow` comment that matches nothing is called.
pub const UNUSED_ALLOW: &str = "unused-allow";

/// Every rule, in the order in which they look.
pub const ALL: &[Rule] = &[
    Rule {
        id: "unreadable-config",
        title: "a file cannot be parsed",
        severity: Severity::Error,
        cause: None,
        about: "The file is refused by the program that it is for: YAML that is none (a tab in its indentation, an alias \
                without its anchor, a key that stands twice), a block of nats.conf that is never closed, a directive of nginx \
                without its semicolon, quotes of redis.conf that do not balance. Nothing that stands in it takes effect. Any \
                file counts that was named or that a deployment mounts; other YAML only where it says `apiVersion:` and \
                `kind:` and bears no marks of another tool's templates.",
        look: settings::unreadable,
    },
    Rule {
        id: "production-rule",
        title: "a service in production refuses to start with its settings",
        severity: Severity::Error,
        cause: None,
        about: "Cordum's services are in production when CORDUM_ENV is `production` or `prod`, or CORDUM_PRODUCTION is on. \
                Then they insist: server certificates for the gateway (HTTP and gRPC), safety kernel and context engine; \
                NATS by tls:// (unless CORDUM_NATS_ALLOW_PLAINTEXT is on) with NATS_TLS_* set; SAFETY_KERNEL_TLS_CA for the \
                gateway and the scheduler; no *_TLS_INSECURE; NATS_URL, REDIS_URL and an API key set; *_METRICS_PUBLIC where \
                the metrics port is open to others. What is missing ends the service before it connects to anything. A \
                plaintext redis:// is not refused: the rule `plaintext-listener` speaks of it.",
        look: production::inspect,
    },
    Rule {
        id: "upstream-tls",
        title: "a proxy cannot use its upstream, or not safely",
        severity: Severity::Error,
        cause: None,
        about: "nginx, an Ingress or the dashboard passes requests on in a way in which the upstream does not take them: http \
                to a port that speaks TLS (the client gets 400), https to one that speaks plaintext (502), verification \
                without a trusted CA (nginx does not start), with a CA that did not sign the upstream's certificate, for a \
                name that is not in it (nginx verifies proxy_ssl_name, else the host of proxy_pass; ingress-nginx \
                proxy-ssl-name, else `upstream_balancer`, which no certificate has, and nothing at all without \
                proxy-ssl-secret), or with a chain that is longer than proxy_ssl_verify_depth.",
        look: client::upstream,
    },
    Rule {
        id: "scheme-mismatch",
        title: "a client's scheme and what its server speaks differ",
        severity: Severity::Error,
        cause: None,
        about: "The client dials nats://, redis:// or http:// and the server's port speaks TLS, or the other way round. \
                Plaintext to TLS ends in a reset, an EOF or, for NATS, in an upgrade with the system's roots that knows no \
                private CA; TLS to plaintext ends in `wrong version number`, `first record does not look like a TLS \
                handshake` or, for Redis, in a timeout. The scheme has to follow the server. A worker on Cordum's SDK applies \
                its NATS_TLS_* whatever the scheme.",
        look: client::scheme,
    },
    Rule {
        id: "probe-scheme",
        title: "a health check or probe speaks otherwise than the port that it asks",
        severity: Severity::Error,
        cause: None,
        about: "An httpGet without `scheme: HTTPS` at a TLS port gets 400 and the pod is killed over and over; Kubernetes' gRPC \
                probe knows no TLS at all; redis-cli without --tls is not answered; curl with --cacert refuses a certificate \
                that lacks the name it asks for. The program is fine and is restarted all the same.",
        look: client::probe,
    },
    Rule {
        id: "mtls-not-required",
        title: "a server does not insist on the certificates that its clients carry",
        severity: Severity::Error,
        cause: Some(CauseKind::MtlsNotEnforced),
        about: "The clients are given certificates to show, and NATS (`verify`) or Redis (`tls-auth-clients`) lets those in who \
                have none: the certificates protect nothing. Where no client carries one, one-way TLS is a choice and nothing \
                is said.",
        look: listen::mtls,
    },
    Rule {
        id: "plaintext-listener",
        title: "a plaintext port beside or instead of the TLS one",
        severity: Severity::Error,
        cause: None,
        about: "Redis keeps `port` beside `tls-port`, NATS takes plaintext by allow_non_tls, NATS, Redis or a gRPC service has \
                no TLS settings where its neighbours have them, cluster routes or replication run in clear. An error in \
                production, else a warning; a stack without any TLS and without production is a choice. Monitoring, metrics \
                and loopback ports do not count, nor does what a service mesh encrypts.",
        look: listen::plaintext,
    },
    Rule {
        id: "verification-disabled",
        title: "a client takes any certificate",
        severity: Severity::Error,
        cause: Some(CauseKind::VerificationNotEnforced),
        about: "*_TLS_INSECURE, proxy_ssl_verify off or absent with an https upstream, --insecure, -k, tls-skip-verify and \
                their like: whoever gets between the two reads and writes along. An error in production, else a warning. A \
                health check of a container's own port does not count.",
        look: client::disabled,
    },
    Rule {
        id: "half-pair",
        title: "a certificate without its key, or a key without its certificate",
        severity: Severity::Error,
        cause: Some(CauseKind::BadKeyFile),
        about: "One half of a pair is set. Cordum's services stop (`cert/key must be set together`), NATS, Redis and nginx do \
                not start, others go without TLS in silence.",
        look: files::half_pair,
    },
    Rule {
        id: "source-missing",
        title: "what is mounted is not there",
        severity: Severity::Error,
        cause: Some(CauseKind::BadKeyFile),
        about: "A host's file or folder that a volume names does not exist: Docker makes an empty folder of that name and the \
                service finds a folder where it wants a file. In Kubernetes a key that the Secret or ConfigMap lacks, or an \
                object that nothing among the files holds or makes (cert-manager, external and sealed Secrets and generators \
                count as makers): a warning, for it may be there already.",
        look: files::source_missing,
    },
    Rule {
        id: "path-not-mounted",
        title: "a setting names a file that the container does not have",
        severity: Severity::Error,
        cause: Some(CauseKind::BadKeyFile),
        about: "No volume of the container brings the file, nor the image where that is known. It is certain where a sibling \
                mounts it, or this container mounts what lies beside it; elsewhere it is listed as undecided. The system's \
                trust store belongs to the image.",
        look: files::not_mounted,
    },
    Rule {
        id: "unreadable-for-user",
        title: "the container's user may not read its file",
        severity: Severity::Error,
        cause: Some(CauseKind::BadKeyFile),
        about: "On Linux a bind mount keeps its owner and modes: a key with mode 0600 is closed to a service that runs as 65532. \
                In Kubernetes the files of a Secret are root's, with defaultMode; a pod that runs as somebody else needs \
                fsGroup or a wider mode. Cordum's Go services run as 65532, its dashboard as 101, the image of Redis gives \
                root away unless its entry point is replaced.",
        look: files::unreadable,
    },
    Rule {
        id: "certificate",
        title: "a mounted certificate, key or CA file is not right for its role",
        severity: Severity::Error,
        cause: None,
        about: "What `tls-verify certs` says of the file, in the role that it has there: expired, of another key, without the \
                usage that it needs, no PEM. With the cause unknown-authority: the CA that a client is given did not sign what \
                its server serves, or the CA of a server that demands certificates did not sign its client's.",
        look: certificate::inspect,
    },
    Rule {
        id: "name-not-in-certificate",
        title: "the name that a client verifies is not in its server's certificate",
        severity: Severity::Error,
        cause: Some(CauseKind::HostnameMismatch),
        about: "A client verifies the host of its URL, or the server name that it is told, against the subject alternative \
                names; the common name counts for nothing. Aliases, Service names with and without namespace, and second \
                replicas each need theirs.",
        look: client::names,
    },
    Rule {
        id: "missing-ca",
        title: "a TLS client is given no CA, and its server's is a private one",
        severity: Severity::Error,
        cause: Some(CauseKind::UnknownAuthority),
        about: "The URL says TLS, and no setting, parameter or mount gives the program a CA: it trusts the system's roots \
                alone, which did not sign a certificate of a CA of one's own.",
        look: client::missing_ca,
    },
    Rule {
        id: "minimum-version",
        title: "versions of TLS that are too old are let in",
        severity: Severity::Error,
        cause: Some(CauseKind::ProtocolVersion),
        about: "TLS 1.0 and 1.1 are deprecated (RFC 8996): ssl_protocols, tls-protocols and min_version should not name them. \
                CORDUM_TLS_MIN_VERSION=1.2 in production is below what production has by itself: a warning.",
        look: listen::minimum,
    },
    Rule {
        id: "network-policy",
        title: "a NetworkPolicy keeps a client of the stack from its server",
        severity: Severity::Error,
        cause: None,
        about: "A policy selects the pods of NATS, Redis, the gateway, safety kernel or context engine, and none lets a pod in \
                that dials them; or one selects a client's pods for egress, and none lets them out to their server, or to \
                port 53, without which they find no address of its name. Whoever is kept out hangs until its time is up. \
                Policies add up: one that lets through is enough, and one rule more in any of them is the cure. It holds \
                where the cluster's network enforces policies, which no file tells: of a running namespace it is a warning. Address blocks and labels of \
                namespaces that are not among the files are undecided; pods of a mesh and on the host's network do not \
                count.",
        look: policies::kept_out,
    },
    Rule {
        id: "unknown-setting",
        title: "a setting that nobody reads",
        severity: Severity::Warning,
        cause: None,
        about: "A misspelt variable or directive, or a value that is passed over in silence (CORDUM_TLS_MIN_VERSION=1.1). \
                nats-server, redis-server and nginx refuse to start with a name that they do not know; Cordum's services \
                simply do not read it.",
        look: settings::unknown,
    },
    Rule {
        id: "unused-setting",
        title: "a setting that changes nothing",
        severity: Severity::Warning,
        cause: None,
        about: "A CA where verification is off, NATS_TLS_* beside a plaintext URL of a client that passes them over, a value of \
                a Helm chart that no template reads: somebody believes that it protects.",
        look: settings::unused,
    },
    Rule {
        id: "exposed-secret",
        title: "a private key where others can read it",
        severity: Severity::Error,
        cause: None,
        about: "A private key in a ConfigMap, in a variable, in an image, or the CA's own key mounted into a service (outside \
                production a warning): a CA's key in one container is everybody's identity.",
        look: files::exposed,
    },
    Rule {
        id: UNUSED_ALLOW,
        title: "an allow comment that matches nothing",
        severity: Severity::Warning,
        cause: None,
        about: "A comment `# tls-verify: allow RULE reason` at a setting, or on the line above it, turns a finding of that rule \
                into a note. One that matches no finding is left over from something that has been mended, or misspelt.",
        look: |_, _| {},
    },
];

/// A rule by its name.
#[must_use]
pub fn named(id: &str) -> Option<&'static Rule> {
    ALL.iter().find(|one| one.id == id)
}
