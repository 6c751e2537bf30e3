//! What the stock agent's package plugin asks. Packages themselves are documents: `documents`.
//! Source: agent-protocol.md 9.2.

mod get_manifest;
mod put_configure_package_result;
#[cfg(test)]
mod tests;

pub use get_manifest::get_manifest;
pub use put_configure_package_result::put_configure_package_result;
