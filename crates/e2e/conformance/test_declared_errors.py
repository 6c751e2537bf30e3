"""That every error which an operation of this server declares is named by a test, or stands here with the reason why it is never
answered.

It reads the sources of the tests: a file that names both the operation and the code counts. Nothing is called.
"""

import json
import re

from conftest import REPOSITORY
from test_every_operation import MODELS

# Whatever the operation: provoked by faults alone, in tests of faults.
FAULTS = {"InternalServerError", "InternalServerException", "InternalServerErrorException"}
ENUMERATION = "the enumeration is checked before, as a constraint"
# Declared, and never answered by this server: by code, of one service, or of one of its operations.
NEVER = {
    "ssm": {
        "NoLongerSupportedException": "nothing that was supported is gone",
        "InvalidPermissionType": ENUMERATION,
        "UnsupportedParameterType": ENUMERATION,
        "ModifyDocumentPermission DocumentLimitExceeded": "sharing makes no document",
        "AddTagsToResource InvalidResourceType": ENUMERATION,
        "ListTagsForResource InvalidResourceType": ENUMERATION,
        "RemoveTagsFromResource InvalidResourceType": ENUMERATION,
        "DescribeAutomationExecutions InvalidFilterKey": ENUMERATION,
        "DescribeAutomationStepExecutions InvalidFilterKey": ENUMERATION,
        "DescribeInstanceProperties InvalidDocument": "no filter and no answer of it has to do with a document",
        "GetDeployablePatchSnapshotForInstance UnsupportedFeatureRequiredException":
            "nothing is asked of agents that they could lack",
        "GetInventory InvalidResultAttributeException":
            "a result attribute is the name of a type alone: an unknown one is InvalidTypeNameException",
        "PutComplianceItems TotalSizeLimitExceededException":
            "each call replaces a type, which is bounded, and the number of types is",
        "PutInventory SubTypeCountLimitExceededException": "types of inventory have no sub-types here",
    },
    "fettle": {},
    "ssm-quicksetup": {"ThrottlingException": "of calls nobody is refused for their number, but at signing in"},
    "resource-groups": {
        "TooManyRequestsException": "of calls nobody is refused for their number, but at signing in",
        "MethodNotAllowedException": "a method that a path does not have leads to no operation",
        "UnauthorizedException": "who may not is told ForbiddenException, as by all operations of the service",
    },
}


def sources():
    for path in [*REPOSITORY.glob("crates/**/*.rs"), *REPOSITORY.glob("crates/**/*.py")]:
        if path.name == "test_declared_errors.py":
            continue
        text = path.read_text()
        if re.search(r"tests?\b|/conformance/|_tests?\.rs", str(path.relative_to(REPOSITORY))):
            yield text
        elif "#[cfg(test)]" in text:
            yield text[text.index("#[cfg(test)]"):]


def snake(name):
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def test_every_declared_error_is_named_by_a_test_or_has_its_reason(pytestconfig):
    tests = list(sources())
    for service, file in MODELS.items():
        operations = json.loads((REPOSITORY / "crates/api/model" / file).read_text())["operations"]
        pairs = [(name, error["shape"]) for name, operation in operations.items() for error in operation.get("errors", [])]
        pairs = [pair for pair in pairs if pair[1] not in FAULTS]
        named = {(name, code) for name, code in pairs
                 if any((name in text or snake(name) in text) and code in text for text in tests)}
        reasons = {}
        for name, code in pairs:
            if (name, code) not in named:
                reasons[name, code] = next((why for why in (f"{name} {code}", code) if why in NEVER[service]), None)
        lacking = [pair for pair, why in reasons.items() if why is None]
        pytestconfig.counts.append(
            f"{service}: {len(operations)} operations declare {len(pairs)} errors beside faults; tests name {len(named)}, "
            f"{len(reasons) - len(lacking)} are never answered, each for a reason that is written down")
        assert not lacking, f"{service}: no test names {lacking}"
        # A reason for what a test has seen, or for what is not declared any more, is none.
        stale = set(NEVER[service]) - set(reasons.values())
        assert not stale, f"{service}: nothing needs a reason for {stale}"
