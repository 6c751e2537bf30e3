//! What is on this node besides patches: applications, network, files and the like, as inventory types with entries of
//! texts. One gatherer per file; sending is `upload`'s, the order for it the plugin's.
//! Source: spec agent-protocol 6.1 to 6.3, systems-manager 5.2.

#[cfg(target_os = "linux")]
mod applications;
mod custom;
mod files;
#[cfg(target_os = "linux")]
mod network;
#[cfg(target_os = "linux")]
mod processor;
mod upload;
#[cfg(windows)]
mod windows;

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use serde_json::Value;

use crate::patch_run::Session;
use crate::platform::default_data_dir;

pub type Entry = BTreeMap<String, String>;

/// One type with everything of it that there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub type_name: String,
    pub schema_version: String,
    pub content: Vec<Entry>,
}

impl Item {
    pub fn new(type_name: &str, content: Vec<Entry>) -> Self {
        // The one type of AWS's that has a newer form.
        let schema_version = if type_name == "AWS:Application" { "1.1" } else { "1.0" };
        Self { type_name: type_name.to_owned(), schema_version: schema_version.to_owned(), content }
    }
}

/// An entry of what is known; nothing stands for what is not.
pub fn entry<'a>(known: impl IntoIterator<Item = (&'a str, String)>) -> Entry {
    let known = known.into_iter().filter(|(_, value)| !value.is_empty());
    known.map(|(name, value)| (name.to_owned(), cut(&value))).collect()
}

/// As many characters as a value may have, none of them for a terminal.
fn cut(value: &str) -> String {
    const MOST_CHARS: usize = 4096;
    value.chars().filter(|c| !c.is_control()).take(MOST_CHARS).collect()
}

/// What `aws:softwareInventory` starts, as a process of its own: the resident agent stays small.
#[derive(Args, Debug)]
pub struct InventoryArgs {
    /// The step's inputs as JSON: {"applications":"Enabled"}
    #[arg(long, value_name = "JSON", default_value = EVERYTHING)]
    inputs: String,
    /// Print it, and tell the server nothing.
    #[arg(long)]
    print: bool,
    /// Look at this root file system.
    #[arg(long, value_name = "DIR", env = "FETTLE_AGENT_ROOT", default_value = "/")]
    root: PathBuf,
    /// The folder that holds registration, key and journal.
    #[arg(long = "data", value_name = "DIR", env = "FETTLE_AGENT_DATA", default_value_os_t = default_data_dir())]
    data_dir: PathBuf,
}

const EVERYTHING: &str = r#"{"applications":"Enabled","awsComponents":"Enabled","networkConfig":"Enabled","instanceDetailedInformation":"Enabled","services":"Enabled","windowsRoles":"Enabled","windowsUpdates":"Enabled","customInventory":"Enabled"}"#;

/// Lines for people, or the items as JSON.
pub fn run(args: &InventoryArgs) -> anyhow::Result<String> {
    let inputs: Value = serde_json::from_str(&args.inputs).context("--inputs is not JSON")?;
    let (items, mut lines) = gather(&Wish { inputs: &inputs, root: &args.root, data_dir: &args.data_dir })?;
    if args.print {
        let shown: BTreeMap<&str, &Vec<Entry>> =
            items.iter().map(|item| (item.type_name.as_str(), &item.content)).collect();
        return Ok(serde_json::to_string_pretty(&shown)?);
    }
    if items.is_empty() {
        lines.push("nothing was asked for".to_owned());
        return Ok(lines.join("\n"));
    }
    let session = Session::open(&args.data_dir)?;
    lines.extend(upload::send(&session, &args.data_dir, items)?);
    Ok(lines.join("\n"))
}

/// What was asked for, and where to look.
pub struct Wish<'a> {
    pub inputs: &'a Value,
    pub root: &'a std::path::Path,
    pub data_dir: &'a std::path::Path,
}

impl Wish<'_> {
    fn is_enabled(&self, name: &str) -> bool {
        self.text(name).eq_ignore_ascii_case("enabled")
    }

    fn text(&self, name: &str) -> &str {
        self.inputs.get(name).and_then(Value::as_str).unwrap_or_default().trim()
    }
}

/// The items, and a line for each thing that was left out. One type that cannot be had fails all of it: half an inventory
/// would pass for a whole one.
pub fn gather(wish: &Wish<'_>) -> anyhow::Result<(Vec<Item>, Vec<String>)> {
    let mut items = Vec::new();
    let mut notes = Vec::new();
    system(wish, &mut items)?;
    if !matches!(wish.text("files"), "" | "Disabled") {
        let (content, left_out) = files::gather(wish.root, wish.text("files")).context("files")?;
        items.push(Item::new("AWS:File", content));
        notes.extend(left_out);
    }
    // Of EC2 alone, whose nodes tell it by their identity document; here there is none.
    if wish.is_enabled("billingInfo") {
        items.push(Item::new("AWS:BillingInfo", Vec::new()));
    }
    if wish.is_enabled("customInventory") {
        let (custom, left_out) = custom::gather(wish.data_dir, wish.text("customInventoryDirectory"));
        items.extend(custom);
        notes.extend(left_out);
    }
    Ok((items, notes))
}

#[cfg(target_os = "linux")]
fn system(wish: &Wish<'_>, items: &mut Vec<Item>) -> anyhow::Result<()> {
    use crate::packages::root::Root;
    let root = Root::at(wish.root)?;
    if wish.is_enabled("applications") || wish.is_enabled("awsComponents") {
        let all = applications::gather(&root).context("applications")?;
        let (components, applications): (Vec<Entry>, Vec<Entry>) =
            all.into_iter().partition(applications::is_component);
        if wish.is_enabled("applications") {
            items.push(Item::new("AWS:Application", applications));
        }
        if wish.is_enabled("awsComponents") {
            items.push(Item::new("AWS:AWSComponent", components));
        }
    }
    if wish.is_enabled("networkConfig") {
        items.push(Item::new("AWS:Network", network::gather(&root).context("network")?));
    }
    if wish.is_enabled("instanceDetailedInformation") {
        items.push(Item::new("AWS:InstanceDetailedInformation", processor::gather()));
    }
    Ok(())
}

#[cfg(windows)]
fn system(wish: &Wish<'_>, items: &mut Vec<Item>) -> anyhow::Result<()> {
    items.extend(windows::gather(wish)?);
    Ok(())
}

/// Of macOS files and custom types are told; its applications are in the facts that a scan reports.
#[cfg(not(any(target_os = "linux", windows)))]
fn system(_wish: &Wish<'_>, _items: &mut Vec<Item>) -> anyhow::Result<()> {
    Ok(())
}
