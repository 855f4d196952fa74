//! The handbook's pages that are made from the program are what the program says now; `HANDBOOK_ACCEPT=1`
//! writes them anew.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tls_verify_core::cause::CauseKind;
use tls_verify_fixtures::child;

fn explained(words: &[&str]) -> Value {
    child::run(crate::bare().arg("explain").args(words).args(["--format", "json"]), Duration::from_secs(60))
        .json()
}

fn word<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn causes() -> String {
    let mut page = String::from(
        "# Causes\n\nWhat `tls-verify explain CAUSE` says, with stand-ins for your paths and services. In a report \
         the first fix holds the real ones.\n",
    );
    for cause in CauseKind::ALL {
        let one = explained(&[cause.slug()]);
        write!(page, "\n## `{cause}`\n\n**{}**\n\n{}\n\n", word(&one, "title"), word(&one, "meaning"))
            .unwrap();
        writeln!(page, "*How it is known:* {}\n", word(&one, "how_we_know")).unwrap();
        let variants = one["variants"].as_object().unwrap();
        if !variants.is_empty() {
            page.push_str("| variant | says |\n|---|---|\n");
            for (name, variant) in variants {
                let says = [word(variant, "title"), word(variant, "note")];
                let says: Vec<&str> = says.into_iter().filter(|text| !text.is_empty()).collect();
                writeln!(page, "| `{name}` | {} |", says.join(". ").replace('|', "\\|")).unwrap();
            }
            page.push('\n');
        }
        page.push_str("What to do:\n\n");
        for fix in one["fix"].as_array().unwrap() {
            let when: Vec<&str> =
                fix["when"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let when = if when.is_empty() { String::new() } else { format!(" (for {})", when.join(", ")) };
            writeln!(page, "- {}{when}", word(fix, "text")).unwrap();
            if let Some(command) = fix["command"].as_str() {
                writeln!(page, "\n  ```sh\n  {}\n  ```", command.replace('\n', "\n  ")).unwrap();
            }
        }
        writeln!(page, "\nProve it: `tls-verify run --only {}`", word(&one, "verify")).unwrap();
    }
    page
}

fn rules() -> String {
    let mut page = String::from(
        "# Rules of `audit`\n\nWhat `tls-verify explain RULE` says. A line `# tls-verify: allow RULE` in the file leaves a \
         finding out; one that matches nothing is a finding itself.\n",
    );
    for rule in tls_verify_core::rules::ALL {
        let one = explained(&[rule.id]);
        let cause = one["cause"]
            .as_str()
            .map_or_else(String::new, |cause| format!(", cause [`{cause}`](causes.md#{cause})"));
        write!(
            page,
            "\n## `{}`\n\n**{}** ({}{cause})\n\n{}\n",
            rule.id,
            word(&one, "title"),
            word(&one, "severity"),
            word(&one, "meaning")
        )
        .unwrap();
    }
    page
}

fn checks() -> String {
    let mut page = String::from(
        "# Checks\n\nThe first seven are run; `--all` adds the others, `--only` and `--skip` choose by id or number.\n",
    );
    for check in tls_verify_checks::ALL {
        let also = if check.documented { "" } else { " (extended)" };
        write!(page, "\n## {} `{}`{also}\n\n**{}.** {}.\n", check.number, check.id, check.title, check.about)
            .unwrap();
    }
    page
}

#[test]
fn the_pages_made_from_the_program_are_what_it_says_now() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/handbook");
    let mut wrong = Vec::new();
    for (name, page) in [("causes.md", causes()), ("checks.md", checks()), ("rules.md", rules())] {
        let file = folder.join(name);
        if std::env::var_os("HANDBOOK_ACCEPT").is_some() {
            fs::write(&file, &page).unwrap();
        }
        let stands = fs::read_to_string(&file).unwrap_or_default();
        let first = stands.lines().zip(page.lines()).find(|(stood, said)| stood != said);
        if stands != page {
            wrong.push(format!("{name}: {first:?}"));
        }
    }
    assert!(wrong.is_empty(), "HANDBOOK_ACCEPT=1 writes them anew: {wrong:#?}");
}

#[test]
fn the_profile_of_the_handbook_is_one_that_the_program_takes() {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/handbook/profiles.md")).unwrap();
    let (_, rest) = text.split_once("```toml\n").unwrap();
    let (profile, _) = rest.split_once("```").unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("shop.toml"), profile).unwrap();
    let mut command = crate::bare();
    command.current_dir(folder.path()).args([
        "run",
        "--profile",
        "shop.toml",
        "--anonymous",
        "--format",
        "json",
    ]);
    let ended = child::run(command.args(["--only", "gateway-https"]), Duration::from_secs(60));
    let said = ended.json();
    // The certificates are missing; of the profile nothing is wrong.
    assert_eq!(ended.code, Some(2), "{said}");
    let errors = said["errors"].to_string();
    assert!(!errors.contains("shop.toml"), "{errors}");
}
