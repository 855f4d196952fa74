//! The key exchange that Go offers (`crypto/tls` since 1.24): X25519MLKEM768 first, then X25519, P-256, P-384
//! and P-521. Our TLS library puts the hybrid last and has no P-521.

use std::sync::{Arc, OnceLock};

use aws_lc_rs::agreement::{ECDH_P521, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use aws_lc_rs::rand::SystemRandom;
use rustls::crypto::aws_lc_rs::{self as provided, kx_group};
use rustls::crypto::{ActiveKeyExchange, CryptoProvider, SharedSecret, SupportedKxGroup};
use rustls::{Error, NamedGroup, PeerMisbehaved};

/// How big a ClientHello is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hello {
    /// As Go's: with an X25519MLKEM768 key share of 1,216 bytes it does not fit one segment of an Ethernet.
    #[default]
    AsGo,
    /// Without the hybrid, as Go's with `GODEBUG=tlsmlkem=0`: it fits one segment.
    Small,
}

/// The one provider, with the groups of that hello.
#[must_use]
pub(crate) fn provider(hello: Hello) -> Arc<CryptoProvider> {
    static AS_GO: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    static SMALL: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    let classical = || vec![kx_group::X25519, kx_group::SECP256R1, kx_group::SECP384R1, &P521 as _];
    let with = |kx_groups| Arc::new(CryptoProvider { kx_groups, ..provided::default_provider() });
    Arc::clone(match hello {
        Hello::AsGo => AS_GO.get_or_init(|| {
            let mut groups: Vec<&'static dyn SupportedKxGroup> = vec![kx_group::X25519MLKEM768];
            groups.extend(classical());
            with(groups)
        }),
        Hello::Small => SMALL.get_or_init(|| with(classical())),
    })
}

static P521: Secp521r1 = Secp521r1;

/// ECDH over P-521 (RFC 8446, 4.2.8.2).
#[derive(Debug)]
struct Secp521r1;

impl SupportedKxGroup for Secp521r1 {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let failed = |_| Error::General("no key for P-521 could be made".to_owned());
        let private = EphemeralPrivateKey::generate(&ECDH_P521, &SystemRandom::new()).map_err(failed)?;
        let public = private.compute_public_key().map_err(failed)?.as_ref().to_vec();
        Ok(Box::new(Exchange { private, public }))
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::secp521r1
    }
}

struct Exchange {
    private: EphemeralPrivateKey,
    public: Vec<u8>,
}

impl ActiveKeyExchange for Exchange {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        let refused = Error::from(PeerMisbehaved::InvalidKeyShare);
        // Uncompressed points alone are legal in TLS 1.3 (RFC 8446, 4.2.8.2), and all that Go sends.
        if peer.first() != Some(&4) {
            return Err(refused);
        }
        let peer = UnparsedPublicKey::new(&ECDH_P521, peer);
        agree_ephemeral(self.private, peer, refused, |secret| Ok(SharedSecret::from(secret)))
    }

    fn pub_key(&self) -> &[u8] {
        &self.public
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::secp521r1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_of_p_521_agree() {
        let (one, other) = (P521.start().unwrap(), P521.start().unwrap());
        let (of_one, of_other) = (one.pub_key().to_vec(), other.pub_key().to_vec());
        assert_eq!(of_one.len(), 133);
        let (one, other) = (one.complete(&of_other).unwrap(), other.complete(&of_one).unwrap());
        assert_eq!(one.secret_bytes(), other.secret_bytes());
        assert_eq!(one.secret_bytes().len(), 66);
        for (wrong, why) in
            [(&[4; 133][..], "no point of the curve"), (&[], "nothing"), (&of_one[1..], "no form")]
        {
            let ended = P521.start().unwrap().complete(wrong).err();
            assert_eq!(ended, Some(PeerMisbehaved::InvalidKeyShare.into()), "{why}");
        }
    }

    #[test]
    fn what_is_offered_is_what_go_offers() {
        let names = |hello| provider(hello).kx_groups.iter().map(|group| group.name()).collect::<Vec<_>>();
        let go = [
            NamedGroup::X25519MLKEM768,
            NamedGroup::X25519,
            NamedGroup::secp256r1,
            NamedGroup::secp384r1,
            NamedGroup::secp521r1,
        ];
        assert_eq!(names(Hello::AsGo), go);
        assert_eq!(names(Hello::Small), go[1..]);
    }
}
