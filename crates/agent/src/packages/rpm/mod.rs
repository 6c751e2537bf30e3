//! What dnf, yum and zypper nodes share: rpm's database, and the metadata of rpm repositories.
//! Which repositories a node uses, and what its tool would take from them, is `dnf`'s and `zypper`'s.

pub mod arch;
pub mod database;
mod dates;
mod elements;
mod evr;
pub mod glob;
pub mod header;
pub mod indexed;
pub mod ini;
pub mod lacking;
mod modulemd;
pub mod modules;
mod ndb;
pub mod node;
pub mod notices;
mod offers;
pub mod primary;
mod primary_db;
pub mod refresh;
pub mod rejected;
pub mod repomd;
pub mod repository;
pub mod sqlite;
pub mod system;
mod together;
mod updateinfo;
mod updates;
pub mod uri;
pub mod variables;
