"""The same against a server that is not ours: versitygw; and boto3 as judge."""
import os
import time

import pytest
from conftest import Stored
from test_store import check_all, fetch, presigned

boto3 = pytest.importorskip("boto3")


@pytest.fixture
def bucket(versitygw):
    from botocore.config import Config
    return boto3.client(
        "s3", endpoint_url=versitygw, aws_access_key_id="test",
        aws_secret_access_key="secretsecret", region_name="us-east-1",
        config=Config(s3={"addressing_style": "path"}))


@pytest.fixture
def daemon(base, versitygw):
    d = Stored(base / "data", versitygw, ORRERY_OBJECTS__DIRECT="true",
               ORRERY_OBJECTS__URL=f"s3://orrery/{time.time_ns()}").begin()
    yield d
    assert d.stop() == 0


def test_sizes_and_names(daemon, bucket):
    prefix = daemon.environment["ORRERY_OBJECTS__URL"].split("/")[-1]
    for n, name in ((0, "empty"), (1, "a%20b+c"), (5 << 20, "%C3%A9/%26"),
                    (17 << 20, "large")):
        data = os.urandom(n)
        assert daemon.put(name, data)[0] == 200
        assert daemon.get(name)[2] == data
        if n:
            assert fetch(presigned(daemon, name)["url"]) == data
    keys = [o["Key"] for o in bucket.list_objects_v2(
        Bucket="orrery", Prefix=prefix)["Contents"]]
    assert f"{prefix}/{daemon.home}/a b+c" in keys and len(keys) == 4
    got = bucket.get_object(Bucket="orrery",
                            Key=f"{prefix}/{daemon.home}/large",
                            ChecksumMode="ENABLED")
    assert len(got["Body"].read()) == 17 << 20
    assert check_all(daemon) == ""


def test_an_upload_given_up(daemon, bucket):
    from test_store import half_an_upload
    half_an_upload(daemon).close()
    end = time.monotonic() + 10
    while time.monotonic() < end and bucket.list_multipart_uploads(
            Bucket="orrery").get("Uploads"):
        time.sleep(0.1)
    assert not bucket.list_multipart_uploads(Bucket="orrery").get("Uploads")


def memory(pid):
    with open(f"/proc/{pid}/status") as f:
        return int(f.read().split("VmHWM:")[1].split()[0]) / 1024


def test_constant_memory(daemon):
    chunk = os.urandom(1 << 20)

    class Body:
        left = 300

        def read(self, n=-1):
            self.left -= 1
            return chunk if self.left >= 0 else b""

    daemon.put("warm", bytes(12 << 20))
    daemon.get("warm")
    with open(f"/proc/{daemon.pid}/clear_refs", "w") as f:
        f.write("5")
    before = memory(daemon.pid)
    status, _, text = daemon.request("PUT", daemon.path("big"), Body(), {
        "Content-Length": str(300 << 20)})
    assert status == 200, text
    got = 0
    import urllib.request
    with urllib.request.urlopen(daemon.url + daemon.path("big")) as answer:
        while piece := answer.read(1 << 20):
            got += len(piece)
    assert got == 300 << 20
    assert memory(daemon.pid) - before < 16
