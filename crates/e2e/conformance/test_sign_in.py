"""A user of boto3 who signs in by a code, and does what the policy says; and the fleet in lists and numbers."""

import json
import uuid

import botocore
import botocore.config
import botocore.exceptions
import pytest

UNSIGNED = botocore.config.Config(signature_version=botocore.UNSIGNED)


def code(raised):
    return raised.value.response["Error"]["Code"]


def test_a_user_signs_in_and_is_who_the_credentials_say(boto, fettle):
    name = f"user-{uuid.uuid4().hex[:8]}"
    policy = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["ssm:Describe*", "fettle:Get*"], "Resource": "*"},
        {"Effect": "Deny", "Action": "ssm:DescribePatchBaselines", "Resource": "*"}]}
    made = fettle.create_user(UserName=name, Policies={"look": json.dumps(policy)})["User"]
    assert made["Policies"] == {"look": json.dumps(policy)} and made["Status"] == "ACTIVE"
    assert name in [user["UserName"] for user in fettle.list_users()["Users"]]
    with pytest.raises(fettle.exceptions.EntityAlreadyExistsException):
        fettle.create_user(UserName=name)
    with pytest.raises(fettle.exceptions.MalformedPolicyDocumentException) as raised:
        fettle.update_user(UserName=name, Policies={"odd": "{}"})
    assert raised.value.response["Error"]["Message"].startswith("policy `odd`: Version:")

    once = fettle.create_sign_in_code(UserName=name)["SignInCode"]
    page = boto("fettle", config=UNSIGNED)
    answer = page.create_session(SignInCode=once)
    assert answer["UserName"] == name
    with pytest.raises(page.exceptions.AccessDeniedException):
        page.create_session(SignInCode=once)
    keys = answer["Credentials"]
    keys = {"aws_access_key_id": keys["AccessKeyId"], "aws_secret_access_key": keys["SecretAccessKey"],
            "aws_session_token": keys["SessionToken"]}
    assert boto("sts", **keys).get_caller_identity()["Arn"] == made["Arn"]
    boto("ssm", **keys).describe_instance_information()
    assert boto("fettle", **keys).get_fleet_summary()["Total"] >= 0
    for call, said in [("list_documents", "because no identity-based policy allows the ssm:ListDocuments action"),
                       ("describe_patch_baselines", "with an explicit deny in an identity-based policy")]:
        with pytest.raises(botocore.exceptions.ClientError) as raised:
            getattr(boto("ssm", **keys), call)()
        assert code(raised) == "AccessDeniedException"
        assert raised.value.response["Error"]["Message"].endswith(said)

    fettle.delete_user(UserName=name)
    with pytest.raises(botocore.exceptions.ClientError) as raised:
        boto("ssm", **keys).describe_instance_information()
    assert code(raised) == "UnrecognizedClientException"


def test_the_fleet_in_lists_and_numbers(fettle):
    found = fettle.list_node_summaries(SortBy="ComputerName", SortOrder="DESCENDING", MaxResults=100)
    summary = fettle.get_fleet_summary()
    assert found["Total"] == summary["Total"] == sum(summary["ByStatus"].values())
    unknown = [{"Key": "ComplianceStatus", "Values": ["UNKNOWN"]}]
    assert fettle.list_node_summaries(Filters=unknown)["Total"] == summary["ByStatus"]["UNKNOWN"]
    assert summary["Trend"][-1]["ByStatus"] == summary["ByStatus"]


def test_a_day_of_the_trend_lists_its_nodes(fettle, ssm, register_node):
    node = register_node()
    today = fettle.get_fleet_summary()["Trend"][-1]["Day"]

    def nodes(**more):
        found, token = [], {}
        while True:
            page = fettle.list_nodes_on_day(Day=today, MaxResults=100, **more, **token)
            found += page["Nodes"]
            if "NextToken" not in page:
                return {row["NodeId"]: row for row in found}
            token = {"NextToken": page["NextToken"]}

    assert nodes()[node]["ComplianceStatus"] == "UNKNOWN"
    assert node in nodes(ComplianceStatus="UNKNOWN") and node not in nodes(ComplianceStatus="COMPLIANT")
    ssm.deregister_managed_instance(InstanceId=node)
    assert node not in nodes(), "it is not there now"
    for day in ["2001-01-01", "2999-01-01", "tomorrow!!"]:
        with pytest.raises(botocore.exceptions.ClientError) as raised:
            fettle.list_nodes_on_day(Day=day)
        assert code(raised) == "ValidationException"
