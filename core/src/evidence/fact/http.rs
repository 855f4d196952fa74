//! What was answered over HTTP, WebSocket and gRPC.

/// What an HTTP, WebSocket or gRPC server did or said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpFact {
    /// Another status than was wanted; the body's beginning.
    Status {
        status: u16,
        excerpt: String,
    },
    /// Where a redirection leads, without secrets.
    RedirectsTo {
        target: String,
    },
    /// 429; `ready`: `/readyz` complains of nothing.
    RateLimited {
        ready: bool,
    },
    /// 429 through the dashboard; `ready`: the gateway's `/readyz` complains of nothing.
    RateLimitedBehind {
        ready: bool,
    },
    WhileReady,
    /// 200, and another body than the gateway's.
    NotTheStatus,
    NotTheGateway,
    /// 200 from the dashboard, and another body than the gateway's.
    NotTheGatewaysJson,
    /// The answer's first bytes, escaped.
    NoHttp {
        words: String,
    },
    HandshakeSucceeds,
    HandshakeUnanswered,
    Dialled {
        authority: String,
        address: String,
    },
    NoWay,
    /// Frames after an upgrade, and no pong among them.
    NoPong {
        frames: u32,
    },
    ClosedAfterUpgrade,
    WrongAccept,
    /// With the library's words.
    NoUpgrade {
        error: String,
    },
    NoAlpn,
    NotServing,
    /// A gRPC status and its name.
    GrpcStatus {
        code: i32,
        name: String,
    },
    /// The gateway's own link to the kernel.
    KernelBehindBroken,
    UpstreamCode {
        code: String,
    },
    /// The dashboard's nginx, by its configuration's path.
    UpstreamUnverified {
        path: String,
        who: String,
    },
    ImageVerifiesWithCa,
}
