"""The commands that users know, on a node with a real agent: scan it, read its patch state back."""

import json
import os
import subprocess
import time

import botocore.exceptions
import pytest

from conftest import FETTLE_MODEL, REGION, program

SCAN_WITHIN_SECONDS = 90

OS_RELEASE = 'NAME="Debian GNU/Linux"\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\nID=debian\n'
STATUS = """Package: openssl
Status: install ok installed
Priority: optional
Section: utils
Maintainer: nobody
Architecture: amd64
Version: 3.0.11-1~deb12u1
Description: made up

"""
FIXED = """Package: openssl
Version: 3.0.15-1~deb12u1
Priority: optional
Section: utils
Maintainer: nobody
Architecture: amd64
Filename: pool/openssl.deb
Size: 1
SHA256: 00
Description: made up

"""
RELEASE = """Origin: Debian
Label: Debian-Security
Suite: stable-security
Codename: bookworm-security
Date: Sat, 07 Nov 2026 10:00:00 UTC
Architectures: amd64
Components: main
"""


@pytest.fixture(scope="module")
def patched(server, ssm, tmp_path_factory):
    """The id of a running node that lacks one security fix. Nothing of this machine is touched."""
    folder = tmp_path_factory.mktemp("agent")
    lists = "var/lib/apt/lists/deb.example_debian-security_dists_bookworm-security_"
    files = {
        "etc/os-release": OS_RELEASE,
        "etc/apt/sources.list": "deb http://deb.example/debian-security bookworm-security main\n",
        "var/lib/dpkg/status": STATUS,
        "var/lib/dpkg/arch": "amd64\n",
        f"{lists}InRelease": RELEASE,
        f"{lists}main_binary-amd64_Packages": FIXED,
    }
    for path, text in files.items():
        path = folder / "root" / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    activation = ssm.create_activation(IamRole="fettle-node")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "FETTLE_"))}
    environment = {
        **clean,
        "FETTLE_ACTIVATION_CODE": activation["ActivationCode"],
        "FETTLE_AGENT_ROOT": str(folder / "root"),
        "FETTLE_AGENT_DATA": str(folder / "data"),
    }
    enrolled = subprocess.run(
        [program("fettle-agent"), "enroll", "--endpoint", server.endpoint, "--region", REGION,
         "--activation-id", activation["ActivationId"]],
        env=environment, check=True, capture_output=True, text=True,
    )
    node = enrolled.stdout.strip()
    with open(folder / "agent.log", "wb") as log:
        agent = subprocess.Popen([program("fettle-agent"), "run"], env=environment, stdout=log, stderr=log)
    try:
        wait(lambda: [
            entry for entry in ssm.describe_instance_information(
                Filters=[{"Key": "InstanceIds", "Values": [node]}])["InstanceInformationList"]
            if entry.get("PingStatus") == "Online" and "PlatformName" in entry
        ])
        yield node
    finally:
        agent.terminate()
        agent.wait(20)


def wait(look):
    deadline = time.monotonic() + SCAN_WITHIN_SECONDS
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("not in time")


@pytest.fixture(scope="module")
def scanned(aws, ssm, patched):
    """Ordered as people do; the node, after its scan."""
    command = aws("ssm", "send-command", "--document-name", "AWS-RunPatchBaseline",
                  "--instance-ids", patched, "--parameters", "Operation=Scan")["Command"]
    assert command["DocumentName"] == "AWS-RunPatchBaseline"

    def ended():
        found = ssm.list_command_invocations(CommandId=command["CommandId"], Details=True)["CommandInvocations"]
        return [entry for entry in found if entry["Status"] not in ("Pending", "InProgress", "Delayed")]

    done = wait(ended)
    assert [entry["Status"] for entry in done] == ["Success"], done
    return patched


def test_describe_instance_patch_states(aws, scanned):
    states = aws("ssm", "describe-instance-patch-states", "--instance-ids", scanned)["InstancePatchStates"]
    assert [(state["InstanceId"], state["MissingCount"], state["Operation"]) for state in states] == [
        (scanned, 1, "Scan")
    ]


def test_describe_instance_patches(aws, ssm, scanned):
    missing = aws("ssm", "describe-instance-patches", "--instance-id", scanned,
                  "--filters", "Key=State,Values=Missing")["Patches"]
    assert [patch["State"] for patch in missing] == ["Missing"]
    assert "openssl" in missing[0]["KBId"]
    everything = [patch for page in ssm.get_paginator("describe_instance_patches").paginate(InstanceId=scanned)
                  for patch in page["Patches"]]
    assert {patch["KBId"] for patch in missing} <= {patch["KBId"] for patch in everything}


def test_compliance_summaries(aws, scanned):
    summaries = aws("ssm", "list-compliance-summaries")["ComplianceSummaryItems"]
    patch = [item for item in summaries if item["ComplianceType"] == "Patch"]
    assert patch and patch[0]["NonCompliantSummary"]["NonCompliantCount"] >= 1
    resources = aws("ssm", "list-resource-compliance-summaries", "--filters",
                    "Key=ComplianceType,Values=Patch,Type=EQUAL")["ResourceComplianceSummaryItems"]
    assert {item["ResourceId"]: item["Status"] for item in resources}[scanned] == "NON_COMPLIANT"


def test_put_compliance_items(aws, ssm, scanned):
    aws("ssm", "put-compliance-items", "--resource-id", scanned, "--resource-type", "ManagedInstance",
        "--compliance-type", "Custom:Backup", "--execution-summary", "ExecutionTime=2026-11-21T00:00:00Z",
        "--items", "Id=nightly,Title=last backup,Severity=HIGH,Status=NON_COMPLIANT")
    items = ssm.list_compliance_items(
        ResourceIds=[scanned], ResourceTypes=["ManagedInstance"],
        Filters=[{"Key": "ComplianceType", "Values": ["Custom:Backup"], "Type": "EQUAL"}],
    )["ComplianceItems"]
    assert [(item["Id"], item["Status"], item["Severity"]) for item in items] == [("nightly", "NON_COMPLIANT", "HIGH")]


def test_get_command_invocation(ssm, aws, patched):
    sent = ssm.send_command(
        InstanceIds=[patched], DocumentName="AWS-RunShellScript", Parameters={"commands": ["echo out; echo err >&2; exit 3"]}
    )["Command"]["CommandId"]
    done = wait(lambda: (found := ssm.get_command_invocation(CommandId=sent, InstanceId=patched))["Status"]
                not in ("Pending", "InProgress", "Delayed") and found)
    assert (done["Status"], done["ResponseCode"]) == ("Failed", 3)
    assert done["StandardOutputContent"] == "out\n"
    assert done["StandardErrorContent"].startswith("err\n")
    told = aws("ssm", "list-commands", "--command-id", sent)["Commands"][0]
    assert (told["TargetCount"], told["CompletedCount"], told["ErrorCount"]) == (1, 1, 1)


def test_our_own_service_through_the_stock_cli(aws, fettle, scanned):
    aws("configure", "add-model", "--service-model", f"file://{FETTLE_MODEL}", "--service-name", "fettle")
    told = aws("fettle", "explain-node-compliance", "--instance-id", scanned)
    assert told["Status"] == "NON_COMPLIANT"
    named = [item["Name"] for cause in told["Causes"] for item in cause.get("Items", [])]
    assert "openssl" in named, json.dumps(told, indent=1)
    assert fettle.get_node_report(InstanceId=scanned)["Missing"][0]["Name"] == "openssl"
    assert fettle.list_node_reports(InstanceId=scanned)["Reports"]


def test_preview_of_a_baseline_that_is_not_saved(ssm, fettle, aws, scanned):
    def baseline(priority):
        rule = {"PatchFilterGroup": {"PatchFilters": [{"Key": "PRIORITY", "Values": [priority]}]},
                "ComplianceLevel": "HIGH", "ApproveAfterDays": 0, "EnableNonSecurity": True}
        return {"OperatingSystem": "DEBIAN", "ApprovalRules": {"PatchRules": [rule]}}

    def names(answer, wanted):
        shown = next(row for row in answer["Lists"] if row["Name"] == wanted)
        assert shown["Count"] == len(shown["Patches"])
        return [patch["Name"] for patch in shown["Patches"]]

    answer = fettle.preview_patch_baseline(Baseline=baseline("Optional"))
    assert answer["NodesExamined"] == answer["Nodes"] > 0
    assert "openssl" in names(answer, "Approved") and "openssl" not in names(answer, "NotMatched")
    assert "Comparison" not in answer
    from_shell = aws("fettle", "preview-patch-baseline", "--baseline", json.dumps(baseline("Required")))
    assert "openssl" in names(from_shell, "NotMatched")

    saved = ssm.create_patch_baseline(Name="saved-for-a-preview", **baseline("Optional"))["BaselineId"]
    try:
        answer = fettle.preview_patch_baseline(Baseline=baseline("Required"), BaselineId=saved)
        assert "openssl" in names(answer, "NoLongerApproved")
        assert answer["Comparison"]["NodesServed"] == answer["Comparison"]["NodesChanged"] == 0
    finally:
        ssm.delete_patch_baseline(BaselineId=saved)
    with pytest.raises(fettle.exceptions.ResourceNotFoundException):
        fettle.preview_patch_baseline(Baseline=baseline("Required"), BaselineId=saved)
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        fettle.preview_patch_baseline(Baseline={**baseline("Required"), "RejectedPatchesAction": "MAYBE"})
    assert refused.value.response["Error"]["Code"] == "ValidationException"
