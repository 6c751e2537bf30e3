//! One round of installing: each update alone, so that one which fails keeps no other away and progress can be told;
//! it ends when nothing is left or Windows wants a restart first. Which updates is the caller's choice, restarting and
//! the next round as well. Source: spec patch-manager 2.5 and 4.6; WUA's published installer interfaces.

use domain::patch::{Failure, FailureCode};

use super::agent::{ItemResult, ResultCode, Update, UpdateAgent};
use super::codes::{Hresult, UpdateError};
use crate::packages::tool::ToolRun;

/// What one round came to. Every update that was asked for is in exactly one of the lists.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Round {
    pub installed: Vec<Update>,
    pub failed: Vec<(Update, Failure)>,
    /// Not tried: a restart comes first.
    pub postponed: Vec<Update>,
    /// Something that was installed is in effect only after a restart.
    pub restart_needed: bool,
    /// Installed, with something to say.
    pub warnings: Vec<Failure>,
}

/// Of one update that did not fail.
enum Step {
    Installed { restart_needed: bool, warning: Option<Failure> },
    RestartFirst,
}

/// Downloads and installs in this order. An error means that the agent does not answer, and that nothing was begun.
pub fn install_round(
    agent: &mut dyn UpdateAgent,
    updates: Vec<Update>,
    run: &mut ToolRun,
) -> Result<Round, UpdateError> {
    let mut round = Round::default();
    let mut restart_first = agent.restart_comes_first()?;
    let count = updates.len();
    for (number, update) in updates.into_iter().enumerate() {
        if restart_first {
            round.postponed.push(update);
            continue;
        }
        if let Err(failure) = run.check("Windows Update") {
            round.failed.push((update, failure));
            continue;
        }
        run.say(&format!("{} of {count}: {}", number + 1, update.title));
        match step(agent, &update) {
            Ok(Step::Installed { restart_needed, warning }) => {
                run.say(if restart_needed { "  installed; needs a restart" } else { "  installed" });
                round.restart_needed |= restart_needed;
                round.warnings.extend(warning);
                round.installed.push(update);
                // When it cannot be asked, the next installation is refused with a code of its own.
                restart_first = agent.restart_comes_first().unwrap_or(false);
            }
            Ok(Step::RestartFirst) => {
                run.say("  waits for a restart");
                restart_first = true;
                round.postponed.push(update);
            }
            Err(failure) => {
                run.say(&format!("  failed: {failure}"));
                round.failed.push((update, failure));
            }
        }
    }
    round.restart_needed |= !round.postponed.is_empty();
    Ok(round)
}

fn step(agent: &mut dyn UpdateAgent, update: &Update) -> Result<Step, Failure> {
    if update.may_ask {
        let detail = "its installer may ask a question, and nobody is there to answer; install it by hand";
        return Err(failure(FailureCode::WindowsUpdate, update, detail.to_owned()));
    }
    if update.needs_licence {
        agent.accept_licence(&update.key).map_err(|error| error.to_failure())?;
    }
    if !update.is_downloaded {
        let result = agent.download(&update.key).map_err(|error| error.to_failure())?;
        if !result.succeeded() {
            return Err(item_failure("download", &result));
        }
    }
    let result = match agent.install(&update.key) {
        Ok(result) => result,
        Err(error) if refused_for_now(agent, error.hresult) => return Ok(Step::RestartFirst),
        Err(error) => return Err(error.to_failure()),
    };
    if !result.succeeded() {
        if refused_for_now(agent, result.hresult) {
            return Ok(Step::RestartFirst);
        }
        return Err(item_failure("install", &result));
    }
    let warning = (result.code == ResultCode::SucceededWithErrors)
        .then(|| item_failure("install, with errors", &result));
    let restart_needed = result.restart_needed || result.hresult == Hresult::REBOOT_REQUIRED;
    Ok(Step::Installed { restart_needed, warning })
}

/// Refused because a restart comes first; the same code also says that another installation runs.
fn refused_for_now(agent: &mut dyn UpdateAgent, hresult: Hresult) -> bool {
    hresult == Hresult::INSTALL_NOT_ALLOWED
        && (agent.restart_comes_first() == Ok(true) || agent.restart_is_needed() == Ok(true))
}

fn item_failure(during: &'static str, result: &ItemResult) -> Failure {
    let error = UpdateError::new(during, result.hresult);
    let failure = error.to_failure();
    match result.code {
        ResultCode::Aborted => Failure { detail: format!("{}; it was cancelled", failure.detail), ..failure },
        _ => failure,
    }
}

fn failure(code: FailureCode, update: &Update, detail: String) -> Failure {
    Failure { code, subject: update.title.clone(), detail }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;
    use std::time::Duration;

    use super::super::fake::{Fake, Scripted, update};
    use super::*;

    fn run() -> ToolRun {
        ToolRun::new(Path::new("/nowhere"), Duration::from_secs(60))
    }

    fn titles(updates: &[Update]) -> Vec<&str> {
        updates.iter().map(|update| update.title.as_str()).collect()
    }

    fn round_of(fake: &mut Fake) -> Round {
        let updates = fake.updates.clone();
        install_round(fake, updates, &mut run()).unwrap()
    }

    #[test]
    fn one_that_fails_keeps_no_other_away() {
        let mut fake = Fake::of(vec![update("a", "A"), update("b", "B"), update("c", "C"), update("d", "D")]);
        fake.installs.insert("b".into(), Scripted::Fails(Hresult(0x800F_0922)));
        fake.downloads.insert("c".into(), Hresult(0x8024_402C));
        fake.updates[3].needs_licence = true;
        let round = round_of(&mut fake);
        assert_eq!(titles(&round.installed), ["A", "D"]);
        let subjects: Vec<_> =
            round.failed.iter().map(|(u, f)| (u.title.as_str(), f.subject.as_str())).collect();
        assert_eq!(subjects, [("B", "0x800F0922"), ("C", "0x8024402C")]);
        assert!(round.failed[1].1.detail.starts_with("download: WU_E_PT_WINHTTP_NAME_NOT_RESOLVED"));
        assert!(!round.restart_needed && round.postponed.is_empty());
        assert_eq!(fake.calls.iter().filter(|call| call.starts_with("install c")).count(), 0);
    }

    #[test]
    fn what_must_wait_for_a_restart_waits() {
        let mut fake = Fake::of(vec![update("a", "A"), update("b", "B"), update("c", "C")]);
        fake.installs.insert("a".into(), Scripted::NeedsRestart);
        fake.installs.insert("b".into(), Scripted::BlocksOthers);
        let round = round_of(&mut fake);
        assert_eq!((titles(&round.installed), titles(&round.postponed)), (vec!["A", "B"], vec!["C"]));
        assert!(round.restart_needed);

        fake.restart();
        let updates = round.postponed;
        let next = install_round(&mut fake, updates, &mut run()).unwrap();
        assert_eq!((titles(&next.installed), next.restart_needed), (vec!["C"], false));
    }

    #[test]
    fn a_refusal_before_a_restart_is_no_failure() {
        let mut fake = Fake::of(vec![update("a", "A"), update("b", "B")]);
        fake.installs.insert("a".into(), Scripted::NeedsRestart);
        fake.installs.insert("b".into(), Scripted::Fails(Hresult::INSTALL_NOT_ALLOWED));
        let round = round_of(&mut fake);
        assert_eq!((titles(&round.postponed), round.failed.len()), (vec!["B"], 0));

        // Without a restart in sight the code means that somebody else installs.
        let mut fake = Fake::of(vec![update("b", "B")]);
        fake.installs.insert("b".into(), Scripted::Fails(Hresult::INSTALL_NOT_ALLOWED));
        let round = round_of(&mut fake);
        assert_eq!((round.postponed.len(), round.failed.len()), (0, 1));
    }

    #[test]
    fn an_update_that_asks_questions_is_left_to_people() {
        let mut asks = update("a", "A");
        asks.may_ask = true;
        let mut fake = Fake::of(vec![asks]);
        let round = round_of(&mut fake);
        assert!(round.failed[0].1.detail.contains("by hand"));
        assert!(fake.calls.is_empty());
    }

    #[test]
    fn a_cancelled_run_begins_nothing_more() {
        let mut fake = Fake::of(vec![update("a", "A")]);
        let updates = fake.updates.clone();
        let mut run = run().cancelled_by(Arc::new(AtomicBool::new(true)));
        let round = install_round(&mut fake, updates, &mut run).unwrap();
        assert_eq!((round.failed.len(), fake.calls.len()), (1, 0));
    }
}
