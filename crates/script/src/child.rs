//! The process that runs one script: a request comes in, calls go out, and the last line says what came of it. It ends with
//! its reader: who started it holds both ends.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, channel};
use std::thread::Builder;

use crate::interpreter;
use crate::protocol::{Answer, Call, Done, Failure, FailureKind, MOST_LINE_BYTES, Message, Outcome, Request};

/// The interpreter's own calls nest with those of the script.
const STACK_BYTES: usize = 256 << 20;
/// How a process ends for which nobody waits any more.
const ORPHANED: i32 = 3;

/// The whole life of the process: reads stdin, writes stdout.
pub fn serve() -> ExitCode {
    let (tell, lines) = channel::<Vec<u8>>();
    // It also sees the end of whoever started this, however long the script takes.
    let reader = Builder::new().spawn(move || {
        let mut input = BufReader::new(std::io::stdin());
        while let Some(line) = read_line(&mut input) {
            if tell.send(line).is_err() {
                break;
            }
        }
        std::process::exit(ORPHANED);
    });
    let Ok(first) = lines.recv().map_err(|_| reader) else { return ExitCode::FAILURE };
    let request: Request = match serde_json::from_slice(&first) {
        Ok(request) => request,
        Err(error) => return finish(refused(&error.to_string())),
    };
    #[cfg(unix)]
    let limits = request.limits;
    let (begin, wait) = channel::<()>();
    let worker = Builder::new().stack_size(STACK_BYTES).spawn(move || {
        let _begun = wait.recv();
        interpreter::run(&request, &mut |call| ask(&lines, call))
    });
    #[cfg(unix)]
    crate::limits::bound(limits);
    drop(begin);
    match worker.map(std::thread::JoinHandle::join) {
        Ok(Ok(done)) => finish(done),
        // The interpreter's own fault is on stderr.
        _ => ExitCode::FAILURE,
    }
}

/// Without its end. `None` where nothing more comes, or more than a line may have.
fn read_line(input: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut line = Vec::new();
    let most = u64::try_from(MOST_LINE_BYTES).unwrap_or(u64::MAX);
    input.take(most).read_until(b'\n', &mut line).ok()?;
    (line.pop()? == b'\n').then_some(line)
}

fn tell(message: &Message) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    let mut output = std::io::stdout().lock();
    output.write_all(&line)?;
    output.flush()
}

fn ask(lines: &Receiver<Vec<u8>>, call: Call) -> Answer {
    let lost = |reason: String| Answer::Refused { code: "InternalError".to_owned(), message: reason };
    if let Err(error) = tell(&Message::Call(call)) {
        return lost(error.to_string());
    }
    match lines.recv() {
        Ok(line) => serde_json::from_slice(&line).unwrap_or_else(|error| lost(error.to_string())),
        Err(error) => lost(error.to_string()),
    }
}

fn refused(reason: &str) -> Done {
    let failure = Failure { kind: FailureKind::Request, message: format!("no request: {reason}") };
    Done { outcome: Outcome::Failed(failure), output: String::new() }
}

/// The reader's thread is still there, and is not waited for.
fn finish(done: Done) -> ExitCode {
    match tell(&Message::Done(done)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
