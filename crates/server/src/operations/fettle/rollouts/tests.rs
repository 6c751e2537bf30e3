//! Staged rollouts through the dispatcher, on each engine; nodes poll as agents do, and the job is run by hand.

use std::sync::Arc;

use domain::ids::NodeId;
use serde_json::{Value, json};

use crate::jobs::{drive_rollouts, forget_commands};
use crate::operations::Service;
use crate::operations::associations::tests::polling::{self, HOUR, add, finish, is_idle, tag};
use crate::operations::inventory::tests::{report, upload};
use crate::testing::{Refused, TestServer};

const UNKNOWN: &str = "3f0c9f5e-2d53-4b8e-a2b1-0f4f7e8a9c10";
const MINUTE: i64 = 60;

/// An hour ago: what is delivered goes by the wall clock.
pub(super) async fn servers() -> Vec<TestServer> {
    let mut servers = polling::servers().await;
    servers.iter_mut().for_each(|server| server.now = server.now.plus_seconds(23 * HOUR));
    servers
}

pub(super) async fn fettle(server: &TestServer, operation: &str, request: Value) -> Result<Value, Refused> {
    server.call_of(Service::Fettle, operation, request).await
}

pub(super) async fn answer(server: &TestServer, operation: &str, request: Value) -> Value {
    server.answer_of(Service::Fettle, operation, request).await
}

fn order(plan: Value) -> Value {
    json!({"Order": {"Operation": "Install", "Targets": [{"Key": "InstanceIds", "Values": ["*"]}],
        "MaxConcurrency": "10", "Rollout": plan}})
}

/// Its id, as asked for by others.
pub(super) async fn start(server: &TestServer, plan: Value) -> Value {
    answer(server, "StartPatchNow", order(plan)).await["PatchNow"]["PatchNowId"].clone()
}

pub(super) async fn drive(server: &TestServer) -> u64 {
    drive_rollouts::run_once(Arc::clone(&server.app), server.now).await.unwrap()
}

pub(super) async fn get(server: &TestServer, id: &Value) -> Value {
    answer(server, "GetRollout", json!({"RolloutId": id})).await["Rollout"].clone()
}

pub(super) async fn signal(server: &TestServer, id: &Value, signal: &str) -> Value {
    answer(server, "SignalRollout", json!({"RolloutId": id, "Signal": signal})).await["Rollout"].clone()
}

/// Status and ring, and the phase of each ring.
pub(super) fn standing(rollout: &Value) -> (String, String, Vec<String>) {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let phases = rollout["Rings"].as_array().unwrap().iter().map(|ring| text(&ring["Phase"])).collect();
    (text(&rollout["Status"]), text(&rollout["Ring"]), phases)
}

pub(super) fn at(status: &str, ring: &str, phases: &[&str]) -> (String, String, Vec<String>) {
    (status.to_owned(), ring.to_owned(), phases.iter().map(|phase| (*phase).to_owned()).collect())
}

/// Two nodes of the ring `canary` by tag, and as many others.
pub(super) async fn fleet(server: &TestServer) -> [NodeId; 4] {
    let nodes = [add(server, 1).await, add(server, 2).await, add(server, 3).await, add(server, 4).await];
    tag(server, &nodes[0], "canary").await;
    tag(server, &nodes[1], "canary").await;
    nodes
}

pub(super) fn two_rings(gates: Value, soak_minutes: i64) -> Value {
    json!({"Rings": [
        {"Name": "canary", "Targets": [{"Key": "tag:Env", "Values": ["canary"]}], "SoakMinutes": soak_minutes,
            "Gates": gates},
        {"Name": "rest"}]})
}

pub(super) async fn all_idle(server: &TestServer, nodes: &[NodeId]) -> bool {
    for node in nodes {
        if !is_idle(server, node).await {
            return false;
        }
    }
    true
}

/// What nodes say is stamped by the wall clock, an hour later: a soak is counted from it.
async fn ended_now(server: &TestServer) {
    let mut tx = server.app.store().write().await.unwrap();
    let sql = "UPDATE invocations SET finished_at = $1 WHERE finished_at > $1";
    assert!(tx.execute(sql, &[server.now.into()]).await.unwrap() > 0);
    tx.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_ring_begins_after_the_soak_and_on_evidence() {
    for mut server in servers().await {
        let nodes = fleet(&server).await;
        let started = answer(&server, "StartPatchNow", order(two_rings(json!({"MaxFailures": 0}), 30))).await;
        let (now, id) = (&started["PatchNow"], &started["PatchNow"]["PatchNowId"]);
        assert_eq!(now["Order"]["MaxErrors"], "100%", "the gates say how many may fail");
        assert_eq!(standing(&now["Rollout"]), at("InProgress", "canary", &["Running", "Waiting"]));
        assert_eq!(now["Rollout"]["EndsAt"], now["EndsAt"]);
        assert!(all_idle(&server, &nodes[2..]).await, "the second ring waits");
        finish(&server, &nodes[0], "Success").await;
        assert_eq!(drive(&server).await, 0, "one is at work");
        finish(&server, &nodes[1], "Success").await;
        ended_now(&server).await;
        assert!(drive(&server).await > 0);
        let soaking = get(&server, id).await;
        assert_eq!(standing(&soaking), at("InProgress", "canary", &["Soaking", "Waiting"]));
        let until = server.now.plus_seconds(30 * MINUTE).as_millis() as f64 / 1000.0;
        assert_eq!(soaking["Rings"][0]["SoaksUntil"].as_f64(), Some(until));
        server.now = server.now.plus_seconds(30 * MINUTE - 1);
        assert_eq!(drive(&server).await, 0);
        assert!(all_idle(&server, &nodes).await);
        server.now = server.now.plus_seconds(1);
        drive(&server).await;
        let running = get(&server, id).await;
        assert_eq!(standing(&running), at("InProgress", "rest", &["Passed", "Running"]));
        let evidence = &running["Rings"][0]["Evidence"];
        assert_eq!((&evidence["Ended"], &evidence["Failed"]), (&json!(2), &json!(0)));
        assert_eq!((&evidence["MaxFailures"], &evidence["Shortfalls"]), (&json!(0), &json!([])));
        let rings: Vec<Value> =
            answer(&server, "ListPatchNowNodes", json!({"PatchNowId": id})).await["Nodes"]
                .as_array()
                .unwrap()
                .iter()
                .map(|node| node["Ring"].clone())
                .collect();
        assert_eq!(rings, ["canary", "canary", "rest", "rest"]);

        finish(&server, &nodes[2], "Success").await;
        finish(&server, &nodes[3], "Failed").await;
        drive(&server).await;
        let ended = get(&server, id).await;
        assert_eq!(standing(&ended), at("Succeeded", "rest", &["Passed", "Passed"]));
        assert_eq!(
            (&ended["FailedNodes"], &ended["OverruledRings"]),
            (&json!(1), &json!([])),
            "no gate forbids it"
        );
        assert!(ended.get("EndedAt").is_some());
        let now = answer(&server, "GetPatchNow", json!({"PatchNowId": id})).await["PatchNow"].clone();
        assert_eq!((&now["Counts"]["Success"], &now["Counts"]["Failed"]), (&json!(3), &json!(1)));
        assert_eq!(now["Rollout"], ended);
        assert_eq!(drive(&server).await, 0, "nothing follows");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ring_that_falls_short_pauses_until_somebody_says_how_it_goes_on() {
    for server in servers().await {
        let nodes = fleet(&server).await;
        let id = &start(&server, two_rings(json!({"MaxFailures": 0}), 0)).await;
        let early = json!({"RolloutId": id, "Signal": "Approve"});
        let (code, text) = fettle(&server, "SignalRollout", early).await.unwrap_err();
        assert!(code == "ValidationException" && text.contains("has not been judged"), "{text}");
        finish(&server, &nodes[0], "Success").await;
        finish(&server, &nodes[1], "Failed").await;
        // It goes on already: nothing is changed for it, and what has become due is done.
        let paused = signal(&server, id, "Resume").await;
        assert_eq!(standing(&paused), at("Paused", "canary", &["Judging", "Waiting"]));
        assert_eq!(paused["Reason"], "ring `canary`: 1 node failed, which is more than 0");
        assert!(all_idle(&server, &nodes[2..]).await);
        assert_eq!(drive(&server).await, 0);
        // The evidence has not changed.
        assert_eq!(signal(&server, id, "Resume").await["Status"], "Paused");
        let approved = signal(&server, id, "Approve").await;
        assert_eq!(standing(&approved), at("InProgress", "rest", &["Overruled", "Running"]));
        let canary = &approved["Rings"][0];
        assert_eq!(canary["ApprovedBy"], server.root().caller.arn());
        assert_eq!((&canary["Evidence"]["Failed"], &canary["Failed"]), (&json!(1), &json!(1)));
        finish(&server, &nodes[2], "Success").await;
        // Who is at work ends; nobody else begins.
        let stopped = signal(&server, id, "Stop").await;
        assert_eq!(standing(&stopped), at("Stopped", "rest", &["Overruled", "Stopped"]));
        assert!(stopped.get("EndedAt").is_none());
        finish(&server, &nodes[3], "Success").await;
        drive(&server).await;
        assert!(get(&server, id).await.get("EndedAt").is_some());
        assert_eq!(signal(&server, id, "Stop").await["Status"], "Stopped", "it is so already");
        let refused = fettle(&server, "SignalRollout", json!({"RolloutId": id, "Signal": "Pause"})).await;
        assert!(refused.unwrap_err().1.contains("the rollout is over"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_overrules_a_gate_does_not_make_it_a_success() {
    for server in servers().await {
        let nodes = fleet(&server).await;
        let id = &start(&server, two_rings(json!({"MaxFailures": 0}), 0)).await;
        finish(&server, &nodes[0], "Success").await;
        finish(&server, &nodes[1], "Failed").await;
        drive(&server).await;
        signal(&server, id, "Approve").await;
        finish(&server, &nodes[2], "Success").await;
        finish(&server, &nodes[3], "Success").await;
        drive(&server).await;
        let over = get(&server, id).await;
        assert_eq!(standing(&over), at("CompletedWithFailure", "rest", &["Overruled", "Passed"]));
        assert_eq!((&over["FailedNodes"], &over["OverruledRings"]), (&json!(1), &json!(["canary"])));
        assert_eq!(answer(&server, "ListRollouts", json!({})).await["Rollouts"][0], over);
        let refused = fettle(&server, "SignalRollout", json!({"RolloutId": id, "Signal": "Resume"})).await;
        assert!(refused.unwrap_err().1.contains("the rollout is over"));

        // An approval that was asked for passes over nothing; what was seen then is kept.
        let mut plan = two_rings(json!({"NodesBack": true}), 0);
        plan["Rings"][0]["RequireApproval"] = json!(true);
        let id = &start(&server, plan).await;
        let mut made = report("2026-03-01T11:00:00Z", &[], "");
        made.summary.frame.ended_at = server.now.plus_seconds(1);
        for node in &nodes[..2] {
            server.answer("PutInventory", upload(node, &made, "h1")).await;
            finish(&server, node, "Success").await;
        }
        drive(&server).await;
        let waiting = get(&server, id).await;
        assert_eq!(standing(&waiting), at("InProgress", "canary", &["AwaitingApproval", "Waiting"]));
        let evidence = &waiting["Rings"][0]["Evidence"];
        assert_eq!((&evidence["NodesBack"], &evidence["Shortfalls"]), (&json!(2), &json!([])));
        let approved = signal(&server, id, "Approve").await;
        assert_eq!(standing(&approved), at("InProgress", "rest", &["Passed", "Running"]));
        assert_eq!(approved["Rings"][0]["Evidence"], *evidence);
        for node in &nodes[2..] {
            finish(&server, node, "Success").await;
        }
        drive(&server).await;
        assert_eq!(get(&server, id).await["Status"], "Succeeded");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_what_waits_and_a_pause_holds_it() {
    for server in servers().await {
        let nodes = fleet(&server).await;
        let mut plan = two_rings(json!({}), 0);
        plan["Rings"][0]["MaxConcurrency"] = json!("1");
        plan["OnGateFailed"] = json!("Stop");
        let id = &start(&server, plan.clone()).await;
        assert_eq!(signal(&server, id, "Pause").await["Status"], "Paused");
        finish(&server, &nodes[0], "Success").await;
        assert_eq!(drive(&server).await, 0);
        assert!(all_idle(&server, &nodes).await, "held");
        assert_eq!(signal(&server, id, "Resume").await["Status"], "InProgress");
        assert!(!is_idle(&server, &nodes[1]).await);
        let stopped = signal(&server, id, "Stop").await;
        assert_eq!(
            (&stopped["Rings"][1]["Unreached"], &stopped["Rings"][0]["AtWork"]),
            (&json!(2), &json!(1))
        );
        finish(&server, &nodes[1], "Success").await;
        drive(&server).await;
        let now = answer(&server, "GetPatchNow", json!({"PatchNowId": id})).await["PatchNow"].clone();
        assert!(now.get("EndedAt").is_some(), "{now}");

        // A gate that fails may be the end, too: nobody of the ring has succeeded.
        let id = &start(&server, plan).await;
        finish(&server, &nodes[0], "Failed").await;
        drive(&server).await;
        finish(&server, &nodes[1], "Failed").await;
        drive(&server).await;
        let stopped = get(&server, id).await;
        assert_eq!(stopped["Reason"], "ring `canary`: none of the ring's 2 nodes has succeeded");
        assert_eq!(standing(&stopped), at("Stopped", "canary", &["Stopped", "Stopped"]));
        assert!(stopped.get("EndedAt").is_some() && all_idle(&server, &nodes).await);

        // Called off as any Patch now.
        let id = &start(&server, two_rings(json!({}), 0)).await;
        answer(&server, "CancelPatchNow", json!({"PatchNowId": id})).await;
        drive(&server).await;
        assert_eq!(get(&server, id).await["Reason"], "it was cancelled");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_and_the_nodes_being_back_are_evidence() {
    for mut server in servers().await {
        // A probe is delivered within half an hour.
        server.now = server.now.plus_seconds(HOUR - MINUTE);
        let nodes = fleet(&server).await;
        let probe = json!({"DocumentName": "AWS-RunShellScript", "Parameters": {"commands": ["true"]}});
        let id = &start(&server, two_rings(json!({"Probe": probe, "NodesBack": true}), 0)).await;
        for node in &nodes[..2] {
            finish(&server, node, "Success").await;
        }
        drive(&server).await;
        let paused = get(&server, id).await;
        assert_eq!(paused["Reason"], "ring `canary`: only 0 of 2 nodes are known to be back");
        let mut made = report("2026-03-01T11:00:00Z", &[], "");
        made.summary.frame.ended_at = server.now.plus_seconds(1);
        for node in &nodes[..2] {
            server.answer("PutInventory", upload(node, &made, "h1")).await;
        }
        // Now it judges, and asks the probe.
        let probing = signal(&server, id, "Resume").await;
        let evidence = &probing["Rings"][0]["Evidence"];
        assert_eq!((&evidence["NodesBack"], &evidence["ProbeNodes"]), (&json!(2), &json!(2)));
        let command = json!({"CommandId": evidence["ProbeCommandId"]});
        let asked = server.answer("ListCommands", command).await["Commands"][0].clone();
        assert_eq!(asked["DocumentName"], "AWS-RunShellScript");
        assert_eq!(asked["InstanceIds"], json!([nodes[0].as_str(), nodes[1].as_str()]));
        finish(&server, &nodes[0], "Success").await;
        assert_eq!(drive(&server).await, 0, "one has not answered");
        finish(&server, &nodes[1], "Failed").await;
        drive(&server).await;
        let paused = get(&server, id).await;
        let expected = "ring `canary`: the probe `AWS-RunShellScript` has not succeeded on 1 of 2 nodes, which is more than 0";
        assert_eq!(paused["Reason"], expected);
        assert!(all_idle(&server, &nodes[2..]).await);
        // It is asked anew.
        signal(&server, id, "Resume").await;
        for node in &nodes[..2] {
            finish(&server, node, "Success").await;
        }
        // By a server whose clock is behind: its ring does not begin before the one that it follows.
        server.now = server.now.plus_seconds(-MINUTE);
        drive(&server).await;
        let passed = get(&server, id).await;
        assert_eq!(standing(&passed), at("InProgress", "rest", &["Passed", "Running"]));
        assert_eq!(passed["Rings"][0]["Evidence"]["ProbeSucceeded"], 2);
        assert_eq!(passed["Rings"][1]["BeganAt"], passed["Rings"][0]["BeganAt"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn budgets_hold_across_rollouts_and_servers() {
    for server in servers().await {
        let nodes = fleet(&server).await;
        let budget = json!({"Budgets": [{"TagKey": "Env", "Limit": "1"}]});
        let first = &start(&server, budget.clone()).await;
        let second = &start(&server, budget).await;
        let work = async |id: &Value| get(&server, id).await["Rings"][0]["AtWork"].as_i64().unwrap();
        // One of the two canaries, and both that have no tag; the second may have the latter only.
        assert_eq!((work(first).await, work(second).await), (3, 2));
        let other = server.another().await;
        for _ in 0..2 {
            // Two servers look at once.
            let (a, b) = tokio::join!(
                drive_rollouts::run_once(Arc::clone(&server.app), server.now),
                drive_rollouts::run_once(Arc::clone(&other), server.now),
            );
            assert_eq!((a.unwrap(), b.unwrap()), (0, 0));
        }
        assert!(is_idle(&server, &nodes[1]).await, "the budget is spent");
        finish(&server, &nodes[0], "Success").await;
        let (a, b) = tokio::join!(
            drive_rollouts::run_once(Arc::clone(&server.app), server.now),
            drive_rollouts::run_once(other, server.now),
        );
        assert!(a.unwrap() + b.unwrap() > 0);
        assert_eq!(work(first).await + work(second).await, 5, "one node began, once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_online_falls_back_to_the_next_ring_and_the_end_ends_it() {
    for mut server in servers().await {
        let nodes = [add(&server, 1).await, server.add_node(2).await];
        for node in &nodes {
            tag(&server, node, "canary").await;
        }
        let mut plan = two_rings(json!({}), 0);
        plan["Rings"][0]["WaitHours"] = json!(2);
        plan["EndsAfterHours"] = json!(5);
        server.now = server.now.plus_seconds(HOUR);
        let id = &start(&server, plan).await;
        finish(&server, &nodes[0], "Success").await;
        assert_eq!(drive(&server).await, 0, "the other may come back");
        server.now = server.now.plus_seconds(2 * HOUR);
        drive(&server).await;
        let shown = get(&server, id).await;
        assert_eq!(standing(&shown), at("InProgress", "rest", &["Passed", "Running"]));
        assert_eq!((&shown["Rings"][0]["Nodes"], &shown["Rings"][1]["Waiting"]), (&json!(1), &json!(1)));
        server.now = server.now.plus_seconds(3 * HOUR);
        drive(&server).await;
        let over = get(&server, id).await;
        assert_eq!((&over["Status"], &over["Reason"]), (&json!("Stopped"), &json!("its time is over")));
        assert_eq!((&over["Rings"][1]["Unreached"], over.get("EndedAt").is_some()), (&json!(1), true));

        let month = server.now.plus_seconds(31 * 24 * HOUR);
        forget_commands::run_once(Arc::clone(&server.app), month).await.unwrap();
        let refused = fettle(&server, "GetRollout", json!({"RolloutId": id})).await;
        assert_eq!(refused.unwrap_err().0, "ResourceNotFoundException");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rollouts_are_listed_newest_first() {
    for mut server in servers().await {
        fleet(&server).await;
        let first = start(&server, json!({})).await;
        server.now = server.now.plus_seconds(2);
        let second = start(&server, json!({})).await;
        let page = answer(&server, "ListRollouts", json!({"MaxResults": 1})).await;
        assert_eq!(
            (&page["Rollouts"][0]["RolloutId"], page["Rollouts"].as_array().unwrap().len()),
            (&second, 1)
        );
        let rest = json!({"MaxResults": 1, "NextToken": page["NextToken"]});
        let rest = answer(&server, "ListRollouts", rest).await;
        assert_eq!((&rest["Rollouts"][0]["RolloutId"], rest.get("NextToken")), (&first, None));
        let refused = fettle(&server, "ListRollouts", json!({"NextToken": "x"})).await.unwrap_err();
        assert_eq!(refused.0, "InvalidNextToken");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_refused_and_leaves_nothing() {
    for server in servers().await {
        fleet(&server).await;
        let with = |more: Value| {
            let mut request = order(two_rings(json!({}), 0));
            request["Order"].as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            request
        };
        let gates = |gates: Value| order(two_rings(gates, 0));
        let rows = [
            (with(json!({"Operation": "Scan"})), "a Scan changes nothing"),
            (with(json!({"ForHours": 2})), "EndsAfterHours"),
            (with(json!({"MaxErrors": "1"})), "Gates"),
            (gates(json!({"MaxFailurePercent": 10})), "that takes 29 nodes without a failure"),
            (gates(json!({"Probe": {"DocumentName": "none-such"}})), "Rings: `canary`: Probe: "),
            (gates(json!({"Probe": {"DocumentName": "AWS-RunPatchBaseline"}})), "patches"),
            (gates(json!({"Probe": {"DocumentName": "AWS-RunShellScript"}})), "commands"),
            (order(json!({"Rings": [{"Name": "a"}, {"Name": "b"}]})), "which only the last ring may"),
            (order(json!({"Rings": []})), "order.rollout.rings"),
            (
                order(
                    json!({"Rings": [{"Name": "a", "Targets": [{"Key": "tag:x", "Values": ["y"]}]}, {"Name": "b"}]}),
                ),
                "`a` has none of the 4 nodes",
            ),
        ];
        for (request, text) in rows {
            let (code, said) = fettle(&server, "StartPatchNow", request.clone()).await.unwrap_err();
            assert!(code == "ValidationException" && said.contains(text), "{request}: {code}: {said}");
        }
        let mut stays = gates(json!({"NodesBack": true}));
        stays["Order"]["RebootOption"] = json!("NoReboot");
        assert!(fettle(&server, "StartPatchNow", stays).await.unwrap_err().1.contains("NodesBack"));
        assert_eq!(answer(&server, "ListRollouts", json!({})).await["Rollouts"], json!([]));
        for (operation, request) in [
            ("GetRollout", json!({"RolloutId": UNKNOWN})),
            ("SignalRollout", json!({"RolloutId": UNKNOWN, "Signal": "Stop"})),
        ] {
            let refused = fettle(&server, operation, request).await.unwrap_err();
            assert_eq!(refused.0, "ResourceNotFoundException", "{operation}");
        }
    }
}
