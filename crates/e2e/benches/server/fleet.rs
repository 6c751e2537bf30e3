//! A synthetic fleet: nodes registered through the wire, each with credentials of its own and a
//! patch state of its own. Fact sets are shared by nodes of one image, as they are in the field.

use api::sigv4::{Credentials, PathStyle, Presented, RequestParts};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::facts::{FactSet, OsRelease, PackageFact, PackageState, content_hash};
use flate2::Compression;
use flate2::write::GzEncoder;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PSS_SHA256, RsaKeyPair};
use serde_json::{Value, json};
use std::io::Write;
use std::sync::Mutex;

use crate::wire::{CONTENT_TYPE, Connection, Keys, REGION, now};

/// Patches on a node.
pub const ITEMS: usize = 300;
/// Every so manieth patch was installed at a moment of the node's own: no two lists are equal.
const OWN_TIME: usize = 50;
/// Nodes whose number leaves the same rest miss the same patches.
const KINDS: usize = 60;
const NODES_PER_ACTIVATION: usize = 1000;
const NODES_PER_IMAGE: usize = 50;
const FINGERPRINT: &str = "5b8f1f6e-7a0e-4b7e-9a39-3d5a2b1c0d9e";

pub struct Fleet {
    nodes: Vec<(String, Keys)>,
    images: Vec<Image>,
    contents: Vec<Content>,
}

struct Image {
    hash: String,
    gzip_base64: String,
}

/// The list of patches of one kind of node as JSON, cut where the node's own times belong.
struct Content(Vec<String>);

/// Registers nodes: activations are shared, everything else is each node's own.
pub struct Registration<'a> {
    endpoint: &'a str,
    key: NodeKey,
    activations: Vec<Value>,
    nodes: Mutex<Vec<(usize, String, Keys)>>,
}

impl<'a> Registration<'a> {
    pub fn open(endpoint: &'a str, root: &Keys, count: usize) -> Self {
        Self::with(endpoint, root, count, json!([]))
    }

    /// Of nodes with a tag whose value is `yes`.
    pub fn tagged(endpoint: &'a str, root: &Keys, count: usize, tag: &str) -> Self {
        Self::with(endpoint, root, count, json!([{"Key": tag, "Value": "yes"}]))
    }

    fn with(endpoint: &'a str, root: &Keys, count: usize, tags: Value) -> Self {
        let mut connection = Connection::open(endpoint);
        let request = json!({"IamRole": "bench", "RegistrationLimit": NODES_PER_ACTIVATION, "Tags": tags});
        let mut activate = || connection.call(root, "AmazonSSM.CreateActivation", &request);
        let activations = (0..count.div_ceil(NODES_PER_ACTIVATION)).map(|_| activate()).collect();
        Self { endpoint, key: NodeKey::from_environment(), activations, nodes: Mutex::default() }
    }

    /// What an agent does once: registration, credentials, the first heartbeat.
    pub fn register(&self, connection: &mut Connection, number: usize) {
        let activation = &self.activations[number % self.activations.len()];
        let id = register(connection, activation, &self.key);
        let keys = self.key.token(connection, self.endpoint, &id);
        let about = json!({"InstanceId": id, "AgentName": "bench", "AgentVersion": "1.0.0",
            "AgentStatus": "Active", "PlatformType": "Linux", "PlatformName": "Debian GNU/Linux",
            "PlatformVersion": "12", "ComputerName": format!("host-{number}")});
        connection.call(&keys, "AmazonSSM.UpdateInstanceInformation", &about);
        self.nodes.lock().unwrap().push((number, id, keys));
    }

    pub fn into_nodes(self) -> Vec<(String, Keys)> {
        let mut nodes = self.nodes.into_inner().unwrap();
        nodes.sort_unstable_by_key(|(number, _, _)| *number);
        nodes.into_iter().map(|(_, id, keys)| (id, keys)).collect()
    }

    pub fn into_fleet(self) -> Fleet {
        let nodes = self.into_nodes();
        let images = (0..nodes.len().div_ceil(NODES_PER_IMAGE)).map(Image::new).collect();
        Fleet { nodes, images, contents: (0..KINDS).map(Content::new).collect() }
    }
}

impl Fleet {
    pub fn id(&self, i: usize) -> String {
        self.nodes[i].0.clone()
    }

    /// One scan of one node. In round 0 everything is new; later only the times are.
    pub fn report(&self, connection: &mut Connection, node: usize, round: usize) {
        let (id, keys) = &self.nodes[node];
        let at = now().to_iso_seconds();
        let items = json!({"TypeName": "AWS:ComplianceItem", "SchemaVersion": "1.0", "CaptureTime": at,
            "ContentHash": format!("hash-{node}"),
            "Context": {"ComplianceType": "Patch", "ExecutionId": format!("run-{node}-{round}"),
                "ExecutionType": "Command", "ExecutionTime": at}});
        let mut items = items.to_string();
        if round == 0 {
            items.truncate(items.len() - 1);
            items.push_str(",\"Content\":");
            self.contents[node % KINDS].write(&mut items, node);
            items.push('}');
        }
        let summary = json!({"TypeName": "AWS:PatchSummary", "SchemaVersion": "1.0", "CaptureTime": at,
            "ContentHash": format!("sum-{node}-{round}"), "Content": [summary(node, &at)]});
        let body = format!("{{\"InstanceId\":\"{id}\",\"Items\":[{summary},{items}]}}");
        connection.send(keys, "AmazonSSM.PutInventory", body.as_bytes());

        let image = &self.images[node / NODES_PER_IMAGE];
        let observation =
            json!({"captured_at": now().as_millis() as f64 / 1000.0, "refresh": {"outcome": "refreshed"}});
        let mut facts =
            json!({"InstanceId": id, "FactsHash": image.hash, "Observation": observation.to_string()});
        let answer = connection.call(keys, "Fettle.PutNodeFacts", &facts);
        if answer["FactsNeeded"] == true {
            facts["Facts"] = image.gzip_base64.clone().into();
            connection.call(keys, "Fettle.PutNodeFacts", &facts);
        }
    }
}

impl Content {
    fn new(kind: usize) -> Self {
        let all: Value = (0..ITEMS).map(|i| item(kind, i)).collect();
        Self(all.to_string().split(OWN).map(str::to_owned).collect())
    }

    fn write(&self, out: &mut String, node: usize) {
        for (i, part) in self.0.iter().enumerate() {
            if i > 0 {
                let second = (node * 7 + i) % 86_400;
                out.push_str(&format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60));
            }
            out.push_str(part);
        }
    }
}

fn register(connection: &mut Connection, activation: &Value, key: &NodeKey) -> String {
    let body = json!({"ActivationId": activation["ActivationId"], "ActivationCode": activation["ActivationCode"],
        "Fingerprint": FINGERPRINT, "PublicKey": key.public, "PublicKeyType": "Rsa"});
    let host = connection.host().to_owned();
    let headers = [
        ("host", host.as_str()),
        ("content-type", CONTENT_TYPE),
        ("x-amz-target", "AmazonSSM.RegisterManagedInstance"),
    ];
    let answer = connection.exchange(&headers, &[], body.to_string().as_bytes());
    answer["InstanceId"].as_str().unwrap().to_owned()
}

fn missing(node: usize, i: usize) -> bool {
    (i * 31 + node).is_multiple_of(KINDS)
}

fn item(node: usize, i: usize) -> Value {
    let state = if missing(node, i) { "Missing" } else { "Installed" };
    let status = if missing(node, i) { "NON_COMPLIANT" } else { "COMPLIANT" };
    let installed = installed_at(node, i);
    json!({"Id": format!("package-{i}.amd64"), "Title": format!("package-{i}.amd64:1.{}-{}+deb12u1", i % 40, node % 3),
        "Status": status, "Severity": "HIGH", "DocumentName": "AWS-RunPatchBaseline", "DocumentVersion": "1",
        "Classification": "Security", "PatchBaselineId": "pb-09a5f8eb62bde80b1", "PatchSeverity": "Important",
        "PatchState": state, "PatchGroup": "web", "InstalledTime": installed})
}

/// Stands for a time of the node's own.
const OWN: &str = "OWN";

fn installed_at(node: usize, i: usize) -> String {
    if i.is_multiple_of(OWN_TIME) {
        format!("2026-02-{:02}T{OWN}Z", node % 28 + 1)
    } else {
        format!("2026-02-{:02}T03:04:05Z", i % 28 + 1)
    }
}

fn summary(node: usize, at: &str) -> Value {
    let missing = (0..ITEMS).filter(|&i| missing(node, i)).count();
    json!({"PatchGroup": "web", "BaselineId": "pb-09a5f8eb62bde80b1", "SnapshotId": "",
        "OwnerInformation": "", "InstalledCount": (ITEMS - missing).to_string(), "InstalledPendingRebootCount": "0",
        "InstalledOtherCount": "0", "InstalledRejectedCount": "0", "NotApplicableCount": "0",
        "UnreportedNotApplicableCount": "0", "MissingCount": missing.to_string(), "FailedCount": "0",
        "OperationType": "Scan", "OperationStartTime": at, "OperationEndTime": at, "InstallOverrideList": "",
        "RebootOption": "NoReboot", "LastNoRebootInstallOperationTime": "", "NonCompliantSeverity": "HIGH",
        "SecurityNonCompliantCount": missing.to_string(), "CriticalNonCompliantCount": "0",
        "OtherNonCompliantCount": "0"})
}

impl Image {
    fn new(number: usize) -> Self {
        let packages = (0..ITEMS).map(|i| PackageFact {
            name: format!("package-{i}"),
            arch: "amd64".into(),
            version: format!("1.{}-{}", i % 40, (number + i) % 5),
            state: PackageState::Installed,
            section: "libs".into(),
            priority: "optional".into(),
            source: None,
            source_version: None,
            installed_at: None,
            held: false,
            automatic: true,
            candidate: None,
            available: Vec::new(),
            ..PackageFact::default()
        });
        let os = OsRelease {
            id: "debian".into(),
            version_id: "12".into(),
            arch: "amd64".into(),
            ..OsRelease::default()
        };
        let mut packages: Vec<PackageFact> = packages.collect();
        packages.sort_by(|a, b| (&a.name, &a.arch).cmp(&(&b.name, &b.arch)));
        let json =
            FactSet { os, repositories: Vec::new(), packages, ..FactSet::default() }.to_canonical_json();
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(&json).unwrap();
        Self { hash: content_hash(&json), gzip_base64: STANDARD.encode(gzip.finish().unwrap()) }
    }
}

/// One RSA key for the whole fleet: making one per node would measure the client.
struct NodeKey {
    pair: RsaKeyPair,
    public: String,
}

impl NodeKey {
    /// DER files that the script makes with openssl.
    fn from_environment() -> Self {
        let read = |name: &str| std::fs::read(std::env::var(name).unwrap()).unwrap();
        let pair = RsaKeyPair::from_pkcs8(&read("BENCH_NODE_KEY")).unwrap();
        Self { pair, public: STANDARD.encode(read("BENCH_NODE_PUBLIC_KEY")) }
    }

    fn token(&self, connection: &mut Connection, host: &str, id: &str) -> Keys {
        let target = "AmazonSSM.RequestManagedInstanceRoleToken";
        let body = json!({"Fingerprint": FINGERPRINT}).to_string();
        let date = api::sigv4::format_time(now());
        let claim = format!(
            "AWS4-HMAC-SHA256 Credential={id}/{}/{REGION}/ssm/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=",
            &date[..8]
        );
        let draft = format!("{claim}AA==");
        let mut headers = vec![
            ("host", host),
            ("content-type", CONTENT_TYPE),
            ("x-amz-date", &date),
            ("x-amz-target", target),
        ];
        headers.push(("authorization", &draft));
        let parts = RequestParts { method: "POST", path: "/", query: "", headers: &headers };
        let presented = Presented::from_request(&parts).unwrap();
        let hash = api::sigv4::payload_hash(body.as_bytes());
        let text = presented.string_to_sign(&parts, &hash, PathStyle::Normalized).unwrap();
        let mut signature = vec![0; self.pair.public().modulus_len()];
        self.pair.sign(&RSA_PSS_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).unwrap();
        headers.pop();
        let authorization = format!("{claim}{}", STANDARD.encode(signature));
        let answer = connection.exchange(&headers, &[("authorization", authorization)], body.as_bytes());
        let text = |member: &str| answer[member].as_str().unwrap().to_owned();
        Keys(Credentials {
            access_key_id: text("AccessKeyId"),
            secret_access_key: text("SecretAccessKey"),
            session_token: Some(text("SessionToken")),
        })
    }
}
