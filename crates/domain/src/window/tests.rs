//! Windows, their openings, their plans and their runs, as tables and played with chance.

use api::ssm::{self, MaintenanceWindowTaskType as TaskType};
use jiff::tz::TimeZoneDatabase;
use proptest::prelude::*;

use super::ExecutionStatus::*;
use super::*;
use crate::rollout::Limit;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn zones() -> TimeZoneDatabase {
    TimeZoneDatabase::bundled()
}

fn settings(schedule: &str) -> Settings {
    Settings {
        name: "patch-web".into(),
        description: None,
        start_date: None,
        end_date: None,
        schedule: schedule.into(),
        schedule_timezone: None,
        schedule_offset: None,
        duration_hours: 3,
        cutoff_hours: 1,
        allow_unassociated_targets: false,
    }
}

fn window(settings: Settings) -> Window {
    let created_at = at("2026-03-01T12:00:00Z");
    Window {
        id: "mw-0123456789abcdef0".parse().unwrap(),
        settings,
        enabled: true,
        created_at,
        modified_at: created_at,
        schedule_changed_at: created_at,
    }
}

#[test]
fn settings_that_contradict_themselves_are_refused() {
    let good = settings("cron(0 2 ? * SUN *)");
    assert_eq!(good.check(&zones()), Ok(()));
    let rows: [(Settings, &str); 7] = [
        (Settings { cutoff_hours: 3, ..good.clone() }, "Cutoff 3 is not smaller than Duration 3"),
        (Settings { schedule: "cron(0 2 * * SUN *)".into(), ..good.clone() }, "is not valid"),
        (Settings { schedule_timezone: Some("Mars/Olympus".into()), ..good.clone() }, "not a time zone"),
        (Settings { start_date: Some("soon".into()), ..good.clone() }, "`soon` is not a date"),
        (
            Settings {
                start_date: Some("2026-05-01".into()),
                end_date: Some("2026-05-01".into()),
                ..good.clone()
            },
            "EndDate 2026-05-01 is not after",
        ),
        (
            Settings { schedule: "rate(7 days)".into(), schedule_offset: Some(2), ..good.clone() },
            "ScheduleOffset needs a cron expression",
        ),
        (
            Settings { schedule: "at(2026-07-07T13:15:30)".into(), schedule_offset: Some(2), ..good },
            "ScheduleOffset needs a cron expression",
        ),
    ];
    for (settings, expected) in rows {
        let error = settings.check(&zones()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_disabled_window_never_opens() {
    let mut window = window(settings("cron(0 2 ? * SUN *)"));
    let next = |window: &Window| window.next_after(window.created_at, &zones()).unwrap();
    assert_eq!(next(&window), Some(at("2026-03-08T02:00:00Z")));
    window.enabled = false;
    assert_eq!(next(&window), None);
    assert_eq!(window.cutoff_of(at("2026-03-08T02:00:00Z")), at("2026-03-08T04:00:00Z"));
    assert_eq!(window.end_of(at("2026-03-08T02:00:00Z")), at("2026-03-08T05:00:00Z"));
}

#[test]
fn missed_openings() {
    const GRACE_MS: i64 = 2 * 3600 * 1000;
    let hourly = window(settings("cron(0 * * * ? *)")).calendar(&zones()).unwrap();
    let rows = [
        // On time, a second late, and after a night in which nobody looked.
        (
            "2026-03-08T02:00:00Z",
            "2026-03-08T02:00:00Z",
            Some("2026-03-08T02:00:00Z"),
            "2026-03-08T03:00:00Z",
        ),
        (
            "2026-03-08T02:00:00Z",
            "2026-03-08T02:00:01Z",
            Some("2026-03-08T02:00:00Z"),
            "2026-03-08T03:00:00Z",
        ),
        (
            "2026-03-08T02:00:00Z",
            "2026-03-08T09:30:00Z",
            Some("2026-03-08T09:00:00Z"),
            "2026-03-08T10:00:00Z",
        ),
    ];
    for (scheduled, now, due, next) in rows {
        let expected = Opening { due: due.map(at), next: Some(at(next)) };
        assert_eq!(opening(&hourly, at(scheduled), at(now), GRACE_MS), expected, "{scheduled} {now}");
    }
    let weekly = window(settings("cron(0 2 ? * SUN *)")).calendar(&zones()).unwrap();
    let of_sunday = |now| opening(&weekly, at("2026-03-08T02:00:00Z"), at(now), GRACE_MS).due;
    assert_eq!(of_sunday("2026-03-08T03:59:59Z"), Some(at("2026-03-08T02:00:00Z")));
    assert_eq!(of_sunday("2026-03-08T04:00:00Z"), None, "its cut-off is here");
    let once = window(settings("at(2026-03-08T02:00:00)")).calendar(&zones()).unwrap();
    let opened = opening(&once, at("2026-03-08T02:00:00Z"), at("2026-03-08T02:00:03Z"), GRACE_MS);
    assert_eq!(opened, Opening { due: Some(at("2026-03-08T02:00:00Z")), next: None });
}

fn target(key: &str, values: &[&str]) -> ssm::Target {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    ssm::Target { key: Some(key.to_owned()), values: Some(values) }
}

fn task(targets: Vec<ssm::Target>) -> ssm::GetMaintenanceWindowTaskResult {
    ssm::GetMaintenanceWindowTaskResult {
        task_arn: Some("AWS-RunShellScript".into()),
        task_type: Some(TaskType::RunCommand),
        targets: Some(targets),
        max_concurrency: Some("2".into()),
        max_errors: Some("0".into()),
        ..ssm::GetMaintenanceWindowTaskResult::default()
    }
}

#[test]
fn tasks_that_cannot_be_are_refused() {
    let good = || task(vec![target("WindowTargetIds", &["a"])]);
    assert_eq!(check_task(&good()), Ok(()));
    let with = |change: fn(&mut ssm::GetMaintenanceWindowTaskResult)| {
        let mut task = good();
        change(&mut task);
        check_task(&task).unwrap_err().to_string()
    };
    let rows = [
        (with(|task| task.targets = None), "tasks without targets don't support MaxConcurrency values"),
        (with(|task| (task.targets, task.max_concurrency) = (None, None)), "don't support MaxErrors values"),
        (
            with(|task| (task.targets, task.max_concurrency, task.max_errors) = (None, None, None)),
            "RUN_COMMAND needs Targets",
        ),
        (with(|task| task.max_errors = None), "MaxErrors is required"),
        (with(|task| task.targets = Some(vec![target("tag:Env", &["prod"])])), "not `tag:Env`"),
        (with(|task| task.targets = Some(vec![target("InstanceIds", &[])])), "InstanceIds has no values"),
        (
            with(|task| {
                task.task_invocation_parameters = Some(ssm::MaintenanceWindowTaskInvocationParameters {
                    lambda: Some(ssm::MaintenanceWindowLambdaParameters::default()),
                    ..ssm::MaintenanceWindowTaskInvocationParameters::default()
                });
            }),
            "TaskInvocationParameters.Lambda does not belong to a task of type RUN_COMMAND",
        ),
        (
            with(|task| {
                let config = ssm::NotificationConfig {
                    notification_arn: Some("ops".to_owned()),
                    ..ssm::NotificationConfig::default()
                };
                task.task_invocation_parameters = Some(ssm::MaintenanceWindowTaskInvocationParameters {
                    run_command: Some(ssm::MaintenanceWindowRunCommandParameters {
                        notification_config: Some(config),
                        ..ssm::MaintenanceWindowRunCommandParameters::default()
                    }),
                    ..ssm::MaintenanceWindowTaskInvocationParameters::default()
                });
            }),
            "NotificationConfig: `ops` is not the ARN of a topic",
        ),
    ];
    for (error, expected) in rows {
        assert!(error.contains(expected), "{error}");
    }
    let lone = |kind, name: &str| {
        check_task(&ssm::GetMaintenanceWindowTaskResult {
            task_type: Some(kind),
            task_arn: Some(name.to_owned()),
            ..ssm::GetMaintenanceWindowTaskResult::default()
        })
    };
    assert_eq!(lone(TaskType::Automation, "drain"), Ok(()));
    for kind in [TaskType::Lambda, TaskType::StepFunctions] {
        assert_eq!(lone(kind.clone(), "drain"), Ok(()));
        let (task_arn, task_type) = ("a b".to_owned(), kind.to_string());
        assert_eq!(lone(kind, "a b"), Err(TaskError::Name { task_arn, task_type }));
    }
}

#[test]
fn plans_name_what_cannot_be_done() {
    let registered = ssm::MaintenanceWindowTarget {
        window_target_id: Some("a".into()),
        resource_type: Some(ssm::MaintenanceWindowResourceType::Instance),
        targets: Some(vec![target("tag:Env", &["prod"])]),
        owner_information: Some("ops".into()),
        ..ssm::MaintenanceWindowTarget::default()
    };
    let planned = plan(
        &task(vec![target("WindowTargetIds", &["a", "gone"]), target("InstanceIds", &["i-0123abcd"])]),
        std::slice::from_ref(&registered),
        &NodesOfTargets::new(),
    );
    assert_eq!(planned.len(), 3);
    assert_eq!(planned[0].targets, [target("tag:Env", &["prod"])]);
    assert_eq!((planned[0].owner_information.as_deref(), planned[0].fault.as_deref()), (Some("ops"), None));
    assert!(planned[1].fault.as_ref().unwrap().contains("gone is not registered"));
    assert_eq!(planned[2].targets, [target("InstanceIds", &["i-0123abcd"])]);
    let of = |kind: TaskType| {
        let task = ssm::GetMaintenanceWindowTaskResult { task_type: Some(kind), ..task(vec![]) };
        plan(&task, &[], &NodesOfTargets::new())
    };
    assert_eq!(of(TaskType::Automation), [PlannedInvocation::default()]);
    let planned = of(TaskType::Unknown("FLY".to_owned()));
    assert_eq!(planned.len(), 1);
    assert!(planned[0].fault.as_ref().unwrap().contains("does not run tasks of type"));
}

#[test]
fn a_webhook_is_called_for_each_node() {
    let registered = |id: &str, kind| ssm::MaintenanceWindowTarget {
        window_target_id: Some(id.into()),
        resource_type: Some(kind),
        targets: Some(vec![target("tag:Env", &["prod"])]),
        ..ssm::MaintenanceWindowTarget::default()
    };
    use ssm::MaintenanceWindowResourceType::{Instance, ResourceGroup};
    let known = [registered("a", Instance), registered("none", Instance), registered("group", ResourceGroup)];
    let node = |number: usize| -> crate::ids::NodeId { format!("i-{number:017x}").parse().unwrap() };
    let of_group = ("group".to_owned(), vec![node(4)]);
    let nodes: NodesOfTargets = [("a".to_owned(), vec![node(1), node(2)]), of_group].into();
    let of = |targets: Vec<ssm::Target>, nodes: &NodesOfTargets| {
        let task = ssm::GetMaintenanceWindowTaskResult { task_type: Some(TaskType::Lambda), ..task(targets) };
        plan(&task, &known, nodes)
    };
    let lone = of(vec![], &nodes);
    assert_eq!((lone.len(), &lone[0].fault, &lone[0].resource_id), (1, &None, &None));
    let third = node(3).to_string();
    let planned = of(
        vec![target("WindowTargetIds", &["none", "a", "group"]), target("InstanceIds", &[&third])],
        &nodes,
    );
    let seen: Vec<(usize, Option<&str>, bool)> = planned
        .iter()
        .map(|piece| (piece.batch, piece.resource_id.as_deref(), piece.fault.is_some()))
        .collect();
    let (first, second, fourth) = (node(1).to_string(), node(2).to_string(), node(4).to_string());
    assert_eq!(
        seen,
        [
            (0, None, true),
            (1, Some(first.as_str()), false),
            (1, Some(second.as_str()), false),
            (2, Some(fourth.as_str()), false),
            (3, Some(third.as_str()), false),
        ]
    );
    assert_eq!(planned[3].target_type, "RESOURCE_GROUP");
    let many: NodesOfTargets = [("a".to_owned(), (0..=MAX_RESOURCES).map(node).collect())].into();
    let planned = of(vec![target("WindowTargetIds", &["a"])], &many);
    assert!(planned.len() == 1 && planned[0].fault.as_ref().unwrap().contains("mean 1001 nodes"));
}

#[test]
fn a_command_is_made_of_the_task() {
    let mut task = task(vec![]);
    task.logging_info = Some(ssm::LoggingInfo {
        s3_bucket_name: "logs".into(),
        s3_key_prefix: Some("w".into()),
        s3_region: "eu-central-1".into(),
    });
    task.task_invocation_parameters = Some(ssm::MaintenanceWindowTaskInvocationParameters {
        run_command: Some(ssm::MaintenanceWindowRunCommandParameters {
            comment: Some("{{WINDOW_ID}}".into()),
            timeout_seconds: Some(60),
            parameters: Some(
                [("commands".to_owned(), vec!["echo {{INVOCATION_ID}} {{TARGET_ID}}".to_owned()])].into(),
            ),
            ..ssm::MaintenanceWindowRunCommandParameters::default()
        }),
        ..ssm::MaintenanceWindowTaskInvocationParameters::default()
    });
    let planned =
        PlannedInvocation { targets: vec![target("tag:Env", &["prod"])], ..PlannedInvocation::default() };
    let names = RunNames {
        window_id: "mw-1",
        window_task_id: "t",
        execution_id: "e",
        task_execution_id: "te",
        invocation_id: "inv",
    };
    let request = command_request(&task, &planned, names);
    assert_eq!(request.comment.as_deref(), Some("mw-1"));
    assert_eq!(request.parameters.as_ref().unwrap()["commands"], ["echo inv {{TARGET_ID}}"]);
    assert_eq!(
        (request.output_s3_bucket_name.as_deref(), request.output_s3_key_prefix.as_deref()),
        (Some("logs"), Some("w"))
    );
    assert_eq!((request.max_concurrency.as_deref(), request.max_errors.as_deref()), (Some("2"), Some("0")));
    let shown: serde_json::Value = serde_json::from_str(&shown_parameters(&request)).unwrap();
    assert_eq!(shown["documentName"], "AWS-RunShellScript");
    assert_eq!(shown["parameters"]["commands"][0], "echo inv {{TARGET_ID}}");
    assert_eq!(shown["timeoutSeconds"], 60);
}

const CUTOFF: Timestamp = Timestamp::from_seconds(1000);
const END: Timestamp = Timestamp::from_seconds(2000);
const EARLY: Timestamp = Timestamp::from_seconds(1);

fn running(priority: i32, invocations: &[ExecutionStatus]) -> RunningTask {
    RunningTask {
        priority,
        cancels_at_cutoff: false,
        max_concurrency: Limit::Count(1),
        max_errors: Limit::Count(0),
        invocations: (0..).zip(invocations).map(|(batch, status)| Piece { batch, status: *status }).collect(),
    }
}

fn run(tasks: Vec<RunningTask>) -> Run {
    Run { tasks, cutoff_at: CUTOFF, ends_at: END, is_cancelled: false }
}

fn start(task: usize, invocation: usize) -> Act {
    Act::Start { task, invocation }
}

#[test]
fn low_priorities_go_first_and_equal_ones_together() {
    let of = |a: &[ExecutionStatus], b: &[ExecutionStatus], c: &[ExecutionStatus]| {
        next_acts(&run(vec![running(2, a), running(1, b), running(1, c)]), EARLY)
    };
    assert_eq!(of(&[Pending], &[Pending, Pending], &[Pending]), [start(1, 0), start(2, 0)]);
    assert_eq!(of(&[Pending], &[InProgress, Pending], &[Success]), []);
    assert_eq!(of(&[Pending], &[Success, Pending], &[Success]), [start(1, 1)]);
    assert_eq!(of(&[Pending], &[Success, Success], &[Failed]), [start(0, 0)]);
    let rest = Act::End { task: 1, invocation: 1, status: Cancelled, reason: Reason::TooManyErrors };
    assert_eq!(of(&[Pending], &[Failed, Pending], &[Success]), [rest]);
}

#[test]
fn the_cut_off_the_end_and_a_cancellation() {
    let mut run = run(vec![running(1, &[InProgress, Pending]), running(2, &[Pending])]);
    let end = |task, invocation, status, reason| Act::End { task, invocation, status, reason };
    let undone = [end(0, 1, TimedOut, Reason::CutOff), end(1, 0, TimedOut, Reason::CutOff)];
    assert_eq!(next_acts(&run, CUTOFF.plus_millis(-1)), []);
    assert_eq!(next_acts(&run, CUTOFF), undone, "CONTINUE_TASK leaves running work");
    assert_eq!(next_acts(&run, END)[0], end(0, 0, TimedOut, Reason::WindowEnded));
    run.tasks[0].cancels_at_cutoff = true;
    assert_eq!(next_acts(&run, CUTOFF)[0], Act::Cancel { task: 0, invocation: 0 });
    run.is_cancelled = true;
    let cancelled = [
        Act::Cancel { task: 0, invocation: 0 },
        end(0, 1, Cancelled, Reason::Cancelled),
        end(1, 0, Cancelled, Reason::Cancelled),
    ];
    assert_eq!(next_acts(&run, EARLY), cancelled);

    let mut over = running(1, &[Cancelled]);
    over.cancels_at_cutoff = true;
    let over = self::run(vec![over]);
    assert_eq!(over.status(EARLY), Cancelled);
    assert_eq!(over.status(CUTOFF), TimedOut, "what the cut-off cancelled was not completed");
    assert_eq!(self::run(vec![]).status(EARLY), Success);
}

fn apply(run: &mut Run, acts: &[Act]) {
    for act in acts {
        let (task, invocation, status) = match *act {
            Act::Start { task, invocation } => (task, invocation, InProgress),
            Act::Cancel { task, invocation } => (task, invocation, Cancelling),
            Act::End { task, invocation, status, .. } => (task, invocation, status),
        };
        run.tasks[task].invocations[invocation].status = status;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Plays runs to their end: work ends at random, somebody may cancel.
    #[test]
    fn runs_keep_their_rules(
        tasks in proptest::collection::vec((0..3i32, any::<bool>(), 0..3u32, 1..4u32, 1..9usize, 1..4usize), 0..6),
        outcomes in proptest::collection::vec(0..6u8, 0..80),
        cancelled_in_round in 0..60i64,
    ) {
        let tasks = tasks.into_iter().map(|(priority, cancels_at_cutoff, errors, at_once, count, size)| RunningTask {
            priority,
            cancels_at_cutoff,
            max_concurrency: Limit::Count(at_once),
            max_errors: Limit::Count(errors),
            invocations: (0..count).map(|i| Piece { batch: i / size, status: Pending }).collect(),
        });
        let mut run = run(tasks.collect());
        let mut outcomes = outcomes.into_iter();
        for round in 0..=40i64 {
            let now = Timestamp::from_seconds(round * 50);
            run.is_cancelled |= round == cancelled_in_round;
            let before = run.clone();
            let acts = next_acts(&run, now);
            for act in &acts {
                match *act {
                    Act::Start { task, invocation } => {
                        prop_assert!(now < CUTOFF && !run.is_cancelled);
                        let pieces = &before.tasks[task].invocations;
                        prop_assert_eq!(pieces[invocation].status, Pending);
                        let lower = before.tasks.iter().filter(|other| other.priority < before.tasks[task].priority);
                        prop_assert!(lower.into_iter().all(RunningTask::is_over), "a lower number is not done");
                        let earlier = pieces.iter().filter(|piece| piece.batch < pieces[invocation].batch);
                        prop_assert!(earlier.clone().all(|piece| piece.status.is_terminal()), "one target after the other");
                        let errors = pieces.iter().filter(|piece| matches!(piece.status, Failed | TimedOut)).count();
                        prop_assert!(u32::try_from(errors).unwrap() <= before.tasks[task].max_errors.of(9));
                    }
                    Act::Cancel { task, invocation } => {
                        prop_assert_eq!(before.tasks[task].invocations[invocation].status, InProgress);
                        prop_assert!(run.is_cancelled || (now >= CUTOFF && before.tasks[task].cancels_at_cutoff));
                    }
                    Act::End { task, invocation, status, .. } => {
                        let was = before.tasks[task].invocations[invocation].status;
                        prop_assert!(status.is_terminal() && !was.is_terminal());
                        prop_assert!(was == Pending || now >= END, "running work is waited for");
                    }
                }
            }
            apply(&mut run, &acts);
            for task in &run.tasks {
                let running = task.invocations.iter().filter(|piece| matches!(piece.status, InProgress | Cancelling));
                prop_assert!(u32::try_from(running.count()).unwrap() <= task.max_concurrency.of(9), "too many at once");
            }
            if now < END {
                let again: Vec<Act> = next_acts(&run, now);
                let is_start = |act: &Act| matches!(act, Act::Start { .. });
                prop_assert!(again.iter().all(|act| !is_start(act) || !acts.contains(act)), "nothing starts twice");
            }
            // Some of what runs ends.
            for piece in run.tasks.iter_mut().flat_map(|task| &mut task.invocations) {
                let invocation = &mut piece.status;
                let outcome = if matches!(invocation, InProgress | Cancelling) { outcomes.next() } else { None };
                match outcome {
                    Some(0) => *invocation = Success,
                    Some(1) => *invocation = Failed,
                    Some(2) if *invocation == Cancelling => *invocation = Cancelled,
                    _ => {}
                }
            }
        }
        prop_assert!(run.is_over(), "the end of the window is the end of the run");
        prop_assert!(run.status(END).is_terminal());
    }
}
