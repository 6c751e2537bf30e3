//! How the agent reaches its server: outbound HTTP, signatures, credentials, the two ways commands arrive.
//! What arrives is handled by `commands`.

pub mod call;
pub mod control_channel;
pub mod credentials;
pub mod endpoint;
pub mod http;
pub mod link;
pub mod long_poll;
pub mod machine;
pub mod objects;
pub mod rsa_key;
pub mod sign;
