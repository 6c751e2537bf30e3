"""What documents do on a real agent, as stock clients ask for it: content from the object store, documents that are brought along,
inventory through an association, packages with attachments."""

import hashlib
import io
import json
import subprocess
import time
import zipfile

import pytest
from botocore.exceptions import ClientError

from conftest import REGION, program

PATIENCE_SECONDS = 120
FINAL = {"Success", "Failed", "TimedOut", "Cancelled"}
STATUS = """Package: openssl
Status: install ok installed
Section: utils
Maintainer: Somebody <somebody@example.org>
Architecture: amd64
Version: 3.0.15-1~deb12u1
Description: Secure Sockets Layer toolkit

"""


def until(ask, is_it):
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        answer = ask()
        if is_it(answer):
            return answer
        assert time.monotonic() < end, answer
        time.sleep(0.05)


@pytest.fixture(scope="module")
def s3(boto):
    return boto("s3")


@pytest.fixture(scope="module")
def bucket(s3):
    s3.create_bucket(Bucket="plugin-files", CreateBucketConfiguration={"LocationConstraint": REGION})
    return "plugin-files"


@pytest.fixture(scope="module")
def agent(server, ssm, tmp_path_factory):
    """A node with one package: its id and the folder of its agent."""
    folder = tmp_path_factory.mktemp("plugins")
    dpkg = folder / "root/var/lib/dpkg"
    dpkg.mkdir(parents=True)
    (dpkg / "status").write_text(STATUS)
    (folder / "root/etc").mkdir()
    (folder / "root/etc/os-release").write_text('NAME="Debian GNU/Linux"\nID=debian\nVERSION_ID="12"\n')
    made = ssm.create_activation(IamRole="fettle-node")
    data = folder / "agent"
    enroll = [program("fettle-agent"), "enroll", "--endpoint", server.endpoint, "--region", REGION, "--activation-id",
              made["ActivationId"], "--activation-code", made["ActivationCode"], "--data", str(data)]
    subprocess.run(enroll, check=True, capture_output=True)
    with open(folder / "log", "ab") as log:
        process = subprocess.Popen([program("fettle-agent"), "run", "--data", str(data)], stdin=subprocess.DEVNULL,
                                   stdout=log, stderr=log, env={"FETTLE_AGENT_ROOT": str(folder / "root"),
                                                                "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
    try:
        mine = [{"Key": "ActivationIds", "Values": [made["ActivationId"]]}]
        node = until(lambda: ssm.describe_instance_information(Filters=mine)["InstanceInformationList"],
                     lambda nodes: nodes and nodes[0].get("PlatformType"))[0]["InstanceId"]
        yield node, folder
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def run(ssm, agent):
    """Runs a document on the node: the status of the whole, and the output of each step by its name."""
    def run(document, **parameters):
        listed = {name: value if isinstance(value, list) else [value] for name, value in parameters.items()}
        sent = ssm.send_command(DocumentName=document, InstanceIds=[agent[0]], Parameters=listed)["Command"]
        asked = {"CommandId": sent["CommandId"], "InstanceId": agent[0], "Details": True}
        done = until(lambda: ssm.list_command_invocations(**asked)["CommandInvocations"][0],
                     lambda invocation: invocation["Status"] in FINAL)
        return done["Status"], {step["Name"]: step["Output"] for step in done["CommandPlugins"]}
    return run


def test_a_script_from_the_object_store_runs_where_it_was_put(s3, bucket, run):
    s3.put_object(Bucket=bucket, Key="scripts/hello.sh", Body=b"#!/bin/sh\necho hello $1 from $(cat words/a.txt)\n")
    s3.put_object(Bucket=bucket, Key="scripts/words/a.txt", Body=b"afar")
    s3.put_object(Bucket=bucket, Key="secret.sh", Body=b"#!/bin/sh\necho secret\n")
    # A folder with all that is in it, and a single file.
    status, said = run("AWS-RunRemoteScript", sourceType="S3", commandLine="hello.sh you",
                       sourceInfo=json.dumps({"path": f"s3://{bucket}/scripts/"}))
    assert status == "Success", said
    assert said["runShellScript"].strip() == "hello you from afar", said
    status, said = run("AWS-RunRemoteScript", sourceType="S3", commandLine="./secret.sh",
                       sourceInfo=json.dumps({"path": f"s3://{bucket}/secret.sh"}))
    assert (status, said["runShellScript"].strip()) == ("Success", "secret"), said


def test_what_is_not_there_or_not_right_is_told(s3, bucket, run):
    s3.put_object(Bucket=bucket, Key="a.sh", Body=b"echo a\n")
    rows = [
        ({"path": f"s3://{bucket}/nowhere.sh"}, "NoSuchKey"),
        ({"path": f"s3://{bucket}/none/"}, "there is nothing"),
        ({"path": "s3://no-such-bucket-here/a.sh"}, "NoSuchBucket"),
        ({"path": f"s3://{bucket}/a.sh", "sha256": "0" * 64}, "SHA-256"),
        ({"path": "/etc/passwd"}, "expected s3://BUCKET/KEY"),
    ]
    for info, part in rows:
        status, said = run("AWS-DownloadContent", sourceType="S3", sourceInfo=json.dumps(info))
        assert status == "Failed" and part in said["downloadContent"], (info, said)


def test_a_document_that_is_brought_along_runs_with_parameters(s3, bucket, ssm, run):
    document = ("schemaVersion: '2.2'\nparameters:\n  who: {type: String, default: nobody}\nmainSteps:\n"
                "  - action: aws:runShellScript\n    name: greet\n    inputs:\n      runCommand: ['echo dear {{ who }}']\n")
    s3.put_object(Bucket=bucket, Key="greet.yaml", Body=document.encode())
    status, said = run("AWS-RunDocument", sourceType="S3", sourceInfo=json.dumps({"path": f"s3://{bucket}/greet.yaml"}),
                       documentParameters=json.dumps({"who": "reader"}))
    assert (status, said["runDocument"].strip()) == ("Success", "dear reader"), said
    ssm.create_document(Name="greet", Content=document, DocumentFormat="YAML")
    status, said = run("AWS-RunDocument", sourceType="SSMDocument", sourceInfo=json.dumps({"name": "greet"}))
    assert (status, said["runDocument"].strip()) == ("Success", "dear nobody"), said


def test_an_association_gathers_inventory_and_a_refresh_starts_it_again(ssm, agent, run):
    node, folder = agent
    custom = folder / "agent/inventory/custom"
    custom.mkdir(parents=True)
    (custom / "rack.json").write_text('{"SchemaVersion":"1.0","TypeName":"Custom:Rack","Content":{"Row":"3"}}')
    (folder / "root/etc/some.conf").write_text("12345")
    files = '[{"Path":"/etc","Pattern":["*.conf"],"Recursive":false}]'
    association = ssm.create_association(Name="AWS-GatherSoftwareInventory", Parameters={"files": [files]},
                                         Targets=[{"Key": "InstanceIds", "Values": [node]}])
    association = association["AssociationDescription"]["AssociationId"]

    def entries(kind):
        return ssm.list_inventory_entries(InstanceId=node, TypeName=kind).get("Entries", [])

    found = until(lambda: entries("AWS:Application"), lambda entries: entries)
    assert [(one["Name"], one["Version"], one["Release"]) for one in found] == [("openssl", "3.0.15", "1~deb12u1")]
    assert [one["Name"] for one in entries("AWS:AWSComponent")] == ["fettle-agent"]
    assert [(one["Name"], one["Size"], one["InstalledDir"]) for one in entries("AWS:File")] == [("some.conf", "5", "/etc")]
    assert entries("Custom:Rack") == [{"Row": "3"}]
    assert entries("AWS:InstanceDetailedInformation")[0]["KernelVersion"]

    def runs():
        return ssm.describe_association_executions(AssociationId=association)["AssociationExecutions"]

    until(runs, lambda runs: [one["Status"] for one in runs] == ["Success"])
    # It ran a moment ago, and is left alone; one that is strange is refused.
    status, said = run("AWS-RefreshAssociation", associationIds=[association])
    assert status == "Success" and "a moment ago" in said["aws:refreshAssociation"], said
    status, said = run("AWS-RefreshAssociation", associationIds=["00000000-0000-4000-8000-000000000000"])
    assert status == "Failed" and "no association" in said["aws:refreshAssociation"], said
    assert len(runs()) == 1
    with pytest.raises(ClientError) as refused:
        ssm.send_command(DocumentName="AWS-GatherSoftwareInventory", InstanceIds=[node])
    assert refused.value.response["Error"]["Code"] == "InvalidDocument"
    ssm.delete_association(AssociationId=association)


def package(s3, bucket, folder, version, files):
    """Puts a package for every machine into a folder of the bucket: its manifest."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    s3.put_object(Bucket=bucket, Key=f"{folder}/tool.zip", Body=packed.getvalue())
    return json.dumps({
        "schemaVersion": "2.0", "version": version, "publisher": "tests",
        "packages": {"_any": {"_any": {"_any": {"file": "tool.zip"}}}},
        "files": {"tool.zip": {"checksums": {"sha256": hashlib.sha256(packed.getvalue()).hexdigest()},
                               "size": len(packed.getvalue())}}})


def test_a_package_is_installed_replaced_rolled_back_and_removed(s3, bucket, ssm, agent, run, tmp_path):
    diary = tmp_path / "diary"

    def scripts(version, install="true"):
        note = f"echo $BWS_ACTION_NAME {version} $SSM_mood >> {diary}"
        return {"install.sh": f"{note}\n{install}\n", "uninstall.sh": f"{note}\n", "data/readme": "text"}

    def written():
        lines = diary.read_text().split("\n") if diary.exists() else [""]
        diary.unlink(missing_ok=True)
        return [line.strip() for line in lines[:-1]]

    first = package(s3, bucket, "tool/1", "1.0", scripts("1.0"))
    source = [{"Key": "SourceUrl", "Values": [f"s3://{bucket}/tool/1"]}]
    made = ssm.create_document(Name="tool", DocumentType="Package", Content=first, Attachments=source)
    assert made["DocumentDescription"]["VersionName"] == "1.0"
    assert made["DocumentDescription"]["PlatformTypes"] == ["Linux", "MacOS", "Windows"]
    # What becomes of the bucket is nothing to the package.
    s3.delete_object(Bucket=bucket, Key="tool/1/tool.zip")
    got = ssm.get_document(Name="tool")
    assert [(one["Name"], one["HashType"]) for one in got["AttachmentsContent"]] == [("tool.zip", "Sha256")]
    described = ssm.describe_document(Name="tool")["Document"]
    assert described["AttachmentsInformation"] == [{"Name": "tool.zip"}]

    status, said = run("AWS-ConfigureAWSPackage", action="Install", name="tool",
                       additionalArguments='{"SSM_mood":"well"}')
    assert status == "Success" and "tool 1.0 is installed" in said["configurePackage"], said
    assert written() == ["install 1.0 well"]
    status, said = run("AWS-ConfigureAWSPackage", action="Install", name="tool")
    assert status == "Success" and "installed already" in said["configurePackage"], said
    assert written() == []

    second = package(s3, bucket, "tool/2", "2.0", scripts("2.0"))
    url = f"https://s3.amazonaws.com/{bucket}/tool/2"
    ssm.update_document(Name="tool", Content=second, DocumentVersion="$LATEST",
                        Attachments=[{"Key": "SourceUrl", "Values": [url]}])
    broken = package(s3, bucket, "tool/3", "3.0", scripts("3.0", install="exit 5"))
    ssm.update_document(Name="tool", Content=broken, DocumentVersion="$LATEST",
                        Attachments=[{"Key": "S3FileUrl", "Values": [f"s3://{bucket}/tool/3/tool.zip"]}])
    status, said = run("AWS-ConfigureAWSPackage", action="Install", name="tool", version="2.0")
    assert status == "Success", said
    assert written() == ["uninstall 1.0", "install 2.0"]
    status, said = run("AWS-ConfigureAWSPackage", action="Install", name="tool", version="3.0")
    assert status == "Failed" and "install of version 3.0 ended with status 5" in said["configurePackage"], said
    assert written() == ["uninstall 2.0", "install 3.0", "uninstall 3.0", "install 2.0"]
    # By the number of the document's version, which is 1: its name is another one.
    status, said = run("AWS-ConfigureAWSPackage", action="Install", name="tool", version="1")
    assert status == "Success" and written() == ["uninstall 2.0", "install 1.0"], said

    status, said = run("AWS-ConfigureAWSPackage", action="Uninstall", name="tool")
    assert status == "Success" and written() == ["uninstall 1.0"], said
    status, said = run("AWS-ConfigureAWSPackage", action="Uninstall", name="tool")
    assert status == "Success" and "is not installed" in said["configurePackage"], said
    status, said = run("AWS-ConfigureAWSPackage", action="Install", name="no-such-tool")
    assert status == "Failed" and "no-such-tool" in said["configurePackage"], said

    # A file of an earlier version, by reference.
    again = json.loads(second)
    again["publisher"] = "others"
    again["version"] = "2.1"
    ssm.update_document(Name="tool", Content=json.dumps(again), DocumentVersion="$LATEST",
                        Attachments=[{"Key": "AttachmentReference", "Values": ["tool/2/tool.zip"]}])
    ssm.delete_document(Name="tool")


def test_packages_that_are_not_what_they_say_are_refused(s3, bucket, ssm):
    manifest = package(s3, bucket, "odd", "1.0", {"install.sh": "true\n"})
    source = [{"Key": "SourceUrl", "Values": [f"s3://{bucket}/odd"]}]
    other = manifest.replace('"version": "1.0"', '"version": "1.1"')
    wrong = json.loads(manifest)
    wrong["files"]["tool.zip"]["checksums"]["sha256"] = "0" * 64
    absent = json.loads(manifest)
    absent["files"]["other.zip"] = absent["files"]["tool.zip"]
    rows = [
        (manifest, [], "InvalidDocumentContent", "`tool.zip` is not among"),
        (json.dumps(wrong), source, "InvalidDocumentContent", "SHA-256"),
        (json.dumps(absent), source, "ValidationException", "other.zip"),
        (other, [{"Key": "SourceUrl", "Values": ["https://example.org/x"]}], "ValidationException", "no object of this server"),
        (other, [{"Key": "SourceUrl", "Values": ["s3://no-such-bucket-x/y"]}], "ValidationException", "no such bucket"),
        ("{}", source, "InvalidDocumentSchemaVersion", ""),
    ]
    for content, attachments, code, words in rows:
        with pytest.raises(ClientError) as refused:
            ssm.create_document(Name="odd", DocumentType="Package", Content=content, Attachments=attachments)
        error = refused.value.response["Error"]
        assert error["Code"] == code and words in error["Message"], error
    ssm.create_document(Name="odd", DocumentType="Package", Content=manifest, Attachments=source)
    ssm.delete_document(Name="odd")
