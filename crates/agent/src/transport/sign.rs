//! Signatures of the node: HMAC with temporary credentials, RSA with the node's key when it has none yet.
//! The text that is signed is made by `api::sigv4`.

use api::Timestamp;
use api::sigv4::{
    self, ALGORITHM, PathStyle, RequestParts, Scope, Signer, canonical_request, format_time, payload_hash,
    string_to_sign,
};

use super::credentials::Credentials;
use super::rsa_key::NodeKey;

/// A request that lacks its date and signature.
#[derive(Clone, Copy, Debug)]
pub struct Unsigned<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub query: &'a str,
    /// Goes out as `Host`, but is set by whoever sends.
    pub host: &'a str,
    /// All others; names in lower case.
    pub headers: &'a [(String, String)],
    pub body: &'a [u8],
    pub region: &'a str,
    pub at: Timestamp,
}

/// What the scope of a signature names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    Ssm,
    /// The long poll.
    Ec2Messages,
    /// The control channel.
    SsmMessages,
    /// Our extensions.
    Fettle,
}

impl Service {
    /// By the prefix of an `X-Amz-Target`.
    pub fn of_target(target: &str) -> Self {
        match target.split('.').next() {
            Some(api::mds::TARGET_PREFIX) => Self::Ec2Messages,
            Some(api::fettle::TARGET_PREFIX) => Self::Fettle,
            _ => Self::Ssm,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ssm => "ssm",
            Self::Ec2Messages => "ec2messages",
            Self::SsmMessages => "ssmmessages",
            Self::Fettle => "fettle",
        }
    }
}

/// The headers to add, `authorization` among them.
pub fn with_credentials(
    unsigned: &Unsigned<'_>,
    credentials: &Credentials,
    service: Service,
) -> Vec<(String, String)> {
    let headers = headers_with_host(unsigned);
    let request = parts(unsigned, &headers);
    let credentials = sigv4::Credentials {
        access_key_id: credentials.access_key_id.clone(),
        secret_access_key: credentials.secret_access_key.clone(),
        session_token: Some(credentials.session_token.clone()),
    };
    let signer = Signer {
        credentials: &credentials,
        region: unsigned.region,
        service: service.as_str(),
        style: PathStyle::Normalized,
    };
    let added = signer
        .sign(&request, &payload_hash(unsigned.body), unsigned.at)
        .expect("every signed header is on the request");
    added.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// As [`with_credentials`], but signed with the node's key under the node's id. No headers when the key cannot sign:
/// the server then says what is missing.
pub fn with_node_key(unsigned: &Unsigned<'_>, instance_id: &str, key: &NodeKey) -> Vec<(String, String)> {
    let date = format_time(unsigned.at);
    let mut headers = headers_with_host(unsigned);
    headers.push(("x-amz-date", &date));
    let mut signed: Vec<String> = headers.iter().map(|(name, _)| (*name).to_owned()).collect();
    signed.sort_unstable();
    let scope = Scope::new(unsigned.at, unsigned.region, Service::Ssm.as_str());
    let hash = payload_hash(unsigned.body);
    let canonical = canonical_request(&parts(unsigned, &headers), &signed, &hash, PathStyle::Normalized)
        .expect("every signed header is on the request");
    let signature = match key.sign(string_to_sign(unsigned.at, &scope, &canonical).as_bytes()) {
        Ok(signature) => signature,
        Err(error) => {
            tracing::error!(%error, "request not signed");
            return Vec::new();
        }
    };
    let authorization = format!(
        "{ALGORITHM} Credential={instance_id}/{scope}, SignedHeaders={}, Signature={signature}",
        signed.join(";")
    );
    vec![
        ("x-amz-date".to_owned(), date),
        ("x-amz-content-sha256".to_owned(), hash),
        ("authorization".to_owned(), authorization),
    ]
}

fn headers_with_host<'a>(unsigned: &Unsigned<'a>) -> Vec<(&'a str, &'a str)> {
    let given = unsigned.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    given.chain([("host", unsigned.host)]).collect()
}

fn parts<'a>(unsigned: &Unsigned<'a>, headers: &'a [(&'a str, &'a str)]) -> RequestParts<'a> {
    RequestParts { method: unsigned.method, path: unsigned.path, query: unsigned.query, headers }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::rsa_key::tests::verify;

    fn unsigned<'a>(headers: &'a [(String, String)]) -> Unsigned<'a> {
        Unsigned {
            method: "POST",
            path: "/",
            query: "",
            host: "127.0.0.1:8443",
            headers,
            body: b"{}",
            region: "us-east-1",
            at: Timestamp::from_seconds(1_800_000_000),
        }
    }

    fn headers() -> Vec<(String, String)> {
        vec![
            ("content-type".into(), "application/x-amz-json-1.1".into()),
            ("x-amz-target".into(), "AmazonSSM.RequestManagedInstanceRoleToken".into()),
        ]
    }

    fn value<'a>(headers: &'a [(String, String)], name: &str) -> &'a str {
        &headers.iter().find(|(known, _)| known == name).unwrap().1
    }

    #[test]
    fn node_key_signatures_verify_over_the_documented_text() {
        let key = NodeKey::generate().unwrap();
        let headers = headers();
        let added = with_node_key(&unsigned(&headers), "mi-0123456789abcdef0", &key);
        let authorization = value(&added, "authorization");
        let start = "AWS4-HMAC-SHA256 Credential=mi-0123456789abcdef0/20270115/us-east-1/ssm/aws4_request, \
                     SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=";
        let signature = authorization.strip_prefix(start).unwrap();
        let canonical = format!(
            "POST\n/\n\ncontent-type:application/x-amz-json-1.1\nhost:127.0.0.1:8443\nx-amz-date:20270115T080000Z\n\
             x-amz-target:AmazonSSM.RequestManagedInstanceRoleToken\n\ncontent-type;host;x-amz-date;x-amz-target\n{}",
            payload_hash(b"{}")
        );
        let text = format!(
            "AWS4-HMAC-SHA256\n20270115T080000Z\n20270115/us-east-1/ssm/aws4_request\n{}",
            payload_hash(canonical.as_bytes())
        );
        assert!(verify(&key.public_base64().unwrap(), text.as_bytes(), signature));
    }

    #[test]
    fn credentials_sign_for_the_service_of_the_target() {
        assert_eq!(Service::of_target("AmazonSSM.PutInventory"), Service::Ssm);
        assert_eq!(Service::of_target("EC2WindowsMessageDeliveryService.GetMessages"), Service::Ec2Messages);
        assert_eq!(Service::of_target("Fettle.PutNodeFacts"), Service::Fettle);
        let credentials = Credentials {
            access_key_id: "ASIAEXAMPLE".into(),
            secret_access_key: "secret".into(),
            session_token: "token".into(),
            obtained_at: Timestamp::EPOCH,
            expires_at: Timestamp::EPOCH,
        };
        let headers = headers();
        let added = with_credentials(&unsigned(&headers), &credentials, Service::Ec2Messages);
        assert!(value(&added, "authorization").starts_with(
            "AWS4-HMAC-SHA256 Credential=ASIAEXAMPLE/20270115/us-east-1/ec2messages/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, Signature="
        ));
        assert_eq!(value(&added, "x-amz-security-token"), "token");
    }
}
