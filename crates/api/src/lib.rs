//! What crosses a socket: wire types and their constraints, request signing, the agent protocol.
//! Pure: no async, no I/O, none of our other crates.

pub mod timestamp;

pub use timestamp::Timestamp;
