//! The canonical request: one text for all the ways to write the same request.

use super::Refusal;

/// A request as it is on the wire. Path and query are as in the request line, still percent-encoded.
#[derive(Clone, Copy, Debug)]
pub struct RequestParts<'a> {
    pub method: &'a str,
    pub path: &'a str,
    /// Without the question mark.
    pub query: &'a str,
    /// Names in any case, in the order of the request; repeated headers are repeated entries.
    pub headers: &'a [(&'a str, &'a str)],
}

impl<'a> RequestParts<'a> {
    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }

    /// The decoded value of a query parameter.
    pub fn parameter(&self, name: &str) -> Option<String> {
        pairs(self.query).find(|(key, _)| key == name.as_bytes()).map(|(_, value)| text(value))
    }
}

/// How the path enters the canonical request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathStyle {
    /// Dot segments and doubled slashes are resolved, then the encoded path is encoded once more.
    Normalized,
    /// S3: object keys are taken as they are and encoded once.
    ObjectKey,
}

/// `signed_headers` are lower-case and sorted. Every one of them must be on the request.
pub fn canonical_request(
    request: &RequestParts<'_>,
    signed_headers: &[String],
    payload_hash: &str,
    style: PathStyle,
) -> Result<String, Refusal> {
    let path = match style {
        PathStyle::Normalized => encode(normalized(request.path).as_bytes(), Keep::Slash),
        PathStyle::ObjectKey => encode(&decode(request.path), Keep::Slash),
    };
    let path = if path.is_empty() { "/" } else { &path };
    let query = canonical_query(request.query);
    let headers = canonical_headers(request, signed_headers)?;
    let signed = signed_headers.join(";");
    Ok(format!("{}\n{path}\n{query}\n{headers}\n{signed}\n{payload_hash}", request.method))
}

/// Decoded, encoded anew and sorted; the signature itself is left out.
fn canonical_query(query: &str) -> String {
    let mut encoded: Vec<(String, String)> = pairs(query)
        .filter(|(key, _)| key != b"X-Amz-Signature")
        .map(|(key, value)| (encode(&key, Keep::Nothing), encode(&value, Keep::Nothing)))
        .collect();
    encoded.sort_unstable();
    let joined: Vec<String> = encoded.into_iter().map(|(key, value)| format!("{key}={value}")).collect();
    joined.join("&")
}

fn canonical_headers(request: &RequestParts<'_>, signed_headers: &[String]) -> Result<String, Refusal> {
    let mut out = String::new();
    for name in signed_headers {
        let values = request.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        let values: Vec<String> = values.map(|(_, value)| collapsed(value)).collect();
        if values.is_empty() {
            return Err(Refusal::Incomplete(format!("the signed header '{name}' is not on the request")));
        }
        out.push_str(&format!("{name}:{}\n", values.join(",")));
    }
    Ok(out)
}

/// Without blanks at the ends, and with single blanks inside.
fn collapsed(value: &str) -> String {
    value.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

/// Resolves `.`, `..` and empty segments. A slash at the end stays.
fn normalized(path: &str) -> String {
    let mut kept: Vec<&str> = vec![];
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(kept.pop()),
            _ => kept.push(segment),
        }
    }
    let ends_in_slash = path.ends_with('/') && !kept.is_empty();
    format!("/{}{}", kept.join("/"), if ends_in_slash { "/" } else { "" })
}

fn pairs(query: &str) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(key), decode(value))
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    Slash,
    Nothing,
}

fn encode(bytes: &[u8], keep: Keep) -> String {
    let mut out = String::with_capacity(bytes.len());
    for &byte in bytes {
        let plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if plain || (byte == b'/' && keep == Keep::Slash) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// A percent sign that does not start an escape stands for itself.
fn decode(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let escape = (bytes[i] == b'%').then(|| bytes.get(i + 1..i + 3)).flatten();
        let mut decoded = [0];
        match escape {
            Some(digits) if hex::decode_to_slice(digits, &mut decoded).is_ok() => {
                out.push(decoded[0]);
                i += 3;
            }
            _ => {
                out.push(bytes[i]);
                i += 1;
            }
        }
    }
    out
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Encodes everything but letters, digits, `-`, `.`, `_` and `~`.
pub fn percent_encode(plain: &str) -> String {
    encode(plain.as_bytes(), Keep::Nothing)
}

/// The bytes that stand behind an encoded text.
pub fn percent_decode_bytes(encoded: &str) -> Vec<u8> {
    decode(encoded)
}

/// The reverse of [`percent_encode`]; bytes that are no UTF-8 become replacement characters.
pub fn percent_decode(encoded: &str) -> String {
    text(decode(encoded))
}
