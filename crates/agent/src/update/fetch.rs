//! Finding out which build there is, and bringing it beside this program's file: signed, whole, and not yet in use.

use std::fs::OpenOptions;
use std::path::Path;

use anyhow::{Context, bail};
use api::fettle::{GetAgentBuildRequest, GetAgentBuildResponse};
use domain::agent_build::{AgentVersion, Target, statement};
use domain::object::ObjectAddress;

use super::succession::new_program;
use super::{Stage, Update, key, refused, sha256_of};
use crate::patch_run::Session;
use crate::patch_run::patience::patiently;
use crate::transport::call::{CALL_TIMEOUT, CallError, now};
use crate::transport::objects::ObjectStore;
use crate::{files, platform};

/// A program that is larger is not this one.
const MOST_BYTES: u64 = 256 << 20;

/// What a document asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// `None`: the newest.
    pub version: Option<String>,
    pub allow_downgrade: bool,
}

/// What became of it.
#[derive(Debug)]
pub enum Fetched {
    /// There is nothing to do, and why.
    Nothing(String),
    Update(Update),
}

/// Nothing is in use yet; the update is written down.
pub fn fetch(data_dir: &Path, program: &Path, job_id: &str, wanted: &Wanted) -> anyhow::Result<Fetched> {
    let session = Session::open(data_dir)?;
    let (platform, architecture) = (std::env::consts::OS, std::env::consts::ARCH);
    let request = GetAgentBuildRequest {
        platform: platform.to_owned(),
        architecture: architecture.to_owned(),
        version: wanted.version.clone(),
    };
    let asked = patiently(|| session.caller.call_blocking(&session.credentials, &request, CALL_TIMEOUT));
    let build = match asked {
        // Nobody asked for a certain one: a fleet whose server has none is as new as it can be.
        Err(CallError::Refused { code, message, .. })
            if code == "ResourceNotFoundException" && wanted.version.is_none() =>
        {
            return Ok(Fetched::Nothing(message));
        }
        asked => asked?,
    };
    let target = Target::new(platform, architecture).context("this platform has no name")?;
    let version: AgentVersion = build.version.parse()?;
    let own: AgentVersion = crate::VERSION.parse()?;
    if version == own {
        return Ok(Fetched::Nothing(format!("the server's build is {version}")));
    }
    if version < own && !wanted.allow_downgrade {
        bail!("this agent is {own}, the build {version} is older\n  hint: allowDowngrade allows that");
    }
    let size_bytes = u64::try_from(build.size_bytes).ok().filter(|size| *size <= MOST_BYTES);
    let size_bytes =
        size_bytes.with_context(|| format!("a build of {} bytes is not an agent", build.size_bytes))?;
    let said = statement(&version, &target, size_bytes, &build.sha256);
    let noted = key::noted(data_dir, &session.caller, &session.credentials)?;
    key::check(&noted, &said, &build.signature)?;
    if let Some(refused) = refused::find(data_dir, &build.sha256)? {
        bail!("{refused}\n  hint: it is not tried again; publish another build");
    }

    let update = Update {
        job_id: job_id.to_owned(),
        began_at: now(),
        program: program.to_owned(),
        from_version: own.to_string(),
        from_sha256: sha256_of(program)?,
        to_version: version.to_string(),
        to_sha256: build.sha256.clone(),
        tries: 0,
        given_up: None,
        stage: Stage::Fetched,
        starts: 0,
    };
    let path = new_program(program);
    let brought = bring(&session, &build, size_bytes, &path);
    brought.inspect_err(|_| drop(files::remove_if_present(&path)))?;
    update.save(data_dir)?;
    Ok(Fetched::Update(update))
}

fn bring(
    session: &Session,
    build: &GetAgentBuildResponse,
    size_bytes: u64,
    path: &Path,
) -> anyhow::Result<()> {
    let address: ObjectAddress = build.url.parse()?;
    let store = ObjectStore::of_server(&session.caller, &session.credentials);
    let shown = path.display();
    patiently(|| -> Result<(), Brought> {
        files::remove_if_present(path).map_err(Brought::File)?;
        let file = OpenOptions::new().write(true).create_new(true).open(path);
        let mut file = file.map_err(Brought::File)?;
        store.save(&address, size_bytes, &mut file).map_err(Brought::Object)?;
        platform::make_executable(&file).map_err(Brought::File)?;
        file.sync_all().map_err(Brought::File)
    })
    .with_context(|| format!("the build cannot be kept as {shown}"))?;
    let found = sha256_of(path)?;
    if found != build.sha256 {
        bail!("the build's SHA-256 is {found}, and signed is {}", build.sha256);
    }
    path.parent().map_or(Ok(()), platform::sync_dir).with_context(|| format!("cannot write {shown}"))
}

#[derive(Debug, thiserror::Error)]
enum Brought {
    #[error(transparent)]
    File(std::io::Error),
    #[error(transparent)]
    Object(crate::transport::objects::ObjectError),
}

impl crate::patch_run::patience::Failure for Brought {
    fn may_pass(&self) -> bool {
        match self {
            Self::File(_) => false,
            Self::Object(error) => error.may_pass(),
        }
    }
}
