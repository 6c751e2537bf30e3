//! Who makes a request, once it is known.

use domain::ids::NodeId;

/// The authenticated principal of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Someone with an access key: `arn:aws:iam::ACCOUNT:root` or a user's ARN.
    User { arn: String, access_key_id: String },
    /// A node with temporary credentials, or with its own RSA key.
    Node { node: NodeId, arn: String },
    /// Nobody: only what the protocol leaves open.
    Anonymous,
}

impl Caller {
    pub fn node(&self) -> Option<&NodeId> {
        if let Self::Node { node, .. } = self { Some(node) } else { None }
    }

    /// For messages and logs.
    pub fn arn(&self) -> &str {
        match self {
            Self::User { arn, .. } | Self::Node { arn, .. } => arn,
            Self::Anonymous => "anonymous",
        }
    }
}

/// `arn:aws:sts::ACCOUNT:assumed-role/ROLE/NODE`, as temporary node credentials appear.
pub fn node_arn(account: &str, role: &str, node: &NodeId) -> String {
    let role = role.rsplit('/').next().unwrap_or(role);
    format!("arn:aws:sts::{account}:assumed-role/{role}/{node}")
}
