//! Commands, invocations, messages and channels as rows, on both engines.

#![allow(clippy::unwrap_used)]

use api::Timestamp;
use api::ssm::SendCommandRequest;
use domain::command::{CommandStatus, InvocationStatus};
use domain::ids::{CommandId, NodeId};
use store::channels::{self, Channel};
use store::commands::{self, After, Command, CommandFilter, CommandKey, Counters, Step};
use store::invocations::{self, Invocation, InvocationFilter, InvocationKey};
use store::node_messages::{self, MessageKind, NodeKey, NodeMessage};
use store::nodes::{self, Node, NodeInformation};
use store::testing::engines;
use store::{Store, StoreError, replies};

const START: Timestamp = Timestamp::from_seconds(1_790_000_000);

fn node_key(number: u8) -> NodeKey {
    let (account, region) = ("123456789012".parse().unwrap(), "eu-central-1".parse().unwrap());
    NodeKey { account, region, node: NodeId::mint([number; 9]) }
}

fn command(number: u8) -> Command {
    let NodeKey { account, region, .. } = node_key(0);
    let requested_at = START.plus_seconds(i64::from(number));
    Command {
        key: CommandKey { account, region, id: CommandId::mint([number; 16]) },
        document_name: "AWS-RunShellScript".parse().unwrap(),
        requested_at,
        deliver_until: requested_at.plus_seconds(60),
        expires_at: requested_at.plus_seconds(120),
        request: SendCommandRequest { comment: Some("ä \"quoted\"".into()), ..Default::default() },
        steps: vec![Step { name: "one".into(), plugin: "aws:runShellScript".into() }],
        status: CommandStatus::Pending,
        counters: Counters::default(),
        cancelled_at: None,
        finished_at: None,
        association: None,
    }
}

fn invocation(command: &Command, number: u8) -> Invocation {
    Invocation {
        key: InvocationKey { command: command.key.clone(), node: node_key(number).node },
        node_name: "host".into(),
        document_name: command.document_name.to_string(),
        requested_at: command.requested_at,
        status: InvocationStatus::Pending,
        released_at: None,
        delivered_at: None,
        finished_at: None,
        deliver_until: command.deliver_until,
        expires_at: command.expires_at,
        deadline_at: Some(command.deliver_until),
        trace_output: String::new(),
    }
}

fn message(command: &Command, number: u8) -> NodeMessage {
    let node = node_key(number);
    NodeMessage {
        job_id: format!("aws.ssm.{}.{}", command.key.id, node.node),
        node,
        kind: MessageKind::Send,
        command_id: command.key.id.clone(),
        created_at: START,
        due_at: START,
        attempts: 0,
        deliver_until: command.deliver_until,
    }
}

async fn register(store: &Store, key: &NodeKey) {
    let node = Node {
        account: key.account.clone(),
        region: key.region.clone(),
        id: key.node.clone(),
        activation_id: None,
        iam_role: "role".into(),
        name: None,
        registered_at: START,
        fingerprint: String::new(),
        public_key: String::new(),
        previous_public_key: None,
        information: NodeInformation::default(),
        last_seen_at: None,
        channel_until: None,
    };
    let mut tx = store.write().await.unwrap();
    nodes::insert(&mut tx, &node).await.unwrap();
    tx.commit().await.unwrap();
}

async fn insert(store: &Store, command: &Command, nodes: std::ops::Range<u8>) {
    let mut tx = store.write().await.unwrap();
    commands::insert(&mut tx, command, "{}").await.unwrap();
    let rows: Vec<Invocation> = nodes.map(|number| invocation(command, number)).collect();
    invocations::insert_many(&mut tx, &rows).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_is_read_back() {
    for test in engines().await {
        let one = command(1);
        insert(&test.store, &one, 1..3).await;
        let mut tx = test.store.read().await.unwrap();
        assert_eq!(commands::find(&mut tx, &one.key).await.unwrap(), Some(one.clone()));
        assert_eq!(commands::find_payload(&mut tx, &one.key).await.unwrap().as_deref(), Some("{}"));
        let row = invocation(&one, 2);
        assert_eq!(invocations::find(&mut tx, &row.key).await.unwrap(), Some(row));
        assert_eq!(commands::find(&mut tx, &command(2).key).await.unwrap(), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_leased_to_one_attempt_at_a_time() {
    for test in engines().await {
        let one = command(1);
        let mut tx = test.store.write().await.unwrap();
        node_messages::insert_many(&mut tx, &[message(&one, 1), message(&one, 1)]).await.unwrap();
        tx.commit().await.unwrap();
        let lease = START.plus_seconds(10);
        let mut claims = Vec::new();
        for _ in 0..8 {
            let store = test.store.clone();
            claims.push(tokio::spawn(async move {
                loop {
                    let mut tx = store.write().await.unwrap();
                    let claimed = node_messages::claim(&mut tx, &node_key(1), START, lease, 10).await;
                    let outcome = match claimed {
                        Ok(messages) => tx.commit().await.map(|()| messages.len()),
                        Err(error) => Err(error),
                    };
                    match outcome {
                        Ok(count) => return count,
                        Err(StoreError::Conflict) => {}
                        Err(other) => panic!("{other}"),
                    }
                }
            }));
        }
        let mut taken = 0;
        for claim in claims {
            taken += claim.await.unwrap();
        }
        assert_eq!(taken, 1);
        let mut tx = test.store.write().await.unwrap();
        let again = node_messages::claim(&mut tx, &node_key(1), lease, lease.plus_seconds(10), 10).await;
        assert_eq!(again.unwrap()[0].attempts, 2);
        let late = node_messages::claim(&mut tx, &node_key(1), one.deliver_until, one.expires_at, 10).await;
        assert_eq!(late.unwrap(), []);
        assert!(node_messages::has_expired(&mut tx, one.deliver_until).await.unwrap());
        assert_eq!(node_messages::delete_expired(&mut tx, one.deliver_until).await.unwrap(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn held_invocations_are_released_in_order_or_ended() {
    for test in engines().await {
        let one = command(1);
        insert(&test.store, &one, 0..250).await;
        let mut tx = test.store.write().await.unwrap();
        let released = invocations::release(&mut tx, &one.key, 3, START).await.unwrap();
        assert_eq!(released.len(), 3);
        let ended =
            invocations::end_held(&mut tx, &one.key, InvocationStatus::Terminated, START).await.unwrap();
        assert_eq!(ended, 247);
        let counts = invocations::count_by_state(&mut tx, &one.key).await.unwrap();
        let pending = counts.iter().find(|row| row.status == InvocationStatus::Pending).unwrap();
        assert!(pending.is_released && pending.count == 3, "{counts:?}");
        assert_eq!(invocations::list_open(&mut tx, &one.key, &[]).await.unwrap().len(), 3);
        assert_eq!(invocations::list_overdue(&mut tx, one.deliver_until, 9).await.unwrap().len(), 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_visit_each_row_once_even_when_rows_go() {
    for test in engines().await {
        for number in 1..8 {
            insert(&test.store, &command(number), 0..3).await;
        }
        let NodeKey { account, region, .. } = node_key(0);
        let (mut seen, mut last) = (Vec::new(), None::<(Timestamp, String)>);
        loop {
            let mut tx = test.store.read().await.unwrap();
            let after = last.as_ref().map(|(at, id)| After { requested_at: *at, id });
            let filter = InvocationFilter::default();
            let page = invocations::list(&mut tx, (&account, &region), &filter, after, 4).await.unwrap();
            let Some(end) = page.last() else { break };
            last = Some((end.requested_at, format!("{}/{}", end.key.command.id, end.key.node)));
            seen.extend(page.into_iter().map(|row| row.key));
            drop(tx);
            // The row the next page begins after goes.
            let mut tx = test.store.write().await.unwrap();
            commands::delete_older(&mut tx, START).await.unwrap();
            let gone = seen.last().unwrap();
            tx.execute(
                "DELETE FROM invocations WHERE command_id = $1 AND node_id = $2",
                &[gone.command.id.as_str().into(), gone.node.as_str().into()],
            )
            .await
            .unwrap();
            tx.commit().await.unwrap();
        }
        let count = seen.len();
        seen.sort();
        seen.dedup();
        assert_eq!((count, seen.len()), (21, 21));
        let mut tx = test.store.read().await.unwrap();
        let filter = CommandFilter { node: Some(&node_key(9).node), ..Default::default() };
        assert_eq!(commands::list(&mut tx, (&account, &region), &filter, None, 9).await.unwrap(), []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_ended_commands_are_forgotten() {
    for test in engines().await {
        let (mut ended, running) = (command(1), command(2));
        insert(&test.store, &ended, 0..2).await;
        insert(&test.store, &running, 0..2).await;
        let mut tx = test.store.write().await.unwrap();
        ended.finished_at = Some(START);
        ended.status = CommandStatus::Success;
        commands::update_progress(&mut tx, &ended).await.unwrap();
        assert_eq!(commands::delete_older(&mut tx, START.plus_seconds(999)).await.unwrap(), 1);
        assert_eq!(commands::find(&mut tx, &ended.key).await.unwrap(), None);
        assert_eq!(invocations::find(&mut tx, &invocation(&ended, 0).key).await.unwrap(), None);
        assert!(invocations::find(&mut tx, &invocation(&running, 0).key).await.unwrap().is_some());
        let left = commands::list_running(&mut tx, None, 10).await.unwrap();
        assert_eq!(left, [(running.requested_at, running.key)]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_channel_holds_the_node() {
    for test in engines().await {
        let node = node_key(1);
        register(&test.store, &node).await;
        let (until, later) = (START.plus_seconds(90), START.plus_seconds(200));
        let mut tx = test.store.write().await.unwrap();
        for (server_id, connection_id) in [("a", "1"), ("b", "2")] {
            channels::open(&mut tx, &node, Channel { server_id, connection_id }, until, START).await.unwrap();
        }
        let held = channels::find_connection(&mut tx, &node, START).await.unwrap();
        assert_eq!(held.as_deref(), Some("2"));
        let renewed = channels::renew(&mut tx, "a", &["1".into()], later, START).await.unwrap();
        assert!(renewed.is_empty());
        assert!(!channels::close(&mut tx, &node, "1", START).await.unwrap());
        node_messages::insert_many(&mut tx, &[message(&command(1), 1)]).await.unwrap();
        assert!(node_messages::due_on_server(&mut tx, "a", START, 9).await.unwrap().is_empty());
        assert_eq!(
            node_messages::due_on_server(&mut tx, "b", START, 9).await.unwrap(),
            std::slice::from_ref(&node)
        );
        assert_eq!(channels::renew(&mut tx, "b", &["2".into()], later, START).await.unwrap(), ["2"]);
        assert!(channels::find_connection(&mut tx, &node, until).await.unwrap().is_some());
        assert_eq!(channels::find_connection(&mut tx, &node, later).await.unwrap(), None);
        assert!(nodes::delete(&mut tx, &node.account, &node.region, &node.node).await.unwrap());
        let renewed = channels::renew(&mut tx, "b", &["2".into()], later, START).await.unwrap();
        assert!(renewed.is_empty(), "a node that is not registered keeps no channel");
        assert!(channels::close(&mut tx, &node, "2", START).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_is_taken_in_once() {
    for test in engines().await {
        let mut tx = test.store.write().await.unwrap();
        assert!(replies::insert(&mut tx, &node_key(1), "r", START).await.unwrap());
        assert!(!replies::insert(&mut tx, &node_key(1), "r", START).await.unwrap());
        assert!(replies::insert(&mut tx, &node_key(2), "r", START).await.unwrap());
        assert_eq!(replies::delete_older(&mut tx, START.plus_seconds(1)).await.unwrap(), 2);
    }
}
