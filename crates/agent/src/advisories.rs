//! `fettle-agent advisories`: the advisories that an rpm node lacks, without a server, an index or a look at what repositories offer.
//! Finding them is `packages::rpm::lacking`'s; whether a baseline approves them is for `scan` to say.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use crate::packages;
use crate::packages::root::Root;
use crate::packages::rpm::lacking::{Kinds, Lacking};

#[derive(Debug, Args)]
pub struct AdvisoriesArgs {
    /// Read this unpacked root file system in place of the running machine.
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
    /// Security advisories alone.
    #[arg(long)]
    security: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &AdvisoriesArgs) -> anyhow::Result<()> {
    let root = Root::at(&args.root)?;
    let kinds = if args.security { Kinds::Security } else { Kinds::All };
    let lacking = packages::lacking(&root, kinds)?;
    let text = if args.json { serde_json::to_string_pretty(&lacking)? + "\n" } else { table(&lacking) };
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot print the advisories")
        }
        _ => Ok(()),
    }
}

/// A line for each package: advisory, kind, severity, package with the version that it would get, the installed version.
fn table(lacking: &[Lacking]) -> String {
    let severity = |entry: &Lacking| match entry.severity.as_str() {
        "" | "None" => entry.kind.clone(),
        severity => format!("{}/{severity}", entry.kind),
    };
    let widest = |of: &dyn Fn(&Lacking) -> usize| lacking.iter().map(of).max().unwrap_or_default();
    let (ids, kinds) = (widest(&|entry| entry.advisory.len()), widest(&|entry| severity(entry).len()));
    let mut text = String::new();
    for entry in lacking {
        let Lacking { advisory, name, version, arch, installed_version, .. } = entry;
        let kind = severity(entry);
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{advisory:<ids$}  {kind:<kinds$}  {name}-{version}.{arch}  (has {installed_version})"
        );
    }
    text
}
