//! What one package list has of the installed packages: records copied out of the stream into one buffer.

use super::record::{MultiArch, Record};

/// Numbers before the texts of a record.
const FIXED_BYTES: usize = 14;

/// Sound records, in the order of the list.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Records {
    bytes: Vec<u8>,
}

impl Records {
    /// Fails for a field longer than any package has.
    pub fn push(&mut self, record: &Record<'_>) -> Result<(), &'static str> {
        let bytes = &mut self.bytes;
        bytes.extend_from_slice(&record.fingerprint.to_le_bytes());
        bytes.extend_from_slice(&record.size_bytes.to_le_bytes());
        bytes.push(record.multi_arch.to_code());
        bytes.push(record.phased_percent.unwrap_or(u8::MAX));
        for text in texts(record) {
            let length = u16::try_from(text.len()).map_err(|_| "a field longer than any package has")?;
            bytes.extend_from_slice(&length.to_le_bytes());
            bytes.extend_from_slice(text);
        }
        Ok(())
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Takes what [`Self::as_bytes`] gave; that it is so, the caller has checked.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self { bytes }
    }

    pub fn iter(&self) -> impl Iterator<Item = Record<'_>> {
        let mut rest = self.bytes.as_slice();
        std::iter::from_fn(move || {
            let (record, after) = take(rest)?;
            rest = after;
            Some(record)
        })
    }
}

fn texts<'a>(record: &Record<'a>) -> [&'a [u8]; 6] {
    [record.package, record.version, record.architecture, record.section, record.priority, record.source]
}

fn take(bytes: &[u8]) -> Option<(Record<'_>, &[u8])> {
    let (fixed, mut rest) = bytes.split_first_chunk::<FIXED_BYTES>()?;
    let mut text = || {
        let (length, after) = rest.split_first_chunk::<2>()?;
        let (text, after) = after.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
        rest = after;
        Some(text)
    };
    let record = Record {
        package: text()?,
        version: text()?,
        architecture: text()?,
        section: text()?,
        priority: text()?,
        source: text()?,
        status: b"",
        multi_arch: MultiArch::from_code(fixed[12])?,
        size_bytes: u64::from_le_bytes(*fixed[4..].first_chunk()?),
        phased_percent: Some(fixed[13]).filter(|&percent| percent != u8::MAX),
        fingerprint: u32::from_le_bytes(*fixed.first_chunk()?),
    };
    Some((record, rest))
}
