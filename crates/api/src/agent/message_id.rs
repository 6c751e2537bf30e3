//! Message ids: UUIDs that frames carry as swapped halves and JSON as hyphenated text.
//! Making random ones belongs to the caller, who owns a source of randomness.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A UUID, any version. The bytes are in the order of the text form.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId([u8; 16]);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a UUID")]
pub struct NotAUuid;

impl MessageId {
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    pub const fn to_bytes(self) -> [u8; 16] {
        self.0
    }

    /// The frame's order: bytes 8–15 first, then bytes 0–7. Its own inverse.
    pub(super) fn swapped(self) -> [u8; 16] {
        let mut bytes = self.0;
        bytes.rotate_left(8);
        bytes
    }

    pub(super) fn from_swapped(mut bytes: [u8; 16]) -> Self {
        bytes.rotate_left(8);
        Self(bytes)
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for MessageId {
    type Err = NotAUuid;

    fn from_str(text: &str) -> Result<Self, NotAUuid> {
        let well_formed = text.len() == 36
            && text
                .bytes()
                .enumerate()
                .all(|(index, byte)| matches!(index, 8 | 13 | 18 | 23) == (byte == b'-'));
        if !well_formed {
            return Err(NotAUuid);
        }
        let mut bytes = [0; 16];
        hex::decode_to_slice(text.replace('-', ""), &mut bytes).map_err(|_| NotAUuid)?;
        Ok(Self(bytes))
    }
}

impl Serialize for MessageId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MessageId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_prints() {
        let text = "00112233-4455-6677-8899-aabbccddeeff";
        let id: MessageId = text.parse().unwrap();
        assert_eq!(id.to_string(), text);
        assert_eq!(hex::encode(id.swapped()), "8899aabbccddeeff0011223344556677");
        assert_eq!(MessageId::from_swapped(id.swapped()), id);
        assert_eq!(serde_json::to_string(&id).unwrap(), format!("\"{text}\""));
    }

    #[test]
    fn refuses_other_text() {
        for text in [
            "",
            "00112233445566778899aabbccddeeff",
            "0011223-34455-6677-8899-aabbccddeeff",
            "g0112233-4455-6677-8899-aabbccddeeff",
            "00112233-4455-6677-8899-aabbccddeeé",
        ] {
            assert_eq!(text.parse::<MessageId>(), Err(NotAUuid), "{text}");
        }
    }
}
