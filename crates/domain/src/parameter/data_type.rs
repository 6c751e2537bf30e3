//! What a value is declared to be, and whether it is.
//! Source: systems-manager.md 10.1.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde_json::Value;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DataType {
    Text,
    Image,
    Integration,
    Region,
    AccountId,
    Boolean,
    Integer,
    Float,
    Binary,
    Hostname,
    Email,
    Ipv4Address,
    Ipv6Address,
    Url,
    Json,
    JsonWithComments,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("The following data type is not supported: {0} (Data type names are all lowercase.)")]
pub struct UnknownDataType(String);

impl DataType {
    const ALL: [Self; 16] = [
        Self::Text,
        Self::Image,
        Self::Integration,
        Self::Region,
        Self::AccountId,
        Self::Boolean,
        Self::Integer,
        Self::Float,
        Self::Binary,
        Self::Hostname,
        Self::Email,
        Self::Ipv4Address,
        Self::Ipv6Address,
        Self::Url,
        Self::Json,
        Self::JsonWithComments,
    ];

    pub(super) fn parse(text: &str) -> Result<Self, UnknownDataType> {
        let found = Self::ALL.into_iter().find(|data_type| data_type.as_str() == text);
        found.ok_or_else(|| UnknownDataType(text.to_owned()))
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Image => "aws:ec2:image",
            Self::Integration => "aws:ssm:integration",
            Self::Region => "aws:region",
            Self::AccountId => "aws:account:id",
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Float => "float",
            Self::Binary => "binary",
            Self::Hostname => "hostname",
            Self::Email => "email",
            Self::Ipv4Address => "ipv4-address",
            Self::Ipv6Address => "ipv6-address",
            Self::Url => "url",
            Self::Json => "json",
            Self::JsonWithComments => "jsonc",
        }
    }

    pub(super) fn expected(self) -> &'static str {
        match self {
            Self::Text | Self::Integration => "any text",
            Self::Image => "`ami-` and 8 or 17 hexadecimal digits",
            Self::Region => "a region's name, such as eu-central-1",
            Self::AccountId => "12 digits",
            Self::Boolean => "true or false",
            Self::Integer => "a whole number",
            Self::Float => "a number",
            Self::Binary => "Base64",
            Self::Hostname => "a host's name",
            Self::Email => "an e-mail address",
            Self::Ipv4Address => "an address such as 192.0.2.1",
            Self::Ipv6Address => "an address such as 2001:db8::1",
            Self::Url => "an address such as https://example.com/",
            Self::Json => "JSON",
            Self::JsonWithComments => "JSON, with or without comments",
        }
    }

    pub(super) fn fits(self, text: &str) -> bool {
        match self {
            Self::Text | Self::Integration => true,
            Self::Image => text.strip_prefix("ami-").is_some_and(|digits| {
                matches!(digits.len(), 8 | 17)
                    && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
            }),
            Self::Region => is_region(text),
            Self::AccountId => text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()),
            Self::Boolean => matches!(text, "true" | "false"),
            Self::Integer => {
                let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
                !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
            }
            // Words such as `inf` are no numbers here.
            Self::Float => {
                text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b))
                    && text.parse::<f64>().is_ok()
            }
            Self::Binary => is_base64(text),
            Self::Hostname => is_hostname(text),
            Self::Email => text.rsplit_once('@').is_some_and(|(local, host)| {
                (1..=64).contains(&local.len())
                    && local.bytes().all(|b| b.is_ascii_graphic() && !b"@<>()[]\\,;:\"".contains(&b))
                    && is_hostname(host)
            }),
            Self::Ipv4Address => text.parse::<Ipv4Addr>().is_ok(),
            Self::Ipv6Address => text.parse::<Ipv6Addr>().is_ok(),
            Self::Url => text.split_once("://").is_some_and(|(scheme, rest)| {
                scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                    && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
                    && !rest.is_empty()
                    && !text.contains(|c: char| c.is_whitespace() || c.is_control())
            }),
            Self::Json => serde_json::from_str::<Value>(text).is_ok(),
            Self::JsonWithComments => serde_json::from_str::<Value>(&without_comments(text)).is_ok(),
        }
    }
}

/// `eu-central-1`, `us-gov-west-1`: words, then a number.
fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let Some((number, words)) = parts.split_last() else { return false };
    words.len() >= 2
        && words.iter().all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase()))
        && matches!(number.as_bytes(), [b'1'..=b'9'])
}

fn is_base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    text.len().is_multiple_of(4)
        && !body.is_empty()
        && text.len() - body.len() <= 2
        && body.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/".contains(&b))
}

fn is_hostname(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let text = text.strip_suffix('.').unwrap_or(text);
    text.len() <= 253 && text.split('.').all(is_label)
}

/// Comments become spaces; what stands in strings stays.
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut in_string = false;
    while let Some(c) = rest.chars().next() {
        if in_string {
            let taken = if c == '\\' { rest.chars().take(2).map(char::len_utf8).sum() } else { c.len_utf8() };
            in_string = c != '"';
            out.push_str(&rest[..taken]);
            rest = &rest[taken..];
        } else if rest.starts_with("//") {
            rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
        } else if let Some(comment) = rest.strip_prefix("/*") {
            out.push(' ');
            // One that does not end is left to be refused.
            let Some(end) = comment.find("*/") else {
                out.push('/');
                return out;
            };
            rest = &comment[end + 2..];
        } else {
            in_string = c == '"';
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_data_type_tells_its_values() {
        let rows: [(&str, &[&str], &[&str]); 16] = [
            ("text", &["anything, at all"], &[]),
            ("aws:ec2:image", &["ami-0123abcd", "ami-0123456789abcdef0"], &["ami-1", "ami-0123ABCD", "x"]),
            ("aws:ssm:integration", &["{}"], &[]),
            ("aws:region", &["eu-central-1", "us-gov-west-1"], &["eu-central", "EU-central-1", "eu--1", ""]),
            ("aws:account:id", &["123456789012"], &["12345678901", "12345678901x"]),
            ("boolean", &["true", "false"], &["True", "yes", ""]),
            ("integer", &["0", "-12", "+7", "123456789012345678901234567890"], &["1.0", "", "-", "1e3"]),
            ("float", &["1", "-1.5", "2e10", ".5"], &["inf", "NaN", "1,5", "", "e"]),
            ("binary", &["AAAA", "AA==", "AAA="], &["AAA", "A===", "====", "AA A", ""]),
            ("hostname", &["a", "web-1.example.com", "a.b."], &["-a", "a_b", "a..b", "", "a b"]),
            (
                "email",
                &["a.b+c@example.com"],
                &["example.com", "@example.com", "a@", "a b@example.com", "a@b@c"],
            ),
            ("ipv4-address", &["192.0.2.1"], &["192.0.2", "192.0.2.256", "::1"]),
            ("ipv6-address", &["2001:db8::1", "::"], &["192.0.2.1", ":::"]),
            (
                "url",
                &["https://example.com/a?b=c", "s3://bucket/key"],
                &["example.com", "://x", "https://", "https://a b"],
            ),
            ("json", &["{\"a\":[1,null]}", "3"], &["{", "// no\n{}", ""]),
            (
                "jsonc",
                &["// yes\n{\"a\": \"//no /* comment\", /* b */ \"c\": \"\\\"//\"}", "{}"],
                &["{", "/* {}", "{} /"],
            ),
        ];
        assert_eq!(rows.map(|(name, ..)| name), DataType::ALL.map(DataType::as_str));
        for (name, good, bad) in rows {
            let data_type = DataType::parse(name).unwrap();
            for text in good {
                assert!(data_type.fits(text), "{name}: {text}");
            }
            for text in bad {
                assert!(!data_type.fits(text), "{name}: {text}");
            }
        }
        let unknown = DataType::parse("String").unwrap_err().to_string();
        assert_eq!(
            unknown,
            "The following data type is not supported: String (Data type names are all lowercase.)"
        );
    }
}
