//! An account in a region, and nodes in it, for the tests of what nodes tell.

use domain::ids::{AccountId, NodeId, Region};
use store::Scope;

pub struct Home(pub AccountId, pub Region);

impl Home {
    pub fn new() -> Self {
        Self("123456789012".parse().unwrap(), "eu-central-1".parse().unwrap())
    }

    pub fn scope(&self) -> Scope<'_> {
        (&self.0, &self.1)
    }
}

pub fn node(number: u32) -> NodeId {
    format!("mi-{number:017x}").parse().unwrap()
}
