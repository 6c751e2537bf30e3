//! What a process uses of memory and processors, and whether that is more than an agent may: read where the kernel tells it
//! under `/proc`, and nowhere else.

use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;

/// The agent has some 20 MB; what it reads and installs with runs in processes of their own.
const MOST_MEMORY_BYTES: u64 = 512 << 20;
/// So many looks in a row: one peak is none.
const LOOKS: u32 = 3;
/// Half a processor, for a minute.
const CPU_WINDOW: Duration = Duration::from_secs(60);
const CPU_IN_WINDOW: Duration = Duration::from_secs(30);
/// Of the kernel's, on every system that it tells programs about.
const TICKS_PER_SECOND: u64 = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Use {
    pub memory_bytes: u64,
    pub cpu: Duration,
}

/// `None`: it is not told here, or the process is gone.
pub fn of(proc: &Path, pid: u32) -> Option<Use> {
    let folder = proc.join(pid.to_string());
    let status = std::fs::read_to_string(folder.join("status")).ok()?;
    let stat = std::fs::read_to_string(folder.join("stat")).ok()?;
    parse(&status, &stat)
}

fn parse(status: &str, stat: &str) -> Option<Use> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    // The second field is the program's name, in brackets, with whatever in it.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<u64>().ok();
    let cpu_ms = (ticks(11)? + ticks(12)?).saturating_mul(1000 / TICKS_PER_SECOND);
    Some(Use { memory_bytes: kib.saturating_mul(1024), cpu: Duration::from_millis(cpu_ms) })
}

/// A process over time.
#[derive(Debug, Default)]
pub struct Consumption {
    above: u32,
    looks: VecDeque<(Duration, Duration)>,
}

impl Consumption {
    /// Takes in what is used at `age` of the process. Why that is too much, if it is.
    pub fn judge(&mut self, age: Duration, used: Use) -> Option<String> {
        self.above = if used.memory_bytes > MOST_MEMORY_BYTES { self.above + 1 } else { 0 };
        if self.above >= LOOKS {
            let (used, most) = (used.memory_bytes >> 20, MOST_MEMORY_BYTES >> 20);
            return Some(format!("it takes {used} MiB of memory, and may take {most}"));
        }
        self.looks.push_back((age, used.cpu));
        // The youngest look that is a window old stays: the difference is that of a whole window.
        while self.looks.get(1).is_some_and(|(at, _)| age.saturating_sub(*at) >= CPU_WINDOW) {
            self.looks.pop_front();
        }
        let (at, cpu) = *self.looks.front()?;
        let (span, worked) = (age.saturating_sub(at), used.cpu.saturating_sub(cpu));
        let is_much = span >= CPU_WINDOW
            && worked.as_secs_f64() / span.as_secs_f64()
                > CPU_IN_WINDOW.as_secs_f64() / CPU_WINDOW.as_secs_f64();
        is_much.then(|| format!("it kept a processor busy for {} of {} s", worked.as_secs(), span.as_secs()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_kernel_says() {
        let status = "Name:\tagent\nVmPeak:\t  30000 kB\nVmRSS:\t   20480 kB\n";
        let stat = "17 (odd ) name) S 1 17 17 0 -1 4194560 2000 0 0 0 250 50 0 0 20 0 4 0 100 1 2";
        let read = parse(status, stat).unwrap();
        assert_eq!(read, Use { memory_bytes: 20 << 20, cpu: Duration::from_secs(3) });
        assert_eq!(parse("Name:\tx\n", stat), None, "a process that is gone has no memory");
        assert_eq!(parse(status, "17 (short) S 1"), None);
    }

    fn at(seconds: u64, memory_mib: u64, cpu_seconds: u64) -> (Duration, Use) {
        let used = Use { memory_bytes: memory_mib << 20, cpu: Duration::from_secs(cpu_seconds) };
        (Duration::from_secs(seconds), used)
    }

    fn judge(looks: &[(Duration, Use)]) -> Option<String> {
        let mut consumption = Consumption::default();
        looks.iter().find_map(|(age, used)| consumption.judge(*age, *used))
    }

    #[test]
    fn memory_is_too_much_when_it_stays() {
        assert_eq!(judge(&[at(1, 600, 0), at(2, 600, 0), at(3, 20, 0), at(4, 600, 0), at(5, 600, 0)]), None);
        let reason = judge(&[at(1, 600, 0), at(2, 600, 0), at(3, 600, 0)]).unwrap();
        assert!(reason.contains("600 MiB"), "{reason}");
    }

    #[test]
    fn work_is_too_much_when_it_goes_on_for_a_minute() {
        let busy = |share: u64, seconds: u64| -> Vec<_> {
            (0..seconds).map(|second| at(second, 20, second * share / 100)).collect()
        };
        assert_eq!(judge(&busy(100, 59)), None, "a start may cost something");
        assert_eq!(judge(&busy(40, 600)), None);
        let reason = judge(&busy(90, 120)).unwrap();
        assert!(reason.contains("of 60 s"), "{reason}");
        let burst: Vec<_> = (0..600).map(|second| at(second, 20, second.min(25))).collect();
        assert_eq!(judge(&burst), None);
    }
}
