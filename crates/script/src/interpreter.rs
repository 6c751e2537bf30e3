//! One script in the interpreter: read, run as a module, and its handler called. Whatever it asks of a system it is refused,
//! but for the time and for what [`modules`] lends it.

use std::time::Duration;

use crate::modules::{self, Lent};
use crate::output::Output;
use crate::protocol::{Answer, Call, Done, Failure, FailureKind, MOST_PAYLOAD_BYTES, Outcome, Request};
use crate::{clock, value};
use monty::{MontyRepl, MontyRun, ReplProgress, ReplStartError};
use monty_types::{
    CompileOptions, ExcType, ExtFunctionResult, MontyException, MontyObject, NameLookupResult,
    OsFunctionCall, PrintWriter, ResourceLimits, ResourceTracker, StackFrame,
};

/// As tracebacks name it.
const NAME: &str = "script.py";
/// The interpreter numbers what it is fed.
const FIRST_FED: &str = "<python-input-0>";
/// The handler and what it is called with, as names that no script uses.
const EVENTS: &str = "__fettle_events__";
const CONTEXT: &str = "__fettle_context__";
/// Of a traceback, its end, where the fault is.
const MOST_MESSAGE_BYTES: usize = 8 * 1024;
/// What it may ask while it runs.
const MOST_SUSPENSIONS: u32 = 10_000;

pub type Ask<'a> = &'a mut dyn FnMut(Call) -> Answer;

pub fn run(request: &Request, ask: Ask<'_>) -> Done {
    let mut output = Output::default();
    let outcome = attempt(request, &mut output, ask).unwrap_or_else(Outcome::Failed);
    Done { outcome, output: output.into_text() }
}

fn attempt(request: &Request, output: &mut Output, ask: Ask<'_>) -> Result<Outcome, Failure> {
    let script = modules::lend(&request.script).map_err(|error| failure(FailureKind::Syntax, error))?;
    let options = CompileOptions::default();
    let read = MontyRun::new(script.text.clone(), NAME, script.names(), options);
    read.map_err(|error| failure(FailureKind::Syntax, shown(&error)))?;
    let Some(handler) = &request.handler else { return Ok(Outcome::Read) };

    let limits = ResourceLimits::default().max_duration(Duration::from_secs(request.limits.cpu_seconds));
    let session = MontyRepl::new(NAME, ResourceTracker::new(limits), options);
    let mut run = Run { output, ask, region: region(&request.context), suspensions: 0 };
    let (session, _) = run.feed(session, &script.text, script.inputs())?;
    if !session.has_function(handler) {
        let message = format!("the script defines no function `{handler}`, which Handler names");
        return Err(failure(FailureKind::Handler, message));
    }
    let inputs = vec![
        (EVENTS.to_owned(), value::to_python(request.events.clone())),
        (CONTEXT.to_owned(), value::to_python(request.context.clone())),
    ];
    let (_, returned) = run.feed(session, &format!("{handler}({EVENTS}, {CONTEXT})"), inputs)?;
    let of_payload = |reason| failure(FailureKind::Payload, format!("what `{handler}` returned: {reason}"));
    let payload = value::to_json(&returned).map_err(of_payload)?;
    let size = payload.to_string().len();
    if size > MOST_PAYLOAD_BYTES {
        return Err(of_payload(format!(
            "it has {size} bytes as JSON; at most {MOST_PAYLOAD_BYTES} are passed on"
        )));
    }
    Ok(Outcome::Returned(payload))
}

fn region(context: &serde_json::Value) -> String {
    context.get("global:REGION").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
}

fn failure(kind: FailureKind, message: impl Into<String>) -> Failure {
    Failure { kind, message: message.into() }
}

struct Run<'a> {
    output: &'a mut Output,
    ask: Ask<'a>,
    region: String,
    suspensions: u32,
}

type Step = Result<ReplProgress, Box<ReplStartError>>;

impl Run<'_> {
    fn feed(
        &mut self,
        session: MontyRepl,
        code: &str,
        inputs: Vec<(String, MontyObject)>,
    ) -> Result<(MontyRepl, MontyObject), Failure> {
        let mut step = session.feed_start(code, inputs, PrintWriter::Callback(self.output));
        loop {
            match step {
                Ok(ReplProgress::Complete { repl, value }) => return Ok((repl, value)),
                Ok(progress) => step = self.answer(progress),
                Err(error) => return Err(raised(&error.error)),
            }
        }
    }

    fn answer(&mut self, progress: ReplProgress) -> Step {
        self.suspensions += 1;
        let is_too_much = self.suspensions > MOST_SUSPENSIONS;
        let too_much = || {
            let message = format!("the script asked for more than {MOST_SUSPENSIONS} things");
            MontyException::new(ExcType::RuntimeError, Some(message))
        };
        match progress {
            ReplProgress::FunctionCall(call) if is_too_much => call.abort(too_much(), self.print()),
            ReplProgress::OsCall(call) if is_too_much => call.abort(too_much(), self.print()),
            ReplProgress::NameLookup(lookup) if is_too_much => lookup.abort(too_much(), self.print()),
            ReplProgress::FunctionCall(call) => {
                let lent = Lent { region: &self.region, ask: &mut *self.ask };
                let result = match call.object_id {
                    Some(id) => lent.call(id, &call.function_name, &call.args, &call.kwargs),
                    None => modules::function(&call.function_name, &call.args, &call.kwargs),
                };
                call.resume(result, self.print())
            }
            ReplProgress::OsCall(call) => call.resume_with(self.print(), of_system),
            ReplProgress::NameLookup(lookup) => {
                let found = lookup.object_id().map(|id| modules::attribute(id, &lookup.name));
                lookup.resume(found.unwrap_or(NameLookupResult::Undefined), self.print())
            }
            ReplProgress::ResolveFutures(futures) => {
                let message = "nothing that a script could wait for ever comes".to_owned();
                futures.abort(MontyException::new(ExcType::RuntimeError, Some(message)), self.print())
            }
            done @ ReplProgress::Complete { .. } => Ok(done),
        }
    }

    fn print(&mut self) -> PrintWriter<'_> {
        PrintWriter::Callback(self.output)
    }
}

/// The time is told. There are no files here, and the environment is empty.
fn of_system(call: OsFunctionCall) -> ExtFunctionResult {
    match call {
        OsFunctionCall::DateToday => clock::today().into(),
        OsFunctionCall::DateTimeNow(zone) => clock::now(zone).into(),
        OsFunctionCall::Getenv(arguments) => arguments.default.into(),
        OsFunctionCall::GetEnviron => MontyObject::dict(Vec::new()).into(),
        other => other.on_no_handler().into(),
    }
}

fn raised(error: &MontyException) -> Failure {
    let is_limit = match error.exc_type() {
        ExcType::MemoryError => true,
        ExcType::TimeoutError => error.message().is_some_and(|text| text.starts_with("time limit exceeded")),
        _ => false,
    };
    failure(if is_limit { FailureKind::Limit } else { FailureKind::Raised }, shown(error))
}

/// With a traceback of the script's own lines, as Python writes it.
fn shown(error: &MontyException) -> String {
    let own = |frame: &&StackFrame| frame.filename == NAME || frame.filename == FIRST_FED;
    let named = |frame: &StackFrame| StackFrame { filename: NAME.to_owned(), ..frame.clone() };
    let frames = error.traceback().iter().filter(own).map(named).collect();
    let message = error.message().map(str::to_owned);
    let text = MontyException::with_traceback(error.exc_type(), message, frames).to_string();
    let from = text.len().saturating_sub(MOST_MESSAGE_BYTES);
    let from = (from..=text.len()).find(|from| text.is_char_boundary(*from)).unwrap_or(text.len());
    if from == 0 { text } else { format!("[…]{}", &text[from..]) }
}
