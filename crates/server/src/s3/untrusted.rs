//! Requests that no client of good will sends: whatever lines, headers and documents say, they are read or refused, and nothing
//! panics. Made of the words that these parsers know, since chance alone does not find them.

use axum::http::Request;
use axum::http::request::Parts;
use proptest::prelude::*;
use proptest::sample::select;

use super::body::promise;
use super::get_object::range;
use super::list_objects::wanted;
use super::request::Target;
use super::uploads::named_parts;
use super::xml;
use crate::auth::s3::{BodyProof, is_addressed};

const SIZE_BYTES: u64 = 1000;
const METHODS: &[&str] = &["GET", "PUT", "POST", "HEAD", "DELETE", "PATCH"];
const HEADERS: &[&str] = &[
    "host",
    "authorization",
    "range",
    "content-length",
    "content-md5",
    "x-amz-copy-source",
    "x-amz-decoded-content-length",
    "x-amz-trailer",
    "x-amz-checksum-crc32",
];
const WORDS: &[&str] = &[
    "/",
    "?",
    "&",
    "=",
    "%",
    "%2F",
    "%00",
    "%C3",
    "bucket",
    "a.b",
    "..",
    "uploadId",
    "partNumber",
    "max-keys",
    "delete",
    "uploads",
    "list-type=2",
    "continuation-token",
    "prefix",
    "delimiter",
    "encoding-type=url",
    "0",
    "1",
    "-1",
    "18446744073709551615",
    "18446744073709551616",
    "bytes=",
    "-",
    ",",
    "AWS4-HMAC-SHA256 Credential=",
    "s3",
    "objects.example.org",
    ":443",
    "NhCmhg==",
    "XrY7u+Ae7tCTyyK7j1rNww==",
    " ",
    "ä",
    "\u{0}",
];
const MARKUP: &[&str] = &[
    "<?xml version=\"1.0\"?>",
    "<Delete>",
    "</Delete>",
    "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">",
    "<Object>",
    "</Object>",
    "<Key>",
    "</Key>",
    "<Quiet>true</Quiet>",
    "<CompleteMultipartUpload>",
    "</CompleteMultipartUpload>",
    "<Part>",
    "</Part>",
    "<PartNumber>",
    "</PartNumber>",
    "<ETag>",
    "</ETag>",
    "1",
    "10001",
    "-1",
    "&amp;",
    "&#x2F;",
    "&#x110000;",
    "&#xD800;",
    "&none;",
    "\"00\"",
    "<![CDATA[",
    "]]>",
    "<!--",
    "-->",
    "<!DOCTYPE a [<!ENTITY b \"c\">]>",
    "<",
    ">",
    "</",
    "/>",
    "ä",
    "\u{0}",
];
const ROOTS: [&str; 3] = ["Delete", "CompleteMultipartUpload", "CreateBucketConfiguration"];

fn text(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::collection::vec(select(words), 0..12).prop_map(|words| words.concat())
}

fn parts() -> impl Strategy<Value = Option<Parts>> {
    let headers = prop::collection::vec((select(HEADERS), text(WORDS)), 0..5);
    (select(METHODS), text(WORDS), headers).prop_map(|(method, address, headers)| {
        let request = Request::builder().method(method).uri(format!("/{address}"));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, value));
        Some(request.body(()).ok()?.into_parts().0)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_request_is_read_or_refused(parts in parts()) {
        if let Some(parts) = parts {
            is_addressed(&parts);
            if let Ok(Some(range)) = range(&parts.headers, SIZE_BYTES) {
                prop_assert!(range.start < range.end && range.end <= SIZE_BYTES, "{:?}", range);
            }
            let _ = promise(&parts.headers, &BodyProof::Unsigned);
            for domain in [None, Some("objects.example.org")] {
                if let Ok(target) = Target::read(&parts, domain) {
                    let _ = (target.operation(&parts).is_ok(), wanted(&target.query).is_ok());
                }
            }
        }
    }

    #[test]
    fn any_document_is_read_or_refused(document in text(MARKUP)) {
        for root in ROOTS {
            // Of the inner text alone, too: few draws begin with the right name.
            for document in [document.clone(), format!("<{root}>{document}</{root}>")] {
                if let Ok(element) = xml::read(document.as_bytes(), root) {
                    prop_assert_eq!(&element.name, root);
                    let parts = named_parts(&element).unwrap_or_default();
                    prop_assert!(parts.is_sorted_by(|one, next| one.0 < next.0), "{:?}", parts);
                }
            }
        }
    }
}
