//! Content that documents bring along over https and git, from a server of the test's own, on a real agent.

use std::path::Path;
use std::process::Command;

use api::ssm::{CommandInvocation, CommandInvocationStatus};
use serde_json::json;

use crate::harness::{Agent, FileServer, Server, engines};
use crate::install::{end_of, output};
use crate::scan::order;

use CommandInvocationStatus::{Failed, Success};

fn run(
    server: &Server,
    agent: &Agent,
    kind: &str,
    info: &serde_json::Value,
    line: &str,
) -> CommandInvocation {
    let info = info.to_string();
    let parameters = [("sourceType", kind), ("sourceInfo", info.as_str()), ("commandLine", line)];
    let sent = server.call(&order("AWS-RunRemoteScript", &agent.id, &parameters));
    end_of(server, &sent.command.unwrap().command_id.unwrap())
}

/// False: this machine has no git that speaks https.
fn has_git() -> bool {
    let helper = Command::new("git").arg("--exec-path").output().ok().map(|output| {
        let path = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        Path::new(&path).join("git-remote-https").exists()
    });
    if helper == Some(true) {
        return true;
    }
    assert_ne!(std::env::var("FETTLE_REQUIRE_BEDS").as_deref(), Ok("1"), "git with https is not installed");
    eprintln!("git with https is not installed: repositories are not fetched in this test");
    false
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "init.defaultBranch=main"])
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("HOME", folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A repository with two commits, served as plain files; the hash of the first.
fn repository(files: &FileServer) -> String {
    let work = tempfile::tempdir().unwrap();
    let write = |text: &str| std::fs::write(work.path().join("say.sh"), text).unwrap();
    git(work.path(), &["init", "-q"]);
    write("echo first\n");
    std::os::unix::fs::symlink("/etc/passwd", work.path().join("link")).unwrap();
    git(work.path(), &["add", "."]);
    git(work.path(), &["commit", "-q", "-m", "first"]);
    let first = git(work.path(), &["rev-parse", "HEAD"]);
    write("echo second\n");
    git(work.path(), &["commit", "-q", "-a", "-m", "second"]);
    let bare = files.folder().join("repo.git");
    git(work.path(), &["clone", "-q", "--bare", ".", bare.to_str().unwrap()]);
    git(&bare, &["update-server-info"]);
    first
}

#[test]
fn scripts_come_over_https_and_from_git() {
    let server = Server::start(engines()[0]);
    let files = FileServer::start();
    let agent = Agent::online_knowing(&server, &files.authority());
    files.put("/hello.sh", "#!/bin/sh\necho hello $1\n");
    let url = files.url("/hello.sh");
    let sum = "18380622e323529c85d6c964bcccf5e0182b53420c2adecdbcc1b32dcd806916";
    let done = run(&server, &agent, "HTTP", &json!({"url": url, "sha256": sum}), "hello.sh there");
    assert_eq!(done.status, Some(Success), "{}", output(&done));
    assert!(output(&done).contains("hello there"), "{}", output(&done));

    let rows = [
        (json!({"url": files.url("/gone.sh")}), "status 404"),
        (json!({"url": url, "sha256": "0".repeat(64)}), "SHA-256"),
        (json!({"url": url.replace("https", "http")}), "allowInsecureDownload"),
        (json!({"url": "file:///etc/passwd"}), "https://"),
    ];
    for (info, part) in rows {
        let done = run(&server, &agent, "HTTP", &info, "echo it ran");
        let said = output(&done);
        assert_eq!(done.status, Some(Failed), "{info}: {said}");
        assert!(said.contains(part) && !said.contains("it ran"), "{info}: {said}");
    }
    if !has_git() {
        return;
    }
    let first = repository(&files);
    let url = files.url("/repo.git");
    // Links stay behind, and what git keeps for itself.
    let list = "sh say.sh; ls -A";
    let done = run(&server, &agent, "Git", &json!({"repository": url, "getOptions": "branch:main"}), list);
    assert_eq!(done.status, Some(Success), "{}", output(&done));
    assert!(output(&done).contains("\nsecond\nsay.sh\n"), "{}", output(&done));
    let options = format!("commitID:{first}");
    let done = run(&server, &agent, "Git", &json!({"repository": url, "getOptions": options}), list);
    assert!(output(&done).contains("\nfirst\nsay.sh\n"), "{}", output(&done));
    let done = run(&server, &agent, "Git", &json!({"repository": url, "getOptions": "branch:none"}), "true");
    assert_eq!(done.status, Some(Failed), "{}", output(&done));
}
