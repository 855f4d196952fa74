//! Archives that are what they should be, and that are not.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

fn header(name: &str, kind: EntryType, size: u64) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    // `set_path` refuses what these tests are about.
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o644);
    header.set_cksum();
    header
}

fn member(name: &str, kind: EntryType, content: &[u8]) -> Vec<u8> {
    let mut bytes = header(name, kind, content.len() as u64).as_bytes().to_vec();
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn packed(members: &[Vec<u8>]) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::fast());
    for one in members {
        out.write_all(one).unwrap();
    }
    out.write_all(&[0; 1024]).unwrap();
    out.finish().unwrap()
}

/// What comes of bytes, and what was laid out.
fn laid(bytes: &[u8]) -> (Result<PathBuf, ArchiveFault>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("a.tar.gz");
    std::fs::write(&archive, bytes).unwrap();
    let into = folder.path().join("into");
    std::fs::create_dir(&into).unwrap();
    (unpack(&archive, &into), folder)
}

const FILE: EntryType = EntryType::Regular;

#[test]
fn an_archive_of_one_folder_is_that_folder() {
    let log = member("kept/nats.log", FILE, b"a line\n");
    for (members, end) in [
        (vec![log.clone(), member("kept/states.json", FILE, b"{}")], "into/kept"),
        (vec![member("./nats.log", FILE, b"a line\n"), member("logs/a.log", FILE, b"")], "into"),
        (
            vec![member("kept/", EntryType::Directory, b""), log.clone(), member("kept/b", FILE, b"")],
            "into/kept",
        ),
    ] {
        let (root, folder) = laid(&packed(&members));
        let root = root.unwrap();
        assert_eq!(root, folder.path().join(end));
        assert_eq!(std::fs::read(root.join("nats.log")).unwrap(), b"a line\n");
    }
    // Without gzip, too; a name of 200 characters both ways.
    let long = format!("kept/{}.log", "x".repeat(200));
    let gnu = member("././@LongLink", EntryType::GNULongName, format!("{long}\0").as_bytes());
    let record = format!(" path={long}\n");
    let pax = member("x", EntryType::XHeader, format!("{}{record}", record.len() + 3).as_bytes());
    for before in [gnu, pax] {
        let mut plain = [before, member("short", FILE, b"1")].concat();
        plain.resize(plain.len() + 10_240, 0);
        let (root, folder) = laid(&plain);
        root.unwrap();
        assert!(folder.path().join("into").join(&long).is_file());
    }
}

#[test]
fn what_leads_out_of_it_or_is_no_file_is_refused() {
    let long = |name: &str| {
        [member("././@LongLink", EntryType::GNULongName, name.as_bytes()), member("a", FILE, b"")].concat()
    };
    let record = |text: &str| member("x", EntryType::XHeader, text.as_bytes());
    for members in [
        vec![member("../out.log", FILE, b"")],
        vec![member("kept/../../out.log", FILE, b"")],
        vec![member("/etc/out.log", FILE, b"")],
        vec![member("kept/../", EntryType::Directory, b"")],
        vec![long("../out.log")],
        vec![long("a\0b")],
        vec![record("19 path=../out.log\n"), member("a", FILE, b"")],
        vec![record("12 size=999\n"), member("a", FILE, b"")],
        vec![member("link.log", EntryType::Symlink, b"")],
        vec![member("link.log", EntryType::Link, b"")],
        vec![member("pipe.log", EntryType::Fifo, b"")],
        vec![member("disk.log", EntryType::Block, b"")],
        vec![member("holes.log", EntryType::GNUSparse, b"")],
        vec![member("twice.log", FILE, b"1"), member("twice.log", FILE, b"2")],
        vec![member("both", FILE, b"1"), member("both/a.log", FILE, b"2")],
        vec![member(&"d/".repeat(40), FILE, b""), member(&format!("{}a", "d/".repeat(40)), FILE, b"")],
        vec![member("", FILE, b"")],
    ] {
        let (laid, folder) = laid(&packed(&members));
        let said = laid.unwrap_err();
        assert!(matches!(said, ArchiveFault::Place(_) | ArchiveFault::Kind(_)), "{said:?}");
        assert!(!folder.path().join("out.log").exists());
    }
}

#[test]
fn what_is_cut_or_damaged_is_said_to_be() {
    let whole = packed(&[member("a.log", FILE, &[b'x'; 5000]), member("b.log", FILE, b"y")]);
    for length in 3..whole.len() {
        let (cut, _folder) = laid(&whole[..length]);
        assert!(matches!(cut, Err(ArchiveFault::Damaged)), "{length}: {cut:?}");
    }
    for at in 3..whole.len() {
        let mut other = whole.clone();
        other[at] ^= 0x10;
        let (laid, folder) = laid(&other);
        // gzip's header has bits that say nothing of the content, and so has the end of a block.
        let same = || std::fs::read(folder.path().join("into/a.log")).is_ok_and(|read| read == [b'x'; 5000]);
        assert!(laid.is_err() || same(), "{at}");
    }
    let plain = [member("a.log", FILE, &[b'x'; 5000]), vec![0; 1024]].concat();
    for length in [100, 511, 513, 3000] {
        let (cut, _folder) = laid(&plain[..length]);
        assert!(matches!(cut, Err(ArchiveFault::Damaged | ArchiveFault::Foreign)), "{length}: {cut:?}");
    }
    for bytes in [&b""[..], b"PK\x03\x04", b"a log line\n"] {
        assert!(matches!(laid(bytes).0, Err(ArchiveFault::Foreign)));
    }
    assert!(matches!(laid(&packed(&[])).0, Err(ArchiveFault::Empty)));
}

#[test]
fn bombs_are_refused_by_what_they_declare_and_by_what_they_are() {
    let declared = |size: u64| header("large.log", FILE, size).as_bytes().to_vec();
    assert!(matches!(laid(&packed(&[declared(300 << 20)])).0, Err(ArchiveFault::LargeFile(_))));
    assert!(matches!(laid(&packed(&[declared(1 << 40)])).0, Err(ArchiveFault::Large)));
    let long = header("././@LongLink", EntryType::GNULongName, 1 << 30).as_bytes().to_vec();
    assert!(matches!(laid(&packed(&[long])).0, Err(ArchiveFault::Damaged)));
    let many: Vec<Vec<u8>> =
        (0..=MEMBERS).map(|one| member(&format!("d{one}/"), EntryType::Directory, b"")).collect();
    assert!(matches!(laid(&packed(&many)).0, Err(ArchiveFault::Many)));
    // Nothing but zeros behind the end.
    let mut tail = GzEncoder::new(Vec::new(), Compression::fast());
    tail.write_all(&member("a.log", FILE, b"")).unwrap();
    for _ in 0..64 {
        tail.write_all(&vec![0; 1 << 20]).unwrap();
    }
    let (laid, _folder) = laid(&tail.finish().unwrap());
    assert!(matches!(laid, Err(ArchiveFault::Large)), "{laid:?}");
}

#[test]
fn a_tar_is_known_by_its_first_block() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    let log = member("a.log", FILE, b"1");
    for (bytes, wanted) in
        [(packed(std::slice::from_ref(&log)), true), (log, true), (b"text".to_vec(), false), (vec![], false)]
    {
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(is_archive(&path).unwrap(), wanted);
    }
    let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
    gz.write_all(b"a log line\n").unwrap();
    std::fs::write(&path, gz.finish().unwrap()).unwrap();
    assert!(!is_archive(&path).unwrap());
    assert!(!is_archive(folder.path()).unwrap());
}
