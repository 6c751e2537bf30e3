//! The binary frame of the websocket channels, called AgentMessage: encode and decode.
//! What a payload means belongs to the files beside this one.
//!
//! Big-endian: header length (u32, 116), message type (32 bytes of ASCII, blank padded), schema version (u32),
//! created date (u64, epoch ms), sequence number (i64), flags (u64), message id (16, halves swapped),
//! SHA-256 of the payload (32), payload type (u32), payload length (u32), payload.

use std::fmt;

use ring::digest::{SHA256, digest};

use super::MessageId;
use crate::Timestamp;

/// First of a stream.
pub const FLAG_SYN: u64 = 1;
/// Last of a stream.
pub const FLAG_FIN: u64 = 2;

/// Largest frame that either side needs to accept.
pub const MAX_FRAME_BYTES: usize = 1 << 20;

const HEADER_BYTES: usize = 116;
const TYPE_BYTES: usize = 32;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentMessage {
    pub message_type: MessageType,
    pub schema_version: u32,
    /// Must be after the epoch: receivers refuse 0.
    pub created_at: Timestamp,
    pub sequence_number: i64,
    /// Bit set of [`FLAG_SYN`] and [`FLAG_FIN`].
    pub flags: u64,
    pub message_id: MessageId,
    pub payload_type: PayloadType,
    /// Give it at least one byte: the stock agent logs an error for an empty one.
    pub payload: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    #[error("frame of {length} bytes ends before its header does")]
    TooShort { length: usize },
    #[error("header length {0} is not possible")]
    HeaderLength(u32),
    #[error("message type is empty or not printable ASCII")]
    MessageType,
    #[error("created date is 0 or out of range")]
    CreatedDate,
    #[error("payload does not match its digest")]
    Digest,
}

impl AgentMessage {
    /// A message outside any stream, as control channels carry them.
    pub fn new(
        message_type: MessageType,
        message_id: MessageId,
        created_at: Timestamp,
        payload: Vec<u8>,
    ) -> Self {
        Self {
            message_type,
            schema_version: 1,
            created_at,
            sequence_number: 0,
            flags: 0,
            message_id,
            payload_type: PayloadType::None,
            payload,
        }
    }

    /// Digest and length are computed. A created date before the epoch is written as 1 ms after it.
    pub fn encode(&self) -> Vec<u8> {
        let mut frame = Vec::with_capacity(HEADER_BYTES + 4 + self.payload.len());
        frame.extend((HEADER_BYTES as u32).to_be_bytes());
        frame.extend(self.message_type.padded());
        frame.extend(self.schema_version.to_be_bytes());
        frame.extend(self.created_at.as_millis().max(1).to_be_bytes());
        frame.extend(self.sequence_number.to_be_bytes());
        frame.extend(self.flags.to_be_bytes());
        frame.extend(self.message_id.swapped());
        frame.extend(digest(&SHA256, &self.payload).as_ref());
        frame.extend(u32::from(self.payload_type).to_be_bytes());
        frame.extend(u32::try_from(self.payload.len()).unwrap_or(u32::MAX).to_be_bytes());
        frame.extend_from_slice(&self.payload);
        frame
    }

    /// The payload is everything behind the length field, whatever that field says, as the stock clients read it;
    /// the digest decides whether that was right.
    pub fn decode(frame: &[u8]) -> Result<Self, FrameError> {
        let mut reader = Reader { rest: frame, length: frame.len() };
        let header_length = u32::from_be_bytes(reader.take()?);
        let message_type = MessageType::parse(&reader.take::<TYPE_BYTES>()?)?;
        let schema_version = u32::from_be_bytes(reader.take()?);
        let created_at = created_at(u64::from_be_bytes(reader.take()?))?;
        let sequence_number = i64::from_be_bytes(reader.take()?);
        let flags = u64::from_be_bytes(reader.take()?);
        let message_id = MessageId::from_swapped(reader.take()?);
        let digest: [u8; 32] = reader.take()?;
        let payload_type = PayloadType::from(u32::from_be_bytes(reader.take()?));

        let header_bytes = header_length as usize;
        if header_bytes < HEADER_BYTES {
            return Err(FrameError::HeaderLength(header_length));
        }
        let payload = header_bytes
            .checked_add(4)
            .and_then(|start| frame.get(start..))
            .ok_or(FrameError::TooShort { length: frame.len() })?;
        if ring::digest::digest(&SHA256, payload).as_ref() != digest {
            return Err(FrameError::Digest);
        }
        Ok(Self {
            message_type,
            schema_version,
            created_at,
            sequence_number,
            flags,
            message_id,
            payload_type,
            payload: payload.to_vec(),
        })
    }
}

fn created_at(epoch_ms: u64) -> Result<Timestamp, FrameError> {
    match i64::try_from(epoch_ms) {
        Ok(epoch_ms) if epoch_ms > 0 => Ok(Timestamp::from_millis(epoch_ms)),
        _ => Err(FrameError::CreatedDate),
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    length: usize,
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], FrameError> {
        let (field, rest) =
            self.rest.split_first_chunk().ok_or(FrameError::TooShort { length: self.length })?;
        self.rest = rest;
        Ok(*field)
    }
}

/// What a frame is for. Unknown ones are kept and, by both sides, ignored.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum MessageType {
    AgentJob,
    AgentJobAck,
    AgentJobReply,
    AgentJobReplyAck,
    InteractiveShell,
    ChannelClosed,
    AgentTaskComplete,
    AgentTaskAcknowledge,
    AgentTelemetry,
    AgentUpdateResult,
    InputStreamData,
    OutputStreamData,
    Acknowledge,
    AgentSessionState,
    StartPublication,
    PausePublication,
    Other(OtherMessageType),
}

/// A message type this version does not know: 1 to 32 printable ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OtherMessageType(String);

impl MessageType {
    /// Blanks and NULs around the name do not count.
    pub fn parse(field: &[u8]) -> Result<Self, FrameError> {
        let text = std::str::from_utf8(field).map_err(|_| FrameError::MessageType)?;
        let name = text.trim_matches([' ', '\0']);
        let printable = name.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
        if name.is_empty() || name.len() > TYPE_BYTES || !printable {
            return Err(FrameError::MessageType);
        }
        Ok(match name {
            "agent_job" => Self::AgentJob,
            "agent_job_ack" => Self::AgentJobAck,
            "agent_job_reply" => Self::AgentJobReply,
            "agent_job_reply_ack" => Self::AgentJobReplyAck,
            "interactive_shell" => Self::InteractiveShell,
            "channel_closed" => Self::ChannelClosed,
            "agent_task_complete" => Self::AgentTaskComplete,
            "agent_task_acknowledge" => Self::AgentTaskAcknowledge,
            "agent_telemetry" => Self::AgentTelemetry,
            "agent_update_result" => Self::AgentUpdateResult,
            "input_stream_data" => Self::InputStreamData,
            "output_stream_data" => Self::OutputStreamData,
            "acknowledge" => Self::Acknowledge,
            "agent_session_state" => Self::AgentSessionState,
            "start_publication" => Self::StartPublication,
            "pause_publication" => Self::PausePublication,
            other => Self::Other(OtherMessageType(other.to_owned())),
        })
    }

    pub fn as_str(&self) -> &str {
        match self {
            Self::AgentJob => "agent_job",
            Self::AgentJobAck => "agent_job_ack",
            Self::AgentJobReply => "agent_job_reply",
            Self::AgentJobReplyAck => "agent_job_reply_ack",
            Self::InteractiveShell => "interactive_shell",
            Self::ChannelClosed => "channel_closed",
            Self::AgentTaskComplete => "agent_task_complete",
            Self::AgentTaskAcknowledge => "agent_task_acknowledge",
            Self::AgentTelemetry => "agent_telemetry",
            Self::AgentUpdateResult => "agent_update_result",
            Self::InputStreamData => "input_stream_data",
            Self::OutputStreamData => "output_stream_data",
            Self::Acknowledge => "acknowledge",
            Self::AgentSessionState => "agent_session_state",
            Self::StartPublication => "start_publication",
            Self::PausePublication => "pause_publication",
            Self::Other(other) => &other.0,
        }
    }

    fn padded(&self) -> [u8; TYPE_BYTES] {
        let mut field = [b' '; TYPE_BYTES];
        for (slot, byte) in field.iter_mut().zip(self.as_str().bytes()) {
            *slot = byte;
        }
        field
    }
}

impl fmt::Display for MessageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What stream data carries; `None` everywhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PayloadType {
    None,
    Output,
    Error,
    Size,
    Parameter,
    HandshakeRequest,
    HandshakeResponse,
    HandshakeComplete,
    EncChallengeRequest,
    EncChallengeResponse,
    Flag,
    StdErr,
    ExitCode,
    /// Above 12.
    Other(u32),
}

const PAYLOAD_TYPES: [PayloadType; 13] = [
    PayloadType::None,
    PayloadType::Output,
    PayloadType::Error,
    PayloadType::Size,
    PayloadType::Parameter,
    PayloadType::HandshakeRequest,
    PayloadType::HandshakeResponse,
    PayloadType::HandshakeComplete,
    PayloadType::EncChallengeRequest,
    PayloadType::EncChallengeResponse,
    PayloadType::Flag,
    PayloadType::StdErr,
    PayloadType::ExitCode,
];

impl From<u32> for PayloadType {
    fn from(number: u32) -> Self {
        PAYLOAD_TYPES.get(number as usize).copied().unwrap_or(Self::Other(number))
    }
}

impl From<PayloadType> for u32 {
    fn from(payload_type: PayloadType) -> Self {
        match payload_type {
            PayloadType::Other(number) => number,
            known => PAYLOAD_TYPES.iter().position(|entry| *entry == known).unwrap_or_default() as Self,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn example() -> AgentMessage {
        AgentMessage::new(
            MessageType::StartPublication,
            "00112233-4455-6677-8899-aabbccddeeff".parse().unwrap(),
            Timestamp::from_millis(1_769_860_800_123),
            b"start_publication".to_vec(),
        )
    }

    #[test]
    fn encodes_the_worked_example() {
        let frame = example().encode();
        assert_eq!(frame.len(), 137);
        assert_eq!(hex::encode(&frame[0..4]), "00000074");
        assert_eq!(&frame[4..36], b"start_publication               ");
        assert_eq!(hex::encode(&frame[36..40]), "00000001");
        assert_eq!(hex::encode(&frame[40..48]), "0000019c13ec9e7b");
        assert_eq!(hex::encode(&frame[64..80]), "8899aabbccddeeff0011223344556677");
        assert_eq!(&frame[80..112], digest(&SHA256, b"start_publication").as_ref());
        assert_eq!(hex::encode(&frame[116..120]), "00000011");
        assert_eq!(AgentMessage::decode(&frame), Ok(example()));
    }

    #[test]
    fn refuses_what_receivers_refuse() {
        let refused = |change: fn(&mut Vec<u8>), error: FrameError| {
            let mut frame = example().encode();
            change(&mut frame);
            assert_eq!(AgentMessage::decode(&frame), Err(error));
        };
        refused(|frame| frame[3] = 0, FrameError::HeaderLength(0));
        refused(|frame| frame[0] = 0xff, FrameError::TooShort { length: 137 });
        refused(|frame| frame[4..36].fill(b' '), FrameError::MessageType);
        refused(|frame| frame[4] = 0xc3, FrameError::MessageType);
        refused(|frame| frame[40..48].fill(0), FrameError::CreatedDate);
        refused(|frame| frame[40] = 0xff, FrameError::CreatedDate);
        refused(|frame| frame[136] ^= 1, FrameError::Digest);
        refused(|frame| frame.truncate(115), FrameError::TooShort { length: 115 });
        refused(|frame| frame.truncate(119), FrameError::TooShort { length: 119 });
    }

    #[test]
    fn takes_longer_headers_and_nul_padding() {
        let mut frame = example().encode();
        frame.splice(116..116, [9, 9, 9, 9]);
        frame[3] = 120;
        frame[4 + 17..36].fill(0);
        assert_eq!(AgentMessage::decode(&frame), Ok(example()));
    }

    fn any_message() -> impl Strategy<Value = AgentMessage> {
        (
            ("[!-~]([ -~]{0,30}[!-~])?", any::<u32>(), 1..=i64::MAX, any::<i64>()),
            (any::<u64>(), any::<[u8; 16]>(), any::<u32>(), any::<Vec<u8>>()),
        )
            .prop_map(
                |((name, schema_version, created_ms, sequence_number), (flags, id, kind, payload))| {
                    AgentMessage {
                        message_type: MessageType::parse(name.as_bytes()).unwrap(),
                        schema_version,
                        created_at: Timestamp::from_millis(created_ms),
                        sequence_number,
                        flags,
                        message_id: MessageId::from_bytes(id),
                        payload_type: PayloadType::from(kind % 20),
                        payload,
                    }
                },
            )
    }

    proptest! {
        #[test]
        fn round_trips(message in any_message()) {
            prop_assert_eq!(AgentMessage::decode(&message.encode()), Ok(message));
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(message) = AgentMessage::decode(&bytes) {
                prop_assert_eq!(AgentMessage::decode(&message.encode()), Ok(message));
            }
        }

        #[test]
        fn damaged_frames_never_panic(message in any_message(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut frame = message.encode();
            let at = at.index(frame.len());
            frame[at] = byte;
            let _ = AgentMessage::decode(&frame);
        }
    }
}
