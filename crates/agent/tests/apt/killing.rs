//! `kill -9` for a process and everything below it, with nothing escaping: also for the tests of other package managers.

use rustix::process::{Pid, Signal, kill_process};

/// Every process is stopped before the first is killed, so that none starts another one that nobody knows of. Children go
/// before their parents: the kernel wakes a stopped process whose group loses its last parent, and rpm would then go on
/// without the script that was killed a moment before.
pub fn kill_all(pid: u32) {
    let mut doomed = vec![pid];
    loop {
        doomed.iter().for_each(|&pid| send(pid, Signal::STOP));
        let is_new = |(pid, parent): &(u32, u32)| doomed.contains(parent) && !doomed.contains(pid);
        let found: Vec<_> = processes().filter(is_new).map(|(pid, _)| pid).collect();
        if found.is_empty() {
            break;
        }
        doomed.extend(found);
    }
    doomed.iter().rev().for_each(|&pid| send(pid, Signal::KILL));
}

/// It may have ended by itself in the meantime.
fn send(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let _ = pid.map(|pid| kill_process(pid, signal));
}

/// Every process with its parent.
fn processes() -> impl Iterator<Item = (u32, u32)> {
    std::fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| {
        let pid = entry.file_name().to_string_lossy().parse().ok()?;
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        let (_, rest) = stat.rsplit_once(") ")?;
        Some((pid, rest.split(' ').nth(1)?.parse().ok()?))
    })
}
