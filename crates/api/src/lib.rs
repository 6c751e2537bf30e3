//! What crosses a socket: wire types and their constraints, request signing, the agent protocol.
//! Pure: no async, no I/O, none of our other crates.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod agent;
pub mod blob;
pub mod decode;
#[cfg(test)]
mod generator_tests;
pub mod rest;
pub mod sample;
pub mod schema;
pub mod sigv4;
#[cfg(test)]
mod surface_tests;
pub mod timestamp;

pub use blob::Blob;
pub use decode::{DecodeError, decode, decode_response, encode};
pub use schema::{Request, Shape};
pub use timestamp::Timestamp;

/// Systems Manager: the public API, and the operations that only agents call.
pub mod ssm {
    include!(concat!(env!("OUT_DIR"), "/ssm.rs"));
}

/// The message delivery service (`ec2messages`) that agents poll.
pub mod mds {
    include!(concat!(env!("OUT_DIR"), "/mds.rs"));
}

/// Quick Setup: configurations that keep themselves in place, patch policies among them.
pub mod quicksetup {
    include!(concat!(env!("OUT_DIR"), "/quicksetup.rs"));
}

/// Resource groups: named selections of nodes, by their tags or one by one.
pub mod resourcegroups {
    include!(concat!(env!("OUT_DIR"), "/resourcegroups.rs"));
}

/// Our own operations: what the AWS API has no place for.
pub mod fettle {
    include!(concat!(env!("OUT_DIR"), "/fettle.rs"));
}

/// What an error code means on the wire.
#[derive(Debug, PartialEq, Eq)]
pub struct ErrorInfo {
    pub code: &'static str,
    pub http_status: u16,
    /// How the model spells the text member: `message` or `Message`.
    pub text_member: &'static str,
    /// Further members that clients expose.
    pub extra_members: &'static [&'static str],
}
