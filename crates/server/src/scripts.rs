//! Scripts of runbooks: the process that runs one, this program in another role, and what its end means. It is told the
//! script on its standard input, and is gone when nobody waits for it any more.

use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};

use script::protocol::{Answer, Call, Done, FailureKind, Limits, MOST_LINE_BYTES, Message, Outcome, Request};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Semaphore;

/// The command of this program that runs a script.
pub const COMMAND: &str = "run-script";
/// Beyond what the program takes to begin.
pub const MEMORY_BYTES: u64 = 256 << 20;
/// Of what a process that failed says.
const MOST_COMPLAINT_BYTES: u64 = 4096;
/// One for each processor of a large machine; others wait for their turn.
const MOST_AT_ONCE: usize = 8;

/// How a script's process ended without its word.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    #[error("the script took more than {} MiB of memory", MEMORY_BYTES >> 20)]
    Memory,
    #[error("the script took more than its time of the processor")]
    Time,
    #[error("the interpreter failed: {0}")]
    Interpreter(String),
    #[error("the interpreter cannot be started: {0}")]
    Start(std::io::Error),
}

pub struct Scripts {
    program: PathBuf,
    turns: Semaphore,
}

impl Default for Scripts {
    fn default() -> Self {
        Self::run_by(this_program())
    }
}

/// By the name that stays this very build's, also when an update has put another in its place.
#[cfg(target_os = "linux")]
fn this_program() -> PathBuf {
    PathBuf::from("/proc/self/exe")
}

#[cfg(not(target_os = "linux"))]
fn this_program() -> PathBuf {
    // Where the system does not tell, the path's search may.
    std::env::current_exe().unwrap_or_else(|_| PathBuf::from("fettle"))
}

impl Scripts {
    /// By another program that has [`COMMAND`].
    pub fn run_by(program: PathBuf) -> Self {
        let processors = std::thread::available_parallelism().map_or(2, usize::from);
        Self { program, turns: Semaphore::new(processors.clamp(2, MOST_AT_ONCE)) }
    }

    /// Runs it when it is its turn; `ask` answers its calls. Dropped before the end, the process is killed.
    pub async fn run<F, Fut>(&self, request: &Request, ask: F) -> Result<Done, ScriptError>
    where
        F: Fn(Call) -> Fut,
        Fut: Future<Output = Answer>,
    {
        let Ok(_turn) = self.turns.acquire().await else {
            return Err(ScriptError::Interpreter("the server stops".to_owned()));
        };
        let mut child = self.start().map_err(ScriptError::Start)?;
        let (Some(mut input), Some(output), Some(complaints)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(ScriptError::Interpreter("it has no pipes".to_owned()));
        };
        // Once that much was said its pipe is closed, and more of it fails there.
        let complain = async move {
            let mut complaint = Vec::new();
            // What was read before it failed is what there is to say.
            let _ = complaints.take(MOST_COMPLAINT_BYTES).read_to_end(&mut complaint).await;
            String::from_utf8_lossy(&complaint).into_owned()
        };
        let (said, complaint) =
            tokio::join!(converse(&mut input, BufReader::new(output), request, ask), complain);
        if let Ok(Some(done)) = said {
            return Ok(done);
        }
        drop(input);
        match child.wait().await {
            Ok(status) => Err(blamed(status, &complaint)),
            Err(error) => Err(ScriptError::Interpreter(error.to_string())),
        }
    }

    /// Only reads it: what is wrong with it, if anything is.
    pub async fn check(&self, text: &str) -> Result<Option<String>, ScriptError> {
        let limits = Limits { memory_bytes: MEMORY_BYTES, cpu_seconds: 10 };
        let (script, nothing) = (text.to_owned(), Value::Null);
        let request = Request { script, handler: None, events: nothing.clone(), context: nothing, limits };
        let nobody = |call: Call| {
            let refused = Answer::Refused { code: "NotNow".to_owned(), message: call.operation };
            std::future::ready(refused)
        };
        match self.run(&request, nobody).await?.outcome {
            Outcome::Failed(failure) if failure.kind == FailureKind::Request => {
                Err(ScriptError::Interpreter(failure.message))
            }
            Outcome::Failed(failure) => Ok(Some(failure.message)),
            Outcome::Read | Outcome::Returned(_) => Ok(None),
        }
    }

    fn start(&self) -> std::io::Result<Child> {
        Command::new(&self.program)
            .arg(COMMAND)
            .env_clear()
            // The allocator takes what it needs, and no gigabyte in advance: that would be outside of the limit.
            .env("MIMALLOC_ARENA_RESERVE", "0")
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
    }
}

/// The last word; `None` when the process ended without one.
async fn converse<F, Fut>(
    input: &mut ChildStdin,
    mut output: BufReader<ChildStdout>,
    request: &Request,
    ask: F,
) -> std::io::Result<Option<Done>>
where
    F: Fn(Call) -> Fut,
    Fut: Future<Output = Answer>,
{
    tell(input, request).await?;
    loop {
        let mut line = Vec::new();
        let most = u64::try_from(MOST_LINE_BYTES).unwrap_or(u64::MAX);
        AsyncReadExt::take(&mut output, most).read_until(b'\n', &mut line).await?;
        if line.last() != Some(&b'\n') {
            return Ok(None);
        }
        match serde_json::from_slice(&line) {
            Ok(Message::Done(done)) => return Ok(Some(done)),
            Ok(Message::Call(call)) => tell(input, &ask(call).await).await?,
            Err(_) => return Ok(None),
        }
    }
}

async fn tell(input: &mut ChildStdin, value: &impl serde::Serialize) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    input.write_all(&line).await?;
    input.flush().await
}

fn blamed(status: ExitStatus, complaint: &str) -> ScriptError {
    // As Rust's own handler says when memory is refused, before it ends the process.
    if complaint.contains("memory allocation of") {
        return ScriptError::Memory;
    }
    #[cfg(unix)]
    if std::os::unix::process::ExitStatusExt::signal(&status) == Some(SIGXCPU) {
        return ScriptError::Time;
    }
    let first = complaint.lines().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
    ScriptError::Interpreter(format!("{status}: {}", first.trim()))
}

/// What the kernel sends who took too much of the processor.
#[cfg(unix)]
const SIGXCPU: i32 = 24;

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    #[test]
    fn an_end_without_a_word_is_explained() {
        let rows = [
            (6, "memory allocation of 16 bytes failed\n", "256 MiB of memory"),
            (24, "", "more than its time"),
            (9, "", "the interpreter failed: signal: 9"),
            (11, "", "the interpreter failed: signal: 11"),
            (6, "\nthread main has overflowed its stack\n", "overflowed its stack"),
            (256, "", "exit status: 1: it said nothing"),
        ];
        for (status, complaint, expected) in rows {
            let error = blamed(ExitStatus::from_raw(status), complaint).to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[tokio::test]
    async fn a_program_that_is_no_interpreter_is_no_end_of_anything() {
        for (program, expected) in [("/no/such/program", "cannot be started"), ("/bin/true", "interpreter")] {
            let error = Scripts::run_by(PathBuf::from(program)).check("x = 1").await.unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
