//! A node: a root, a kernel that can be booted anew, the agent's folder, and a server that takes its reports. What the agent
//! does on it is the built program's, started as AWS-RunPatchBaseline starts it.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::bed::Bed;
use crate::server::{Row, Server};

/// The code of a step that asks for a restart of the machine.
pub const RESTART: i32 = 194;
const RUN_WITHIN: Duration = Duration::from_secs(300);
pub const BASELINE: &str = "pb-0123456789abcdef0";

pub struct Node {
    bed: Bed,
    server: Server,
    commands: Cell<u32>,
}

/// How a run ended and what it reported.
pub struct Run {
    pub code: i32,
    pub said: String,
    pub summary: Row,
    items: Vec<Row>,
}

impl Node {
    /// Booted a moment ago, and enrolled.
    pub fn new(bed: Bed) -> Self {
        let node = Self { bed, server: Server::start(), commands: Cell::new(0) };
        fs::create_dir_all(node.data()).unwrap();
        let registration = json!({"instance_id": "mi-0123456789abcdef0", "region": "us-east-1",
            "endpoint": node.server.endpoint(), "fingerprint": "f"});
        fs::write(node.data().join("registration.json"), registration.to_string()).unwrap();
        let credentials = json!({"access_key_id": "ASIAEXAMPLE", "secret_access_key": "secret", "session_token": "token",
            "obtained_at": api::Timestamp::from_seconds(unix_seconds()), "expires_at": api::Timestamp::from_seconds(unix_seconds() + 36_000)});
        fs::write(node.data().join("credentials.json"), credentials.to_string()).unwrap();
        node.boot();
        node
    }

    pub fn root(&self) -> PathBuf {
        self.bed.folder.path().join("root")
    }

    pub fn base(&self) -> &Path {
        &self.bed.base
    }

    fn data(&self) -> PathBuf {
        self.bed.folder.path().join("data")
    }

    /// Another value for one of the variables that the node's tools see.
    pub fn set(&mut self, name: &str, value: &str) {
        self.bed.environment.retain(|(known, _)| known != name);
        self.bed.environment.push((name.to_owned(), value.to_owned()));
    }

    /// The baseline of every later run; an id is added.
    pub fn use_baseline(&self, mut baseline: Value) {
        baseline["BaselineId"] = json!(BASELINE);
        self.server.set_baseline(&baseline);
    }

    /// A new boot, later than anything that is installed so far and before anything that comes: the second is waited for.
    pub fn boot(&self) {
        let proc = self.bed.folder.path().join("proc");
        let random = proc.join("sys/kernel/random");
        fs::create_dir_all(&random).unwrap();
        let at = unix_seconds() + 1;
        fs::write(proc.join("stat"), format!("btime {at}\n")).unwrap();
        fs::write(random.join("boot_id"), format!("boot-{at}-{}\n", self.commands.get())).unwrap();
        // `/run` is empty after a boot.
        for name in ["reboot-required", "reboot-required.pkgs"] {
            let _ = fs::remove_file(self.root().join("var/run").join(name));
        }
        while unix_seconds() <= at {
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// A running process, as the kernel tells of it: what it maps, and where a service manager keeps it.
    pub fn put_process(&self, id: u32, name: &str, cgroup: &str, maps: &[&str]) {
        let folder = self.bed.folder.path().join("proc").join(id.to_string());
        fs::create_dir_all(&folder).unwrap();
        let maps: String =
            maps.iter().map(|file| format!("7f00-7f01 r-xp 00000000 08:01 12 {file}\n")).collect();
        for (file, text) in [
            ("comm", format!("{name}\n")),
            ("cgroup", format!("{cgroup}\n")),
            ("maps", maps),
            ("stat", format!("{id} ({name}) S 1 {id} {id} 0 -1\n")),
        ] {
            fs::write(folder.join(file), text).unwrap();
        }
    }

    /// The kernel that runs.
    pub fn run_kernel(&self, release: &str) {
        fs::write(self.bed.folder.path().join("proc/sys/kernel/osrelease"), format!("{release}\n")).unwrap();
    }

    /// Puts a program before all others, which writes down what it is asked for; the file that it writes to.
    pub fn stand_in(&mut self, program: &str) -> PathBuf {
        let folder = self.bed.folder.path().join("stand-ins");
        fs::create_dir_all(&folder).unwrap();
        let (path, log) = (folder.join(program), folder.join(format!("{program}.log")));
        fs::write(&path, format!("#!/bin/sh\necho \"$@\" >> '{}'\n", log.display())).unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let known =
            self.bed.environment.iter().find(|(name, _)| name == "PATH").map(|(_, path)| path.clone());
        let known = known.unwrap_or_else(|| std::env::var("PATH").unwrap());
        self.set("PATH", &format!("{}:{known}", folder.display()));
        log
    }

    fn command(&self, operation: &str, reboot_option: &str) -> Command {
        let mut command = self.agent();
        command.args(["patch", "--operation", operation, "--reboot-option", reboot_option]);
        command
    }

    fn agent(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fettle-agent"));
        command
            .env("SSM_COMMAND_ID", format!("6a1b0c3e-5a55-4c43-9d0a-{:012x}", self.commands.get()))
            .env("FETTLE_AGENT_ROOT", self.root())
            .env("FETTLE_AGENT_DATA", self.data())
            .env("FETTLE_AGENT_PROC", self.bed.folder.path().join("proc"))
            .envs(self.bed.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    /// Begins an installation in a process of its own, whose output nobody reads.
    pub fn begin_install(&self) -> Child {
        self.commands.set(self.commands.get() + 1);
        let mut command = self.command("Install", "NoReboot");
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    fn run(&self, operation: &str, reboot_option: &str) -> Run {
        self.run_command(self.command(operation, reboot_option))
    }

    fn run_command(&self, mut command: Command) -> Run {
        let began = Instant::now();
        let output = command.output().unwrap();
        assert!(began.elapsed() < RUN_WITHIN, "{command:?} took {:?}", began.elapsed());
        let said = format!(
            "{}\n{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        let (summary, items) = self.server.newest();
        Run { code: output.status.code().unwrap_or(-1), said, summary, items }
    }

    pub fn scan(&self) -> Run {
        self.commands.set(self.commands.get() + 1);
        let run = self.run("Scan", "NoReboot");
        assert_eq!(run.code, 0, "{}", run.said);
        assert_eq!(run.summary["OperationType"], "Scan");
        run
    }

    /// Without a restart.
    pub fn install(&self) -> Run {
        self.commands.set(self.commands.get() + 1);
        self.run("Install", "NoReboot")
    }

    /// Without a restart of the machine, with one of the services that run replaced files.
    pub fn install_and_restart_services(&self) -> Run {
        self.commands.set(self.commands.get() + 1);
        let mut command = self.command("Install", "NoReboot");
        command.arg("--restart-services");
        self.run_command(command)
    }

    /// What an installation would do, as it is printed.
    pub fn plan(&self) -> String {
        self.commands.set(self.commands.get() + 1);
        let mut command = self.agent();
        let output = command.arg("plan").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// With a restart where it is wanted: the machine is booted anew and the same step runs again, as its agent would.
    /// What was reported before the restart, and what came of it.
    pub fn install_and_restart(&self) -> (Run, Run) {
        self.commands.set(self.commands.get() + 1);
        let before = self.run("Install", "RebootIfNeeded");
        assert_eq!(before.code, RESTART, "{}", before.said);
        self.boot();
        let after = self.run("Install", "RebootIfNeeded");
        (before, after)
    }
}

impl Run {
    /// `name state` of every item that is in one of these states, sorted; states as reports spell them.
    pub fn in_states(&self, states: &[&str]) -> Vec<String> {
        let of = |row: &Row| {
            let name = row["Id"].rsplit_once('.').map_or(row["Id"].as_str(), |(name, _)| name);
            states.contains(&row["PatchState"].as_str()).then(|| format!("{name} {}", row["PatchState"]))
        };
        let mut found: Vec<_> = self.items.iter().filter_map(of).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Names in one state, with spaces between.
    pub fn names(&self, state: &str) -> String {
        let found = self.in_states(&[state]);
        let names: Vec<_> = found.iter().map(|line| line.split(' ').next().unwrap()).collect();
        names.join(" ")
    }

    /// `name code (subject)` of everything that failed.
    pub fn failures(&self) -> Vec<String> {
        let of = |row: &Row| {
            let detail = row.get("DetailedText")?;
            let name = row["Id"].rsplit_once('.').map_or(row["Id"].as_str(), |(name, _)| name);
            Some(format!("{name} {}", detail.split(": ").next().unwrap()))
        };
        let mut found: Vec<_> = self.items.iter().filter_map(of).collect();
        found.sort_unstable();
        found
    }

    pub fn item(&self, name: &str) -> &Row {
        let found =
            self.items.iter().find(|row| row["Id"].rsplit_once('.').is_some_and(|(known, _)| known == name));
        found.unwrap_or_else(|| panic!("{name} is reported"))
    }

    pub fn count(&self, name: &str) -> i64 {
        self.summary[name].parse().unwrap()
    }

    /// Nothing of this breaks compliance, and that is what the counts say too.
    pub fn assert_compliant(&self) {
        assert_eq!(
            self.in_states(&["Missing", "Failed", "InstalledPendingReboot", "InstalledRejected"]),
            [""; 0]
        );
        for count in ["MissingCount", "FailedCount", "InstalledPendingRebootCount", "InstalledRejectedCount"]
        {
            assert_eq!(self.count(count), 0, "{count}: {}", self.said);
        }
        assert!(self.items.iter().all(|row| row["Status"] == "COMPLIANT"), "{:?}", self.items);
    }
}

fn unix_seconds() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}
