//! What holds for every execution, whatever happens in it.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::*;
use super::{Play, done, failed, of_steps, run};

/// Steps that go anywhere on success and on failure.
fn graph() -> impl Strategy<Value = Vec<Value>> {
    let step = (0..5_usize, 0..5_usize, 0..4_usize, any::<bool>(), 1..3_u32);
    proptest::collection::vec(step, 1..5).prop_map(|steps| {
        let count = steps.len();
        let name = |place: usize| format!("s{}", place % count);
        let make =
            |(place, (next, failure, how, is_end, attempts)): (usize, &(usize, usize, usize, bool, u32))| {
                let on_failure = match how {
                    0 => "Abort".to_owned(),
                    1 => "Continue".to_owned(),
                    _ => format!("step:{}", name(*failure)),
                };
                run(
                    &name(place),
                    json!({"nextStep": name(*next), "onFailure": on_failure, "isEnd": is_end,
                "maxAttempts": attempts, "timeoutSeconds": 3600}),
                )
            };
        steps.iter().enumerate().map(make).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, rng_seed: proptest::test_runner::RngSeed::Fixed(27), ..ProptestConfig::default() })]

    /// Whatever happens, one thing is done at a time, nothing that has ended changes, and there is an end.
    #[test]
    fn every_execution_comes_to_an_end(steps in graph(), fates in proptest::collection::vec(0..4_u8, 0..40), stop_at in 0..200_usize) {
        let mut play = Play::new(of_steps(Value::Array(steps)));
        let mut fates = fates.into_iter();
        let mut ended: Vec<(usize, Status)> = Vec::new();
        for turn in 0..10_000 {
            if turn == stop_at {
                play.progress.ask_to_stop(StopKind::Cancel);
            }
            match play.next() {
                Next::Over => break,
                Next::Wait(at) => {
                    let at = at.expect("nobody is waited for");
                    prop_assert!(at > play.now);
                    play.now = at;
                    if let Some(place) = play.progress.running(&play.steps)
                        && matches!(play.steps[place].work, Work::Command(_))
                    {
                        match fates.next() {
                            Some(0) => play.settle(place, failed()),
                            Some(1) => play.settle(place, Outcome::TimedOut(Failure::of_action("late"), Settled::default())),
                            Some(2) => {}
                            _ => play.settle(place, done()),
                        }
                    }
                }
                Next::Do(acts) => {
                    prop_assert_eq!(acts.len(), 1);
                    match acts[0] {
                        Act::Start(place) => play.started(place),
                        Act::Stop(place) => play.settle(place, Outcome::Stopped),
                    }
                }
            }
            let open = play.steps.iter().filter(|step| !step.status.is_terminal() && step.status != Status::Pending).count();
            prop_assert!(open <= 1);
            for (place, status) in &ended {
                prop_assert_eq!(play.steps[*place].status, *status);
            }
            let terminal = play.steps.iter().enumerate().filter(|(_, step)| step.status.is_terminal());
            ended = terminal.map(|(place, step)| (place, step.status)).collect();
        }
        prop_assert!(play.progress.status.is_terminal());
        prop_assert_eq!(play.next(), Next::Over);
        if stop_at == 0 {
            prop_assert_eq!(play.progress.status, Status::Cancelled);
        }
    }
}
