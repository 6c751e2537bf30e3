//! Executions with loops.

use api::Timestamp;
use serde_json::json;

use super::super::*;
use super::{Play, book, failed, of_steps, run, set, sleep};

#[test]
fn loops_go_round_for_each_value() {
    let document = json!({"schemaVersion": "0.3",
        "parameters": {"Names": {"type": "StringList"}},
        "variables": {"seen": {"type": "String", "default": ""}},
        "mainSteps": [{"name": "l", "action": "aws:loop", "inputs": {"Iterators": "{{ Names }}", "Steps": [
            set("note", "seen", json!("{{ variable:seen }}{{ l.CurrentIteration }}{{ l.CurrentIteratorValue }}")),
            {"name": "rest", "action": "aws:sleep", "inputs": {"Duration": "PT1S"}}]}}, sleep("after")]});
    let book = book(document).unwrap();
    let given = [("Names".to_owned(), vec!["a".to_owned(), "b".to_owned()])].into_iter().collect();
    let parameters = book.resolve_parameters(&given).unwrap();
    let (progress, steps) = Progress::new(&book, parameters, Mode::Auto);
    let mut play = Play { book, progress, steps, now: Timestamp::from_seconds(1_000_000) };
    assert_eq!(play.next(), play.at(1));
    assert_eq!(play.later(1), play.at(1));
    assert_eq!(play.later(1), play.at(10));
    assert_eq!(play.progress.variables["seen"], json!("1a2b"));
    let inner: Vec<(&str, u32)> = play.steps[2..]
        .iter()
        .map(|step| (step.name.as_str(), step.parent.as_ref().map_or(0, |parent| parent.pass)))
        .collect();
    assert_eq!(inner, [("note", 1), ("rest", 1), ("note", 2), ("rest", 2)]);
    assert_eq!(play.later(10), Next::Over);
    assert_eq!(play.progress.status, Status::Success);
}

#[test]
fn loops_go_round_while_their_condition_holds() {
    let rows = [(json!({}), 3), (json!({"MaxIterations": 2}), 2)];
    for (more, passes) in rows {
        let mut inputs = json!({
            "LoopCondition": {"Variable": "{{ l.CurrentIteration }}", "NumericLesser": 3},
            "Steps": [set("note", "n", json!("{{ l.CurrentIteration }}"))]});
        inputs.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let document = json!({"schemaVersion": "0.3", "variables": {"n": {"type": "Integer", "default": 0}},
            "mainSteps": [{"name": "l", "action": "aws:loop", "inputs": inputs}]});
        let mut play = Play::new(book(document).unwrap());
        assert_eq!(play.next(), Next::Over);
        assert_eq!(play.progress.variables["n"], json!(passes));
    }
}

#[test]
fn a_failure_in_a_loop_ends_it() {
    let steps = json!([{"name": "l", "action": "aws:loop", "inputs": {"Iterators": [1, 2], "IteratorDataType": "Integer",
        "Steps": [run("a", json!({})), sleep("b")]}}, sleep("after")]);
    let mut play = Play::new(of_steps(steps));
    assert_eq!(play.next(), Next::Do(vec![Act::Start(2)]));
    play.started(2);
    play.settle(2, failed());
    assert_eq!(play.next(), Next::Over);
    assert_eq!(play.statuses(), [("l", Status::Failed), ("after", Status::Pending), ("a", Status::Failed)]);
    assert_eq!(play.progress.status, Status::Failed);
}
