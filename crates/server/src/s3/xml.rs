//! The XML that the object store answers with and the little that it reads.
//! Source: S3 API reference.

use axum::body::Body;
use axum::http::{HeaderValue, Response, header};
use quick_xml::Reader;
use quick_xml::events::Event;

use super::error::S3Error;
use crate::http::answer::escape_xml;

const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";
/// Elements within elements of what is read.
const MAX_DEPTH: usize = 8;

/// A document that is being written.
pub struct Document {
    text: String,
    root: &'static str,
}

impl Document {
    pub fn new(root: &'static str) -> Self {
        let text = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root} xmlns=\"{NAMESPACE}\">");
        Self { text, root }
    }

    /// An element with text.
    pub fn element(&mut self, name: &str, value: impl AsRef<str>) -> &mut Self {
        self.text.push_str(&format!("<{name}>{}</{name}>", escape_xml(value.as_ref())));
        self
    }

    /// An element with elements.
    pub fn group(&mut self, name: &str, write: impl FnOnce(&mut Self)) -> &mut Self {
        self.text.push_str(&format!("<{name}>"));
        write(self);
        self.text.push_str(&format!("</{name}>"));
        self
    }

    /// Text of the root itself.
    pub fn text(&mut self, value: &str) -> &mut Self {
        self.text.push_str(&escape_xml(value));
        self
    }

    pub fn into_response(mut self) -> Response<Body> {
        self.text.push_str(&format!("</{}>", self.root));
        let mut response = Response::new(Body::from(self.text));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        response
    }
}

/// One element that was read: its name without a prefix, its text, its elements.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Element {
    pub name: String,
    pub text: String,
    pub elements: Vec<Element>,
}

impl Element {
    pub fn text_of(&self, name: &str) -> Option<&str> {
        self.elements.iter().find(|element| element.name == name).map(|element| element.text.trim())
    }

    pub fn all<'e>(&'e self, name: &'e str) -> impl Iterator<Item = &'e Element> {
        self.elements.iter().filter(move |element| element.name == name)
    }
}

/// Reads a document with this root. Nothing is looked up outside of it.
pub fn read(bytes: &[u8], root: &str) -> Result<Element, S3Error> {
    let malformed = || S3Error::malformed_xml(format!("the body is not the XML of a {root}"));
    let text = std::str::from_utf8(bytes).map_err(|_| malformed())?;
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Element> = Vec::new();
    loop {
        match reader.read_event().map_err(|_| malformed())? {
            Event::Start(start) if open.len() < MAX_DEPTH => {
                let name = start.local_name().as_ref().to_owned();
                open.push(Element { name, ..Element::default() });
            }
            Event::Empty(start) => {
                let name = start.local_name().as_ref().to_owned();
                let empty = Element { name, ..Element::default() };
                match open.last_mut() {
                    Some(parent) => parent.elements.push(empty),
                    None if empty.name == root => return Ok(empty),
                    None => return Err(malformed()),
                }
            }
            Event::Text(text) => {
                if let Some(element) = open.last_mut() {
                    element.text.push_str(&text);
                }
            }
            Event::GeneralRef(reference) => {
                let character = match reference.resolve_char_ref().map_err(|_| malformed())? {
                    Some(character) => character,
                    None => named(&reference).ok_or_else(malformed)?,
                };
                if let Some(element) = open.last_mut() {
                    element.text.push(character);
                }
            }
            Event::End(_) => {
                let element = open.pop().ok_or_else(malformed)?;
                match open.last_mut() {
                    Some(parent) => parent.elements.push(element),
                    None if element.name == root => return Ok(element),
                    None => return Err(malformed()),
                }
            }
            Event::Decl(_) | Event::Comment(_) => {}
            _ => return Err(malformed()),
        }
    }
}

fn named(entity: &str) -> Option<char> {
    match entity {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_clients_send() {
        let text = br#"<?xml version="1.0"?><Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
            <Object><Key>a &amp; b&#x2F;&#99;</Key></Object><Object><Key> </Key></Object><Quiet>true</Quiet></Delete>"#;
        let read = read(text, "Delete").unwrap();
        let keys: Vec<&str> = read.all("Object").filter_map(|object| object.text_of("Key")).collect();
        assert_eq!((keys, read.text_of("Quiet")), (vec!["a & b/c", ""], Some("true")));
    }

    #[test]
    fn refuses_what_is_no_such_document() {
        let deep = format!("{}{}", "<a>".repeat(100), "</a>".repeat(100));
        let bomb = "<!DOCTYPE a [<!ENTITY x \"y\">]><Delete>&x;</Delete>";
        for text in
            ["", "{}", "<Other/>", "<Delete>", "<Delete></Other>", "<Delete>&x;</Delete>", &deep, bomb]
        {
            assert_eq!(read(text.as_bytes(), "Delete").unwrap_err().code, "MalformedXML", "{text}");
        }
        assert!(read(b"<Delete/>", "Delete").is_ok());
    }

    #[test]
    fn writes_escaped_text() {
        let mut document = Document::new("Root");
        document.element("A", "<&>").group("B", |group| {
            group.element("C", "");
        });
        assert!(document.text.ends_with("<A>&lt;&amp;&gt;</A><B><C></C></B>"), "{}", document.text);
    }
}
