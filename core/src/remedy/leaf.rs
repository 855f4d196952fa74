//! One new certificate of a CA that is there, beside the files in use: none of them is touched.

use std::net::IpAddr;

use super::shell;

/// What a new end-entity certificate is to be.
#[derive(Clone, Copy, Debug)]
pub struct NewLeaf<'a> {
    pub ca: &'a str,
    pub ca_key: &'a str,
    /// The key that it is for; it stays as it is.
    pub key: &'a str,
    /// `/O=Cordum/CN=cordum-server`.
    pub subject: &'a str,
    pub names: &'a [String],
    /// `serverAuth` or `clientAuth`.
    pub purpose: &'a str,
    /// A file that does not exist yet.
    pub out: &'a str,
}

impl NewLeaf<'_> {
    /// The commands, for OpenSSL 3.
    #[must_use]
    pub fn command(&self) -> String {
        let mut names: Vec<String> = Vec::new();
        for name in self.names {
            let entry = match name.parse::<IpAddr>() {
                Ok(_) => format!("IP:{name}"),
                Err(_) => format!("DNS:{name}"),
            };
            if !names.contains(&entry) {
                names.push(entry);
            }
        }
        let word = shell::word;
        let mut asked = format!(
            "openssl req -new -key {} -subj {} -addext extendedKeyUsage={} -addext keyUsage=digitalSignature",
            shell::path(self.key),
            word(self.subject),
            word(self.purpose),
        );
        if !names.is_empty() {
            asked.push_str(&format!(" -addext {}", word(&format!("subjectAltName={}", names.join(",")))));
        }
        format!(
            "{asked} | openssl x509 -req -days 365 -copy_extensions copyall -CA {} -CAkey {} -out {}",
            shell::path(self.ca),
            shell::path(self.ca_key),
            shell::path(self.out),
        )
    }
}
