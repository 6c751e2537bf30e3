//! Objects of a store that speaks S3: this node's own server, or another that the node's settings name.
//! Blocking. What the objects are for belongs to whoever asks. Source: S3 API reference, GetObject and PutObject.

use std::fs::File;
use std::io::Write;
use std::time::Duration;

use api::sigv4::{self, PathStyle, RequestParts, Signer, UNSIGNED_PAYLOAD, payload_hash};
use domain::object::{BucketName, ObjectAddress, ObjectKey};

use super::call::{Caller, now};
use super::credentials::Credentials;
use super::endpoint::Endpoint;
use super::http::{Answer, Http, SaveError, Saved, TransportError};

const GET_TIMEOUT: Duration = Duration::from_secs(60);
const PUT_TIMEOUT: Duration = Duration::from_secs(30 * 60);
/// Of a large object.
const SAVE_TIMEOUT: Duration = Duration::from_secs(30 * 60);
/// Of one list.
const MOST_KEYS: usize = 10_000;
const MOST_LIST_BYTES: u64 = 8 << 20;
const SERVICE: &str = "s3";
/// In which a store says in which region a bucket is.
pub const REGION_HEADER: &str = "x-amz-bucket-region";

#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    #[error("{address}: {code}: {message}{}", hint(code))]
    Refused { address: ObjectAddress, code: String, message: String, status: u16 },
    #[error("{address}: it has more than {limit_bytes} bytes")]
    TooLarge { address: ObjectAddress, limit_bytes: usize },
    /// The bucket is elsewhere.
    #[error("{address}: the bucket is in {region}")]
    OtherRegion { address: ObjectAddress, region: String },
    #[error("{address}")]
    Transport {
        address: ObjectAddress,
        #[source]
        source: TransportError,
    },
    /// It came, and could not be kept here.
    #[error("{address}")]
    Kept {
        address: ObjectAddress,
        #[source]
        source: std::io::Error,
    },
    #[error("{address}: the list of what is there cannot be read: {reason}")]
    List { address: ObjectAddress, reason: String },
    #[error("{address}: the request cannot be signed")]
    Unsigned {
        address: ObjectAddress,
        #[source]
        source: sigv4::Refusal,
    },
}

/// What to do about it.
fn hint(code: &str) -> &'static str {
    match code {
        "NoSuchKey" => "\n  hint: put the file there with `aws s3 cp`, or correct its name",
        "NoSuchBucket" => "\n  hint: make the bucket with `aws s3 mb`, or correct its name",
        "AccessDenied" => {
            "\n  hint: a node reads from its server what a running command of its own names; from another \
             store what the node's credentials there allow"
        }
        _ => "",
    }
}

/// One store, and as whom.
pub struct ObjectStore {
    pub endpoint: Endpoint,
    pub region: String,
    pub credentials: sigv4::Credentials,
    pub http: Http,
}

impl ObjectStore {
    /// The store of this node's server.
    pub fn of_server(caller: &Caller, credentials: &Credentials) -> Self {
        Self {
            endpoint: caller.endpoint.clone(),
            region: caller.region.to_string(),
            credentials: sigv4::Credentials {
                access_key_id: credentials.access_key_id.clone(),
                secret_access_key: credentials.secret_access_key.clone(),
                session_token: Some(credentials.session_token.clone()),
            },
            http: caller.http().clone(),
        }
    }

    /// A whole object of at most so many bytes.
    pub fn get(&self, address: &ObjectAddress, limit_bytes: usize) -> Result<Vec<u8>, ObjectError> {
        let (url, headers) = self.sign("GET", address, "", &payload_hash(b""))?;
        let answer = self.http.get_signed(&url, &headers, GET_TIMEOUT, limit_bytes as u64 + 1);
        let answer = self.answered(address, answer)?;
        if answer.body.len() > limit_bytes {
            return Err(ObjectError::TooLarge { address: address.clone(), limit_bytes });
        }
        Ok(answer.body)
    }

    /// The rest of an opened file becomes an object. Its content is not covered by the signature: it need not be read twice.
    pub fn put(&self, address: &ObjectAddress, file: &File, size_bytes: u64) -> Result<(), ObjectError> {
        let (url, mut headers) = self.sign("PUT", address, "", UNSIGNED_PAYLOAD)?;
        headers.push(("content-length".to_owned(), size_bytes.to_string()));
        let answer = self.http.put_signed(&url, &headers, file, PUT_TIMEOUT);
        self.answered(address, answer).map(drop)
    }

    /// A whole object of at most so many bytes goes into `sink` as it comes.
    pub fn save(
        &self,
        address: &ObjectAddress,
        limit_bytes: u64,
        sink: &mut dyn Write,
    ) -> Result<(), ObjectError> {
        let (url, headers) = self.sign("GET", address, "", &payload_hash(b""))?;
        let saved = self.http.save(&url, &headers, SAVE_TIMEOUT, limit_bytes, sink);
        let Saved { status, refusal: body, bucket_region, .. } = saved.map_err(|error| match error {
            SaveError::Transport(source) => ObjectError::Transport { address: address.clone(), source },
            SaveError::Kept { source, .. } => ObjectError::Kept { address: address.clone(), source },
            SaveError::TooLarge { .. } => {
                let limit_bytes = usize::try_from(limit_bytes).unwrap_or(usize::MAX);
                ObjectError::TooLarge { address: address.clone(), limit_bytes }
            }
        })?;
        self.answered(address, Ok(Answer { status, body, bucket_region })).map(drop)
    }

    /// The keys that begin with the one of an address, up to `MOST_KEYS` of them.
    pub fn list(&self, address: &ObjectAddress) -> Result<Vec<ObjectKey>, ObjectError> {
        let prefix = sigv4::percent_encode(address.key.as_str());
        let mut keys = Vec::new();
        let mut next: Option<String> = None;
        loop {
            let token = next.as_deref().map(sigv4::percent_encode);
            let token = token.map(|token| format!("continuation-token={token}&")).unwrap_or_default();
            let query = format!("{token}list-type=2&prefix={prefix}");
            let (url, headers) = self.sign_path(
                "GET",
                (&format!("/{}", address.bucket), &query),
                &payload_hash(b""),
                address,
            )?;
            let answer = self.http.get_signed(&url, &headers, GET_TIMEOUT, MOST_LIST_BYTES);
            let answer = self.answered(address, answer)?;
            let page = listed(&answer.body);
            let page = page.map_err(|reason| ObjectError::List { address: address.clone(), reason })?;
            keys.extend(page.keys);
            if keys.len() > MOST_KEYS {
                let reason = format!("there are more than {MOST_KEYS} objects");
                return Err(ObjectError::List { address: address.clone(), reason });
            }
            next = page.next;
            if next.is_none() {
                return Ok(keys);
            }
        }
    }

    fn sign(
        &self,
        method: &str,
        address: &ObjectAddress,
        query: &str,
        hash: &str,
    ) -> Result<(String, Vec<(String, String)>), ObjectError> {
        self.sign_path(method, (&path(&address.bucket, &address.key), query), hash, address)
    }

    fn sign_path(
        &self,
        method: &str,
        (path, query): (&str, &str),
        hash: &str,
        address: &ObjectAddress,
    ) -> Result<(String, Vec<(String, String)>), ObjectError> {
        let host = self.endpoint.host_header();
        let headers = [("host", host.as_str()), ("x-amz-content-sha256", hash)];
        let request = RequestParts { method, path, query, headers: &headers };
        let signer = Signer {
            credentials: &self.credentials,
            region: &self.region,
            service: SERVICE,
            style: PathStyle::ObjectKey,
        };
        let added = signer
            .sign(&request, hash, now())
            .map_err(|source| ObjectError::Unsigned { address: address.clone(), source })?;
        let mut headers = vec![("x-amz-content-sha256".to_owned(), hash.to_owned())];
        headers.extend(added.into_iter().map(|(name, value)| (name.to_owned(), value)));
        let separator = if query.is_empty() { "" } else { "?" };
        Ok((format!("{}{separator}{query}", self.endpoint.url(path)), headers))
    }

    fn answered(
        &self,
        address: &ObjectAddress,
        answer: Result<Answer, TransportError>,
    ) -> Result<Answer, ObjectError> {
        let answer = answer.map_err(|source| ObjectError::Transport { address: address.clone(), source })?;
        if answer.status == 200 {
            return Ok(answer);
        }
        if let Some(region) = answer.bucket_region.as_ref().filter(|region| **region != self.region) {
            return Err(ObjectError::OtherRegion { address: address.clone(), region: region.clone() });
        }
        let text = String::from_utf8_lossy(&answer.body);
        let code = element(&text, "Code").unwrap_or_else(|| format!("HTTP status {}", answer.status));
        let message = element(&text, "Message").unwrap_or_else(|| "no further explanation".to_owned());
        Err(ObjectError::Refused { address: address.clone(), code, message, status: answer.status })
    }
}

/// A page of a list.
#[derive(Debug, PartialEq)]
struct Page {
    keys: Vec<ObjectKey>,
    /// Where the next one begins.
    next: Option<String>,
}

/// Stores write no comments and no CDATA into these lists.
fn listed(xml: &[u8]) -> Result<Page, String> {
    let text = std::str::from_utf8(xml).map_err(|error| error.to_string())?;
    let mut keys = Vec::new();
    for part in text.split("<Key>").skip(1) {
        let (key, _) = part.split_once("</Key>").ok_or("a key without an end")?;
        keys.push(unescaped(key)?.parse().map_err(|error| format!("{error}"))?);
    }
    let next = text.split_once("<NextContinuationToken>").map(|(_, rest)| rest);
    let next = next.and_then(|rest| rest.split_once("</NextContinuationToken>"));
    Ok(Page { keys, next: next.map(|(token, _)| unescaped(token)).transpose()? })
}

fn unescaped(text: &str) -> Result<String, String> {
    let mut plain = String::with_capacity(text.len());
    let mut parts = text.split('&');
    plain.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let (name, rest) = part.split_once(';').ok_or("a reference without an end")?;
        plain.push(match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            other => character(other).ok_or_else(|| format!("&{other}; is not known"))?,
        });
        plain.push_str(rest);
    }
    Ok(plain)
}

/// Of a reference by number: `#233`, `#xE9`.
fn character(reference: &str) -> Option<char> {
    let digits = reference.strip_prefix('#')?;
    let code = match digits.strip_prefix('x') {
        Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16),
        None => digits.parse(),
    };
    char::from_u32(code.ok()?)
}

/// Path style: `/BUCKET/KEY`, the key encoded but for its slashes.
fn path(bucket: &BucketName, key: &ObjectKey) -> String {
    let parts: Vec<String> = key.as_str().split('/').map(sigv4::percent_encode).collect();
    format!("/{bucket}/{}", parts.join("/"))
}

/// The text of an element in an error's few lines of XML, without control characters: it is printed.
fn element(xml: &str, name: &str) -> Option<String> {
    const MOST_CHARS: usize = 500;
    let rest = xml.split_once(&format!("<{name}>"))?.1;
    let text = rest.split_once(&format!("</{name}>"))?.0;
    Some(text.chars().filter(|c| !c.is_control()).take(MOST_CHARS).collect())
}

/// The object that an address names which belongs to this server: `https://SERVER/BUCKET/KEY`. One with a query carries
/// its own proof.
pub fn of_server(endpoint: &Endpoint, url: &str) -> Option<ObjectAddress> {
    let rest = url.strip_prefix(&endpoint.url("/"))?;
    if rest.contains(['?', '#']) {
        return None;
    }
    let (bucket, key) = rest.split_once('/')?;
    let key = String::from_utf8(sigv4::percent_decode_bytes(key)).ok()?;
    Some(ObjectAddress { bucket: bucket.parse().ok()?, key: key.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_encoded_but_for_their_slashes() {
        let address: ObjectAddress = "s3://lists/a b/ü+c%".parse().unwrap();
        assert_eq!(path(&address.bucket, &address.key), "/lists/a%20b/%C3%BC%2Bc%25");
    }

    #[test]
    fn knows_the_addresses_of_its_own_server() {
        let endpoint: Endpoint = "https://fettle.example:4510".parse().unwrap();
        let check = |url: &str, expected: Option<&str>| {
            let found = of_server(&endpoint, url).map(|address| address.to_string());
            assert_eq!(found.as_deref(), expected, "{url}");
        };
        check("https://fettle.example:4510/lists/a%20b/c", Some("s3://lists/a b/c"));
        check("https://fettle.example:4510/lists/a?X-Amz-Signature=1", None);
        check("https://fettle.example:4510/lists", None);
        check("https://fettle.example:4510/lists/../a", None);
        check("https://fettle.example:45100/lists/a", None);
        check("https://other.example/lists/a", None);
        check("http://fettle.example:4510/lists/a", None);
    }

    #[test]
    fn reads_a_page_of_a_list() {
        let xml = "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"x\"><Name>lists</Name><Prefix>a</Prefix>\
                   <NextContinuationToken>t&#43;1</NextContinuationToken><Contents><Key>a/b &amp; c</Key><Size>1</Size>\
                   </Contents><Contents><Key>a/d</Key></Contents></ListBucketResult>";
        let page = listed(xml.as_bytes()).unwrap();
        let keys: Vec<&str> = page.keys.iter().map(ObjectKey::as_str).collect();
        assert_eq!((keys, page.next.as_deref()), (vec!["a/b & c", "a/d"], Some("t+1")));
        assert!(
            listed(b"<ListBucketResult><Contents><Key>../a</Key></Contents></ListBucketResult>").is_err()
        );
        assert_eq!(listed(b"").unwrap(), Page { keys: vec![], next: None });
    }

    #[test]
    fn refusals_say_what_to_do() {
        let text = "<Error><Code>NoSuchKey</Code><Message>the key a does\u{7} not exist</Message></Error>";
        assert_eq!(element(text, "Message").as_deref(), Some("the key a does not exist"));
        assert_eq!(element(text, "Region"), None);
        let error = ObjectError::Refused {
            address: "s3://lists/a".parse().unwrap(),
            code: "NoSuchKey".into(),
            message: "the key a does not exist".into(),
            status: 404,
        };
        let said = error.to_string();
        assert!(said.starts_with("s3://lists/a: NoSuchKey: the key a does not exist\n  hint: "), "{said}");
    }
}
