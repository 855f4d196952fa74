use super::*;
use crate::manifest::source::Source;

fn one(text: &str) -> Node {
    let (mut documents, faults) = documents(&Source::file("x.yaml", text));
    assert!(faults.is_empty(), "{faults:?}");
    documents.remove(0)
}

fn line(node: &Node, path: &[&str]) -> u32 {
    node.at(path).unwrap().mark.line
}

#[test]
fn places_are_kept_through_anchors_and_merge_keys() {
    let node = one("x: &x\n  A: 1\n  B: 2\ny:\n  <<: *x\n  B: 3\nz: *x\n");
    assert_eq!(line(&node, &["y", "A"]), 2);
    assert_eq!(line(&node, &["y", "B"]), 6);
    assert_eq!(node.text_at(&["y", "B"]), Some("3"));
    assert_eq!(line(&node, &["z", "B"]), 3);
}

#[test]
fn a_literal_block_knows_the_place_of_its_lines() {
    let node = one("data:\n  redis.conf: |\n    port 0\n    tls-port 6379\n");
    let source = node.at(&["data", "redis.conf"]).unwrap().source().unwrap();
    assert_eq!((source.mark(2, 1).line, source.mark(2, 1).column), (4, 5));
    assert_eq!(&*source.text, "port 0\ntls-port 6379\n");
}

#[test]
fn tags_are_told_and_nulls_are_not_texts() {
    let node = one("a: !reset []\nb: !override {c: 1}\nd: ~\ne:\nf: \"\"\n");
    assert_eq!(node.get("a").unwrap().tag.as_deref(), Some("!reset"));
    assert_eq!(node.get("b").unwrap().tag.as_deref(), Some("!override"));
    assert_eq!(node.text_at(&["d"]), None);
    assert_eq!(node.text_at(&["e"]), None);
    assert_eq!(node.text_at(&["f"]), Some(""));
}

#[test]
fn what_is_said_to_be_a_text_is_one() {
    let node = one("a: !!str 123\nb: 123\nc: !!str\n");
    let plain = |key: &str| matches!(&node.get(key).unwrap().data, NodeContent::Scalar(one) if one.plain);
    assert_eq!(["a", "b"].map(plain), [false, true]);
    assert_eq!(node.text_at(&["c"]), Some(""));
}

#[test]
fn octal_modes_are_read_as_kubernetes_reads_them() {
    let node = one("a: 0400\nb: 256\nc: 0o400\nd: 0\n");
    let numbers: Vec<_> = ["a", "b", "c", "d"].iter().map(|key| node.get(key).unwrap().number()).collect();
    assert_eq!(numbers, [Some(256), Some(256), Some(256), Some(0)]);
}

#[test]
fn a_fault_has_its_line_and_hides_no_document_before_it() {
    let (documents, faults) = documents(&Source::file("x", "a: 1\n---\nb:\n  c: 1\n\td: 2\n"));
    assert_eq!(documents.len(), 1);
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].mark.line, 5);
}

#[test]
fn a_bomb_of_aliases_is_refused() {
    let mut text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
    for level in 1..12 {
        let all = vec![format!("*a{}", level - 1); 10].join(",");
        text.push_str(&format!("a{level}: &a{level} [{all}]\n"));
    }
    let (_, faults) = documents(&Source::file("x", &text));
    assert!(faults[0].message.contains("grows"), "{faults:?}");
    let deep = "[".repeat(100_000);
    assert_eq!(documents(&Source::file("x", &deep)).1.len(), 1);
}

#[test]
fn a_key_that_stands_twice_is_a_fault_and_the_rest_is_read() {
    let (documents, faults) = documents(&Source::file("x", "a: 1\nb: 2\na: 3\n"));
    assert_eq!(documents.len(), 1);
    assert_eq!(faults[0].mark.line, 3);
}
