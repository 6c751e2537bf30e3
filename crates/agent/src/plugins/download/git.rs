//! Git repositories over https, with the node's own `git`, which is told to speak nothing else and to run nothing.
//! Source: spec agent-protocol 7.5; git's documentation, environment variables.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::place::{Bounds, MAX_BYTES, Place};
use super::{github, refused, web};
use crate::enroll::Registration;
use crate::platform;
use crate::plugins::engine::{PluginResult, Run};
use crate::plugins::output::stream_text;
use crate::plugins::process::{self, Ending, Finished, Program};

const TIMEOUT: Duration = Duration::from_secs(30 * 60);
/// How often is looked how much has come.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Where distributions keep the authorities that the system trusts.
const AUTHORITIES: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem"];

/// May hold a secret, so that nothing prints it.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Git {
    repository: String,
    username: String,
    password: String,
    get_options: String,
    allow_insecure_download: Option<Value>,
}

/// A clone aside, whose files then go where they are wanted.
pub async fn run(
    run: &Run<'_>,
    source: &Git,
    place: &Place,
    cancel: &mut watch::Receiver<bool>,
) -> PluginResult {
    let aside = run.work_dir.join("git");
    let outcome = clone(run, source, &aside, cancel).await;
    let outcome = match outcome {
        Ok(None) => {
            let (from, place, bounds) = (aside.join("tree"), place.clone(), Bounds::new(Default::default()));
            let moved = tokio::task::spawn_blocking(move || {
                copy(&from, &from, &place, &bounds)?;
                Ok::<_, anyhow::Error>(format!("Content downloaded to {}\n", place.shown()))
            });
            match moved.await {
                Ok(moved) => moved.map(|said| PluginResult { stdout: said, ..PluginResult::empty() }),
                Err(error) => Err(error.into()),
            }
        }
        Ok(Some(ended)) => Ok(ended),
        Err(error) => Err(error),
    };
    let _ = fs::remove_dir_all(&aside);
    outcome.unwrap_or_else(|error| refused(&format!("{error:#}")))
}

/// `Some`: it ended otherwise than well.
async fn clone(
    run: &Run<'_>,
    source: &Git,
    aside: &Path,
    cancel: &mut watch::Receiver<bool>,
) -> anyhow::Result<Option<PluginResult>> {
    let url = source.repository.trim();
    if !is_https(source) {
        bail!("repositories are fetched over https; ssh and keys for it are not supported");
    }
    let wanted = github::wanted(&source.get_options)?;
    let _ = fs::remove_dir_all(aside);
    platform::create_private_dir(aside)?;
    let environment = environment(run, source, aside)?;
    let tree = aside.join("tree");
    let mut arguments = vec!["clone", "--quiet", "--no-tags", "--config", "core.symlinks=true"];
    let is_commit = source.get_options.trim_start().starts_with("commitID");
    if let (Some(branch), false) = (wanted, is_commit) {
        arguments.extend(["--single-branch", "--branch", branch]);
    }
    let tree_text = tree.to_string_lossy().into_owned();
    arguments.extend(["--", url, &tree_text]);
    if let Some(ended) = git(aside, &arguments, &environment, cancel).await? {
        return Ok(Some(ended));
    }
    if let (Some(commit), true) = (wanted, is_commit) {
        let arguments = ["-C", &tree_text, "checkout", "--quiet", "--detach", commit];
        return git(aside, &arguments, &environment, cancel).await;
    }
    Ok(None)
}

fn is_https(source: &Git) -> bool {
    let url = source.repository.trim().to_ascii_lowercase();
    let insecure = super::flag(source.allow_insecure_download.as_ref());
    url.starts_with("https://") || (insecure && url.starts_with("http://"))
}

/// Nothing of the node's own settings, no questions, one protocol, and whom to trust.
fn environment(run: &Run<'_>, source: &Git, aside: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let protocols = if super::flag(source.allow_insecure_download.as_ref()) { "https:http" } else { "https" };
    let mut variables = vec![
        ("GIT_ALLOW_PROTOCOL", protocols.to_owned()),
        ("GIT_TERMINAL_PROMPT", "0".to_owned()),
        ("GIT_ASKPASS", "/bin/false".to_owned()),
        ("GIT_CONFIG_NOSYSTEM", "1".to_owned()),
        ("GIT_LFS_SKIP_SMUDGE", "1".to_owned()),
        ("HOME", aside.to_string_lossy().into_owned()),
        ("LC_ALL", "C".to_owned()),
    ];
    if !source.username.is_empty() || !source.password.is_empty() {
        let proof = web::basic(&source.username, &source.password);
        variables.push(("GIT_CONFIG_COUNT", "1".to_owned()));
        variables.push(("GIT_CONFIG_KEY_0", "http.extraHeader".to_owned()));
        variables.push(("GIT_CONFIG_VALUE_0", format!("Authorization: {proof}")));
    }
    let ours = Registration::require(&run.surroundings.data_dir)?.ca_pem;
    if !ours.is_empty() {
        // git takes one file in place of the system's authorities: both go into it.
        let system = AUTHORITIES.iter().find_map(|path| fs::read_to_string(path).ok()).unwrap_or_default();
        let path = aside.join("authorities.pem");
        fs::write(&path, format!("{system}\n{ours}")).context("authorities for git")?;
        variables.push(("GIT_SSL_CAINFO", path.to_string_lossy().into_owned()));
    }
    Ok(variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// `None`: it went well.
async fn git(
    aside: &Path,
    arguments: &[&str],
    environment: &[(String, String)],
    cancel: &mut watch::Receiver<bool>,
) -> anyhow::Result<Option<PluginResult>> {
    let (stop, mut stopped) = watch::channel(false);
    let program = Program {
        program: "git".into(),
        arguments: arguments.iter().map(Into::into).collect(),
        working_dir: aside.to_owned(),
        environment: environment.to_vec(),
        timeout: TIMEOUT,
        spool: None,
    };
    let running = process::run(program, &mut stopped);
    tokio::pin!(running);
    let mut clock = interval(LOOK_EVERY);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_too_large = false;
    let mut is_cancelled = false;
    let finished = loop {
        tokio::select! {
            finished = &mut running => break finished,
            _ = clock.tick(), if !is_too_large => {
                is_too_large = size(aside) > MAX_BYTES;
                if is_too_large {
                    stop.send_replace(true);
                }
            }
            () = process::cancelled(cancel), if !is_cancelled => {
                is_cancelled = true;
                stop.send_replace(true);
            }
        }
    };
    let finished = finished.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            anyhow::anyhow!("this node has no `git`: install it, or use sourceType GitHub, HTTP or S3")
        }
        _ => anyhow::Error::new(error).context("cannot start git"),
    })?;
    if is_too_large {
        bail!("the repository has more than {MAX_BYTES} bytes");
    }
    Ok(ended(finished))
}

fn ended(finished: Finished) -> Option<PluginResult> {
    let said = stream_text(&finished.stderr);
    let result = |code, reason: &str| {
        let stderr = format!("{said}{}: git {reason}\n", super::ACTION);
        Some(PluginResult { ending: finished.ending, code, stderr, ..PluginResult::empty() })
    };
    match finished.ending {
        Ending::Exited(0) => None,
        Ending::Exited(code) => result(1, &format!("ended with status {code}")),
        Ending::Killed => result(1, "was killed by a signal"),
        Ending::TimedOut => result(137, &format!("took more than {} seconds", TIMEOUT.as_secs())),
        Ending::Cancelled => result(137, "was cancelled"),
    }
}

/// Of all files below a folder.
fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let of = |entry: fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => size(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    };
    entries.map(of).sum()
}

/// Files alone: what git keeps for itself stays behind, and so do links, which could lead anywhere.
fn copy(top: &Path, folder: &Path, place: &Place, bounds: &Bounds) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        let (kind, path) = (entry.file_type()?, entry.path());
        if folder == top && entry.file_name() == ".git" {
            continue;
        }
        if kind.is_dir() {
            copy(top, &path, place, bounds)?;
        } else if kind.is_file() {
            let relative = path.strip_prefix(top).unwrap_or(&path);
            let name = relative.to_str().with_context(|| format!("{}: not UTF-8", relative.display()))?;
            let mut file = place.below(name, bounds)?;
            std::io::copy(&mut fs::File::open(&path)?, &mut file)?;
            file.keep()?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_is_spoken() {
        let of = |json: &str| is_https(&serde_json::from_str::<Git>(json).unwrap());
        assert!(of(r#"{"repository":"https://example.org/a.git"}"#));
        assert!(of(r#"{"repository":"http://example.org/a.git","allowInsecureDownload":"true"}"#));
        for bad in ["http://example.org/a", "git@example.org:a", "ssh://a/b", "ext::sh -c id", "/etc", "--x"]
        {
            assert!(!of(&format!("{{\"repository\":\"{bad}\"}}")), "{bad}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_of_a_repository_are_left_behind() {
        let dir = tempfile::tempdir().unwrap();
        let from = dir.path().join("tree");
        fs::create_dir_all(from.join(".git")).unwrap();
        fs::create_dir_all(from.join("sub")).unwrap();
        fs::write(from.join(".git/config"), "x").unwrap();
        fs::write(from.join("sub/a.sh"), "a").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", from.join("link")).unwrap();
        let place = Place::of("out/", dir.path());
        copy(&from, &from, &place, &Bounds::new(Default::default())).unwrap();
        assert_eq!(fs::read_to_string(dir.path().join("out/sub/a.sh")).unwrap(), "a");
        assert_eq!(fs::read_dir(dir.path().join("out")).unwrap().count(), 1);
        assert_eq!(size(&from), 2 + "/etc/passwd".len() as u64);
    }
}
