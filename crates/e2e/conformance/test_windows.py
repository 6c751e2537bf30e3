"""Maintenance windows through boto3: registered, told ahead, run, and let go again."""

import datetime
import json
import re
import time
import uuid

import botocore.exceptions
import pytest

WINDOW = dict(Name="patch-web", Schedule="cron(0 2 ? * SUN *)", Duration=3, Cutoff=1, AllowUnassociatedTargets=False)
TAGGED = [{"Key": "tag:Env", "Values": ["nowhere"]}]
PATIENCE_SECONDS = 60


def refusal(call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.fixture
def window(ssm):
    made = ssm.create_maintenance_window(**WINDOW)["WindowId"]
    yield made
    ssm.delete_maintenance_window(WindowId=made)


@pytest.fixture
def target(ssm, window):
    answer = ssm.register_target_with_maintenance_window(
        WindowId=window, ResourceType="INSTANCE", Targets=TAGGED, OwnerInformation="ops", Name="web-nodes",
        Description="all of them")
    return answer["WindowTargetId"]


def task_of(window, target, **more):
    return dict(WindowId=window, TaskArn="AWS-RunShellScript", TaskType="RUN_COMMAND", MaxConcurrency="50%",
                MaxErrors="10%", Targets=[{"Key": "WindowTargetIds", "Values": [target]}], **more)


def test_every_option_is_read_back(ssm):
    given = dict(WINDOW, Description="weekly", StartDate="2030-01-01T00:00:00Z", EndDate="2031-01-01T00:00:00Z",
                 ScheduleTimezone="America/New_York", ScheduleOffset=2)
    made = ssm.create_maintenance_window(**given, Tags=[{"Key": "team", "Value": "web"}])["WindowId"]
    shown = ssm.get_maintenance_window(WindowId=made)
    assert {key: shown[key] for key in given} == given
    assert shown["Enabled"] is True
    # Sundays are 30 December and 6 January: two days later.
    assert shown["NextExecutionTime"] == "2030-01-01T02:00-05:00"
    tags = ssm.list_tags_for_resource(ResourceType="MaintenanceWindow", ResourceId=made)["TagList"]
    assert tags == [{"Key": "team", "Value": "web"}]
    ssm.update_maintenance_window(WindowId=made, Enabled=False)
    assert "NextExecutionTime" not in ssm.get_maintenance_window(WindowId=made)
    assert ssm.delete_maintenance_window(WindowId=made)["WindowId"] == made
    assert refusal(ssm.get_maintenance_window, WindowId=made) == (
        "DoesNotExistException", f"Maintenance window {made} does not exist")
    assert ssm.delete_maintenance_window(WindowId=made)["WindowId"] == made


@pytest.mark.parametrize("wrong", [
    {"Schedule": "cron(0 2 * * SUN *)"}, {"Schedule": "every sunday"}, {"Schedule": "rate(1 hours)"},
    {"ScheduleTimezone": "Mars/Olympus"}, {"Cutoff": 3}, {"EndDate": "2020-01-01", "StartDate": "2021-01-01"},
    {"Schedule": "rate(7 days)", "ScheduleOffset": 2},
])
def test_what_contradicts_itself_is_refused(ssm, wrong):
    assert refusal(ssm.create_maintenance_window, **{**WINDOW, **wrong})[0] == "ValidationException"


def test_a_token_repeats_and_guards(ssm, window):
    token = str(uuid.uuid4())
    first = ssm.create_maintenance_window(**WINDOW, ClientToken=token)["WindowId"]
    assert ssm.create_maintenance_window(**WINDOW, ClientToken=token)["WindowId"] == first
    other = {**WINDOW, "Duration": 4}
    assert refusal(ssm.create_maintenance_window, **other, ClientToken=token)[0] == "IdempotentParameterMismatch"
    ssm.delete_maintenance_window(WindowId=first)


def test_targets_and_tasks(ssm, window, target):
    parameters = {"RunCommand": {"Parameters": {"commands": ["echo {{WINDOW_ID}}"]}, "TimeoutSeconds": 60,
                                 "Comment": "hello"}}
    registered = task_of(window, target, Priority=3, Name="say", Description="hello", CutoffBehavior="CANCEL_TASK",
                         TaskInvocationParameters=parameters, ServiceRoleArn="arn:aws:iam::123456789012:role/w",
                         LoggingInfo={"S3BucketName": "logs", "S3Region": "eu-central-1"})
    task = ssm.register_task_with_maintenance_window(**registered)["WindowTaskId"]
    shown = ssm.get_maintenance_window_task(WindowId=window, WindowTaskId=task)
    assert {key: shown[key] for key in registered} == registered
    tasks = ssm.describe_maintenance_window_tasks(WindowId=window)["Tasks"]
    assert [(row["WindowTaskId"], row["Type"], row["Priority"]) for row in tasks] == [(task, "RUN_COMMAND", 3)]
    targets = ssm.describe_maintenance_window_targets(WindowId=window)["Targets"]
    assert targets[0]["OwnerInformation"] == "ops" and targets[0]["Targets"] == TAGGED

    safe = dict(WindowId=window, WindowTargetId=target, Safe=True)
    assert refusal(ssm.deregister_target_from_maintenance_window, **safe)[0] == "TargetInUseException"
    changed = ssm.update_maintenance_window_task(WindowId=window, WindowTaskId=task, Priority=0)
    assert changed["Priority"] == 0 and changed["TaskInvocationParameters"] == parameters
    ssm.deregister_task_from_maintenance_window(WindowId=window, WindowTaskId=task)
    ssm.deregister_target_from_maintenance_window(**safe)
    assert refusal(ssm.deregister_target_from_maintenance_window, **safe)[0] == "DoesNotExistException"


def test_what_is_not_run_is_refused_when_it_is_registered(ssm, window):
    lone = dict(WindowId=window, TaskArn="AWS-StopEC2Instance", TaskType="AUTOMATION",
                TaskInvocationParameters={"Automation": {"DocumentVersion": "1", "Parameters": {"InstanceId": ["i-0"]}}})
    code, message = refusal(ssm.register_task_with_maintenance_window, **lone)
    assert code == "ValidationException" and "`AWS-StopEC2Instance` does not exist" in message
    assert refusal(ssm.register_task_with_maintenance_window, **lone, MaxConcurrency="1") == (
        "ValidationException", "Maintenance window tasks without targets don't support MaxConcurrency values")


def test_functions_and_state_machines_are_webhooks(ssm, window):
    function = dict(WindowId=window, TaskArn="arn:aws:lambda:eu-central-1:123456789012:function:drain", TaskType="LAMBDA",
                    TaskInvocationParameters={"Lambda": {"Payload": b'{"a": 1}', "Qualifier": "live"}})
    task = ssm.register_task_with_maintenance_window(**function)["WindowTaskId"]
    shown = ssm.get_maintenance_window_task(WindowId=window, WindowTaskId=task)
    assert shown["TaskInvocationParameters"]["Lambda"]["Payload"] == b'{"a": 1}'
    assert (shown["MaxConcurrency"], shown["MaxErrors"]) == ("1", "1")
    machine = dict(WindowId=window, TaskArn="other", TaskType="STEP_FUNCTIONS")
    code, message = refusal(ssm.register_task_with_maintenance_window, **machine)
    assert code == "ValidationException" and "no webhook `other`" in message


def test_the_command_line_registers_a_patch_night(aws):
    window = aws("ssm", "create-maintenance-window", "--name", "sundays", "--schedule", "cron(0 2 ? * SUN *)",
                 "--schedule-timezone", "Europe/Berlin", "--duration", 3, "--cutoff", 1,
                 "--no-allow-unassociated-targets")["WindowId"]
    target = aws("ssm", "register-target-with-maintenance-window", "--window-id", window, "--resource-type", "INSTANCE",
                 "--targets", "Key=tag:Env,Values=prod")["WindowTargetId"]
    parameters = {"RunCommand": {"Parameters": {"Operation": ["Install"]}}}
    task = aws("ssm", "register-task-with-maintenance-window", "--window-id", window, "--task-type", "RUN_COMMAND",
               "--task-arn", "AWS-RunPatchBaseline", "--targets", f"Key=WindowTargetIds,Values={target}",
               "--max-concurrency", "20%", "--max-errors", "5%",
               "--task-invocation-parameters", json.dumps(parameters))["WindowTaskId"]
    shown = aws("ssm", "get-maintenance-window-task", "--window-id", window, "--window-task-id", task)
    assert shown["TaskInvocationParameters"] == parameters
    assert (shown["MaxConcurrency"], shown["MaxErrors"], shown["Priority"]) == ("20%", "5%", 1)
    told = aws("ssm", "get-maintenance-window", "--window-id", window)["NextExecutionTime"]
    # 02:00 by the clock of Berlin, in winter or in summer.
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT02:00\+0[12]:00", told), told
    coming = aws("ssm", "describe-maintenance-window-schedule", "--window-id", window, "--max-results", 3)
    assert coming["ScheduledWindowExecutions"][0]["ExecutionTime"] == told
    refused = aws.fails("ssm", "update-maintenance-window", "--window-id", window, "--cutoff", 3)
    assert "ValidationException" in refused and "not smaller than Duration" in refused
    assert aws("ssm", "delete-maintenance-window", "--window-id", window) == {"WindowId": window}


def test_schedules_are_told_ahead_in_pages(ssm, window, target):
    coming = ssm.describe_maintenance_window_schedule(WindowId=window)["ScheduledWindowExecutions"]
    assert len(coming) == 25 and all(row["ExecutionTime"].endswith("T02:00Z") for row in coming)
    pages = ssm.get_paginator("describe_maintenance_window_schedule").paginate(
        WindowId=window, PaginationConfig={"PageSize": 4})
    assert [row for page in pages for row in page["ScheduledWindowExecutions"]] == coming
    mine = ssm.describe_maintenance_windows_for_target(Targets=TAGGED, ResourceType="INSTANCE")["WindowIdentities"]
    assert mine == [{"WindowId": window, "Name": "patch-web"}]


def test_a_window_runs_when_its_moment_comes(ssm):
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=4)
    schedule = at.strftime("at(%Y-%m-%dT%H:%M:%S)")
    window = ssm.create_maintenance_window(**{**WINDOW, "Schedule": schedule})["WindowId"]
    target = ssm.register_target_with_maintenance_window(
        WindowId=window, ResourceType="INSTANCE", Targets=TAGGED)["WindowTargetId"]
    ssm.register_task_with_maintenance_window(
        **task_of(window, target, TaskInvocationParameters={"RunCommand": {"Parameters": {"commands": ["id"]}}}))
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        runs = ssm.describe_maintenance_window_executions(WindowId=window)["WindowExecutions"]
        if runs and "EndTime" in runs[0]:
            break
        assert time.monotonic() < deadline, runs
        time.sleep(0.1)
    # No node has the tag, and the command says so.
    assert (runs[0]["Status"], runs[0]["StatusDetails"]) == ("FAILED", "NoInstancesInTag")
    execution = runs[0]["WindowExecutionId"]
    run = ssm.get_maintenance_window_execution(WindowExecutionId=execution)
    task = ssm.get_maintenance_window_execution_task(WindowExecutionId=execution, TaskId=run["TaskIds"][0])
    assert task["TaskArn"] == "AWS-RunShellScript"
    listed = ssm.describe_maintenance_window_execution_task_invocations(
        WindowExecutionId=execution, TaskId=run["TaskIds"][0])["WindowExecutionTaskInvocationIdentities"]
    one = ssm.get_maintenance_window_execution_task_invocation(
        WindowExecutionId=execution, TaskId=run["TaskIds"][0], InvocationId=listed[0]["InvocationId"])
    command = ssm.list_commands(CommandId=one["ExecutionId"])["Commands"][0]
    assert command["StatusDetails"] == "NoInstancesInTag"
    assert ssm.cancel_maintenance_window_execution(WindowExecutionId=execution)["WindowExecutionId"] == execution
    assert "NextExecutionTime" not in ssm.get_maintenance_window(WindowId=window)
    ssm.delete_maintenance_window(WindowId=window)
    assert ssm.describe_maintenance_window_executions(WindowId=window)["WindowExecutions"] == runs
    unknown = str(uuid.uuid4())
    assert refusal(ssm.get_maintenance_window_execution, WindowExecutionId=unknown)[0] == "DoesNotExistException"
