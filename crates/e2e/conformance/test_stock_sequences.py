"""The stock agent's side, continued: whole sequences as they were observed (its start, busy and silent agents, refusals, files of
log groups, packages), and what this server does not serve it.
"""

import datetime
import hashlib
import io
import json
import os
import shutil
import time
import uuid
import zipfile

import botocore.exceptions
import pytest

import stock_agent
from conftest import REGION, Server, clients_of
from stock_agent import JSON, Channel, Node, Refused, certificates, content, step

SHELL, STEP = "AWS-RunShellScript", "aws:runShellScript"
PATIENCE_SECONDS = 60
# A frame of the websocket.
CLOSE = 8


@pytest.fixture(scope="module")
def bed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sequences")
    server = Server(folder, certificates=certificates(tmp_path_factory.mktemp("certificates")))
    yield server, clients_of(server, tmp_path_factory)
    server.stop()
    assert server.failures() == []
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def ssm(bed):
    return bed[1]("ssm")


@pytest.fixture(scope="module")
def s3(bed):
    return bed[1]("s3")


@pytest.fixture
def make(bed, ssm, tmp_path):
    def make():
        node = Node(bed[0], tmp_path)
        node.register(ssm.create_activation(IamRole="fettle-node"))
        node.get_token()
        node.probe()
        node.report()
        return node

    return make


def send(ssm, node, **options):
    options.setdefault("Parameters", {"commands": ["true"]})
    return ssm.send_command(DocumentName=SHELL, InstanceIds=[node.id], **options)["Command"]["CommandId"]


def shown(ssm, command):
    return ssm.list_command_invocations(CommandId=command, Details=True)["CommandInvocations"][0]


def until(what, look):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := look()):
        assert time.monotonic() < deadline, what
        time.sleep(0.02)
    return found


def is_now(ssm, command, status):
    until(f"{command} is {status}", lambda: shown(ssm, command)["StatusDetails"] == status)
    return shown(ssm, command)


def poll(node):
    asked = node.mds("GetMessages", Destination=node.id, MessagesRequestId=str(uuid.uuid4()),
                     VisibilityTimeoutInSeconds=10)
    return asked["Messages"]


def say(node, message, status, steps=None, counts=None, trace=""):
    text = json.dumps(content(status, steps, counts, trace, over_mds=True))
    assert node.mds("SendReply", MessageId=message["MessageId"], ReplyId=str(uuid.uuid4()), Payload=text) is not None


def done(output="", error="", code=0):
    return {STEP: step("Success" if code == 0 else "Failed", code, output, error)}


def test_the_calls_of_a_start(bed, ssm, tmp_path):
    node = Node(bed[0], tmp_path)
    node.register(ssm.create_activation(IamRole="fettle-node"))
    node.get_token()
    # Known by four members, and not yet what machine it is.
    node.probe()
    listed = ssm.describe_instance_information(Filters=[{"Key": "InstanceIds", "Values": [node.id]}])
    seen = listed["InstanceInformationList"][0]
    assert seen["PingStatus"] == "Online" and not seen.get("PlatformName")
    assert ssm.get_connection_status(Target=node.id)["Status"] == "notconnected"
    channel = node.open_channel()
    node.report("")
    until("it is connected", lambda: ssm.get_connection_status(Target=node.id)["Status"] == "connected")
    for _ in range(2):
        assert node.call("ListInstanceAssociations", {"InstanceId": node.id, "MaxResults": 20})["Associations"] == []
    node.report("ssmmessages")
    # A second channel takes the place of the first, which is closed; the same credentials serve.
    second = node.open_channel()
    assert channel.take()[0] == CLOSE
    second.ping()
    command = send(ssm, node)
    assert second.job()["Content"]["CommandId"] == command
    second.cut()


def test_a_silent_agent_and_a_busy_one_are_told_again(ssm, make):
    node, polling = make(), make()
    channel = node.open_channel()
    silent, busy, closing = (send(ssm, node) for _ in range(3))
    jobs = {job["Content"]["CommandId"]: job for job in (channel.job() for _ in range(3))}
    channel.acknowledge(jobs[busy], "51402", "ProcessorBufferFull")
    channel.acknowledge(jobs[closing], "51401", "ClosedProcessor")
    polled = send(ssm, polling)
    first, = poll(polling)
    # What was taken and not acknowledged cannot be seen by the next poll, until its time is over.
    began, (second,) = time.monotonic(), poll(polling)
    assert time.monotonic() - began > 5 and second["MessageId"] == first["MessageId"] and polled in second["MessageId"]
    again = {job["Content"]["CommandId"]: job for job in (channel.job() for _ in range(3))}
    assert {name: job["JobId"] for name, job in again.items()} == {name: job["JobId"] for name, job in jobs.items()}
    assert all(again[name]["MessageId"] != jobs[name]["MessageId"] for name in jobs), "frames of their own"
    for command in (silent, busy, closing):
        assert shown(ssm, command)["Status"] in ("Pending", "Delayed"), command
        channel.acknowledge(again[command])
        channel.reply(again[command], content("Success", done(), {"Success": 1}))
        is_now(ssm, command, "Success")
    # The agent knows the command by its id: it answers a second delivery without running it.
    for message in (first, second):
        say(polling, message, "InProgress")
        assert polling.mds("AcknowledgeMessage", MessageId=message["MessageId"]) == {}
    say(polling, second, "Success", done("well\n"), {"Success": 1})
    assert is_now(ssm, polled, "Success")["CommandPlugins"][0]["Output"].startswith("well")
    channel.cut()


@pytest.mark.parametrize("code, text", [
    ("51403", "UnexpectedDocumentType"), ("51404", "ProcessorErrorCodeTranslationFailed"), ("51406", "InvalidDocument"),
    ("51407", "ContainerNotSupported"), ("51499", "UnexpectedError"), ("59999", "SomethingNew")])
def test_every_other_refusal_ends_the_command(ssm, make, code, text):
    node = make()
    channel = node.open_channel()
    command = send(ssm, node)
    channel.acknowledge(channel.job(), code, text)
    assert is_now(ssm, command, "Failed")["TraceOutput"]
    channel.ping()
    channel.cut()


def test_what_an_agent_makes_of_odd_documents(ssm, make):
    node = make()
    channel = node.open_channel()
    ends = [
        # An unknown plugin, a failure that counts as success, a step that was passed over, a time-out, words without output.
        ("Failed", step("Failed", 1, error="plugin is not known: update the agent"), ("Failed", 1)),
        ("Success", step("Success", 168), ("Success", 168)),
        ("Success", step("Skipped", 0, "precondition is not met"), ("Success", 0)),
        ("TimedOut", step("TimedOut", 137), ("TimedOut", 137)),
        ("Failed", {**step("Failed", 3), "output": "it says why"}, ("Failed", 3)),
    ]
    for status, said, expected in ends:
        command = send(ssm, node)
        job = channel.job()
        channel.acknowledge(job)
        channel.reply(job, content("InProgress"))
        # The last word first, as it was seen.
        channel.reply(job, content(status, {STEP: said}, {said["status"]: 1}))
        channel.reply(job, content("InProgress", {STEP: said}, {said["status"]: 1}))
        row, = is_now(ssm, command, "ExecutionTimedOut" if status == "TimedOut" else status)["CommandPlugins"]
        assert (row["Status"], row["ResponseCode"]) == expected
    assert row["Output"] == "it says why"
    channel.cut()


def test_the_long_poll_while_the_channel_is_denied_and_after(ssm, make):
    node, other = make(), make()
    # Denied, the agent says so and polls.
    with pytest.raises(Refused) as denied:
        node.create_channel(other.id)
    assert denied.value.status == 403 and "<AccessDeniedException>" in denied.value.body
    node.report("ec2messages")
    command = send(ssm, node)
    message, = poll(node)
    say(node, message, "InProgress")
    assert node.mds("AcknowledgeMessage", MessageId=message["MessageId"]) == {}
    say(node, message, "InProgress", done("over the poll\n"), {"Success": 1})
    say(node, message, "Success", done("over the poll\n"), {"Success": 1})
    is_now(ssm, command, "Success")
    # A document that it cannot read: a reply with the reason, and no acknowledgement.
    command = send(ssm, node)
    message, = poll(node)
    say(node, message, "Failed", trace="document cannot be parsed")
    assert is_now(ssm, command, "Failed")["TraceOutput"] == "document cannot be parsed"
    # It is let in: from then on commands take the channel, cancellations too.
    channel = node.open_channel()
    node.report("ssmmessages")
    command = send(ssm, node)
    job = channel.job()
    assert job["Content"]["CommandId"] == command
    channel.acknowledge(job)
    channel.cut()
    until("the channel is gone", lambda: ssm.get_connection_status(Target=node.id)["Status"] == "notconnected")
    ssm.cancel_command(CommandId=command)
    message, = poll(node)
    assert message["Topic"].startswith("aws.ssm.cancelCommand")
    assert json.loads(message["Payload"]) == {"CancelMessageId": job["JobId"]}
    assert node.mds("AcknowledgeMessage", MessageId=message["MessageId"]) == {}
    say(node, {"MessageId": job["JobId"]}, "Cancelled", {STEP: step("Cancelled", 137)}, {"Cancelled": 1})
    is_now(ssm, command, "Cancelled")
    # Nobody answers for another node, and there is an address for agents of old.
    with pytest.raises(Refused):
        say(other, {"MessageId": job["JobId"]}, "Success")
    assert node.mds("GetEndpoint", Destination=node.id)["Endpoint"] == f"https://{node.host}"


def test_log_groups_of_stock_agents_have_files(ssm, s3, make):
    node = make()
    channel = node.open_channel()

    def files(command):
        listed = s3.list_objects_v2(Bucket="fettle-logs", Prefix=f"stock/{command}/").get("Contents", [])
        read = {row["Key"]: s3.get_object(Bucket="fettle-logs", Key=row["Key"])["Body"].read() for row in listed}
        return {name.removeprefix(f"stock/{command}/{node.id}/"): text.decode() for name, text in read.items()}

    config = {"CloudWatchOutputEnabled": True, "CloudWatchLogGroupName": "/stock"}
    command = send(ssm, node, CloudWatchOutputConfig=config)
    job = channel.job()
    assert job["Content"]["CloudWatchOutputEnabled"] == "false", "it would look for a host of AWS's"
    channel.acknowledge(job)
    last = done("so it is\n", "not quite\n", 2)
    for status in ("InProgress", "Failed", "Failed"):
        channel.reply(job, content(status, last, {"Failed": 1}))
    is_now(ssm, command, "Failed")
    assert files(command) == {"0.aws-runShellScript/stdout": "so it is\n", "0.aws-runShellScript/stderr": "not quite\n"}
    one = ssm.get_command_invocation(CommandId=command, InstanceId=node.id)
    assert "/fettle-logs/stock/" in one["StandardOutputUrl"] and "/fettle-logs/stock/" in one["StandardErrorUrl"]

    # A step that is not the command's writes nothing, and what was silent and failed has the agent's words.
    command = send(ssm, node, CloudWatchOutputConfig=config)
    job = channel.job()
    channel.acknowledge(job)
    odd = {"../../escape": step("Success", output="x"), STEP: {**step("Failed", 1), "output": "no shell"}}
    channel.reply(job, content("Failed", odd, {"Failed": 1}))
    is_now(ssm, command, "Failed")
    assert files(command) == {"0.aws-runShellScript/stderr": "no shell"}
    channel.cut()


def test_a_package_is_found_as_the_agent_looks_for_it(bed, ssm, s3, make):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("install.sh", "echo installed\n")
    digest = hashlib.sha256(packed.getvalue()).hexdigest()
    s3.create_bucket(Bucket="packages", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="packages", Key="tool/tool.zip", Body=packed.getvalue())
    manifest = json.dumps({
        "schemaVersion": "2.0", "version": "1.0", "publisher": "tests",
        "packages": {"_any": {"_any": {"_any": {"file": "tool.zip"}}}},
        "files": {"tool.zip": {"checksums": {"sha256": digest}, "size": len(packed.getvalue())}}})
    ssm.create_document(Name="tool", DocumentType="Package", Content=manifest, VersionName="1.0",
                        Attachments=[{"Key": "SourceUrl", "Values": ["s3://packages/tool"]}])
    node = make()
    with pytest.raises(Refused) as none:
        node.call("GetManifest", {"PackageName": "tool", "PackageVersion": "latest"})
    assert none.value.code == "ResourceNotFoundException"
    described = node.call("DescribeDocument", {"Name": "tool"})["Document"]
    assert (described["Status"], described["Name"], described["DocumentVersion"]) == ("Active", "tool", "1")
    assert described["Hash"]
    fetched = node.call("GetDocument", {"Name": "tool", "VersionName": "1.0"})
    assert (fetched["Status"], fetched["Name"], fetched["DocumentVersion"]) == ("Active", "tool", "1")
    assert json.loads(fetched["Content"])["files"]["tool.zip"]["checksums"]["sha256"] == digest
    attached, = fetched["AttachmentsContent"]
    assert (attached["Name"], attached["Hash"], attached["HashType"]) == ("tool.zip", digest, "Sha256")
    # Without credentials, its query kept as it is.
    address = attached["Url"].removeprefix(f"https://{node.host}")
    answer = node.send("GET", address, [("User-Agent", "Go-http-client/1.1")], b"")
    assert answer.status == 200 and hashlib.sha256(answer.body).hexdigest() == digest
    assert node.send("GET", address.replace("/attachments/", "/attachments/x"), [], b"").status == 403
    assert node.call("PutConfigurePackageResult", {
        "PackageName": "tool", "PackageVersion": "1.0", "PreviousPackageVersion": "", "Operation": "Install",
        "OverallTiming": 16_000, "Result": 0, "Attributes": {"instanceID": node.id},
        "Steps": [{"Action": "install", "Result": 0, "Timing": 12}]}) == {}


def test_an_association_that_fails_and_one_that_is_interrupted(ssm, make):
    node = make()
    made = ssm.create_association(Name="AWS-GatherSoftwareInventory", AssociationName="fails",
                                  Targets=[{"Key": "InstanceIds", "Values": [node.id]}])
    association = made["AssociationDescription"]["AssociationId"]

    def entry():
        listed = node.call("ListInstanceAssociations", {"InstanceId": node.id, "MaxResults": 20})["Associations"]
        return listed[0] if listed else None

    def say(status, code="", summary="one step"):
        assert node.call("UpdateInstanceAssociationStatus", {
            "AssociationId": association, "InstanceId": node.id, "ExecutionResult": {
                "Status": status, "ErrorCode": code, "ExecutionDate": time.time(), "ExecutionSummary": summary}}) == {}

    until("it is listed", entry)
    say("Pending")
    say("InProgress")
    # The machine went down, and the agent says that work is left.
    say("Pending")
    say("InProgress")
    say("Failed", "ExecutionError", "The operation `inventory` failed because `no room`.")

    def stands():
        rows = ssm.describe_instance_associations_status(InstanceId=node.id)["InstanceAssociationStatusInfos"]
        return rows and rows[0]["Status"] == "Failed" and rows[0]

    row = until("it has failed", stands)
    assert "no room" in row["ExecutionSummary"], row
    ssm.delete_association(AssociationId=association)
    until("it is gone", lambda: entry() is None)


def test_signatures_that_are_not_the_nodes(ssm, make, monkeypatch):
    node, other = make(), make()
    # Of another node's key, of another moment, of another service.
    with pytest.raises(Refused) as forged:
        node.get_token(other.key)
    assert forged.value.status == 400
    late = stock_agent.now() - datetime.timedelta(minutes=20)
    with monkeypatch.context() as patch:
        patch.setattr(stock_agent, "now", lambda: late)
        for call in (node.get_token, node.probe, node.create_channel):
            with pytest.raises(Refused):
                call()
    for operation, service in (("UpdateInstanceInformation", "ec2messages"), ("GetMessages", "ssm")):
        with pytest.raises(Refused):
            node.call(operation, {"InstanceId": node.id, "Destination": node.id}, service)
    # What is another node's, or a person's.
    for operation, request in (
            ("UpdateInstanceInformation", {"InstanceId": other.id, "AgentName": "amazon-ssm-agent"}),
            ("PutInventory", {"InstanceId": other.id, "Items": []}),
            ("SendCommand", {"DocumentName": SHELL, "InstanceIds": [node.id]})):
        with pytest.raises(Refused) as denied:
            node.call(operation, request)
        assert denied.value.code == "AccessDeniedException", operation
    assert node.probe() == {}


def test_what_is_not_served_is_said(ssm, make):
    node = make()
    channel = node.open_channel()
    # Sessions: the client is told, and an agent that has one still is turned away.
    with pytest.raises(botocore.exceptions.ClientError) as unknown:
        ssm.start_session(Target=node.id)
    assert unknown.value.response["Error"]["Code"] == "UnknownOperationException"
    body = json.dumps({"MessageSchemaVersion": "1.0", "RequestId": str(uuid.uuid4()), "ClientId": ""}).encode()
    answer = node.send("POST", "/v1/data-channel/alice-0a1b2c3d4e5f60718", [("Content-Length", len(body))], body)
    assert answer.status == 400 and b"<InvalidRequestException>" in answer.body and b"sessions" in answer.body
    channel.message("agent_task_complete", {
        "SchemaVersion": 1, "TaskId": "alice-0a1b2c3d4e5f60718", "Topic": "agent_task_complete",
        "FinalTaskStatus": "Success", "InstanceId": node.id, "Output": "", "RetryNumber": 1})
    # Frames that break the rules are passed over, and the channel stays.
    channel.put(2, b"short")
    channel.put(2, os.urandom(200))
    channel.put(1, b"words")
    channel.message("agent_job_reply", {"schemaVersion": 1, "jobId": "none", "topic": "t", "content": "{}"})
    channel.message("agent_job_ack", {"neither": "this"})
    channel.ping()
    command = send(ssm, node)
    job = channel.job()
    assert job["Content"]["CommandId"] == command
    # More than an answer may have, and the header of what is no JSON.
    answer = node.send("POST", "/", [("Content-Type", JSON), ("Content-Length", 2),
                                     ("X-Amz-Target", "AmazonSSM.RegisterManagedInstance")], b"{]")
    assert answer.status == 400
    channel.cut()


def test_parameters_are_read_by_whom_a_command_refers_them_to(ssm, make):
    for name, value in (("/greeting", "hello"), ("/other", "not for everybody")):
        ssm.put_parameter(Name=name, Value=value, Type="String")
    node, stranger = make(), make()
    asked = {"Names": ["/greeting"], "WithDecryption": False}
    channel = node.open_channel()
    command = send(ssm, node, Parameters={"commands": ["echo {{ssm:/greeting}}"]})
    job = channel.job()
    # The reference travels as it is, and the agent looks twice.
    assert job["Content"]["Parameters"]["commands"] == ["echo {{ssm:/greeting}}"]
    for _ in range(2):
        found = node.call("GetParameters", asked)
        assert [(row["Name"], row["Type"], row["Value"], row["Version"]) for row in found["Parameters"]] == [
            ("/greeting", "String", "hello", 1)]
    for who, names in ((node, ["/other"]), (node, ["/greeting", "/other"]), (stranger, ["/greeting"])):
        with pytest.raises(Refused) as denied:
            who.call("GetParameters", {"Names": names, "WithDecryption": False})
        assert denied.value.code == "AccessDeniedException"
    with pytest.raises(Refused):
        node.call("GetParameters", {"Names": ["/greeting"], "WithDecryption": True})
    with pytest.raises(Refused):
        node.call("GetParameter", {"Name": "/greeting"})
    # When the command has ended, so has the right to it.
    channel.acknowledge(job)
    channel.reply(job, content("Success", {STEP: step("Success", output="hello\n")}, {"Success": 1}))
    until("end", lambda: shown(ssm, command)["Status"] == "Success")
    with pytest.raises(Refused):
        node.call("GetParameters", asked)
    channel.cut()


def test_parameters_of_documents_that_a_step_fetches(ssm, make):
    for name in ("/fetched/a", "/fetched/key"):
        ssm.put_parameter(Name=name, Value="v", Type="SecureString" if name.endswith("key") else "String")
    inner = {"schemaVersion": "2.2", "mainSteps": [
        {"action": "aws:runShellScript", "name": "say", "inputs": {"runCommand": ["echo {{ssm:/fetched/a}}"]}},
        {"action": "aws:downloadContent", "name": "get", "inputs": {"sourceType": "GitHub", "sourceInfo": json.dumps(
            {"owner": "o", "repository": "r", "path": "p", "tokenInfo": "{{ssm-secure:/fetched/key}}"})}}]}
    outer = {"schemaVersion": "2.2", "mainSteps": [{"action": "aws:runDocument", "name": "run", "inputs": {
        "documentType": "SSMDocument", "documentPath": "stock-inner"}}]}
    for name, document in (("stock-inner", inner), ("stock-outer", outer)):
        ssm.create_document(Name=name, Content=json.dumps(document), DocumentType="Command")
    node = make()
    asked = {"Names": ["/fetched/a"], "WithDecryption": False}
    secret = {"Names": ["/fetched/key"], "WithDecryption": True}
    for request in (asked, secret):
        with pytest.raises(Refused):
            node.call("GetParameters", request)
    channel = node.open_channel()
    sent = ssm.send_command(DocumentName="stock-outer", InstanceIds=[node.id])["Command"]["CommandId"]
    job = channel.job()
    channel.acknowledge(job)
    fetched = node.call("GetDocument", {"Name": "stock-inner"})
    assert "{{ssm:/fetched/a}}" in fetched["Content"]
    for _ in range(2):
        assert node.call("GetParameters", asked)["Parameters"][0]["Value"] == "v"
    assert node.call("GetParameters", secret)["Parameters"][0]["Value"] == "v"
    with pytest.raises(Refused):
        node.call("GetParameters", {"Names": ["/fetched/a"], "WithDecryption": True})
    channel.reply(job, content("Success", {"run": step("Success", plugin="aws:runDocument")}, {"Success": 1}))
    until("end", lambda: shown(ssm, sent)["Status"] == "Success")
    with pytest.raises(Refused):
        node.call("GetParameters", asked)
    channel.cut()


def test_a_token_of_another_node_opens_nothing(make):
    node, other = make(), make()
    token = other.create_channel()
    assert Channel(node, token).take()[0] == CLOSE
