//! What questions about a whole fleet are answered from, in memory: every node with what lists show of it, and which nodes have which
//! facts. A crate of its own because these walk over a hundred thousand nodes for one answer, and are compiled for that; most of
//! the server waits, and is compiled to be built quickly.

pub mod fact_index;
mod picture;
mod select;
#[cfg(test)]
mod tests;

pub use picture::{Fleet, PIECE};
pub use select::{
    Column, Cursor, Filter, Found, Operator, Order, Selection, patch_group, ping_status, standing, worst,
};
