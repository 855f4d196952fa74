//! How facts of NATS, Redis and HTTP read.

use std::fmt;

use crate::evidence::{HttpFact, NatsFact, RedisFact};

impl fmt::Display for NatsFact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OffersNoTls { version } => {
                write!(f, "INFO of nats-server {version} offers no TLS (no `tls_required`)")
            }
            Self::NoTls => f.write_str("NATS offers no TLS"),
            Self::DemandsNoTls => {
                f.write_str("INFO offers TLS but does not demand it (`tls_required` is absent)")
            }
            Self::EndlessInClear => {
                f.write_str("a plaintext CONNECT was answered in clear, without end and without a PONG")
            }
            Self::ClosesInClear => {
                f.write_str("INFO demands TLS, and a plaintext CONNECT was answered by closing")
            }
            Self::NoInfoInTime => f.write_str("the server sent no complete INFO line in time"),
            Self::InfoIsNoJson { error } => write!(f, "the INFO line is not JSON: {error}"),
            Self::NoInfo { first } => {
                write!(f, "no NATS server: the first bytes are \"{first}\" instead of INFO")
            }
            Self::ClosedAfter { bytes } => write!(f, "the peer closed after {bytes} bytes"),
            Self::EndlessLine { limit } => write!(f, "no end of line within {limit} bytes"),
            Self::NoPong => f.write_str("the server answered CONNECT and PING with 64 KiB and no PONG"),
            Self::Answered { error } => write!(f, "NATS answered {error}"),
            Self::OwnMessageLost => f.write_str("the message published to our own inbox did not come back"),
            Self::ConnectedInClear { client, address } => {
                write!(f, "NATS reports `{client}` from {address} without TLS")
            }
            Self::ConnectedWithoutCertificate { client, address } => {
                write!(f, "NATS reports `{client}` from {address} without a client certificate")
            }
            Self::GatewayUnconnected => f.write_str("the gateway reports `nats.connected: false`"),
            Self::GatewayAnswersUnconnected => {
                f.write_str("the gateway answers, but reports `nats.connected: false`")
            }
            Self::MonitoringUnseen { member } => {
                write!(
                    f,
                    "which routes {member} holds is not seen: its monitoring (port 8222) does not answer"
                )
            }
            Self::NoRoute { member, to } if to.is_empty() => {
                write!(f, "{member} holds no route to the others")
            }
            Self::NoRoute { member, to } => {
                write!(f, "no route between {member} and {} (/routez of both)", to.join(", "))
            }
            Self::RoutesInClear { member } => {
                write!(f, "the routes of {member} are in clear: its `cluster` block has no `tls`")
            }
            Self::RoutesOfAnybody { member } => {
                write!(f, "the port of the routes of {member} asks for no client certificate")
            }
            Self::NoCluster { member } => {
                write!(f, "{member} has no `cluster` in its configuration (/varz), and its siblings have one")
            }
            Self::NoConnectionOf { who, way } => write!(f, "NATS reports no connection of {who} ({way})"),
            Self::OnHostNetwork { who, outside, way } => write!(
                f,
                "{who} shares the host's network; NATS reports {outside} connections from outside the project's ({way})"
            ),
            Self::TooFewConnections { listed, of } => {
                write!(f, "NATS reports {listed} connections of the {of} core services")
            }
            Self::MonitoringAt { base, error } => write!(f, "NATS monitoring at {base}: {error}"),
            Self::MonitoringOf { server, error } => write!(f, "NATS monitoring of {server}: {error}"),
            Self::MonitoringBy { program, server, error } => write!(f, "`{program}` in {server}: {error}"),
            Self::RouteToNobody { host, who } => {
                write!(f, "{who} has a route to {host}, and nobody of that name is deployed")
            }
        }
    }
}

impl fmt::Display for RedisFact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SamePortInClear { answer } => {
                write!(f, "the same port answers a plaintext PING with \"{answer}\"")
            }
            Self::SilentInTls { answer } => {
                write!(f, "a TLS hello gets no answer, a plaintext PING gets \"{answer}\"")
            }
            Self::TlsPortInClear { answer } => {
                write!(f, "a plaintext PING to the TLS port is answered with \"{answer}\"")
            }
            Self::LoginRefused => f.write_str("Redis refused the login; TLS itself is fine"),
            Self::AnsweredPing { answer } => write!(f, "Redis answered PING with \"{answer}\""),
            Self::NotSeenNow => f.write_str(
                "Redis is not seen now: neither our own dial nor the gateway's /readyz reaches it",
            ),
            Self::DialledByName { who } => write!(f, "{who} dials it by that name (REDIS_URL)"),
            Self::GatewayAnswersUnconnected => {
                f.write_str("the gateway answers, but reports `redis.ok: false`")
            }
            Self::StandsAlone { node } => write!(f, "{node} stands alone"),
            Self::LinksInClear { node, option } => {
                write!(f, "{node} speaks with the other nodes in clear: `{option}` is `no` there")
            }
            Self::LinksUntold { node, option } => {
                write!(
                    f,
                    "{node} does not tell whether it speaks TLS with the other nodes (CONFIG GET {option})"
                )
            }
            Self::MasterLinkDown { node, master } => {
                write!(f, "{node} has lost its master {master} (`master_link_status:down`)")
            }
            Self::ClusterFails { node } => {
                write!(f, "the cluster fails, as {node} sees it (`cluster_state:fail`)")
            }
            Self::NotInCluster { node, others } => {
                write!(f, "{node} is not connected with {} (CLUSTER NODES)", others.join(", "))
            }
        }
    }
}

impl fmt::Display for HttpFact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status { status, excerpt } => write!(f, "HTTP {status}: {excerpt}"),
            Self::RedirectsTo { target } => write!(f, "it redirects to {target}"),
            Self::RateLimited { ready: true } => f.write_str("HTTP 429 (rate limited) while /readyz is fine"),
            Self::RateLimited { ready: false } => f.write_str("HTTP 429 (rate limited)"),
            Self::RateLimitedBehind { ready: true } => {
                f.write_str("HTTP 429 while the gateway's /readyz is fine")
            }
            Self::RateLimitedBehind { ready: false } => f.write_str("HTTP 429"),
            Self::WhileReady => f.write_str("while /readyz is fine"),
            Self::NotTheStatus => f.write_str("HTTP 200, but the body is not the gateway's status JSON"),
            Self::NotTheGateway => f.write_str("something else than the gateway answers at this address"),
            Self::NotTheGatewaysJson => f.write_str(
                "HTTP 200, but not the gateway's JSON: the dashboard's own page, or something else",
            ),
            Self::NoHttp { words } => write!(f, "what answers there speaks no HTTP: \"{words}\""),
            Self::HandshakeSucceeds => f.write_str("a handshake without a request succeeds"),
            Self::HandshakeUnanswered => {
                f.write_str("the port accepts the connection, the TLS handshake gets no answer")
            }
            Self::Dialled { authority, address } => write!(f, "dialled {authority} at {address}"),
            Self::NoWay => f.write_str("there is no way to this address from here"),
            Self::NoPong { frames } => {
                write!(f, "{frames} messages after the upgrade, and none is the pong to our ping")
            }
            Self::ClosedAfterUpgrade => f.write_str("closed after the upgrade"),
            Self::WrongAccept => {
                f.write_str("101, but `Sec-WebSocket-Accept` is not the hash of our key (RFC 6455, 4.2.2)")
            }
            Self::NoUpgrade { error } => write!(f, "no RFC 6455 upgrade: {error}"),
            Self::NoAlpn => {
                f.write_str("the server negotiates no ALPN `h2`: gRPC-Go refuses such a server (RFC 9113, 3.2)")
            }
            Self::NotServing => f.write_str("the health service answers NOT_SERVING"),
            Self::GrpcStatus { code, name } => write!(f, "gRPC status {code} ({name})"),
            Self::KernelBehindBroken => f.write_str(
                "the gateway answers GET /api/v1/policy/snapshots with 502: its own link to the kernel is broken",
            ),
            Self::UpstreamCode { code } => write!(f, "code {code}"),
            Self::UpstreamUnverified { path, who } => {
                write!(f, "{path} of {who}: `proxy_ssl_verify` is not on for /api/")
            }
            Self::ImageVerifiesWithCa => {
                f.write_str("the image switches it on where its CA file is there and readable")
            }
        }
    }
}
