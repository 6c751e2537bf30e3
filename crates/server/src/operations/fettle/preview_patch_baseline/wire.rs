//! A preview as the model has it: lists, the most wanted patches first, each with what decides about it.

use std::cmp::Reverse;

use api::fettle::{PreviewList, PreviewListName, PreviewedPatch};
use domain::patch::preview::{Outcome, PatchKey, Previewed};
use domain::patch::{Decision, NotApproved};

use super::Judged;
use crate::ctx::Ctx;
use crate::operations::page::Page;

type Row<'p> = (&'p PatchKey, &'p Previewed);

pub fn lists(ctx: &Ctx, page: &Page, judged: &Judged, only: Option<&PreviewListName>) -> Vec<PreviewList> {
    let of = |outcome: Outcome| -> Vec<Row<'_>> {
        judged.after.patches.iter().filter(|(_, patch)| patch.outcome == outcome).collect()
    };
    let mut rows: Vec<(PreviewListName, Vec<Row<'_>>)> =
        [Outcome::Approved, Outcome::ApprovedLater, Outcome::Rejected, Outcome::NotMatched]
            .into_iter()
            .map(|outcome| (name(outcome), of(outcome)))
            .collect();
    if let Some(before) = &judged.before {
        rows.push((PreviewListName::NewlyApproved, judged.after.newly_approved(before).collect()));
        rows.push((PreviewListName::NoLongerApproved, judged.after.no_longer_approved(before).collect()));
    }
    let asked = rows.into_iter().filter(|(name, _)| only.is_none_or(|only| only == name));
    asked.map(|(name, rows)| list(ctx, page, name, rows)).collect()
}

fn list(ctx: &Ctx, page: &Page, name: PreviewListName, mut rows: Vec<Row<'_>>) -> PreviewList {
    let count = number(rows.len() as u64);
    let lacking = number(rows.iter().filter(|(_, patch)| patch.nodes_lacking > 0).count() as u64);
    rows.sort_by_key(place);
    if let Some(after) = &page.after {
        rows.retain(|row| place_text(&name, row).as_str() > after.as_str());
    }
    let cut = page.cut(ctx, rows, |row| place_text(&name, row));
    let patches = cut.rows.into_iter().map(to_wire).collect();
    PreviewList { name, count, lacking, patches, next_token: cut.next_token }
}

/// That most nodes lack it comes first, then the name.
fn place<'p>(row: &Row<'p>) -> (Reverse<u64>, &'p PatchKey) {
    (Reverse(row.1.nodes_lacking), row.0)
}

/// Whether a place is in this list.
pub fn is_of(list: &PreviewListName, place: &str) -> bool {
    place.split('\0').next() == Some(list.as_str())
}

/// The same order as text, within one list.
fn place_text(list: &PreviewListName, row: &Row<'_>) -> String {
    let (Reverse(lacking), PatchKey { name, arch, version, product }) = place(row);
    let list = list.as_str();
    format!("{list}\0{:020}\0{name}\0{arch}\0{version}\0{product}", u64::MAX - lacking)
}

fn name(outcome: Outcome) -> PreviewListName {
    match outcome {
        Outcome::Approved => PreviewListName::Approved,
        Outcome::ApprovedLater => PreviewListName::ApprovedLater,
        Outcome::Rejected => PreviewListName::Rejected,
        Outcome::NotMatched => PreviewListName::NotMatched,
    }
}

fn to_wire((key, patch): Row<'_>) -> PreviewedPatch {
    let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let because = Because::of(patch.decision.as_ref());
    PreviewedPatch {
        product: key.product.clone(),
        name: key.name.clone(),
        arch: given(&key.arch),
        version: key.version.clone(),
        title: given(&patch.title),
        classification: given(&patch.classification),
        severity: given(&patch.severity),
        compliance_level: Some(patch.compliance_level.as_str().to_owned()),
        advisory_id: patch.advisory.clone(),
        outcome: name(patch.outcome),
        rule: because.rule.map(|rule| number(rule as u64)),
        entry: because.entry,
        reason: because.reason.map(str::to_owned),
        filter_key: because.filter_key,
        property: because.property,
        approved_at: patch.approved_at,
        nodes_lacking: number(patch.nodes_lacking),
        nodes_present: number(patch.nodes_present),
    }
}

#[derive(Default)]
struct Because {
    rule: Option<usize>,
    entry: Option<String>,
    reason: Option<&'static str>,
    filter_key: Option<String>,
    property: Option<String>,
}

impl Because {
    fn of(decision: Option<&Decision>) -> Self {
        match decision {
            None => Self::default(),
            Some(Decision::ApprovedByRule { rule }) => Self { rule: Some(*rule), ..Self::default() },
            Some(Decision::ApprovedByList { entry } | Decision::RejectedByList { entry, .. }) => {
                Self { entry: Some(entry.clone()), ..Self::default() }
            }
            Some(Decision::NotApproved { because }) => Self::against(because),
        }
    }

    fn against(because: &NotApproved) -> Self {
        let reason = |reason| Self { reason: Some(reason), ..Self::default() };
        match because {
            NotApproved::NoCandidate => reason("no-candidate"),
            NotApproved::NotOffered => reason("not-offered"),
            NotApproved::Downgrade => reason("downgrade"),
            NotApproved::NoRules => reason("no-rules"),
            NotApproved::OutsideSecurity { rule } => Self { rule: *rule, ..reason("outside-security") },
            NotApproved::GlobalFilter { key, property } => Self {
                filter_key: Some(key.as_str().to_owned()),
                property: Some(property.clone()),
                ..reason("global-filter")
            },
            NotApproved::NoRuleMatches { rule, key, property } => Self {
                rule: Some(*rule),
                filter_key: Some(key.as_str().to_owned()),
                property: Some(property.clone()),
                ..reason("no-rule-matches")
            },
            NotApproved::ApprovedLater { rule, .. } => Self { rule: Some(*rule), ..reason("approved-later") },
            NotApproved::ReleasedTooLate { rule, .. } => {
                Self { rule: Some(*rule), ..reason("released-too-late") }
            }
            NotApproved::NoReadableDate { rule } => Self { rule: Some(*rule), ..reason("no-readable-date") },
            NotApproved::Rejected { entry } => Self { entry: Some(entry.clone()), ..reason("rejected") },
        }
    }
}

pub fn number(count: u64) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
