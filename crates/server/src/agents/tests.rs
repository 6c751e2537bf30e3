//! The control channel of a real local server, with a small agent that does as it is told.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use api::agent::channel::{CONTROL_CHANNEL_QUERY, control_channel_path, parse_token_value};
use api::agent::{
    AckCode, AgentJob, AgentJobAck, AgentJobReply, AgentJobReplyAck, AgentMessage, MessageId, MessageType,
};
use api::sigv4::{Credentials, PathStyle, RequestParts, Signer, payload_hash};
use axum::body::Body;
use domain::ids::NodeId;
use futures_util::{SinkExt, StreamExt};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use store::node_messages::{self, NodeKey};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use tower::ServiceExt;

use super::channel_lease;
use crate::app::App;
use crate::auth::Session;
use crate::commands::now;
use crate::jobs::wake_channels;
use crate::keyring::random;
use crate::operations::Service;
use crate::root_key::FIRST_ACCOUNT;
use crate::testing::{REGION, TestServer, call};

const PATIENCE: Duration = Duration::from_secs(10);

/// A server on a port of its own, until it is dropped.
struct Listening {
    app: Arc<App>,
    address: SocketAddr,
}

impl Listening {
    async fn start(app: Arc<App>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (router, stop) = (crate::http::router(Arc::clone(&app)), Arc::clone(&app));
        // Ends with the shutdown that dropping begins.
        tokio::spawn(crate::http::serve(listener, None, router, async move { stop.shutting_down().await }));
        Self { app, address }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.app.begin_shutdown();
    }
}

fn credentials(app: &App, node: &NodeId) -> Credentials {
    let (account, region) = (FIRST_ACCOUNT.parse().unwrap(), REGION.parse().unwrap());
    let session = Session::mint(account, region, node.clone(), "role".into(), now());
    Credentials {
        session_token: Some(session.to_token(&app.keyring)),
        access_key_id: session.access_key_id,
        secret_access_key: session.secret_access_key,
    }
}

/// The headers of a request signed as an agent signs, `host` among them.
fn signed(
    credentials: &Credentials,
    method: &str,
    path: &str,
    query: &str,
    host: &str,
    body: &[u8],
) -> Vec<(String, String)> {
    let headers = [("host", host)];
    let request = RequestParts { method, path, query, headers: &headers };
    let signer = Signer { credentials, region: REGION, service: "ssmmessages", style: PathStyle::Normalized };
    let added = signer.sign(&request, &payload_hash(body), now()).unwrap();
    let host = ("host".to_owned(), host.to_owned());
    added.into_iter().map(|(name, value)| (name.to_owned(), value)).chain([host]).collect()
}

/// `POST /v1/control-channel/{id}`: status and body.
async fn create_channel(app: &Arc<App>, credentials: Option<&Credentials>, id: &str) -> (u16, String) {
    let body = json!({"MessageSchemaVersion": "1.0", "RequestId": "r"}).to_string();
    let path = control_channel_path(id);
    let mut request = axum::http::Request::post(&path);
    for (name, value) in credentials
        .map(|credentials| signed(credentials, "POST", &path, "", "fettle.test", body.as_bytes()))
        .unwrap_or_default()
    {
        request = request.header(name, value);
    }
    let router = crate::http::router(Arc::clone(app));
    let answer = router.oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

struct Agent {
    node: NodeId,
    /// Came before the answer to the first ping.
    early: VecDeque<AgentMessage>,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Agent {
    async fn connect(server: &Listening, node: &NodeId) -> Self {
        let credentials = credentials(&server.app, node);
        let (status, xml) = create_channel(&server.app, Some(&credentials), node.as_str()).await;
        assert_eq!(status, 201, "{xml}");
        let socket = Self::upgrade(server, node, &credentials).await;
        let mut agent = Self { node: node.clone(), early: VecDeque::new(), socket };
        agent.open(&parse_token_value(&xml).unwrap()).await;
        // The server says nothing to an open channel; a ping tells that it reads.
        agent.socket.send(Message::Ping("keepalive".into())).await.unwrap();
        loop {
            match tokio::time::timeout(PATIENCE, agent.socket.next()).await.unwrap().unwrap().unwrap() {
                Message::Binary(bytes) => agent.early.push_back(AgentMessage::decode(&bytes).unwrap()),
                pong => {
                    assert_eq!(pong, Message::Pong("keepalive".into()));
                    return agent;
                }
            }
        }
    }

    async fn upgrade(
        server: &Listening,
        node: &NodeId,
        credentials: &Credentials,
    ) -> WebSocketStream<MaybeTlsStream<TcpStream>> {
        let path = control_channel_path(node.as_str());
        let host = server.address.to_string();
        let url = format!("ws://{host}{path}?{CONTROL_CHANNEL_QUERY}");
        let mut request = url.into_client_request().unwrap();
        for (name, value) in signed(credentials, "GET", &path, CONTROL_CHANNEL_QUERY, &host, b"") {
            let name: axum::http::HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        tokio_tungstenite::connect_async(request).await.unwrap().0
    }

    async fn open(&mut self, token: &str) {
        let open = json!({"Cookie": null, "MessageSchemaVersion": "1.0", "RequestId": "r",
            "TokenValue": token, "AgentVersion": "3.3.0.0", "PlatformType": "linux"});
        self.socket.send(Message::Text(open.to_string().into())).await.unwrap();
    }

    /// The next frame of a kind; `None` when the server ended the channel.
    async fn next(&mut self, kind: MessageType) -> Option<AgentMessage> {
        if let Some(message) = self.early.pop_front() {
            assert_eq!(message.message_type, kind);
            return Some(message);
        }
        loop {
            let next = tokio::time::timeout(PATIENCE, self.socket.next()).await.expect("a frame in time");
            match next {
                Some(Ok(Message::Binary(bytes))) => {
                    let message = AgentMessage::decode(&bytes).unwrap();
                    assert_eq!(message.message_type, kind);
                    return Some(message);
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    async fn next_job(&mut self) -> (MessageId, AgentJob) {
        let message = self.next(MessageType::AgentJob).await.expect("a job");
        (message.message_id, serde_json::from_slice(&message.payload).unwrap())
    }

    async fn send(&mut self, kind: MessageType, id: MessageId, payload: Vec<u8>) {
        let frame = AgentMessage::new(kind, id, now(), payload).encode();
        self.socket.send(Message::Binary(frame.into())).await.unwrap();
    }

    async fn acknowledge(&mut self, job: &(MessageId, AgentJob), code: AckCode) {
        let ack = AgentJobAck {
            job_id: job.1.job_id.clone(),
            acknowledged_message_id: job.0,
            created_date: now().to_iso_millis(),
            error_message: code.message().to_owned(),
            status_code: code,
        };
        let id = MessageId::from_bytes(random());
        self.send(MessageType::AgentJobAck, id, serde_json::to_vec(&ack).unwrap()).await;
    }

    /// Sends a reply and waits for its acknowledgement, which comes after the commit.
    async fn reply(&mut self, id: MessageId, job_id: &str, content: Value) {
        let reply = AgentJobReply {
            schema_version: 1,
            job_id: job_id.to_owned(),
            content: content.to_string(),
            topic: "aws.ssm.sendCommand".into(),
        };
        self.send(MessageType::AgentJobReply, id, serde_json::to_vec(&reply).unwrap()).await;
        let ack = self.next(MessageType::AgentJobReplyAck).await.expect("an acknowledgement");
        let ack: AgentJobReplyAck = serde_json::from_slice(&ack.payload).unwrap();
        assert_eq!((ack.job_id.as_str(), ack.acknowledged_message_id), (job_id, id));
    }

    fn key(&self) -> NodeKey {
        let (account, region) = (FIRST_ACCOUNT.parse().unwrap(), REGION.parse().unwrap());
        NodeKey { account, region, node: self.node.clone() }
    }
}

fn step(document: &str, status: &str, code: i64, output: &str) -> Value {
    json!({"documentStatus": document, "runtimeStatus": {"aws:runShellScript": {"status": status, "code": code,
        "name": "aws:runShellScript", "output": output, "standardOutput": output,
        "startDateTime": "2026-01-31T12:00:02.946Z", "endDateTime": "2026-01-31T12:00:03.023Z"}}})
}

async fn ssm(server: &TestServer, app: &Arc<App>, operation: &str, request: Value) -> Value {
    let mut ctx = server.root();
    (ctx.app, ctx.store) = (Arc::clone(app), app.store());
    call(&ctx, Service::Ssm, operation, request).await.unwrap()
}

async fn send_command(server: &TestServer, app: &Arc<App>, node: &NodeId) -> String {
    let request = json!({"DocumentName": "AWS-RunShellScript", "InstanceIds": [node.as_str()],
        "Parameters": {"commands": ["id"]}});
    let answer = ssm(server, app, "SendCommand", request).await;
    answer["Command"]["CommandId"].as_str().unwrap().to_owned()
}

async fn status(server: &TestServer, app: &Arc<App>, command: &str, node: &NodeId) -> String {
    let request = json!({"CommandId": command, "InstanceId": node.as_str()});
    let answer = ssm(server, app, "GetCommandInvocation", request).await;
    answer["StatusDetails"].as_str().unwrap().to_owned()
}

/// Polls until the status is there: acknowledgements of jobs are not answered.
async fn wait_for(server: &TestServer, app: &Arc<App>, command: &str, node: &NodeId, wanted: &str) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let seen = status(server, app, command, node).await;
        if seen == wanted {
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "still {seen}, not {wanted}");
        tokio::task::yield_now().await;
    }
}

async fn servers() -> Vec<TestServer> {
    let mut servers = TestServer::on_each_engine().await;
    servers.iter_mut().for_each(|server| server.now = now());
    servers
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_delivered_run_and_acknowledged() {
    for server in servers().await {
        let node = server.add_node(1).await;
        let listening = Listening::start(Arc::clone(&server.app)).await;
        let app = &listening.app;
        let mut agent = Agent::connect(&listening, &node).await;
        let connected = ssm(&server, app, "GetConnectionStatus", json!({"Target": node.as_str()})).await;
        assert_eq!(connected["Status"], "connected");

        let command = send_command(&server, app, &node).await;
        let job = agent.next_job().await;
        assert_eq!(job.1.job_id, format!("aws.ssm.{command}.{node}"));
        assert_eq!(job.1.topic, "aws.ssm.sendCommand.eu-central-1.AWS-RunShellScript");
        agent.acknowledge(&job, AckCode::Successful).await;
        wait_for(&server, app, &command, &node, "InProgress").await;

        // The end overtakes the step; the end comes twice; telemetry and nonsense are ignored.
        let (last, first) = (MessageId::from_bytes([2; 16]), MessageId::from_bytes([1; 16]));
        let job_id = job.1.job_id.clone();
        agent.send(MessageType::AgentTelemetry, first, b"{}".to_vec()).await;
        agent.send(MessageType::AgentJobReply, first, b"nonsense".to_vec()).await;
        agent.socket.send(Message::Binary(vec![0; 7].into())).await.unwrap();
        agent.reply(last, &job_id, step("Success", "Success", 0, "uid=0")).await;
        agent.reply(first, &job_id, step("InProgress", "InProgress", 0, "")).await;
        agent.reply(last, &job_id, step("Failed", "Failed", 1, "other")).await;
        assert_eq!(status(&server, app, &command, &node).await, "Success");
        let request = json!({"CommandId": command, "InstanceId": node.as_str()});
        let row = ssm(&server, app, "GetCommandInvocation", request).await;
        assert_eq!((&row["StandardOutputContent"], &row["ResponseCode"]), (&json!("uid=0"), &json!(0)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_acknowledged_is_sent_again() {
    for server in servers().await {
        let node = server.add_node(1).await;
        let listening = Listening::start(Arc::clone(&server.app)).await;
        let app = &listening.app;
        let mut agent = Agent::connect(&listening, &node).await;
        let command = send_command(&server, app, &node).await;
        let first = agent.next_job().await;
        let later = now().plus_seconds(super::delivery::LEASE_SECONDS + 1);
        let mut tx = app.store().read().await.unwrap();
        let due = node_messages::next_due(&mut tx, &agent.key(), now()).await.unwrap().unwrap();
        assert!(due > now() && due < later, "leased for some seconds");
        drop(tx);
        // The lease runs out.
        let mut tx = app.store().write().await.unwrap();
        assert!(node_messages::postpone(&mut tx, &agent.key(), &first.1.job_id, now()).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(wake_channels::run_once(Arc::clone(app), now()).await.unwrap(), 1);
        let second = agent.next_job().await;
        assert_eq!(second.1, first.1);
        assert_ne!(second.0, first.0);
        assert_eq!(status(&server, app, &command, &node).await, "Delayed");
        agent.acknowledge(&second, AckCode::DuplicateCommand).await;
        wait_for(&server, app, &command, &node, "InProgress").await;
        let mut tx = app.store().read().await.unwrap();
        assert_eq!(node_messages::next_due(&mut tx, &agent.key(), now()).await.unwrap(), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_end_a_command_and_full_buffers_do_not() {
    for server in servers().await {
        let node = server.add_node(1).await;
        let listening = Listening::start(Arc::clone(&server.app)).await;
        let app = &listening.app;
        let mut agent = Agent::connect(&listening, &node).await;
        let busy = send_command(&server, app, &node).await;
        let job = agent.next_job().await;
        agent.acknowledge(&job, AckCode::ProcessorBufferFull).await;
        let refused = send_command(&server, app, &node).await;
        let job = agent.next_job().await;
        agent.acknowledge(&job, AckCode::InvalidDocument).await;
        wait_for(&server, app, &refused, &node, "Failed").await;
        let list = ssm(&server, app, "ListCommandInvocations", json!({"CommandId": refused})).await;
        let trace = list["CommandInvocations"][0]["TraceOutput"].as_str().unwrap();
        assert!(trace.contains("InvalidDocument"), "{trace}");
        assert_eq!(status(&server, app, &busy, &node).await, "Pending");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_command_is_cancelled_over_the_channel() {
    for server in servers().await {
        let node = server.add_node(1).await;
        let listening = Listening::start(Arc::clone(&server.app)).await;
        let app = &listening.app;
        let mut agent = Agent::connect(&listening, &node).await;
        let command = send_command(&server, app, &node).await;
        let job = agent.next_job().await;
        agent.acknowledge(&job, AckCode::Successful).await;
        wait_for(&server, app, &command, &node, "InProgress").await;
        ssm(&server, app, "CancelCommand", json!({"CommandId": command})).await;
        assert_eq!(status(&server, app, &command, &node).await, "Cancelling");
        let cancel = agent.next_job().await;
        assert!(cancel.1.topic.starts_with("aws.ssm.cancelCommand"));
        assert_eq!(cancel.1.content, json!({"CancelMessageId": job.1.job_id}).to_string());
        agent.acknowledge(&cancel, AckCode::Successful).await;
        let in_progress = json!({"documentStatus": "InProgress", "runtimeStatus": null});
        agent.reply(MessageId::from_bytes([1; 16]), &cancel.1.job_id, in_progress).await;
        agent
            .reply(MessageId::from_bytes([2; 16]), &job.1.job_id, step("Cancelled", "Cancelled", 137, ""))
            .await;
        assert_eq!(status(&server, app, &command, &node).await, "Cancelled");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_cancelled_on_its_way_is_cancelled_at_the_agent_too() {
    for server in servers().await {
        let node = server.add_node(1).await;
        let listening = Listening::start(Arc::clone(&server.app)).await;
        let app = &listening.app;
        let mut agent = Agent::connect(&listening, &node).await;
        let command = send_command(&server, app, &node).await;
        let job = agent.next_job().await;
        ssm(&server, app, "CancelCommand", json!({"CommandId": command})).await;
        assert_eq!(status(&server, app, &command, &node).await, "Cancelled");
        let cancel = agent.next_job().await;
        assert!(cancel.1.topic.starts_with("aws.ssm.cancelCommand"));
        agent.acknowledge(&job, AckCode::Successful).await;
        agent
            .reply(MessageId::from_bytes([1; 16]), &job.1.job_id, step("Success", "Success", 0, "late"))
            .await;
        assert_eq!(status(&server, app, &command, &node).await, "Cancelled");
        drop(agent);
        app.begin_shutdown();
        app.agents.closed().await;
        let mut tx = app.store().read().await.unwrap();
        let row = store::nodes::find_unscoped(&mut tx, &node).await.unwrap().unwrap();
        assert!(!row.has_channel(now()), "noted as closed before the server is gone");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_between_delivery_and_reply_loses_nothing() {
    for server in servers().await {
        let node = server.add_node(1).await;
        let first = Listening::start(Arc::clone(&server.app)).await;
        let mut agent = Agent::connect(&first, &node).await;
        let running = send_command(&server, &first.app, &node).await;
        let job = agent.next_job().await;
        agent.acknowledge(&job, AckCode::Successful).await;
        wait_for(&server, &first.app, &running, &node, "InProgress").await;
        drop(first);
        assert!(agent.next(MessageType::AgentJob).await.is_none(), "the channel closes at shutdown");

        let second = Listening::start(server.another().await).await;
        let waiting = send_command(&server, &second.app, &node).await;
        let mut agent = Agent::connect(&second, &node).await;
        let next = agent.next_job().await;
        assert_eq!(next.1.job_id, format!("aws.ssm.{waiting}.{node}"));
        let reply = step("Success", "Success", 0, "after the restart");
        agent.reply(MessageId::from_bytes([1; 16]), &job.1.job_id, reply).await;
        assert_eq!(status(&server, &second.app, &running, &node).await, "Success");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_channel_replaces_the_first_wherever_it_is() {
    for server in servers().await {
        let node = server.add_node(1).await;
        let here = Listening::start(Arc::clone(&server.app)).await;
        let mut oldest = Agent::connect(&here, &node).await;
        let mut older = Agent::connect(&here, &node).await;
        assert!(oldest.next(MessageType::AgentJob).await.is_none());

        let there = Listening::start(server.another().await).await;
        let mut newest = Agent::connect(&there, &node).await;
        // Made on one server, delivered by the other, which finds it when it looks.
        let command = send_command(&server, &here.app, &node).await;
        assert_eq!(wake_channels::run_once(Arc::clone(&there.app), now()).await.unwrap(), 1);
        let job = newest.next_job().await;
        newest.acknowledge(&job, AckCode::Successful).await;
        wait_for(&server, &here.app, &command, &node, "InProgress").await;
        assert_eq!(channel_lease::renew(&here.app, now()).await.unwrap(), 0);
        assert!(older.next(MessageType::AgentJob).await.is_none());
        assert_eq!(channel_lease::renew(&there.app, now()).await.unwrap(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_channel_keeps_the_long_poll_empty() {
    let mut server = TestServer::on_sqlite().await;
    server.now = now();
    let node = server.add_node(1).await;
    let listening = Listening::start(Arc::clone(&server.app)).await;
    let agent = Agent::connect(&listening, &node).await;
    let command = send_command(&server, &listening.app, &node).await;
    let key = agent.key();
    let claimed =
        super::delivery::claim(&listening.app, &key, super::delivery::Route::LongPoll, now()).await.unwrap();
    assert_eq!(claimed, []);
    drop(agent);
    // Closed: the note goes, and the poll gets what the channel did not take.
    let later = now().plus_seconds(super::delivery::LEASE_SECONDS + 1);
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let claimed = super::delivery::claim(&listening.app, &key, super::delivery::Route::LongPoll, later)
            .await
            .unwrap();
        if let [job] = claimed.as_slice() {
            assert_eq!(job.id, format!("aws.ssm.{command}.{node}"));
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "the channel is still noted as open");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_node_itself_opens_its_channel() {
    let server = TestServer::on_sqlite().await;
    let (node, other) = (server.add_node(1).await, server.add_node(2).await);
    let app = &server.app;
    let own = credentials(app, &node);
    let (status, xml) = create_channel(app, Some(&own), other.as_str()).await;
    assert_eq!(status, 403);
    assert!(xml.contains("<AccessDeniedException>"), "{xml}");
    let unknown: NodeId = "mi-0123456789abcdef0".parse().unwrap();
    let (status, xml) = create_channel(app, Some(&credentials(app, &unknown)), unknown.as_str()).await;
    assert!(status == 403 && xml.contains("<AccessDeniedException>"), "{status} {xml}");
    let (status, _) = create_channel(app, None, node.as_str()).await;
    assert!(status >= 400, "{status}");

    // Signed, but without a token of its own.
    let listening = Listening::start(Arc::clone(app)).await;
    let (_, foreign) = create_channel(app, Some(&credentials(app, &other)), other.as_str()).await;
    let socket = Agent::upgrade(&listening, &node, &own).await;
    let mut agent = Agent { node: node.clone(), early: VecDeque::new(), socket };
    agent.open(&parse_token_value(&foreign).unwrap()).await;
    assert!(agent.next(MessageType::AgentJob).await.is_none());
    assert!(app.agents.hub.connection_ids().is_empty());
}
