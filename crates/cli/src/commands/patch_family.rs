//! The words of `fettle patch`: one node with its report, or many at once. What each does is `patch`'s, `patch_now`'s and
//! `rollout`'s.

use std::path::PathBuf;

use anyhow::{Context, bail};
use api::fettle::{PatchNowOrder, PatchNowRebootOption, PatchNowTarget, PatchOperation, RolloutSignal};
use clap::{Args, Subcommand};

use super::rings::Rings;
use super::{Common, Output, find, patch, patch_now, rollout};
use crate::client::Client;

/// `InstanceIds` of one target.
const MOST_NODES: usize = 50;
/// What has not ended after so many hours is cancelled, where nothing else is said.
const HOURS: i32 = 24;

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Patch {
    #[command(subcommand)]
    many: Option<Many>,
    /// One node: its id, its computer name, or the beginning of either.
    #[arg(required = true)]
    node: Option<String>,
    #[command(flatten)]
    work: Work,
    #[command(flatten)]
    common: Common,
}

/// What is to be done, and how a node restarts for it.
#[derive(Args)]
struct Work {
    /// Install what the baseline approves. `fettle plan` says beforehand what that would change.
    #[arg(long)]
    install: bool,
    /// Leave the machine running, also where patches wait for its restart.
    #[arg(long, requires = "install")]
    no_reboot: bool,
    /// When the machine restarts, if it has to: 2026-11-21T03:00:00Z, or 03:00 by the node's own clock. Without this: at once.
    #[arg(long, requires = "install", conflicts_with = "no_reboot", value_name = "TIME")]
    reboot_at: Option<String>,
    /// Restart services that run replaced files, where the machine is not restarted, or only later.
    #[arg(long, requires = "install")]
    restart_services: bool,
}

#[derive(Subcommand)]
enum Many {
    /// Scan or patch many nodes at once, and show how it goes.
    Now(Box<Now>),
    /// List what was started with `fettle patch now`, or show how one of them stands.
    Status {
        /// Its id, or the beginning of it.
        id: Option<String>,
        /// Show how it goes until it has ended.
        #[arg(long, requires = "id")]
        follow: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Call one off: nodes that have not begun never do, those that have are asked to stop.
    Cancel {
        /// Its id, or the beginning of it.
        id: String,
        #[command(flatten)]
        common: Common,
    },
    /// List the staged rollouts, of `fettle patch now` and of patch policies, or show the rings of one.
    Rollouts {
        /// Its id, or the beginning of it.
        id: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// Show, set or remove the rings in which a patch policy installs.
    #[command(subcommand)]
    Rings(Rings),
    /// Let the next ring of a rollout begin, which was judged and waits for it.
    Approve(Told),
    /// Let no further node of a rollout begin for now.
    Pause(Told),
    /// Let a rollout that is paused go on, and look anew at what its ring has shown.
    Resume(Told),
    /// Let no further node of a rollout begin, ever. Those at work end by themselves.
    Stop(Told),
}

#[derive(Args)]
struct Told {
    /// Its id, or the beginning of it.
    id: String,
    /// What is kept with it.
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
    #[command(flatten)]
    common: Common,
}

#[derive(Args)]
#[command(group(clap::ArgGroup::new("targets").required(true).multiple(true)))]
struct Now {
    #[command(flatten)]
    work: Work,
    /// A node: its id, its computer name, or the beginning of either. May be repeated.
    #[arg(long, group = "targets", value_name = "NODE")]
    node: Vec<String>,
    /// Nodes whose tag has one of these values. Repeated: nodes to which all of it applies.
    #[arg(long, group = "targets", value_name = "KEY=VALUE[,VALUE]")]
    tag: Vec<String>,
    /// Nodes of a patch group. May be repeated.
    #[arg(long, group = "targets", value_name = "GROUP")]
    group: Vec<String>,
    /// Every node.
    #[arg(long, group = "targets", conflicts_with_all = ["node", "tag", "group"])]
    all: bool,
    /// A Command document that runs on each node before anything is installed.
    #[arg(long, requires = "install", value_name = "DOCUMENT")]
    pre_hook: Option<String>,
    /// A Command document that runs after the installation, before a restart.
    #[arg(long, requires = "install", value_name = "DOCUMENT")]
    post_hook: Option<String>,
    /// A Command document that runs at the end, whatever came of it.
    #[arg(long, requires = "install", value_name = "DOCUMENT")]
    exit_hook: Option<String>,
    /// At how many nodes at once: 5, or 10%. Without this: by the number of nodes.
    #[arg(long, value_name = "NUMBER|PERCENT")]
    max_concurrency: Option<String>,
    /// After more failures than these no further node begins: 2, or 10%. Without this: by the number of nodes.
    #[arg(long, value_name = "NUMBER|PERCENT")]
    max_errors: Option<String>,
    /// What has not ended after so many hours is cancelled.
    /// Default: 24; of a rollout, what its file says.
    #[arg(long, value_name = "HOURS", value_parser = clap::value_parser!(i32).range(1..=24))]
    for_hours: Option<i32>,
    /// Go from ring to ring, each after evidence of the one before. The file is JSON: {"Rings": [{"Name": "canary",
    /// "Percent": 5, "SoakMinutes": 60, "Gates": {"MaxFailures": 0}}, {"Name": "rest"}]}.
    #[arg(long, requires = "install", conflicts_with_all = ["for_hours", "max_errors"], value_name = "FILE")]
    rings: Option<PathBuf>,
    /// So many nodes with the same value of the tag at work at once, in all rollouts together: Service=1, or Zone=10%. May be
    /// repeated.
    #[arg(long, requires = "install", conflicts_with_all = ["for_hours", "max_errors"], value_name = "TAG=NUMBER|PERCENT")]
    budget: Vec<String>,
    /// A bucket of the server's object store for the nodes' whole output.
    #[arg(long, value_name = "BUCKET")]
    output_bucket: Option<String>,
    /// What the keys of the output begin with.
    #[arg(long, requires = "output_bucket", value_name = "PREFIX")]
    output_prefix: Option<String>,
    /// Start it, say its id, and return.
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    common: Common,
}

impl Patch {
    pub fn common(&self) -> &Common {
        match &self.many {
            None => &self.common,
            Some(Many::Now(now)) => &now.common,
            Some(
                Many::Status { common, .. } | Many::Cancel { common, .. } | Many::Rollouts { common, .. },
            ) => common,
            Some(Many::Rings(rings)) => rings.common(),
            Some(Many::Approve(told) | Many::Pause(told) | Many::Resume(told) | Many::Stop(told)) => {
                &told.common
            }
        }
    }

    pub fn run(&self, client: &Client, output: Output) -> anyhow::Result<String> {
        match &self.many {
            Some(Many::Now(now)) => {
                let order = now.order(|name| find::find_node(client, name))?;
                let wait = if now.no_wait { patch_now::Wait::No } else { patch_now::Wait::UntilEnded };
                patch_now::start(client, order, wait, output)
            }
            Some(Many::Status { id: None, .. }) => patch_now::list(client, output),
            Some(Many::Status { id: Some(id), follow, .. }) => {
                let wait = if *follow { patch_now::Wait::UntilEnded } else { patch_now::Wait::No };
                patch_now::status(client, id, wait, output)
            }
            Some(Many::Cancel { id, .. }) => patch_now::cancel(client, id, output),
            Some(Many::Rollouts { id: None, .. }) => rollout::list(client, output),
            Some(Many::Rollouts { id: Some(id), .. }) => rollout::show(client, id, output),
            Some(Many::Rings(rings)) => rings.run(client, output),
            Some(Many::Approve(told)) => told.tell(client, RolloutSignal::Approve, output),
            Some(Many::Pause(told)) => told.tell(client, RolloutSignal::Pause, output),
            Some(Many::Resume(told)) => told.tell(client, RolloutSignal::Resume, output),
            Some(Many::Stop(told)) => told.tell(client, RolloutSignal::Stop, output),
            None => {
                let node = self.node.as_deref().context("name a node, or say `fettle patch now`")?;
                patch::patch(client, node, &self.work.of_one(), output)
            }
        }
    }
}

impl Told {
    fn tell(&self, client: &Client, signal: RolloutSignal, output: Output) -> anyhow::Result<String> {
        rollout::signal(client, &self.id, (signal, self.comment.as_deref()), output)
    }
}

impl Work {
    fn of_one(&self) -> patch::Order {
        let restart = match (&self.reboot_at, self.no_reboot) {
            (Some(time), _) => patch::Restart::At(time.clone()),
            (None, true) => patch::Restart::Never,
            (None, false) => patch::Restart::AtOnce,
        };
        match self.install {
            true => patch::Order::Install { restart, restart_services: self.restart_services },
            false => patch::Order::Scan,
        }
    }
}

impl Now {
    /// `find`: the id of the node that is meant.
    fn order(&self, find: impl Fn(&str) -> anyhow::Result<String>) -> anyhow::Result<PatchNowOrder> {
        let work = &self.work;
        let rollout = rollout::plan(self.rings.as_deref(), &self.budget)?;
        let for_hours = match rollout {
            None => Some(self.for_hours.unwrap_or(HOURS)),
            Some(_) => None,
        };
        Ok(PatchNowOrder {
            operation: if work.install { PatchOperation::Install } else { PatchOperation::Scan },
            targets: self.targets(find)?,
            reboot_option: work.no_reboot.then_some(PatchNowRebootOption::NoReboot),
            reboot_at: work.reboot_at.clone(),
            restart_services: work.restart_services.then_some(true),
            pre_install_hook: self.pre_hook.clone(),
            post_install_hook: self.post_hook.clone(),
            on_exit_hook: self.exit_hook.clone(),
            max_concurrency: self.max_concurrency.clone(),
            max_errors: self.max_errors.clone(),
            for_hours,
            rollout,
            output_s3_bucket_name: self.output_bucket.clone(),
            output_s3_key_prefix: self.output_prefix.clone(),
        })
    }

    fn targets(&self, find: impl Fn(&str) -> anyhow::Result<String>) -> anyhow::Result<Vec<PatchNowTarget>> {
        let target = |key: String, values: Vec<String>| PatchNowTarget { key, values };
        if self.all {
            return Ok(vec![target("InstanceIds".to_owned(), vec!["*".to_owned()])]);
        }
        let mut targets = Vec::new();
        if self.node.len() > MOST_NODES {
            bail!(
                "--node names {} nodes; at most {MOST_NODES} can be named: select them by a tag",
                self.node.len()
            );
        }
        let mut ids = self.node.iter().map(|name| find(name)).collect::<anyhow::Result<Vec<String>>>()?;
        ids.sort_unstable();
        ids.dedup();
        if !ids.is_empty() {
            targets.push(target("InstanceIds".to_owned(), ids));
        }
        for tag in &self.tag {
            let Some((key, values)) = tag.split_once('=').filter(|(key, _)| !key.is_empty()) else {
                bail!("--tag {tag}: expected KEY=VALUE, such as Env=prod");
            };
            targets.push(target(format!("tag:{key}"), values.split(',').map(str::to_owned).collect()));
        }
        if !self.group.is_empty() {
            targets.push(target("PatchGroup".to_owned(), self.group.clone()));
        }
        Ok(targets)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        patch: Patch,
    }

    fn line(text: &str) -> Result<Patch, clap::Error> {
        Line::try_parse_from(text.split(' ')).map(|line| line.patch)
    }

    fn now(text: &str) -> PatchNowOrder {
        let Some(Many::Now(now)) = line(text).unwrap().many else { panic!("{text}") };
        now.order(|name| Ok(format!("id of {name}"))).unwrap()
    }

    #[test]
    fn one_node_is_named_and_many_have_words_of_their_own() {
        let one = line("patch web1 --install --no-reboot").unwrap();
        assert!(one.many.is_none());
        assert_eq!(one.node.as_deref(), Some("web1"));
        let restart = patch::Restart::Never;
        assert_eq!(one.work.of_one(), patch::Order::Install { restart, restart_services: false });
        assert_eq!(line("patch nowhere").unwrap().work.of_one(), patch::Order::Scan);
        assert!(matches!(
            line("patch status").unwrap().many,
            Some(Many::Status { id: None, follow: false, .. })
        ));
        assert!(matches!(line("patch cancel 3f0c").unwrap().many, Some(Many::Cancel { .. })));
    }

    #[test]
    fn flags_become_an_order() {
        let order = now(
            "patch now --install --reboot-at 03:00 --node b --node a --node b --group web --tag Env=prod,test",
        );
        assert_eq!((order.operation, order.reboot_at.as_deref()), (PatchOperation::Install, Some("03:00")));
        let targets: Vec<(String, Vec<String>)> =
            order.targets.into_iter().map(|target| (target.key, target.values)).collect();
        let target = |key: &str, values: &[&str]| {
            (key.to_owned(), values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>())
        };
        let expected = [
            target("InstanceIds", &["id of a", "id of b"]),
            target("tag:Env", &["prod", "test"]),
            target("PatchGroup", &["web"]),
        ];
        assert_eq!(targets, expected);
        let all = now("patch now --all --max-errors 10%");
        assert_eq!((all.operation, all.targets[0].values[0].as_str()), (PatchOperation::Scan, "*"));
        assert_eq!((all.max_errors.as_deref(), all.for_hours), (Some("10%"), Some(24)));
        let staged = now("patch now --install --all --budget Service=1");
        assert_eq!((staged.for_hours, staged.rollout.unwrap().budgets.unwrap().len()), (None, 1));
        assert!(matches!(
            line("patch rings show arn definition").unwrap().many,
            Some(Many::Rings(Rings::Show(_)))
        ));
        let set = line("patch rings set arn definition --rings rings.json --budget Service=1").unwrap();
        assert!(matches!(set.many, Some(Many::Rings(Rings::Set(_)))));
        assert!(matches!(line("patch approve 3f0c --comment fine").unwrap().many, Some(Many::Approve(_))));
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        for text in [
            "patch",
            "patch now",
            "patch now --all --group web",
            "patch now --all --pre-hook drain",
            "patch now --all --install --no-reboot --reboot-at 03:00",
            "patch now --all --for-hours 25",
            "patch now --all --budget Service=1",
            "patch now --all --install --rings rings.json --max-errors 1",
            "patch now --all --install --rings rings.json --for-hours 1",
            "patch now --all --output-prefix logs",
            "patch web1 --no-reboot",
            "patch status --follow",
            "patch cancel",
            "patch rings",
            "patch rings show arn",
            "patch rings remove arn definition --budget Service=1",
        ] {
            assert!(line(text).is_err(), "{text}");
        }
        let Some(Many::Now(now)) = line("patch now --tag Env").unwrap().many else { panic!("now") };
        let refused = now.order(|name| Ok(name.to_owned())).unwrap_err().to_string();
        assert!(refused.contains("expected KEY=VALUE"), "{refused}");
    }
}
