//! Signatures that Go verifies and aws-lc-rs does not: RSA below 2048 bits with SHA-384 or RSASSA-PSS,
//! RSA of unusual size or exponent, and ECDSA on P-224. Public values only, so nothing has to be constant
//! in time; what Go refuses about such keys (`crypto/internal/fips140/rsa`, `checkPublicKey`) is refused.

use aws_lc_rs::digest::{self, Algorithm};
use num_bigint::BigUint;

use super::der::{Der, SEQUENCE};

/// Longest modulus in bits that is looked at: hostile keys must not burn time.
const MODULUS: u64 = 16_384;

/// Whether Go's `rsa.VerifyPKCS1v15`, or with `pss` its `rsa.VerifyPSS` with a salt as long as the hash,
/// accepts.
pub(super) fn rsa(
    modulus: &[u8],
    exponent: u64,
    hash: &'static Algorithm,
    pss: bool,
    message: &[u8],
    signature: &[u8],
) -> bool {
    let n = BigUint::from_bytes_be(modulus);
    let bits = n.bits();
    let exponents = 2..1 << 31;
    if !(1024..=MODULUS).contains(&bits)
        || !n.bit(0)
        || !exponents.contains(&exponent)
        || exponent & 1 == 0
        || signature.len() != modulus.len()
    {
        return false;
    }
    let signature = BigUint::from_bytes_be(signature);
    if signature >= n {
        return false;
    }
    let plain = signature.modpow(&BigUint::from(exponent), &n).to_bytes_be();
    let digest = digest::digest(hash, message);
    if pss {
        let length = usize::try_from(bits - 1).unwrap_or_default();
        return plain.len() <= length.div_ceil(8)
            && pss_holds(hash, digest.as_ref(), &padded(&plain, length.div_ceil(8)), length);
    }
    let Some(info) = digest_info(hash) else { return false };
    let Some(filled) = modulus.len().checked_sub(info.len() + digest.as_ref().len() + 3).filter(|n| *n >= 8)
    else {
        return false;
    };
    let mut expected = vec![0, 1];
    expected.resize(filled + 2, 0xff);
    expected.push(0);
    expected.extend_from_slice(info);
    expected.extend_from_slice(digest.as_ref());
    padded(&plain, modulus.len()) == expected
}

fn padded(number: &[u8], length: usize) -> Vec<u8> {
    let mut padded = vec![0; length.saturating_sub(number.len())];
    padded.extend_from_slice(number);
    padded
}

/// The head of PKCS #1's DigestInfo.
fn digest_info(hash: &'static Algorithm) -> Option<&'static [u8]> {
    Some(match hash.output_len() {
        32 => &[0x30, 0x31, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 0x20],
        48 => &[0x30, 0x41, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2, 5, 0, 4, 0x30],
        64 => &[0x30, 0x51, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3, 5, 0, 4, 0x40],
        _ => return None,
    })
}

/// EMSA-PSS-VERIFY (RFC 8017, 9.1.2); `bits` is emBits.
fn pss_holds(hash: &'static Algorithm, digest: &[u8], encoded: &[u8], bits: usize) -> bool {
    let length = digest.len();
    let Some(masked) = encoded.len().checked_sub(length + 1).filter(|masked| *masked > length) else {
        return false;
    };
    let spare = 8 * encoded.len() - bits;
    let mask = 0xff_u8 >> spare;
    if encoded.last() != Some(&0xbc) || encoded[0] & !mask != 0 {
        return false;
    }
    let (block, rest) = encoded.split_at(masked);
    let seed = &rest[..length];
    let mut block = block.to_vec();
    for (counter, chunk) in block.chunks_mut(length).enumerate() {
        let counter = u32::try_from(counter).unwrap_or_default().to_be_bytes();
        let stream = digest::digest(hash, &[seed, &counter].concat());
        for (byte, with) in chunk.iter_mut().zip(stream.as_ref()) {
            *byte ^= with;
        }
    }
    block[0] &= mask;
    let (padding, salt) = block.split_at(block.len() - length);
    let Some((one, zeros)) = padding.split_last() else { return false };
    if *one != 1 || zeros.iter().any(|byte| *byte != 0) {
        return false;
    }
    digest::digest(hash, &[&[0; 8], digest, salt].concat()).as_ref() == seed
}

/// NIST P-224 (SEC 2, 2.2.1); a is -3.
struct P224 {
    p: BigUint,
    n: BigUint,
    b: BigUint,
    g: Point,
}

/// Jacobian coordinates; z is 0 at infinity.
#[derive(Clone)]
struct Point {
    x: BigUint,
    y: BigUint,
    z: BigUint,
}

fn number(hex: &[u8]) -> BigUint {
    BigUint::parse_bytes(hex, 16).unwrap_or_default()
}

impl P224 {
    fn new() -> Self {
        Self {
            p: number(b"ffffffffffffffffffffffffffffffff000000000000000000000001"),
            n: number(b"ffffffffffffffffffffffffffff16a2e0b8f03e13dd29455c5c2a3d"),
            b: number(b"b4050a850c04b3abf54132565044b0b7d7bfd8ba270b39432355ffb4"),
            g: Point {
                x: number(b"b70e0cbd6bb4bf7f321390b94a03c1d356c21122343280d6115c1d21"),
                y: number(b"bd376388b5f723fb4c22dfe6cd4375a05a07476444d5819985007e34"),
                z: BigUint::from(1_u8),
            },
        }
    }

    fn mul(&self, one: &BigUint, other: &BigUint) -> BigUint {
        one * other % &self.p
    }

    fn sub(&self, one: &BigUint, other: &BigUint) -> BigUint {
        (one + &self.p - other) % &self.p
    }

    /// An uncompressed point (SEC 1, 2.3.4) of the curve.
    fn point(&self, octets: &[u8]) -> Option<Point> {
        let [4, coordinates @ ..] = octets else { return None };
        let (x, y) = coordinates.split_at_checked(28).filter(|(_, y)| y.len() == 28)?;
        let (x, y) = (BigUint::from_bytes_be(x), BigUint::from_bytes_be(y));
        if x >= self.p || y >= self.p {
            return None;
        }
        let cube = self.mul(&self.mul(&x, &x), &x);
        let right = (self.sub(&cube, &(&x * 3_u8 % &self.p)) + &self.b) % &self.p;
        (self.mul(&y, &y) == right).then(|| Point { x, y, z: BigUint::from(1_u8) })
    }

    fn double(&self, one: &Point) -> Point {
        let delta = self.mul(&one.z, &one.z);
        let gamma = self.mul(&one.y, &one.y);
        let beta = self.mul(&one.x, &gamma);
        let product = self.mul(&self.sub(&one.x, &delta), &((&one.x + &delta) % &self.p));
        let alpha = product * 3_u8 % &self.p;
        let x = self.sub(&self.mul(&alpha, &alpha), &(&beta * 8_u8 % &self.p));
        let sum = (&one.y + &one.z) % &self.p;
        let z = self.sub(&self.sub(&self.mul(&sum, &sum), &gamma), &delta);
        let inner = self.sub(&(&beta * 4_u8 % &self.p), &x);
        let y = self.sub(&self.mul(&alpha, &inner), &(self.mul(&gamma, &gamma) * 8_u8 % &self.p));
        Point { x, y, z }
    }

    fn add(&self, one: &Point, other: &Point) -> Point {
        let zero = BigUint::ZERO;
        if one.z == zero {
            return other.clone();
        }
        if other.z == zero {
            return one.clone();
        }
        let (z1, z2) = (self.mul(&one.z, &one.z), self.mul(&other.z, &other.z));
        let (u1, u2) = (self.mul(&one.x, &z2), self.mul(&other.x, &z1));
        let s1 = self.mul(&self.mul(&one.y, &other.z), &z2);
        let s2 = self.mul(&self.mul(&other.y, &one.z), &z1);
        let (h, r) = (self.sub(&u2, &u1), self.sub(&s2, &s1));
        if h == zero {
            return if r == zero {
                self.double(one)
            } else {
                Point { x: zero.clone(), y: zero.clone(), z: zero }
            };
        }
        let square = self.mul(&h, &h);
        let cube = self.mul(&square, &h);
        let v = self.mul(&u1, &square);
        let x = self.sub(&self.sub(&self.mul(&r, &r), &cube), &(&v * 2_u8 % &self.p));
        let y = self.sub(&self.mul(&r, &self.sub(&v, &x)), &self.mul(&s1, &cube));
        let z = self.mul(&self.mul(&one.z, &other.z), &h);
        Point { x, y, z }
    }

    fn times(&self, factor: &BigUint, point: &Point) -> Point {
        let mut sum = Point { x: BigUint::ZERO, y: BigUint::ZERO, z: BigUint::ZERO };
        for bit in (0..factor.bits()).rev() {
            sum = self.double(&sum);
            if factor.bit(bit) {
                sum = self.add(&sum, point);
            }
        }
        sum
    }
}

/// Whether octets are a point of P-224.
pub(super) fn on_p224(octets: &[u8]) -> bool {
    P224::new().point(octets).is_some()
}

/// Whether an ECDSA signature holds with a key on P-224 (SEC 1, 4.1.4).
pub(super) fn p224(key: &[u8], hash: &'static Algorithm, message: &[u8], signature: &[u8]) -> bool {
    let curve = P224::new();
    let Some(key) = curve.point(key) else { return false };
    let mut outer = Der(signature);
    let Some(mut inner) = outer.read(SEQUENCE).filter(|_| outer.is_empty()) else { return false };
    let mut part = || {
        let octets = inner.integer().filter(|octets| octets[0] & 0x80 == 0)?;
        Some(BigUint::from_bytes_be(octets)).filter(|part| *part != BigUint::ZERO && *part < curve.n)
    };
    let (Some(r), Some(s)) = (part(), part()) else { return false };
    if !inner.is_empty() {
        return false;
    }
    let digest = digest::digest(hash, message);
    let e = BigUint::from_bytes_be(&digest.as_ref()[..28]);
    let Some(w) = s.modinv(&curve.n) else { return false };
    let sum =
        curve.add(&curve.times(&(e * &w % &curve.n), &curve.g), &curve.times(&(&r * &w % &curve.n), &key));
    let Some(inverse) = sum.z.modinv(&curve.p) else { return false };
    curve.mul(&sum.x, &curve.mul(&inverse, &inverse)) % &curve.n == r
}
