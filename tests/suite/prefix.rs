//! A gateway behind a path of a reverse proxy: what stands before every path is kept.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use tls_verify_fixtures::pki::{Authority, Layout, Leaf};

/// An HTTPS server that notes the targets of its requests and has nothing for anybody.
fn serve(pair: &tls_verify_fixtures::pki::Pair) -> (u16, Arc<Mutex<Vec<String>>>) {
    let (config, listener) =
        (Arc::new(crate::probe::lab::server_config(pair)), TcpListener::bind("127.0.0.1:0").unwrap());
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (config, notes) = (Arc::clone(&config), Arc::clone(&notes));
            std::thread::spawn(move || {
                let session = rustls::ServerConnection::new(config).unwrap();
                let mut stream = rustls::StreamOwned::new(session, stream);
                let mut buffer = [0; 4096];
                let count = stream.read(&mut buffer).unwrap_or(0);
                let text = String::from_utf8_lossy(&buffer[..count]).into_owned();
                if let Some(target) = text.split_whitespace().nth(1) {
                    notes.lock().unwrap().push(target.to_owned());
                }
                let _ = stream
                    .write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            });
        }
    });
    (port, asked)
}

#[test]
fn the_path_of_the_gateways_url_stands_before_every_path() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let ca = Authority::generate().unwrap();
    let server = ca.issue(&Leaf::server()).unwrap();
    Layout::write(folder.path(), &ca, &server, &ca.issue(&Leaf::client()).unwrap()).unwrap();
    for (path, prefix) in [("", ""), ("/", ""), ("/cordum/", "/cordum"), ("/a/b", "/a/b")] {
        let (port, asked) = serve(&server);
        let output = crate::bare()
            .args(["run", "--only", "1,2,3", "--no-docker", "--certs"])
            .arg(folder.path())
            .env("CORDUM_API_KEY", "key")
            .args(["--gateway", &format!("https://localhost:{port}{path}")])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
        let asked = asked.lock().unwrap().clone();
        for wanted in ["/api/v1/status", "/api/v1/stream"] {
            assert!(asked.contains(&format!("{prefix}{wanted}")), "{path}: {asked:?}");
        }
        assert!(asked.iter().all(|target| target.starts_with(&format!("{prefix}/"))), "{path}: {asked:?}");
    }
}
