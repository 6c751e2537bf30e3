//! What `apt-get update` prints, captured, and what is made of it.

use agent::packages::apt::refresh::parse;
use domain::facts::ListRefresh;

macro_rules! capture {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/captures/apt-2.6/", $name))
    };
}

#[test]
fn every_repository_reached() {
    let refresh = parse(capture!("update-ok.stdout"), "", true);
    assert_eq!((refresh.outcome, refresh.failed), (ListRefresh::Refreshed, vec![]));
}

#[test]
fn one_repository_unreachable() {
    let refresh = parse(capture!("update-partial.stdout"), capture!("update-partial.stderr"), true);
    assert_eq!(refresh.outcome, ListRefresh::Partial);
    let failed: Vec<_> =
        refresh.failed.iter().map(|failure| (failure.uri.as_str(), failure.suite.as_str())).collect();
    assert_eq!(failed, [("http://127.0.0.1:9/d", "s")]);
    assert!(refresh.failed[0].error.contains("Connection refused"), "{}", refresh.failed[0].error);
}

#[test]
fn nothing_reachable() {
    let refresh = parse(capture!("update-none.stdout"), capture!("update-none.stderr"), false);
    assert!(
        matches!(&refresh.outcome, ListRefresh::Failed(reason) if reason.contains("File not found")),
        "{refresh:?}"
    );
    assert_eq!(refresh.failed.len(), 2);
}

#[test]
fn another_apt_at_work() {
    let refresh = parse(capture!("update-locked.stdout"), capture!("update-locked.stderr"), false);
    assert!(
        matches!(&refresh.outcome, ListRefresh::Failed(reason) if reason.contains("Could not get lock")),
        "{refresh:?}"
    );
}
