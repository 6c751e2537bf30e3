//! Every parser of text that comes from elsewhere, fed by libFuzzer: nothing may panic, hang or overflow, and what must hold of
//! the answers is asserted. `FUZZ_TARGET` names the one to run; `scripts/test fuzz` runs all for a bounded time.
//! One program for all: linking a dozen would take longer than running them.
#![no_main]

mod apk;
mod apt;
mod feeds;
mod machine;
mod node;
mod own;
mod pacman;
mod rpm;
mod rules;
mod tools;
mod wire;

use std::cmp::Ordering;
use std::sync::OnceLock;

use domain::patch::{version_apk, version_deb, version_pacman, version_rpm};
use libfuzzer_sys::fuzz_target;

type Target = fn(&[u8]);

/// Where several parsers share a target, the first byte of an input chooses: `0` the first.
const TARGETS: &[(&str, Target)] = &[
    ("advisory_feeds", feeds::advisories),
    ("agent_files", own::files),
    ("apk_files", apk::files),
    ("apk_node", apk::node),
    ("apt_node", apt::node),
    ("baseline", wire::baseline),
    ("deb822", apt::stanzas),
    ("document", wire::document),
    ("frame", wire::frame),
    ("override_list", wire::override_list),
    ("packed", feeds::packed),
    ("pacman_list", pacman::list),
    ("pacman_node", pacman::node),
    ("policy", rules::policy),
    ("processes", machine::processes),
    ("repodata", rpm::repodata),
    ("request", wire::request),
    ("rollout", rules::rollout),
    ("rpm_database", rpm::database_file),
    ("rpm_settings", rpm::settings),
    ("signature", wire::signature),
    ("tool_outputs", tools::outputs),
    ("versions", versions),
    ("words", wire::words),
];

fn target() -> Target {
    static CHOSEN: OnceLock<Target> = OnceLock::new();
    *CHOSEN.get_or_init(|| {
        let wanted = std::env::var("FUZZ_TARGET").unwrap_or_default();
        let found = TARGETS.iter().find(|(name, _)| *name == wanted);
        let names: Vec<_> = TARGETS.iter().map(|(name, _)| *name).collect();
        found.unwrap_or_else(|| panic!("FUZZ_TARGET is `{wanted}`; there are {}", names.join(", "))).1
    })
}

fuzz_target!(|data: &[u8]| target()(data));

/// Three lines: the orders must be total.
fn versions(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.split('\n');
    let [a, b, c] = [(); 3].map(|()| lines.next().unwrap_or_default());
    for compare in [version_deb::compare, version_rpm::compare, version_apk::compare] {
        is_total(compare, a, b, c);
    }
    // pacman's is over what its packages may be called; over the rest it has circles, as `vercmp`'s has.
    assert_eq!(version_pacman::compare(a, b), version_pacman::compare(b, a).reverse());
    if [a, b, c].into_iter().all(is_of_pacman) {
        is_total(version_pacman::compare, a, b, c);
    }
    let prefix = |left, right| version_apk::compare_to_prefix(left, right);
    assert!(!version_apk::is_valid(a) || prefix(a, a).is_eq());
}

fn is_total(compare: fn(&str, &str) -> Ordering, a: &str, b: &str, c: &str) {
    assert_eq!(compare(a, a), Ordering::Equal);
    assert_eq!(compare(a, b), compare(b, a).reverse());
    if compare(a, b).is_le() && compare(b, c).is_le() {
        assert!(compare(a, c).is_le(), "{a:?} {b:?} {c:?}");
    }
}

/// It has a release, and none of its parts ends with a separator.
fn is_of_pacman(version: &str) -> bool {
    let parts: Vec<_> = version.split(['-', ':']).collect();
    version.contains('-') && parts.iter().all(|part| part.ends_with(|c: char| c.is_ascii_alphanumeric()))
}
