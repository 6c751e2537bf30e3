//! The three kinds of volume over recorded tools, and btrfs over the real ones in a file of our own.

use std::collections::VecDeque;
use std::process::Command;

use super::*;

/// What is expected to be called, and what it answers.
struct Recorded(VecDeque<(&'static str, Result<&'static str, &'static str>)>);

impl Recorded {
    fn new(calls: &[(&'static str, Result<&'static str, &'static str>)]) -> Self {
        Self(calls.iter().copied().collect())
    }
}

impl Tools for Recorded {
    fn run(&mut self, program: &str, arguments: &[&str]) -> Result<String, String> {
        let said = format!("{program} {}", arguments.join(" "));
        let (expected, answer) = self.0.pop_front().unwrap_or_else(|| panic!("unexpected: {said}"));
        assert_eq!(said, expected);
        answer.map(str::to_owned).map_err(str::to_owned)
    }
}

impl Drop for Recorded {
    fn drop(&mut self) {
        assert!(std::thread::panicking() || self.0.is_empty(), "not called: {:?}", self.0);
    }
}

const KEEP: Keep = Keep { count: 2, days: 30 };
const RUN: &str = "0b9c9f7a-63a6-4f0e-9a53-0f4a2e0a6c11";

fn now() -> Timestamp {
    Timestamp::from_seconds(1_800_000_000)
}

#[test]
fn only_our_own_are_too_many_or_too_old() {
    let name = |days: i64| names::new(RUN, now().plus_seconds(-days * 86_400));
    let all = [name(0), name(1), name(2), name(40), "before-upgrade".into(), "fettle-mine".into()];
    assert_eq!(names::surplus(&all, now(), KEEP), [&all[3], &all[2]]);
    assert_eq!(names::surplus(&all, now(), Keep { count: 9, days: 30 }), [&all[3]]);
    for foreign in ["fettle-", "fettle-1-x", "fettle-180000000x-a", "fettle-1800000000-", "x"] {
        assert_eq!(names::taken_at(foreign), None, "{foreign}");
    }
    assert_eq!(names::new(RUN, now()), "fettle-1800000000-0b9c9f7a");
    assert_eq!(names::taken_at("fettle-1800000000-0b9c9f7a"), Some(now()));
}

const LVS: &str = "lvs --noheadings --nosuffix --units b --separator | -o vg_name,lv_name,pool_lv,lv_size,vg_free \
                   /dev/mapper/vg-root";
const LIST: &str = "lvs --noheadings --nosuffix --units b --separator | -o lv_name,origin vg";

#[test]
fn a_logical_volume_is_kept_where_its_group_has_room() {
    let volume = Volume::Lvm { device: "/dev/mapper/vg-root".into() };
    let create = "lvcreate --yes --snapshot --name fettle-1800000000-0b9c9f7a --size 2147483648b vg/root";
    let mut tools = Recorded::new(&[
        (LVS, Ok("  vg|root||10737418240|5368709120\n")),
        (create, Ok("")),
        (LVS, Ok("  vg|root||10737418240|3221225472\n")),
        (
            LIST,
            Ok(
                "  root|\n  fettle-1700000000-aaaaaaaa|root\n  fettle-1700000000-bbbbbbbb|home\n  other|root\n",
            ),
        ),
        (LVS, Ok("  vg|root||10737418240|3221225472\n")),
        ("lvremove --yes vg/fettle-1700000000-aaaaaaaa", Ok("")),
    ]);
    let snapshot = volume.take(&mut tools, RUN, now(), KEEP).unwrap();
    assert_eq!((snapshot.kind, snapshot.name.as_str()), (SnapshotKind::Lvm, "vg/fettle-1800000000-0b9c9f7a"));

    let mut full = Recorded::new(&[(LVS, Ok("  vg|root||10737418240|1048576\n"))]);
    let failure = volume.take(&mut full, RUN, now(), KEEP).unwrap_err();
    assert_eq!(failure.code, FailureCode::SnapshotFailed);
    assert!(failure.detail.contains("vg, which has 1048576 free"), "{failure}");

    // A thin one takes its room from the pool.
    let mut thin = Recorded::new(&[
        (LVS, Ok("  vg|root|pool|10737418240|0\n")),
        ("lvcreate --yes --snapshot --name fettle-1800000000-0b9c9f7a vg/root", Ok("")),
        (LVS, Ok("  vg|root|pool|10737418240|0\n")),
        (LIST, Ok("  root|\n")),
    ]);
    volume.take(&mut thin, RUN, now(), KEEP).unwrap();
}

#[test]
fn a_logical_volume_goes_back_unless_its_snapshot_ran_full() {
    let volume = Volume::Lvm { device: "/dev/mapper/vg-root".into() };
    let snapshot = Snapshot {
        kind: SnapshotKind::Lvm,
        name: "vg/s".into(),
        of: "/dev/mapper/vg-root".into(),
        taken_at: now(),
    };
    let look = "lvs --noheadings --nosuffix --units b --separator | -o lv_attr,snap_percent vg/s";
    let outlook = |said| volume.outlook(&mut Recorded::new(&[(look, said)]), &snapshot);
    let found = outlook(Ok("  swi-aos---|12.50\n"));
    assert_eq!(found.blocker, None);
    assert!(found.losses[1].contains("12 percent"), "{:?}", found.losses);
    assert!(outlook(Ok("  swi-Ios---|100.00\n")).blocker.unwrap().contains("ran full"));
    assert!(outlook(Err("Failed to find logical volume")).blocker.unwrap().contains("Failed to find"));
    let other = Snapshot { of: "/dev/mapper/vg-old".into(), ..snapshot.clone() };
    let blocker = volume.outlook(&mut Recorded::new(&[]), &other).blocker.unwrap();
    assert!(blocker.contains("the root is on /dev/mapper/vg-root"), "{blocker}");
    let mut merge = Recorded::new(&[("lvconvert --yes --merge vg/s", Ok(""))]);
    volume.go_back(&mut merge, &snapshot, now()).unwrap();
}

#[test]
fn a_dataset_is_kept_and_goes_back_to_its_newest() {
    let volume = Volume::Zfs { dataset: "rpool/ROOT/debian".into() };
    let name = "rpool/ROOT/debian@fettle-1800000000-0b9c9f7a";
    let mut tools = Recorded::new(&[
        ("zfs snapshot rpool/ROOT/debian@fettle-1800000000-0b9c9f7a", Ok("")),
        (
            "zfs list -H -d 1 -t snapshot -o name rpool/ROOT/debian",
            Ok("rpool/ROOT/debian@daily\nrpool/ROOT/debian@fettle-1700000000-aaaaaaaa\n\
                rpool/ROOT/debian@fettle-1800000000-0b9c9f7a\n"),
        ),
        ("zfs destroy rpool/ROOT/debian@fettle-1700000000-aaaaaaaa", Ok("")),
    ]);
    let snapshot = volume.take(&mut tools, RUN, now(), KEEP).unwrap();
    assert_eq!(snapshot.name, name);
    let written = "zfs get -H -p -o value written@fettle-1800000000-0b9c9f7a rpool/ROOT/debian";
    let outlook = volume.outlook(&mut Recorded::new(&[(written, Ok("4096\n"))]), &snapshot);
    assert!(outlook.losses[1].contains("4096 bytes"), "{outlook:?}");
    let refusal = "cannot rollback to 'x': more recent snapshots or bookmarks exist";
    let rollback = "zfs rollback rpool/ROOT/debian@fettle-1800000000-0b9c9f7a";
    let failure = volume.go_back(&mut Recorded::new(&[(rollback, Err(refusal))]), &snapshot, now());
    assert!(failure.unwrap_err().detail.contains("more recent"));
}

/// Where the tests run again, in a mount namespace of their own.
const INSIDE: &str = "FETTLE_TEST_BTRFS";

/// Real btrfs on a file of ours, that no other process sees mounted.
#[test]
fn btrfs_keeps_a_root_and_goes_back_to_it() {
    if let Some(folder) = std::env::var_os(INSIDE) {
        return btrfs_inside(Path::new(&folder));
    }
    let is_there = |tool: &str| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|folder| folder.join(tool).exists())
    };
    let has_kernel = std::fs::read_to_string("/proc/filesystems").is_ok_and(|text| text.contains("\tbtrfs"));
    let is_root = rustix::process::geteuid().is_root();
    if !(is_root && has_kernel && is_there("mkfs.btrfs") && is_there("unshare")) {
        // A kernel without btrfs is no fault of a machine that has everything else.
        let is_required = std::env::var_os("FETTLE_REQUIRE_BEDS").is_some() && has_kernel;
        assert!(!is_required, "this needs root, btrfs-progs and unshare");
        eprintln!("SKIPPED: this needs root, a kernel with btrfs, btrfs-progs and unshare");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("image");
    std::fs::File::create(&image).unwrap().set_len(200 << 20).unwrap();
    must(Command::new("mkfs.btrfs").arg("-q").arg(&image));
    std::fs::create_dir(folder.path().join("root")).unwrap();
    let mut again = Command::new("unshare");
    again.args(["--mount", "--propagation", "private"]).arg(std::env::current_exe().unwrap());
    again.args(["--exact", "snapshots::tests::btrfs_keeps_a_root_and_goes_back_to_it", "--nocapture"]);
    must(again.env(INSIDE, folder.path()));
}

fn must(command: &mut Command) {
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(output.status.success(), "{command:?}: {said:?}");
}

fn btrfs_inside(folder: &Path) {
    let root = folder.join("root");
    let mount = || must(Command::new("mount").args(["-o", "loop"]).arg(folder.join("image")).arg(&root));
    let unmount = || must(Command::new("umount").arg(&root));
    mount();
    std::fs::create_dir_all(root.join("usr")).unwrap();
    std::fs::create_dir_all(root.join("etc")).unwrap();
    let release = root.join("etc/release");
    std::fs::write(&release, "old").unwrap();

    let mut tools = ToolRun::new(folder, TOOL_LIMIT);
    let volume = Volume::of(&root).unwrap();
    let first = volume.take(&mut tools, RUN, now().plus_seconds(-100 * 86_400), KEEP).unwrap();
    let snapshot = volume.take(&mut tools, RUN, now(), KEEP).unwrap();
    // Too old by now, and ours; the other folder is somebody's.
    std::fs::create_dir(root.join(".fettle-snapshots/theirs")).unwrap();
    assert!(!Path::new(&first.name).exists());
    assert_eq!(volume.list(&mut tools).unwrap(), ["fettle-1800000000-0b9c9f7a"]);

    std::fs::write(&release, "new").unwrap();
    std::fs::write(root.join("etc/other"), "other").unwrap();
    must(&mut Command::new("sync"));
    let outlook = volume.outlook(&mut tools, &snapshot);
    assert_eq!(outlook.blocker, None);
    assert!(outlook.losses[1].contains("2 files"), "{:?}", outlook.losses);
    volume.go_back(&mut tools, &snapshot, now()).unwrap();
    // Until the next mount, which is what a boot is to a root, nothing changed.
    assert_eq!(std::fs::read_to_string(&release).unwrap(), "new");
    unmount();
    mount();
    assert_eq!(std::fs::read_to_string(&release).unwrap(), "old");
    assert!(!root.join("etc/other").exists());
    let gone = volume.outlook(&mut tools, &snapshot).blocker;
    assert!(gone.unwrap().contains("not there any more"));
    // A subvolume that is mounted by name is not exchanged in this way.
    std::fs::write(root.join("etc/fstab"), "UUID=1 / btrfs subvol=@ 0 0\n").unwrap();
    let named = Volume::of(&root).unwrap();
    let snapshot = named.take(&mut tools, RUN, now(), KEEP).unwrap();
    assert!(named.outlook(&mut tools, &snapshot).blocker.unwrap().contains("subvol=@ in /etc/fstab"));
    unmount();
}
