//! Which nodes this process has written what lists show of: told after each commit to whoever keeps a picture of the fleet, so
//! that it is made right again without being read whole. Found in the statements, so that no operation can forget to tell.
//! Signs of life are not told: they are many, and nobody waits for them.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use domain::ids::NodeId;

use crate::Value;

/// More than these wait for nobody: who comes then reads the whole fleet. Some 6 MB of ids; to read a node by its id takes about
/// as long as to read it in its order, so that fewer than there are cost less.
pub const MOST: usize = 65_536;

/// Whether a statement writes what lists show of the nodes that its values name.
pub(crate) fn is_about_nodes(sql: &str) -> bool {
    let mut words =
        sql.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).filter(|word| !word.is_empty());
    let table = match words.next() {
        Some("INSERT" | "DELETE") => words.nth(1),
        Some("UPDATE") => words.next().filter(|table| *table != "nodes"),
        _ => None,
    };
    matches!(table, Some("nodes" | "tags" | "node_patch_states"))
}

/// Those values that are ids of nodes.
pub(crate) fn named<'a>(values: &'a [Value<'_>]) -> impl Iterator<Item = NodeId> + 'a {
    values.iter().filter_map(|value| match value {
        Value::Text(text) => text.parse().ok(),
        _ => None,
    })
}

/// What one listener has not heard yet.
#[derive(Debug, Default)]
pub struct Touched(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    nodes: HashSet<NodeId>,
    is_too_much: bool,
}

/// What was written since somebody last asked.
#[derive(Debug, PartialEq, Eq)]
pub enum Written {
    Nodes(Vec<NodeId>),
    /// More than was kept.
    Many,
}

impl Touched {
    pub fn take(&self) -> Written {
        let mut waiting = lock(&self.0);
        if std::mem::take(&mut waiting.is_too_much) {
            return Written::Many;
        }
        Written::Nodes(std::mem::take(&mut waiting.nodes).into_iter().collect())
    }

    /// For what was taken and not done.
    pub fn put_back(&self, nodes: &[NodeId]) {
        self.add(nodes);
    }

    fn add(&self, nodes: &[NodeId]) {
        let mut waiting = lock(&self.0);
        if waiting.is_too_much {
            return;
        }
        waiting.nodes.extend(nodes.iter().cloned());
        if waiting.nodes.len() > MOST {
            *waiting = Waiting { nodes: HashSet::new(), is_too_much: true };
        }
    }
}

/// All listeners of one process.
#[derive(Debug, Default)]
pub(crate) struct Listeners(Mutex<Vec<Weak<Touched>>>);

impl Listeners {
    pub fn listen(&self) -> Arc<Touched> {
        let touched = Arc::default();
        lock(&self.0).push(Arc::downgrade(&touched));
        touched
    }

    pub fn tell(&self, nodes: &[NodeId]) {
        if !nodes.is_empty() {
            lock(&self.0).retain(|listener| match listener.upgrade() {
                Some(touched) => {
                    touched.add(nodes);
                    true
                }
                None => false,
            });
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(number: usize) -> NodeId {
        format!("mi-{number:017x}").parse().unwrap()
    }

    #[test]
    fn which_statements_count() {
        let rows = [
            ("INSERT INTO tags (account) VALUES ($1)", true),
            ("DELETE FROM nodes WHERE account = $1", true),
            ("INSERT INTO nodes (account) VALUES ($1)", true),
            ("INSERT INTO node_patch_states (account) VALUES ($1)", true),
            ("UPDATE nodes SET last_seen_at = $2 WHERE node_id = $1", false),
            ("INSERT INTO node_messages (account) VALUES ($1)", false),
            ("SELECT a FROM tags", false),
            ("", false),
        ];
        for (sql, expected) in rows {
            assert_eq!(is_about_nodes(sql), expected, "{sql}");
        }
        let values = ["123456789012".into(), node(1).as_str().to_owned().into(), 7_i64.into()];
        assert_eq!(named(&values).collect::<Vec<_>>(), [node(1)]);
    }

    #[test]
    fn what_was_told_is_taken_once_and_floods_are_one_word() {
        let listeners = Listeners::default();
        let (one, gone) = (listeners.listen(), listeners.listen());
        drop(gone);
        listeners.tell(&[node(1)]);
        listeners.tell(&[node(1)]);
        assert_eq!(one.take(), Written::Nodes(vec![node(1)]));
        assert_eq!(one.take(), Written::Nodes(vec![]));
        let many: Vec<NodeId> = (0..=MOST).map(node).collect();
        listeners.tell(&many);
        listeners.tell(&[node(1)]);
        assert_eq!(one.take(), Written::Many);
        listeners.tell(&[node(2)]);
        assert_eq!(one.take(), Written::Nodes(vec![node(2)]));
        assert_eq!(lock(&listeners.0).len(), 1);
    }
}
