//! Every identifier type: checked when read, minted from random bytes that the caller brings.
//! What an identifier stands for belongs to the module of that thing.
//! Source: spec systems-manager 0.4, patch-manager 1.1.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use baseline_id::{BaselineId, PROVIDED_BASELINE_OWNER};

mod baseline_id;

/// A text that is not the identifier it was taken for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a valid {kind}: expected {expected}")]
pub struct InvalidId {
    pub kind: &'static str,
    pub text: String,
    pub expected: &'static str,
}

impl InvalidId {
    fn new(kind: &'static str, text: &str, expected: &'static str) -> Self {
        let text = text.chars().take(160).collect();
        Self { kind, text, expected }
    }

    pub(crate) fn of_bucket(text: &str) -> Self {
        let expected = "3 to 63 lower-case letters, digits, dots and hyphens, a letter or digit at both ends";
        Self::new("bucket name", text, expected)
    }
}

/// A newtype over text that only `parse` can make.
macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $expected:literal, $is_valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let is_valid: fn(&str) -> bool = $is_valid;
                if is_valid(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(InvalidId::new($kind, text, $expected))
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

text_id!(
    /// A machine under management; `InstanceId` on the wire.
    NodeId,
    "node id",
    "`mi-` and 17 hexadecimal digits, or `i-` and 8 or 17",
    |text| match text.split_once('-') {
        Some(("mi", digits)) => is_hex(digits, &[17]),
        Some(("i", digits)) => is_hex(digits, &[8, 17]),
        _ => false,
    }
);
text_id!(AccountId, "account id", "12 digits", |text| {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
});
text_id!(Region, "region", "2 to 32 lower-case letters, digits and hyphens", |text| {
    (2..=32).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
});
text_id!(CommandId, "command id", "a UUID", is_uuid);
text_id!(ActivationId, "activation id", "a UUID", is_uuid);
text_id!(AssociationId, "association id", "a UUID", is_uuid);
text_id!(
    /// One execution of a runbook.
    AutomationExecutionId,
    "automation execution id",
    "a UUID",
    is_uuid
);
text_id!(
    /// One run of a step within an execution of a runbook.
    StepExecutionId,
    "step execution id",
    "a UUID",
    is_uuid
);
text_id!(
    /// Names one frozen baseline; nodes that share it share what is approved.
    SnapshotId,
    "snapshot id",
    "a UUID",
    is_uuid
);
text_id!(WindowId, "maintenance window id", "`mw-` and 17 hexadecimal digits", |text| text
    .strip_prefix("mw-")
    .is_some_and(|digits| is_hex(digits, &[17])));
text_id!(
    /// Targets that were registered with a maintenance window.
    WindowTargetId,
    "window target id",
    "a UUID",
    is_uuid
);
text_id!(
    /// A task that was registered with a maintenance window.
    WindowTaskId,
    "window task id",
    "a UUID",
    is_uuid
);
text_id!(
    /// One run of a maintenance window.
    WindowExecutionId,
    "window execution id",
    "a UUID",
    is_uuid
);
text_id!(
    /// One task within a run of a maintenance window.
    TaskExecutionId,
    "task execution id",
    "a UUID",
    is_uuid
);
text_id!(
    /// One piece of work of a task within a run: a command, for RUN_COMMAND.
    TaskInvocationId,
    "task invocation id",
    "a UUID",
    is_uuid
);
text_id!(
    /// A document's bare name, never its ARN: see [`DocumentName::from_reference`].
    DocumentName,
    "document name",
    "3 to 128 of letters, digits, `_`, `-` and `.`",
    is_document_name
);
text_id!(
    /// Somebody who may sign in. Never `root`, which is no user.
    UserName,
    "user name",
    "1 to 64 of letters, digits and _+=,.@-, other than `root`",
    |text| {
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b);
        (1..=64).contains(&text.len()) && text.bytes().all(is_plain) && !text.eq_ignore_ascii_case("root")
    }
);
text_id!(
    /// The value of the tag `Patch Group` or `PatchGroup`.
    PatchGroup,
    "patch group",
    "1 to 256 of letters, digits, spaces and _.:/=+-@",
    is_patch_group
);

impl NodeId {
    /// A hybrid node's new id.
    pub fn mint(random: [u8; 9]) -> Self {
        Self(format!("mi-{}", seventeen_digits(random)))
    }

    /// Registered through an activation, as against a cloud instance of its own id.
    pub fn is_hybrid(&self) -> bool {
        self.0.starts_with("mi-")
    }
}

impl CommandId {
    pub fn mint(random: [u8; 16]) -> Self {
        Self(uuid_from(random))
    }
}

impl AutomationExecutionId {
    pub fn mint(random: [u8; 16]) -> Self {
        Self(uuid_from(random))
    }
}

impl StepExecutionId {
    pub fn mint(random: [u8; 16]) -> Self {
        Self(uuid_from(random))
    }
}

impl AssociationId {
    pub fn mint(random: [u8; 16]) -> Self {
        Self(uuid_from(random))
    }
}

impl ActivationId {
    pub fn mint(random: [u8; 16]) -> Self {
        Self(uuid_from(random))
    }
}

impl WindowId {
    pub fn mint(random: [u8; 9]) -> Self {
        Self(format!("mw-{}", seventeen_digits(random)))
    }
}

impl WindowTargetId {
    pub fn mint(random: [u8; 16]) -> Self {
        Self(uuid_from(random))
    }
}

impl WindowTaskId {
    pub fn mint(random: [u8; 16]) -> Self {
        Self(uuid_from(random))
    }
}

impl WindowExecutionId {
    pub fn mint(random: [u8; 16]) -> Self {
        Self(uuid_from(random))
    }
}

impl TaskExecutionId {
    pub fn mint(random: [u8; 16]) -> Self {
        Self(uuid_from(random))
    }
}

impl TaskInvocationId {
    pub fn mint(random: [u8; 16]) -> Self {
        Self(uuid_from(random))
    }
}

impl SnapshotId {
    pub fn mint(random: [u8; 16]) -> Self {
        Self(uuid_from(random))
    }

    /// All nodes of one command share a snapshot: its id is the command's.
    pub fn of_command(command: &CommandId) -> Self {
        Self(command.0.clone())
    }
}

impl DocumentName {
    /// Reads a name or an ARN; of an ARN only the name is kept, its owner is the caller's to check.
    pub fn from_reference(text: &str) -> Result<Self, InvalidId> {
        match Arn::parse(text) {
            Some(arn) if arn.service == "ssm" => match arn.resource.split_once('/') {
                Some(("document", name)) => name.parse(),
                _ => text.parse(),
            },
            _ => text.parse(),
        }
    }

    /// Begins with a name that only shipped documents may have.
    pub fn is_reserved(&self) -> bool {
        const RESERVED: [&str; 7] =
            ["aws", "amazon", "amzn", "awsec2", "awsconfigremediation", "awssupport", "fettle-"];
        let lower = self.0.to_ascii_lowercase();
        RESERVED.iter().any(|prefix| lower.starts_with(prefix))
    }
}

/// The parts of `arn:partition:service:region:account:resource`; region and account may be empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arn<'a> {
    pub partition: &'a str,
    pub service: &'a str,
    pub region: &'a str,
    pub account: &'a str,
    pub resource: &'a str,
}

impl<'a> Arn<'a> {
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        if parts.next() != Some("arn") {
            return None;
        }
        Some(Self {
            partition: parts.next()?,
            service: parts.next()?,
            region: parts.next()?,
            account: parts.next()?,
            resource: parts.next()?,
        })
    }
}

fn is_hex(digits: &str, lengths: &[usize]) -> bool {
    lengths.contains(&digits.len())
        && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36 && uuid::Uuid::try_parse(text).is_ok()
}

fn is_document_name(text: &str) -> bool {
    (3..=128).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

fn is_patch_group(text: &str) -> bool {
    let allowed = |c: char| c.is_alphanumeric() || c.is_whitespace() || "_.:/=+-@".contains(c);
    (1..=256).contains(&text.chars().count()) && text.chars().all(|c| allowed(c) && !c.is_control())
}

fn seventeen_digits(random: [u8; 9]) -> String {
    let mut digits = hex::encode(random);
    digits.truncate(17);
    digits
}

fn uuid_from(random: [u8; 16]) -> String {
    uuid::Builder::from_random_bytes(random).into_uuid().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: FromStr<Err = InvalidId>>(good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(text.parse::<T>().is_ok(), "{text}");
        }
        for text in bad {
            assert!(text.parse::<T>().is_err(), "{text}");
        }
    }

    #[test]
    fn reads_what_is_valid_and_nothing_else() {
        check::<NodeId>(
            &["mi-0123456789abcdef0", "i-0123abcd", "i-0123456789abcdef0"],
            &["", "mi-", "mi-0123abcd", "i-0123ABCD", "x-0123abcd", "i-0123abcg", "mi-é123456789abcdef"],
        );
        check::<AccountId>(&["123456789012"], &["12345678901", "12345678901x"]);
        check::<Region>(&["eu-central-1", "us-gov-west-1"], &["", "EU", "eu_1"]);
        check::<CommandId>(
            &["3f0c9f5e-2d53-4b8e-a2b1-0f4f7e8a9c10"],
            &["3f0c9f5e2d534b8ea2b10f4f7e8a9c10", "none", "{3f0c9f5e-2d53-4b8e-a2b1-0f4f7e8a9c1}"],
        );
        check::<DocumentName>(&["AWS-RunShellScript", "a.b"], &["ab", "a b", "a/b"]);
        check::<PatchGroup>(&["Web Servers", "größe/1"], &["", "a#b", "a\u{7}"]);
        check::<WindowId>(&["mw-0123456789abcdef0"], &["mw-0"]);
    }

    #[test]
    fn mints_what_it_can_read() {
        let node = NodeId::mint([0xfe; 9]);
        assert_eq!(node.as_str(), "mi-fefefefefefefefef");
        assert_eq!(node.as_str().parse(), Ok(node));
        let command = CommandId::mint([7; 16]);
        assert_eq!(command.as_str(), "07070707-0707-4707-8707-070707070707");
        assert_eq!(SnapshotId::of_command(&command).as_str(), command.as_str());
    }

    #[test]
    fn serde_checks_as_parse_does() {
        assert!(serde_json::from_str::<NodeId>("\"mi-0123456789abcdef0\"").is_ok());
        let error = serde_json::from_str::<NodeId>("\"host\"").unwrap_err().to_string();
        assert!(error.contains("`host` is not a valid node id"), "{error}");
    }

    #[test]
    fn documents_are_named_by_name_or_arn() {
        for text in ["AWS-Noop", "arn:aws:ssm:eu-west-1::document/AWS-Noop"] {
            let name = DocumentName::from_reference(text).unwrap();
            assert_eq!(name.as_str(), "AWS-Noop");
            assert!(name.is_reserved());
        }
        assert!(DocumentName::from_reference("arn:aws:ssm:eu-west-1::parameter/AWS-Noop").is_err());
        assert!(!"My-Doc".parse::<DocumentName>().unwrap().is_reserved());
    }
}
