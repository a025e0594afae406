"""What a bucket does wrong below a mount: no wrong byte, no write that is
lost in silence, an error within seconds, everything else goes on, and it
heals by itself.

ORRERY_TEST_LONG=1 tries every fault, and mixes them for ten minutes."""
import contextlib
import errno
import hashlib
import os
import random
import shutil
import subprocess
import threading
import time

import pytest
from conftest import Mounted, Stored
from harness import have_fuse, unmount, wait_until
from standin import Standin

pytestmark = pytest.mark.skipif(not have_fuse(), reason="no /dev/fuse here")

LONG = bool(os.environ.get("ORRERY_TEST_LONG"))
SMALL, LARGE = os.urandom(100_000), os.urandom((12 << 20) + 17)
REPEATED = ["500 InternalError", "503 SlowDown", "429 TooManyRequests",
            "502 BadGateway", "400 RequestTimeout", "reset-before",
            "reset-after", "reset-mid", "short"]
WRONG = ["less", "more", "wrong-range", "flip"]
PATIENCE = 15  # seconds until an error is told; 10, and a busy machine


@pytest.fixture
def mounted(base):
    with Standin() as s:
        d = Stored(base / "data", s.url)
        try:
            m = Mounted(base, d, d.environment)
            m.store = s
            yield m
            s.heal()
            m.end()
        finally:
            unmount(base / "mnt")
            if d.alive():
                d.stop()


def stored(mounted, **files):
    """Files that the mount has never seen the bytes of."""
    for name, data in files.items():
        (mounted.place / name).write_bytes(data)
    return mounted.fresh()


def wrong_or_right(path, data):
    """Reads; true if it could. What comes is never anything else."""
    try:
        got = path.read_bytes()
    except OSError as e:
        assert e.errno in (errno.EIO, errno.ETIMEDOUT), e
        return False
    assert got == data, f"{len(got)} wrong bytes of {path.name}"
    return True


# --- one fault that passes ---------------------------------------------------

@pytest.mark.parametrize("fault", REPEATED + WRONG)
@pytest.mark.parametrize("skip", [0, 2] if LONG else [2])
def test_a_read_goes_on(mounted, fault, skip):
    at = stored(mounted, small=SMALL, large=LARGE)
    mounted.store.fail("get", fault, skip=skip)
    assert (at / "large").read_bytes() == LARGE
    mounted.store.heal()
    mounted.store.fail("get", fault)
    assert (at / "small").read_bytes() == SMALL
    assert hashlib.sha256((mounted.again() / "large").read_bytes()
                          ).digest() == hashlib.sha256(LARGE).digest()


@pytest.mark.parametrize("kind,fault", [
    (kind, fault) for kind in ("put", "create", "part", "complete")
    for fault in (REPEATED if LONG or kind == "put" else REPEATED[:2])] + [("complete", "late-error")])
def test_a_write_goes_on(mounted, kind, fault):
    data = SMALL if kind == "put" else LARGE
    mounted.store.fail(kind, fault)
    (mounted.place / "f").write_bytes(data)
    assert (mounted.fresh() / "f").read_bytes() == data
    assert (mounted.mount.path / ".errors").read_text() == ""


def test_a_hang_is_not_waited_for(mounted):
    at = stored(mounted, small=SMALL, large=LARGE)
    mounted.store.fail("get", "hang")
    start = time.monotonic()
    assert (at / "small").read_bytes() == SMALL
    assert time.monotonic() - start < PATIENCE


# --- one that stays ----------------------------------------------------------

STAYING = ["500 InternalError", "flip", "hang", "404 NoSuchKey"] + LONG * [
    "503 SlowDown", "reset-before", "short", "wrong-range", "less",
    "403 AccessDenied", "404 NoSuchBucket"]


@pytest.mark.parametrize("fault", STAYING)
def test_reads_that_cannot_be(mounted, fault):
    (mounted.place / "d").mkdir()  # a neighbour's bytes may come along
    at = stored(mounted, small=SMALL, large=LARGE, **{"d/kept": SMALL[:5000]})
    assert (at / "d/kept").read_bytes() == SMALL[:5000]
    mounted.store.fail("get", fault, times=1 << 30)
    start, done = time.monotonic(), []
    reader = threading.Thread(target=lambda: done.append(
        (wrong_or_right(at / "large", LARGE), time.monotonic() - start)))
    reader.start()
    time.sleep(0.2)
    began = time.monotonic()
    assert sorted(os.listdir(at)) == ["d", "large", "small"]
    assert (at / "d/kept").read_bytes() == SMALL[:5000]
    assert time.monotonic() - began < 2, "others are not held up"
    assert wrong_or_right(at / "small", SMALL) is False
    reader.join()
    assert done[0][0] is False and done[0][1] < 2 * PATIENCE
    mounted.store.heal()
    assert wait_until(lambda: wrong_or_right(at / "small", SMALL), 10)
    assert wait_until(lambda: wrong_or_right(at / "large", LARGE), 10)


@pytest.mark.parametrize("fault", ["403 AccessDenied", "507 QuotaExceeded"] +
                         LONG * ["500 InternalError", "reset-before", "hang",
                                 "404 NoSuchBucket"])
@pytest.mark.parametrize("size", [100_000, (12 << 20) + 17])
def test_writes_that_cannot_be(mounted, fault, size):
    """close says so, the name keeps what it had, and it heals."""
    mounted.ends = (0, 1)
    (mounted.place / "f").write_bytes(b"first")
    mounted.store.fail("any", fault, times=1 << 30)
    data, start = LARGE[:size], time.monotonic()
    with pytest.raises(OSError):
        with open(mounted.place / "f", "wb", buffering=0) as f:
            f.write(data)
    assert time.monotonic() - start < 45, "30 s of patience"
    # The release, which tries once more, tells it.
    assert wait_until(lambda: "artifacts/f" in (
        mounted.mount.path / ".errors").read_text(), 90)
    mounted.store.heal()
    (mounted.place / "g").write_bytes(data)
    shutil.copyfile(mounted.place / "g", mounted.place / "f")
    at = mounted.fresh()
    assert (at / "g").read_bytes() == data == (at / "f").read_bytes()


def test_keys_that_expire(mounted):
    mounted.ends = (0, 1)
    at = stored(mounted, small=SMALL)
    mounted.store.expired.add("test")
    assert wrong_or_right(at / "small", SMALL) is False
    with pytest.raises(OSError):
        (at / "new").write_bytes(SMALL)
    mounted.store.expired.clear()
    assert wait_until(lambda: wrong_or_right(at / "small", SMALL), 10)


def test_clocks_that_differ(mounted):
    at = stored(mounted, small=SMALL, large=LARGE)
    mounted.store.skew = 3600
    assert (at / "large").read_bytes() == LARGE
    (at / "new").write_bytes(LARGE)
    mounted.store.skew = -7200
    assert (at / "small").read_bytes() == SMALL
    at = mounted.fresh()
    assert (at / "new").read_bytes() == LARGE


def test_a_bucket_that_is_gone(mounted):
    at = stored(mounted, small=SMALL)
    mounted.store.bucket = "another"
    assert wrong_or_right(at / "small", SMALL) is False
    mounted.store.bucket = "orrery"
    assert wait_until(lambda: wrong_or_right(at / "small", SMALL), 10)


def test_a_store_that_is_away(mounted):
    mounted.ends = (0, 1)
    at = stored(mounted, small=SMALL, large=LARGE)
    mounted.store.stop()
    start = time.monotonic()
    assert wrong_or_right(at / "large", LARGE) is False
    with pytest.raises(OSError):
        (at / "new").write_bytes(SMALL)
    assert time.monotonic() - start < 2 * PATIENCE
    mounted.store.start_again()
    assert wait_until(lambda: wrong_or_right(at / "large", LARGE), 10)


def test_a_reader_that_is_interrupted(mounted):
    """Ctrl-C ends at once a cat that waits for a store that hangs."""
    at = stored(mounted, large=LARGE)
    mounted.store.fail("get", "hang", times=1 << 30)
    cat = subprocess.Popen(["cat", at / "large"], stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    start = time.monotonic()
    cat.terminate()
    cat.wait(10)
    assert time.monotonic() - start < 1


def test_bytes_that_rot_in_the_bucket(mounted):
    """Not one wrong byte, ever; the rest of the file can be had."""
    at = stored(mounted, large=LARGE, small=SMALL)
    [o] = [o for o in mounted.store.objects.values()
           if len(o.data) == len(LARGE)]
    o.data = LARGE[:5 << 20] + bytes([LARGE[5 << 20] ^ 4]) + LARGE[
        (5 << 20) + 1:]
    assert wrong_or_right(at / "large", LARGE) is False
    with open(at / "large", "rb", buffering=0) as f:
        assert os.pread(f.fileno(), 4096, 0) == LARGE[:4096]
        with pytest.raises(OSError):
            os.pread(f.fileno(), 4096, 5 << 20)
    assert (at / "small").read_bytes() == SMALL
    o.data = LARGE
    assert wait_until(lambda: wrong_or_right(at / "large", LARGE), 10)


# --- the machine's own disk --------------------------------------------------

needs_root = pytest.mark.skipif(os.geteuid() != 0,
                                reason="needs root to mount a small disk")


@needs_root
def test_a_cache_without_room(mounted, base):
    """Reads go past it, or what it has makes room; so do writes. One that
    finds no room fails, and says so."""
    mounted.ends = (0, 1)
    for i in range(6):
        (mounted.place / f"large{i}").write_bytes(LARGE)
    (base / "tiny").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs",
                    base / "tiny"], check=True)
    at = mounted.again("tiny")
    for i in range(12):
        assert (at / f"large{i % 6}").read_bytes() == LARGE
    (at / "small").write_bytes(SMALL)
    (at / "new").write_bytes(LARGE)
    with pytest.raises(OSError) as caught:
        (at / "too large").write_bytes(bytes(80 << 20))
    assert caught.value.errno == errno.ENOSPC
    assert wait_until(lambda: (at / "after").write_bytes(LARGE), 10)
    at = mounted.fresh()
    assert (at / "small").read_bytes() == SMALL
    assert (at / "new").read_bytes() == LARGE == (at / "after").read_bytes()
    unmount(base / "tiny")


def test_a_cache_that_is_taken_away(mounted, base):
    at = stored(mounted, large=LARGE, small=SMALL)
    assert (at / "large").read_bytes() == LARGE
    caches = list(base.glob("cache*"))
    with open(at / "large", "rb", buffering=0) as f:
        for c in caches:
            shutil.rmtree(c, ignore_errors=True)
        assert os.pread(f.fileno(), 5000, 6 << 20) == LARGE[
            6 << 20:(6 << 20) + 5000]
    assert (at / "small").read_bytes() == SMALL
    (at / "new").write_bytes(LARGE)
    assert (at / "new").read_bytes() == LARGE
    assert (mounted.fresh() / "new").read_bytes() == LARGE


# --- everything at once ------------------------------------------------------

class Worker(threading.Thread):
    """Writes files of its own and reads any; remembers what close said."""

    def __init__(self, number, place, stop):
        super().__init__(daemon=True)
        self.chance, self.place = random.Random(number), place
        self.number, self.stop_now = number, stop
        self.kept, self.maybe, self.failed = {}, {}, 0
        self.bad, self.reads = [], 0

    def run(self):
        while not self.stop_now.is_set():
            try:
                self.write() if self.chance.random() < 0.5 else self.read()
            except AssertionError as e:
                self.bad.append(str(e))
                return

    def write(self):
        name = f"w{self.number}-{self.chance.randrange(6)}"
        n = self.chance.choice((1, 5000, 300_000, 6 << 20))
        data = self.chance.randbytes(n)
        try:
            (self.place / name).write_bytes(data)
            self.kept[name], self.maybe[name] = data, ()
        except OSError:
            self.failed += 1
            self.maybe[name] = (*self.maybe.get(name, ()), data)

    def may_be(self, name):
        return (self.kept.get(name), *self.maybe.get(name, ()))

    def read(self):
        name = self.chance.choice(list(self.kept) or ["none"])
        with contextlib.suppress(OSError):
            got = (self.place / name).read_bytes()
            self.reads += 1
            assert got in self.may_be(name), f"{name}: wrong bytes"


@pytest.mark.parametrize("seed", [1, 2])
def test_everything_at_once(mounted, seed):
    stop = threading.Event()
    workers = [Worker(10 * seed + i, mounted.place, stop) for i in range(4)]
    mounted.ends = (0, 1)
    mounted.store.mix(REPEATED + WRONG + ["hang"], 0.1, seed)
    for w in workers:
        w.start()
    time.sleep(300 if LONG else 8)
    mounted.store.heal()
    stop.set()
    for w in workers:
        w.join(120)
        assert not w.is_alive() and w.bad == []
    at = mounted.fresh()
    for w in workers:
        for name in w.kept:
            assert (at / name).read_bytes() in w.may_be(name), name
    assert sum(len(w.kept) for w in workers) > 4
    assert sum(w.reads for w in workers) > 4
