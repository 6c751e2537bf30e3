//! What server and agent say to each other: binary frames, jobs, replies, the control channel.
//! Values and their text or byte forms only; sockets, retries and storage belong to the two sides.
//! Source: the agent protocol as stock agents speak it.

pub mod channel;
pub mod command;
pub mod frame;
pub mod job;
pub mod message_id;
pub mod reply;

pub use channel::{CreateChannelRequest, OpenControlChannel};
pub use command::{CancelCommandPayload, JobId, SendCommandPayload, TopicKind};
pub use frame::{AgentMessage, FrameError, MessageType, PayloadType};
pub use job::{AckCode, AgentJob, AgentJobAck, AgentJobReply, AgentJobReplyAck};
pub use message_id::MessageId;
pub use reply::{DocumentStatus, ReplyPayload, StepReply, StepStatus};
