//! Which program or library wrote a line, by the shape of its lines.

use std::sync::OnceLock;

use regex::bytes::{Regex, RegexBuilder};

use super::log_template::Form;

/// Shapes, the most telling first.
const SHAPES: &[(&str, &str)] = &[
    (
        "nats-server",
        r"\[\d+\] \d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d+ |^\[(?:INF|ERR|WRN|DBG|TRC|FTL)\] .*- (?:cid|rid|lid|gid|wid):|- (?:cid|rid|lid|gid|wid):\d+ -|^cid:\d+ -|^nats-server: ",
    ),
    (
        "redis-server",
        r"\d+:[MSCX] \d\d \w{3} \d{4} |^\d+:[MSCX] |error accepting a client connection|redis-cli|^\(error\) |signal-handler \(\d|fatal config file error|reading the configuration file, at line|could not connect to redis at|warning: AUTH failed|AUTH failed:|'tls-port|argument: tls-port|<redisraft>|master aborted replication",
    ),
    ("go-redis", r"redis: \d{4}/\d\d/\d\d|pool\.go:\d+|redis: connection pool|connect to redis: "),
    (
        "docker",
        r"error response from daemon|failed to solve: |docker[ -]compose|^\s*container \S+ (?:healthy|started|created|waiting|error)|no basic auth credentials|encountered errors while bringing up|dependency (?:\S+ )?failed to start|container \S+ is unhealthy|denied: requested access|^error from server|^error: you must be logged in|the connection to the server \S+ was refused|api listen on|kubelet|kubectl|unable to connect to the server|couldn't (?:read|get) .* server|docker: |failed calling webhook|imagepull|pullimage|pull image|containerd\[|dockerd\[|kubeadm|kube-(?:apiserver|proxy|scheduler|controller)",
    ),
    (
        "grpc-go",
        r"rpc error: code|\[core\]|grpc: |grpclog|transport: (?:authentication handshake|error while dialing|remote error|http2client|loopywriter)|server preface|failed to dial target host|connection error: desc",
    ),
    ("nats.go", r"\bnats: [a-z]"),
    (
        "nginx",
        r"\[(?:emerg|crit|alert|error|warn|info|notice)\] \d+#\d+|\] .(?:GET|POST|PUT|HEAD|DELETE|PATCH|OPTIONS) \S+ HTTP/\d(?:\.\d)?. \d{3} \d+|while ssl handshaking|<center>|upstream ssl|host not found in upstream|upstream timed out|nginx: |while (?:connecting to|reading response header from) upstream|<head><title>\d{3} ",
    ),
    (
        "envoy",
        r"upstream connect error|no healthy upstream|upstream request timeout|\bcluster\.\S+\.(?:ssl|upstream)|upstream_reset_before|\]\[main\]|openssl_internal|transport[_ ]failure[_ ]reason|\[envoy|envoy/|by sds|tls_error:|\]\[(?:debug|warning|info|error|critical|trace)\]\[|common/[a-z_]+/[a-z_/]+\.cc:",
    ),
    (
        "haproxy",
        r"haproxy\[\d+\]|haproxy\.cfg|\[ALERT\] \d+/\d+ |(?-i:SSL handshake failure)|during ssl handshake$|layer[46] |unable to load ssl (?:certificate|private key) from|\[(?:ALERT|WARNING|NOTICE)\] +\(\d",
    ),
    (
        "curl",
        r"^curl: \(\d+\)|\bcurl: \(\d+\)|^(?:fatal: |\* |)ssl: no alternative certificate subject|^(?:\* )?ssl certificate problem|^\* ",
    ),
    (
        "dotnet",
        r"system\.(?:net|security|io|componentmodel|threading|exception)|(?:^|[^.\w$])authenticationexception: |stackexchange|sslstream|remotecertificate|(?-i:\bMicrosoft\.[A-Z])|^\s*(?:dbug|fail|crit|trce): |https connection\.$|remote party|transport stream|inner exception|@timestamp.:.\d{4}.*serilog|socketclosed|unabletoconnect|it was not possible to connect to the redis|\.cs:line \d|(?-i:(?:^|[^.\w$])[A-Z]\w+(?:\.[A-Z]\w+)+Exception\b)|iocp: \(busy|could not create ssl/tls secure channel|https developer certificate|connection id .0H|asp\.net|end of stack trace from previous|__booksleeve|\b(?:internalfailure|unabletoconnect) on |opensslcryptographic",
    ),
    (
        "java",
        r"javax?\.[a-z]+\.|sun\.security|java\.(?:lang|io|net|security)|caused by: (?:[a-z]+\.)+[A-Z]|io\.netty|pkix path|\bat [a-z]+\.[a-z.]+\([A-Z]|(?-i:\((?:[a-z][a-z0-9_]*\.)+[A-Z][\w$]+\)|\b(?:org|com|net|io|kafka|reactor|redis\.clients)\.[a-z0-9_]+(?:\.[a-z0-9_]+)*\.[A-Z]\w+(?:Exception|Error)?\b)|(?-i:\b[a-z](?:\.[a-z]){1,4}(?:\.[a-z]+)*\.[A-Z]\w+)|sslengine\[|\[[a-z](?:\.[a-z]){1,4}\.[a-z.]+\]|^exception in thread|common frames omitted|\btomcat\b|\bkeystore\b|\bjks\b|^adding as trusted cert|^\s*truststore is: |netty4|sslcontextfactory|^\s+(?:ssl|sasl)\.[a-z.]+ = |wfly[a-z]+\d+|\[(?:org|com|io)\.[a-z]+\.",
    ),
    (
        "python",
        r"\(_ssl\.c:\d+|insecurerequestwarning|wrap_socket\(|ssl\.ssl|(?:^|[^:a-z])sslerror|\.[a-z]*sslerror|sslcertverification|requests\.exceptions|urllib3|aiohttp|traceback|psycopg|\[ssl: |httpsconnectionpool|urlopen error|sslzero|ssleof|redis\.(?:exceptions|sentinel)|(?-i:\b[a-z_]+\.(?:errors|exceptions)\.[A-Z])|,\d{3}:(?:DEBUG|INFO|WARNING|ERROR)|: (?:ERROR|WARNING|INFO|CRITICAL)/|\[errno -?\d+\]|\(\d+, '|,\d{3} - [\w.]+ - (?:DEBUG|INFO|WARNING|ERROR)|(?-i:\bConnectionError: |\bdjango\b|\bcelery\b)|\.py[\[:]|starting new https? connection|^\s*File .[^ ]+\.py., line \d|deprecationwarning|asyncio|websockets\.|uvicorn|gunicorn|(?-i:^(?:Key|Value|Runtime|OS|Import|Attribute|Connection\w+)Error: )|\(mainthread\)",
    ),
    (
        "node",
        r"code: '[A-Z_]+'|axioserror|_tls_wrap|node_tls_reject|node_extra_ca|\[nest\] |errno: '|syscall: '|err_tls_|err_ssl_|err_ossl|npm err|econn(?:refused|reset)|etimedout|enotfound|eai_again|enoent:|eacces:|\(node:|fetcherror|altnames|deps/openssl|replyerror|errorreply|ioredis|unable_to_verify|cert_has_expired|depth_zero|write eproto|und_err_|undici|^\s+\[?cause\]?: |aggregateerror|ConnectTimeoutError|socket hang up|parse error: expected http|connectiontimeouterror|^(?:requesterror|yarn): |natserror|getaddrinfo E|maxretriesperrequest|typeerror: |\[error: |node:internal|node_modules|client network socket|^(?:Uncaught )?Error: (?:error:[0-9A-F]{8}:|self.signed certificate|unable to (?:verify the first|get (?:local )?issuer)|certificate (?:has expired|signature)|key usage|connect E|read E|hostname/ip)|: Error: (?:self.signed|unable to verify|unable to get|certificate has expired|connect E|read E|client network)",
    ),
    (
        "browser",
        r"net::err_|mixed content: the page|devtools\.js|failed to construct 'websocket'|permissions-policy header|\[deprecation\]|net_error|mozilla_pkix|sec_error|ssl_error_[a-z]+_[a-z]|pr_end_of_file|err_cert_|this server could not prove|not trusted because|websocket connection to 'wss?://",
    ),
    (
        "rust",
        r"rustls|error sending request for url|hyper_util|invalid peer certificate|invalidcertificate\b|unknownissuer|webpki|hyper::|reqwest|thread '|alertreceived|received fatal alert: [A-Z][a-z]|async_nats|custom \{ kind|errorstack|received corrupt message|connecterror \{|\bos \{ code|^\s*kind: [A-Z]\w+,|tls handshake eof|peer (?:is incompatible|misbehaved): |.target.:.\w+(?:::\w+)+|tcp connect error|\(os error -?\d+\)|(?-i:\b(?:tower_http|h2|tonic|hyper|tokio|mio|axum|actix)[a-z_]*::)|status: \w+, message: .|spurious network error|failed to fetch registry|Z +(?:ERROR|WARN|INFO|DEBUG|TRACE) [a-z_0-9]+::[a-z_:0-9]+:|\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ (?:WARN|INFO|ERROR|DEBUG|TRACE)|failed to lookup address information",
    ),
    (
        "go",
        r"http: tls handshake error|^(?:INFO|WARN|ERRO|FATA|DEBU)\[\d{4}\] |\{.level.:.\w+.,.(?:ts|time).:|\{.time.:.[^ ]{20,40}.,.level.:|level=(?:error|warn|info|debug|fatal)|^[IWEF]\d{4} \d\d:\d\d:\d\d\.|\d\.\d{6} [IWECND] \| |\[(?:INFO|WARN|ERROR|DEBUG) ?\] +[a-z][\w.-]*: |\[(?:ERR|WARN|INFO)\] (?:raft|consul|agent|serf|memberlist|nomad)|Z\s+(?:INF|ERR|WRN|DBG|INFO|ERROR|WARN) |\d{4}/\d\d/\d\d \d\d:\d\d:\d\d(?:\.\d+)?\s+(?:\[?(?:INFO|WARN|WARNING|ERROR|DEBUG|ERR|FATAL)\]?[\s:\[]|(?:tls|http|admin)\.)",
    ),
    (
        "openssl",
        r"^(?:[0-9a-f]+:)?error:[0-9a-f]{8}|^(?:connect|write|read):errno=|no peer certificate available|^ssl handshake has read|^new, (?:\(none\)|tlsv)|^(?:subject|issuer) ?=|^not(?:after|before)=|^could not (?:open|read|find) (?:file or uri|private key|certificate)|^connected\([0-9a-f]{8}\)|no client certificate ca names|^no alpn negotiated|^early data was|^(?:server|peer) (?:temp key|signing|signature|public key)|^compression: |^\s+(?:extended master secret|session-id(?:-ctx)?|master-key|resumption psk|psk identity(?: hint)?|srp username|verify return code) *:|^unable to load (?:certificate|private key|crl)|^expansion: |^ssl routines|verify error:num|verify (?:depth|return)|^depth=\d|error \d+ at \d+ depth|x509_v_err|^openssl[ :/]|secure renegotiation|^[A-Z0-9_]+_[A-Z_]+$|library versions: openssl|^rsa key ok",
    ),
    (
        "go",
        r"x509: |(?-i:\btls: )|dial tcp|\b(?:read|write) (?:tcp|udp) \S+->|(?-i:\b(?:Get|Post|Put|Head|Delete|Patch)) .{1,2}https?://|client\.timeout exceeded|context (?:deadline exceeded|canceled)|panic: runtime error|(?-i:^(?:\S+ +\| )?(?:\d{4}/\d\d/\d\d \d\d:\d\d:\d\d )?\[[A-Z][A-Z-]+\] (?:INFO|ERROR|WARN|DEBUG) )|net/http|\.go:\d+|go1\.|i/o timeout|crypto/(?:tls|x509|rsa|ecdsa)|\[(?:GATEWAY|SCHEDULER)|unexpected eof$",
    ),
    (
        "other",
        r"^[A-Z][a-z]{2} +\d+ \d\d:\d\d:\d\d [\w.-]+ [\w./-]+(?:\[\d+\])?: |php (?:warning|message)|\bphp\b|(?-i:::[A-Z]\w*Error|\bOpenSSL::)|sqlstate|mysqli|mosquitto|postfix|dovecot|exim|openvpn|ovpn-|\bLOG[3-7]\[|^\d{10}: |\.erl:\d+|\btls_alert\b|plaintext client on a tls port",
    ),
    ("openssl", r":error:|ssl alert number|ssl routines|verify error"),
];

/// The emitter of a line, if its shape tells.
#[must_use]
pub fn of(line: &[u8]) -> Option<&'static str> {
    Form::with(line, of_form)
}

/// The emitter of lines of a form. One expression after the other: all in one automaton have too many states
/// to be kept.
pub fn of_form(form: Form<'_>) -> Option<&'static str> {
    static CELL: OnceLock<Vec<(&'static str, Regex)>> = OnceLock::new();
    let shapes = CELL.get_or_init(|| {
        SHAPES
            .iter()
            .map(|(name, shape)| {
                let built = RegexBuilder::new(shape).case_insensitive(true).unicode(false).build();
                // Constants that the tests exercise.
                (*name, built.expect("the shape is a valid expression"))
            })
            .collect()
    });
    let line = &form.text()[..form.text().len().min(4096)];
    shapes.iter().find(|(_, shape)| shape.is_match(line)).map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::of;

    /// Exceptions have one name in both worlds: a package in lower case is Java's, a namespace in capitals .NET's.
    #[test]
    fn an_exception_is_its_namespaces() {
        for (line, writer) in [
            ("org.apache.kafka.common.errors.SslAuthenticationException: SSL handshake failed", "java"),
            (
                "Caused by: org.apache.kafka.common.errors.SslAuthenticationException: Failed to process post-handshake messages",
                "java",
            ),
            (
                "SslAuthenticationException: SSL handshake failed (org.apache.kafka.clients.NetworkClient)",
                "java",
            ),
            ("javax.net.ssl.SSLHandshakeException: PKIX path building failed", "java"),
            ("javax.naming.AuthenticationException: [LDAP: error code 49]", "java"),
            (
                "io.netty.handler.codec.DecoderException: io.netty.handler.ssl.NotSslRecordException: x",
                "java",
            ),
            (
                "io.netty.channel.AbstractChannel$AnnotatedConnectException: Connection refused: a/10.0.0.1:1",
                "java",
            ),
            ("com.microsoft.sqlserver.jdbc.SQLServerException: The driver could not connect", "java"),
            ("com.example.net.Outer.InnerException: EOF", "java"),
            ("System.Security.Authentication.AuthenticationException: Authentication failed", "dotnet"),
            (" ---> AuthenticationException: The remote certificate is invalid", "dotnet"),
            ("AuthenticationException: The remote certificate is invalid", "dotnet"),
            ("Confluent.Kafka.KafkaException: Local: SSL error", "dotnet"),
            ("Microsoft.Data.SqlClient.SqlException (0x80131904): A connection was made", "dotnet"),
            ("---> Npgsql.NpgsqlException (0x80004005): Exception while performing SSL handshake", "dotnet"),
        ] {
            assert_eq!(of(line.as_bytes()), Some(writer), "{line}");
        }
    }
}
