//! Staged rollouts at work: the nodes of a command start ring by ring, each after evidence of the one before. What follows is
//! decided in `domain::rollout`, how far it came is in `store::rollouts`, and how a node does says its invocation.
//! Decision: docs/decisions/0033-staged-rollouts.md.

mod begin;
mod drive;
mod look;
mod policies;
mod shown;

pub use begin::{Staged, begin, check, refuse_hopeless};
pub use drive::{drive, promote, stop};
pub use look::{Look, look_at};
pub use policies::{definition_key, plan_of};
pub use shown::to_wire;
