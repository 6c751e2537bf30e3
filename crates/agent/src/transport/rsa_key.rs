//! The node's own key: made at enrolment, proves who the node is when it asks for credentials.
//! Where it is kept belongs to `enroll`; what is signed with it to `sign`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rsa::pkcs8::{DecodePrivateKey, EncodePrivateKey, EncodePublicKey, LineEnding};
use rsa::rand_core::OsRng;
use rsa::{Pss, RsaPrivateKey};
use sha2::{Digest, Sha256};

const KEY_BITS: usize = 2048;
const SALT_BYTES: usize = 32;

/// RSA-2048. Has no `Debug`, so that it cannot be logged.
pub struct NodeKey(RsaPrivateKey);

#[derive(Debug, thiserror::Error)]
#[error("the node's key cannot be {action}: {reason}")]
pub struct KeyError {
    action: &'static str,
    reason: String,
}

impl NodeKey {
    /// Takes a second or so of computing.
    pub fn generate() -> Result<Self, KeyError> {
        RsaPrivateKey::new(&mut OsRng, KEY_BITS).map(Self).map_err(failed("made"))
    }

    /// PKCS#8.
    pub fn to_pem(&self) -> Result<String, KeyError> {
        self.0.to_pkcs8_pem(LineEnding::LF).map(|pem| pem.to_string()).map_err(failed("written"))
    }

    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        RsaPrivateKey::from_pkcs8_pem(pem).map(Self).map_err(failed("read"))
    }

    /// Base64 of the DER SubjectPublicKeyInfo, as registration sends it.
    pub fn public_base64(&self) -> Result<String, KeyError> {
        let public = self.0.to_public_key().to_public_key_der().map_err(failed("written"))?;
        Ok(STANDARD.encode(public.as_bytes()))
    }

    /// Base64 of RSASSA-PSS over the text's SHA-256, MGF1 with SHA-256, 32 bytes of salt.
    pub fn sign(&self, text: &[u8]) -> Result<String, KeyError> {
        let padding = Pss::new_with_salt::<Sha256>(SALT_BYTES);
        let signature =
            self.0.sign_with_rng(&mut OsRng, padding, &Sha256::digest(text)).map_err(failed("used"))?;
        Ok(STANDARD.encode(signature))
    }
}

fn failed<E: std::fmt::Display>(action: &'static str) -> impl FnOnce(E) -> KeyError {
    move |error| KeyError { action, reason: error.to_string() }
}

#[cfg(test)]
pub(crate) mod tests {
    use rsa::RsaPublicKey;
    use rsa::pkcs8::DecodePublicKey;

    use super::*;

    /// What a server does with the key it was given.
    pub(crate) fn verify(public_base64: &str, text: &[u8], signature: &str) -> bool {
        let public = RsaPublicKey::from_public_key_der(&STANDARD.decode(public_base64).unwrap()).unwrap();
        let signature = STANDARD.decode(signature).unwrap();
        public.verify(Pss::new_with_salt::<Sha256>(32), &Sha256::digest(text), &signature).is_ok()
    }

    #[test]
    fn signs_what_a_server_can_verify() {
        let key = NodeKey::generate().unwrap();
        let key = NodeKey::from_pem(&key.to_pem().unwrap()).unwrap();
        let public = key.public_base64().unwrap();
        assert_eq!(public.len(), 392);
        let signature = key.sign(b"text").unwrap();
        assert_eq!(signature.len(), 344);
        assert!(verify(&public, b"text", &signature));
        assert!(!verify(&public, b"test", &signature));
    }

    #[test]
    fn refuses_what_is_no_key() {
        assert!(NodeKey::from_pem("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n").is_err());
    }
}
