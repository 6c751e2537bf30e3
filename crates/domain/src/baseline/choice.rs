//! Which baseline applies to a node, and why: its patch group's, else the system's default.
//! Looking up what is registered is the store's.
//! Source: spec patch-manager 5.1 and 5.2.

use std::collections::BTreeMap;

use api::fettle;

use crate::ids::{BaselineId, PatchGroup};

use super::Baseline;

/// The tags that put a node into a group, the preferred one first.
pub const PATCH_GROUP_TAGS: [&str; 2] = ["Patch Group", "PatchGroup"];

/// A node's group, with the tag that says so. A value that is no group name counts as none.
pub fn patch_group_of(tags: &BTreeMap<String, String>) -> Option<(&'static str, PatchGroup)> {
    let group = |tag: &'static str| Some((tag, tags.get(tag)?.parse().ok()?));
    PATCH_GROUP_TAGS.into_iter().find_map(group)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BaselineSource {
    Override,
    Group,
    Default,
    Policy,
    Tags,
}

impl BaselineSource {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Override => "OVERRIDE",
            Self::Group => "GROUP",
            Self::Default => "DEFAULT",
            Self::Policy => "POLICY",
            Self::Tags => "TAGS",
        }
    }
}

/// More than one baseline carries the tag.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more than one baseline carries the tag: {}", self.0.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
pub struct AmbiguousTag(pub Vec<BaselineId>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaselineChoice {
    pub baseline: Baseline,
    pub source: BaselineSource,
    /// The node's group, whether or not it decided.
    pub patch_group: Option<PatchGroup>,
}

impl BaselineChoice {
    /// `registered` is the baseline registered for the node's group and system.
    pub fn of(patch_group: Option<PatchGroup>, registered: Option<Baseline>, default: Baseline) -> Self {
        match registered.filter(|_| patch_group.is_some()) {
            Some(baseline) => Self { baseline, source: BaselineSource::Group, patch_group },
            None => Self { baseline: default, source: BaselineSource::Default, patch_group },
        }
    }

    /// `tagged` are the account's own baselines for the node's system that carry the tag a run was told to go by.
    /// None: the group's or the default, `otherwise`. Several: the run cannot tell which.
    pub fn by_tag(mut tagged: Vec<Baseline>, otherwise: Self) -> Result<Self, AmbiguousTag> {
        match (tagged.pop(), tagged.is_empty()) {
            (None, _) => Ok(otherwise),
            (Some(baseline), true) => Ok(Self { baseline, source: BaselineSource::Tags, ..otherwise }),
            (Some(last), false) => {
                tagged.push(last);
                Err(AmbiguousTag(tagged.into_iter().map(|baseline| baseline.id).collect()))
            }
        }
    }

    /// Why this baseline, in one sentence.
    pub fn reason(&self) -> String {
        let os = self.baseline.rules.operating_system;
        let name = &self.baseline.name;
        match (self.source, &self.patch_group) {
            (BaselineSource::Group, Some(group)) => {
                format!("{name} is registered for the patch group `{group}` that the node's tag names")
            }
            (BaselineSource::Default, Some(group)) => {
                format!(
                    "{name} is the default for {os}: no {os} baseline is registered for the patch group `{group}`"
                )
            }
            (BaselineSource::Default, None) => {
                format!("{name} is the default for {os}: the node has no patch group tag")
            }
            (BaselineSource::Override, _) => format!("{name} was given to the run as an override"),
            (BaselineSource::Policy, _) => format!("{name} comes from the patch policy that covers the node"),
            (BaselineSource::Tags | BaselineSource::Group, _) => {
                format!("{name} was chosen by its tags")
            }
        }
    }

    pub fn to_wire(&self) -> fettle::BaselineChoice {
        fettle::BaselineChoice {
            baseline_id: Some(self.baseline.id.to_string()),
            name: Some(self.baseline.name.clone()),
            source: Some(self.source.as_str().into()),
            reason: Some(self.reason()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::predefined;
    use crate::os::OperatingSystem;

    fn baseline() -> Baseline {
        predefined::default_for(OperatingSystem::Debian, &"eu-west-1".parse().unwrap())
    }

    #[test]
    fn the_tag_with_the_space_is_preferred() {
        let tags = |pairs: &[(&str, &str)]| {
            pairs
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect::<BTreeMap<_, _>>()
        };
        let group = |pairs| patch_group_of(&tags(pairs)).map(|(tag, group)| (tag, group.to_string()));
        assert_eq!(
            group(&[("PatchGroup", "b"), ("Patch Group", "a")]),
            Some(("Patch Group", "a".to_owned()))
        );
        assert_eq!(group(&[("PatchGroup", "b")]), Some(("PatchGroup", "b".to_owned())));
        assert_eq!(group(&[("patch group", "b")]), None);
        assert_eq!(group(&[("Patch Group", "")]), None);
    }

    #[test]
    fn a_group_without_registration_gets_the_default_and_is_told_so() {
        let group: PatchGroup = "web".parse().unwrap();
        let choice = BaselineChoice::of(Some(group.clone()), None, baseline());
        assert_eq!(choice.source, BaselineSource::Default);
        assert!(choice.reason().contains("registered for the patch group `web`"), "{}", choice.reason());
        let choice = BaselineChoice::of(Some(group), Some(baseline()), baseline());
        assert_eq!(choice.source, BaselineSource::Group);
        assert!(BaselineChoice::of(None, None, baseline()).reason().contains("no patch group tag"));
    }

    #[test]
    fn one_tagged_baseline_goes_before_group_and_default_and_two_are_refused() {
        let otherwise = || BaselineChoice::of(None, None, baseline());
        assert_eq!(BaselineChoice::by_tag(vec![], otherwise()).unwrap(), otherwise());
        let other =
            Baseline { name: "other".to_owned(), id: "pb-0123456789abcdef0".parse().unwrap(), ..baseline() };
        let chosen = BaselineChoice::by_tag(vec![other.clone()], otherwise()).unwrap();
        assert_eq!((chosen.source, chosen.baseline.name.as_str()), (BaselineSource::Tags, "other"));
        let refused = BaselineChoice::by_tag(vec![other.clone(), other], otherwise()).unwrap_err();
        assert!(refused.to_string().contains("pb-0123456789abcdef0, pb-0123456789abcdef0"), "{refused}");
    }
}
