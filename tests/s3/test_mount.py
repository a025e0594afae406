"""A mount beside a daemon whose objects lie in a bucket: what is written and
read through files, byte for byte, and what happens when the store fails."""
import contextlib
import errno
import mmap
import os
import random
import signal
import subprocess
import sys
import threading
import time

import pytest
from conftest import Stored

from harness import Mount, check, have_fuse, unmount, wait_until

pytestmark = pytest.mark.skipif(not have_fuse(), reason="no /dev/fuse here")
MB = 1 << 20


class Mounted:
    """A daemon, a mount, and the artifacts of one run in it."""

    def __init__(self, daemon, base, *flags, **extra):
        self.daemon, self.base = daemon, base
        self.environment = {**daemon.environment, **extra}
        self.mount, self.flags = None, flags
        self.start()

    def start(self, name="m", *flags):
        place = self.base / name
        place.mkdir(exist_ok=True)
        self.log = self.base / (name + ".log")
        with open(self.log, "a") as log:
            self.mount = Mount(self.daemon.data, place, *self.flags, *flags,
                               env=self.environment, log=log)
        runs = self.mount.path / "experiments/x/runs"
        self.run = next(p for p in runs.iterdir() if p.is_dir())
        self.path = self.run / "artifacts"

    def stop(self):
        if self.mount and self.mount.alive():
            status = self.mount.stop(60)
            unmount(self.mount.path)
            return status
        return None

    def stats(self):
        return dict(line.split("\t") for line in (
            self.mount.path / ".stats").read_text().splitlines())

    def errors(self):
        return (self.mount.path / ".errors").read_text()

    def stored(self, name):
        """What HTTP says of it, when the index knows it."""
        return self.daemon.get(name)[2]


@pytest.fixture
def mounted(daemon, base):
    m = Mounted(daemon, base)
    try:
        yield m
        assert m.mount.alive()
        assert m.errors() == "", m.log.read_text()
    finally:
        status = m.stop()
        print(m.log.read_text())
    assert status == 0


@pytest.fixture
def quick(daemon, base):
    """One that gives up soon, and may have lost something."""
    m = Mounted(daemon, base, "--wait", "3s")
    try:
        yield m
        assert m.mount.alive()
    finally:
        m.stop()


@contextlib.contextmanager
def fails(number):
    with pytest.raises(OSError) as caught:
        yield
    assert caught.value.errno == number, caught.value


def same(m, name, data):
    assert (m.path / name).read_bytes() == data
    assert (m.path / name).stat().st_size == len(data)
    if not data:  # what was not written is stored by the release
        wait_until(lambda: m.daemon.get(name)[0] == 200, 5)
    assert m.stored(name) == data


SIZES = [0, 1, 4095, 4096, 4097, MB, 5 * MB, 8 * MB - 1, 8 * MB, 8 * MB + 1,
         17 * MB + 3]


def test_sizes(mounted, store):
    for n in SIZES:
        data = os.urandom(n)
        (mounted.path / f"f{n}").write_bytes(data)
        same(mounted, f"f{n}", data)
    assert store.counts["complete"] == sum(n > 5 * MB for n in SIZES)
    assert check_all(mounted) == ""


def check_all(m):
    return check_env(m.daemon)


def check_env(daemon):
    from harness import BIN
    p = subprocess.run([BIN / "orrery", "check", "--data", daemon.data],
                       env=daemon.environment, text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return "" if p.returncode == 0 else p.stdout


def test_what_http_stored(mounted, daemon):
    """In a mount of later, too: nothing of it is on this side yet."""
    for n in SIZES:
        data = os.urandom(n)
        assert daemon.put(f"h{n}", data)[0] == 200
        assert (mounted.path / f"h{n}").stat().st_size == n
        assert (mounted.path / f"h{n}").read_bytes() == data


def test_ls_asks_the_store_nothing(mounted, daemon, store):
    for i in range(20):
        daemon.put(f"d/f{i}", b"x" * i)
    before = sum(store.counts.values())
    out = subprocess.run(["find", mounted.path, "-type", "f", "-size",
                          "-1000", "-printf", "%P %s\n"],
                         capture_output=True, text=True, timeout=30)
    assert sorted(out.stdout.splitlines()) == sorted(
        f"d/f{i} {i}" for i in range(20))
    subprocess.run(["ls", "-laR", mounted.path], check=True, timeout=30,
                   stdout=subprocess.DEVNULL)
    assert sum(store.counts.values()) == before


def test_random_writes(mounted):
    """Any order, cuts, holes, many commits: as a file in memory has it."""
    rng = random.Random(7)
    model = bytearray()
    with open(mounted.path / "r", "w+b", buffering=0) as f:
        for step in range(300):
            kind = rng.random()
            if kind < 0.75:
                off = rng.randrange(0, 14 * MB)
                data = rng.randbytes(rng.choice((1, 4096, 70000, 900000)))
                if off > len(model):
                    model.extend(bytes(off - len(model)))
                model[off:off + len(data)] = data
                f.seek(off)
                assert f.write(data) == len(data)
            elif kind < 0.85:
                size = rng.randrange(0, 16 * MB)
                f.truncate(size)
                model = model[:size] + bytes(max(0, size - len(model)))
            elif kind < 0.87:
                os.fsync(f.fileno())
            else:
                off = rng.randrange(0, len(model) + 1)
                f.seek(off)
                assert f.read(100000) == model[off:off + 100000]
    same(mounted, "r", bytes(model))


def test_sequential_then_the_head(mounted):
    """What was sent is changed: archives write their head in the end."""
    data = bytearray(os.urandom(30 * MB))
    with open(mounted.path / "a", "wb") as f:
        f.write(data)
        f.seek(3)
        f.write(b"head")
    data[3:7] = b"head"
    same(mounted, "a", bytes(data))


def test_sequential_then_cut(mounted):
    data = os.urandom(30 * MB)
    with open(mounted.path / "c", "wb", buffering=0) as f:
        for at in range(0, len(data), MB):
            f.write(data[at:at + MB])
        f.truncate(11 * MB + 5)
    same(mounted, "c", data[:11 * MB + 5])
    os.truncate(mounted.path / "c", 100)
    same(mounted, "c", data[:100])
    os.truncate(mounted.path / "c", 5000)
    same(mounted, "c", data[:100] + bytes(4900))


MAPPED = """
import mmap, sys
n = 12 << 20
with open(sys.argv[1], "w+b") as f:
    f.truncate(n)
    with mmap.mmap(f.fileno(), n) as m:
        m[0:5] = b"first"
        m[n - 4:n] = b"last"
        m[6 << 20:(6 << 20) + 6] = b"middle"
        m.flush()
"""


def test_mmap(mounted):
    n = 12 * MB
    subprocess.run([sys.executable, "-c", MAPPED, mounted.path / "m"],
                   check=True, timeout=60)
    want = bytearray(n)
    want[0:5], want[n - 4:], want[6 * MB:6 * MB + 6] = \
        b"first", b"last", b"middle"
    same(mounted, "m", bytes(want))


def test_append_to_what_is_stored(mounted, daemon):
    for name, data in (("s", os.urandom(1000)), ("l", os.urandom(12 * MB))):
        daemon.put(name, data)
        for _ in range(3):
            with open(mounted.path / name, "ab") as f:
                f.write(b"more")
            data += b"more"
            same(mounted, name, data)
        with open(mounted.path / name, "r+b") as f:
            f.seek(500)
            f.write(b"inside")
        same(mounted, name, data[:500] + b"inside" + data[506:])


def test_event_files(mounted):
    """As TensorBoard writes: a growing file, flushed and synced."""
    data = b""
    with open(mounted.path / "events", "ab") as f:
        for i in range(50):
            piece = os.urandom(2000)
            f.write(piece)
            f.flush()
            os.fsync(f.fileno())
            data += piece
            if i % 10 == 0:
                same(mounted, "events", data)
    same(mounted, "events", data)


def test_read_while_written(mounted):
    with open(mounted.path / "w", "wb", buffering=0) as f, \
            open(mounted.path / "w", "rb", buffering=0) as g:
        for i in range(20):
            piece = os.urandom(MB)
            f.write(piece)
            g.seek(i * MB)
            assert g.read(MB) == piece


def test_open_files_outlive_their_names(mounted, daemon):
    """Removed, renamed, replaced: what was open is what it was."""
    old, new = os.urandom(9 * MB), os.urandom(9 * MB)
    for name in ("removed", "renamed", "replaced"):
        daemon.put(name, old)
    a, b, c = (open(mounted.path / n, "rb") for n in
               ("removed", "renamed", "replaced"))
    with a, b, c:
        assert a.read(10) == old[:10]
        (mounted.path / "removed").unlink()
        (mounted.path / "renamed").rename(mounted.path / "elsewhere")
        (mounted.path / "t").write_bytes(new)
        (mounted.path / "t").rename(mounted.path / "replaced")
        assert a.read() == old[10:]
        assert b.read() == old
        assert c.read() == old
    same(mounted, "elsewhere", old)
    same(mounted, "replaced", new)


def test_tools(mounted, base):
    source = base / "source"
    source.mkdir()
    rng = random.Random(3)
    for i in range(60):
        d = source / f"d{i % 5}"
        d.mkdir(exist_ok=True)
        (d / f"f{i}").write_bytes(rng.randbytes(rng.randrange(30000)))
    (source / "big").write_bytes(rng.randbytes(20 * MB))
    script = ("cp -r source/. A/ && mkdir A/rs && rsync -a source/ A/rs/ && "
              "tar -C source -cf A/t.tar . && sed -i s/a/b/ A/d0/f0 && "
              "tar -C A -df A/t.tar || true; diff -r source A/rs && "
              "diff -r source/d1 A/d1 && cmp source/big A/big")
    p = subprocess.run(["bash", "-c", script.replace("A/", f"{mounted.path}/")
                        .replace("-C A", f"-C {mounted.path}")], cwd=base,
                       capture_output=True, text=True, timeout=120)
    assert p.returncode == 0, p.stdout + p.stderr


def test_two_mounts(mounted, daemon, base):
    other = Mounted.__new__(Mounted)
    other.__dict__.update(mounted.__dict__)
    other.start("m2")
    try:
        data = os.urandom(10 * MB)
        (mounted.path / "shared").write_bytes(data)
        assert wait_until(lambda: (other.path / "shared").exists(), 3)
        assert (other.path / "shared").read_bytes() == data
        (other.path / "shared").write_bytes(b"anew")
        assert wait_until(lambda: (mounted.path / "shared").read_bytes() ==
                          b"anew", 3)
    finally:
        other.stop()


# --- faults -----------------------------------------------------------------

@pytest.mark.parametrize("fault", ["500 InternalError", "503 SlowDown",
                                   "reset-before", "reset-after", "hang"])
@pytest.mark.parametrize("kind", ["put", "create", "part", "complete",
                                  "head"])
def test_one_fault_while_writing(mounted, store, kind, fault):
    if fault == "hang" and kind != "put":
        pytest.skip("as for put, and slow")
    small, large = os.urandom(1000), os.urandom(12 * MB)
    (mounted.path / "before").write_bytes(b"x")
    store.fail(kind, fault, times=1)
    (mounted.path / "small").write_bytes(small)
    (mounted.path / "large").write_bytes(large)
    same(mounted, "small", small)
    same(mounted, "large", large)


@pytest.mark.parametrize("fault", ["500 InternalError", "reset-mid", "flip",
                                   "less", "short", "wrong-range"])
def test_one_fault_while_reading(mounted, daemon, store, fault):
    for name, n in (("s", 1000), ("l", 12 * MB)):
        data = os.urandom(n)
        daemon.put(name, data)
        store.fail("get", fault, times=1)
        try:
            got = (mounted.path / name).read_bytes()
        except OSError as e:
            assert e.errno == errno.EIO
            got = (mounted.path / name).read_bytes()
        assert got == data


def test_the_store_is_away_for_a_while(quick, store):
    """Errors come out of close, what was written is kept, reads heal."""
    data = os.urandom(1000)
    (quick.path / "there").write_bytes(data)
    store.stop()
    fd = os.open(quick.path / "new", os.O_WRONLY | os.O_CREAT)
    assert os.write(fd, data) == 1000
    before = time.monotonic()
    with fails(errno.EIO):
        os.fsync(fd)
    assert time.monotonic() - before < 10
    assert (quick.path / "there").stat().st_size == 1000
    (quick.path / "d").mkdir()
    (quick.run / "params/lr").write_text("0.1\n")
    store.start_again()
    os.fsync(fd)
    os.close(fd)
    same(quick, "new", data)
    assert quick.errors() == ""


def test_what_is_lost_is_told(quick, store):
    store.stop()
    with fails(errno.EIO):
        (quick.path / "lost").write_bytes(b"x")
    assert wait_until(lambda: "lost" in quick.errors(), 20)
    store.start_again()


def test_a_large_one_survives_an_outage(quick, store):
    data = os.urandom(20 * MB)
    with open(quick.path / "l", "wb", buffering=0) as f:
        f.write(data[:10 * MB])
        store.stop()
        f.write(data[10 * MB:])
        with fails(errno.EIO):
            os.fsync(f.fileno())
        store.start_again()
        os.fsync(f.fileno())
    same(quick, "l", data)


INTERRUPTED = """
import os, signal, sys, time
signal.signal(signal.SIGINT, lambda *_: None)
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
os.write(fd, b"kept" * 1000)
signal.siginterrupt(signal.SIGINT, True)
print("now", flush=True)
class Stop(Exception): pass
def stop(*_): raise Stop
signal.signal(signal.SIGINT, stop)
try:
    os.fsync(fd)
except Stop:
    print("stopped", flush=True)
sys.stdin.readline()
os.fsync(fd)
os.close(fd)
print("done", flush=True)
"""


def test_ctrl_c_ends_a_hung_close(mounted, store):
    store.fail("put", "hang", times=1)
    p = subprocess.Popen([sys.executable, "-c", INTERRUPTED,
                          mounted.path / "k"], text=True,
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert p.stdout.readline() == "now\n"
    time.sleep(0.5)
    p.send_signal(signal.SIGINT)
    before = time.monotonic()
    assert p.stdout.readline() == "stopped\n"
    assert time.monotonic() - before < 0.2
    (mounted.path / "other").write_bytes(b"meanwhile")
    same(mounted, "other", b"meanwhile")
    p.stdin.write("\n")
    p.stdin.flush()
    assert p.stdout.readline() == "done\n"
    assert p.wait(30) == 0
    same(mounted, "k", b"kept" * 1000)


def test_a_hung_object_holds_up_nothing_else(mounted, daemon, store):
    daemon.put("hung", os.urandom(3 * MB))
    daemon.put("fine", b"fine")
    for i in range(3):
        store.fail("get", "hang", times=1)
    threads = [threading.Thread(target=lambda: contextlib.suppress(OSError)
                                .__enter__() or read_quietly(
                                    mounted.path / "hung"), daemon=True)
               for _ in range(8)]
    for t in threads:
        t.start()
    time.sleep(0.3)
    store.faults.clear()
    before = time.monotonic()
    assert (mounted.path / "fine").read_bytes() == b"fine"
    (mounted.path / "new").write_bytes(b"new")
    (mounted.path / "dir").mkdir()
    assert time.monotonic() - before < 2
    for t in threads:
        t.join(60)


def read_quietly(path):
    with contextlib.suppress(OSError):
        path.read_bytes()


def test_starts_while_the_store_is_away(daemon, base, store):
    data = os.urandom(2000)
    daemon.put("f", data)
    store.stop()
    before = time.monotonic()
    m = Mounted(daemon, base, "--wait", "2s")
    try:
        assert time.monotonic() - before < 1.5
        assert (m.path / "f").stat().st_size == 2000
        with fails(errno.EIO):
            (m.path / "f").read_bytes()
        assert wait_until(lambda: m.stats()["store"] == "0", 10)
        assert "cannot be used" in m.log.read_text()
        store.start_again()
        assert (m.path / "f").read_bytes() == data
        assert m.stats()["store"] == "1"
    finally:
        m.stop()


def test_without_credentials_until_there_are(daemon, base, store):
    """What is there is shown; what needs the store fails until keys come."""
    daemon.put("f", b"bytes")
    keys = base / "keys"
    env = {k: v for k, v in daemon.environment.items()
           if not k.startswith("AWS_A") and not k.startswith("AWS_S")}
    daemon_env, daemon.environment = daemon.environment, env
    m = Mounted(daemon, base, "--wait", "2s",
                AWS_SHARED_CREDENTIALS_FILE=str(keys),
                AWS_CONFIG_FILE="/none", HOME="/none")
    daemon.environment = daemon_env
    try:
        with fails(errno.EIO):
            (m.path / "f").read_bytes()
        assert "no credentials" in m.log.read_text()
        (m.run / "tags/t").write_text("1\n")
        keys.write_text("[default]\naws_access_key_id = test\n"
                        "aws_secret_access_key = secretsecret\n")
        assert wait_until(lambda: healed(m.path / "f"), 5) == b"bytes"
        (m.path / "g").write_bytes(b"stored")
        assert m.stored("g") == b"stored"
    finally:
        m.stop()


def healed(path):
    try:
        return path.read_bytes()
    except OSError:
        return None


def test_a_full_disk_is_said(daemon, base):
    m = Mounted(daemon, base, "--cache-free", "1000T")
    try:
        with fails(errno.ENOSPC):
            (m.path / "f").write_bytes(bytes(64 * 1024 + 1))
        (m.path / "short").write_bytes(b"x")  # never comes to the disk
        same(m, "short", b"x")
    finally:
        m.stop()


def test_no_memory_for_a_large_file(mounted, store):
    """What streams takes a piece and two parts."""
    chunk = os.urandom(MB)

    def peak():
        with open(f"/proc/{mounted.mount.pid}/status") as f:
            return int(f.read().split("VmHWM:")[1].split()[0]) / 1024
    (mounted.path / "warm").write_bytes(chunk * 12)
    before = peak()
    with open(mounted.path / "big", "wb", buffering=0) as f:
        for _ in range(200):
            f.write(chunk)
    assert peak() - before < 24
    assert mounted.stored("big") == chunk * 200


def test_referee(base, versitygw):
    d = Stored(base / "data", versitygw,
               ORRERY_OBJECTS__URL=f"s3://orrery/{time.time_ns()}").begin()
    m = Mounted(d, base)
    try:
        for n in SIZES:
            data = os.urandom(n)
            (m.path / f"f{n}").write_bytes(data)
            same(m, f"f{n}", data)
        test_append_to_what_is_stored(m, d)
        test_sequential_then_the_head(m)
        assert m.errors() == "" and check_env(d) == ""
    finally:
        assert m.stop() == 0
        assert d.stop() == 0


def test_again_from_the_cache(mounted, daemon, store):
    """After a remount, with the store down: what was read or written here."""
    large, small, read = (os.urandom(n) for n in (12 * MB, 900, 3 * MB))
    (mounted.path / "large").write_bytes(large)
    (mounted.path / "small").write_bytes(small)
    daemon.put("read", read)
    assert (mounted.path / "read").read_bytes() == read
    time.sleep(1.5)
    assert store.counts["get"] <= 4
    assert mounted.stop() == 0
    store.stop()
    mounted.start()
    for name, data in (("large", large), ("small", small), ("read", read)):
        assert (mounted.path / name).read_bytes() == data, name
    store.start_again()


def test_neighbours_are_fetched_ahead(mounted, daemon, store):
    files = {f"n{i:03}": os.urandom(3000) for i in range(60)}
    for name, data in files.items():
        daemon.put(f"many/{name}", data)
    store.delay = 0.02
    for name, data in files.items():
        assert (mounted.path / "many" / name).read_bytes() == data
    assert int(mounted.stats()["cache_soon_hits"]) > 30
