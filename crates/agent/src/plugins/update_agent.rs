//! `aws:updateAgent` and `aws:updateSsmAgent`: this agent goes over to another build of itself. The step runs three times: it
//! fetches the build and asks for the exchange; in the new build it says that this is on probation; and, after that, in
//! whichever build has the place, what came of it.
//! How it is done is `update`'s. Source: spec agent-protocol 7.5, 9.4; docs/decisions, logs and updates.

use std::path::Path;

use anyhow::bail;
use serde_json::Value;

use super::engine::{EXIT_RESTART, PluginResult, Restarts, Run};
use super::process::Ending;
use crate::transport::call::now;
use crate::update::{self, Fetched, Stage, Update, Wanted, sha256_of};

const ACTIONS: [&str; 2] = ["aws:updateAgent", "aws:updateSsmAgent"];
/// An agent that is killed while it tries a build starts over; one that always is gives up.
const MOST_TRIES: u32 = 3;
/// An update of another command that is older has no command any more.
const STALE_SECONDS: i64 = 15 * 60;

pub fn is(action: &str) -> bool {
    ACTIONS.contains(&action)
}

/// What is next.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Done(String),
    Exchange(String),
    /// This is the new build, which has to show what it can do first.
    Probation(String),
}

pub async fn run(run: &Run<'_>, action: &str, inputs: &Value) -> PluginResult {
    let wanted = wanted(inputs);
    let (data_dir, program) = (run.surroundings.data_dir.clone(), run.surroundings.agent_exe.clone());
    let job_id = run.job_id.to_owned();
    let next = tokio::task::spawn_blocking(move || match found(&data_dir, &job_id)? {
        Some(next) => Ok(next),
        None => begin(&data_dir, &program, &job_id, &wanted),
    });
    match next.await {
        Ok(Ok(Next::Done(said))) => PluginResult { stdout: said, ..PluginResult::empty() },
        Ok(Ok(Next::Exchange(said))) => suspended(said, Restarts::Agent),
        Ok(Ok(Next::Probation(said))) => suspended(said, Restarts::AgentOnProbation),
        Ok(Err(error)) => PluginResult::refused(format!("{action}: {error:#}\n")),
        Err(error) => PluginResult::refused(format!("{action}: {error}\n")),
    }
}

fn suspended(stdout: String, restarts: Restarts) -> PluginResult {
    let (code, ending) = (EXIT_RESTART, Ending::Exited(EXIT_RESTART as i32));
    PluginResult { stdout, ending, code, restarts, ..PluginResult::empty() }
}

/// `source` and `agentName` are for stock agents: here builds come from this node's server.
fn wanted(inputs: &Value) -> Wanted {
    let text = |name: &str| inputs.get(name).and_then(Value::as_str).map(str::trim).unwrap_or_default();
    let version = [text("targetVersion"), text("version")].into_iter().find(|text| !text.is_empty());
    let version = version.filter(|text| !text.eq_ignore_ascii_case("latest")).map(str::to_owned);
    let allow_downgrade = match inputs.get("allowDowngrade") {
        Some(Value::Bool(allowed)) => *allowed,
        _ => text("allowDowngrade").eq_ignore_ascii_case("true"),
    };
    Wanted { version, allow_downgrade }
}

fn begin(data_dir: &Path, program: &Path, job_id: &str, wanted: &Wanted) -> anyhow::Result<Next> {
    Ok(match update::fetch(data_dir, program, job_id, wanted)? {
        Fetched::Nothing(why) => Next::Done(format!("the agent stays {}: {why}\n", crate::VERSION)),
        Fetched::Update(update) => Next::Exchange(format!(
            "the build {} is here, signed and whole; the agent {} tries it\n",
            update.to_version, update.from_version
        )),
    })
}

/// What came of an update that this command began.
fn found(data_dir: &Path, job_id: &str) -> anyhow::Result<Option<Next>> {
    let Some(update) = Update::load(data_dir)? else { return Ok(None) };
    if update.job_id != job_id {
        let is_young =
            now().millis_since(update.began_at) < STALE_SECONDS * 1000 && update.given_up.is_none();
        if is_young || update.is_on_probation()? {
            bail!("the command of {} is updating this agent to {}", update.job_id, update.to_version);
        }
        update.forget(data_dir)?;
        return Ok(None);
    }
    let (from, to) = (&update.from_version, &update.to_version);
    let own = sha256_of(&update.program)?;
    if own == update.to_sha256 {
        update.forget(data_dir)?;
        return Ok(Some(Next::Done(format!("the agent {to} has taken the place of {from}\n"))));
    }
    if update.stage == Stage::Probation && update.given_up.is_none() && own == update.from_sha256 {
        let said = format!("the build {to} reaches the server and is on probation in place of {from}\n");
        return Ok(Some(Next::Probation(said)));
    }
    let reason = match &update.given_up {
        Some(reason) => format!("the agent is {from} as before: {reason}"),
        None if own != update.from_sha256 => {
            format!("{} is neither {from} nor {to}: somebody else replaced it", update.program.display())
        }
        None if update.tries >= MOST_TRIES => {
            format!("the agent is {from} as before: it was ended {MOST_TRIES} times while it tried {to}")
        }
        None => return Ok(Some(Next::Exchange(format!("the agent {from} tries the build {to} again\n")))),
    };
    update.forget(data_dir)?;
    bail!(reason)
}

#[cfg(test)]
mod tests {
    use api::Timestamp;
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_what_a_document_asks_for() {
        let check = |inputs: Value, version: Option<&str>, allow_downgrade: bool| {
            let version = version.map(str::to_owned);
            assert_eq!(wanted(&inputs), Wanted { version, allow_downgrade }, "{inputs}");
        };
        check(json!({}), None, false);
        check(json!({"targetVersion": "", "allowDowngrade": "false", "source": "https://x"}), None, false);
        check(json!({"targetVersion": "latest", "allowDowngrade": "True"}), None, true);
        check(json!({"version": " 1.2 ", "allowDowngrade": true}), Some("1.2"), true);
    }

    /// A program of so many bytes, and an update that would replace it.
    fn under_way(dir: &Path, change: impl Fn(&mut Update)) {
        let program = dir.join("fettle-agent");
        std::fs::write(&program, "old").unwrap();
        let mut update = Update {
            job_id: "ours".to_owned(),
            began_at: now(),
            from_version: "1".to_owned(),
            from_sha256: sha256_of(&program).unwrap(),
            to_version: "2".to_owned(),
            to_sha256: "another".to_owned(),
            program,
            tries: 1,
            given_up: None,
            stage: Stage::Fetched,
            starts: 0,
        };
        change(&mut update);
        std::fs::write(update.new_program(), "new").unwrap();
        update.save(dir).unwrap();
    }

    #[test]
    fn says_what_came_of_it_and_tidies_up() {
        type Change = fn(&mut Update);
        let rows: [(Change, Result<Option<&str>, &str>); 11] = [
            (|update| update.to_sha256 = update.from_sha256.clone(), Ok(Some("done"))),
            (|update| update.given_up = Some("no way".to_owned()), Err("is 1 as before: no way")),
            (|update| update.tries = MOST_TRIES, Err("ended 3 times")),
            (|update| update.from_sha256.clear(), Err("somebody else")),
            (|_| {}, Ok(Some("again"))),
            (|update| update.stage = Stage::Probation, Ok(Some("probation"))),
            (
                |update| {
                    (update.stage, update.to_sha256) = (Stage::Probation, update.from_sha256.clone());
                    update.from_sha256.clear();
                },
                Ok(Some("done")),
            ),
            (
                |update| (update.stage, update.given_up) = (Stage::Probation, Some("it fell".to_owned())),
                Err("is 1 as before: it fell"),
            ),
            (
                |update| {
                    (update.stage, update.job_id) = (Stage::Probation, "theirs".to_owned());
                    update.began_at = Timestamp::from_seconds(0);
                },
                Err("command of theirs is updating"),
            ),
            (|update| update.job_id = "theirs".to_owned(), Err("command of theirs is updating")),
            (
                |update| (update.job_id, update.given_up) = ("theirs".to_owned(), Some("x".to_owned())),
                Ok(None),
            ),
        ];
        for (number, (change, expected)) in rows.into_iter().enumerate() {
            let dir = tempfile::tempdir().unwrap();
            under_way(dir.path(), change);
            let outcome = found(dir.path(), "ours");
            let goes_on = match (&outcome, expected) {
                (Ok(Some(Next::Done(_))), Ok(Some("done"))) | (Ok(None), Ok(None)) => false,
                (Ok(Some(Next::Exchange(_))), Ok(Some("again")))
                | (Ok(Some(Next::Probation(_))), Ok(Some("probation"))) => true,
                (Err(error), Err(expected)) => {
                    assert!(format!("{error:#}").contains(expected), "{error:#}");
                    expected.contains("is updating")
                }
                _ => panic!("row {number}: {outcome:?}, expected {expected:?}"),
            };
            let left = std::fs::read_dir(dir.path()).unwrap().count();
            assert_eq!(left, if goes_on { 3 } else { 1 }, "row {number}");
        }
    }
}
