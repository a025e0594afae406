"""What an S3 store does wrong, one fault at a time: what can be repeated is,
what cannot is told with the right status, and never is a byte wrong."""
import contextlib
import http.client
import os
import threading
import time

import pytest
from conftest import Stored
from harness import wait_until
from standin import Object

SMALL, LARGE = os.urandom(100_000), os.urandom((12 << 20) + 17)
BROKEN = ["500 InternalError", "503 SlowDown", "429 TooManyRequests",
          "502 BadGateway", "400 RequestTimeout", "reset-before",
          "reset-after", "reset-mid"]


@pytest.mark.parametrize("fault", BROKEN)
def test_a_put_is_repeated(daemon, store, fault):
    store.fail("put", fault)
    status, _, text = daemon.put("a.bin", SMALL)
    assert status == 200, text
    assert store.objects[f"{daemon.home}/a.bin"].data == SMALL
    assert list(store.objects) == [f"{daemon.home}/a.bin"], \
        "what was put twice is recognised"
    assert daemon.get("a.bin")[2] == SMALL


@pytest.mark.parametrize("kind,fault", [
    (kind, fault) for kind in ("create", "part", "complete")
    for fault in BROKEN] + [("complete", "late-error")])
def test_an_upload_in_parts_is_repeated(daemon, store, kind, fault):
    store.fail(kind, fault)
    status, _, text = daemon.put("a.bin", LARGE)
    assert status == 200, text
    assert store.objects[f"{daemon.home}/a.bin"].data == LARGE
    assert daemon.get("a.bin")[2] == LARGE


@pytest.mark.parametrize("fault", BROKEN + ["short", "less", "more",
                                            "wrong-range"])
@pytest.mark.parametrize("skip", [0, 1, 4])
def test_a_get_is_repeated(daemon, store, fault, skip):
    assert daemon.put("a.bin", LARGE)[0] == 200
    store.fail("get", fault, skip=skip)
    status, _, body = daemon.get("a.bin")
    assert status == 200 and body == LARGE


def test_a_flipped_bit_is_no_answer(daemon, store):
    assert daemon.put("a.bin", SMALL)[0] == 200
    store.fail("get", "flip")
    status, _, text = daemon.get("a.bin")
    assert status == 500 and b"SHA-256" in text
    assert daemon.get("a.bin")[2] == SMALL


def test_a_flipped_bit_of_a_large_one_breaks_the_download(daemon, store):
    assert daemon.put("a.bin", LARGE)[0] == 200
    store.fail("get", "flip", skip=2)
    with pytest.raises(http.client.IncompleteRead):
        daemon.get("a.bin")
    assert daemon.get("a.bin")[2] == LARGE


def test_an_object_that_changes_meanwhile(daemon, store):
    assert daemon.put("a.bin", LARGE)[0] == 200
    o = store.objects[f"{daemon.home}/a.bin"]
    find, seen = store.find, []

    def later(key):
        seen.append(key)
        if len(seen) == 3:
            o.etag = '"other"'
        return find(key)

    store.find = later
    with pytest.raises(http.client.IncompleteRead):
        daemon.get("a.bin")


def test_an_object_that_is_shorter(daemon, store):
    assert daemon.put("a.bin", SMALL)[0] == 200
    o = store.objects[f"{daemon.home}/a.bin"]
    o.data = o.data[:-1]
    status, _, text = daemon.get("a.bin")
    assert status == 500 and b"99999" in text


def test_an_object_that_is_gone(daemon, store):
    assert daemon.put("a.bin", SMALL)[0] == 200
    store.objects.clear()
    status, _, text = daemon.get("a.bin")
    assert status == 500 and b"gone" in text


def test_hanging_is_waited_for_once(daemon, store):
    store.fail("put", "hang")
    start = time.monotonic()
    assert daemon.put("a.bin", SMALL)[0] == 200
    assert 5 < time.monotonic() - start < 25


def test_the_end_is_not_waited_for(daemon, store):
    store.fail("put", "hang", times=100)

    def put():
        with contextlib.suppress(OSError):
            daemon.put("a.bin", SMALL)

    t = threading.Thread(target=put)
    t.start()
    assert wait_until(lambda: store.counts["put"] > 3)
    start = time.monotonic()
    assert daemon.stop() == 0
    assert time.monotonic() - start < 20
    t.join()


def test_a_store_asks_to_wait(daemon, store):
    store.fail("put", "503 SlowDown", Retry_After="2")
    start = time.monotonic()
    assert daemon.put("a.bin", SMALL)[0] == 200
    assert time.monotonic() - start > 1.9


def test_a_store_that_stays_slow(daemon, store):
    store.fail("put", "503 SlowDown", times=1000)
    start = time.monotonic()
    status, headers, text = daemon.put("a.bin", SMALL)
    assert status == 503 and headers["Retry-After"] and b"SlowDown" in text
    assert time.monotonic() - start < 40
    assert store.counts["put"] < 20


@pytest.mark.parametrize("fault,status,word", [
    ("403 AccessDenied", 503, b"AccessDenied"),
    ("404 NoSuchBucket", 503, b"NoSuchBucket"),
    ("507 QuotaExceeded", 507, b"QuotaExceeded"),
    ("501 NotImplemented", 501, b"NotImplemented"),
])
@pytest.mark.parametrize("kind", ["put", "create", "part", "complete"])
def test_what_no_repeating_helps(daemon, store, kind, fault, status, word):
    store.fail(kind, fault, times=100)
    got, headers, text = daemon.put("a.bin",
                                    SMALL if kind == "put" else LARGE)
    assert got == status and word in text
    assert "Retry-After" in headers or status != 503
    assert daemon.get("a.bin")[0] == 404
    assert not store.uploads and not store.objects


def test_an_upload_that_cannot_be_given_up(daemon, store):
    store.fail("part", "403 AccessDenied", skip=1)
    store.fail("abort", "500 InternalError", times=8)
    assert daemon.put("a.bin", LARGE)[0] == 503
    assert len(store.uploads) == 1
    store.faults.clear()
    assert daemon.put("b.bin", LARGE)[0] == 200
    assert not store.uploads, "is once the store is well again"


def test_a_store_that_is_away(daemon, store):
    assert daemon.put("a.bin", SMALL)[0] == 200
    store.stop()
    start = time.monotonic()
    status, headers, text = daemon.get("a.bin")
    assert status == 503 and headers["Retry-After"], text
    assert "Content-Range" not in headers and "Repr-Digest" not in headers
    assert time.monotonic() - start < 40
    assert daemon.call("experiments/search", max_results=1), "all else works"
    store.start_again()
    assert daemon.get("a.bin")[2] == SMALL


def test_clocks_differ(daemon, store):
    store.skew = 3600
    assert daemon.put("a.bin", SMALL)[0] == 200
    store.skew = -7200
    assert daemon.put("b.bin", SMALL)[0] == 200


def test_a_put_leaves_what_is_there(base, store):
    for conditional in (True, False):
        store.conditional = conditional
        d = Stored(base / f"data{conditional}", store.url).begin()
        for name, data in (("a.bin", SMALL), ("b.bin", LARGE)):
            key = f"{d.home}/{name}"
            store.objects[key] = Object(b"foreign", {})
            assert d.put(name, data)[0] == 200
            assert store.objects[key].data == b"foreign"
            assert d.get(name)[2] == data
        assert d.stop() == 0
        store.objects.clear()
