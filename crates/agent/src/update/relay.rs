//! A process that cannot become another program and yet has to stay: it starts what has the agent's place, and what has it after
//! the next update, and ends as that ends.

use std::path::Path;

use anyhow::{Context, bail};

use super::{HAND_OVER, Next, child};
use crate::run::Lifetime;

/// What a child is told, so that it says so.
const RELAYED: &str = "--relayed";

/// Until the child ends for good or this process is to stop. A child that fails fails it, so that whoever looks after the service
/// starts anew what has the place.
pub fn run(program: &Path, lifetime: Lifetime) -> anyhow::Result<Next> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot start the runtime")?;
    let outcome = runtime.block_on(relay(program, lifetime));
    runtime.shutdown_background();
    outcome
}

async fn relay(program: &Path, lifetime: Lifetime) -> anyhow::Result<Next> {
    let stop = child::stop(lifetime);
    tokio::pin!(stop);
    loop {
        let mut agent = child::start(program, &[RELAYED.into()])?;
        // Kept open: `wait` would close it.
        let stdin = agent.stdin.take();
        tracing::info!(program = %program.display(), "this process stays and looks after the agent that has its place");
        let status = tokio::select! {
            stopped = &mut stop => {
                child::end(&mut agent, stdin).await;
                return stopped.map(|()| Next::End);
            }
            status = agent.wait() => status.context("cannot wait for the agent")?,
        };
        match status.code() {
            Some(0) => return Ok(Next::End),
            Some(code) if code == i32::from(HAND_OVER) => {}
            _ => bail!("the agent ended with {status}"),
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// An agent that does what lines of a shell say; `$n` is how often it was started, this time included.
    fn agent(dir: &Path, does: &str) -> std::path::PathBuf {
        let program = dir.join("agent");
        let counts = format!(
            "echo run >> {0}/runs\nn=$(wc -l < {0}/runs)\necho \"$@\" > {0}/arguments\n",
            dir.display()
        );
        fs::write(&program, format!("#!/bin/sh\n{counts}{does}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        program
    }

    fn runs(dir: &Path) -> usize {
        fs::read_to_string(dir.join("runs")).unwrap().lines().count()
    }

    #[test]
    fn what_has_the_place_is_started_again_until_it_ends() {
        let dir = tempfile::tempdir().unwrap();
        let program = agent(dir.path(), "[ $n -lt 3 ] && exit 75\nexit 0");
        assert_eq!(run(&program, Lifetime::Own).unwrap(), Next::End);
        assert_eq!(runs(dir.path()), 3);
        let arguments = fs::read_to_string(dir.path().join("arguments")).unwrap();
        assert!(arguments.trim().ends_with("--relayed --with-parent"), "{arguments}");
    }

    #[test]
    fn one_that_fails_fails_the_process() {
        let dir = tempfile::tempdir().unwrap();
        let program = agent(dir.path(), "exit 3");
        assert!(run(&program, Lifetime::Own).unwrap_err().to_string().contains("exit status: 3"));
        assert_eq!(runs(dir.path()), 1);
        fs::remove_file(&program).unwrap();
        assert!(run(&program, Lifetime::Own).unwrap_err().to_string().contains("cannot be started"));
    }

    #[tokio::test]
    async fn it_ends_with_its_parent() {
        let dir = tempfile::tempdir().unwrap();
        let program = agent(dir.path(), "cat; echo over > $(dirname $0)/over");
        let mut started = child::start(&program, &[]).unwrap();
        let stdin = started.stdin.take();
        drop(stdin);
        assert!(started.wait().await.unwrap().success());
        assert_eq!(fs::read_to_string(dir.path().join("over")).unwrap(), "over\n");
    }
}
