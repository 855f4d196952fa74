//! The report as one page for people: nothing from elsewhere, readable without scripts, within 300 KB. It is
//! made from the JSON of a report, so that every command has the same page, and so has a report that was read
//! from a file. Every text is masked, cut and escaped on its way.

mod build;
pub(crate) mod escape;
mod filters;
mod items;
mod lists;
mod model;
mod picture;
mod read;
mod run;
mod stack;
mod validity;

use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use model::Parts;
use read::{BOUNDS, Bounds};

/// No page is larger.
pub const LARGEST: usize = 300 * 1000;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");
const LIVE: &str = include_str!("live.js");

/// What was asked of the tool, so that the page can be understood a year later.
#[derive(Clone, Debug, Default)]
pub struct PageRequest {
    /// `run`, `demo`, `probe`…
    pub command: String,
    /// The command line, without secrets.
    pub line: String,
    pub version: String,
    /// The machine that it ran on.
    pub host: String,
    /// RFC 3339: when the page was made.
    pub at: String,
    /// What each check claims, by its name.
    pub about: Vec<(String, String)>,
}

/// The watch that a live page is of.
#[derive(Clone, Debug, Default)]
pub struct LivePage {
    /// Seconds between two looks.
    pub every: u64,
    /// The last rounds, oldest first: when, status, a sentence.
    pub rounds: Vec<(String, &'static str, String)>,
    /// What changed when, newest first.
    pub changes: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    page: &'a Parts,
    style: &'a str,
    script: &'a str,
    policy: String,
    refresh: Option<u64>,
}

/// The page of a report. `mask` takes secrets out of a text.
///
/// # Errors
/// Never, but for what formatting itself may say.
pub fn page(
    report: &Value,
    asked: &PageRequest,
    live: Option<&LivePage>,
    mask: &dyn Fn(&str) -> String,
) -> Result<String, std::fmt::Error> {
    let mut html = String::new();
    for bounds in BOUNDS {
        html = within(report, asked, live, mask, bounds)?;
        if html.len() < LARGEST {
            break;
        }
    }
    Ok(html)
}

fn within(
    report: &Value,
    asked: &PageRequest,
    live: Option<&LivePage>,
    mask: &dyn Fn(&str) -> String,
    bounds: Bounds,
) -> Result<String, std::fmt::Error> {
    let report = read::bounded(&read::shortened(report, bounds), bounds, mask);
    let mut parts = build::parts(&report, asked, bounds);
    let script = match live {
        Some(live) => {
            build::live(&mut parts, live, mask, bounds);
            format!("{SCRIPT}{LIVE}")
        }
        None => SCRIPT.to_owned(),
    };
    let page = Page {
        page: &parts,
        style: STYLE,
        script: &script,
        policy: policy(&script, live.is_some()),
        refresh: live.map(|live| live.every.clamp(1, 3600)),
    };
    page.render().map_err(|_| std::fmt::Error)
}

/// Nothing is loaded from anywhere, and nothing runs but what stands in the page.
fn policy(script: &str, live: bool) -> String {
    let hash = |text: &str| {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
        STANDARD.encode(digest)
    };
    let connect = if live { "'self'" } else { "'none'" };
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; connect-src {connect}; \
         base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(script)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the live page has beside the report, and what was asked, are foreign words too.
    #[test]
    fn rounds_changes_and_the_command_line_are_text() {
        let evil = "</li><script>alert(1)</script>\u{202e}\u{1b}[31m secret";
        let live = LivePage {
            every: 2,
            rounds: vec![("2026-01-01T00:00:00Z".to_owned(), "fail", evil.repeat(500))],
            changes: vec![("2026-01-01T00:00:00Z".to_owned(), evil.repeat(500))],
        };
        let asked = PageRequest {
            command: "run".to_owned(),
            line: evil.to_owned(),
            host: evil.to_owned(),
            at: evil.to_owned(),
            ..PageRequest::default()
        };
        let report = serde_json::json!({"schema": "tls-verify/run/v1", "outcome": "fail", "exit_code": 1});
        let html = page(&report, &asked, Some(&live), &|text| text.replace("secret", "***")).unwrap();
        assert_eq!(html.matches("<script").count(), 1);
        assert!(html.contains("&lt;script&gt;alert(1)") && html.contains("⟨U+202E⟩␛[31m"));
        assert!(!html.contains('\u{202e}') && !html.contains('\u{1b}'));
        // A round's words are cut before they are repeated five hundred times.
        assert!(html.len() < 40_000, "{}", html.len());
        let changes = html.split("class=\"changes\"").nth(1).unwrap().split("</table>").next().unwrap();
        assert!(changes.contains("***") && !changes.contains("secret"), "{changes}");
    }
}
