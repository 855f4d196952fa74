//! What stands between client and server, and takes no ClientHello of more than one segment.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use serde_json::Value;

use crate::probe::lab::Lab;

/// What it does with a hello that does not fit one segment.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Forwards,
    Resets,
    Swallows,
    /// Now and then a connection breaks, whatever is in it.
    BreaksTheFirst,
}

/// A relay to `server`; NATS greets in clear before the hello comes.
fn relay(server: SocketAddr, way: Way, greets: bool) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for (count, client) in listener.incoming().flatten().enumerate() {
            std::thread::spawn(move || {
                let broken = way == Way::BreaksTheFirst && count == 0;
                let _ = connection(client, server, way, greets, broken);
            });
        }
    });
    port
}

fn connection(
    mut client: TcpStream,
    server: SocketAddr,
    way: Way,
    greets: bool,
    broken: bool,
) -> std::io::Result<()> {
    client.set_read_timeout(Some(Duration::from_secs(20)))?;
    let mut server = TcpStream::connect(server)?;
    if greets {
        let mut byte = [0];
        while byte != *b"\n" {
            server.read_exact(&mut byte)?;
            client.write_all(&byte)?;
        }
    }
    let mut head = [0; 5];
    client.read_exact(&mut head)?;
    let large = u16::from_be_bytes([head[3], head[4]]) > 1_000;
    if broken || (large && way == Way::Resets) {
        // What is unread when a socket is closed makes it a reset (Linux).
        return Ok(());
    }
    if large && way == Way::Swallows {
        std::thread::sleep(Duration::from_secs(120));
        return Ok(());
    }
    server.write_all(&head)?;
    let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    std::io::copy(&mut server, &mut client)?;
    client.shutdown(Shutdown::Both)
}

#[test]
fn a_hello_that_is_too_large_for_the_way_is_told_from_a_dead_port() {
    let lab = Lab::start(None);
    let (gateway, nats) = (lab.demo.gateway, lab.demo.nats);
    let large = "fail other-tls large-client-hello";
    let rows = [
        ("https", gateway, Way::Forwards, "pass"),
        ("https", gateway, Way::Resets, large),
        ("https", gateway, Way::Swallows, large),
        ("https", gateway, Way::BreaksTheFirst, "fail connection-reset"),
        ("tls", nats, Way::Forwards, "pass"),
        ("tls", nats, Way::Resets, large),
        ("tls", nats, Way::Swallows, large),
    ];
    for (scheme, server, way, expected) in rows {
        let target = format!("{scheme}://localhost:{}", relay(server, way, scheme == "tls"));
        let output = lab.probe(&[&target, "--format", "json", "--timeout", "1500ms"]);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let endpoint = &report["endpoints"][0];
        let mut said = endpoint["status"].as_str().unwrap().to_owned();
        for key in ["cause", "variant"] {
            if let Some(word) = endpoint["diagnoses"][0][key].as_str() {
                said.push(' ');
                said.push_str(word);
            }
        }
        assert_eq!(said, expected, "{target}: {endpoint:#}");
        if expected == large {
            let diagnosis = &endpoint["diagnoses"][0];
            assert_eq!(diagnosis["side"], "network");
            assert!(diagnosis["because"].to_string().contains("Go clients print"), "{diagnosis:#}");
            assert!(diagnosis["fix"].to_string().contains("GODEBUG=tlsmlkem=0"), "{diagnosis:#}");
        }
    }
}

#[test]
fn the_checks_say_it_too_and_blame_no_certificate() {
    let lab = Lab::start(None);
    for (way, printed) in [(Way::Resets, "connection reset by peer"), (Way::Swallows, "i/o timeout")] {
        let gateway = relay(lab.demo.gateway, way, false);
        let output = crate::bare()
            .args(["run", "--only", "1,2", "--no-docker", "--format", "json", "--timeout", "2s"])
            .env("CORDUM_API_KEY", &lab.demo.api_key)
            .args(["--gateway", &format!("https://localhost:{gateway}")])
            .arg("--certs")
            .arg(&lab.demo.certs)
            .output()
            .unwrap();
        let report: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
        assert_eq!(output.status.code(), Some(1), "{report:#}");
        for check in report["checks"].as_array().unwrap() {
            assert_eq!(check["status"], "fail", "{check:#}");
            assert_eq!(check["diagnoses"][0]["cause"], "other-tls", "{check:#}");
            assert_eq!(check["diagnoses"][0]["variant"], "large-client-hello", "{check:#}");
            assert!(check["diagnoses"][0]["because"].to_string().contains(printed), "{check:#}");
        }
        assert_eq!(report["root_causes"].as_array().unwrap().len(), 1, "{report:#}");
    }
}

#[test]
fn the_group_of_go_is_negotiated_where_the_server_has_it() {
    let lab = Lab::start(None);
    let target = format!("tls://localhost:{}", lab.demo.nats.port());
    let output = lab.probe(&[&target, "--format", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let details = &report["endpoints"][0]["details"];
    let group = details["tls"]["group"].as_str().unwrap();
    // nats-server built with Go before 1.24 has no hybrid.
    assert!(["X25519MLKEM768", "X25519"].contains(&group), "{details:#}");
}
