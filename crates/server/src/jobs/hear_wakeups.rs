//! Listens to what other servers say of messages they wrote, and wakes the channels and polls of
//! this one. `wake_channels` and the polls look by themselves, for what was said while nobody listened.

use std::sync::Arc;
use std::time::Duration;

use store::StoreError;
use store::wakeups::Word;

use super::wake_channels;
use crate::app::App;

/// Between two attempts to listen.
const PAUSE: Duration = Duration::from_secs(5);

/// Never returns where there is something to listen to; the caller drops it at shutdown.
pub async fn run(app: Arc<App>) {
    loop {
        match listen(&app).await {
            Ok(()) => return,
            Err(error) => {
                tracing::warn!(%error, "other servers are not heard; looking once a second instead")
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Until the connection fails. Returns at once where no other server can share the database.
async fn listen(app: &Arc<App>) -> Result<(), StoreError> {
    let Some(mut wakeups) = app.store().wakeups().await? else { return Ok(()) };
    // What was written before the listening began.
    if let Err(error) = wake_channels::run_once(Arc::clone(app), app.now()).await {
        tracing::error!(cause = error.chain(), "cannot look for what is to be delivered");
    }
    loop {
        match wakeups.next().await? {
            Word::Nodes(nodes) => nodes.iter().for_each(|node| app.agents.hub.wake(node)),
            // What this one says it hears as well.
            Word::Changed { server_id, .. } if server_id == app.agents.hub.server_id() => {}
            Word::Changed { topics, .. } => app.events.tell(topics),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use store::node_messages::NodeKey;
    use tokio::time::timeout;

    use super::*;
    use crate::agents::channel_lease;
    use crate::agents::delivery::{self, Route};
    use crate::commands::now;
    use crate::testing::TestServer;

    const PATIENCE: Duration = Duration::from_secs(10);

    #[tokio::test(flavor = "multi_thread")]
    async fn a_command_given_to_one_server_wakes_a_channel_of_the_other() {
        for mut server in TestServer::on_each_engine().await {
            server.now = now();
            let there = server.another().await;
            if there.store().wakeups().await.unwrap().is_none() {
                // Nobody else can have written: there is nothing to hear.
                timeout(PATIENCE, run(there)).await.unwrap();
                continue;
            }
            let id = server.add_node(1).await;
            let ctx = server.root();
            let node = NodeKey { account: ctx.account, region: ctx.region, node: id.clone() };
            let channel = there.agents.hub.open(&node);
            channel_lease::open(&there, &node, &channel.connection_id, now()).await.unwrap();
            let listening = tokio::spawn(run(Arc::clone(&there)));
            // The first may have been found by the look at the start; nothing but the word of the other
            // server tells of the second.
            for _ in 0..2 {
                let request = json!({"DocumentName": "AWS-RunShellScript", "InstanceIds": [id.as_str()],
                    "Parameters": {"commands": ["true"]}});
                let command = server.answer("SendCommand", request).await["Command"]["CommandId"].clone();
                let claimed = async {
                    loop {
                        channel.woken().await;
                        let route = Route::ControlChannel { connection_id: &channel.connection_id };
                        if let Some(job) = delivery::claim(&there, &node, route, now()).await.unwrap().pop() {
                            return job.id;
                        }
                    }
                };
                let job_id = timeout(PATIENCE, claimed).await.unwrap();
                assert!(job_id.contains(command.as_str().unwrap()), "{job_id}");
            }
            listening.abort();
        }
    }
}
