//! What the kernel and OpenRC tell of a running machine, where every process may choose its name and what it maps.

use std::hint::black_box;
use std::sync::OnceLock;

use agent::boot::Boot;
use agent::effect::{self, expected};
use domain::facts::{FactSet, Observation, OsRelease, PackageFact};
use domain::patch::transaction::{Change, ChangeReason};

use crate::node::{Files, Node, choose};

const FILES: Files = &[
    (
        "proc/10/maps",
        "7f00-7f01 r-xp 00000000 08:01 12 /usr/lib/libssl.so.3 (deleted)\n7f-8f r-xp 0 08:01 1 /usr/bin/app\n",
    ),
    ("proc/10/cgroup", "0::/openrc.app\n"),
    ("proc/10/stat", "10 (app) S 1 10 10 0 -1\n"),
    ("proc/10/comm", "app\n"),
    ("proc/stat", "cpu 1\nbtime 1700000000\n"),
    ("proc/sys/kernel/osrelease", "6.12.58-0-virt\n"),
    ("run/openrc/started/app", ""),
    ("run/openrc/daemons/app/001", "exec=/usr/bin/app\npidfile=/run/app.pid\n"),
    ("run/app.pid", "10\n"),
    ("run/openrc/options/app/child_pid", "11"),
];

pub fn processes(data: &[u8]) {
    static NODE: OnceLock<Node> = OnceLock::new();
    let Some((chosen, bytes)) = choose(data, FILES.len()) else { return };
    let node = NODE.get_or_init(|| {
        let node = Node::new("machine", FILES);
        node.put("lib/modules/6.12.60-0-virt/modules.builtin", b"");
        node
    });
    node.with(FILES[chosen], bytes, |root| {
        let boot = Boot::told_by(root.shown("/proc".as_ref()));
        for id in ["alpine", "arch"] {
            let facts = facts(id);
            let mut observation = Observation::default();
            boot.observe(&mut observation);
            let suspects = effect::observe(&boot, &facts, &mut observation, None);
            // A second look at those alone finds the same.
            let mut again = Observation::default();
            boot.observe(&mut again);
            assert_eq!(effect::observe(&boot, &facts, &mut again, Some(&suspects)), suspects);
            assert_eq!(again.not_in_effect, observation.not_in_effect);
            black_box((observation.not_in_effect.lines(), observation.not_in_effect.restart_commands()));
            expected::restarts(&boot, &facts, &changes(), &mut |_| vec!["/usr/bin/app".to_owned()]);
        }
    });
}

fn facts(id: &str) -> FactSet {
    let package = |name: &str, version: &str| PackageFact {
        name: name.to_owned(),
        arch: "x86_64".to_owned(),
        version: version.to_owned(),
        ..PackageFact::default()
    };
    FactSet {
        os: OsRelease { id: id.to_owned(), version_id: "3.23".to_owned(), ..OsRelease::default() },
        packages: vec![package("linux-lts", "6.12.58-r0"), package("linux", "6.6.1.arch1-1")],
        ..FactSet::default()
    }
}

fn changes() -> Vec<Change> {
    let (from, to) = (Some("1.0-r0".to_owned()), Some("1.1-r0".to_owned()));
    vec![Change { name: "app".to_owned(), arch: "x86_64".to_owned(), from, to, reason: ChangeReason::Wanted }]
}
