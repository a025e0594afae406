"""Uploads in parts, downloads by links, digests and ranges, by plain HTTP."""
import base64
import concurrent.futures
import hashlib
import json
import os
import random
import re
import time
import urllib.parse

import pytest

from harness import Daemon, check, object_files, workplace

BASE = "/api/2.0/mlflow-artifacts"


def bytes_of(n, seed=1):
    return random.Random(seed).randbytes(n)


def base64_of(name, data):
    return base64.b64encode(hashlib.new(name, data).digest()).decode()


class Target:
    """A run's directory of artifacts, and calls about it."""

    def __init__(self, daemon, run=None):
        self.daemon = daemon
        self.run = run or daemon.run()["run_id"]
        self.place = f"0/{self.run}/artifacts"

    def request(self, method, path, body=None, **headers):
        headers = {k.replace("_", "-"): v for k, v in headers.items()}
        return self.daemon.request(method, path, body, headers)

    def post(self, what, directory="", **body):
        path = f"{BASE}/mpu/{what}/{self.place}{directory}"
        status, _, text = self.request("POST", path, body)
        return status, json.loads(text)

    def create(self, name, parts, directory=""):
        status, answer = self.post("create", directory, path=name,
                                   num_parts=parts)
        assert status == 200, answer
        numbers = [c["part_number"] for c in answer["credentials"]]
        assert numbers == list(range(1, parts + 1))
        return answer["upload_id"], [
            c["url"].replace(self.daemon.url, "")
            for c in answer["credentials"]]

    def put(self, url, data, **headers):
        status, head, text = self.request("PUT", url, data, **headers)
        assert status == 200, text
        assert head["ETag"] == f'"{hashlib.sha256(data).hexdigest()}"'
        return head["ETag"]

    def complete(self, name, upload, etags, directory=""):
        return self.post("complete", directory, path=name, upload_id=upload,
                         parts=[{"part_number": i + 1, "etag": e, "url": ""}
                                for i, e in enumerate(etags)])

    def get(self, name, **headers):
        return self.request("GET", f"{BASE}/artifacts/{self.place}/{name}",
                            None, **headers)

    def listed(self, path=""):
        query = {"run_id": self.run, **({"path": path} if path else {})}
        found = self.daemon.call("artifacts/list?" +
                                 urllib.parse.urlencode(query))
        return {f["path"]: f.get("file_size") for f in found.get("files", [])}


@pytest.fixture
def target(daemon):
    return Target(daemon)


# --- uploads -----------------------------------------------------------------

def test_parts_in_any_order_and_at_once(target):
    parts = [bytes_of(n, n) for n in (700000, 700000, 1, 0, 999999, 5)]
    upload, urls = target.create("/home/me/file.bin", len(parts), "/d/e")
    order = list(range(len(parts)))
    random.Random(3).shuffle(order)
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        etags = dict(zip(order, pool.map(
            lambda i: target.put(urls[i], parts[i]), order)))
    assert target.listed() == {}
    status, answer = target.complete("/home/me/file.bin", upload,
                                     [etags[i] for i in range(6)], "/d/e")
    assert (status, answer) == (200, {})
    whole = b"".join(parts)
    assert target.listed("d/e") == {"d/e/file.bin": len(whole)}
    status, head, got = target.get("d/e/file.bin")
    assert status == 200 and got == whole
    assert head["ETag"] == f'"{hashlib.sha256(whole).hexdigest()}"'
    assert check(target.daemon.data) == ""


def test_completed_twice_is_completed(target):
    upload, urls = target.create("f", 1)
    etag = target.put(urls[0], b"once")
    for _ in range(3):
        assert target.complete("f", upload, [etag]) == (200, {})
    assert target.get("f")[2] == b"once"
    status, _, _ = target.request("PUT", urls[0], b"late")
    assert status == 400
    assert target.post("abort", path="f", upload_id=upload) == (200, {})
    assert target.get("f")[2] == b"once"


def test_a_part_put_again(target):
    upload, urls = target.create("f", 2)
    first = target.put(urls[0], b"first ")
    stale = target.put(urls[1], b"stale")
    fresh = target.put(urls[1], b"fresh")
    status, answer = target.complete("f", upload, [first, stale])
    assert status == 400 and "part 2" in answer["message"]
    assert target.listed() == {}
    bare = fresh.strip('"')
    assert target.complete("f", upload, [first, bare])[0] == 200
    assert target.get("f")[2] == b"first fresh"


def test_parts_that_are_missing(target):
    upload, urls = target.create("f", 3)
    etags = [target.put(urls[0], b"a"), '"x"', target.put(urls[2], b"c")]
    for listed, said in ((etags, "part 2"), (etags[:2], "3 parts"),
                         ([], "3 parts"), (etags + etags, "3 parts")):
        status, answer = target.complete("f", upload, listed)
        assert status == 400 and said in answer["message"], answer
    status, answer = target.post("complete", path="f", upload_id=upload,
                                 parts=[{"part_number": 1, "etag": "e"}] * 3)
    assert status == 400
    etags[1] = target.put(urls[1], b"b")
    assert target.complete("f", upload, etags)[0] == 200
    assert target.get("f")[2] == b"abc"


def test_aborted(target):
    upload, urls = target.create("f", 2)
    etag = target.put(urls[0], b"a")
    assert target.post("abort", path="f", upload_id=upload) == (200, {})
    assert target.request("PUT", urls[1], b"b")[0] == 404
    assert target.complete("f", upload, [etag, etag])[0] == 404
    assert target.post("abort", path="f", upload_id=upload)[0] == 404
    assert target.listed() == {}


def test_only_of_its_own_artifact(target, daemon):
    other = Target(daemon)
    upload, urls = target.create("f", 1)
    etag = target.put(urls[0], b"mine")
    assert target.complete("g", upload, [etag])[0] == 400
    assert other.complete("f", upload, [etag])[0] == 400
    assert other.post("abort", path="f", upload_id=upload)[0] == 400
    for wrong in ("0" * 32, "", "../../x", upload.upper(), upload + "0"):
        assert target.complete("f", wrong, [etag])[0] in (400, 404)
    assert target.complete("f", upload, [etag])[0] == 200
    daemon.call("runs/delete", {"run_id": other.run})
    assert other.post("create", path="f", num_parts=1)[0] == 400


@pytest.mark.parametrize("body", [
    {}, {"path": ""}, {"path": "f", "num_parts": 0},
    {"path": "f", "num_parts": -1}, {"path": "f", "num_parts": 10001},
    {"path": "f", "num_parts": "many"}, {"path": ".."}, {"path": "d/"},
    {"path": "a\0b"}, {"path": "x" * 5000},
])
def test_wrong_creations(target, body):
    status, answer = target.post("create", **body)
    assert status in (400, 414) and answer["message"], answer


def test_nobodys_directory(daemon):
    for place in ("0/" + "f" * 32 + "/artifacts", "nothing", "0/../x"):
        status, _, text = daemon.request("POST", f"{BASE}/mpu/create/{place}",
                                         {"path": "f", "num_parts": 1})
        assert status in (400, 404), text


def test_as_many_parts_as_may_be(target):
    upload, urls = target.create("f", 10000)
    assert len(set(urls)) == 10000
    assert target.post("abort", path="f", upload_id=upload)[0] == 200


def test_uploads_outlive_the_daemon():
    """Parts and links are good for the next process; killed at any moment an
    upload can be completed, or is gone."""
    with workplace() as base:
        d = Daemon(base / "data")
        t = Target(d)
        upload, urls = t.create("f", 6)
        etags = []
        for i in range(3):
            etags.append(t.put(urls[i], bytes_of(100000, i)))
            d.kill()
            d = t.daemon = Daemon(base / "data")
        etags += [t.put(urls[i], bytes_of(100000, i)) for i in (3, 4, 5)]
        assert t.complete("f", upload, etags)[0] == 200
        d.kill()
        d = t.daemon = Daemon(base / "data")
        assert t.complete("f", upload, etags)[0] == 200
        assert t.get("f")[2] == b"".join(bytes_of(100000, i)
                                         for i in range(6))
        assert check(d.data) == ""
        assert (base / "data" / "secret").stat().st_mode & 0o777 == 0o600
        assert d.stop() == 0


def test_abandoned_uploads_are_swept(daemon, target):
    old, urls = target.create("old", 2)
    target.put(urls[0], b"x")
    young, _ = target.create("young", 1)
    top = daemon.data / "objects" / ".tmp"
    place = top / f"upload-{old}"
    past = time.time() - 25 * 3600
    for f in [*place.iterdir(), place]:
        os.utime(f, (past, past))
    status, _, text = daemon.request("POST", "/api/gc", {"dry_run": True})
    assert json.loads(text)["uploads"] == 1 and place.exists()
    status, _, text = daemon.request("POST", "/api/gc", {})
    assert json.loads(text)["uploads"] == 1
    assert not place.exists() and (top / f"upload-{young}").exists()
    assert target.request("PUT", urls[1], b"y")[0] == 404


def test_constant_memory(daemon, target):
    def peak():
        with open(f"/proc/{daemon.pid}/status") as f:
            return int(re.search(r"VmHWM:\s+(\d+)", f.read())[1])

    size, n = 8 << 20, 12
    upload, urls = target.create("large", n)
    before = peak()
    data = bytes_of(size)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        etags = list(pool.map(lambda u: target.put(u, data), urls))
    assert target.complete("large", upload, etags)[0] == 200
    assert peak() - before < 64 << 10  # kB; the file has 96 MB
    assert target.listed() == {"large": size * n}


# --- links -------------------------------------------------------------------

def altered(url):
    """Wrong spellings of a link: each of them asks for something else."""
    path, query = url.split("?")
    fields = dict(urllib.parse.parse_qsl(query))
    for name in fields:
        yield path, {k: v for k, v in fields.items() if k != name}
        value = fields[name]
        other = str(int(value) + 1) if value.isdigit() else (
            value[:-1] + ("0" if value[-1:] != "0" else "1"))
        yield path, {**fields, name: other}
    yield path.replace("/mpu/part/", "/mpu/part/0", 1).replace(
        "/signed/", "/signed/x", 1), fields
    yield path + "1", fields


def test_altered_links_are_refused(daemon, target):
    upload, urls = target.create("f", 2)
    etags = [target.put(u, b"x") for u in urls]
    assert target.complete("f", upload, etags)[0] == 200
    link = json.loads(daemon.request(
        "GET", f"{BASE}/presigned/{target.place}/f")[2])["url"]
    assert daemon.request("GET", link.replace(daemon.url, ""))[0] == 200
    _, (url, _) = target.create("g", 2)
    for method, one in (("PUT", url), ("GET", link.replace(daemon.url, ""))):
        for path, fields in altered(one):
            status, _, text = daemon.request(
                method, f"{path}?{urllib.parse.urlencode(fields)}",
                b"y" if method == "PUT" else None)
            assert status in (400, 403), (path, fields, text)
    # A link for one thing is none for another.
    end = urllib.parse.urlsplit(link).query.split("expires=")[1]
    assert daemon.request("PUT", url.split("?")[0] + "?expires=" + end,
                          b"y")[0] == 403


def test_links_expire(daemon, target):
    _, (url,) = target.create("f", 1)
    expires = int(re.search(r"expires=(\d+)", url)[1])
    assert 23 * 3600 < expires / 1000 - time.time() < 25 * 3600
    past = re.sub(r"expires=\d+", "expires=1", url)
    assert daemon.request("PUT", past, b"x")[0] == 403


def test_links_have_the_prefix_that_was_asked(daemon, target):
    body = {"path": "f", "num_parts": 1}
    for prefix in ("/ajax-api/2.0", "/mlflow/api/2.0"):
        status, _, text = daemon.request(
            "POST", f"{prefix}/mlflow-artifacts/mpu/create/{target.place}",
            body)
        (one,) = json.loads(text)["credentials"]
        assert one["url"].startswith(daemon.url + prefix + "/"), one
        path = one["url"].replace(daemon.url, "")
        assert daemon.request("PUT", path, b"x")[0] == 200


# --- downloads ---------------------------------------------------------------

def presigned(target, name):
    status, _, text = target.request(
        "GET", f"{BASE}/presigned/{target.place}/{name}")
    return status, json.loads(text)


def test_download_in_ranges(target):
    data = bytes_of(300000)
    target.request("PUT", f"{BASE}/artifacts/{target.place}/d/%C3%BC", data)
    status, answer = presigned(target, "d/%C3%BC")
    assert status == 200 and answer["file_size"] == len(data)
    assert answer["headers"] == {}
    url = answer["url"].replace(target.daemon.url, "")
    got = b""
    for first in range(0, len(data), 70000):
        last = min(first + 70000, len(data)) - 1
        status, head, part = target.request("GET", url,
                                            Range=f"bytes={first}-{last}")
        assert status == 206
        assert head["Content-Range"] == f"bytes {first}-{last}/{len(data)}"
        got += part
        if first == 140000:  # replaced meanwhile: the link is to these bytes
            target.request("PUT", f"{BASE}/artifacts/{target.place}/d/%C3%BC",
                           b"others")
    assert got == data
    assert target.get("d/%C3%BC")[2] == b"others"


def test_no_link_to_what_is_not_there(target):
    target.request("PUT", f"{BASE}/artifacts/{target.place}/d/f", b"x")
    assert presigned(target, "nothing")[0] == 404
    assert presigned(target, "d")[0] in (400, 409)
    target.daemon.call("runs/delete", {"run_id": target.run})
    status, answer = presigned(target, "d/f")
    target.daemon.request("POST", "/api/gc", {"run_ids": [target.run]})
    if status == 200:
        url = answer["url"].replace(target.daemon.url, "")
        status, _, text = target.request("GET", url)
        assert status == 404 and b"removed for good" in text
    assert presigned(target, "d/f")[0] == 404


def test_an_empty_file(target):
    target.request("PUT", f"{BASE}/artifacts/{target.place}/empty", b"")
    status, answer = presigned(target, "empty")
    assert status == 200 and answer["file_size"] == 0
    assert target.request(
        "GET", answer["url"].replace(target.daemon.url, ""))[::2] == (200, b"")


@pytest.mark.parametrize("how", ["artifact", "page", "link"])
def test_resuming(target, how):
    data = bytes_of(100000)
    target.request("PUT", f"{BASE}/artifacts/{target.place}/f", data)
    url = {"artifact": f"{BASE}/artifacts/{target.place}/f",
           "page": f"/get-artifact?run_id={target.run}&path=f",
           "link": presigned(target, "f")[1]["url"].replace(
               target.daemon.url, "")}[how]
    status, head, got = target.request("GET", url)
    etag = head["ETag"]
    assert status == 200 and got == data and head["Accept-Ranges"] == "bytes"
    assert etag == f'"{hashlib.sha256(data).hexdigest()}"'
    assert head["Repr-Digest"] == f"sha-256=:{base64_of('sha256', data)}:"
    status, head, got = target.request("GET", url, Range="bytes=60000-",
                                       If_Range=etag)
    assert status == 206 and got == data[60000:]
    status, _, got = target.request("GET", url, Range="bytes=60000-",
                                    If_Range='"other"')
    assert status == 200 and got == data
    assert target.request("GET", url, Range="bytes=-5")[2] == data[-5:]
    assert target.request("GET", url, Range="bytes=100000-")[0] == 416
    assert target.request("GET", url, If_None_Match=etag)[0] == 304
    assert target.request("GET", url, If_Match='"other"')[0] == 412
    status, head, got = target.request("HEAD", url)
    assert status == 200 and got == b""
    assert head["Content-Length"] == "100000"


# --- digests -----------------------------------------------------------------

def digests(data):
    sha, md5 = base64_of("sha256", data), base64_of("md5", data)
    return [{"Content_MD5": md5}, {"Content_Digest": f"sha-256=:{sha}:"},
            {"Repr_Digest": f"sha-512=:AAAA:, sha-256=:{sha}:"},
            {"Digest": f"SHA-256={sha}"},
            {"Content_MD5": md5, "Digest": f"md5={md5}, SHA-256={sha}",
             "Content_Digest": f"sha-256=:{sha}:;x=1"}]


@pytest.mark.parametrize("which", range(5))
@pytest.mark.parametrize("size", [0, 1, 500000])
def test_digests_that_hold(target, which, size):
    data = bytes_of(size)
    status, head, text = target.request(
        "PUT", f"{BASE}/artifacts/{target.place}/f", data,
        **digests(data)[which])
    assert status == 200, text
    assert head["ETag"] == f'"{hashlib.sha256(data).hexdigest()}"'
    upload, (url,) = target.create("g", 1)
    target.put(url, data, **digests(data)[which])


@pytest.mark.parametrize("which", range(5))
def test_digests_that_do_not(target, which):
    data = bytes_of(1000)
    wrong = digests(data[:-1] + b"?")[which]
    status, _, text = target.request(
        "PUT", f"{BASE}/artifacts/{target.place}/f", data, **wrong)
    assert status == 400 and b"damaged" in text
    assert target.listed() == {}
    upload, (url,) = target.create("g", 1)
    assert target.request("PUT", url, data, **wrong)[0] == 400
    assert target.complete("g", upload, ['"x"'])[0] == 400
    files = [p for p in object_files(target.daemon.data)
             if "/0/" in str(p) and target.run in str(p)]
    assert files == []


@pytest.mark.parametrize("header", [
    {"Content_MD5": "short"}, {"Content_MD5": "!" * 24},
    {"Content_Digest": "sha-256=:AAAA:"}, {"Content_Digest": "sha-256"},
    {"Repr_Digest": "sha-256=?"}, {"Digest": "sha-256="},
    {"Content_Digest": f"sha-256=:{base64_of('sha256', b'x')}:",
     "Repr_Digest": f"sha-256=:{base64_of('sha256', b'y')}:"},
])
def test_digests_that_cannot_be_read(target, header):
    status, _, text = target.request(
        "PUT", f"{BASE}/artifacts/{target.place}/f", b"x", **header)
    assert status == 400 and json.loads(text)["message"]
    assert target.listed() == {}


def test_digests_of_others_are_passed_over(target):
    status, _, _ = target.request(
        "PUT", f"{BASE}/artifacts/{target.place}/f", b"x",
        Content_Digest="sha-512=:AAAA:", Digest="crc32c=AAAA,unixsum=5")
    assert status == 200


def test_a_page_uploads(target):
    url = f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={target.run}&path="
    data = bytes_of(1000)
    sha = base64_of("sha256", data)
    status, head, _ = target.request("POST", url + "p/q", data,
                                     Content_Digest=f"sha-256=:{sha}:")
    assert status == 200
    assert head["ETag"] == f'"{hashlib.sha256(data).hexdigest()}"'
    assert target.get("p/q")[2] == data
    assert target.request("POST", url + "r", data, Content_MD5=base64_of(
        "md5", b"other"))[0] == 400
    assert target.listed("p") == {"p/q": 1000} and "r" not in target.listed()
