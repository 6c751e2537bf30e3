//! Names in an object store: buckets, keys, `s3://` addresses, and where the output of a command goes.
//! What is kept under them is the store's; who may read it the server's.
//! Source: S3 user guide, bucket naming rules and object keys; spec systems-manager 1.7.

use std::fmt;
use std::str::FromStr;

use crate::ids::{CommandId, InvalidId, NodeId};

/// In bytes, as S3 counts.
pub const MAX_KEY_BYTES: usize = 1024;

/// 3 to 63 of lower-case letters, digits, dots and hyphens. One name of a URL's host or path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BucketName(String);

impl BucketName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BucketName {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let is_end = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        let bytes = text.as_bytes();
        let is_valid = (3..=63).contains(&bytes.len())
            && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-".contains(b))
            && is_end(bytes.first())
            && is_end(bytes.last())
            && !text.contains("..")
            && text.parse::<std::net::Ipv4Addr>().is_err();
        if is_valid { Ok(Self(text.to_owned())) } else { Err(InvalidId::of_bucket(text)) }
    }
}

impl fmt::Display for BucketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is no object's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    #[error("a key is not empty")]
    Empty,
    #[error("a key has at most {MAX_KEY_BYTES} bytes")]
    TooLong,
    #[error("a key has no control characters")]
    Control,
    #[error("a key does not begin with a slash and has no part that is `.` or `..`")]
    Path,
}

/// An object's name within its bucket.
///
/// Differs from AWS: no control characters, no slash at the beginning and no `.` or `..` between slashes, so that a
/// bucket can be copied into a folder and printed on a terminal without harm.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey(String);

impl ObjectKey {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ObjectKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        match text {
            "" => Err(InvalidKey::Empty),
            _ if text.len() > MAX_KEY_BYTES => Err(InvalidKey::TooLong),
            _ if text.chars().any(char::is_control) => Err(InvalidKey::Control),
            _ if text.starts_with('/') || text.split('/').any(|part| part == "." || part == "..") => {
                Err(InvalidKey::Path)
            }
            _ => Ok(Self(text.to_owned())),
        }
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `s3://BUCKET/KEY`
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectAddress {
    pub bucket: BucketName,
    pub key: ObjectKey,
}

/// What an address begins with.
pub const SCHEME: &str = "s3://";

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddress {
    #[error("an address of an object has the form s3://BUCKET/KEY")]
    Form,
    #[error(transparent)]
    Bucket(#[from] InvalidId),
    #[error(transparent)]
    Key(#[from] InvalidKey),
}

impl FromStr for ObjectAddress {
    type Err = InvalidAddress;

    /// The key stands as it is: nothing in it is percent-encoded.
    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let rest = text.strip_prefix(SCHEME).ok_or(InvalidAddress::Form)?;
        let (bucket, key) = rest.split_once('/').ok_or(InvalidAddress::Form)?;
        Ok(Self { bucket: bucket.parse()?, key: key.parse()? })
    }
}

impl fmt::Display for ObjectAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}/{}", self.bucket, self.key)
    }
}

/// The object that an address of AWS's own store names: the bucket in the path or in the host.
pub fn of_aws_url(url: &str) -> Option<ObjectAddress> {
    let rest = url.strip_prefix("https://")?;
    let (host, path) = rest.split_once('/')?;
    if path.contains(['?', '#']) {
        return None;
    }
    let host = host.strip_suffix(".amazonaws.com").or_else(|| host.strip_suffix(".amazonaws.com.cn"))?;
    let is_service = |part: &str| part == "s3" || part.starts_with("s3.") || part.starts_with("s3-");
    let (bucket, key) = match host.match_indices('.').find(|(at, _)| is_service(&host[at + 1..])) {
        _ if is_service(host) => path.split_once('/')?,
        Some((at, _)) => (&host[..at], path),
        None => return None,
    };
    let key = String::from_utf8(api::sigv4::percent_decode_bytes(key)).ok()?;
    Some(ObjectAddress { bucket: bucket.parse().ok()?, key: key.parse().ok()? })
}

/// What of a step is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    Output,
    Error,
}

impl Stream {
    pub const ALL: [Self; 2] = [Self::Output, Self::Error];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Output => "stdout",
            Self::Error => "stderr",
        }
    }
}

/// The beginning of the keys of everything that a command puts out on a node: `PREFIX/COMMAND/NODE/`.
pub fn output_prefix(prefix: &str, command: &CommandId, node: &NodeId) -> String {
    let prefix = prefix.trim_matches('/');
    let slash = if prefix.is_empty() { "" } else { "/" };
    format!("{prefix}{slash}{command}/{node}/")
}

/// What follows [`output_prefix`] for one stream of a step: `PLUGIN/STEP/stdout`, the plugin without its colon.
/// Documents of schema 1.2 have no names for steps: these are called after their plugin, which stands in place of one.
pub fn output_name(plugin: &str, step: &str, stream: Stream) -> String {
    let plain = plugin.replace(':', "");
    let step = if step == plugin { format!("0.{plain}") } else { step.replace(':', "") };
    format!("{plain}/{step}/{}", stream.as_str())
}

/// The bucket of an account that holds its log groups: a folder for each, a file for each stream.
pub const LOG_BUCKET: &str = "fettle-logs";

/// The log group of commands that name none.
pub fn default_log_group(document_name: &str) -> String {
    format!("/aws/ssm/{document_name}")
}

/// The beginning of the keys, in [`LOG_BUCKET`], of everything that a command logs on a node: `GROUP/COMMAND/NODE/`, the
/// group without the slash at its beginning.
pub fn log_prefix(group: &str, command: &CommandId, node: &NodeId) -> String {
    format!("{}/{command}/{node}/", group.trim_matches('/'))
}

/// What follows [`log_prefix`] for one stream of a step: `STEP/stdout`, as CloudWatch names it.
pub fn log_name(plugin: &str, step: &str, stream: Stream) -> String {
    let id = if step == plugin { format!("0.{plugin}") } else { step.to_owned() };
    format!("{}/{}", id.replace([':', '*'], "-"), stream.as_str())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn buckets_have_names_that_fit_a_host() {
        for good in ["abc", "fettle-outputs", "a.b-c.1", &"a".repeat(63)] {
            assert!(good.parse::<BucketName>().is_ok(), "{good}");
        }
        let long = "a".repeat(64);
        for bad in
            ["", "ab", &long, "Abc", "a_b", "a..b", "-ab", "ab-", ".ab", "ab.", "10.0.0.1", "a/b", "äbc"]
        {
            assert!(bad.parse::<BucketName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn keys_cannot_leave_a_folder() {
        let check = |text: &str, expected: Option<InvalidKey>| {
            assert_eq!(text.parse::<ObjectKey>().err(), expected, "{text:?}");
        };
        check("a", None);
        check("folder/", None);
        check("a//b", None);
        check("a%2e%2e/b", None);
        check("%2F", None);
        check("..a/b..", None);
        check("é/日本", None);
        check("", Some(InvalidKey::Empty));
        check("/etc/passwd", Some(InvalidKey::Path));
        check("..", Some(InvalidKey::Path));
        check("../a", Some(InvalidKey::Path));
        check("a/../../b", Some(InvalidKey::Path));
        check("a/./b", Some(InvalidKey::Path));
        check("a\0b", Some(InvalidKey::Control));
        check("a\nb", Some(InvalidKey::Control));
        check("a\u{1b}[2J", Some(InvalidKey::Control));
        check(&"é".repeat(512), None);
        check(&"é".repeat(513), Some(InvalidKey::TooLong));
    }

    #[test]
    fn addresses_name_bucket_and_key() {
        let address: ObjectAddress = "s3://lists/2026/core list.yaml".parse().unwrap();
        assert_eq!((address.bucket.as_str(), address.key.as_str()), ("lists", "2026/core list.yaml"));
        assert_eq!(address.to_string(), "s3://lists/2026/core list.yaml");
        for bad in
            ["", "s3://", "s3://lists", "s3://lists/", "https://lists/a", "s3://L/a", "s3://lists/../a"]
        {
            assert!(bad.parse::<ObjectAddress>().is_err(), "{bad}");
        }
    }

    #[test]
    fn knows_the_addresses_of_aws() {
        let check = |url: &str, expected: Option<&str>| {
            assert_eq!(of_aws_url(url).map(|found| found.to_string()).as_deref(), expected, "{url}");
        };
        check("https://s3.amazonaws.com/scripts/web/a%20b.sh", Some("s3://scripts/web/a b.sh"));
        check("https://s3.eu-central-1.amazonaws.com/scripts/web/", Some("s3://scripts/web/"));
        check("https://s3-eu-central-1.amazonaws.com/scripts/a", Some("s3://scripts/a"));
        check("https://scripts.s3.amazonaws.com/a", Some("s3://scripts/a"));
        check("https://my.scripts.s3.eu-central-1.amazonaws.com/a/b", Some("s3://my.scripts/a/b"));
        check("https://s3.amazonaws.com/scripts", None);
        check("https://scripts.s3.amazonaws.com/a?versionId=1", None);
        check("https://ec2.amazonaws.com/scripts/a", None);
        check("https://s3.amazonaws.com.evil.example/scripts/a", None);
        check("http://s3.amazonaws.com/scripts/a", None);
    }

    #[test]
    fn output_goes_where_aws_puts_it() {
        let command: CommandId = "3f0c9f5e-2d53-4b8e-a2b1-0f4f7e8a9c10".parse().unwrap();
        let node: NodeId = "mi-0123456789abcdef0".parse().unwrap();
        let prefix = "3f0c9f5e-2d53-4b8e-a2b1-0f4f7e8a9c10/mi-0123456789abcdef0/";
        assert_eq!(output_prefix("", &command, &node), prefix);
        assert_eq!(output_prefix("/a/b/", &command, &node), format!("a/b/{prefix}"));
        assert_eq!(
            output_name("aws:runShellScript", "PatchLinux", Stream::Output),
            "awsrunShellScript/PatchLinux/stdout"
        );
        assert_eq!(
            output_name("aws:runShellScript", "aws:runShellScript", Stream::Error),
            "awsrunShellScript/0.awsrunShellScript/stderr"
        );
    }

    #[test]
    fn logs_are_files_below_their_group() {
        let command: CommandId = "3f0c9f5e-2d53-4b8e-a2b1-0f4f7e8a9c10".parse().unwrap();
        let node: NodeId = "mi-0123456789abcdef0".parse().unwrap();
        assert_eq!(
            log_prefix(&default_log_group("AWS-RunShellScript"), &command, &node),
            "aws/ssm/AWS-RunShellScript/3f0c9f5e-2d53-4b8e-a2b1-0f4f7e8a9c10/mi-0123456789abcdef0/"
        );
        assert!(LOG_BUCKET.parse::<BucketName>().is_ok());
        assert_eq!(log_name("aws:runShellScript", "PatchLinux", Stream::Output), "PatchLinux/stdout");
        let unnamed = log_name("aws:runShellScript", "aws:runShellScript", Stream::Error);
        assert_eq!(unnamed, "0.aws-runShellScript/stderr");
    }

    proptest! {
        #[test]
        fn an_address_prints_as_it_was_read(text in "s3://[a-z.-]{1,9}/\\PC{0,20}") {
            if let Ok(address) = text.parse::<ObjectAddress>() {
                prop_assert_eq!(address.to_string(), text);
            }
        }
    }
}
