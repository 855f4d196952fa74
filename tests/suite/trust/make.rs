//! Certificates assembled octet by octet, so that every field can be odd, and keys of every kind that Go
//! knows, the small and rare ones among them.

use aws_lc_rs::digest::{self, Algorithm as Hash};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{self as alg, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use num_bigint::BigUint;

/// A generator that gives the same for the same seed (SplitMix64).
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    /// True once in `n`.
    pub(super) fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub(super) fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }
}

pub(super) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match content.len() {
        length @ ..128 => out.push(u8::try_from(length).unwrap()),
        length => {
            let octets = length.to_be_bytes();
            let octets = &octets[octets.iter().position(|octet| *octet != 0).unwrap()..];
            out.push(0x80 | u8::try_from(octets.len()).unwrap());
            out.extend_from_slice(octets);
        }
    }
    out.extend_from_slice(content);
    out
}

pub(super) fn seq(parts: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

pub(super) fn oid(text: &str) -> Vec<u8> {
    let arcs: Vec<u64> = text.split('.').map(|arc| arc.parse().unwrap()).collect();
    let mut out = Vec::new();
    let mut push = |value: u64| {
        let mut octets = vec![u8::try_from(value & 0x7f).unwrap()];
        let mut rest = value >> 7;
        while rest > 0 {
            octets.push(0x80 | u8::try_from(rest & 0x7f).unwrap());
            rest >>= 7;
        }
        octets.reverse();
        out.extend(octets);
    };
    push(arcs[0] * 40 + arcs[1]);
    arcs[2..].iter().for_each(|arc| push(*arc));
    tlv(6, &out)
}

pub(super) fn bits(content: &[u8]) -> Vec<u8> {
    tlv(3, &[&[0], content].concat())
}

fn unsigned(number: &[u8]) -> Vec<u8> {
    let zero: &[u8] = if number.first().is_some_and(|first| first & 0x80 != 0) { &[0] } else { &[] };
    tlv(2, &[zero, number].concat())
}

/// A private key, and what stands in certificates of its public one.
pub(super) struct Key {
    pub(super) spki: Vec<u8>,
    secret: Secret,
}

enum Secret {
    Ec(EcdsaKeyPair, Curve),
    Ed(Ed25519KeyPair),
    /// 2048 bits.
    Rsa(alg::RsaKeyPair),
    SmallRsa {
        n: BigUint,
        d: BigUint,
        length: usize,
        bits: usize,
    },
    P224,
    Dsa,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Curve {
    P256,
    P384,
    P521,
}

const NULL: &[u8] = &[5, 0];

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().map(|digit| char::from(digit).to_digit(16).unwrap() as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

const RSA: &[(&str, &str)] = &[
    (
        "b9c777f41a9c19e4c52a8d8661f26fbda7f7cee297bbf0c4b8847cdbebfde33e843b53a519e8be7779e79a61144a750f2633ddada862d416879a723ea57014238a8068aefd3c2a822e3fd75fb6b52137946ad9f173330bb8ead62c188dfaa240e11148f27aae082a5fe46986dc1cf4159b60af4aeef68719af62deb6aec9b3e7",
        "448559ace313a849449f894b835cd3f1f3bde6c4948a71275d9720264d487b4457a93a14af15b50a841ff444d2231441de294b1dfdf9559869b38167b1c540e7a9953db8d3680035c11377ab0973bddfd26f5c3c0b090f5ac5501e5ef07fe14ea3c9aa3d54564f56b163ef0d32831c99404eae331871ce0a58e3c048861bb441",
    ),
    (
        "a152c7590f1f528bfb3a5bee744e0fd1de70d942ce7a0e582562ca6d30b1376d8d01dac324fbe03a2a7de7e0c19ab92605dc17652adb7b382190763649bdde28fd1e6e9ba99a3d6813c3d0007837c34f98335175c0c123dfeccc28bfdd1d17eb416504bca127061b87022f3a521d702c8914aaa07de82759a2a7d283aad091",
        "90d04c1ec81267f93c6620cc271f43d83303be23d8517cbae7a48cee037db1b1e79838966086b1bbc5150ca797639abc651a32ee1fd0b205ab2b90d21ed40f988eaaf20a60c1ce775e23776f9eee71a6ca44f58ce0e5caa878bf50da7faea8b37e12e1450f0d768924407265511688223fb7598beda07e874902067d85f221",
    ),
    (
        "0171a0b871fcc03fe3ddb9fdd4a41a60b01c2dd29a8dfbbe2022586e5d115f4561f407602a46e250d1d2a648ee580d36084e7c5a79454663e3ae83b0d20d58353e64680976d6ea874a3f8b83f94a5e6749708460bab4d8f39cc7a110d93c1cefb2afc8b2e86acb9c08810066062ebd7a5badc4bf2393077afa90e6734385c8dcb7",
        "78c08ac12253240c2b0971f51fcf463b0259adedb3e8c409f76e704f93374e915b89754f1a6d20fe0b152bca4195bf4b2368d89db995ef5818510958f5e7152d00a65f30a60a934cc2f70fd3bcb73cd6181691f542d822505b269e3a3fa37eaf00b19ce190ea8ba437311cd75d5f42283a8c4a146a79ce69ccd7376eb3a05101",
    ),
];
const P224_PUBLIC: &str = "041e8bad40e0c4219b3a523ce7598390a42b2da7153dc7e31e7a6b12fa636b757e1c2dd71b65e9574840b326da9fb39ce0257d8a7155e81858";
const P224_PRIVATE: &str = "f6d93b2723e07aac3fcc0f2836c6148d7ff40318b4c6e67ca7a1659c";
const P224_ORDER: &str = "ffffffffffffffffffffffffffff16a2e0b8f03e13dd29455c5c2a3d";
const P224_BASE_X: &str = "b70e0cbd6bb4bf7f321390b94a03c1d356c21122343280d6115c1d21";
const DSA: &str = "308201be3082013306072a8648ce3804013082012602818100b7c554196b41520d8d82c6df2a38a53c806f953d44a69a8a903ed4d565f429708c33948f65e6d5523e58ba2b02c7ff7a17ef5502bcb8602517f3560e1e124ca19ed52d90cf5134a0cfc59e937b511a8a9edc13b0c3f08c629f30f369c2eb15a21d1480ca622b3791c2ea38c71a66feb1ef36f85492932d84cb7695dbd21b1549021d00db961a363f6e5bc00798f7bb7c9f36e525d4e22ea6dc8b992642265b028180043743f2a14d082ad611970b38bdb468ec50aaefc1e0d133e8c76a0712508713fd62af3b1551a6046af569ebf132b731ab0a8e924c8b3cbde3404e9765afacc726ec6afd96b4c8ec066def919f766712f9b252533fa95f325f3e64de26be4236d1d10c217ccadfb7fc7cfcb6159682e622cdb941bbdb0fb377f8db2f399743a1038184000281803396ada1e1c5546aa2c3c6805bc6776ebd0ed3a2b235fcf5f4ae5ffa103f40755cba48356913a8060bccfe42dddb5f329c738054997bcaa8180202d3e503a7184bc0c4d543f7005eb9553221e8c1d9ed9b0403bb892328454816431dedb6c1dc2cf16b379cca6a2daa28e828708fdce3055aff11352118e7a8020d09e4f9c60d";

/// Keys to choose from: the first eight are P-256, then one of each other kind.
pub(super) fn keys() -> Vec<Key> {
    let ec = |algorithm, curve: Curve, id: &str| {
        let pair = EcdsaKeyPair::generate(algorithm).unwrap();
        let parameters = oid(id);
        let spki = seq(&[&seq(&[&oid("1.2.840.10045.2.1"), &parameters]), &bits(pair.public_key().as_ref())]);
        Key { spki, secret: Secret::Ec(pair, curve) }
    };
    let mut keys: Vec<Key> = (0..8)
        .map(|_| ec(&alg::ECDSA_P256_SHA256_ASN1_SIGNING, Curve::P256, "1.2.840.10045.3.1.7"))
        .collect();
    keys.push(ec(&alg::ECDSA_P384_SHA384_ASN1_SIGNING, Curve::P384, "1.3.132.0.34"));
    keys.push(ec(&alg::ECDSA_P521_SHA512_ASN1_SIGNING, Curve::P521, "1.3.132.0.35"));
    let ed = Ed25519KeyPair::generate().unwrap();
    let spki = seq(&[&seq(&[&oid("1.3.101.112")]), &bits(ed.public_key().as_ref())]);
    keys.push(Key { spki, secret: Secret::Ed(ed) });
    let rsa = alg::RsaKeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
    let spki = seq(&[&seq(&[&oid("1.2.840.113549.1.1.1"), NULL]), &bits(rsa.public_key().as_ref())]);
    keys.push(Key { spki, secret: Secret::Rsa(rsa) });
    for (n, d) in RSA {
        let (n, d) = (hex(n), hex(d));
        let key = seq(&[&unsigned(&n), &unsigned(&[1, 0, 1])]);
        let spki = seq(&[&seq(&[&oid("1.2.840.113549.1.1.1"), NULL]), &bits(&key)]);
        let (length, n, d) = (n.len(), BigUint::from_bytes_be(&n), BigUint::from_bytes_be(&d));
        let bits = usize::try_from(n.bits()).unwrap();
        keys.push(Key { spki, secret: Secret::SmallRsa { n, d, length, bits } });
    }
    let spki = seq(&[&seq(&[&oid("1.2.840.10045.2.1"), &oid("1.3.132.0.33")]), &bits(&hex(P224_PUBLIC))]);
    keys.push(Key { spki, secret: Secret::P224 });
    keys.push(Key { spki: hex(DSA), secret: Secret::Dsa });
    keys
}

/// How a certificate is signed: the hash's size, whether RSA is RSASSA-PSS, and what is odd about it.
#[derive(Clone, Copy)]
pub(super) struct Signing {
    pub(super) hash: u16,
    pub(super) pss: bool,
    pub(super) odd: Odd,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Odd {
    Nothing,
    /// One bit of the signature is turned.
    Broken,
    /// Parameters that should not be there, or are missing.
    Parameters,
    /// The salt's length is said wrongly.
    Salt,
    /// An algorithm of another kind is named.
    OtherKind,
    /// An algorithm nobody knows.
    UnknownKind,
    /// Another hash is named than was used.
    OtherHash,
    /// MGF1 with another hash.
    Mask,
}

fn hash(size: u16) -> &'static Hash {
    match size {
        1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        384 => &digest::SHA384,
        512 => &digest::SHA512,
        _ => &digest::SHA256,
    }
}

fn hash_id(size: u16) -> Vec<u8> {
    oid(match size {
        1 => "1.3.14.3.2.26",
        384 => "2.16.840.1.101.3.4.2.2",
        512 => "2.16.840.1.101.3.4.2.3",
        _ => "2.16.840.1.101.3.4.2.1",
    })
}

impl Key {
    /// The AlgorithmIdentifier for a signature with this key.
    pub(super) fn algorithm(&self, signing: Signing) -> Vec<u8> {
        let Signing { hash, odd, .. } = signing;
        let hash = match odd {
            Odd::OtherHash if hash == 256 => 384,
            Odd::OtherHash => 256,
            _ => hash,
        };
        let ecdsa = match hash {
            1 => "1.2.840.10045.4.1",
            384 => "1.2.840.10045.4.3.3",
            512 => "1.2.840.10045.4.3.4",
            _ => "1.2.840.10045.4.3.2",
        };
        let rsa = match hash {
            1 => "1.2.840.113549.1.1.5",
            384 => "1.2.840.113549.1.1.12",
            512 => "1.2.840.113549.1.1.13",
            _ => "1.2.840.113549.1.1.11",
        };
        if odd == Odd::UnknownKind {
            return seq(&[&oid("1.2.3.4")]);
        }
        let parameters = |usual: &'static [u8]| match (odd, usual) {
            (Odd::Parameters, []) => NULL,
            (Odd::Parameters, _) => &[],
            _ => usual,
        };
        match (&self.secret, odd == Odd::OtherKind) {
            (Secret::Rsa(_) | Secret::SmallRsa { .. }, false) if signing.pss => {
                let null: &[u8] = if odd == Odd::Parameters { &[] } else { NULL };
                let inner = seq(&[&hash_id(hash), null]);
                let of_mask = if odd == Odd::Mask { seq(&[&hash_id(1), null]) } else { inner.clone() };
                let mask = seq(&[&oid("1.2.840.113549.1.1.8"), &of_mask]);
                let salt = if odd == Odd::Salt { 20 } else { self::hash(hash).output_len() as u8 };
                let all = seq(&[&tlv(0xa0, &inner), &tlv(0xa1, &mask), &tlv(0xa2, &tlv(2, &[salt]))]);
                seq(&[&oid("1.2.840.113549.1.1.10"), &all])
            }
            (Secret::Rsa(_) | Secret::SmallRsa { .. }, false) => seq(&[&oid(rsa), parameters(NULL)]),
            (Secret::Ed(_), false) => seq(&[&oid("1.3.101.112"), parameters(&[])]),
            (Secret::Dsa, _) => seq(&[&oid("2.16.840.1.101.3.4.3.2")]),
            (Secret::Ec(..) | Secret::P224, true) => seq(&[&oid(rsa), NULL]),
            _ => seq(&[&oid(ecdsa), parameters(&[])]),
        }
    }

    /// Signs, and returns the signature's octets.
    pub(super) fn sign(&self, signing: Signing, message: &[u8]) -> Vec<u8> {
        let digest = digest::digest(hash(signing.hash), message);
        let mut signature = match &self.secret {
            Secret::Ec(pair, _) => pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec(),
            Secret::Ed(pair) => pair.sign(message).as_ref().to_vec(),
            Secret::Rsa(pair) => {
                let padding: &dyn alg::RsaEncoding = match (signing.hash, signing.pss) {
                    (384, false) => &alg::RSA_PKCS1_SHA384,
                    (512, false) => &alg::RSA_PKCS1_SHA512,
                    (_, false) => &alg::RSA_PKCS1_SHA256,
                    (384, true) => &alg::RSA_PSS_SHA384,
                    (512, true) => &alg::RSA_PSS_SHA512,
                    (_, true) => &alg::RSA_PSS_SHA256,
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &SystemRandom::new(), message, &mut signature).unwrap();
                signature
            }
            Secret::SmallRsa { n, d, length, bits } => {
                let encoded = if signing.pss {
                    pss(hash(signing.hash), digest.as_ref(), *bits - 1)
                } else {
                    pkcs1(signing.hash, digest.as_ref(), *length)
                };
                let number = BigUint::from_bytes_be(&encoded).modpow(d, n).to_bytes_be();
                [vec![0; length - number.len()], number].concat()
            }
            Secret::P224 => {
                // With the nonce 1, r is the base point's x.
                let number = |text: &str| BigUint::from_bytes_be(&hex(text));
                let (n, x) = (number(P224_ORDER), number(P224_BASE_X));
                let r = x % &n;
                let end = digest.as_ref().len().min(28);
                let e = BigUint::from_bytes_be(&digest.as_ref()[..end]);
                let s = (e + &r * number(P224_PRIVATE)) % n;
                seq(&[&unsigned(&r.to_bytes_be()), &unsigned(&s.to_bytes_be())])
            }
            Secret::Dsa => vec![0x30, 0],
        };
        if signing.odd == Odd::Broken {
            let last = signature.len() - 1;
            signature[last] ^= 1;
        }
        signature
    }

    /// The hash that the key signs with by itself.
    pub(super) fn usual_hash(&self) -> u16 {
        match &self.secret {
            Secret::Ec(_, Curve::P384) => 384,
            Secret::Ec(_, Curve::P521) => 512,
            _ => 256,
        }
    }

    pub(super) fn signs_with_any_hash(&self) -> bool {
        matches!(self.secret, Secret::Rsa(_) | Secret::SmallRsa { .. } | Secret::P224)
    }
}

fn pkcs1(size: u16, digest: &[u8], length: usize) -> Vec<u8> {
    let info = seq(&[&seq(&[&hash_id(size), NULL]), &tlv(4, digest)]);
    [vec![0, 1], vec![0xff; length - info.len() - 3], vec![0], info].concat()
}

fn pss(hash: &'static Hash, digest: &[u8], bits: usize) -> Vec<u8> {
    let length = bits.div_ceil(8);
    // A salt as long as the hash, or the longest that has room.
    let salt = vec![7; digest.len().min(length - digest.len() - 2)];
    let seed = digest::digest(hash, &[&[0; 8], digest, &salt].concat());
    let mut block = vec![0; length - salt.len() - digest.len() - 2];
    block.push(1);
    block.extend_from_slice(&salt);
    for (counter, chunk) in block.chunks_mut(digest.len()).enumerate() {
        let counter = u32::try_from(counter).unwrap().to_be_bytes();
        let stream = digest::digest(hash, &[seed.as_ref(), &counter].concat());
        chunk.iter_mut().zip(stream.as_ref()).for_each(|(byte, with)| *byte ^= with);
    }
    block[0] &= 0xff >> (8 * length - bits);
    [block, seed.as_ref().to_vec(), vec![0xbc]].concat()
}

/// A certificate to be assembled.
pub(super) struct Plan<'a> {
    /// `[0]` and its content, or nothing.
    pub(super) version: Vec<u8>,
    /// The serial number's octets.
    pub(super) serial: Vec<u8>,
    pub(super) issuer: Vec<u8>,
    pub(super) validity: Vec<u8>,
    pub(super) subject: Vec<u8>,
    pub(super) spki: Vec<u8>,
    /// Unique identifiers.
    pub(super) unique: Vec<u8>,
    /// Identifier, critical, value.
    pub(super) extensions: Vec<(String, bool, Vec<u8>)>,
    pub(super) signer: &'a Key,
    pub(super) signing: Signing,
    /// The outer algorithm is another than the inner one.
    pub(super) torn: bool,
}

impl Plan<'_> {
    pub(super) fn assemble(&self) -> Vec<u8> {
        let algorithm = self.signer.algorithm(self.signing);
        let extensions: Vec<Vec<u8>> = self
            .extensions
            .iter()
            .map(|(id, critical, value)| {
                let critical: &[u8] = if *critical { &[1, 1, 0xff] } else { &[] };
                seq(&[&oid(id), critical, &tlv(4, value)])
            })
            .collect();
        let extensions =
            if extensions.is_empty() { Vec::new() } else { tlv(0xa3, &tlv(0x30, &extensions.concat())) };
        let tbs = seq(&[
            &self.version,
            &tlv(2, &self.serial),
            &algorithm,
            &self.issuer,
            &self.validity,
            &self.subject,
            &self.spki,
            &self.unique,
            &extensions,
        ]);
        let outer = if self.torn { seq(&[&oid("1.2.840.113549.1.1.11"), NULL, NULL]) } else { algorithm };
        seq(&[&tbs, &outer, &bits(&self.signer.sign(self.signing, &tbs))])
    }
}
