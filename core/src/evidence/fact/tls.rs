//! What a TLS endpoint took, refused or left unanswered, and who verifies nobody.

use rustls::AlertDescription;

use crate::link::Link;

/// What was seen of TLS itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsFact {
    /// Go takes a signature of so small a key, our library does not.
    WeakKey {
        bits: usize,
    },
    /// The first bytes of what is no TLS, escaped.
    FirstBytes {
        text: String,
    },
    /// What the peer answered to a handshake in which we did or did not show a certificate.
    Alert {
        alert: AlertDescription,
        identity_shown: bool,
    },
    /// A hello of more than one segment gets no answer, a small one does.
    LargeHelloUnanswered,
    /// What Go's clients print where this is met.
    GoPrints {
        words: &'static str,
    },
    /// A cipher suite of Go's that our library does not speak.
    BeyondUs {
        suite: u16,
    },
    NoEndpointReached,
    /// Versions below the minimum; all by their names.
    Accepts {
        who: String,
        versions: Vec<&'static str>,
        minimum: &'static str,
    },
    /// An old version is neither accepted nor refused.
    VersionsUntold {
        who: String,
    },
    /// It was expected to be refused; `who`: the step, where what it met does not name it.
    LetIn {
        who: Option<String>,
        what: String,
    },
    VerifiesNobody {
        who: String,
        by: VerificationOff,
        link: Link,
        in_production: bool,
    },
    /// A peer sent more than what we read of an answer, in bytes.
    TooMuch {
        limit: usize,
    },
}

/// What switches a client's verification off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VerificationOff {
    Variable(String),
    /// `skip_verify=true`, go-redis' option.
    UrlOption,
    /// A plaintext URL beside the port that speaks TLS.
    PlainPort,
}
