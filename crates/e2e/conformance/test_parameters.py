"""Parameter Store through boto3 and the AWS CLI, and references to it in what a real agent runs."""

import base64
import json
import time
import uuid

import pytest

from test_commands import SHELL, connected, ended, until  # noqa: F401 (the fixture is taken by its name)


@pytest.fixture
def path(ssm):
    """A path of no other test; what is below it is gone after the test."""
    path = f"/test-{uuid.uuid4().hex[:8]}"
    yield path
    pages = ssm.get_paginator("get_parameters_by_path").paginate(Path=path, Recursive=True)
    for name in [row["Name"] for page in pages for row in page["Parameters"]]:
        ssm.delete_parameter(Name=name)


def names(pages, member="Parameters"):
    return [row["Name"] for page in pages for row in page[member]]


def test_the_life_of_a_parameter(ssm, aws, path, refused):
    name = f"{path}/db/host"
    made = ssm.put_parameter(Name=name, Value="one", Type="String", Description="the first",
                             AllowedPattern="^[a-z,]+$", Tags=[{"Key": "Env", "Value": "prod"}])
    assert (made["Version"], made["Tier"]) == (1, "Standard")
    refused("ParameterAlreadyExists", "put_parameter", Name=name, Value="two", Type="String")
    refused("ParameterPatternMismatchException", "put_parameter", Name=name, Value="2", Overwrite=True)
    refused("HierarchyTypeMismatchException", "put_parameter", Name=name, Value="a", Type="StringList", Overwrite=True)
    refused("ValidationException", "put_parameter", Name=name, Value="a", Overwrite=True,
            Tags=[{"Key": "a", "Value": "b"}])
    assert ssm.put_parameter(Name=name, Value="two", Overwrite=True)["Version"] == 2

    found = ssm.get_parameter(Name=name)["Parameter"]
    assert (found["Name"], found["Type"], found["Value"], found["Version"]) == (name, "String", "two", 2)
    assert found["ARN"].endswith(f":parameter{name}") and found["DataType"] == "text"
    assert "Selector" not in found
    ssm.label_parameter_version(Name=name, ParameterVersion=1, Labels=["first"])
    for asked, selector in ((f"{name}:1", ":1"), (f"{name}:first", ":first"), (f"{found['ARN']}:1", ":1")):
        older = ssm.get_parameter(Name=asked)["Parameter"]
        assert (older["Value"], older["Selector"]) == ("one", selector)
    said = refused("ParameterVersionNotFound", "get_parameter", Name=f"{name}:7")
    assert said == f"Systems Manager could not find version 7 of {name}. Verify the version and try again."
    refused("ParameterNotFound", "get_parameter", Name=f"{path}/none")

    history = ssm.get_parameter_history(Name=name)["Parameters"]
    assert [(row["Version"], row["Value"], row["Labels"]) for row in history] == [(1, "one", ["first"]), (2, "two", [])]
    taken = ssm.unlabel_parameter_version(Name=name, ParameterVersion=1, Labels=["first", "other"])
    assert (taken["RemovedLabels"], taken["InvalidLabels"]) == (["first"], ["other"])
    assert ssm.label_parameter_version(Name=name, Labels=["aws1", "fine"])["InvalidLabels"] == ["aws1"]

    shown = aws("ssm", "describe-parameters", "--parameter-filters", f"Key=Name,Values={name}")["Parameters"][0]
    assert (shown["Description"], shown["AllowedPattern"], shown["Tier"]) == ("the first", "^[a-z,]+$", "Standard")
    tags = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=name)["TagList"]
    assert tags == [{"Key": "Env", "Value": "prod"}]
    ssm.add_tags_to_resource(ResourceType="Parameter", ResourceId=name, Tags=[{"Key": "Team", "Value": "a"}])
    ssm.remove_tags_from_resource(ResourceType="Parameter", ResourceId=name, TagKeys=["Env"])
    by_tag = [{"Key": "tag:Team", "Values": ["a"]}, {"Key": "Path", "Option": "Recursive", "Values": [path]}]
    assert names([ssm.describe_parameters(ParameterFilters=by_tag)]) == [name]

    ssm.delete_parameter(Name=name)
    refused("ParameterNotFound", "delete_parameter", Name=name)
    refused("ParameterNotFound", "get_parameter_history", Name=name)


def test_lists_and_pages(ssm, aws, path, refused):
    for name in ("a", "b", "b/c", "b/d/e"):
        ssm.put_parameter(Name=f"{path}/{name}", Value="v", Type="String")
    ssm.put_parameter(Name=f"{path}/s", Value="v", Type="SecureString", Tier="Advanced")
    everything = [f"{path}/{name}" for name in ("a", "b", "b/c", "b/d/e", "s")]
    by_path = ssm.get_paginator("get_parameters_by_path")
    config = {"PageSize": 2}
    assert names(by_path.paginate(Path=path, Recursive=True, PaginationConfig=config)) == everything
    assert names(by_path.paginate(Path=path)) == [f"{path}/{name}" for name in ("a", "b", "s")]
    described = ssm.get_paginator("describe_parameters")
    below = [{"Key": "Path", "Option": "Recursive", "Values": [path]}]
    assert names(described.paginate(ParameterFilters=below, PaginationConfig=config)) == everything
    secret = [*below, {"Key": "Type", "Values": ["SecureString"]}, {"Key": "Tier", "Values": ["Advanced"]},
              {"Key": "KeyId", "Option": "BeginsWith", "Values": ["alias/"]}]
    assert names(described.paginate(ParameterFilters=secret)) == [f"{path}/s"]
    assert names(described.paginate(Filters=[{"Key": "Name", "Values": [f"{path}/b"]}])) == everything[1:4]
    both = ssm.get_parameters(Names=[everything[3], everything[0], everything[0], f"{path}/none"])
    assert (names([both]), both["InvalidParameters"]) == ([everything[0], everything[3]], [f"{path}/none"])
    refused("InvalidFilterKey", "get_parameters_by_path", Path=path,
            ParameterFilters=[{"Key": "Name", "Values": ["x"]}])
    refused("InvalidFilterOption", "describe_parameters",
            ParameterFilters=[{"Key": "Name", "Option": "Near", "Values": ["x"]}])
    refused("InvalidFilterValue", "describe_parameters", ParameterFilters=[{"Key": "Type", "Values": ["Text"]}])
    refused("InvalidNextToken", "describe_parameters", NextToken="none")
    gone = aws("ssm", "delete-parameters", "--names", everything[0], f"{path}/none")
    assert (gone["DeletedParameters"], gone["InvalidParameters"]) == ([everything[0]], [f"{path}/none"])


def test_secure_strings(ssm, server, path, refused):
    name = f"{path}/secret"
    value = f"correct horse {uuid.uuid4().hex}"
    ssm.put_parameter(Name=name, Value=value, Type="SecureString")
    assert ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"] == value
    sealed = ssm.get_parameter(Name=name)["Parameter"]["Value"]
    assert value.encode() not in base64.b64decode(sealed, validate=True)
    refused("InvalidKeyId", "put_parameter", Name=f"{path}/x", Value="v", Type="SecureString", KeyId="alias/mine")
    # Nowhere on disk, and in no log.
    kept = [file for file in server.data.rglob("*") if file.is_file()] + [server.log_path]
    assert not any(value.encode() in file.read_bytes() for file in kept)


def test_a_character_that_no_text_has(ssm, path, refused):
    name, nul = f"{path}/x", "a\0b"
    said = refused("ValidationException", "put_parameter", Name=name, Value="v", Type="String", Description=nul)
    assert "Description" in said
    refused("ValidationException", "put_parameter", Name=name, Value=nul, Type="String", AllowedPattern="\0")
    ssm.put_parameter(Name=name, Value=nul, Type="String")
    assert ssm.get_parameter(Name=name)["Parameter"]["Value"] == nul
    refused("InvalidFilterValue", "describe_parameters", ParameterFilters=[{"Key": "Name", "Values": [nul]}])
    refused("InvalidFilterValue", "describe_parameters", Filters=[{"Key": "Name", "Values": [nul]}])
    refused("ParameterVersionNotFound", "get_parameter", Name=f"{name}:{nul}")
    arn = ssm.get_parameter(Name=name)["Parameter"]["ARN"]
    refused("ParameterNotFound", "get_parameter", Name=arn + nul)
    labels = {"Name": name, "ParameterVersion": 1, "Labels": [nul]}
    for operation in (ssm.label_parameter_version, ssm.unlabel_parameter_version):
        assert operation(**labels)["InvalidLabels"] == [nul]


def test_a_parameter_expires(ssm, path):
    name = f"{path}/soon"
    soon = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time.time() + 3))
    policies = json.dumps([{"Type": "Expiration", "Version": "1.0", "Attributes": {"Timestamp": soon}}])
    assert ssm.put_parameter(Name=name, Value="v", Type="String", Tier="Advanced", Policies=policies)["Tier"] == "Advanced"
    filters = [{"Key": "Name", "Values": [name]}]
    shown = ssm.describe_parameters(ParameterFilters=filters)["Parameters"][0]["Policies"]
    assert [(row["PolicyType"], row["PolicyStatus"]) for row in shown] == [("Expiration", "Pending")]
    until(lambda: ssm.describe_parameters(ParameterFilters=filters)["Parameters"], lambda rows: not rows)


def test_commands_refer_to_parameters(ssm, connected, path, refused):  # noqa: F811
    greeting, words, secret = f"{path}/greeting", f"{path}/words", f"{path}/secret"
    ssm.put_parameter(Name=greeting, Value="old", Type="String")
    ssm.put_parameter(Name=greeting, Value="hello from the store", Overwrite=True)
    ssm.put_parameter(Name=words, Value="echo one,echo two", Type="StringList")
    ssm.put_parameter(Name=secret, Value="v", Type="SecureString")

    def run(*lines, document=SHELL, **parameters):
        sent = ssm.send_command(DocumentName=document, InstanceIds=[connected],
                                Parameters={"commands": list(lines), **parameters} if lines else parameters)["Command"]
        return sent, ended(ssm, sent["CommandId"], connected)

    sent, done = run(f"echo '{{{{ssm:{greeting}}}}}' '{{{{ ssm:{greeting}:1 }}}}'", f"{{{{ssm:{words}}}}}")
    assert (done["Status"], done["StandardOutputContent"]) == ("Success", "hello from the store old\none\ntwo\n")
    # As it was sent: values are for the node alone.
    assert f"{{{{ssm:{greeting}}}}}" in sent["Parameters"]["commands"][0]

    for wrong in (f"{path}/none", secret, f"{greeting}:7", f"{greeting}:label"):
        said = refused("InvalidParameters", "send_command", DocumentName=SHELL, InstanceIds=[connected],
                       Parameters={"commands": [f"echo {{{{ssm:{wrong}}}}}"]})
        assert wrong in said
    # A declaration holds of the value, not of the reference; defaults may refer, too.
    name = f"refers-{uuid.uuid4().hex[:8]}"
    content = {"schemaVersion": "2.2", "parameters": {
        "word": {"type": "String", "default": f"{{{{ssm:{greeting}}}}}", "allowedPattern": "[a-z ]+"}},
        "mainSteps": [{"action": "aws:runShellScript", "name": "s",
                       "inputs": {"runCommand": [f"echo {{{{ word }}}}; echo {{{{ssm:{greeting}:1}}}}"]}}]}
    ssm.create_document(Name=name, Content=json.dumps(content), DocumentType="Command")
    try:
        _, done = run(document=name)
        assert (done["Status"], done["StandardOutputContent"]) == ("Success", "hello from the store\nold\n")
        ssm.put_parameter(Name=greeting, Value="NO", Overwrite=True)
        refused("InvalidParameters", "send_command", DocumentName=name, InstanceIds=[connected])
    finally:
        ssm.delete_document(Name=name)


def test_an_association_runs_again_when_its_parameter_changes(ssm, connected, path):  # noqa: F811
    name = f"{path}/greeting"
    ssm.put_parameter(Name=name, Value="first", Type="String")
    made = ssm.create_association(
        Name=SHELL, Targets=[{"Key": "InstanceIds", "Values": [connected]}],
        Parameters={"commands": [f"echo {{{{ssm:{name}}}}}"]})["AssociationDescription"]["AssociationId"]

    def runs():
        return ssm.describe_association_executions(AssociationId=made)["AssociationExecutions"]

    try:
        until(runs, lambda rows: [row["Status"] for row in rows] == ["Success"])
        ssm.put_parameter(Name=name, Value="second", Overwrite=True)
        until(runs, lambda rows: [row["Status"] for row in rows] == ["Success"] * 2)
    finally:
        ssm.delete_association(AssociationId=made)


def test_a_runbooks_default_refers_to_a_parameter(ssm, path, refused):
    name, document = f"{path}/seconds", f"waits-{uuid.uuid4().hex[:8]}"
    ssm.put_parameter(Name=name, Value="PT1S", Type="String")
    content = {"schemaVersion": "0.3", "parameters": {"time": {"type": "String", "default": f"{{{{ssm:{name}}}}}"}},
               "mainSteps": [{"name": "s", "action": "aws:sleep", "inputs": {"Duration": "{{ time }}"}}]}
    ssm.create_document(Name=document, Content=json.dumps(content), DocumentType="Automation")
    try:
        started = ssm.start_automation_execution(DocumentName=document)["AutomationExecutionId"]
        done = until(lambda: ssm.get_automation_execution(AutomationExecutionId=started)["AutomationExecution"],
                     lambda shown: shown["AutomationExecutionStatus"] not in ("Pending", "InProgress"))
        assert (done["AutomationExecutionStatus"], done["Parameters"]) == ("Success", {"time": ["PT1S"]})
        refused("InvalidAutomationExecutionParametersException", "start_automation_execution",
                DocumentName=document, Parameters={"time": [f"{{{{ssm:{name}}}}}"]})
        ssm.delete_parameter(Name=name)
        refused("InvalidAutomationExecutionParametersException", "start_automation_execution", DocumentName=document)
    finally:
        ssm.delete_document(Name=document)
