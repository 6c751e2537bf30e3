"""What nodes do with the object store: override lists and baselines by `s3://` on a real apt root, and commands' output."""

import http.server
import json
import os
import shutil
import subprocess
import threading
import time

import pytest

from conftest import REGION, REPOSITORY, program

PATIENCE_SECONDS = 180
FINAL = {"Success", "Failed", "TimedOut", "Cancelled"}
TOOLS = ["apt-get", "apt-ftparchive", "dpkg-deb", "dpkg-query"]


@pytest.fixture(scope="module")
def s3(boto):
    return boto("s3")


@pytest.fixture(scope="module")
def bucket(s3):
    s3.create_bucket(Bucket="node-files", CreateBucketConfiguration={"LocationConstraint": REGION})
    return "node-files"


@pytest.fixture(scope="module")
def bed(server, ssm, tmp_path_factory):
    """A node whose packages real apt and dpkg can update: its id, a function that tells a package's version, its folder."""
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        assert os.environ.get("FETTLE_REQUIRE_BEDS") != "1", f"{missing} are not installed"
        pytest.skip(f"{missing} are not installed: there is no bed to patch")
    folder = tmp_path_factory.mktemp("bed")
    made = subprocess.run([REPOSITORY / "testbeds/apt-local-repo.sh", folder], env={**os.environ, "BED_UNSIGNED": "1"},
                          capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    made = ssm.create_activation(IamRole="fettle-node")
    data = folder / "agent"
    enroll = [program("fettle-agent"), "enroll", "--endpoint", server.endpoint, "--region", REGION, "--activation-id",
              made["ActivationId"], "--activation-code", made["ActivationCode"], "--data", str(data)]
    subprocess.run(enroll, check=True, capture_output=True)
    environment = {**os.environ, "FETTLE_AGENT_ROOT": str(folder / "root"), "TB_SLOW": "1"}
    with open(folder / "log", "ab") as log:
        agent = subprocess.Popen([program("fettle-agent"), "run", "--data", str(data)], env=environment,
                                 stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def version(package):
        command = ["dpkg-query", f"--admindir={folder}/root/var/lib/dpkg", "-W", "-f=${Version}", package]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    try:
        mine = [{"Key": "ActivationIds", "Values": [made["ActivationId"]]}]
        node = until(lambda: ssm.describe_instance_information(Filters=mine)["InstanceInformationList"],
                     lambda nodes: nodes and nodes[0].get("PlatformType"))[0]["InstanceId"]
        yield node, version, folder
    finally:
        agent.terminate()
        agent.wait(20)


def until(ask, wanted):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not wanted(seen := ask()):
        assert time.monotonic() < deadline, f"still {seen!r}"
        time.sleep(0.05)
    return seen


@pytest.fixture
def run(ssm, bed):
    """Sends a command to the node and returns its ended invocation, with its plugins."""

    def run(document, parameters, **options):
        parameters = {name: value if isinstance(value, list) else [value] for name, value in parameters.items()}
        sent = ssm.send_command(DocumentName=document, InstanceIds=[bed[0]], Parameters=parameters, **options)
        of = {"CommandId": sent["Command"]["CommandId"], "Details": True}
        return until(lambda: ssm.list_command_invocations(**of)["CommandInvocations"],
                     lambda found: found and found[0]["Status"] in FINAL)[0]

    return run


def said(invocation):
    return "\n".join(plugin["Output"] for plugin in invocation["CommandPlugins"])


def patch(run, **parameters):
    return run("AWS-RunPatchBaseline", {"RebootOption": "NoReboot", **parameters})


def test_a_list_that_is_not_there_stops_before_anything_is_installed(run, bed, bucket):
    _, version, _ = bed
    for address, code in [(f"s3://{bucket}/none.yaml", "NoSuchKey"), ("s3://no-such-bucket/a", "NoSuchBucket")]:
        done = patch(run, Operation="Install", InstallOverrideList=address)
        assert done["Status"] == "Failed", said(done)
        assert code in said(done) and address in said(done) and "nothing was installed" in said(done), said(done)
    assert version("tb-conf") == "1.0-1"


def test_a_list_that_is_too_long_is_refused(run, s3, bucket):
    s3.put_object(Bucket=bucket, Key="long.yaml", Body=b"#" * (4 * 1024 * 1024 + 1))
    done = patch(run, Operation="Install", InstallOverrideList=f"s3://{bucket}/long.yaml")
    assert done["Status"] == "Failed" and "more than 4194304 bytes" in said(done), said(done)


def test_a_list_from_the_store_installs_just_what_it_names(run, s3, bed, bucket):
    _, version, _ = bed
    s3.put_object(Bucket=bucket, Key="lists/only-conf.yaml", Body=b"patches:\n  - id: 'tb-conf.*'\n    title: '*'\n")
    done = patch(run, Operation="Install", InstallOverrideList=f"s3://{bucket}/lists/only-conf.yaml")
    assert (version("tb-conf"), version("tb-slow"), version("tb-kernel")) == ("1.1-1", "1.0-1", "5.10.1-1"), said(done)


def test_a_baseline_from_the_store_judges_a_scan(run, s3, bed, bucket):
    baseline = [{"OperatingSystem": "DEBIAN", "ApprovedPatches": ["tb-slow"], "ApprovedPatchesEnableNonSecurity": True,
                 "RejectedPatches": [], "ApprovedPatchesComplianceLevel": "HIGH"}]
    s3.put_object(Bucket=bucket, Key="baseline.json", Body=json.dumps(baseline).encode())
    done = patch(run, Operation="Scan", BaselineOverride=f"s3://{bucket}/baseline.json")
    assert done["Status"] == "Success", said(done)
    assert "tb-slow" in said(done), said(done)


def test_output_goes_whole_into_the_bucket(run, ssm, s3, bed, bucket):
    lines = ["seq 1 20000", "echo oops >&2", "exit 3"]
    done = run("AWS-RunShellScript", {"commands": lines}, OutputS3BucketName=bucket, OutputS3KeyPrefix="out/put")
    prefix = f"out/put/{done['CommandId']}/{bed[0]}/awsrunShellScript/"
    found = [found["Key"] for found in s3.list_objects_v2(Bucket=bucket, Prefix="out/")["Contents"]]
    steps = {key[len(prefix):].split("/")[0] for key in found}
    assert len(steps) == 1 and all(key.startswith(prefix) for key in found), found
    stdout, stderr = (f"{prefix}{min(steps)}/{name}" for name in ("stdout", "stderr"))
    whole = s3.get_object(Bucket=bucket, Key=stdout)["Body"].read().decode()
    assert whole == "".join(f"{number}\n" for number in range(1, 20001))
    assert s3.get_object(Bucket=bucket, Key=stderr)["Body"].read().startswith(b"oops\nfailed to run commands: exit status 3")
    answer = ssm.get_command_invocation(CommandId=done["CommandId"], InstanceId=bed[0])
    assert len(answer["StandardOutputContent"]) == 24000 and whole.startswith(answer["StandardOutputContent"][:20000])
    assert answer["StandardOutputUrl"].endswith(f"/{bucket}/{stdout}")
    assert answer["StandardErrorUrl"].endswith(f"/{bucket}/{stderr}")
    plugin = done["CommandPlugins"][0]
    assert (plugin["OutputS3BucketName"], plugin["StandardOutputUrl"]) == (bucket, answer["StandardOutputUrl"])


def test_silent_commands_have_no_addresses(run, ssm, bed, bucket):
    done = run("AWS-RunShellScript", {"commands": "true"}, OutputS3BucketName=bucket)
    answer = ssm.get_command_invocation(CommandId=done["CommandId"], InstanceId=bed[0])
    assert (answer["Status"], answer["StandardOutputUrl"], answer["StandardErrorUrl"]) == ("Success", "", "")


def test_a_bucket_that_is_not_there_is_refused_at_once(ssm, bed):
    for name in ("no-such-bucket", "No_Bucket"):
        with pytest.raises(ssm.exceptions.InvalidOutputFolder, match=name):
            ssm.send_command(DocumentName="AWS-RunShellScript", InstanceIds=[bed[0]],
                             Parameters={"commands": ["true"]}, OutputS3BucketName=name)


class Metadata(http.server.BaseHTTPRequestHandler):
    """What a cloud tells a machine of its role, to whoever asks in two steps."""

    def answer(self, text):
        self.send_response(200 if text else 401)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def do_PUT(self):
        self.answer("a-token" if self.path == "/latest/api/token" else "")

    def do_GET(self):
        if self.headers["x-aws-ec2-metadata-token"] != "a-token":
            return self.answer("")
        roles = "/latest/meta-data/iam/security-credentials/"
        return self.answer({roles: "fleet", f"{roles}fleet": self.server.role}.get(self.path, ""))

    def log_message(self, *_):
        pass


def test_a_node_may_be_set_to_another_store(server, s3, bed, bucket, tmp_path):
    _, _, folder = bed
    baseline = {"OperatingSystem": "DEBIAN", "ApprovedPatches": ["tb-slow"], "ApprovedPatchesEnableNonSecurity": True}
    s3.put_object(Bucket=bucket, Key="by-hand.json", Body=json.dumps(baseline).encode())

    def scan(**settings):
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "FETTLE_"))}
        environment = {**plain, "FETTLE_AGENT_ROOT": str(folder / "root"), "HOME": str(tmp_path), **settings}
        command = [program("fettle-agent"), "patch", "--operation", "Scan", "--data", str(folder / "agent"),
                   "--baseline-override", f"s3://{bucket}/by-hand.json"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
        return done.returncode, done.stdout + done.stderr

    # No command names the file: the node itself may not read it.
    code, said = scan()
    assert code != 0 and "AccessDenied" in said and "hint:" in said and "nothing was scanned" in said, said
    elsewhere = {"FETTLE_AGENT_S3_ENDPOINT": server.endpoint}
    code, said = scan(AWS_EC2_METADATA_DISABLED="true", **elsewhere)
    assert code != 0 and "no credentials for the store" in said, said
    code, said = scan(AWS_ACCESS_KEY_ID=server.access_key_id, AWS_SECRET_ACCESS_KEY=server.secret_access_key, **elsewhere)
    assert code == 0 and "tb-slow" in said, said
    file = tmp_path / "keys"
    file.write_text(f"[default]\naws_access_key_id = {server.access_key_id}\n"
                    f"aws_secret_access_key = {server.secret_access_key}\n")
    code, said = scan(FETTLE_AGENT_S3_CREDENTIALS=str(file), **elsewhere)
    assert code == 0 and server.secret_access_key not in said, said


def test_the_role_of_a_machine_is_asked_for(server, bed, bucket, tmp_path):
    """The role's keys come with a session token, which this server does not take: that they arrived is what it says."""
    _, _, folder = bed
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Metadata) as cloud:
        cloud.role = json.dumps({"AccessKeyId": "ASIAROLE", "SecretAccessKey": "secret", "Token": "of-the-role"})
        threading.Thread(target=cloud.serve_forever, daemon=True).start()
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "FETTLE_"))}
        settings = {"FETTLE_AGENT_ROOT": str(folder / "root"), "HOME": str(tmp_path),
                    "FETTLE_AGENT_S3_ENDPOINT": server.endpoint,
                    "AWS_EC2_METADATA_SERVICE_ENDPOINT": f"http://127.0.0.1:{cloud.server_port}"}
        command = [program("fettle-agent"), "patch", "--operation", "Scan", "--data", str(folder / "agent"),
                   "--baseline-override", f"s3://{bucket}/a.json"]
        done = subprocess.run(command, env={**plain, **settings}, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
        cloud.shutdown()
    assert "InvalidAccessKeyId" in done.stdout + done.stderr, done.stdout + done.stderr
