//! What a run tells the server: the report as inventory, the facts by their hash, each in full only when needed.

use std::io::Write;
use std::path::Path;

use anyhow::Context;
use api::Timestamp;
use api::fettle::PutNodeFactsRequest;
use api::ssm::{InventoryItem, PutInventoryRequest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::compliance::report::{Attributes, PatchReport};
use domain::facts::{FailedSince, ListRefresh, Observation};
use flate2::Compression;
use flate2::write::GzEncoder;
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};

use crate::files;
use crate::transport::call::CALL_TIMEOUT;

use super::patience::patiently;
use super::{Gathered, Session};

/// The hash of the items that the server took last.
pub const UPLOADED_FILE: &str = "patch-items-uploaded";
/// What the server knows of this node's packages.
pub const TOLD_FILE: &str = "facts-told.json";
/// Errors that mean: send everything.
const RESEND_CODES: [&str; 2] = ["ItemContentMismatchException", "InvalidItemContentException"];

/// Whether unchanged items may be sent as their hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Detail {
    HashIfUnchanged,
    Full,
}

pub fn report(session: &Session, data_dir: &Path, report: &PatchReport) -> anyhow::Result<()> {
    let uploaded_file = data_dir.join(UPLOADED_FILE);
    let uploaded = files::read_if_present(&uploaded_file).ok().flatten().unwrap_or_default();
    let content = report.to_content();
    let items_hash = hash(&content.items)?;
    let summary_hash = hash(&content.summary)?;
    let captured_at = report.summary.frame.ended_at;
    let send = |detail: Detail| {
        let hash_only = detail == Detail::HashIfUnchanged && uploaded == items_hash;
        let request = PutInventoryRequest {
            instance_id: session.instance_id.clone(),
            items: vec![
                item(
                    "AWS:PatchSummary",
                    captured_at,
                    summary_hash.clone(),
                    Some(content.summary.clone()),
                    None,
                ),
                item(
                    "AWS:ComplianceItem",
                    captured_at,
                    items_hash.clone(),
                    (!hash_only).then(|| content.items.clone()),
                    Some(content.items_context.clone()),
                ),
            ],
        };
        patiently(|| session.caller.call_blocking(&session.credentials, &request, CALL_TIMEOUT))
    };
    let answer = match send(Detail::HashIfUnchanged) {
        Err(error) if error.code().is_some_and(|code| RESEND_CODES.contains(&code)) => send(Detail::Full),
        answer => answer,
    };
    answer.context("the report was not stored; the last good one stays")?;
    // Without this file the next report is sent in full, which is right as well.
    if let Err(error) = files::write_atomically(&uploaded_file, items_hash.as_bytes()) {
        tracing::warn!(%error, path = %uploaded_file.display(), "upload not noted");
    }
    Ok(())
}

fn item(
    type_name: &str,
    captured_at: Timestamp,
    content_hash: String,
    content: Option<Vec<Attributes>>,
    context: Option<Attributes>,
) -> InventoryItem {
    InventoryItem {
        type_name: type_name.to_owned(),
        schema_version: "1.0".to_owned(),
        capture_time: captured_at.to_iso_seconds(),
        content_hash: Some(content_hash),
        content,
        context,
    }
}

/// Base64 of the MD5 of the rows' JSON, in the stock agent's manner.
fn hash(rows: &[Attributes]) -> anyhow::Result<String> {
    Ok(STANDARD.encode(Md5::digest(serde_json::to_vec(rows)?)))
}

/// The hash first; the facts themselves only if the server does not have them from this or another node.
pub fn facts(session: &Session, data_dir: &Path, gathered: &Gathered) -> anyhow::Result<()> {
    let facts_hash = gathered.facts_hash();
    let mut request = PutNodeFactsRequest {
        instance_id: session.instance_id.clone(),
        facts_hash: facts_hash.clone(),
        observation: serde_json::to_string(&gathered.observation)?,
        facts: None,
    };
    let answer = patiently(|| session.caller.call_blocking(&session.credentials, &request, CALL_TIMEOUT))?;
    if answer.facts_needed {
        request.facts = Some(gzip(&gathered.facts.to_canonical_json())?.into());
        patiently(|| session.caller.call_blocking(&session.credentials, &request, CALL_TIMEOUT))?;
    }
    let told = serde_json::to_vec(&Told::of(&facts_hash, &gathered.observation))?;
    // Without this file the same is told once more, which does no harm.
    if let Err(error) = files::write_atomically(&data_dir.join(TOLD_FILE), &told) {
        tracing::warn!(%error, "not noted which facts the server has");
    }
    Ok(())
}

/// What the server was last told of this node's packages, without what is new at every look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    facts_hash: String,
    observation: Observation,
}

impl Told {
    pub fn of(facts_hash: &str, observation: &Observation) -> Self {
        let observation = Observation {
            captured_at: Timestamp::from_seconds(0),
            refresh: ListRefresh::Skipped,
            lists_updated_at: None,
            failed_repositories: Vec::new(),
            ..observation.clone()
        };
        Self { facts_hash: facts_hash.to_owned(), observation }
    }

    pub fn load(data_dir: &Path) -> Option<Self> {
        let text = files::read_if_present(&data_dir.join(TOLD_FILE)).ok()??;
        serde_json::from_str(&text).ok()
    }
}

/// Whether the server was told something else of these units, or nothing.
pub fn untold_units(data_dir: &Path, failed: &FailedSince) -> bool {
    let told = Told::load(data_dir).and_then(|told| told.observation.failed_units?.since);
    told.as_ref() != Some(failed)
}

fn gzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read};
    use std::net::{TcpListener, TcpStream};
    use std::sync::mpsc;

    use domain::baseline::BaselineRules;
    use domain::compliance::report::{Execution, Operation, RunFrame};
    use domain::facts::{FactSet, OsRelease, PackageFact, PackageState, content_hash};
    use domain::os::OperatingSystem;
    use domain::patch::{Conditions, evaluate};
    use serde_json::{Value, json};

    use super::*;
    use crate::transport::call::{Caller, now};
    use crate::transport::credentials::Credentials;
    use crate::transport::http::Trust;

    /// Answers one connection's requests in order; passes their bodies on.
    fn server(answers: Vec<(u16, Value)>) -> (Session, mpsc::Receiver<Value>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let (sender, bodies) = mpsc::channel();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            for (status, answer) in answers {
                sender.send(read_body(&mut reader)).unwrap();
                let text = answer.to_string();
                write!(stream, "HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{text}", text.len())
                    .unwrap();
            }
        });
        let credentials = Credentials {
            access_key_id: "ASIAEXAMPLE".into(),
            secret_access_key: "secret".into(),
            session_token: "token".into(),
            obtained_at: now(),
            expires_at: now().plus_seconds(3600),
        };
        let caller = Caller::new(endpoint, "us-east-1", &Trust::default()).unwrap();
        (
            Session {
                caller,
                credentials,
                instance_id: "mi-0123456789abcdef0".into(),
                trust: Trust::default(),
            },
            bodies,
        )
    }

    fn read_body(reader: &mut BufReader<TcpStream>) -> Value {
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    fn gathered(package: &str) -> Gathered {
        let package = PackageFact {
            name: package.into(),
            arch: "amd64".into(),
            version: "1".into(),
            state: PackageState::Installed,
            section: String::new(),
            priority: String::new(),
            source: None,
            source_version: None,
            installed_at: None,
            held: false,
            automatic: false,
            candidate: None,
            available: vec![],
            ..PackageFact::default()
        };
        let os = OsRelease {
            id: "debian".into(),
            version_id: "12".into(),
            codename: "bookworm".into(),
            name: "Debian GNU/Linux".into(),
            pretty_name: String::new(),
            arch: "amd64".into(),
        };
        let facts = FactSet { os, repositories: vec![], packages: vec![package], ..FactSet::default() };
        Gathered { facts, observation: Observation::default(), facts_hash: None }
    }

    fn report_of(gathered: &Gathered, at_seconds: i64) -> PatchReport {
        let at = Timestamp::from_seconds(at_seconds);
        let rules = BaselineRules::empty(OperatingSystem::Debian);
        let evaluation =
            evaluate(&rules, &gathered.facts, &gathered.observation, &Conditions::at(at)).unwrap();
        let frame = RunFrame {
            operation: Operation::Scan,
            started_at: at,
            ended_at: at,
            baseline_id: "pb-0123456789abcdef0".into(),
            patch_group: String::new(),
            snapshot_id: "s".into(),
            reboot_option: "NoReboot".into(),
            install_override_list: String::new(),
            last_no_reboot_install_at: None,
            execution: Execution { id: format!("run-{at_seconds}"), kind: "Command".into() },
        };
        PatchReport::from_evaluation(&evaluation, frame)
    }

    /// Summary and items of an upload: whether each has content.
    fn detail(body: &Value) -> [bool; 2] {
        [0, 1].map(|index| body["Items"][index].get("Content").is_some())
    }

    #[test]
    fn unchanged_items_are_sent_as_their_hash() {
        let dir = tempfile::tempdir().unwrap();
        let (session, bodies) = server(vec![(200, json!({})); 3]);
        report(&session, dir.path(), &report_of(&gathered("curl"), 1_800_000_000)).unwrap();
        report(&session, dir.path(), &report_of(&gathered("curl"), 1_800_000_060)).unwrap();
        report(&session, dir.path(), &report_of(&gathered("wget"), 1_800_000_120)).unwrap();
        let [first, second, third] = [(); 3].map(|()| bodies.recv().unwrap());
        assert_eq!((detail(&first), detail(&second), detail(&third)), ([true; 2], [true, false], [true; 2]));
        let hash = |body: &Value| body["Items"][1]["ContentHash"].as_str().unwrap().to_owned();
        assert_eq!(hash(&first), hash(&second));
        assert_ne!(hash(&second), hash(&third));
        // The run is told even when its items are not.
        assert_eq!(second["Items"][1]["Context"]["ExecutionId"], "run-1800000060");
    }

    #[test]
    fn a_server_that_lost_the_items_gets_them() {
        let dir = tempfile::tempdir().unwrap();
        let mismatch = json!({"__type": "ItemContentMismatchException", "message": "send it"});
        let (session, bodies) = server(vec![(200, json!({})), (400, mismatch), (200, json!({}))]);
        for at in [1_800_000_000, 1_800_000_060] {
            report(&session, dir.path(), &report_of(&gathered("curl"), at)).unwrap();
        }
        let sent: Vec<[bool; 2]> = [(); 3].map(|()| detail(&bodies.recv().unwrap())).to_vec();
        assert_eq!(sent, [[true; 2], [true, false], [true; 2]]);
    }

    #[test]
    fn a_refused_report_is_an_error_and_is_sent_in_full_again() {
        let dir = tempfile::tempdir().unwrap();
        let refused = json!({"__type": "InternalServerError", "message": "later"});
        let (session, bodies) = server(vec![(500, refused), (200, json!({}))]);
        let error = report(&session, dir.path(), &report_of(&gathered("curl"), 1_800_000_000)).unwrap_err();
        assert!(format!("{error:#}").contains("InternalServerError"), "{error:#}");
        report(&session, dir.path(), &report_of(&gathered("curl"), 1_800_000_060)).unwrap();
        assert_eq!([(); 2].map(|()| detail(&bodies.recv().unwrap())), [[true; 2]; 2]);
    }

    #[test]
    fn facts_are_sent_when_the_server_lacks_them() {
        let (session, bodies) = server(vec![
            (200, json!({"FactsNeeded": true})),
            (200, json!({})),
            (200, json!({"FactsNeeded": false})),
        ]);
        let (gathered, dir) = (gathered("curl"), tempfile::tempdir().unwrap());
        assert_eq!(Told::load(dir.path()), None);
        facts(&session, dir.path(), &gathered).unwrap();
        let later = Observation { captured_at: now(), ..Observation::default() };
        assert_eq!(Told::load(dir.path()).unwrap(), Told::of(&gathered.facts_hash(), &later));
        let restarted = Observation { booted_at: Some(now()), ..later };
        assert_ne!(Told::load(dir.path()).unwrap(), Told::of(&gathered.facts_hash(), &restarted));
        facts(&session, dir.path(), &gathered).unwrap();
        let [asked, sent, known] = [(); 3].map(|()| bodies.recv().unwrap());
        assert!(asked.get("Facts").is_none() && known.get("Facts").is_none());
        assert_eq!(asked["FactsHash"], sent["FactsHash"]);
        let compressed = STANDARD.decode(sent["Facts"].as_str().unwrap()).unwrap();
        let mut canonical = Vec::new();
        flate2::read::GzDecoder::new(compressed.as_slice()).read_to_end(&mut canonical).unwrap();
        assert_eq!(content_hash(&canonical), sent["FactsHash"].as_str().unwrap());
    }
}
