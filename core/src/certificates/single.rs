//! What can be said of one certificate alone.

use std::time::Duration;

use crate::cause::{CauseKind, Severity, Variant};
use crate::remedy::shell;
use time::OffsetDateTime;

use super::finding::CertificateFinding;
use super::source::CertificateSource;
use super::summary::CertificateSummary;

/// How certificates are looked at.
#[derive(Clone, Copy, Debug)]
pub struct ValidityPolicy {
    pub at: OffsetDateTime,
    pub expiry_warn: Duration,
}

/// `2026-11-24`.
#[must_use]
pub fn day(at: OffsetDateTime) -> String {
    let format = time::macros::format_description!("[year]-[month]-[day]");
    at.format(&format).unwrap_or_default()
}

/// What of a file cannot be used.
#[must_use]
pub fn unreadable(source: &CertificateSource) -> Vec<CertificateFinding> {
    source
        .found
        .faults
        .iter()
        .map(|fault| {
            // What was read all the same is only worth a look.
            let usable = !source.found.blocks.is_empty() && fault.variant == Variant::WrongKind;
            let grade = if usable { Severity::Warning } else { Severity::Error };
            let finding = CertificateFinding::new(source.name(), grade, fault.message.clone())
                .of(CauseKind::BadKeyFile, Some(fault.variant));
            match fault.variant {
                Variant::PermissionDenied => finding.fix(
                    "make it readable for whoever has to read it",
                    match source.name() {
                        key if key.ends_with(".key") => String::new(),
                        file => format!("chmod a+r {}", shell::path(file)),
                    },
                ),
                Variant::FileMissing => finding.fix(
                    "put it there; for a new development stack `cordumctl generate-certs` writes the whole folder",
                    "cordumctl generate-certs --dir ./certs",
                ),
                Variant::WrongKind => as_what_it_is(finding, &fault.message),
                Variant::NoPem => finding.fix(
                    "put a PEM file there: `-----BEGIN CERTIFICATE-----` for a certificate, `-----BEGIN PRIVATE \
                     KEY-----` for a key",
                    "",
                ),
                _ => finding,
            }
        })
        .collect()
}

/// The way from what lies there to what has to lie there.
fn as_what_it_is(finding: CertificateFinding, message: &str) -> CertificateFinding {
    let plain = finding.file.clone();
    let (file, beside) = (shell::path(&plain), shell::path(&format!("{plain}.pem")));
    if message.contains("PKCS#12") {
        finding.fix("write its content as PEM", format!("openssl pkcs12 -in {file} -nodes -out {beside}"))
    } else if message.contains("it is a directory") {
        finding.fix(
            "Docker makes a directory where a mounted file is missing: remove it, put the file there, and create \
             the container again",
            "",
        )
    } else if message.starts_with("it is DER;") {
        finding.fix("write it as PEM", format!("openssl x509 -inform der -in {file} -out {beside}"))
    } else if message.starts_with("it is a DER key") {
        finding.fix("write it as PEM", format!("openssl pkey -inform der -in {file} -out {beside}"))
    } else if message.contains("headers in its block") {
        finding.fix("write it anew, without them", format!("openssl x509 -in {file} -out {beside}"))
    } else if message.contains("written in UTF-16") {
        finding.fix("save it as UTF-8", format!("iconv -f UTF-16 -t UTF-8 -o {beside} {file}"))
    } else if message.contains("is labelled") {
        finding.fix("write it with the label `CERTIFICATE`", format!("openssl x509 -in {file} -out {beside}"))
    } else if message.contains("cannot be parsed") {
        finding.fix("copy the certificate anew from where it was made", "")
    } else {
        finding
    }
}

/// The name of every CA that `cordumctl generate-certs` makes.
const GENERATED: &str = "Cordum Dev CA";

/// Dates; `main`: the file does not work without this certificate.
#[must_use]
pub fn dates(one: &CertificateSummary, policy: ValidityPolicy, main: bool) -> Option<CertificateFinding> {
    let renew = |finding: CertificateFinding| {
        if one.is_ca {
            finding.fix(
                "put a renewed certificate of this CA there (same key): what it signed stays valid. With a new CA \
                 everything under it is made anew too, and whoever trusts the old one needs the new file and a restart",
                if one.called() == GENERATED { "cordumctl generate-certs --force --days 365" } else { "" },
            )
        } else {
            finding.fix(
                "renew it: one new certificate of the same CA, with the same names and purpose; Go servers read \
                 the new file within 30 s, NATS and Redis need a restart",
                "",
            )
        }
    };
    let grade = if main { Severity::Error } else { Severity::Warning };
    let what = format!("the certificate of {}", one.called());
    if policy.at > one.ends {
        let ago = (policy.at - one.ends).whole_days();
        let message = format!("{what} ended on {} ({ago} days ago)", day(one.ends));
        let variant = one.is_ca.then_some(Variant::ExpiredCa);
        return Some(renew(
            CertificateFinding::new(&one.file, grade, message).of(CauseKind::Expired, variant),
        ));
    }
    if policy.at < one.begins {
        let ahead = (one.begins - policy.at).whole_days();
        let message = format!("{what} is not valid before {} (in {ahead} days)", day(one.begins));
        return Some(
            CertificateFinding::new(&one.file, grade, message).of(CauseKind::NotYetValid, None).fix(
                "wait, or issue it again; look at the clocks: `date -u` here and in the containers",
                "date -u",
            ),
        );
    }
    let left = one.ends - policy.at;
    let life = one.ends - one.begins;
    let soon = left <= time::Duration::try_from(policy.expiry_warn).unwrap_or(time::Duration::MAX);
    if soon || left * 3 < life {
        let why = if soon { "" } else { ", the last third of its lifetime" };
        let message = format!("{what} ends on {} (in {} days{why})", day(one.ends), left.whole_days());
        return Some(renew(
            CertificateFinding::new(&one.file, Severity::Warning, message).of(CauseKind::Expired, None),
        ));
    }
    None
}

/// Keys, signatures, serial numbers, and whether Go can read it at all.
#[must_use]
pub(super) fn make(one: &CertificateSummary) -> Vec<CertificateFinding> {
    let mut found = Vec::new();
    let what = format!("the certificate of {}", one.called());
    if let Some(why) = &one.unread_by_go {
        let negative = one.raw_serial.first().is_some_and(|byte| byte & 0x80 != 0);
        let message = if negative {
            format!("{what} has a negative serial number: Go (since 1.23) does not parse it")
        } else {
            format!("{what} is not parsed by Go: {why}")
        };
        found.push(
            CertificateFinding::new(&one.file, Severity::Error, message)
                .of(CauseKind::OtherTls, None)
                .fix("issue it again with a tool that follows RFC 5280", ""),
        );
    }
    let weak = |variant, message: String| {
        CertificateFinding::new(&one.file, Severity::Warning, message)
            .of(CauseKind::OtherTls, Some(variant))
            .fix("issue it again with an EC P-256 key and SHA-256", "")
    };
    if one.key.starts_with("RSA") && one.bits < 2048 {
        let message = match one.bits {
            ..1024 => format!("{what} has an RSA key of {} bits: Go refuses it (below 1024)", one.bits),
            _ => format!(
                "{what} has an RSA key of {} bits: Go accepts it, OpenSSL at security level 2 and rustls do not",
                one.bits
            ),
        };
        found.push(weak(Variant::WeakKey, message));
    } else if one.key.starts_with("RSA") && one.bits > 8192 {
        let message = format!("{what} has an RSA key of {} bits: Go's TLS refuses more than 8192", one.bits);
        found.push(weak(Variant::WeakKey, message));
    } else if ["DSA", "Ed448", "EC with", "EC 1.", "EC P-224"].iter().any(|kind| one.key.starts_with(kind)) {
        let message =
            format!("{what} has a key that Go's TLS cannot use or many peers do not know: {}", one.key);
        found.push(weak(Variant::WeakKey, message));
    }
    if !one.self_issued && ["SHA1", "MD5", "MD2"].iter().any(|weak| one.signature.contains(weak)) {
        let hash = if one.signature.contains("SHA1") { "SHA-1" } else { "MD5" };
        let message = format!(
            "{what} is signed with {} ({hash}): Go refuses it, and OpenSSL at security level 2 does not load it",
            one.signature
        );
        let finding =
            weak(Variant::WeakSignature, message).of(CauseKind::BadSignature, Some(Variant::WeakSignature));
        found.push(CertificateFinding { severity: Severity::Error, ..finding });
    }
    let digits: &[u8] = one.raw_serial.strip_prefix(&[0]).unwrap_or(&one.raw_serial);
    if digits.iter().all(|byte| *byte == 0) {
        let message = format!("{what} has the serial number 0 (RFC 5280, 4.1.2.2, wants a positive one)");
        found.push(
            CertificateFinding::new(&one.file, Severity::Warning, message).of(CauseKind::OtherTls, None),
        );
    } else if one.raw_serial.len() > 20 {
        let message = format!(
            "{what} has a serial number of {} octets (RFC 5280, 4.1.2.2, allows 20)",
            one.raw_serial.len()
        );
        found.push(
            CertificateFinding::new(&one.file, Severity::Warning, message).of(CauseKind::OtherTls, None),
        );
    }
    found
}

/// What a CA certificate must say of itself.
#[must_use]
pub(super) fn authority(one: &CertificateSummary) -> Option<CertificateFinding> {
    let what = format!("the certificate of {}", one.called());
    let refuse = |message: String| {
        Some(
            CertificateFinding::new(&one.file, Severity::Error, message)
                .of(CauseKind::InvalidCa, Some(Variant::NotACa))
                .fix("use the CA's own certificate; make one with `cordumctl generate-certs`", ""),
        )
    };
    if !one.is_ca {
        return refuse(format!("{what} is no CA certificate (basicConstraints); Go lets it sign nothing"));
    }
    if !one.key_usages.is_empty() && !one.key_usages.iter().any(|usage| usage == "keyCertSign") {
        return refuse(format!("{what} may not sign certificates (keyUsage without keyCertSign)"));
    }
    None
}
