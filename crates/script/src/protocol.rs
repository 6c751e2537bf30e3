//! What passes between the server and the process that runs a script: JSON, one value a line. The server writes a
//! [`Request`]; it reads [`Message`]s, answering each call, until the last one.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Of everything that a script prints, so much is kept.
pub const MOST_OUTPUT_BYTES: usize = 64 * 1024;
/// Of what a script returns, as JSON.
pub const MOST_PAYLOAD_BYTES: usize = 100 * 1024;
/// Of one line either way.
pub const MOST_LINE_BYTES: usize = 8 * 1024 * 1024;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    pub script: String,
    /// The function to call; without one the script is only read.
    pub handler: Option<String>,
    /// What it is called with.
    pub events: Value,
    pub context: Value,
    pub limits: Limits,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Of the process's memory, beyond what it takes to begin.
    pub memory_bytes: u64,
    /// Of processor time.
    pub cpu_seconds: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Message {
    /// The script waits for an [`Answer`].
    Call(Call),
    /// Nothing follows.
    Done(Done),
}

/// Of an operation, as `boto3` names it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    pub service: String,
    pub operation: String,
    pub arguments: Value,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    Answered(Value),
    Refused { code: String, message: String },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Done {
    pub outcome: Outcome,
    /// What it printed, the first [`MOST_OUTPUT_BYTES`] of it.
    pub output: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    /// It was only read, and can be run.
    Read,
    Returned(Value),
    Failed(Failure),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub kind: FailureKind,
    /// With the place in the script where there is one.
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FailureKind {
    /// It is no Python, or none that is run here.
    Syntax,
    /// There is no such function.
    Handler,
    /// An exception that nothing caught.
    Raised,
    /// What it returned cannot be passed on.
    Payload,
    /// It took too much memory or processor time.
    Limit,
    /// The request cannot be read.
    Request,
}
