"""Resource groups through boto3 and the AWS CLI, and as targets of what stock clients send."""

import json
import uuid

import botocore.exceptions
import pytest

NODE_TYPE = "AWS::SSM::ManagedInstance"
GENERIC = "AWS::ResourceGroups::Generic"


@pytest.fixture(scope="session")
def groups(boto):
    return boto("resource-groups")


@pytest.fixture
def name(groups):
    """A name of no other test; its group is gone after the test."""
    name = f"web-{uuid.uuid4().hex[:8]}"
    yield name
    try:
        groups.delete_group(Group=name)
    except groups.exceptions.NotFoundException:
        pass


def query(*filters):
    text = json.dumps({"ResourceTypeFilters": [NODE_TYPE], "TagFilters": list(filters)})
    return {"Type": "TAG_FILTERS_1_0", "Query": text}


def refused(code, status, call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    answer = caught.value.response
    assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)
    return answer["Error"]["Message"]


def test_the_life_of_a_group(groups, aws, name, register_node):
    env = uuid.uuid4().hex
    nodes = sorted(register_node(tags={"Env": env}) for _ in range(3))
    wanted = query({"Key": "Env", "Values": [env]})
    made = groups.create_group(Name=name, Description="the front", ResourceQuery=wanted, Tags={"Team": "a b/c"})
    arn = made["Group"]["GroupArn"]
    assert made["ResourceQuery"] == wanted

    pages = groups.get_paginator("list_group_resources").paginate(Group=name, PaginationConfig={"PageSize": 2})
    found = [row["Identifier"]["ResourceArn"] for page in pages for row in page["Resources"]]
    assert [arn.rsplit("/", 1)[1] for arn in found] == nodes
    pages = groups.get_paginator("search_resources").paginate(ResourceQuery=wanted, PaginationConfig={"PageSize": 1})
    assert [row["ResourceArn"] for page in pages for row in page["ResourceIdentifiers"]] == found
    pages = groups.get_paginator("list_groups").paginate(PaginationConfig={"PageSize": 1})
    assert name in [row["GroupName"] for page in pages for row in page["GroupIdentifiers"]]

    groups.update_group(Group=name, Description="the back")
    assert groups.get_group(GroupName=name)["Group"] == {"GroupArn": arn, "Name": name, "Description": "the back"}
    groups.update_group_query(Group=arn, ResourceQuery=query({"Key": "Env", "Values": ["none"]}))
    assert groups.list_group_resources(Group=name)["Resources"] == []

    groups.tag(Arn=arn, Tags={"Env": "x"})
    groups.untag(Arn=arn, Keys=["Team"])
    assert groups.get_tags(Arn=arn)["Tags"] == {"Env": "x"}
    shown = aws("resource-groups", "get-group-query", "--group-name", name)
    assert json.loads(shown["GroupQuery"]["ResourceQuery"]["Query"])["ResourceTypeFilters"] == [NODE_TYPE]
    listed = aws("resource-groups", "list-groups", "--filters", f"Name=resource-type,Values={NODE_TYPE}")
    assert name in [row["GroupName"] for row in listed["GroupIdentifiers"]]
    groups.delete_group(Group=arn)
    refused("NotFoundException", 404, groups.get_group, Group=name)


def test_members_that_are_listed(groups, aws, name, register_node):
    node = register_node()
    groups.create_group(Name=name, Configuration=[{"Type": GENERIC}])
    account, region = groups.get_group(Group=name)["Group"]["GroupArn"].split(":")[4:2:-1]
    arn = f"arn:aws:ssm:{region}:{account}:managed-instance/{node}"
    done = aws("resource-groups", "group-resources", "--group", name, "--resource-arns", arn)
    assert (done["Succeeded"], done["Failed"]) == ([arn], [])
    assert groups.list_group_resources(Group=name)["Resources"][0]["Identifier"]["ResourceType"] == NODE_TYPE
    assert groups.get_group_configuration(Group=name)["GroupConfiguration"]["Configuration"] == [{"Type": GENERIC}]
    groups.ungroup_resources(Group=name, ResourceArns=[arn])
    assert groups.list_group_resources(Group=name)["Resources"] == []


def test_what_cannot_be_is_refused(groups, name):
    create = groups.create_group
    refused("BadRequestException", 400, create, Name=name)
    refused("BadRequestException", 400, create, Name="aws-mine", ResourceQuery=query())
    text = refused("BadRequestException", 400, create, Name="a b", ResourceQuery=query())
    assert "failed to satisfy constraint" in text
    refused("BadRequestException", 400, create, Name=name, ResourceQuery={"Type": "TAG_FILTERS_1_0", "Query": "{}"})
    create(Name=name, ResourceQuery=query())
    refused("BadRequestException", 400, create, Name=name, ResourceQuery=query())
    refused("BadRequestException", 400, groups.list_groups, NextToken="abcd")
    refused("NotFoundException", 404, groups.list_group_resources, Group="no-such-group")


def test_targets_of_stock_clients(groups, ssm, aws, name, register_node):
    env = uuid.uuid4().hex
    node = register_node(tags={"Env": env})
    groups.create_group(Name=name, ResourceQuery=query({"Key": "Env", "Values": [env]}))
    sent = aws("ssm", "send-command", "--document-name", "AWS-RunShellScript", "--parameters", "commands=true",
               "--targets", f"Key=resource-groups:Name,Values={name}",
               f"Key=resource-groups:ResourceTypeFilters,Values={NODE_TYPE}")["Command"]
    rows = ssm.list_command_invocations(CommandId=sent["CommandId"])["CommandInvocations"]
    assert [row["InstanceId"] for row in rows] == [node]
    ssm.cancel_command(CommandId=sent["CommandId"])
    made = ssm.create_association(Name="AWS-RunShellScript", Parameters={"commands": ["true"]},
                                  Targets=[{"Key": "ResourceGroup", "Values": [name]}])["AssociationDescription"]
    shown = ssm.list_associations(AssociationFilterList=[{"key": "ResourceGroupName", "value": name}])["Associations"]
    assert [row["AssociationId"] for row in shown] == [made["AssociationId"]]
    effective = ssm.describe_effective_instance_associations(InstanceId=node)["Associations"]
    assert made["AssociationId"] in [row["AssociationId"] for row in effective]
    ssm.delete_association(AssociationId=made["AssociationId"])
