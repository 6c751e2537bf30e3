//! The distinct fact sets by number, and the nodes that have each now. What the sets hold is `postings`'.

use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;

use domain::ids::NodeId;
use roaring::RoaringBitmap;
use store::{Hash, StoreError};

#[derive(Debug, Default)]
pub struct Sets {
    numbers: HashMap<Hash, u32>,
    /// By number.
    nodes: Vec<Nodes>,
    /// Numbers of forgotten sets, for new ones.
    free: Vec<u32>,
    live: usize,
}

/// Nodes that have the same facts. Most are alone with theirs, or one of very many.
#[derive(Debug, Default)]
pub enum Nodes {
    #[default]
    None,
    One(NodeId),
    /// Two or more.
    Many(BTreeSet<NodeId>),
}

static NOBODY: Nodes = Nodes::None;

impl Sets {
    pub fn number(&self, hash: &Hash) -> Option<u32> {
        self.numbers.get(hash).copied()
    }

    pub fn hashes(&self) -> impl Iterator<Item = (&Hash, u32)> {
        self.numbers.iter().map(|(hash, number)| (hash, *number))
    }

    /// The number of a set that has none yet.
    pub fn add(&mut self, hash: Hash) -> Result<u32, StoreError> {
        let number = match self.free.pop() {
            Some(number) => number,
            None => {
                let number = u32::try_from(self.nodes.len());
                self.nodes.push(Nodes::None);
                number.map_err(|_| StoreError::Corrupt("more fact sets than are counted".into()))?
            }
        };
        self.numbers.insert(hash, number);
        Ok(number)
    }

    pub fn nodes(&self, set: u32) -> &Nodes {
        self.nodes.get(set as usize).unwrap_or(&NOBODY)
    }

    pub fn insert(&mut self, set: u32, node: NodeId) {
        let Some(nodes) = self.nodes.get_mut(set as usize) else { return };
        self.live += usize::from(nodes.len() == 0);
        nodes.insert(node);
    }

    pub fn remove(&mut self, set: u32, node: &NodeId) {
        let Some(nodes) = self.nodes.get_mut(set as usize) else { return };
        let had = nodes.len();
        nodes.remove(node);
        self.live -= usize::from(had > 0 && nodes.len() == 0);
    }

    /// How many sets some node has.
    pub fn live(&self) -> usize {
        self.live
    }

    /// How many no node has any more.
    pub fn spare(&self) -> usize {
        self.numbers.len() - self.live
    }

    /// Forgets those, and says which are left.
    pub fn forget_spare(&mut self) -> RoaringBitmap {
        let Self { numbers, nodes, free, .. } = self;
        numbers.retain(|_, number| {
            let is_kept = nodes.get(*number as usize).is_some_and(|nodes| nodes.len() > 0);
            if !is_kept {
                free.push(*number);
            }
            is_kept
        });
        self.numbers.values().copied().collect()
    }
}

impl Nodes {
    pub fn len(&self) -> usize {
        match self {
            Self::None => 0,
            Self::One(_) => 1,
            Self::Many(nodes) => nodes.len(),
        }
    }

    /// In order, from a bound on.
    pub fn after(&self, from: Bound<&NodeId>) -> impl Iterator<Item = &NodeId> {
        let is_after = |node: &&NodeId| match from {
            Bound::Excluded(bound) => *node > bound,
            Bound::Included(bound) => *node >= bound,
            Bound::Unbounded => true,
        };
        let (one, many) = match self {
            Self::None => (None, None),
            Self::One(node) => (Some(node).filter(is_after), None),
            Self::Many(nodes) => (None, Some(nodes.range::<NodeId, _>((from, Bound::Unbounded)))),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }

    fn insert(&mut self, node: NodeId) {
        *self = match std::mem::take(self) {
            Self::None => Self::One(node),
            Self::One(other) => match other == node {
                true => Self::One(other),
                false => Self::Many(BTreeSet::from([other, node])),
            },
            Self::Many(mut nodes) => {
                nodes.insert(node);
                Self::Many(nodes)
            }
        };
    }

    fn remove(&mut self, node: &NodeId) {
        *self = match std::mem::take(self) {
            Self::One(other) if other != *node => Self::One(other),
            Self::None | Self::One(_) => Self::None,
            Self::Many(mut nodes) => {
                nodes.remove(node);
                match (nodes.len(), nodes.pop_first()) {
                    (1, Some(last)) => Self::One(last),
                    (_, Some(first)) => {
                        nodes.insert(first);
                        Self::Many(nodes)
                    }
                    (_, None) => Self::None,
                }
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(number: u8) -> NodeId {
        format!("mi-{number:017x}").parse().unwrap()
    }

    #[test]
    fn sets_that_nobody_has_give_their_numbers_away() {
        let mut sets = Sets::default();
        let numbers = [[1; 32], [2; 32]].map(|hash| sets.add(hash).unwrap());
        assert_eq!((numbers, sets.live(), sets.spare()), ([0, 1], 0, 2));
        sets.insert(0, node(1));
        sets.insert(1, node(2));
        assert_eq!((sets.live(), sets.spare()), (2, 0));
        sets.remove(0, &node(9));
        assert_eq!(sets.live(), 2, "it was not there");
        sets.remove(0, &node(1));
        assert_eq!((sets.live(), sets.spare(), sets.number(&[1; 32])), (1, 1, Some(0)));
        assert_eq!(sets.forget_spare().into_iter().collect::<Vec<_>>(), [1]);
        assert_eq!((sets.number(&[1; 32]), sets.spare()), (None, 0));
        assert_eq!((sets.add([3; 32]).unwrap(), sets.nodes(0).len()), (0, 0));
    }

    #[test]
    fn nodes_come_and_go_in_order() {
        let mut nodes = Nodes::default();
        let listed = |nodes: &Nodes, from: Bound<&NodeId>| nodes.after(from).cloned().collect::<Vec<_>>();
        for number in [3, 1, 1, 2] {
            nodes.insert(node(number));
        }
        assert_eq!(listed(&nodes, Bound::Unbounded), [1, 2, 3].map(node));
        assert_eq!(listed(&nodes, Bound::Excluded(&node(1))), [2, 3].map(node));
        nodes.remove(&node(3));
        nodes.remove(&node(7));
        assert_eq!(listed(&nodes, Bound::Unbounded), [1, 2].map(node));
        nodes.remove(&node(1));
        assert!(matches!(&nodes, Nodes::One(_)));
        assert_eq!(listed(&nodes, Bound::Included(&node(2))), [node(2)]);
        assert!(listed(&nodes, Bound::Excluded(&node(2))).is_empty());
        nodes.remove(&node(2));
        assert_eq!(nodes.len(), 0);
    }
}
