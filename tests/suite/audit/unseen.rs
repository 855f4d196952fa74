//! Deployments that were written, and what is to be found in them decided, before the rules had seen any of them:
//! one a file under `unseen/`. Each gets what it has to get and no more; half of what is odd in them is no mistake.
//!
//! A file begins with a sentence, then `must RULE[/RULE] WORKLOAD|- CAUSE[/CAUSE]|-` with the places that are right
//! (`at FILE | TEXT OF THE LINE`) and `may RULE`; `=== PATH [MODE]` begins a file of it. `@pem(…)` and `@b64(…)` stand
//! for what is made when it is read: `ca NAME`, `cakey NAME`, `crt|key PURPOSE CA ok|old NAME,NAME`, several with ` + `.

use std::collections::HashMap;
use std::fs;
use std::net::IpAddr;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::ExtendedKeyUsagePurpose::{ClientAuth, ServerAuth};
use tls_verify_core::cause::Severity;
use tls_verify_core::manifest::{Files, MemoryFiles};
use tls_verify_core::rules::Finding;
use tls_verify_fixtures::pki::{Authority, Leaf, Pair, Validity};

use super::rules::judged;

/// The certificates of a deployment: what is asked for twice is the same.
#[derive(Default)]
struct Certificates {
    authorities: HashMap<String, Authority>,
    leaves: HashMap<String, Pair>,
}

impl Certificates {
    fn authority(&mut self, name: &str) -> &Authority {
        let made = || Authority::named(name, Validity::Now).unwrap();
        self.authorities.entry(name.to_owned()).or_insert_with(made)
    }

    fn pem(&mut self, token: &str) -> String {
        token.split(" + ").map(|one| self.one(one)).collect()
    }

    fn one(&mut self, token: &str) -> String {
        let words: Vec<&str> = token.split(' ').collect();
        match words.as_slice() {
            ["ca", name] => self.authority(name).pem(),
            ["cakey", name] => self.authority(name).key_pem(),
            [kind, rest @ ..] => {
                let id = rest.join(" ");
                let pair = self.leaves.remove(&id).unwrap_or_else(|| self.issued(rest));
                let text = if *kind == "key" { pair.key_pem() } else { pair.chain_pem() };
                self.leaves.insert(id, pair);
                text
            }
            [] => String::new(),
        }
    }

    fn issued(&mut self, words: &[&str]) -> Pair {
        let [purpose, authority, state, names] = words else { panic!("no certificate: {words:?}") };
        let (addresses, names): (Vec<&str>, Vec<&str>) =
            names.split(',').partition(|name| name.parse::<IpAddr>().is_ok());
        let addresses: Vec<IpAddr> = addresses.iter().map(|one| one.parse().unwrap()).collect();
        let leaf = match *purpose {
            "client" => Leaf::client(),
            "both" => Leaf::server().using(&[ServerAuth, ClientAuth]),
            _ => Leaf::server(),
        };
        let leaf = if *purpose == "client" { leaf } else { leaf.for_names(&names).at(&addresses) };
        let leaf = if *state == "old" { leaf.valid(Validity::Expired) } else { leaf };
        self.authority(authority).issue(&leaf).unwrap()
    }

    /// A text with what stands for certificates put in.
    fn filled(&mut self, text: &str) -> String {
        let mut out = String::new();
        for line in text.lines() {
            let line = line.replace("@bom", "\u{feff}").replace("@cr", "\r");
            if let Some((before, rest)) = line.split_once("@pem(") {
                let pem = self.pem(rest.trim_end_matches(')'));
                pem.lines().for_each(|one| out.push_str(&format!("{before}{one}\n")));
                continue;
            }
            let mut rest = line.as_str();
            while let Some((before, after)) = rest.split_once("@b64(") {
                let (token, behind) = after.split_once(')').unwrap();
                out.push_str(before);
                out.push_str(&STANDARD.encode(self.pem(token)));
                rest = behind;
            }
            out.push_str(rest);
            out.push('\n');
        }
        out
    }
}

/// What has to be found.
#[derive(Default)]
struct Must {
    rules: Vec<String>,
    workload: Option<String>,
    causes: Vec<String>,
    places: Vec<(String, String)>,
}

struct Deployment {
    name: String,
    must: Vec<Must>,
    may: Vec<String>,
    files: MemoryFiles,
}

fn list(words: &str) -> Vec<String> {
    words.split('/').filter(|one| *one != "-").map(str::to_owned).collect()
}

fn read(path: &Path) -> Deployment {
    let text = fs::read_to_string(path).unwrap();
    let name = path.file_stem().unwrap().to_string_lossy().into_owned();
    let mut parts = text.split("\n=== ");
    let mut found = Deployment { name, must: Vec::new(), may: Vec::new(), files: MemoryFiles::default() };
    for line in parts.next().unwrap().lines() {
        let (word, rest) = line.split_once(' ').unwrap();
        match word {
            "must" => {
                let words: Vec<&str> = rest.split(' ').collect();
                let workload = list(words[1]).pop();
                found.must.push(Must {
                    rules: list(words[0]),
                    workload,
                    causes: list(words[2]),
                    places: vec![],
                });
            }
            "at" => {
                let (file, mark) = rest.split_once(" | ").unwrap();
                found.must.last_mut().unwrap().places.push((file.to_owned(), mark.to_owned()));
            }
            "may" => found.may.push(rest.to_owned()),
            _ => assert_eq!(word, "#", "{}", path.display()),
        }
    }
    let mut certificates = Certificates::default();
    for part in parts {
        let (head, body) = part.split_once('\n').unwrap_or((part, ""));
        let (path, mode) = head.split_once(' ').unwrap_or((head, "0644"));
        let content = certificates.filled(body);
        found.files = found.files.with(path, content).mode(path, u32::from_str_radix(mode, 8).unwrap());
    }
    found
}

fn all() -> Vec<Deployment> {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/audit/unseen");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().flatten().map(|one| one.path()).collect();
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

/// The deployments as they lie on a disk.
pub(super) fn deployments() -> Vec<MemoryFiles> {
    all().into_iter().map(|one| one.files).collect()
}

impl Must {
    fn is_place(&self, files: &MemoryFiles, finding: &Finding) -> bool {
        let text = files.text(&finding.place.file).unwrap_or_default();
        let line = text.lines().nth((finding.place.line as usize).wrapping_sub(1)).unwrap_or_default();
        self.places.iter().any(|(file, mark)| **file == *finding.place.file && line.contains(mark.as_str()))
    }

    fn is_met(&self, files: &MemoryFiles, finding: &Finding) -> bool {
        let cause = finding.cause.map(|cause| cause.slug().to_owned());
        self.rules.iter().any(|rule| rule == finding.rule)
            && (self.causes.is_empty() || cause.is_some_and(|cause| self.causes.contains(&cause)))
            && self
                .workload
                .as_ref()
                .is_none_or(|name| finding.workload.split(['/', ' ', ':', ',']).any(|word| word == name))
            && self.is_place(files, finding)
    }
}

#[test]
fn deployments_that_nobody_had_looked_at_get_what_they_have_to_get_and_no_more() {
    let mut wrong = Vec::new();
    let deployments = all();
    for one in &deployments {
        let findings = judged(&one.files);
        let loud: Vec<&Finding> = findings.iter().filter(|found| found.severity != Severity::Note).collect();
        let told = |found: &Finding| format!("{} {}: {}", found.rule, found.place, found.message);
        for must in one.must.iter().filter(|must| !loud.iter().any(|found| must.is_met(&one.files, found))) {
            let all: Vec<String> = loud.iter().map(|found| told(found)).collect();
            wrong.push(format!("{}: missing {:?} at {:?}: {all:?}", one.name, must.rules, must.places));
        }
        for found in &loud {
            // The modes of files in memory are nobody's setting.
            let expected = found.message.contains("readable for everybody")
                || one.may.iter().any(|rule| rule == found.rule)
                || one.must.iter().any(|must| must.is_place(&one.files, found));
            if !expected {
                wrong.push(format!("{}: too much: {}", one.name, told(found)));
            }
        }
    }
    assert!(deployments.len() >= 100, "{} deployments", deployments.len());
    let healthy = deployments.iter().filter(|one| one.must.is_empty()).count();
    assert!(healthy >= 30, "{healthy} healthy ones");
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), deployments.len(), wrong.join("\n"));
}
