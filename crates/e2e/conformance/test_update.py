"""An agent goes over to another build of itself, or stays what it was and says why: real processes, killed on the way."""

import hashlib
import os
import platform
import random
import shutil
import signal
import subprocess
import time

import pytest

from conftest import REGION, Server, clients_of, program

FINAL = {"Success", "Failed", "TimedOut", "Cancelled"}
PATIENCE_SECONDS = 90
# Of a build that works under the old one's eyes.
PROBATION_SECONDS = 2
BUCKET = "fettle-agents"
TARGET = f"linux-{platform.machine()}"
# Moments of a kill that are tried.
KILLS = 6


class Bed:
    """A server, and a node whose agent runs from a file of its own."""

    def __init__(self, folder, make_client):
        self.ssm, self.s3 = make_client("ssm"), make_client("s3")
        self.folder, self.program = folder, folder / "bin/fettle-agent"
        self.program.parent.mkdir()
        shutil.copy(program("fettle-agent"), self.program)
        # Smaller, where that is possible: it goes to and fro some times.
        subprocess.run(["strip", str(self.program)], check=False)
        self.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        made = self.ssm.create_activation(IamRole="fettle-node")
        enrolled = subprocess.run(
            [program("fettle-agent"), "enroll", "--endpoint", self.ssm.meta.endpoint_url, "--region", REGION,
             "--activation-id", made["ActivationId"], "--activation-code", made["ActivationCode"],
             "--data", str(self.data)], check=True, capture_output=True, text=True)
        self.node = enrolled.stdout.strip()
        self.process = None
        self.start()

    @property
    def data(self):
        return self.folder / "data"

    def start(self, probation=PROBATION_SECONDS):
        command = [str(self.program), "run", "--data", str(self.data), "--update-within", "3", "--check-every", "0",
                   "--update-probation", str(probation)]
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def publish(self, version, build, suffix=""):
        self.s3.put_object(Bucket=BUCKET, Key=f"{version}/{TARGET}{suffix}", Body=build)

    def another(self):
        """The program of now with a few bytes more, which is another build of it."""
        return self.program.read_bytes() + b"more"

    def order(self, document="AWS-UpdateSSMAgent", **parameters):
        sent = self.ssm.send_command(DocumentName=document, InstanceIds=[self.node], Parameters={
            name: [value] for name, value in parameters.items()})
        return sent["Command"]["CommandId"]

    def end(self, command, meanwhile=lambda: None):
        """Status, and all that was said."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            rows = self.ssm.list_command_invocations(CommandId=command, Details=True)["CommandInvocations"]
            if rows[0]["Status"] in FINAL:
                said = [plugin["Output"] for plugin in rows[0]["CommandPlugins"]]
                return rows[0]["Status"], "\n".join([*said, rows[0]["TraceOutput"]])
            assert time.monotonic() < deadline, f"{rows}\n{(self.folder / 'log').read_text()[-2000:]}"
            meanwhile()
            time.sleep(0.05)

    def is_tidy(self):
        return not (self.data / "update.json").exists() and os.listdir(self.program.parent) == ["fettle-agent"]

    def becomes_tidy(self):
        """Also one whose command was ended for it: its update is settled apart, once its probation is over."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.is_tidy():
            assert time.monotonic() < deadline, (self.folder / "log").read_text()[-2000:]
            time.sleep(0.05)

    def answers(self):
        status, said = self.end(self.order("AWS-RunShellScript", commands="echo well"))
        return status == "Success" and said.strip() == "well"

    def guarded(self):
        """The process of the build that is on probation, as soon as there is one."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            found = subprocess.run(["pgrep", "-P", str(self.process.pid), "-f", "on-probation"], capture_output=True,
                                   text=True, check=False).stdout.split()
            if found:
                return int(found[0])
            assert time.monotonic() < deadline, (self.folder / "log").read_text()[-2000:]
            time.sleep(0.02)

    def bad(self, does):
        """A build that reaches the server and, once it is at work, does what a shell can be told. `$pid` is its process."""
        real = self.folder / "real"
        if not real.exists():
            shutil.copy(self.program, real)
        return f"""#!/bin/sh
[ "$1" = reach ] && exec {real} "$@"
exec 3<&0
{real} "$@" <&3 &
pid=$!
trap 'kill $pid' TERM
data={self.data}
{does}
""".encode()

    def is_given_up(self, version, build, why):
        process = self.process.pid
        self.fails(version, build, why)
        assert self.process.poll() is None and os.readlink(f"/proc/{process}/exe") == str(self.program)
        assert self.answers()
        status, said = self.end(self.order(version=version))
        assert status == "Failed" and "gave the build" in said and why in said, said

    def fails(self, version, build, why):
        before = self.program.read_bytes()
        self.publish(version, build)
        status, said = self.end(self.order(version=version))
        assert status == "Failed" and why in said, said
        assert self.program.read_bytes() == before and self.is_tidy()


@pytest.fixture(scope="module")
def bed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("update")
    server = Server(folder)
    bed = Bed(folder, clients_of(server, tmp_path_factory))
    yield bed
    bed.kill()
    server.stop()
    assert server.failures() == []
    shutil.rmtree(folder, ignore_errors=True)


def test_a_build_that_does_not_reach_the_server_is_not_taken(bed):
    status, said = bed.end(bed.order())
    assert status == "Success" and "stays" in said and f"s3://{BUCKET}/VERSION/{TARGET}" in said, said
    status, said = bed.end(bed.order(version="7"))
    assert status == "Failed" and "no build 7" in said, said
    bed.fails("90.0.0", b"#!/bin/sh\necho no way >&2\nexit 3\n", "exit status: 3: no way")
    bed.fails("90.0.1", b"#!/bin/sh\nexec sleep 600\n", "did not reach the server within 3 s")
    bed.fails("90.0.2", b"this is no program", "cannot be started")
    bed.publish("90.0.3", b"bm90IHNpZ25lZA==", ".sig")
    bed.fails("90.0.3", b"any", "not signed with the key")
    bed.fails("0.0.0.1", b"any", "allowDowngrade")
    assert bed.answers()


def test_a_build_that_does_takes_the_place(bed):
    build, process = bed.another(), bed.process.pid
    bed.publish("91.0.0", build)
    status, said = bed.end(bed.order())
    assert status == "Success" and "91.0.0 has taken the place of" in said, said
    assert bed.program.read_bytes() == build and bed.is_tidy()
    assert bed.process.poll() is None and os.readlink(f"/proc/{process}/exe") == str(bed.program)
    assert bed.answers()


def test_a_build_that_takes_the_agent_down_is_given_up(bed):
    bed.publish("92.0.0", b"#!/bin/sh\nkill -9 $PPID\nexit 1\n")
    before, starts = bed.program.read_bytes(), []

    def meanwhile():
        if bed.process.poll() is not None:
            bed.start()
            starts.append(1)

    status, said = bed.end(bed.order(version="92.0.0"), meanwhile)
    assert (status, len(starts)) == ("Failed", 3) and "ended 3 times" in said, said
    assert bed.program.read_bytes() == before and bed.is_tidy()


def test_a_kill_on_the_way_leaves_one_of_the_two(bed):
    dice, ends = random.Random(7), []
    for number in range(KILLS):
        before, build = bed.program.read_bytes(), bed.another()
        bed.publish(f"93.0.{number}", build)
        command = bed.order(version=f"93.0.{number}")
        # Not a wait for something: the moment of the kill is what is tried.
        time.sleep(dice.uniform(0, 1.2))
        bed.kill()
        bed.start()
        status, said = bed.end(command)
        ends.append(status)
        bed.becomes_tidy()
        digest = hashlib.sha256(bed.program.read_bytes()).digest()
        if status == "Success":
            assert digest == hashlib.sha256(build).digest(), said
        else:
            # One that was killed before it could say which does not know.
            unsure = [build] if "carried out in part" in said else []
            assert status == "Failed" and digest in {hashlib.sha256(one).digest() for one in [before, *unsure]}, said
        assert bed.answers()
    print(f"of {KILLS} updates with a kill {ends.count('Success')} were taken over")


def test_a_build_that_ends_at_its_first_command_goes_back(bed):
    # That is the command that brought it.
    bed.is_given_up("94.0.0", bed.bad("""
while ! grep -q '"has_worked":true' $data/update-probation.json; do sleep 0.05; done
kill -9 $pid
exit 1"""), "it ended 3 times while it was on probation, the last time with exit status: 1")


def test_a_build_that_falls_again_and_again_goes_back(bed):
    # Each time before its probation is over, as one that falls every minute does.
    bed.is_given_up("94.0.1", bed.bad("sleep 1; kill -9 $pid; kill -9 $$"), "ended 3 times")


def test_a_build_that_is_not_heard_goes_back(bed):
    bed.is_given_up("94.0.2", bed.bad("kill -9 $pid; exec sleep 600"), "it did not take up the command that brought it")


def test_a_build_that_takes_too_much_goes_back(bed):
    hog = "import time; hog = bytearray(600 << 20); time.sleep(600)"
    bed.is_given_up("94.0.3", bed.bad(f"kill -9 $pid; exec python3 -c '{hog}'"), "MiB of memory")


def test_a_good_build_survives_who_kills_it(bed):
    build = bed.another()
    bed.publish("95.0.0", build)
    command = bed.order(version="95.0.0")
    # The build itself, then the old one that guards it: neither is the build's fault, and each is counted once.
    os.kill(bed.guarded(), signal.SIGKILL)
    bed.guarded()
    bed.kill()
    bed.start()
    status, said = bed.end(command)
    assert status == "Success" and "95.0.0 has taken the place of" in said, said
    assert bed.program.read_bytes() == build and bed.is_tidy() and bed.answers()


def test_a_stop_counts_for_nothing_and_a_cancel_changes_nothing(bed):
    build = bed.another()
    bed.publish("95.0.1", build)
    command = bed.order(version="95.0.1")
    for _ in range(4):
        bed.guarded()
        bed.process.terminate()
        assert bed.process.wait() == 0
        # Time enough for the cancellation to arrive in it.
        bed.start(probation=12)
    deadline = time.monotonic() + PATIENCE_SECONDS
    shown = bed.data / "update-probation.json"
    while not (shown.exists() and '"has_worked":true' in shown.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    bed.ssm.cancel_command(CommandId=command)
    status, said = bed.end(command)
    assert status == "Cancelled" and "goes on" in said, said
    deadline = time.monotonic() + PATIENCE_SECONDS
    while bed.program.read_bytes() != build:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert bed.answers() and bed.is_tidy()
