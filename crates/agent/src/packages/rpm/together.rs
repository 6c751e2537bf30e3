//! The updates of a node's packages all at once, for a tool that chooses so.

use domain::patch::version_rpm::{compare, is_newer};

use super::arch::Architecture;
use super::header::Installed;
use super::node::{Lock, Node, Policy};
use super::offers::Offers;
use super::updates::{Package, Pool, Rules};

/// What becomes of one installed package.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Update {
    pub version: Option<String>,
    /// A package of another name takes its place.
    pub replaced_by: Option<String>,
}

struct NodeRules<'a> {
    policy: &'a dyn Policy,
    architecture: &'a Architecture,
}

impl Rules for NodeRules<'_> {
    fn may_change_vendor(&self, from: &str, to: &str) -> bool {
        self.policy.may_change_vendor(from, to)
    }

    fn architecture(&self, arch: &str) -> Option<u8> {
        self.architecture.rank(arch)
    }
}

/// Of each group of installed versions, in their order.
pub fn updates(node: &Node<'_>, groups: &[Vec<&Installed>], offers: &Offers) -> Vec<Update> {
    // In the order in which libzypp has them: by name, then as they came into the database.
    let mut installed: Vec<(usize, &Installed, String)> = (0..)
        .zip(groups)
        .flat_map(|(at, group)| {
            group.iter().map(move |installed| (at, *installed, installed.evr.to_string()))
        })
        .collect();
    installed.sort_by(|left, right| (&left.1.name, left.1.number).cmp(&(&right.1.name, right.1.number)));
    let forbids =
        |name: &str, arch: &str, version: &str| node.policy.lock(name, arch, version) == Lock::Forbids;
    let packages = installed.iter().map(|(_, package, version)| Package {
        name: &package.name,
        arch: &package.arch,
        version,
        vendor: &package.vendor,
        priority: None,
        obsoletes: &[],
        provides: &[],
        is_one_of_several: node.policy.keeps_several(package),
        is_locked: forbids(&package.name, &package.arch, version),
    });
    let packages: Vec<_> = packages.collect();
    let offered = offers.all.iter().map(|offered| {
        let offer = &offered.offer;
        let same_name = packages.partition_point(|package| package.name < offer.name.as_str());
        let same_name = packages.get(same_name).filter(|package| package.name == offer.name);
        Package {
            name: &offer.name,
            arch: &offer.arch,
            version: &offer.version,
            vendor: &offer.vendor,
            priority: Some(offered.priority),
            obsoletes: &offer.obsoletes,
            provides: &offer.provides,
            is_one_of_several: same_name.is_some_and(|package| package.is_one_of_several),
            is_locked: offered.is_retracted || forbids(&offer.name, &offer.arch, &offer.version),
        }
    });
    let offered: Vec<_> = offered.collect();
    let rules = NodeRules { policy: node.policy, architecture: &node.architecture };
    let found = Pool::new(packages, offered, &rules).updates();

    let mut updates = vec![Update::default(); groups.len()];
    for (at, by) in found.replaced {
        updates[installed[at].0].replaced_by = Some(offers.all[by].offer.name.clone());
    }
    for offer in found.taken.iter().map(|&at| &offers.all[at].offer) {
        let first = groups.partition_point(|group| group[0].name < offer.name);
        for (at, group) in
            (first..).zip(&groups[first..]).take_while(|(_, group)| group[0].name == offer.name)
        {
            let newest = group[0];
            let known = &mut updates[at].version;
            if Architecture::may_change(&newest.arch, &offer.arch)
                && is_newer(&offer.version, &newest.evr.to_string())
                && known.as_ref().is_none_or(|known| compare(known, &offer.version).is_lt())
            {
                *known = Some(offer.version.clone());
            }
        }
    }
    updates
}
