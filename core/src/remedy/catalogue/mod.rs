//! What is known of each cause: one file a cause in `entries/`, compiled in. Pure.

mod fill;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::cause::{CauseKind, Variant};
use serde::{Deserialize, Serialize};

pub use fill::{Placeholders, is_path};

use super::{Change, ChangeKind};
use crate::report::Fix;

/// The operator's guide that the anchors point into.
pub const GUIDE: &str = "docs/guides/tls-setup.md";

/// One cause: what it means, how it is told from others, what to do.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogueEntry {
    /// The sentence a person knows the fault by.
    pub title: String,
    pub meaning: String,
    pub how_we_know: String,
    /// The section of the operator's guide.
    pub anchor: String,
    /// The check that proves the fix.
    pub verify: String,
    /// Texts of other tools for the same cause.
    #[serde(default)]
    pub aliases: Vec<String>,
    #[serde(default)]
    pub variant: BTreeMap<String, VariantText>,
    #[serde(default)]
    pub fix: Vec<FixText>,
}

/// A closer name for a cause.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct VariantText {
    #[serde(default)]
    pub title: Option<String>,
    #[serde(default)]
    pub note: Option<String>,
}

/// One cure, with blanks such as `{service}`. What is to be done to the platform is a blank as well
/// (`{restart:service}`): the platform says how it is typed.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FixText {
    /// Variants and places (a service; a protocol for endpoints that are none) that this cure is for; empty: any.
    #[serde(default)]
    pub when: Vec<String>,
    /// For endpoints that are no services of the stack.
    #[serde(default)]
    pub external: bool,
    pub text: String,
    #[serde(default)]
    pub command: Option<String>,
    /// The settings and files that it is about, where they have names.
    #[serde(default)]
    pub changes: Vec<ChangeText>,
}

/// One change of a cure, with blanks in its words.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeText {
    /// None for `{certificate}` and `{key}`: what they are depends on who serves.
    #[serde(default)]
    pub kind: Option<ChangeKind>,
    /// The service at fault where nothing is said.
    #[serde(default)]
    pub workload: Option<String>,
    pub name: String,
    /// None: only the operator knows.
    #[serde(default)]
    pub to: Option<String>,
    #[serde(default)]
    pub remove: bool,
}

impl ChangeText {
    /// The change with its blanks filled; `None` where nobody knows the setting's name.
    fn filled(&self, blanks: &Placeholders) -> Option<Change> {
        let (kind, name) = match (self.kind, self.name.as_str()) {
            (Some(kind), name) => (kind, blanks.fill(name)),
            (None, name) => blanks.setting(name)?,
        };
        let workload = blanks.fill(self.workload.as_deref().unwrap_or("{service}"));
        let to = self.to.as_deref().map(|to| blanks.fill(to));
        let mut change = Change::new(workload, kind, name).values(None, to.as_deref());
        change.remove = self.remove;
        Some(change)
    }
}

impl FixText {
    /// How closely it fits: by variant before by place. `None`: it is for another fault.
    fn fits(&self, variant: Option<Variant>, place: &str) -> Option<(bool, bool)> {
        let (variants, places): (Vec<&String>, Vec<&String>) =
            self.when.iter().partition(|word| word.parse::<Variant>().is_ok());
        let of_variant = variant.is_some_and(|variant| variants.iter().any(|word| *word == variant.slug()));
        let of_place = places.iter().any(|word| *word == place);
        let fits = (variants.is_empty() || of_variant) && (places.is_empty() || of_place);
        fits.then_some((of_variant, of_place))
    }
}

macro_rules! entries {
    ($($slug:literal),+ $(,)?) => { &[$(($slug, include_str!(concat!("entries/", $slug, ".toml")))),+] };
}

const SOURCES: &[(&str, &str)] = entries![
    "unknown-authority",
    "expired",
    "not-yet-valid",
    "hostname-mismatch",
    "bad-certificate",
    "client-cert-required",
    "wrong-scheme-plain-to-tls",
    "wrong-scheme-tls-to-plain",
    "protocol-version",
    "no-shared-cipher",
    "wrong-key-usage",
    "key-mismatch",
    "bad-key-file",
    "invalid-ca",
    "bad-signature",
    "connection-refused",
    "connection-reset",
    "timeout",
    "dns",
    "bad-gateway",
    "auth-not-tls",
    "mtls-not-enforced",
    "verification-not-enforced",
    "other-tls",
];

fn all() -> &'static BTreeMap<&'static str, CatalogueEntry> {
    static CELL: OnceLock<BTreeMap<&'static str, CatalogueEntry>> = OnceLock::new();
    CELL.get_or_init(|| {
        SOURCES
            .iter()
            .map(|(slug, text)| match toml::from_str(text) {
                Ok(entry) => (*slug, entry),
                // The files are part of the program; a test reads each of them.
                Err(error) => panic!("the catalogue's entry {slug} cannot be read: {error}"),
            })
            .collect()
    })
}

/// The entry of a cause.
#[must_use]
pub fn entry(cause: CauseKind) -> &'static CatalogueEntry {
    // Every cause has an entry: `tests/catalogue.rs`.
    &all()[cause.slug()]
}

/// The title of a cause, or of its variant where that has a better one.
#[must_use]
pub fn title(cause: CauseKind, variant: Option<Variant>) -> &'static str {
    let entry = entry(cause);
    variant
        .and_then(|variant| entry.variant.get(variant.slug()))
        .and_then(|text| text.title.as_deref())
        .unwrap_or(&entry.title)
}

/// How many cures are shown: one, and an alternative that says it is one.
pub const AT_MOST: usize = 2;

/// The cure for a cause at a place, and at most one other: what fits closest.
#[must_use]
pub fn fixes(cause: CauseKind, variant: Option<Variant>, place: &str, blanks: &Placeholders) -> Vec<Fix> {
    let external = blanks.is_external();
    let place = match () {
        () if external => blanks.protocol(),
        () if fill::is_path(place) => "file",
        () => place,
    };
    let candidates = || entry(cause).fix.iter().filter(|fix| fix.external == external);
    let fitting = || candidates().filter_map(|fix| fix.fits(variant, place).map(|fits| (fits, fix)));
    let closest = fitting().map(|(fits, _)| fits).max();
    let fill = |fix: &FixText| Fix {
        text: blanks.fill(&fix.text),
        command: fix.command.as_deref().and_then(|command| blanks.command(command)),
        changes: fix.changes.iter().filter_map(|change| change.filled(blanks)).collect(),
    };
    fitting().filter(|(fits, _)| Some(*fits) == closest).take(AT_MOST).map(|(_, fix)| fill(fix)).collect()
}

/// Cures of a fault at the client: what its server serves is none of its settings.
pub fn at_client(cause: CauseKind, fixes: &mut [Fix]) {
    use CauseKind::{
        BadSignature, Expired, HostnameMismatch, KeyMismatch, NotYetValid, UnknownAuthority, WrongKeyUsage,
    };
    let of_served =
        [Expired, NotYetValid, HostnameMismatch, WrongKeyUsage, KeyMismatch, BadSignature, UnknownAuthority];
    if of_served.contains(&cause) {
        fixes.iter_mut().for_each(|fix| fix.changes.clear());
    }
}

/// The cause that a person means: its name, a variant's name, or a title or alias that holds the text.
///
/// # Errors
/// The nearest names, where none fits.
pub fn find(text: &str) -> Result<(CauseKind, Option<Variant>), Vec<&'static str>> {
    let wanted = text.trim().to_ascii_lowercase();
    if let Ok(cause) = wanted.parse::<CauseKind>() {
        return Ok((cause, None));
    }
    for cause in CauseKind::ALL {
        if let Some(slug) = entry(*cause).variant.keys().find(|slug| **slug == wanted) {
            return Ok((*cause, slug.parse().ok()));
        }
    }
    if wanted.len() >= 4 {
        for cause in CauseKind::ALL {
            let one = entry(*cause);
            let texts = std::iter::once(&one.title).chain(&one.aliases);
            if texts.into_iter().any(|text| text.to_ascii_lowercase().contains(&wanted)) {
                return Ok((*cause, None));
            }
        }
    }
    let mut near: Vec<(usize, &'static str)> =
        CauseKind::ALL.iter().map(|cause| (distance(&wanted, cause.slug()), cause.slug())).collect();
    near.sort_unstable();
    Err(near.into_iter().take(3).map(|(_, slug)| slug).collect())
}

/// Levenshtein's distance of two short names.
#[must_use]
pub fn distance(left: &str, right: &str) -> usize {
    let short: String = left.chars().take(64).collect();
    strsim::levenshtein(&short, right)
}
