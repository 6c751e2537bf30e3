//! Which nodes have an affected version, and which share their facts, without reading facts for each question: an index over distinct fact sets, and which
//! set each node has now. Built from the store at the first question, then followed by what changed since (`store::facts::changed`),
//! whichever server took it. What it finds is looked up in the store before it is shown.

mod postings;
mod sets;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Bound;

use domain::advisory::Statement;
use domain::ids::{AccountId, NodeId, Region};
use store::facts::{self, Newest, Revision};
use store::{Hash, Scope, Store, StoreError, strings};
use tokio::sync::Mutex;

use postings::{Postings, Texts};
use sets::Sets;

/// Changes per read, so that a large fleet is not in memory twice while the index is made.
const PAGE: usize = 2048;
/// Fact sets per read.
const BATCH: usize = 256;
/// Up to so many affected nodes are gathered and sorted; with more, going through all nodes meets affected ones soon enough.
const GATHERED_NODES: usize = 4096;
/// Sets that no node has any more are left in until there are so many, and a quarter of what the others are.
const SPARE_SETS: usize = 1000;
/// Nodes that are managed no more leave no change behind. After so many changes, and a quarter of the nodes, they are looked for.
const SPARE_NODES: usize = 1000;

/// One index per account and region, made when it is first asked.
#[derive(Debug, Default)]
pub struct FactIndexes(Mutex<HashMap<(AccountId, Region), FactIndex>>);

/// What is looked for.
#[derive(Clone, Copy, Debug)]
pub struct Question<'q> {
    pub statements: &'q [(i64, Statement)],
    /// Where the nodes' own repositories are asked too.
    pub cve_id: Option<&'q str>,
}

impl FactIndexes {
    /// The first `limit` affected nodes after `after`, by id. Opens transactions of its own: the caller holds none.
    /// One question at a time, since each follows the store first; that costs what has changed.
    pub async fn affected(
        &self,
        store: &Store,
        scope: Scope<'_>,
        question: Question<'_>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<NodeId>, StoreError> {
        let mut indexes = self.0.lock().await;
        let index = indexes.entry((scope.0.clone(), scope.1.clone())).or_default();
        index.catch_up(store, scope).await?;
        Ok(index.affected(question, after, limit))
    }

    /// The distinct fact sets of these nodes, each with the places of its nodes in the list; nodes without facts have none.
    /// As above, opens transactions of its own.
    pub async fn sets_of(
        &self,
        store: &Store,
        scope: Scope<'_>,
        nodes: &[&NodeId],
    ) -> Result<Vec<(Hash, Vec<usize>)>, StoreError> {
        let mut indexes = self.0.lock().await;
        let index = indexes.entry((scope.0.clone(), scope.1.clone())).or_default();
        index.catch_up(store, scope).await?;
        Ok(index.sets_of(nodes))
    }
}

#[derive(Debug, Default)]
struct FactIndex {
    /// How far each counter was followed.
    revisions: BTreeMap<i64, i64>,
    postings: Postings,
    sets: Sets,
    nodes: BTreeMap<NodeId, u32>,
    /// Since nodes that are gone were looked for.
    changes: usize,
}

/// Changes that were read, and how far their counters are followed with them.
#[derive(Debug, Default)]
struct Read {
    changed: Vec<Newest>,
    reached: Vec<Revision>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Followed {
    Forwards,
    Backwards,
}

impl FactIndex {
    async fn catch_up(&mut self, store: &Store, scope: Scope<'_>) -> Result<(), StoreError> {
        // A store that was wiped in between begins with lower numbers again.
        if self.follow(store, scope).await? == Followed::Backwards {
            *self = Self::default();
            self.follow(store, scope).await?;
        }
        self.forget_gone(store, scope).await?;
        self.forget_spare();
        Ok(())
    }

    fn sets_of(&self, nodes: &[&NodeId]) -> Vec<(Hash, Vec<usize>)> {
        let mut by_set: HashMap<u32, Vec<usize>> = HashMap::new();
        for (place, node) in nodes.iter().enumerate() {
            if let Some(set) = self.nodes.get(*node) {
                by_set.entry(*set).or_default().push(place);
            }
        }
        let hashes = self.sets.hashes().filter_map(|(hash, set)| Some((*hash, by_set.remove(&set)?)));
        hashes.collect()
    }

    async fn follow(&mut self, store: &Store, scope: Scope<'_>) -> Result<Followed, StoreError> {
        let mut tx = store.read().await?;
        let now = facts::revisions(&mut tx, scope).await?;
        let known = |revision: &Revision| self.revisions.get(&revision.shard).copied().unwrap_or(0);
        if now.iter().any(|revision| revision.last < known(revision))
            || self.revisions.keys().any(|shard| !now.iter().any(|revision| revision.shard == *shard))
        {
            return Ok(Followed::Backwards);
        }
        let behind: Vec<_> = now.iter().map(|now| (*now, known(now))).collect();
        drop(tx);
        // What is read for the first time has nobody who is gone.
        let counted = usize::from(!self.revisions.is_empty());
        let mut read = Read::default();
        for (now, known) in behind {
            let mut since = Revision { last: known, ..now };
            while since.last < now.last {
                let page = facts::changed(&mut store.read_each().await?, scope, since, PAGE).await?;
                let last = page.last().map_or(0, |change| change.revision);
                // Behind the last page nothing is left up to the number that the counter had.
                since.last = if page.len() < PAGE { last.max(now.last) } else { last };
                self.changes += counted * page.len();
                read.changed.extend(page.into_iter().map(|change| change.newest));
                read.reached.push(since);
                if read.changed.len() >= PAGE {
                    self.take(store, scope, std::mem::take(&mut read)).await?;
                }
            }
        }
        self.take(store, scope, read).await?;
        Ok(Followed::Forwards)
    }

    async fn take(&mut self, store: &Store, scope: Scope<'_>, read: Read) -> Result<(), StoreError> {
        self.learn(store, scope, &read.changed).await?;
        read.changed.into_iter().for_each(|newest| self.place(newest));
        self.revisions.extend(read.reached.iter().map(|reached| (reached.shard, reached.last)));
        Ok(())
    }

    /// Adds the sets that are new here, each once.
    async fn learn(&mut self, store: &Store, scope: Scope<'_>, changed: &[Newest]) -> Result<(), StoreError> {
        let hashes: BTreeSet<Hash> = changed.iter().map(|newest| newest.facts_hash).collect();
        let new: Vec<Hash> = hashes.into_iter().filter(|hash| self.sets.number(hash).is_none()).collect();
        for batch in new.chunks(BATCH) {
            let mut tx = store.read().await?;
            // One that was forgotten meanwhile is left out: the node has another now, which is among the next changes.
            let outlines = facts::outlines(&mut tx, scope, batch).await?;
            let mut wanted = HashSet::new();
            outlines.iter().for_each(|(_, outline)| self.postings.want(outline, &mut wanted));
            let wanted: Vec<i64> = wanted.into_iter().collect();
            let texts = strings::resolve(&mut tx, scope, &wanted).await?;
            let texts: Texts = wanted.into_iter().zip(texts).collect();
            drop(tx);
            for (hash, outline) in &outlines {
                let number = self.sets.add(*hash)?;
                self.postings.add(number, outline, &texts);
            }
            // The embedded engine answers without waiting: let others have the thread.
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    fn place(&mut self, newest: Newest) {
        let set = self.sets.number(&newest.facts_hash);
        let before = match set {
            Some(set) => self.nodes.insert(newest.node.clone(), set),
            None => self.nodes.remove(&newest.node),
        };
        if before == set {
            return;
        }
        if let Some(before) = before {
            self.sets.remove(before, &newest.node);
        }
        if let Some(after) = set {
            self.sets.insert(after, newest.node);
        }
    }

    /// Nodes that the store has not any more, once there may be many.
    async fn forget_gone(&mut self, store: &Store, scope: Scope<'_>) -> Result<(), StoreError> {
        if self.changes <= self.nodes.len() / 4 + SPARE_NODES {
            return Ok(());
        }
        let there = facts::nodes(&mut store.read_each().await?, scope).await?;
        let gone: Vec<NodeId> =
            self.nodes.keys().filter(|node| there.binary_search(node).is_err()).cloned().collect();
        for node in gone {
            if let Some(set) = self.nodes.remove(&node) {
                self.sets.remove(set, &node);
            }
        }
        self.changes = 0;
        Ok(())
    }

    /// Sets that no node has, once they are many.
    fn forget_spare(&mut self) {
        if self.sets.spare() > self.sets.live() / 4 + SPARE_SETS {
            let live = self.sets.forget_spare();
            self.postings.keep(&live);
        }
    }

    fn affected(&self, question: Question<'_>, after: Option<&str>, limit: usize) -> Vec<NodeId> {
        let statements = question.statements.iter().map(|(_, statement)| statement);
        let sets = self.postings.affected(statements, question.cve_id);
        let after: Option<NodeId> = after.and_then(|after| after.parse().ok());
        let from = after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
        let mut number_of_nodes = 0;
        let is_few = sets.iter().all(|set| {
            number_of_nodes += self.sets.nodes(set).len();
            number_of_nodes <= GATHERED_NODES
        });
        if !is_few {
            let all = self.nodes.range::<NodeId, _>((from, Bound::Unbounded));
            return all
                .filter(|(_, set)| sets.contains(**set))
                .map(|(node, _)| node.clone())
                .take(limit)
                .collect();
        }
        let mut found: Vec<&NodeId> = sets.iter().flat_map(|set| self.sets.nodes(set).after(from)).collect();
        // Of thousands a page is wanted: only that is put in order.
        if let Some(last) = limit.checked_sub(1).filter(|last| *last < found.len()) {
            found.select_nth_unstable(last);
        }
        found.truncate(limit);
        found.sort_unstable();
        found.into_iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests;
