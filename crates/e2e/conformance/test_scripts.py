"""aws:executeScript through boto3: what scripts return, how they fail, what they cannot reach, and kill -9 in the middle of one."""

import hashlib
import json
import os
import signal
import subprocess
import uuid

import pytest

from conftest import REGION, STOP_TIMEOUT_SECONDS
from test_automation import ENDS, ended, get, nothing, runbook, start  # noqa: F401  (the fixture that makes runbooks)
from test_commands import until


def script(name, text, payload=None, handler="handler", **more):
    inputs = {"Runtime": "python3.11", "Handler": handler, "Script": text, "InputPayload": payload or {}}
    return {"name": name, "action": "aws:executeScript", "inputs": inputs, **more}


def handler(*lines):
    return "def handler(events, context):\n" + "".join(f"    {line}\n" for line in lines)


def run(ssm, name, **more):
    found = ended(ssm, start(ssm, name, **more))
    return found, {step["StepName"]: step for step in found["StepExecutions"]}


def failure(ssm, runbook, *lines, **more):  # noqa: F811
    """The message of a step that failed."""
    found, steps = run(ssm, runbook(script("it", handler(*lines), **more)))
    assert found["AutomationExecutionStatus"] in ("Failed", "TimedOut"), found
    return steps["it"]["FailureMessage"]


def test_a_script_passes_values_on(ssm, runbook):  # noqa: F811
    text = """import json, re

def pick(names, pattern):
    return [name for name in names if re.search(pattern, name)]

def script_handler(events, context):
    print('looking among', len(events['names']))
    chosen = pick(events['names'], events['pattern'])
    return {'chosen': chosen, 'count': len(chosen), 'first': {'name': chosen[0]}, 'any': bool(chosen),
            'where': context['global:REGION'], 'id': context['automation:EXECUTION_ID'], 'no': None}
"""
    name = runbook(
        script("pick", text, {"names": "{{ Names }}", "pattern": "^{{ Prefix }}"}, handler="script_handler", outputs=[
            {"Name": "Chosen", "Selector": "$.Payload.chosen", "Type": "StringList"},
            {"Name": "Count", "Selector": "$.Payload.count", "Type": "Integer"},
            {"Name": "First", "Selector": "$.Payload.first", "Type": "StringMap"},
            {"Name": "Any", "Selector": "$.Payload.any", "Type": "Boolean"}]),
        {"name": "which", "action": "aws:branch", "inputs": {"Choices": [
            {"NextStep": "two", "Variable": "{{ pick.Count }}", "NumericEquals": 2}], "Default": "other"}},
        nothing("other", isEnd=True),
        script("two", handler("return [events['whole']['count'], events['list'], events['map']['name']]"),
               {"whole": "{{ pick.Payload }}", "list": "{{ pick.Chosen }}", "map": "{{ pick.First }}"}),
        parameters={"Names": {"type": "StringList"}, "Prefix": {"type": "String"}}, outputs=["pick.Chosen", "two.Payload"])
    found, steps = run(ssm, name, Parameters={"Names": ["web-1", "db-1", "web-2"], "Prefix": ["web"]})
    assert found["AutomationExecutionStatus"] == "Success", steps
    outputs = steps["pick"]["Outputs"]
    assert outputs["Chosen"] == ["web-1", "web-2"] and outputs["Count"] == ["2"] and outputs["Any"] == ["true"]
    assert outputs["ExecutionLog"] == ["looking among 3\n"]
    payload = json.loads(outputs["Payload"][0])
    assert payload["where"] == ssm.meta.region_name and payload["id"] == found["AutomationExecutionId"]
    assert payload["no"] is None
    assert steps["other"]["StepStatus"] == "Pending"
    assert found["Outputs"]["two.Payload"] == ["2", '["web-1","web-2"]', "web-1"]


def test_failures_name_the_line(ssm, runbook):  # noqa: F811
    text = failure(ssm, runbook, "nodes = {}", "return nodes['gone']")
    assert "Traceback" in text and 'File "script.py", line 3, in handler' in text and "KeyError: gone" in text
    assert "No module named 'requests'" in failure(ssm, runbook, "import requests")
    assert "set is not JSON serializable" in failure(ssm, runbook, "return {1}")
    assert "at most 102400" in failure(ssm, runbook, "return 'x' * 200000")
    found, steps = run(ssm, runbook(script("it", "def other(e, c): pass", handler="main")))
    assert "no function `main`" in steps["it"]["FailureMessage"]
    assert steps["it"]["FailureDetails"]["FailureStage"] == "Invocation"


def test_failure_is_followed_as_the_step_says(ssm, runbook):  # noqa: F811
    breaks = script("breaks", handler("print('so far')", "raise ValueError('no')"), onFailure="step:mends", maxAttempts=2)
    found, steps = run(ssm, runbook(breaks, nothing("skipped"), nothing("mends", isEnd=True)))
    assert steps["breaks"]["StepStatus"] == "Failed" and steps["mends"]["StepStatus"] == "Success"
    assert steps["skipped"]["StepStatus"] == "Pending"
    assert steps["breaks"]["Outputs"]["ExecutionLog"] == ["so far\n"]


def test_what_no_script_can_be_is_refused_when_it_is_stored(ssm, refused):
    def text(**inputs):
        step = {"name": "it", "action": "aws:executeScript", "inputs": {"Runtime": "python3.8", "Handler": "f", **inputs}}
        content = json.dumps({"schemaVersion": "0.3", "mainSteps": [nothing("first"), step]})
        return refused("InvalidDocumentContent", "create_document", Name="odd-script", DocumentType="Automation", Content=content)

    assert "mainSteps[1].inputs.Runtime" in text(Script="x", Runtime="PowerShell 7.0")
    assert "python3.11" in text(Script="x", Runtime="python4.0")
    assert "either Script or Attachment" in text()
    assert "archives are not opened" in text(Attachment="tools.zip")
    broken = text(Script="def f(events, context):\n    return )\n")
    assert "mainSteps[1].inputs.Script" in broken and "line 2" in broken and "SyntaxError" in broken
    assert "line 2" in text(Script="def f(events, context):\n    yield 1")


def test_nothing_of_the_server_is_reached(ssm, runbook):  # noqa: F811
    attempts = [
        (["return open('/etc/hostname').read()"], "PermissionError"),
        (["return open('x', 'w').write('x')"], "PermissionError"),
        (["import os", "return os.listdir('/')"], "PermissionError"),
        (["import os", "return os.system('true')"], "AttributeError"),
        (["import socket"], "No module named 'socket'"),
        (["import subprocess"], "No module named 'subprocess'"),
        (["from pathlib import Path", "return Path('/proc/self/environ').read_text()"], "PermissionError"),
        (["return __import__('os')"], "NameError"),
        (["return eval('1')"], "NameError"),
    ]
    steps = [script(f"s{n}", handler(*lines), onFailure="Continue") for n, (lines, _) in enumerate(attempts)]
    reads = script("reads", handler("import os", "return {'names': len(os.environ), 'home': os.getenv('HOME')}"))
    found, steps = run(ssm, runbook(*steps, reads))
    for n, (lines, text) in enumerate(attempts):
        assert text in steps[f"s{n}"]["FailureMessage"], (lines, steps[f"s{n}"])
    assert json.loads(steps["reads"]["Outputs"]["Payload"][0]) == {"names": 0, "home": None}


def test_bombs_and_floods_end_alone(ssm, runbook):  # noqa: F811
    execution = start(ssm, runbook(
        script("loop", handler("while True: pass"), timeoutSeconds=3, onFailure="Continue"),
        script("sleep", "import time\n" + handler("time.sleep(1000)"), timeoutSeconds=3, onFailure="Continue"),
        script("memory", handler("x = [0]", "while True: x = x + x"), onFailure="Continue", timeoutSeconds=120),
        script("large", handler("return len('x' * 10 ** 11)"), onFailure="Continue"),
        script("deep", handler("return handler(events, context)"), onFailure="Continue"),
        script("nested", handler("x = []", "for i in range(100000): x = [x]", "return x"), onFailure="Continue"),
        script("flood", handler("for i in range(20000): print('all work and no play')", "return 1"), timeoutSeconds=120),
    ))
    found = until(lambda: get(ssm, execution), lambda found: found["AutomationExecutionStatus"] in ENDS, 300)
    steps = {step["StepName"]: step for step in found["StepExecutions"]}
    assert steps["loop"]["StepStatus"] == "TimedOut", steps["loop"]
    assert steps["sleep"]["StepStatus"] == "TimedOut", steps["sleep"]
    assert "memory" in steps["memory"]["FailureMessage"].lower(), steps["memory"]
    assert "memory" in steps["large"]["FailureMessage"].lower(), steps["large"]
    assert "RecursionError" in steps["deep"]["FailureMessage"], steps["deep"]
    assert steps["nested"]["StepStatus"] == "Failed", steps["nested"]
    flood = steps["flood"]
    assert flood["StepStatus"] == "Success" and flood["Outputs"]["Payload"] == ["1"], flood
    log = flood["Outputs"]["ExecutionLog"][0]
    assert len(log) < 70_000 and "more bytes were printed" in log


def test_a_stopped_script_is_gone(ssm, runbook, server):  # noqa: F811
    execution = start(ssm, runbook(script("long", "import time\n" + handler("time.sleep(500)"))))
    until(lambda: interpreters(server), lambda found: len(found) == 1)
    ssm.stop_automation_execution(AutomationExecutionId=execution)
    assert ended(ssm, execution)["AutomationExecutionStatus"] == "Cancelled"
    until(lambda: interpreters(server), lambda found: not found)


def interpreters(server):
    """The ids of the server's children that run scripts."""
    found = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(server.process.pid)], capture_output=True, text=True)
    return [line.split()[0] for line in found.stdout.splitlines() if line.endswith("run-script")]


def test_clients_act_with_the_rights_of_who_runs_the_runbook(ssm, runbook):  # noqa: F811
    parameter = f"scripted-{uuid.uuid4().hex[:8]}"
    content = json.dumps({"schemaVersion": "2.2", "mainSteps": [
        {"action": "aws:runShellScript", "name": "x", "inputs": {"runCommand": ["true"]}}]})
    text = """import boto3

def handler(events, context):
    ssm = boto3.client('ssm')
    ssm.create_document(Name=events['name'], Content=events['content'], DocumentType='Command')
    found = ssm.describe_document(Name=events['name'])['Document']
    try:
        ssm.create_document(Name=events['name'], Content=events['content'], DocumentType='Command')
    except Exception as error:
        return {'status': found['Status'], 'error': str(error)}
"""
    found, steps = run(ssm, runbook(script("it", text, {"name": parameter, "content": "{{ Content }}"}),
                                    parameters={"Content": {"type": "String"}}), Parameters={"Content": [content]})
    assert found["AutomationExecutionStatus"] == "Success", steps["it"]
    payload = json.loads(steps["it"]["Outputs"]["Payload"][0])
    assert payload["status"] == "Active"
    assert "An error occurred (DocumentAlreadyExists) when calling the create_document operation" in payload["error"]
    ssm.delete_document(Name=parameter)
    assert "no service `ec2`" in failure(ssm, runbook, "import boto3", "boto3.client('ec2')")
    assert "fly_away" in failure(ssm, runbook, "import boto3", "boto3.client('ssm').fly_away()")


@pytest.fixture(scope="module")
def folder(boto):
    """Puts files where documents may take them from, and tells where that is."""
    s3 = boto("s3")
    s3.create_bucket(Bucket="script-files", CreateBucketConfiguration={"LocationConstraint": REGION})

    def folder(name, **files):
        for file, text in files.items():
            s3.put_object(Bucket="script-files", Key=f"{name}/{file}.py", Body=text if isinstance(text, bytes) else text.encode())
        return [{"Key": "SourceUrl", "Values": [f"s3://script-files/{name}"]}]

    return folder


def attached(name, file, handler, payload=None, **more):  # noqa: F811
    inputs = {"Runtime": "python3.11", "Handler": handler, "Attachment": file, "InputPayload": payload or {}}
    return {"name": name, "action": "aws:executeScript", "inputs": inputs, **more}


def test_an_attached_script_is_that_of_the_version_that_runs(ssm, folder, boto, refused):
    """What becomes of the bucket, and of later versions, is nothing to it."""
    text = """import boto3

def weigh(events, context):
    print('weighing', events['what'])
    found = boto3.client('ssm').describe_document(Name=events['book'])['Document']
    return {'weight': WEIGHT, 'attached': [one['Name'] for one in found['AttachmentsInformation']]}
"""
    name = f"book-{uuid.uuid4().hex[:8]}"

    def content(text, **more):
        files = {"scales.py": {"checksums": {"sha256": hashlib.sha256(text.encode()).hexdigest()}}}
        steps = [attached("whole", "scales.py", "scales.weigh", {"what": "{{ What }}", "book": name}, **more),
                 attached("bare", "{{ File }}", "weigh", {"what": "it", "book": name})]
        return json.dumps({"schemaVersion": "0.3", "files": files, "mainSteps": steps, "parameters": {
            "What": {"type": "String", "default": "all"}, "File": {"type": "String", "default": "scales.py"}}})

    first, second = text.replace("WEIGHT", "1"), text.replace("WEIGHT", "2")
    source = folder("weights", scales=first, other="x = 1\n")
    ssm.create_document(Name=name, DocumentType="Automation", Content=content(first), Attachments=source)
    try:
        folder("weights", scales=second)
        # The file is another one by now, and the runbook says which one it is to be.
        wrong = refused("InvalidDocumentContent", "update_document", Name=name, DocumentVersion="$LATEST",
                        Content=content(first, timeoutSeconds=30), Attachments=source)
        assert "files.scales.py.checksums.sha256" in wrong
        ssm.update_document(Name=name, DocumentVersion="$LATEST", Content=content(second), Attachments=source)
        boto("s3").delete_object(Bucket="script-files", Key="weights/scales.py")
        for version, weight in (("1", 1), ("2", 2)):
            found, steps = run(ssm, name, DocumentVersion=version, Parameters={"What": ["feathers"]})
            assert found["AutomationExecutionStatus"] == "Success", steps
            assert [json.loads(steps[step]["Outputs"]["Payload"][0])["weight"] for step in ("whole", "bare")] == [weight] * 2
            assert json.loads(steps["whole"]["Outputs"]["Payload"][0])["attached"] == ["other.py", "scales.py"]
            assert steps["whole"]["Outputs"]["ExecutionLog"] == ["weighing feathers\n"]
        found, steps = run(ssm, name, Parameters={"File": ["gone.py"]})
        assert "the document has no attachment `gone.py`" in steps["bare"]["FailureMessage"]
        # As one that is made of it by reference.
        copy = f"{name}-copy"
        ssm.create_document(Name=copy, DocumentType="Automation", Content=content(second), Attachments=[
            {"Key": "AttachmentReference", "Values": [f"{name}/2/scales.py"], "Name": "scales.py"}])
        try:
            assert run(ssm, copy)[0]["AutomationExecutionStatus"] == "Success"
        finally:
            ssm.delete_document(Name=copy)
    finally:
        ssm.delete_document(Name=name)


def test_what_no_attached_script_can_be_is_refused_when_it_is_stored(ssm, folder, refused):
    def text(file, attachments=None, **more):
        steps = [nothing("first"), attached("it", file, "f", **more)]
        content = json.dumps({"schemaVersion": "0.3", "mainSteps": steps})
        given = {} if attachments is None else {"Attachments": attachments}
        return refused("InvalidDocumentContent", "create_document", Name="odd-attached", DocumentType="Automation",
                       Content=content, **given)

    place = "mainSteps[1].inputs.Attachment: "
    source = folder("odd", broken="def f(events, context):\n    return )\n", binary=b"\xff\xfe", long="#" * (1 << 20) + "\n")
    assert place + "`gone.py` is not among the attachments" in text("gone.py", source)
    assert "is not among the attachments" in text("broken.py")
    broken = text("broken.py", source)
    assert place in broken and "line 2" in broken and "SyntaxError" in broken
    assert place + "`binary.py` is no UTF-8 text" in text("binary.py", source)
    assert "at most 1048576 are read" in text("long.py", source)
    assert not ssm.list_documents(Filters=[{"Key": "Name", "Values": ["odd-attached"]}])["DocumentIdentifiers"]


@pytest.mark.parametrize("word, expected", [("", "Success"), ("# boto3", "Failed")])
def test_a_script_in_a_server_that_is_killed(ssm, runbook, server, word, expected):  # noqa: F811
    """What can have changed nothing runs again; of anything else nobody knows, and the step says so."""
    text = f"import time {word}\n" + handler("time.sleep(5)", "return 'done'")
    execution = start(ssm, runbook(script("slow", text)))
    (interpreter,) = until(lambda: interpreters(server), lambda found: len(found) == 1)
    server.process.send_signal(signal.SIGKILL)
    server.process.wait(STOP_TIMEOUT_SECONDS)
    until(lambda: os.path.exists(f"/proc/{interpreter}/exe"), lambda is_there: not is_there)
    server.start()
    found = until(lambda: get(ssm, execution), lambda found: found["AutomationExecutionStatus"] in ("Success", "Failed"), 90)
    step = found["StepExecutions"][0]
    assert found["AutomationExecutionStatus"] == expected, step
    if expected == "Failed":
        assert "whether what it calls was carried out is not known" in step["FailureMessage"]

