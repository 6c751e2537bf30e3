//! Content in few bytes: numbers of variable length, text by its place in a dictionary beside the fields.
//! What is written stands with its types (`facts::form`); who keeps it decides how the dictionary is kept.

use std::collections::HashMap;

use api::Timestamp;

/// What was read is not what was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub String);

type Result<T> = std::result::Result<T, Unreadable>;

/// Content that is being written.
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

    /// Zero is no time; most are whole seconds.
    pub fn time(&mut self, at: Option<Timestamp>) {
        let Some(at) = at.map(Timestamp::as_millis) else { return self.number(0) };
        self.number(if at % 1000 == 0 { 1 } else { 2 });
        self.signed(if at % 1000 == 0 { at / 1000 } else { at });
    }

    /// Distinct, in order of first use.
    pub fn texts(&self) -> &[String] {
        &self.texts
    }

    /// What was written but the texts.
    pub fn fields(&self) -> &[u8] {
        &self.fields
    }
}

impl Draft {
    /// The whole in one piece: the texts, then the fields. [`split_texts`] reads it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out =
            Vec::with_capacity(self.fields.len() + self.texts.iter().map(|t| t.len() + 1).sum::<usize>());
        put(&mut out, self.texts.len() as u64);
        for text in &self.texts {
            put(&mut out, text.len() as u64);
            out.extend_from_slice(text.as_bytes());
        }
        out.extend_from_slice(&self.fields);
        out
    }
}

/// The texts and the fields of [`Draft::to_bytes`].
pub fn split_texts(bytes: &[u8]) -> Result<(Vec<&str>, &[u8])> {
    let mut reader: Reader<'_, &str> = Reader::new(bytes, Vec::new());
    let count = reader.length()?;
    let mut texts = Vec::with_capacity(count);
    for _ in 0..count {
        let length = reader.length()?;
        let (text, rest) = reader.rest.split_at(length);
        texts.push(std::str::from_utf8(text).map_err(|error| Unreadable(error.to_string()))?);
        reader.rest = rest;
    }
    Ok((texts, reader.rest))
}

/// Fields, read front to back; `T` is a text of the dictionary.
#[derive(Debug)]
pub struct Reader<'a, T> {
    rest: &'a [u8],
    texts: Vec<T>,
}

impl<'a, T> Reader<'a, T> {
    /// `texts` are those of [`Draft::texts`], in their order.
    pub fn new(fields: &'a [u8], texts: Vec<T>) -> Self {
        Self { rest: fields, texts }
    }

    /// What was not read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub fn number(&mut self) -> Result<u64> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.rest.split_first().ok_or_else(truncated)?;
            self.rest = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Unreadable("a number without end".into()))
    }

    pub fn signed(&mut self) -> Result<i64> {
        let number = self.number()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    pub fn time(&mut self) -> Result<Option<Timestamp>> {
        match self.number()? {
            0 => Ok(None),
            1 => Ok(Some(Timestamp::from_seconds(self.signed()?))),
            _ => Ok(Some(Timestamp::from_millis(self.signed()?))),
        }
    }

    pub fn text(&mut self) -> Result<&T> {
        let place = self.number()?;
        let text = usize::try_from(place).ok().and_then(|place| self.texts.get(place));
        text.ok_or_else(|| Unreadable(format!("no string at {place}")))
    }

    /// A count of what follows; each takes a byte at least, so that no count can outgrow the body.
    pub fn length(&mut self) -> Result<usize> {
        let length = usize::try_from(self.number()?).unwrap_or(usize::MAX);
        if length > self.rest.len() { Err(truncated()) } else { Ok(length) }
    }

    pub fn end(&self) -> Result<()> {
        match self.rest.len() {
            0 => Ok(()),
            more => Err(Unreadable(format!("{more} bytes after the end"))),
        }
    }
}

fn truncated() -> Unreadable {
    Unreadable("content ends too early".into())
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
        ["ä", "", "ä"].into_iter().for_each(|t| draft.text(t));
        let bytes = draft.to_bytes();
        let (texts, fields) = split_texts(&bytes).unwrap();
        assert_eq!((&texts[..], fields), (&["ä", ""][..], draft.fields()));
        let mut reader = Reader::new(fields, texts);
        for n in numbers {
            assert_eq!(reader.number().unwrap(), n);
        }
        for n in signed {
            assert_eq!(reader.signed().unwrap(), n);
        }
        let texts = [(); 3].map(|()| *reader.text().unwrap());
        assert_eq!(texts, ["ä", "", "ä"]);
        reader.end().unwrap();
        assert!(reader.number().is_err());
    }

    #[test]
    fn damaged_content_is_refused() {
        assert!(Reader::new(&[1], vec!["a"]).text().is_err());
        assert!(Reader::<&str>::new(&[0x80], Vec::new()).number().is_err());
        for damaged in [&[][..], &[0xff; 12], &[2, 1, b'a'], &[1, 1, 0xff], &[1, 9, b'a']] {
            assert!(split_texts(damaged).is_err(), "{damaged:?}");
        }
    }
}
