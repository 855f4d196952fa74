//! Certificates to be made, and the rows of the table.

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, PKCS_ECDSA_P256_SHA256, SanType,
    SignatureAlgorithm,
};

pub(super) const NOW: i64 = 1_790_000_000;
pub(super) const DAY: i64 = 86_400;

/// A certificate to be made.
#[derive(Clone)]
pub(super) struct Spec {
    pub(super) cn: String,
    pub(super) sans: Vec<SanType>,
    pub(super) ca: IsCa,
    pub(super) usages: Vec<KeyUsagePurpose>,
    pub(super) ekus: Vec<ExtendedKeyUsagePurpose>,
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) constraints: Option<NameConstraints>,
    pub(super) custom: Vec<CustomExtension>,
    pub(super) key: &'static SignatureAlgorithm,
}

pub(super) struct Made {
    pub(super) der: Vec<u8>,
    pub(super) params: CertificateParams,
    pub(super) key: KeyPair,
}

pub(super) fn dns(name: &str) -> SanType {
    SanType::DnsName(name.try_into().unwrap())
}

pub(super) fn ip(text: &str) -> SanType {
    SanType::IpAddress(text.parse().unwrap())
}

pub(super) fn ca(cn: &str) -> Spec {
    Spec {
        cn: cn.to_owned(),
        sans: Vec::new(),
        ca: IsCa::Ca(BasicConstraints::Unconstrained),
        usages: vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign],
        ekus: Vec::new(),
        from: NOW - 100 * DAY,
        to: NOW + 1000 * DAY,
        constraints: None,
        custom: Vec::new(),
        key: &PKCS_ECDSA_P256_SHA256,
    }
}

pub(super) fn leaf() -> Spec {
    Spec {
        sans: vec![dns("host.example")],
        ca: IsCa::NoCa,
        usages: vec![KeyUsagePurpose::DigitalSignature],
        ekus: vec![ExtendedKeyUsagePurpose::ServerAuth],
        to: NOW + 100 * DAY,
        ..ca("leaf")
    }
}

pub(super) fn params(spec: &Spec) -> CertificateParams {
    let mut params = CertificateParams::default();
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, spec.cn.as_str());
    params.distinguished_name = name;
    params.subject_alt_names.clone_from(&spec.sans);
    params.is_ca = spec.ca;
    params.key_usages.clone_from(&spec.usages);
    params.extended_key_usages.clone_from(&spec.ekus);
    params.not_before = time::OffsetDateTime::from_unix_timestamp(spec.from).unwrap();
    params.not_after = time::OffsetDateTime::from_unix_timestamp(spec.to).unwrap();
    params.name_constraints.clone_from(&spec.constraints);
    params.custom_extensions.clone_from(&spec.custom);
    params
}

pub(super) fn root(spec: &Spec) -> Made {
    let key = KeyPair::generate_for(spec.key).unwrap();
    let params = params(spec);
    let der = params.self_signed(&key).unwrap().der().to_vec();
    Made { der, params, key }
}

pub(super) fn under(spec: &Spec, parent: &Made) -> Made {
    let key = KeyPair::generate_for(spec.key).unwrap();
    let params = params(spec);
    let issuer = Issuer::from_params(&parent.params, &parent.key);
    let der = params.signed_by(&key, &issuer).unwrap().der().to_vec();
    Made { der, params, key }
}

pub(super) struct Row {
    pub(super) rule: String,
    pub(super) leaf: Vec<u8>,
    pub(super) intermediates: Vec<Vec<u8>>,
    pub(super) roots: Vec<Vec<u8>>,
    pub(super) at: i64,
    pub(super) name: String,
    pub(super) client: bool,
    pub(super) accepted: bool,
}

#[derive(Default)]
pub(super) struct Table(pub(super) Vec<Row>);

impl Table {
    #[allow(clippy::too_many_arguments)]
    pub(super) fn row(
        &mut self,
        rule: &str,
        accepted: bool,
        leaf: &Made,
        middle: &[&Made],
        roots: &[&Made],
        name: &str,
    ) {
        self.at(rule, accepted, leaf, middle, roots, name, NOW, false);
    }

    #[allow(clippy::too_many_arguments)]
    pub(super) fn at(
        &mut self,
        rule: &str,
        accepted: bool,
        leaf: &Made,
        middle: &[&Made],
        roots: &[&Made],
        name: &str,
        at: i64,
        client: bool,
    ) {
        self.0.push(Row {
            rule: rule.to_owned(),
            leaf: leaf.der.clone(),
            intermediates: middle.iter().map(|one| one.der.clone()).collect(),
            roots: roots.iter().map(|one| one.der.clone()).collect(),
            at,
            name: name.to_owned(),
            client,
            accepted,
        });
    }

    /// A leaf right under a root.
    pub(super) fn simple(&mut self, rule: &str, accepted: bool, ca: &Spec, leaf: &Spec, name: &str) {
        let ca = root(ca);
        self.row(rule, accepted, &under(leaf, &ca), &[], &[&ca], name);
    }
}

pub(super) fn constrained(permitted: Vec<GeneralSubtree>, excluded: Vec<GeneralSubtree>) -> Spec {
    Spec {
        constraints: Some(NameConstraints { permitted_subtrees: permitted, excluded_subtrees: excluded }),
        ..ca("constrained")
    }
}
