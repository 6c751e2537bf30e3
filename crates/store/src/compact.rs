//! The compact form of content: numbers of variable length, text by its interned number.
//! A body carries its own dictionary in front: the interned numbers in order of first use, then
//! fields that name text by its place in that dictionary.

use std::collections::HashMap;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::StoreError;

/// SHA-256 of content, whichever numbers its strings have.
pub type Hash = [u8; 32];

pub(crate) fn hash_column(bytes: Vec<u8>) -> Result<Hash, StoreError> {
    bytes.try_into().map_err(|bytes: Vec<u8>| StoreError::Corrupt(format!("a hash of {} bytes", bytes.len())))
}

/// Content whose strings have no numbers yet.
#[derive(Debug, Default)]
pub struct Draft {
    texts: Vec<String>,
    places: HashMap<String, u64>,
    fields: Vec<u8>,
}

impl Draft {
    pub fn number(&mut self, number: u64) {
        put(&mut self.fields, number);
    }

    pub fn signed(&mut self, number: i64) {
        self.number(zigzag(number));
    }

    pub fn text(&mut self, text: &str) {
        let place = match self.places.get(text) {
            Some(place) => *place,
            None => {
                let place = self.texts.len() as u64;
                self.texts.push(text.to_owned());
                self.places.insert(text.to_owned(), place);
                place
            }
        };
        self.number(place);
    }

    /// Distinct, in order of first use.
    pub fn texts(&self) -> &[String] {
        &self.texts
    }

    pub fn hash(&self) -> Hash {
        let mut hasher = Sha256::new();
        for text in &self.texts {
            hasher.update((text.len() as u64).to_le_bytes());
            hasher.update(text);
        }
        hasher.update((self.texts.len() as u64).to_le_bytes());
        hasher.update(&self.fields);
        hasher.finalize().into()
    }

    /// The stored form; `ids` are the numbers of [`Self::texts`], in the same order.
    pub fn seal(&self, ids: &[i64]) -> Vec<u8> {
        let mut body = Vec::with_capacity(self.fields.len() + ids.len() * 2);
        put(&mut body, ids.len() as u64);
        let mut last = 0;
        for id in ids {
            put(&mut body, zigzag(id.wrapping_sub(last)));
            last = *id;
        }
        body.extend_from_slice(&self.fields);
        body
    }
}

/// A stored body, read front to back.
#[derive(Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    texts: Vec<Arc<str>>,
}

/// The dictionary of a stored body, and its fields.
pub fn split(body: &[u8]) -> Result<(Vec<i64>, &[u8]), StoreError> {
    let mut reader = Reader { rest: body, texts: Vec::new() };
    let count = reader.length()?;
    let mut ids = Vec::with_capacity(count);
    let mut last = 0i64;
    for _ in 0..count {
        last = last.wrapping_add(reader.signed()?);
        ids.push(last);
    }
    Ok((ids, reader.rest))
}

impl<'a> Reader<'a> {
    /// `texts` are those of the dictionary, in its order.
    pub fn new(fields: &'a [u8], texts: Vec<Arc<str>>) -> Self {
        Self { rest: fields, texts }
    }

    pub fn number(&mut self) -> Result<u64, StoreError> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.rest.split_first().ok_or_else(truncated)?;
            self.rest = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(StoreError::Corrupt("a number without end".into()))
    }

    pub fn signed(&mut self) -> Result<i64, StoreError> {
        let number = self.number()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    pub fn text(&mut self) -> Result<Arc<str>, StoreError> {
        let place = self.number()?;
        let text = usize::try_from(place).ok().and_then(|place| self.texts.get(place));
        text.cloned().ok_or_else(|| StoreError::Corrupt(format!("no string at {place}")))
    }

    /// A count of what follows; each takes a byte at least, so that no count can outgrow the body.
    pub fn length(&mut self) -> Result<usize, StoreError> {
        let length = usize::try_from(self.number()?).unwrap_or(usize::MAX);
        if length > self.rest.len() { Err(truncated()) } else { Ok(length) }
    }

    pub fn end(&self) -> Result<(), StoreError> {
        match self.rest.len() {
            0 => Ok(()),
            more => Err(StoreError::Corrupt(format!("{more} bytes after the end"))),
        }
    }
}

fn truncated() -> StoreError {
    StoreError::Corrupt("content ends too early".into())
}

fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)) as u64
}

fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push((number as u8) | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_come_back() {
        let mut draft = Draft::default();
        let numbers = [0, 1, 127, 128, u64::MAX];
        let signed = [0, -1, 1, i64::MIN, i64::MAX];
        numbers.into_iter().for_each(|n| draft.number(n));
        signed.into_iter().for_each(|n| draft.signed(n));
        ["a", "", "a"].into_iter().for_each(|t| draft.text(t));
        let body = draft.seal(&[900, 3]);
        let (ids, fields) = split(&body).unwrap();
        assert_eq!(ids, [900, 3]);
        let mut reader = Reader::new(fields, vec!["a".into(), "".into()]);
        for n in numbers {
            assert_eq!(reader.number().unwrap(), n);
        }
        for n in signed {
            assert_eq!(reader.signed().unwrap(), n);
        }
        assert_eq!(
            [reader.text().unwrap(), reader.text().unwrap(), reader.text().unwrap()],
            ["a", "", "a"].map(Arc::from)
        );
        reader.end().unwrap();
        assert!(reader.number().is_err());
    }

    #[test]
    fn damaged_bodies_are_refused() {
        assert!(split(&[]).is_err());
        assert!(split(&[0xff; 12]).is_err());
        assert!(split(&[5, 0]).is_err());
        assert!(Reader::new(&[1], vec!["a".into()]).text().is_err());
        assert!(Reader::new(&[0x80], Vec::new()).number().is_err());
    }

    #[test]
    fn the_hash_tells_texts_apart() {
        let hash = |texts: &[&str]| {
            let mut draft = Draft::default();
            texts.iter().for_each(|text| draft.text(text));
            draft.hash()
        };
        assert_ne!(hash(&["ab", "c"]), hash(&["a", "bc"]));
        assert_eq!(hash(&["ab", "c"]), hash(&["ab", "c"]));
    }
}
