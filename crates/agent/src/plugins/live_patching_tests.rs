//! AWS-ConfigureKernelLivePatching: its script, with stand-ins for the tools it calls.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use domain::document::shipped;

/// Whether the script succeeded, and what it called.
fn run(folder: &Path, os_release: &str, wish: &str) -> (bool, Vec<String>) {
    let calls = folder.join("calls");
    let _ = fs::remove_file(&calls);
    for tool in ["yum", "dnf", "systemctl", "amazon-linux-extras"] {
        let stand_in = folder.join(tool);
        fs::write(&stand_in, format!("#!/bin/sh\necho {tool} \"$@\" >> '{}'\n", calls.display())).unwrap();
        fs::set_permissions(&stand_in, fs::Permissions::from_mode(0o755)).unwrap();
    }
    fs::write(folder.join("os-release"), os_release).unwrap();
    let document = shipped::find("AWS-ConfigureKernelLivePatching").unwrap().document();
    let given = BTreeMap::from([("EnableOrDisable".to_owned(), vec![wish.to_owned()])]);
    let parameters = document.resolve_parameters(&given).unwrap();
    let inputs = document.steps[0].resolved_inputs(&parameters);
    let lines: Vec<&str> =
        inputs["runCommand"].as_array().unwrap().iter().filter_map(|l| l.as_str()).collect();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(lines.join("\n")).env("PATH", path).env("OS_RELEASE", folder.join("os-release"));
    let ended = shell.output().unwrap();
    let calls = fs::read_to_string(&calls).unwrap_or_default();
    (ended.status.success(), calls.lines().map(str::to_owned).collect())
}

#[test]
fn each_amazon_linux_has_its_own_way_and_others_none() {
    let dir = tempfile::tempdir().unwrap();
    let (al2, al2023) = ("ID=amzn\nVERSION_ID=2\n", "ID=amzn\nVERSION_ID=2023\n");
    let (ok, calls) = run(dir.path(), al2, "Enable");
    assert!(ok && calls.contains(&"yum -y kernel-livepatch enable".to_owned()), "{calls:?}");
    assert!(calls.contains(&"amazon-linux-extras enable livepatch".to_owned()), "{calls:?}");
    let (ok, calls) = run(dir.path(), al2023, "Enable");
    let expected = [
        "dnf -y install kpatch-dnf",
        "dnf -y kernel-livepatch auto",
        "dnf -y install kpatch-runtime",
        "systemctl enable --now kpatch.service",
    ];
    assert_eq!((ok, calls), (true, expected.map(str::to_owned).to_vec()));
    let (ok, calls) = run(dir.path(), al2, "Disable");
    assert_eq!((ok, calls.last().map(String::as_str)), (true, Some("yum -y kernel-livepatch disable")));
    assert_eq!(run(dir.path(), "ID=debian\nVERSION_ID=12\n", "Enable"), (false, vec![]));
}
