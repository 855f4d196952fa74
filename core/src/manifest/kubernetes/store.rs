//! Secrets and ConfigMaps with the places of their keys.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;

use super::super::description::{Description, Stored, StoredEntry, StoredKind};
use super::super::source::{ParseFault, Source};
use super::super::yaml::Node;

/// Reads one; a key that is no base64 is a fault and the others are read.
pub(super) fn read(object: &Node, kind: StoredKind, description: &mut Description) {
    let mut entries = BTreeMap::new();
    let parts = [("data", kind == StoredKind::Secret), ("stringData", false), ("binaryData", true)];
    for (part, encoded) in parts {
        for (key, value) in object.get(part).map(Node::entries).unwrap_or_default() {
            let Some(name) = key.text() else { continue };
            let text = value.text().unwrap_or_default();
            let bytes = if encoded {
                let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect();
                match base64::engine::general_purpose::STANDARD.decode(compact) {
                    Ok(bytes) => bytes,
                    Err(_) => {
                        let message =
                            format!("`{part}.{name}` is no base64; a plain text belongs into `stringData`");
                        description.faults.push(ParseFault::unreadable(key.mark.clone(), message));
                        continue;
                    }
                }
            } else {
                text.as_bytes().to_vec()
            };
            let source = if encoded {
                Source::at(&key.mark, &String::from_utf8_lossy(&bytes))
            } else {
                value.source().unwrap_or_else(|| Source::at(&key.mark, text))
            };
            let entry = StoredEntry { bytes: Arc::from(bytes), source, place: key.mark.place() };
            entries.insert(name.to_owned(), entry);
        }
    }
    let place = object.at(&["metadata", "name"]).unwrap_or(object).mark.place();
    description.stored.push(Stored {
        kind,
        namespace: super::namespace(object),
        name: super::name(object),
        entries,
        place,
    });
}
