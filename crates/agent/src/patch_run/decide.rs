//! What AWS-RunPatchBaselineWithHooks decides on the node between its steps, from what its own last run found.
//! Running the steps is the document's and the engine's.
//! Source: spec patch-manager 4.9.

use std::path::Path;

use anyhow::{Context, bail};
use domain::compliance::report::Operation;

use super::RebootOption;
use super::memory::{Last, MemoryFile};
use crate::plugins::engine::EXIT_STOP_WITH_SUCCESS;

/// Documents that may be no hook: they would run the very thing that they are a part of.
const PATCH_DOCUMENTS: [&str; 2] = ["AWS-RunPatchBaseline", "Fettle-RunPatchBaseline"];

/// Which decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    BeforeInstall,
    BeforeReboot,
}

#[derive(Clone, Debug)]
pub struct Question<'a> {
    pub moment: Moment,
    pub operation: Operation,
    pub reboot_option: RebootOption,
    pub hooks: &'a [String],
    pub command_id: &'a str,
}

/// What follows, with the reason for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    GoOn(&'static str),
    /// To the last step, the hook that always runs.
    SkipToEnd(&'static str),
}

impl Answer {
    pub fn code(&self) -> u8 {
        match self {
            Self::GoOn(_) => 0,
            Self::SkipToEnd(_) => EXIT_STOP_WITH_SUCCESS as u8,
        }
    }

    pub fn reason(&self) -> &'static str {
        match self {
            Self::GoOn(reason) | Self::SkipToEnd(reason) => reason,
        }
    }
}

/// Fails when this command's own run left nothing to decide by, or a hook may not be one.
pub fn decide(question: &Question<'_>, data_dir: &Path, boot_id: &str) -> anyhow::Result<Answer> {
    if let Some(hook) =
        question.hooks.iter().find(|hook| PATCH_DOCUMENTS.iter().any(|document| hook.contains(document)))
    {
        bail!("document {hook} cannot be a hook of patching; nothing was installed");
    }
    let memory = MemoryFile::open(data_dir, boot_id)?;
    let last = memory.get().last.as_ref().filter(|last| last.execution_id == question.command_id);
    let last = last.context("no run of this command has reported on this node; nothing was installed")?;
    Ok(answer(question, last))
}

fn answer(question: &Question<'_>, last: &Last) -> Answer {
    use Answer::{GoOn, SkipToEnd};
    let restarts = question.reboot_option == RebootOption::RebootIfNeeded;
    match question.moment {
        Moment::BeforeInstall if question.operation == Operation::Scan => SkipToEnd("a scan was asked for"),
        Moment::BeforeInstall if last.missing > 0 => GoOn("patches are missing"),
        Moment::BeforeInstall if last.pending == 0 => {
            SkipToEnd("nothing is missing, nothing waits for a reboot")
        }
        Moment::BeforeInstall if !restarts => {
            SkipToEnd("what waits for a reboot has to go on waiting: NoReboot")
        }
        Moment::BeforeInstall => GoOn("patches wait for a reboot"),
        Moment::BeforeReboot if !restarts => SkipToEnd("NoReboot"),
        Moment::BeforeReboot if last.installed > 0 || last.pending > 0 => GoOn("patches wait for a reboot"),
        Moment::BeforeReboot => SkipToEnd("nothing was installed, nothing waits for a reboot"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_skip_rules() {
        use Moment::{BeforeInstall, BeforeReboot};
        use Operation::{Install, Scan};
        use RebootOption::{NoReboot, RebootIfNeeded};
        let rows = [
            (BeforeInstall, Scan, RebootIfNeeded, (3, 0, 0), 168),
            (BeforeInstall, Install, RebootIfNeeded, (3, 0, 0), 0),
            (BeforeInstall, Install, NoReboot, (3, 0, 0), 0),
            (BeforeInstall, Install, RebootIfNeeded, (0, 0, 0), 168),
            (BeforeInstall, Install, RebootIfNeeded, (0, 2, 0), 0),
            (BeforeInstall, Install, NoReboot, (0, 2, 0), 168),
            (BeforeReboot, Install, NoReboot, (0, 2, 2), 168),
            (BeforeReboot, Install, RebootIfNeeded, (0, 2, 2), 0),
            (BeforeReboot, Install, RebootIfNeeded, (0, 1, 0), 0),
            (BeforeReboot, Install, RebootIfNeeded, (0, 0, 0), 168),
        ];
        for (moment, operation, reboot_option, (missing, pending, installed), code) in rows {
            let question = Question { moment, operation, reboot_option, hooks: &[], command_id: "c" };
            let last = Last { execution_id: "c".into(), missing, pending, installed };
            assert_eq!(answer(&question, &last).code(), code, "{question:?} {last:?}");
        }
    }

    #[test]
    fn decides_by_this_commands_run_only() {
        let dir = tempfile::tempdir().unwrap();
        let mut file = MemoryFile::open(dir.path(), "boot").unwrap();
        let last = Last { execution_id: "other".into(), missing: 1, pending: 0, installed: 0 };
        file.change(|memory| memory.last = Some(last)).unwrap();
        let hooks = ["AWS-Noop".to_owned()];
        let question = Question {
            moment: Moment::BeforeInstall,
            operation: Operation::Install,
            reboot_option: RebootOption::NoReboot,
            hooks: &hooks,
            command_id: "c",
        };
        assert!(decide(&question, dir.path(), "boot").unwrap_err().to_string().contains("no run"));
        let own = Question { command_id: "other", ..question.clone() };
        assert_eq!(decide(&own, dir.path(), "boot").unwrap(), Answer::GoOn("patches are missing"));
        let hooks = ["arn:aws:ssm:eu-central-1::document/AWS-RunPatchBaselineWithHooks".to_owned()];
        let wrong = Question { hooks: &hooks, ..own };
        assert!(decide(&wrong, dir.path(), "boot").unwrap_err().to_string().contains("cannot be a hook"));
    }
}
