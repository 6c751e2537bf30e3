"""Declared errors that no other test has a reason to provoke, through boto3."""

import uuid

import botocore.config
import botocore.exceptions
import pytest

from test_every_operation import Model

UNSIGNED = botocore.config.Config(signature_version=botocore.UNSIGNED)


def code(call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


def test_tokens_that_no_list_gave(ssm, fettle, node):
    baseline = {"OperatingSystem": "DEBIAN"}
    assert code(ssm.get_inventory_schema, NextToken="none") == ("InvalidNextToken", 400)
    assert code(fettle.list_patch_executions, InstanceId=node, NextToken="none") == ("InvalidNextToken", 400)
    assert code(fettle.preview_patch_baseline, Baseline=baseline, List="Approved",
                NextToken="none") == ("InvalidNextToken", 400)


def test_values_that_a_filter_cannot_have(ssm):
    wrong = [{"Key": "PingStatus", "Values": ["Asleep"], "Operator": "Equal"}]
    assert code(ssm.describe_instance_properties,
                FiltersWithOperator=wrong) == ("InvalidInstancePropertyFilterValue", 400)
    group = {"Name": "odd", "Filters": [{"Key": "no-type", "Values": ["x"]}]}
    assert code(ssm.get_inventory, Aggregators=[{"Groups": [group]}]) == ("InvalidInventoryGroupException", 400)


def test_items_that_are_too_much(ssm, register_node):
    node = register_node()
    item = {"Id": "one", "Title": "One", "Severity": "LOW", "Status": "COMPLIANT"}
    put = {"ResourceId": node, "ResourceType": "ManagedInstance", "ComplianceType": "Custom:Backup",
           "ExecutionSummary": {"ExecutionTime": 1772362800}}
    nul = [{**item, "Title": "a\0b"}]
    assert code(ssm.put_compliance_items, **put, Items=nul) == ("InvalidItemContentException", 400)
    large = [{**item, "Id": f"item-{number}", "Details": {"Text": "x" * 4000}} for number in range(210)]
    assert code(ssm.put_compliance_items, **put, Items=large) == ("ItemSizeLimitExceededException", 400)
    assert ssm.list_compliance_items(ResourceIds=[node])["ComplianceItems"] == []


def test_who_may_nothing_is_forbidden_every_operation_of_resource_groups(boto, fettle):
    name = f"user-{uuid.uuid4().hex[:8]}"
    fettle.create_user(UserName=name)
    page = boto("fettle", config=UNSIGNED)
    keys = page.create_session(SignInCode=fettle.create_sign_in_code(UserName=name)["SignInCode"])["Credentials"]
    groups = boto("resource-groups", aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"],
                  aws_session_token=keys["SessionToken"])
    model = Model("resource-groups")
    # Those that a request may leave unsaid what it is about.
    more = {"GetGroup": {"Group": "web"}, "GetGroupQuery": {"Group": "web"}, "GetGroupConfiguration": {"Group": "web"},
            "DeleteGroup": {"Group": "web"}, "UpdateGroup": {"Group": "web"}, "ListGroupResources": {"Group": "web"},
            "UpdateGroupQuery": {"Group": "web"}}
    told = {}
    for operation, described in model.operations.items():
        request = {**(model.least(described["input"]["shape"]) if "input" in described else {}), **more.get(operation, {})}
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            groups._make_api_call(operation, request)
        told[operation] = caught.value.response["Error"]["Code"]
    forbidden = {
        "CreateGroup", "DeleteGroup", "GetGroup", "GetGroupConfiguration", "GetGroupQuery", "GetTags", "GroupResources",
        "ListGroupResources", "ListGroups", "SearchResources", "Tag", "UngroupResources", "Untag", "UpdateGroup",
        "UpdateGroupQuery"}
    assert told == dict.fromkeys(forbidden, "ForbiddenException")
    fettle.delete_user(UserName=name)
