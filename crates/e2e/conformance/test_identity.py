"""Who is calling, with which key, and what a wrong one gets."""

import urllib.error
import urllib.request

import botocore.exceptions
import pytest

from conftest import ACCOUNT


def code(raised):
    return raised.value.response["Error"]["Code"]


def test_get_caller_identity(sts, aws):
    answer = sts.get_caller_identity()
    assert answer["Account"] == ACCOUNT
    assert answer["Arn"] == f"arn:aws:iam::{ACCOUNT}:root"
    told = aws("sts", "get-caller-identity")
    assert told == {name: answer[name] for name in ("UserId", "Account", "Arn")}


def test_an_unknown_key_is_refused(boto):
    with pytest.raises(botocore.exceptions.ClientError) as raised:
        boto("ssm", aws_access_key_id="AKIAUNKNOWNUNKNOWN00").list_commands()
    assert code(raised) == "UnrecognizedClientException"
    with pytest.raises(botocore.exceptions.ClientError) as raised:
        boto("sts", aws_access_key_id="AKIAUNKNOWNUNKNOWN00").get_caller_identity()
    assert code(raised) == "InvalidClientTokenId"


def test_a_wrong_secret_is_refused(boto, aws):
    with pytest.raises(botocore.exceptions.ClientError) as raised:
        boto("ssm", aws_secret_access_key="wrong").list_commands()
    assert code(raised) == "InvalidSignatureException"
    with pytest.raises(botocore.exceptions.ClientError) as raised:
        boto("sts", aws_secret_access_key="wrong").get_caller_identity()
    assert code(raised) == "SignatureDoesNotMatch"


def test_a_forged_session_token_is_refused(boto):
    with pytest.raises(botocore.exceptions.ClientError) as raised:
        boto("ssm", aws_session_token="made-up").list_commands()
    assert code(raised) in ("UnrecognizedClientException", "InvalidSignatureException")


def test_constraints_have_the_wording_of_aws(boto):
    client = boto("ssm")
    client.meta.events.unregister("before-parameter-build.ssm")
    with pytest.raises(botocore.exceptions.ClientError) as raised:
        client.describe_activations(MaxResults=51)
    assert code(raised) == "ValidationException"
    assert raised.value.response["Error"]["Message"] == (
        "1 validation error detected: Value '51' at 'maxResults' failed to satisfy constraint: "
        "Member must have value less than or equal to 50"
    )


def test_an_operation_without_a_handler_says_so(ssm):
    with pytest.raises(botocore.exceptions.ClientError) as raised:
        ssm.list_ops_metadata()
    assert code(raised) == "UnknownOperationException"
    assert "ListOpsMetadata" in raised.value.response["Error"]["Message"]


def test_a_presigned_url_is_its_own_proof(boto):
    """As Kubernetes and Vault log in: the URL is made in one place and fetched in another."""
    url = boto("sts").generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod="GET")
    with urllib.request.urlopen(url, timeout=20) as response:
        assert f"<Account>{ACCOUNT}</Account>" in response.read().decode()
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(url.replace("Expires=60", "Expires=61"), timeout=20)
    assert raised.value.code == 403
    assert "<Code>SignatureDoesNotMatch</Code>" in raised.value.read().decode()
