//! `apt-get update` before a scan: fetches the lists anew and tells which repositories failed.
//! The only apt process that the agent starts for a scan.

use std::collections::BTreeSet;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use domain::facts::{ListRefresh, RepositoryFailure};
use rustix::process::{Pid, Signal, kill_process_group};

/// Slow mirrors are given this long; then the old lists are used.
const TIMEOUT: Duration = Duration::from_secs(300);

/// What a refresh came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refresh {
    pub outcome: ListRefresh,
    pub failed: Vec<RepositoryFailure>,
}

/// Runs `apt-get update` for the running machine.
pub fn run() -> Refresh {
    let mut command = Command::new("apt-get");
    command.args(["-q", "update"]).env("LC_ALL", "C").env("DEBIAN_FRONTEND", "noninteractive");
    run_command(command, TIMEOUT)
}

/// Its own process group, so that a timeout ends the download methods as well.
fn run_command(mut command: Command, timeout: Duration) -> Refresh {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return Refresh::failed(format!("cannot start apt-get: {error}")),
    };
    let (sender, receiver) = mpsc::channel();
    let readers = [read_all(child.stdout.take(), 0, &sender), read_all(child.stderr.take(), 1, &sender)];
    drop(sender);
    let mut texts = [String::new(), String::new()];
    let deadline = std::time::Instant::now() + timeout;
    let mut timed_out = false;
    for _ in 0..texts.len() {
        match receiver.recv_timeout(deadline.saturating_duration_since(std::time::Instant::now())) {
            Ok((which, text)) => texts[which] = text,
            Err(_) => timed_out = true,
        }
    }
    if timed_out {
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        // It may have ended in this very moment, which is as good.
        let _ = group.map(|group| kill_process_group(group, Signal::KILL));
    }
    let status = child.wait();
    for reader in readers.into_iter().flatten() {
        // A reader cannot panic; were it to, its text is missing, which is told as a failure below.
        let _ = reader.join();
    }
    match status {
        _ if timed_out => {
            Refresh::failed(format!("apt-get update took longer than {} seconds", timeout.as_secs()))
        }
        Ok(status) => parse(&texts[0], &texts[1], status.success()),
        Err(error) => Refresh::failed(format!("cannot wait for apt-get: {error}")),
    }
}

fn read_all(
    stream: Option<impl Read + Send + 'static>,
    which: usize,
    sender: &mpsc::Sender<(usize, String)>,
) -> Option<std::thread::JoinHandle<()>> {
    let (mut stream, sender) = (stream?, sender.clone());
    Some(std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = stream.read_to_end(&mut bytes);
        let text =
            read.map_or_else(|error| error.to_string(), |_| String::from_utf8_lossy(&bytes).into_owned());
        // Nobody listens after a timeout.
        let _ = sender.send((which, text));
    }))
}

impl Refresh {
    fn failed(reason: String) -> Self {
        Self { outcome: ListRefresh::Failed(reason), failed: Vec::new() }
    }
}

/// Reads what `apt-get update` printed. Repositories stand on `Err:` lines, the reason indented below.
pub fn parse(stdout: &str, stderr: &str, succeeded: bool) -> Refresh {
    let mut failed: Vec<RepositoryFailure> = Vec::new();
    let (mut reached, mut in_error) = (BTreeSet::new(), false);
    for line in stdout.lines() {
        let mut words = line.split_ascii_whitespace();
        let kind = words.next().unwrap_or_default();
        if kind.starts_with("Err:") {
            let (uri, suite) = place(&mut words);
            in_error = true;
            failed.push(RepositoryFailure { uri, suite, error: String::new() });
        } else if let (true, Some(failure)) = (in_error && line.starts_with("  "), failed.last_mut()) {
            let separator = if failure.error.is_empty() { "" } else { " " };
            failure.error.push_str(separator);
            failure.error.push_str(line.trim());
        } else {
            in_error = false;
            if kind.starts_with("Hit:") || kind.starts_with("Get:") {
                reached.insert(place(&mut words));
            }
        }
    }
    for failure in &failed {
        reached.remove(&(failure.uri.clone(), failure.suite.clone()));
    }
    let errors: Vec<_> = stderr.lines().filter_map(|line| line.strip_prefix("E: ")).collect();
    let outcome = if failed.is_empty() && succeeded {
        ListRefresh::Refreshed
    } else if failed.is_empty() || reached.is_empty() {
        let reason = errors.first().copied().or_else(|| failed.first().map(|failure| failure.error.as_str()));
        ListRefresh::Failed(reason.unwrap_or("apt-get update failed without a reason").to_owned())
    } else {
        ListRefresh::Partial
    };
    failed.dedup_by(|later, earlier| later.uri == earlier.uri && later.suite == earlier.suite);
    Refresh { outcome, failed }
}

/// Address and suite, the two words after the kind. A component that follows the suite is left out.
fn place<'a>(words: &mut impl Iterator<Item = &'a str>) -> (String, String) {
    let (uri, suite) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    (without_credentials(uri), suite.split('/').next().unwrap_or_default().to_owned())
}

fn without_credentials(uri: &str) -> String {
    match uri.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
            format!("{scheme}://{host}{path}")
        }
        None => uri.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_mirror_is_given_up() {
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 60 & sleep 60"]);
        let refresh = run_command(command, Duration::from_millis(50));
        assert!(matches!(refresh.outcome, ListRefresh::Failed(reason) if reason.contains("took longer")));
    }

    #[test]
    fn a_missing_apt_is_told() {
        let refresh = run_command(Command::new("/nonexistent/apt-get"), TIMEOUT);
        assert!(matches!(refresh.outcome, ListRefresh::Failed(reason) if reason.contains("cannot start")));
    }
}
