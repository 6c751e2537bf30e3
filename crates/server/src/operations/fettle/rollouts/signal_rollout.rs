//! SignalRollout: somebody lets a staged rollout on, holds it, or ends it.

use api::fettle::{RolloutSignal, SignalRolloutRequest, SignalRolloutResponse};
use domain::rollout::{Effect, Order, Phase, Standing, signal};
use store::rollouts;

use super::{key, unknown};
use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use crate::operations::permission;
use crate::rollouts::{Look, drive, look_at, promote, stop, to_wire};

pub async fn signal_rollout(
    ctx: &Ctx,
    request: SignalRolloutRequest,
) -> Result<SignalRolloutResponse, ApiError> {
    let key = key(ctx, &request.rollout_id)?;
    let order = match &request.signal {
        RolloutSignal::Approve => Order::Approve,
        RolloutSignal::Pause => Order::Pause,
        RolloutSignal::Resume => Order::Resume,
        RolloutSignal::Stop => Order::Stop,
        RolloutSignal::Unknown(text) => {
            return Err(error::validation(format!("Signal: `{text}` is not known here")));
        }
    };
    let mut tx = ctx.store.write().await?;
    let found = rollouts::find(&mut tx, &key).await?.ok_or_else(|| unknown(&request.rollout_id))?;
    permission::require_command(ctx, &mut tx, "fettle:SignalRollout", &key).await?;
    let look: Look = look_at(&mut tx, found, ctx.now).await?;
    let effect = signal(&look.plan, &look.rollout.state, order)
        .map_err(|error| error::validation(format!("{}: {error}", request.signal.as_str())))?;
    let mut rollout = look.rollout.clone();
    let by = match &request.comment {
        Some(comment) => format!("{}: {comment}", ctx.caller.arn()),
        None => ctx.caller.arn().to_owned(),
    };
    let mut woken = Vec::new();
    match effect {
        Effect::Nothing => {}
        Effect::Promote => {
            let ring = rollout.state.ring;
            rollout.records.entry(ring).or_default().approved_by = Some(by);
            promote(&mut tx, &mut rollout, &look).await?;
        }
        Effect::Pause => {
            (rollout.state.standing, rollout.reason) = (Standing::Paused, format!("paused by {by}"));
        }
        Effect::Resume => {
            (rollout.state.standing, rollout.reason) = (Standing::InProgress, String::new());
            if rollout.state.phase == Phase::Judging {
                rollout.probe = None;
            }
        }
        Effect::Stop => {
            woken = stop(&mut tx, &mut rollout, &look, format!("stopped by {by}")).await?;
        }
    }
    if rollout != look.rollout {
        rollouts::update(&mut tx, &rollout).await?;
        tx.commit().await?;
    } else {
        // What follows writes on its own, and would wait for this one.
        drop(tx);
    }
    woken.iter().for_each(|node| ctx.app.agents.hub.wake(node));
    if effect == Effect::Stop {
        ctx.app.agents.touch(key.clone());
        ctx.app.agents.settle(&ctx.app).await;
    }
    drive(&ctx.app, &key, ctx.now).await?;

    let mut tx = ctx.store.read().await?;
    let found = rollouts::find(&mut tx, &key).await?.ok_or_else(|| unknown(&request.rollout_id))?;
    Ok(SignalRolloutResponse { rollout: to_wire(&mut tx, found, ctx.now).await? })
}
