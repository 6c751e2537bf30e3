//! Pages and changes of generated fleets.

use std::collections::{BTreeMap, BTreeSet};

use api::Timestamp;
use domain::ids::NodeId;
use domain::patch::PatchCounts;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use store::fleet::{FleetNode, FleetReport};

use super::{Column, Cursor, Filter, Fleet, Operator, Order, Selection};

fn node(id: [u8; 9], name: Option<&str>, missing: Option<i64>) -> FleetNode {
    FleetNode {
        id: NodeId::mint(id),
        name: name.map(Into::into),
        computer_name: None,
        ip_address: None,
        platform_type: None,
        platform_name: None,
        platform_version: None,
        agent_version: None,
        last_seen_at: None,
        channel_until: None,
        report: missing.map(|missing| FleetReport {
            ended_at: Timestamp::EPOCH,
            captured_at: Timestamp::EPOCH,
            operation: "Scan".into(),
            baseline_id: "".into(),
            counts: PatchCounts { missing, ..PatchCounts::default() },
        }),
        tags: vec![],
    }
}

fn any_fleet() -> impl Strategy<Value = Vec<FleetNode>> {
    let nodes = (any::<[u8; 9]>(), prop::option::of("[ab]{1,2}"), prop::option::of(0_i64..4));
    prop::collection::vec(nodes, 0..60).prop_map(|nodes| {
        let mut nodes: Vec<FleetNode> =
            nodes.into_iter().map(|(id, name, missing)| node(id, name.as_deref(), missing)).collect();
        nodes.sort_by(|a, b| a.id.cmp(&b.id));
        nodes.dedup_by(|a, b| a.id == b.id);
        nodes
    })
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(7), failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn pages_visit_each_node_once(nodes in any_fleet(), size in 1_usize..7, by_name in any::<bool>(),
        descending in any::<bool>(), wanted in "[ab]") {
        let filters = vec![Filter { column: Column::Name, operator: Operator::NotEqual, values: vec![wanted] }];
        let by = if by_name { Column::Name } else { Column::MissingCount };
        let order = if descending { Order::Descending } else { Order::Ascending };
        let selection = Selection { filters, by, order };
        let now = Timestamp::EPOCH;
        let all = selection.page(&nodes, now, None, usize::MAX);
        let expected: Vec<&NodeId> = all.nodes.iter().map(|node| &node.id).collect();
        prop_assert_eq!(all.total, nodes.iter().filter(|node| selection.holds(node, now)).count());
        prop_assert_eq!(expected.iter().collect::<BTreeSet<_>>().len(), all.total);
        let (mut found, mut after): (Vec<&NodeId>, Option<Cursor>) = (vec![], None);
        loop {
            let page = selection.page(&nodes, now, after.as_ref(), size);
            prop_assert!(page.nodes.len() <= size && page.total == all.total);
            found.extend(page.nodes.iter().map(|node| &node.id));
            let Some(next) = page.next else { break };
            // Through the token.
            after = Some(serde_json::from_str(&serde_json::to_string(&next).unwrap()).unwrap());
        }
        prop_assert_eq!(found, expected);
    }

    /// As the standard library finds it, without the case of ASCII letters; "À" and "à" are two.
    #[test]
    fn parts_are_found_wherever_they_are(name in "[aAbBàÀ]{0,6}", part in "[aAbBàÀ]{0,3}") {
        let node = node([0; 9], Some(&name), None);
        let filter = Filter { column: Column::Name, operator: Operator::Contains, values: vec![part.clone()] };
        let expected = name.to_ascii_lowercase().contains(&part.to_ascii_lowercase());
        prop_assert_eq!(filter.holds(&node, Timestamp::EPOCH), expected);
    }

    #[test]
    fn a_picture_that_is_changed_is_as_one_that_is_made(begun in any_fleet(), then in any_fleet(),
        cuts in (0_usize..60, 0_usize..60), copies in 1_usize..60) {
        let now = Timestamp::EPOCH;
        let mut fleet = Fleet::begun(now, 4);
        let mut after: Option<NodeId> = None;
        for piece in begun.chunks(copies) {
            let until = piece.last().map(|node| node.id.clone());
            fleet.replace(after.as_ref(), until.as_ref(), piece.to_vec());
            after = until;
        }
        prop_assert_eq!(fleet.nodes().collect::<Vec<_>>(), begun.iter().collect::<Vec<_>>());
        prop_assert_eq!(fleet.count(), begun.len());
        let mut expected: BTreeMap<NodeId, FleetNode> =
            begun.iter().map(|node| (node.id.clone(), node.clone())).collect();

        // A range is read anew.
        let ids: Vec<&NodeId> = begun.iter().chain(&then).map(|node| &node.id).collect();
        let bound = |at: usize| ids.get(at).map(|id| (*id).clone());
        let (from, to) = (bound(cuts.0).min(bound(cuts.1)), bound(cuts.0).max(bound(cuts.1)));
        let is_within = |id: &NodeId| from.as_ref().is_none_or(|from| id > from) && to.as_ref().is_none_or(|to| id <= to);
        let within: Vec<FleetNode> = then.iter().filter(|node| is_within(&node.id)).cloned().collect();
        fleet.replace(from.as_ref(), to.as_ref(), within.clone());
        expected.retain(|id, _| !is_within(id));
        expected.extend(within.into_iter().map(|node| (node.id.clone(), node)));
        prop_assert_eq!(fleet.nodes().collect::<Vec<_>>(), expected.values().collect::<Vec<_>>());

        // Single nodes come, change and go.
        for (number, node) in then.iter().chain(begun.iter().take(cuts.0)).enumerate() {
            if number % 3 == 0 {
                fleet.put(&node.id, None);
                expected.remove(&node.id);
            } else {
                fleet.put(&node.id, Some(node.clone()));
                expected.insert(node.id.clone(), node.clone());
            }
        }
        prop_assert_eq!(fleet.nodes().collect::<Vec<_>>(), expected.values().collect::<Vec<_>>());
    }
}
