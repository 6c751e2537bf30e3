//! Passkeys: what a browser is asked, and whether an authenticator's answer is one to it. Of a registration the browser
//! itself hands over the public key and the authenticator's data, so that nothing here reads CBOR; who made the authenticator
//! is not asked (attestation "none"), so that there is no statement to check.
//! Source: W3C Web Authentication Level 2, 5.2.1.1, 6.1, 7.1 and 7.2.
//! Decision: docs/decisions/0039-passkeys.md.

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use domain::ids::AccountId;
use ring::signature::{ECDSA_P256_SHA256_ASN1, ED25519, UnparsedPublicKey};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::auth::NodeKey;

/// A challenge is good for so long, and once.
pub const CHALLENGE_SECONDS: i64 = 5 * 60;
/// Of one user.
pub const MOST_PASSKEYS: usize = 20;

/// DER of a SubjectPublicKeyInfo up to the key itself: an uncompressed point of P-256, and Ed25519.
const P256: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
const EDWARDS: &[u8] = &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// Bits of an authenticator's data.
const USER_PRESENT: u8 = 1;
const USER_VERIFIED: u8 = 1 << 2;
const HAS_CREDENTIAL: u8 = 1 << 6;

/// What was wrong with an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error(
        "passkeys need a host name: open the console as http://localhost or by the name in its certificate, not as `{0}`"
    )]
    NoName(String),
    #[error("{0} is not what the browser's API returns")]
    Malformed(&'static str),
    #[error("ClientData is of `{0}`, not of this ceremony")]
    OtherCeremony(String),
    #[error("the passkey was asked for by `{0}`, which is not this server's origin")]
    OtherOrigin(String),
    #[error("the passkey was asked for by a page inside another page")]
    Framed,
    #[error("the challenge is not known, was used before, or is older than five minutes")]
    Challenge,
    #[error("the authenticator answered for another relying party than `{0}`")]
    OtherParty(String),
    #[error("the authenticator did not verify who uses it: set up a PIN, a fingerprint or the like")]
    NotVerified,
    #[error("PasskeyId is not the one in AuthenticatorData")]
    OtherCredential,
    #[error("Algorithm {0} with this PublicKey is not one of -7 (ES256), -8 (EdDSA) and -257 (RS256)")]
    Algorithm(i64),
    #[error("the passkey is not known here: it may have been deleted")]
    Unknown,
    #[error("UserHandle is not the passkey's user")]
    OtherUser,
    #[error("the signature is not the passkey's")]
    Signature,
    #[error(
        "the passkey's counter is at {found} and was at {known}: it may have been copied. Sign in another way, and delete it"
    )]
    Counter { known: i64, found: i64 },
}

/// This server, as the browser addressed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// With the port where it is not the scheme's own.
    host: String,
    pub relying_party_id: String,
}

impl Site {
    /// `endpoint`: `http://localhost:4510`. Addresses are no names: browsers refuse them.
    pub fn of(endpoint: &str) -> Result<Self, Refused> {
        let host = endpoint.split_once("://").map_or(endpoint, |(_, host)| host).trim_end_matches('/');
        let host = host.to_ascii_lowercase();
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
            _ => &host,
        };
        let is_name = !name.is_empty() && name.parse::<IpAddr>().is_err() && !name.starts_with('[');
        if !is_name {
            return Err(Refused::NoName(name.to_owned()));
        }
        Ok(Self { relying_party_id: name.to_owned(), host: host.clone() })
    }

    /// Browsers have passkeys over TLS, and on the machine itself without.
    fn is_origin(&self, origin: &str) -> bool {
        let Some((scheme, host)) = origin.split_once("://") else { return false };
        let is_local = self.relying_party_id == "localhost" || self.relying_party_id.ends_with(".localhost");
        host.eq_ignore_ascii_case(&self.host) && (scheme == "https" || (scheme == "http" && is_local))
    }
}

/// What an authenticator is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ceremony {
    Registration,
    SignIn,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
    cross_origin: Option<bool>,
}

/// Reads what the browser says it asked, and for whom; answers with the challenge, which the caller knows or does not.
pub fn challenge_of(client_data: &[u8], ceremony: Ceremony, site: &Site) -> Result<String, Refused> {
    let data: ClientData =
        serde_json::from_slice(client_data).map_err(|_| Refused::Malformed("ClientData"))?;
    let expected = match ceremony {
        Ceremony::Registration => "webauthn.create",
        Ceremony::SignIn => "webauthn.get",
    };
    if data.kind != expected {
        return Err(Refused::OtherCeremony(data.kind));
    }
    if !site.is_origin(&data.origin) {
        return Err(Refused::OtherOrigin(data.origin));
    }
    if data.cross_origin == Some(true) {
        return Err(Refused::Framed);
    }
    Ok(data.challenge)
}

/// What an authenticator says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthenticatorData {
    pub sign_count: u32,
    /// Of a new credential: its id.
    pub credential_id: Option<Vec<u8>>,
}

impl AuthenticatorData {
    /// For the relying party, by a user who was there and was verified.
    pub fn parse(bytes: &[u8], relying_party_id: &str) -> Result<Self, Refused> {
        let malformed = Refused::Malformed("AuthenticatorData");
        let (Some((party, rest)), Some(flags)) = (bytes.split_at_checked(32), bytes.get(32).copied()) else {
            return Err(malformed);
        };
        if party != Sha256::digest(relying_party_id.as_bytes()).as_slice() {
            return Err(Refused::OtherParty(relying_party_id.to_owned()));
        }
        if flags & USER_PRESENT == 0 || flags & USER_VERIFIED == 0 {
            return Err(Refused::NotVerified);
        }
        let (counter, rest) = rest[1..].split_first_chunk::<4>().ok_or(malformed.clone())?;
        let credential_id = if flags & HAS_CREDENTIAL == 0 {
            None
        } else {
            // The model of the authenticator, the length of the id, the id; the key behind it is given apart.
            let (_model, rest) = rest.split_first_chunk::<16>().ok_or(malformed.clone())?;
            let (length, rest) = rest.split_first_chunk::<2>().ok_or(malformed.clone())?;
            Some(rest.get(..usize::from(u16::from_be_bytes(*length))).ok_or(malformed)?.to_vec())
        };
        Ok(Self { sign_count: u32::from_be_bytes(*counter), credential_id })
    }
}

/// A public key of a kind that this server verifies.
#[derive(Debug)]
pub enum PublicKey<'a> {
    Es256(&'a [u8]),
    EdDsa(&'a [u8]),
    Rs256(NodeKey),
}

impl<'a> PublicKey<'a> {
    /// `algorithm` is COSE's number, `spki` DER.
    pub fn parse(algorithm: i64, spki: &'a [u8]) -> Result<Self, Refused> {
        let found = match algorithm {
            -7 => spki.strip_prefix(P256).filter(|point| point.len() == 65 && point[0] == 4).map(Self::Es256),
            -8 => spki.strip_prefix(EDWARDS).filter(|key| key.len() == 32).map(Self::EdDsa),
            -257 => NodeKey::parse(&STANDARD.encode(spki)).map(Self::Rs256),
            _ => None,
        };
        found.ok_or(Refused::Algorithm(algorithm))
    }

    /// Of the authenticator's data and the hash of what the browser says.
    pub fn verify(
        &self,
        authenticator_data: &[u8],
        client_data: &[u8],
        signature: &[u8],
    ) -> Result<(), Refused> {
        let message = [authenticator_data, Sha256::digest(client_data).as_slice()].concat();
        let is_right = match self {
            Self::Es256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(&message, signature).is_ok()
            }
            Self::EdDsa(key) => UnparsedPublicKey::new(&ED25519, key).verify(&message, signature).is_ok(),
            Self::Rs256(key) => key.verifies_pkcs1(&message, signature),
        };
        if is_right { Ok(()) } else { Err(Refused::Signature) }
    }
}

/// An authenticator that counts goes on counting; one that does not stays at 0.
pub fn check_counter(known: i64, found: u32) -> Result<(), Refused> {
    let found = i64::from(found);
    if (known, found) == (0, 0) || found > known { Ok(()) } else { Err(Refused::Counter { known, found }) }
}

/// Names a user to authenticators, without saying who it is. `user_id` is another for another user of the same name later.
pub fn user_handle(account: &AccountId, user_id: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(format!("passkey {account} {user_id}").as_bytes()))
}

pub fn decode(text: &str, member: &'static str) -> Result<Vec<u8>, Refused> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| Refused::Malformed(member))
}

#[cfg(test)]
mod tests {
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};

    use super::*;

    #[test]
    fn names_and_origins() {
        let local = Site::of("http://localhost:4510").unwrap();
        assert_eq!(local.relying_party_id, "localhost");
        let named = Site::of("https://Fettle.example.org").unwrap();
        assert_eq!(named.relying_party_id, "fettle.example.org");
        for (site, origin, expected) in [
            (&local, "http://localhost:4510", true),
            (&local, "https://localhost:4510", true),
            (&local, "http://localhost:4511", false),
            (&local, "http://localhost", false),
            (&local, "http://127.0.0.1:4510", false),
            (&named, "https://fettle.example.org", true),
            (&named, "http://fettle.example.org", false),
            (&named, "https://fettle.example.org.evil.example", false),
            (&named, "https://example.org", false),
            (&named, "null", false),
        ] {
            assert_eq!(site.is_origin(origin), expected, "{origin}");
        }
        for address in ["http://127.0.0.1:4510", "http://[::1]:4510", "https://10.0.0.1", ""] {
            assert!(matches!(Site::of(address), Err(Refused::NoName(_))), "{address}");
        }
    }

    #[test]
    fn what_the_browser_says() {
        let site = Site::of("http://localhost:4510").unwrap();
        let check = |data: &str, expected: Result<&str, Refused>| {
            let found = challenge_of(data.as_bytes(), Ceremony::SignIn, &site);
            assert_eq!(found, expected.map(str::to_owned), "{data}");
        };
        check(r#"{"type":"webauthn.get","challenge":"abc","origin":"http://localhost:4510"}"#, Ok("abc"));
        check(
            r#"{"type":"webauthn.create","challenge":"abc","origin":"http://localhost:4510"}"#,
            Err(Refused::OtherCeremony("webauthn.create".to_owned())),
        );
        check(
            r#"{"type":"webauthn.get","challenge":"abc","origin":"https://evil.example"}"#,
            Err(Refused::OtherOrigin("https://evil.example".to_owned())),
        );
        check(
            r#"{"type":"webauthn.get","challenge":"abc","origin":"http://localhost:4510","crossOrigin":true}"#,
            Err(Refused::Framed),
        );
        check("{}", Err(Refused::Malformed("ClientData")));
        check("", Err(Refused::Malformed("ClientData")));
    }

    fn data(party: &str, flags: u8, counter: u32, rest: &[u8]) -> Vec<u8> {
        [Sha256::digest(party.as_bytes()).as_slice(), &[flags], &counter.to_be_bytes(), rest].concat()
    }

    #[test]
    fn what_the_authenticator_says() {
        let both = USER_PRESENT | USER_VERIFIED;
        let read = |bytes: &[u8]| AuthenticatorData::parse(bytes, "localhost");
        let plain = data("localhost", both, 7, &[]);
        assert_eq!(read(&plain).unwrap(), AuthenticatorData { sign_count: 7, credential_id: None });
        let made = [&[0; 16][..], &[0, 3], b"abc", b"the key"].concat();
        let made = data("localhost", both | HAS_CREDENTIAL, 0, &made);
        assert_eq!(read(&made).unwrap().credential_id.as_deref(), Some(&b"abc"[..]));
        assert_eq!(read(&data("elsewhere", both, 0, &[])), Err(Refused::OtherParty("localhost".to_owned())));
        for flags in [0, USER_PRESENT, USER_VERIFIED] {
            assert_eq!(read(&data("localhost", flags, 0, &[])), Err(Refused::NotVerified));
        }
        // Cut anywhere, up to the end of the id.
        for length in 0..made.len() - b"the key".len() {
            assert!(read(&made[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn signatures_of_each_kind() {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &random).unwrap();
        let spki = [P256, pair.public_key().as_ref()].concat();
        let (told, client) = (data("localhost", 5, 1, &[]), b"{}");
        let message = [&told[..], Sha256::digest(client).as_slice()].concat();
        let signature = pair.sign(&random, &message).unwrap();
        let key = PublicKey::parse(-7, &spki).unwrap();
        assert_eq!(key.verify(&told, client, signature.as_ref()), Ok(()));
        assert_eq!(key.verify(&told, b"{ }", signature.as_ref()), Err(Refused::Signature));
        assert_eq!(key.verify(&told, client, &[]), Err(Refused::Signature));

        let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let spki = [EDWARDS, pair.public_key().as_ref()].concat();
        let key = PublicKey::parse(-8, &spki).unwrap();
        assert_eq!(key.verify(&told, client, pair.sign(&message).as_ref()), Ok(()));
        for (algorithm, spki) in [(-7, &spki[..]), (-257, &spki[..]), (-36, &spki[..]), (-8, &[])] {
            assert!(matches!(PublicKey::parse(algorithm, spki), Err(Refused::Algorithm(_))), "{algorithm}");
        }
    }

    #[test]
    fn counters() {
        for (known, found, expected) in
            [(0, 0, true), (0, 1, true), (5, 6, true), (5, 5, false), (5, 0, false)]
        {
            assert_eq!(check_counter(known, found).is_ok(), expected, "{known} {found}");
        }
    }
}
