//! Which nodes of a fleet a question is about, in which order, and the page of them that is wanted. Pure.

use std::cmp::Ordering;

use api::Timestamp;
use domain::baseline::PATCH_GROUP_TAGS;
use domain::fleet::{Standing, WorstState};
use domain::ids::NodeId;
use serde::{Deserialize, Serialize};
use store::fleet::FleetNode;

/// Rows beyond two pages that are gathered before the first page of them is put in order; none in tests, whose fleets are small.
const SPARE_ROWS: usize = if cfg!(test) { 0 } else { 200 };

/// What lists show, filter and sort by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Column {
    NodeId,
    Name,
    ComputerName,
    IpAddress,
    PlatformType,
    PlatformName,
    PlatformVersion,
    AgentVersion,
    PingStatus,
    LastPingDateTime,
    PatchGroup,
    BaselineId,
    ComplianceStatus,
    WorstState,
    Operation,
    OperationEndTime,
    CriticalNonCompliantCount,
    SecurityNonCompliantCount,
    OtherNonCompliantCount,
    MissingCount,
    FailedCount,
    InstalledPendingRebootCount,
    InstalledRejectedCount,
    InstalledCount,
    InstalledOtherCount,
    /// Seconds since the newest report was captured.
    ScanAgeSeconds,
    /// Has a tag of this key.
    TagKey,
    Tag(String),
    /// Its id, its name or its computer name.
    AnyName,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Operator {
    Equal,
    NotEqual,
    BeginWith,
    Contains,
    LessThan,
    GreaterThan,
}

/// One of the values is enough; with `NotEqual` none may be it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Filter {
    pub column: Column,
    pub operator: Operator,
    pub values: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Order {
    Ascending,
    Descending,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Selection {
    /// All of them.
    pub filters: Vec<Filter>,
    pub by: Column,
    pub order: Order,
}

/// Where a page ends: what is sorted by there, and the node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    value: Option<Owned>,
    node: NodeId,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Owned {
    Number(i64),
    Text(String),
}

/// A page, how many nodes there are on all pages, and where the next page begins if there is one.
#[derive(Debug)]
pub struct Found<'f> {
    pub nodes: Vec<&'f FleetNode>,
    pub total: usize,
    pub next: Option<Cursor>,
}

/// What a column holds; nothing comes last, whatever the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cell<'n> {
    Number(i64),
    Text(&'n str),
}

impl Column {
    /// The names of requests; tags are `tag:KEY`.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(key) = text.strip_prefix("tag:") {
            return (!key.is_empty()).then(|| Self::Tag(key.to_owned()));
        }
        let known = [
            ("NodeId", Self::NodeId),
            ("Name", Self::Name),
            ("ComputerName", Self::ComputerName),
            ("IPAddress", Self::IpAddress),
            ("PlatformType", Self::PlatformType),
            ("PlatformName", Self::PlatformName),
            ("PlatformVersion", Self::PlatformVersion),
            ("AgentVersion", Self::AgentVersion),
            ("PingStatus", Self::PingStatus),
            ("LastPingDateTime", Self::LastPingDateTime),
            ("PatchGroup", Self::PatchGroup),
            ("BaselineId", Self::BaselineId),
            ("ComplianceStatus", Self::ComplianceStatus),
            ("WorstState", Self::WorstState),
            ("Operation", Self::Operation),
            ("OperationEndTime", Self::OperationEndTime),
            ("CriticalNonCompliantCount", Self::CriticalNonCompliantCount),
            ("SecurityNonCompliantCount", Self::SecurityNonCompliantCount),
            ("OtherNonCompliantCount", Self::OtherNonCompliantCount),
            ("MissingCount", Self::MissingCount),
            ("FailedCount", Self::FailedCount),
            ("InstalledPendingRebootCount", Self::InstalledPendingRebootCount),
            ("InstalledRejectedCount", Self::InstalledRejectedCount),
            ("InstalledCount", Self::InstalledCount),
            ("InstalledOtherCount", Self::InstalledOtherCount),
            ("ScanAgeSeconds", Self::ScanAgeSeconds),
            ("TagKey", Self::TagKey),
            ("AnyName", Self::AnyName),
        ];
        known.into_iter().find(|(name, _)| *name == text).map(|(_, column)| column)
    }

    /// Whether a node has one value for it that stays from page to page, so that nodes can be put in its order.
    pub fn is_sortable(&self) -> bool {
        !matches!(self, Self::TagKey | Self::AnyName | Self::ScanAgeSeconds)
    }

    pub fn is_number(&self) -> bool {
        matches!(
            self,
            Self::LastPingDateTime
                | Self::OperationEndTime
                | Self::CriticalNonCompliantCount
                | Self::SecurityNonCompliantCount
                | Self::OtherNonCompliantCount
                | Self::MissingCount
                | Self::FailedCount
                | Self::InstalledPendingRebootCount
                | Self::InstalledRejectedCount
                | Self::InstalledCount
                | Self::InstalledOtherCount
                | Self::ScanAgeSeconds
        )
    }

    fn cell<'n>(&self, node: &'n FleetNode, now: Timestamp) -> Option<Cell<'n>> {
        let report = node.report.as_ref();
        // A run that could not look has counted nothing.
        let count = |of: fn(&domain::patch::PatchCounts) -> i64| {
            report.map(|report| of(&report.counts)).filter(|count| *count >= 0).map(Cell::Number)
        };
        let text = |text: &'n Option<std::sync::Arc<str>>| text.as_deref().map(Cell::Text);
        match self {
            Self::NodeId | Self::AnyName => Some(Cell::Text(node.id.as_str())),
            Self::Name => text(&node.name),
            Self::ComputerName => text(&node.computer_name),
            Self::IpAddress => text(&node.ip_address),
            Self::PlatformType => text(&node.platform_type),
            Self::PlatformName => text(&node.platform_name),
            Self::PlatformVersion => text(&node.platform_version),
            Self::AgentVersion => text(&node.agent_version),
            Self::PingStatus => Some(Cell::Text(ping_status(node, now))),
            Self::LastPingDateTime => node.last_seen_at.map(|at| Cell::Number(at.as_millis())),
            Self::PatchGroup => patch_group(node).map(Cell::Text),
            Self::BaselineId => {
                report.map(|report| &*report.baseline_id).filter(|id| !id.is_empty()).map(Cell::Text)
            }
            Self::ComplianceStatus => Some(Cell::Text(standing(node, now).as_str())),
            Self::WorstState => Some(Cell::Text(worst(node, now).as_str())),
            Self::Operation => report.map(|report| Cell::Text(&report.operation)),
            Self::OperationEndTime => report.map(|report| Cell::Number(report.ended_at.as_millis())),
            Self::CriticalNonCompliantCount => count(|counts| counts.critical_non_compliant),
            Self::SecurityNonCompliantCount => count(|counts| counts.security_non_compliant),
            Self::OtherNonCompliantCount => count(|counts| counts.other_non_compliant),
            Self::MissingCount => count(|counts| counts.missing),
            Self::FailedCount => count(|counts| counts.failed),
            Self::InstalledPendingRebootCount => count(|counts| counts.installed_pending_reboot),
            Self::InstalledRejectedCount => count(|counts| counts.installed_rejected),
            Self::InstalledCount => count(|counts| counts.installed),
            Self::InstalledOtherCount => count(|counts| counts.installed_other),
            Self::ScanAgeSeconds => {
                report.map(|report| Cell::Number(now.millis_since(report.captured_at) / 1000))
            }
            Self::TagKey => None,
            Self::Tag(key) => node.tag(key).map(|value| Cell::Text(value)),
        }
    }
}

pub fn ping_status(node: &FleetNode, now: Timestamp) -> &'static str {
    if node.is_online(now) { "Online" } else { "ConnectionLost" }
}

/// By the tags as they are now.
pub fn patch_group(node: &FleetNode) -> Option<&str> {
    PATCH_GROUP_TAGS.iter().find_map(|tag| node.tag(tag)).map(|group| &**group)
}

pub fn standing(node: &FleetNode, now: Timestamp) -> Standing {
    Standing::of(node.report.as_ref().map(|report| (&report.counts, report.captured_at)), now)
}

pub fn worst(node: &FleetNode, now: Timestamp) -> WorstState {
    WorstState::of(node.report.as_ref().map(|report| (&report.counts, report.captured_at)), now)
}

impl Filter {
    pub fn holds(&self, node: &FleetNode, now: Timestamp) -> bool {
        let any = |cell: Option<Cell<'_>>| {
            cell.is_some_and(|cell| self.values.iter().any(|value| self.compares(cell, value)))
        };
        let is_any = match self.column {
            Column::TagKey => node.tags.iter().any(|(key, _)| any(Some(Cell::Text(key)))),
            Column::AnyName => {
                let names = [Some(node.id.as_str()), node.name.as_deref(), node.computer_name.as_deref()];
                names.into_iter().any(|name| any(name.map(Cell::Text)))
            }
            _ => any(self.column.cell(node, now)),
        };
        // What is not there is none of the values.
        is_any != (self.operator == Operator::NotEqual)
    }

    /// `NotEqual` compares as `Equal` does: the caller turns it round.
    fn compares(&self, cell: Cell<'_>, value: &str) -> bool {
        match cell {
            Cell::Number(number) => {
                let Ok(value) = value.parse::<i64>() else { return false };
                match self.operator {
                    Operator::LessThan => number < value,
                    Operator::GreaterThan => number > value,
                    _ => number == value,
                }
            }
            Cell::Text(text) => match self.operator {
                Operator::Equal | Operator::NotEqual => text == value,
                Operator::BeginWith => begins(text, value),
                Operator::Contains => contains(text, value),
                Operator::LessThan => order(text, value) == Ordering::Less,
                Operator::GreaterThan => order(text, value) == Ordering::Greater,
            },
        }
    }
}

/// Without regard to the case of ASCII letters.
fn begins(text: &str, with: &str) -> bool {
    text.len() >= with.len() && text.as_bytes()[..with.len()].eq_ignore_ascii_case(with.as_bytes())
}

/// The same anywhere. Most places are ruled out by their first byte; where that of a character fits, a character begins.
fn contains(text: &str, part: &str) -> bool {
    let Some((first, rest)) = part.as_bytes().split_first() else { return true };
    let first = first.to_ascii_lowercase();
    text.as_bytes()
        .windows(part.len())
        .any(|window| window[0].to_ascii_lowercase() == first && window[1..].eq_ignore_ascii_case(rest))
}

fn order(a: &str, b: &str) -> Ordering {
    // A fleet has few different texts, and most of them meet their like.
    if a == b {
        return Ordering::Equal;
    }
    let folded = a.bytes().map(|b| b.to_ascii_lowercase()).cmp(b.bytes().map(|b| b.to_ascii_lowercase()));
    folded.then_with(|| a.cmp(b))
}

impl Selection {
    pub fn holds(&self, node: &FleetNode, now: Timestamp) -> bool {
        self.filters.iter().all(|filter| filter.holds(node, now))
    }

    /// The first `limit` nodes behind `after`.
    pub fn page<'f>(
        &self,
        nodes: impl IntoIterator<Item = &'f FleetNode>,
        now: Timestamp,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Found<'f> {
        let (mut total, mut has_more) = (0, false);
        let mut rows: Vec<(Option<Cell<'f>>, &'f FleetNode)> = vec![];
        // What was last on the page when it was last put in order: nothing behind that is on it.
        let mut last: Option<(Option<Cell<'f>>, &'f FleetNode)> = None;
        let by = |a: &(Option<Cell<'_>>, &FleetNode), b: &(Option<Cell<'_>>, &FleetNode)| {
            self.compare(&(a.0, &a.1.id), &(b.0, &b.1.id))
        };
        for node in nodes.into_iter().filter(|node| self.holds(node, now)) {
            total += 1;
            let cell = self.by.cell(node, now);
            let is_behind = |after: &Cursor| {
                let of_cursor = after.value.as_ref().map(Owned::cell);
                self.compare(&(cell, &node.id), &(of_cursor, &after.node)) == Ordering::Greater
            };
            if !after.is_none_or(is_behind) {
                continue;
            }
            if last.is_some_and(|last| by(&(cell, node), &last) == Ordering::Greater) {
                has_more = true;
                continue;
            }
            rows.push((cell, node));
            // Of thousands a page is wanted: only about that much is ever kept and put in order.
            if rows.len() > limit.saturating_mul(2).saturating_add(SPARE_ROWS) {
                rows.select_nth_unstable_by(limit, by);
                rows.truncate(limit);
                last = rows.iter().max_by(|a, b| by(a, b)).copied();
                has_more = true;
            }
        }
        rows.sort_unstable_by(by);
        has_more |= rows.len() > limit;
        rows.truncate(limit);
        let next = rows
            .last()
            .filter(|_| has_more)
            .map(|(cell, node)| Cursor { value: cell.map(Owned::from), node: node.id.clone() });
        Found { nodes: rows.into_iter().map(|(_, node)| node).collect(), total, next }
    }

    fn compare(&self, a: &(Option<Cell<'_>>, &NodeId), b: &(Option<Cell<'_>>, &NodeId)) -> Ordering {
        let by_value = match (a.0, b.0) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some(a), Some(b)) => {
                let found = match (a, b) {
                    (Cell::Number(a), Cell::Number(b)) => a.cmp(&b),
                    (Cell::Text(a), Cell::Text(b)) => order(a, b),
                    (Cell::Number(_), Cell::Text(_)) => Ordering::Less,
                    (Cell::Text(_), Cell::Number(_)) => Ordering::Greater,
                };
                if self.order == Order::Descending { found.reverse() } else { found }
            }
        };
        by_value.then_with(|| a.1.cmp(b.1))
    }
}

impl Owned {
    fn cell(&self) -> Cell<'_> {
        match self {
            Self::Number(number) => Cell::Number(*number),
            Self::Text(text) => Cell::Text(text),
        }
    }
}

impl From<Cell<'_>> for Owned {
    fn from(cell: Cell<'_>) -> Self {
        match cell {
            Cell::Number(number) => Self::Number(number),
            Cell::Text(text) => Self::Text(text.to_owned()),
        }
    }
}
