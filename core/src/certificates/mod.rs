//! Certificate files: what they hold, what is wrong with each, and with those that belong together.

mod facts;
mod finding;
pub mod inventory;
mod key_pair;
mod keys;
pub mod layout;
mod manifest;
pub mod modes;
pub mod named;
mod paired_key;
pub mod pem;
pub mod read;
mod reissue;
mod report;
pub mod single;
pub mod source;
mod verdict;

pub use facts::CertificateSummary;
pub use finding::Finding;
pub use keys::belongs;
pub use layout::Judged;
pub use read::{Found, bytes as read_bytes};
pub use report::{Report, report};
pub use single::Look;
pub use source::Source;
pub use verdict::{Question, Verification, verify};
