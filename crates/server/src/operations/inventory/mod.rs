//! Inventory: what nodes report of themselves, by type; patch reports arrive this way too.
//! Source: systems-manager.md 5, agent-protocol.md 6.

mod aggregate;
mod content;
mod get_inventory;
mod get_inventory_schema;
mod list_inventory_entries;
mod patch_report;
mod put_inventory;
mod query;
#[cfg(test)]
pub mod tests;

pub use get_inventory::{LastCount, get_inventory};
pub use get_inventory_schema::get_inventory_schema;
pub use list_inventory_entries::list_inventory_entries;
pub use put_inventory::put_inventory;

pub(super) use put_inventory::unknown_word;
