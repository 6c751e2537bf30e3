//! Every operation that the server has, of all services that headers name, as the sweeps see it. Those that have routes
//! are swept in `quick_setup` and `resource_groups`.

use api::schema::Schema;
use api::{fettle, mds, ssm};

/// Whose signature an operation takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signer {
    Nobody,
    NodeKey,
    NodeSession,
    Anyone,
}

#[derive(Clone, Copy, Debug)]
pub struct Operation {
    pub name: &'static str,
    pub service: &'static str,
    pub prefix: &'static str,
    pub signer: Signer,
    pub input: &'static Schema,
    pub errors: fn(&str) -> Vec<&'static str>,
}

impl Operation {
    pub fn target(&self) -> String {
        format!("{}.{}", self.prefix, self.name)
    }

    /// What the model says that it may answer.
    pub fn declared(&self) -> Vec<&'static str> {
        (self.errors)(self.name)
    }
}

pub fn all() -> Vec<Operation> {
    let ssm = ssm::Operation::ALL.iter().map(|operation| Operation {
        name: operation.name(),
        service: "ssm",
        prefix: ssm::TARGET_PREFIX,
        signer: signer(operation.name()),
        input: operation.input_schema(),
        errors: |name| codes(ssm::Operation::parse(name).map(ssm::Operation::errors), ssm::ErrorCode::as_str),
    });
    let fettle = fettle::Operation::ALL.iter().map(|operation| Operation {
        name: operation.name(),
        service: "fettle",
        prefix: fettle::TARGET_PREFIX,
        signer: signer(operation.name()),
        input: operation.input_schema(),
        errors: |name| {
            codes(fettle::Operation::parse(name).map(fettle::Operation::errors), fettle::ErrorCode::as_str)
        },
    });
    let mds = mds::Operation::ALL.iter().map(|operation| Operation {
        name: operation.name(),
        service: "ec2messages",
        prefix: mds::TARGET_PREFIX,
        signer: Signer::NodeSession,
        input: operation.input_schema(),
        errors: |name| codes(mds::Operation::parse(name).map(mds::Operation::errors), mds::ErrorCode::as_str),
    });
    ssm.chain(fettle).chain(mds).collect()
}

fn codes<C: Copy>(errors: Option<&'static [C]>, name: fn(C) -> &'static str) -> Vec<&'static str> {
    errors.unwrap_or_default().iter().map(|code| name(*code)).collect()
}

fn signer(name: &str) -> Signer {
    match name {
        "RegisterManagedInstance"
        | "CreateSession"
        | "RefreshSession"
        | "EndSession"
        | "StartPasskeySignIn" => Signer::Nobody,
        "RequestManagedInstanceRoleToken" | "UpdateManagedInstancePublicKey" => Signer::NodeKey,
        _ => Signer::Anyone,
    }
}
