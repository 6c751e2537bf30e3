//! A metadata file as a stream of its repeated elements (`<package>`, `<update>`), found at memory speed and handed over
//! one by one; and what is read of one of them.

use std::borrow::Cow;
use std::io;
use std::path::Path;

use memchr::memmem::Finder;
use quick_xml::events::{BytesStart, Event};

use super::super::ScanError;
use super::super::decompress::{Compression, for_each_chunk};
use super::super::root::Root;

/// No element is this long: reaching it means that the file is not what it claims to be.
const MAX_ELEMENT_BYTES: usize = 64 << 20;

/// One metadata file as it lies in the tool's cache.
#[derive(Clone, Debug)]
pub struct Document<'a> {
    pub root: &'a Root,
    pub path: &'a Path,
    pub compression: Compression,
}

/// Why an element was not understood.
pub type Refusal = Cow<'static, str>;

impl Document<'_> {
    /// Calls `visit` with each element of this name, tags included. `outer` is the element around all of them: a file that
    /// does not end with it is not whole.
    pub fn for_each_element(
        &self,
        name: &str,
        outer: &str,
        visit: &mut dyn FnMut(&[u8]) -> Result<(), Refusal>,
    ) -> Result<(), ScanError> {
        let corrupt = |reason: String| ScanError::Corrupt { path: self.root.shown(self.path), reason };
        let Some(file) = self.root.open(self.path)? else {
            return Err(corrupt("vanished from the cache; refresh the metadata".to_owned()));
        };
        let mut splitter = Splitter::new(name, visit);
        let read = for_each_chunk(file, self.compression, &mut |chunk| splitter.push(chunk));
        if let Some(refusal) = splitter.refused {
            return Err(corrupt(format!("element {} of `{name}`: {refusal}", splitter.count)));
        }
        read.map_err(|error| corrupt(format!("{error}; refresh the metadata")))?;
        if !splitter.ends_with(outer) {
            return Err(corrupt(format!("ends before `</{outer}>`; refresh the metadata")));
        }
        Ok(())
    }
}

struct Splitter<'v> {
    visit: &'v mut dyn FnMut(&[u8]) -> Result<(), Refusal>,
    open: Finder<'static>,
    open_bytes: usize,
    close: Finder<'static>,
    close_bytes: usize,
    /// What has been read and not been handed over.
    held: Vec<u8>,
    /// Up to here there is no end tag in what is held.
    searched: usize,
    count: u64,
    refused: Option<Refusal>,
}

impl<'v> Splitter<'v> {
    fn new(name: &str, visit: &'v mut dyn FnMut(&[u8]) -> Result<(), Refusal>) -> Self {
        let (open, close) = (format!("<{name}"), format!("</{name}>"));
        Self {
            visit,
            open: Finder::new(&open).into_owned(),
            open_bytes: open.len(),
            close: Finder::new(&close).into_owned(),
            close_bytes: close.len(),
            held: Vec::new(),
            searched: 0,
            count: 0,
            refused: None,
        }
    }

    fn push(&mut self, chunk: &[u8]) -> io::Result<()> {
        self.held.extend_from_slice(chunk);
        let mut start = 0;
        while let Some(found) = self.close.find(&self.held[self.searched..]) {
            let end = self.searched + found + self.close_bytes;
            if let Some(open) = self.start_of_element(start, end) {
                self.count += 1;
                if let Err(refusal) = (self.visit)(&self.held[open..end]) {
                    self.refused = Some(refusal);
                    return Err(io::ErrorKind::Other.into());
                }
            }
            (start, self.searched) = (end, end);
        }
        self.held.drain(..start);
        self.searched = self.held.len().saturating_sub(self.close_bytes);
        if self.held.len() > MAX_ELEMENT_BYTES {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "an element without an end"));
        }
        Ok(())
    }

    /// A longer name that begins the same (`updates`, `updated`) is another element.
    fn start_of_element(&self, from: usize, to: usize) -> Option<usize> {
        let held = &self.held[from..to];
        let is_it =
            |at: &usize| matches!(held.get(at + self.open_bytes), Some(b' ' | b'>' | b'\n' | b'\t' | b'\r'));
        self.open.find_iter(held).find(is_it).map(|at| from + at)
    }

    fn ends_with(&self, outer: &str) -> bool {
        let rest = self.held.trim_ascii_end();
        let empty =
            |form: &str| memchr::memmem::find(rest, form.as_bytes()).is_some_and(|_| rest.ends_with(b"/>"));
        rest.ends_with(format!("</{outer}>").as_bytes()) || empty(&format!("<{outer}"))
    }
}

/// What stands in an element, piece by piece. Entities are resolved, names are as written.
pub enum Piece<'a> {
    Start(Tag<'a>),
    /// Of an element that began, or of an empty one.
    End(&'a str),
    Text(Cow<'a, str>),
}

pub struct Tag<'a> {
    start: BytesStart<'a>,
}

impl Tag<'_> {
    pub fn name(&self) -> &str {
        self.start.name().into_inner()
    }

    /// `None` where there is no such attribute.
    pub fn attribute(&self, name: &str) -> Result<Option<Cow<'_, str>>, Refusal> {
        for attribute in self.start.attributes().with_checks(false) {
            let attribute = attribute.map_err(|error| Cow::Owned(error.to_string()))?;
            if attribute.key.into_inner() == name {
                let value = match attribute.value {
                    Cow::Borrowed(value) => unescape(value)?,
                    Cow::Owned(value) => Cow::Owned(unescape(&value)?.into_owned()),
                };
                return Ok(Some(value));
            }
        }
        Ok(None)
    }
}

/// Finds tags of one name without reading what is between them. What stands in a comment is found as well.
pub struct TagFinder {
    open: Finder<'static>,
    open_bytes: usize,
}

impl TagFinder {
    pub fn new(name: &str) -> Self {
        let open = format!("<{name}");
        Self { open_bytes: open.len(), open: Finder::new(&open).into_owned() }
    }

    /// Their attributes can be asked for; no value is taken out of the text.
    pub fn find_in<'e>(&self, element: &'e [u8]) -> impl Iterator<Item = Result<Tag<'e>, Refusal>> {
        // A longer name that begins the same is another tag's.
        let is_it =
            |at: &usize| element.get(at + self.open_bytes).is_none_or(|next| b" >/\n\t\r".contains(next));
        self.open.find_iter(element).filter(is_it).map(|at| {
            let tag = &element[at + 1..];
            let tag = &tag[..end_of_tag(tag).ok_or("a tag without an end")?];
            let text = std::str::from_utf8(tag).map_err(|_| "not UTF-8")?;
            Ok(Tag { start: BytesStart::from_content(text, self.open_bytes - 1) })
        })
    }
}

/// Where the `>` is that is no part of a value.
fn end_of_tag(tag: &[u8]) -> Option<usize> {
    let mut quote = None;
    let mut from = 0;
    loop {
        let at = from
            + match quote {
                None => memchr::memchr3(b'>', b'"', b'\'', &tag[from..])?,
                Some(quote) => memchr::memchr(quote, &tag[from..])?,
            };
        match (quote, tag[at]) {
            (None, b'>') => return Some(at),
            (None, opening) => quote = Some(opening),
            (Some(_), _) => quote = None,
        }
        from = at + 1;
    }
}

fn unescape(text: &str) -> Result<Cow<'_, str>, Refusal> {
    quick_xml::escape::unescape(text).map_err(|error| Cow::Owned(error.to_string()))
}

/// Calls `visit` with each piece of one element.
pub fn for_each_piece(
    element: &[u8],
    visit: &mut dyn FnMut(Piece<'_>) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let text = std::str::from_utf8(element).map_err(|_| Cow::Borrowed("not UTF-8"))?;
    let mut reader = quick_xml::Reader::from_str(text);
    loop {
        match reader.read_event().map_err(|error| Cow::Owned(error.to_string()))? {
            Event::Start(start) => visit(Piece::Start(Tag { start }))?,
            Event::Empty(start) => {
                visit(Piece::Start(Tag { start: start.borrow() }))?;
                visit(Piece::End(start.name().into_inner()))?;
            }
            Event::End(end) => visit(Piece::End(end.name().into_inner()))?,
            Event::Text(text) => visit(Piece::Text(text.into_inner()))?,
            Event::CData(text) => visit(Piece::Text(text.into_inner()))?,
            Event::GeneralRef(reference) => {
                let written = format!("&{};", reference.into_inner());
                visit(Piece::Text(unescape(&written)?.into_owned().into()))?;
            }
            Event::Eof => return Ok(()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(text: &[u8], piece: usize) -> (Vec<String>, bool) {
        let mut found = Vec::new();
        let mut visit = |element: &[u8]| {
            found.push(String::from_utf8_lossy(element).into_owned());
            Ok(())
        };
        let mut splitter = Splitter::new("update", &mut visit);
        for chunk in text.chunks(piece.max(1)) {
            splitter.push(chunk).unwrap();
        }
        let whole = splitter.ends_with("updates");
        (found, whole)
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(piece in 1usize..60) {
            let text = b"<?xml?><updates>\n<update a='1'><updated/>x</update>\n<update>\n</update></updates>\n";
            let (found, whole) = split(text, piece);
            prop_assert_eq!(found, ["<update a='1'><updated/>x</update>", "<update>\n</update>"]);
            prop_assert!(whole);
        }
    }

    #[test]
    fn sees_that_the_end_is_missing() {
        assert!(!split(b"<updates><update></update>", 9).1);
        assert!(split(b"<updates/>", 9).1);
    }

    #[test]
    fn resolves_entities() {
        let mut seen = String::new();
        for_each_piece(b"<a b='x &amp; y'>1 &lt; &#50;<c/></a>", &mut |piece| {
            match piece {
                Piece::Start(tag) => {
                    seen += &format!("<{} {:?}>", tag.name(), tag.attribute("b")?.as_deref())
                }
                Piece::End(name) => seen += &format!("</{name}>"),
                Piece::Text(text) => seen += &text,
            }
            Ok(())
        })
        .unwrap();
        assert_eq!(seen, "<a Some(\"x & y\")>1 < 2<c None></c></a>");
        assert!(for_each_piece(b"<a></b>", &mut |_| Ok(())).is_err());
    }
}
