//! The server without its socket, for tests: requests go straight to the dispatcher.

#[cfg(test)]
pub mod receiver;
pub mod simulation;

use std::sync::Arc;

use api::Timestamp;
use domain::ids::NodeId;
use serde_json::Value;
use store::Store;
use store::nodes::{self, Node, NodeInformation};
use store::testing::TestStore;

use crate::app::{App, Mode};
use crate::caller::{Caller, node_arn};
use crate::ctx::Ctx;
use crate::keyring::Keyring;
use crate::objects::Objects;
use crate::operations::{self, Service};
use crate::retention::Retention;
use crate::root_key::{FIRST_ACCOUNT, root_arn};
use crate::webhooks::Webhooks;

pub const REGION: &str = "eu-central-1";

/// One server over a database of its own.
pub struct TestServer {
    pub app: Arc<App>,
    /// Every request's `now`; move it to let time pass.
    pub now: Timestamp,
    _database: TestStore,
}

/// An error code and its text.
pub type Refused = (String, String);

impl TestServer {
    /// On SQLite, and on PostgreSQL when the tests have one.
    pub async fn on_each_engine() -> Vec<Self> {
        Self::on_each_engine_with("").await
    }

    /// With a file of webhooks.
    pub async fn on_each_engine_with(webhooks: &str) -> Vec<Self> {
        let engines = store::testing::engines().await.into_iter();
        engines.map(|database| Self::over(database, webhooks)).collect()
    }

    pub async fn on_sqlite() -> Self {
        Self::over(store::testing::sqlite().await, "")
    }

    fn over(database: TestStore, webhooks: &str) -> Self {
        let app = App::new(
            database.store.clone(),
            Keyring::ephemeral(),
            Mode::Durable,
            Retention::default(),
            Objects::in_memory(),
            Webhooks::parse(webhooks).expect("webhooks"),
        );
        let now = Timestamp::parse("2026-03-01T12:00:00Z").expect("a time");
        Self { app, now, _database: database }
    }

    /// Another server over the same database: after a restart, or beside this one.
    pub async fn another(&self) -> Arc<App> {
        let store = Store::open(&self._database.options).await.expect("the same database");
        App::new(
            store,
            Keyring::ephemeral(),
            Mode::Durable,
            Retention::default(),
            Objects::in_memory(),
            self.app.webhooks.clone(),
        )
    }

    /// Another server over the same store, whose life is in somebody's hands.
    pub fn beside(&self, gate: store::Gate) -> Arc<App> {
        App::new(
            self.app.store().behind(gate),
            Keyring::ephemeral(),
            Mode::Durable,
            Retention::default(),
            Objects::in_memory(),
            self.app.webhooks.clone(),
        )
    }

    /// As the account's root.
    pub fn root(&self) -> Ctx {
        self.ctx(root())
    }

    /// As a node with temporary credentials.
    pub fn node(&self, id: &NodeId) -> Ctx {
        self.ctx(as_node(id))
    }

    pub fn ctx(&self, caller: Caller) -> Ctx {
        ctx(&self.app, caller, self.now)
    }

    /// One request of the public API, as root.
    pub async fn call(&self, operation: &str, request: Value) -> Result<Value, Refused> {
        self.call_of(Service::Ssm, operation, request).await
    }

    /// The same of any service.
    pub async fn call_of(&self, service: Service, operation: &str, request: Value) -> Result<Value, Refused> {
        call(&self.root(), service, operation, request).await
    }

    /// What a request that must succeed is answered with.
    pub async fn answer(&self, operation: &str, request: Value) -> Value {
        self.answer_of(Service::Ssm, operation, request).await
    }

    /// The same of any service.
    pub async fn answer_of(&self, service: Service, operation: &str, request: Value) -> Value {
        let outcome = self.call_of(service, operation, request.clone()).await;
        outcome.unwrap_or_else(|(code, text)| panic!("{operation} {request}: {code}: {text}"))
    }

    /// The code that a request is refused with.
    pub async fn refusal(&self, operation: &str, request: Value) -> String {
        self.refusal_of(Service::Ssm, operation, request).await.0
    }

    /// The code and the text that a request to any service is refused with.
    pub async fn refusal_of(&self, service: Service, operation: &str, request: Value) -> Refused {
        match self.call_of(service, operation, request.clone()).await {
            Ok(answer) => panic!("{operation} {request} was answered: {answer}"),
            Err(refused) => refused,
        }
    }

    /// All rows of a paged list, read in pages of `size`.
    pub async fn pages(&self, operation: &str, mut request: Value, member: &str, size: usize) -> Vec<Value> {
        let mut rows = Vec::new();
        request["MaxResults"] = size.into();
        loop {
            let answer = self.answer(operation, request.clone()).await;
            let page = answer[member].as_array().expect("a list").clone();
            assert!(page.len() <= size, "{operation}: a page of {}", page.len());
            rows.extend(page);
            match answer.get("NextToken") {
                Some(token) => request["NextToken"] = token.clone(),
                None => return rows,
            }
        }
    }

    /// A registered Debian 12 node that has reported once.
    pub async fn add_node(&self, number: u8) -> NodeId {
        add_node(&self.app.store(), number, self.now).await
    }
}

/// The same, without a server.
pub async fn add_node(store: &Store, number: u8, now: Timestamp) -> NodeId {
    let id = NodeId::mint([number; 9]);
    let node = Node {
        account: FIRST_ACCOUNT.parse().expect("an account"),
        region: REGION.parse().expect("a region"),
        id: id.clone(),
        activation_id: None,
        iam_role: "role".into(),
        name: Some(format!("node {number}")),
        registered_at: now,
        fingerprint: format!("fingerprint {number}"),
        public_key: String::new(),
        previous_public_key: None,
        information: NodeInformation::default(),
        last_seen_at: None,
        channel_until: None,
    };
    let said = NodeInformation {
        agent_name: Some("amazon-ssm-agent".into()),
        agent_version: Some("3.3.0.0".into()),
        agent_status: Some("Active".into()),
        platform_type: Some("Linux".into()),
        platform_name: Some("Debian GNU/Linux".into()),
        platform_version: Some("12".into()),
        computer_name: Some(format!("host-{number}")),
        ip_address: Some(format!("192.0.2.{number}")),
        connection_channel: None,
    };
    let mut tx = store.write().await.expect("a transaction");
    nodes::insert(&mut tx, &node).await.expect("a new node");
    nodes::record_information(&mut tx, &id, &said, now).await.expect("its report");
    tx.commit().await.expect("a commit");
    id
}

/// What surrounds one request.
fn ctx(app: &Arc<App>, caller: Caller, now: Timestamp) -> Ctx {
    Ctx {
        app: Arc::clone(app),
        store: app.store(),
        account: FIRST_ACCOUNT.parse().expect("an account"),
        region: REGION.parse().expect("a region"),
        caller,
        now,
        request_id: "test".into(),
        endpoint: "http://127.0.0.1:4510".into(),
        browser: Arc::default(),
    }
}

fn root() -> Caller {
    Caller::User { arn: root_arn(FIRST_ACCOUNT), access_key_id: "AKIATEST".into() }
}

fn as_node(id: &NodeId) -> Caller {
    Caller::Node { node: id.clone(), arn: node_arn(FIRST_ACCOUNT, "role", id) }
}

/// One request through the dispatcher.
pub async fn call(ctx: &Ctx, service: Service, operation: &str, request: Value) -> Result<Value, Refused> {
    let body = request.to_string().into_bytes();
    match operations::dispatch(ctx, service, operation, &body).await {
        Ok(body) => Ok(serde_json::from_slice(&body).expect("an answer is JSON")),
        // A fault of ours is told with its causes, which no client sees.
        Err(error) if error.code.status >= 500 => Err((error.code.name.to_owned(), error.chain())),
        Err(error) => Err((error.code.name.to_owned(), error.message)),
    }
}
