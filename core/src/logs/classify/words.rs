//! A line as plain words, so that one phrase fits all spellings of a message: `CertificateExpired`,
//! `CERT_HAS_EXPIRED`, `the certificate has expired` are all `cert expired`.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::names;
use super::quick::Quick;

/// Words that say nothing for themselves.
const FILLERS: &[&str] = &[
    "a", "an", "and", "are", "at", "be", "been", "but", "by", "for", "from", "has", "have", "in", "is", "it",
    "its", "of", "on", "that", "the", "this", "to", "was", "were", "with", "your",
];

/// Words of one meaning: the second stands for the first.
const SAME: &[(&str, &str)] = &[
    ("certificate", "cert"),
    ("certificates", "cert"),
    ("certs", "cert"),
    ("certificated", "cert"),
    ("crt", "cert"),
    ("ciphers", "cipher"),
    ("ciphersuite", "cipher"),
    ("ciphersuites", "cipher"),
    ("cypher", "cipher"),
    ("authorities", "authority"),
    ("keys", "key"),
    ("pkey", "key"),
    ("privkey", "privatekey"),
    ("hostnames", "hostname"),
    ("cant", "cannot"),
    ("couldnt", "cannot"),
    ("unable", "cannot"),
    ("failed", "cannot"),
    ("didnt", "not"),
    ("doesnt", "not"),
    ("dont", "not"),
    ("isnt", "not"),
    ("wasnt", "not"),
    ("hasnt", "not"),
    ("wont", "not"),
    ("arent", "not"),
    ("selfsigned", "self signed"),
    ("timedout", "timed out"),
    ("mismatched", "mismatch"),
    ("mismatches", "mismatch"),
    ("connections", "connection"),
    ("conn", "connection"),
    ("issuers", "issuer"),
    ("errors", "error"),
    ("err", "error"),
    ("alerts", "alert"),
    ("ssltls", "tls"),
    ("mtls", "tls"),
];

/// Endings and folders of files that hold certificates or keys.
const ENDINGS: &[&str] = &[
    ".crt",
    ".pem",
    ".key",
    ".cer",
    ".cert",
    ".der",
    ".p12",
    ".pfx",
    ".jks",
    ".keystore",
    ".truststore",
    ".p8",
    ".ca-bundle",
];
const FOLDERS: &[&str] = &["/ssl/", "/tls/", "/certs/", "/pki/", "letsencrypt/", "/cert/", "/ca/"];

/// The words of a line, in lower case and without fillers, split at [`Words::iter`]'s borders.
#[derive(Debug, Default)]
pub(super) struct Words {
    text: String,
    ends: Vec<u32>,
}

/// Words that stand for others, or for nothing.
fn meanings() -> &'static HashMap<&'static str, &'static str, Quick> {
    static CELL: OnceLock<HashMap<&str, &str, Quick>> = OnceLock::new();
    CELL.get_or_init(|| FILLERS.iter().map(|filler| (*filler, "")).chain(SAME.iter().copied()).collect())
}

/// No message needs more.
const WORDS: usize = 400;

impl Words {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn get(&self, index: usize) -> &str {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]) as usize;
        &self.text[start..self.ends[index] as usize]
    }

    fn put(&mut self, word: &str) {
        if self.ends.len() < WORDS {
            self.text.push_str(word);
            self.ends.push(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
        }
    }

    fn drop_last(&mut self) {
        self.ends.pop();
        self.text.truncate(self.ends.last().map_or(0, |end| *end as usize));
    }

    /// Adds a word in lower case by its meaning.
    fn add(&mut self, word: &str) {
        let last = self.ends.len().checked_sub(1).map(|index| self.get(index));
        let joined = match (last, word) {
            (Some("could" | "can"), "not") => Some("cannot"),
            (Some("did" | "does" | "do" | "is" | "was" | "has"), "not") => Some("not"),
            (Some("private"), "key" | "keys") => Some("privatekey"),
            (Some("host"), "name" | "names") => Some("hostname"),
            (Some("time"), "out") => Some("timeout"),
            (Some("root"), "cause") => Some("rootcause"),
            (Some("cert"), "file" | "path") => Some("certfile"),
            (Some("privatekey" | "key"), "file" | "path") => Some("keyfile"),
            _ => None,
        };
        if let Some(joined) = joined {
            self.drop_last();
            self.put(joined);
        } else {
            match meanings().get(word) {
                // Says nothing.
                Some(&"") => {}
                Some(same) => same.split(' ').for_each(|part| self.put(part)),
                None => self.put(word),
            }
        }
    }

    /// Reads a line without its request path, addresses and file names.
    pub(super) fn read(line: &[u8]) -> Self {
        let mut words = Self::default();
        let mut rest = line;
        while !rest.is_empty() && words.ends.len() < WORDS {
            let end = ends(rest);
            words.chunk(&rest[..end]);
            if rest[..end].ends_with(b":") {
                words.put(":");
            }
            let mut next = end + 1;
            match (rest.get(end), rest.get(end + 1)) {
                (Some(b'='), _) => words.put("="),
                // JSON's way to name a value; a quoted address before a colon is Go's way to say where.
                (Some(b'"'), Some(b':')) if end > 0 && !rest[..end].contains(&b'/') => {
                    words.put("=");
                    next += 1;
                }
                _ => {}
            }
            rest = rest.get(next..).unwrap_or_default();
        }
        words
    }

    /// Text without blanks, quotes or brackets: a path, an address, or words.
    fn chunk(&mut self, chunk: &[u8]) {
        // A path in single quotes is a path.
        let chunk = match chunk.strip_prefix(b"'") {
            Some(rest) if rest.starts_with(b"/") => {
                let end = memchr::memchr(b'\'', rest).unwrap_or(rest.len());
                &rest[..end]
            }
            _ => chunk,
        };
        if let Some(kind) = names::kind(chunk)
            && !ENDINGS.iter().any(|ending| chunk.ends_with(ending.as_bytes()))
        {
            self.put(kind);
            return;
        }
        let slashes = memchr::memchr_iter(b'/', chunk).count();
        // A file of source or of text.
        if slashes < 2 && names::is_file(chunk) {
            self.put("path");
            return;
        }
        // An object in its namespace.
        if slashes == 1 && chunk.rsplit(|byte| *byte == b'/').next().is_some_and(names::is_key) {
            self.put("object");
            return;
        }
        if slashes == 0 || chunk == b"/" {
            let lower = chunk.to_ascii_lowercase();
            let file = lower.strip_suffix(b".").unwrap_or(&lower);
            let file = file.strip_suffix(b":").unwrap_or(file);
            if file.len() > 4
                && !file.starts_with(b".")
                && ENDINGS.iter().any(|ending| file.ends_with(ending.as_bytes()))
            {
                self.put("certfile");
                return;
            }
            match memchr::memchr(b':', chunk).filter(|_| Self::is_level(chunk)) {
                Some(colon) if !matches!(&chunk[colon + 1..], b"info" | b"debug" | b"notice") => {}
                Some(_) => self.put("info"),
                None => self.split(chunk),
            }
            return;
        }
        if memchr::memmem::find(chunk, b"://").is_some() {
            self.put("url");
            return;
        }
        if slashes >= 2 || chunk.starts_with(b"/") || chunk.starts_with(b"./") || chunk.starts_with(b"~") {
            let lower = String::from_utf8_lossy(chunk).to_ascii_lowercase();
            let name = lower.trim_end_matches(['.', ':', ',', ';']);
            if ENDINGS.iter().any(|ending| name.ends_with(ending))
                || (FOLDERS.iter().any(|folder| name.contains(folder)) && !is_source(name))
            {
                self.put("certfile");
            } else {
                self.put("path");
            }
            return;
        }
        let lower = chunk.to_ascii_lowercase();
        if ENDINGS.iter().any(|ending| lower.ends_with(ending.as_bytes())) {
            self.put("certfile");
        } else {
            self.split(chunk);
        }
    }

    /// A level in brackets, as Apache's `[ssl:error]`, is no word on what happened.
    fn is_level(chunk: &[u8]) -> bool {
        let Some(colon) = memchr::memchr(b':', chunk) else { return false };
        chunk[..colon].iter().all(u8::is_ascii_lowercase)
            && [&b"error"[..], b"warn", b"info", b"debug", b"notice", b"crit", b"emerg", b"alert"]
                .contains(&&chunk[colon + 1..])
    }

    /// Words at changes between letters and others, and at humps (`UnknownIssuer`, `SSLError`).
    fn split(&mut self, chunk: &[u8]) {
        let mut word = String::new();
        for (index, byte) in chunk.iter().copied().enumerate() {
            if !byte.is_ascii_alphanumeric() {
                // `didn't` is one word, `altname's` another.
                let inside = index > 0 && chunk.get(index + 1).is_some_and(u8::is_ascii_alphabetic);
                // (Escaped too, within somebody's quotes.)
                if (byte == b'\'' && inside) || (byte == b'\\' && chunk.get(index + 1) == Some(&b'\'')) {
                    continue;
                }
                self.end(&mut word);
                continue;
            }
            if byte.is_ascii_uppercase() && index > 0 {
                let before = chunk[index - 1];
                let after = chunk.get(index + 1).copied().unwrap_or(b' ');
                let beyond = chunk.get(index + 2).copied().unwrap_or(b' ');
                let hump = before.is_ascii_lowercase()
                    || (before.is_ascii_digit() && word.len() > 3 && after.is_ascii_lowercase())
                    || (before.is_ascii_uppercase()
                        && after.is_ascii_lowercase()
                        && beyond.is_ascii_lowercase());
                if hump {
                    self.end(&mut word);
                }
            }
            word.push(byte.to_ascii_lowercase() as char);
        }
        self.end(&mut word);
    }

    fn end(&mut self, word: &mut String) {
        if !word.is_empty() {
            self.add(word);
            word.clear();
        }
    }
}

/// Where a chunk ends; a query belongs to its path.
fn ends(text: &[u8]) -> usize {
    let next = |from: usize| {
        text[from..].iter().position(|byte| is_break(*byte)).map_or(text.len(), |length| from + length)
    };
    let mut end = next(0);
    let asks = (text.starts_with(b"/") || memchr::memmem::find(&text[..end], b"://").is_some())
        && memchr::memchr(b'?', &text[..end]).is_some();
    while asks && text.get(end) == Some(&b'=') {
        end = next(end + 1);
    }
    end
}

/// A place in a program's source.
fn is_source(name: &str) -> bool {
    let name = name.trim_end_matches(|last: char| last.is_ascii_digit() || last == ':');
    [
        ".c", ".cc", ".cpp", ".h", ".go", ".js", ".ts", ".py", ".java", ".rs", ".erl", ".rb", ".php", ".cs",
        ".html",
    ]
    .iter()
    .any(|ending| name.ends_with(ending))
}

fn is_break(byte: u8) -> bool {
    matches!(
        byte,
        b' ' | b'\t'
            | b'"'
            | b'('
            | b')'
            | b'['
            | b']'
            | b'{'
            | b'}'
            | b'<'
            | b'>'
            | b'='
            | b','
            | b';'
            | b'|'
            | b'`'
    ) || !(b' '..0x80).contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> String {
        let words = Words::read(line.as_bytes());
        (0..words.len()).map(|index| words.get(index)).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn spellings_become_one() {
        assert_eq!(words("CertificateExpired"), "cert expired");
        assert_eq!(words("code: 'CERT_HAS_EXPIRED'"), "code : cert expired");
        assert_eq!(words("The certificate has expired."), "cert expired");
        assert_eq!(words("SSLHandshakeException: PKIX path"), "ssl handshake exception : pkix path");
        assert_eq!(words("client didn't provide a certificate"), "client not provide cert");
        assert_eq!(words("Could not load private key"), "cannot load privatekey");
        assert_eq!(words("tlsv1 alert TLSv1.3 SSLv3 X509"), "tlsv1 alert tlsv1 3 sslv3 x509");
    }

    #[test]
    fn paths_and_addresses_are_no_words() {
        assert_eq!(words("open /etc/ssl/site.crt: permission denied"), "open certfile : permission denied");
        assert_eq!(words("path=/api/v1/certificates/expired status=200"), "path = path status = 200");
        assert_eq!(words("Get \"https://a/tls-error\": EOF"), "get url : eof");
        assert_eq!(words("CN=expired.badssl.com, x@1.0.2 ssl.SSLError"), "cn = name name ssl ssl error");
        assert_eq!(words("GET /x/y?type=unknown_ca&a=b: EOF"), "get path : eof");
        assert_eq!(words("add certificate_expired_at"), "add name");
        assert_eq!(words("dial_timeout=5s"), "dial timeout = 5s");
        assert_eq!(words(r#"{"timeout":"5s","error":"EOF"}"#), "timeout = 5s error = eof");
    }
}
