"""Automation through boto3 and the AWS CLI, on a real agent of this machine, and through kill -9 of the server."""

import json
import random
import signal
import time
import uuid

import pytest

from conftest import STOP_TIMEOUT_SECONDS
from test_commands import connected, until  # noqa: F401  (the fixture of a node with a running agent)

UNKNOWN = "3f0c9f5e-2d53-4b8e-a2b1-0f4f7e8a9c10"
ENDS = {"Success", "Failed", "TimedOut", "Cancelled"}


@pytest.fixture
def runbook(ssm):
    """Makes runbooks, which are gone after the test."""
    made = []

    def runbook(*steps, **more):
        name = f"book-{uuid.uuid4().hex[:8]}"
        content = json.dumps({"schemaVersion": "0.3", "mainSteps": list(steps), **more})
        ssm.create_document(Name=name, DocumentType="Automation", DocumentFormat="JSON", Content=content)
        made.append(name)
        return name

    yield runbook
    for name in made:
        ssm.delete_document(Name=name)


def start(ssm, name, **more):
    return ssm.start_automation_execution(DocumentName=name, **more)["AutomationExecutionId"]


def get(ssm, execution):
    return ssm.get_automation_execution(AutomationExecutionId=execution)["AutomationExecution"]


def ended(ssm, execution):
    return until(lambda: get(ssm, execution), lambda found: found["AutomationExecutionStatus"] in ENDS)


def shell(name, node, line, **more):
    inputs = {"DocumentName": "AWS-RunShellScript", "InstanceIds": [node], "Parameters": {"commands": [line]}}
    return {"name": name, "action": "aws:runCommand", "inputs": inputs, **more}


def nothing(name, **more):
    return {"name": name, "action": "aws:sleep", "inputs": {"Duration": "PT0S"}, **more}


def pause(name):
    return {"name": name, "action": "aws:pause", "inputs": {}}


def test_a_runbook_on_a_real_node(ssm, runbook, connected):  # noqa: F811
    mine = [{"Key": "InstanceIds", "Values": [connected]}]
    name = runbook(
        {"name": "find", "action": "aws:executeAwsApi",
         "inputs": {"Service": "ssm", "Api": "DescribeInstanceInformation", "Filters": mine},
         "outputs": [{"Name": "Ids", "Selector": "$.InstanceInformationList[*].InstanceId", "Type": "StringList"}]},
        shell("say", connected, "echo hello {{ Whom }}"),
        {"name": "which", "action": "aws:branch", "inputs": {"Choices": [
            {"NextStep": "greeted", "Variable": "{{ say.Output }}", "Contains": "hello world"}], "Default": "lost"}},
        nothing("lost", isEnd=True),
        {"name": "greeted", "action": "aws:updateVariable", "inputs": {"Name": "variable:said", "Value": "{{ say.Status }}"}},
        shell("breaks", connected, "exit 3", onFailure="Continue"),
        parameters={"Whom": {"type": "String"}}, variables={"said": {"type": "String", "default": ""}},
        outputs=["say.Output", "find.Ids"])
    found = ended(ssm, start(ssm, name, Parameters={"Whom": ["world"]}, Tags=[{"Key": "Team", "Value": "web"}]))
    steps = {step["StepName"]: step for step in found["StepExecutions"]}
    assert found["AutomationExecutionStatus"] == "Success", found
    assert found["Outputs"]["say.Output"][0].strip() == "hello world"
    assert found["Outputs"]["find.Ids"] == [connected]
    assert found["Variables"] == {"said": ["Success"]}
    assert steps["lost"]["StepStatus"] == "Pending"
    assert steps["breaks"]["StepStatus"] == "Failed" and steps["breaks"]["ResponseCode"] == "3"
    assert steps["breaks"]["FailureMessage"] and steps["breaks"]["FailureDetails"]["FailureStage"] == "Invocation"
    command = steps["say"]["Outputs"]["CommandId"][0]
    assert ssm.list_commands(CommandId=command)["Commands"][0]["Status"] == "Success"
    tags = ssm.list_tags_for_resource(ResourceType="Automation", ResourceId=found["AutomationExecutionId"])["TagList"]
    assert tags == [{"Key": "Team", "Value": "web"}]


def test_people_are_asked(ssm, runbook, refused):
    asks = {"name": "ask", "action": "aws:approve", "inputs": {"Approvers": ["root", "arn:aws:iam::123456789012:user/anna"]}}
    execution = start(ssm, runbook(asks, pause("wait"), nothing("last")))
    until(lambda: get(ssm, execution), lambda found: found["AutomationExecutionStatus"] == "Waiting")
    named = {"AutomationExecutionId": execution}
    refused("InvalidAutomationSignalException", "send_automation_signal", **named, SignalType="Resume")
    refused("AutomationStepNotFoundException", "send_automation_signal", **named, SignalType="Resume",
            Payload={"StepName": ["gone"]})
    refused("AutomationStepNotFoundException", "send_automation_signal", **named, SignalType="StopStep",
            Payload={"StepExecutionId": [UNKNOWN]})
    ssm.send_automation_signal(**named, SignalType="Approve", Payload={"Comment": ["go on"]})
    until(lambda: get(ssm, execution), lambda found: found.get("CurrentStepName") == "wait")
    ssm.send_automation_signal(**named, SignalType="Resume")
    assert ended(ssm, execution)["AutomationExecutionStatus"] == "Success"
    refused("InvalidAutomationSignalException", "send_automation_signal", **named, SignalType="Approve")

    rejected = start(ssm, runbook(asks))
    until(lambda: get(ssm, rejected), lambda found: found["AutomationExecutionStatus"] == "Waiting")
    ssm.send_automation_signal(AutomationExecutionId=rejected, SignalType="Reject", Payload={"Comment": ["not today"]})
    found = ended(ssm, rejected)
    assert found["AutomationExecutionStatus"] == "Failed" and "not today" in found["FailureMessage"]


def test_interactive_executions_go_step_by_step(ssm, runbook):
    execution = start(ssm, runbook(nothing("one"), nothing("two")), Mode="Interactive")
    until(lambda: get(ssm, execution), lambda found: found["AutomationExecutionStatus"] == "Waiting")
    ssm.send_automation_signal(AutomationExecutionId=execution, SignalType="StartStep", Payload={"StepName": ["one"]})
    until(lambda: get(ssm, execution)["StepExecutions"], lambda steps: steps[0]["StepStatus"] == "Success")
    ssm.send_automation_signal(AutomationExecutionId=execution, SignalType="Resume")
    assert ended(ssm, execution)["Mode"] == "Auto"


def test_stopping_cancels_the_command(ssm, runbook, refused, connected):  # noqa: F811
    execution = start(ssm, runbook(shell("long", connected, "sleep 60"), nothing("never")))
    until(lambda: get(ssm, execution)["StepExecutions"][0]["StepStatus"], lambda status: status == "InProgress")
    ssm.stop_automation_execution(AutomationExecutionId=execution, Type="Cancel")
    found = ended(ssm, execution)
    assert found["AutomationExecutionStatus"] == "Cancelled"
    assert [step["StepStatus"] for step in found["StepExecutions"]] == ["Cancelled", "Pending"]
    mine = [{"key": "DocumentName", "value": "AWS-RunShellScript"}]
    newest = ssm.list_commands(Filters=mine)["Commands"][0]
    until(lambda: ssm.list_commands(CommandId=newest["CommandId"])["Commands"][0]["Status"],
          lambda status: status == "Cancelled")
    refused("InvalidAutomationStatusUpdateException", "stop_automation_execution", AutomationExecutionId=execution)


def test_lists_and_refusals(ssm, runbook, refused):
    loop = {"name": "round", "action": "aws:loop", "inputs": {"Iterators": ["x", "y"], "Steps": [nothing("inner")]}}
    name = runbook(loop, nothing("last"))
    execution = start(ssm, name, ClientToken=UNKNOWN)
    assert start(ssm, name, ClientToken=UNKNOWN) == execution
    refused("IdempotentParameterMismatch", "start_automation_execution", DocumentName=name, Mode="Interactive",
            ClientToken=UNKNOWN)
    ended(ssm, execution)
    pages = ssm.get_paginator("describe_automation_step_executions").paginate(
        AutomationExecutionId=execution, PaginationConfig={"PageSize": 1})
    steps = [row for page in pages for row in page["StepExecutions"]]
    assert [step["StepName"] for step in steps] == ["round", "last", "inner", "inner"]
    second = ssm.describe_automation_step_executions(
        AutomationExecutionId=execution, Filters=[{"Key": "ParentStepIteration", "Values": ["2"]}])["StepExecutions"]
    assert [step["ParentStepDetails"]["IteratorValue"] for step in second] == ["y"]
    refused("InvalidFilterValue", "describe_automation_executions",
            Filters=[{"Key": "ExecutionStatus", "Values": ["Asleep"]}])
    refused("InvalidNextToken", "describe_automation_executions", NextToken="x")
    refused("InvalidNextToken", "describe_automation_step_executions", AutomationExecutionId=execution, NextToken="x")
    refused("AutomationDefinitionNotFoundException", "start_automation_execution", DocumentName="none-such")
    refused("AutomationDefinitionVersionNotFoundException", "start_automation_execution", DocumentName=name,
            DocumentVersion="9")
    refused("InvalidAutomationExecutionParametersException", "start_automation_execution", DocumentName=name,
            Parameters={"Gone": ["x"]})
    for operation in ["get_automation_execution", "stop_automation_execution", "describe_automation_step_executions"]:
        refused("AutomationExecutionNotFoundException", operation, AutomationExecutionId=UNKNOWN)
    refused("AutomationExecutionNotFoundException", "send_automation_signal", AutomationExecutionId=UNKNOWN,
            SignalType="Approve")
    for action in ["aws:createStack", "aws:runInstances"]:
        content = json.dumps({"schemaVersion": "0.3", "mainSteps": [{"name": "odd", "action": action, "inputs": {}}]})
        text = refused("InvalidDocumentContent", "create_document", Name="odd-book", DocumentType="Automation",
                       Content=content)
        assert "mainSteps[0].action" in text and "`odd`" in text and action in text


def test_a_preview_counts(ssm, runbook, refused):
    name = runbook(nothing("one"), {"name": "two", "action": "aws:executeAwsApi",
                                    "inputs": {"Service": "ssm", "Api": "DeleteDocument", "Name": "x"}})
    preview = ssm.start_execution_preview(DocumentName=name)["ExecutionPreviewId"]
    found = ssm.get_execution_preview(ExecutionPreviewId=preview)
    assert found["Status"] == "Success"
    assert found["ExecutionPreview"]["Automation"]["StepPreviews"] == {"Mutating": 1, "NonMutating": 1}
    refused("ResourceNotFoundException", "get_execution_preview", ExecutionPreviewId=UNKNOWN)
    refused("ValidationException", "start_execution_preview", DocumentName="none-such")


def test_the_aws_cli(ssm, runbook, aws):
    name = runbook(nothing("one"), parameters={"Word": {"type": "String"}})
    started = aws("ssm", "start-automation-execution", "--document-name", name, "--parameters", "Word=hello")
    execution = started["AutomationExecutionId"]
    ended(ssm, execution)
    found = aws("ssm", "get-automation-execution", "--automation-execution-id", execution)["AutomationExecution"]
    assert found["AutomationExecutionStatus"] == "Success" and found["Parameters"] == {"Word": ["hello"]}
    listed = aws("ssm", "describe-automation-executions", "--filters", f"Key=ExecutionId,Values={execution}")
    assert listed["AutomationExecutionMetadataList"][0]["DocumentName"] == name
    steps = aws("ssm", "describe-automation-step-executions", "--automation-execution-id", execution)
    assert steps["StepExecutions"][0]["StepStatus"] == "Success"


def test_executions_survive_kill_9_of_the_server(server, ssm, runbook, connected, tmp_path):  # noqa: F811
    """Every line is written once, whatever moment the server dies at."""
    ledger = tmp_path / "ledger"
    dice = random.Random(27)
    steps = []
    for number in range(4):
        steps += [shell(f"write{number}", connected, f"echo {number} >> {ledger}"),
                  {"name": f"look{number}", "action": "aws:executeAwsApi",
                   "inputs": {"Service": "ssm", "Api": "DescribeDocument", "Name": "AWS-Noop"}}]
    execution = start(ssm, runbook(*steps))
    for _ in range(4):
        # The moment is what is drawn: there is nothing to wait for.
        time.sleep(dice.random() * 1.5)
        server.process.send_signal(signal.SIGKILL)
        server.process.wait(STOP_TIMEOUT_SECONDS)
        server.start()
    # A call whose server died is made again when its claim has run out.
    found = until(lambda: get(ssm, execution), lambda found: found["AutomationExecutionStatus"] in ENDS, seconds=200)
    assert found["AutomationExecutionStatus"] == "Success", found
    assert ledger.read_text().split() == ["0", "1", "2", "3"]


def test_a_shipped_runbook_writes_its_report(boto, ssm, register_node):
    node = register_node()
    s3, bucket = boto("s3"), f"reports-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": ssm.meta.region_name})
    found = ended(ssm, start(ssm, "AWS-ExportPatchReportToS3", Parameters={"s3BucketName": [bucket]}))
    assert found["AutomationExecutionStatus"] == "Success", found
    key = found["Outputs"]["exportReport.Key"][0]
    lines = s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode().splitlines()
    assert lines[0].startswith("Index,Instance ID,Instance name,")
    assert [line.split(",")[9] for line in lines if node in line] == ["UNKNOWN"]
    s3.delete_object(Bucket=bucket, Key=key)
    s3.delete_bucket(Bucket=bucket)
    shown = ssm.describe_document(Name="AWS-PatchInstanceWithRollback")["Document"]
    assert (shown["Owner"], shown["DocumentType"], shown["SchemaVersion"]) == ("Amazon", "Automation", "0.3")
