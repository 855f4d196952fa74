use super::*;
use crate::manifest::source::Include;

fn read_with(text: &str) -> NatsConf {
    let variable = |name: &str| match name {
        "ENV" => Lookup::Known("7".to_owned()),
        "LATER" => Lookup::Unknown,
        _ => Lookup::Unset,
    };
    let include = |path: &str, _: &Source| match path {
        "other.conf" | "./other.conf" => Include::Text(Source::file("other.conf", "a: 1\nb: $ENV\n")),
        "self.conf" => Include::Text(Source::file("self.conf", "include self.conf\n")),
        "far.conf" => Include::Unknown,
        _ => Include::Missing,
    };
    read(&Source::file("nats.conf", text), &World { variable: &variable, include: &include })
}

fn clean(text: &str) -> NatsBlock {
    let conf = read_with(text);
    assert!(conf.faults.is_empty(), "{:?}", conf.faults);
    conf.block
}

#[test]
fn every_way_to_write_an_entry_is_one_entry() {
    let text =
        "PORT 4222\r\nhttp_port = 8222 # c\n// c\nname: \"a # b\"; x: y, tls { verify: yes }\nz {\n}\n";
    let block = clean(text);
    assert_eq!(block.entry(&["port"]).unwrap().value.data, NatsData::Integer(4222));
    assert_eq!(block.text(&["name"]).unwrap().0, "a # b");
    assert_eq!(block.text(&["x"]).unwrap().0, "y");
    let (entry, tls) = block.block(&["tls"]).unwrap();
    assert_eq!(entry.mark.line, 4);
    assert!(tls.truth(&["verify"]).unwrap().0);
}

#[test]
fn variables_sizes_arrays_and_includes_are_read() {
    let text = "CERT: /a.pem\nfree: unused\ntls { cert_file: $CERT, key_file $LATER }\nmax_payload: 8MB\n\
                    routes = [ nats://a:1, 'nats://b:2'\n nats://c:3 ]\ninclude ./other.conf\nwait: \"2s\"\nping: 2m\n";
    let conf = read_with(text);
    assert!(conf.faults.is_empty(), "{:?}", conf.faults);
    let (_, tls) = conf.block.block(&["tls"]).unwrap();
    assert_eq!(tls.text(&["cert_file"]).unwrap().0, "/a.pem");
    assert!(tls.text(&["key_file"]).unwrap().0.contains("LATER"));
    assert_eq!(conf.block.entry(&["max_payload"]).unwrap().value.data, NatsData::Integer(8 << 20));
    assert_eq!(conf.block.entry(&["routes"]).unwrap().value.items().len(), 3);
    assert_eq!(conf.block.entry(&["b"]).unwrap().value.data, NatsData::Integer(7));
    assert_eq!(conf.block.entry(&["b"]).unwrap().mark.file.as_ref(), "other.conf");
    assert!(conf.used.contains("CERT") && !conf.used.contains("free"));
    assert!(read_with("include far.conf\n").open);
}

#[test]
fn what_nats_server_refuses_has_its_line() {
    for (text, line) in [
        ("port: 1\n\ntls {\n  a: b\n\nauthorization {\n}\n", 3),
        ("a: 1\n}\nb: 2\n", 2),
        ("a: [1, 2\n", 1),
        ("a: \"x\n", 1),
        ("a:\n", 1),
        ("\nb: $NOWHERE\n", 2),
        ("include gone.conf\n", 1),
        ("a: 1 2 3\n", 1),
        ("a: \"\\q\"\n", 1),
    ] {
        let conf = read_with(text);
        assert_eq!(
            conf.faults.first().map(|fault| fault.mark.line),
            Some(line),
            "{text:?} {:?}",
            conf.faults
        );
    }
}

#[test]
fn cycles_and_depths_end() {
    assert_eq!(read_with("include self.conf\n").faults.len(), 1);
    assert_eq!(read_with(&"a{".repeat(100_000)).faults.len(), 1);
    assert_eq!(read_with(&format!("a: {}", "[".repeat(100_000))).faults.len(), 1);
}
