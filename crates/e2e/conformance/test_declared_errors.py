"""That tests name every error which an operation on documents, commands, associations, windows and parameters declares.

It reads the sources of the tests: a file that names both the operation and the code counts. Nothing is called.
"""

import json
import re

from conftest import REPOSITORY

CAPABILITIES = ("Document", "Command", "Association", "MaintenanceWindow", "CalendarState", "Parameter")
# Of every operation, and provoked by faults alone.
PASSED_OVER = {"InternalServerError"}
# Declared, and never answered by this server.
NEVER = {
    "NoLongerSupportedException": "nothing that was supported is gone",
    "InvalidPermissionType": "the enumeration is checked before, as a constraint",
    "UnsupportedParameterType": "the enumeration is checked before, as a constraint",
    "DocumentLimitExceeded": "sharing makes no document",
}
# Where one of these is answered all the same, by tests.
ANSWERED = {("CreateDocument", "DocumentLimitExceeded")}


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


def test_every_declared_error_is_named_by_a_test(pytestconfig):
    operations = json.loads((REPOSITORY / "crates/api/model/ssm-2014-11-06.json").read_text())["operations"]
    ours = {name: operation for name, operation in operations.items() if any(part in name for part in CAPABILITIES)}
    tests = list(sources())
    pairs = [(name, error["shape"]) for name, operation in ours.items() for error in operation.get("errors", [])]
    pairs = [pair for pair in pairs if pair[1] not in PASSED_OVER]
    named = {(name, code) for name, code in pairs
             if any((name in text or snake(name) in text) and code in text for text in tests)}
    lacking = [pair for pair in pairs if pair not in named and (pair[1] not in NEVER or pair in ANSWERED)]
    pytestconfig.counts.append(
        f"errors: {len(ours)} operations on documents, commands, associations, windows and parameters declare {len(pairs)}; tests "
        f"name {len(named)}, {len(pairs) - len(named) - len(lacking)} are never answered")
    assert not lacking, f"no test names {lacking}"
