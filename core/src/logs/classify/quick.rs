//! A fast hash for tables of our own.

use std::hash::{BuildHasher, Hasher};

/// A hash of short words from our own table: nobody can choose what stands in it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Quick(u64);

impl BuildHasher for Quick {
    type Hasher = Self;

    fn build_hasher(&self) -> Self {
        Self(0)
    }
}

impl Hasher for Quick {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3_u64).rotate_left(5);
        }
    }

    fn finish(&self) -> u64 {
        self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}
