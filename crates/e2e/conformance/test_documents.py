"""Documents of the account through boto3: every operation, and the errors that scripts meet."""

import hashlib
import json
import uuid

import pytest


def content(text="hello", schema="2.2"):
    step = {"action": "aws:runShellScript", "name": "say", "inputs": {"runCommand": [f"echo {text}"]}}
    return json.dumps({"schemaVersion": schema, "description": "says", "mainSteps": [step]})


@pytest.fixture
def name(ssm):
    """Of a document that is gone after the test."""
    name = f"doc-{uuid.uuid4().hex[:12]}"
    yield name
    try:
        ssm.delete_document(Name=name)
    except ssm.exceptions.InvalidDocument:
        pass


def test_the_life_of_a_document(ssm, name, refused):
    made = ssm.create_document(Name=name, Content=content("one"), VersionName="one",
                               Tags=[{"Key": "Team", "Value": "web"}])["DocumentDescription"]
    assert made["Hash"] == hashlib.sha256(content("one").encode()).hexdigest()
    assert (made["DocumentVersion"], made["DefaultVersion"], made["LatestVersion"]) == ("1", "1", "1")
    assert ssm.describe_document(Name=name)["Document"]["Status"] == "Active"
    assert ssm.list_tags_for_resource(ResourceType="Document", ResourceId=name)["TagList"] == [
        {"Key": "Team", "Value": "web"}]
    ssm.add_tags_to_resource(ResourceType="Document", ResourceId=name, Tags=[{"Key": "Env", "Value": "test"}])
    found = ssm.list_documents(Filters=[{"Key": "tag:Env", "Values": ["test"]}])["DocumentIdentifiers"]
    assert name in [row["Name"] for row in found]

    second = ssm.update_document(Name=name, Content=content("two"), DocumentVersion="$LATEST")
    assert second["DocumentDescription"]["LatestVersion"] == "2"
    assert json.loads(ssm.get_document(Name=name)["Content"]) == json.loads(content("one"))
    default = ssm.update_document_default_version(Name=name, DocumentVersion="2")["Description"]
    assert default == {"Name": name, "DefaultVersion": "2"}
    assert ssm.get_document(Name=name)["Content"] == content("two")
    assert ssm.get_document(Name=name, VersionName="one")["Content"] == content("one")
    pages = ssm.get_paginator("list_document_versions").paginate(Name=name, PaginationConfig={"PageSize": 1})
    versions = [(row["DocumentVersion"], row["IsDefaultVersion"]) for page in pages for row in page["DocumentVersions"]]
    assert versions == [("2", True), ("1", False)]

    refused("DuplicateDocumentContent", "update_document", Name=name, Content=content("two"))
    refused("InvalidDocumentVersion", "update_document", Name=name, Content=content("x"), DocumentVersion="1")
    refused("InvalidDocumentOperation", "delete_document", Name=name, DocumentVersion="2")
    ssm.delete_document(Name=name, DocumentVersion="1")
    refused("InvalidDocumentVersion", "get_document", Name=name, DocumentVersion="1")
    ssm.delete_document(Name=name)
    refused("InvalidDocument", "describe_document", Name=name)


def test_refusals_name_what_is_wrong(ssm, name, refused):
    ssm.create_document(Name=name, Content=content())
    refused("DocumentAlreadyExists", "create_document", Name=name, Content=content())
    refused("InvalidDocumentSchemaVersion", "create_document", Name="other", Content=content(schema="7.0"))
    message = refused("InvalidDocumentContent", "create_document", Name="other",
                      Content=content().replace("runShellScript", "teleport"))
    assert "mainSteps[0].action" in message
    message = refused("ValidationException", "create_document", Name="Amazon-Mine", Content=content())
    assert message.startswith("Invalid document name")
    refused("MaxDocumentSizeExceeded", "create_document", Name="other", Content=content() + " " * 65536)


def test_yaml_and_json(ssm, name):
    yaml = "schemaVersion: '2.2'\nmainSteps:\n- action: aws:runShellScript\n  name: s\n  inputs: {runCommand: [id]}\n"
    ssm.create_document(Name=name, Content=yaml, DocumentFormat="YAML")
    assert ssm.get_document(Name=name)["Content"] == yaml
    asked = ssm.get_document(Name=name, DocumentFormat="JSON")
    assert asked["DocumentFormat"] == "JSON"
    assert json.loads(asked["Content"])["mainSteps"][0]["inputs"] == {"runCommand": ["id"]}


def test_sharing(ssm, name, refused):
    ssm.create_document(Name=name, Content=content())
    other = "222233334444"
    ssm.modify_document_permission(Name=name, PermissionType="Share", AccountIdsToAdd=[other],
                                   SharedDocumentVersion="$LATEST")
    shared = ssm.describe_document_permission(Name=name, PermissionType="Share")
    assert shared["AccountIds"] == [other]
    assert shared["AccountSharingInfoList"] == [{"AccountId": other, "SharedDocumentVersion": "$LATEST"}]
    refused("InvalidDocumentOperation", "delete_document", Name=name)
    refused("ValidationException", "modify_document_permission", Name=name, PermissionType="Share",
            AccountIdsToAdd=["all", other])
    ssm.modify_document_permission(Name=name, PermissionType="Share", AccountIdsToRemove=[other])
    assert ssm.describe_document_permission(Name=name, PermissionType="Share")["AccountIds"] == []


def test_reviews(ssm, name, refused):
    ssm.create_document(Name=name, Content=content())
    refused("InvalidDocumentOperation", "update_document_metadata", Name=name, DocumentReviews={"Action": "Approve"})
    comment = [{"Type": "Comment", "Content": "please"}]
    ssm.update_document_metadata(Name=name, DocumentReviews={"Action": "SendForReview", "Comment": comment})
    ssm.update_document_metadata(Name=name, DocumentReviews={"Action": "Approve"})
    history = ssm.list_document_metadata_history(Name=name, Metadata="DocumentReviews")
    said = [(row["ReviewStatus"], row["Comment"]) for row in history["Metadata"]["ReviewerResponse"]]
    assert said == [("APPROVED", []), ("PENDING", comment)]
    assert ssm.describe_document(Name=name)["Document"]["ReviewStatus"] == "APPROVED"
