//! Kubernetes' Secrets and ConfigMaps: each PEM entry is a file of its own.

use crate::cause::Variant;
use serde_yaml_ng::Value;

use super::pem::{self, decode};
use super::read::{FileContents, SIZE_LIMIT, base64_der, binary, pem};

pub(super) fn looks_like_secret(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(SIZE_LIMIT)];
    memchr::memmem::find(head, b"kind").is_some() && memchr::memmem::find(head, b"apiVersion").is_some()
}

/// The PEM entries of every Secret and ConfigMap in YAML or JSON, single, listed or in documents.
pub(super) fn secret(name: &str, bytes: &[u8], password: Option<&str>) -> Option<Vec<FileContents>> {
    use serde::Deserialize;
    let text = std::str::from_utf8(bytes).ok()?;
    let mut found = Vec::new();
    let mut any = false;
    for document in serde_yaml_ng::Deserializer::from_str(text).take(1000) {
        let value = match Value::deserialize(document) {
            Ok(value) => value,
            Err(error) => {
                let mut broken = FileContents { name: name.to_owned(), ..FileContents::default() };
                broken.fault(Variant::WrongKind, format!("the manifest cannot be read: {error}"));
                found.push(broken);
                break;
            }
        };
        let listed = value.get("items").and_then(Value::as_sequence).cloned();
        for object in listed.unwrap_or_else(|| vec![value]) {
            let kind = object.get("kind").and_then(Value::as_str).unwrap_or_default();
            if matches!(kind, "Secret" | "ConfigMap") {
                any = true;
                entries(&object, kind, password, &mut found);
            }
        }
    }
    (any || !found.is_empty()).then_some(found)
}

fn entries(object: &Value, kind: &str, password: Option<&str>, found: &mut Vec<FileContents>) {
    let called =
        object.get("metadata").and_then(|meta| meta.get("name")).and_then(Value::as_str).unwrap_or("unnamed");
    for (part, encoded) in [("data", kind == "Secret"), ("stringData", false)] {
        let Some(map) = object.get(part).and_then(Value::as_mapping) else { continue };
        for (key, value) in map {
            let (Some(key), Some(value)) = (key.as_str(), value.as_str()) else { continue };
            let name = format!("{}/{called}:{key}", kind.to_ascii_lowercase());
            let content = if encoded { decode(value.as_bytes()) } else { Some(value.as_bytes().to_vec()) };
            let certificate_like = key.ends_with(".crt")
                || key.ends_with(".key")
                || key.ends_with(".pem")
                || key.ends_with(".p12");
            match content {
                None => {
                    let mut broken = FileContents { name, ..FileContents::default() };
                    broken.fault(Variant::NoPem, "the entry is no base64");
                    found.push(broken);
                }
                Some(content) if certificate_like || pem::begins(&content) => {
                    let mut read = FileContents { name, ..FileContents::default() };
                    if content.is_empty() {
                        read.fault(Variant::NoPem, "the entry is empty");
                    } else if content.first() == Some(&0x30) && binary(&mut read, &content, password) {
                    } else {
                        pem(&mut read, &content, password);
                        if read.blocks.is_empty() && read.faults.is_empty() {
                            let message = if base64_der(&content)
                                || decode(&content).is_some_and(|inner| inner.starts_with(b"-----BEGIN"))
                            {
                                "the entry is base64 twice: `data` takes it once, `stringData` takes plain PEM"
                            } else {
                                "the entry holds no PEM block"
                            };
                            read.fault(Variant::NoPem, message);
                        }
                    }
                    found.push(read);
                }
                Some(_) => {}
            }
        }
    }
}
