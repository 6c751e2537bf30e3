//! The key that builds of the agent must be signed with: the server's, noted after enrolment, or the operator's own.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use api::fettle::GetAgentBuildKeyRequest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ED25519, UnparsedPublicKey};
use tokio::sync::watch;

use crate::enroll::{self, Registration};
use crate::transport::call::{CALL_TIMEOUT, Caller};
use crate::transport::credentials::Credentials;

const KEY_BYTES: usize = 32;
/// What stands before the key in DER, as OpenSSL writes it.
const DER_HEAD: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// The public key in a file of PEM or of base64, as base64.
pub fn read(path: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    parse(&text).with_context(|| format!("{} does not hold a public Ed25519 key", path.display()))
}

fn parse(text: &str) -> Option<String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with("-----"));
    let bytes = STANDARD.decode(lines.collect::<String>()).ok()?;
    let key = bytes.strip_prefix(&DER_HEAD).unwrap_or(&bytes);
    (key.len() == KEY_BYTES).then(|| STANDARD.encode(key))
}

/// At the first start after an enrolment, as soon as there are credentials: notes the server's key, unless the operator's
/// own is noted. An update does the same where this did not come through.
pub async fn note(data_dir: PathBuf, caller: Caller, mut credentials: watch::Receiver<Option<Credentials>>) {
    let known = match credentials.wait_for(Option::is_some).await {
        Ok(known) => known.clone(),
        // The agent stops.
        Err(_) => return,
    };
    let Some(known) = known else { return };
    let noted = tokio::task::spawn_blocking(move || noted(&data_dir, &caller, &known));
    if let Ok(Err(error)) = noted.await {
        let error = format!("{error:#}");
        tracing::info!(error, "the server's key for builds of the agent is not noted yet");
    }
}

/// The key that is noted, or from now on the server's.
pub fn noted(data_dir: &Path, caller: &Caller, credentials: &Credentials) -> anyhow::Result<String> {
    let mut registration = Registration::require(data_dir)?;
    if registration.update_key.is_empty() {
        let answer = caller.call_blocking(credentials, &GetAgentBuildKeyRequest::default(), CALL_TIMEOUT)?;
        let key = parse(&answer.public_key);
        registration.update_key = key.context("the server's key for builds is not an Ed25519 key")?;
        enroll::keep(data_dir, &registration)?;
        tracing::info!("the server's key for builds of the agent is noted");
    }
    Ok(registration.update_key)
}

/// Fails when `signature`, in base64, is not that of `statement` by `key`.
pub fn check(key: &str, statement: &str, signature: &str) -> anyhow::Result<()> {
    let key = STANDARD.decode(key).context("the noted key is not base64")?;
    let signature = STANDARD.decode(signature).context("the build's signature is not base64")?;
    match UnparsedPublicKey::new(&ED25519, key).verify(statement.as_bytes(), &signature) {
        Ok(()) => Ok(()),
        Err(_) => bail!("the build is not signed with the key that this node noted when it was enrolled"),
    }
}

#[cfg(test)]
mod tests {
    use ring::signature::{Ed25519KeyPair, KeyPair};

    use super::*;

    #[test]
    fn reads_keys_as_tools_write_them() {
        let raw = STANDARD.encode([7; KEY_BYTES]);
        assert_eq!(parse(&format!("{raw}\n")), Some(raw.clone()));
        let der = STANDARD.encode([DER_HEAD.as_slice(), &[7; KEY_BYTES]].concat());
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{der}\n-----END PUBLIC KEY-----\n");
        assert_eq!(parse(&pem), Some(raw));
        for wrong in ["", "no key", &STANDARD.encode([7; 31]), &STANDARD.encode([7; 44])] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn only_the_noted_key_counts() {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[1; 32]).unwrap();
        let other = Ed25519KeyPair::from_seed_unchecked(&[2; 32]).unwrap();
        let key = STANDARD.encode(pair.public_key().as_ref());
        let signed = |pair: &Ed25519KeyPair, said: &str| STANDARD.encode(pair.sign(said.as_bytes()).as_ref());
        assert!(check(&key, "build 1", &signed(&pair, "build 1")).is_ok());
        for (said, signature) in [
            ("build 2", signed(&pair, "build 1")),
            ("build 1", signed(&other, "build 1")),
            ("build 1", String::new()),
        ] {
            assert!(check(&key, said, &signature).is_err(), "{said}");
        }
        assert!(check("", "build 1", &signed(&pair, "build 1")).is_err(), "no key allows nothing");
    }
}
