//! What operators write for later: who may do what, and in which order a fleet is patched.

use std::collections::BTreeMap;

use api::Timestamp;
use domain::ids::NodeId;
use domain::policy::{Policy, Question, Resource, Verdict, judge};
use domain::rollout::{Plan, upper_bound};

/// What an id is made of, so that it stays below its kind.
const OF_IDS: fn(char) -> bool = |c| c.is_ascii_alphanumeric() || "-_.".contains(c);

/// Three lines: an action, a resource's ARN up to its id, its id. The rest is the document.
pub fn policy(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.splitn(4, '\n');
    let mut next = || lines.next().unwrap_or_default();
    let (action, prefix, id, document) = (next(), next(), next(), next());
    let Ok(policy) = Policy::parse(document) else { return };
    let tags = [("owner".to_owned(), id.to_owned())];
    let verdict = |resource, tags| {
        judge(std::slice::from_ref(&policy), &Question { action, resource, user_name: "ann", tags })
    };
    let one = format!("{prefix}{id}");
    let of_one = [verdict(Resource::One(&one), &tags), verdict(Resource::One(&one), &[])];
    if id.is_empty() || !id.chars().all(OF_IDS) {
        return;
    }
    for all in [verdict(Resource::Below(prefix), &[]), verdict(Resource::Within(prefix), &[])] {
        // What may be done to all may be done to each, and what may not be done to one may not be done to all.
        if all == Verdict::Allowed {
            assert_eq!(of_one, [Verdict::Allowed; 2], "{one}");
        }
        if of_one.contains(&Verdict::Denied) {
            assert_eq!(all, Verdict::Denied, "{one}");
        }
    }
}

/// A plan as it is given, and the fleet that it divides.
pub fn rollout(data: &[u8]) {
    if let Some((failed, ended, confidence)) = data.get(..3).map(|head| (head[0], head[1], head[2])) {
        let (ended, failed) = (u32::from(ended), u32::from(failed.min(ended)));
        let bound = upper_bound(failed, ended, 50 + confidence % 50);
        // In hundredths of a percent, and never below what was seen.
        assert!(bound <= 10_000 && bound * ended >= failed * 10_000, "{failed} of {ended}: {bound}");
    }
    let Ok(given) = api::decode::decode::<api::fettle::RolloutPlan>(data) else { return };
    let Ok(plan) = Plan::read(&given) else { return };
    let node = |i: u32| {
        let id = format!("mi-{i:017x}").parse::<NodeId>().expect("an id");
        (id, BTreeMap::from([("ring".to_owned(), (i % 3).to_string())]))
    };
    let fleet: Vec<_> = (0..24).map(node).collect();
    let assigned = plan.assign(&fleet);
    assert!(assigned.len() <= fleet.len());
    assert!(assigned.values().all(|ring| *ring < plan.rings.len()));
    let again: Vec<_> = fleet.iter().rev().cloned().collect();
    assert_eq!(plan.assign(&again), assigned, "the order of the nodes decides nothing");
    let started = Timestamp::from_seconds(1_700_000_000);
    assert!(started.plus_seconds(plan.ends_after_seconds) > started);
}
