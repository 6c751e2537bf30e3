//! How bodies of compact content are kept: each carries its own dictionary in front, the interned numbers of its strings
//! in order of first use, then the fields. What fields are is `domain::compact`'s.

use domain::compact::{Draft, Reader, Unreadable};
use sha2::{Digest, Sha256};

use crate::StoreError;

/// SHA-256 of content, whichever numbers its strings have.
pub type Hash = [u8; 32];

pub(crate) fn hash_column(bytes: Vec<u8>) -> Result<Hash, StoreError> {
    bytes.try_into().map_err(|bytes: Vec<u8>| StoreError::Corrupt(format!("a hash of {} bytes", bytes.len())))
}

pub fn hash(draft: &Draft) -> Hash {
    let mut hasher = Sha256::new();
    for text in draft.texts() {
        hasher.update((text.len() as u64).to_le_bytes());
        hasher.update(text);
    }
    hasher.update((draft.texts().len() as u64).to_le_bytes());
    hasher.update(draft.fields());
    hasher.finalize().into()
}

/// The stored form; `ids` are the numbers of the draft's texts, in the same order.
pub fn seal(draft: &Draft, ids: &[i64]) -> Vec<u8> {
    let mut dictionary = Draft::default();
    dictionary.number(ids.len() as u64);
    let mut last = 0;
    for id in ids {
        dictionary.signed(id.wrapping_sub(last));
        last = *id;
    }
    [dictionary.fields(), draft.fields()].concat()
}

/// The dictionary of a stored body, and its fields.
pub fn split(body: &[u8]) -> Result<(Vec<i64>, &[u8]), StoreError> {
    let mut reader: Reader<'_, &str> = Reader::new(body, Vec::new());
    let count = reader.length()?;
    let mut ids = Vec::with_capacity(count);
    let mut last = 0i64;
    for _ in 0..count {
        last = last.wrapping_add(reader.signed()?);
        ids.push(last);
    }
    Ok((ids, reader.rest()))
}

impl From<Unreadable> for StoreError {
    fn from(Unreadable(what): Unreadable) -> Self {
        Self::Corrupt(what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_come_back() {
        let mut draft = Draft::default();
        draft.number(128);
        ["a", "", "a"].into_iter().for_each(|text| draft.text(text));
        let body = seal(&draft, &[900, 3]);
        let (ids, fields) = split(&body).unwrap();
        assert_eq!((&ids[..], fields), (&[900, 3][..], draft.fields()));
    }

    #[test]
    fn damaged_bodies_are_refused() {
        for damaged in [&[][..], &[0xff; 12], &[5, 0]] {
            assert!(matches!(split(damaged), Err(StoreError::Corrupt(_))), "{damaged:?}");
        }
    }

    #[test]
    fn the_hash_tells_texts_apart() {
        let of = |texts: &[&str]| {
            let mut draft = Draft::default();
            texts.iter().for_each(|text| draft.text(text));
            hash(&draft)
        };
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
        assert_eq!(of(&["ab", "c"]), of(&["ab", "c"]));
    }
}
