//! What a run said.

use serde_json::Value;

use crate::bounded::Ended;
use crate::project::{API_KEY, NATS_TOKEN, REDIS_PASSWORD};

#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub report: Value,
}

impl Ran {
    pub fn of(ended: &Ended) -> Self {
        for canary in [API_KEY, REDIS_PASSWORD, NATS_TOKEN] {
            assert!(!ended.out.contains(canary), "a secret in the report: {}", ended.out);
            assert!(!ended.err.contains(canary), "a secret on standard error: {}", ended.err);
        }
        let report: Value = serde_json::from_str(&ended.out).unwrap_or_else(|error| {
            panic!("{error}: {} {}", ended.out, ended.err);
        });
        let code = ended.code.unwrap_or(-1);
        assert_eq!(report["exit_code"], code, "the report's exit code is not the process'");
        Self { code, report }
    }

    pub fn checks(&self) -> &[Value] {
        self.report["checks"].as_array().unwrap()
    }

    pub fn check(&self, id: &str) -> &Value {
        self.checks().iter().find(|check| check["id"] == id).unwrap_or_else(|| panic!("no {id}"))
    }

    /// `fail expired/server`, `fail dns container-stopped/server`, `warn`, `pass`.
    pub fn said(&self, id: &str) -> String {
        let check = self.check(id);
        let mut said = check["status"].as_str().unwrap().to_owned();
        if said != "pass" {
            let word = |key: &str| check.pointer(&format!("/diagnoses/0/{key}")).and_then(Value::as_str);
            for word in [word("cause"), word("variant")].into_iter().flatten() {
                said.push(' ');
                said.push_str(word);
            }
            if let Some(side) = word("side") {
                said.push('/');
                said.push_str(side);
            }
        }
        said
    }

    /// `redis dns container-stopped`.
    pub fn roots(&self) -> Vec<String> {
        let roots = self.report["root_causes"].as_array().unwrap();
        let word = |root: &Value, key: &str| {
            let text = root[key].as_str().unwrap_or_default();
            // The project's folder has another name each time.
            match text.split_once("/tls-verify-compose-") {
                Some((_, rest)) => rest.split_once('/').map_or(rest, |(_, path)| path).to_owned(),
                None => text.to_owned(),
            }
        };
        roots
            .iter()
            .map(|root| {
                [word(root, "where"), word(root, "cause"), word(root, "variant")]
                    .into_iter()
                    .filter(|word| !word.is_empty())
                    .collect::<Vec<_>>()
                    .join(" ")
            })
            .collect()
    }

    /// Everything that is not `pass`, for a person who reads a failed row.
    pub fn digest(&self) -> String {
        use std::fmt::Write;
        let mut out = format!("exit {}; root causes {:?}\n", self.code, self.roots());
        for check in self.checks() {
            let id = check["id"].as_str().unwrap();
            let said = self.said(id);
            if said != "pass" {
                let _ = writeln!(out, "    (\"{id}\", \"{said}\"),");
                for one in check["diagnoses"].as_array().unwrap() {
                    let _ = writeln!(out, "        {} {} {}", one["cause"], one["severity"], one["because"]);
                }
                if check["diagnoses"].as_array().unwrap().is_empty() {
                    let _ = writeln!(out, "        {}", check["summary"]);
                }
            }
        }
        for root in self.report["root_causes"].as_array().unwrap() {
            let _ = writeln!(out, "    root {} {}\n      {}", root["where"], root["checks"], root["because"]);
        }
        out
    }
}
