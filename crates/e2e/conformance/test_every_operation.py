"""Every operation that the server has, through boto3: the least that its model asks for, and a request for each kind of
constraint that it may break.

Samples are made from the models beside the generator. A server of its own takes them: some of these calls change things.
"""

import json
import re
import shutil

import botocore.config
import botocore.exceptions
import botocore.loaders
import pytest

from conftest import REPOSITORY, Server, clients_of

MODELS = {
    "ssm": "ssm-2014-11-06.json",
    "fettle": "fettle.json",
    "ssm-quicksetup": "ssm-quicksetup-2018-05-10.json",
    "resource-groups": "resource-groups-2017-11-27.json",
}
# Of every service, whatever an operation declares.
COMMON = {"ValidationException", "AccessDeniedException", "SerializationException", "InvalidInstanceId"}
# Resource Groups has a word of its own for what is not valid.
REFUSALS = {"ValidationException", "SerializationException", "BadRequestException"}
# Longer texts are not made.
MOST_CHARS = 200_000
TEXTS = [
    "mi-0123456789abcdef0", "mw-0123456789abcdef0", "0b9c9f7a-63a6-4f0e-9a53-0f4a2e0a6c11", "AWS:Application",
    "2026-01-31T12:00:00Z", "1.0", "10", "$LATEST", "https://example.com/document", "/a", "CVE-2026-12345",
    "debian:bookworm", "123456789012", "arn:aws:iam::123456789012:role/x",
    "arn:aws:ssm-quicksetup:eu-central-1:123456789012:configuration-manager/0b9c9f7a-63a6-4f0e-9a53-0f4a2e0a6c11",
    "https://a.s3.amazonaws.com/a",
    "arn:aws:resource-groups:eu-central-1:123456789012:group/web",
    "AWS::SSM::ManagedInstance",
]


def pattern(shape):
    """As Java has it, with what Python lacks of that spelled out as far as the samples go."""
    text = shape.get("pattern", ".*")
    for name, characters in (("L", "a-zA-Z"), ("Z", " "), ("N", "0-9")):
        text = text.replace("\\p{%s}" % name, characters)
    return re.compile(text, re.DOTALL)


class Model:
    def __init__(self, service):
        model = json.loads((REPOSITORY / "crates/api/model" / MODELS[service]).read_text())
        self.operations, self.shapes = model["operations"], model["shapes"]

    def text(self, shape):
        if "enum" in shape:
            return shape["enum"][0]
        run = "a" * max(shape.get("min", 1), 1)
        for text in [run, *TEXTS]:
            fits = shape.get("min", 0) <= len(text) <= shape.get("max", MOST_CHARS)
            if fits and pattern(shape).fullmatch(text):
                return text
        raise LookupError(shape)

    def least(self, name):
        """What the model requires, and nothing else."""
        shape = self.shapes[name]
        kind = shape["type"]
        if kind == "structure":
            return {member: self.least(shape["members"][member]["shape"]) for member in shape.get("required", [])}
        if kind == "list":
            return [self.least(shape["member"]["shape"])] * max(shape.get("min", 0), 1)
        if kind == "map":
            return {self.least(shape["key"]["shape"]): self.least(shape["value"]["shape"])}
        if kind in ("integer", "long"):
            return shape.get("min", shape.get("max", 1))
        return {"string": lambda: self.text(shape), "boolean": lambda: True, "timestamp": lambda: 1_769_860_800,
                "blob": lambda: b"\x00\x01"}[kind]()

    def broken(self, name):
        """Pairs of what is wrong and a request in which that alone is."""
        shape = self.shapes[name]
        for member in shape.get("required", []):
            request = self.least(name)
            del request[member]
            yield f"{member} absent", request
        for member, reference in shape.get("members", {}).items():
            for fault, value in self.wrong(reference["shape"]):
                yield f"{member} {fault}", {**self.least(name), member: value}

    def wrong(self, name):
        shape = self.shapes[name]
        kind = shape["type"]
        if kind == "string":
            if "enum" in shape:
                yield "not in the enumeration", "never-a-value"
            elif "pattern" in shape and not pattern(shape).fullmatch("\x07" * max(shape.get("min", 1), 1)):
                yield "against the pattern", "\x07" * max(shape.get("min", 1), 1)
            if shape.get("max", MOST_CHARS) < MOST_CHARS:
                yield "too long", "a" * (shape["max"] + 1)
        elif kind in ("integer", "long"):
            if "max" in shape:
                yield "too large", shape["max"] + 1
            if "min" in shape:
                yield "too small", shape["min"] - 1
        elif kind == "list" and shape.get("max", MOST_CHARS) < 10_000:
            yield "too many", [self.least(shape["member"]["shape"])] * (shape["max"] + 1)


@pytest.fixture(scope="module")
def clients(tmp_path_factory):
    folder = tmp_path_factory.mktemp("every-operation")
    own = Server(folder)
    yield clients_of(own, tmp_path_factory)
    own.stop()
    assert own.failures() == []
    shutil.rmtree(folder, ignore_errors=True)


def ask(client, operation, request):
    """The code of an answer; None for a success."""
    try:
        client._make_api_call(operation, request)
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"]


@pytest.mark.parametrize("service", MODELS)
def test_the_least_request_is_understood(service, clients, pytestconfig):
    model, client = Model(service), clients(service)
    succeeded, refused = 0, 0
    for name, operation in model.operations.items():
        code = ask(client, name, model.least(operation["input"]["shape"]) if "input" in operation else {})
        declared = {error["shape"] for error in operation.get("errors", [])}
        wire = {model.shapes[error].get("error", {}).get("code", error) for error in declared}
        assert code is None or code in COMMON | declared | wire, f"{service} {name}: {code}"
        succeeded, refused = succeeded + (code is None), refused + (code is not None)
    known = len(botocore.loaders.Loader().load_service_model(service, "service-2")["operations"]) \
        if service != "fettle" else len(model.operations)
    pytestconfig.counts.append(
        f"{service}: {len(model.operations)} of {known} operations are handled; the least request succeeded with "
        f"{succeeded} and had a declared error from {refused}")
    assert len(model.operations) == succeeded + refused


@pytest.mark.parametrize("service", MODELS)
def test_every_broken_constraint_is_refused(service, clients, pytestconfig):
    model = Model(service)
    # The client would refuse most of it by itself.
    client = clients(service, config=botocore.config.Config(parameter_validation=False))
    tried = 0
    for name, operation in model.operations.items():
        for fault, request in model.broken(operation["input"]["shape"]) if "input" in operation else []:
            try:
                code = ask(client, name, request)
            except (botocore.exceptions.ParamValidationError, KeyError):
                # A part of the path: there is no request without it.
                continue
            tried += 1
            assert code in REFUSALS, f"{service} {name}: {fault}: {code}"
    pytestconfig.counts.append(f"{service}: {tried} requests with one broken constraint each were refused")
    assert tried > 20
