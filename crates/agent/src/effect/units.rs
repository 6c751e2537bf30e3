//! Units of systemd that have failed, as `systemctl` lists them; and which of them failed since an installation began.
//! What that means for a rollout is `domain::rollout`'s. Source: systemctl(1).

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use domain::facts::{FailedSince, FailedUnits};
use serde::{Deserialize, Serialize};

use crate::boot::Boot;
use crate::packages::tool::{Ending, Stream, Tool, ToolRun};

/// There while systemd runs the machine.
const RUNS: &str = "run/systemd/system";
/// systemd answers at once, or not at all.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// After a restart: for everything that the machine starts. What takes longer is told as it is by then.
const START_WITHIN: Duration = Duration::from_secs(60);

/// What had failed when an installation began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    pub execution_id: String,
    pub units: BTreeSet<String>,
}

/// `None`: this is no running machine with systemd, or it does not answer.
pub fn observe(boot: &Boot, data_dir: &Path, before: Option<&Before>) -> Option<FailedUnits> {
    if !runs_systemd(boot) {
        return None;
    }
    let mut run = ToolRun::new(data_dir, START_WITHIN + ANSWER_WITHIN);
    // Until the machine has started; an older systemctl, which does not know this, says so and is not waited for.
    let wait = Tool::new("systemctl").args(["is-system-running", "--wait"]).at_most(START_WITHIN);
    let _ = run.run(&wait);
    let units = list(&mut run)?;
    let since = before.map(|before| since(before, &units));
    Some(FailedUnits { units, since })
}

/// What has failed by now since an installation began, as long as nodes are asked for that. `None`: as for [`observe`].
pub fn failed_since(boot: &Boot, data_dir: &Path, before: &Before) -> Option<FailedSince> {
    if !runs_systemd(boot) {
        return None;
    }
    Some(since(before, &list(&mut ToolRun::new(data_dir, ANSWER_WITHIN))?))
}

fn runs_systemd(boot: &Boot) -> bool {
    boot.proc().is_some() && boot.root().join(RUNS).is_dir()
}

fn since(before: &Before, units: &BTreeSet<String>) -> FailedSince {
    FailedSince {
        execution_id: before.execution_id.clone(),
        units: units.difference(&before.units).cloned().collect(),
    }
}

fn list(run: &mut ToolRun) -> Option<BTreeSet<String>> {
    let list = Tool::new("systemctl")
        .args(["list-units", "--state=failed", "--all", "--plain", "--no-legend", "--no-pager", "--full"])
        .at_most(ANSWER_WITHIN);
    let listed = run.run(&list).ok().filter(|listed| listed.ending == Ending::Exited(0))?;
    let printed = listed.lines.iter().filter(|(stream, _)| *stream == Stream::Out);
    Some(parse(printed.map(|(_, line)| line.as_str())))
}

/// The first word of each line: `nginx.service loaded failed failed A web server`.
fn parse<'a>(lines: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    // Older ones put a mark before it, whatever they are told.
    let name = |line: &str| line.split_whitespace().find(|word| word.contains('.')).map(str::to_owned);
    lines.filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_the_first_words() {
        let text = "nginx.service          loaded failed failed A web server\n\
                    \u{25cf} srv-data.mount loaded failed failed /srv/data\n\n";
        assert_eq!(parse(text.lines()), ["nginx.service", "srv-data.mount"].map(str::to_owned).into());
        assert_eq!(parse("".lines()), BTreeSet::new());
    }

    #[test]
    fn a_root_that_does_not_run_has_none() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(observe(&Boot::of(dir.path()), dir.path(), None), None);
        // A machine, and systemd does not run it.
        std::fs::create_dir(dir.path().join("proc")).unwrap();
        assert_eq!(observe(&Boot::told_by(dir.path().join("proc")), dir.path(), None), None);
    }
}
