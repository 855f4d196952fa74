//! Certificate files: what they hold, what is wrong with each, and with those that belong together.

mod finding;
pub mod inventory;
mod key_pair;
mod keys;
pub mod layout;
mod manifest;
pub mod named;
mod paired_key;
pub mod pem;
pub mod permissions;
pub mod read;
mod reissue;
mod report;
pub mod single;
pub mod source;
mod summary;
mod verdict;

pub use finding::CertificateFinding;
pub use keys::belongs;
pub use layout::CertificatesVerdict;
pub use read::{FileContents, bytes as read_bytes};
pub use report::{CertificateReport, report};
pub use single::ValidityPolicy;
pub use source::CertificateSource;
pub use summary::CertificateSummary;
pub use verdict::{ChainUnderTest, Verification, chains_at_start, verify};
