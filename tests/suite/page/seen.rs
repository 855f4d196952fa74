//! Pages in a browser: nothing is fetched, nothing is broken, everybody can read them.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::browser::{Browser, tools};
use super::pages::all;

/// What WCAG 2.2 AA asks for and a machine can see.
const AXE: &str = r#"axe.run(document, {runOnly: {type: "tag", values:
    ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}, resultTypes: ["violations"]})
    .then(r => r.violations.map(v => v.id + ": " + v.nodes.slice(0, 3).map(n => n.target + " " + n.failureSummary).join(" | ")))"#;

fn shots() -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("TLS_VERIFY_SHOTS")?);
    fs::create_dir_all(&folder).unwrap();
    Some(folder)
}

#[test]
fn everybody_can_read_every_page_at_every_width_and_nothing_is_fetched() {
    let Some((chromium, axe)) = tools() else { return };
    let axe = fs::read_to_string(axe).unwrap();
    let mut browser = Browser::start(&chromium);
    let folder = tempfile::tempdir().unwrap();
    let shots = shots();
    let mut wrong = Vec::new();
    for made in all() {
        let file = folder.path().join(format!("{}.html", made.name));
        fs::write(&file, &made.html).unwrap();
        let url = format!("file://{}", file.display());
        for (width, dark) in
            [(360, false), (360, true), (800, false), (800, true), (1440, false), (1440, true)]
        {
            let at = format!("{} at {width}{}", made.name, if dark { ", dark" } else { "" });
            let (asked, said) = browser.open(&url, width, dark);
            if !asked.is_empty() || !said.is_empty() {
                wrong.push(format!("{at}: asked {asked:?}, said {said:?}"));
            }
            let over = browser.value("document.documentElement.scrollWidth - window.innerWidth");
            if over.as_i64().unwrap() > 0 {
                wrong.push(format!("{at}: {over} pixels wider than the window"));
            }
            if let Some(shots) = &shots {
                let name = format!("{}-{width}{}.png", made.name, if dark { "-dark" } else { "" });
                fs::write(shots.join(name), browser.picture(6000.0, 1.0)).unwrap();
            }
            if (width, dark) != (360, false) && (width, dark) != (1440, true) {
                continue;
            }
            // Everything that can be opened is looked at too.
            browser.value("document.querySelectorAll('details').forEach(d => { d.open = true })");
            browser.value(&axe);
            let found = browser.value(AXE);
            wrong.extend(found.as_array().unwrap().iter().map(|one| format!("{at}: {one}")));
        }
        if let Some(shots) = &shots {
            fs::write(shots.join(format!("{}.pdf", made.name)), browser.print()).unwrap();
            // A sheet of A4 as a picture.
            browser.open(&url, 794, false);
            browser.call("Emulation.setEmulatedMedia", json!({"media": "print"}));
            fs::write(shots.join(format!("{}-print.png", made.name)), browser.picture(6000.0, 1.0)).unwrap();
            browser.call("Emulation.setEmulatedMedia", json!({"media": ""}));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Paper is white, whatever the reader's screen is.
#[test]
fn what_is_printed_is_dark_on_white() {
    let Some((chromium, _)) = tools() else { return };
    let mut browser = Browser::start(&chromium);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("page.html");
    fs::write(&file, &all().iter().find(|made| made.name == "regenerated-ca").unwrap().html).unwrap();
    let url = format!("file://{}", file.display());
    let colours = "['.verdict', 'code', '.pill.broken', 'h1'].map(one => document.querySelector(one)).map(one => getComputedStyle(one))
        .map(one => one.backgroundColor + one.color + one.fill).join()";
    let mut printed = |dark: bool| {
        browser.open(&url, 794, dark);
        let scheme = if dark { "dark" } else { "light" };
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        browser.call("Emulation.setEmulatedMedia", json!({"media": "print", "features": features}));
        let seen = browser.value(colours);
        browser.call("Emulation.setEmulatedMedia", json!({"media": ""}));
        seen
    };
    assert_eq!(printed(true), printed(false));
}

/// The picture of the README is this page. `TLS_VERIFY_PICTURE=docs/page.png` makes it anew.
#[test]
fn the_readme_shows_the_page() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    assert!(fs::read_to_string(root.join("README.md")).unwrap().contains("](docs/page.png)"));
    let Some((chromium, _)) = tools() else { return };
    let mut browser = Browser::start(&chromium);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("page.html");
    fs::write(&file, &all().iter().find(|made| made.name == "regenerated-ca").unwrap().html).unwrap();
    browser.open(&format!("file://{}", file.display()), 1200, false);
    // As far as the picture of the stack goes.
    let end = browser.value("document.querySelector('.twin').getBoundingClientRect().top + window.scrollY");
    let picture = browser.picture(end.as_f64().unwrap(), 0.66);
    assert!(picture.len() < 150_000, "{} bytes", picture.len());
    if let Some(place) = std::env::var_os("TLS_VERIFY_PICTURE") {
        fs::write(root.join(place), &picture).unwrap();
    }
    // The one that is shown has the same shape: the page has not grown or shrunk since by much.
    let kept = fs::read(root.join("docs/page.png")).unwrap();
    assert!(kept.len() < 150_000, "{} bytes", kept.len());
    let height = |png: &[u8]| u32::from_be_bytes([png[20], png[21], png[22], png[23]]);
    assert!(height(&kept).abs_diff(height(&picture)) < 200, "make docs/page.png anew");
}

#[test]
fn without_scripts_everything_is_there_and_with_them_commands_are_copied_and_checks_found() {
    let Some((chromium, _)) = tools() else { return };
    let mut browser = Browser::start(&chromium);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("page.html");
    fs::write(&file, &all().iter().find(|made| made.name == "regenerated-ca").unwrap().html).unwrap();
    let url = format!("file://{}", file.display());
    browser.open(&url, 1440, false);
    let count = "document.querySelectorAll('#list > .item:not([hidden])').length";
    let all_of_them = i64::try_from(tls_verify_checks::ALL.len()).unwrap();
    assert_eq!(browser.value(count).as_i64(), Some(all_of_them));
    assert!(browser.value("document.querySelectorAll('button.copy').length").as_i64().unwrap() > 3);
    browser.value(
        "var f = document.getElementById('find'); f.value = 'redis'; f.dispatchEvent(new Event('input'))",
    );
    let found = browser.value(count).as_i64().unwrap();
    assert!((1..all_of_them).contains(&found), "{found}");
    browser.value(
        "f.value = ''; f.dispatchEvent(new Event('input')); document.getElementById('closeall').click()",
    );
    assert_eq!(browser.value("document.querySelectorAll('#list > details[open]').length"), 0);
    // A link to a check that is closed opens it.
    browser.value("document.querySelector('.breaks a').click()");
    std::thread::sleep(std::time::Duration::from_millis(200));
    assert_eq!(browser.value("document.querySelectorAll('#list > details[open]').length"), 1);
    // A script that somebody smuggles in does not run.
    browser.value("var s = document.createElement('script'); s.textContent = 'window.smuggled = 1'; document.body.appendChild(s)");
    assert_eq!(browser.value("typeof window.smuggled"), "undefined");
    browser.call("Emulation.setScriptExecutionDisabled", json!({"value": true}));
    let (asked, said) = browser.open_plain(&url);
    assert!(asked.is_empty() && said.is_empty(), "{asked:?} {said:?}");
    let tree = browser.call("Accessibility.getFullAXTree", json!({}));
    let names: Vec<String> = tree["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|node| node["name"]["value"].as_str().map(str::to_owned))
        .collect();
    for words in ["Root causes", "Checks", "Validity of certificates", "What was asked"] {
        assert!(names.iter().any(|name| name == words), "no `{words}`");
    }
    assert!(!names.iter().any(|name| name == "Copy" || name == "Open all"), "controls that do nothing");
    let _: Value = browser.call("Emulation.setScriptExecutionDisabled", json!({"value": false}));
}
