"""AWS-RunPatchBaseline on a node with the stock agent: the stand-in takes the command, and the step's own script is run as
that agent would run it. It fetches the patch engine from the server, checks it, and scans and installs through real apt
in a root of its own.
"""

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from conftest import REGION, REPOSITORY, Server, clients_of, program
from stock_agent import Node, certificates, content, step

BUCKET, TARGET = "fettle-agents", f"linux-{os.uname().machine}"
SHELL = "aws:runShellScript"
STEP = "PatchLinux"
PATIENCE_SECONDS = 60
TOOLS = ("apt-get", "apt-ftparchive", "dpkg-deb", "dpkg-query", "curl")


class Machine:
    """A node with the stock agent, its root, and what it knows of the server."""

    def __init__(self, bed, folder):
        server, client = bed
        self.ssm, self.s3, self.folder = client("ssm"), client("s3"), folder
        subprocess.run([REPOSITORY / "testbeds/apt-local-repo.sh", folder], check=True, capture_output=True,
                       env={**os.environ, "BED_UNSIGNED": "1"})
        self.boot(1)
        self.node = Node(server, folder)
        self.node.register(self.ssm.create_activation(IamRole="fettle-node"))
        token = self.node.get_token()
        # As that agent shares them with the programs of its scripts.
        self.credentials = folder / "credentials"
        self.credentials.write_text(
            f"[default]\naws_access_key_id = {token['AccessKeyId']}\naws_secret_access_key = "
            f"{token['SecretAccessKey']}\naws_session_token = {token['SessionToken']}\n")
        assert self.node.probe() == {} and self.node.report() == {}
        self.channel = self.node.open_channel()
        self.authority = server.certificates / "ca.pem"

    def boot(self, seconds_from_now):
        at, proc = int(time.time()) + seconds_from_now, self.folder / "proc"
        (proc / "sys/kernel/random").mkdir(parents=True, exist_ok=True)
        (proc / "stat").write_text(f"btime {at}\n")
        (proc / "sys/kernel/random/boot_id").write_text(f"boot-{at}\n")
        for name in ("reboot-required", "reboot-required.pkgs"):
            (self.folder / "root/var/run" / name).unlink(missing_ok=True)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.time() <= at:
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def order(self, **parameters):
        """The command's id, its job, and the script of its step."""
        given = {name: [value] for name, value in parameters.items()}
        sent = self.ssm.send_command(DocumentName="AWS-RunPatchBaseline", InstanceIds=[self.node.id], Parameters=given)
        command, job = sent["Command"]["CommandId"], self.channel.job()
        assert job["Content"]["CommandId"] == command
        self.channel.acknowledge(job)
        self.channel.reply(job, content("InProgress"))
        one, = [row for row in job["Content"]["DocumentContent"]["mainSteps"] if row["name"] == STEP]
        known = job["Content"]["Parameters"]
        lines = "\n".join(one["inputs"]["runCommand"])
        return command, job, re.sub(r"{{ *(\w+) *}}", lambda found: known[found[1]], lines)

    def run(self, command, script):
        """The script as the stock agent starts it."""
        path = self.folder / "_script.sh"
        path.write_text(script)
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(self.folder), "AWS_SSM_INSTANCE_ID": self.node.id,
            "AWS_SSM_REGION_NAME": REGION, "AWS_SSM_PLATFORM_NAME": "Debian GNU/Linux",
            "AWS_SSM_PLATFORM_VERSION": "12", "SSM_COMMAND_ID": command, "SSL_CERT_FILE": str(self.authority),
            "AWS_SHARED_CREDENTIALS_FILE": str(self.credentials),
            # For the sake of this machine, which is not to be patched.
            "FETTLE_AGENT_ROOT": str(self.folder / "root"), "FETTLE_AGENT_PROC": str(self.folder / "proc"),
            "FETTLE_ENGINE_DIR": str(self.engines)}
        return subprocess.run(["sh", path], env=environment, capture_output=True, text=True, timeout=300)

    @property
    def engines(self):
        return self.folder / "engine"

    def end(self, job, done):
        """Replies as that agent does, and returns what is then shown of the invocation."""
        ended = {0: "Success", 194: "SuccessAndReboot"}.get(done.returncode, "Failed")
        said = step(ended, done.returncode, done.stdout, done.stderr, SHELL)
        others = {name: step("Skipped") for name in ("PatchWindows", "PatchMacOS")}
        self.channel.reply(job, content("InProgress", {**others, STEP: said}, {ended: 1, "Skipped": 2}))
        self.channel.reply(job, content(ended, {}, {ended: 1, "Skipped": 2}))
        command = job["Content"]["CommandId"]
        return self.ssm.list_command_invocations(CommandId=command, Details=True)["CommandInvocations"][0]

    def patch(self, **parameters):
        command, job, script = self.order(**parameters)
        done = self.run(command, script)
        return done, self.end(job, done)

    def publish(self, version, build):
        self.s3.put_object(Bucket=BUCKET, Key=f"{version}/{TARGET}", Body=build)

    def state(self):
        return self.ssm.describe_instance_patch_states(InstanceIds=[self.node.id])["InstancePatchStates"][0]

    def states(self):
        listed = self.ssm.get_paginator("describe_instance_patches").paginate(InstanceId=self.node.id)
        rows = [row for page in listed for row in page["Patches"]]
        return {row["KBId"].split(".")[0]: row["State"] for row in rows}


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        assert not os.environ.get("FETTLE_REQUIRE_BEDS"), f"{missing} are not installed"
        pytest.skip(f"{missing} are not installed: there is no bed to patch")
    folder = tmp_path_factory.mktemp("stock-patching")
    server = Server(folder, certificates=certificates(tmp_path_factory.mktemp("certificates")))
    client = clients_of(server, tmp_path_factory)
    client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    ssm = client("ssm")
    made = ssm.create_patch_baseline(Name="bed", OperatingSystem="DEBIAN", ApprovedPatches=["tb-conf", "tb-kernel"],
                                     ApprovedPatchesEnableNonSecurity=True)
    ssm.register_default_patch_baseline(BaselineId=made["BaselineId"])
    machine = Machine((server, client), tmp_path_factory.mktemp("bed"))
    yield machine
    machine.channel.cut()
    server.stop()
    assert server.failures() == []


def test_a_server_without_a_build_says_how_to_publish_one(machine):
    done, shown = machine.patch(Operation="Scan")
    assert done.returncode == 1 and f"s3://{BUCKET}/VERSION/{TARGET}" in done.stderr, done
    assert shown["Status"] == "Failed" and not machine.engines.exists()


def test_the_stock_agent_scans_installs_and_restarts(machine, tmp_path):
    build = tmp_path / "fettle-agent"
    shutil.copy(program("fettle-agent"), build)
    subprocess.run(["strip", build], check=False)
    machine.publish("1.0.0", build.read_bytes())
    done, shown = machine.patch(Operation="Scan")
    assert (done.returncode, shown["Status"]) == (0, "Success"), done
    state = machine.state()
    assert (state["Operation"], state["MissingCount"], state["FailedCount"]) == ("Scan", 2, 0)
    seen = machine.states()
    assert (seen["tb-conf"], seen["tb-kernel"]) == ("Missing", "Missing")
    # Nothing but its owner may change what root runs, and the second time it is not fetched.
    kept, = machine.engines.glob("fettle-agent-*")
    assert machine.engines.stat().st_mode & 0o777 == 0o700 and kept.stat().st_mode & 0o777 == 0o700
    fetched_at = kept.stat().st_mtime_ns

    command, job, script = machine.order(Operation="Install", RebootOption="RebootIfNeeded")
    done = machine.run(command, script)
    assert done.returncode == 194, done
    assert machine.end(job, done)["Status"] == "InProgress"
    assert machine.states()["tb-kernel"] == "InstalledPendingReboot"
    machine.boot(1)
    done = machine.run(command, script)
    assert done.returncode == 0, done
    assert machine.end(job, done)["Status"] == "Success"
    seen = machine.states()
    assert (seen["tb-conf"], seen["tb-kernel"]) == ("Installed", "Installed")
    state = machine.state()
    assert (state["Operation"], state["MissingCount"], state["InstalledPendingRebootCount"]) == ("Install", 0, 0)
    diary = (machine.folder / "root/var/log/dpkg.log").read_text()
    assert diary.count(" upgrade tb-conf:") == 1, diary
    assert kept.stat().st_mtime_ns == fetched_at
    listed = machine.ssm.describe_instance_information(Filters=[{"Key": "InstanceIds", "Values": [machine.node.id]}])
    assert listed["InstanceInformationList"][0]["AgentVersion"] == "3.3.0.0", "the engine is no agent of this node"


def test_an_engine_that_was_exchanged_is_not_run(machine):
    """After the command was given: on the server, and in the node's own folder."""
    machine.publish("2.0.0", b"#!/bin/sh\necho promised\n")
    command, job, script = machine.order(Operation="Scan")
    machine.publish("2.0.0", b"#!/bin/sh\necho exchanged\n")
    done = machine.run(command, script)
    assert done.returncode == 1 and "nothing was run" in done.stderr and "exchanged" not in done.stdout, done
    assert machine.end(job, done)["Status"] == "Failed"

    command, job, script = machine.order(Operation="Scan")
    done = machine.run(command, script)
    assert done.stdout == "exchanged\n", "now it is the one that the server named"
    machine.end(job, done)
    for kept in machine.engines.glob("fettle-agent-*"):
        Path(kept).write_bytes(b"#!/bin/sh\necho tampered with\n")
    command, job, script = machine.order(Operation="Scan")
    done = machine.run(command, script)
    assert done.stdout == "exchanged\n", done
    machine.end(job, done)
