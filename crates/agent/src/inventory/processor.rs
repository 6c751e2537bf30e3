//! The machine's processors and its kernel, as Linux tells them.
//! Source: proc(5), cpuinfo.

use std::collections::BTreeSet;

use super::{Entry, entry};

pub fn gather() -> Vec<Entry> {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let kernel = rustix::system::uname().release().to_string_lossy().into_owned();
    vec![describe(&text, kernel)]
}

/// Not every architecture tells sockets and cores; what is not told is left out.
fn describe(cpuinfo: &str, kernel: String) -> Entry {
    let value = |line: &str, name: &str| {
        let (found, value) = line.split_once(':')?;
        (found.trim() == name).then(|| value.trim().to_owned())
    };
    let first = |name: &str| cpuinfo.lines().find_map(|line| value(line, name)).unwrap_or_default();
    let threads = cpuinfo.lines().filter(|line| value(line, "processor").is_some()).count();
    let distinct = |name: &str| cpuinfo.lines().filter_map(|line| value(line, name)).collect::<BTreeSet<_>>();
    let sockets = distinct("physical id").len();
    let cores_each: usize = first("cpu cores").parse().unwrap_or(0);
    let cores = sockets * cores_each;
    let count = |count: usize| if count == 0 { String::new() } else { count.to_string() };
    let hyper = if cores == 0 { String::new() } else { (threads > cores).to_string() };
    let speed = first("cpu MHz").parse::<f64>().map(|speed| format!("{speed:.0}")).unwrap_or_default();
    entry([
        ("CPUModel", first("model name")),
        ("CPUSpeedMHz", speed),
        ("CPUs", count(threads)),
        ("CPUSockets", count(sockets)),
        ("CPUCores", count(cores)),
        ("CPUHyperThreadEnabled", hyper),
        ("KernelVersion", kernel),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_sockets_cores_and_threads() {
        let thread = |number: usize, socket: usize| {
            format!(
                "processor\t: {number}\nmodel name\t: Some CPU @ 2.50GHz\ncpu MHz\t\t: 2499.998\nphysical id\t: {socket}\n\
                 cpu cores\t: 2\n\n"
            )
        };
        let text: String = (0..8).map(|number| thread(number, number / 4)).collect();
        let found = describe(&text, "6.1.0".to_owned());
        let of = |name: &str| found.get(name).map(String::as_str);
        assert_eq!((of("CPUs"), of("CPUSockets"), of("CPUCores")), (Some("8"), Some("2"), Some("4")));
        assert_eq!((of("CPUSpeedMHz"), of("CPUHyperThreadEnabled")), (Some("2500"), Some("true")));
        // An ARM machine says little.
        let found = describe("processor\t: 0\nBogoMIPS\t: 50.00\n\nprocessor\t: 1\n", "6.1.0".to_owned());
        assert_eq!(found.keys().collect::<Vec<_>>(), ["CPUs", "KernelVersion"]);
    }
}
