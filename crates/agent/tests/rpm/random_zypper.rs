//! Random nodes of zypper.

use proptest::prelude::*;
use proptest::sample::select;

use crate::made_up::{self, Advisory, Repository, settings};
use crate::pool::{NAMES, SUSE};
use crate::zypper_nodes::{Config, Node, compare, is_possible};

fn advisory() -> impl Strategy<Value = Advisory> {
    let kinds = select(vec![
        ("security", "critical"),
        ("security", "low"),
        ("recommended", "moderate"),
        ("recommended", ""),
        ("feature", "low"),
        ("optional", "low"),
    ]);
    let rest = (0..8u32, 0..8u32);
    (kinds, prop::collection::vec(made_up::package(), 1..4), rest).prop_map(
        |((kind, severity), packages, (retracted, restart))| Advisory {
            kind,
            severity,
            packages,
            of: None,
            is_retracted: retracted == 0,
            suggests_restart: restart == 0,
        },
    )
}

fn repository() -> impl Strategy<Value = Repository> {
    let priority = proptest::option::weighted(0.3, select(vec![10, 50, 120]));
    let obsoletes =
        proptest::option::weighted(0.15, (0..NAMES.len(), select(vec!["", "LT", "LE", "EQ", "GE"])));
    let vendors = proptest::option::weighted(
        0.4,
        prop::collection::vec(select(vec!["", "", SUSE, "Somebody", "openSUSE"]), 1..5),
    );
    (
        prop::collection::vec((made_up::package(), obsoletes), 1..9),
        prop::collection::vec(advisory(), 0..5),
        priority,
        vendors,
        any::<(bool, bool)>(),
    )
        .prop_map(|(packages, advisories, priority, vendors, (packed, succeeds))| Repository {
            packages,
            advisories,
            priority,
            packed,
            succeeds,
            vendors: vendors.unwrap_or_default(),
            ..Repository::default()
        })
}

fn config() -> impl Strategy<Value = Config> {
    let multiversion = select(vec!["", "provides:multiversion(kernel)", "kernel"]);
    let vendors = proptest::option::weighted(0.2, select(vec!["SUSE,openSUSE", "Some, openSUSE"]));
    (multiversion, any::<bool>(), vendors, proptest::bool::weighted(0.2)).prop_map(
        |(multiversion, is_in_folder, vendors, allows_vendor_change)| Config {
            multiversion,
            is_in_folder,
            vendors: vendors.unwrap_or_default(),
            allows_vendor_change,
        },
    )
}

fn node() -> impl Strategy<Value = Node> {
    let locks = proptest::option::weighted(0.4, select(vec!["alpha", "lib*", "delta", "?e*"]));
    let categories = select(vec!["*", "*", "security", "recommended", "feature", "optional"]);
    let severities = select(vec!["*", "*", "critical", "low", "moderate"]);
    (
        prop::collection::vec(repository(), 1..4),
        prop::collection::vec(made_up::package(), 1..7),
        locks,
        categories,
        severities,
        config(),
    )
        .prop_map(|(repositories, installed, lock, category, severity, config)| Node {
            repositories,
            installed,
            lock,
            category,
            severity,
            config,
        })
}

proptest! {
    #![proptest_config(settings(10))]

    #[test]
    fn made_up_nodes_are_read_as_zypper_reads_them(node in node()) {
        if !is_possible() {
            return Ok(());
        }
        if let Err(difference) = compare(&node) {
            prop_assert!(false, "{}", difference);
        }
    }
}
