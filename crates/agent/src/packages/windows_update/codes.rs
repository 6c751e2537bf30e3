//! HRESULTs of Windows Update and what it stands on: their names, what they mean, what to do. A failure names the code
//! always, known or not. Source: the published error codes of WUA, WinHTTP and the servicing stack; spec 8.4.

use std::fmt;

use domain::patch::{Failure, FailureCode};
use serde::{Deserialize, Serialize};

/// As COM returns it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Hresult(pub u32);

/// A call that did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{during}: {hresult}: {}", hresult.meaning(message))]
pub struct UpdateError {
    pub hresult: Hresult,
    /// The system's words for it, in its language; may be empty.
    pub message: String,
    /// What was being done: `search`, `download`.
    pub during: &'static str,
}

/// One line of the table.
#[derive(Debug)]
struct Known {
    code: u32,
    name: &'static str,
    means: &'static str,
    remedy: &'static str,
}

impl Hresult {
    pub const OK: Self = Self(0);
    /// Installing is refused: another installation runs, or a restart comes first.
    pub const INSTALL_NOT_ALLOWED: Self = Self(0x8024_0016);
    pub const OPERATION_IN_PROGRESS: Self = Self(0x8024_0009);
    pub const REBOOT_REQUIRED: Self = Self(0x0024_0005);

    pub fn is_failure(self) -> bool {
        self.0 & 0x8000_0000 != 0
    }

    pub fn name(self) -> Option<&'static str> {
        self.known().map(|known| known.name)
    }

    fn known(self) -> Option<&'static Known> {
        let place = KNOWN.binary_search_by_key(&self.0, |known| known.code).ok()?;
        KNOWN.get(place)
    }

    /// Name, meaning and remedy where they are known, else what the system said.
    pub fn meaning(self, message: &str) -> String {
        match self.known() {
            Some(Known { name, means, remedy, .. }) => format!("{name}: {means}; {remedy}"),
            None if message.trim().is_empty() => "a code that this version has no words for".to_owned(),
            None => message.trim().to_owned(),
        }
    }
}

impl UpdateError {
    pub fn new(during: &'static str, hresult: Hresult) -> Self {
        Self { hresult, message: String::new(), during }
    }

    pub fn to_failure(&self) -> Failure {
        let detail = format!("{}: {}", self.during, self.hresult.meaning(&self.message));
        Failure { code: FailureCode::WindowsUpdate, subject: self.hresult.to_string(), detail }
    }
}

impl fmt::Display for Hresult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:08X}", self.0)
    }
}

const fn known(code: u32, name: &'static str, means: &'static str, remedy: &'static str) -> Known {
    Known { code, name, means, remedy }
}

const NETWORK: &str = "check network, proxy and name resolution towards the update server";
const WSUS: &str = "ask the update server's administrator: the server answers, but not with updates";
const RETRY: &str = "run again later";
const RESTART: &str = "restart the machine and run again";
const ADMINISTRATOR: &str = "run as administrator or as the system account";
const POLICY: &str = "look at the machine's Windows Update policy";
const CACHE: &str = "stop wuauserv and bits, move SoftwareDistribution away, start them and run again";
const COMPONENT_STORE: &str =
    "run `DISM /Online /Cleanup-Image /RestoreHealth` and `sfc /scannow`, then run again";
const REPORT: &str = "see WindowsUpdate.log (Get-WindowsUpdateLog) for the cause";

/// Sorted by code, which a test checks.
static KNOWN: &[Known] = &[
    known(0x0024_0005, "WU_S_REBOOT_REQUIRED", "a restart completes the installation", RESTART),
    known(0x0024_0006, "WU_S_ALREADY_INSTALLED", "it is installed already", "nothing to do"),
    known(
        0x8000_4001,
        "E_NOTIMPL",
        "this system's Windows Update Agent lacks the call",
        "use Windows' own agent",
    ),
    known(0x8000_4005, "E_FAIL", "an unnamed failure", REPORT),
    known(0x8004_0154, "REGDB_E_CLASSNOTREG", "there is no Windows Update Agent", "install or repair it"),
    known(0x8007_0005, "E_ACCESSDENIED", "access is denied", ADMINISTRATOR),
    known(0x8007_000E, "E_OUTOFMEMORY", "memory is used up", "free memory or add some"),
    known(0x8007_0020, "ERROR_SHARING_VIOLATION", "another program holds a file", RESTART),
    known(0x8007_0070, "ERROR_DISK_FULL", "the disk is full", "free space on the system drive"),
    known(0x8007_0422, "ERROR_SERVICE_DISABLED", "the Windows Update service is disabled", "enable wuauserv"),
    known(0x8007_0643, "ERROR_INSTALL_FAILURE", "the update's installer failed", REPORT),
    known(0x8007_0BC2, "ERROR_SUCCESS_REBOOT_REQUIRED", "a restart completes the installation", RESTART),
    known(0x8007_0BC9, "ERROR_FAIL_REBOOT_REQUIRED", "it failed; a restart rolls it back", RESTART),
    known(0x8007_2EE2, "WININET_E_TIMEOUT", "the update server did not answer in time", NETWORK),
    known(0x8007_2EE7, "WININET_E_NAME_NOT_RESOLVED", "the update server's name is unknown", NETWORK),
    known(0x8007_2EFD, "WININET_E_CANNOT_CONNECT", "no connection to the update server", NETWORK),
    known(0x8007_2EFE, "WININET_E_CONNECTION_ABORTED", "the connection broke off", NETWORK),
    known(
        0x8007_2F8F,
        "WININET_E_DECODING_FAILED",
        "TLS failed",
        "check clock, root certificates, TLS settings",
    ),
    known(
        0x8007_3712,
        "ERROR_SXS_COMPONENT_STORE_CORRUPT",
        "the component store is damaged",
        COMPONENT_STORE,
    ),
    known(0x800F_081F, "CBS_E_SOURCE_MISSING", "files for the repair are missing", COMPONENT_STORE),
    known(0x800F_0823, "CBS_E_NEW_SERVICING_STACK_REQUIRED", "a newer servicing stack comes first", RETRY),
    known(0x800F_0831, "CBS_E_STORE_CORRUPTION", "the component store is damaged", COMPONENT_STORE),
    known(
        0x800F_0922,
        "CBS_E_INSTALLERS_FAILED",
        "parts of the update failed",
        "check space of the system partition",
    ),
    known(0x8024_0001, "WU_E_NO_SERVICE", "the agent cannot provide the service", "start wuauserv"),
    known(0x8024_0002, "WU_E_MAX_CAPACITY_REACHED", "the service is at its limit", RETRY),
    known(0x8024_0003, "WU_E_UNKNOWN_ID", "the update is no longer known", RETRY),
    known(0x8024_0004, "WU_E_NOT_INITIALIZED", "the agent is not ready", RETRY),
    known(0x8024_0007, "WU_E_INVALIDINDEX", "a list changed while it was read", RETRY),
    known(0x8024_0008, "WU_E_ITEMNOTFOUND", "an item is no longer there", RETRY),
    known(0x8024_0009, "WU_E_OPERATIONINPROGRESS", "another update operation runs", RETRY),
    known(0x8024_000B, "WU_E_CALL_CANCELLED", "the operation was cancelled", RETRY),
    known(0x8024_000C, "WU_E_NOOP", "there was nothing to do", "nothing to do"),
    known(0x8024_000D, "WU_E_XML_MISSINGDATA", "the update's description is incomplete", CACHE),
    known(0x8024_000E, "WU_E_XML_INVALID", "the update's description is damaged", CACHE),
    known(0x8024_0012, "WU_E_REG_VALUE_INVALID", "a registry value makes no sense", POLICY),
    known(0x8024_0014, "WU_E_INVALID_INSTALL_REQUESTED", "this caller may not install it", ADMINISTRATOR),
    known(
        0x8024_0016,
        "WU_E_INSTALL_NOT_ALLOWED",
        "another installation runs or a restart comes first",
        RESTART,
    ),
    known(0x8024_0017, "WU_E_NOT_APPLICABLE", "it does not apply to this machine", "nothing to do"),
    known(0x8024_0019, "WU_E_EXCLUSIVE_INSTALL_CONFLICT", "it must be installed alone", RETRY),
    known(0x8024_001A, "WU_E_POLICY_NOT_SET", "a policy value is missing", POLICY),
    known(0x8024_001B, "WU_E_SELFUPDATE_IN_PROGRESS", "the agent updates itself", RETRY),
    known(0x8024_001D, "WU_E_INVALID_UPDATE", "the update's description makes no sense", WSUS),
    known(0x8024_001E, "WU_E_SERVICE_STOP", "the service or the system was shutting down", RETRY),
    known(0x8024_001F, "WU_E_NO_CONNECTION", "there is no network", NETWORK),
    known(0x8024_0020, "WU_E_NO_INTERACTIVE_USER", "it needs someone who is signed in", "install it by hand"),
    known(0x8024_0021, "WU_E_TIME_OUT", "it took longer than the agent allows", RETRY),
    known(0x8024_0022, "WU_E_ALL_UPDATES_FAILED", "every update failed", REPORT),
    known(0x8024_0023, "WU_E_EULAS_DECLINED", "its licence is not accepted", "accept it by hand"),
    known(0x8024_0024, "WU_E_NO_UPDATE", "there is no such update", "nothing to do"),
    known(0x8024_0025, "WU_E_USER_ACCESS_DISABLED", "group policy closes Windows Update", POLICY),
    known(
        0x8024_0028,
        "WU_E_UNINSTALL_NOT_ALLOWED",
        "only a WSUS server may have it removed",
        "use wusa /uninstall",
    ),
    known(0x8024_002C, "WU_E_BIN_SOURCE_ABSENT", "its delta needs a file that is gone", COMPONENT_STORE),
    known(0x8024_002D, "WU_E_SOURCE_ABSENT", "it needs a source that is gone", COMPONENT_STORE),
    known(
        0x8024_002E,
        "WU_E_WU_DISABLED",
        "policy forbids servers that the organisation does not run",
        POLICY,
    ),
    known(0x8024_002F, "WU_E_CALL_CANCELLED_BY_POLICY", "policy closes Windows Update", POLICY),
    known(
        0x8024_0030,
        "WU_E_INVALID_PROXY_SERVER",
        "the list of proxies is malformed",
        "correct it: netsh winhttp",
    ),
    known(
        0x8024_0032,
        "WU_E_INVALID_CRITERIA",
        "the search was not understood",
        "report this as a fault of ours",
    ),
    known(0x8024_0034, "WU_E_DOWNLOAD_FAILED", "the download failed", NETWORK),
    known(0x8024_0035, "WU_E_UPDATE_NOT_PROCESSED", "it was passed over", RETRY),
    known(0x8024_0037, "WU_E_NOT_SUPPORTED", "this agent cannot do that", "update Windows' own agent"),
    known(0x8024_0042, "WU_E_UNKNOWN_SERVICE", "the update service is not registered", POLICY),
    known(
        0x8024_0044,
        "WU_E_PER_MACHINE_UPDATE_ACCESS_DENIED",
        "administrators alone may do this",
        ADMINISTRATOR,
    ),
    known(0x8024_004A, "WU_E_SETUP_IN_PROGRESS", "Windows setup is still running", RETRY),
    known(0x8024_004C, "WU_E_LOW_BATTERY", "the battery is too low", "connect power"),
    known(0x8024_0436, "WU_E_PT_CATALOG_SYNC_REQUIRED", "the server wants a full search", RETRY),
    known(0x8024_0437, "WU_E_PT_SECURITY_VERIFICATION_FAILURE", "the service refused the sign-in", NETWORK),
    known(0x8024_0438, "WU_E_PT_ENDPOINT_UNREACHABLE", "there is no way to the service", NETWORK),
    known(
        0x8024_0439,
        "WU_E_PT_INVALID_FORMAT",
        "the answer makes no sense; a proxy may have written it",
        NETWORK,
    ),
    known(0x8024_043D, "WU_E_SERVICEPROP_NOTAVAIL", "the service lacks a property", RETRY),
    known(0x8024_0440, "WU_E_PT_ENDPOINT_DISCONNECTED", "the connection broke off", NETWORK),
    known(0x8024_0FFF, "WU_E_UNEXPECTED", "an unnamed failure", REPORT),
    known(0x8024_200B, "WU_E_UH_INSTALLERFAILURE", "the update's installer failed", REPORT),
    known(0x8024_2014, "WU_E_UH_POSTREBOOTSTILLPENDING", "it is still at work after a restart", RETRY),
    known(0x8024_2016, "WU_E_UH_POSTREBOOTUNEXPECTEDSTATE", "it is in an odd state after a restart", RETRY),
    known(0x8024_2017, "WU_E_UH_NEW_SERVICING_STACK_REQUIRED", "a newer servicing stack comes first", RETRY),
    known(0x8024_4007, "WU_E_PT_SOAPCLIENT_SOAPFAULT", "the server answered with a fault", WSUS),
    known(0x8024_4010, "WU_E_PT_EXCEEDED_MAX_SERVER_TRIPS", "the search took too many round trips", RETRY),
    known(0x8024_4011, "WU_E_PT_SUS_SERVER_NOT_SET", "policy names no WSUS server", POLICY),
    known(0x8024_4016, "WU_E_PT_HTTP_STATUS_BAD_REQUEST", "the server answered 400", WSUS),
    known(0x8024_4017, "WU_E_PT_HTTP_STATUS_DENIED", "the server answered 401", WSUS),
    known(0x8024_4018, "WU_E_PT_HTTP_STATUS_FORBIDDEN", "the server answered 403", WSUS),
    known(0x8024_4019, "WU_E_PT_HTTP_STATUS_NOT_FOUND", "the server answered 404", WSUS),
    known(0x8024_401B, "WU_E_PT_HTTP_STATUS_PROXY_AUTH_REQ", "the proxy wants a sign-in (407)", NETWORK),
    known(0x8024_401C, "WU_E_PT_HTTP_STATUS_REQUEST_TIMEOUT", "the server answered 408", RETRY),
    known(0x8024_401F, "WU_E_PT_HTTP_STATUS_SERVER_ERROR", "the server answered 500", WSUS),
    known(0x8024_4021, "WU_E_PT_HTTP_STATUS_BAD_GATEWAY", "the server answered 502", NETWORK),
    known(0x8024_4022, "WU_E_PT_HTTP_STATUS_SERVICE_UNAVAIL", "the server answered 503", RETRY),
    known(0x8024_4023, "WU_E_PT_HTTP_STATUS_GATEWAY_TIMEOUT", "the server answered 504", NETWORK),
    known(
        0x8024_402C,
        "WU_E_PT_WINHTTP_NAME_NOT_RESOLVED",
        "the name of server or proxy is unknown",
        NETWORK,
    ),
    known(
        0x8024_402F,
        "WU_E_PT_ECP_SUCCEEDED_WITH_ERRORS",
        "a web filter may have changed the answer",
        NETWORK,
    ),
    known(0x8024_4FFF, "WU_E_PT_UNEXPECTED", "the conversation with the server failed", NETWORK),
    known(0x8024_500C, "WU_E_REDIRECTOR_CONNECT_POLICY", "policy forbids Microsoft's own servers", POLICY),
    known(0x8024_6002, "WU_E_DM_INCORRECTFILEHASH", "a downloaded file is not what was promised", CACHE),
    known(0x8024_6005, "WU_E_DM_NONETWORK", "there is no network for the download", NETWORK),
    known(0x8024_6007, "WU_E_DM_NOTDOWNLOADED", "it has not been downloaded", RETRY),
    known(0x8024_6008, "WU_E_DM_FAILTOCONNECTTOBITS", "the transfer service does not answer", "start bits"),
    known(0x8024_8007, "WU_E_DS_NODATA", "the agent's records lack something", CACHE),
    known(0x8024_8014, "WU_E_DS_UNKNOWNSERVICE", "the update service is not registered", POLICY),
    known(0x80D0_2002, "DO_E_DOWNLOAD_NO_PROGRESS", "the download makes no progress", NETWORK),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_complete_in_itself() {
        assert!(KNOWN.is_sorted_by(|a, b| a.code < b.code));
        for known in KNOWN {
            let words = [known.name, known.means, known.remedy];
            assert!(words.iter().all(|text| !text.is_empty()), "{known:?}");
            assert_eq!(Hresult(known.code).name(), Some(known.name));
        }
    }

    #[test]
    fn a_failure_names_the_code_and_says_what_to_do() {
        let failure = UpdateError::new("search", Hresult(0x8007_2EE2)).to_failure();
        assert_eq!((failure.code, failure.subject.as_str()), (FailureCode::WindowsUpdate, "0x80072EE2"));
        assert!(failure.detail.contains("did not answer in time"), "{failure}");
        assert!(failure.detail.contains("proxy"), "{failure}");
    }

    #[test]
    fn an_unknown_code_keeps_the_systems_words() {
        let unknown = Hresult(0x8024_BEEF);
        let said =
            UpdateError { message: "Etwas ging schief.".into(), ..UpdateError::new("install", unknown) };
        assert!(said.to_failure().detail.contains("Etwas ging schief."));
        let silent = UpdateError::new("install", unknown);
        assert_eq!(silent.to_string(), "install: 0x8024BEEF: a code that this version has no words for");
    }

    #[test]
    fn success_codes_are_no_failures() {
        assert!(!Hresult::REBOOT_REQUIRED.is_failure());
        assert!(Hresult::INSTALL_NOT_ALLOWED.is_failure());
    }
}
