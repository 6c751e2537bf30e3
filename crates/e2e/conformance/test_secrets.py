"""Secrets of Parameter Store in what a real agent fetches, and parameters that documents refer to which steps fetch: through boto3."""

import base64
import hashlib
import http.server
import json
import subprocess
import threading
import uuid

import pytest

from conftest import REGION, Server, clients_of, program
from test_plugins import FINAL, agent, bucket, package, run, s3, until  # noqa: F401 (fixtures are taken by their names)

USER = "robot"


@pytest.fixture(scope="module")
def secret(ssm):
    """A secret, under a name of its own."""
    name, value = f"/secrets-{uuid.uuid4().hex[:8]}/it", f'quite "secret" {uuid.uuid4().hex}'
    ssm.put_parameter(Name=name, Value=value, Type="SecureString")
    yield name, value
    ssm.delete_parameter(Name=name)


@pytest.fixture(scope="module")
def guarded(secret):
    """A web server that serves a script to who knows the secret, and tells everybody else what he said."""
    proof = base64.b64encode(f"{USER}:{secret[1]}".encode()).decode()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            said = self.headers.get("Authorization", "")
            status = 200 if said == f"Basic {proof}" and not self.path.startswith("/never") else 401
            body = b"#!/bin/sh\necho fetched by who knows\n" if status == 200 else f"you said {said}".encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", proof
    server.shutdown()
    server.server_close()


def source(url, name, **more):
    return json.dumps({"url": url, "authMethod": "Basic", "username": USER, "password": f"{{{{ ssm-secure:{name} }}}}",
                       "allowInsecureDownload": True, **more})


def is_nowhere(values, server, agent):  # noqa: F811
    """In no file of the server or of the agent's, logs and databases among them."""
    files = [file for folder in (server.data, agent[1]) for file in folder.rglob("*") if file.is_file()]
    texts = [(file, file.read_bytes()) for file in [*files, server.log_path]]
    assert len(texts) > 5 and any(b"ssm-secure" in text for _, text in texts)
    for value in values:
        assert [file for file, text in texts if value.encode() in text] == []


def test_a_fetch_that_needs_a_secret(ssm, server, agent, run, secret, guarded):  # noqa: F811
    (name, value), (url, proof) = secret, guarded
    status, said = run("AWS-RunRemoteScript", sourceType="HTTP", sourceInfo=source(f"{url}/say.sh", name),
                       commandLine="say.sh")
    assert (status, said["runShellScript"].strip()) == ("Success", "fetched by who knows"), said
    # Through a document that another one runs.
    inner = {"schemaVersion": "2.2", "parameters": {"who": {"type": "String"}}, "mainSteps": [
        {"action": "aws:downloadContent", "name": "get",
         "inputs": {"sourceType": "HTTP", "sourceInfo": source(f"{url}/say.sh", name, username="{{ who }}")}},
        {"action": "aws:runShellScript", "name": "say", "inputs": {"runCommand": ["sh say.sh"]}}]}
    outer = {"schemaVersion": "2.2", "mainSteps": [{"action": "aws:runDocument", "name": "runs", "inputs": {
        "documentType": "SSMDocument", "documentPath": "inner-secret", "documentParameters": {"who": USER}}}]}
    for document, content in (("inner-secret", inner), ("outer-secret", outer)):
        ssm.create_document(Name=document, Content=json.dumps(content), DocumentType="Command")
    try:
        status, said = run("outer-secret")
        assert status == "Success" and "fetched by who knows" in said["runs"], said
    finally:
        for document in ("inner-secret", "outer-secret"):
            ssm.delete_document(Name=document)
    # Refused by the server; and where it has no business.
    for wrong, part in ((source(f"{url}/never.sh", name), "status 401"),
                        (source(f"{url}/{{{{ssm-secure:{name}}}}}", name), "sourceInfo.url takes no secret"),
                        (source(f"{url}/say.sh", f"{name}-none"), None)):
        if part is None:
            with pytest.raises(ssm.exceptions.InvalidParameters, match="does not exist"):
                run("AWS-RunRemoteScript", sourceType="HTTP", sourceInfo=wrong, commandLine="true")
            continue
        status, said = run("AWS-RunRemoteScript", sourceType="HTTP", sourceInfo=wrong, commandLine="echo it ran")
        assert status == "Failed" and part in said["downloadContent"], said
        assert value.split()[-1] not in json.dumps(said) and proof not in json.dumps(said)
    is_nowhere((value.split()[-1], proof), server, agent)


def test_a_package_gets_a_secret_and_does_not_tell_it(ssm, server, s3, bucket, agent, run, secret, tmp_path):  # noqa: F811
    name, value = secret
    kept = tmp_path / "sum"
    script = f"#!/bin/sh\nprintf %s \"$SSM_token\" | sha256sum | cut -c1-16 > {kept}\necho \"told: $SSM_token\"\n"
    ssm.create_document(Name="takes-secret", DocumentType="Package",
                        Content=package(s3, bucket, "takes-secret", "1.0", {"install.sh": script}),
                        Attachments=[{"Key": "SourceUrl", "Values": [f"s3://{bucket}/takes-secret"]}])
    try:
        status, said = run("AWS-ConfigureAWSPackage", action="Install", name="takes-secret",
                           additionalArguments=json.dumps({"SSM_token": f"{{{{ssm-secure:{name}}}}}"}))
        text = "".join(said.values())
        assert status == "Success" and "told: ****" in text and value not in text, said
        assert kept.read_text().strip() == hashlib.sha256(value.encode()).hexdigest()[:16]
        is_nowhere((value.split()[-1],), server, agent)
    finally:
        run("AWS-ConfigureAWSPackage", action="Uninstall", name="takes-secret")
        ssm.delete_document(Name="takes-secret")


def test_documents_that_steps_fetch_refer_to_parameters(ssm, run):  # noqa: F811
    path = f"/fetched-{uuid.uuid4().hex[:8]}"
    for leaf in ("prod", "plain"):
        ssm.put_parameter(Name=f"{path}/{leaf}", Value=f"value of {leaf}", Type="String")
    inner = {"schemaVersion": "2.2", "parameters": {"env": {"type": "String", "default": "none"}}, "mainSteps": [
        {"action": "aws:runShellScript", "name": "say",
         "inputs": {"runCommand": [f"echo '{{{{ssm:{path}/plain}}}}' and '{{{{ssm:{path}/{{{{ env }}}}}}}}'"]}}]}
    middle = {"schemaVersion": "2.2", "parameters": {"env": {"type": "String"}}, "mainSteps": [
        {"action": "aws:runDocument", "name": "again", "inputs": {
            "documentType": "SSMDocument", "documentPath": "fetched-inner", "documentParameters": {"env": "{{ env }}"}}}]}
    documents = {"fetched-inner": inner, "fetched-middle": middle}
    for document, content in documents.items():
        ssm.create_document(Name=document, Content=json.dumps(content), DocumentType="Command")
    expected = "value of plain and value of prod"
    try:
        for name in documents:
            # Brought as a file, then run from there.
            status, said = run("AWS-RunDocument", sourceType="SSMDocument", sourceInfo=json.dumps({"name": name}),
                               documentParameters=json.dumps({"env": "prod"}))
            assert (status, said["runDocument"].strip()) == ("Success", expected), (name, said)
        outer = {"schemaVersion": "2.2", "mainSteps": [{"action": "aws:runDocument", "name": "runs", "inputs": {
            "documentType": "SSMDocument", "documentPath": "fetched-middle:1", "documentParameters": {"env": "prod"}}}]}
        ssm.create_document(Name="fetched-outer", Content=json.dumps(outer), DocumentType="Command")
        documents["fetched-outer"] = outer
        status, said = run("fetched-outer")
        assert (status, said["runs"].strip()) == ("Success", expected), said
    finally:
        for document in documents:
            ssm.delete_document(Name=document)
        for leaf in ("prod", "plain"):
            ssm.delete_parameter(Name=f"{path}/{leaf}")


@pytest.fixture
def open_to_nodes(tmp_path, tmp_path_factory, monkeypatch):
    """A server that leaves a path open to its nodes, a client of it, and a node with our agent."""
    monkeypatch.setenv("FETTLE_NODE_PARAMETERS", "/fleet,/others")
    server = Server(tmp_path)
    monkeypatch.delenv("FETTLE_NODE_PARAMETERS")
    ssm = clients_of(server, tmp_path_factory)("ssm")
    made = ssm.create_activation(IamRole="fettle-node")
    data = str(tmp_path / "agent")
    enrolled = subprocess.run(
        [program("fettle-agent"), "enroll", "--endpoint", server.endpoint, "--region", REGION, "--activation-id",
         made["ActivationId"], "--activation-code", made["ActivationCode"], "--data", data],
        check=True, capture_output=True, text=True)
    process = subprocess.Popen([program("fettle-agent"), "run", "--data", data, "--check-every", "0"],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    yield server, ssm, enrolled.stdout.strip()
    process.kill()
    process.wait()
    server.stop()
    assert server.failures() == []


def test_documents_from_elsewhere_refer_to_what_is_open_to_nodes(open_to_nodes, tmp_path):
    server, ssm, node = open_to_nodes
    for name in ("/fleet/word", "/shut/word"):
        ssm.put_parameter(Name=name, Value=f"the word of {name}", Type="String")
    local = tmp_path / "local.json"
    outer = {"schemaVersion": "2.2", "mainSteps": [{"action": "aws:runDocument", "name": "runs", "inputs": {
        "documentType": "LocalPath", "documentPath": str(local)}}]}
    ssm.create_document(Name="runs-a-file", Content=json.dumps(outer), DocumentType="Command")

    def run(word):  # noqa: F811
        local.write_text(json.dumps({"schemaVersion": "2.2", "mainSteps": [{
            "action": "aws:runShellScript", "name": "say", "inputs": {"runCommand": [f"echo {{{{ssm:{word}}}}}"]}}]}))
        sent = ssm.send_command(DocumentName="runs-a-file", InstanceIds=[node])["Command"]["CommandId"]
        shown = until(lambda: ssm.list_command_invocations(CommandId=sent, Details=True)["CommandInvocations"][0],
                      lambda invocation: invocation["Status"] in FINAL)
        return shown["Status"], shown["CommandPlugins"][0]["Output"]

    status, said = run("/fleet/word")
    assert (status, said.strip()) == ("Success", "the word of /fleet/word")
    status, said = run("/shut/word")
    assert status == "Failed" and "is not authorized to perform: ssm:GetParameters" in said, said
    log = server.log_path.read_text()
    assert "nodes read parameters below this path" in log and f'"node_id":"{node}","parameter":"/fleet/word"' in log, log
    refused = subprocess.run([program("fettle"), "server", "--data", str(tmp_path / "other"), "--node-parameters", "fleet"],
                             capture_output=True, text=True, check=False)
    assert refused.returncode == 2 and "`fleet` is no path of parameters" in refused.stderr
