"""A real server for each engine, and the stock clients pointed at it.

Every answer that boto3 receives from ssm, its Quick Setup or fettle is held against the model: no member that the
model lacks, the right JSON types, known enum values. Tests beside this file only have to make calls.
"""

import base64
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
import urllib.parse
import urllib.request
import uuid
from pathlib import Path

import boto3
import botocore.config
import botocore.exceptions
import botocore.loaders
import botocore.session
import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target"), os.environ.get("FETTLE_PROFILE", "debug"))
FETTLE_MODEL = REPOSITORY / "crates/api/model/fettle.json"
POSTGRES_URL = os.environ.get("FETTLE_TEST_POSTGRES_URL", "")
START_TIMEOUT_SECONDS = 30
STOP_TIMEOUT_SECONDS = 20
REGION = "eu-central-1"
ACCOUNT = "123456789012"


def program(name):
    path = TARGET / name
    if not path.exists():
        pytest.exit(f"{path} is missing: run `cargo build --bins` first", returncode=2)
    return str(path)


# ---------------------------------------------------------------- the server


class Server:
    """A running server with its own data folder and database; with TLS where there is a folder of certificates."""

    def __init__(self, folder, database_url=None, certificates=None):
        self.certificates = certificates
        self.data, self.log_path = folder / "data", folder / "server.log"
        self.options = ["--data", str(self.data)]
        if database_url:
            self.options += ["--database-url", database_url]
        self.port = free_port()
        self.endpoint = f"{'https' if certificates else 'http'}://127.0.0.1:{self.port}"
        self.start()
        said = subprocess.run(
            [program("fettle"), "credentials", *self.options, "--json"], check=True, capture_output=True, text=True
        )
        keys = json.loads(said.stdout)
        self.access_key_id, self.secret_access_key = keys["AccessKeyId"], keys["SecretAccessKey"]

    def start(self):
        webhooks = self.data.parent / "webhooks"
        webhooks.write_text("# nobody listens there\ndrain http://127.0.0.1:9/drain\n")
        command = [program("fettle"), "server", *self.options, "--listen", f"127.0.0.1:{self.port}",
                   "--webhooks", webhooks]
        if self.certificates:
            command += ["--tls-cert", self.certificates / "chain.pem", "--tls-key", self.certificates / "key.pem"]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                pytest.exit(f"the server did not start:\n{self.log_path.read_text()}", returncode=2)
            time.sleep(0.02)

    def answers(self):
        try:
            with urllib.request.urlopen(f"{self.endpoint}/healthz", timeout=5, context=self.tls()) as response:
                return response.status == 200
        except OSError:
            return False

    def tls(self):
        return ssl.create_default_context(cafile=self.certificates / "ca.pem") if self.certificates else None

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(STOP_TIMEOUT_SECONDS)
        assert code == 0, f"the server ended with {code}:\n{self.log_path.read_text()[-4000:]}"

    def failures(self):
        """Log lines of level ERROR: what a client saw as a 5xx, or a job that failed."""
        lines = self.log_path.read_text().splitlines()
        return [line for line in lines if '"level":"ERROR"' in line or "panicked at" in line]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def new_database():
    """An empty database beside the one that the URL names."""
    url = urllib.parse.urlsplit(POSTGRES_URL)
    name = f"conformance_{uuid.uuid4().hex[:12]}"
    subprocess.run(["psql", "-q", POSTGRES_URL, "-c", f"CREATE DATABASE {name}"], check=True)
    return urllib.parse.urlunsplit(url._replace(path=f"/{name}"))


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def server(request, tmp_path_factory):
    if request.param == "postgres" and not POSTGRES_URL:
        pytest.skip("FETTLE_TEST_POSTGRES_URL is not set: tested on SQLite only")
    folder = tmp_path_factory.mktemp(request.param)
    running = Server(folder, new_database() if request.param == "postgres" else None)
    yield running
    running.stop()
    assert running.failures() == []
    shutil.rmtree(folder, ignore_errors=True)


# ---------------------------------------------------------------- boto3


@pytest.fixture(scope="session")
def boto(server, tmp_path_factory):
    """Makes clients: boto("ssm"), boto("ssm", aws_access_key_id=…)."""
    return clients_of(server, tmp_path_factory)


def clients_of(server, tmp_path_factory):
    models = tmp_path_factory.mktemp("models")
    copy = models / "fettle" / "2026-11-01" / "service-2.json"
    copy.parent.mkdir(parents=True)
    shutil.copy(FETTLE_MODEL, copy)

    def client(service, **options):
        core = botocore.session.Session()
        core.set_config_variable("credentials_file", os.devnull)
        core.set_config_variable("config_file", os.devnull)
        loader = botocore.loaders.Loader(extra_search_paths=[str(models)], include_default_search_paths=True)
        core.register_component("data_loader", loader)
        keys = {"aws_access_key_id": server.access_key_id, "aws_secret_access_key": server.secret_access_key}
        config = botocore.config.Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=60)
        config = config.merge(options.pop("config", None) or botocore.config.Config())
        if server.certificates:
            options["verify"] = str(server.certificates / "ca.pem")
        made = boto3.Session(botocore_session=core).client(
            service, endpoint_url=server.endpoint, region_name=REGION, config=config, **{**keys, **options}
        )
        made.meta.events.register(f"before-parse.{service}", hold_against_model)
        return made

    return client


@pytest.fixture(scope="session")
def ssm(boto):
    return boto("ssm")


@pytest.fixture
def refused(ssm):
    """Calls an operation that must fail with a code; returns what it says."""

    def refused(code, operation, **arguments):
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            getattr(ssm, operation)(**arguments)
        assert caught.value.response["Error"]["Code"] == code
        return caught.value.response["Error"]["Message"]

    return refused


@pytest.fixture(scope="session")
def sts(boto):
    return boto("sts")


@pytest.fixture(scope="session")
def fettle(boto):
    """Our own service, through the model that users add to their clients."""
    return boto("fettle")


def pytest_configure(config):
    config.counts = []


def pytest_sessionfinish(session):
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["counts"] = session.config.counts


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node, error):
    """A worker's counts; it may have died without any."""
    node.config.counts += getattr(node, "workeroutput", {}).get("counts", [])


def pytest_terminal_summary(terminalreporter, config):
    """What tests counted, for who reads the end of a run."""
    for line in config.counts:
        terminalreporter.write_line(line)


def hold_against_model(response_dict, operation_model, **_):
    # 501 is an answer: what the server does not have.
    if response_dict["status_code"] >= 500 and response_dict["status_code"] != 501:
        raise AssertionError(f"{operation_model.name}: HTTP {response_dict['status_code']}")
    if operation_model.service_model.metadata["protocol"] not in {"json", "rest-json"}:
        return
    body = json.loads(response_dict["body"] or b"{}")
    if response_dict["status_code"] >= 300:
        assert isinstance(body.get("__type"), str) and isinstance(body.get("message"), str), body
        assert response_dict["headers"]["x-amzn-errortype"] == body["__type"]
        return
    shape = operation_model.output_shape
    if shape is None:
        assert body == {}, f"{operation_model.name} has no output, but answered {body}"
    else:
        compare(shape, body, operation_model.name)


# AWS itself answers patch states as `InstalledOther`, although the model lists `INSTALLED_OTHER`.
SPELLED_OTHERWISE = {"PatchComplianceDataState"}

# Values of our own, beside the model's: systems that AWS has no baselines for.
EXTENDED = {"OperatingSystem": {"ALPINE_LINUX", "ARCH_LINUX"}}


def compare(shape, value, path):
    """Fails for anything in raw JSON that the model does not provide for."""
    kinds = {
        "structure": dict, "map": dict, "list": list, "string": str, "blob": str, "boolean": bool,
        "integer": int, "long": int, "timestamp": (int, float), "double": (int, float), "float": (int, float),
    }
    if shape.type_name == "timestamp" and shape.serialization.get("timestampFormat") == "iso8601":
        kinds["timestamp"] = str
    right = isinstance(value, kinds[shape.type_name]) and (shape.type_name == "boolean" or not isinstance(value, bool))
    assert right, f"{path}: expected {shape.type_name}, got {value!r}"
    if shape.type_name == "structure":
        unknown = set(value) - set(shape.members)
        assert not unknown, f"{path}: the model lacks {sorted(unknown)}"
        absent = set(shape.required_members) - set(value)
        assert not absent, f"{path}: required, but absent: {sorted(absent)}"
        for name, member in value.items():
            compare(shape.members[name], member, f"{path}.{name}")
    elif shape.type_name == "list":
        for index, element in enumerate(value):
            compare(shape.member, element, f"{path}[{index}]")
    elif shape.type_name == "map":
        for key, element in value.items():
            compare(shape.key, key, f"{path} key")
            compare(shape.value, element, f"{path}[{key}]")
    elif shape.type_name == "string" and shape.enum and shape.name not in SPELLED_OTHERWISE:
        known = {*shape.enum, *EXTENDED.get(shape.name, ())}
        assert value in known, f"{path}: {value!r} is not one of {sorted(known)}"


# ---------------------------------------------------------------- the AWS CLI


class AwsCli:
    """The stock command line client, with a home of its own."""

    def __init__(self, server, home):
        self.program = REPOSITORY / ".venv/bin/aws"
        if not self.program.exists():
            pytest.exit(f"{self.program} is missing: `scripts/requirements test` installs it", returncode=2)
        self.home = home
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "AWS_CONFIG_FILE": str(home / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(home / "credentials"),
            "AWS_ACCESS_KEY_ID": server.access_key_id,
            "AWS_SECRET_ACCESS_KEY": server.secret_access_key,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": server.endpoint,
            "AWS_MAX_ATTEMPTS": "1",
            "AWS_PAGER": "",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def run(self, *arguments):
        command = [str(self.program), *map(str, arguments)]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=120)

    def __call__(self, *arguments):
        """The parsed answer."""
        done = self.run(*arguments)
        assert done.returncode == 0, f"aws {' '.join(map(str, arguments))}: {done.stderr}"
        return json.loads(done.stdout) if done.stdout.strip() else None

    def fails(self, *arguments):
        """The error's text."""
        done = self.run(*arguments)
        assert done.returncode != 0, f"aws {' '.join(map(str, arguments))} passed: {done.stdout}"
        return done.stderr


@pytest.fixture(scope="session")
def aws(server, tmp_path_factory):
    """aws("ssm", "list-commands") runs the real AWS CLI against the server."""
    return AwsCli(server, tmp_path_factory.mktemp("home"))


# ---------------------------------------------------------------- nodes


@pytest.fixture(scope="session")
def public_key(tmp_path_factory):
    """Base64 of the DER form of a fresh RSA key's public half."""
    key = tmp_path_factory.mktemp("key") / "node.pem"
    subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
    public = subprocess.run(
        ["openssl", "rsa", "-in", key, "-pubout", "-outform", "DER"], check=True, capture_output=True
    )
    return base64.b64encode(public.stdout).decode()


@pytest.fixture(scope="session")
def register_node(server, ssm, public_key):
    """Registers a node without an agent and returns its id: register_node(tags={"Env": "test"})."""

    def register(tags=None):
        pairs = [{"Key": key, "Value": value} for key, value in (tags or {}).items()]
        activation = ssm.create_activation(IamRole="service-role/fettle-node", **({"Tags": pairs} if pairs else {}))
        answer = post(server, "AmazonSSM.RegisterManagedInstance", {
            "ActivationId": activation["ActivationId"],
            "ActivationCode": activation["ActivationCode"],
            "PublicKey": public_key,
            "PublicKeyType": "Rsa",
            "Fingerprint": str(uuid.uuid4()),
        })
        return answer["InstanceId"]

    return register


def post(server, target, body):
    """One unsigned request."""
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target}
    request = urllib.request.Request(server.endpoint + "/", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)


@pytest.fixture(scope="session")
def node(register_node):
    """A node that nothing is known about but its registration."""
    return register_node()
