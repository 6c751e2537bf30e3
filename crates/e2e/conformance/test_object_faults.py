"""The object store when things go wrong: the process killed in an upload, the disk full, the connection cut."""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import time
import urllib.parse

import boto3
import botocore.config
import botocore.exceptions
import pytest

import conftest
from conftest import REGION, Server, program

MIB = 1 << 20


def client(server):
    config = botocore.config.Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=60, signature_version="s3v4")
    return boto3.client("s3", endpoint_url=server.endpoint, region_name=REGION, config=config,
                        aws_access_key_id=server.access_key_id, aws_secret_access_key=server.secret_access_key)


def half_an_upload(s3, server, size):
    """A connection that has sent half of a body."""
    address = urllib.parse.urlsplit(s3.generate_presigned_url("put_object", Params={"Bucket": "faults", "Key": "half"}))
    connection = socket.create_connection(("127.0.0.1", server.port))
    head = f"PUT {address.path}?{address.query} HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Length: {size}\r\n\r\n"
    connection.sendall(head.encode() + bytes(size // 2))
    return connection


def files(folder):
    return [path for path in pathlib.Path(folder).rglob("*") if path.is_file()]


def until(ask):
    deadline = time.monotonic() + 30
    while not (seen := ask()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return seen


@pytest.fixture
def alone(tmp_path):
    """A server of the test's own, with one object in it."""
    running = Server(tmp_path)
    s3 = client(running)
    s3.create_bucket(Bucket="faults", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="faults", Key="kept", Body=b"before")
    yield running, s3
    running.stop()
    assert running.failures() == []


def keys(s3):
    return [found["Key"] for found in s3.list_objects_v2(Bucket="faults").get("Contents", [])]


def test_kill_9_in_an_upload_leaves_nothing(alone):
    server, s3 = alone
    folder = server.data / "objects"
    for _ in range(3):
        # Held, since a socket that nobody holds is closed, and the server clears away what it had sent.
        connection = half_an_upload(s3, server, 8 * MIB)
        until(lambda: len(files(folder)) == 2 and sum(path.stat().st_size for path in files(folder)) > MIB)
        server.process.kill()
        server.process.wait()
        connection.close()
        server.start()
        assert keys(s3) == ["kept"]
        assert len(files(folder)) == 1, "what was half written is cleared away before the first request"
    assert s3.get_object(Bucket="faults", Key="kept")["Body"].read() == b"before"


def test_a_cut_connection_keeps_the_old_object(alone):
    server, s3 = alone
    s3.put_object(Bucket="faults", Key="half", Body=b"old")
    half_an_upload(s3, server, 4 * MIB).close()
    until(lambda: "the body was cut off" in server.log_path.read_text() or "IncompleteBody" in server.log_path.read_text()
          or len(files(server.data / "objects")) == 2)
    assert s3.get_object(Bucket="faults", Key="half")["Body"].read() == b"old"
    assert keys(s3) == ["half", "kept"]


def test_a_full_disk_is_told_and_loses_nothing(tmp_path, monkeypatch):
    if os.geteuid() != 0 or not shutil.which("unshare"):
        assert os.environ.get("FETTLE_REQUIRE_BEDS") != "1", "no root rights for a file system of the test's own"
        pytest.skip("no root rights: a full disk is not tried")
    disk = tmp_path / "disk"
    disk.mkdir()
    inside = tmp_path / "fettle"
    # A file system of 24 MB that only this server sees.
    inside.write_text(f"#!/bin/sh\nmount -t tmpfs -o size=24m tmpfs '{disk}' && exec '{program('fettle')}' \"$@\" --objects '{disk}'\n")
    inside.chmod(0o755)
    started = subprocess.Popen

    def popen(command, **options):
        if command[1] == "server":
            command = ["unshare", "--mount", "--propagation", "private", str(inside), *command[1:]]
        return started(command, **options)

    monkeypatch.setattr(conftest.subprocess, "Popen", popen)
    server = Server(tmp_path)
    s3 = client(server)
    s3.create_bucket(Bucket="faults", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="faults", Key="kept", Body=b"before")
    for _ in range(2):
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            s3.put_object(Bucket="faults", Key="kept", Body=bytes(40 * MIB))
        assert caught.value.response["Error"]["Code"] == "InsufficientStorage", caught.value
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 507
    assert s3.get_object(Bucket="faults", Key="kept")["Body"].read() == b"before"
    # What was given up made room again.
    s3.put_object(Bucket="faults", Key="fits", Body=bytes(10 * MIB))
    assert keys(s3) == ["fits", "kept"]
    server.stop()
    assert server.failures() == []


def test_objects_may_be_kept_in_a_bucket_elsewhere(alone, tmp_path, monkeypatch):
    """One server's objects in another's store, which stands for any that speaks the protocol."""
    backing, there = alone
    monkeypatch.setenv("FETTLE_OBJECTS", "s3://faults/inside")
    monkeypatch.setenv("FETTLE_OBJECTS_ENDPOINT", backing.endpoint)
    monkeypatch.setenv("FETTLE_OBJECTS_REGION", REGION)
    monkeypatch.setenv("FETTLE_OBJECTS_ACCESS_KEY_ID", backing.access_key_id)
    monkeypatch.setenv("FETTLE_OBJECTS_SECRET_ACCESS_KEY", "wrong")
    refused = subprocess.run([program("fettle"), "server", "--data", str(tmp_path / "refused"), "--listen", "127.0.0.1:0"],
                             capture_output=True, text=True, timeout=120)
    assert refused.returncode != 0 and "cannot keep objects in s3://faults/inside" in refused.stderr, refused.stderr
    assert "SignatureDoesNotMatch" in refused.stderr or "403" in refused.stderr, refused.stderr
    monkeypatch.setenv("FETTLE_OBJECTS_SECRET_ACCESS_KEY", backing.secret_access_key)
    (tmp_path / "front").mkdir()
    front = Server(tmp_path / "front")
    s3 = client(front)
    s3.create_bucket(Bucket="faults", CreateBucketConfiguration={"LocationConstraint": REGION})
    big = os.urandom(20 * MIB)
    for key, body in [("small", b"hello"), ("empty", b""), ("big", big)]:
        s3.put_object(Bucket="faults", Key=key, Body=body)
        assert s3.get_object(Bucket="faults", Key=key)["Body"].read() == body
    part = s3.get_object(Bucket="faults", Key="big", Range=f"bytes={9 * MIB}-{9 * MIB + 9}")["Body"].read()
    assert part == big[9 * MIB:9 * MIB + 10]
    kept = [found["Key"] for found in there.list_objects_v2(Bucket="faults", Prefix="inside/")["Contents"]]
    assert len(kept) == 3 and not files(front.data / "objects"), kept
    with pytest.raises(botocore.exceptions.ClientError):
        s3.put_object(Bucket="faults", Key="wrong", Body=big, ContentMD5="AAAAAAAAAAAAAAAAAAAAAA==")
    kept = [found["Key"] for found in there.list_objects_v2(Bucket="faults", Prefix="inside/")["Contents"]]
    assert len(kept) == 3, "what was refused is not kept there either"
    assert backing.secret_access_key not in front.log_path.read_text()
    front.stop()
    assert front.failures() == []
