//! What a single address did, and which URL fits it.

/// What a probed address did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeFact {
    /// NATS lets clients in that show no certificate.
    CertificateOptional,
    /// No `INFO` in clear, and a handshake that comes first is completed.
    HandshakeFirst,
    /// That handshake is followed by `INFO`.
    SetToHandshakeFirst,
    /// That handshake is followed by silence.
    WaitsForItsClient {
        authority: String,
    },
    /// What is spoken there, and the URL for it.
    UrlAsItIs {
        speaks: Spoken,
        url: String,
    },
    /// TLS is spoken where plaintext was asked for.
    RightUrl {
        url: String,
    },
    AnswersInClear {
        text: String,
    },
    /// Plaintext, as was asked for.
    Unprotected,
    /// Neither plaintext nor TLS gets an answer.
    Mute,
    NatsUrl {
        authority: String,
    },
    SomethingElse {
        text: String,
    },
    /// Its HTTP `Date` makes the certificate valid.
    ValidByItsDate {
        skew: i64,
    },
    /// Versions that are broken.
    AcceptsBroken {
        versions: Vec<&'static str>,
    },
}

/// What is spoken at an address that was taken for something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoken {
    /// With TLS after its `INFO`.
    NatsWithTls,
    Nats,
    Redis,
    Http2,
    Http,
}
