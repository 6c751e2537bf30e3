//! Processes that run files which were replaced under them, by the unit that systemd keeps them in, or the service of OpenRC
//! that `openrc` finds for them. Source: proc(5), `maps` and `cgroup`.

mod openrc;

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{ErrorKind, Read};
use std::path::Path;

use domain::facts::{StaleUnit, Starter};
use memchr::{memmem, memrchr};
use openrc::Services;

/// More would not help anybody to decide.
const MAX_FILES: usize = 5;
const MAX_PROCESSES: usize = 20;
/// Where packages put what is mapped. Deleted files elsewhere are a program's own business.
const SYSTEM_FOLDERS: [&str; 6] = ["/usr/", "/lib", "/bin/", "/sbin/", "/opt/", "/etc/"];
/// In the control groups of containers run other systems' files.
const CONTAINERS: [&str; 7] =
    ["/docker", "/kubepods", "/libpod", "/lxc", "/machine.slice", "/containerd", "/crio"];

const DELETED: &str = " (deleted)";
const DELETED_LINE: &str = " (deleted)\n";

#[derive(Default)]
struct Found {
    processes: BTreeSet<String>,
    files: BTreeSet<String>,
}

/// What a look at the processes found.
#[derive(Debug, Default)]
pub struct Look {
    pub units: Vec<StaleUnit>,
    /// How many could not be looked at.
    pub unreadable: u32,
    /// The processes that the units stand for, and those that could not be looked at.
    pub suspects: Vec<u32>,
}

/// What tells the unit of a process. What OpenRC has is read where systemd's control groups do not say.
struct Units<'a> {
    root: &'a Path,
    proc: &'a Path,
    openrc: OnceCell<Services>,
}

impl Units<'_> {
    /// The service or scope; empty for a process outside of any, `None` for one of a container.
    fn of(&self, process: u32) -> Option<String> {
        let folder = self.proc.join(process.to_string());
        let cgroup = fs::read_to_string(folder.join("cgroup")).unwrap_or_default();
        let unit = unit_of(&cgroup)?;
        if !unit.is_empty() {
            return Some(unit);
        }
        let services = self.openrc.get_or_init(|| Services::load(self.root, self.proc));
        Some(services.of(self.proc, process, &cgroup).unwrap_or_default())
    }
}

/// Looks at all processes, or at `suspects` only.
pub fn look(root: &Path, proc: &Path, suspects: Option<&[u32]>) -> Look {
    let units_of = Units { root, proc, openrc: OnceCell::new() };
    let mut look = Look::default();
    let mut units: BTreeMap<String, Found> = BTreeMap::new();
    let mut maps = Vec::new();
    for process in suspects.map_or_else(|| processes(proc), <[u32]>::to_vec) {
        let folder = proc.join(process.to_string());
        let files = match replaced_files(&folder, &mut maps) {
            Ok(files) => files,
            Err(error) => {
                // A process that has ended in the meantime runs nothing.
                if error.kind() == ErrorKind::PermissionDenied {
                    look.unreadable += 1;
                    look.suspects.push(process);
                }
                continue;
            }
        };
        if files.is_empty() {
            continue;
        }
        let Some(unit) = units_of.of(process) else { continue };
        let name = fs::read_to_string(folder.join("comm")).unwrap_or_default().trim().to_owned();
        let found = units.entry(unit).or_default();
        found.processes.insert(name);
        found.files.extend(files);
        look.suspects.push(process);
    }
    let unit = |(unit, found): (String, Found)| StaleUnit {
        unit,
        processes: found.processes.into_iter().take(MAX_PROCESSES).collect(),
        files: found.files.into_iter().take(MAX_FILES).collect(),
    };
    look.units = units.into_iter().map(unit).collect();
    look
}

fn processes(proc: &Path) -> Vec<u32> {
    let Ok(entries) = fs::read_dir(proc) else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// Files that processes of services map, by the form of their paths that [`merged`] gives, with the services.
pub fn mapped(root: &Path, proc: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let units = Units { root, proc, openrc: OnceCell::new() };
    let mut files: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut maps = Vec::new();
    for process in processes(proc) {
        let folder = proc.join(process.to_string());
        let Some(unit) = units.of(process).filter(|unit| Starter::of(unit).is_some()) else { continue };
        maps.clear();
        let read = fs::File::open(folder.join("maps")).and_then(|mut file| file.read_to_end(&mut maps));
        if read.is_err() {
            continue;
        }
        let mut last = "";
        let text = String::from_utf8_lossy(&maps);
        for path in text.lines().filter_map(|line| Some(&line[line.find('/')?..])) {
            // The parts of one file stand one after the other.
            if path == last || !SYSTEM_FOLDERS.iter().any(|folder| path.starts_with(folder)) {
                continue;
            }
            files.entry(merged(path).to_owned()).or_default().insert(unit.clone());
            last = path;
        }
    }
    files
}

/// One path for a file, whether it is named through `/usr` or through the links beside it: `/lib/x` is `/usr/lib/x`.
pub fn merged(path: &str) -> &str {
    let below = path.strip_prefix("/usr").unwrap_or(path);
    let is_linked = ["/lib", "/bin/", "/sbin/"].iter().any(|folder| below.starts_with(folder));
    if is_linked { below } else { path }
}

/// `maps` is room to read into, to be used again.
fn replaced_files(folder: &Path, maps: &mut Vec<u8>) -> std::io::Result<BTreeSet<String>> {
    maps.clear();
    fs::File::open(folder.join("maps"))?.read_to_end(maps)?;
    let mut files = BTreeSet::new();
    // Hardly a process has one: the text is looked at only around them.
    for at in memmem::find_iter(maps, DELETED_LINE) {
        let begin = memrchr(b'\n', &maps[..at]).map_or(0, |end| end + 1);
        let line = String::from_utf8_lossy(&maps[begin..at + DELETED.len()]);
        files.extend(replaced_file(&line).map(str::to_owned));
    }
    Ok(files)
}

/// The sixth column, of a file that is gone; rpm's temporary suffix `;5f3a` taken off.
fn replaced_file(line: &str) -> Option<&str> {
    let path = &line[line.find('/')?..];
    let path = path.strip_suffix(DELETED)?;
    let path = path.strip_suffix(".dpkg-new").unwrap_or(path);
    let path = path.split(';').next().unwrap_or(path);
    SYSTEM_FOLDERS.iter().any(|folder| path.starts_with(folder)).then_some(path)
}

/// As systemd has it in the control group; empty where it has none, `None` for one of a container.
fn unit_of(cgroup: &str) -> Option<String> {
    let line = cgroup
        .lines()
        .find(|line| line.starts_with("0::") || line.contains(":name=systemd:"))
        .unwrap_or_default();
    let path = line.splitn(3, ':').nth(2).unwrap_or_default();
    if CONTAINERS.iter().any(|container| path.contains(container)) {
        return None;
    }
    let is_unit = |part: &&str| part.ends_with(".service") || part.ends_with(".scope");
    Some(path.split('/').find(is_unit).unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(proc: &Path, id: u32, name: &str, cgroup: &str, maps: &str) {
        let folder = proc.join(id.to_string());
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("comm"), format!("{name}\n")).unwrap();
        fs::write(folder.join("cgroup"), cgroup).unwrap();
        fs::write(folder.join("maps"), maps).unwrap();
    }

    #[test]
    fn finds_units_by_what_their_processes_map() {
        let (dir, nowhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let ssl = "7f00-7f01 r-xp 00000000 08:01 12 /usr/lib/x86_64-linux-gnu/libssl.so.3 (deleted)\n";
        let fine = "7f00-7f01 r-xp 00000000 08:01 12 /usr/lib/x86_64-linux-gnu/libc.so.6\n\
                    7f02-7f03 rw-s 00000000 00:01 9 /dev/shm/cache (deleted)\n\
                    7f04-7f05 rw-p 00000000 00:00 0 [heap]\n";
        process(dir.path(), 10, "nginx", "0::/system.slice/nginx.service\n", ssl);
        process(dir.path(), 11, "nginx", "0::/system.slice/nginx.service\n", ssl);
        process(dir.path(), 12, "sshd", "0::/system.slice/ssh.service\n", fine);
        process(dir.path(), 13, "bash", "0::/user.slice/user-0.slice/session-3.scope\n", ssl);
        process(dir.path(), 14, "app", "0::/system.slice/docker-1f.scope\n", ssl);
        process(dir.path(), 15, "init", "1:name=systemd:/\n", ssl);
        fs::create_dir_all(dir.path().join("sys")).unwrap();
        let Look { units, unreadable, mut suspects } = look(nowhere.path(), dir.path(), None);
        let told: Vec<_> = units.iter().map(|unit| (unit.unit.as_str(), unit.processes.join(","))).collect();
        let expected = [("", "init"), ("nginx.service", "nginx"), ("session-3.scope", "bash")];
        assert_eq!(told, expected.map(|(unit, names)| (unit, names.to_owned())));
        assert_eq!(units[1].files, ["/usr/lib/x86_64-linux-gnu/libssl.so.3"]);
        assert_eq!(unreadable, 0);
        suspects.sort_unstable();
        assert_eq!(suspects, [10, 11, 13, 15]);
        let again = look(nowhere.path(), dir.path(), Some(&[12, 13, 99]));
        assert_eq!((again.units.len(), again.suspects), (1, vec![13]));
    }

    #[test]
    fn reads_lines_of_maps() {
        let check = |line: &str, expected: Option<&str>| assert_eq!(replaced_file(line), expected, "{line}");
        check("7f r-xp 0 08:01 1 /usr/lib64/libc.so.6;5f3a1b (deleted)", Some("/usr/lib64/libc.so.6"));
        check("7f r-xp 0 08:01 1 /usr/bin/a b (deleted)", Some("/usr/bin/a b"));
        check("7f r-xp 0 08:01 1 /lib/x.so.dpkg-new (deleted)", Some("/lib/x.so"));
        check("7f rw-s 0 00:01 1 /memfd:x (deleted)", None);
        check("7f rw-p 0 00:00 0", None);
        check("", None);
    }
}
