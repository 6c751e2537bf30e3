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
const LIST: &str = "lvs --noheadings --nosuffix --units b --separator | --all -o lv_name,origin,lv_attr vg";

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
            Ok("  root||owi-aos---\n  fettle-1700000000-aaaaaaaa|root|swi-a-s---\n  \
                fettle-1700000000-bbbbbbbb|home|swi-a-s---\n  other|root|swi-a-s---\n"),
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
        (LIST, Ok(include_str!("../../tests/captures/lvm-2.03/thin.txt"))),
        (LVS, Ok("  vg|root|pool|10737418240|0\n")),
        ("lvremove --yes vg/fettle-1700000000-aaaaaaaa", Ok("")),
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
    volume.go_back(&mut merge, &snapshot, &[], now()).unwrap();
}

/// What LVM says to standard error, in its own words; its lines begin with two blanks.
#[test]
fn lvm_says_why_not() {
    let volume = Volume::Lvm { device: "/dev/mapper/vg-root".into() };
    let create = "lvcreate --yes --snapshot --name fettle-1800000000-0b9c9f7a vg/root";
    let full = "  Cannot create new thin volume, free space in thin pool vg/pool reached threshold.";
    let mut tools = Recorded::new(&[(LVS, Ok("  vg|root|pool|10737418240|0\n")), (create, Err(full))]);
    let failure = volume.take(&mut tools, RUN, now(), KEEP).unwrap_err();
    assert!(failure.detail.contains("reached threshold"), "{failure}");

    // Somebody took the last extents between our look and LVM's.
    let create = "lvcreate --yes --snapshot --name fettle-1800000000-0b9c9f7a --size 2147483648b vg/root";
    let none = "  Volume group \"vg\" has insufficient free space (0 extents): 512 required.";
    let mut tools = Recorded::new(&[(LVS, Ok("  vg|root||10737418240|5368709120\n")), (create, Err(none))]);
    let failure = volume.take(&mut tools, RUN, now(), KEEP).unwrap_err();
    assert!(failure.detail.contains("(0 extents): 512 required"), "{failure}");

    let there = "  Logical Volume \"fettle-1800000000-0b9c9f7a\" already exists in volume group \"vg\"";
    let mut tools = Recorded::new(&[(LVS, Ok("  vg|root||10737418240|5368709120\n")), (create, Err(there))]);
    assert!(volume.take(&mut tools, RUN, now(), KEEP).unwrap_err().detail.contains("already exists"));

    // A root on a device of another kind: dm-crypt, a multipath.
    let other = "  Volume group \"crypt\" not found\n  Cannot process volume group crypt";
    let obstacle = volume.obstacle(&mut Recorded::new(&[(LVS, Err(other))])).unwrap();
    assert_eq!(
        (obstacle.code, obstacle.subject.as_str()),
        (FailureCode::SnapshotFailed, "/dev/mapper/vg-root")
    );
    assert!(obstacle.detail.contains("Cannot process volume group crypt"), "{obstacle}");
    let short =
        volume.obstacle(&mut Recorded::new(&[(LVS, Ok("  vg|root||10737418240|1048576\n"))])).unwrap();
    assert!(short.detail.contains("which has 1048576 free"), "{short}");
    assert_eq!(
        volume.obstacle(&mut Recorded::new(&[(LVS, Ok("  vg|root||10737418240|5368709120\n"))])),
        None
    );
}

#[test]
fn a_merge_that_waits_is_told_and_not_removed() {
    let volume = Volume::Lvm { device: "/dev/mapper/vg-root".into() };
    let waiting = include_str!("../../tests/captures/lvm-2.03/thick-merging.txt");
    let look = |answer| Recorded::new(&[(LVS, Ok("  vg|root||10737418240|0\n")), (LIST, Ok(answer))]);
    assert_eq!(volume.waits(&mut look(waiting)).unwrap().as_deref(), Some("vg/fettle-1700000000-aaaaaaaa"));
    assert_eq!(
        volume.waits(&mut look(include_str!("../../tests/captures/lvm-2.03/thick.txt"))).unwrap(),
        None
    );
    let thin = include_str!("../../tests/captures/lvm-2.03/thin.txt");
    assert_eq!(volume.waits(&mut look(thin)).unwrap(), None);
    assert_eq!(volume.list(&mut look(thin)).unwrap(), ["fettle-1700000000-aaaaaaaa"]);
    let thin = include_str!("../../tests/captures/lvm-2.03/thin-merging.txt");
    assert_eq!(volume.waits(&mut look(thin)).unwrap().as_deref(), Some("vg/fettle-1700000000-aaaaaaaa"));
    let ours = volume.ours(&mut look(waiting)).unwrap();
    let standings: Vec<_> = ours.iter().map(|ours| (ours.run.as_str(), ours.standing)).collect();
    assert_eq!(standings, [("aaaaaaaa", Standing::NextRoot), ("bbbbbbbb", Standing::Snapshot)]);
    assert!(volume.remove(&mut Recorded::new(&[]), &ours[0]).unwrap_err().detail.contains("next start"));
    let in_use = "  Logical volume vg/fettle-1750000000-bbbbbbbb contains a filesystem in use.";
    let remove = "lvremove --yes vg/fettle-1750000000-bbbbbbbb";
    let failure = volume.remove(&mut Recorded::new(&[(remove, Err(in_use))]), &ours[1]).unwrap_err();
    assert!(failure.detail.contains("in use"), "{failure}");
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
    let failure = volume.go_back(&mut Recorded::new(&[(rollback, Err(refusal))]), &snapshot, &[], now());
    assert!(failure.unwrap_err().detail.contains("more recent"));
}

/// What zfs says to standard error, in its own words.
#[test]
fn zfs_says_why_not() {
    let volume = Volume::Zfs { dataset: "rpool/ROOT/debian".into() };
    let name = "rpool/ROOT/debian@fettle-1800000000-0b9c9f7a";
    let create = "zfs snapshot rpool/ROOT/debian@fettle-1800000000-0b9c9f7a";
    let full = "cannot create snapshot 'rpool/ROOT/debian@fettle-1800000000-0b9c9f7a': out of space\nno snapshots were created";
    let failure = volume.take(&mut Recorded::new(&[(create, Err(full))]), RUN, now(), KEEP).unwrap_err();
    assert!(failure.detail.contains("out of space"), "{failure}");
    let there = "cannot create snapshot 'rpool/ROOT/debian@fettle-1800000000-0b9c9f7a': dataset already exists\nno snapshots were created";
    let failure = volume.take(&mut Recorded::new(&[(create, Err(there))]), RUN, now(), KEEP).unwrap_err();
    assert!(failure.detail.contains("already exists"), "{failure}");

    let room = "zfs get -H -p -o value available rpool/ROOT/debian";
    assert_eq!(volume.obstacle(&mut Recorded::new(&[(room, Ok("10737418240\n"))])), None);
    let obstacle = volume.obstacle(&mut Recorded::new(&[(room, Ok("0\n"))])).unwrap();
    assert!(obstacle.detail.contains("pool of rpool/ROOT/debian is full"), "{obstacle}");
    let no_module =
        "The ZFS modules cannot be auto-loaded.\nTry running 'modprobe zfs' as root to manually load them.";
    let obstacle = volume.obstacle(&mut Recorded::new(&[(room, Err(no_module))])).unwrap();
    assert!(obstacle.detail.contains("modules cannot be auto-loaded"), "{obstacle}");
    let gone = "cannot open 'rpool/ROOT/debian': dataset does not exist";
    assert!(
        volume.obstacle(&mut Recorded::new(&[(room, Err(gone))])).unwrap().detail.contains("does not exist")
    );

    let ours = Ours::snapshot(name.to_owned(), "fettle-1800000000-0b9c9f7a").unwrap();
    let destroy = "zfs destroy rpool/ROOT/debian@fettle-1800000000-0b9c9f7a";
    let busy = "cannot destroy snapshot rpool/ROOT/debian@fettle-1800000000-0b9c9f7a: dataset is busy";
    let failure = volume.remove(&mut Recorded::new(&[(destroy, Err(busy))]), &ours).unwrap_err();
    assert!(failure.detail.contains("dataset is busy"), "{failure}");
    let list = "zfs list -H -d 1 -t snapshot -o name rpool/ROOT/debian";
    let all = "rpool/ROOT/debian@daily\nrpool/ROOT/debian@fettle-1800000000-0b9c9f7a\n";
    assert_eq!(volume.ours(&mut Recorded::new(&[(list, Ok(all))])).unwrap(), [ours]);
    assert_eq!(volume.waits(&mut Recorded::new(&[])).unwrap(), None);
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
    // As `/var` often is.
    must(Command::new("btrfs").args(["subvolume", "create"]).arg(root.join("own")));
    std::fs::write(root.join("own/key"), "key").unwrap();

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
    assert_eq!(volume.obstacle(&mut tools), None);
    assert_eq!(volume.waits(&mut tools).unwrap(), None);
    // An undo that was killed left its copy, before it was put in the root's place.
    let left = root.join(".fettle-snapshots/back-1700000000").display().to_string();
    must(Command::new("btrfs").args(["subvolume", "snapshot", &snapshot.name, &left]));
    let standings = |tools: &mut ToolRun| -> Vec<(String, Standing)> {
        volume.ours(tools).unwrap().into_iter().map(|ours| (ours.name, ours.standing)).collect()
    };
    let kept = (snapshot.name.clone(), Standing::Snapshot);
    assert_eq!(standings(&mut tools), [(left, Standing::Copy), kept.clone()]);
    let carried = ["etc/other", "etc/absent", "own/key"].map(|file| root.join(file)).into_iter();
    let carried: Vec<PathBuf> = carried.chain([PathBuf::from("/etc/hostname")]).collect();
    assert!(volume.holds(&root, &root.join("etc")) && !volume.holds(&root, &root.join("own")));
    volume.go_back(&mut tools, &snapshot, &carried, now()).unwrap();
    // Until the next mount, which is what a boot is to a root, nothing changed.
    assert_eq!(std::fs::read_to_string(&release).unwrap(), "new");
    assert_eq!(volume.waits(&mut tools).unwrap().as_deref(), Some(".fettle-snapshots/back-1800000000"));
    let next = root.join(".fettle-snapshots/back-1800000000").display().to_string();
    let mut expected = vec![(next, Standing::NextRoot), kept];
    expected.sort();
    assert_eq!(standings(&mut tools), expected);
    let all = volume.ours(&mut tools).unwrap();
    let next = all.iter().find(|ours| ours.standing == Standing::NextRoot).unwrap();
    assert!(volume.remove(&mut tools, next).unwrap_err().detail.contains("next start"));
    unmount();
    mount();
    assert_eq!(std::fs::read_to_string(&release).unwrap(), "old");
    // What was to stay as it is, did.
    assert_eq!(std::fs::read_to_string(root.join("etc/other")).unwrap(), "other");
    assert_eq!(volume.waits(&mut tools).unwrap(), None);
    // The snapshot is still there, in what was the root; it is told of, and can be removed.
    let left = volume.ours(&mut tools).unwrap();
    let standings: Vec<_> = left.iter().map(|ours| (ours.standing, ours.run.as_str())).collect();
    assert_eq!(standings, [(Standing::Elsewhere, "0b9c9f7a")]);
    volume.remove(&mut tools, &left[0]).unwrap();
    assert_eq!(volume.ours(&mut tools).unwrap(), []);
    let gone = volume.outlook(&mut tools, &snapshot).blocker;
    assert!(gone.unwrap().contains("not there any more"));
    // Once more, from a root that is a copy itself.
    let later = now().plus_seconds(1);
    let again = volume.take(&mut tools, RUN, later, KEEP).unwrap();
    std::fs::write(&release, "newer").unwrap();
    volume.go_back(&mut tools, &again, &[], later).unwrap();
    let next = root.join(".fettle-snapshots/back-1800000001").display().to_string();
    let mut expected = vec![(next, Standing::NextRoot), (again.name.clone(), Standing::Snapshot)];
    expected.sort();
    let standings = |tools: &mut ToolRun| -> Vec<(String, Standing)> {
        volume.ours(tools).unwrap().into_iter().map(|ours| (ours.name, ours.standing)).collect()
    };
    assert_eq!(standings(&mut tools), expected);
    assert!(volume.waits(&mut tools).unwrap().is_some());
    unmount();
    mount();
    assert_eq!(
        (std::fs::read_to_string(&release).unwrap().as_str(), volume.waits(&mut tools).unwrap()),
        ("old", None)
    );
    let left = volume.ours(&mut tools).unwrap();
    let left: Vec<_> = left.iter().map(|ours| (ours.standing, ours.run.as_str())).collect();
    assert_eq!(left, [(Standing::Elsewhere, ""), (Standing::Elsewhere, "0b9c9f7a")]);
    // A subvolume that is mounted by name is not exchanged in this way.
    std::fs::write(root.join("etc/fstab"), "UUID=1 / btrfs subvol=@ 0 0\n").unwrap();
    let named = Volume::of(&root).unwrap();
    assert!(named.obstacle(&mut tools).unwrap().detail.contains("work by hand"));
    let snapshot = named.take(&mut tools, RUN, now(), KEEP).unwrap();
    assert!(named.outlook(&mut tools, &snapshot).blocker.unwrap().contains("subvol=@ in /etc/fstab"));
    std::fs::remove_file(root.join("etc/fstab")).unwrap();
    // A package database in a subvolume of its own is in no snapshot of the root's.
    std::fs::create_dir_all(root.join("var/lib")).unwrap();
    must(Command::new("btrfs").args(["subvolume", "create"]).arg(root.join("var/lib/pacman")));
    let parted = Volume::of(&root).unwrap_err();
    assert!(parted.detail.contains("/var/lib/pacman is on a file system of its own"), "{parted}");
    must(Command::new("btrfs").args(["property", "set", "-ts"]).arg(&root).args(["ro", "true"]));
    assert!(volume.obstacle(&mut tools).unwrap().detail.contains("read-only"));
    unmount();
}
