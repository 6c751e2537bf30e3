//! The control channel: a signed websocket that carries jobs in and replies out.
//! When to open one belongs to `link`.

use std::time::Duration;

use api::agent::channel::{
    ACCESS_DENIED_ELEMENT, CONTROL_CHANNEL_QUERY, MESSAGE_SCHEMA_VERSION, control_channel_path,
    parse_token_value,
};
use api::agent::frame::MAX_FRAME_BYTES;
use api::agent::{
    AckCode, AgentJob, AgentJobAck, AgentJobReply, AgentJobReplyAck, AgentMessage, CreateChannelRequest,
    MessageType, OpenControlChannel,
};
use futures_util::{SinkExt, StreamExt};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Bytes, Message};

use super::call::{new_id, now};
use super::credentials::Credentials;
use super::endpoint::Scheme;
use super::http::{TransportError, TrustError};
use super::link::{Link, LinkEvent, Outgoing, REPLY_QUEUE, Verdict};
use super::sign::{self, Service, Unsigned};

const CREATE_TIMEOUT: Duration = Duration::from_secs(15);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
const PING_EVERY: Duration = Duration::from_secs(54);
/// A pong must come within this time after the last one; pings alone can make it come.
const PONG_WITHIN: Duration = Duration::from_secs(60);
const SOCKET_BUFFER_BYTES: usize = 4 << 10;

/// Any stream that carries a websocket.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

pub type Channel = WebSocketStream<Box<dyn Stream>>;

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the server denies this node a control channel")]
    Denied,
    #[error("the server answered with status {status} to the request for a control channel")]
    Status { status: u16 },
    #[error("the server's answer has no token")]
    NoToken,
    #[error("no connection to {host}")]
    Connect {
        host: String,
        #[source]
        source: std::io::Error,
    },
    #[error("no connection to {host} within {} s", CONNECT_TIMEOUT.as_secs())]
    TimedOut { host: String },
    #[error(transparent)]
    Transport(#[from] TransportError),
    #[error(transparent)]
    Trust(#[from] TrustError),
    #[error("the websocket was refused")]
    Websocket(#[source] Box<tungstenite::Error>),
    #[error("the agent stops")]
    Stopped,
}

/// Why a channel ended.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    #[error("closed by the server")]
    Closed,
    #[error("no pong from the server")]
    Silent,
    #[error("connection lost: {0}")]
    Lost(Box<tungstenite::Error>),
    #[error("the server takes nothing")]
    Stuck,
    #[error("the agent stops")]
    Stopped,
}

/// Asks for a token, connects, upgrades, presents the token.
pub async fn open(link: &Link, credentials: &Credentials) -> Result<Channel, OpenError> {
    let token = create(link, credentials).await?;
    let host = link.caller.endpoint.host_header();
    let connecting = async {
        let stream = connect(link).await?;
        let request = upgrade_request(link, credentials)?;
        let config = WebSocketConfig::default()
            .read_buffer_size(SOCKET_BUFFER_BYTES)
            .write_buffer_size(0)
            .max_message_size(Some(MAX_FRAME_BYTES))
            .max_frame_size(Some(MAX_FRAME_BYTES));
        let (mut channel, _) = tokio_tungstenite::client_async_with_config(request, stream, Some(config))
            .await
            .map_err(|error| OpenError::Websocket(Box::new(error)))?;
        let open = OpenControlChannel {
            cookie: None,
            message_schema_version: MESSAGE_SCHEMA_VERSION.to_owned(),
            request_id: new_id().to_string(),
            token_value: token,
            agent_version: crate::VERSION.to_owned(),
            platform_type: link.platform_type.to_ascii_lowercase(),
        };
        let text = serde_json::to_string(&open).expect("the opening frame holds only strings");
        channel.send(Message::text(text)).await.map_err(|error| OpenError::Websocket(Box::new(error)))?;
        Ok(channel)
    };
    tokio::select! {
        opened = timeout(CONNECT_TIMEOUT, connecting) => opened.unwrap_or(Err(OpenError::TimedOut { host })),
        () = link.events.closed() => Err(OpenError::Stopped),
    }
}

async fn create(link: &Link, credentials: &Credentials) -> Result<String, OpenError> {
    let path = control_channel_path(&link.instance_id);
    let request = CreateChannelRequest {
        message_schema_version: MESSAGE_SCHEMA_VERSION.to_owned(),
        request_id: new_id().to_string(),
        client_id: None,
    };
    let body = serde_json::to_vec(&request).expect("the request holds only strings");
    let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    let host = link.caller.endpoint.host_header();
    headers.extend(sign::with_credentials(
        &Unsigned {
            method: "POST",
            path: &path,
            query: "",
            host: &host,
            headers: &headers,
            body: &body,
            region: &link.caller.region,
            at: now(),
        },
        credentials,
        Service::SsmMessages,
    ));
    let http = link.caller.http().clone();
    let url = link.caller.endpoint.url(&path);
    let answer = tokio::task::spawn_blocking(move || http.post(&url, &headers, &body, CREATE_TIMEOUT))
        .await
        .map_err(|_| OpenError::Stopped)??;
    let text = String::from_utf8_lossy(&answer.body);
    if answer.status == 201 {
        return parse_token_value(&text).ok_or(OpenError::NoToken);
    }
    for code in ["ExpiredToken", "UnrecognizedClient", "InvalidClientTokenId"] {
        if text.contains(code) {
            link.refused.notify_one();
        }
    }
    if text.contains(ACCESS_DENIED_ELEMENT) {
        return Err(OpenError::Denied);
    }
    Err(OpenError::Status { status: answer.status })
}

async fn connect(link: &Link) -> Result<Box<dyn Stream>, OpenError> {
    let endpoint = &link.caller.endpoint;
    let failed = |source| OpenError::Connect { host: endpoint.host_header(), source };
    let tcp = TcpStream::connect((endpoint.host(), endpoint.port())).await.map_err(failed)?;
    tcp.set_nodelay(true).map_err(failed)?;
    match endpoint.scheme() {
        Scheme::Http => Ok(Box::new(tcp)),
        Scheme::Https => {
            let name = ServerName::try_from(endpoint.host().to_owned())
                .map_err(|error| failed(std::io::Error::other(error)))?;
            let connector = TlsConnector::from(link.trust.client_config()?);
            Ok(Box::new(connector.connect(name, tcp).await.map_err(failed)?))
        }
    }
}

fn upgrade_request(
    link: &Link,
    credentials: &Credentials,
) -> Result<tungstenite::handshake::client::Request, OpenError> {
    let path = control_channel_path(&link.instance_id);
    let endpoint = &link.caller.endpoint;
    let host = endpoint.host_header();
    let signature = sign::with_credentials(
        &Unsigned {
            method: "GET",
            path: &path,
            query: CONTROL_CHANNEL_QUERY,
            host: &host,
            headers: &[],
            body: b"",
            region: &link.caller.region,
            at: now(),
        },
        credentials,
        Service::SsmMessages,
    );
    let refused = |error| OpenError::Websocket(Box::new(error));
    let url = endpoint.websocket_url(&format!("{path}?{CONTROL_CHANNEL_QUERY}"));
    let mut request = url.into_client_request().map_err(refused)?;
    for (name, value) in signature {
        let name = ureq::http::HeaderName::try_from(name)
            .map_err(|error| refused(tungstenite::Error::HttpFormat(error.into())))?;
        let value = value.parse().map_err(|error: ureq::http::header::InvalidHeaderValue| {
            refused(tungstenite::Error::HttpFormat(error.into()))
        })?;
        request.headers_mut().insert(name, value);
    }
    Ok(request)
}

/// Carries messages until the channel ends or the commands hang up.
pub async fn serve(link: &Link, mut channel: Channel) -> Ended {
    let (sender, mut replies) = mpsc::channel(REPLY_QUEUE);
    if link.events.send(LinkEvent::Up(sender)).await.is_err() {
        return Ended::Stopped;
    }
    let mut next_ping = Instant::now() + PING_EVERY;
    let mut pong_until = Instant::now() + PING_EVERY + PONG_WITHIN;
    loop {
        let sent = tokio::select! {
            message = channel.next() => match message {
                Some(Ok(Message::Binary(frame))) => receive(link, &mut channel, &frame).await,
                Some(Ok(Message::Text(text))) => receive(link, &mut channel, text.as_bytes()).await,
                Some(Ok(Message::Pong(_))) => {
                    pong_until = Instant::now() + PONG_WITHIN;
                    Ok(())
                }
                Some(Ok(Message::Close(_))) | None => return Ended::Closed,
                // Pings are answered by the library.
                Some(Ok(_)) => Ok(()),
                Some(Err(error)) => return Ended::Lost(Box::new(error)),
            },
            reply = replies.recv() => match reply {
                Some(reply) => send(&mut channel, reply_frame(reply)).await,
                None => {
                    let _ = timeout(Duration::from_secs(1), channel.close(None)).await;
                    return Ended::Stopped;
                }
            },
            () = sleep_until(next_ping) => {
                next_ping = Instant::now() + PING_EVERY;
                send(&mut channel, Message::Ping(Bytes::from_static(b"keepalive"))).await
            }
            () = sleep_until(pong_until) => return Ended::Silent,
        };
        if let Err(ended) = sent {
            return ended;
        }
    }
}

/// Handles one frame, and answers a job. Unreadable and unknown frames are ignored.
async fn receive(link: &Link, channel: &mut Channel, frame: &[u8]) -> Result<(), Ended> {
    let message = match AgentMessage::decode(frame) {
        Ok(message) => message,
        Err(error) => {
            tracing::warn!(%error, "frame ignored");
            return Ok(());
        }
    };
    match message.message_type {
        MessageType::AgentJob => {
            let job: AgentJob = match serde_json::from_slice(&message.payload) {
                Ok(job) => job,
                Err(error) => {
                    tracing::warn!(%error, "job ignored: its payload cannot be read");
                    return Ok(());
                }
            };
            let job_id = job.job_id.clone();
            let verdict = link.arrive(job.job_id, job.topic, job.content).await.unwrap_or(Verdict::Closed);
            send(channel, ack_frame(job_id, message.message_id, &verdict)).await
        }
        MessageType::AgentJobReplyAck => {
            match serde_json::from_slice::<AgentJobReplyAck>(&message.payload) {
                Ok(ack) => {
                    let _ = link.events.send(LinkEvent::Acknowledged(ack.acknowledged_message_id)).await;
                }
                Err(error) => tracing::warn!(%error, "acknowledgement ignored: it cannot be read"),
            }
            Ok(())
        }
        other => {
            tracing::debug!(message_type = %other, "frame ignored");
            Ok(())
        }
    }
}

async fn send(channel: &mut Channel, message: Message) -> Result<(), Ended> {
    match timeout(SEND_TIMEOUT, channel.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(Ended::Lost(Box::new(error))),
        Err(_) => Err(Ended::Stuck),
    }
}

fn ack_frame(job_id: String, acknowledged: api::agent::MessageId, verdict: &Verdict) -> Message {
    let status_code = match verdict {
        Verdict::Accepted => AckCode::Successful,
        Verdict::Duplicate => AckCode::DuplicateCommand,
        Verdict::Full => AckCode::ProcessorBufferFull,
        Verdict::Closed => AckCode::ClosedProcessor,
        Verdict::Unusable | Verdict::UnknownTopic => AckCode::AgentJobMessageParseError,
    };
    let ack = AgentJobAck {
        job_id,
        acknowledged_message_id: acknowledged,
        created_date: now().to_iso_millis(),
        error_message: status_code.message().to_owned(),
        status_code,
    };
    binary(MessageType::AgentJobAck, new_id(), &ack)
}

fn reply_frame(reply: Outgoing) -> Message {
    let payload = AgentJobReply {
        schema_version: 1,
        job_id: reply.job_id,
        content: reply.content,
        topic: reply.topic.to_owned(),
    };
    binary(MessageType::AgentJobReply, reply.message_id, &payload)
}

fn binary(
    message_type: MessageType,
    message_id: api::agent::MessageId,
    payload: &impl serde::Serialize,
) -> Message {
    let payload = serde_json::to_vec(payload).expect("payloads hold only strings and numbers");
    Message::binary(AgentMessage::new(message_type, message_id, now(), payload).encode())
}
