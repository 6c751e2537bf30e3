//! One child process with its descendants: bounded output, a deadline, cancellation.
//! What to run and what an exit code means belongs to the plugins.

use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use domain::object::Stream;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

use super::kept_output::{Sink, Spool};
use crate::platform;

/// Kept of each stream; the rest is read and dropped so that the child never blocks on it.
/// 24,000 characters of four bytes, and one to see that there was more.
pub const KEPT_STREAM_BYTES: usize = 4 * api::agent::reply::MAX_STREAM_CHARS + 1;

/// After the child's end, how long output of processes it left behind is still taken.
const TAIL_OF_OUTPUT: Duration = Duration::from_secs(1);

pub struct Program {
    pub program: PathBuf,
    pub arguments: Vec<PathBuf>,
    pub working_dir: PathBuf,
    pub environment: Vec<(String, String)>,
    pub timeout: Duration,
    /// Where all of the output is kept, if it is wanted.
    pub spool: Option<Spool>,
}

#[derive(Debug)]
pub struct Finished {
    pub ending: Ending,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Exited(i32),
    /// By a signal that was not ours.
    Killed,
    TimedOut,
    Cancelled,
}

/// Runs to the end, the deadline or the cancellation; `cancel` turning true is one.
/// Time-out and cancellation kill the whole process group. Fails when the program cannot be started.
pub async fn run(program: Program, cancel: &mut watch::Receiver<bool>) -> std::io::Result<Finished> {
    let mut command = Command::new(&program.program);
    command
        .args(&program.arguments)
        .current_dir(&program.working_dir)
        .envs(program.environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    platform::isolate(&mut command);
    let deadline = Instant::now() + program.timeout;
    let mut child = command.spawn()?;
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let (mut all_out, mut all_err) =
        (sink(&program.spool, Stream::Output), sink(&program.spool, Stream::Error));

    let ending = {
        let streams = async {
            tokio::join!(drain(out, &mut stdout, &mut all_out), drain(err, &mut stderr, &mut all_err))
        };
        tokio::pin!(streams);
        let mut open = true;
        let ending = loop {
            tokio::select! {
                ending = wait(&mut child, deadline, cancel) => break ending?,
                // Closed streams do not mean that the child has ended.
                _ = &mut streams, if open => open = false,
            }
        };
        if matches!(ending, Ending::TimedOut | Ending::Cancelled) {
            if let Some(pid) = child.id() {
                platform::kill_tree(pid);
            }
            child.kill().await?;
        }
        if open {
            // A process left behind may hold the streams open for ever.
            let _ = timeout(TAIL_OF_OUTPUT, streams).await;
        }
        ending
    };
    Ok(Finished { ending, stdout, stderr })
}

/// Waits for the child's end, its deadline or its cancellation. May be dropped and called again.
async fn wait(
    child: &mut Child,
    deadline: Instant,
    cancel: &mut watch::Receiver<bool>,
) -> std::io::Result<Ending> {
    tokio::select! {
        status = timeout_at(deadline, child.wait()) => match status {
            Ok(status) => status.map(ending_of),
            Err(_) => Ok(Ending::TimedOut),
        },
        // A dropped sender is a cancellation as well: nobody waits for the result.
        _ = cancel.wait_for(|cancelled| *cancelled) => Ok(Ending::Cancelled),
    }
}

/// A dropped sender is a cancellation as well: nobody waits for the result.
pub async fn cancelled(cancel: &mut watch::Receiver<bool>) {
    let _ = cancel.wait_for(|cancelled| *cancelled).await;
}

fn ending_of(status: ExitStatus) -> Ending {
    status.code().map_or(Ending::Killed, Ending::Exited)
}

/// The program runs all the same when its output cannot be kept.
fn sink(spool: &Option<Spool>, stream: Stream) -> Option<Sink> {
    match spool.as_ref()?.open(stream) {
        Ok(sink) => Some(sink),
        Err(error) => {
            tracing::warn!(%error, "a step's output is not kept");
            None
        }
    }
}

/// Reads to the end, keeping the beginning; all of it goes into the sink.
async fn drain(stream: Option<impl AsyncRead + Unpin>, kept: &mut Vec<u8>, all: &mut Option<Sink>) {
    let Some(mut stream) = stream else { return };
    let mut chunk = [0; 4096];
    loop {
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return,
            Ok(length) => {
                let room = KEPT_STREAM_BYTES.saturating_sub(kept.len());
                kept.extend_from_slice(&chunk[..length.min(room)]);
                if let Some(all) = all {
                    all.write(&chunk[..length]);
                }
            }
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str, timeout: Duration) -> Program {
        Program {
            program: "/bin/sh".into(),
            arguments: vec!["-c".into(), script.into()],
            working_dir: "/".into(),
            environment: vec![("GREETING".into(), "hello".into())],
            timeout,
            spool: None,
        }
    }

    async fn run_shell(script: &str, timeout: Duration) -> Finished {
        let (_sender, mut cancel) = watch::channel(false);
        run(shell(script, timeout), &mut cancel).await.unwrap()
    }

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn keeps_streams_apart_and_the_exit_code() {
        let finished = run_shell("echo $GREETING; echo oops >&2; exit 7", LONG).await;
        assert_eq!(finished.ending, Ending::Exited(7));
        assert_eq!(
            (finished.stdout.as_slice(), finished.stderr.as_slice()),
            (&b"hello\n"[..], &b"oops\n"[..])
        );
    }

    #[tokio::test]
    async fn takes_endless_output_without_keeping_it() {
        let finished = run_shell("head -c 3000000 /dev/zero | tr '\\0' x", LONG).await;
        assert_eq!((finished.ending, finished.stdout.len()), (Ending::Exited(0), KEPT_STREAM_BYTES));
    }

    #[tokio::test]
    async fn a_time_out_kills_the_whole_group() {
        let began = Instant::now();
        let finished = run_shell("sleep 300 & echo $!; sleep 300", Duration::from_millis(500)).await;
        assert_eq!(finished.ending, Ending::TimedOut);
        assert!(began.elapsed() < Duration::from_secs(30));
        let grandchild: u32 = String::from_utf8(finished.stdout).unwrap().trim().parse().unwrap();
        assert!(gone_within(grandchild, Duration::from_secs(10)).await, "the grandchild lives on");
    }

    /// Dead, or a zombie that nobody has reaped yet.
    async fn gone_within(pid: u32, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        while Instant::now() < deadline {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            if stat.is_empty() || stat.contains(") Z ") {
                return true;
            }
            tokio::task::yield_now().await;
        }
        false
    }

    #[tokio::test]
    async fn cancelling_ends_it() {
        let (sender, mut cancel) = watch::channel(false);
        let running = run(shell("sleep 300", LONG), &mut cancel);
        let (finished, ()) = tokio::join!(running, async {
            sender.send_replace(true);
        });
        assert_eq!(finished.unwrap().ending, Ending::Cancelled);
    }

    #[tokio::test]
    async fn a_daemon_that_keeps_the_output_open_is_not_waited_for() {
        let began = Instant::now();
        let finished = run_shell("sleep 20 & echo started", LONG).await;
        assert_eq!((finished.ending, finished.stdout.as_slice()), (Ending::Exited(0), &b"started\n"[..]));
        assert!(began.elapsed() < Duration::from_secs(15));
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_an_error() {
        let (_sender, mut cancel) = watch::channel(false);
        let mut program = shell("", LONG);
        program.program = "/nowhere/at/all".into();
        assert!(run(program, &mut cancel).await.is_err());
    }
}
