//! Patching beside another agent: the stock agent's step has fetched this program (`server::agents::engine`), and this is
//! how the program knows who the node is. What that agent tells every script is used: the node's id, its region, and the
//! file with its temporary credentials. Nothing is enrolled, and nothing of the other agent is changed.
//! Source: agent-protocol.md 1.5, 7.5.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::Session;
use crate::platform;
use crate::transport::call::{Caller, now};
use crate::transport::credentials::Credentials;
use crate::transport::endpoint::Endpoint;
use crate::transport::http::Trust;
use crate::transport::machine;

/// The server that the step came from. Set by the step; without it the node is the one that is enrolled here.
const SERVER: &str = "FETTLE_AGENT_SERVER";
const NODE: &str = "AWS_SSM_INSTANCE_ID";
const REGION: &str = "AWS_SSM_REGION_NAME";
const CREDENTIALS: &str = "AWS_SHARED_CREDENTIALS_FILE";
const PROFILE: &str = "AWS_PROFILE";
/// As programs with OpenSSL read it, and the stock agent on Linux: whom to trust.
const TRUSTED: &str = "SSL_CERT_FILE";
/// Less than the other agent leaves when it renews them.
const CREDENTIALS_LIFE_SECONDS: i64 = 15 * 60;

/// What a step's environment says.
struct Said {
    server: String,
    node: String,
    region: String,
    credentials: PathBuf,
    profile: String,
    trusted: Option<PathBuf>,
}

/// Of the node whose agent runs this program in a step; `None` where the node has our agent. The folder is made if it is
/// missing: nobody enrolled this node here.
pub(super) fn session(data_dir: &Path) -> anyhow::Result<Option<Session>> {
    let Some(said) = said(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))? else {
        return Ok(None);
    };
    platform::create_private_dir(data_dir)
        .with_context(|| format!("cannot create {}", data_dir.display()))?;
    Ok(Some(said.session()?))
}

fn said(setting: impl Fn(&str) -> Option<String>) -> anyhow::Result<Option<Said>> {
    let Some(server) = setting(SERVER) else { return Ok(None) };
    let required = |name: &str| {
        setting(name).with_context(|| {
            format!("{SERVER} is set, and {name} is not: this is to be run by a step of the node's agent")
        })
    };
    let credentials = match (setting(CREDENTIALS), setting("HOME")) {
        (Some(file), _) => PathBuf::from(file),
        (None, Some(home)) => Path::new(&home).join(".aws/credentials"),
        (None, None) => bail!("neither {CREDENTIALS} nor HOME says where the node's credentials are"),
    };
    Ok(Some(Said {
        node: required(NODE)?,
        region: required(REGION)?,
        credentials,
        profile: setting(PROFILE).unwrap_or_else(|| "default".to_owned()),
        trusted: setting(TRUSTED).map(PathBuf::from),
        server,
    }))
}

impl Said {
    fn session(&self) -> anyhow::Result<Session> {
        let endpoint: Endpoint = self.server.parse().context(SERVER)?;
        let extra_pem = match &self.trusted {
            Some(path) => std::fs::read_to_string(path)
                .with_context(|| format!("{TRUSTED}: cannot read {}", path.display()))?,
            None => String::new(),
        };
        let trust = Trust { extra_pem };
        let caller = Caller::new(endpoint, &self.region, &trust)
            .context("cannot set up the connection to the server")?;
        let credentials = self.credentials()?;
        Ok(Session { caller, credentials, instance_id: self.node.clone(), trust })
    }

    fn credentials(&self) -> anyhow::Result<Credentials> {
        let shown = self.credentials.display();
        let text = std::fs::read_to_string(&self.credentials)
            .with_context(|| format!("cannot read the node's credentials in {shown}"))?;
        let found = machine::of_profile(&text, &self.profile);
        let found =
            found.with_context(|| format!("{shown} has no credentials of the profile {}", self.profile))?;
        let session_token = found.session_token;
        let obtained_at = now();
        Ok(Credentials {
            access_key_id: found.access_key_id,
            secret_access_key: found.secret_access_key,
            session_token: session_token.with_context(|| {
                format!(
                    "{shown}: the profile {} has no session token, as a node's credentials have",
                    self.profile
                )
            })?,
            obtained_at,
            expires_at: obtained_at.plus_seconds(CREDENTIALS_LIFE_SECONDS),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn read(pairs: &[(&str, &str)]) -> anyhow::Result<Option<Said>> {
        let set: BTreeMap<&str, &str> = pairs.iter().copied().collect();
        said(|name| set.get(name).map(|value| (*value).to_owned()))
    }

    const WHOLE: [(&str, &str); 4] = [
        (SERVER, "https://127.0.0.1:4510"),
        (NODE, "mi-0123456789abcdef0"),
        (REGION, "eu-central-1"),
        ("HOME", "/home"),
    ];

    #[test]
    fn a_step_says_who_the_node_is() {
        assert!(read(&WHOLE[1..]).unwrap().is_none(), "the node has our agent");
        let said = read(&WHOLE).unwrap().unwrap();
        assert_eq!((said.node.as_str(), said.region.as_str()), ("mi-0123456789abcdef0", "eu-central-1"));
        assert_eq!(
            (said.credentials.to_str(), said.profile.as_str()),
            (Some("/home/.aws/credentials"), "default")
        );
        let named = [&WHOLE[..], &[(CREDENTIALS, "/c"), (PROFILE, "fleet")]].concat();
        let said = read(&named).unwrap().unwrap();
        assert_eq!((said.credentials.to_str(), said.profile.as_str()), (Some("/c"), "fleet"));
        for (missing, _) in WHOLE.iter().skip(1) {
            let rest: Vec<_> = WHOLE.iter().filter(|(name, _)| name != missing).copied().collect();
            let error = read(&rest).err().unwrap().to_string();
            assert!(error.contains(missing), "{error}");
        }
    }

    #[test]
    fn the_credentials_are_those_of_the_other_agent() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("credentials");
        let said = |profile: &str| Said {
            profile: profile.to_owned(),
            credentials: file.clone(),
            ..read(&WHOLE).unwrap().unwrap()
        };
        assert!(said("default").session().err().unwrap().to_string().contains("cannot read"));
        let text = "[default]\naws_access_key_id = ASIA\naws_secret_access_key = s\naws_session_token = t/+=\n\
                    [person]\naws_access_key_id = AKIA\naws_secret_access_key = s\n";
        std::fs::write(&file, text).unwrap();
        let session = said("default").session().unwrap();
        assert_eq!(session.instance_id, "mi-0123456789abcdef0");
        assert_eq!(
            (session.credentials.access_key_id.as_str(), session.credentials.session_token.as_str()),
            ("ASIA", "t/+=")
        );
        assert!(said("person").session().err().unwrap().to_string().contains("no session token"));
        assert!(said("none").session().err().unwrap().to_string().contains("profile none"));
    }
}
