//! A search for packages that can be installed together: decisions, what follows from them, and what is learnt where they clash.
//! Which decision comes next is `resolve`'s. Small on purpose: only clauses, no preferences.
//! Source: conflict-driven clause learning as in the literature on SAT solvers, in the order in which libsolv goes about it.

/// A package by its number, counted from one: positive to have it, negative to be without.
pub type Literal = i32;
pub type Level = i32;

/// Where the decisions begin: what holds whatever is decided stands below.
pub const GROUND: Level = 1;

#[derive(Debug, Default)]
pub struct Search {
    /// Of each at least one literal must hold.
    clauses: Vec<Vec<Literal>>,
    /// From a literal to the clauses that have it: those learnt last come first.
    occurrences: Vec<Vec<usize>>,
    /// Of each package the level at which it was taken, negative if it was left out, zero while it is open.
    levels: Vec<Level>,
    /// What was settled, in that order, and the clause that made it so; `None` for decisions.
    trail: Vec<(Literal, Option<usize>)>,
    /// How much of the trail has been followed up.
    followed: usize,
}

impl Search {
    pub fn new(packages: usize) -> Self {
        Self {
            occurrences: vec![Vec::new(); 2 * (packages + 1)],
            levels: vec![0; packages + 1],
            ..Self::default()
        }
    }

    pub fn add(&mut self, clause: Vec<Literal>) {
        let number = self.clauses.len();
        clause.iter().for_each(|&literal| self.occurrences[code(literal)].push(number));
        self.clauses.push(clause);
    }

    /// The level at which the package was taken, negative if it was left out, zero if it is open.
    pub fn level_of(&self, package: Literal) -> Level {
        self.levels[package.unsigned_abs() as usize]
    }

    fn is_true(&self, literal: Literal) -> bool {
        self.level_of(literal).signum() == literal.signum()
    }

    fn is_false(&self, literal: Literal) -> bool {
        self.level_of(literal).signum() == -literal.signum()
    }

    /// Takes what single literals demand. The system as it is satisfies every clause, so nothing clashes here.
    pub fn settle_ground(&mut self) {
        for number in 0..self.clauses.len() {
            if let [literal] = self.clauses[number][..]
                && self.level_of(literal) == 0
            {
                self.set(literal, GROUND, Some(number));
            }
        }
        self.follow(GROUND);
    }

    /// Decides a literal above `level`, and answers the level reached: not above `level` if the decision had to be taken back.
    pub fn decide(&mut self, level: Level, literal: Literal) -> Level {
        let mut level = level + 1;
        self.set(literal, level, None);
        while let Some(clash) = self.follow(level) {
            if level <= GROUND {
                return GROUND;
            }
            let (clause, back) = self.learn(level, clash);
            level = back;
            self.take_back(level);
            let (literal, number) = (clause[0], self.clauses.len());
            clause.iter().for_each(|&literal| self.occurrences[code(literal)].insert(0, number));
            self.clauses.push(clause);
            self.set(literal, level, Some(number));
        }
        level
    }

    /// Opens again whatever was settled above `level`.
    pub fn take_back(&mut self, level: Level) {
        while let Some(&(literal, _)) = self.trail.last() {
            if self.level_of(literal).abs() <= level {
                break;
            }
            self.levels[literal.unsigned_abs() as usize] = 0;
            self.trail.pop();
        }
        self.followed = self.followed.min(self.trail.len());
    }

    fn set(&mut self, literal: Literal, level: Level, why: Option<usize>) {
        self.levels[literal.unsigned_abs() as usize] = level * literal.signum();
        self.trail.push((literal, why));
    }

    /// Settles what follows from the trail. Answers a clause that cannot hold any more.
    fn follow(&mut self, level: Level) -> Option<usize> {
        while let Some(&(literal, _)) = self.trail.get(self.followed) {
            self.followed += 1;
            for at in 0..self.occurrences[code(-literal)].len() {
                let number = self.occurrences[code(-literal)][at];
                let clause = &self.clauses[number];
                if clause.iter().any(|&literal| self.is_true(literal)) {
                    continue;
                }
                let mut open = clause.iter().filter(|&&literal| !self.is_false(literal));
                match (open.next(), open.next()) {
                    (None, _) => return Some(number),
                    (Some(&only), None) => self.set(only, level, Some(number)),
                    _ => {}
                }
            }
        }
        None
    }

    /// The clause that would have kept us from this clash, its first literal the one to turn round, and the level at which
    /// that follows.
    fn learn(&self, level: Level, clash: usize) -> (Vec<Literal>, Level) {
        let mut seen = vec![false; self.levels.len()];
        let (mut others, mut back, mut pending) = (Vec::new(), GROUND, 0usize);
        let mut trail = self.trail.iter().rev();
        let mut clause = clash;
        loop {
            for &literal in self.clauses[clause].iter().filter(|&&literal| !self.is_true(literal)) {
                let number = literal.unsigned_abs() as usize;
                if std::mem::replace(&mut seen[number], true) {
                    continue;
                }
                match self.level_of(literal).abs() {
                    GROUND => {}
                    decided if decided == level => pending += 1,
                    decided => {
                        others.push(literal);
                        back = back.max(decided);
                    }
                }
            }
            let &(literal, why) = trail
                .find(|(literal, _)| std::mem::take(&mut seen[literal.unsigned_abs() as usize]))
                .expect("what clashes at a level was in part settled there, and stands on the trail");
            pending -= 1;
            match why {
                Some(number) if pending > 0 => clause = number,
                _ => {
                    others.insert(0, -literal);
                    return (others, back);
                }
            }
        }
    }
}

fn code(literal: Literal) -> usize {
    2 * literal.unsigned_abs() as usize + usize::from(literal < 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn learns_from_clashes() {
        let mut search = Search::new(4);
        // 1 takes 2 and 3, which exclude each other.
        for clause in [vec![-1, 2], vec![-1, 3], vec![-2, -3], vec![4]] {
            search.add(clause);
        }
        search.settle_ground();
        assert!(search.level_of(4) > 0);
        assert_eq!(search.decide(GROUND, 1), GROUND);
        assert!(search.level_of(1) < 0 && search.level_of(2) == 0);
    }

    proptest! {
        /// Deciding one package after the other ends with every clause satisfied, if it was so with all left out.
        #[test]
        fn what_it_ends_with_satisfies_all(
            clauses in prop::collection::vec((1..9i32, prop::collection::btree_set((1..9i32, any::<bool>()), 0..4)), 0..24),
        ) {
            let mut search = Search::new(8);
            let clauses: Vec<Vec<Literal>> = clauses
                .into_iter()
                .map(|(first, rest)| {
                    let rest = rest.into_iter().filter(|(other, _)| *other != first);
                    [-first].into_iter().chain(rest.map(|(other, taken)| if taken { other } else { -other })).collect()
                })
                .filter(|clause: &Vec<Literal>| {
                    // Neither a package twice, nor one both ways.
                    let mut packages: Vec<_> = clause.iter().map(|literal| literal.abs()).collect();
                    packages.sort_unstable();
                    packages.dedup();
                    packages.len() == clause.len()
                })
                .collect();
            clauses.iter().for_each(|clause| search.add(clause.clone()));
            search.settle_ground();
            let mut level = GROUND;
            while let Some(open) = (1..9).find(|&package| search.level_of(package) == 0) {
                level = search.decide(level, open);
            }
            for clause in clauses {
                prop_assert!(clause.iter().any(|&literal| search.is_true(literal)), "{:?}", clause);
            }
        }
    }
}
