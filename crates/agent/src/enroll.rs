//! Joining a server: an activation is traded for a node id and a registered key.
//! What the node does afterwards belongs to `run`.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use api::ssm::{PublicKeyType, RegisterManagedInstanceRequest};
use serde::{Deserialize, Serialize};

use crate::journal::JOURNAL_FILE;
use crate::transport::call::{CallError, Caller, new_id};
use crate::transport::credentials;
use crate::transport::endpoint::Endpoint;
use crate::transport::http::Trust;
use crate::transport::rsa_key::NodeKey;
use crate::update::key;
use crate::{files, patch_run, platform};

const FILE: &str = "registration.json";

/// The files that say who this node is, whether or not they are there.
pub fn identity_files(data_dir: &Path) -> Vec<PathBuf> {
    let names = std::iter::once(FILE).chain([credentials::KEY_FILE]).chain(credentials::FILES);
    names.map(|name| data_dir.join(name)).collect()
}

/// Those of them that are made once in a long time, and that the server goes by.
pub fn lasting_identity_files(data_dir: &Path) -> [PathBuf; 2] {
    [FILE, credentials::KEY_FILE].map(|name| data_dir.join(name))
}

/// Who this node is, and to whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    pub instance_id: String,
    pub region: String,
    pub endpoint: Endpoint,
    /// Made up at enrolment; tells a cloned disk from its original.
    pub fingerprint: String,
    /// PEM of the file given at enrolment; empty when none was.
    #[serde(default)]
    pub ca_pem: String,
    /// Builds of the agent must be signed with this Ed25519 key, in base64; empty on nodes that were enrolled before
    /// there were any.
    #[serde(default)]
    pub update_key: String,
}

impl Registration {
    /// `None` when the folder holds no registration.
    pub fn load(data_dir: &Path) -> anyhow::Result<Option<Self>> {
        let path = data_dir.join(FILE);
        let text =
            files::read_if_present(&path).with_context(|| format!("cannot read {}", path.display()))?;
        text.map(|text| serde_json::from_str(&text).with_context(|| format!("{} is damaged", path.display())))
            .transpose()
    }

    /// The one there must be.
    pub fn require(data_dir: &Path) -> anyhow::Result<Self> {
        Self::load(data_dir)?.with_context(|| {
            format!("{} holds no registration\n  hint: run `fettle-agent enroll` first", data_dir.display())
        })
    }

    pub fn trust(&self) -> Trust {
        Trust { extra_pem: self.ca_pem.clone() }
    }

    pub fn caller(&self) -> anyhow::Result<Caller> {
        Caller::new(self.endpoint.clone(), &self.region, &self.trust())
            .context("cannot set up the connection to the server")
    }
}

/// Whether an existing registration may be given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    Refuse,
    Replace,
}

pub struct Enrollment {
    pub endpoint: Endpoint,
    pub activation_id: String,
    pub activation_code: String,
    pub region: String,
    pub data_dir: PathBuf,
    pub ca_file: Option<PathBuf>,
    /// The operator's own key for builds of the agent; by default the server's.
    pub update_key_file: Option<PathBuf>,
    pub existing: Existing,
}

/// Registers the node and stores who it is, key first: a registration on disk always has its key.
pub fn enroll(enrollment: &Enrollment) -> anyhow::Result<Registration> {
    let data_dir = &enrollment.data_dir;
    if let (Some(old), Existing::Refuse) = (Registration::load(data_dir)?, enrollment.existing) {
        bail!(
            "{} is already enrolled as {} with {}\n  hint: --force gives that up and enrols anew, as a new node",
            data_dir.display(),
            old.instance_id,
            old.endpoint
        );
    }
    let ca_pem = match &enrollment.ca_file {
        Some(path) => {
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?
        }
        None => String::new(),
    };
    let update_key = enrollment.update_key_file.as_deref().map(key::read).transpose()?;
    platform::create_private_dir(data_dir)
        .with_context(|| format!("cannot create {}", data_dir.display()))?;
    let _only_one = claim(data_dir)?;

    let mut registration = Registration {
        instance_id: String::new(),
        region: enrollment.region.clone(),
        endpoint: enrollment.endpoint.clone(),
        fingerprint: new_id().to_string(),
        ca_pem,
        update_key: update_key.unwrap_or_default(),
    };
    let caller = registration.caller()?;
    let node_key = NodeKey::generate()?;
    let request = RegisterManagedInstanceRequest {
        activation_code: Some(enrollment.activation_code.clone()),
        activation_id: Some(enrollment.activation_id.clone()),
        public_key: node_key.public_base64()?,
        public_key_type: Some(PublicKeyType::Rsa),
        fingerprint: registration.fingerprint.clone(),
        ..RegisterManagedInstanceRequest::default()
    };
    let answer = caller.call_anonymously(&request).map_err(|error| {
        let hint = match error {
            CallError::Transport { .. } => {
                "check the address; name the certificate of your own authority with --ca-file"
            }
            _ => "check the activation's id, code, expiry and limit",
        };
        let context = format!("{} did not enrol this node\n  hint: {hint}", caller.endpoint);
        anyhow::Error::from(error).context(context)
    })?;
    if answer.instance_id.is_empty() {
        bail!("{} answered without a node id", caller.endpoint);
    }
    registration.instance_id = answer.instance_id;

    let stored = store(data_dir, &registration, &node_key.to_pem()?);
    stored.with_context(|| {
        format!("registered as {}, but cannot write to {}", registration.instance_id, data_dir.display())
    })?;
    Ok(registration)
}

/// One agent per folder, for as long as the file is held.
pub fn claim(data_dir: &Path) -> anyhow::Result<File> {
    let path = data_dir.join("lock");
    let file = platform::open_private(&path).with_context(|| format!("cannot open {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!("another agent runs on {}", data_dir.display()),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock {}", path.display()))
        }
    }
}

fn store(data_dir: &Path, registration: &Registration, key_pem: &str) -> std::io::Result<()> {
    // Commands and uploads of an earlier registration are another node's.
    for name in
        credentials::FILES.into_iter().chain([JOURNAL_FILE, patch_run::UPLOADED_FILE, patch_run::TOLD_FILE])
    {
        files::remove_if_present(&data_dir.join(name))?;
    }
    credentials::store_key(data_dir, key_pem)?;
    write(data_dir, registration)
}

fn write(data_dir: &Path, registration: &Registration) -> std::io::Result<()> {
    let json = serde_json::to_vec_pretty(registration).map_err(std::io::Error::other)?;
    files::write_atomically(&data_dir.join(FILE), &json)
}

/// Replaces what is known of a registration that is there.
pub fn keep(data_dir: &Path, registration: &Registration) -> anyhow::Result<()> {
    write(data_dir, registration).with_context(|| format!("cannot write to {}", data_dir.display()))
}
