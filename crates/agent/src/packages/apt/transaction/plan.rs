//! Which of the wanted versions can be had together: apt's own solver is asked, and what stands in the way of the
//! others is left out and named. One question when nothing is in the way; else about two for each package that is.

use std::collections::{BTreeMap, BTreeSet};

use domain::baseline::names::entry_for_package;
use domain::patch::transaction::{Change, Limits, Refusal, Wanted};
use domain::patch::{Failure, FailureCode};

use super::super::super::tool::{ToolRun, failure};
use super::super::super::transaction::{Settled, Told};
use super::failures;
use super::installed::{Installed, Key};
use super::place::Place;
use super::simulation;

/// Rounds in which packages that failed alone are tried beside those that did not.
const SECOND_CHANCES: usize = 2;

const NO_RECOMMENDS: &str = "--no-install-recommends";

/// What is asked of the solver besides the packages.
#[derive(Clone, Debug, Default)]
pub struct Request<'a> {
    pub limits: Option<&'a Limits>,
    /// Options of `apt-get install`.
    pub options: Vec<&'static str>,
    /// Packages that may go; everything else must stay.
    pub may_go: BTreeSet<Key>,
}

/// What is to be said to apt for one wanted version.
pub struct Item {
    pub wanted: Wanted,
    pub argument: String,
    /// Other packages of the same source that have to move along.
    companions: Vec<String>,
}

impl Item {
    pub fn new(wanted: Wanted, argument: String) -> Self {
        Self { wanted, argument, companions: Vec::new() }
    }

    fn arguments(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.argument).chain(&self.companions)
    }
}

/// For an installation.
pub fn settle(
    place: &Place,
    before: &Installed,
    wanted: &[Wanted],
    limits: &Limits,
    run: &mut ToolRun,
) -> Result<Settled, Failure> {
    let request = Request { limits: Some(limits), ..Request::default() };
    let mut refused = Vec::new();
    let mut items = Vec::new();
    for wanted in wanted {
        let held = before.of(wanted).is_some_and(|package| package.held && package.version != wanted.version);
        if held {
            let detail = "it is on hold (apt-mark showhold)".to_owned();
            refused.push(Refusal {
                wanted: wanted.clone(),
                failure: failure(FailureCode::Held, &wanted.name, detail),
            });
        } else {
            let (name, arch) = before.key(&wanted.name, &wanted.arch);
            items.push(Item::new(wanted.clone(), format!("{name}:{arch}={}", wanted.version)));
        }
    }
    let mut settled = settle_items(place, before, items, &request, run)?;
    settled.plan.refused.append(&mut refused);
    settled.plan.refused.sort_by(|left, right| left.wanted.cmp(&right.wanted));
    Ok(settled)
}

/// Everything that can be had together.
pub fn settle_items(
    place: &Place,
    before: &Installed,
    items: Vec<Item>,
    request: &Request<'_>,
    run: &mut ToolRun,
) -> Result<Settled, Failure> {
    let mut by_source: BTreeMap<String, BTreeMap<String, Vec<Item>>> = BTreeMap::new();
    for item in items {
        let source = before.of(&item.wanted).map_or(&item.wanted.name, |package| &package.source).clone();
        by_source.entry(source).or_default().entry(item.wanted.name.clone()).or_default().push(item);
    }
    let groups = by_source.into_values().map(|names| names.into_values().collect()).collect();
    let mut solver = Solver {
        place,
        before,
        request,
        run,
        accepted: Vec::new(),
        changes: Vec::new(),
        options: request.options.clone(),
    };
    let mut refused = solver.take(groups)?;
    for _ in 0..SECOND_CHANCES {
        let (accepted, count) = (solver.accepted.len(), refused.len());
        if accepted == 0 || count == 0 {
            break;
        }
        let again = refused.drain(..).map(|(group, _)| group).collect();
        refused = solver.take(again)?;
        if refused.len() == count {
            break;
        }
    }
    let mut settled = Settled::default();
    for (group, failure) in refused {
        let items = group.into_iter().flatten();
        settled
            .plan
            .refused
            .extend(items.map(|item| Refusal { wanted: item.wanted, failure: failure.clone() }));
    }
    if solver.options != request.options
        && !solver.accepted.is_empty()
        && let Ok(changes) = solver.ask(&[])?
    {
        solver.changes = changes;
    }
    settled.plan.changes = std::mem::take(&mut solver.changes);
    settled.options = solver.options.iter().map(|&option| option.to_owned()).collect();
    for item in solver.accepted.drain(..) {
        settled.arguments.extend(item.arguments().cloned());
        settled.accepted.push(item.wanted);
    }
    if !settled.arguments.is_empty() {
        let sizes = sizes(place, &settled, run)?;
        (settled.plan.download_bytes, settled.plan.disk_bytes) = (sizes.download_bytes, sizes.disk_bytes);
    }
    Ok(settled)
}

/// The packages of one source, by name; a name's architectures are never parted.
type Group = Vec<Vec<Item>>;

struct Solver<'a, 'b> {
    place: &'a Place,
    before: &'a Installed,
    request: &'a Request<'b>,
    run: &'a mut ToolRun,
    accepted: Vec<Item>,
    /// Of everything accepted.
    changes: Vec<Change>,
    options: Vec<&'static str>,
}

impl Solver<'_, '_> {
    /// Accepts what fits beside what is accepted already; gives back the rest with the reasons.
    fn take(&mut self, mut groups: Vec<Group>) -> Result<Vec<(Group, Failure)>, Failure> {
        let mut refused = Vec::new();
        while !groups.is_empty() {
            let told = match self.ask(&groups)? {
                Ok(changes) => {
                    self.changes = changes;
                    self.accepted.extend(groups.into_iter().flatten().flatten());
                    break;
                }
                Err(told) => told,
            };
            if named_out(&mut groups, &told, &mut refused) || self.without_recommended(&told) {
                continue;
            }
            if groups.len() == 1 && self.take_along(&mut groups[0], &told) {
                continue;
            }
            if groups.len() > 1 {
                let second = groups.split_off(groups.len() / 2);
                refused.extend(self.take(groups)?);
                groups = second;
                continue;
            }
            let mut group = groups.remove(0);
            if group.len() > 1 {
                let second = group.split_off(group.len() / 2);
                refused.extend(self.take(vec![group])?);
                groups = vec![second];
                continue;
            }
            let failure = told.into_iter().next().map(|told| told.failure);
            refused.push((group, failure.expect("a refusal is never without a reason")));
        }
        Ok(refused)
    }

    /// A rejected package may come only because others recommend it. From then on nothing comes for that reason:
    /// whether this was in the way is seen by asking again. False when it was tried already.
    fn without_recommended(&mut self, told: &[Told]) -> bool {
        let rejected = told.iter().any(|told| told.failure.code == FailureCode::RejectedDependency);
        let untried = !self.options.contains(&NO_RECOMMENDS);
        if rejected && untried {
            self.options.push(NO_RECOMMENDS);
        }
        rejected && untried
    }

    /// Packages that would be removed because they need the old version exactly, and come from the same source as what is
    /// wanted: they move along to the same version, as they were built to. False when there are none, or it was tried.
    fn take_along(&self, group: &mut Group, told: &[Told]) -> bool {
        let mut found = false;
        let Some(item) = group.iter_mut().flatten().next() else { return false };
        let Some(of_source) = self.before.of(&item.wanted) else { return false };
        for told in told.iter().filter(|told| told.failure.code == FailureCode::WouldRemove) {
            let Some(key) = told.package.as_deref().map(|package| self.before.key_of_text(package)) else {
                continue;
            };
            let Some(package) = self.before.packages.get(&key) else { continue };
            let argument = format!("{}:{}={}", key.0, key.1, item.wanted.version);
            let sibling = package.source == of_source.source && package.version == of_source.version;
            if sibling && !package.held && !item.companions.contains(&argument) {
                item.companions.push(argument);
                found = true;
            }
        }
        found
    }

    /// The changes it would take, or what is in the way, never nothing.
    fn ask(&mut self, groups: &[Group]) -> Result<Result<Vec<Change>, Vec<Told>>, Failure> {
        let new: Vec<_> = groups.iter().flatten().flatten().collect();
        let all: Vec<_> = self.accepted.iter().chain(new.iter().copied()).collect();
        let arguments = all.iter().flat_map(|item| item.arguments());
        let tool = self.place.simulate().args(&self.options).arg("install").args(arguments);
        let finished = self.run.run(&tool)?;
        if !finished.is_whole {
            let detail = "the simulation printed more than is kept".to_owned();
            return Err(failure(FailureCode::ToolFailed, &finished.program, detail));
        }
        if !finished.succeeded() {
            let mut told = failures::read(&finished);
            if told.is_empty() {
                told.push(Told { failure: finished.plain_failure(), package: None, came_half_done: None });
            }
            let fatal = [FailureCode::DatabaseBroken, FailureCode::NotPermitted, FailureCode::OutOfMemory];
            return match told.iter().find(|told| fatal.contains(&told.failure.code)) {
                Some(told) => Err(told.failure.clone()),
                None => Ok(Err(told)),
            };
        }
        let wanted: Vec<_> = all.iter().map(|item| item.wanted.clone()).collect();
        let changes = simulation::changes(&finished, self.before, &wanted);
        let objections = self.objections(&changes);
        Ok(if objections.is_empty() { Ok(changes) } else { Err(objections) })
    }

    fn objections(&self, changes: &[Change]) -> Vec<Told> {
        let blocked = self.request.limits.map(|limits| limits.blocked.as_slice()).unwrap_or_default();
        let objection = |change: &Change| {
            let key = self.before.key(&change.name, &change.arch);
            let version = change.to.as_deref().unwrap_or("nothing");
            let (code, detail) = match entry_for_package(blocked, &change.name) {
                Some(entry) => {
                    let name = &change.name;
                    let detail = format!("needs {name} {version}, which the baseline rejects (`{entry}`)");
                    (FailureCode::RejectedDependency, detail)
                }
                None if change.to.is_none() && !self.request.may_go.contains(&key) => {
                    (FailureCode::WouldRemove, format!("{} would be removed", change.name))
                }
                None => return None,
            };
            let package = Some(format!("{}:{}", key.0, key.1));
            Some(Told { failure: failure(code, &change.name, detail), package, came_half_done: None })
        };
        changes.iter().filter_map(objection).collect()
    }
}

/// Leaves out what the tool named itself; whether that was anything.
fn named_out(groups: &mut Vec<Group>, told: &[Told], refused: &mut Vec<(Group, Failure)>) -> bool {
    let certain = [FailureCode::VersionUnavailable, FailureCode::Held];
    let mut found = false;
    for told in told.iter().filter(|told| certain.contains(&told.failure.code)) {
        let Some(package) = &told.package else { continue };
        let name = package.split(':').next().unwrap_or(package);
        for group in groups.iter_mut() {
            if let Some(at) = group.iter().position(|items| items[0].wanted.name == name) {
                refused.push((vec![group.remove(at)], told.failure.clone()));
                found = true;
            }
        }
    }
    groups.retain(|group| !group.is_empty());
    found
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    pub download_bytes: Option<u64>,
    pub disk_bytes: Option<i64>,
}

fn sizes(place: &Place, settled: &Settled, run: &mut ToolRun) -> Result<Sizes, Failure> {
    let finished = run.run(&settled.complete(place.print_uris(), "install"))?;
    if !finished.succeeded() {
        return Err(failures::summary(&finished));
    }
    Ok(read_sizes(finished.out()))
}

/// `'URI' FILE SIZE HASH` for each file to fetch, and one line about the disk.
pub fn read_sizes<'a>(lines: impl Iterator<Item = &'a str>) -> Sizes {
    let mut sizes = Sizes { download_bytes: Some(0), disk_bytes: None };
    for line in lines {
        if line.starts_with('\'') {
            let size = line.rsplit("' ").next().and_then(|rest| rest.split(' ').nth(1)?.parse::<u64>().ok());
            sizes.download_bytes =
                sizes.download_bytes.zip(size).and_then(|(sum, size)| sum.checked_add(size));
        } else if let Some(rest) = line.strip_prefix("After this operation, ") {
            let sign = if rest.contains("freed") { -1 } else { 1 };
            sizes.disk_bytes = human_bytes(rest).and_then(|bytes| bytes.checked_mul(sign));
        }
    }
    sizes
}

/// `41.3 kB of …`: apt counts in thousands.
fn human_bytes(text: &str) -> Option<i64> {
    let mut words = text.split(' ');
    let number: f64 = words.next()?.replace(',', "").parse().ok()?;
    let factor = match words.next()? {
        "B" => 1.0,
        "kB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        "TB" => 1e12,
        _ => return None,
    };
    Some((number * factor) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_sizes() {
        let text = "Need to get 0 B/41.3 kB of archives.\nAfter this operation, 16.4 kB disk space will be freed.\n\
                    'file:/r/a_1.deb' a_1_amd64.deb 20672 MD5Sum:00\n'http://r/b%20c.deb' b_1_all.deb 8 SHA256:00\n";
        let expected = Sizes { download_bytes: Some(20680), disk_bytes: Some(-16400) };
        assert_eq!(read_sizes(text.lines()), expected);
        let text = "After this operation, 1,234 MB of additional disk space will be used.\n'x' y z w\n";
        let expected = Sizes { download_bytes: None, disk_bytes: Some(1_234_000_000) };
        assert_eq!(read_sizes(text.lines()), expected);
        // Sums that no machine has are not known.
        let text = "After this operation, -1e30 MB disk space will be freed.\n'x' y 18446744073709551615 z\n'x' y 1 z\n";
        assert_eq!(read_sizes(text.lines()), Sizes::default());
    }
}
