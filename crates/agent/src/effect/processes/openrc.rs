//! Which of OpenRC's services a process belongs to: by its pid files, by the session that workers share with the process that a
//! pid file names, and where there is none by the control group. A login that a service lets in begins a session of its own,
//! and a restart of the service does not end it: it is of no service, in whatever control group it stays.
//! Source: OpenRC's run-time folder (`started`, `daemons/NAME/NNN`, `options/NAME/child_pid`) and its control groups; proc(5).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::packages::root::Root;

/// Within the root.
const STARTED: &str = "/run/openrc/started";
const DAEMONS: &str = "/run/openrc/daemons";
const OPTIONS: &str = "/run/openrc/options";

#[derive(Debug, Default)]
pub struct Services {
    started: BTreeSet<String>,
    /// The services whose pid files name a process that runs.
    with_process: BTreeSet<String>,
    /// By process, and by session.
    processes: BTreeMap<u32, String>,
    sessions: BTreeMap<u32, String>,
}

impl Services {
    /// Empty on a machine without OpenRC.
    pub fn load(root: &Path, proc: &Path) -> Self {
        let mut services = Self::default();
        let Ok(root) = Root::at(root) else { return services };
        // Links to the services' scripts: one whose script is gone cannot be restarted either.
        services.started = root.list_files(Path::new(STARTED)).unwrap_or_default().into_iter().collect();
        for name in services.started.clone() {
            for process in processes_of(&root, &name) {
                let Some(session) = session(proc, process) else { continue };
                services.with_process.insert(name.clone());
                services.processes.insert(process, name.clone());
                // What runs in the session of the first process is everybody's.
                if session > 1 {
                    services.sessions.insert(session, name.clone());
                }
            }
        }
        services
    }

    /// `cgroup` is what the kernel tells of the process.
    pub fn of(&self, proc: &Path, process: u32, cgroup: &str) -> Option<String> {
        if self.started.is_empty() {
            return None;
        }
        let by_session = || self.sessions.get(&session(proc, process)?);
        let by_process = self.processes.get(&process).or_else(by_session).cloned();
        by_process.or_else(|| {
            let named = cgroup.lines().find_map(|line| self.named(line))?;
            (!self.with_process.contains(named)).then(|| named.to_owned())
        })
    }

    /// `0::/openrc.NAME`, `0::/rc/NAME` or `0::/NAME`, by the version of OpenRC; `1:name=openrc:/NAME` of the older groups.
    fn named<'l>(&self, line: &'l str) -> Option<&'l str> {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        if !controllers.is_empty() && controllers != "name=openrc" {
            return None;
        }
        let mut parts = path.split('/').filter(|part| !part.is_empty());
        let first = parts.next()?;
        let below = parts.next().filter(|_| first == "rc");
        let candidates = [first.strip_prefix("openrc."), below, Some(first)];
        candidates.into_iter().flatten().find(|name| self.started.contains(*name))
    }
}

/// The processes that a service's files name: those of its daemons, and the one that a supervisor started.
fn processes_of(root: &Root, service: &str) -> Vec<u32> {
    let text = |path: &Path| {
        let bytes = root.read(path).ok().flatten()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    };
    let number = |path: &Path| text(path)?.split_ascii_whitespace().next()?.parse().ok();
    let daemons = Path::new(DAEMONS).join(service);
    let named = |file: String| {
        let text = text(&daemons.join(file))?;
        let pid_file = text.lines().find_map(|line| line.strip_prefix("pidfile="))?;
        pid_file.starts_with('/').then(|| number(Path::new(pid_file)))?
    };
    let files = root.list_files(&daemons).unwrap_or_default();
    let supervised = number(&Path::new(OPTIONS).join(service).join("child_pid"));
    files.into_iter().filter_map(named).chain(supervised).collect()
}

/// The fourth field behind the name, which may have blanks and brackets in it.
fn session(proc: &Path, process: u32) -> Option<u32> {
    let stat = fs::read(proc.join(process.to_string()).join("stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    let (_, fields) = stat.rsplit_once(") ")?;
    fields.split(' ').nth(3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A root with `proc` in it.
    struct Machine(tempfile::TempDir);

    impl Machine {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn put(&self, path: &str, text: &str) {
            let path = self.0.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        fn process(&self, id: u32, name: &str, session: u32) {
            self.put(&format!("proc/{id}/stat"), &format!("{id} ({name}) S 1 {id} {session} 0 -1\n"));
        }

        fn start(&self, service: &str, daemon: Option<(&str, u32)>) {
            self.put(&format!("etc/init.d/{service}"), "#!/sbin/openrc-run\n");
            let link = self.0.path().join(format!("run/openrc/started/{service}"));
            fs::create_dir_all(link.parent().unwrap()).unwrap();
            symlink(format!("/etc/init.d/{service}"), link).unwrap();
            if let Some((pid_file, process)) = daemon {
                let text =
                    format!("exec=/usr/sbin/{service}\nargv_0=/usr/sbin/{service}\npidfile={pid_file}\n");
                self.put(&format!("run/openrc/daemons/{service}/001"), &text);
                self.put(pid_file.strip_prefix('/').unwrap(), &format!("{process}\n"));
            }
        }

        fn services(&self) -> Services {
            Services::load(self.0.path(), &self.0.path().join("proc"))
        }

        fn check(&self, process: u32, cgroup: &str, expected: Option<&str>) {
            let found = self.services().of(&self.0.path().join("proc"), process, cgroup);
            assert_eq!(found.as_deref(), expected, "{process} {cgroup}");
        }
    }

    #[test]
    fn a_service_is_its_process_and_the_workers_in_its_session() {
        let machine = Machine::new();
        machine.start("nginx", Some(("/run/nginx/nginx.pid", 10)));
        machine.start("sshd", Some(("/run/sshd.pid", 20)));
        machine.start("crond", Some(("/run/crond.pid", 30)));
        for (id, name, session) in [
            (10, "nginx", 10),
            (11, "nginx: worker (1) ", 10),
            (20, "sshd", 20),
            (21, "sshd-session", 21),
            (22, "ash", 22),
            // It did not leave the session of the first process.
            (30, "crond", 1),
            (31, "ash", 1),
        ] {
            machine.process(id, name, session);
        }
        machine.check(10, "0::/\n", Some("nginx"));
        machine.check(11, "", Some("nginx"));
        machine.check(20, "0::/openrc.sshd\n", Some("sshd"));
        machine.check(21, "0::/openrc.sshd\n", None);
        machine.check(22, "0::/openrc.sshd\n", None);
        machine.check(30, "", Some("crond"));
        machine.check(31, "", None);
        machine.check(99, "", None);
    }

    #[test]
    fn a_supervised_process_is_found_by_its_supervisors_word() {
        let machine = Machine::new();
        machine.start("app", Some(("/run/supervise-app.pid", 10)));
        machine.put("run/openrc/options/app/child_pid", "11");
        machine.process(10, "supervise-daemon", 10);
        machine.process(11, "app", 11);
        machine.process(12, "app-worker", 11);
        for process in [10, 11, 12] {
            machine.check(process, "0::/\n", Some("app"));
        }
    }

    #[test]
    fn control_groups_tell_where_no_pid_file_does() {
        let machine = Machine::new();
        machine.start("app", None);
        machine.process(10, "app", 10);
        machine.check(10, "0::/openrc.app\n", Some("app"));
        machine.check(10, "0::/rc/app/deeper\n", Some("app"));
        machine.check(10, "0::/app\n", Some("app"));
        machine.check(10, "3:name=openrc:/app\n1:cpu:/other\n", Some("app"));
        machine.check(10, "1:cpu:/app\n", None);
        machine.check(10, "0::/openrc.stopped\n", None);
        machine.check(10, "garbage\n0::\n", None);
    }

    #[test]
    fn what_is_damaged_tells_nothing() {
        let machine = Machine::new();
        assert!(machine.services().started.is_empty());
        machine.check(10, "0::/openrc.app\n", None);
        machine.start("app", Some(("/run/app.pid", 10)));
        machine.put("run/app.pid", "not a number");
        machine.put("proc/10/stat", "10 (app");
        machine.put("run/openrc/daemons/app/002", "pidfile=relative.pid\n");
        machine.check(10, "", None);
        // Its script is gone.
        fs::remove_file(machine.0.path().join("etc/init.d/app")).unwrap();
        machine.check(10, "0::/openrc.app\n", None);
    }
}
