"""Nodes and activations through boto3 and the AWS CLI."""

import pytest


def test_activations(ssm, aws):
    made = aws("ssm", "create-activation", "--iam-role", "fettle-node", "--registration-limit", "3",
               "--description", "three of them", "--tags", "Key=Env,Value=test")
    assert set(made) == {"ActivationId", "ActivationCode"}
    found = ssm.describe_activations(
        Filters=[{"FilterKey": "ActivationIds", "FilterValues": [made["ActivationId"]]}]
    )["ActivationList"]
    assert [entry["RegistrationLimit"] for entry in found] == [3]
    assert found[0]["Description"] == "three of them"
    assert found[0]["Expired"] is False
    ssm.delete_activation(ActivationId=made["ActivationId"])
    left = [entry["ActivationId"] for page in ssm.get_paginator("describe_activations").paginate()
            for entry in page["ActivationList"]]
    assert made["ActivationId"] not in left


def test_a_registered_node_is_listed(ssm, aws, register_node):
    node = register_node(tags={"Env": "listed"})
    told = aws("ssm", "describe-instance-information", "--filters", f"Key=InstanceIds,Values={node}")
    assert [entry["InstanceId"] for entry in told["InstanceInformationList"]] == [node]
    by_tag = ssm.describe_instance_information(Filters=[{"Key": "tag:Env", "Values": ["listed"]}])
    assert [entry["InstanceId"] for entry in by_tag["InstanceInformationList"]] == [node]
    tags = ssm.list_tags_for_resource(ResourceType="ManagedInstance", ResourceId=node)["TagList"]
    assert tags == [{"Key": "Env", "Value": "listed"}]


def test_every_node_is_on_exactly_one_page(ssm, register_node):
    made = {register_node() for _ in range(7)}
    seen = []
    for page in ssm.get_paginator("describe_instance_information").paginate(PaginationConfig={"PageSize": 5}):
        assert len(page["InstanceInformationList"]) <= 5
        seen += [entry["InstanceId"] for entry in page["InstanceInformationList"]]
    assert len(seen) == len(set(seen))
    assert made <= set(seen)


def test_deregistering_forgets_a_node(ssm, aws, register_node):
    node = register_node()
    aws("ssm", "deregister-managed-instance", "--instance-id", node)
    assert "InvalidInstanceId" in aws.fails("ssm", "deregister-managed-instance", "--instance-id", node)
    left = ssm.describe_instance_information(Filters=[{"Key": "InstanceIds", "Values": [node]}])
    assert left["InstanceInformationList"] == []


def test_the_inventory_of_a_node_is_bounded(ssm, register_node):
    node = register_node()

    def inventory(number):
        content = [{"Name": "x" * 4000, "Number": str(entry)} for entry in range(250)]
        return {"TypeName": f"Custom:Large{number}", "SchemaVersion": "1.0", "CaptureTime": "2026-03-01T10:00:00Z",
                "Content": content}

    # Each type is nearly as large as it may be: the sixth is too much for one node.
    for number in range(5):
        ssm.put_inventory(InstanceId=node, Items=[inventory(number)])
    with pytest.raises(ssm.exceptions.TotalSizeLimitExceededException):
        ssm.put_inventory(InstanceId=node, Items=[inventory(5)])
