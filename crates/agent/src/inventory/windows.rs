//! What Windows tells of itself, through its own PowerShell: applications, updates, roles, services and the like.
//! Compiled and type-checked only: never run on Windows so far.
//! Source: spec agent-protocol 6.3.

use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use serde_json::Value;

use super::{Entry, Item, Wish, cut};

/// An input, its type, and the script whose objects are the entries.
const GATHERERS: [(&str, &str, &str); 7] = [
    (
        "applications",
        "AWS:Application",
        r"Get-ItemProperty 'HKLM:\Software\Microsoft\Windows\CurrentVersion\Uninstall\*','HKLM:\Software\Wow6432Node\Microsoft\Windows\CurrentVersion\Uninstall\*' -ErrorAction SilentlyContinue | Where-Object { $_.DisplayName } | ForEach-Object { @{ Name = $_.DisplayName; Publisher = $_.Publisher; Version = [string]$_.DisplayVersion; InstalledTime = $_.InstallDate; URL = $_.URLInfoAbout; PackageId = $_.PSChildName; Architecture = $(if ($_.PSPath -like '*Wow6432Node*') { 'i386' } else { 'x86_64' }) } }",
    ),
    (
        "windowsUpdates",
        "AWS:WindowsUpdate",
        "Get-CimInstance Win32_QuickFixEngineering | ForEach-Object { @{ HotFixId = $_.HotFixID; Description = $_.Description; InstalledTime = $(if ($_.InstalledOn) { $_.InstalledOn.ToUniversalTime().ToString('yyyy-MM-ddTHH:mm:ssZ') }); InstalledBy = $_.InstalledBy } }",
    ),
    (
        "services",
        "AWS:Service",
        "Get-Service | ForEach-Object { @{ Name = $_.Name; DisplayName = $_.DisplayName; Status = [string]$_.Status; ServiceType = [string]$_.ServiceType; StartType = [string]$_.StartType; DependentServices = ($_.DependentServices.Name -join ' '); ServicesDependedOn = ($_.ServicesDependedOn.Name -join ' ') } }",
    ),
    (
        "windowsRoles",
        "AWS:WindowsRole",
        "if (Get-Command Get-WindowsFeature -ErrorAction SilentlyContinue) { Get-WindowsFeature | ForEach-Object { @{ Name = $_.Name; DisplayName = $_.DisplayName; Description = $_.Description; Installed = [string]$_.Installed; InstalledState = [string]$_.InstallState; FeatureType = $_.FeatureType; Path = $_.Path; SubFeatures = ($_.SubFeatures -join ' '); DependsOn = ($_.DependsOn -join ' '); Parent = $_.Parent } } }",
    ),
    (
        "networkConfig",
        "AWS:Network",
        "Get-CimInstance Win32_NetworkAdapterConfiguration -Filter 'IPEnabled=true' | ForEach-Object { @{ Name = $_.Description; SubnetMask = ($_.IPSubnet -join ','); Gateway = ($_.DefaultIPGateway -join ','); DHCPServer = $_.DHCPServer; DNSServer = ($_.DNSServerSearchOrder -join ','); MacAddress = $_.MACAddress; IPV4 = (($_.IPAddress | Where-Object { $_ -notlike '*:*' }) -join ','); IPV6 = (($_.IPAddress | Where-Object { $_ -like '*:*' }) -join ',') } }",
    ),
    (
        "instanceDetailedInformation",
        "AWS:InstanceDetailedInformation",
        "$p = @(Get-CimInstance Win32_Processor); $o = Get-CimInstance Win32_OperatingSystem; $c = ($p | Measure-Object NumberOfCores -Sum).Sum; $l = ($p | Measure-Object NumberOfLogicalProcessors -Sum).Sum; @{ CPUModel = $p[0].Name; CPUSpeedMHz = [string]$p[0].MaxClockSpeed; CPUs = [string]$l; CPUSockets = [string]$p.Count; CPUCores = [string]$c; CPUHyperThreadEnabled = ([string]($l -gt $c)).ToLower(); OSServicePack = [string]$o.ServicePackMajorVersion }",
    ),
    (
        "windowsRegistry",
        "AWS:WindowsRegistry",
        "foreach ($f in ($env:FETTLE_FILTER | ConvertFrom-Json)) { $paths = @(\"Registry::$($f.Path)\"); if ($f.Recursive) { $paths += @(Get-ChildItem $paths[0] -Recurse -ErrorAction SilentlyContinue | ForEach-Object { $_.PSPath }) }; foreach ($p in ($paths | Select-Object -First 250)) { $k = Get-Item $p -ErrorAction SilentlyContinue; if ($k) { foreach ($n in $k.GetValueNames()) { if (-not $f.ValueNames -or $f.ValueNames -contains $n) { @{ KeyPath = $k.Name; ValueName = $n; ValueType = [string]$k.GetValueKind($n); Value = [string]$k.GetValue($n) } } } } } }",
    ),
];

pub fn gather(wish: &Wish<'_>) -> anyhow::Result<Vec<Item>> {
    let mut items = Vec::new();
    for (input, type_name, script) in GATHERERS {
        let is_wanted = match input {
            // Takes a filter in place of a word.
            "windowsRegistry" => !matches!(wish.text(input), "" | "Disabled"),
            _ => wish.is_enabled(input),
        };
        if is_wanted {
            let content = ask(script, wish.text(input)).with_context(|| type_name.to_owned())?;
            items.push(Item::new(type_name, content));
        }
    }
    if wish.is_enabled("awsComponents") {
        let agent = [("Name", crate::AGENT_NAME), ("Version", crate::VERSION)];
        let agent = super::entry(agent.map(|(name, value)| (name, value.to_owned())));
        items.push(Item::new("AWS:AWSComponent", vec![agent]));
    }
    Ok(items)
}

/// The objects that a script puts out, as texts.
fn ask(script: &str, filter: &str) -> anyhow::Result<Vec<Entry>> {
    let whole = format!(
        "$ErrorActionPreference = 'Stop'; [Console]::OutputEncoding = [Text.Encoding]::UTF8; $found = @(& {{ {script} }}); ConvertTo-Json -Compress -Depth 3 -InputObject $found"
    );
    let output = Command::new("powershell.exe")
        .args(["-NoLogo", "-NoProfile", "-NonInteractive", "-ExecutionPolicy", "Bypass", "-Command", &whole])
        .env("FETTLE_FILTER", filter)
        .stdin(Stdio::null())
        .output()
        .context("powershell.exe cannot be started")?;
    if !output.status.success() {
        bail!("powershell: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let found: Vec<Value> = serde_json::from_str(text.trim().trim_start_matches('\u{feff}'))?;
    Ok(found.iter().map(entry).collect())
}

fn entry(value: &Value) -> Entry {
    let text = |(name, value): (&String, &Value)| {
        let text = value.as_str()?.trim();
        (!text.is_empty()).then(|| (name.clone(), cut(text)))
    };
    value.as_object().into_iter().flatten().filter_map(text).collect()
}
