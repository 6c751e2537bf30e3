//! What the root file system is on, by the kernel's table of mounts, and whether a snapshot of it would hold the packages
//! and what is known of them. Source: proc(5), `mountinfo`.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::Volume;

/// What has to be on the root's own file system, so that packages and their database go back together.
const NEEDED: [&str; 8] = [
    "usr",
    "etc",
    "var/lib/dpkg/status",
    "var/lib/rpm",
    "usr/lib/sysimage/rpm",
    "lib/apk/db",
    "usr/lib/apk/db",
    "var/lib/pacman",
];

#[derive(Clone, Debug, PartialEq, Eq)]
struct Mount {
    point: PathBuf,
    kind: String,
    source: String,
    options: String,
}

/// `cmdline` is the kernel's; an error says why there is nothing that could be kept.
pub fn volume(mountinfo: &str, root: &Path, cmdline: &str, fstab: &str) -> Result<Volume, String> {
    let mounts: Vec<Mount> = mountinfo.lines().filter_map(read).collect();
    let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    let own = mounts.iter().rev().find(|mount| mount.point == root);
    let Some(own) = own else { return Err(format!("{} is no file system of its own", root.display())) };
    for needed in NEEDED {
        let Ok(path) = root.join(needed).canonicalize() else { continue };
        let under = mounts.iter().filter(|mount| path.starts_with(&mount.point));
        let nearest = under.max_by_key(|mount| mount.point.components().count());
        if let Some(other) = nearest.filter(|mount| mount.point != own.point) {
            return Err(parted(needed, &other.point.display().to_string()));
        }
    }
    match own.kind.as_str() {
        "btrfs" => {
            let mounted_by_name = by_kernel(cmdline).or_else(|| by_fstab(fstab));
            Ok(Volume::Btrfs { top: own.point.clone(), mounted_by_name })
        }
        "zfs" => Ok(Volume::Zfs { dataset: own.source.clone() }),
        _ if ["/dev/mapper/", "/dev/dm-"].iter().any(|start| own.source.starts_with(start)) => {
            Ok(Volume::Lvm { device: own.source.clone() })
        }
        kind => Err(format!("the root is on {kind} on {}: snapshots need btrfs, LVM or ZFS", own.source)),
    }
}

fn parted(needed: &str, place: &str) -> String {
    format!(
        "/{needed} is on a file system of its own ({place}), so a snapshot of the root would part packages from what is \
         known of them"
    )
}

/// A subvolume of its own below the root, which needs no mount of its own and is in no snapshot of the root's.
pub fn nested(root: &Path) -> Result<(), String> {
    let is_other = |needed: &&str| {
        let path = root.join(needed);
        path.exists() && !is_same(root, &path)
    };
    let other = NEEDED.into_iter().find(is_other);
    other.map_or(Ok(()), |needed| Err(parted(needed, "another subvolume")))
}

/// Both are there, on one file system, and on one subvolume of it.
pub fn is_same(one: &Path, other: &Path) -> bool {
    let device = |path: &Path| std::fs::metadata(path).map(|found| found.dev()).ok();
    device(one).is_some_and(|found| device(other) == Some(found))
}

/// `36 35 0:3 /@ / rw shared:1 - btrfs /dev/sda1 rw,subvol=/@`
fn read(line: &str) -> Option<Mount> {
    let (before, after) = line.split_once(" - ")?;
    let point = before.split(' ').nth(4)?;
    let mut after = after.split(' ');
    let (kind, source) = (after.next()?.to_owned(), plain(after.next()?));
    let options = after.next().unwrap_or_default().to_owned();
    Some(Mount { point: PathBuf::from(plain(point)), kind, source, options })
}

/// Blanks and backslashes stand as three octal digits.
fn plain(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let code =
            tail.get(..3).filter(|_| first == b'\\').and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[3..];
            }
            None => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A subvolume that the boot loader names: the file system's default one then counts for nothing.
fn by_kernel(cmdline: &str) -> Option<String> {
    let flags = cmdline.split_whitespace().find_map(|word| word.strip_prefix("rootflags="))?;
    let named = flags.split(',').find(|flag| flag.starts_with("subvol"))?;
    Some(format!("{named} on the kernel's command line"))
}

fn by_fstab(fstab: &str) -> Option<String> {
    let line = fstab.lines().find(|line| {
        let mut words = line.split_whitespace();
        !line.trim_start().starts_with('#') && words.nth(1) == Some("/")
    })?;
    let options = line.split_whitespace().nth(3)?;
    let named = options.split(',').find(|option| option.starts_with("subvol"))?;
    Some(format!("{named} in /etc/fstab"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BTRFS: &str = "29 1 0:25 /@ / rw,relatime shared:1 - btrfs /dev/sda2 rw,subvolid=256,subvol=/@\n\
                         30 29 0:5 / /proc rw - proc proc rw\n";

    fn of(mountinfo: &str, cmdline: &str, fstab: &str) -> Result<Volume, String> {
        volume(mountinfo, Path::new("/"), cmdline, fstab)
    }

    #[test]
    fn finds_what_the_root_is_on() {
        let top = PathBuf::from("/");
        let free = Volume::Btrfs { top: top.clone(), mounted_by_name: None };
        assert_eq!(of(BTRFS, "quiet", "UUID=1 / btrfs defaults 0 0\n"), Ok(free));
        let named = |by: &str| Volume::Btrfs { top: top.clone(), mounted_by_name: Some(by.to_owned()) };
        let fstab = "# subvol=@x\nUUID=1 / btrfs defaults,subvol=@ 0 0\n";
        assert_eq!(of(BTRFS, "quiet", fstab), Ok(named("subvol=@ in /etc/fstab")));
        let cmdline = "root=UUID=1 rootflags=subvol=@ quiet";
        assert_eq!(of(BTRFS, cmdline, ""), Ok(named("subvol=@ on the kernel's command line")));
        let lvm = "29 1 253:0 / / rw - ext4 /dev/mapper/vg-root rw\n";
        assert_eq!(of(lvm, "", ""), Ok(Volume::Lvm { device: "/dev/mapper/vg-root".into() }));
        let zfs = "29 1 0:30 / / rw - zfs rpool/ROOT/debian rw,xattr\n";
        assert_eq!(of(zfs, "", ""), Ok(Volume::Zfs { dataset: "rpool/ROOT/debian".into() }));
        let plain = "29 1 8:1 / / rw - ext4 /dev/sda1 rw\n";
        assert!(of(plain, "", "").unwrap_err().contains("need btrfs, LVM or ZFS"));
        assert!(of("", "", "").unwrap_err().contains("no file system of its own"));
    }

    #[test]
    fn packages_on_another_file_system_would_be_parted() {
        let text = format!("{BTRFS}31 29 8:3 / /usr rw - ext4 /dev/sda3 rw\n");
        assert!(of(&text, "", "").unwrap_err().starts_with("/usr is on a file system of its own"));
    }

    #[test]
    fn reads_escapes() {
        assert_eq!(plain("/a\\040b\\134c"), "/a b\\c");
        assert_eq!(plain("/a\\04"), "/a\\04");
        assert_eq!(read("1 2 3 / /x\\040y rw - btrfs /dev/a rw").unwrap().point, Path::new("/x y"));
        assert_eq!(read("nonsense"), None);
    }
}
