//! The server's one secret, kept in a file beside the data, and what is sealed with it: the secret
//! halves of access keys in the database, and session tokens, which carry their own credentials so
//! that they outlive a restart and are valid on every server that shares the file.

use std::io::{self, Write};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Salt};
use ring::signature::{Ed25519KeyPair, KeyPair};

const KEY_LEN: usize = 32;

/// What is derived from the secret for signing builds of the agent, and for nothing else.
const BUILD_KEY: &[u8] = b"fettle agent builds";

pub struct Keyring {
    key: LessSafeKey,
    builds: Ed25519KeyPair,
}

impl Keyring {
    /// Reads the key file, or makes it when there is none.
    pub fn open(path: &Path) -> io::Result<Self> {
        match std::fs::read(path) {
            Ok(bytes) => Self::from_bytes(&bytes).ok_or_else(|| {
                let text = format!("{} does not hold {KEY_LEN} bytes", path.display());
                io::Error::new(io::ErrorKind::InvalidData, text)
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let bytes = random::<KEY_LEN>();
                write_private(path, &bytes)?;
                Ok(Self::from_bytes(&bytes).expect("the length is right by type"))
            }
            Err(error) => Err(error),
        }
    }

    /// A key that lives as long as the process.
    pub fn ephemeral() -> Self {
        Self::from_bytes(&random::<KEY_LEN>()).expect("the length is right by type")
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let key = UnboundKey::new(&AES_256_GCM, bytes).ok()?;
        let mut seed = [0; KEY_LEN];
        let secret = Salt::new(HKDF_SHA256, &[]).extract(bytes);
        secret.expand(&[BUILD_KEY], HKDF_SHA256).ok()?.fill(&mut seed).ok()?;
        let builds = Ed25519KeyPair::from_seed_unchecked(&seed).ok()?;
        Some(Self { key: LessSafeKey::new(key), builds })
    }

    /// Signs what is said of a build of the agent.
    pub fn sign_build(&self, statement: &str) -> Vec<u8> {
        self.builds.sign(statement.as_bytes()).as_ref().to_vec()
    }

    /// Ed25519: what nodes check builds with.
    pub fn build_key(&self) -> &[u8] {
        self.builds.public_key().as_ref()
    }

    /// Encrypts; `purpose` must be repeated to open, so that one kind cannot pass for another.
    pub fn seal(&self, purpose: &str, plain: &[u8]) -> Vec<u8> {
        let nonce = random::<NONCE_LEN>();
        let mut sealed = plain.to_vec();
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(purpose), &mut sealed)
            .expect("the plain text is far below the cipher's limit");
        [nonce.as_slice(), &sealed].concat()
    }

    pub fn open_sealed(&self, purpose: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut buffer = sealed.to_vec();
        let plain = self.key.open_in_place(nonce, Aad::from(purpose), &mut buffer).ok()?;
        Some(plain.to_vec())
    }

    /// Sealed and spelled in characters that fit into headers and URLs.
    pub fn seal_text(&self, purpose: &str, plain: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(self.seal(purpose, plain))
    }

    pub fn open_text(&self, purpose: &str, sealed: &str) -> Option<Vec<u8>> {
        self.open_sealed(purpose, &URL_SAFE_NO_PAD.decode(sealed).ok()?)
    }
}

/// Bytes nobody can guess.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    #[cfg(any(test, feature = "testing"))]
    if crate::testing::simulation::draw(&mut bytes) {
        return bytes;
    }
    getrandom::fill(&mut bytes).expect("the operating system has randomness");
    bytes
}

pub fn random_uuid() -> uuid::Uuid {
    uuid::Builder::from_random_bytes(random()).into_uuid()
}

/// Random characters of an alphabet of up to 64, without bias.
pub fn random_text(alphabet: &[u8; 64], length: usize) -> String {
    let mut text = String::with_capacity(length);
    while text.len() < length {
        for byte in random::<32>().iter().take(length - text.len()) {
            text.push(char::from(alphabet[usize::from(byte & 63)]));
        }
    }
    text
}

/// Writes a file that only its owner may read, whole or not at all.
pub fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let part = path.with_extension("part");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&part, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_only_whole_and_for_its_purpose() {
        let ring = Keyring::ephemeral();
        let sealed = ring.seal("token", b"secret");
        assert_eq!(ring.open_sealed("token", &sealed).as_deref(), Some(b"secret".as_slice()));
        assert_eq!(ring.open_sealed("key", &sealed), None);
        for i in 0..sealed.len() {
            let mut broken = sealed.clone();
            broken[i] ^= 1;
            assert_eq!(ring.open_sealed("token", &broken), None, "byte {i}");
            assert_eq!(ring.open_sealed("token", &sealed[..i]), None, "cut at {i}");
        }
        assert_eq!(Keyring::ephemeral().open_sealed("token", &sealed), None);
    }

    #[test]
    fn one_secret_signs_builds_with_one_key() {
        let ring = Keyring::from_bytes(&[7; KEY_LEN]).unwrap();
        let again = Keyring::from_bytes(&[7; KEY_LEN]).unwrap();
        assert_eq!(ring.build_key(), again.build_key());
        let key = ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, ring.build_key());
        assert!(key.verify(b"statement", &again.sign_build("statement")).is_ok());
        assert!(key.verify(b"statement", &again.sign_build("another")).is_err());
        assert!(key.verify(b"statement", &Keyring::ephemeral().sign_build("statement")).is_err());
    }

    #[test]
    fn the_key_file_is_made_once_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.key");
        let sealed = Keyring::open(&path).unwrap().seal_text("x", b"y");
        assert_eq!(Keyring::open(&path).unwrap().open_text("x", &sealed).as_deref(), Some(b"y".as_slice()));
        std::fs::write(&path, b"short").unwrap();
        assert!(Keyring::open(&path).is_err());
    }
}
