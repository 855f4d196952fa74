//! What can be wrong: the promised names. A cause is the kind of fault, a variant narrows it,
//! a side says what has to be changed. Names are promises: add freely, rename never.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize, Serializer};

macro_rules! slugs {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($(#[$vmeta:meta])* $variant:ident => $slug:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        $vis enum $name { $($(#[$vmeta])* $variant,)+ }

        impl $name {
            /// Every value, in the order in which they are listed to people.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The promised name, as printed and as written in JSON.
            #[must_use]
            pub const fn slug(self) -> &'static str {
                match self { $(Self::$variant => $slug,)+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.slug())
            }
        }

        impl FromStr for $name {
            type Err = UnknownName;

            fn from_str(text: &str) -> Result<Self, UnknownName> {
                Self::ALL.iter().copied().find(|value| value.slug() == text).ok_or(UnknownName)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.slug())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(|_| serde::de::Error::custom(format!("unknown name `{text}`")))
            }
        }
    };
}

/// A name that is not one of the promised ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownName;

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown name")
    }
}

impl std::error::Error for UnknownName {}

slugs! {
    /// The kind of a fault.
    pub enum CauseKind {
        /// The verifier knows no trust anchor that the chain leads to (RFC 5280, 6.1).
        UnknownAuthority => "unknown-authority",
        /// `notAfter` has passed.
        Expired => "expired",
        /// `notBefore` lies ahead.
        NotYetValid => "not-yet-valid",
        /// The reference identity is not among the certificate's names (RFC 9525).
        HostnameMismatch => "hostname-mismatch",
        /// The peer refused our client certificate and did not say why better.
        BadCertificate => "bad-certificate",
        /// The peer asks for a client certificate and got none.
        ClientCertRequired => "client-cert-required",
        /// A plaintext client meets a TLS port.
        WrongSchemePlainToTls => "wrong-scheme-plain-to-tls",
        /// A TLS client meets a port that speaks plaintext.
        WrongSchemeTlsToPlain => "wrong-scheme-tls-to-plain",
        /// No protocol version in common.
        ProtocolVersion => "protocol-version",
        /// No cipher suite, group or signature scheme in common.
        NoSharedCipher => "no-shared-cipher",
        /// Key usage or extended key usage forbids this role.
        WrongKeyUsage => "wrong-key-usage",
        /// The private key does not belong to the certificate.
        KeyMismatch => "key-mismatch",
        /// A certificate, key or CA file cannot be used.
        BadKeyFile => "bad-key-file",
        /// A CA certificate that may not be one (flag, path length, critical bits).
        InvalidCa => "invalid-ca",
        /// A signature in the chain does not verify under the issuer's key.
        BadSignature => "bad-signature",
        /// Nothing listens.
        ConnectionRefused => "connection-refused",
        /// The peer closed without an alert: reset, or EOF in the handshake.
        ConnectionReset => "connection-reset",
        /// No answer in time.
        Timeout => "timeout",
        /// The name does not resolve.
        Dns => "dns",
        /// A proxy could not use its upstream.
        BadGateway => "bad-gateway",
        /// TLS is fine; the login was refused.
        AuthNotTls => "auth-not-tls",
        /// A client without the right certificate was let in.
        MtlsNotEnforced => "mtls-not-enforced",
        /// A client connected to a server it has no reason to trust.
        VerificationNotEnforced => "verification-not-enforced",
        /// A TLS failure that is none of the above.
        OtherTls => "other-tls",
    }
}

impl CauseKind {
    /// No connection came about, or it was lost: nobody was reached.
    #[must_use]
    pub const fn is_unreached(self) -> bool {
        matches!(self, Self::ConnectionRefused | Self::ConnectionReset | Self::Timeout | Self::Dns)
    }

    /// A chain was judged and refused.
    #[must_use]
    pub const fn is_verification(self) -> bool {
        matches!(
            self,
            Self::UnknownAuthority
                | Self::BadSignature
                | Self::Expired
                | Self::NotYetValid
                | Self::HostnameMismatch
                | Self::WrongKeyUsage
                | Self::InvalidCa
        )
    }

    /// Trouble with a certificate or with what verifies it, whichever side says so.
    #[must_use]
    pub const fn is_of_certificate(self) -> bool {
        self.is_verification() || matches!(self, Self::BadCertificate | Self::ClientCertRequired)
    }

    /// Trouble with the connection itself: a symptom of something else, which may pass without anybody's help.
    #[must_use]
    pub const fn is_transient(self) -> bool {
        self.is_unreached() || matches!(self, Self::BadGateway)
    }
}

slugs! {
    /// What narrows a cause down.
    pub enum Variant {
        SelfSigned => "self-signed",
        MissingIntermediate => "missing-intermediate",
        CaRegenerated => "ca-regenerated",
        OtherCa => "other-ca",
        EmptyTrustStore => "empty-trust-store",
        NoSan => "no-san",
        IpNotInSan => "ip-not-in-san",
        ContainerStopped => "container-stopped",
        ContainerAbsent => "container-absent",
        ContainerRestarting => "container-restarting",
        ContainerPaused => "container-paused",
        ContainerHung => "container-hung",
        NothingListens => "nothing-listens",
        ExpiredCa => "expired-ca",
        ClockSkew => "clock-skew",
        ServerCertAsClient => "server-cert-as-client",
        CaAsEndEntity => "ca-as-end-entity",
        PathLength => "path-length",
        NameConstraints => "name-constraints",
        NotACa => "not-a-ca",
        WeakKey => "weak-key",
        WeakSignature => "weak-signature",
        FileMissing => "file-missing",
        PermissionDenied => "permission-denied",
        NoPem => "no-pem",
        Encrypted => "encrypted",
        WrongKind => "wrong-kind",
        HalfPair => "half-pair",
        NatsPlaintext => "nats-plaintext",
        RedisPlaintext => "redis-plaintext",
        HttpPlaintext => "http-plaintext",
        Http2Plaintext => "http2-plaintext",
        NotTls => "not-tls",
        NatsInfoFirst => "nats-info-first",
        HttpInTls => "http-in-tls",
        ServerFull => "server-full",
        LargeClientHello => "large-client-hello",
        RateLimited => "rate-limited",
        BelowMinimum => "below-minimum",
        NoAlpn => "no-alpn",
        RefusedByClient => "refused-by-client",
        ServedDiffers => "served-differs",
        WorldReadable => "world-readable",
    }
}

slugs! {
    /// The side that has to be changed.
    pub enum Side {
        Client => "client",
        Server => "server",
        Network => "network",
    }
}

slugs! {
    /// How sure a diagnosis is: our own verifier or an explicit server code is certain; a peer's
    /// alert or status with one reading in this context is likely; a shape (EOF, reset, deadline) possible.
    pub enum Confidence {
        Certain => "certain",
        Likely => "likely",
        Possible => "possible",
    }
}

slugs! {
    /// How grave a finding is; ordered from harmless.
    pub enum Severity {
        /// Worth knowing.
        Note => "note",
        /// Holds, but look at it.
        Warning => "warning",
        /// Something does not work.
        Error => "error",
    }
}
