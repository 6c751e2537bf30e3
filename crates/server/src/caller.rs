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

    /// Who is to be asked about rights later; `None` of nodes and of the server itself.
    pub fn user_arn(&self) -> Option<&str> {
        if let Self::User { arn, .. } = self { Some(arn) } else { None }
    }

    /// Of work that is done for somebody at another time; `None`: for the server itself.
    pub fn on_behalf_of(arn: Option<&str>) -> Self {
        match arn {
            None => Self::Anonymous,
            Some(arn) if arn == Self::Anonymous.arn() => Self::Anonymous,
            Some(arn) => Self::User { arn: arn.to_owned(), access_key_id: String::new() },
        }
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
