//! The packages that have to do with each other: decided one installed package after the other, in the order of rpm's database,
//! until all of them fit.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::Pool;
use super::search::{GROUND, Level, Literal, Search};

/// How often a solution is made smaller, so that an end is sure.
const MOST_IMPROVEMENTS: usize = 1000;

pub(super) struct Resolution<'p, 'a> {
    pool: &'p Pool<'a>,
    /// The packages concerned; a literal is a position here plus one.
    packages: Vec<usize>,
    numbers: HashMap<usize, Literal>,
    /// The installed ones.
    installed: Vec<Installed>,
    search: Search,
    /// Choices where packages of several names would have done.
    branches: Vec<Branch>,
    /// Where the next round over the installed packages begins.
    next: usize,
}

struct Installed {
    literal: Literal,
    /// What takes its place.
    candidates: Vec<Literal>,
    /// What comes beside it, if it is one of several.
    beside: Vec<Literal>,
}

struct Branch {
    /// Before the choice.
    level: Level,
    /// Not tried yet.
    others: Vec<Literal>,
}

impl<'p, 'a> Resolution<'p, 'a> {
    /// `concerned` are installed; `candidates` are those of every installed package.
    pub(super) fn of(pool: &'p Pool<'a>, concerned: &[usize], candidates: &[Vec<usize>]) -> Self {
        let mut packages: Vec<usize> = concerned.to_vec();
        packages.extend(concerned.iter().flat_map(|&at| &candidates[at]));
        packages.sort_unstable();
        packages.dedup();
        let numbers: HashMap<usize, Literal> = packages.iter().copied().zip(1..).collect();
        let mut search = Search::new(packages.len());
        for (left, right) in exclusions(pool, &numbers) {
            search.add(vec![-left, -right]);
        }
        let mut installed = Vec::with_capacity(concerned.len());
        for &at in concerned {
            let own = &pool.packages[at];
            let is_beside = |&&other: &&usize| {
                let other = &pool.packages[other];
                other.is_one_of_several
                    && other.name == own.name
                    && (other.version, other.arch) != (own.version, own.arch)
            };
            let literals = |chosen: &dyn Fn(&&usize) -> bool| -> Vec<Literal> {
                candidates[at].iter().filter(chosen).map(|other| numbers[other]).collect()
            };
            let (beside, candidates) = (literals(&is_beside), literals(&|other| !is_beside(other)));
            let literal = numbers[&at];
            search.add([&[literal][..], &candidates].concat());
            installed.push(Installed { literal, candidates, beside });
        }
        search.settle_ground();
        Self { pool, packages, numbers, installed, search, branches: Vec::new(), next: 0 }
    }

    pub(super) fn tell(mut self, taken: &mut HashSet<usize>, replaced: &mut HashMap<usize, usize>) {
        self.run();
        let is_taken = |&at: &usize| self.search.level_of(self.numbers[&at]) > 0;
        let new: HashSet<usize> =
            self.packages.iter().copied().filter(|&at| at >= self.pool.installed).filter(is_taken).collect();
        for installed in self.installed.iter().filter(|installed| self.search.level_of(installed.literal) < 0)
        {
            let own = self.package(installed.literal);
            let mut takers = installed.candidates.iter().map(|&literal| self.package(literal));
            let name = |at: usize| self.pool.packages[at].name;
            if let Some(by) = takers.find(|by| new.contains(by) && name(*by) != name(own)) {
                replaced.insert(own, by);
            }
        }
        taken.extend(new);
    }

    fn package(&self, literal: Literal) -> usize {
        self.packages[literal.unsigned_abs() as usize - 1]
    }

    fn run(&mut self) {
        self.rounds(GROUND);
        for _ in 0..MOST_IMPROVEMENTS {
            let Some(better) = self.smaller() else { return };
            self.rounds(better);
        }
    }

    fn rounds(&mut self, mut level: Level) {
        loop {
            let before = level;
            level = self.round(before);
            if level >= before {
                return;
            }
        }
    }

    /// Decides every installed package. A decision that clashes is turned round by what is learnt, and the round goes on.
    fn round(&mut self, start: Level) -> Level {
        let count = self.installed.len();
        let (mut level, mut at, mut left) = (start, self.next, count);
        while left > 0 {
            if let Some((among, keeps)) = self.choices(at) {
                let before = level;
                level = self.take(level, &among);
                if level <= before {
                    if level < start {
                        self.next = at;
                        return level;
                    }
                    if level < before {
                        left = count;
                    }
                    continue;
                }
                if !keeps {
                    continue;
                }
            }
            at = (at + 1) % count;
            left -= 1;
        }
        self.next = 0;
        level
    }

    /// What may be decided about an installed package now, and whether that settles it; `None` where nothing is open.
    fn choices(&self, at: usize) -> Option<(Vec<Literal>, bool)> {
        let installed = &self.installed[at];
        let level = self.search.level_of(installed.literal);
        if level > 0 && installed.beside.is_empty() {
            return None;
        }
        let is_open = |literal: &&Literal| self.search.level_of(**literal) == 0;
        if !installed.beside.is_empty() {
            let best = self.preferred(self.possible(installed)).first().copied();
            return match best.filter(|best| *best != installed.literal && is_open(&best)) {
                Some(best) => Some((vec![best], false)),
                None if level == 0 => Some((vec![installed.literal], true)),
                None => None,
            };
        }
        let all = || [&installed.literal].into_iter().chain(&installed.candidates);
        // An installed one of its name may stand for it, and excludes it not.
        if all().any(|literal| self.search.level_of(*literal) > 0) {
            return (level == 0).then(|| (vec![installed.literal], true));
        }
        let open: Vec<Literal> = all().filter(is_open).copied().collect();
        (!open.is_empty()).then(|| (self.preferred(open), false))
    }

    /// An installed package that is one of several, and what may come beside it. What is the same as an installed one counts for
    /// the priority of its repository, though it cannot come.
    fn possible(&self, installed: &Installed) -> Vec<Literal> {
        let all = || [&installed.literal].into_iter().chain(&installed.candidates).chain(&installed.beside);
        let is_possible = |literal: &&Literal| self.search.level_of(**literal) >= 0;
        let stays = |literal: Literal| self.pool.packages[self.package(literal)].is_installed();
        let identity = |literal: Literal| {
            let package = &self.pool.packages[self.package(literal)];
            (package.name, package.version, package.arch)
        };
        let staying: Vec<_> =
            all().filter(is_possible).filter(|&&literal| stays(literal)).map(|&own| identity(own)).collect();
        all()
            .filter(|literal| is_possible(literal) || staying.contains(&identity(**literal)))
            .copied()
            .collect()
    }

    fn preferred(&self, literals: Vec<Literal>) -> Vec<Literal> {
        let mut among: Vec<usize> = literals.iter().map(|&literal| self.package(literal)).collect();
        self.pool.prefer(&mut among);
        among.iter().map(|at| self.numbers[at]).collect()
    }

    fn take(&mut self, level: Level, among: &[Literal]) -> Level {
        let [first, others @ ..] = among else { return level };
        if !others.is_empty() {
            self.branches.push(Branch { level, others: others.to_vec() });
        }
        self.decide(level, *first)
    }

    fn decide(&mut self, level: Level, literal: Literal) -> Level {
        let reached = self.search.decide(level, literal);
        if reached <= level {
            self.branches.retain(|branch| branch.level < reached);
        }
        reached
    }

    /// Takes back the first choice in place of which something was taken later anyway, and takes that at once: less changes.
    fn smaller(&mut self) -> Option<Level> {
        let later = |branch: &Branch| {
            branch.others.iter().position(|&other| self.search.level_of(other) > branch.level)
        };
        let (at, which) =
            self.branches.iter().enumerate().find_map(|(at, branch)| Some((at, later(branch)?)))?;
        let branch = &mut self.branches[at];
        let (level, literal) = (branch.level, branch.others.remove(which));
        // The choice itself stays, for the others.
        self.branches.truncate(at + 1);
        self.search.take_back(level);
        Some(self.decide(level, literal))
    }
}

/// Every two packages that cannot both be installed.
fn exclusions(pool: &Pool<'_>, numbers: &HashMap<usize, Literal>) -> BTreeSet<(Literal, Literal)> {
    let mut found = BTreeSet::new();
    for (&at, &number) in numbers {
        let package = &pool.packages[at];
        let obsoleted = package.obsoletes.iter().map(|relation| relation.name.as_str());
        for &other in obsoleted.chain([package.name]).flat_map(|name| pool.of_name(name)) {
            if let Some(&other_number) = numbers.get(&other)
                && other != at
                && package.excludes(&pool.packages[other])
            {
                found.insert((number.min(other_number), number.max(other_number)));
            }
        }
    }
    found
}
