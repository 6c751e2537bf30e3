//! Calls operations through the dispatcher, over a store in memory.

use std::sync::Arc;

use api::Timestamp;
use domain::ids::NodeId;
use serde_json::{Value, json};
use store::nodes::{self, Node, NodeInformation};
use store::{Store, StoreOptions};

use super::{Service, dispatch};
use crate::app::{App, Mode};
use crate::caller::{self, Caller};
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::keyring::Keyring;

pub const ACCOUNT: &str = "123456789012";
pub const REGION: &str = "eu-central-1";
pub const NODE: &str = "mi-0123456789abcdef0";

/// A server without sockets, its clock in the test's hand.
pub struct Bench {
    pub app: Arc<App>,
    pub now: Timestamp,
}

impl Bench {
    pub async fn new() -> Self {
        let store = Store::open(&StoreOptions::Memory).await.unwrap();
        let app = App::new(store, Keyring::ephemeral(), Mode::Ephemeral);
        Self { app, now: Timestamp::from_seconds(1_790_000_000) }
    }

    fn ctx(&self, caller: Caller) -> Ctx {
        Ctx {
            app: Arc::clone(&self.app),
            store: self.app.store(),
            account: ACCOUNT.parse().unwrap(),
            region: REGION.parse().unwrap(),
            caller,
            now: self.now,
            request_id: "test".to_owned(),
            endpoint: "http://127.0.0.1:4510".to_owned(),
        }
    }

    async fn call_as(&self, caller: Caller, operation: &str, request: &Value) -> Result<Value, ApiError> {
        let ctx = self.ctx(caller);
        let answer = dispatch(&ctx, Service::Ssm, operation, request.to_string().as_bytes()).await?;
        Ok(serde_json::from_slice(&answer).unwrap())
    }

    /// As someone with an access key.
    pub async fn call(&self, operation: &str, request: Value) -> Result<Value, ApiError> {
        let arn = format!("arn:aws:iam::{ACCOUNT}:root");
        let caller = Caller::User { arn, access_key_id: "AKIATEST".to_owned() };
        self.call_as(caller, operation, &request).await
    }

    /// As a node with its temporary credentials.
    pub async fn call_as_node(&self, node: &str, operation: &str, request: Value) -> Result<Value, ApiError> {
        let node: NodeId = node.parse().unwrap();
        let arn = caller::node_arn(ACCOUNT, "fettle-node", &node);
        self.call_as(Caller::Node { node, arn }, operation, &request).await
    }

    pub async fn answer(&self, operation: &str, request: Value) -> Value {
        self.call(operation, request.clone())
            .await
            .unwrap_or_else(|error| panic!("{operation} {request}: {error}"))
    }

    /// The code that the call is refused with.
    pub async fn refusal(&self, operation: &str, request: Value) -> &'static str {
        match self.call(operation, request.clone()).await {
            Ok(answer) => panic!("{operation} {request} was answered: {answer}"),
            Err(error) => error.code.name,
        }
    }

    /// All rows of a paged list, one page after the other of `size`.
    pub async fn pages(&self, operation: &str, mut request: Value, member: &str, size: usize) -> Vec<Value> {
        let mut rows = Vec::new();
        request["MaxResults"] = json!(size);
        loop {
            let answer = self.answer(operation, request.clone()).await;
            let page = answer[member].as_array().unwrap().clone();
            assert!(page.len() <= size, "{operation}: a page of {}", page.len());
            rows.extend(page);
            match answer.get("NextToken") {
                Some(token) => request["NextToken"] = token.clone(),
                None => return rows,
            }
        }
    }

    /// Registers a node that reported its platform.
    pub async fn add_node(&self, id: &str, platform_name: &str, platform_version: &str) {
        let node = Node {
            account: ACCOUNT.parse().unwrap(),
            region: REGION.parse().unwrap(),
            id: id.parse().unwrap(),
            activation_id: None,
            iam_role: "fettle-node".to_owned(),
            name: None,
            registered_at: self.now,
            fingerprint: "f".to_owned(),
            public_key: "k".to_owned(),
            previous_public_key: None,
            information: NodeInformation::default(),
            last_seen_at: None,
            channel_until: None,
        };
        let mut tx = self.app.store().write().await.unwrap();
        nodes::insert(&mut tx, &node).await.unwrap();
        tx.commit().await.unwrap();
        let report = json!({"InstanceId": id, "AgentName": "fettle-agent", "AgentStatus": "Active",
            "AgentVersion": "1.0.0", "PlatformType": "Linux", "PlatformName": platform_name,
            "PlatformVersion": platform_version, "IPAddress": "127.0.0.1", "ComputerName": "host"});
        self.call_as_node(id, "UpdateInstanceInformation", report).await.unwrap();
    }
}
