//! All nodes of a fleet, by id, in pieces that are shared between the picture that somebody reads and its successor: what
//! changes costs the pieces that it is in. Pure.

use std::sync::Arc;
use std::time::Duration;

use api::Timestamp;
use domain::ids::NodeId;
use store::fleet::FleetNode;
use tokio::time::Instant;

/// Nodes in a piece, where it is not a test that needs several.
pub const PIECE: usize = 1024;
const AGE_BY_COST: u32 = 4;

/// What is shown is never older than `as_of`, and in part newer.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// None is empty.
    pieces: Vec<Arc<Vec<FleetNode>>>,
    /// Nodes in a piece at most.
    pub piece: usize,
    pub as_of: Timestamp,
    /// When all of it was read, and how long that took.
    pub read_at: Instant,
    pub took: Duration,
}

impl Fleet {
    /// Of nothing yet.
    pub fn begun(as_of: Timestamp, piece: usize) -> Self {
        Self { pieces: vec![], piece, as_of, read_at: Instant::now(), took: Duration::ZERO }
    }

    /// It may be so many times as old as it took: reading takes a fifth of a processor at most.
    pub fn is_aged(&self) -> bool {
        self.read_at.elapsed() > self.took * AGE_BY_COST
    }

    pub fn nodes(&self) -> impl Iterator<Item = &FleetNode> {
        self.pieces.iter().flat_map(|piece| piece.iter())
    }

    pub fn count(&self) -> usize {
        self.pieces.iter().map(|piece| piece.len()).sum()
    }

    /// Puts `nodes`, by id, in the place of all that are behind `after` and not behind `until`; without these, from the first
    /// and to the last.
    pub fn replace(&mut self, after: Option<&NodeId>, until: Option<&NodeId>, nodes: Vec<FleetNode>) {
        let is_before = |node: &FleetNode| after.is_some_and(|after| node.id <= *after);
        let is_behind = |node: &FleetNode| until.is_some_and(|until| node.id > *until);
        let begin = self.pieces.partition_point(|piece| piece.last().is_some_and(is_before));
        let end = self.pieces.partition_point(|piece| !piece.first().is_some_and(is_behind)).max(begin);
        let kept = |piece: Option<&Arc<Vec<FleetNode>>>, is_kept: &dyn Fn(&FleetNode) -> bool| {
            let nodes = piece.into_iter().flat_map(|piece| piece.iter());
            nodes.filter(|node| is_kept(node)).cloned().collect::<Vec<_>>()
        };
        let touched = &self.pieces[begin..end];
        let (left, right) = (kept(touched.first(), &is_before), kept(touched.last(), &is_behind));
        let mut rest = left.into_iter().chain(nodes).chain(right).peekable();
        let mut pieces = vec![];
        while rest.peek().is_some() {
            let mut piece: Vec<FleetNode> = rest.by_ref().take(self.piece).collect();
            piece.shrink_to_fit();
            pieces.push(Arc::new(piece));
        }
        self.pieces.splice(begin..end, pieces);
    }

    /// How the node is now, or that it is not there.
    pub fn put(&mut self, id: &NodeId, now: Option<FleetNode>) {
        let at = self.pieces.partition_point(|piece| piece.last().is_some_and(|last| last.id < *id));
        let at = at.min(self.pieces.len().saturating_sub(1));
        let Some(piece) = self.pieces.get_mut(at) else {
            self.pieces.extend(now.map(|node| Arc::new(vec![node])));
            return;
        };
        match (piece.binary_search_by(|node| node.id.cmp(id)), now) {
            (Ok(place), Some(node)) if piece[place] == node => {}
            (Ok(place), Some(node)) => Arc::make_mut(piece)[place] = node,
            (Ok(place), None) => {
                Arc::make_mut(piece).remove(place);
                if piece.is_empty() {
                    self.pieces.remove(at);
                }
            }
            (Err(place), Some(node)) => {
                let nodes = Arc::make_mut(piece);
                nodes.insert(place, node);
                if nodes.len() > self.piece {
                    let behind = nodes.split_off(nodes.len() / 2);
                    self.pieces.insert(at + 1, Arc::new(behind));
                }
            }
            (Err(_), None) => {}
        }
    }
}
