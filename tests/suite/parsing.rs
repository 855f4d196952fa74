//! What Go's parser refuses is refused, and nothing else: every octet of certificates of several kinds is
//! replaced by octets that mean something in DER, in names and in URIs.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, CrlDistributionPoint, CustomExtension,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyPair, KeyUsagePurpose, NameConstraints, SanType,
};
use tls_verify_core::x509::Parsed;

/// A CA with names of every kind and constraints, and a leaf with policies and an access description.
fn certificates() -> Vec<Vec<u8>> {
    let mut first = CertificateParams::new(vec!["a.example".to_owned(), "*.b.example".to_owned()]).unwrap();
    first.subject_alt_names.extend([
        SanType::IpAddress("10.0.0.1".parse().unwrap()),
        SanType::Rfc822Name("x@y.example".try_into().unwrap()),
        SanType::URI("https://y.example/a".try_into().unwrap()),
    ]);
    first.is_ca = IsCa::Ca(BasicConstraints::Constrained(2));
    first.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    first.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::Any];
    first.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![
            GeneralSubtree::DnsName("example".to_owned()),
            GeneralSubtree::IpAddress(CidrSubnet::V4([10, 0, 0, 0], [255, 0, 0, 0])),
        ],
        excluded_subtrees: vec![GeneralSubtree::Rfc822Name("bad.example".to_owned())],
    });
    first.use_authority_key_identifier_extension = true;
    first.crl_distribution_points =
        vec![CrlDistributionPoint { uris: vec!["http://c.example/x".to_owned()] }];
    let mut second = CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
    let extensions: [(&[u64], &[u8]); 5] = [
        (&[2, 5, 29, 32], &[0x30, 6, 0x30, 4, 6, 2, 0x2a, 3]),
        (&[2, 5, 29, 36], &[0x30, 3, 0x80, 1, 0]),
        (&[2, 5, 29, 54], &[2, 1, 0]),
        (&[2, 5, 29, 33], &[0x30, 10, 0x30, 8, 6, 2, 0x2a, 3, 6, 2, 0x2a, 4]),
        (
            &[1, 3, 6, 1, 5, 5, 7, 1, 1],
            &[
                0x30, 0x14, 0x30, 0x12, 6, 8, 0x2b, 6, 1, 5, 5, 7, 0x30, 1, 0x86, 6, b'h', b't', b't', b'p',
                b':', b'/',
            ],
        ),
    ];
    for (id, content) in extensions {
        second.custom_extensions.push(CustomExtension::from_oid_content(id, content.to_vec()));
    }
    let mut unknown = CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]);
    unknown.set_criticality(true);
    second.custom_extensions.push(unknown);
    let p256 = KeyPair::generate().unwrap();
    let ed25519 = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let rsa = KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    [(&first, &p256), (&second, &p256), (&first, &ed25519), (&second, &rsa)]
        .iter()
        .map(|(params, key)| params.self_signed(*key).unwrap().der().to_vec())
        .collect()
}

const OCTETS: &[u8] = &[
    0, 1, 2, 3, 4, 5, 6, 12, 19, 22, 23, 24, 0x1f, b':', b'/', b'.', b'@', b'%', 0x30, 0x31, b'Z', 0x80,
    0x81, 0x82, 0x86, 0xa0, 0xa3, 0xff,
];

#[test]
fn go_and_we_refuse_the_same_bytes() {
    let mut mutants: Vec<Vec<u8>> = certificates();
    for certificate in certificates() {
        for index in 0..certificate.len() {
            for octet in OCTETS.iter().filter(|octet| certificate[index] != **octet) {
                let mut mutant = certificate.clone();
                mutant[index] = *octet;
                mutants.push(mutant);
            }
        }
    }
    let ours: Vec<Option<String>> = mutants.iter().map(|der| Parsed::read(der).err()).collect();
    assert!(ours[..4].iter().all(Option::is_none), "{:?}", &ours[..4]);
    let Some(go) = ["go", "/usr/local/go/bin/go"].into_iter().find(|go| {
        Command::new(go).arg("version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
    }) else {
        eprintln!("skipped: no Go here to be the referee");
        return;
    };
    let mut input = String::new();
    for mutant in &mutants {
        for octet in mutant {
            let _ = write!(input, "{octet:02x}");
        }
        input.push('\n');
    }
    let mut child = Command::new(go)
        .args(["run", "main.go"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/referee/parse"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // The referee answers while it is still being asked.
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert_eq!(output.stdout.len(), mutants.len());
    let mut differ = Vec::new();
    for (index, verdict) in output.stdout.iter().enumerate() {
        if (*verdict == b'1') != ours[index].is_none() {
            let word = if *verdict == b'1' { "Go parses it" } else { "Go refuses it" };
            differ.push(format!("{word}, we say {:?}: {:02x?}", ours[index], mutants[index]));
        }
    }
    println!("{} certificates, {} verdicts differ", mutants.len(), differ.len());
    let first = &differ[..differ.len().min(3)];
    assert!(differ.is_empty(), "{} of {}: {first:#?}", differ.len(), mutants.len());
}
