"""The stock agent's side, played from what was observed of it: sequences, headers and frames over TLS. The real agent's
programs are not here; this is as close as their recordings come.
"""

import base64
import hashlib
import json
import shutil
import time
import uuid

import pytest

from conftest import Server, clients_of
from stock_agent import Channel, Node, Refused, certificates, content, step

SHELL = "AWS-RunShellScript"
PATIENCE_SECONDS = 30
# A frame of the websocket.
CLOSE = 8
DOCUMENT = json.dumps({"schemaVersion": "2.2", "mainSteps": [
    {"action": "aws:runShellScript", "name": name, "inputs": {"runCommand": ["true"]}} for name in ("stepA", "stepB")]})


@pytest.fixture(scope="module")
def bed(tmp_path_factory):
    """A server with TLS, and clients of it."""
    folder = tmp_path_factory.mktemp("stock")
    server = Server(folder, certificates=certificates(tmp_path_factory.mktemp("certificates")))
    yield server, clients_of(server, tmp_path_factory)("ssm")
    server.stop()
    assert server.failures() == []
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def ssm(bed):
    made = bed[1]
    made.create_document(Name="two-steps", Content=DOCUMENT, DocumentType="Command")
    return made


@pytest.fixture
def make(bed, ssm, tmp_path):
    """Makes nodes that have started as far as their first report."""

    def make():
        node = Node(bed[0], tmp_path)
        node.register(ssm.create_activation(IamRole="fettle-node", DefaultInstanceName="stock"))
        node.get_token()
        assert node.probe() == {} and node.report() == {}
        return node

    return make


@pytest.fixture
def online(ssm, make):
    """A node with its control channel."""
    node = make()
    channel = node.open_channel()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while ssm.get_connection_status(Target=node.id)["Status"] != "connected":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    yield node, channel
    channel.cut()


def send(ssm, node, document=SHELL, **options):
    if document == SHELL:
        options.setdefault("Parameters", {"commands": ["true"]})
    return ssm.send_command(DocumentName=document, InstanceIds=[node.id], **options)["Command"]["CommandId"]


def shown(ssm, command):
    return ssm.list_command_invocations(CommandId=command, Details=True)["CommandInvocations"][0]


def until(ssm, command, status):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (seen := shown(ssm, command))["StatusDetails"] != status:
        assert time.monotonic() < deadline, f"still {seen}"
        time.sleep(0.02)
    return seen


def test_registration_keys_and_the_first_calls(bed, ssm, tmp_path):
    node = Node(bed[0], tmp_path)
    activation = ssm.create_activation(IamRole="fettle-node", DefaultInstanceName="stock")
    node.register(activation)
    assert node.id.startswith("mi-") and len(node.id) == 20
    with pytest.raises(Refused) as spent:
        Node(bed[0], tmp_path).register(activation)
    assert spent.value.code == "InvalidActivation"
    token = node.get_token()
    assert set(token) == {"AccessKeyId", "SecretAccessKey", "SessionToken", "TokenExpirationDate", "UpdateKeyPair"}
    assert token["UpdateKeyPair"] is False and token["TokenExpirationDate"] - time.time() > 15 * 60
    # A full report, and a later probe that knows less.
    assert node.report() == {} and node.probe() == {}
    listed = ssm.describe_instance_information(Filters=[{"Key": "InstanceIds", "Values": [node.id]}])
    seen = listed["InstanceInformationList"][0]
    assert (seen["PingStatus"], seen["AgentVersion"], seen["PlatformName"], seen["IPAddress"], seen["Name"]) == (
        "Online", "3.3.0.0", "Debian GNU/Linux", "192.0.2.10", "stock")

    # The key is changed: the new one counts from then on, the old one until the new one was used.
    old, new = node.key, node.new_key()
    request = {"NewPublicKey": node.public(new), "NewPublicKeyType": "Rsa"}
    assert node.with_key("UpdateManagedInstancePublicKey", request) == {}
    node.get_token(old)
    node.get_token(new)
    with pytest.raises(Refused) as stale:
        node.get_token(old)
    assert stale.value.status == 400
    node.key = new
    node.fingerprint = str(uuid.uuid4())
    with pytest.raises(Refused) as cloned:
        node.get_token()
    assert cloned.value.code == "MachineFingerprintDoesNotMatch"


def test_a_command_over_the_channel_with_replies_out_of_order(ssm, online):
    node, channel = online
    channel.ping()
    command = send(ssm, node, "two-steps")
    job = channel.job()
    assert job["JobId"] == f"aws.ssm.{command}.{node.id}" and job["Topic"].startswith("aws.ssm.sendCommand")
    asked = job["Content"]
    assert asked["CommandId"] == command and asked["DocumentName"] == "two-steps"
    assert [row["name"] for row in asked["DocumentContent"]["mainSteps"]] == ["stepA", "stepB"]
    assert (asked["OutputS3BucketName"], asked["OutputS3KeyPrefix"], asked["CloudWatchOutputEnabled"]) == ("", "", "false")
    channel.acknowledge(job)
    channel.reply(job, content("InProgress"))
    assert until(ssm, command, "InProgress")["CommandPlugins"][0]["Status"] in ("Pending", "InProgress")
    long, wrong = "x" * 60_000, "y" * 20_000
    first = content("InProgress", {"stepA": step("Success", output=long, error=wrong)}, {"Success": 1})
    again = channel.reply(job, first)
    # The last word comes before that of the last step, and an earlier one a second time.
    channel.reply(job, content("Failed", {}, {"Success": 1, "Failed": 1}))
    assert until(ssm, command, "Failed")["Status"] == "Failed"
    channel.reply(job, content("InProgress", {"stepB": step("Failed", 3, error="no")}, {"Success": 1, "Failed": 1}))
    channel.reply(job, first, again)
    seen = shown(ssm, command)
    assert seen["StatusDetails"] == "Failed", "a late word does not reopen it"
    assert [(row["Name"], row["Status"], row["ResponseCode"]) for row in seen["CommandPlugins"]] == [
        ("stepA", "Success", 0), ("stepB", "Failed", 3)]
    one = ssm.get_command_invocation(CommandId=command, InstanceId=node.id, PluginName="stepA")
    assert len(one["StandardOutputContent"]) == 24_000 and len(one["StandardErrorContent"]) == 8_000
    # Nobody waits for it any more: the channel carries the next command.
    following = send(ssm, node)
    assert channel.job()["Content"]["CommandId"] == following


def test_what_the_agent_refuses(ssm, online):
    node, channel = online
    command = send(ssm, node)
    job = channel.job()
    channel.acknowledge(job, "51408", "AgentJobMessageParseError")
    channel.reply(job, content("Failed"))
    assert until(ssm, command, "Failed")["TraceOutput"]
    # Known already: no replies follow by itself, those of the first time come.
    command = send(ssm, node)
    job = channel.job()
    channel.acknowledge(job, "51405", "DuplicateCommand")
    until(ssm, command, "InProgress")
    channel.reply(job, content("Success", {"aws:runShellScript": step("Success")}, {"Success": 1}))
    until(ssm, command, "Success")


def test_frames_that_mean_nothing_here_are_passed_over(ssm, online):
    node, channel = online
    channel.message("agent_telemetry", {"counters": {"x": 1}})
    channel.message("agent_update_result", {"result": "none"})
    channel.message("of_a_later_release", {"a": [1]})
    channel.message("agent_job_ack", {"jobId": "no such job", "statusCode": "200", "more": {"a": None}})
    channel.ping()
    command = send(ssm, node)
    job = channel.job()
    channel.acknowledge(job)
    reply = content("Success", {"aws:runShellScript": {**step("Success"), "later": 1}}, {"Success": 1})
    channel.reply(job, {**reply, "later": {"a": 1}})
    until(ssm, command, "Success")


def test_a_running_command_is_cancelled(ssm, online):
    node, channel = online
    command = send(ssm, node)
    job = channel.job()
    channel.acknowledge(job)
    channel.reply(job, content("InProgress"))
    until(ssm, command, "InProgress")
    ssm.cancel_command(CommandId=command)
    cancel = channel.job()
    assert cancel["Topic"].startswith("aws.ssm.cancelCommand") and cancel["JobId"] != job["JobId"]
    assert cancel["JobId"].endswith(f".{node.id}") and cancel["Content"] == {"CancelMessageId": job["JobId"]}
    channel.acknowledge(cancel)
    channel.reply(cancel, content("InProgress"), topic="aws.ssm.cancelCommand")
    assert shown(ssm, command)["StatusDetails"] == "Cancelling"
    channel.reply(job, content("InProgress", {"aws:runShellScript": step("Cancelled", 137)}, {"Cancelled": 1}))
    channel.reply(job, content("Cancelled", {"aws:runShellScript": step("Cancelled", 137)}, {"Cancelled": 1}))
    seen = until(ssm, command, "Cancelled")
    assert (seen["CommandPlugins"][0]["Status"], seen["CommandPlugins"][0]["ResponseCode"]) == ("Cancelled", 137)


def test_a_command_goes_on_after_a_reboot(ssm, make):
    node = make()
    channel = node.open_channel()
    command = send(ssm, node, "two-steps")
    job = channel.job()
    channel.acknowledge(job)
    channel.reply(job, content("InProgress"))
    channel.reply(job, content("SuccessAndReboot", {"stepA": step("SuccessAndReboot", 194)}, {"SuccessAndReboot": 1}))
    assert until(ssm, command, "InProgress")["CommandPlugins"][0]["Status"] == "InProgress"
    # The last reply before the machine goes down is not acknowledged to it any more.
    unheard = uuid.uuid4()
    channel.message("agent_job_reply", {
        "schemaVersion": 1, "jobId": job["JobId"], "topic": "aws.ssm.sendCommand",
        "content": json.dumps(content("InProgress"))}, unheard)
    channel.cut()
    # Credentials are still good, and the channel is a new one.
    channel = node.open_channel()
    node.report("ssmmessages")
    channel.reply(job, content("InProgress"), unheard)
    channel.reply(job, content("InProgress", {"stepA": step("Success")}, {"Success": 1}))
    channel.reply(job, content("InProgress", {"stepB": step("Success")}, {"Success": 2}))
    channel.reply(job, content("Success", {}, {"Success": 2}))
    seen = until(ssm, command, "Success")
    assert [row["Status"] for row in seen["CommandPlugins"]] == ["Success", "Success"]
    channel.cut()


def test_the_long_poll_where_the_channel_is_refused(ssm, make):
    node, other = make(), make()
    with pytest.raises(Refused) as denied:
        node.create_channel(other.id)
    assert denied.value.status == 403 and "<AccessDeniedException>" in denied.value.body
    # With a token that the server did not give, the socket is closed and nothing is said.
    assert Channel(other, "no token of this server").take()[0] == CLOSE
    command = send(ssm, node)
    request = str(uuid.uuid4())
    polled = node.mds("GetMessages", Destination=node.id, MessagesRequestId=request, VisibilityTimeoutInSeconds=10)
    assert (polled["Destination"], polled["MessagesRequestId"]) == (node.id, request)
    message, = polled["Messages"]
    assert message["MessageId"] == f"aws.ssm.{command}.{node.id}" and message["Destination"] == node.id
    assert len(message["CreatedDate"]) >= 24 and message["Topic"].startswith("aws.ssm.sendCommand")
    assert json.loads(message["Payload"])["CommandId"] == command

    def reply(status, steps=None, counts=None, identifier=None):
        identifier = identifier or str(uuid.uuid4())
        node.mds("SendReply", MessageId=message["MessageId"], ReplyId=identifier,
                 Payload=json.dumps(content(status, steps, counts, over_mds=True)))
        return identifier

    reply("InProgress")
    assert node.mds("AcknowledgeMessage", MessageId=message["MessageId"]) == {}
    assert node.mds("AcknowledgeMessage", MessageId=message["MessageId"]) == {}, "it may be repeated"
    until(ssm, command, "InProgress")
    done = {"aws:runShellScript": step("Success", output="well\n")}
    stored = reply("InProgress", done, {"Success": 1})
    reply("Success", done, {"Success": 1})
    # Stored for a while, and sent once more.
    reply("InProgress", done, {"Success": 1}, stored)
    until(ssm, command, "Success")
    one = ssm.get_command_invocation(CommandId=command, InstanceId=node.id)
    assert (one["StandardOutputContent"], one["ResponseCode"], one["PluginName"]) == ("well\n", 0, "aws:runShellScript")
    with pytest.raises(Refused):
        node.mds("GetMessages", Destination=other.id, MessagesRequestId=request, VisibilityTimeoutInSeconds=10)

    # A message that cannot be handled.
    command = send(ssm, node)
    polled = node.mds("GetMessages", Destination=node.id, MessagesRequestId=request, VisibilityTimeoutInSeconds=10)
    message, = polled["Messages"]
    assert node.mds("FailMessage", MessageId=message["MessageId"], FailureType="NoHandlerExists") == {}
    until(ssm, command, "Failed")


def test_an_association_that_only_the_agent_runs(ssm, online):
    node, channel = online
    made = ssm.create_association(Name="AWS-GatherSoftwareInventory", AssociationName="stock-inventory",
                                  Targets=[{"Key": "InstanceIds", "Values": [node.id]}])
    association = made["AssociationDescription"]["AssociationId"]
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (listed := node.call("ListInstanceAssociations", {"InstanceId": node.id, "MaxResults": 20})["Associations"]):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    entry, = listed
    for required in ("AssociationId", "Name", "DocumentVersion", "InstanceId", "Checksum"):
        assert entry[required], required
    assert (entry["AssociationId"], entry["DetailedStatus"], entry.get("ScheduleExpression", "")) == (
        association, "Pending", "")
    fetched = node.call("GetDocument", {"Name": entry["Name"], "DocumentVersion": entry["DocumentVersion"]})
    assert json.loads(fetched["Content"])["schemaVersion"] and fetched["Name"] == "AWS-GatherSoftwareInventory"

    def say(status, summary):
        answer = node.call("UpdateInstanceAssociationStatus", {
            "AssociationId": association, "InstanceId": node.id, "ExecutionResult": {
                "Status": status, "ErrorCode": "", "ExecutionDate": time.time(), "ExecutionSummary": summary}})
        assert answer == {}

    say("Pending", "Association is pending")
    say("InProgress", "Executing association")
    say("InProgress", "1 out of 1 plugin processed, 1 success, 0 failed, 0 timedout, 0 skipped. ")
    say("Success", "1 out of 1 plugin processed, 1 success, 0 failed, 0 timedout, 0 skipped. ")
    digest = base64.b64encode(hashlib.md5(b"items").digest()).decode()
    items = [{"Id": association, "Title": "", "Severity": "UNSPECIFIED", "Status": "COMPLIANT",
              "Details": {"DocumentName": "AWS-GatherSoftwareInventory", "DocumentVersion": "1"}}]
    for given in (items, []):
        assert node.call("PutComplianceItems", {
            "ResourceId": node.id, "ResourceType": "ManagedInstance", "ComplianceType": "Association",
            "ExecutionSummary": {"ExecutionTime": time.time(), "ExecutionId": "", "ExecutionType": ""},
            "ItemContentHash": digest, "Items": given}) == {}
    kept = ssm.list_compliance_items(ResourceIds=[node.id], ResourceTypes=["ManagedInstance"], Filters=[
        {"Key": "ComplianceType", "Values": ["Association"]}])["ComplianceItems"]
    assert [(item["Id"], item["Status"]) for item in kept] == [(association, "COMPLIANT")]
    described = ssm.describe_instance_associations_status(InstanceId=node.id)["InstanceAssociationStatusInfos"]
    assert [(row["AssociationId"], row["Status"]) for row in described] == [(association, "Success")]
    # Done, and not to be run at the next look.
    after = node.call("ListInstanceAssociations", {"InstanceId": node.id, "MaxResults": 20})["Associations"]
    assert all(row["DetailedStatus"] == "Success" and row.get("LastExecutionDate") for row in after), after
    ssm.delete_association(AssociationId=association)


def test_documents_come_as_json_whatever_they_were_written_in(ssm, online):
    node, _ = online
    text = "schemaVersion: '2.2'\nmainSteps:\n- action: aws:runShellScript\n  name: only\n  inputs:\n    runCommand: ['true']\n"
    ssm.create_document(Name="in-yaml", Content=text, DocumentType="Command", DocumentFormat="YAML")
    fetched = node.call("GetDocument", {"Name": "in-yaml", "DocumentVersion": "$DEFAULT"})
    assert json.loads(fetched["Content"])["mainSteps"][0]["name"] == "only"
    command = send(ssm, node, "in-yaml")
    job = online[1].job()
    assert job["Content"]["CommandId"] == command
    assert job["Content"]["DocumentContent"]["mainSteps"][0]["inputs"] == {"runCommand": ["true"]}


def test_inventory_by_content_and_by_hash(ssm, online):
    node, _ = online

    def item(kind, digest, captured, version="1.0", **more):
        return {"TypeName": kind, "SchemaVersion": version, "CaptureTime": captured, "ContentHash": digest, **more}

    def put(*items):
        return node.call("PutInventory", {"InstanceId": node.id, "Items": list(items)})

    def entries(kind):
        return ssm.list_inventory_entries(InstanceId=node.id, TypeName=kind)

    application = {"Name": "bash", "Publisher": "Debian", "Version": "5.2", "Architecture": "x86_64"}
    network = {"Name": "eth0", "SubnetMask": "", "Gateway": "", "DHCPServer": "", "DNSServer": "", "MacAddress": "",
               "IPV4": "192.0.2.10", "IPV6": ""}
    put(item("AWS:Application", "hashA", "2026-01-31T12:00:00Z", "1.1", Content=[application]),
        item("AWS:Network", "hashN", "2026-01-31T12:00:00Z", Content=[network]))
    # Unchanged: no content, and of another item its version and its time.
    put(item("AWS:Application", "hashA", "2026-01-31T13:00:00Z", "1.0"), item("AWS:Network", "hashN", "2026-01-31T13:00:00Z"))
    seen = entries("AWS:Application")
    assert (seen["SchemaVersion"], seen["CaptureTime"]) == ("1.1", "2026-01-31T13:00:00Z")
    assert [row["Name"] for row in seen["Entries"]] == ["bash"]
    with pytest.raises(Refused) as changed:
        put(item("AWS:Application", "hashB", "2026-01-31T14:00:00Z", "1.1"))
    assert changed.value.code == "ItemContentMismatchException"
    # Present and empty is not the same as absent.
    put(item("AWS:Network", "hashE", "2026-01-31T14:00:00Z", Content=[]))
    assert entries("AWS:Network")["Entries"] == [] and len(entries("AWS:Application")["Entries"]) == 1


def test_packages_come_from_documents(ssm, make):
    node = make()
    with pytest.raises(Refused) as none:
        node.call("GetManifest", {"PackageName": "any", "PackageVersion": "latest"})
    assert none.value.code == "ResourceNotFoundException"
    assert node.call("PutConfigurePackageResult", {
        "PackageName": "any", "PackageVersion": "1.0", "PreviousPackageVersion": "", "Operation": "Install",
        "OverallTiming": 12, "Result": 0, "Attributes": {"instanceID": node.id},
        "Steps": [{"Action": "install", "Result": 0, "Timing": 1}]}) == {}


def test_a_node_that_was_taken_away_is_told_so(ssm, make):
    node = make()
    ssm.deregister_managed_instance(InstanceId=node.id)
    with pytest.raises(Refused) as gone:
        node.get_token()
    assert gone.value.code == "AccessDeniedException"
    with pytest.raises(Refused) as denied:
        node.create_channel()
    assert denied.value.status == 403 and "<AccessDeniedException>" in denied.value.body
