//! The server certificate again, with names that it lacks.

use std::path::Path;

use super::key_pair::KeyPair;
use super::summary::CertificateSummary;
use crate::remedy::NewLeaf;
use crate::remedy::catalogue::Placeholders;

/// The command that signs the server certificate again, with the missing names added, into a file of its own.
pub(super) fn reissue(set: &KeyPair<'_>, leaf: &CertificateSummary, missing: &[&str]) -> String {
    let names: Vec<String> =
        leaf.sans.iter().cloned().chain(missing.iter().map(|name| (*name).to_owned())).collect();
    let Placeholders { certs, ca, .. } = &set.blanks;
    // What came from standard input or a Secret has no place on disk: the guide's stands for it.
    let of_layout = set.leaf.path.is_none() || Path::new(set.leaf.name()).starts_with(certs);
    let certificate = if of_layout { format!("{certs}/server/tls.crt") } else { set.leaf.name().to_owned() };
    let beside = |file: &str| Path::new(file).with_extension("key").to_string_lossy().into_owned();
    let subject = format!("/CN={}", leaf.called().replace('/', r"\/"));
    NewLeaf {
        ca,
        ca_key: &beside(ca),
        key: &beside(&certificate),
        subject: if of_layout { "/O=Cordum/CN=cordum-server" } else { &subject },
        names: &names,
        purpose: "serverAuth",
        out: &format!("{certificate}.new"),
    }
    .command()
}
