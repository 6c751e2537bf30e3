//! Naming a baseline by a tag that it carries: the parameter `BaselineTags` and what it selects.
//! Which baselines carry which tags is the store's to know.
//! Source: spec patch-manager 4.8.

use std::str::FromStr;

/// A tag key and the values of it that will do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagSelector {
    pub key: String,
    /// Never empty.
    pub values: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no tag; expected `Key=KEY,Values=VALUE[,VALUE…]`")]
pub struct InvalidTagSelector(pub String);

impl FromStr for TagSelector {
    type Err = InvalidTagSelector;

    fn from_str(text: &str) -> Result<Self, InvalidTagSelector> {
        let invalid = || InvalidTagSelector(text.chars().take(200).collect());
        let rest = text.trim().strip_prefix("Key=").ok_or_else(invalid)?;
        let (key, values) = rest.split_once(",Values=").ok_or_else(invalid)?;
        let values: Vec<String> = values.split(',').map(str::to_owned).collect();
        let is_tag_key = !key.is_empty() && !key.contains(',');
        match is_tag_key && values.iter().all(|value| !value.is_empty()) {
            true => Ok(Self { key: key.to_owned(), values }),
            false => Err(invalid()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_key_and_values() {
        let check = |text: &str, expected: Option<(&str, &[&str])>| {
            let read = text.parse::<TagSelector>().ok();
            let read = read.as_ref().map(|selector| {
                (selector.key.as_str(), selector.values.iter().map(String::as_str).collect::<Vec<_>>())
            });
            assert_eq!(read, expected.map(|(key, values)| (key, values.to_vec())), "{text}");
        };
        check("Key=Stage,Values=prod", Some(("Stage", &["prod"])));
        check("Key=Stage,Values=prod,test", Some(("Stage", &["prod", "test"])));
        check("Key=a=b c,Values=d=e", Some(("a=b c", &["d=e"])));
        check("Key=,Values=prod", None);
        check("Key=Stage,Values=", None);
        check("Key=Stage,Values=a,,b", None);
        check("Key=Stage", None);
        check("Key=a,b,Values=c", None);
        check("Stage=prod", None);
        check("", None);
    }
}
