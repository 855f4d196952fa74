//! Which program or library wrote a line, by the shape of its lines.

use std::sync::OnceLock;

use regex::bytes::{RegexSet, RegexSetBuilder};

use super::steady::Form;

/// Shapes, the most telling first.
const SHAPES: &[(&str, &str)] = &[
    (
        "nats-server",
        r"^\[\d+\] \d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d+ |\[(?:INF|ERR|WRN|DBG|TRC|FTL)\] |- (?:cid|rid|lid|gid|wid):\d+ -|^cid:\d+ -",
    ),
    (
        "redis-server",
        r"\d+:[MSCX] \d\d \w{3} \d{4} |error accepting a client connection|redis-cli|\(error\) (?:WRONGPASS|NOAUTH)|could not connect to redis at|warning: AUTH failed|AUTH failed:|tls-port",
    ),
    ("go-redis", r"redis: \d{4}/\d\d/\d\d|pool\.go:\d+|redis: connection pool|connect to redis: "),
    (
        "grpc-go",
        r"rpc error: code|\[core\]|grpc: |grpclog|transport: authentication handshake|transport: error while dialing|server preface",
    ),
    ("nats.go", r"\bnats: [a-z]"),
    (
        "nginx",
        r"\[(?:emerg|crit|alert|error|warn|info|notice)\] \d+#\d+|while ssl handshaking|<center>|upstream ssl|host not found in upstream|upstream timed out|nginx: ",
    ),
    (
        "envoy",
        r"upstream connect error|openssl_internal|transport failure reason|\[envoy|envoy/|by sds|tls_error:",
    ),
    (
        "haproxy",
        r"haproxy\[\d+\]|ssl handshake failure|during ssl handshake$|layer[46] |unable to load ssl (?:certificate|private key) from|\[ALERT\] +\(",
    ),
    ("curl", r"curl: \(\d+\)|ssl: no alternative certificate subject|ssl certificate problem|^\* "),
    (
        "java",
        r"javax?\.[a-z]+\.|sun\.security|java\.(?:lang|io|net|security)|caused by: [a-z]+\.|io\.netty|pkix path|\bat [a-z]+\.[a-z.]+\([A-Z]",
    ),
    (
        "dotnet",
        r"system\.(?:net|security|io|componentmodel)|authenticationexception|stackexchange|ssl_error_ssl|remotecertificate|socketclosed|unabletoconnect|it was not possible to connect to the redis",
    ),
    (
        "node",
        r"code: '[A-Z_]+'|errno: '|err_tls_|err_ssl_|err_ossl|npm err|econn(?:refused|reset)|etimedout|enotfound|eai_again|enoent:|eacces:|\(node:|fetcherror|altnames|deps/openssl|replyerror|errorreply|ioredis|unable_to_verify|cert_has_expired|depth_zero|write eproto|socket hang up",
    ),
    (
        "python",
        r"\(_ssl\.c:\d+|ssl\.ssl|sslerror|sslcertverification|requests\.exceptions|urllib3|aiohttp|traceback|psycopg|\[ssl: |httpsconnectionpool|urlopen error|sslzero|ssleof|redis\.exceptions",
    ),
    (
        "browser",
        r"net::err_|net_error|mozilla_pkix|sec_error|ssl_error_[a-z]|pr_end_of_file|err_cert_|this server could not prove|not trusted because",
    ),
    (
        "rust",
        r"rustls|invalid peer certificate|invalidcertificate|unknownissuer|webpki|hyper::|reqwest|thread '|alertreceived|received fatal alert: [A-Z][a-z]|async_nats|custom \{ kind|errorstack|received corrupt message|connecterror \{",
    ),
    (
        "docker",
        r"error response from daemon|kubelet|kubectl|unable to connect to the server|couldn't (?:read|get) .* server|docker: |failed calling webhook|imagepull",
    ),
    (
        "openssl",
        r"error:[0-9a-f]{8}|ssl routines|verify error|error \d+ at \d+ depth|ssl alert number|:error:",
    ),
    (
        "go",
        r"x509: |\btls: |dial tcp|net/http|\.go:\d+|go1\.|level=(?:error|warn|info)|i/o timeout|crypto/|\[(?:GATEWAY|SCHEDULER)",
    ),
];

/// The emitter of a line, if its shape tells.
#[must_use]
pub fn of(line: &[u8]) -> Option<&'static str> {
    Form::with(line, of_form)
}

/// The emitter of lines of a form: the first whose shape fits, all looked for in one pass.
pub(crate) fn of_form(form: Form<'_>) -> Option<&'static str> {
    static CELL: OnceLock<RegexSet> = OnceLock::new();
    let shapes = CELL.get_or_init(|| {
        let built = RegexSetBuilder::new(SHAPES.iter().map(|(_, shape)| shape))
            .case_insensitive(true)
            .unicode(false)
            .build();
        // Constants that the tests exercise.
        built.expect("the shapes are valid expressions")
    });
    let line = form.text();
    shapes.matches(&line[..line.len().min(4096)]).iter().next().map(|index| SHAPES[index].0)
}
