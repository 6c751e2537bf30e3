//! Points in time as AWS's JSON protocols write them: epoch seconds, up to three decimals.
//! ISO 8601 text, which some members use instead, is parsed and printed here as well.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::decode::{DecodeError, FromJson, Json, mismatch};

/// Milliseconds since 1970-01-01T00:00:00Z. Ordered; may be negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    pub const EPOCH: Self = Self(0);

    pub const fn from_millis(epoch_ms: i64) -> Self {
        Self(epoch_ms)
    }

    pub const fn from_seconds(epoch_seconds: i64) -> Self {
        Self(epoch_seconds.saturating_mul(1000))
    }

    pub const fn as_millis(self) -> i64 {
        self.0
    }

    pub const fn as_seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    pub const fn plus_millis(self, milliseconds: i64) -> Self {
        Self(self.0.saturating_add(milliseconds))
    }

    pub const fn plus_seconds(self, seconds: i64) -> Self {
        self.plus_millis(seconds.saturating_mul(1000))
    }

    /// Milliseconds from `earlier` to `self`; negative when `earlier` is later.
    pub const fn millis_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// `2026-01-31T12:00:00Z`: whole seconds, as inventory and patch members have it.
    pub fn to_iso_seconds(self) -> String {
        self.print("%Y-%m-%dT%H:%M:%SZ")
    }

    /// `2026-01-31T12:00:00.123Z`: as command invocation members have it.
    pub fn to_iso_millis(self) -> String {
        self.print("%Y-%m-%dT%H:%M:%S.%3fZ")
    }

    /// `Sat, 31 Jan 2026 12:00:00 GMT`: as HTTP headers have it.
    pub fn to_http_date(self) -> String {
        self.print("%a, %d %b %Y %H:%M:%S GMT")
    }

    /// Reads ISO 8601 with an offset or `Z`; also a plain number of epoch seconds, as text.
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(at) = text.parse::<jiff::Timestamp>() {
            return Some(Self(at.as_millisecond()));
        }
        text.parse::<f64>().ok().and_then(Self::from_f64_seconds)
    }

    /// `None` unless finite and within the range that can be printed (years -9999 to 9999).
    pub fn from_f64_seconds(epoch_seconds: f64) -> Option<Self> {
        let epoch_ms = (epoch_seconds * 1000.0).round();
        let in_range = epoch_ms.is_finite() && epoch_ms.abs() < 253_402_207_200_000.0;
        // The cast cannot wrap: the range was checked on the line above.
        in_range.then_some(Self(epoch_ms as i64))
    }

    /// In a format of `strftime`.
    pub(crate) fn print(self, format: &str) -> String {
        let clamped = self.0.clamp(-377_705_023_201_000, 253_402_207_200_000);
        jiff::Timestamp::from_millisecond(clamped)
            .map(|at| at.strftime(format).to_string())
            .unwrap_or_default()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_iso_millis())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 % 1000 == 0 {
            serializer.serialize_i64(self.0 / 1000)
        } else {
            serializer.serialize_f64(self.0 as f64 / 1000.0)
        }
    }
}

impl FromJson for Timestamp {
    fn from_json(json: &Json<'_>) -> Result<Self, DecodeError> {
        let at = match (json.as_number(), json.as_str()) {
            (Some(number), _) => number.as_f64().and_then(Self::from_f64_seconds),
            (None, Some(text)) => Self::parse(text),
            (None, None) => None,
        };
        at.ok_or_else(|| mismatch(json, "a Timestamp"))
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::decode::deserialize(deserializer)
    }
}

/// A time that travels as ISO 8601 text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IsoTimestamp(pub Timestamp);

impl From<Timestamp> for IsoTimestamp {
    fn from(at: Timestamp) -> Self {
        Self(at)
    }
}

impl Serialize for IsoTimestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_iso_millis())
    }
}

impl FromJson for IsoTimestamp {
    fn from_json(json: &Json<'_>) -> Result<Self, DecodeError> {
        Timestamp::from_json(json).map(Self)
    }
}

impl<'de> Deserialize<'de> for IsoTimestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Timestamp::deserialize(deserializer).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_prints() {
        let at = Timestamp::parse("2026-01-31T12:00:00.123Z").unwrap();
        assert_eq!(at.as_millis(), 1_769_860_800_123);
        assert_eq!(at.to_iso_millis(), "2026-01-31T12:00:00.123Z");
        assert_eq!(at.to_iso_seconds(), "2026-01-31T12:00:00Z");
        assert_eq!(serde_json::to_string(&at).unwrap(), "1769860800.123");
        assert_eq!(serde_json::from_str::<Timestamp>("1769860800.123").unwrap(), at);
        assert_eq!(serde_json::from_str::<Timestamp>("\"2026-01-31T12:00:00.123Z\"").unwrap(), at);
        assert_eq!(serde_json::to_string(&Timestamp::from_seconds(5)).unwrap(), "5");
    }

    #[test]
    fn some_travel_as_text() {
        let at = IsoTimestamp(Timestamp::parse("2026-01-31T12:00:00.123Z").unwrap());
        assert_eq!(serde_json::to_string(&at).unwrap(), "\"2026-01-31T12:00:00.123Z\"");
        assert_eq!(serde_json::from_str::<IsoTimestamp>("\"2026-01-31T12:00:00.123Z\"").unwrap(), at);
    }

    #[test]
    fn refuses_what_is_no_time() {
        for text in ["\"soon\"", "1e300", "true", "[]"] {
            assert!(serde_json::from_str::<Timestamp>(text).is_err(), "{text}");
        }
    }
}
