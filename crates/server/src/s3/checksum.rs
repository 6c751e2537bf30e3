//! Checksums that clients send along with a body, in headers or behind it, and get back with the object.
//! Source: S3 user guide, checking object integrity.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crc::{CRC_32_ISCSI, CRC_32_ISO_HDLC, CRC_64_NVME, Crc, Digest, Table};
use md5::Md5;
use sha2::Digest as _;

static CRC32: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISO_HDLC);
static CRC32C: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISCSI);
static CRC64: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_NVME);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha1,
    Sha256,
}

impl Algorithm {
    pub const ALL: [Self; 5] = [Self::Crc32, Self::Crc32c, Self::Crc64Nvme, Self::Sha1, Self::Sha256];

    /// The header that carries it.
    pub const fn header(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
        }
    }

    pub fn of_header(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.header().eq_ignore_ascii_case(name))
    }
}

/// A checksum that is being computed.
pub enum Checksum {
    Crc32(Digest<'static, u32, Table<16>>),
    Crc32c(Digest<'static, u32, Table<16>>),
    Crc64Nvme(Digest<'static, u64, Table<16>>),
    /// SHA-1 and SHA-256.
    Hash(Box<ring::digest::Context>),
}

impl Checksum {
    pub fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Crc32 => Self::Crc32(CRC32.digest()),
            Algorithm::Crc32c => Self::Crc32c(CRC32C.digest()),
            Algorithm::Crc64Nvme => Self::Crc64Nvme(CRC64.digest()),
            Algorithm::Sha1 => {
                Self::Hash(Box::new(ring::digest::Context::new(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY)))
            }
            Algorithm::Sha256 => Self::Hash(Box::new(ring::digest::Context::new(&ring::digest::SHA256))),
        }
    }

    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Crc32(digest) | Self::Crc32c(digest) => digest.update(bytes),
            Self::Crc64Nvme(digest) => digest.update(bytes),
            Self::Hash(context) => context.update(bytes),
        }
    }

    /// Base64, as headers have it.
    pub fn finish(self) -> String {
        match self {
            Self::Crc32(digest) | Self::Crc32c(digest) => STANDARD.encode(digest.finalize().to_be_bytes()),
            Self::Crc64Nvme(digest) => STANDARD.encode(digest.finalize().to_be_bytes()),
            Self::Hash(context) => STANDARD.encode(context.finish()),
        }
    }
}

/// The MD5 of what was written: entity tags, and `Content-MD5`.
#[derive(Default)]
pub struct Tag(Md5);

impl Tag {
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub fn finish(self) -> [u8; 16] {
        self.0.finalize().into()
    }
}

/// The entity tag of an object of several parts: of their tags, and how many they are.
pub fn tag_of_parts<'a>(tags: impl Iterator<Item = &'a str>) -> String {
    let (mut all, mut count) = (Md5::new(), 0);
    for tag in tags {
        all.update(hex::decode(tag).unwrap_or_default());
        count += 1;
    }
    format!("{}-{count}", hex::encode(all.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_the_published_ones() {
        let check = |algorithm, expected: &str| {
            let mut checksum = Checksum::new(algorithm);
            checksum.update(b"1234");
            checksum.update(b"56789");
            assert_eq!(checksum.finish(), expected, "{algorithm:?}");
        };
        let text = |hex: &str| STANDARD.encode(hex::decode(hex).unwrap());
        check(Algorithm::Crc32, &text("cbf43926"));
        check(Algorithm::Crc32c, &text("e3069283"));
        check(Algorithm::Crc64Nvme, &text("ae8b14860a799888"));
        check(Algorithm::Sha1, &text("f7c3bc1d808e04732adf679965ccc34ca7ae3441"));
        check(Algorithm::Sha256, &text("15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"));
    }

    #[test]
    fn tags_are_md5() {
        let mut tag = Tag::default();
        tag.update(b"hello");
        let hex = hex::encode(tag.finish());
        assert_eq!(hex, "5d41402abc4b2a76b9719d911017c592");
        assert_eq!(
            tag_of_parts([hex.as_str(), hex.as_str()].into_iter()),
            "616b22817b80eed9f65c3aa38cd29054-2"
        );
    }
}
