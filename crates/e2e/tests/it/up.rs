//! `fettle up`: from an empty folder to a report, and back to nothing.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::harness::server::clean;
use crate::harness::{apt_root, eventually, program};

const STOP_WITHIN: Duration = Duration::from_secs(30);

struct Up {
    folder: tempfile::TempDir,
}

impl Up {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        apt_root::write(&folder.path().join("root"));
        Self { folder }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn command(&self, listen: &str) -> Command {
        let mut command = Command::new(program("fettle"));
        clean(&mut command);
        command.args(["up", "--listen", listen, "--data"]).arg(self.data());
        command.env("FETTLE_AGENT_ROOT", self.folder.path().join("root")).stdin(Stdio::null());
        command
    }

    fn once(&self, listen: &str) -> Output {
        self.command(listen).arg("--once").output().unwrap()
    }

    /// Runs until it says that it stays.
    fn stay(&self) -> (Child, BufReader<ChildStderr>) {
        let mut child =
            self.command("127.0.0.1:0").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("until Ctrl-C") {
            line.clear();
            assert_ne!(said.read_line(&mut line).unwrap(), 0, "it ended early: {:?}", child.wait());
        }
        (child, said)
    }

    /// The agent's process. The tools that it starts carry its command line for a moment.
    fn agent(&self, up: &Child) -> u32 {
        eventually("the agent alone", STOP_WITHIN, || match self.processes()[..] {
            [one, other] if one == up.id() => Some(other),
            [one, other] if other == up.id() => Some(one),
            _ => None,
        })
    }

    /// The processes that work on this folder.
    fn processes(&self) -> Vec<u32> {
        let folder = self.folder.path().display().to_string();
        let entries = std::fs::read_dir("/proc").unwrap().flatten();
        let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        ids.filter(|id| {
            let line = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains(&folder)
        })
        .collect()
    }
}

fn signal(name: &str, id: u32) {
    assert!(Command::new("kill").args([name, &id.to_string()]).status().unwrap().success());
}

fn text(output: &Output) -> (String, String) {
    let read = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (read(&output.stdout), read(&output.stderr))
}

fn node_id(data: &Path) -> String {
    let registration = std::fs::read_to_string(data.join("agent").join("registration.json")).unwrap();
    let registration: serde_json::Value = serde_json::from_str(&registration).unwrap();
    registration["instance_id"].as_str().unwrap().to_owned()
}

#[test]
fn it_shows_the_report_and_goes_on_with_the_same_data() {
    let up = Up::new();
    let first = up.once("127.0.0.1:0");
    let (out, err) = text(&first);
    assert!(first.status.success(), "{err}");
    let (package, installed, fix) = apt_root::MISSING;
    for expected in
        [package, installed, fix, "bookworm-security", "NON-COMPLIANT: 1 patch is missing", "because"]
    {
        assert!(out.contains(expected), "{expected} is not in:\n{out}");
    }
    let node = node_id(&up.data());
    assert_eq!(up.processes(), Vec::<u32>::new());

    // On another port, as every `:0` is.
    let started = Instant::now();
    let second = up.once("127.0.0.1:0");
    let took = started.elapsed();
    let (out, err) = text(&second);
    assert!(second.status.success() && out.contains(fix), "{out}{err}");
    assert_eq!(node_id(&up.data()), node);
    assert!(took < Duration::from_secs(5), "the second run took {took:?}");
    println!("the second run took {took:?}");
}

#[test]
fn it_stops_everything_when_told() {
    for name in ["-TERM", "-INT"] {
        let up = Up::new();
        let (mut child, _said) = up.stay();
        up.agent(&child);
        signal(name, child.id());
        let status = eventually("it ends", STOP_WITHIN, || child.try_wait().unwrap());
        assert!(status.success(), "{name}: {status}");
        assert_eq!(up.processes(), Vec::<u32>::new(), "{name} left something behind");
    }
}

#[test]
fn it_ends_and_says_so_when_the_agent_dies() {
    let up = Up::new();
    let (mut child, mut said) = up.stay();
    signal("-KILL", up.agent(&child));
    let status = eventually("it ends", STOP_WITHIN, || child.try_wait().unwrap());
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut said, &mut rest).unwrap();
    assert!(!status.success() && rest.contains("the agent ended by itself"), "{status}: {rest}");
    assert_eq!(up.processes(), Vec::<u32>::new());
}

#[test]
fn the_agent_ends_with_it_even_when_it_is_killed() {
    let up = Up::new();
    let (mut child, _said) = up.stay();
    up.agent(&child);
    signal("-KILL", child.id());
    child.wait().unwrap();
    eventually("the agent notices", STOP_WITHIN, || up.processes().is_empty().then_some(()));
}

#[test]
fn it_says_what_is_in_the_way() {
    let up = Up::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let output = up.once(&taken.local_addr().unwrap().to_string());
    let (_, err) = text(&output);
    assert!(!output.status.success() && err.contains("is in use") && err.contains("--listen"), "{err}");

    std::fs::write(up.folder.path().join("root/var/lib/dpkg/status"), "no package\n").unwrap();
    let output = up.once("127.0.0.1:0");
    let (_, err) = text(&output);
    assert!(!output.status.success() && err.contains("var/lib/dpkg/status"), "{err}");
    assert_eq!(up.processes(), Vec::<u32>::new());
}
