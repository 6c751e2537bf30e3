//! As many open files as the system grants: every connected node is one, and what a shell grants at first is some thousand.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit to the hard one, which is the administrator's word.
pub fn raise_limit() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => tracing::info!(?current, ?maximum, "raised the limit of open files"),
        Err(error) => {
            tracing::warn!(%error, ?current, ?maximum, "cannot raise the limit of open files: so many nodes can be connected")
        }
    }
}
