//! The manager over stand-ins for the tools, which play recordings back and remember what they were asked.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use api::Timestamp;

use super::*;

const RECEIPTS: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<plist version="1.0"><array>
 <dict><key>date</key><date>2023-10-31T11:01:02Z</date><key>displayName</key><string>Security Update 2023-001</string>
  <key>displayVersion</key><string>13.6.0</string></dict>
</array></plist>"#;

/// Plays recordings: what was installed is written down, and offered no more.
const SOFTWAREUPDATE: &str = r#"
case "$1" in
  --history) printf 'Display Name      Version    Date\n------------      -------    ----\nOld Tool          1.0        01/02/2023, 10:00:00\n' ;;
  --install)
echo "$2" >> "$HERE/asked"
case "$2" in *Lies*) ;; *Breaks*) echo 'Error: disk full' >&2; exit 1 ;; *) echo "$2" >> "$HERE/done" ;; esac ;;
  --list)
echo 'Software Update Tool' >&2
while IFS='|' read -r label detail; do
  grep -qxF "$label" "$HERE/done" || printf '* Label: %s\n\t%s\n' "$label" "$detail"
done < "$HERE/offers" ;;
esac
"#;

const OFFERS: &str = "\
Security Update 2023-001-13.6.1|Title: Security Update 2023-001, Version: 13.6.1, Size: 10KiB, Recommended: YES, Action: restart, 
Safari-17.1|Title: Safari, Version: 17.1, Size: 20K, Recommended: YES, 
Lies-1|Title: Lies, Version: 1, Size: 1K, Recommended: YES, 
Breaks-1|Title: Breaks, Version: 1, Size: 1K, Recommended: NO, 
";

const BREW: &str = r#"
newer=1.21.4; if grep -q wget "$HERE/brewed"; then now=1.21.4; else now=1.20; fi
case "$1 $2 $3" in
  'list --versions --formula') printf 'wget %s\nnode 18.1.0\n' "$now" ;;
  'list --versions --cask') ;;
  'upgrade --formula wget') echo wget >> "$HERE/brewed" ;;
  update*) echo updated >> "$HERE/asked" ;;
  'outdated --json=v2 ')
node='{"name":"node","installed_versions":["18.1.0"],"current_version":"21.1.0","pinned":true}'
wget='{"name":"wget","installed_versions":["1.20"],"current_version":"1.21.4","pinned":false},'
[ "$now" = "$newer" ] && wget=
printf '{"formulae":[%s%s],"casks":[]}' "$wget" "$node"; exit 1 ;;
esac
"#;

fn bed() -> (tempfile::TempDir, MacOs) {
    let dir = tempfile::tempdir().unwrap();
    let here = dir.path();
    let script = |name: &str, body: &str| {
        let path = here.join(name);
        fs::write(&path, format!("#!/bin/sh\nHERE='{}'\n{body}", here.display())).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    };
    script("softwareupdate", SOFTWAREUPDATE);
    script("sw_vers", "echo 13.6");
    let program = script("brew", BREW);
    for (name, text) in
        [("offers", OFFERS), ("done", ""), ("brewed", ""), ("asked", ""), ("receipts", RECEIPTS)]
    {
        fs::write(here.join(name), text).unwrap();
    }
    let homebrew = Homebrew { program, owner: None };
    let mac = MacOs::of_tools(here, &here.join("receipts"), Some(homebrew));
    (dir, mac)
}

fn options(refresh: RefreshLists) -> GatherOptions {
    GatherOptions { now: Timestamp::from_seconds(1_700_000_000), refresh, data_dir: None }
}

fn want(name: &str) -> Wanted {
    Wanted { name: name.into(), arch: String::new(), version: String::new() }
}

fn run() -> ToolRun {
    ToolRun::new(Path::new("/nowhere"), Duration::from_secs(60))
}

#[test]
fn facts_join_offers_receipts_history_and_homebrew() {
    let (_dir, mac) = bed();
    let (facts, observation) = mac.gather(&options(RefreshLists::WherePossible)).unwrap();
    assert_eq!((facts.os.id.as_str(), facts.os.version_id.as_str()), ("macos", "13.6"));
    assert_eq!(observation.refresh, ListRefresh::Refreshed);
    let line = |u: &UpdateFact| {
        let installed = u.installed_version.clone().unwrap_or_default();
        format!("{} {} [{installed}] {:?} {}", u.id, u.version, u.status, u.classification)
    };
    let lines: Vec<_> = facts.updates.iter().map(line).collect();
    let expected = [
        "Breaks 1 [] Applicable ",
        "Lies 1 [] Applicable Recommended",
        "Old Tool 1.0 [1.0] Installed ",
        "Safari 17.1 [] Applicable Recommended",
        "Security Update 2023-001 13.6.1 [13.6.0] Applicable Security",
        "node 21.1.0 [18.1.0] Hidden ",
        "wget 1.21.4 [1.20] Applicable ",
    ];
    assert_eq!(lines, expected);
    assert_eq!(facts.updates[4].installed_at, Some(Timestamp::from_seconds(1_698_750_062)));
}

#[test]
fn installs_and_judges_by_listing_again() {
    let (dir, mac) = bed();
    let wanted = ["Security Update 2023-001", "Lies", "Breaks", "wget", "node", "Unknown"].map(want);
    let outcome = mac.install(&wanted, &Limits::default(), &mut run()).unwrap();
    let changes: Vec<_> = outcome
        .changes
        .iter()
        .map(|c| {
            format!("{} {}->{}", c.name, c.from.as_deref().unwrap_or("-"), c.to.as_deref().unwrap_or("-"))
        })
        .collect();
    assert_eq!(changes, ["Security Update 2023-001 -->13.6.1", "wget 1.20->1.21.4"]);
    let failed: Vec<_> = outcome.failed.iter().map(|r| (r.wanted.name.as_str(), r.failure.code)).collect();
    let expected = [
        ("node", FailureCode::Held),
        ("Unknown", FailureCode::VersionUnavailable),
        ("Lies", FailureCode::NotInstalled),
        ("Breaks", FailureCode::ToolFailed),
    ];
    assert_eq!(failed, expected);
    let asked = fs::read_to_string(dir.path().join("asked")).unwrap();
    assert_eq!(asked, "Security Update 2023-001-13.6.1\nLies-1\nBreaks-1\n");
}

#[test]
fn a_plan_changes_nothing_and_keeps_to_the_limits() {
    let (dir, mac) = bed();
    let limits = Limits { blocked: vec!["Safari".into()], ..Limits::default() };
    let plan = mac.plan(&["Safari", "Security Update 2023-001"].map(want), &limits, &mut run()).unwrap();
    assert_eq!((plan.changes.len(), plan.refused.len(), plan.reboot_expected), (1, 1, true));
    assert_eq!(plan.refused[0].failure.code, FailureCode::RejectedDependency);
    assert_eq!(fs::read_to_string(dir.path().join("asked")).unwrap(), "");
}
