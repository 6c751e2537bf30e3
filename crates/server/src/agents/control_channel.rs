//! Opening a control channel: the REST call that yields a token, and the websocket that spends it.
//! What travels over the socket is in `connection`. Source: agent-protocol.md 4.1, 4.2.

use std::sync::Arc;
use std::time::Duration;

use api::Timestamp;
use api::agent::channel::{ChannelKind, channel_error, create_channel_output};
use api::agent::frame::MAX_FRAME_BYTES;
use api::agent::{CreateChannelRequest, OpenControlChannel};
use axum::body::Body;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{FromRequestParts, Path, Request, State};
use axum::http::request::Parts;
use axum::response::Response;
use domain::ids::NodeId;
use http::StatusCode;
use http_body_util::{BodyExt, Limited};
use serde::{Deserialize, Serialize};
use store::node_messages::NodeKey;

use super::connection;
use crate::app::App;
use crate::auth;
use crate::caller::Caller;
use crate::commands::now;
use crate::error::{self, ApiError, Code};
use crate::http::{answer, dispatch};

/// A token opens channels for so long.
const TOKEN_SECONDS: i64 = 300;
const TOKEN_PURPOSE: &str = "control-channel";
/// The call carries two short members.
const BODY_LIMIT_BYTES: usize = 64 * 1024;
/// Every connected node has one: most of the time it is empty.
const SOCKET_BUFFER_BYTES: usize = 4 << 10;
/// An agent has this long to send its first frame.
const OPEN_TIMEOUT: Duration = Duration::from_secs(15);

/// What a token says once it is opened.
#[derive(Serialize, Deserialize)]
struct Token {
    account: String,
    region: String,
    node: NodeId,
    expires_at: Timestamp,
}

/// `POST /v1/control-channel/{id}`
pub async fn create(State(app): State<Arc<App>>, Path(id): Path<String>, request: Request) -> Response {
    let request_id = uuid::Uuid::new_v4().to_string();
    let (parts, body) = request.into_parts();
    let outcome = create_token(&app, &parts, body, &id).await;
    match outcome {
        Ok(token) => {
            let body = create_channel_output(ChannelKind::Control, &token);
            answer::xml(StatusCode::CREATED, &request_id, body)
        }
        Err(error) => refuse(&request_id, &error),
    }
}

/// `POST /v1/data-channel/{id}` and its websocket: sessions are not served.
pub async fn refuse_data_channel() -> Response {
    let code = Code { name: "InvalidRequestException", status: 400 };
    let error = ApiError::new(code, "this server does not serve sessions: there is no data channel");
    refuse(&uuid::Uuid::new_v4().to_string(), &error)
}

async fn create_token(app: &Arc<App>, parts: &Parts, body: Body, id: &str) -> Result<String, ApiError> {
    if app.is_shutting_down() {
        return Err(error::shutting_down());
    }
    let body = Limited::new(body, BODY_LIMIT_BYTES)
        .collect()
        .await
        .map_err(|error| error::validation(format!("the request body could not be read: {error}")))?
        .to_bytes();
    let node = signer(app, parts, &body, "CreateControlChannel", id).await?;
    serde_json::from_slice::<CreateChannelRequest>(&body)
        .map_err(|error| error::validation(format!("not a request for a channel: {error}")))?;
    let token = Token {
        account: node.account.to_string(),
        region: node.region.to_string(),
        node: node.node,
        expires_at: now().plus_seconds(TOKEN_SECONDS),
    };
    let token = serde_json::to_vec(&token).map_err(|error| error::validation(error.to_string()))?;
    Ok(app.keyring.seal_text(TOKEN_PURPOSE, &token))
}

/// `GET /v1/control-channel/{id}`: signed by the agent as every call of it, then confirmed by the token.
pub async fn upgrade(State(app): State<Arc<App>>, Path(id): Path<String>, request: Request) -> Response {
    let request_id = uuid::Uuid::new_v4().to_string();
    let (mut parts, _) = request.into_parts();
    if app.is_shutting_down() {
        return refuse(&request_id, &error::shutting_down());
    }
    let node = match signer(&app, &parts, &[], "OpenControlChannel", &id).await {
        Ok(node) => node,
        Err(error) => return refuse(&request_id, &error),
    };
    let upgrade = match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(upgrade) => upgrade,
        Err(rejection) => return refuse(&request_id, &error::validation(rejection.to_string())),
    };
    let endpoint: Arc<str> = dispatch::endpoint(&parts).into();
    upgrade
        .read_buffer_size(SOCKET_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_message_size(MAX_FRAME_BYTES)
        .max_frame_size(MAX_FRAME_BYTES)
        .on_upgrade(move |socket| serve(app, node, endpoint, socket))
}

/// The node that signed, which must be the one in the path and still registered.
async fn signer(
    app: &Arc<App>,
    parts: &Parts,
    body: &[u8],
    operation: &str,
    id: &str,
) -> Result<NodeKey, ApiError> {
    let signed = auth::authenticate_channel(app, parts, body, now()).await?;
    let denied = || error::access_denied(signed.caller.arn(), &format!("ssmmessages:{operation}"), id);
    let Caller::Node { node, .. } = &signed.caller else {
        return Err(denied());
    };
    let mut tx = app.store().read_each().await?;
    let known = store::nodes::find(&mut tx, &signed.account, &signed.region, node).await?;
    if node.as_str() != id || known.is_none() {
        return Err(denied());
    }
    Ok(NodeKey { account: signed.account.clone(), region: signed.region.clone(), node: node.clone() })
}

/// A refusal in the form agents look for: the code as an element's name.
fn refuse(request_id: &str, error: &ApiError) -> Response {
    let status = match error.code.name {
        // The status under which agents look into the body.
        "AccessDeniedException" => StatusCode::FORBIDDEN,
        _ => StatusCode::from_u16(error.code.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
    };
    tracing::info!(request_id, code = error.code.name, cause = error.chain(), "channel refused");
    answer::xml(status, request_id, channel_error(error.code.name, &error.message))
}

async fn serve(app: Arc<App>, node: NodeKey, endpoint: Arc<str>, mut socket: WebSocket) {
    let opened = tokio::time::timeout(OPEN_TIMEOUT, first_text(&mut socket)).await.ok().flatten();
    let confirmed = opened.is_some_and(|open| is_valid(&app, &node, &open.token_value, now()));
    if !confirmed {
        tracing::info!(node_id = %node.node, "control channel refused: no valid token in its first frame");
        // Nobody is left to tell when closing fails.
        let _ = socket.send(Message::Close(None)).await;
        return;
    }
    connection::run(&app, node, &endpoint, socket).await;
}

async fn first_text(socket: &mut WebSocket) -> Option<OpenControlChannel> {
    loop {
        match socket.recv().await?.ok()? {
            Message::Text(text) => return serde_json::from_str(&text).ok(),
            Message::Ping(_) | Message::Pong(_) => {}
            Message::Binary(_) | Message::Close(_) => return None,
        }
    }
}

fn is_valid(app: &App, node: &NodeKey, token: &str, now: Timestamp) -> bool {
    let token = app.keyring.open_text(TOKEN_PURPOSE, token);
    token.and_then(|token| serde_json::from_slice::<Token>(&token).ok()).is_some_and(|token| {
        token.node == node.node
            && token.account == node.account.as_str()
            && token.region == node.region.as_str()
            && token.expires_at > now
    })
}
