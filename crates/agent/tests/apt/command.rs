//! `fettle-agent scan` as its users run it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::bed::Bed;

fn scan(root: &Path, data: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fettle-agent"));
    command
        .args(["scan", "--root"])
        .arg(root)
        .arg("--data")
        .arg(data)
        .args(arguments)
        .env_remove("APT_CONFIG");
    command.output().expect("the agent runs")
}

#[test]
fn a_scan_shows_what_is_missing_and_why() {
    let Some(bed) = Bed::new() else { return };
    let data = tempfile::tempdir().unwrap();
    let output = scan(&bed.root(), data.path(), &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for expected in
        ["AWS-DebianDefaultPatchBaseline (provided default)", "NON_COMPLIANT", "not refreshed for this scan"]
    {
        assert!(text.contains(expected), "`{expected}` is not in:\n{text}");
    }
    let line = |name: &str| {
        text.lines()
            .find(|line| line.contains(name))
            .unwrap_or_else(|| panic!("no {name} in:\n{text}"))
            .to_owned()
    };
    assert!(line("tb-kernel.").contains("5.10.1-1") && line("tb-kernel.").contains("5.10.2-1"));
    assert!(line("tb-held.").ends_with("approved by rule 1; held"));
    assert!(line("tb-ssl.i386").contains("a newer version outside the security suite is the candidate"));
    assert!(fs::read_dir(data.path().join("apt-index")).unwrap().count() > 0);

    let json = |arguments: &[&str]| -> Value {
        let output = scan(&bed.root(), data.path(), arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let (indexed, plain) = (json(&["--json"]), json(&["--json", "--no-index"]));
    assert_eq!(
        (&indexed["evaluation"], &indexed["facts_hash"]),
        (&plain["evaluation"], &plain["facts_hash"])
    );
    assert_eq!(indexed["status"], "NON_COMPLIANT");
}

#[test]
fn a_baseline_of_ones_own_decides() {
    let Some(bed) = Bed::new() else { return };
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("baseline.json");
    let baseline = r#"{"BaselineId": "pb-0123456789abcdef0", "Name": "only-kernel", "OperatingSystem": "DEBIAN", "ApprovedPatches": ["tb-kernel"]}"#;
    fs::write(&file, baseline).unwrap();
    let path = file.display().to_string();
    let output = scan(&bed.root(), data.path(), &["--baseline", &path]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("only-kernel (from ") && text.contains("NON_COMPLIANT: 1 missing"), "{text}");

    fs::write(&file, "{\"OperatingSystem\": \"UBUNTU\"}").unwrap();
    let output = scan(&bed.root(), data.path(), &["--baseline", &path]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && error.contains("the baseline is for"), "{error}");
}

#[test]
fn a_root_without_packages_is_an_error() {
    let empty = tempfile::tempdir().unwrap();
    let output = scan(empty.path(), empty.path(), &[]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && error.contains("var/lib/dpkg/status is missing"), "{error}");
}
