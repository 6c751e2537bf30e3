//! A server on a loopback socket that answers an agent, checks its signatures, and hands its channels to the test.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use agent::transport::endpoint::Endpoint;
use api::Timestamp;
use api::agent::channel::{ChannelKind, channel_error, create_channel_output};
use api::agent::{
    AgentJob, AgentJobReplyAck, AgentMessage, MessageId, MessageType, OpenControlChannel, ReplyPayload,
};
use api::sigv4::{
    PathStyle, RequestParts, Scope, canonical_request, format_time, payload_hash, string_to_sign,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::{SinkExt, StreamExt};
use rsa::pkcs8::DecodePublicKey;
use rsa::{Pss, RsaPublicKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

pub const NODE: &str = "mi-0123456789abcdef0";
pub const TOKEN: &str = "opaque<&>token";
const LONG: Duration = Duration::from_secs(60);

#[derive(Default)]
struct State {
    calls: Vec<String>,
    key: String,
    denied: bool,
    rotate: bool,
    lose_rotation: bool,
    messages: VecDeque<Value>,
    replies: Vec<ReplyPayload>,
    snapshot: String,
}

pub struct Server {
    address: std::net::SocketAddr,
    state: Arc<Mutex<State>>,
    changed: Arc<Notify>,
    channels: mpsc::UnboundedReceiver<Channel>,
}

/// The server's end of a control channel.
pub struct Channel {
    pub token: String,
    socket: WebSocketStream<TcpStream>,
}

impl Server {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let changed = Arc::new(Notify::new());
        let (sender, channels) = mpsc::unbounded_channel();
        let (accepted_state, accepted_changed) = (Arc::clone(&state), Arc::clone(&changed));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (state, changed, sender) =
                    (Arc::clone(&accepted_state), Arc::clone(&accepted_changed), sender.clone());
                tokio::spawn(async move { connection(stream, &state, &changed, &sender).await });
            }
        });
        Self { address, state, changed, channels }
    }

    pub fn endpoint(&self) -> Endpoint {
        format!("http://{}", self.address).parse().unwrap()
    }

    pub async fn next_channel(&mut self) -> Channel {
        timeout(LONG, self.channels.recv()).await.unwrap().unwrap()
    }

    pub fn deny_channels(&self) {
        self.state.lock().unwrap().denied = true;
    }

    pub fn ask_for_rotation(&self) {
        self.state.lock().unwrap().rotate = true;
    }

    pub fn lose_rotation_answer(&self) {
        self.state.lock().unwrap().lose_rotation = true;
    }

    /// Without one there is no baseline for the node.
    pub fn freeze(&self, snapshot: &Value) {
        self.state.lock().unwrap().snapshot = snapshot.to_string();
    }

    pub fn offer_message(&self, command: &str, payload: &str) {
        let message = json!({"MessageId": format!("aws.ssm.{command}.{NODE}"), "Destination": NODE,
            "CreatedDate": "2026-01-31T12:00:00.000Z", "Topic": "aws.ssm.sendCommand.us-east-1.test", "Payload": payload});
        self.state.lock().unwrap().messages.push_back(message);
    }

    pub fn calls(&self, operation: &str) -> usize {
        self.state.lock().unwrap().calls.iter().filter(|call| *call == operation).count()
    }

    pub async fn until(&self, operation: &str) {
        self.wait_for(|state| state.calls.iter().any(|call| call == operation).then_some(())).await;
    }

    pub async fn final_reply(&self) -> ReplyPayload {
        self.wait_for(|state| state.replies.iter().find(|reply| reply.document_status.is_final()).cloned())
            .await
    }

    async fn wait_for<T>(&self, look: impl Fn(&State) -> Option<T>) -> T {
        let looking = async {
            loop {
                let changed = self.changed.notified();
                if let Some(found) = look(&self.state.lock().unwrap()) {
                    return found;
                }
                changed.await;
            }
        };
        timeout(LONG, looking).await.unwrap()
    }
}

impl Channel {
    pub async fn send_job(&mut self, command: &str, content: &str) -> MessageId {
        let job = AgentJob {
            schema_version: 1,
            job_id: format!("aws.ssm.{command}.{NODE}"),
            topic: "aws.ssm.sendCommand.us-east-1.test".into(),
            content: content.into(),
        };
        self.send(MessageType::AgentJob, &serde_json::to_vec(&job).unwrap()).await
    }

    pub async fn acknowledge(&mut self, job_id: &str, message_id: MessageId) {
        let ack = AgentJobReplyAck { job_id: job_id.into(), acknowledged_message_id: message_id };
        self.send(MessageType::AgentJobReplyAck, &serde_json::to_vec(&ack).unwrap()).await;
    }

    async fn send(&mut self, message_type: MessageType, payload: &[u8]) -> MessageId {
        let id = agent::transport::call::new_id();
        let message =
            AgentMessage::new(message_type, id, Timestamp::from_seconds(1_800_000_000), payload.to_vec());
        self.socket.send(Message::binary(message.encode())).await.unwrap();
        id
    }

    /// Skips frames of other types.
    pub async fn next_of(&mut self, wanted: &MessageType) -> AgentMessage {
        loop {
            let message = timeout(LONG, self.socket.next()).await.unwrap().unwrap().unwrap();
            if let Message::Binary(frame) = message {
                let message = AgentMessage::decode(&frame).unwrap();
                if message.message_type == *wanted {
                    return message;
                }
            }
        }
    }
}

async fn connection(
    mut stream: TcpStream,
    state: &Mutex<State>,
    changed: &Notify,
    channels: &mpsc::UnboundedSender<Channel>,
) {
    let mut first = [0; 6];
    if stream.peek(&mut first).await.unwrap_or(0) == 6 && &first == b"GET /v" {
        let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
        let open = socket.next().await.unwrap().unwrap().into_text().unwrap();
        let open: OpenControlChannel = serde_json::from_str(&open).unwrap();
        let _ = channels.send(Channel { token: open.token_value, socket });
        return;
    }
    while let Some(request) = Request::read(&mut stream).await {
        let answer = state.lock().unwrap().answer(&request);
        changed.notify_waiters();
        let Some((status, body)) = answer else { return };
        let text = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        if stream.write_all(text.as_bytes()).await.is_err() {
            return;
        }
    }
}

struct Request {
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    async fn read(stream: &mut TcpStream) -> Option<Self> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.ok()?);
        }
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let path = lines.next()?.split(' ').nth(1)?.to_owned();
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let mut request = Self { path, headers, body: Vec::new() };
        request.body = vec![0; request.header("content-length").parse().unwrap_or(0)];
        stream.read_exact(&mut request.body).await.ok()?;
        Some(request)
    }

    fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// As a server checks a node's RSA signature.
    fn is_signed_by(&self, key: &str) -> bool {
        let (_, rest) = self.header("authorization").split_once("SignedHeaders=").unwrap();
        let (names, signature) = rest.split_once(", Signature=").unwrap();
        let names: Vec<String> = names.split(';').map(str::to_owned).collect();
        let headers: Vec<(&str, &str)> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let parts = RequestParts { method: "POST", path: "/", query: "", headers: &headers };
        let canonical =
            canonical_request(&parts, &names, &payload_hash(&self.body), PathStyle::Normalized).unwrap();
        let at = api::sigv4::parse_time(self.header("x-amz-date")).unwrap();
        assert_eq!(format_time(at), self.header("x-amz-date"));
        let text = string_to_sign(at, &Scope::new(at, "us-east-1", "ssm"), &canonical);
        let key = RsaPublicKey::from_public_key_der(&STANDARD.decode(key).unwrap()).unwrap();
        let signature = STANDARD.decode(signature).unwrap();
        key.verify(Pss::new_with_salt::<Sha256>(32), &Sha256::digest(text), &signature).is_ok()
    }
}

impl State {
    /// `None` closes the connection without an answer.
    fn answer(&mut self, request: &Request) -> Option<(u16, String)> {
        if request.path.starts_with("/v1/control-channel/") {
            return Some(match self.denied {
                true => (403, channel_error("AccessDeniedException", "no channel for this node")),
                false => (201, create_channel_output(ChannelKind::Control, TOKEN)),
            });
        }
        if request.path == "/snapshot" {
            return Some((200, self.snapshot.clone()));
        }
        let operation = request.header("x-amz-target").rsplit('.').next().unwrap().to_owned();
        self.calls.push(operation.clone());
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let ok = |value: Value| Some((200, value.to_string()));
        match operation.as_str() {
            "RegisterManagedInstance" => {
                self.key = body["PublicKey"].as_str().unwrap().to_owned();
                ok(json!({"InstanceId": NODE}))
            }
            "RequestManagedInstanceRoleToken" if !request.is_signed_by(&self.key) => Some((
                400,
                json!({"__type": "AccessDeniedException", "message": "bad signature"}).to_string(),
            )),
            "RequestManagedInstanceRoleToken" => {
                let expires = agent::transport::call::now().plus_seconds(3600);
                ok(json!({"AccessKeyId": "ASIAEXAMPLE", "SecretAccessKey": "secret", "SessionToken": "token",
                    "TokenExpirationDate": expires, "UpdateKeyPair": std::mem::take(&mut self.rotate)}))
            }
            "UpdateManagedInstancePublicKey" => {
                assert!(request.is_signed_by(&self.key), "not signed with the old key");
                self.key = body["NewPublicKey"].as_str().unwrap().to_owned();
                if self.lose_rotation { None } else { ok(json!({})) }
            }
            "GetDeployablePatchSnapshotForInstance" if self.snapshot.is_empty() => Some((
                400,
                json!({"__type": "UnsupportedOperatingSystem", "message": "no baseline for it"}).to_string(),
            )),
            "GetDeployablePatchSnapshotForInstance" => {
                ok(json!({"SnapshotDownloadUrl": format!("http://{}/snapshot", request.header("host"))}))
            }
            "GetMessages" => {
                ok(json!({"Destination": NODE, "Messages": self.messages.drain(..).collect::<Vec<_>>()}))
            }
            "SendReply" => {
                self.replies.push(serde_json::from_str(body["Payload"].as_str().unwrap()).unwrap());
                ok(json!({}))
            }
            _ => ok(json!({})),
        }
    }
}
