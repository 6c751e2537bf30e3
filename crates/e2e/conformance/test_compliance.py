"""Inventory, patch states and compliance through boto3 and the AWS CLI."""

import datetime
import json
import uuid

import pytest
from botocore.exceptions import ClientError

BASELINE = "pb-0123456789abcdef0"


def refusal(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"]


def iso(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def report(node, missing, group="", ended_at=None, hash=None):
    """What a scan uploads: a summary and the compliance items behind it."""
    ended_at = ended_at or datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    counts = dict.fromkeys(
        ["InstalledOtherCount", "InstalledPendingRebootCount", "InstalledRejectedCount", "NotApplicableCount",
         "UnreportedNotApplicableCount", "FailedCount"], "0")
    summary = {
        **counts, "PatchGroup": group, "BaselineId": BASELINE, "SnapshotId": str(uuid.uuid4()), "OwnerInformation": "",
        "InstalledCount": "1", "MissingCount": str(len(missing)), "OperationType": "Scan",
        "OperationStartTime": iso(ended_at), "OperationEndTime": iso(ended_at), "InstallOverrideList": "",
        "RebootOption": "NoReboot", "LastNoRebootInstallOperationTime": "", "NonCompliantSeverity": "HIGH",
        "SecurityNonCompliantCount": str(len(missing)), "CriticalNonCompliantCount": "0", "OtherNonCompliantCount": "0",
    }

    def item(name, state, status):
        return {
            "Id": f"{name}.amd64", "Title": f"{name}.amd64:1.0-1", "Status": status, "Severity": "HIGH",
            "DocumentName": "AWS-RunPatchBaseline", "DocumentVersion": "1", "Classification": "Security",
            "PatchBaselineId": BASELINE, "PatchSeverity": "Important", "PatchState": state, "PatchGroup": group,
            "InstalledTime": "1970-01-01T00:00:00Z",
        }

    items = [item("bash", "Installed", "COMPLIANT"), *(item(name, "Missing", "NON_COMPLIANT") for name in missing)]
    base = {"SchemaVersion": "1.0", "CaptureTime": iso(ended_at)}
    context = {"ComplianceType": "Patch", "ExecutionId": "run", "ExecutionType": "Command",
               "ExecutionTime": iso(ended_at)}
    return {"InstanceId": node, "Items": [
        {**base, "TypeName": "AWS:PatchSummary", "ContentHash": str(uuid.uuid4()), "Content": [summary]},
        {**base, "TypeName": "AWS:ComplianceItem", "ContentHash": hash or str(uuid.uuid4()), "Content": items,
         "Context": context},
    ]}


def test_a_scan_shows_in_every_list(ssm, aws, register_node):
    group = f"group {uuid.uuid4().hex[:8]}"
    node = register_node()
    assert aws("ssm", "describe-instance-patch-states", "--instance-ids", node)["InstancePatchStates"] == []
    ssm.put_inventory(**report(node, ["curl", "openssl"], group))

    state = aws("ssm", "describe-instance-patch-states", "--instance-ids", node)["InstancePatchStates"][0]
    assert (state["MissingCount"], state["InstalledCount"], state["Operation"]) == (2, 1, "Scan")
    missing = aws("ssm", "describe-instance-patches", "--instance-id", node, "--filters", "Key=State,Values=Missing")
    assert [patch["KBId"] for patch in missing["Patches"]] == ["curl.amd64", "openssl.amd64"]
    assert {patch["State"] for patch in missing["Patches"]} == {"Missing"}
    items = aws("ssm", "list-compliance-items", "--resource-ids", node, "--resource-types", "ManagedInstance")
    assert [item["Id"] for item in items["ComplianceItems"]] == ["bash.amd64", "curl.amd64", "openssl.amd64"]
    assert items["ComplianceItems"][1]["Details"]["PatchState"] == "Missing"

    by_group = ssm.describe_instance_patch_states_for_patch_group(
        PatchGroup=group, Filters=[{"Key": "MissingCount", "Values": ["0"], "Type": "GreaterThan"}])
    assert [state["InstanceId"] for state in by_group["InstancePatchStates"]] == [node]
    numbers = aws("ssm", "describe-patch-group-state", "--patch-group", group)
    assert (numbers["Instances"], numbers["InstancesWithMissingPatches"]) == (1, 1)

    mine = [{"Key": "ResourceId", "Values": [node], "Type": "EQUAL"}]
    summary = ssm.list_resource_compliance_summaries(Filters=mine)["ResourceComplianceSummaryItems"][0]
    assert (summary["Status"], summary["OverallSeverity"]) == ("NON_COMPLIANT", "HIGH")
    assert summary["NonCompliantSummary"]["SeveritySummary"]["HighCount"] == 2
    fleet = aws("ssm", "list-compliance-summaries")["ComplianceSummaryItems"]
    assert next(row for row in fleet if row["ComplianceType"] == "Patch")["NonCompliantSummary"]["NonCompliantCount"] >= 1
    entries = ssm.list_inventory_entries(InstanceId=node, TypeName="AWS:PatchSummary")
    assert entries["Entries"][0]["MissingCount"] == "2"
    entity = ssm.get_inventory(
        Filters=[{"Key": "AWS:InstanceInformation.InstanceId", "Values": [node]}],
        ResultAttributes=[{"TypeName": "AWS:ComplianceSummary"}])["Entities"][0]
    assert entity["Data"]["AWS:ComplianceSummary"]["Content"][0]["NonCompliantHighCount"] == "2"


def test_the_newest_report_is_shown_and_unchanged_ones_need_no_content(ssm, fettle, register_node):
    node = register_node()
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    early, late = now - datetime.timedelta(hours=2), now - datetime.timedelta(hours=1)
    ssm.put_inventory(**report(node, ["curl"], ended_at=early, hash="one"))
    ssm.put_inventory(**report(node, ["vim", "curl"], ended_at=early - datetime.timedelta(hours=1)))
    unchanged = report(node, ["curl"], ended_at=late, hash="one")
    del unchanged["Items"][1]["Content"]
    # The late report overwrote the hash, so this upload has to come in full once more.
    assert refusal(ssm.put_inventory, **unchanged) == "ItemContentMismatchException"
    ssm.put_inventory(**report(node, ["curl"], ended_at=early, hash="one"))
    ssm.put_inventory(**unchanged)
    state = ssm.describe_instance_patch_states(InstanceIds=[node])["InstancePatchStates"][0]
    assert (state["OperationEndTime"], state["MissingCount"]) == (late, 1)
    reports = fettle.list_node_reports(InstanceId=node)["Reports"]
    assert [entry["EndedAt"] for entry in reports][0] == late
    assert [entry["Counts"]["MISSING"] for entry in reports][-1] == 2
    told = fettle.get_node_report(InstanceId=node)
    assert (told["Status"], told["Stale"]) == ("NON_COMPLIANT", False)
    assert [patch["Name"] for patch in told["Missing"]] == ["curl"]
    causes = fettle.explain_node_compliance(InstanceId=node)["Causes"]
    assert any(cause["Id"] == "N1" for cause in causes), causes


def test_put_compliance_items(ssm, aws, register_node):
    node = register_node()
    aws("ssm", "put-compliance-items", "--resource-id", node, "--resource-type", "ManagedInstance",
        "--compliance-type", "Custom:Backup", "--execution-summary", "ExecutionTime=1772362800",
        "--items", "Id=db,Title=Database,Severity=CRITICAL,Status=NON_COMPLIANT,Details={Age=3d}",
        "Id=files,Title=Files,Severity=LOW,Status=COMPLIANT")
    items = ssm.list_compliance_items(
        ResourceIds=[node], Filters=[{"Key": "ComplianceType", "Values": ["Custom:"], "Type": "BEGIN_WITH"}])
    assert [(item["Id"], item["Status"]) for item in items["ComplianceItems"]] == [
        ("db", "NON_COMPLIANT"), ("files", "COMPLIANT")]
    assert items["ComplianceItems"][0]["Details"] == {"Age": "3d"}
    summary = ssm.list_resource_compliance_summaries(
        Filters=[{"Key": "ResourceId", "Values": [node]}])["ResourceComplianceSummaryItems"][0]
    assert (summary["ComplianceType"], summary["OverallSeverity"]) == ("Custom:Backup", "CRITICAL")
    told = ssm.get_inventory_schema(TypeName="AWS:ComplianceSummary", Aggregator=True)["Schemas"][0]
    assert {entry["Name"] for entry in told["Attributes"]} == {"Status", "ComplianceType"}

    put = {"ResourceId": node, "ResourceType": "ManagedInstance", "ComplianceType": "Custom:Backup",
           "ExecutionSummary": {"ExecutionTime": 1772362800}, "Items": []}
    assert refusal(ssm.put_compliance_items, **{**put, "ResourceType": "Toaster"}) == "InvalidResourceType"
    assert refusal(ssm.put_compliance_items, **{**put, "ResourceId": "mi-00000000000000000"}) == "InvalidResourceId"
    assert refusal(ssm.list_compliance_items, Filters=[{"Key": "Colour", "Values": ["red"]}]) == "InvalidFilter"


def test_every_summary_is_on_exactly_one_page(ssm, register_node):
    made = {register_node() for _ in range(7)}
    for node in made:
        ssm.put_inventory(**report(node, ["curl"]))
    for name, member in [("list_resource_compliance_summaries", "ResourceComplianceSummaryItems"),
                         ("list_compliance_items", "ComplianceItems")]:
        seen = []
        for page in ssm.get_paginator(name).paginate(PaginationConfig={"PageSize": 3}):
            assert len(page[member]) <= 3
            seen += [(row["ResourceId"], row["ComplianceType"], row.get("Id")) for row in page[member]]
        assert len(seen) == len(set(seen))
        assert made <= {row[0] for row in seen}


def test_inventory_of_any_kind(ssm, aws, register_node):
    node = register_node()
    kind = f"Custom:Rack{uuid.uuid4().hex[:6]}"
    items = [
        {"TypeName": "AWS:Application", "SchemaVersion": "1.1", "CaptureTime": "2026-03-01T10:00:00Z",
         "ContentHash": "a", "Content": [{"Name": "bash", "Publisher": "Debian", "Version": "5.2", "Architecture": "x86_64"}]},
        {"TypeName": kind, "SchemaVersion": "1.0", "CaptureTime": "2026-03-01T10:00:00Z", "Content": [{"Row": "7"}]},
    ]
    ssm.put_inventory(InstanceId=node, Items=items)
    entries = aws("ssm", "list-inventory-entries", "--instance-id", node, "--type-name", "AWS:Application")
    assert entries["Entries"][0]["Name"] == "bash"
    assert entries["SchemaVersion"] == "1.1"
    found = ssm.get_inventory(
        Filters=[{"Key": f"{kind}.Row", "Values": ["7"]}], ResultAttributes=[{"TypeName": kind}])["Entities"]
    assert [entity["Id"] for entity in found] == [node]
    schema = ssm.get_inventory_schema(TypeName=kind)["Schemas"][0]
    assert schema["Attributes"] == [{"Name": "Row", "DataType": "string"}]
    counted = ssm.get_inventory(Aggregators=[{"Expression": "AWS:Application.Name"}])["Entities"][0]
    assert json.dumps(counted["Data"]["AWS:Application"]["Content"]).count("bash") == 1
    assert refusal(ssm.put_inventory, InstanceId=node, Items=[{**items[0], "TypeName": "AWS:Cloud", "ContentHash": "b"}]
                   ) == "InvalidTypeNameException"
    assert refusal(ssm.list_inventory_entries, InstanceId="mi-00000000000000000", TypeName="AWS:File") == "InvalidInstanceId"
