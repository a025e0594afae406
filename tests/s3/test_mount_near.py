"""Files of a bucket that lie whole on this host: the kernel reads them by
itself, from the open on, whatever the store does; and what it reads is right."""
import os
import re
import time

import pytest
from test_mount import MB, Mounted, mounted  # noqa: F401  (a fixture)

from harness import have_fuse, wait_until

pytestmark = pytest.mark.skipif(not have_fuse(), reason="no /dev/fuse here")


def reads_through():
    """Whether this kernel reads files by itself, for who we are."""
    release = tuple(int(x) for x in re.findall(r"\d+", os.uname().release)[:2])
    with open("/proc/self/status") as f:
        able = int(re.search(r"CapEff:\s*(\w+)", f.read())[1], 16)
    return release >= (6, 9) and able >> 21 & 1


THROUGH = reads_through()


def through(m):
    return int(m.stats()["through"])


def end_run(m):
    (m.run / "status").write_text("FINISHED\n")


def whole(m):
    """Files of the cache, largest first."""
    found = [p for p in (m.daemon.data / "cache/files").rglob("*")
             if p.is_file()]
    return sorted(found, key=lambda p: -p.stat().st_size)


def warm(m, name, n):
    """Stored over HTTP, read once, whole in the cache."""
    data = os.urandom(n)
    m.daemon.put(name, data)
    assert (m.path / name).read_bytes() == data
    assert wait_until(lambda: any(p.stat().st_size == n for p in whole(m)), 10)
    return data


def again(m):
    assert m.stop() == 0
    m.start()


def test_warm_after_a_remount(mounted, store):
    data = warm(mounted, "model", 12 * MB + 5)
    end_run(mounted)
    again(mounted)
    before, asked = through(mounted), sum(store.counts.values())
    with open(mounted.path / "model", "rb") as f:
        assert f.read() == data
        with open(mounted.path / "model", "rb") as g:
            assert g.read() == data
    assert store.counts["get"] and sum(store.counts.values()) <= asked + 1
    if THROUGH:
        assert through(mounted) == before + 2


def test_warm_while_the_store_is_down(mounted, store):
    data = warm(mounted, "model", 12 * MB)
    end_run(mounted)
    assert mounted.stop() == 0
    store.stop()
    try:
        mounted.start()
        began = time.monotonic()
        assert (mounted.path / "model").read_bytes() == data
        assert time.monotonic() - began < 2
        if THROUGH:
            assert through(mounted) == 1
    finally:
        store.start_again()


def test_warm_without_credentials(daemon, base, store):
    """There is not even a store to be asked: what lies here is read."""
    m = Mounted(daemon, base)
    data = warm(m, "model", 6 * MB)
    daemon.put("cold", data[:3 * MB])
    end_run(m)
    assert m.stop() == 0
    keys = base / "keys"
    m.environment = {k: v for k, v in m.environment.items()
                     if not k.startswith(("AWS_A", "AWS_S"))} | {
        "AWS_SHARED_CREDENTIALS_FILE": str(keys), "AWS_CONFIG_FILE": "/none",
        "HOME": "/none"}
    m.flags = ("--wait", "2s")
    m.start()
    try:
        if THROUGH:
            assert (m.path / "model").read_bytes() == data
            assert through(m) == 1
        with pytest.raises(OSError):
            (m.path / "cold").read_bytes()
        keys.write_text("[default]\naws_access_key_id = test\n"
                        "aws_secret_access_key = secretsecret\n")
        assert wait_until(lambda: readable(m.path / "cold"), 10)
        assert (m.path / "cold").read_bytes() == data[:3 * MB]
        assert (m.path / "model").read_bytes() == data
    finally:
        m.stop()


def readable(path):
    try:
        path.read_bytes()
    except OSError:
        return False
    return True


@pytest.mark.parametrize("at", [0, 5 * MB + 3, 12 * MB - 1])
def test_damaged_between_mounts(mounted, store, at):
    data = warm(mounted, "model", 12 * MB)
    end_run(mounted)
    assert mounted.stop() == 0
    stored = whole(mounted)[0]
    stored.chmod(0o600)
    with open(stored, "r+b") as f:
        f.seek(at)
        byte = f.read(1)
        f.seek(at)
        f.write(bytes([byte[0] ^ 1]))
    os.utime(stored, ns=(1, 1))
    mounted.start()
    before = store.counts["get"]
    assert (mounted.path / "model").read_bytes() == data
    assert store.counts["get"] > before
    assert int(mounted.stats()["cache_corrupt"]) > 0
    again(mounted)
    assert (mounted.path / "model").read_bytes() == data


def test_cut_between_mounts(mounted):
    data = warm(mounted, "model", 12 * MB)
    end_run(mounted)
    assert mounted.stop() == 0
    stored = whole(mounted)[0]
    stored.chmod(0o600)
    os.truncate(stored, 5 * MB)
    mounted.start()
    assert (mounted.path / "model").read_bytes() == data


def test_evicted_while_open(mounted, store):
    data = warm(mounted, "model", 12 * MB)
    end_run(mounted)
    again(mounted)
    with open(mounted.path / "model", "rb") as f:
        assert f.read(10) == data[:10]
        for p in (mounted.daemon.data / "cache").rglob("*"):
            if p.is_file() and p.name != "usage":
                p.unlink()
        f.seek(0)
        assert f.read() == data
        assert (mounted.path / "model").read_bytes() == data
    before = store.counts["get"]
    assert wait_until(lambda: (mounted.path / "model").read_bytes() == data, 5)
    assert store.counts["get"] > before


def test_other_bytes_are_never_the_old_ones(mounted):
    """A name that changes is a name of other bytes for who opens it then."""
    old = warm(mounted, "model", 12 * MB)
    end_run(mounted)
    again(mounted)
    with open(mounted.path / "model", "rb") as f:
        assert f.read(10) == old[:10]
        new = os.urandom(9 * MB)
        assert mounted.daemon.put("model", new)[0] == 200
        assert wait_until(lambda: (mounted.path / "model").stat().st_size ==
                          len(new), 5)
        assert (mounted.path / "model").read_bytes() == new
        f.seek(0)
        assert f.read() == old
    (mounted.path / "model").write_bytes(old[:MB])
    assert (mounted.path / "model").read_bytes() == old[:MB]


def cached(path):
    return os.getxattr(path, "user.cached").decode()


def test_how_much_lies_here_is_told(mounted, store):
    daemon = mounted.daemon
    daemon.put("far", os.urandom(12 * MB))
    daemon.put("part", os.urandom(30 * MB))
    daemon.put("empty", b"")
    warm(mounted, "near", 3 * MB)
    (mounted.path / "written").write_bytes(b"here")
    with open(mounted.path / "part", "rb") as f:
        f.read(5 * MB)
    time.sleep(1.5)
    asked = sum(store.counts.values())
    assert cached(mounted.path / "far") == "0"
    assert cached(mounted.path / "near") == "1"
    assert cached(mounted.path / "written") == "1"
    assert cached(mounted.path / "empty") == "1"
    part = cached(mounted.path / "part")
    assert part.endswith("%") and 10 <= int(part[:-1]) <= 99, part
    assert sum(store.counts.values()) == asked


def test_a_live_run_is_read_by_requests(mounted):
    data = warm(mounted, "events", 2 * MB)
    again(mounted)
    assert (mounted.path / "events").read_bytes() == data
    assert through(mounted) == 0
