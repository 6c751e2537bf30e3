//! RSA signatures of nodes that have no credentials yet.
//! Source: agent-protocol.md 1.3.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};

/// DER of `SEQUENCE { SEQUENCE { OID rsaEncryption, NULL }, BIT STRING … }` up to the algorithm's end.
const RSA_ALGORITHM: &[u8] =
    &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];

/// A registered public key: base64 of the DER SubjectPublicKeyInfo of an RSA key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeKey {
    /// The `RSAPublicKey` inside.
    inner: Vec<u8>,
}

impl NodeKey {
    /// `None`: not an RSA key in that form.
    pub fn parse(base64_spki: &str) -> Option<Self> {
        let der = STANDARD.decode(base64_spki).ok()?;
        let (spki, rest) = element(&der, 0x30)?;
        let spki = rest.is_empty().then_some(spki)?;
        let bits = spki.strip_prefix(RSA_ALGORITHM)?;
        let (bits, rest) = element(bits, 0x03)?;
        // The first byte of a bit string counts unused bits.
        let inner = rest.is_empty().then_some(bits)?.strip_prefix(&[0])?;
        let (numbers, rest) = element(inner, 0x30)?;
        let (modulus, _) = element(numbers, 0x02)?;
        (rest.is_empty() && modulus.len() >= 256).then(|| Self { inner: inner.to_vec() })
    }

    /// RSASSA-PSS, SHA-256, MGF1-SHA-256, a salt of 32 bytes.
    pub fn verifies(&self, string_to_sign: &str, base64_signature: &str) -> bool {
        let Ok(signature) = STANDARD.decode(base64_signature) else { return false };
        let key = UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, &self.inner);
        key.verify(string_to_sign.as_bytes(), &signature).is_ok()
    }

    /// RSASSA-PKCS1-v1_5, SHA-256: what passkeys of this kind sign with.
    pub fn verifies_pkcs1(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.inner).verify(message, signature).is_ok()
    }
}

/// One DER element of the given tag: its content, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let rest = der.strip_prefix(&[tag])?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81 => (usize::from(*rest.first()?), &rest[1..]),
        0x82 => (usize::from(*rest.first()?) << 8 | usize::from(*rest.get(1)?), &rest[2..]),
        _ => return None,
    };
    rest.split_at_checked(length)
}
