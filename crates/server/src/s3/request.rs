//! What a request to the object store asks for: bucket and key from the path or the host, the operation from method,
//! query and headers. Whether it may be done is for others. Source: S3 API reference, virtual hosting and operations.

use api::sigv4::percent_decode;
use axum::http::request::Parts;
use axum::http::{Method, header};
use domain::object::{BucketName, ObjectKey};

use super::error::S3Error;

/// The operations that are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    ListBuckets,
    CreateBucket,
    HeadBucket,
    DeleteBucket,
    GetBucketLocation,
    ListObjectsV2,
    DeleteObjects,
    PutObject,
    CopyObject,
    GetObject,
    HeadObject,
    DeleteObject,
    CreateMultipartUpload,
    UploadPart,
    CompleteMultipartUpload,
    AbortMultipartUpload,
}

impl Operation {
    pub const fn name(self) -> &'static str {
        match self {
            Self::ListBuckets => "ListBuckets",
            Self::CreateBucket => "CreateBucket",
            Self::HeadBucket => "HeadBucket",
            Self::DeleteBucket => "DeleteBucket",
            Self::GetBucketLocation => "GetBucketLocation",
            Self::ListObjectsV2 => "ListObjectsV2",
            Self::DeleteObjects => "DeleteObjects",
            Self::PutObject => "PutObject",
            Self::CopyObject => "CopyObject",
            Self::GetObject => "GetObject",
            Self::HeadObject => "HeadObject",
            Self::DeleteObject => "DeleteObject",
            Self::CreateMultipartUpload => "CreateMultipartUpload",
            Self::UploadPart => "UploadPart",
            Self::CompleteMultipartUpload => "CompleteMultipartUpload",
            Self::AbortMultipartUpload => "AbortMultipartUpload",
        }
    }
}

/// Parts of S3 that a parameter in the query names and that are not served: their requests must not pass for others.
const UNSERVED: [&str; 33] = [
    "accelerate",
    "acl",
    "analytics",
    "attributes",
    "cors",
    "encryption",
    "intelligent-tiering",
    "inventory",
    "legal-hold",
    "lifecycle",
    "logging",
    "metadataConfiguration",
    "metadataInventoryTable",
    "metadataJournalTable",
    "metadataTable",
    "metrics",
    "notification",
    "object-lock",
    "ownershipControls",
    "policy",
    "policyStatus",
    "publicAccessBlock",
    "replication",
    "requestPayment",
    "restore",
    "retention",
    "select",
    "session",
    "tagging",
    "torrent",
    "versionId",
    "versioning",
    "website",
];

/// A request, taken apart.
pub struct Target {
    pub bucket: Option<BucketName>,
    pub key: Option<ObjectKey>,
    pub query: Query,
}

/// The parameters of a query, decoded.
#[derive(Debug, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    pub fn parse(query: &str) -> Self {
        let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            // A plus is a blank here, as in forms; keys come with `%2B`.
            (percent_decode(name), percent_decode(&value.replace('+', " ")))
        });
        Self(pairs.collect())
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }
}

impl Target {
    /// `domain`: a host name below which buckets are names of hosts.
    pub fn read(parts: &Parts, domain: Option<&str>) -> Result<Self, S3Error> {
        let query = Query::parse(parts.uri.query().unwrap_or_default());
        let path = parts.uri.path().strip_prefix('/').unwrap_or(parts.uri.path());
        let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let (bucket, key) = match bucket_of_host(host, domain) {
            Some(bucket) => (bucket, path),
            None => path.split_once('/').unwrap_or((path, "")),
        };
        if bucket.is_empty() {
            return Ok(Self { bucket: None, key: None, query });
        }
        let bucket: BucketName = percent_decode(bucket).parse()?;
        let key = match decode_key(key)? {
            key if key.is_empty() => None,
            key => Some(key.parse()?),
        };
        Ok(Self { bucket: Some(bucket), key, query })
    }

    pub fn bucket(&self) -> Result<&BucketName, S3Error> {
        self.bucket.as_ref().ok_or_else(|| S3Error::invalid_request("the request names no bucket"))
    }

    pub fn key(&self) -> Result<&ObjectKey, S3Error> {
        self.key.as_ref().ok_or_else(|| S3Error::invalid_request("the request names no object"))
    }

    pub fn operation(&self, parts: &Parts) -> Result<Operation, S3Error> {
        if let Some(unserved) = UNSERVED.iter().find(|name| self.query.has(name)) {
            return Err(self.unserved(unserved));
        }
        let has = |name: &str| self.query.has(name);
        let found = match (&parts.method, &self.bucket, &self.key) {
            (&Method::GET, None, _) => Some(Operation::ListBuckets),
            (method, Some(_), None) => match *method {
                Method::PUT => Some(Operation::CreateBucket),
                Method::HEAD => Some(Operation::HeadBucket),
                Method::DELETE => Some(Operation::DeleteBucket),
                Method::POST if has("delete") => Some(Operation::DeleteObjects),
                Method::GET if has("location") => Some(Operation::GetBucketLocation),
                Method::GET if self.query.get("list-type") == Some("2") => Some(Operation::ListObjectsV2),
                _ => None,
            },
            (method, Some(_), Some(_)) => match *method {
                Method::PUT if has("uploadId") && parts.headers.contains_key("x-amz-copy-source") => None,
                Method::PUT if has("uploadId") => Some(Operation::UploadPart),
                Method::PUT if parts.headers.contains_key("x-amz-copy-source") => Some(Operation::CopyObject),
                Method::PUT => Some(Operation::PutObject),
                Method::GET if has("uploadId") => None,
                Method::GET => Some(Operation::GetObject),
                Method::HEAD => Some(Operation::HeadObject),
                Method::DELETE if has("uploadId") => Some(Operation::AbortMultipartUpload),
                Method::DELETE => Some(Operation::DeleteObject),
                Method::POST if has("uploads") => Some(Operation::CreateMultipartUpload),
                Method::POST if has("uploadId") => Some(Operation::CompleteMultipartUpload),
                _ => None,
            },
            _ => None,
        };
        found.ok_or_else(|| S3Error::not_implemented("this operation; listing objects needs list-type=2"))
    }

    /// Agents ask for a bucket's encryption before they write, and take this for none.
    fn unserved(&self, what: &str) -> S3Error {
        if what == "encryption" && self.key.is_none() {
            let message = "the server side encryption configuration was not found";
            return S3Error::new("ServerSideEncryptionConfigurationNotFoundError", 404, message);
        }
        S3Error::not_implemented(&format!("`{what}`"))
    }
}

/// `BUCKET.DOMAIN`, or `BUCKET.s3.…` and `BUCKET.localhost`, which mean nothing else.
fn bucket_of_host<'h>(host: &'h str, domain: Option<&str>) -> Option<&'h str> {
    let name = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()));
    let name = name.map_or(host, |(name, _)| name);
    let below = |domain: &str| name.strip_suffix(domain)?.strip_suffix('.');
    let given = domain.and_then(below);
    let bucket = given.or_else(|| below("localhost")).or_else(|| name.find(".s3.").map(|at| &name[..at]));
    bucket.filter(|bucket| !bucket.is_empty())
}

/// Strict: bytes that are no UTF-8 name no object, and must not become another's name.
fn decode_key(encoded: &str) -> Result<String, S3Error> {
    let bytes = api::sigv4::percent_decode_bytes(encoded);
    String::from_utf8(bytes).map_err(|_| S3Error::invalid_argument("the key is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(method: &str, uri: &str, host: &str) -> Parts {
        axum::http::Request::builder()
            .method(method)
            .uri(uri)
            .header("host", host)
            .body(())
            .unwrap()
            .into_parts()
            .0
    }

    fn check(method: &str, uri: &str, expected: &str) {
        let parts = parts(method, uri, "127.0.0.1:4510");
        let shown = match Target::read(&parts, None) {
            Ok(target) => {
                let operation = target.operation(&parts).map_or_else(|error| error.code, Operation::name);
                let bucket = target.bucket.map(|bucket| bucket.to_string()).unwrap_or_default();
                let key = target.key.map(|key| key.to_string()).unwrap_or_default();
                format!("{operation} {bucket} {key}")
            }
            Err(error) => error.code.to_owned(),
        };
        assert_eq!(shown, expected, "{method} {uri}");
    }

    #[test]
    fn requests_name_operations() {
        check("GET", "/", "ListBuckets  ");
        check("PUT", "/lists", "CreateBucket lists ");
        check("PUT", "/lists/", "CreateBucket lists ");
        check("GET", "/lists?location", "GetBucketLocation lists ");
        check("GET", "/lists?list-type=2&prefix=a", "ListObjectsV2 lists ");
        check("GET", "/lists", "NotImplemented lists ");
        check("GET", "/lists?acl", "NotImplemented lists ");
        check("PUT", "/lists/a?tagging", "NotImplemented lists a");
        check("GET", "/lists?encryption", "ServerSideEncryptionConfigurationNotFoundError lists ");
        check("POST", "/lists?delete", "DeleteObjects lists ");
        check("PUT", "/lists/a/b%20c", "PutObject lists a/b c");
        check("PUT", "/lists/a+b", "PutObject lists a+b");
        check("PUT", "/lists/a?partNumber=1&uploadId=u", "UploadPart lists a");
        check("GET", "/lists/a//b/", "GetObject lists a//b/");
        check("POST", "/lists/a?uploads", "CreateMultipartUpload lists a");
        check("POST", "/lists/a?uploadId=u", "CompleteMultipartUpload lists a");
        check("DELETE", "/lists/a?uploadId=u", "AbortMultipartUpload lists a");
        check("PATCH", "/lists/a", "NotImplemented lists a");
    }

    #[test]
    fn no_request_leaves_its_bucket() {
        check("GET", "/Lists/a", "InvalidBucketName");
        check("GET", "/../a", "InvalidBucketName");
        check("GET", "/lists/../other/a", "InvalidArgument");
        check("GET", "/lists/%2e%2e/other", "InvalidArgument");
        check("GET", "/lists/a%2F..%2Fb", "InvalidArgument");
        check("GET", "/lists//etc/passwd", "InvalidArgument");
        check("GET", "/lists/%2Fetc", "InvalidArgument");
        check("GET", "/lists/a%00b", "InvalidArgument");
        check("GET", "/lists/%ff", "InvalidArgument");
        check("GET", "/lists/%252e%252e/a", "GetObject lists %2e%2e/a");
        check("GET", &format!("/lists/{}", "a".repeat(1025)), "KeyTooLongError");
    }

    #[test]
    fn hosts_may_name_buckets() {
        let check = |host: &str, expected: Option<&str>| {
            assert_eq!(bucket_of_host(host, Some("objects.example.org")), expected, "{host}");
        };
        check("127.0.0.1:4510", None);
        check("[::1]:4510", None);
        check("localhost:4510", None);
        check("objects.example.org", None);
        check("fettle.example.org", None);
        check("lists.objects.example.org:443", Some("lists"));
        check("a.b.objects.example.org", Some("a.b"));
        check("lists.localhost:4510", Some("lists"));
        check("lists.s3.eu-central-1.example.org", Some("lists"));
        let parts = parts("GET", "/a/b", "lists.localhost:4510");
        let target = Target::read(&parts, None).unwrap();
        assert_eq!((target.bucket().unwrap().as_str(), target.key().unwrap().as_str()), ("lists", "a/b"));
    }
}
