//! Subjects as columns: a name's number, and whether it is a source or a binary package.

use domain::advisory::Subject;

use crate::{Result, StoreError};

const SOURCE: i64 = 1;
const BINARY: i64 = 2;

pub(super) fn kind_of(subject: &Subject) -> i64 {
    match subject {
        Subject::Source(_) => SOURCE,
        Subject::Binary(_) => BINARY,
    }
}

pub(super) fn subject_of(kind: i64, name: String) -> Result<Subject> {
    match kind {
        SOURCE => Ok(Subject::Source(name)),
        BINARY => Ok(Subject::Binary(name)),
        other => Err(StoreError::Corrupt(format!("no kind of package has the number {other}"))),
    }
}
