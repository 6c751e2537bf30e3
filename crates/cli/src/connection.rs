//! How operator commands find their server: flags, then the environment.
//! Credentials come from the environment only, or from a server's data folder, never from a flag.

use std::path::PathBuf;

use anyhow::{Context, bail};
use api::sigv4::Credentials;
use clap::Args;

use crate::client::{Client, ClientOptions};

#[derive(Args, Clone, Debug)]
pub struct Connection {
    /// The server's address.
    #[arg(long, env = "FETTLE_ENDPOINT", default_value = "http://127.0.0.1:4510")]
    pub endpoint: String,
    /// The region to ask about.
    #[arg(long, env = "AWS_REGION", default_value_t = default_region())]
    pub region: String,
    /// Take the root key from this data folder of a server, instead of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
    #[arg(long, env = "FETTLE_DATA")]
    pub data: Option<PathBuf>,
    /// Trust the certificates in this PEM file instead of the system's.
    #[arg(long, env = "AWS_CA_BUNDLE")]
    pub ca_bundle: Option<PathBuf>,
}

impl Connection {
    /// `root` is the key from the data folder, when one was named.
    pub fn client(&self, root: Option<Credentials>) -> anyhow::Result<Client> {
        let credentials = match root {
            Some(credentials) => credentials,
            None => from_environment(|name| std::env::var(name).ok())?,
        };
        let ca_bundle = match &self.ca_bundle {
            Some(path) => {
                Some(std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?)
            }
            None => None,
        };
        let (endpoint, region) = (self.endpoint.clone(), self.region.clone());
        Ok(Client::new(ClientOptions { endpoint, region, credentials, ca_bundle })?)
    }
}

fn from_environment(variable: impl Fn(&str) -> Option<String>) -> anyhow::Result<Credentials> {
    let variable = |name| variable(name).filter(|value| !value.is_empty());
    let (Some(access_key_id), Some(secret_access_key)) =
        (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY"))
    else {
        bail!(
            "no credentials: give --data DIR (the server's data folder), \
             or run eval \"$(fettle credentials --data DIR)\" first"
        );
    };
    Ok(Credentials { access_key_id, secret_access_key, session_token: variable("AWS_SESSION_TOKEN") })
}

fn default_region() -> String {
    let set = std::env::var("AWS_DEFAULT_REGION").ok().filter(|region| !region.is_empty());
    set.unwrap_or_else(|| "us-east-1".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_both_halves_of_a_key() {
        let only = |wanted: &'static str| move |name: &str| (name == wanted).then(|| "x".to_owned());
        assert!(from_environment(only("AWS_ACCESS_KEY_ID")).is_err());
        assert!(
            from_environment(|name| Some(if name.ends_with("TOKEN") { "t" } else { "" }.to_owned())).is_err()
        );
        let whole = from_environment(|name| (name != "AWS_SESSION_TOKEN").then(|| name.to_owned())).unwrap();
        assert_eq!(whole.secret_access_key, "AWS_SECRET_ACCESS_KEY");
        assert_eq!(whole.session_token, None);
    }
}
