//! No report is too large for a page.

use serde_json::{Value, json};

use super::pages::rendered;
use super::reader::Page;

fn endpoint(index: usize, words: &str) -> Value {
    json!({"target": format!("https://host-{index}:8443"), "status": if index % 1000 == 999 { "fail" } else { "pass" },
        "summary": words, "diagnoses": [{"cause": "expired", "variant": null, "severity": "error",
            "confidence": "certain", "side": "server", "title": words, "because": [words, words],
            "fix": [{"text": words, "command": words}], "explain": "tls-verify explain expired"}],
        "details": {"presented": [{"subject": words, "issuer": words, "sha256": format!("{index:064}"),
            "not_before": "2026-01-01T00:00:00Z", "not_after": "2027-01-01T00:00:00Z", "sans": [words]}],
            "a": {"b": [{"c": words}, {"d": words}]}}})
}

fn probe(count: usize, words: &str) -> Value {
    json!({"schema": "tls-verify/probe/v1", "outcome": "fail", "exit_code": 1,
        "endpoints": (0..count).map(|index| endpoint(index, words)).collect::<Vec<_>>()})
}

#[test]
fn a_long_list_shows_what_is_not_good_first_and_counts_the_rest() {
    let html = rendered("merge", &probe(20_000, "a certificate that is as it should be"));
    assert!(html.len() < 300_000, "{}", html.len());
    let page = Page::read(&html);
    let text = page.text();
    assert!(text.contains("500 of 20000 endpoints are shown"), "{}", &text[text.len() - 500..]);
    assert!(text.contains("20 of 20000 endpoints"), "the failed ones are counted");
    // The failed ones are among the last of the list, and the first of the page.
    assert!(text.find("host-999:").unwrap() < text.find("host-0:").unwrap());
}

#[test]
fn a_megabyte_in_every_place_is_cut() {
    let words = "x<y>& ".repeat(170_000);
    for report in [
        probe(3, &words),
        json!({"schema": "tls-verify/certs/v1", "outcome": "fail", "exit_code": 1, "at": "2026-01-01T00:00:00Z",
            "findings": [{"file": words, "cause": "expired", "severity": "error", "message": words, "fix": []}],
            "certificates": [], "verifications": []}),
        json!({"schema": "tls-verify/run/v1", "started_at": "2026-01-01T00:00:00Z", "outcome": "fail", "exit_code": 1,
            "target": {words.clone(): words}, "summary": {"fail": 1},
            "root_causes": [{"cause": "expired", "where": words, "checks": [words], "summary": words,
                "because": vec![words.clone(); 40], "fix": [{"text": words, "command": words}]}],
            "checks": [{"number": 1, "id": words, "title": words, "status": "fail", "summary": words,
                "diagnoses": [], "details": {words.clone(): [words]}}]}),
    ] {
        let html = rendered("run", &report);
        assert!(html.len() < 300_000, "{}", html.len());
        let page = Page::read(&html);
        assert!(page.text().contains("more bytes"));
        // A command that was cut is not for the clipboard.
        assert!(!page.elements().iter().any(|(_, all)| all.iter().any(|(key, _)| key == "data-copy")));
    }
}
