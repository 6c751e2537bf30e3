//! Starting a package manager's own tools: fixed locale, an argument list, a deadline, every line passed on as it
//! comes, the whole process group ended when time is up. What a tool's output means belongs to the backends.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, PipeReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use domain::patch::{Failure, FailureCode};

use crate::platform;

/// What tools say in, so that it can be read.
const LOCALE: &str = "C.UTF-8";
/// Kept of one tool's output; what is older is dropped, which [`Finished::is_whole`] tells.
const MAX_KEPT_BYTES: usize = 16 << 20;
/// A line is cut here.
const MAX_LINE_BYTES: u64 = 64 << 10;
/// Lines on their way from the readers to the sink.
const QUEUED_LINES: usize = 256;
/// How often the end, the deadline and the cancellation are looked for.
const TICK: Duration = Duration::from_millis(20);
/// Between the polite signal and the other one.
const GRACE: Duration = Duration::from_secs(20);
/// How long another process may hold the package manager's lock, unless told.
pub const LOCK_WAIT: Duration = Duration::from_secs(300);
/// For a look at what a run came to.
const LAST_LOOK: Duration = Duration::from_secs(120);
/// After the tool's end, how long output of processes it left behind is still taken.
const TAIL_OF_OUTPUT: Duration = Duration::from_secs(1);

/// Where a line came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    Out,
    Err,
}

type Sink = Box<dyn FnMut(Stream, &str)>;

/// One run of a backend over its tools: shared deadline, cancellation and listener.
pub struct ToolRun {
    deadline: Instant,
    cancelled: Arc<AtomicBool>,
    sink: Sink,
    scratch: PathBuf,
    lock_wait: Duration,
    environment: Vec<(OsString, OsString)>,
}

/// One tool to start. Never a shell string.
#[derive(Clone, Debug)]
pub struct Tool {
    program: OsString,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    at_most: Option<Duration>,
    is_quiet: bool,
    in_one_stream: bool,
}

/// What a tool said, and how it ended.
#[derive(Clone, Debug)]
pub struct Finished {
    pub program: String,
    pub ending: Ending,
    pub lines: VecDeque<(Stream, String)>,
    /// Nothing of the output was dropped.
    pub is_whole: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Exited(i32),
    /// By a signal that was not ours.
    Killed(i32),
}

impl ToolRun {
    /// `scratch` is a folder of the agent's own, for files that tools are to read; it is made when needed.
    pub fn new(scratch: &Path, limit: Duration) -> Self {
        Self {
            deadline: Instant::now() + limit,
            cancelled: Arc::default(),
            sink: Box::new(|_, _| ()),
            scratch: scratch.to_owned(),
            lock_wait: LOCK_WAIT,
            environment: Vec::new(),
        }
    }

    /// Calls `sink` with every line that a tool prints, without its end.
    pub fn streaming_to(self, sink: impl FnMut(Stream, &str) + 'static) -> Self {
        Self { sink: Box::new(sink), ..self }
    }

    /// Ends the running tool, and starts no other, once this is true.
    pub fn cancelled_by(self, cancelled: Arc<AtomicBool>) -> Self {
        Self { cancelled, ..self }
    }

    /// How long another process may hold the package manager's lock; five minutes unless told.
    pub fn waiting_for_locks(self, lock_wait: Duration) -> Self {
        Self { lock_wait, ..self }
    }

    /// For every tool, a proxy for instance.
    pub fn with_env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    pub fn lock_wait(&self) -> Duration {
        self.lock_wait.min(self.deadline.saturating_duration_since(Instant::now()))
    }

    /// The folder for files that tools are to read, which only its owner may enter.
    pub fn scratch(&self) -> Result<&Path, Failure> {
        platform::create_private_dir(&self.scratch).map_err(|error| {
            let detail = format!("cannot create {}: {error}", self.scratch.display());
            failure(FailureCode::ToolFailed, &self.scratch.display().to_string(), detail)
        })?;
        Ok(&self.scratch)
    }

    /// For a short look at the end, when the time of the run itself may be up.
    pub fn last_look(&self) -> Self {
        Self { environment: self.environment.clone(), ..Self::new(&self.scratch, LAST_LOOK) }
    }

    /// Tells people something between two tools.
    pub fn say(&mut self, line: &str) {
        (self.sink)(Stream::Out, line);
    }

    /// Fails when the run was cancelled or its time is up.
    pub fn check(&self, program: &str) -> Result<(), Failure> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(failure(FailureCode::ToolFailed, program, "cancelled".to_owned()));
        }
        if Instant::now() >= self.deadline {
            return Err(failure(FailureCode::TimedOut, program, "the time for this run is up".to_owned()));
        }
        Ok(())
    }

    /// Runs a tool to its end. Fails when it cannot be started, takes too long or is cancelled; what its exit code
    /// means is the caller's to say.
    pub fn run(&mut self, tool: &Tool) -> Result<Finished, Failure> {
        let name = tool.name();
        self.check(&name)?;
        let (mut child, both) = tool.spawn(&self.environment).map_err(|error| not_started(&name, &error))?;
        let (sender, lines) = sync_channel(QUEUED_LINES);
        read_lines(both, Stream::Out, sender.clone());
        read_lines(child.stdout.take(), Stream::Out, sender.clone());
        read_lines(child.stderr.take(), Stream::Err, sender);
        let deadline = tool.at_most.map_or(self.deadline, |limit| self.deadline.min(Instant::now() + limit));
        let mut kept = Kept { is_quiet: tool.is_quiet, ..Kept::default() };
        let status = self.attend(&mut child, &lines, &mut kept, deadline, &name)?;
        let ending = ending_of(status);
        Ok(Finished { program: name, ending, lines: kept.lines, is_whole: !kept.dropped })
    }

    fn attend(
        &mut self,
        child: &mut Child,
        lines: &Receiver<(Stream, String)>,
        kept: &mut Kept,
        deadline: Instant,
        name: &str,
    ) -> Result<ExitStatus, Failure> {
        let mut interrupted: Option<(Instant, Failure)> = None;
        let mut ended: Option<(Instant, ExitStatus)> = None;
        loop {
            match lines.recv_timeout(TICK) {
                Ok((stream, line)) => {
                    if !kept.is_quiet {
                        (self.sink)(stream, &line);
                    }
                    kept.push(stream, line);
                    // Output comes first: a tool that talks without end is still looked at between two lines.
                }
                Err(RecvTimeoutError::Disconnected) if ended.is_some() => break,
                // It closed its output and still runs: the deadline is looked at between pauses.
                Err(RecvTimeoutError::Disconnected) => std::thread::sleep(TICK),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if ended.is_none() {
                ended =
                    child.try_wait().map_err(|error| not_started(name, &error))?.map(|s| (Instant::now(), s));
            }
            if let Some((since, _)) = ended {
                if since.elapsed() > TAIL_OF_OUTPUT {
                    break;
                }
                continue;
            }
            match &interrupted {
                None => {
                    if let Some(reason) = self.reason_to_stop(deadline, name) {
                        platform::ask_tree_to_end(child.id());
                        interrupted = Some((Instant::now(), reason));
                    }
                }
                Some((since, _)) if since.elapsed() > GRACE => platform::kill_tree(child.id()),
                Some(_) => {}
            }
        }
        if let Some((_, reason)) = interrupted {
            // What ignored the signal goes with its leader.
            platform::kill_tree(child.id());
            return Err(reason);
        }
        let (_, status) = ended.expect("the loop is left only after the end");
        Ok(status)
    }

    fn reason_to_stop(&self, deadline: Instant, name: &str) -> Option<Failure> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Some(failure(FailureCode::ToolFailed, name, "cancelled while it ran".to_owned()));
        }
        (Instant::now() >= deadline).then(|| {
            failure(FailureCode::TimedOut, name, "took longer than it may, and was ended".to_owned())
        })
    }
}

impl Tool {
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            arguments: Vec::new(),
            environment: Vec::new(),
            at_most: None,
            is_quiet: false,
            in_one_stream: false,
        }
    }

    /// The program as seen from inside another root, which is entered with `chroot`.
    pub fn inside(root: &Path, program: impl AsRef<OsStr>) -> Self {
        Self::new("chroot").arg(root).arg(program)
    }

    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    pub fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Within the run's own deadline.
    pub fn at_most(mut self, limit: Duration) -> Self {
        self.at_most = Some(limit);
        self
    }

    /// What it prints is for us alone.
    pub fn quiet(mut self) -> Self {
        self.is_quiet = true;
        self
    }

    /// Both streams through one pipe, as `Stream::Out`: for tools whose errors are about the line before them. Two
    /// pipes keep no order between their lines.
    pub fn in_one_stream(mut self) -> Self {
        self.in_one_stream = true;
        self
    }

    /// What people know it by: the program without its folder.
    pub fn name(&self) -> String {
        let shown = match self.arguments.get(1) {
            Some(inside) if self.program == "chroot" => inside,
            _ => &self.program,
        };
        Path::new(shown).file_name().unwrap_or(shown).to_string_lossy().into_owned()
    }

    /// The tool and, where it has one pipe for both streams, that.
    fn spawn(&self, environment: &[(OsString, OsString)]) -> std::io::Result<(Child, Option<PipeReader>)> {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .env("LC_ALL", LOCALE)
            .env("LANG", LOCALE)
            .env_remove("LANGUAGE")
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut both = None;
        if self.in_one_stream {
            let (reader, writer) = std::io::pipe()?;
            command.stdout(writer.try_clone()?).stderr(writer);
            both = Some(reader);
        }
        platform::isolate_tool(&mut command);
        // Our ends for writing close with `command`.
        Ok((command.spawn()?, both))
    }
}

impl Finished {
    pub fn succeeded(&self) -> bool {
        self.ending == Ending::Exited(0)
    }

    /// The exit code; `None` after a signal.
    pub fn exit_code(&self) -> Option<i32> {
        match self.ending {
            Ending::Exited(code) => Some(code),
            Ending::Killed(_) => None,
        }
    }

    pub fn out(&self) -> impl Iterator<Item = &str> {
        self.of(Stream::Out)
    }

    pub fn err(&self) -> impl Iterator<Item = &str> {
        self.of(Stream::Err)
    }

    fn of(&self, wanted: Stream) -> impl Iterator<Item = &str> {
        self.lines.iter().filter(move |(stream, _)| *stream == wanted).map(|(_, line)| line.as_str())
    }

    /// Both streams in the order in which their lines came.
    pub fn text(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(|(_, line)| line.as_str())
    }

    /// What a tool's end says by itself, when its output said nothing better.
    pub fn plain_failure(&self) -> Failure {
        let last = self.err().chain(self.out()).filter(|line| !line.trim().is_empty()).last();
        let said =
            last.map_or_else(|| "without a word".to_owned(), |line| format!("last line: {}", line.trim()));
        match self.ending {
            Ending::Killed(9) | Ending::Exited(137) => {
                let detail = "ended by signal 9, as the kernel does when memory runs out".to_owned();
                failure(FailureCode::OutOfMemory, &self.program, detail)
            }
            Ending::Killed(signal) => {
                failure(FailureCode::ToolFailed, &self.program, format!("ended by signal {signal}; {said}"))
            }
            Ending::Exited(code) => failure(
                FailureCode::ToolFailed,
                &self.program,
                format!("ended with exit code {code}; {said}"),
            ),
        }
    }
}

pub fn failure(code: FailureCode, subject: &str, detail: String) -> Failure {
    Failure { code, subject: subject.to_owned(), detail }
}

fn not_started(name: &str, error: &std::io::Error) -> Failure {
    let code = match error.kind() {
        std::io::ErrorKind::NotFound => FailureCode::ToolMissing,
        std::io::ErrorKind::PermissionDenied => FailureCode::NotPermitted,
        std::io::ErrorKind::OutOfMemory => FailureCode::OutOfMemory,
        _ => FailureCode::ToolFailed,
    };
    failure(code, name, format!("cannot be started: {error}"))
}

fn ending_of(status: ExitStatus) -> Ending {
    status.code().map_or_else(|| Ending::Killed(platform::signal_of(status)), Ending::Exited)
}

#[derive(Default)]
struct Kept {
    lines: VecDeque<(Stream, String)>,
    bytes: usize,
    dropped: bool,
    is_quiet: bool,
}

impl Kept {
    fn push(&mut self, stream: Stream, line: String) {
        self.bytes += line.len();
        self.lines.push_back((stream, line));
        while self.bytes > MAX_KEPT_BYTES {
            let Some((_, oldest)) = self.lines.pop_front() else { break };
            self.bytes -= oldest.len();
            self.dropped = true;
        }
    }
}

/// Ends with its stream; the thread belongs to the stream and needs no joining.
fn read_lines(
    stream: Option<impl Read + Send + 'static>,
    which: Stream,
    sender: SyncSender<(Stream, String)>,
) {
    let Some(stream) = stream else { return };
    std::thread::spawn(move || {
        let mut reader = BufReader::new(stream);
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = reader.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut line);
            if !read.is_ok_and(|length| length > 0) {
                return;
            }
            let text = String::from_utf8_lossy(&line);
            // A bar of progress draws over itself; its last state is what stays.
            let text = text.trim_end_matches(['\n', '\r']);
            let text = text.rsplit('\r').next().unwrap_or_default();
            if sender.send((which, text.to_owned())).is_err() {
                return;
            }
        }
    });
}

#[cfg(all(test, unix))]
mod tests;
