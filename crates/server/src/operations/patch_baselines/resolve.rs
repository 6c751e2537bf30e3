//! Which baseline a node uses, and why: a given one, that of its patch group, the default.
//! Source: spec patch-manager 5.1 and 5.2.

use std::collections::BTreeMap;

use domain::baseline::{Baseline, BaselineRules};
use domain::ids::{BaselineId, PatchGroup};
use domain::os::{DetectedSystem, OperatingSystem};
use store::nodes::Node;
use store::tags::{self, Tagged};
use store::{StoreError, Tx, patch_groups};

use crate::ctx::Ctx;
use crate::error::{self, ApiError};

/// The tags that name a node's group; where both are set the first counts.
const GROUP_TAGS: [&str; 2] = ["Patch Group", "PatchGroup"];

/// A node's baseline, with the way that led to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedBaseline {
    pub baseline: Baseline,
    pub system: DetectedSystem,
    /// By the node's tags, whether or not the group decided.
    pub patch_group: Option<PatchGroup>,
    pub source: BaselineSource,
    /// One sentence for people.
    pub reason: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BaselineSource {
    /// Registered to the node's patch group.
    PatchGroup,
    /// The default of the node's operating system.
    Default,
}

/// Refuses a node whose system has no baselines, or that has not said yet what it runs.
pub async fn baseline_of_node(tx: &mut Tx, ctx: &Ctx, node: &Node) -> Result<ResolvedBaseline, ApiError> {
    let system = system_of(node)?;
    let os = system.operating_system;
    let tagged = group_of_node(tx, ctx, node).await?;
    let patch_group = tagged.as_ref().map(|(_, group)| group.clone());
    let registered = match &patch_group {
        Some(group) => patch_groups::find(tx, &ctx.account, &ctx.region, group, os).await?,
        None => None,
    };
    let (id, source) = match registered {
        Some(id) => (id, BaselineSource::PatchGroup),
        None => (super::default_id(tx, ctx, os).await?, BaselineSource::Default),
    };
    let lost = || StoreError::Corrupt(format!("baseline {id} is in use and not there"));
    let baseline = super::find(tx, ctx, &id).await?.ok_or_else(lost)?;
    let reason = in_words(tagged.as_ref(), &baseline, source);
    Ok(ResolvedBaseline { baseline, system, patch_group, source, reason })
}

/// Whether a baseline that the caller brought is for this node. One for another system is
/// passed over, as an override file's entries for other systems are.
pub fn is_for(given: &BaselineRules, system: &DetectedSystem) -> bool {
    given.operating_system == system.operating_system
}

/// What a node runs, by what it reported of its platform.
pub fn system_of(node: &Node) -> Result<DetectedSystem, ApiError> {
    let about = &node.information;
    let text = |member: &Option<String>| member.clone().unwrap_or_default();
    let (kind, name, version) =
        (text(&about.platform_type), text(&about.platform_name), text(&about.platform_version));
    OperatingSystem::detect_platform(&kind, &name, &version).ok_or_else(|| {
        let platform = format!("{name} {version}");
        let platform = if name.is_empty() { "a system it has not reported yet" } else { platform.trim() };
        error::unsupported_operating_system(node.id.as_str(), platform)
    })
}

/// The tag that names the group, and the group. Values that no group can have name none.
async fn group_of_node(
    tx: &mut Tx,
    ctx: &Ctx,
    node: &Node,
) -> Result<Option<(&'static str, PatchGroup)>, ApiError> {
    let tags = tags::list(tx, Tagged::node(&ctx.account, &ctx.region, &node.id)).await?;
    Ok(group_of(&tags))
}

fn group_of(tags: &BTreeMap<String, String>) -> Option<(&'static str, PatchGroup)> {
    let named = |tag: &'static str| Some((tag, tags.get(tag)?.parse().ok()?));
    GROUP_TAGS.into_iter().find_map(named)
}

fn in_words(
    tagged: Option<&(&'static str, PatchGroup)>,
    baseline: &Baseline,
    source: BaselineSource,
) -> String {
    let os = baseline.rules.operating_system;
    let (name, owner) = (&baseline.name, owner(&baseline.id));
    match (tagged, source) {
        (Some((tag, group)), BaselineSource::PatchGroup) => {
            format!(
                "tag `{tag}` puts the node into group `{group}`, which is registered with `{name}` for {os}"
            )
        }
        (Some((tag, group)), BaselineSource::Default) => format!(
            "tag `{tag}` puts the node into group `{group}`, which has no baseline for {os}: \
             its default, {owner} `{name}`, is used"
        ),
        (None, _) => format!(
            "the node has no tag `{}` or `{}`: the default for {os}, {owner} `{name}`, is used",
            GROUP_TAGS[0], GROUP_TAGS[1]
        ),
    }
}

fn owner(id: &BaselineId) -> &'static str {
    if id.is_provided() { "the provided" } else { "the account's" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(tags: &[(&str, &str)], expected: Option<(&str, &str)>) {
        let tags = tags.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
        let found = group_of(&tags);
        assert_eq!(found.as_ref().map(|(tag, group)| (*tag, group.as_str())), expected, "{tags:?}");
    }

    #[test]
    fn the_tag_with_a_space_counts_first() {
        check(&[], None);
        check(&[("PatchGroup", "b")], Some(("PatchGroup", "b")));
        check(&[("PatchGroup", "b"), ("Patch Group", "a")], Some(("Patch Group", "a")));
        check(&[("patch group", "a"), ("Patchgroup", "b")], None);
        check(&[("Patch Group", ""), ("PatchGroup", "b")], Some(("PatchGroup", "b")));
        check(&[("Patch Group", "a#b")], None);
    }
}
