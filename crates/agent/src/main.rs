//! The `fettle-agent` binary.
fn main() {}
