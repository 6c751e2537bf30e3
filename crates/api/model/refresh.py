#!/usr/bin/env python3
"""Trims the public models to the operations we implement.

Reads the models shipped in the installed PyPI package `botocore`, drops documentation, keeps the shapes reachable
from the operations, keeps the names of all public operations, and writes them beside this file, one operation or shape
per line so that a refresh reads well as a diff: of Systems Manager (ssm) the operations listed in operations.txt, of
the services in WHOLE all.

    python3 -m venv /tmp/v && /tmp/v/bin/pip install botocore && /tmp/v/bin/python refresh.py
"""

import gzip
import json
import pathlib
import sys

import botocore

HERE = pathlib.Path(__file__).resolve().parent
DATA = pathlib.Path(botocore.__file__).parent / "data"
SSM = ("ssm", "2014-11-06")
WHOLE = [("ssm-quicksetup", "2018-05-10")]
PARTS = {
    # Without applications (their tag synchronisation, their configurations), without the account's settings.
    ("resource-groups", "2017-11-27"): [
        "CreateGroup", "DeleteGroup", "GetGroup", "GetGroupConfiguration", "GetGroupQuery", "GetTags", "GroupResources",
        "ListGroupResources", "ListGroups", "SearchResources", "Tag", "UngroupResources", "Untag", "UpdateGroup",
        "UpdateGroupQuery",
    ],
}

NOTICE = """\
{files} are
excerpts of the service models of Amazon Simple Systems Manager, its Quick Setup and AWS Resource Groups
as published in botocore {version} (https://github.com/boto/botocore), Copyright Amazon.com, Inc. or its
affiliates, licensed under the Apache License, Version 2.0. Documentation texts, and shapes that no operation kept here
uses, were removed by refresh.py. The other models in this folder are our own.
"""


def main():
    trim(SSM, read_operation_names())
    for service in WHOLE:
        trim(service, None)
    for service, operations in PARTS.items():
        trim(service, operations)
    *files, last = [file_name(service) for service in [SSM, *WHOLE, *PARTS]]
    files = f"{', '.join(files)} and {last}"
    (HERE / "NOTICE").write_text(NOTICE.format(files=files, version=botocore.__version__))


def file_name(service):
    return "-".join(service) + ".json"


def trim(service, wanted):
    model = read_model(service)
    if wanted is None:
        wanted = list(model["operations"])
    unknown = sorted(set(wanted) - set(model["operations"]))
    if unknown:
        sys.exit(f"{service[0]}: the model lacks the operations {', '.join(unknown)}")

    operations = {name: without_documentation(model["operations"][name]) for name in sorted(wanted)}
    shapes = reachable(model["shapes"], operations)
    metadata = model["metadata"]
    public = sorted(model["operations"])
    write(HERE / file_name(service), metadata, public, operations, shapes)
    print(f"{service[0]}: {len(operations)} of {len(public)} operations, {len(shapes)} of {len(model['shapes'])} shapes")


def read_model(service):
    folder = DATA.joinpath(*service)
    packed = folder / "service-2.json.gz"
    if packed.exists():
        return json.loads(gzip.decompress(packed.read_bytes()))
    return json.loads((folder / "service-2.json").read_text())


def read_operation_names():
    private = json.loads((HERE / "ssm-private.json").read_text())["operations"]
    lines = (HERE / "operations.txt").read_text().splitlines()
    names = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    names = [name for name in names if name not in private]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        sys.exit(f"operations.txt names operations twice: {', '.join(twice)}")
    return names


def without_documentation(node):
    """`documentation` is dropped where it is text: a member may carry that name too."""
    if isinstance(node, dict):
        return {
            key: without_documentation(value)
            for key, value in node.items()
            if not (key == "documentation" and isinstance(value, str))
        }
    if isinstance(node, list):
        return [without_documentation(value) for value in node]
    return node


def reachable(shapes, operations):
    found = {}
    queue = list(references(operations))
    while queue:
        name = queue.pop()
        if name not in found:
            found[name] = without_documentation(shapes[name])
            queue.extend(references(found[name]))
    return dict(sorted(found.items()))


def references(node):
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "shape" and isinstance(value, str):
                yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def write(path, metadata, public, operations, shapes):
    text = "{\n"
    text += f' "metadata":{compact(metadata)},\n'
    text += ' "publicOperations":[\n' + ",\n".join(f"  {compact(name)}" for name in public) + "\n ],\n"
    text += ' "operations":{\n' + entries(operations) + "\n },\n"
    text += ' "shapes":{\n' + entries(shapes) + "\n }\n}\n"
    json.loads(text)
    path.write_text(text)


def entries(items):
    return ",\n".join(f"  {compact(name)}:{compact(value)}" for name, value in items.items())


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


if __name__ == "__main__":
    main()
