//! What somebody says to a staged rollout, and what follows from it where it stands.

use super::next::{Phase, Standing, State};
use super::plan::Plan;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Approve,
    Pause,
    Resume,
    Stop,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It is so already.
    Nothing,
    Promote,
    Pause,
    /// What was judged is judged anew, with a new run of the probe.
    Resume,
    Stop,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignalError {
    #[error("the rollout is over")]
    Over,
    #[error("ring `{0}` has not been judged: there is nothing to approve yet")]
    NotJudged(String),
}

pub fn signal(plan: &Plan, state: &State, order: Order) -> Result<Effect, SignalError> {
    use Order::*;
    if matches!(state.standing, Standing::Stopped | Standing::Succeeded) {
        return if order == Stop { Ok(Effect::Nothing) } else { Err(SignalError::Over) };
    }
    let is_paused = state.standing == Standing::Paused;
    Ok(match order {
        Stop => Effect::Stop,
        Pause if is_paused => Effect::Nothing,
        Pause => Effect::Pause,
        Resume if is_paused => Effect::Resume,
        Resume => Effect::Nothing,
        Approve => match state.phase {
            Phase::AwaitingApproval => Effect::Promote,
            Phase::Judging if is_paused && !plan.is_last(state.ring) => Effect::Promote,
            _ => return Err(SignalError::NotJudged(plan.rings[state.ring].name.clone())),
        },
    })
}
