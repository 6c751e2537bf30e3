//! The loop around all background jobs: interval, jitter, one log line, stop.
//! A job is one file with `run_once`: bounded, idempotent, safe on several servers.

pub(crate) mod advance_commands;
mod analyze_tables;
pub(crate) mod apply_parameter_policies;
pub(crate) mod call_automation_steps;
pub(crate) mod call_webhooks;
pub(crate) mod count_fleet;
pub(crate) mod deploy_quick_setup;
pub(crate) mod drive_rollouts;
pub(crate) mod expire_invocations;
pub(crate) mod follow_associations;
pub(crate) mod forget_advisories;
pub(crate) mod forget_automations;
pub(crate) mod forget_client_tokens;
pub(crate) mod forget_commands;
pub(crate) mod forget_facts;
pub(crate) mod forget_inventory;
pub(crate) mod forget_logs;
pub(crate) mod forget_patch_now;
pub(crate) mod forget_reports;
pub(crate) mod forget_sessions;
pub(crate) mod forget_snapshots;
pub(crate) mod forget_window_executions;
mod hear_wakeups;
pub(crate) mod reach_nodes;
pub(crate) mod renew_channels;
pub(crate) mod run_associations;
pub(crate) mod run_automations;
pub(crate) mod run_windows;
mod sweep;
pub(crate) mod sweep_objects;
pub(crate) mod tell_notifications;
pub(crate) mod wake_channels;

use std::sync::Arc;
use std::time::Duration;

use api::Timestamp;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::app::App;
use crate::error::ApiError;

/// Running jobs have this long to end at shutdown.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

const HOURLY: Duration = Duration::from_secs(3600);
const SECONDLY: Duration = Duration::from_secs(1);

/// The running jobs; they end with [`Background::stop`].
pub struct Background {
    tasks: JoinSet<()>,
    stop: watch::Sender<bool>,
}

pub fn start(app: Arc<App>) -> Background {
    let (stop, _) = watch::channel(false);
    let mut background = Background { tasks: JoinSet::new(), stop };
    crate::jobs::register(&mut background, &app);
    background
}

/// Every job with its interval.
fn register(background: &mut Background, app: &Arc<App>) {
    background.every("analyze_tables", 10 * SECONDLY, app, analyze_tables::run_once);
    background.every("forget_snapshots", HOURLY, app, forget_snapshots::run_once);
    background.every("forget_advisories", 30 * SECONDLY, app, forget_advisories::run_once);
    background.every("forget_client_tokens", HOURLY, app, forget_client_tokens::run_once);
    background.every("forget_commands", HOURLY, app, forget_commands::run_once);
    background.every("forget_inventory", HOURLY, app, forget_inventory::run_once);
    background.every("forget_logs", HOURLY, app, forget_logs::run_once);
    background.every("forget_patch_now", HOURLY, app, forget_patch_now::run_once);
    background.every("forget_reports", HOURLY, app, forget_reports::run_once);
    background.every("apply_parameter_policies", 10 * SECONDLY, app, apply_parameter_policies::run_once);
    background.every("count_fleet", 600 * SECONDLY, app, count_fleet::run_once);
    background.until_stopped(crate::fleets::keep_fresh(Arc::clone(app)));
    background.every("forget_sessions", HOURLY, app, forget_sessions::run_once);
    background.every("forget_facts", HOURLY, app, forget_facts::run_once);
    background.every("forget_window_executions", HOURLY, app, forget_window_executions::run_once);
    background.every("call_webhooks", SECONDLY, app, call_webhooks::run_once);
    background.every("tell_notifications", SECONDLY, app, tell_notifications::run_once);
    background.every("run_windows", SECONDLY, app, run_windows::run_once);
    background.every("run_automations", SECONDLY, app, run_automations::run_once);
    background.every("call_automation_steps", SECONDLY, app, call_automation_steps::run_once);
    background.every("forget_automations", HOURLY, app, forget_automations::run_once);
    background.every("sweep_objects", 60 * SECONDLY, app, sweep_objects::run_once);
    background.every("expire_invocations", SECONDLY, app, expire_invocations::run_once);
    background.every("wake_channels", SECONDLY, app, wake_channels::run_once);
    background.every("advance_commands", 5 * SECONDLY, app, advance_commands::run_once);
    background.every("run_associations", SECONDLY, app, run_associations::run_once);
    background.every("drive_rollouts", SECONDLY, app, drive_rollouts::run_once);
    background.every("reach_nodes", 10 * SECONDLY, app, reach_nodes::run_once);
    background.every("deploy_quick_setup", SECONDLY, app, deploy_quick_setup::run_once);
    background.every("follow_associations", 5 * SECONDLY, app, follow_associations::run_once);
    background.until_stopped(crate::events::pass_on(Arc::clone(app)));
    background.until_stopped(hear_wakeups::run(Arc::clone(app)));
    background.every("renew_channels", 25 * SECONDLY, app, renew_channels::run_once);
}

impl Background {
    /// Runs what waits by itself, and drops it at shutdown.
    fn until_stopped(&mut self, work: impl Future<Output = ()> + Send + 'static) {
        let mut stop = self.stop.subscribe();
        self.tasks.spawn(async move {
            tokio::select! {
                biased;
                () = work => {}
                _ = stop.changed() => {}
            }
        });
    }

    /// Repeats `run_once` every `interval`, give or take a tenth, so that several servers spread.
    pub(crate) fn every<F, Fut>(
        &mut self,
        name: &'static str,
        interval: Duration,
        app: &Arc<App>,
        run_once: F,
    ) where
        F: Fn(Arc<App>, Timestamp) -> Fut + Send + 'static,
        Fut: Future<Output = Result<u64, ApiError>> + Send + 'static,
    {
        let run_once: RunOnce = Box::new(move |app, now| run_once(app, now).boxed());
        self.tasks.spawn(repeat(name, interval, Arc::clone(app), run_once, self.stop.subscribe()));
    }

    pub async fn stop(mut self) {
        // No receiver left means that no job is left.
        let _ = self.stop.send(true);
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(STOP_TIMEOUT, all).await.is_err() {
            tracing::warn!("a background job did not end in time");
        }
    }
}

/// A job's `run_once`, whichever it is: the loop is compiled once.
type RunOnce = Box<dyn Fn(Arc<App>, Timestamp) -> BoxFuture<'static, Result<u64, ApiError>> + Send>;

async fn repeat(
    name: &'static str,
    interval: Duration,
    app: Arc<App>,
    run_once: RunOnce,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        let jitter = crate::keyring::random::<1>()[0];
        let wait = interval.mul_f64(0.9 + 0.2 * f64::from(jitter) / 255.0);
        tokio::select! {
            biased;
            () = tokio::time::sleep(wait) => {}
            _ = stop.changed() => return,
        }
        let outcome = run_once(Arc::clone(&app), app.now()).await;
        app.metrics.job(name, outcome.as_ref().ok().copied());
        match outcome {
            Ok(0) => {}
            Ok(changed) => tracing::debug!(job = name, changed, "done"),
            Err(error) => tracing::error!(job = name, %error, "failed"),
        }
    }
}
