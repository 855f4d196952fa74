//! A page as HTML's own parser reads it: what it had to forgive is an error.

use std::cell::Ref;
use std::rc::Rc;

use html5ever::tendril::TendrilSink;
use html5ever::{ParseOpts, parse_document};
use markup5ever_rcdom::{Handle, NodeData, RcDom};

/// A parsed page.
pub(crate) struct Page {
    dom: RcDom,
}

impl Page {
    /// Parses it; anything that is not as it should be fails.
    pub(crate) fn read(text: &str) -> Self {
        let options = ParseOpts {
            tokenizer: html5ever::tokenizer::TokenizerOpts { exact_errors: true, ..Default::default() },
            ..Default::default()
        };
        let dom = parse_document(RcDom::default(), options).one(text);
        let errors: Ref<'_, Vec<_>> = dom.errors.borrow();
        assert!(errors.is_empty(), "{errors:?}");
        drop(errors);
        let page = Self { dom };
        page.whole();
        page
    }

    /// Every element with its attributes.
    pub(crate) fn elements(&self) -> Vec<(String, Vec<(String, String)>)> {
        let mut all = Vec::new();
        walk(&self.dom.document, &mut |node| {
            if let NodeData::Element { name, attrs, .. } = &node.data {
                let attributes = attrs
                    .borrow()
                    .iter()
                    .map(|one| (one.name.local.to_string(), one.value.to_string()))
                    .collect();
                all.push((name.local.to_string(), attributes));
            }
        });
        all
    }

    /// The text of every element of a name.
    pub(crate) fn texts(&self, of: &str) -> Vec<String> {
        let mut all = Vec::new();
        walk(&self.dom.document, &mut |node| {
            if let NodeData::Element { name, .. } = &node.data
                && &*name.local == of
            {
                all.push(text(node));
            }
        });
        all
    }

    /// Everything that is to be read.
    pub(crate) fn text(&self) -> String {
        self.texts("main").concat()
    }

    /// Places are named once, links lead to one of them or nowhere, and nothing is fetched.
    fn whole(&self) {
        let elements = self.elements();
        let mut ids: Vec<&str> = Vec::new();
        for (name, attributes) in &elements {
            for (key, value) in attributes {
                if key == "id" {
                    assert!(!ids.contains(&value.as_str()), "`{value}` is named twice");
                    ids.push(value);
                }
                assert!(!key.starts_with("on"), "{name} has a handler {key}");
                assert!(key != "style", "{name} has a style of its own, which the policy forbids");
            }
        }
        for (name, attributes) in &elements {
            assert!(
                !matches!(name.as_str(), "link" | "img" | "iframe" | "object" | "embed" | "base" | "source"),
                "{name} fetches something"
            );
            for (key, value) in attributes {
                match key.as_str() {
                    "href" => {
                        let place =
                            value.strip_prefix('#').unwrap_or_else(|| panic!("{name} leads to {value}"));
                        assert!(ids.contains(&place), "nothing is at #{place}");
                    }
                    "src" | "srcset" | "action" | "data" | "xlink:href" | "poster" => {
                        panic!("{name} has {key}={value}")
                    }
                    "aria-labelledby" | "aria-describedby" | "for" => {
                        for place in value.split(' ') {
                            assert!(ids.contains(&place), "{name} is named by #{place}, which is not there");
                        }
                    }
                    _ => {}
                }
            }
        }
        let first =
            |wanted: &str| elements.iter().find(|(name, _)| name == wanted).map(|(_, all)| all.clone());
        assert_eq!(first("html"), Some(vec![("lang".to_owned(), "en".to_owned())]));
        for landmark in ["main", "header", "nav", "footer", "h1", "title"] {
            assert!(first(landmark).is_some(), "no {landmark}");
        }
    }
}

fn walk(node: &Handle, each: &mut dyn FnMut(&Handle)) {
    each(node);
    // What an SVG or a template holds stands among its children too.
    for child in node.children.borrow().iter() {
        walk(&Rc::clone(child), each);
    }
}

fn text(node: &Handle) -> String {
    let mut all = String::new();
    walk(node, &mut |one| {
        if let NodeData::Text { contents } = &one.data {
            all.push_str(&contents.borrow());
        }
    });
    all
}
