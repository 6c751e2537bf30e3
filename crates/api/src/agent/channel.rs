//! Opening a websocket channel: the REST call that yields a token, its XML answers, the first text frame.
//! Verifying tokens and signatures belongs to the server.

use serde::{Deserialize, Serialize};

/// Version text of both the REST call and the opening frame.
pub const MESSAGE_SCHEMA_VERSION: &str = "1.0";

/// Any failure whose body holds this text means: stay with the long poll.
pub const ACCESS_DENIED_ELEMENT: &str = "<AccessDeniedException>";

/// Path of both the REST call and the websocket.
pub fn control_channel_path(instance_id: &str) -> String {
    format!("/v1/control-channel/{instance_id}")
}

/// Query of the agent's control websocket.
pub const CONTROL_CHANNEL_QUERY: &str = "role=subscribe&stream=input";

/// Which of the two channels an answer is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelKind {
    Control,
    Data,
}

/// Body of `POST /v1/control-channel/{id}` and `POST /v1/data-channel/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateChannelRequest {
    pub message_schema_version: String,
    pub request_id: String,
    /// Only for data channels, often empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
}

/// Body of the 201 answer.
pub fn create_channel_output(kind: ChannelKind, token: &str) -> String {
    let root = match kind {
        ChannelKind::Control => "CreateControlChannelOutput",
        ChannelKind::Data => "CreateDataChannelOutput",
    };
    let token = escape(token);
    format!(
        "<{root}><MessageSchemaVersion>{MESSAGE_SCHEMA_VERSION}</MessageSchemaVersion><TokenValue>{token}</TokenValue></{root}>"
    )
}

/// Body of a refusal; `AccessDeniedException` with status 403 sends the agent to the long poll.
pub fn channel_error(code: &str, message: &str) -> String {
    let (code, message) = (escape(code), escape(message));
    format!("<{code}><message>{message}</message></{code}>")
}

/// The `TokenValue` of a 201 answer; the root's name is not checked.
pub fn parse_token_value(xml: &str) -> Option<String> {
    let (_, rest) = xml.split_once("<TokenValue>")?;
    let (token, _) = rest.split_once("</TokenValue>")?;
    let token = unescape(token.trim())?;
    (!token.is_empty()).then_some(token)
}

/// The agent's first frame on its control channel, as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct OpenControlChannel {
    #[serde(default)]
    pub cookie: Option<String>,
    pub message_schema_version: String,
    pub request_id: String,
    pub token_value: String,
    #[serde(default)]
    pub agent_version: String,
    /// `linux`, `windows`, `macos`.
    #[serde(default)]
    pub platform_type: String,
}

const ENTITIES: [(char, &str); 5] =
    [('&', "&amp;"), ('<', "&lt;"), ('>', "&gt;"), ('"', "&quot;"), ('\'', "&apos;")];

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match ENTITIES.iter().find(|(plain, _)| *plain == character) {
            Some((_, entity)) => escaped.push_str(entity),
            None => escaped.push(character),
        }
    }
    escaped
}

/// Knows the five predefined entities; `None` for any other.
fn unescape(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        let (character, entity) = ENTITIES.iter().find(|(_, entity)| rest.starts_with(entity))?;
        plain.push(*character);
        rest = &rest[entity.len()..];
    }
    plain.push_str(rest);
    Some(plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tokens_come_back() {
        let xml = "<CreateControlChannelOutput><MessageSchemaVersion>1.0</MessageSchemaVersion><TokenValue>opaque-token</TokenValue></CreateControlChannelOutput>";
        assert_eq!(create_channel_output(ChannelKind::Control, "opaque-token"), xml);
        assert_eq!(parse_token_value(xml).as_deref(), Some("opaque-token"));
        for none in ["", "<TokenValue>", "<TokenValue></TokenValue>", "<TokenValue>&#38;</TokenValue>"] {
            assert_eq!(parse_token_value(none), None, "{none}");
        }
    }

    #[test]
    fn refusals_hold_the_element_agents_look_for() {
        let body = channel_error("AccessDeniedException", "node <x> is not registered");
        assert!(body.contains(ACCESS_DENIED_ELEMENT));
        assert!(body.contains("node &lt;x&gt; is"));
    }

    #[test]
    fn the_opening_frame_has_the_wire_names() {
        let text = r#"{"Cookie":null,"MessageSchemaVersion":"1.0","RequestId":"r","TokenValue":"t","AgentVersion":"3.3.0.0","PlatformType":"linux"}"#;
        let open: OpenControlChannel = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&open).unwrap(), text);
    }

    proptest! {
        #[test]
        fn any_token_round_trips(token in "[^\\s]([^\\r\\n]{0,40}[^\\s])?") {
            let xml = create_channel_output(ChannelKind::Data, &token);
            prop_assert_eq!(parse_token_value(&xml), Some(token));
        }

        #[test]
        fn arbitrary_text_never_panics(text in "\\PC{0,80}", token in "[&a-z;]{0,12}") {
            let _ = parse_token_value(&text);
            let _ = parse_token_value(&format!("<TokenValue>{token}</TokenValue>"));
        }
    }
}
