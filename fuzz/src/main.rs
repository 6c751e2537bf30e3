//! Every parser of text that comes from elsewhere, fed by libFuzzer: nothing may panic, hang or overflow, and what must hold of
//! the answers is asserted. `FUZZ_TARGET` names the one to run; `scripts/test fuzz` runs all for a bounded time.
//! One program for all: linking a dozen would take longer than running them.
#![no_main]

mod files;

use std::cmp::Ordering;
use std::io::Cursor;
use std::sync::OnceLock;

use api::agent::{AgentJob, AgentMessage, CancelCommandPayload, JobId, ReplyPayload, SendCommandPayload};
use api::fettle::AdvisoryFormat;
use api::sigv4::{Presented, RequestParts};
use domain::baseline::BaselineRules;
use domain::document::Document;
use domain::patch::override_list::OverrideList;
use domain::patch::{version_deb, version_rpm};
use libfuzzer_sys::fuzz_target;

type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 12] = [
    ("advisory_feeds", advisory_feeds),
    ("apt_node", files::apt_node),
    ("apt_update", apt_update),
    ("baseline", baseline),
    ("document", document),
    ("frame", frame),
    ("override_list", override_list),
    ("rpm_database", files::rpm_database),
    ("rpm_header", rpm_header),
    ("rpm_repository", rpm_repository),
    ("signature", signature),
    ("versions", versions),
];

fn target() -> Target {
    static CHOSEN: OnceLock<Target> = OnceLock::new();
    *CHOSEN.get_or_init(|| {
        let wanted = std::env::var("FUZZ_TARGET").unwrap_or_default();
        let found = TARGETS.iter().find(|(name, _)| *name == wanted);
        let names = TARGETS.map(|(name, _)| name).join(", ");
        found.unwrap_or_else(|| panic!("FUZZ_TARGET is `{wanted}`; there are {names}")).1
    })
}

fuzz_target!(|data: &[u8]| target()(data));

/// The first byte chooses the format.
fn advisory_feeds(data: &[u8]) {
    let Some((choice, text)) = data.split_first() else { return };
    let format = match choice % 3 {
        0 => AdvisoryFormat::DebianTracker,
        1 => AdvisoryFormat::Debsecan,
        _ => AdvisoryFormat::Osv,
    };
    let mut taken = 0u32;
    let _ = cli::advisories::read(&format, &mut Cursor::new(text), Some("debian:bookworm"), &mut |_| {
        taken += 1;
        taken < 10_000
    });
}

fn apt_update(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (out, errors) = text.split_once('\0').unwrap_or((&text, ""));
    agent::packages::apt::refresh::parse(out, errors, data.len() % 2 == 0);
}

fn baseline(data: &[u8]) {
    if let Ok(wire) = api::decode::decode::<api::ssm::BaselineOverride>(data)
        && let Ok(rules) = BaselineRules::try_from(wire)
    {
        // What was understood can be written down and understood again.
        let text = serde_json::to_string(&rules).expect("rules have a JSON form");
        let again: BaselineRules = serde_json::from_str(&text).expect("and are read from it");
        assert_eq!(again, rules);
    }
}

fn document(data: &[u8]) {
    let _ = Document::parse(&String::from_utf8_lossy(data));
}

fn frame(data: &[u8]) {
    if let Ok(message) = AgentMessage::decode(data) {
        let _ = serde_json::from_slice::<AgentJob>(&message.payload);
        let _ = serde_json::from_slice::<ReplyPayload>(&message.payload);
    }
    let _ = serde_json::from_slice::<SendCommandPayload>(data);
    let _ = serde_json::from_slice::<CancelCommandPayload>(data);
    let _ = String::from_utf8_lossy(data).parse::<JobId>();
}

fn override_list(data: &[u8]) {
    let _ = OverrideList::parse(&String::from_utf8_lossy(data));
}

fn rpm_header(data: &[u8]) {
    let _ = agent::packages::rpm::header::Installed::parse(data);
}

fn rpm_repository(data: &[u8]) {
    let _ = agent::packages::rpm::repomd::RepoMd::parse(data);
    let _ = agent::packages::rpm::ini::parse(&String::from_utf8_lossy(data));
}

/// A line each: authorization, date, query.
fn signature(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.split('\n');
    let mut next = || lines.next().unwrap_or_default();
    let headers = [("authorization", next()), ("x-amz-date", next()), ("host", "h")];
    let query = next();
    for headers in [&headers[..], &headers[1..]] {
        let parts = RequestParts { method: "POST", path: "/", query, headers };
        if let Ok(presented) = Presented::from_request(&parts) {
            let _ = presented.check_service("ssm");
            let _ = presented.rsa_signature();
        }
    }
}

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
