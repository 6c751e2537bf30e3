//! A [`PatchBed`] whose root is a real btrfs file system, in a file of its own, mounted where no other process sees it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::{PatchBed, eventually};

/// Set in the process that has mounts of its own.
const INSIDE: &str = "FETTLE_TEST_OWN_MOUNTS";
const IMAGE_BYTES: u64 = 300 << 20;
const QUIET_WITHIN: Duration = Duration::from_secs(30);

pub struct BtrfsBed {
    pub bed: PatchBed,
}

impl BtrfsBed {
    /// `name` is the test's own. It runs once more in a mount namespace of its own, so that the kernel takes mounts and
    /// loop devices away however it ends. `None` in the process that only waits for that, and where it cannot be done.
    pub fn new(name: &str) -> Option<Self> {
        if std::env::var_os(INSIDE).is_none() {
            if can_mount() {
                let mut again = Command::new("unshare");
                again.args(["--mount", "--propagation", "private"]).arg(std::env::current_exe().unwrap());
                let status = again.args(["--exact", name, "--nocapture"]).env(INSIDE, "1").status().unwrap();
                assert!(status.success(), "{name} failed, see above");
            }
            return None;
        }
        let bed = PatchBed::new()?;
        let (root, plain) = (bed.root(), bed.root().with_extension("plain"));
        let image = root.with_extension("btrfs");
        fs::rename(&root, &plain).unwrap();
        fs::create_dir(&root).unwrap();
        fs::File::create(&image).unwrap().set_len(IMAGE_BYTES).unwrap();
        must(Command::new("mkfs.btrfs").arg("-q").arg(&image));
        let bed = Self { bed };
        bed.mount();
        must(Command::new("cp").arg("-a").arg(plain.join(".")).arg(&root));
        bed.put_in_tools();
        Some(bed)
    }

    fn mount(&self) {
        let root = self.bed.root();
        must(Command::new("mount").args(["-o", "loop"]).arg(root.with_extension("btrfs")).arg(&root));
    }

    /// What a start of the machine is to its root: mounted anew, whatever subvolume that is now.
    pub fn reboot(&self) {
        eventually("nobody uses the root any more", QUIET_WITHIN, || {
            Command::new("umount").arg(self.bed.root()).output().unwrap().status.success().then_some(())
        });
        self.mount();
        self.bed.boot(1);
        self.bed.wait_booted();
    }

    fn folder(&self) -> PathBuf {
        self.bed.root().parent().unwrap().to_owned()
    }

    /// A `btrfs` before the real one on the agent's PATH, which stops where the test says.
    fn put_in_tools(&self) {
        let folder = self.folder().display().to_string();
        let real = which("btrfs").unwrap().display().to_string();
        let script = format!(
            "#!/bin/sh\n\
             hold() {{ [ \"$(cat '{folder}/hold' 2>/dev/null)\" = \"$1\" ] || return 0; touch '{folder}/held'\n\
             while [ -e '{folder}/hold' ]; do sleep 0.02; done; }}\n\
             hold \"before $2\"\n'{real}' \"$@\"; ended=$?\nhold \"after $2\"\nexit $ended\n"
        );
        let path = self.folder().join("bin/btrfs");
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// From here on the agent's tools stop at this point: `before` or `after` a verb of `btrfs subvolume`.
    pub fn hold(&self, at: &str) {
        fs::write(self.folder().join("hold"), at).unwrap();
    }

    /// From here on apt stops before or after it lets dpkg work.
    pub fn hold_apt(&self, hook: &str) {
        let folder = self.folder().display().to_string();
        let line = format!(
            "DPkg::{hook} {{ \"touch '{folder}/held'; while [ -e '{folder}/hold' ]; do sleep 0.02; done\"; }};\n"
        );
        fs::write(self.bed.root().join("etc/apt/apt.conf.d/99hold"), line).unwrap();
        self.hold("apt");
    }

    pub fn wait_held(&self) {
        let held = self.folder().join("held");
        eventually("it has come so far", Duration::from_secs(120), || held.exists().then_some(()));
    }

    /// Nothing stops any more.
    pub fn let_go(&self) {
        for name in ["hold", "held"] {
            let _ = fs::remove_file(self.folder().join(name));
        }
        let _ = fs::remove_file(self.bed.root().join("etc/apt/apt.conf.d/99hold"));
    }
}

impl Drop for BtrfsBed {
    /// Before the folder goes, which must not take the root's files one by one.
    fn drop(&mut self) {
        self.let_go();
        let _ = Command::new("umount").arg("--lazy").arg(self.bed.root()).status();
    }
}

fn can_mount() -> bool {
    let kernel = fs::read_to_string("/proc/filesystems").is_ok_and(|text| text.contains("\tbtrfs"));
    let is_root = fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    let missing = ["mkfs.btrfs", "btrfs", "unshare", "mount"].into_iter().find(|tool| which(tool).is_none());
    if kernel && is_root && missing.is_none() {
        return true;
    }
    // A kernel without btrfs is no fault of a machine that has everything else.
    let is_required = std::env::var_os("FETTLE_REQUIRE_BEDS").is_some() && kernel;
    assert!(!is_required, "this needs root, btrfs-progs and unshare; missing: {missing:?}");
    eprintln!("SKIPPED: this needs root, a kernel with btrfs, btrfs-progs and unshare");
    false
}

fn which(tool: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders =
        std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin"), PathBuf::from("/sbin")]);
    folders.find(|folder| folder.join(tool).exists()).map(|folder| Path::new(&folder).join(tool))
}

fn must(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
