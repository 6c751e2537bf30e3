"""A stand-in for the stock agent: it sends what that agent was seen to send, to the header and the byte, and shares no code
with the server or with any SDK. What is expected of the answers belongs to the tests.
"""

import base64
import contextlib
import datetime
import hashlib
import hmac
import json
import os
import re
import socket
import ssl
import struct
import subprocess
import time
import uuid
import xml.etree.ElementTree

REGION = "eu-central-1"
JSON = "application/x-amz-json-1.1"
USER_AGENT = "aws-sdk-go/1.44.23 (go1.20; linux; amd64) amazon-ssm-agent/3.3.0.0"
EMPTY = hashlib.sha256(b"").hexdigest()
# Milliseconds in which the agent wants a reply acknowledged.
ACKNOWLEDGED_WITHIN_SECONDS = 1
PATIENCE_SECONDS = 30


def certificates(folder):
    """An authority, and a chain for this machine: ca.pem, chain.pem, key.pem."""
    def openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, cwd=folder)

    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2",
            "-subj", "/CN=authority", "-addext", "basicConstraints=critical,CA:TRUE",
            "-addext", "keyUsage=critical,keyCertSign")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "server.csr", "-subj", "/CN=server")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n"
                                  "extendedKeyUsage=serverAuth\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-extfile", "names", "-out", "server.pem")
    (folder / "chain.pem").write_text((folder / "server.pem").read_text() + (folder / "ca.pem").read_text())
    return folder


class Refused(Exception):
    def __init__(self, status, body):
        super().__init__(f"{status}: {body[:500]}")
        self.status, self.body = status, body

    @property
    def code(self):
        return json.loads(self.body)["__type"]


class Answer:
    def __init__(self, stream):
        status, *lines = iter(lambda: stream.readline().decode().rstrip("\r\n"), "")
        self.status = int(status.split(" ")[1])
        self.headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}
        self.body = b"" if self.status == 101 else stream.read(int(self.headers["content-length"]))


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def to_sign(method, path, query, headers, signed, body_hash, at, service):
    """The scope, and the text that a signature is made of."""
    canonical = "".join(f"{name}:{' '.join(headers[name].split())}\n" for name in signed)
    request = "\n".join([method, path, query, canonical, ";".join(signed), body_hash])
    scope = f"{at[:8]}/{REGION}/{service}/aws4_request"
    return scope, "\n".join(["AWS4-HMAC-SHA256", at, scope, hashlib.sha256(request.encode()).hexdigest()])


class Node:
    """One machine with the stock agent."""

    def __init__(self, server, folder):
        self.server, self.folder = server, folder
        self.host = f"127.0.0.1:{server.port}"
        self.fingerprint = str(uuid.uuid4())
        self.key = self.new_key()
        self.id, self.token = None, None

    # ------------------------------------------------------------ requests

    def connect(self):
        plain = socket.create_connection(("127.0.0.1", self.server.port), timeout=PATIENCE_SECONDS)
        return self.server.tls().wrap_socket(plain, server_hostname="127.0.0.1")

    def send(self, method, target, headers, body):
        """One request on a connection of its own; `headers` are sent as they are, in their order."""
        lines = [f"{method} {target} HTTP/1.1", f"Host: {self.host}", *(f"{n}: {v}" for n, v in headers), "", ""]
        with self.connect() as connection:
            connection.sendall("\r\n".join(lines).encode() + body)
            return Answer(connection.makefile("rb"))

    def parsed(self, answer):
        if answer.status != 200:
            assert answer.headers["x-amzn-errortype"] == json.loads(answer.body)["__type"]
            raise Refused(answer.status, answer.body.decode())
        assert answer.headers["content-type"] == JSON and uuid.UUID(answer.headers["x-amzn-requestid"])
        return json.loads(answer.body)

    def anonymous(self, operation, request):
        body = json.dumps(request).encode()
        headers = [("User-Agent", USER_AGENT), ("Content-Length", len(body)), ("Content-Type", JSON),
                   ("X-Amz-Target", f"AmazonSSM.{operation}"), ("Accept-Encoding", "gzip")]
        return self.parsed(self.send("POST", "/", headers, body))

    def with_key(self, operation, request, key=None):
        """Signed with the node's own key, its body in chunks, its length not told."""
        body, at = json.dumps(request).encode(), now().strftime("%Y%m%dT%H%M%SZ")
        target = f"AmazonSSM.{operation}"
        signed = {"content-type": JSON, "host": self.host, "x-amz-date": at, "x-amz-target": target}
        digest = hashlib.sha256(body).hexdigest()
        scope, text = to_sign("POST", "/", "", signed, sorted(signed), digest, at, "ssm")
        signature = subprocess.run(
            ["openssl", "dgst", "-sha256", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32",
             "-sigopt", "rsa_mgf1_md:sha256", "-sign", key or self.key],
            input=text.encode(), check=True, capture_output=True).stdout
        authorization = (f"AWS4-HMAC-SHA256 Credential={self.id}/{scope}, SignedHeaders={';'.join(sorted(signed))}, "
                         f"Signature={base64.b64encode(signature).decode()}")
        headers = [("User-Agent", USER_AGENT), ("Transfer-Encoding", "chunked"), ("Authorization", authorization),
                   ("Content-Type", JSON), ("X-Amz-Content-Sha256", digest), ("X-Amz-Date", at),
                   ("X-Amz-Target", target), ("Accept-Encoding", "gzip")]
        return self.parsed(self.send("POST", "/", headers, b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)))

    def authorization(self, method, path, query, headers, body_hash, at, service):
        scope, text = to_sign(method, path, query, headers, sorted(headers), body_hash, at, service)
        secret = ("AWS4" + self.token["SecretAccessKey"]).encode()
        for part in (at[:8], REGION, service, "aws4_request"):
            secret = hmac.digest(secret, part.encode(), "sha256")
        signature = hmac.digest(secret, text.encode(), "sha256").hex()
        return (f"AWS4-HMAC-SHA256 Credential={self.token['AccessKeyId']}/{scope}, "
                f"SignedHeaders={';'.join(sorted(headers))}, Signature={signature}")

    def call(self, operation, request, service="ssm"):
        """SSM, and with `ec2messages` the long poll's operations."""
        prefix = {"ssm": "AmazonSSM", "ec2messages": "EC2WindowsMessageDeliveryService"}[service]
        body, at = json.dumps(request).encode(), now().strftime("%Y%m%dT%H%M%SZ")
        signed = {"content-length": str(len(body)), "content-type": JSON, "host": self.host, "x-amz-date": at,
                  "x-amz-security-token": self.token["SessionToken"], "x-amz-target": f"{prefix}.{operation}"}
        digest = hashlib.sha256(body).hexdigest()
        authorization = self.authorization("POST", "/", "", signed, digest, at, service)
        headers = [("User-Agent", USER_AGENT), ("Content-Length", len(body)), ("Authorization", authorization),
                   ("Content-Type", JSON), ("X-Amz-Date", at), ("X-Amz-Security-Token", self.token["SessionToken"]),
                   ("X-Amz-Target", signed["x-amz-target"]), ("Accept-Encoding", "gzip")]
        return self.parsed(self.send("POST", "/", headers, body))

    def mds(self, operation, **request):
        return self.call(operation, request, "ec2messages")

    # ------------------------------------------------------------ who it is

    def new_key(self):
        path = self.folder / f"{uuid.uuid4()}.pem"
        subprocess.run(["openssl", "genrsa", "-out", path, "2048"], check=True, capture_output=True)
        return path

    @staticmethod
    def public(key):
        done = subprocess.run(["openssl", "rsa", "-in", key, "-pubout", "-outform", "DER"], check=True,
                              capture_output=True)
        return base64.b64encode(done.stdout).decode()

    def register(self, activation):
        answer = self.anonymous("RegisterManagedInstance", {
            "ActivationCode": activation["ActivationCode"], "ActivationId": activation["ActivationId"],
            "Fingerprint": self.fingerprint, "PublicKey": self.public(self.key), "PublicKeyType": "Rsa"})
        self.id = answer["InstanceId"]

    def get_token(self, key=None):
        self.token = self.with_key("RequestManagedInstanceRoleToken", {"Fingerprint": self.fingerprint}, key)
        return self.token

    def probe(self):
        return self.call("UpdateInstanceInformation", {
            "AgentName": "amazon-ssm-agent", "AgentVersion": "3.3.0.0", "InstanceId": self.id,
            "PlatformType": "Linux"})

    def report(self, channel=""):
        return self.call("UpdateInstanceInformation", {
            "AgentName": "amazon-ssm-agent", "AgentStatus": "Active", "AgentVersion": "3.3.0.0",
            "AvailabilityZone": "", "AvailabilityZoneId": "", "ComputerName": "web-01.example.internal",
            "IPAddress": "192.0.2.10", "InstanceId": self.id, "PlatformName": "Debian GNU/Linux",
            "PlatformType": "Linux", "PlatformVersion": "12", "SSMConnectionChannel": channel})

    # ------------------------------------------------------------ the control channel

    def create_channel(self, node=None):
        path = f"/v1/control-channel/{node or self.id}"
        body = json.dumps({"MessageSchemaVersion": "1.0", "RequestId": str(uuid.uuid4())}).encode()
        at = now().strftime("%Y%m%dT%H%M%SZ")
        signed = {"content-type": "application/json", "host": self.host, "x-amz-date": at,
                  "x-amz-security-token": self.token["SessionToken"]}
        digest = hashlib.sha256(body).hexdigest()
        authorization = self.authorization("POST", path, "", signed, digest, at, "ssmmessages")
        headers = [("User-Agent", "Go-http-client/1.1"), ("Content-Length", len(body)),
                   ("Authorization", authorization), ("Content-Type", "application/json"), ("X-Amz-Date", at),
                   ("X-Amz-Security-Token", self.token["SessionToken"]), ("Accept-Encoding", "gzip")]
        answer = self.send("POST", path, headers, body)
        if answer.status != 201:
            raise Refused(answer.status, answer.body.decode())
        root = xml.etree.ElementTree.fromstring(answer.body)
        assert root.tag == "CreateControlChannelOutput" and root.findtext("MessageSchemaVersion") == "1.0"
        return root.findtext("TokenValue")

    def open_channel(self):
        return Channel(self, self.create_channel())


def swapped(identifier):
    """A UUID as frames carry it: its second half first."""
    return identifier.bytes[8:] + identifier.bytes[:8]


class Channel:
    """The websocket over which the server gives jobs."""

    HEADER = ">I32sIQqQ16s32sII"

    def __init__(self, node, token):
        self.node, self.connection = node, node.connect()
        self.stream = self.connection.makefile("rb")
        path, query = f"/v1/control-channel/{node.id}", "role=subscribe&stream=input"
        at, accept = now().strftime("%Y%m%dT%H%M%SZ"), base64.b64encode(os.urandom(16)).decode()
        signed = {"host": node.host, "x-amz-date": at, "x-amz-security-token": node.token["SessionToken"]}
        authorization = node.authorization("GET", path, query, signed, EMPTY, at, "ssmmessages")
        lines = [f"GET {path}?{query} HTTP/1.1", f"Host: {node.host}", "User-Agent: Go-http-client/1.1",
                 f"Authorization: {authorization}", "Connection: Upgrade", f"Sec-WebSocket-Key: {accept}",
                 "Sec-WebSocket-Version: 13", "Upgrade: websocket", f"X-Amz-Date: {at}",
                 f"X-Amz-Security-Token: {node.token['SessionToken']}", "", ""]
        self.connection.sendall("\r\n".join(lines).encode())
        answer = Answer(self.stream)
        if answer.status != 101:
            raise Refused(answer.status, answer.body.decode())
        self.put(1, json.dumps({
            "Cookie": None, "MessageSchemaVersion": "1.0", "RequestId": str(uuid.uuid4()), "TokenValue": token,
            "AgentVersion": "3.3.0.0", "PlatformType": "linux"}).encode())

    def put(self, opcode, payload):
        mask, length = os.urandom(4), len(payload)
        if length < 126:
            head = struct.pack(">BB", 0x80 | opcode, 0x80 | length)
        elif length < 1 << 16:
            head = struct.pack(">BBH", 0x80 | opcode, 0x80 | 126, length)
        else:
            head = struct.pack(">BBQ", 0x80 | opcode, 0x80 | 127, length)
        masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
        self.connection.sendall(head + mask + masked)

    def take(self):
        first, second = self.stream.read(2)
        length = second & 0x7F
        if length > 125:
            length = struct.unpack(">H" if length == 126 else ">Q", self.stream.read(2 if length == 126 else 8))[0]
        assert first & 0x80 and not second & 0x80, "one whole frame, not masked"
        return first & 0x0F, self.stream.read(length)

    def ping(self):
        self.put(9, b"keepalive")
        assert self.take() == (10, b"keepalive")

    def message(self, kind, payload, identifier=None, created_ms=None):
        """Sends a frame; returns its id."""
        identifier, payload = identifier or uuid.uuid4(), json.dumps(payload).encode()
        created_ms = created_ms or int(time.time() * 1000)
        head = struct.pack(self.HEADER, 116, kind.encode().ljust(32), 1, created_ms, 0, 0, swapped(identifier),
                           hashlib.sha256(payload).digest(), 0, len(payload))
        assert len(head) == 120
        self.put(2, head + payload)
        return identifier

    def next(self):
        """The next message of the server: kind, id, payload."""
        opcode, frame = self.take()
        assert opcode == 2, (opcode, frame)
        length, kind, schema, created_ms, _, _, identifier, digest, payload_type, size = struct.unpack(
            self.HEADER, frame[:120])
        payload = frame[120:]
        assert (length, schema, payload_type, size) == (116, 1, 0, len(payload)) and created_ms > 0
        assert digest == hashlib.sha256(payload).digest() and re.fullmatch(rb"[a-z_]+ *", kind)
        return kind.decode().rstrip(), uuid.UUID(bytes=identifier[8:] + identifier[:8]), json.loads(payload)

    def job(self):
        kind, identifier, payload = self.next()
        assert kind == "agent_job" and payload["SchemaVersion"] == 1, (kind, payload)
        payload["Content"], payload["MessageId"] = json.loads(payload["Content"]), identifier
        return payload

    def acknowledge(self, job, code="200", text="Successful"):
        self.message("agent_job_ack", {
            "jobId": job["JobId"], "acknowledgedMessageId": str(job["MessageId"]),
            "createdDate": now().strftime("%Y-%m-%dT%H:%M:%S.000Z"), "statusCode": code, "errorMessage": text})

    def reply(self, job, content, identifier=None, topic="aws.ssm.sendCommand"):
        """Returns its id, after the server has acknowledged it in time."""
        sent_at = time.monotonic()
        identifier = self.message("agent_job_reply", {
            "schemaVersion": 1, "jobId": job["JobId"], "content": json.dumps(content), "topic": topic}, identifier)
        kind, _, payload = self.next()
        assert kind == "agent_job_reply_ack", (kind, payload)
        assert payload == {"jobId": job["JobId"], "acknowledgedMessageId": str(identifier)}
        assert time.monotonic() - sent_at < ACKNOWLEDGED_WITHIN_SECONDS
        return identifier

    def cut(self):
        """Without a word, as a machine that goes down does."""
        # Closing alone would leave it open for the stream that reads from it.
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
        self.connection.close()


def step(status, code=0, output="", error="", plugin="aws:runShellScript"):
    at = now().strftime("%Y-%m-%dT%H:%M:%S.123Z")
    text = output + (f"\n----------ERROR-------\n{error}" if error else "")
    return {"status": status, "code": code, "name": plugin, "output": text[:2500], "startDateTime": at,
            "endDateTime": at, "outputS3BucketName": "", "outputS3KeyPrefix": "", "stepName": "",
            "standardOutput": output[:24000], "standardError": error[:24000]}


def content(status, steps=None, counts=None, trace="", over_mds=False):
    info = {"agent": {"lang": "en-US", "name": "amazon-ssm-agent", "os": "linux", "osver": "1", "ver": "3.3.0.0"},
            "dateTime": now().strftime("%Y-%m-%dT%H:%M:%S.027Z"), "runId": "", "runtimeStatusCounts": counts}
    if over_mds:
        info["ableToOpenMGSConnection"] = False
    return {"additionalInfo": info, "documentStatus": status, "documentTraceOutput": trace, "runtimeStatus": steps}
