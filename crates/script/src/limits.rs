//! What the process may take of the machine, told to the kernel before a line of the script is looked at. The interpreter
//! opens nothing by itself; should it ever err, it finds nothing to open, write or start.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::protocol::Limits;

/// After the last thread was started: there may be no further one.
pub fn bound(limits: Limits) {
    let taken = address_space_bytes();
    // What is open stays open: the three files that it was given.
    for resource in [Resource::Nofile, Resource::Fsize, Resource::Core, Resource::Nproc] {
        lower(resource, (0, 0));
    }
    // Two seconds more than the interpreter allows itself: its own word is the clearer one. At the first limit the process
    // is told, which ends it, and so says why it ended.
    let seconds = limits.cpu_seconds.saturating_add(2);
    lower(Resource::Cpu, (seconds, seconds.saturating_add(5)));
    let bytes = taken.saturating_add(limits.memory_bytes);
    lower(Resource::As, (bytes, bytes));
}

fn lower(resource: Resource, (soft, hard): (u64, u64)) {
    let known = getrlimit(resource).maximum;
    let bounded = |most: u64| Some(known.map_or(most, |maximum| maximum.min(most)));
    // Nothing is raised, so there is nothing to refuse but a resource that this kernel does not know.
    let _ = setrlimit(resource, Rlimit { current: bounded(soft), maximum: bounded(hard) });
}

/// That the program takes already. 0 where the system does not tell: there the script has less by that much.
fn address_space_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmSize:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kilobytes.unwrap_or_default().saturating_mul(1024)
}
