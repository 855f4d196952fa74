//! Folders and files of any size, and whatever else lies in them: an end in time, in little memory.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tls_verify_fixtures::child::{ExitedChild, run};
use tls_verify_fixtures::pki::{self, Authority, Leaf};

const HARD: Duration = Duration::from_secs(180);
/// KiB.
const MEMORY: u64 = 64 * 1024;

fn certs(arguments: &[&str], path: &Path) -> ExitedChild {
    let mut command = crate::program();
    command.arg("certs").args(arguments).arg(path);
    run(&mut command, HARD)
}

#[test]
fn a_folder_that_is_no_place_for_certificates_is_a_usage_error() {
    let folder = tempfile::tempdir().unwrap();
    for index in 0..12_001 {
        fs::File::create(folder.path().join(format!("{index}.crt"))).unwrap();
    }
    for (path, remedy) in [
        (Path::new("/proc"), "name a folder with .crt, .pem or .key files"),
        (Path::new("/sys"), "name a folder with .crt, .pem or .key files"),
        (folder.path(), "name the folder that holds the certificates"),
    ] {
        let ended = certs(&[], path);
        assert_eq!(ended.code, Some(2), "{}: {} {}", path.display(), ended.out, ended.err);
        assert!(ended.err.contains(remedy) && ended.err.contains(path.to_str().unwrap()), "{}", ended.err);
        assert!(ended.peak < MEMORY, "{}: {} KiB", path.display(), ended.peak);
    }
}

#[test]
fn what_would_be_waited_for_is_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    let ca = Authority::generate().unwrap();
    fs::write(folder.path().join("ca.crt"), ca.pem()).unwrap();
    let pipe = folder.path().join("pipe.crt");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    std::os::unix::fs::symlink(&pipe, folder.path().join("link-to-the-pipe")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", folder.path().join("zero.pem")).unwrap();
    std::os::unix::fs::symlink(folder.path(), folder.path().join("itself")).unwrap();
    let ended = certs(&[], folder.path());
    assert_eq!(ended.code, Some(0), "{} {}", ended.out, ended.err);
    assert!(ended.out.contains("ca.crt"), "{}", ended.out);
}

#[test]
fn a_bundle_of_twelve_megabytes_is_held_once() {
    let folder = tempfile::tempdir().unwrap();
    let ca = Authority::generate().unwrap();
    let leaf = ca.issue(&Leaf::server()).unwrap();
    fs::write(folder.path().join("leaf.crt"), leaf.chain_pem()).unwrap();
    // Certificates of as many names, all alike but for their serial numbers and keys.
    let others: String = (0..64)
        .map(|index| {
            let other = Authority::named(&format!("Another CA {index}"), pki::Validity::Now).unwrap();
            other.pem()
        })
        .collect();
    let mut bundle = others.repeat(12 * 1024 * 1024 / others.len());
    bundle.push_str(&ca.pem());
    let bundle_path = folder.path().join("bundle.pem");
    fs::write(&bundle_path, &bundle).unwrap();
    let ended =
        certs(&["--cacert", bundle_path.to_str().unwrap(), "--cert"], &folder.path().join("leaf.crt"));
    assert_eq!(ended.code, Some(0), "{} {}", &ended.out[..ended.out.len().min(2_000)], ended.err);
    eprintln!("certs: {} KiB", ended.peak);
    let stranger = Authority::generate().unwrap().issue(&Leaf::server()).unwrap();
    fs::write(folder.path().join("stranger.crt"), stranger.chain_pem()).unwrap();
    let refused =
        certs(&["--cacert", bundle_path.to_str().unwrap(), "--cert"], &folder.path().join("stranger.crt"));
    assert_eq!(refused.code, Some(1), "{}", refused.err);
    assert!(refused.out.contains("unknown-authority"), "{}", &refused.out[..refused.out.len().min(2_000)]);
    let mut command = crate::program();
    command
        .args(["run", "--only", "1,3,6,8", "--no-docker", "--timeout", "1s", "--cacert"])
        .arg(&bundle_path);
    let ran = run(&mut command, HARD);
    eprintln!("run: {} KiB", ran.peak);
    // `certs` lists every certificate of it; the program as it is built for tests takes a third by itself.
    assert!(
        ended.peak < MEMORY * 3 / 2 && ran.peak < MEMORY,
        "certs {} KiB, run {} KiB",
        ended.peak,
        ran.peak
    );
}
