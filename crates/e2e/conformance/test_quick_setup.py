"""Quick Setup and Patch now through boto3 and the AWS CLI, on a real agent of this machine."""

import json
import os
import subprocess
import uuid

import botocore.exceptions
import pytest

from conftest import REGION, program
from test_commands import until
from test_patching import patched  # noqa: F401  (the fixture of a node that lacks a fix)

HOSTS = "AWSQuickSetupType-SSMHostMgmt"
POLICY = "AWSQuickSetupType-PatchPolicy"
SCAN_WITHIN_SECONDS = 90


@pytest.fixture(scope="session")
def quick(boto):
    return boto("ssm-quicksetup")


def refused(code, call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    assert caught.value.response["Error"]["Code"] == code
    return caught.value.response


@pytest.fixture
def manager(quick):
    """Makes configuration managers, which are gone after the test."""
    made = []

    def manager(kind, parameters, **more):
        definitions = [{"Type": kind, "Parameters": parameters}]
        arn = quick.create_configuration_manager(ConfigurationDefinitions=definitions, **more)["ManagerArn"]
        made.append(arn)
        return arn

    yield manager
    for arn in made:
        try:
            deployed(quick, arn)
            quick.delete_configuration_manager(ManagerArn=arn)
        except quick.exceptions.ResourceNotFoundException:
            continue
        until(lambda: gone(quick, arn), bool)


def associations(ssm, kind):
    """Those of Quick Setup whose names go on like this."""
    pages = ssm.get_paginator("list_associations").paginate()
    rows = [row for page in pages for row in page["Associations"]]
    return [row for row in rows if row.get("AssociationName", "").startswith(f"AWS-QuickSetup-{kind}")]


def gone(quick, arn):
    try:
        quick.get_configuration_manager(ManagerArn=arn)
    except quick.exceptions.ResourceNotFoundException:
        return True
    return False


def summaries(quick, arn):
    shown = quick.get_configuration_manager(ManagerArn=arn)["StatusSummaries"]
    return {row["StatusType"]: row["Status"] for row in shown}


def deployed(quick, arn):
    return until(lambda: summaries(quick, arn), lambda found: found["Deployment"] in {"SUCCEEDED", "FAILED"})


def test_the_life_of_a_configuration(quick, ssm, aws, manager):
    name = f"life {uuid.uuid4().hex[:8]}"
    nobody = {"TargetType": "Tags", "TargetTagKey": f"none-{uuid.uuid4().hex[:8]}", "TargetTagValue": "x"}
    arn = manager(HOSTS, nobody, Name=name, Description="all of it", Tags={"Team": "web"})
    assert deployed(quick, arn)["Deployment"] == "SUCCEEDED"
    shown = quick.get_configuration_manager(ManagerArn=arn)
    assert (shown["Name"], shown["Tags"]) == (name, {"Team": "web"})
    assert shown["CreatedAt"].tzinfo is not None
    definition = shown["ConfigurationDefinitions"][0]
    assert (definition["Type"], definition["Parameters"]) == (HOSTS, nobody)

    assert "AWS-RunPatchBaselineAssociation" in {row["Name"] for row in associations(ssm, "SSMHostMgmt")}

    quick.update_configuration_manager(ManagerArn=arn, Description="some of it")
    quick.update_configuration_definition(ManagerArn=arn, Id=definition["Id"],
                                          Parameters={**nobody, "ScanInstances": "false"})
    assert deployed(quick, arn)["Deployment"] == "SUCCEEDED"
    assert associations(ssm, "SSMHostMgmt-ScanForPatches") == []

    rows = quick.list_configurations(ManagerArn=arn)["ConfigurationsList"]
    assert [(row["Account"], row["Type"]) for row in rows] == [(arn.split(":")[4], HOSTS)]
    one = quick.get_configuration(ConfigurationId=rows[0]["Id"])
    assert one["Parameters"]["ScanInstances"] == "false"
    pages = quick.get_paginator("list_configuration_managers").paginate(
        Filters=[{"Key": "Name", "Values": [name]}], PaginationConfig={"PageSize": 1})
    assert [row["ManagerArn"] for page in pages for row in page["ConfigurationManagersList"]] == [arn]

    quick.tag_resource(ResourceArn=arn, Tags={"Env": "a b/c"})
    quick.untag_resource(ResourceArn=arn, TagKeys=["Team", "none"])
    assert quick.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "Env", "Value": "a b/c"}]
    from_shell = aws("ssm-quicksetup", "get-configuration-manager", "--manager-arn", arn)
    assert (from_shell["ManagerArn"], from_shell["Description"]) == (arn, "some of it")


def test_settings_and_types(quick):
    role = "arn:aws:iam::123456789012:role/explorer"
    quick.update_service_settings(ExplorerEnablingRoleArn=role)
    assert quick.get_service_settings()["ServiceSettings"] == {"ExplorerEnablingRoleArn": role}
    types = {row["Type"] for row in quick.list_quick_setup_types()["QuickSetupTypeList"]}
    assert types == {HOSTS, POLICY}


def test_what_cannot_be_is_refused(quick):
    unknown = "arn:aws:ssm-quicksetup:eu-central-1:123456789012:configuration-manager/0b9c9f7a-63a6-4f0e-9a53-0f4a2e0a6c11"
    answer = refused("ResourceNotFoundException", quick.get_configuration_manager, ManagerArn=unknown)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 404
    refused("ResourceNotFoundException", quick.delete_configuration_manager, ManagerArn=unknown)
    refused("ValidationException", quick.get_configuration_manager, ManagerArn="arn:aws:s3:::bucket")
    create = quick.create_configuration_manager
    other = refused("ValidationException", create,
                    ConfigurationDefinitions=[{"Type": "AWSQuickSetupType-DHMC", "Parameters": {}}])
    assert "AWSQuickSetupType-DHMC" in other["Error"]["Message"]
    refused("ValidationException", create, ConfigurationDefinitions=[{"Type": POLICY, "Parameters": {}}])


def test_a_patch_policy_runs_on_its_node(quick, ssm, patched, manager):  # noqa: F811
    baselines = {row["OperatingSystem"]: row["BaselineId"] for row in
                 ssm.describe_patch_baselines(Filters=[{"Key": "OWNER", "Values": ["AWS"]}])["BaselineIdentities"]}
    selected = {"DEBIAN": {"value": baselines["DEBIAN"], "label": "provided", "description": "", "disabled": False}}
    arn = manager(POLICY, {
        "PatchPolicyName": "nightly", "SelectedPatchBaselines": json.dumps(selected), "HasDeletedBaseline": "false",
        "PatchBaselineUseDefault": "default", "ConfigurationOptionsPatchOperation": "Scan", "TargetType": "InstanceIds",
        "TargetInstances": patched, "RateControlConcurrency": "5", "RateControlErrorThreshold": "0%",
    })
    assert deployed(quick, arn)["Deployment"] == "SUCCEEDED"
    association = associations(ssm, "PatchPolicy-ScanForPatches")[0]["AssociationId"]
    until(lambda: summaries(quick, arn).get("AsyncExecutions"), lambda status: status == "SUCCEEDED",
          SCAN_WITHIN_SECONDS)
    # Of the nodes' states the run's own follows.
    run = until(lambda: ssm.describe_association_executions(AssociationId=association)["AssociationExecutions"][0],
                lambda run: run["Status"] not in {"Pending", "InProgress"})
    assert (run["Status"], run["ResourceCountByStatus"]) == ("Success", "{Success=1}")
    found = ssm.list_resource_compliance_summaries(Filters=[{"Key": "ComplianceType", "Values": ["Patch"]}])
    row = next(row for row in found["ResourceComplianceSummaryItems"] if row["ResourceId"] == patched)
    assert row["ExecutionSummary"]["ExecutionId"] == run["ExecutionId"]
    assert row["ExecutionSummary"]["ExecutionType"] == "PatchPolicy"


def test_stock_clients_see_patch_now(boto, ssm, patched):  # noqa: F811
    order = {"Operation": "Scan", "Targets": [{"Key": "InstanceIds", "Values": [patched]}]}
    fettle = boto("fettle")
    now = fettle.start_patch_now(Order=order)["PatchNow"]
    shown = ssm.describe_association(AssociationId=now["AssociationId"])["AssociationDescription"]
    assert shown["AssociationName"] == "AWS-PatchNowAssociation"
    run = ssm.describe_association_executions(AssociationId=now["AssociationId"])["AssociationExecutions"][0]
    assert run["ExecutionId"] == now["PatchNowId"]
    ended = until(lambda: fettle.get_patch_now(PatchNowId=now["PatchNowId"])["PatchNow"], lambda row: "EndedAt" in row,
                  SCAN_WITHIN_SECONDS)
    assert ended["TargetCount"] == 1
    nodes = fettle.list_patch_now_nodes(PatchNowId=now["PatchNowId"])["Nodes"]
    assert [row["InstanceId"] for row in nodes] == [patched]
    invocations = ssm.list_command_invocations(CommandId=now["PatchNowId"])["CommandInvocations"]
    assert invocations[0]["Status"] == nodes[0]["Status"]
    ssm.delete_association(AssociationId=now["AssociationId"])
    refused("ResourceNotFoundException", fettle.get_patch_now, PatchNowId=now["PatchNowId"])


@pytest.fixture
def rings(server):
    """rings("show", arn, id) runs `fettle patch rings`; what it printed, or what it said against it."""

    def run(*arguments):
        environment = {"PATH": os.environ["PATH"], "FETTLE_ENDPOINT": server.endpoint, "AWS_DEFAULT_REGION": REGION,
                       "AWS_ACCESS_KEY_ID": server.access_key_id, "AWS_SECRET_ACCESS_KEY": server.secret_access_key}
        command = [program("fettle"), "patch", "rings", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)

    return run


def test_a_policy_has_its_rings_from_the_command_line(quick, ssm, manager, rings, tmp_path):
    baselines = {row["OperatingSystem"]: row["BaselineId"] for row in
                 ssm.describe_patch_baselines(Filters=[{"Key": "OWNER", "Values": ["AWS"]}])["BaselineIdentities"]}
    selected = {"DEBIAN": {"value": baselines["DEBIAN"], "label": "provided", "description": "", "disabled": False}}
    arn = manager(POLICY, {
        "PatchPolicyName": "staged", "SelectedPatchBaselines": json.dumps(selected), "HasDeletedBaseline": "false",
        "PatchBaselineUseDefault": "default", "ConfigurationOptionsPatchOperation": "ScanAndInstall",
        "ConfigurationOptionsInstallValue": "cron(0 2 ? * SUN *)", "ConfigurationOptionsScanValue": "cron(0 1 * * ? *)",
        "TargetType": "Tags", "TargetTagKey": f"none-{uuid.uuid4().hex[:8]}", "TargetTagValue": "x",
        "RateControlConcurrency": "5", "RateControlErrorThreshold": "0%",
    })
    policy = (arn, quick.get_configuration_manager(ManagerArn=arn)["ConfigurationDefinitions"][0]["Id"])
    none = rings("show", *policy)
    assert none.returncode == 0 and "has no rings" in none.stdout, none
    assert json.loads(rings("show", *policy, "--json").stdout) == {}
    unknown = rings("show", arn, "none")
    assert unknown.returncode == 1 and "is no patch policy" in unknown.stderr, unknown

    plan = {"Rings": [{"Name": "canary", "Percent": 5, "SoakMinutes": 60, "Gates": {"MaxFailures": 0}}, {"Name": "rest"}]}
    (tmp_path / "rings.json").write_text(json.dumps(plan))
    shown = rings("set", *policy, "--rings", str(tmp_path / "rings.json"), "--budget", "Service=1")
    assert shown.returncode == 0 and "canary" in shown.stdout and "at most 0 failures" in shown.stdout, shown
    kept = json.loads(rings("show", *policy, "--json").stdout)
    assert kept["Plan"] == {**plan, "Budgets": [{"TagKey": "Service", "Limit": "1"}]}
    (tmp_path / "rings.json").write_text(json.dumps({"Rings": [{"Name": "rest"}, {"Name": "canary", "Percent": 5}]}))
    refused = rings("set", *policy, "--rings", str(tmp_path / "rings.json"))
    assert refused.returncode == 1 and "ValidationException" in refused.stderr, refused
    assert rings("set", *policy).returncode == 1
    assert json.loads(rings("show", *policy, "--json").stdout) == kept

    gone = json.loads(rings("remove", *policy, "--json").stdout)
    assert gone == {"ManagerArn": policy[0], "DefinitionId": policy[1]}
    assert "has no rings" in rings("show", *policy).stdout
