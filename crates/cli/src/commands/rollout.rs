//! Staged rollouts on the command line: the file that says the rings, and what is told to a rollout.

use std::path::Path;

use anyhow::{Context, bail};
use api::fettle::{
    GetRolloutRequest, ListRolloutsRequest, Rollout, RolloutBudget, RolloutPlan, RolloutSignal,
    SignalRolloutRequest,
};
use serde_json::Value;

use super::listed::{self, Kind, PAGE};
use super::{Output, json};
use crate::client::{Client, ClientError, now};
use crate::text;

/// What `--rings` and `--budget` say together; `None`: neither was given.
pub fn plan(rings: Option<&Path>, budgets: &[String]) -> anyhow::Result<Option<RolloutPlan>> {
    let mut plan = match rings {
        None if budgets.is_empty() => return Ok(None),
        None => RolloutPlan::default(),
        Some(path) => {
            let text =
                std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
            read(&text).with_context(|| format!("{} is no plan of rings", path.display()))?
        }
    };
    for budget in budgets {
        // A tag's name may have the sign in it, a number has not.
        let Some((tag, limit)) = budget.rsplit_once('=').filter(|(tag, _)| !tag.is_empty()) else {
            bail!("--budget {budget}: expected TAG=NUMBER or TAG=PERCENT, such as Service=1");
        };
        let budget = RolloutBudget { tag_key: tag.to_owned(), limit: limit.to_owned() };
        plan.budgets.get_or_insert_default().push(budget);
    }
    Ok(Some(plan))
}

/// A member that is not known would be a gate that is not there.
fn read(text: &str) -> anyhow::Result<RolloutPlan> {
    let given: Value = serde_json::from_str(text)?;
    let plan: RolloutPlan = serde_json::from_value(given.clone())?;
    match unknown(&given, &serde_json::to_value(&plan)?, "") {
        None => Ok(plan),
        Some(member) => bail!("`{member}` is not known: `aws fettle start-patch-now help` lists what is"),
    }
}

/// The first member of `given` that reading it lost.
fn unknown(given: &Value, kept: &Value, place: &str) -> Option<String> {
    match (given, kept) {
        (Value::Object(given), Value::Object(kept)) => given.iter().find_map(|(name, value)| {
            let place = if place.is_empty() { name.clone() } else { format!("{place}.{name}") };
            match kept.get(name) {
                Some(kept) => unknown(value, kept, &place),
                None if value.is_null() => None,
                None => Some(place),
            }
        }),
        (Value::Array(given), Value::Array(kept)) => {
            let pairs = given.iter().zip(kept).enumerate();
            pairs.into_iter().find_map(|(i, (given, kept))| unknown(given, kept, &format!("{place}[{i}]")))
        }
        _ => None,
    }
}

pub fn show(client: &Client, id: &str, output: Output) -> anyhow::Result<String> {
    let rollout_id = find(client, id)?;
    render(&client.call(&GetRolloutRequest { rollout_id })?.rollout, output)
}

pub fn list(client: &Client, output: Output) -> anyhow::Result<String> {
    let found = all(client)?;
    match output {
        Output::Json => json(&found),
        Output::Text(_) => Ok(text::rollout::list(&found, now())),
    }
}

pub fn signal(
    client: &Client,
    id: &str,
    (signal, comment): (RolloutSignal, Option<&str>),
    output: Output,
) -> anyhow::Result<String> {
    let rollout_id = find(client, id)?;
    let comment = comment.map(str::to_owned);
    render(&client.call(&SignalRolloutRequest { rollout_id, signal, comment })?.rollout, output)
}

fn render(rollout: &Rollout, output: Output) -> anyhow::Result<String> {
    match output {
        Output::Json => json(rollout),
        Output::Text(style) => Ok(text::rollout::table(rollout, now(), style)),
    }
}

fn all(client: &Client) -> Result<Vec<Rollout>, ClientError> {
    listed::all(|next_token| {
        let page = client.call(&ListRolloutsRequest { max_results: Some(PAGE), next_token })?;
        Ok((page.rollouts, page.next_token))
    })
}

fn find(client: &Client, text: &str) -> anyhow::Result<String> {
    let kind = Kind { name: "rollout", listed_by: "fettle patch rollouts" };
    listed::id(text, kind, || all(client), |one| &one.rollout_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_read_whole_or_not_at_all() {
        let text = r#"{"Rings": [
            {"Name": "canary", "Percent": 5, "SoakMinutes": 60, "Gates": {"MaxFailures": 0}}, {"Name": "rest"}]}"#;
        let plan = read(text).unwrap();
        let rings = plan.rings.unwrap();
        assert_eq!((rings[0].percent, rings[1].name.as_str()), (Some(5), "rest"));
        let odd = read(&text.replace("MaxFailures", "MaxFailure")).unwrap_err().to_string();
        assert!(odd.contains("`Rings[0].Gates.MaxFailure` is not known"), "{odd}");
        assert!(read(&text.replace("5,", "\"5\",")).is_err());
    }

    #[test]
    fn budgets_are_added_to_a_plan_or_are_one() {
        assert_eq!(plan(None, &[]).unwrap(), None);
        let given = ["Service=1".to_owned(), "a=b=20%".to_owned()];
        let budgets = plan(None, &given).unwrap().unwrap().budgets.unwrap();
        let shown: Vec<_> = budgets.iter().map(|one| (one.tag_key.as_str(), one.limit.as_str())).collect();
        assert_eq!(shown, [("Service", "1"), ("a=b", "20%")]);
        assert!(plan(None, &["Service".to_owned()]).is_err());
        assert!(plan(Some(Path::new("/nowhere/rings.json")), &[]).is_err());
    }
}
