"""The object store through boto3's s3 client and `aws s3`, as stock clients send by default: checksums, chunks and all."""

import base64
import hashlib
import io
import os
import urllib.error
import urllib.request

import boto3.s3.transfer
import botocore.config
import botocore.exceptions
import pytest

from conftest import REGION

MIB = 1 << 20


@pytest.fixture(scope="module")
def s3(boto):
    return boto("s3")


@pytest.fixture
def bucket(s3, request):
    """A bucket of the test's own, gone with all that is in it."""
    name = request.node.name.replace("[", "-").replace("]", "").replace("_", "-").lower()[:60]
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    yield name
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=name)
    for page in pages:
        keys = [{"Key": found["Key"]} for found in page.get("Contents", [])]
        if keys:
            assert "Errors" not in s3.delete_objects(Bucket=name, Delete={"Objects": keys})
    s3.delete_bucket(Bucket=name)


def refused(call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"]


def test_buckets(s3, bucket):
    assert bucket in [found["Name"] for found in s3.list_buckets()["Buckets"]]
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] == REGION
    assert s3.head_bucket(Bucket=bucket)["ResponseMetadata"]["HTTPHeaders"]["x-amz-bucket-region"] == REGION
    assert refused(s3.create_bucket, Bucket=bucket,
                   CreateBucketConfiguration={"LocationConstraint": REGION}) == "BucketAlreadyOwnedByYou"
    assert refused(s3.head_bucket, Bucket="no-such-bucket-here") == "404"
    assert refused(s3.get_object, Bucket="no-such-bucket-here", Key="a") == "NoSuchBucket"
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    assert refused(s3.delete_bucket, Bucket=bucket) == "BucketNotEmpty"


def crc(data, polynomial, bits):
    """Bits in reverse order, all of them ones at the start and turned over at the end; in Base64."""
    ones = (1 << bits) - 1
    value = ones
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (polynomial if value & 1 else 0)
    return base64.b64encode((value ^ ones).to_bytes(bits // 8, "big")).decode()


# Which botocore computes with a library of AWS's alone: here the test does.
OWN_CHECKSUMS = {"CRC32C": (0x82F63B78, 32), "CRC64NVME": (0x9A6C9329AC4BC9B5, 64)}


@pytest.mark.parametrize("algorithm", [None, "CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_checksums(s3, bucket, algorithm):
    options = {"ChecksumAlgorithm": algorithm} if algorithm else {}
    if algorithm in OWN_CHECKSUMS:
        # The catalogues' check values.
        check = {"CRC32C": "4waSgw==", "CRC64NVME": "rosUhgp5mIg="}
        assert crc(b"123456789", *OWN_CHECKSUMS[algorithm]) == check[algorithm]
        options = {f"Checksum{algorithm}": crc(b"hello", *OWN_CHECKSUMS[algorithm])}
        with pytest.raises(botocore.exceptions.ClientError, match="BadDigest"):
            s3.put_object(Bucket=bucket, Key="a", Body=b"hullo", **options)
    # Bytes are signed whole, a stream is sent in chunks.
    for body in (b"hello", io.BytesIO(b"hello")):
        put = s3.put_object(Bucket=bucket, Key="a", Body=body, Metadata={"owner": "ops"}, ContentType="text/x", **options)
        assert put["ETag"] == '"5d41402abc4b2a76b9719d911017c592"'
        got = s3.get_object(Bucket=bucket, Key="a", ChecksumMode="ENABLED")
        assert (got["Body"].read(), got["Metadata"], got["ContentType"]) == (b"hello", {"owner": "ops"}, "text/x")
        assert got[f"Checksum{algorithm or 'CRC32'}"] == put[f"Checksum{algorithm or 'CRC32'}"]


def test_reading(s3, bucket):
    s3.put_object(Bucket=bucket, Key="folder/ä b+c%", Body=b"0123456789")
    head = s3.head_object(Bucket=bucket, Key="folder/ä b+c%")
    assert head["ContentLength"] == 10
    ranged = s3.get_object(Bucket=bucket, Key="folder/ä b+c%", Range="bytes=2-4")
    assert (ranged["Body"].read(), ranged["ContentRange"]) == (b"234", "bytes 2-4/10")
    get = {"Bucket": bucket, "Key": "folder/ä b+c%"}
    assert refused(s3.get_object, Range="bytes=10-", **get) == "InvalidRange"
    assert refused(s3.get_object, IfMatch='"00"', **get) == "PreconditionFailed"
    assert refused(s3.get_object, IfNoneMatch=head["ETag"], **get) == "304"
    assert refused(s3.get_object, Bucket=bucket, Key="none") == "NoSuchKey"
    assert refused(s3.head_object, Bucket=bucket, Key="none") == "404"
    assert refused(s3.put_object, IfNoneMatch="*", Body=b"", **get) == "PreconditionFailed"
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=get)
    assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == b"0123456789"
    assert refused(s3.put_object, Bucket=bucket, Key="a" * 1025, Body=b"") == "KeyTooLongError"
    assert refused(s3.put_object, Bucket=bucket, Key="a/../../b", Body=b"") == "InvalidArgument"
    assert refused(s3.get_object_tagging, **get) == "NotImplemented"


def test_listing(s3, bucket):
    names = [f"{folder}/{number:02}" for folder in ("a", "b", "ü") for number in range(7)]
    for name in names:
        s3.put_object(Bucket=bucket, Key=name, Body=name.encode())
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, PaginationConfig={"PageSize": 4})
    assert [found["Key"] for page in pages for found in page["Contents"]] == names
    folded = s3.list_objects_v2(Bucket=bucket, Delimiter="/")
    assert [prefix["Prefix"] for prefix in folded["CommonPrefixes"]] == ["a/", "b/", "ü/"]
    within = s3.list_objects_v2(Bucket=bucket, Prefix="b/", StartAfter="b/04")
    assert [found["Key"] for found in within["Contents"]] == ["b/05", "b/06"]
    assert s3.list_objects_v2(Bucket=bucket, Prefix="none")["KeyCount"] == 0


def test_parts(s3, bucket):
    body = os.urandom(17 * MIB)
    transfer = boto3.s3.transfer.TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB, max_concurrency=3)
    s3.upload_fileobj(io.BytesIO(body), bucket, "big", Config=transfer)
    assert s3.head_object(Bucket=bucket, Key="big")["ETag"].endswith('-4"')
    back = io.BytesIO()
    s3.download_fileobj(bucket, "big", back, Config=transfer)
    assert hashlib.sha256(back.getvalue()).digest() == hashlib.sha256(body).digest()
    begun = s3.create_multipart_upload(Bucket=bucket, Key="never")
    of = {"Bucket": bucket, "Key": "never", "UploadId": begun["UploadId"]}
    s3.upload_part(PartNumber=1, Body=b"x", **of)
    s3.abort_multipart_upload(**of)
    assert refused(s3.upload_part, PartNumber=1, Body=b"x", **of) == "NoSuchUpload"
    assert refused(s3.get_object, Bucket=bucket, Key="never") == "NoSuchKey"


def test_presigned(s3, boto, bucket):
    v4 = boto("s3", config=botocore.config.Config(signature_version="s3v4"))
    address = v4.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "a b"}, ExpiresIn=60)
    put = urllib.request.Request(address, b"hello", {"Content-Type": ""}, method="PUT")
    urllib.request.urlopen(put, timeout=30).close()
    address = v4.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "a b"}, ExpiresIn=60)
    assert urllib.request.urlopen(address, timeout=30).read() == b"hello"
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(address.replace("a%20b", "other"), timeout=30)
    assert caught.value.code == 403 and b"SignatureDoesNotMatch" in caught.value.read()


def test_wrong_keys(boto, bucket):
    assert refused(boto("s3", aws_secret_access_key="wrong").list_buckets) == "SignatureDoesNotMatch"
    assert refused(boto("s3", aws_access_key_id="AKIANOBODY").list_buckets) == "InvalidAccessKeyId"


def test_the_command_line(aws, bucket, tmp_path):
    (tmp_path / "small").write_bytes(b"hello")
    (tmp_path / "big").write_bytes(os.urandom(9 * MIB))
    for name in ("small", "big"):
        done = aws.run("s3", "cp", "--no-progress", tmp_path / name, f"s3://{bucket}/folder/{name}")
        assert done.returncode == 0, done.stderr
    listed = aws.run("s3", "ls", f"s3://{bucket}/folder/").stdout
    assert [line.split()[2:] for line in listed.splitlines()] == [[str(9 * MIB), "big"], ["5", "small"]]
    assert "PRE folder/" in aws.run("s3", "ls", f"s3://{bucket}").stdout
    assert aws.run("s3", "cp", "--no-progress", f"s3://{bucket}/folder/big", tmp_path / "back").returncode == 0
    assert (tmp_path / "back").read_bytes() == (tmp_path / "big").read_bytes()
    address = aws.run("s3", "presign", f"s3://{bucket}/folder/small").stdout.strip()
    assert urllib.request.urlopen(address, timeout=30).read() == b"hello"
    moved = aws.run("s3", "mv", f"s3://{bucket}/folder/small", f"s3://{bucket}/moved")
    assert moved.returncode == 0, moved.stderr
    removed = aws.run("s3", "rm", "--recursive", f"s3://{bucket}/")
    assert removed.returncode == 0, removed.stderr
    assert aws.run("s3", "ls", f"s3://{bucket}").stdout == ""
    assert "NoSuchBucket" in aws.fails("s3", "ls", "s3://no-such-bucket-here")
