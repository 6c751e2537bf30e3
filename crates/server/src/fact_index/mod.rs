//! Which nodes have an affected version, without reading facts for each question: an index over distinct fact sets, and which
//! set each node has now. Built from the store at the first question, then followed by what changed since (`store::facts::changed`),
//! whichever server took it. What it finds is looked up in the store before it is shown.

mod postings;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use domain::advisory::Statement;
use domain::ids::{AccountId, NodeId, Region};
use store::facts::{self, Newest, Revision};
use store::{Hash, Scope, Store, StoreError};
use tokio::sync::Mutex;

use postings::Postings;

/// Fact sets per read.
const BATCH: usize = 256;
/// Up to so many affected sets their nodes are merged; with more, going through all nodes meets an affected one soon enough.
const MERGED_SETS: u64 = 200;
/// Sets that no node has any more are left in until there are as many as others, and these.
const SPARE_SETS: usize = 1000;

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
        // A store that was wiped in between begins with lower numbers again.
        if index.follow(store, scope).await? == Followed::Backwards {
            *index = FactIndex::default();
            index.follow(store, scope).await?;
        }
        if index.is_mostly_spare() {
            *index = FactIndex::default();
            index.follow(store, scope).await?;
        }
        Ok(index.affected(question, after, limit))
    }
}

#[derive(Debug, Default)]
struct FactIndex {
    /// How far each counter was followed.
    revisions: BTreeMap<i64, i64>,
    postings: Postings,
    numbers: HashMap<Hash, u32>,
    /// By number: the nodes that have the set now.
    sets: Vec<BTreeSet<NodeId>>,
    nodes: BTreeMap<NodeId, u32>,
    live: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Followed {
    Forwards,
    Backwards,
}

impl FactIndex {
    async fn follow(&mut self, store: &Store, scope: Scope<'_>) -> Result<Followed, StoreError> {
        let mut tx = store.read().await?;
        let now = facts::revisions(&mut tx, scope).await?;
        let known = |revision: &Revision| self.revisions.get(&revision.shard).copied().unwrap_or(0);
        if now.iter().any(|revision| revision.last < known(revision))
            || self.revisions.keys().any(|shard| !now.iter().any(|revision| revision.shard == *shard))
        {
            return Ok(Followed::Backwards);
        }
        let mut changed = Vec::new();
        for revision in now.iter().filter(|revision| revision.last > known(revision)) {
            let since = Revision { shard: revision.shard, last: known(revision) };
            changed.extend(facts::changed(&mut tx, scope, since).await?);
        }
        drop(tx);
        self.learn(store, scope, &changed).await?;
        changed.into_iter().for_each(|newest| self.place(newest));
        self.revisions.extend(now.iter().map(|revision| (revision.shard, revision.last)));
        Ok(Followed::Forwards)
    }

    /// Adds the sets that are new here, each once.
    async fn learn(&mut self, store: &Store, scope: Scope<'_>, changed: &[Newest]) -> Result<(), StoreError> {
        let hashes: BTreeSet<Hash> = changed.iter().map(|newest| newest.facts_hash).collect();
        let new: Vec<Hash> = hashes.into_iter().filter(|hash| !self.numbers.contains_key(hash)).collect();
        for batch in new.chunks(BATCH) {
            let mut tx = store.read().await?;
            for hash in batch {
                // Forgotten meanwhile: the node has another one now, which is among the next changes.
                let Some(set) = facts::load(&mut tx, scope, hash).await? else { continue };
                let number = u32::try_from(self.sets.len())
                    .map_err(|_| StoreError::Corrupt("more fact sets than are counted".into()))?;
                self.postings.add(number, &set);
                self.numbers.insert(*hash, number);
                self.sets.push(BTreeSet::new());
            }
            drop(tx);
            // The embedded engine answers without waiting: let others have the thread.
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    fn place(&mut self, newest: Newest) {
        let set = self.numbers.get(&newest.facts_hash).copied();
        let before = match set {
            Some(set) => self.nodes.insert(newest.node.clone(), set),
            None => self.nodes.remove(&newest.node),
        };
        if before == set {
            return;
        }
        if let Some(before) = before.and_then(|before| self.sets.get_mut(before as usize)) {
            before.remove(&newest.node);
            self.live -= usize::from(before.is_empty());
        }
        if let Some(after) = set.and_then(|set| self.sets.get_mut(set as usize)) {
            self.live += usize::from(after.is_empty());
            after.insert(newest.node);
        }
    }

    fn is_mostly_spare(&self) -> bool {
        self.sets.len() - self.live > self.live + SPARE_SETS
    }

    fn affected(&self, question: Question<'_>, after: Option<&str>, limit: usize) -> Vec<NodeId> {
        let statements = question.statements.iter().map(|(_, statement)| statement);
        let sets = self.postings.affected(statements, question.cve_id);
        let after: Option<NodeId> = after.and_then(|after| after.parse().ok());
        let from = after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
        if sets.len() > MERGED_SETS {
            let all = self.nodes.range::<NodeId, _>((from, Bound::Unbounded));
            return all
                .filter(|(_, set)| sets.contains(**set))
                .map(|(node, _)| node.clone())
                .take(limit)
                .collect();
        }
        let mut found: Vec<&NodeId> = Vec::new();
        for set in sets.iter().filter_map(|set| self.sets.get(set as usize)) {
            found.extend(set.range::<NodeId, _>((from, Bound::Unbounded)).take(limit));
        }
        found.sort_unstable();
        found.into_iter().take(limit).cloned().collect()
    }
}
