//! Who holds a package manager's lock, and waiting until nobody does. The kernel and pid files tell the process;
//! which files are locks is each backend's to know.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use domain::patch::{Failure, FailureCode};
use rustix::process::{Flock, FlockType, fcntl_getlk};

use super::root::{Identity, Root, identity_of};
use super::tool::{Finished, Tool, ToolRun, failure};

/// How often a lock that is held is looked at again.
const PAUSE: Duration = Duration::from_millis(200);
/// How often waiting is spoken of.
const REMINDER: Duration = Duration::from_secs(30);

/// A file whose lock or content says that a package manager is at work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lock {
    /// Locked with `fcntl`, as apt, dpkg and rpm do.
    Record(PathBuf),
    /// Holds a process id, as yum's, dnf's and zypper's do.
    PidFile(PathBuf),
    /// Locked with `flock`, as apk does.
    Whole(PathBuf),
    /// Is there as long as somebody works, who keeps it open, as pacman's does. One that nobody has open was left by
    /// a process that was killed.
    OpenFile(PathBuf),
}

/// A process that holds one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// `None` when it is a process that cannot be seen from here.
    pub pid: Option<i32>,
    pub name: String,
    pub file: PathBuf,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.pid {
            Some(pid) if !self.name.is_empty() => write!(f, "{} (pid {pid})", self.name),
            Some(pid) => write!(f, "pid {pid}"),
            None => f.write_str("a process that cannot be seen from here"),
        }
    }
}

/// The first of these that somebody else holds now.
pub fn holder(root: &Root, locks: &[Lock]) -> Option<Holder> {
    locks.iter().find_map(|lock| match lock {
        Lock::Record(path) => {
            let file = root.open(path).ok()??;
            let held = fcntl_getlk(&file, &Flock::from(FlockType::WriteLock)).ok()??;
            let pid = held.pid.map(|pid| pid.as_raw_nonzero().get());
            Some(Holder { pid, name: pid.map(process_name).unwrap_or_default(), file: root.shown(path) })
        }
        Lock::PidFile(path) => {
            let mut text = String::new();
            root.open(path).ok()??.take(32).read_to_string(&mut text).ok()?;
            let pid: i32 = text.trim().parse().ok().filter(|pid| *pid > 0)?;
            let is_me = u32::try_from(pid).is_ok_and(|pid| pid == std::process::id());
            // A file that a killed process left behind holds nothing.
            let lives = Path::new(&format!("/proc/{pid}")).exists();
            let name = process_name(pid);
            (lives && !is_me).then(|| Holder { pid: Some(pid), name, file: root.shown(path) })
        }
        Lock::Whole(path) => {
            let identity = root.identity(path).ok()??;
            let locks = std::fs::read_to_string("/proc/locks").ok()?;
            let pid = locks.lines().find_map(|line| flock_holder(line, &identity))?;
            let pid = Some(pid).filter(|pid| *pid > 0);
            Some(Holder { pid, name: pid.map(process_name).unwrap_or_default(), file: root.shown(path) })
        }
        Lock::OpenFile(path) => {
            let identity = root.identity(path).ok()??;
            let pid = process_with_open(identity)?;
            Some(Holder { pid: Some(pid), name: process_name(pid), file: root.shown(path) })
        }
    })
}

/// The same, as what keeps a change away.
pub fn held(root: &Root, locks: &[Lock]) -> Option<Failure> {
    let holder = holder(root, locks)?;
    let detail = format!("{holder} holds {}; an installation waits for it", holder.file.display());
    Some(failure(FailureCode::LockHeld, &holder.to_string(), detail))
}

/// The process of a line of `/proc/locks` that holds this file: `1: FLOCK ADVISORY WRITE PID MAJOR:MINOR:INODE 0 EOF`. One
/// that waits for it has an arrow before the kind. Asked so, and not by trying, since a try would be in the others' way.
/// File systems made of several give stat another device than the kernel's own: the inode has to do.
fn flock_holder(line: &str, identity: &Identity) -> Option<i32> {
    let words: Vec<_> = line.split_ascii_whitespace().collect();
    let [_, "FLOCK", _, _, pid, place, ..] = words[..] else { return None };
    let inode: u64 = place.rsplit(':').next()?.parse().ok()?;
    (inode == identity.inode).then(|| pid.parse().ok())?
}

/// Whether a lock file is there that nobody holds.
pub fn is_stale(root: &Root, lock: &Lock) -> Result<bool, Failure> {
    let Lock::OpenFile(path) = lock else { return Ok(false) };
    Ok(root.identity(path)?.is_some() && holder(root, std::slice::from_ref(lock)).is_none())
}

/// Takes a lock file away that nobody holds, and tells whether there was one.
pub fn clear_stale(root: &Root, lock: &Lock) -> Result<bool, Failure> {
    let Lock::OpenFile(path) = lock else { return Ok(false) };
    let before = root.identity(path)?;
    // Another process may make a new one meanwhile, and has it open as soon as it is there.
    if before.is_none() || !is_stale(root, lock)? || root.identity(path)? != before {
        return Ok(false);
    }
    let shown = root.shown(path);
    crate::files::remove_if_present(&shown).map_err(|error| {
        let detail = format!("cannot remove {}, which nobody holds: {error}", shown.display());
        failure(FailureCode::NotPermitted, "pacman", detail)
    })?;
    Ok(true)
}

/// The first process that has this file open. Needs root rights to see those of others.
fn process_with_open(wanted: Identity) -> Option<i32> {
    let processes = std::fs::read_dir("/proc").ok()?.flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let has_it = |pid: &i32| {
        let files = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        let is_it = |file: std::fs::DirEntry| {
            rustix::fs::stat(file.path()).is_ok_and(|stat| {
                let open = identity_of(&stat);
                (open.device, open.inode) == (wanted.device, wanted.inode)
            })
        };
        files.into_iter().any(is_it)
    };
    let me = std::process::id();
    pids.filter(|pid| u32::try_from(*pid).is_ok_and(|pid| pid != me)).find(has_it)
}

/// Waits until none of these is held, as long as the run waits for locks.
pub fn wait(root: &Root, locks: &[Lock], run: &mut ToolRun, program: &str) -> Result<(), Failure> {
    let began = Instant::now();
    let patience = run.lock_wait();
    let mut spoken: Option<Instant> = None;
    while let Some(holder) = holder(root, locks) {
        run.check(program)?;
        if began.elapsed() >= patience {
            let detail = format!(
                "{holder} holds {} and did not let go for {} seconds",
                holder.file.display(),
                patience.as_secs()
            );
            return Err(failure(FailureCode::LockHeld, &holder.to_string(), detail));
        }
        if spoken.is_none_or(|spoken| spoken.elapsed() > REMINDER) {
            let text = format!("waiting for {holder}, which holds {}", holder.file.display());
            // For lists that are fetched before anything is shown to anybody, too.
            tracing::info!("{text}");
            run.say(&text);
            spoken = Some(Instant::now());
        }
        std::thread::sleep(PAUSE.min(patience));
    }
    Ok(())
}

/// Runs a tool once nobody holds these locks; again while another process is quicker to take one, which `came_second` sees.
pub fn run_alone(
    root: &Root,
    locks: &[Lock],
    run: &mut ToolRun,
    tool: &Tool,
    came_second: impl Fn(&Finished) -> bool,
) -> Result<Finished, Failure> {
    let attempt = |run: &mut ToolRun| {
        wait(root, locks, run, &tool.name())?;
        for lock in locks {
            clear_stale(root, lock)?;
        }
        run.run(tool)
    };
    until_not_second(run, attempt, came_second)
}

/// Runs what changes something, and again while another process is quicker to take the lock; `attempt` waits for
/// the holders first. Ends with the last attempt once the run's patience with locks is over.
fn until_not_second(
    run: &mut ToolRun,
    mut attempt: impl FnMut(&mut ToolRun) -> Result<Finished, Failure>,
    came_second: impl Fn(&Finished) -> bool,
) -> Result<Finished, Failure> {
    let (began, patience) = (Instant::now(), run.lock_wait());
    loop {
        let finished = attempt(run)?;
        if !came_second(&finished) || began.elapsed() >= patience {
            return Ok(finished);
        }
        std::thread::sleep(PAUSE);
    }
}

/// As the process calls itself: the program of its command line, else the kernel's short name.
fn process_name(pid: i32) -> String {
    let read = |name: &str| std::fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
    let command = read("cmdline");
    let mut words = command.split(|&byte| byte == 0).filter(|word| !word.is_empty());
    let base = |word: &[u8]| {
        let text = String::from_utf8_lossy(word).into_owned();
        text.rsplit('/').next().unwrap_or_default().to_owned()
    };
    let program = words.next().map(base).unwrap_or_default();
    // `python3 /usr/bin/dnf …` is known by its script.
    let mut words = words.take_while(|word| *word != b"-c").filter(|word| !word.starts_with(b"-"));
    let script = words.next().map(base).filter(|_| program.starts_with("python"));
    let name = script.unwrap_or(program);
    if name.is_empty() { String::from_utf8_lossy(&read("comm")).trim().to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_file_is_locked() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::at(folder.path()).unwrap();
        let file = std::fs::File::create(folder.path().join("lock")).unwrap();
        let locks = [Lock::Whole("/lock".into())];
        assert_eq!(holder(&root, &locks), None);
        file.lock().unwrap();
        let held = holder(&root, &locks).unwrap();
        assert_eq!(held.pid.and_then(|pid| u32::try_from(pid).ok()), Some(std::process::id()));
        file.unlock().unwrap();
        assert_eq!(holder(&root, &locks), None);
        let identity = Identity { inode: 7, ..Identity::default() };
        assert_eq!(flock_holder("1: -> FLOCK ADVISORY WRITE 12 08:01:7 0 EOF", &identity), None);
        assert_eq!(flock_holder("1: FLOCK ADVISORY WRITE -1 08:01:7 0 EOF", &identity), Some(-1));
        assert_eq!(flock_holder("1: POSIX ADVISORY WRITE 12 08:01:7 0 EOF", &identity), None);
        assert_eq!(flock_holder("", &identity), None);
    }

    #[test]
    fn a_file_counts_while_somebody_has_it_open() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::at(folder.path()).unwrap();
        let lock = Lock::OpenFile("/db.lck".into());
        let path = folder.path().join("db.lck");
        assert!(!is_stale(&root, &lock).unwrap());
        let file = std::fs::File::create(&path).unwrap();
        let mut child = std::process::Command::new("sleep").arg("60").stdin(file).spawn().unwrap();
        let held = holder(&root, std::slice::from_ref(&lock)).unwrap();
        assert_eq!((held.name.as_str(), held.pid.unwrap() as u32), ("sleep", child.id()));
        assert!(!clear_stale(&root, &lock).unwrap() && path.exists());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(is_stale(&root, &lock).unwrap());
        assert!(clear_stale(&root, &lock).unwrap() && !path.exists());
        assert!(!clear_stale(&root, &lock).unwrap());
    }

    #[test]
    fn a_pid_file_counts_while_its_process_lives() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::at(folder.path()).unwrap();
        let locks = [Lock::PidFile("/zypp.pid".into())];
        assert_eq!(holder(&root, &locks), None);
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        std::fs::write(folder.path().join("zypp.pid"), format!("{}\n", child.id())).unwrap();
        let held = holder(&root, &locks).unwrap();
        assert_eq!((held.name.as_str(), held.pid.unwrap() as u32), ("sleep", child.id()));
        let mut run = ToolRun::new(folder.path(), Duration::from_secs(60)).waiting_for_locks(Duration::ZERO);
        let failure = wait(&root, &locks, &mut run, "zypper").unwrap_err();
        assert_eq!((failure.code, failure.subject), (FailureCode::LockHeld, held.to_string()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(holder(&root, &locks), None);
        wait(&root, &locks, &mut run, "zypper").unwrap();
    }
}
