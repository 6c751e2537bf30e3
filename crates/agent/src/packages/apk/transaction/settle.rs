//! Which of the wanted versions can be had together: apk's own solver is asked, and what stands in the way of the others is
//! left out and named.

use std::collections::{BTreeMap, HashMap};

use domain::patch::transaction::{Change, ChangeReason, Limits, Plan, Refusal, Wanted};
use domain::patch::{Failure, FailureCode};

use super::super::super::tool::{Finished, Tool, ToolRun, failure};
use super::super::super::transaction::{SOLVER_LIMIT, Settled};
use super::super::node::Node;
use super::super::records::Record;
use super::installed::Apks;
use super::place::Place;
use super::{failures, problems};

/// What the solver is asked about.
pub struct Question<'a> {
    pub place: &'a Place,
    pub node: &'a Node,
    pub before: &'a Apks,
    /// Everything that repositories have, by name.
    pub offers: &'a HashMap<String, Vec<Record>>,
    pub limits: &'a Limits,
}

/// A wanted version, or one that should come back, and what apk is asked for: a constraint or a package file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub wanted: Wanted,
    pub argument: String,
}

pub fn settle(question: &Question<'_>, items: Vec<Item>, run: &mut ToolRun) -> Result<Settled, Failure> {
    let mut solver = Solver {
        question,
        run,
        held: BTreeMap::new(),
        barred: BTreeMap::new(),
        accepted: Vec::new(),
        plan: Plan::default(),
    };
    let (items, mut refused) = solver.without_held(items);
    if !items.is_empty() {
        solver.hold_what_would_move()?;
        let mut again = solver.take(items)?;
        if !again.is_empty() && !solver.accepted.is_empty() {
            // What failed before the others were accepted may go beside them.
            let items = again.into_iter().map(|(item, _)| item).collect();
            again = solver.take(items)?;
        }
        refused.extend(again.into_iter().map(|(item, failure)| Refusal { wanted: item.wanted, failure }));
    }
    let arguments = solver.arguments(&[]);
    let (accepted, mut plan) = (solver.accepted, solver.plan);
    plan.refused = refused;
    measure(question, &mut plan);
    let wanted = accepted.into_iter().map(|item| item.wanted).collect::<Vec<_>>();
    let arguments = if wanted.is_empty() { Vec::new() } else { arguments };
    Ok(Settled { plan, accepted: wanted, options: Vec::new(), arguments })
}

/// `name[@tag]=version`
pub fn constraint(node: &Node, before: &Apks, name: &str, version: &str) -> String {
    let tag =
        before.packages.get(name).and_then(|package| node.tag(package)).or_else(|| node.world.tag(name));
    match tag {
        Some(tag) => format!("{name}@{tag}={version}"),
        None => format!("{name}={version}"),
    }
}

struct Solver<'a> {
    question: &'a Question<'a>,
    run: &'a mut ToolRun,
    /// What any transaction would change by the way, and need not: constraints by name.
    held: BTreeMap<String, String>,
    /// What must neither come nor change: constraints by name.
    barred: BTreeMap<String, String>,
    accepted: Vec<Item>,
    /// Of everything accepted.
    plan: Plan,
}

impl Solver<'_> {
    /// Parts off what somebody holds at another version. apk would override that: a wish for a version takes the place of
    /// the one before.
    fn without_held(&self, items: Vec<Item>) -> (Vec<Item>, Vec<Refusal>) {
        let world = &self.question.node.world;
        let is_free = |item: &Item| world.admits(&item.wanted.name, &item.wanted.version);
        let (free, held): (Vec<_>, Vec<_>) = items.into_iter().partition(is_free);
        let refusal = |item: Item| {
            let own = world.entries.iter().filter(|entry| entry.name == item.wanted.name);
            let own: Vec<_> = own.map(|entry| format!("`{}`", entry.text)).collect();
            let detail = format!("apk's world (/etc/apk/world) wants {}", own.join(" and "));
            let failure = failure(FailureCode::Held, &item.wanted.name, detail);
            Refusal { wanted: item.wanted, failure }
        };
        (free, held.into_iter().map(refusal).collect())
    }

    /// apk brings the world into effect with whatever it does: what waits for that is not what was asked for.
    fn hold_what_would_move(&mut self) -> Result<(), Failure> {
        let finished = ask(self.question.place, &[], self.run)?;
        if !failures::went_well(&finished) {
            let words = match problems::in_words(&finished) {
                words if words.is_empty() => failures::summary(&finished).detail,
                words => words,
            };
            let detail = format!("apk's world (/etc/apk/world) cannot be had as it is: {words}");
            return Err(failure(FailureCode::UnmetDependency, "", detail));
        }
        for change in read_plan(&finished, self.question.before, &[]) {
            if let (Some(from), Some(_)) = (&change.from, &change.to) {
                let constraint = constraint(self.question.node, self.question.before, &change.name, from);
                self.held.insert(change.name, constraint);
            }
        }
        Ok(())
    }

    fn arguments(&self, more: &[Item]) -> Vec<String> {
        let asked: Vec<&Item> = self.accepted.iter().chain(more).collect();
        let is_free = |name: &&String| !asked.iter().any(|item| item.wanted.name == **name);
        let kept = self
            .held
            .iter()
            .chain(&self.barred)
            .filter(|(name, _)| is_free(name))
            .map(|(_, text)| text.clone());
        asked.iter().map(|item| item.argument.clone()).chain(kept).collect()
    }

    fn take(&mut self, mut left: Vec<Item>) -> Result<Vec<(Item, Failure)>, Failure> {
        let mut refused = Vec::new();
        while !left.is_empty() {
            let finished = ask(self.question.place, &self.arguments(&left), self.run)?;
            if failures::went_well(&finished) {
                let asked: Vec<&Item> = self.accepted.iter().chain(&left).collect();
                let changes = read_plan(&finished, self.question.before, &asked);
                if self.bar(&changes) {
                    continue;
                }
                self.plan = Plan { changes, ..Plan::default() };
                self.accepted.append(&mut left);
                break;
            }
            if self.let_go(&finished) {
                continue;
            }
            if let [item] = left.as_slice() {
                let failure = self.reason(&finished, item);
                refused.push((item.clone(), failure));
                break;
            }
            let second = left.split_off(left.len() / 2);
            refused.extend(self.take(left)?);
            left = second;
        }
        Ok(refused)
    }

    /// Bars what the baseline rejects and this plan would bring; whether there was anything new.
    fn bar(&mut self, changes: &[Change]) -> bool {
        let limits = self.question.limits;
        let is_rejected = |change: &&Change| change.to.is_some() && limits.entry_for(&change.name).is_some();
        let mut is_new = false;
        for change in changes.iter().filter(is_rejected) {
            let text = match &change.from {
                Some(version) => constraint(self.question.node, self.question.before, &change.name, version),
                None => format!("!{}", change.name),
            };
            is_new |= self.barred.insert(change.name.clone(), text).is_none();
        }
        is_new
    }

    /// What was held without need, and stands in the way now, may move; whether there was any.
    fn let_go(&mut self, finished: &Finished) -> bool {
        let problems = problems::read(finished);
        let wishes = problems.iter().flat_map(|problem| problem.breaks.iter().chain(&problem.satisfies));
        let in_the_way: Vec<String> = wishes
            .filter(|wish| wish.is_of_world())
            .filter_map(|wish| self.held.iter().find(|(_, text)| **text == wish.dependency))
            .map(|(name, _)| name.clone())
            .collect();
        in_the_way.iter().filter(|name| self.held.remove(*name).is_some()).count() > 0
    }

    fn reason(&self, finished: &Finished, item: &Item) -> Failure {
        let Wanted { name, version, .. } = &item.wanted;
        let problems = problems::read(finished);
        if problems.is_empty() {
            return failures::summary(finished);
        }
        let words = problems::in_words(finished);
        let of_world = |wish: &&problems::Wish| wish.is_of_world();
        for problem in &problems {
            let is_barred = |wish: &problems::Wish| self.barred.get(&problem.name) == Some(&wish.dependency);
            if problem.breaks.iter().chain(&problem.satisfies).filter(of_world).any(is_barred) {
                let entry = self.question.limits.entry_for(&problem.name).unwrap_or_default();
                let detail = format!("the baseline rejects {} (`{entry}`): {words}", problem.name);
                return failure(FailureCode::RejectedDependency, &problem.name, detail);
            }
        }
        let is_offered = self
            .question
            .offers
            .get(name)
            .is_some_and(|offers| offers.iter().any(|offer| offer.version == *version));
        let is_masked = problems.iter().any(|problem| problem.name == *name && problem.is_masked);
        if item.argument.contains('=') && (!is_offered || is_masked) {
            let detail = format!("no repository that {name} may come from has version {version}");
            return failure(FailureCode::VersionUnavailable, name, detail);
        }
        let unwelcome = problems.iter().find(|problem| {
            problem.name != *name
                && problem.breaks.iter().any(|wish| wish.dependency == format!("!{}", problem.name))
        });
        match unwelcome {
            Some(problem) => failure(FailureCode::WouldRemove, &problem.name, words),
            None => failure(FailureCode::UnmetDependency, name, words),
        }
    }
}

/// A simulation. An error is one that is in everybody's way.
fn ask(place: &Place, arguments: &[String], run: &mut ToolRun) -> Result<Finished, Failure> {
    let tool: Tool = place.add().arg("--simulate").args(arguments);
    let finished = run.run(&tool.at_most(SOLVER_LIMIT).quiet())?;
    let general = [FailureCode::NotPermitted, FailureCode::LockHeld, FailureCode::DatabaseBroken];
    let told = failures::read(&finished).into_iter().map(|told| told.failure);
    match told.into_iter().find(|failure| general.contains(&failure.code)) {
        Some(failure) if !failures::went_well(&finished) => Err(failure),
        _ => Ok(finished),
    }
}

/// `(1/3) Upgrading NAME[@TAG] (OLD -> NEW)`; the changes, sorted by name.
pub fn read_plan(finished: &Finished, before: &Apks, asked: &[&Item]) -> Vec<Change> {
    let mut changes: Vec<Change> =
        finished.out().filter_map(|line| read_change(line, before, asked)).collect();
    changes.sort_unstable();
    changes
}

fn read_change(line: &str, before: &Apks, asked: &[&Item]) -> Option<Change> {
    let (_, rest) = line.strip_prefix('(')?.split_once(") ")?;
    let (head, versions) = rest.strip_suffix(')')?.rsplit_once(" (")?;
    let (verb, name) = head.rsplit_once(' ')?;
    let name = name.split('@').next().unwrap_or(name).to_owned();
    let (old, new) = versions.split_once(" -> ").map_or((None, versions), |(old, new)| (Some(old), new));
    let (from, to) = match verb {
        "Installing" => (None, Some(new)),
        "Purging" => (Some(new), None),
        "Upgrading" | "Downgrading" => (Some(old?), Some(new)),
        // The same version of another build, files put right, another tag.
        _ => return None,
    };
    let known = before.packages.get(&name).map(|package| package.arch.clone());
    let wanted = asked.iter().find(|item| item.wanted.name == name);
    let arch = known.or_else(|| wanted.map(|item| item.wanted.arch.clone()));
    let own =
        || before.packages.values().map(|package| &package.arch).find(|arch| *arch != "noarch").cloned();
    Some(Change {
        arch: arch.or_else(own).unwrap_or_default(),
        from: from.map(str::to_owned),
        to: to.map(str::to_owned),
        reason: if wanted.is_some() { ChangeReason::Wanted } else { ChangeReason::Dependency },
        name,
    })
}

/// What the indexes say of the sizes of what comes.
fn measure(question: &Question<'_>, plan: &mut Plan) {
    let (mut download, mut growth) = (0u64, 0i64);
    let size = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
    for change in &plan.changes {
        let offers = question.offers.get(&change.name).into_iter().flatten();
        let new = change.to.as_ref().and_then(|to| offers.into_iter().find(|offer| offer.version == *to));
        let old = question.before.packages.get(&change.name).filter(|_| change.from.is_some());
        download = download.saturating_add(new.map_or(0, |new| new.size_bytes));
        growth = growth.saturating_add(new.map_or(0, |new| size(new.installed_bytes)));
        growth = growth.saturating_sub(old.map_or(0, |old| size(old.installed_bytes)));
    }
    (plan.download_bytes, plan.disk_bytes) = (Some(download), Some(growth));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_changes() {
        let check = |line: &str, expected: Option<(&str, Option<&str>, Option<&str>)>| {
            let change = read_change(line, &Apks::default(), &[]);
            let found = change
                .as_ref()
                .map(|change| (change.name.as_str(), change.from.as_deref(), change.to.as_deref()));
            assert_eq!(found, expected, "{line}");
        };
        check("(1/4) Upgrading tb-ssl (1.0-r0 -> 1.1-r0)", Some(("tb-ssl", Some("1.0-r0"), Some("1.1-r0"))));
        check(
            "( 2/14) Upgrading tb-edge@edge (1.0-r0 -> 2.0-r0)",
            Some(("tb-edge", Some("1.0-r0"), Some("2.0-r0"))),
        );
        check("(3/4) Installing tb-new (1.0-r0)", Some(("tb-new", None, Some("1.0-r0"))));
        check("(4/4) Purging tb-old (1.0-r0)", Some(("tb-old", Some("1.0-r0"), None)));
        check("(1/1) Downgrading a (2-r0 -> 1-r0)", Some(("a", Some("2-r0"), Some("1-r0"))));
        check("(1/1) Reinstalling a (2-r0)", None);
        check("(1/1) Replacing a (2-r0 -> 2-r0)", None);
        check("OK: 84 KiB in 21 packages", None);
        check("(", None);
    }
}
