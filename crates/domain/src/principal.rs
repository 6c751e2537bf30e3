//! Who calls, of people: the account's root, or one of its users. What each may do is `policy`'s.
//! Source: IAM user guide, identifiers.

use crate::ids::{AccountId, Arn, UserName};

/// What names root wherever a user's name is shown.
pub const ROOT: &str = "root";

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Principal {
    Root,
    User(UserName),
}

impl Principal {
    pub fn name(&self) -> &str {
        match self {
            Self::Root => ROOT,
            Self::User(name) => name.as_str(),
        }
    }

    pub fn arn(&self, account: &AccountId) -> String {
        match self {
            Self::Root => format!("arn:aws:iam::{account}:root"),
            Self::User(name) => format!("arn:aws:iam::{account}:user/{name}"),
        }
    }

    /// `None`: nobody of this account.
    pub fn of_arn(arn: &str, account: &AccountId) -> Option<Self> {
        let arn = Arn::parse(arn).filter(|arn| arn.service == "iam" && arn.account == account.as_str())?;
        match arn.resource.split_once('/') {
            None if arn.resource == ROOT => Some(Self::Root),
            Some(("user", name)) => Some(Self::User(name.parse().ok()?)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_lead_back_to_whom_they_name() {
        let account: AccountId = "123456789012".parse().unwrap();
        for principal in [Principal::Root, Principal::User("ann@example.org".parse().unwrap())] {
            assert_eq!(Principal::of_arn(&principal.arn(&account), &account), Some(principal));
        }
        for other in [
            "arn:aws:iam::123456789013:root",
            "arn:aws:iam::123456789012:user/",
            "arn:aws:iam::123456789012:user/root",
            "arn:aws:iam::123456789012:role/ann",
            "arn:aws:sts::123456789012:user/ann",
            "root",
        ] {
            assert_eq!(Principal::of_arn(other, &account), None, "{other}");
        }
    }
}
