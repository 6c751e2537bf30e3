//! Steps through the engine, with real shells.

use serde_json::json;

use super::*;

fn script_step(key: &str, script: &str, inputs: Value) -> Step {
    let mut all = json!({"runCommand": [script]});
    if let (Some(all), Some(extra)) = (all.as_object_mut(), inputs.as_object()) {
        all.extend(extra.clone());
    }
    Step { key: key.into(), action: script::SHELL.into(), gate: Gate::Run, inputs: vec![all] }
}

fn surroundings(data_dir: PathBuf) -> Surroundings {
    Surroundings {
        data_dir,
        instance_id: "mi-0123456789abcdef0".into(),
        region: "eu-central-1".into(),
        platform_type: "Linux",
        platform_name: "Debian GNU/Linux".into(),
        platform_version: "12".into(),
        agent_exe: "/usr/bin/fettle-agent".into(),
    }
}

struct Outcome {
    end: DocumentEnd,
    told: Vec<String>,
}

impl Outcome {
    fn summary(&self) -> Vec<String> {
        let done = match &self.end {
            DocumentEnd::Finished(done) | DocumentEnd::Restart { done, .. } => done,
        };
        done.iter().map(|(key, reply)| format!("{key} {} {}", reply.status.as_str(), reply.code)).collect()
    }

    fn reply(&self, index: usize) -> &StepReply {
        match &self.end {
            DocumentEnd::Finished(done) | DocumentEnd::Restart { done, .. } => &done[index].1,
        }
    }
}

async fn run_steps(steps: Vec<Step>) -> Outcome {
    let (_keep, mut cancel) = watch::channel(false);
    run_cancellable(steps, &mut cancel).await
}

async fn run_cancellable(steps: Vec<Step>, cancel: &mut watch::Receiver<bool>) -> Outcome {
    let dir = tempfile::tempdir().unwrap();
    let surroundings = surroundings(dir.path().to_owned());
    let (sender, mut receiver) = mpsc::channel(100);
    let work_dir = dir.path().join("work");
    let document = Run {
        surroundings: &surroundings,
        job_id: "j-1",
        command_id: "c-1",
        environment: vec![("SSM_name".into(), "value".into())],
        work_dir: work_dir.clone(),
        downloads: work_dir.join("downloads"),
        steps,
        first_step: 0,
        done: vec![],
        depth: 0,
        destination: None,
    };
    let end = run(document, || Timestamp::from_seconds(1_800_000_000), cancel, &sender).await;
    drop(sender);
    let mut told = Vec::new();
    while let Some(step) = receiver.recv().await {
        told.push(format!("{} {}", step.key, step.reply.status.as_str()));
    }
    let left = std::fs::read_dir(&work_dir).map_or(0, Iterator::count);
    assert_eq!(left, 0, "scripts were left behind");
    Outcome { end, told }
}

async fn check(steps: Vec<Step>, expected: &[&str]) {
    assert_eq!(run_steps(steps).await.summary(), expected);
}

#[tokio::test]
async fn a_failed_step_does_not_stop_the_next() {
    let steps = vec![script_step("a", "exit 7", json!({})), script_step("b", "true", json!({}))];
    check(steps, &["a Failed 7", "b Success 0"]).await;
}

#[tokio::test]
async fn modifiers_skip_all_but_the_final_step() {
    let cases = [
        ("exit 7", json!({"onFailure": "exit"}), ["a Failed 7", "b Skipped 0", "c Success 0"]),
        ("exit 7", json!({"onFailure": "successAndExit"}), ["a Success 0", "b Skipped 0", "c Success 0"]),
        ("true", json!({"onSuccess": "exit"}), ["a Success 0", "b Skipped 0", "c Success 0"]),
        ("true", json!({"onFailure": "exit"}), ["a Success 0", "b Success 0", "c Success 0"]),
        ("exit 168", json!({}), ["a Success 0", "b Skipped 0", "c Success 0"]),
        ("exit 169", json!({}), ["a Failed 169", "b Skipped 0", "c Success 0"]),
        ("exit 137", json!({}), ["a TimedOut 137", "b Success 0", "c Success 0"]),
    ];
    for (script, inputs, expected) in cases {
        let steps = vec![
            script_step("a", script, inputs),
            script_step("b", "true", json!({})),
            script_step("c", "true", json!({"finallyStep": "true"})),
        ];
        check(steps, &expected).await;
    }
}

#[tokio::test]
async fn a_restart_stops_before_the_step_that_asked() {
    let steps = vec![
        script_step("a", "true", json!({})),
        script_step("b", "exit 194", json!({})),
        script_step("c", "true", json!({})),
    ];
    let outcome = run_steps(steps).await;
    assert!(matches!(outcome.end, DocumentEnd::Restart { next_step: 1, .. }));
    assert_eq!(outcome.summary(), ["a Success 0"]);
    assert_eq!(outcome.told, ["a Success", "b SuccessAndReboot"]);
}

#[tokio::test]
async fn preconditions_and_unknown_plugins() {
    let mut skipped = script_step("a", "true", json!({}));
    skipped.gate = Gate::Skip("platformType is not Windows".into());
    let mut broken = script_step("b", "true", json!({}));
    broken.gate = Gate::Fail("operator Like is not known".into());
    let mut unknown = script_step("c", "true", json!({}));
    unknown.action = "aws:teleport".into();
    let outcome = run_steps(vec![skipped, broken, unknown]).await;
    assert_eq!(outcome.summary(), ["a Skipped 0", "b Failed 1", "c Failed 1"]);
    assert_eq!(outcome.reply(0).output, "platformType is not Windows");
    assert!(outcome.reply(2).standard_error.contains("aws:teleport"));
}

#[tokio::test]
async fn a_cancelled_command_runs_nothing_more() {
    let (sender, mut cancel) = watch::channel(false);
    let steps = vec![
        script_step("a", "sleep 300", json!({})),
        script_step("b", "true", json!({"finallyStep": true})),
    ];
    let (outcome, ()) = tokio::join!(run_cancellable(steps, &mut cancel), async {
        sender.send_replace(true);
    });
    assert_eq!(outcome.summary(), ["a Cancelled 137", "b Cancelled 137"]);
}

#[tokio::test]
async fn scripts_see_their_surroundings_and_input() {
    let script = r#"echo "$AWS_SSM_INSTANCE_ID $AWS_SSM_REGION_NAME $SSM_COMMAND_ID $FETTLE_AGENT_EXE $COLOUR $SSM_name $0"; pwd; echo warn >&2"#;
    let step = script_step(
        "a",
        script,
        json!({"workingDirectory": "/", "environment": {"COLOUR": "blue", "SSM_COMMAND_ID": "forged"}}),
    );
    let outcome = run_steps(vec![step]).await;
    let reply = outcome.reply(0);
    assert!(
        reply
            .standard_output
            .starts_with("mi-0123456789abcdef0 eu-central-1 c-1 /usr/bin/fettle-agent blue value /")
    );
    assert!(reply.standard_output.ends_with("_script.sh\n/\n"), "{}", reply.standard_output);
    assert!(reply.output.ends_with("\n----------ERROR-------\nwarn\n"));
}

#[tokio::test]
async fn properties_of_one_plugin_run_in_turn() {
    let mut step = script_step("aws:runShellScript", "echo one", json!({}));
    step.inputs.push(json!({"runCommand": ["echo two; exit 3"]}));
    let outcome = run_steps(vec![step]).await;
    assert_eq!(outcome.summary(), ["aws:runShellScript Failed 3"]);
    assert_eq!(outcome.reply(0).standard_output, "one\ntwo\n");
}

#[tokio::test]
async fn steps_that_cannot_start_say_why() {
    let missing_dir = script_step("a", "true", json!({"workingDirectory": "/no/such/dir"}));
    let mut no_commands = script_step("b", "true", json!({}));
    no_commands.inputs = vec![json!({})];
    let outcome = run_steps(vec![missing_dir, no_commands]).await;
    assert_eq!(outcome.summary(), ["a Failed 1", "b Failed 1"]);
    assert!(outcome.reply(0).standard_error.contains("/no/such/dir"));
    assert!(outcome.reply(1).standard_error.contains("runCommand"));
}
