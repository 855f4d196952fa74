//! The house stands as `ARCHITECTURE.md` says: arrows only downwards, nothing of the world in the floor, short
//! files, one name once.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The Rust files below a folder, by their path from the root, with their text.
fn sources(folder: &str) -> Vec<(String, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|end| end == "rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join(folder), &mut found);
    found.sort();
    assert!(found.len() > 20, "{folder} is looked at");
    let read = |path: PathBuf| {
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        (name, fs::read_to_string(&path).unwrap())
    };
    found.into_iter().map(read).collect()
}

/// A file's code: without comments, and without what stands between quotes.
fn code(text: &str) -> Vec<(usize, String)> {
    let strings = regex::Regex::new(r#"b?"(?:[^"\\]|\\.)*""#).unwrap();
    let lines = text.lines().enumerate().map(|(index, line)| {
        let line = strings.replace_all(line, "\"\"");
        (index + 1, line.split("//").next().unwrap_or_default().to_owned())
    });
    lines.collect()
}

/// Where the code of a folder holds one of these.
fn uses(folder: &str, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (name, text) in sources(folder) {
        // Raw strings hold patterns of other programs' lines.
        for (number, line) in code(&text).into_iter().filter(|(_, line)| !line.contains("r\"")) {
            for word in words.iter().filter(|word| line.contains(**word)) {
                found.push(format!("{name}:{number}: {word}"));
            }
        }
    }
    found
}

/// The crates that a manifest's `[dependencies]` name.
fn dependencies(manifest: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(manifest)).unwrap();
    let table: toml::Table = text.parse().unwrap();
    table["dependencies"].as_table().unwrap().keys().cloned().collect()
}

#[test]
fn arrows_between_the_crates_run_downwards() {
    let mut wrong = uses("core/src", &["tls_verify_checks", "tls_verify_fixtures", "tls_verify::"]);
    wrong.extend(uses("checks/src", &["tls_verify::", "tls_verify_fixtures"]));
    wrong.extend(uses("fixtures/src", &["tls_verify::", "tls_verify_checks"]));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let own = |manifest: &str| -> Vec<String> {
        dependencies(manifest).into_iter().filter(|name| name.starts_with("tls-verify")).collect()
    };
    assert_eq!(own("core/Cargo.toml"), Vec::<String>::new());
    assert_eq!(own("checks/Cargo.toml"), ["tls-verify-core"]);
}

#[test]
fn the_floor_knows_no_socket_clock_environment_or_file() {
    let wrong = uses(
        "core/src",
        &[
            "tokio::",
            "reqwest::",
            "hyper::",
            "TcpStream",
            "TcpListener",
            "UdpSocket",
            "ToSocketAddrs",
            "SystemTime::now",
            "Instant::now",
            "now_utc",
            "now_local",
            "std::env",
            "env::var",
            "std::process",
            "std::fs",
            "fs::read",
            "File::open",
            "std::thread",
        ],
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let barred = [
        "tokio",
        "tokio-rustls",
        "tokio-tungstenite",
        "reqwest",
        "hyper",
        "hyper-util",
        "h2",
        "tonic",
        "tower",
        "bollard",
        "kube",
        "async-nats",
        "redis",
        "futures-util",
        "rustix",
        "clap",
        "owo-colors",
    ];
    let named = dependencies("core/Cargo.toml");
    let found: Vec<&String> = named.iter().filter(|name| barred.contains(&name.as_str())).collect();
    assert!(found.is_empty(), "the floor depends on {found:?}");
}

#[test]
fn what_is_fuzzed_builds_the_floor_alone() {
    let named = dependencies("fuzz/Cargo.toml");
    assert_eq!(named, ["libfuzzer-sys", "tls-verify-core"]);
}

/// Each program links all libraries once more.
#[test]
fn four_test_programs_are_enough() {
    let mut programs = Vec::new();
    for krate in ["", "checks/", "core/", "fixtures/"] {
        let folder = root().join(krate).join("tests");
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            if path.join("main.rs").is_file() || name.ends_with(".rs") {
                programs.push(format!("{krate}tests/{name}"));
            }
        }
    }
    programs.sort();
    assert_eq!(programs, ["core/tests/floor", "tests/compose", "tests/matrix", "tests/suite"]);
}

#[test]
fn files_are_no_longer_than_four_hundred_lines() {
    const LIMIT: usize = 400;
    let mut long = Vec::new();
    for folder in ["core/src", "checks/src", "src", "fixtures/src", "tests"] {
        for (name, text) in sources(folder) {
            let lines = text.lines().count();
            if lines > LIMIT {
                long.push(format!("{name}: {lines} lines"));
            }
        }
    }
    assert!(long.is_empty(), "{} files are long:\n{}", long.len(), long.join("\n"));
}

#[test]
fn functions_are_no_longer_than_a_hundred_lines() {
    const LIMIT: usize = 100;
    let begins =
        regex::Regex::new(r"^( *)(?:pub(?:\([^)]*\))? )?(?:const |async |unsafe )*fn (\w+)").unwrap();
    let (mut long, mut seen) = (Vec::new(), 0);
    for folder in ["core/src", "checks/src", "src", "fixtures/src"] {
        for (name, text) in sources(folder) {
            let lines: Vec<&str> = text.lines().collect();
            for (at, line) in lines.iter().enumerate() {
                let Some(found) = begins.captures(line) else { continue };
                let end = format!("{}}}", &found[1]);
                let Some(length) = lines[at..].iter().position(|line| *line == end) else { continue };
                seen += 1;
                if length + 1 > LIMIT {
                    long.push(format!("{name}:{}: {} has {} lines", at + 1, &found[2], length + 1));
                }
            }
        }
    }
    assert!(seen > 2_500, "{seen} functions are looked at");
    assert!(long.is_empty(), "{}", long.join("\n"));
}

/// A name that stands for two things is explained twice and mixed up once: whoever may use a type, in whichever crate,
/// its name is its own.
#[test]
fn a_type_has_its_name_for_itself() {
    let declared =
        regex::Regex::new(r"(?m)^(?:pub(?:\([^)]*\))? )?(?:struct|enum|trait|type) (\w+)").unwrap();
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for folder in ["core/src", "checks/src", "src", "fixtures/src"] {
        for (name, text) in sources(folder) {
            for found in declared.captures_iter(&text) {
                places.entry(found[1].to_owned()).or_default().push(name.clone());
            }
        }
    }
    assert!(places.len() > 500, "{} types are looked at", places.len());
    let twice: Vec<String> = places
        .iter()
        .filter(|(_, files)| files.len() > 1)
        .map(|(name, files)| format!("{name}: {}", files.join(", ")))
        .collect();
    assert!(twice.is_empty(), "{} names stand twice:\n{}", twice.len(), twice.join("\n"));
}

/// The text between a bracket and the one that closes it.
fn bracketed(text: &str) -> &str {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for (at, one) in text.char_indices() {
        match one {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '(' | '{' if !quoted => depth += 1,
            ')' | '}' if !quoted => {
                depth -= 1;
                if depth == 0 {
                    return &text[..at];
                }
            }
            _ => {}
        }
    }
    text
}

/// Facts are data: what they read like stands in `report::words` alone. No text becomes a fact by itself, nobody puts
/// prose into one, and who has the words of somebody else says so.
#[test]
fn no_sentence_is_a_fact() {
    const VERBATIM: &[&str] = &[
        // What Kubernetes says in events and states, and what containers said.
        "core/src/cluster/pods/mod.rs",
        "core/src/cluster/pods/mounts.rs",
        "core/src/cluster/pods/start.rs",
        "core/src/cluster/story/files.rs",
        // What the platform, or a library below HTTP, says of a connection.
        "checks/src/dial/mod.rs",
        "checks/src/http.rs",
    ];
    let made = regex::Regex::new(r"Fact::\w+\s*[({]|\.because\(").unwrap();
    let prose = regex::Regex::new(r#""(?:[^"\\]|\\.)*[A-Za-z]{2,},? [a-z]{2,}(?:[^"\\]|\\.)*""#).unwrap();
    let conversion =
        regex::Regex::new(r"impl(?:<[^>]*>)? From<&?(?:'\w+ )?(?:mut )?(?:String|str|Cow)\b").unwrap();
    let (mut wrong, mut verbatim, mut looked_at) = (Vec::new(), Vec::new(), 0);
    for folder in ["core/src", "checks/src", "src"] {
        for (name, text) in sources(folder) {
            // `audit`'s findings are worded where they are found; tests speak for peers.
            if ["core/src/report/", "core/src/rules/"].iter().any(|front| name.starts_with(front))
                || name.ends_with("/tests.rs")
            {
                continue;
            }
            let text = text.split("#[cfg(test)]").next().unwrap_or_default();
            if name.starts_with("core/src/evidence/") && conversion.is_match(text) {
                wrong.push(format!("{name}: text becomes a fact by itself"));
            }
            if text.contains("Fact::Verbatim") {
                verbatim.push(name.clone());
            }
            for found in made.find_iter(text) {
                looked_at += 1;
                let inner = bracketed(&text[found.end() - 1..]);
                if let Some(sentence) = prose.find(inner) {
                    let line = text[..found.start()].lines().count();
                    wrong.push(format!("{name}:{line}: {}", sentence.as_str()));
                }
            }
        }
    }
    assert!(looked_at > 300, "{looked_at} facts are looked at");
    assert!(wrong.is_empty(), "sentences in facts:\n{}", wrong.join("\n"));
    assert_eq!(verbatim, VERBATIM, "who hands on somebody else's words");
}

/// A refusal that is expected, and the control beside it, are declared before anybody looks: an expectation that is
/// chosen by what was seen would pass whatever happens.
#[test]
fn what_has_to_be_refused_is_declared_before_the_look() {
    let declared =
        regex::Regex::new(r"(?s)(?:let (\w+) = )?seen\.expect\([^;{]*?(?:REFUSED|Expects::Control)\)")
            .unwrap();
    let chosen = regex::Regex::new(r"(?:=>|\{|else|=) *(?:REFUSED\b|Expects::\w+)").unwrap();
    let mut wrong = Vec::new();
    let mut looked_at = 0;
    for (name, text) in sources("checks/src") {
        for (number, line) in code(&text) {
            if chosen.is_match(&line) && !line.contains("const ") {
                wrong.push(format!("{name}:{number}: the expectation is chosen: {}", line.trim()));
            }
        }
        for claim in declared.captures_iter(&text) {
            looked_at += 1;
            let whole = claim.get(0).unwrap();
            let rest = &text[whole.end()..];
            let number = text[..whole.start()].lines().count();
            let Some(ticket) = claim.get(1) else {
                wrong.push(format!("{name}:{number}: a claim without a name of its own"));
                continue;
            };
            // Whoever is handed the ticket decides it: somebody has looked by the end of that statement.
            let used = regex::Regex::new(&format!(r"\b{}\b", ticket.as_str())).unwrap().find(rest);
            let used = used.map(|found| found.end());
            let decided = used.map(|at| at + rest[at..].find([';', '{']).unwrap_or(0));
            let look = [".await", "join!("].iter().filter_map(|word| rest.find(word)).min();
            if decided.is_some_and(|decided| look.is_none_or(|look| decided < look)) {
                wrong.push(format!("{name}:{number}: `{}` is declared after the look", ticket.as_str()));
            }
        }
    }
    assert!(looked_at >= 7, "{looked_at} claims are looked at");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
