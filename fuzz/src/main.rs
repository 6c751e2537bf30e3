//! Every parser of text that comes from elsewhere, fed by libFuzzer: nothing may panic, hang or overflow, and what must hold of
//! the answers is asserted. `FUZZ_TARGET` names the one to run; `scripts/test fuzz` runs all for a bounded time.
//! One program for all: linking a dozen would take longer than running them.
#![no_main]

mod apt;
mod feeds;
mod node;
mod own;
mod rpm;
mod tools;
mod wire;

use std::cmp::Ordering;
use std::sync::OnceLock;

use domain::patch::{version_deb, version_rpm};
use libfuzzer_sys::fuzz_target;

type Target = fn(&[u8]);

/// Where several parsers share a target, the first byte of an input chooses: `0` the first.
const TARGETS: &[(&str, Target)] = &[
    ("advisory_feeds", feeds::advisories),
    ("agent_files", own::files),
    ("apt_node", apt::node),
    ("baseline", wire::baseline),
    ("deb822", apt::stanzas),
    ("document", wire::document),
    ("frame", wire::frame),
    ("override_list", wire::override_list),
    ("packed", feeds::packed),
    ("repodata", rpm::repodata),
    ("request", wire::request),
    ("rpm_database", rpm::database_file),
    ("rpm_header", rpm::header),
    ("rpm_settings", rpm::settings),
    ("signature", wire::signature),
    ("tool_outputs", tools::outputs),
    ("versions", versions),
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
    for compare in [version_deb::compare, version_rpm::compare] {
        assert_eq!(compare(a, a), Ordering::Equal);
        assert_eq!(compare(a, b), compare(b, a).reverse());
        if compare(a, b).is_le() && compare(b, c).is_le() {
            assert!(compare(a, c).is_le(), "{a:?} {b:?} {c:?}");
        }
    }
}
