//! Why a file of certificates or keys cannot be used, in the words of systems and libraries.

use crate::cause::{CauseKind, Variant};

use super::sense::Recognised;

/// What a line says of the file, lower case.
const SAID: &[(&str, Variant)] = &[
    ("no such file", Variant::FileMissing),
    ("enoent", Variant::FileMissing),
    ("cannot find the file", Variant::FileMissing),
    ("could not find file", Variant::FileMissing),
    ("does not exist", Variant::FileMissing),
    ("permission denied", Variant::PermissionDenied),
    ("eacces", Variant::PermissionDenied),
    ("bad decrypt", Variant::Encrypted),
    ("password was incorrect", Variant::Encrypted),
    ("password is not correct", Variant::Encrypted),
    ("no start line", Variant::NoPem),
];

/// The same with the variant that the line tells.
pub(super) fn detailed(text: &[u8], found: Recognised) -> Recognised {
    if found.kind != CauseKind::BadKeyFile || found.variant.is_some() {
        return found;
    }
    let lower = text.to_ascii_lowercase();
    let said = SAID.iter().find(|(words, _)| memchr::memmem::find(&lower, words.as_bytes()).is_some());
    Recognised { variant: said.map(|(_, variant)| *variant), ..found }
}
