//! The nodes of a Patch now: those that match when it starts. Patch groups are a target here, by whichever of their two
//! tags a node has.
//! Source: patch-manager.md 5.1 and 5.4; systems-manager.md 0.7.

use std::collections::{BTreeMap, BTreeSet};

use api::fettle::PatchNowTarget;
use api::ssm;
use domain::baseline::PATCH_GROUP_TAGS;
use domain::ids::NodeId;
use domain::target::{Target, Targets};
use store::Tx;
use store::clause::Comparison;
use store::nodes::{Node, NodeCondition, NodeField};

use super::super::not_found;
use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use crate::groups::conditions;
use crate::operations::commands::targets::select;

const PATCH_GROUP: &str = "PatchGroup";

/// Whom an order addresses.
pub struct Addressed {
    /// Without the patch group.
    targets: Option<Targets>,
    groups: Option<Vec<String>>,
    /// As State Manager has them.
    given: Vec<ssm::Target>,
}

impl Addressed {
    pub fn parse(given: &[PatchNowTarget]) -> Result<Self, ApiError> {
        let (mut plain, mut groups) = (Vec::new(), None);
        for target in given {
            if target.key != PATCH_GROUP {
                plain.push(to_wire(&target.key, &target.values));
            } else if groups.replace(target.values.clone()).is_some() {
                return Err(error::validation(
                    "Targets: the key PatchGroup is there twice; a node has one group",
                ));
            }
        }
        let targets = match &plain[..] {
            [] => None,
            some => Some(Targets::parse(some).map_err(|error| error::validation(error.to_string()))?),
        };
        Ok(Self { targets, groups, given: plain })
    }

    /// All nodes that match now; who is named must be there.
    pub async fn resolve(&self, ctx: &Ctx, tx: &mut Tx) -> Result<Vec<Node>, ApiError> {
        let wanted = match &self.targets {
            Some(targets) => conditions(tx, (&ctx.account, &ctx.region), targets).await?,
            None => Vec::new(),
        };
        let nodes = match &self.groups {
            None => select(ctx, tx, &wanted).await?,
            Some(groups) => of_groups(ctx, tx, &wanted, groups).await?,
        };
        let named: Vec<&NodeId> = self.named().collect();
        if let ([Target::Nodes(_)], None) =
            (self.targets.as_ref().map_or(&[][..], Targets::entries), &self.groups)
        {
            let missing = named.into_iter().find(|id| !nodes.iter().any(|node| node.id == **id));
            if let Some(missing) = missing {
                return Err(not_found(format!("`{missing}` is not a managed node")));
            }
        }
        if nodes.is_empty() {
            return Err(not_found("no managed node matches the Targets"));
        }
        Ok(nodes)
    }

    fn named(&self) -> impl Iterator<Item = &NodeId> {
        self.targets.as_ref().and_then(Targets::named_nodes).into_iter().flatten()
    }

    /// As the association shows them: of a patch group, the tag that names it on most of the nodes.
    pub fn to_association(
        &self,
        nodes: &[Node],
        grouped: &BTreeMap<&'static str, usize>,
    ) -> Vec<ssm::Target> {
        let mut targets = self.given.clone();
        if let Some(groups) = &self.groups {
            let [first, second] = PATCH_GROUP_TAGS;
            let count = |tag| grouped.get(tag).copied().unwrap_or_default();
            let tag = if nodes.is_empty() || count(first) >= count(second) { first } else { second };
            targets.push(to_wire(&format!("tag:{tag}"), groups));
        }
        targets
    }

    /// How many of the nodes have their group by which tag.
    pub async fn count_by_tag(
        &self,
        ctx: &Ctx,
        tx: &mut Tx,
    ) -> Result<BTreeMap<&'static str, usize>, ApiError> {
        let mut counts = BTreeMap::new();
        if let Some(groups) = &self.groups {
            for tag in PATCH_GROUP_TAGS {
                let found = select(ctx, tx, &[equal(NodeField::Tag(tag.to_owned()), groups)]).await?;
                counts.insert(tag, found.len());
            }
        }
        Ok(counts)
    }
}

/// By the tag with the space where a node has both.
async fn of_groups(
    ctx: &Ctx,
    tx: &mut Tx,
    wanted: &[NodeCondition],
    groups: &[String],
) -> Result<Vec<Node>, ApiError> {
    let [first, second] = PATCH_GROUP_TAGS;
    let with = |more: Vec<NodeCondition>| [wanted, &more[..]].concat();
    let by = |tag: &str| equal(NodeField::Tag(tag.to_owned()), groups);
    let mut nodes = select(ctx, tx, &with(vec![by(first)])).await?;
    let other = select(ctx, tx, &with(vec![by(second)])).await?;
    if !other.is_empty() {
        let has_first = equal(NodeField::TagKey, &[first.to_owned()]);
        let elsewhere = select(ctx, tx, &with(vec![by(second), has_first])).await?;
        let elsewhere: BTreeSet<NodeId> = elsewhere.into_iter().map(|node| node.id).collect();
        nodes.extend(other.into_iter().filter(|node| !elsewhere.contains(&node.id)));
        nodes.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    }
    Ok(nodes)
}

fn equal(field: NodeField, values: &[String]) -> NodeCondition {
    NodeCondition { field, comparison: Comparison::Equal, values: values.to_vec() }
}

fn to_wire(key: &str, values: &[String]) -> ssm::Target {
    ssm::Target { key: Some(key.to_owned()), values: Some(values.to_vec()) }
}
