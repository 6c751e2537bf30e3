//! Imported feeds of advisories: imports in parts, and the statements and notices of those in force.
//! Matching them with packages is `domain::advisory`'s.

mod feeds;
mod kind;
mod notices;
mod statements;

pub use feeds::{
    Feed, Import, begin, distributions, feed, feeds, find, finish, forget, forget_feed, progress,
};
pub use notices::{NumberedNotices, insert_notices, notices_of_subjects, number_notices};
pub use statements::{Numbered, insert, list_of_cve, list_of_subjects, number};
