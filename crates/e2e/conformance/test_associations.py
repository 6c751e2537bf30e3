"""State Manager through boto3 and the AWS CLI, on a real agent of this machine."""

import json
import uuid

import pytest

from test_commands import connected, until  # noqa: F401  (the fixture of a node with a running agent)

SHELL = "AWS-RunShellScript"
UNKNOWN = "3f0c9f5e-2d53-4b8e-a2b1-0f4f7e8a9c10"


@pytest.fixture
def associate(ssm):
    """Makes associations, which are gone after the test."""
    made = []

    def associate(targets, line="true", **more):
        answer = ssm.create_association(Name=SHELL, Targets=targets, Parameters={"commands": [line]}, **more)
        made.append(answer["AssociationDescription"]["AssociationId"])
        return answer["AssociationDescription"]

    yield associate
    for association in made:
        try:
            ssm.delete_association(AssociationId=association)
        except ssm.exceptions.AssociationDoesNotExist:
            pass


def nobody():
    return [{"Key": f"tag:none-{uuid.uuid4().hex[:8]}", "Values": ["x"]}]


def node_targets(node):
    return [{"Key": "InstanceIds", "Values": [node]}]


def executions(ssm, association):
    pages = ssm.get_paginator("describe_association_executions").paginate(
        AssociationId=association, PaginationConfig={"PageSize": 1})
    return [row for page in pages for row in page["AssociationExecutions"]]


def finished(ssm, association, count):
    def newest():
        rows = executions(ssm, association)
        return rows[0] if len(rows) == count else {}

    return until(newest, lambda row: row.get("Status") in {"Success", "Failed", "Skipped"})


def test_the_life_of_an_association(ssm, associate, refused):
    name = f"life-{uuid.uuid4().hex[:8]}"
    made = associate(nobody(), AssociationName=name, ScheduleExpression="rate(1 hour)",
                     MaxConcurrency="10%", MaxErrors="3", ComplianceSeverity="HIGH",
                     Tags=[{"Key": "Team", "Value": "web"}])
    association = made["AssociationId"]
    assert (made["AssociationVersion"], made["DocumentVersion"]) == ("1", "$DEFAULT")
    assert made["Overview"]["Status"] == "Pending"
    assert made["Overview"]["DetailedStatus"] == "Associated"
    assert ssm.describe_association(AssociationId=association)["AssociationDescription"] == made
    tags = ssm.list_tags_for_resource(ResourceType="Association", ResourceId=association)["TagList"]
    assert tags == [{"Key": "Team", "Value": "web"}]
    found = ssm.list_associations(AssociationFilterList=[{"key": "AssociationName", "value": name}])["Associations"]
    assert [row["AssociationId"] for row in found] == [association]

    changed = ssm.update_association(AssociationId=association, Targets=nobody(), Parameters={"commands": ["id"]},
                                     ScheduleExpression="cron(0 2 ? * SUN *)", AssociationVersion="1")
    changed = changed["AssociationDescription"]
    assert (changed["AssociationVersion"], changed["Name"]) == ("2", SHELL)
    assert "AssociationName" not in changed
    refused("InvalidAssociationVersion", "update_association", AssociationId=association, AssociationVersion="1",
            Parameters={"commands": ["id"]})
    pages = ssm.get_paginator("list_association_versions").paginate(
        AssociationId=association, PaginationConfig={"PageSize": 1})
    assert [row["AssociationVersion"] for page in pages for row in page["AssociationVersions"]] == ["2", "1"]
    old = ssm.describe_association(AssociationId=association, AssociationVersion="1")["AssociationDescription"]
    assert old["AssociationName"] == name

    ssm.delete_association(AssociationId=association)
    refused("AssociationDoesNotExist", "describe_association", AssociationId=association)


@pytest.mark.parametrize("code,more", [
    ("InvalidSchedule", {"ScheduleExpression": "rate(10 minutes)"}),
    ("InvalidSchedule", {"ScheduleExpression": "cron(0 2 ? JAN SUN *)"}),
    ("ValidationException", {"ScheduleExpression": "cron(0 2 ? * SUN *)", "ScheduleOffset": 2}),
    ("ValidationException", {"ScheduleExpression": "rate(1 hour)", "ApplyOnlyAtCronInterval": True}),
    ("InvalidOutputLocation", {"OutputLocation": {"S3Location": {"OutputS3BucketName": "no-such-bucket"}}}),
    ("InvalidDocument", {"CalendarNames": ["no-such-calendar"]}),
    ("ValidationException", {"MaxErrors": "101%"}),
])
def test_what_cannot_be_is_refused(refused, code, more):
    refused(code, "create_association", Name=SHELL, Targets=nobody(), Parameters={"commands": ["id"]}, **more)


def test_unknown_things_have_their_codes(ssm, associate, refused):
    refused("InvalidDocument", "create_association", Name="no-such-document", Targets=nobody())
    refused("InvalidParameters", "create_association", Name=SHELL, Targets=nobody(), Parameters={"x": ["y"]})
    refused("InvalidTarget", "create_association", Name=SHELL, Targets=[{"Key": "Colour", "Values": ["red"]}],
            Parameters={"commands": ["id"]})
    refused("AssociationDoesNotExist", "start_associations_once", AssociationIds=[UNKNOWN])
    refused("InvalidInstanceId", "describe_instance_associations_status", InstanceId="mi-00000000000000000")
    association = associate(nobody())["AssociationId"]
    refused("AssociationExecutionDoesNotExist", "describe_association_execution_targets",
            AssociationId=association, ExecutionId=UNKNOWN)


def test_a_batch_makes_what_it_can(ssm):
    entry = {"Name": SHELL, "Targets": nobody(), "Parameters": {"commands": ["true"]}}
    answer = ssm.create_association_batch(Entries=[entry, {**entry, "ScheduleExpression": "never"}])
    try:
        assert [row["Name"] for row in answer["Successful"]] == [SHELL]
        failed = answer["Failed"][0]
        assert (failed["Fault"], failed["Entry"]["ScheduleExpression"]) == ("Client", "never")
        assert "InvalidSchedule" in failed["Message"]
    finally:
        for row in answer["Successful"]:
            ssm.delete_association(AssociationId=row["AssociationId"])


def test_an_association_runs_on_its_node(ssm, aws, connected, associate):  # noqa: F811
    association = associate(node_targets(connected), "echo managed", ComplianceSeverity="LOW")["AssociationId"]
    run = finished(ssm, association, 1)
    assert (run["Status"], run["ResourceCountByStatus"]) == ("Success", "{Success=1}")
    targets = ssm.describe_association_execution_targets(
        AssociationId=association, ExecutionId=run["ExecutionId"])["AssociationExecutionTargets"]
    assert [(row["ResourceId"], row["ResourceType"], row["Status"]) for row in targets] == [
        (connected, "ManagedInstance", "Success")]
    source = targets[0]["OutputSource"]
    assert source["OutputSourceType"] == "RunCommand"
    output = ssm.get_command_invocation(CommandId=source["OutputSourceId"], InstanceId=connected)
    assert output["StandardOutputContent"] == "managed\n"
    shown = aws("ssm", "describe-association", "--association-id", association)["AssociationDescription"]
    assert shown["Overview"]["AssociationStatusAggregatedCount"] == {"Success": 1}

    items = ssm.list_compliance_items(ResourceIds=[connected], ResourceTypes=["ManagedInstance"], Filters=[
        {"Key": "ComplianceType", "Values": ["Association"]}, {"Key": "Id", "Values": [association]}])
    item = items["ComplianceItems"][0]
    assert (item["Status"], item["Severity"], item["Title"]) == ("COMPLIANT", "LOW", SHELL)
    assert item["ExecutionSummary"]["ExecutionId"] == run["ExecutionId"]

    status = ssm.describe_instance_associations_status(InstanceId=connected)["InstanceAssociationStatusInfos"]
    status = next(row for row in status if row["AssociationId"] == association)
    assert status["DetailedStatus"] == "Success"
    assert status["ExecutionSummary"].startswith("1 out of 1 plugin processed, 1 success")
    effective = ssm.describe_effective_instance_associations(InstanceId=connected)["Associations"]
    assert json.loads(next(row for row in effective if row["AssociationId"] == association)["Content"])
    node = ssm.describe_instance_information(Filters=[{"Key": "InstanceIds", "Values": [connected]}])
    assert node["InstanceInformationList"][0]["AssociationStatus"] in {"Success", "Pending", "Failed"}

    ssm.start_associations_once(AssociationIds=[association])
    assert finished(ssm, association, 2)["Status"] == "Success"
    filters = [{"Key": "ExecutionId", "Value": run["ExecutionId"], "Type": "EQUAL"}]
    rows = ssm.describe_association_executions(AssociationId=association, Filters=filters)["AssociationExecutions"]
    assert [row["ExecutionId"] for row in rows] == [run["ExecutionId"]]


def test_a_node_that_is_tagged_later_is_picked_up(ssm, connected, associate):  # noqa: F811
    key = f"later-{uuid.uuid4().hex[:8]}"
    association = associate([{"Key": f"tag:{key}", "Values": ["yes"]}], "exit 3")["AssociationId"]
    assert executions(ssm, association) == []
    ssm.add_tags_to_resource(ResourceType="ManagedInstance", ResourceId=connected, Tags=[{"Key": key, "Value": "yes"}])
    try:
        assert finished(ssm, association, 1)["Status"] == "Failed"
        overview = ssm.describe_association(AssociationId=association)["AssociationDescription"]["Overview"]
        assert (overview["Status"], overview["AssociationStatusAggregatedCount"]) == ("Failed", {"Failed": 1})
    finally:
        ssm.remove_tags_from_resource(ResourceType="ManagedInstance", ResourceId=connected, TagKeys=[key])


def test_a_closed_calendar_keeps_it_from_running(ssm, connected, associate):  # noqa: F811
    name = f"calendar-{uuid.uuid4().hex[:8]}"
    text = "BEGIN:VCALENDAR\r\nX-CALENDAR-TYPE:DEFAULT_CLOSED\r\nEND:VCALENDAR\r\n"
    ssm.create_document(Name=name, DocumentType="ChangeCalendar", DocumentFormat="TEXT", Content=text)
    association = associate(node_targets(connected), CalendarNames=[name])["AssociationId"]
    assert finished(ssm, association, 1)["Status"] == "Skipped"
    assert "LastExecutionDate" not in ssm.describe_association(AssociationId=association)["AssociationDescription"]
    ssm.delete_document(Name=name)
