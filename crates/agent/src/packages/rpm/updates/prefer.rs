//! Which of several packages that would do is taken: by priority of the repository, then by architecture, then by version, and
//! what another one obsoletes steps back.
//! Source: libsolv's policy for choosing among candidates; held against zypper in `tests/rpm/random_zypper.rs`.

use std::collections::BTreeMap;

use domain::patch::version_rpm::compare;

use super::{Package, Pool};

impl Pool<'_> {
    /// Brings the preferred ones to the front and drops the others. Where several names are left, the first is taken for now.
    pub(super) fn prefer(&self, among: &mut Vec<usize>) {
        let steps: [fn(&Self, &mut Vec<usize>); 3] =
            [Self::of_best_priority, Self::of_best_architecture, Self::newest_of_each_name];
        for step in steps {
            if among.len() > 1 {
                step(self, among);
            }
        }
        self.in_order(among);
    }

    /// What is installed has no priority, and stays.
    fn of_best_priority(&self, among: &mut Vec<usize>) {
        let priority = |at: &usize| self.packages[*at].priority;
        let best = among.iter().filter_map(priority).min();
        among.retain(|at| priority(at).is_none() || priority(at) == best);
    }

    fn of_best_architecture(&self, among: &mut Vec<usize>) {
        let rank = |at: &usize| self.rules.architecture(self.packages[*at].arch);
        let best = among.iter().filter_map(rank).min();
        among.retain(|at| rank(at).is_none() || rank(at) == best);
    }

    /// One of each name, in the order of the names. Of equal versions the installed one counts, then the first offered.
    fn newest_of_each_name(&self, among: &mut Vec<usize>) {
        let mut by_name: BTreeMap<&str, usize> = BTreeMap::new();
        // What is installed stands before what is offered.
        among.sort_unstable();
        for &at in among.iter() {
            let best = by_name.entry(self.packages[at].name).or_insert(at);
            if compare(self.packages[*best].version, self.packages[at].version).is_lt() {
                *best = at;
            }
        }
        *among = by_name.into_values().collect();
        self.without_obsoleted(among);
    }

    /// Those that obsolete each other, in a circle too, do not step back for each other.
    fn without_obsoleted(&self, among: &mut Vec<usize>) {
        let count = among.len();
        let obsoletes = |left: usize, right: usize| {
            let (left, right) = (&self.packages[among[left]], &self.packages[among[right]]);
            left.name != right.name && left.obsoletes(right)
        };
        let mut reaches: Vec<Vec<bool>> =
            (0..count).map(|left| (0..count).map(|right| obsoletes(left, right)).collect()).collect();
        for by in 0..count {
            for from in 0..count {
                for to in 0..count {
                    reaches[from][to] |= reaches[from][by] && reaches[by][to];
                }
            }
        }
        let is_kept = |&at: &usize| (0..count).all(|other| !reaches[other][at] || reaches[at][other]);
        let kept: Vec<usize> = (0..count).filter(is_kept).map(|at| among[at]).collect();
        *among = kept;
    }

    /// What is installed first, then what is installed in another version, then what nothing outdoes.
    fn in_order(&self, among: &mut [usize]) {
        among.sort_by_key(|&at| {
            let package = &self.packages[at];
            let is_new = !self.is_installed_name(package.name);
            (!package.is_installed(), is_new, !package.is_installed() && self.is_outdone(at, package))
        });
    }

    /// Whether one of the same name and architecture is more preferred, as all that is installed is, or as preferred and newer.
    fn is_outdone(&self, at: usize, package: &Package<'_>) -> bool {
        let mut others = self.of_name(package.name).iter().filter(|&&other| other != at);
        others.any(|&other| {
            let other = &self.packages[other];
            let order = other.priority.cmp(&package.priority);
            let is_newer = || compare(other.version, package.version).is_gt();
            other.arch == package.arch && (order.is_lt() || (order.is_eq() && is_newer()))
        })
    }
}
