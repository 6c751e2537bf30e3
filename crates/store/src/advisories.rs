//! Imported feeds of advisories: imports in parts, and the statements of those in force.
//! Matching them with packages is `domain::advisory`'s.

mod feeds;
mod statements;

pub use feeds::{
    Feed, Import, begin, distributions, feed, feeds, find, finish, forget, forget_feed, progress,
};
pub use statements::{Numbered, insert, list_of_cve, list_of_subjects, number};
