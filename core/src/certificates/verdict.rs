//! What three verifiers decide of one chain: Go's crypto/x509, whose answer counts; webpki, asked itself;
//! and OpenSSL as curl sets it up, by the rules in which it differs.

use std::time::Duration;

use crate::cause::{CauseKind, Variant};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use serde::Serialize;
use time::OffsetDateTime;

use super::summary::CertificateSummary;
use crate::x509::{self, CandidatePool, ChainRefusal, Parsed, Purpose, VerifyOptions};

/// A chain to be judged.
#[derive(Clone, Copy, Debug)]
pub struct ChainUnderTest<'a> {
    /// DER, end-entity certificate first.
    pub presented: &'a [Vec<u8>],
    /// DER.
    pub anchors: &'a [Vec<u8>],
    /// Other certificates of the same folder.
    pub candidates: &'a [Vec<u8>],
    pub names: &'a [String],
    pub purpose: Purpose,
    pub at: OffsetDateTime,
}

/// The answers.
#[derive(Clone, Debug, Serialize)]
pub struct Verification {
    /// What Go's crypto/x509 (1.26) decides.
    pub accepted: bool,
    pub cause: Option<CauseKind>,
    pub variant: Option<Variant>,
    pub reason: Option<String>,
    pub go: bool,
    pub openssl: bool,
    pub webpki: bool,
    /// Why another verifier decides otherwise.
    pub differences: Vec<String>,
    /// The accepted chains, by subject, end-entity certificate first.
    pub chains: Vec<Vec<String>>,
    pub purpose: &'static str,
    pub names: Vec<String>,
    /// The file whose chain it is, where it is one of several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// Chain and anchors as OpenSSL's PEM reader sees them, where Go's sees less.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SeenByOpenSsl<'a> {
    pub presented: &'a [Vec<u8>],
    pub anchors: &'a [Vec<u8>],
}

/// Asks all three.
#[must_use]
pub fn verify(question: &ChainUnderTest<'_>) -> Verification {
    verify_files(question, SeenByOpenSsl { presented: question.presented, anchors: question.anchors })
}

/// Asks all three about files, of which OpenSSL may see more.
#[must_use]
pub(crate) fn verify_files(question: &ChainUnderTest<'_>, seen: SeenByOpenSsl<'_>) -> Verification {
    let few = |anchors: &[Vec<u8>]| {
        x509::relevant(anchors, seen.presented).into_iter().map(<[u8]>::to_vec).collect::<Vec<_>>()
    };
    let (anchors, of_openssl) = (few(question.anchors), few(seen.anchors));
    let question = &ChainUnderTest { anchors: &anchors, ..*question };
    let seen = SeenByOpenSsl { anchors: &of_openssl, ..seen };
    let go = chains(question, Parsed::read);
    let webpki = webpki(question);
    let openssl = openssl(question, seen, &go);
    let accepted = go.is_ok();
    let mut differences = Vec::new();
    match (&webpki, accepted) {
        (Err(why), true) => differences.push(format!("webpki (rustls) refuses: {why}")),
        (Ok(()), false) => differences.push("webpki (rustls) accepts".to_owned()),
        _ => {}
    }
    match (&openssl, accepted) {
        (Err(why), true) => differences.push(format!("OpenSSL refuses: {why}")),
        (Ok(Some(why)), false) => differences.push(format!("OpenSSL accepts: {why}")),
        _ => {}
    }
    let refusal = go.as_ref().err();
    Verification {
        accepted,
        cause: refusal.map(|refusal| refusal.cause),
        variant: refusal.and_then(|refusal| refusal.variant),
        reason: refusal.map(|refusal| refusal.reason.clone()),
        go: accepted,
        openssl: openssl.is_ok(),
        webpki: webpki.is_ok(),
        differences,
        chains: go.unwrap_or_default(),
        purpose: match question.purpose {
            Purpose::Server => "server",
            Purpose::Client => "client",
            Purpose::Any => "any",
        },
        names: question.names.to_vec(),
        file: None,
    }
}

/// How DER is read.
type DerReader = fn(&[u8]) -> Result<Parsed, String>;

/// Go's answer, over certificates as `read` takes them. Every name is asked for; the first refusal counts.
fn chains(question: &ChainUnderTest<'_>, read: DerReader) -> Result<Vec<Vec<String>>, ChainRefusal> {
    let unread = |what: &str, why: &str| {
        ChainRefusal::new(CauseKind::OtherTls, None, &format!("{what} cannot be parsed: {why}"), "")
    };
    let Some((leaf, rest)) = question.presented.split_first() else {
        return Err(ChainRefusal::new(
            CauseKind::BadKeyFile,
            Some(Variant::NoPem),
            "there is no certificate",
            "",
        ));
    };
    let leaf = read(leaf).map_err(|why| unread("the end-entity certificate", &why))?;
    // crypto/tls refuses a whole Certificate message for one certificate that it cannot parse.
    let intermediates: Vec<Parsed> = rest
        .iter()
        .map(|der| read(der).map_err(|why| unread("a certificate behind it", &why)))
        .collect::<Result<_, _>>()?;
    // AppendCertsFromPEM passes over what it cannot parse.
    let anchors: Vec<Parsed> = question.anchors.iter().filter_map(|der| read(der).ok()).collect();
    if anchors.is_empty()
        && let Some(why) = question.anchors.first().and_then(|der| read(der).err())
    {
        let reason = format!("no certificate of the CA file can be parsed ({why}): nothing is trusted");
        return Err(ChainRefusal::new(
            CauseKind::UnknownAuthority,
            Some(Variant::EmptyTrustStore),
            &reason,
            "",
        ));
    }
    let mut options =
        VerifyOptions { at: question.at.unix_timestamp(), name: None, purpose: question.purpose };
    let chains = match question.names.split_first() {
        None => x509::verify(&leaf, &intermediates, &anchors, &options),
        Some((first, others)) => {
            options.name = Some(first);
            x509::verify(&leaf, &intermediates, &anchors, &options).and_then(|chains| {
                others.iter().try_for_each(|name| x509::matches_name(&leaf, name)).map(|()| chains)
            })
        }
    };
    chains.map_err(|refusal| {
        // Looked at only now: of a thousand files that are right none is read for another one's sake.
        let candidates: Vec<Parsed> =
            question.candidates.iter().filter_map(|der| Parsed::read(der).ok()).collect();
        let around = CandidatePool {
            leaf: &leaf,
            intermediates: &intermediates,
            anchors: &anchors,
            candidates: &candidates,
        };
        x509::explain(&refusal, around)
    })
}

/// rustls-webpki 0.103 with aws-lc-rs.
fn webpki(question: &ChainUnderTest<'_>) -> Result<(), String> {
    let presented: Vec<CertificateDer<'_>> =
        question.presented.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
    let anchors: Vec<CertificateDer<'_>> =
        question.anchors.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
    let roots: Vec<_> =
        anchors.iter().filter_map(|anchor| webpki::anchor_from_trusted_cert(anchor).ok()).collect();
    let (leaf, rest) = presented.split_first().ok_or("there is no certificate")?;
    let leaf = webpki::EndEntityCert::try_from(leaf).map_err(|error| error.to_string())?;
    let seconds = u64::try_from(question.at.unix_timestamp()).unwrap_or_default();
    let at = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    let usage = match question.purpose {
        Purpose::Client => webpki::KeyUsage::client_auth(),
        _ => webpki::KeyUsage::server_auth(),
    };
    leaf.verify_for_usage(webpki::ALL_VERIFICATION_ALGS, &roots, rest, at, usage, None, None)
        .map_err(|error| error.to_string())?;
    for name in question.names {
        let name = ServerName::try_from(name.as_str()).map_err(|error| error.to_string())?;
        leaf.verify_is_valid_for_subject_name(&name).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// OpenSSL 3 with X509_V_FLAG_PARTIAL_CHAIN and X509_V_FLAG_TRUSTED_FIRST, as curl sets it (8.x,
/// `lib/vtls/openssl.c`), security level 2 as Debian builds it: Go's answer, and the rules in which
/// OpenSSL differs. `Ok(Some(_))`: accepted although Go refuses, and why.
fn openssl(
    question: &ChainUnderTest<'_>,
    seen: SeenByOpenSsl<'_>,
    go: &Result<Vec<Vec<String>>, ChainRefusal>,
) -> Result<Option<String>, String> {
    let Some(leaf) = seen.presented.first().and_then(|der| CertificateSummary::read("", 0, der).ok()) else {
        return Err("the certificate cannot be read".to_owned());
    };
    let (chains, why) = match go {
        Ok(chains) => (chains.clone(), None),
        Err(refusal) => match read_otherwise(question, seen) {
            Some(chains) => (chains, Some(format!("it reads what Go does not ({})", refusal.reason))),
            None => {
                return openssl_accepts(question, &leaf, refusal)
                    .map(Some)
                    .ok_or_else(|| refusal.reason.clone());
            }
        },
    };
    let own_anchor = question.anchors.iter().any(|anchor| anchor == &leaf.der);
    // crypto/x509/v3_purp.c: anyExtendedKeyUsage alone is no purpose of a TLS end-entity.
    let wanted = if question.purpose == Purpose::Client { "clientAuth" } else { "serverAuth" };
    if !own_anchor && !leaf.ekus.is_empty() && !leaf.ekus.iter().any(|eku| eku == wanted) {
        return Err(format!("the extended key usage lacks {wanted} (any does not count)"));
    }
    // Of the CAs too, where Go lets any stand for all.
    let above = question.presented.iter().skip(1).chain(question.anchors);
    let barred = above
        .filter(|der| **der != leaf.der)
        .filter_map(|der| CertificateSummary::read("", 0, der).ok())
        .find(|one| !one.ekus.is_empty() && !one.ekus.iter().any(|eku| eku == wanted));
    if let Some(barred) = barred.filter(|_| !own_anchor) {
        return Err(format!("the extended key usage of {} lacks {wanted}", barred.called()));
    }
    // X509_check_host: a wildcard needs two labels behind it.
    let bare = |name: &String| {
        let exact = leaf.sans.iter().any(|san| san.eq_ignore_ascii_case(name));
        let parent = name.split_once('.').map_or("", |(_, parent)| parent);
        !exact && !parent.contains('.') && leaf.sans.iter().any(|san| san.strip_prefix("*.") == Some(parent))
    };
    if let Some(name) = question.names.iter().find(|name| bare(name)) {
        return Err(format!("a wildcard directly under a top-level label does not count for {name}"));
    }
    // X509_cmp_time: the last second is over.
    if question.at >= leaf.ends {
        return Err("the certificate has expired".to_owned());
    }
    // KU_TLS: digitalSignature, keyEncipherment or keyAgreement for a server; no encipherment for a client.
    let useful: &[&str] = if question.purpose == Purpose::Client {
        &["digitalSignature", "keyAgreement"]
    } else {
        &["digitalSignature", "keyEncipherment", "keyAgreement"]
    };
    if !leaf.key_usages.is_empty() && !leaf.key_usages.iter().any(|usage| useful.contains(&usage.as_str())) {
        return Err("the key usage allows neither signatures nor key exchange".to_owned());
    }
    // Security level 2: 112 bits, for every key of the chain.
    let small = |one: &CertificateSummary| one.key.starts_with("RSA") && one.bits < 2048;
    let above = question.presented.iter().skip(1).chain(question.anchors).filter(|_| !own_anchor);
    let mut above = above.filter_map(|der| CertificateSummary::read("", 0, der).ok());
    if small(&leaf) {
        return Err(format!("the key of {} bits is too small at security level 2", leaf.bits));
    }
    if let Some(one) =
        above.find(|one| small(one) && chains.iter().flatten().any(|name| *name == one.subject))
    {
        return Err(format!(
            "the key of {} bits of {} is too small at security level 2",
            one.bits,
            one.called()
        ));
    }
    // X509_check_host and X509_check_ip compare what stands there.
    if let Some(name) = question.names.iter().find(|name| name.ends_with('.') || name.starts_with('[')) {
        return Err(format!("the name {name} is compared as it stands, dots and brackets too"));
    }
    Ok(why)
}

/// The chains that stand once files and certificates are read as OpenSSL reads them.
fn read_otherwise(question: &ChainUnderTest<'_>, seen: SeenByOpenSsl<'_>) -> Option<Vec<Vec<String>>> {
    let SeenByOpenSsl { presented, anchors } = seen;
    chains(&ChainUnderTest { presented, anchors, ..*question }, Parsed::read_as_openssl).ok()
}

/// What OpenSSL lets through although Go does not.
fn openssl_accepts(
    question: &ChainUnderTest<'_>,
    leaf: &CertificateSummary,
    refusal: &ChainRefusal,
) -> Option<String> {
    let without_names =
        |at: OffsetDateTime| chains(&ChainUnderTest { names: &[], at, ..*question }, Parsed::read);
    match (refusal.cause, refusal.variant) {
        (CauseKind::HostnameMismatch, _) if without_names(question.at).is_ok() => {
            // X509_check_host falls back to the common name when there is no dNSName.
            let has_dns =
                leaf.sans.iter().any(|san| san.parse::<std::net::IpAddr>().is_err() && !san.contains(':'));
            let name = leaf.common_name.as_deref()?;
            let all = question.names.iter().all(|wanted| wanted.eq_ignore_ascii_case(name));
            (!has_dns && all).then(|| format!("the common name {name} counts where there is no dNSName"))
        }
        (CauseKind::InvalidCa, None) if refusal.reason.contains("invalid policies") => {
            Some("it does not look at certificate policies unless it is told to".to_owned())
        }
        _ => None,
    }
}

/// Whether Cordum's services come past the look at their client pair before they connect (`tls chain invalid`): the
/// first certificate of the client file against the first of the CA file, no intermediates, at notBefore plus a
/// second. The CA's own dates are not what it looks at.
#[must_use]
pub fn chains_at_start(leaf: &CertificateSummary, authority: &CertificateSummary) -> bool {
    let only = verify(&ChainUnderTest {
        presented: std::slice::from_ref(&leaf.der),
        anchors: std::slice::from_ref(&authority.der),
        candidates: &[],
        names: &[],
        purpose: Purpose::Client,
        at: leaf.begins + time::Duration::seconds(1),
    });
    only.accepted || matches!(only.cause, Some(CauseKind::Expired | CauseKind::NotYetValid))
}
