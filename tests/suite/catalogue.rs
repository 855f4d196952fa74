//! Every promised cause has an entry that can be filled, found and shown.

use serde_json::Value;
use tls_verify_checks::cause::{CauseKind, Variant};
use tls_verify_core::remedy::catalogue::{self, Placeholders};

fn run(args: &[&str]) -> (i32, String) {
    let output = crate::bare().args(args).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn every_cause_has_an_entry_with_a_fix_and_no_blank_is_left() {
    for cause in CauseKind::ALL {
        let entry = catalogue::entry(*cause);
        assert!(entry.meaning.len() > 40 && entry.how_we_know.len() > 20, "{cause}");
        assert!(
            tls_verify_checks::ALL.iter().any(|check| check.id == entry.verify),
            "{cause} names the check {}",
            entry.verify
        );
        for name in entry.variant.keys() {
            assert!(name.parse::<Variant>().is_ok(), "{cause}: {name} is no variant");
        }
        for variant in [None].into_iter().chain(Variant::ALL.iter().copied().map(Some)) {
            for place in ["api-gateway", "nats", "redis", "dashboard"] {
                let fixes = catalogue::fixes(*cause, variant, place, &Placeholders::default());
                assert!(!fixes.is_empty(), "{cause} {variant:?} {place}");
                for fix in fixes {
                    let text = format!("{} {}", fix.text, fix.command.unwrap_or_default());
                    for blank in
                        ["{service}", "{ca}", "{certs}", "{file}", "{target}", "{restart", "{verify}"]
                    {
                        assert!(!text.contains(blank), "{cause}: {text}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_cause_is_found_by_its_name_its_variant_and_its_message() {
    assert_eq!(catalogue::find("expired"), Ok((CauseKind::Expired, None)));
    let (cause, variant) = catalogue::find("ca-regenerated").unwrap();
    assert_eq!((cause, variant), (CauseKind::UnknownAuthority, Some(Variant::CaRegenerated)));
    assert_eq!(catalogue::find("no such host").map(|found| found.0), Ok(CauseKind::Dns));
    assert_eq!(catalogue::find("expird").unwrap_err()[0], "expired");
}

#[test]
fn explain_fits_eighty_columns_and_lists_all() {
    let (code, list) = run(&["explain"]);
    assert_eq!(code, 0);
    for cause in CauseKind::ALL {
        assert!(list.contains(cause.slug()), "{cause}");
        let (code, text) = run(&["explain", cause.slug()]);
        assert_eq!(code, 0);
        for line in text.lines().filter(|line| !line.trim_start().starts_with('$')) {
            assert!(line.chars().count() <= 80, "{cause}: {line}");
        }
        let (_, json) = run(&["explain", cause.slug(), "--format", "json"]);
        let json: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["cause"], cause.slug());
    }
    assert_eq!(run(&["explain", "nonsense-word"]).0, 2);
}
