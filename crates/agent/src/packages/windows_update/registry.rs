//! What Windows' registry says about the system and the Windows Update policy, and the policy values that
//! AWS-ConfigureWindowsUpdate writes. What they mean is decided in `policy` and `settings`.

use anyhow::Context;
use windows_registry::{Key, LOCAL_MACHINE};

use super::manager::System;
use super::policy::{AUTOMATIC_KEY, POLICY_KEY, Policy};
use super::settings::Setting;

const SYSTEM_KEY: &str = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion";
/// Windows 11 and its servers still call themselves 10 there; the build tells them apart.
const FIRST_WINDOWS_11_BUILD: u32 = 22_000;

/// `Microsoft Windows Server 2019 Datacenter`, `10.0.17763.5936`.
pub fn system() -> System {
    let key = LOCAL_MACHINE.open(SYSTEM_KEY).ok();
    let text = |name: &str| key.as_ref().and_then(|key| key.get_string(name).ok()).unwrap_or_default();
    let number = |name: &str| key.as_ref().and_then(|key| key.get_u32(name).ok()).unwrap_or_default();
    let build = text("CurrentBuildNumber");
    let is_11 = build.parse().is_ok_and(|build: u32| build >= FIRST_WINDOWS_11_BUILD);
    let product = match text("ProductName") {
        name if is_11 && name.starts_with("Windows 10") => name.replacen("Windows 10", "Windows 11", 1),
        name => name,
    };
    let name = match product.as_str() {
        "" => "Microsoft Windows".to_owned(),
        name if name.starts_with("Microsoft ") => name.to_owned(),
        name => format!("Microsoft {name}"),
    };
    // Windows 8.1 and older have no major number there.
    let version = match number("CurrentMajorVersionNumber") {
        0 => format!("{}.{build}", text("CurrentVersion")),
        major => format!("{major}.{}.{build}.{}", number("CurrentMinorVersionNumber"), number("UBR")),
    };
    let arch = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    System { name, version, arch: arch.to_owned() }
}

/// A value that is not there is not set.
pub fn policy() -> Policy {
    let key = LOCAL_MACHINE.open(POLICY_KEY).ok();
    let automatic = LOCAL_MACHINE.open(AUTOMATIC_KEY).ok();
    let text = |name: &str| key.as_ref().and_then(|key| key.get_string(name).ok());
    let is_set = |key: &Option<Key>, name: &str| {
        key.as_ref().and_then(|key| key.get_u32(name).ok()).is_some_and(|value| value != 0)
    };
    Policy {
        server: text("WUServer"),
        uses_server: is_set(&automatic, "UseWUServer"),
        target_group: text("TargetGroup").filter(|_| is_set(&key, "TargetGroupEnabled")),
        stays_off_the_internet: is_set(&key, "DoNotConnectToWindowsUpdateInternetLocations"),
        access_disabled: is_set(&key, "DisableWindowsUpdateAccess") || is_set(&key, "SetDisableUXWUAccess"),
    }
}

/// As policy for the automatic updates of this machine.
pub fn apply(settings: &[Setting]) -> anyhow::Result<()> {
    write(AUTOMATIC_KEY, settings)
}

/// Below `HKEY_LOCAL_MACHINE`; a key that is missing is made.
pub fn write(path: &str, settings: &[Setting]) -> anyhow::Result<()> {
    let failed = || format!(r"cannot write HKEY_LOCAL_MACHINE\{path}; run as administrator");
    let key = LOCAL_MACHINE.create(path).with_context(failed)?;
    for setting in settings {
        key.set_u32(setting.name, setting.value).with_context(failed)?;
    }
    Ok(())
}

/// A random text in a key that Windows forgets when it goes down: the same as long as this boot lasts.
pub fn boot_id() -> anyhow::Result<String> {
    const KEY: &str = r"SOFTWARE\Fettle\ThisBoot";
    let failed = || format!(r"cannot use HKEY_LOCAL_MACHINE\{KEY}; run as administrator");
    if let Ok(id) = LOCAL_MACHINE.open(KEY).and_then(|key| key.get_string("Id")) {
        return Ok(id);
    }
    let key = LOCAL_MACHINE.options().read().write().create().volatile().open(KEY).with_context(failed)?;
    let id = uuid::Uuid::new_v4().to_string();
    key.set_string("Id", &id).with_context(failed)?;
    Ok(id)
}
