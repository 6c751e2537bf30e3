//! Which server Windows Update asks, as policy has it, and how it is told in facts. Reading the registry is
//! `registry`'s; WUA obeys the policy by itself, so nothing here chooses a server. Source: spec patch-manager 2.5;
//! the published Windows Update policy values.

use domain::facts::Repository;
use serde::Serialize;

use super::agent::Service;

/// Below `HKEY_LOCAL_MACHINE`.
pub const POLICY_KEY: &str = r"SOFTWARE\Policies\Microsoft\Windows\WindowsUpdate";
pub const AUTOMATIC_KEY: &str = r"SOFTWARE\Policies\Microsoft\Windows\WindowsUpdate\AU";

/// The values that matter here; `None` where they are not set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Policy {
    /// `WUServer`
    pub server: Option<String>,
    /// `AU\UseWUServer`
    pub uses_server: bool,
    /// `TargetGroup`, where `TargetGroupEnabled` is set.
    pub target_group: Option<String>,
    /// `DoNotConnectToWindowsUpdateInternetLocations`
    pub stays_off_the_internet: bool,
    /// `DisableWindowsUpdateAccess` or `SetDisableUXWUAccess`: people are kept from Windows Update.
    pub access_disabled: bool,
}

impl Policy {
    /// The organisation's server, where policy names one and says to use it.
    pub fn wsus(&self) -> Option<&str> {
        self.server.as_deref().filter(|server| self.uses_server && !server.trim().is_empty())
    }
}

/// Where updates come from: the WSUS server of the policy, or else the services that searches ask.
pub fn repositories(policy: &Policy, services: &[Service]) -> Vec<Repository> {
    if let Some(server) = policy.wsus() {
        return vec![Repository {
            uri: without_credentials(server),
            origin: "WSUS".to_owned(),
            label: "Windows Server Update Services".to_owned(),
            suite: policy.target_group.clone().unwrap_or_default(),
            ..Repository::default()
        }];
    }
    let mut asked: Vec<&Service> = services.iter().filter(|service| service.is_default).collect();
    if asked.is_empty() {
        asked.extend(services);
    }
    let mut repositories: Vec<Repository> = asked
        .into_iter()
        .map(|service| Repository {
            uri: without_credentials(&service.url),
            origin: if service.is_managed { "WSUS" } else { "Microsoft" }.to_owned(),
            label: service.name.clone(),
            ..Repository::default()
        })
        .collect();
    repositories.sort();
    repositories
}

/// `http://user:word@host/` to `http://host/`.
fn without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.trim().split_once("://") else { return url.trim().to_owned() };
    let end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rsplit('@').next().unwrap_or(authority);
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wsus_server_is_named_when_policy_uses_it() {
        let policy = Policy {
            server: Some("http://bob:secret@wsus.example:8530/".into()),
            uses_server: true,
            target_group: Some("Web".into()),
            ..Policy::default()
        };
        let service = Service { name: "Windows Update".into(), is_default: true, ..Service::default() };
        let found = repositories(&policy, std::slice::from_ref(&service));
        assert_eq!(found.len(), 1);
        let summary = (found[0].uri.as_str(), found[0].origin.as_str(), found[0].suite.as_str());
        assert_eq!(summary, ("http://wsus.example:8530/", "WSUS", "Web"));

        let unused = Policy { uses_server: false, ..policy };
        let found = repositories(&unused, &[service]);
        assert_eq!((found[0].origin.as_str(), found[0].label.as_str()), ("Microsoft", "Windows Update"));
    }

    #[test]
    fn without_a_default_every_service_is_named() {
        let service =
            |name: &str, is_managed| Service { name: name.into(), is_managed, ..Service::default() };
        let found = repositories(&Policy::default(), &[service("Store", false), service("Own", true)]);
        let names: Vec<_> = found.iter().map(|r| (r.label.as_str(), r.origin.as_str())).collect();
        assert_eq!(names, [("Store", "Microsoft"), ("Own", "WSUS")]);
    }
}
