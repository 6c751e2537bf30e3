//! The `fettle` binary: server and operator commands.
fn main() {}
