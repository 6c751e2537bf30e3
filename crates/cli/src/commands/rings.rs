//! `fettle patch rings`: the rings in which a patch policy installs. What a plan may say is `rollout`'s to read and the
//! server's to judge.

use std::path::PathBuf;

use anyhow::bail;
use api::fettle::{
    DeletePatchPolicyRolloutRequest, GetPatchPolicyRolloutRequest, GetPatchPolicyRolloutResponse,
    PutPatchPolicyRolloutRequest,
};
use clap::{Args, Subcommand};
use serde::Serialize;

use super::{Common, Output, json, rollout};
use crate::client::{Client, now};
use crate::text;

#[derive(Subcommand)]
pub enum Rings {
    /// Show the rings that a policy has, or that it has none.
    Show(Policy),
    /// Give a policy rings in place of those that it has. It installs by them the next time.
    Set(Box<Set>),
    /// Have a policy install on all of its nodes again. A rollout that is under way goes on.
    Remove(Policy),
}

#[derive(Args)]
pub struct Policy {
    /// The ARN of the policy's configuration manager: `aws ssm-quicksetup list-configuration-managers` tells it.
    manager: String,
    /// The id of the configuration definition in it: `aws ssm-quicksetup get-configuration-manager` tells it.
    definition: String,
    #[command(flatten)]
    common: Common,
}

#[derive(Args)]
pub struct Set {
    #[command(flatten)]
    policy: Policy,
    /// JSON: {"Rings": [{"Name": "canary", "Percent": 5, "SoakMinutes": 60, "Gates": {"MaxFailures": 0}}, {"Name": "rest"}]}.
    #[arg(long, value_name = "FILE")]
    rings: Option<PathBuf>,
    /// So many nodes with the same value of the tag at work at once, in all rollouts together: Service=1, or Zone=10%. May be
    /// repeated.
    #[arg(long, value_name = "TAG=NUMBER|PERCENT")]
    budget: Vec<String>,
}

/// What `--json` prints where the API answers nothing.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Removed<'a> {
    manager_arn: &'a str,
    definition_id: &'a str,
}

impl Rings {
    pub fn common(&self) -> &Common {
        match self {
            Self::Show(policy) | Self::Remove(policy) => &policy.common,
            Self::Set(set) => &set.policy.common,
        }
    }

    pub fn run(&self, client: &Client, output: Output) -> anyhow::Result<String> {
        match self {
            Self::Show(policy) => show(client, policy, output),
            Self::Set(set) => {
                let Some(plan) = rollout::plan(set.rings.as_deref(), &set.budget)? else {
                    bail!("say what the rings are: --rings FILE, --budget TAG=NUMBER, or both");
                };
                let (manager_arn, definition_id) = set.policy.names();
                client.call(&PutPatchPolicyRolloutRequest { manager_arn, definition_id, plan })?;
                // As it is kept, whoever else has changed it meanwhile.
                show(client, &set.policy, output)
            }
            Self::Remove(policy) => {
                let (manager_arn, definition_id) = policy.names();
                client.call(&DeletePatchPolicyRolloutRequest { manager_arn, definition_id })?;
                match output {
                    Output::Json => {
                        json(&Removed { manager_arn: &policy.manager, definition_id: &policy.definition })
                    }
                    Output::Text(_) => Ok(text::rings::removed()),
                }
            }
        }
    }
}

impl Policy {
    fn names(&self) -> (String, String) {
        (self.manager.clone(), self.definition.clone())
    }
}

fn show(client: &Client, policy: &Policy, output: Output) -> anyhow::Result<String> {
    let (manager_arn, definition_id) = policy.names();
    let found: GetPatchPolicyRolloutResponse =
        client.call(&GetPatchPolicyRolloutRequest { manager_arn, definition_id })?;
    match output {
        Output::Json => json(&found),
        Output::Text(_) => Ok(match (&found.plan, found.updated_at) {
            (Some(plan), Some(updated_at)) => text::rings::shown(plan, updated_at, now()),
            _ => text::rings::none(),
        }),
    }
}
