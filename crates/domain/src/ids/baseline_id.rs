//! The two forms of a baseline id: `pb-…` for an account's own, a whole ARN for a provided one.
//! Which baselines are provided is `baseline::predefined`'s to say.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{AccountId, Arn, InvalidId, Region, is_hex, seventeen_digits};

/// The account that owns the provided baselines, in every region.
pub const PROVIDED_BASELINE_OWNER: &str = "075727635805";

/// As written by a caller: compare and store only what [`BaselineId::local`] returns.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BaselineId(String);

impl BaselineId {
    pub fn mint(random: [u8; 9]) -> Self {
        Self(format!("pb-{}", seventeen_digits(random)))
    }

    /// The ARN under which a provided baseline is reported.
    pub fn provided(region: &Region, short: &str) -> Result<Self, InvalidId> {
        format!("arn:aws:ssm:{region}:{PROVIDED_BASELINE_OWNER}:patchbaseline/{short}").parse()
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part `pb-…`.
    pub fn short(&self) -> &str {
        self.0.rsplit_once('/').map_or(&self.0, |(_, short)| short)
    }

    /// Written as the ARN of a baseline of the provider's account.
    pub fn is_provided(&self) -> bool {
        Arn::parse(&self.0).is_some_and(|arn| arn.account == PROVIDED_BASELINE_OWNER)
    }

    /// The one spelling of this id within an account and region: an own baseline's ARN becomes
    /// its short id, a provided one stays an ARN. `None` when it belongs somewhere else.
    pub fn local(&self, account: &AccountId, region: &Region) -> Option<Self> {
        let Some(arn) = Arn::parse(&self.0) else {
            return Some(self.clone());
        };
        if arn.region != region.as_str() {
            return None;
        }
        match arn.account {
            PROVIDED_BASELINE_OWNER => Self::provided(region, self.short()).ok(),
            own if own == account.as_str() => Some(Self(self.short().to_owned())),
            _ => None,
        }
    }
}

impl FromStr for BaselineId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let short = match Arn::parse(text) {
            Some(arn) if arn.service == "ssm" => arn.resource.strip_prefix("patchbaseline/"),
            Some(_) => None,
            None => Some(text),
        };
        match short.and_then(|short| short.strip_prefix("pb-")) {
            Some(digits) if is_hex(digits, &[17]) => Ok(Self(text.to_owned())),
            _ => Err(InvalidId::new(
                "baseline id",
                text,
                "`pb-` and 17 hexadecimal digits, or the ARN of a patch baseline",
            )),
        }
    }
}

impl TryFrom<String> for BaselineId {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<BaselineId> for String {
    fn from(id: BaselineId) -> String {
        id.0
    }
}

impl fmt::Display for BaselineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_per_account_and_region() {
        let account: AccountId = "123456789012".parse().unwrap();
        let region: Region = "eu-west-1".parse().unwrap();
        let rows = [
            ("pb-0123456789abcdef0", Some("pb-0123456789abcdef0")),
            (
                "arn:aws:ssm:eu-west-1:123456789012:patchbaseline/pb-0123456789abcdef0",
                Some("pb-0123456789abcdef0"),
            ),
            ("arn:aws:ssm:us-east-1:123456789012:patchbaseline/pb-0123456789abcdef0", None),
            ("arn:aws:ssm:eu-west-1:999999999999:patchbaseline/pb-0123456789abcdef0", None),
            (
                "arn:aws:ssm:eu-west-1:075727635805:patchbaseline/pb-09a5f8eb62bde80b1",
                Some("arn:aws:ssm:eu-west-1:075727635805:patchbaseline/pb-09a5f8eb62bde80b1"),
            ),
        ];
        for (text, expected) in rows {
            let id: BaselineId = text.parse().unwrap();
            assert_eq!(id.local(&account, &region).as_ref().map(BaselineId::as_str), expected, "{text}");
        }
    }

    #[test]
    fn refuses_other_resources() {
        for text in [
            "",
            "pb-1",
            "pb-0123456789abcdefg",
            "arn:aws:ssm:eu-west-1:123456789012:document/pb-0123456789abcdef0",
            "arn:aws:iam:eu-west-1:123456789012:patchbaseline/pb-0123456789abcdef0",
        ] {
            assert!(text.parse::<BaselineId>().is_err(), "{text}");
        }
        assert_eq!(BaselineId::mint([0; 9]).as_str(), "pb-00000000000000000");
    }
}
