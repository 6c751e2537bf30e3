"""Run Command and documents through boto3 and the AWS CLI, on a real agent of this machine."""

import shutil
import subprocess
import time

import botocore.exceptions
import pytest

from conftest import REGION, STOP_TIMEOUT_SECONDS, program

SHELL = "AWS-RunShellScript"
PATIENCE_SECONDS = 60
FINAL = {"Success", "Failed", "TimedOut", "Cancelled"}


def until(ask, wanted, seconds=PATIENCE_SECONDS):
    deadline = time.monotonic() + seconds
    while not wanted(seen := ask()):
        assert time.monotonic() < deadline, f"still {seen!r}"
        time.sleep(0.05)
    return seen


@pytest.fixture(scope="module")
def connected(server, ssm, tmp_path_factory):
    """The id of a node with a running agent whose control channel is open."""
    folder = tmp_path_factory.mktemp("agent")
    made = ssm.create_activation(IamRole="fettle-node", DefaultInstanceName="conformance")
    enroll = [program("fettle-agent"), "enroll", "--endpoint", server.endpoint, "--region", REGION,
              "--activation-id", made["ActivationId"], "--activation-code", made["ActivationCode"],
              "--data", str(folder)]
    subprocess.run(enroll, check=True, capture_output=True)
    with open(folder / "log", "ab") as log:
        agent = subprocess.Popen([program("fettle-agent"), "run", "--data", str(folder)],
                                 stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        mine = [{"Key": "ActivationIds", "Values": [made["ActivationId"]]}]
        nodes = until(lambda: ssm.describe_instance_information(Filters=mine)["InstanceInformationList"],
                      lambda nodes: nodes and nodes[0].get("PlatformType"))
        node = nodes[0]["InstanceId"]
        until(lambda: ssm.get_connection_status(Target=node)["Status"], lambda status: status == "connected")
        yield node
    finally:
        agent.terminate()
        agent.wait(STOP_TIMEOUT_SECONDS)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def run(ssm, connected):
    """Runs lines of shell on the node and returns the ended invocation."""

    def run(*lines, **options):
        sent = ssm.send_command(DocumentName=SHELL, InstanceIds=[connected],
                                Parameters={"commands": list(lines)}, **options)
        return ended(ssm, sent["Command"]["CommandId"], connected)

    return run


def ended(ssm, command, node):
    return until(lambda: ssm.get_command_invocation(CommandId=command, InstanceId=node),
                 lambda answer: answer["Status"] in FINAL)


def test_a_script_runs_and_its_output_comes_back(ssm, aws, connected, run):
    answer = run("echo hello", "echo oops >&2", Comment="a greeting")
    assert (answer["Status"], answer["ResponseCode"]) == ("Success", 0)
    assert answer["StandardOutputContent"] == "hello\n"
    assert "oops" in answer["StandardErrorContent"]
    assert answer["ExecutionElapsedTime"].startswith("PT")
    assert answer["PluginName"] == "aws:runShellScript"
    command = answer["CommandId"]
    listed = until(lambda: aws("ssm", "list-commands", "--command-id", command)["Commands"][0],
                   lambda row: row["Status"] == "Success")
    assert listed["Comment"] == "a greeting"
    assert listed["Parameters"] == {"commands": ["echo hello", "echo oops >&2"]}
    assert (listed["TargetCount"], listed["CompletedCount"], listed["ErrorCount"]) == (1, 1, 0)
    rows = aws("ssm", "list-command-invocations", "--command-id", command, "--details")["CommandInvocations"]
    assert [row["InstanceId"] for row in rows] == [connected]
    assert rows[0]["CommandPlugins"][0]["Status"] == "Success"
    assert "hello" in rows[0]["CommandPlugins"][0]["Output"]


def test_the_stock_waiter_waits(ssm, connected):
    sent = ssm.send_command(DocumentName=SHELL, InstanceIds=[connected], Parameters={"commands": ["true"]})
    ssm.get_waiter("command_executed").wait(
        CommandId=sent["Command"]["CommandId"], InstanceId=connected, WaiterConfig={"Delay": 1, "MaxAttempts": 60})


def test_a_failing_script_fails_with_its_code(run):
    answer = run("echo broken >&2", "exit 3")
    assert (answer["Status"], answer["StatusDetails"], answer["ResponseCode"]) == ("Failed", "Failed", 3)
    assert "broken" in answer["StandardErrorContent"]


def test_long_output_is_cut(run):
    answer = run("head -c 60000 /dev/zero | tr '\\0' x")
    assert answer["Status"] == "Success"
    assert len(answer["StandardOutputContent"]) <= 24000
    assert answer["StandardOutputContent"].startswith("xxx")


def test_log_groups_are_files(boto, connected, run):
    answer = run("echo logged", "echo oops >&2", "head -c 60000 /dev/zero | tr '\\0' x",
                 CloudWatchOutputConfig={"CloudWatchOutputEnabled": True})
    assert answer["CloudWatchOutputConfig"] == {
        "CloudWatchOutputEnabled": True, "CloudWatchLogGroupName": "/aws/ssm/AWS-RunShellScript"}
    folder = f"aws/ssm/AWS-RunShellScript/{answer['CommandId']}/{connected}/0.aws-runShellScript"
    assert answer["StandardOutputUrl"].endswith(f"/fettle-logs/{folder}/stdout")

    def read(stream):
        return boto("s3").get_object(Bucket="fettle-logs", Key=f"{folder}/{stream}")["Body"].read()

    assert read("stdout").startswith(b"logged\n") and len(read("stdout")) == 60_007
    assert read("stderr") == b"oops\n"
    # Beside a bucket, which the addresses then name.
    both = run("echo both", CloudWatchOutputConfig={"CloudWatchOutputEnabled": True, "CloudWatchLogGroupName": "/ops"},
               OutputS3BucketName="fettle-logs", OutputS3KeyPrefix="beside")
    assert "/fettle-logs/beside/" in both["StandardOutputUrl"]
    key = f"ops/{both['CommandId']}/{connected}/0.aws-runShellScript/stdout"
    assert boto("s3").get_object(Bucket="fettle-logs", Key=key)["Body"].read() == b"both\n"


def test_a_running_command_is_cancelled(ssm, connected):
    sent = ssm.send_command(DocumentName=SHELL, InstanceIds=[connected], Parameters={"commands": ["sleep 600"]})
    command = sent["Command"]["CommandId"]
    until(lambda: ssm.get_command_invocation(CommandId=command, InstanceId=connected)["Status"],
          lambda status: status == "InProgress")
    assert "CommandId" not in ssm.cancel_command(CommandId=command)
    assert ended(ssm, command, connected)["Status"] == "Cancelled"


def test_a_script_past_its_time_is_ended(run, ssm, connected):
    sent = ssm.send_command(DocumentName=SHELL, InstanceIds=[connected],
                            Parameters={"commands": ["sleep 600"], "executionTimeout": ["5"]})
    answer = ended(ssm, sent["Command"]["CommandId"], connected)
    assert (answer["Status"], answer["StatusDetails"]) == ("TimedOut", "ExecutionTimedOut")


def test_a_tag_nobody_has_ends_the_command(ssm):
    sent = ssm.send_command(DocumentName=SHELL, Targets=[{"Key": "tag:Nobody", "Values": ["x"]}],
                            Parameters={"commands": ["true"]})
    command = sent["Command"]
    assert (command["Status"], command["TargetCount"]) == ("Pending", 0)
    row = ssm.list_commands(CommandId=command["CommandId"])["Commands"][0]
    assert (row["Status"], row["StatusDetails"]) == ("Failed", "NoInstancesInTag")


def test_an_offline_node_keeps_a_command_waiting(ssm, aws, register_node):
    node = register_node(tags={"Env": "offline"})
    sent = aws("ssm", "send-command", "--document-name", SHELL, "--targets", "Key=tag:Env,Values=offline",
               "--parameters", "commands=id", "--timeout-seconds", "600")["Command"]
    assert sent["ExpiresAfter"]
    command = sent["CommandId"]
    assert ssm.get_command_invocation(CommandId=command, InstanceId=node)["Status"] == "Pending"
    aws("ssm", "cancel-command", "--command-id", command)
    assert ssm.get_command_invocation(CommandId=command, InstanceId=node)["Status"] == "Cancelled"
    assert ssm.list_commands(CommandId=command)["Commands"][0]["Status"] == "Cancelled"


@pytest.mark.parametrize("code, change", [
    ("InvalidDocument", {"DocumentName": "AWS-Nothing"}),
    ("InvalidDocumentVersion", {"DocumentVersion": "9"}),
    ("InvalidParameters", {"Parameters": {"colour": ["red"]}}),
    ("InvalidInstanceId", {"InstanceIds": ["mi-0123456789abcdef0"]}),
    ("ValidationException", {"InstanceIds": []}),
    ("ValidationException", {"MaxErrors": "many"}),
])
def test_bad_requests_are_told_apart(ssm, node, code, change):
    good = {"DocumentName": SHELL, "InstanceIds": [node], "Parameters": {"commands": ["id"]}}
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        ssm.send_command(**{**good, **change})
    assert refused.value.response["Error"]["Code"] == code


def test_shipped_documents(ssm, aws):
    names = [row["Name"] for page in ssm.get_paginator("list_documents").paginate(
        Filters=[{"Key": "Owner", "Values": ["Amazon"]}]) for row in page["DocumentIdentifiers"]]
    assert {"AWS-RunShellScript", "AWS-RunPatchBaseline"} <= set(names)
    described = aws("ssm", "describe-document", "--name", "AWS-RunPatchBaseline")["Document"]
    assert (described["Owner"], described["HashType"]) == ("Amazon", "Sha256")
    assert "Operation" in [parameter["Name"] for parameter in described["Parameters"]]
    text = aws("ssm", "get-document", "--name", "AWS-RunPatchBaseline")["Content"]
    assert "schemaVersion" in text
