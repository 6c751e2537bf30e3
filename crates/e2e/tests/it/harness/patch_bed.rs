//! A node with packages of its own that real apt and dpkg can update: the hermetic bed as the agent's root, and a
//! kernel of its own that can be rebooted.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::eventually;

pub struct PatchBed {
    folder: tempfile::TempDir,
}

impl PatchBed {
    /// `None`, and a line that says so, where the tools are missing; a failure where they must be there.
    pub fn new() -> Option<Self> {
        for tool in ["apt-get", "apt-ftparchive", "dpkg-deb", "dpkg-query"] {
            if !is_there(tool) {
                assert!(std::env::var_os("FETTLE_REQUIRE_BEDS").is_none(), "{tool} is not installed");
                eprintln!("SKIPPED: {tool} is not installed, so there is no bed to patch");
                return None;
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testbeds/apt-local-repo.sh");
        let made = Command::new(script).arg(folder.path()).env("BED_UNSIGNED", "1").output().unwrap();
        assert!(made.status.success(), "no bed: {}", String::from_utf8_lossy(&made.stderr));
        let bed = Self { folder };
        fs::create_dir_all(bed.folder.path().join("bin")).unwrap();
        // What the agent finds on its PATH: notes the wish, and leaves the rest to the test.
        let shutdown = bed.folder.path().join("bin/shutdown");
        fs::write(&shutdown, format!("#!/bin/sh\necho \"$*\" >> '{}'\n", bed.wishes().display())).unwrap();
        fs::set_permissions(&shutdown, fs::Permissions::from_mode(0o755)).unwrap();
        bed.boot(1);
        bed.wait_booted();
        Some(bed)
    }

    pub fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    /// What the agent is told about its surroundings.
    pub fn environment(&self) -> Vec<(String, String)> {
        let path = std::env::var("PATH").unwrap_or_default();
        let bin = self.folder.path().join("bin");
        vec![
            ("FETTLE_AGENT_ROOT".to_owned(), self.root().display().to_string()),
            ("FETTLE_AGENT_PROC".to_owned(), self.proc().display().to_string()),
            ("PATH".to_owned(), format!("{}:{path}", bin.display())),
            ("TB_SLOW".to_owned(), "1".to_owned()),
        ]
    }

    fn proc(&self) -> PathBuf {
        self.folder.path().join("proc")
    }

    fn wishes(&self) -> PathBuf {
        self.folder.path().join("shutdown-was-called")
    }

    /// How often the machine was asked to restart.
    pub fn restarts_asked(&self) -> usize {
        fs::read_to_string(self.wishes()).map_or(0, |text| text.lines().count())
    }

    /// A new boot, some seconds from now: later than anything that is installed so far.
    pub fn boot(&self, seconds_from_now: u64) {
        let proc = self.proc();
        fs::create_dir_all(proc.join("sys/kernel/random")).unwrap();
        let at = unix_seconds() + seconds_from_now;
        fs::write(proc.join("stat"), format!("btime {at}\n")).unwrap();
        fs::write(proc.join("sys/kernel/random/boot_id"), format!("boot-{at}-{}\n", self.restarts_asked()))
            .unwrap();
        // `/run` is empty after a boot.
        for name in ["reboot-required", "reboot-required.pkgs"] {
            let _ = fs::remove_file(self.root().join("var/run").join(name));
        }
    }

    fn booted_at(&self) -> u64 {
        let text = fs::read_to_string(self.proc().join("stat")).unwrap();
        text.trim().rsplit(' ').next().unwrap().parse().unwrap()
    }

    /// What is installed from here on is younger than the boot.
    pub fn wait_booted(&self) {
        let at = self.booted_at();
        eventually("the boot is over", Duration::from_secs(10), || (unix_seconds() > at).then_some(()));
    }

    /// `VERSION STATE` of an installed package.
    pub fn state(&self, package: &str) -> String {
        let mut command = Command::new("dpkg-query");
        command.arg(format!("--admindir={}", self.root().join("var/lib/dpkg").display()));
        let output = command.args(["-W", "-f=${Version} ${db:Status-Abbrev}", package]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// dpkg's own diary.
    pub fn diary(&self) -> String {
        fs::read_to_string(self.root().join("var/log/dpkg.log")).unwrap_or_default()
    }

    /// What dpkg finds half done.
    pub fn audit(&self) -> String {
        let mut command = Command::new("dpkg");
        command.arg(format!("--admindir={}", self.root().join("var/lib/dpkg").display())).arg("--audit");
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    }

    /// A service has a process that maps a file.
    pub fn run_service(&self, unit: &str, file: &str) {
        let process = self.proc().join("1000");
        fs::create_dir_all(&process).unwrap();
        fs::write(process.join("comm"), "service\n").unwrap();
        fs::write(process.join("cgroup"), format!("0::/system.slice/{unit}\n")).unwrap();
        fs::write(process.join("maps"), format!("7f00-7f01 r--p 00000000 08:01 12 {file}\n")).unwrap();
    }

    /// The installed version of a package has a script that asks for a reboot.
    pub fn ask_for_reboot(&self, package: &str) {
        let script = self.root().join(format!("var/lib/dpkg/info/{package}.postinst"));
        fs::write(script, "#!/bin/sh\n/usr/share/update-notifier/notify-reboot-required\n").unwrap();
    }

    /// Another program is at work on the packages, until this is dropped.
    pub fn hold_dpkg_lock(&self) -> LockHolder {
        const HOLD: &str = "import fcntl, sys; f = open(sys.argv[1], 'a'); fcntl.lockf(f, fcntl.LOCK_EX); \
            print('held', flush=True); sys.stdin.read()";
        let mut command = Command::new("python3");
        command.args(["-c", HOLD]).arg(self.root().join("var/lib/dpkg/lock-frontend"));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
        LockHolder(child)
    }

    /// Keeps the node as it is now, for [`Self::restore`].
    pub fn keep(&self) {
        self.copy("root", "kept");
    }

    pub fn restore(&self) {
        self.copy("kept", "root");
    }

    fn copy(&self, from: &str, to: &str) {
        let (from, to) = (self.folder.path().join(from), self.folder.path().join(to));
        let _ = fs::remove_dir_all(&to);
        assert!(Command::new("cp").arg("-a").arg(&from).arg(&to).status().unwrap().success());
    }
}

/// A process that holds a lock; ended when dropped.
pub struct LockHolder(Child);

impl Drop for LockHolder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn is_there(tool: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(tool).exists())
}

fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}
