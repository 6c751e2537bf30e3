//! `fettle-agent` as a child process, on an apt root of its own.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use api::sigv4::Credentials;
use api::ssm::{
    CreateActivationRequest, DescribeInstanceInformationRequest, InstanceInformationStringFilter, PingStatus,
};
use tempfile::TempDir;

use super::server::{REGION, clean};
use super::{PatchBed, Server, apt_root, eventually, program};

const ONLINE_WITHIN: Duration = Duration::from_secs(30);

/// An enrolled node. Killed when dropped.
pub struct Agent {
    pub id: String,
    child: Option<Child>,
    folder: TempDir,
    /// Registration, key and journal.
    data: PathBuf,
    /// In place of the agent's own small root.
    environment: Vec<(String, String)>,
}

impl Agent {
    /// Enrolled, not started. Its packages are those of [`apt_root`].
    pub fn enroll(server: &Server) -> Self {
        Self::enroll_with(server, None, &[])
    }

    /// With a folder for the agent's data, and further arguments for `fettle-agent enroll`.
    fn enroll_with(server: &Server, data: Option<PathBuf>, arguments: &[&str]) -> Self {
        Self::enroll_at(server, &server.endpoint, data, arguments)
    }

    /// The server under another address.
    fn enroll_at(server: &Server, endpoint: &str, data: Option<PathBuf>, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = data.unwrap_or_else(|| folder.path().join("agent"));
        apt_root::write(&folder.path().join("root"));
        let activation = server
            .call(&CreateActivationRequest { iam_role: "fettle-node".to_owned(), ..Default::default() });
        let mut command = Command::new(program("fettle-agent"));
        clean(&mut command);
        command
            .args(["enroll", "--endpoint", endpoint, "--region", REGION])
            .args(["--activation-id", activation.activation_id.as_deref().unwrap()])
            .arg("--data")
            .arg(&data)
            .args(arguments)
            .env("FETTLE_ACTIVATION_CODE", activation.activation_code.unwrap());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let id = String::from_utf8(output.stdout).unwrap().trim().to_owned();
        Self { id, child: None, folder, data, environment: Vec::new() }
    }

    /// Enrolled, started, and known to the server as online.
    pub fn online(server: &Server) -> Self {
        let mut agent = Self::enroll(server);
        agent.start();
        agent.wait_online(server);
        agent
    }

    /// The same, with the server under another address.
    pub fn online_at(server: &Server, endpoint: &str) -> Self {
        let mut agent = Self::enroll_at(server, endpoint, None, &[]);
        agent.start();
        agent.wait_online(server);
        agent
    }

    /// The same on a node that can be patched.
    pub fn online_on(server: &Server, bed: &PatchBed) -> Self {
        let mut agent = Self::enroll(server);
        agent.environment = bed.environment();
        agent.start();
        agent.wait_online(server);
        agent
    }

    /// The same, with its data in the bed's own root, as on a real machine, and told to take snapshots.
    pub fn online_within(server: &Server, bed: &PatchBed) -> Self {
        let folder = bed.root().join("var/lib");
        std::fs::create_dir_all(&folder).unwrap();
        Self::online_keeping(server, bed, Some(folder.join("fettle-agent")))
    }

    /// Told to take snapshots, which do not hold its data.
    pub fn online_beside(server: &Server, bed: &PatchBed) -> Self {
        Self::online_keeping(server, bed, None)
    }

    fn online_keeping(server: &Server, bed: &PatchBed, data: Option<PathBuf>) -> Self {
        let mut agent = Self::enroll_with(server, data, &[]);
        agent.environment = bed.environment();
        agent.environment.push(("FETTLE_AGENT_SNAPSHOTS".to_owned(), "require".to_owned()));
        agent.start();
        agent.wait_online(server);
        agent
    }

    /// `fettle-agent` on this node, by hand: what it printed, and whether it worked.
    pub fn by_hand(&self, arguments: &[&str]) -> (bool, String) {
        let mut command = Command::new(program("fettle-agent"));
        clean(&mut command);
        command.args(arguments).env("FETTLE_AGENT_DATA", &self.data);
        let output = command.envs(self.environment.iter().cloned()).output().unwrap();
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        (output.status.success(), said.concat())
    }

    /// The same, told to trust an authority.
    pub fn online_trusting(server: &Server, bed: &PatchBed, authority: &Path) -> Self {
        let mut agent = Self::enroll_with(server, None, &["--ca-file", authority.to_str().unwrap()]);
        agent.environment = bed.environment();
        agent.start();
        agent.wait_online(server);
        agent
    }

    /// The same, on the agent's own small root.
    pub fn online_knowing(server: &Server, authority: &Path) -> Self {
        let mut agent = Self::enroll_with(server, None, &["--ca-file", authority.to_str().unwrap()]);
        agent.start();
        agent.wait_online(server);
        agent
    }

    /// The memory that the agent's process has now.
    pub fn resident_kib(&self) -> u64 {
        let id = self.child.as_ref().unwrap().id();
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    pub fn start(&mut self) {
        self.start_with(&[]);
    }

    /// With further arguments for `fettle-agent run`.
    pub fn start_with(&mut self, arguments: &[&str]) {
        let log = OpenOptions::new().create(true).append(true).open(self.log_path()).unwrap();
        let mut command = Command::new(program("fettle-agent"));
        clean(&mut command);
        command
            .arg("run")
            .arg("--data")
            .arg(&self.data)
            .args(arguments)
            .env("FETTLE_AGENT_ROOT", self.root())
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        self.child = Some(child);
    }

    pub fn wait_online(&self, server: &Server) {
        let filter =
            InstanceInformationStringFilter { key: "InstanceIds".to_owned(), values: vec![self.id.clone()] };
        let request =
            DescribeInstanceInformationRequest { filters: Some(vec![filter]), ..Default::default() };
        eventually("the node is online", ONLINE_WITHIN, || {
            let nodes = server.call(&request).instance_information_list?;
            let node = nodes.first()?;
            // Any signed call is a sign of life; the first heartbeat also says what the machine is.
            (node.ping_status == Some(PingStatus::Online) && node.platform_name.is_some()).then_some(())
        });
    }

    /// What the agent takes for the machine's file system.
    pub fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    /// Ends the agent, its patch run and whatever that started, in any order, as a power cut would.
    pub fn cut_power(&mut self) {
        let data = self.data.display().to_string();
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let Ok(id) = entry.file_name().to_string_lossy().parse::<u32>() else { continue };
            let read = |name: &str| std::fs::read(entry.path().join(name)).unwrap_or_default();
            let said = [read("environ"), read("cmdline")].concat();
            if id != std::process::id() && String::from_utf8_lossy(&said).contains(&data) {
                // It may have ended in this very moment.
                let _ = Command::new("kill").args(["-9", &id.to_string()]).stderr(Stdio::null()).status();
            }
        }
        self.kill();
    }

    /// What runs changed is not remembered by the node any more.
    pub fn forget_history(&self) {
        std::fs::remove_file(self.data.join("patch-history.json")).unwrap();
    }

    /// Ends the process as a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// The temporary credentials that the agent works with.
    pub fn credentials(&self) -> Credentials {
        let path = self.data.join("aws-credentials");
        let text =
            eventually("the agent has credentials", ONLINE_WITHIN, || std::fs::read_to_string(&path).ok());
        let value = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix('='));
            line.map(|value| value.trim().to_owned())
                .unwrap_or_else(|| panic!("no {name} in {}", path.display()))
        };
        Credentials {
            access_key_id: value("aws_access_key_id"),
            secret_access_key: value("aws_secret_access_key"),
            session_token: Some(value("aws_session_token")),
        }
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("agent.log")
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.log_path()).unwrap_or_default();
            let from = log.lines().count().saturating_sub(3);
            eprintln!("the agent's log ends:\n{}", log.lines().skip(from).collect::<Vec<_>>().join("\n"));
        }
    }
}
