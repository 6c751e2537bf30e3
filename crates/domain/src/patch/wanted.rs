//! What an installation asks the package manager for: the approved versions that are missing, and what no
//! transaction may touch. Solving and installing is the agent's package managers' work.
//! Source: spec patch-manager 1.7 and 4.3.

use crate::baseline::{BaselineRules, RejectedPatchesAction};

use super::transaction::{Limits, Wanted};
use super::{Evaluation, PatchState};

/// One entry for each missing item, and for each that an earlier installation left half done, in the order of the
/// verdicts. Held and phased items are asked for too: that they cannot be had is then a failure with its reason, not silence.
pub fn wanted(evaluation: &Evaluation) -> Vec<Wanted> {
    let is_wanted = |state| matches!(state, PatchState::Missing | PatchState::Failed);
    let missing = evaluation.verdicts.iter().filter(|verdict| is_wanted(verdict.state));
    let entry = |verdict: &super::Verdict| {
        let version = verdict.fix_version()?.to_owned();
        Some(Wanted { name: verdict.name.clone(), arch: verdict.arch.clone(), version })
    };
    missing.filter_map(entry).collect()
}

/// The baseline's rejections, where they block.
pub fn limits(rules: &BaselineRules) -> Limits {
    let blocked = match rules.rejected_patches_action {
        RejectedPatchesAction::Block => rules.rejected_patches.clone(),
        RejectedPatchesAction::AllowAsDependency => Vec::new(),
    };
    Limits { blocked, ..Limits::default() }
}
