//! The real paths, hosts and services for a step's blanks.

/// What is put into the blanks.
#[derive(Clone, Debug)]
pub struct Blanks {
    pub service: String,
    pub ca: String,
    pub certs: String,
    /// The file at fault, or the one that most probably is.
    pub file: String,
    pub target: String,
    pub name: String,
    pub link: String,
    pub compose: String,
    pub verify: String,
}

impl Default for Blanks {
    fn default() -> Self {
        let word = |text: &str| text.to_owned();
        Self {
            service: word("SERVICE"),
            ca: word("./certs/ca/ca.crt"),
            certs: word("./certs"),
            file: word("./certs/client/tls.key"),
            target: word("HOST:PORT"),
            name: word("NAME"),
            link: word("gateway"),
            compose: word("docker compose"),
            verify: word("gateway-https"),
        }
    }
}

impl Blanks {
    /// The text with its blanks filled.
    #[must_use]
    pub fn fill(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len() + 32);
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            out.push_str(&rest[..open]);
            let tail = &rest[open..];
            let Some((word, after)) = tail[1..].split_once('}') else {
                rest = tail;
                break;
            };
            match self.value(word) {
                Some(value) => out.push_str(value),
                None => {
                    out.push('{');
                    out.push_str(word);
                    out.push('}');
                }
            }
            rest = after;
        }
        out.push_str(rest);
        out
    }

    fn value(&self, word: &str) -> Option<&str> {
        Some(match word {
            "service" => &self.service,
            "ca" => &self.ca,
            "certs" => &self.certs,
            "file" => &self.file,
            "target" => &self.target,
            "name" => &self.name,
            "link" => &self.link,
            "compose" => &self.compose,
            "verify" => &self.verify,
            _ => return None,
        })
    }
}
