//! The table of cures, to be read from top to bottom: what may be set up wrongly, by which facts it is told, as which
//! causes it shows, at which end it is, and what cures it. What was met on the wire and in logs is made into a cause
//! by the table in `diagnosis/rules`; this one tells what of the setup explains that cause.

use crate::cause::CauseKind as K;

/// Which end of a connection has the defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefectEnd {
    /// Who dials has it: the server that it blames is well.
    Client,
    /// A server has it: whoever dials it complains.
    Server,
}

/// A line of the table.
#[derive(Clone, Copy, Debug)]
pub struct DefectRow {
    pub kind: DefectKind,
    pub wrong: &'static str,
    pub told_by: &'static str,
    pub cure: &'static str,
    pub end: DefectEnd,
    /// Causes that it shows as.
    pub shows_as: &'static [K],
}

/// What may be wrong with a setup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DefectKind {
    FilesClosed,
    LinkLeadsOut,
    NotMounted,
    OtherAddress,
    OtherLogin,
    PlainUrl,
    VerificationOff,
    OtherAuthority,
    AuthorityNotFirst,
    ClientPair,
    OtherServerName,
    ServedPair,
    ServesWithoutPair,
    ServesEarlierPair,
    ListensElsewhere,
    ClientsAuthority,
    NatsWithoutTls,
    NatsKnowsNoClients,
    NatsTakesPlaintext,
    NatsRoutesInClear,
    RedisWithoutTls,
    RedisKnowsNoClients,
    RedisNodesInClear,
    ProxyDialsPlain,
    ProxyNamesOther,
    ProxyTrustsOther,
    OwnAuthorityEnded,
}

/// What a server's certificate or key that is not right is told as.
const OF_CERTIFICATE: &[K] = &[
    K::Expired,
    K::NotYetValid,
    K::UnknownAuthority,
    K::BadSignature,
    K::HostnameMismatch,
    K::WrongKeyUsage,
    K::KeyMismatch,
    K::BadKeyFile,
    K::InvalidCa,
    K::ConnectionRefused,
    K::BadGateway,
    K::Dns,
    K::ConnectionReset,
    K::OtherTls,
];

/// What files that a container does not have, or may not read, are told as.
const OF_FILES: &[K] = &[
    K::BadKeyFile,
    K::ConnectionRefused,
    K::ConnectionReset,
    K::BadGateway,
    K::Dns,
    K::Timeout,
    K::UnknownAuthority,
    K::KeyMismatch,
];

/// The table.
pub const DEFECTS: &[DefectRow] = &[
    DefectRow {
        kind: DefectKind::FilesClosed,
        wrong: "files that a service names are closed to its user",
        told_by: "owner and mode of each file and folder on the host, user and groups of the container",
        cure: "chmod, and in production chgrp of keys",
        end: DefectEnd::Client,
        shows_as: OF_FILES,
    },
    DefectRow {
        kind: DefectKind::LinkLeadsOut,
        wrong: "a file that a service names is a symbolic link to what it does not mount",
        told_by: "the link on the host, the container's mounts",
        cure: "the file itself in place of the link",
        end: DefectEnd::Server,
        shows_as: OF_FILES,
    },
    DefectRow {
        kind: DefectKind::NotMounted,
        wrong: "a service names files at a path where it mounts nothing",
        told_by: "its settings and mounts, what the others mount at that path",
        cure: "the mount that the others have",
        end: DefectEnd::Server,
        shows_as: OF_FILES,
    },
    DefectRow {
        kind: DefectKind::OtherAddress,
        wrong: "a URL has a host or port that nobody else has",
        told_by: "the neighbours' URLs, the project's service names",
        cure: "the neighbours' host and port",
        end: DefectEnd::Client,
        shows_as: &[K::Dns, K::ConnectionRefused, K::Timeout, K::HostnameMismatch, K::ConnectionReset],
    },
    DefectRow {
        kind: DefectKind::OtherLogin,
        wrong: "a URL has a login that nobody else has",
        told_by: "the neighbours' URLs",
        cure: "the login that the server was started with: only the operator knows it",
        end: DefectEnd::Client,
        shows_as: &[K::AuthNotTls],
    },
    DefectRow {
        kind: DefectKind::PlainUrl,
        wrong: "a URL's scheme is plaintext where the server speaks TLS",
        told_by: "what the server showed, how it is started, most neighbours' schemes",
        cure: "the scheme of TLS",
        end: DefectEnd::Client,
        shows_as: &[
            K::UnknownAuthority,
            K::WrongSchemePlainToTls,
            K::ConnectionReset,
            K::ClientCertRequired,
            K::BadCertificate,
        ],
    },
    DefectRow {
        kind: DefectKind::VerificationOff,
        wrong: "a client takes any certificate",
        told_by: "its *_TLS_INSECURE",
        cure: "the variable taken away",
        end: DefectEnd::Client,
        shows_as: &[K::VerificationNotEnforced, K::OtherTls],
    },
    DefectRow {
        kind: DefectKind::OtherAuthority,
        wrong: "a client's CA file is none, is not there, or did not sign what its server shows",
        told_by: "the file's certificates against what was served, the neighbours' CA files",
        cure: "the CA file that verifies; the mount that the others have; a CA certificate in the file",
        end: DefectEnd::Client,
        shows_as: &[
            K::UnknownAuthority,
            K::BadSignature,
            K::BadKeyFile,
            K::InvalidCa,
            K::Expired,
            K::BadGateway,
            K::BadCertificate,
        ],
    },
    DefectRow {
        kind: DefectKind::AuthorityNotFirst,
        wrong: "the CA that signed a service's certificate is not the first in its CA file",
        told_by: "the first certificate of both files, as Cordum's services look at them before they connect",
        cure: "that CA first in the file",
        end: DefectEnd::Client,
        shows_as: &[K::UnknownAuthority, K::ConnectionRefused, K::BadGateway, K::Dns],
    },
    DefectRow {
        kind: DefectKind::ClientPair,
        wrong: "a client's certificate or key is missing, broken, of another CA, or past its time",
        told_by: "both files judged against the stack's CA as a client's",
        cure: "a pair that is good and mounted; the mount that the others have; a new certificate",
        end: DefectEnd::Client,
        shows_as: &[
            K::ClientCertRequired,
            K::BadCertificate,
            K::UnknownAuthority,
            K::BadSignature,
            K::Expired,
            K::NotYetValid,
            K::WrongKeyUsage,
            K::KeyMismatch,
            K::BadKeyFile,
            K::ConnectionReset,
        ],
    },
    DefectRow {
        kind: DefectKind::OtherServerName,
        wrong: "a client verifies a name that the server's certificate has not",
        told_by: "its *_TLS_SERVER_NAME against the names of what was served",
        cure: "the variable taken away where the URL's host is a name, else a name of the certificate",
        end: DefectEnd::Client,
        shows_as: &[K::HostnameMismatch],
    },
    DefectRow {
        kind: DefectKind::ServedPair,
        wrong: "a server's certificate or key is missing, broken, of another CA, or past its time",
        told_by: "both files judged against the stack's CA as a server's, with the names that clients verify",
        cure: "a pair that is good and mounted; the mount that the others have; a new certificate",
        end: DefectEnd::Server,
        shows_as: OF_CERTIFICATE,
    },
    DefectRow {
        kind: DefectKind::ServesWithoutPair,
        wrong: "a server names neither certificate nor key, and speaks plaintext",
        told_by: "its variables; the pairs that its neighbours name",
        cure: "a pair that is good and mounted",
        end: DefectEnd::Server,
        shows_as: &[K::WrongSchemeTlsToPlain, K::BadGateway, K::ConnectionRefused, K::BadKeyFile],
    },
    DefectRow {
        kind: DefectKind::ServesEarlierPair,
        wrong: "a server's file was renewed, and it still serves the earlier one",
        told_by: "the file against what was served",
        cure: "a restart",
        end: DefectEnd::Server,
        shows_as: OF_CERTIFICATE,
    },
    DefectRow {
        kind: DefectKind::ListensElsewhere,
        wrong: "a service listens on its own loopback, or on another port than the one that is published",
        told_by: "its *_ADDR, the container's published ports",
        cure: "the port on all addresses",
        end: DefectEnd::Server,
        shows_as: &[K::ConnectionRefused, K::ConnectionReset, K::BadGateway, K::Timeout],
    },
    DefectRow {
        kind: DefectKind::ClientsAuthority,
        wrong: "a broker's CA for its clients is none, is not there, or did not sign theirs",
        told_by: "the file against the stack's CA",
        cure: "the mount that the others have, or the stack's CA file beside it",
        end: DefectEnd::Server,
        shows_as: &[
            K::BadCertificate,
            K::UnknownAuthority,
            K::BadKeyFile,
            K::ConnectionReset,
            K::ConnectionRefused,
            K::Dns,
        ],
    },
    DefectRow {
        kind: DefectKind::NatsWithoutTls,
        wrong: "NATS is started without TLS",
        told_by: "its configuration file, or its options where it has none",
        cure: "the tls block, or the options, with the pair and CA that it mounts",
        end: DefectEnd::Server,
        shows_as: &[K::WrongSchemeTlsToPlain, K::MtlsNotEnforced, K::ConnectionRefused],
    },
    DefectRow {
        kind: DefectKind::NatsKnowsNoClients,
        wrong: "NATS asks for no client certificate",
        told_by: "verify in the tls block of its configuration",
        cure: "verify: true, and the CA that it needs",
        end: DefectEnd::Server,
        shows_as: &[K::MtlsNotEnforced],
    },
    DefectRow {
        kind: DefectKind::NatsTakesPlaintext,
        wrong: "NATS takes clients in plaintext beside those in TLS",
        told_by: "allow_non_tls in its configuration",
        cure: "the line taken away",
        end: DefectEnd::Server,
        shows_as: &[K::MtlsNotEnforced, K::WrongSchemeTlsToPlain],
    },
    DefectRow {
        kind: DefectKind::NatsRoutesInClear,
        wrong: "NATS' routes to its siblings are in clear",
        told_by: "the cluster block of its configuration",
        cure: "a tls block in it, with a pair that is good for servers and clients",
        end: DefectEnd::Server,
        shows_as: &[K::WrongSchemeTlsToPlain],
    },
    DefectRow {
        kind: DefectKind::RedisWithoutTls,
        wrong: "Redis is started without TLS",
        told_by: "--tls-port of its command",
        cure: "the options, with the pair and CA that it mounts, and no plaintext port",
        end: DefectEnd::Server,
        shows_as: &[
            K::WrongSchemeTlsToPlain,
            K::Timeout,
            K::ConnectionRefused,
            K::ConnectionReset,
            K::MtlsNotEnforced,
        ],
    },
    DefectRow {
        kind: DefectKind::RedisKnowsNoClients,
        wrong: "Redis asks for no client certificate",
        told_by: "--tls-auth-clients of its command",
        cure: "--tls-auth-clients yes",
        end: DefectEnd::Server,
        shows_as: &[K::MtlsNotEnforced],
    },
    DefectRow {
        kind: DefectKind::RedisNodesInClear,
        wrong: "a replica or node of Redis speaks with the others in clear",
        told_by: "--tls-replication or --tls-cluster of its command",
        cure: "the option, with yes",
        end: DefectEnd::Server,
        shows_as: &[K::WrongSchemeTlsToPlain, K::ConnectionReset, K::ConnectionRefused],
    },
    DefectRow {
        kind: DefectKind::ProxyDialsPlain,
        wrong: "the dashboard's nginx dials the gateway in plaintext, and the gateway speaks TLS",
        told_by: "its CORDUM_API_UPSTREAM_SCHEME, the gateway's pair",
        cure: "https",
        end: DefectEnd::Client,
        shows_as: &[K::WrongSchemePlainToTls, K::BadGateway],
    },
    DefectRow {
        kind: DefectKind::ProxyNamesOther,
        wrong: "nginx verifies a name that the gateway's certificate has not",
        told_by: "its CORDUM_API_UPSTREAM_HOST against the names of what was served",
        cure: "the gateway's name in the project's network",
        end: DefectEnd::Client,
        shows_as: &[K::HostnameMismatch, K::BadGateway, K::Dns],
    },
    DefectRow {
        kind: DefectKind::ProxyTrustsOther,
        wrong: "nginx has no CA for the gateway, or another one",
        told_by: "the file at its path against what the gateway served",
        cure: "the mount that the others have",
        end: DefectEnd::Client,
        shows_as: &[
            K::UnknownAuthority,
            K::BadGateway,
            K::BadKeyFile,
            K::VerificationNotEnforced,
            K::BadSignature,
        ],
    },
    DefectRow {
        kind: DefectKind::OwnAuthorityEnded,
        wrong: "everything in the CA file that we were given has ended, and what it signed has not",
        told_by: "the file's dates against those of what was served",
        cure: "the renewed file where a service mounts one, else the same key's renewed certificate",
        end: DefectEnd::Client,
        shows_as: &[K::Expired, K::UnknownAuthority, K::InvalidCa],
    },
];

// Each kind has its line, in the order of the kinds.
const _: () = {
    let mut at = 0;
    while at < DEFECTS.len() {
        assert!(DEFECTS[at].kind as usize == at);
        at += 1;
    }
    assert!(at == DefectKind::OwnAuthorityEnded as usize + 1);
};

impl DefectKind {
    /// Its line of the table.
    #[must_use]
    pub const fn row(self) -> &'static DefectRow {
        &DEFECTS[self as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Causes that no setting of the stack explains: the catalogue's words are all that there is.
    const OF_THE_CATALOGUE: &[K] = &[K::ProtocolVersion, K::NoSharedCipher];

    #[test]
    fn every_cause_has_a_row_or_is_the_catalogues_alone() {
        for cause in K::ALL {
            let rows = DEFECTS.iter().filter(|row| row.shows_as.contains(cause)).count();
            assert_eq!(rows == 0, OF_THE_CATALOGUE.contains(cause), "{cause}: {rows} rows");
        }
    }

    #[test]
    fn a_row_says_all_of_its_columns() {
        for row in DEFECTS {
            assert!([row.wrong, row.told_by, row.cure].iter().all(|text| text.len() >= 5), "{row:?}");
            let causes: std::collections::BTreeSet<_> = row.shows_as.iter().collect();
            assert!(!causes.is_empty() && causes.len() == row.shows_as.len(), "{row:?}");
        }
    }
}
