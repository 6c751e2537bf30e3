//! Agents on their control channels, thousands of them from one process: what an open connection costs the server, and how
//! long a command takes to reach all of them and to be reported by all. They speak as `fettle-agent` does for a document
//! of one step: an acknowledgement, a first reply, the step's, the final one.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use api::agent::channel::{CONTROL_CHANNEL_QUERY, control_channel_path, parse_token_value};
use api::agent::{
    AckCode, AgentJob, AgentJobAck, AgentJobReply, AgentMessage, MessageId, MessageType, TopicKind,
};
use api::sigv4::{PathStyle, RequestParts, Signer, payload_hash};
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use crate::wire::{Keys, REGION, now};

/// Connections that are being opened at the same time.
const OPENING: usize = 64;
/// Of one source address, which has some 28,000 ports for one address of the server.
const PER_ADDRESS: usize = 5000;
const BUFFER_BYTES: usize = 4 << 10;
const PING_EVERY: Duration = Duration::from_secs(54);

/// What the agents of a fleet have done with the present command.
#[derive(Default)]
pub struct Board {
    delivered: Mutex<Vec<Instant>>,
    open: AtomicUsize,
    lost: AtomicUsize,
    ids: AtomicUsize,
}

impl Board {
    /// When the jobs arrived, in their order; the board is empty afterwards.
    pub fn take_delivered(&self) -> Vec<Instant> {
        let mut delivered = std::mem::take(&mut *self.delivered.lock().unwrap());
        delivered.sort_unstable();
        delivered
    }

    pub fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    /// Channels that the server ended.
    pub fn lost(&self) -> usize {
        self.lost.load(Ordering::SeqCst)
    }

    fn id(&self) -> MessageId {
        let number = self.ids.fetch_add(1, Ordering::SeqCst) as u128;
        // Of a run of its own, so that a second one is not taken for a repetition.
        MessageId::from_bytes((number | (u128::from(std::process::id()) << 64)).to_be_bytes())
    }
}

/// The only step of AWS-RunShellScript, of which version 1.2 of the schema knows no name but its plugin's.
const STEP: &str = "aws:runShellScript";

/// Opens the control channels of all nodes, and keeps them open.
pub async fn connect(endpoint: SocketAddr, nodes: Vec<(String, Keys)>) -> Arc<Board> {
    let board = Arc::<Board>::default();
    let turns = Arc::new(Semaphore::new(OPENING));
    let count = nodes.len();
    for (number, (id, keys)) in nodes.into_iter().enumerate() {
        let turn = Arc::clone(&turns).acquire_owned().await.unwrap();
        let board = Arc::clone(&board);
        tokio::spawn(async move {
            let socket = open(endpoint, number, &id, &keys).await;
            drop(turn);
            board.open.fetch_add(1, Ordering::SeqCst);
            serve(&board, &id, number, socket).await;
            board.lost.fetch_add(1, Ordering::SeqCst);
        });
    }
    while board.open() < count {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    board
}

async fn open(endpoint: SocketAddr, number: usize, id: &str, keys: &Keys) -> WebSocketStream<TcpStream> {
    let token = token(endpoint, number, id, keys).await;
    let path = control_channel_path(id);
    let host = endpoint.to_string();
    let mut request = format!("ws://{host}{path}?{CONTROL_CHANNEL_QUERY}").into_client_request().unwrap();
    for (name, value) in signed(keys, "GET", &path, CONTROL_CHANNEL_QUERY, &host, b"") {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    let config = WebSocketConfig::default().read_buffer_size(BUFFER_BYTES).write_buffer_size(0);
    let stream = dial(endpoint, number).await;
    let (mut socket, _) =
        tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await.unwrap();
    let open = json!({"Cookie": null, "MessageSchemaVersion": "1.0", "RequestId": "r", "TokenValue": token,
        "AgentVersion": "1.0.0", "PlatformType": "linux"});
    socket.send(Message::text(open.to_string())).await.unwrap();
    // The server says nothing to an open channel; a pong tells that it reads.
    socket.send(Message::Ping("open".into())).await.unwrap();
    socket.next().await.unwrap().unwrap();
    socket
}

/// `POST /v1/control-channel/{id}`, on a connection of its own.
async fn token(endpoint: SocketAddr, number: usize, id: &str, keys: &Keys) -> String {
    let body = json!({"MessageSchemaVersion": "1.0", "RequestId": "r"}).to_string();
    let (path, host) = (control_channel_path(id), endpoint.to_string());
    let mut request = format!("POST {path} HTTP/1.1\r\nconnection: close\r\nhost: {host}\r\n");
    for (name, value) in signed(keys, "POST", &path, "", &host, body.as_bytes()) {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
    let mut stream = dial(endpoint, number).await;
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    parse_token_value(&answer).unwrap()
}

async fn dial(endpoint: SocketAddr, number: usize) -> TcpStream {
    let source = Ipv4Addr::new(127, 0, 0, u8::try_from(2 + number / PER_ADDRESS).unwrap());
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(IpAddr::V4(source), 0)).unwrap();
    let stream = socket.connect(endpoint).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

fn signed(
    keys: &Keys,
    method: &str,
    path: &str,
    query: &str,
    host: &str,
    body: &[u8],
) -> Vec<(&'static str, String)> {
    let headers = [("host", host)];
    let request = RequestParts { method, path, query, headers: &headers };
    let signer =
        Signer { credentials: &keys.0, region: REGION, service: "ssmmessages", style: PathStyle::Normalized };
    signer.sign(&request, &payload_hash(body), now()).unwrap()
}

/// Until the server ends the channel.
async fn serve(board: &Board, id: &str, number: usize, mut socket: WebSocketStream<TcpStream>) {
    // Spread, as the agents of a fleet are.
    let first = tokio::time::Instant::now() + PING_EVERY.mul_f64((number % 1000) as f64 / 1000.0);
    let mut ping = tokio::time::interval_at(first, PING_EVERY);
    loop {
        let frame = tokio::select! {
            frame = socket.next() => frame,
            _ = ping.tick() => {
                if socket.send(Message::Ping("keepalive".into())).await.is_err() {
                    return;
                }
                continue;
            }
        };
        match frame {
            Some(Ok(Message::Binary(bytes))) => {
                let message = AgentMessage::decode(&bytes).unwrap();
                if message.message_type == MessageType::AgentJob {
                    board.delivered.lock().unwrap().push(Instant::now());
                    for frame in answers(board, id, &message) {
                        if socket.send(Message::binary(frame)).await.is_err() {
                            return;
                        }
                    }
                }
            }
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return,
        }
    }
}

fn answers(board: &Board, id: &str, message: &AgentMessage) -> Vec<Vec<u8>> {
    let job: AgentJob = serde_json::from_slice(&message.payload).unwrap();
    let ack = AgentJobAck {
        job_id: job.job_id.clone(),
        acknowledged_message_id: message.message_id,
        created_date: now().to_iso_millis(),
        error_message: AckCode::Successful.message().to_owned(),
        status_code: AckCode::Successful,
    };
    let at = now().to_iso_millis();
    let step = json!({"status": "Success", "code": 0, "name": STEP, "output": id,
        "startDateTime": at, "endDateTime": at, "stepName": STEP, "standardOutput": id,
        "standardError": ""});
    let info = json!({"agent": {"lang": "en-US", "name": "bench", "os": "", "osver": "", "ver": "1"},
        "dateTime": at, "runId": "", "runtimeStatusCounts": {"Success": 1}});
    let reply = |status: &str, steps: serde_json::Value| {
        let content = json!({"additionalInfo": info, "documentStatus": status, "documentTraceOutput": "",
            "runtimeStatus": steps});
        let reply = AgentJobReply {
            schema_version: 1,
            job_id: job.job_id.clone(),
            content: content.to_string(),
            topic: TopicKind::SendCommand.as_str().to_owned(),
        };
        frame(board, MessageType::AgentJobReply, &reply)
    };
    vec![
        frame(board, MessageType::AgentJobAck, &ack),
        reply("InProgress", serde_json::Value::Null),
        reply("InProgress", json!({STEP: step})),
        reply("Success", json!({STEP: step})),
    ]
}

fn frame(board: &Board, kind: MessageType, payload: &impl serde::Serialize) -> Vec<u8> {
    let payload = serde_json::to_vec(payload).unwrap();
    AgentMessage::new(kind, board.id(), now(), payload).encode()
}
