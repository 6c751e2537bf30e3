//! What a staged rollout is asked to be: its rings, what each must show before the next begins, and whom it must not disturb
//! too many of. Read from the request once; how it goes is `next`'s.

use std::collections::{BTreeMap, BTreeSet};

use api::fettle::{RolloutGateAction, RolloutGates, RolloutPlan, RolloutRing};
use api::ssm;
use sha2::{Digest, Sha256};

use super::Limit;
use crate::ids::NodeId;
use crate::target::Targets;

const WAIT_HOURS: i32 = 24;
const ENDS_AFTER_HOURS: i32 = 168;
const CONFIDENCE_PERCENT: i32 = 95;
/// The ring of a plan that has none.
const ALL: &str = "all";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// At least one; only the last may be the rest.
    pub rings: Vec<Ring>,
    pub budgets: Vec<Budget>,
    pub on_gate_failed: OnGateFailed,
    pub ends_after_seconds: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnGateFailed {
    Pause,
    Stop,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ring {
    pub name: String,
    pub members: Members,
    /// `None`: as the command says.
    pub max_concurrency: Option<Limit>,
    pub wait_seconds: i64,
    pub soak_seconds: i64,
    pub gates: Gates,
    pub approval: Approval,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Members {
    Targets(Targets),
    /// Of all nodes, 1 to 100.
    Percent(u8),
    Rest,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approval {
    NotAsked,
    Asked,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gates {
    pub max_failures: Option<u32>,
    pub failure_rate: Option<FailureRate>,
    pub nodes_back: bool,
    pub max_failed_units: Option<u32>,
    pub probe: Option<Probe>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailureRate {
    pub max_percent: u8,
    pub confidence_percent: u8,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    pub document: String,
    pub version: Option<String>,
    pub parameters: BTreeMap<String, Vec<String>>,
    pub max_failures: u32,
}

/// Of nodes that have the same value of the tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    pub tag: String,
    pub limit: Limit,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    #[error("Rings: two rings are named `{0}`")]
    Twice(String),
    #[error("Rings: `{0}` has Targets and Percent; a ring is one or the other")]
    BothMembers(String),
    #[error("Rings: `{0}` has neither Targets nor Percent, which only the last ring may: it takes the rest")]
    RestBeforeTheEnd(String),
    #[error("Rings: the percentages add up to {0} %, which is more than all nodes")]
    TooManyPercent(u32),
    #[error("Rings: `{ring}`: {error}")]
    Targets { ring: String, error: crate::target::TargetError },
    #[error("Rings: `{0}` is the last ring: there is no next one to approve")]
    ApprovalAtTheEnd(String),
    #[error("Rings: `{0}`: ConfidencePercent is about MaxFailurePercent, which is not there")]
    ConfidenceOfNothing(String),
    #[error("Budgets: the tag `{0}` is there twice")]
    BudgetTwice(String),
    #[error("{0}")]
    Limit(#[from] super::InvalidLimit),
}

impl Plan {
    pub fn read(given: &RolloutPlan) -> Result<Self, PlanError> {
        let alone = [RolloutRing { name: ALL.to_owned(), ..RolloutRing::default() }];
        let rings = given.rings.as_deref().filter(|rings| !rings.is_empty()).unwrap_or(&alone);
        let mut names = BTreeSet::new();
        let mut read = Vec::new();
        for (i, ring) in rings.iter().enumerate() {
            if !names.insert(ring.name.as_str()) {
                return Err(PlanError::Twice(ring.name.clone()));
            }
            read.push(Ring::read(ring, i + 1 == rings.len())?);
        }
        let percent = |ring: &Ring| match ring.members {
            Members::Percent(percent) => u32::from(percent),
            _ => 0,
        };
        let sum: u32 = read.iter().map(percent).sum();
        if sum > 100 {
            return Err(PlanError::TooManyPercent(sum));
        }
        let mut budgets: Vec<Budget> = Vec::new();
        for budget in given.budgets.iter().flatten() {
            if budgets.iter().any(|known| known.tag == budget.tag_key) {
                return Err(PlanError::BudgetTwice(budget.tag_key.clone()));
            }
            budgets.push(Budget { tag: budget.tag_key.clone(), limit: budget.limit.parse()? });
        }
        Ok(Self {
            rings: read,
            budgets,
            on_gate_failed: match given.on_gate_failed {
                Some(RolloutGateAction::Stop) => OnGateFailed::Stop,
                _ => OnGateFailed::Pause,
            },
            ends_after_seconds: i64::from(given.ends_after_hours.unwrap_or(ENDS_AFTER_HOURS)) * 3600,
        })
    }

    pub fn is_last(&self, ring: usize) -> bool {
        ring + 1 >= self.rings.len()
    }

    /// To which ring each node belongs: the first whose targets it matches; else, in the order of the hash of its id, the
    /// rings by percent, of which each takes its share of all nodes, at least one; else the last. The same nodes are
    /// always distributed in the same way, and one that comes or goes moves others at the borders only.
    pub fn assign(&self, nodes: &[(NodeId, BTreeMap<String, String>)]) -> BTreeMap<NodeId, usize> {
        let mut assigned = BTreeMap::new();
        let mut left: Vec<&NodeId> = Vec::new();
        for (node, tags) in nodes {
            let claims = |ring: &Ring| matches!(&ring.members, Members::Targets(targets) if targets.matches(node, tags));
            let Some(ring) = self.rings.iter().position(claims) else {
                left.push(node);
                continue;
            };
            assigned.insert(node.clone(), ring);
        }
        left.sort_by_cached_key(|node| Sha256::digest(node.as_str()).to_vec());
        let mut left = left.into_iter();
        for (i, ring) in self.rings.iter().enumerate() {
            let Members::Percent(percent) = ring.members else { continue };
            let share = (nodes.len() * usize::from(percent)).div_ceil(100);
            assigned.extend(left.by_ref().take(share).map(|node| (node.clone(), i)));
        }
        assigned.extend(left.map(|node| (node.clone(), self.rings.len() - 1)));
        assigned
    }
}

impl Ring {
    fn read(given: &RolloutRing, is_last: bool) -> Result<Self, PlanError> {
        let name = || given.name.clone();
        let members = match (&given.targets, given.percent) {
            (Some(_), Some(_)) => return Err(PlanError::BothMembers(name())),
            (Some(targets), None) => {
                let wire = targets.iter().map(|target| ssm::Target {
                    key: Some(target.key.clone()),
                    values: Some(target.values.clone()),
                });
                let targets = Targets::parse(&wire.collect::<Vec<_>>());
                Members::Targets(targets.map_err(|error| PlanError::Targets { ring: name(), error })?)
            }
            (None, Some(percent)) => Members::Percent(small(percent)),
            (None, None) if is_last => Members::Rest,
            (None, None) => return Err(PlanError::RestBeforeTheEnd(name())),
        };
        let approval = match given.require_approval {
            Some(true) if is_last => return Err(PlanError::ApprovalAtTheEnd(name())),
            Some(true) => Approval::Asked,
            _ => Approval::NotAsked,
        };
        Ok(Self {
            name: name(),
            members,
            max_concurrency: given.max_concurrency.as_deref().map(str::parse).transpose()?,
            wait_seconds: i64::from(given.wait_hours.unwrap_or(WAIT_HOURS)) * 3600,
            soak_seconds: i64::from(given.soak_minutes.unwrap_or_default()) * 60,
            gates: given
                .gates
                .as_ref()
                .map_or(Ok(Gates::default()), |gates| Gates::read(&given.name, gates))?,
            approval,
        })
    }
}

impl Gates {
    fn read(ring: &str, given: &RolloutGates) -> Result<Self, PlanError> {
        if given.confidence_percent.is_some() && given.max_failure_percent.is_none() {
            return Err(PlanError::ConfidenceOfNothing(ring.to_owned()));
        }
        let confidence = given.confidence_percent.unwrap_or(CONFIDENCE_PERCENT);
        Ok(Self {
            max_failures: given.max_failures.map(number),
            failure_rate: given.max_failure_percent.map(|percent| FailureRate {
                max_percent: small(percent),
                confidence_percent: small(confidence),
            }),
            nodes_back: given.nodes_back.unwrap_or_default(),
            max_failed_units: given.max_failed_units.map(number),
            probe: given.probe.as_ref().map(|probe| Probe {
                document: probe.document_name.clone(),
                version: probe.document_version.clone(),
                parameters: probe.parameters.clone().unwrap_or_default(),
                max_failures: probe.max_failures.map_or(0, number),
            }),
        })
    }
}

/// A percentage; the model bounds it.
fn small(percent: i32) -> u8 {
    u8::try_from(percent.clamp(0, 100)).unwrap_or(100)
}

/// Not negative, by the model.
fn number(given: i32) -> u32 {
    u32::try_from(given).unwrap_or_default()
}
