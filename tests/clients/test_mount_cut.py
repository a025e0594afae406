"""A mount with --server whose network is cut, is slow, or is asked to end: what
is here is read on, lines are taken, the rest waits and then is done."""
import contextlib
import errno
import os
import shutil
import socket
import subprocess
import threading
import time

import pytest

import far
from far import host  # noqa: F401
from harness import BIN, Process, have_fuse, wait_until
from mounting import append, fails, run_id, values
from test_sums import sums, well_formed

pytestmark = pytest.mark.skipif(not have_fuse(), reason="no /dev/fuse here")
LISTEN, BIG = "127.0.0.1:18199", 24 << 20


def figures(path):
    lines = (path / ".stats").read_text().splitlines()
    return {k: int(v) for k, v in (line.split("\t") for line in lines)}


def in_background(what):
    """A thread; what it raised or returned is told by its end()."""
    told = []

    def run():
        try:
            told.append((True, what()))
        except OSError as e:
            told.append((False, e))

    thread = threading.Thread(target=run)
    thread.start()

    def end(seconds=60):
        thread.join(seconds)
        assert told, "it hangs"
        assert told[0][0], told[0][1]
        return told[0][1]
    return end


class Between:
    """A daemon on one host, a mount on the other, a wire that can be cut."""

    def __init__(self, host, a, b):
        self.host, self.a, self.b = host, a, b
        host.daemon.stop()
        host.daemon = Process(a.within(
            [BIN / "orrery", "serve", "--data", host.base / "data",
             "--listen", LISTEN, "--log-level", "warn"]), "ready")
        self.far_end = a.relay(f"{a.address}:7000", LISTEN)
        self.near_end = None
        self.heal("relay")

    def mount(self):
        self.host.mount = Process(self.b.within(self.host.argv(
            f"http://{LISTEN}", "--wait", "60s")), "mounted")
        self.host.path = self.host.base / "mnt"

    def cut(self, how):
        """relay: connections are refused; link: packets vanish."""
        if how == "relay":
            self.near_end.kill()
        else:
            far.ip("-n", self.a.name, "link", "set", "eth0", "down")

    def heal(self, how):
        if how == "relay":
            self.near_end = self.b.relay(LISTEN, f"{self.a.address}:7000")
        else:
            far.ip("-n", self.a.name, "link", "set", "eth0", "up")

    def end(self):
        for p in (self.host.mount, self.host.daemon):
            assert p.stop() == 0
        for p in (self.near_end, self.far_end):
            p.kill()


@pytest.mark.parametrize("how", ["relay", "link"])
def test_the_network_is_cut(host, how):  # noqa: F811
    why = far.no_namespaces()
    if why:
        pytest.skip(f"no network namespaces here: {why}")
    data, more = os.urandom(BIG), os.urandom(BIG)
    with far.two_hosts() as (a, b):
        net = Between(host, a, b)
        net.mount()
        run = host.run_dir()
        (run / "artifacts" / "big").write_bytes(data)
        (run / "artifacts" / "near").write_bytes(b"near")
        (run / "tags" / "t").write_text("v\n")
        append(run / "metrics" / "loss", "0\n")
        host.flush()
        assert host.mount.stop() == 0
        for kept in host.cache.glob("*/cache"):
            shutil.rmtree(kept)
        net.mount()
        assert values(run / "metrics" / "loss") == [0]
        assert (run / "artifacts" / "near").read_bytes() == b"near"
        with open(run / "artifacts" / "big", "rb", buffering=0) as f, \
                open(run / "artifacts" / "new", "wb", buffering=0) as g:
            assert f.read(1 << 16) == data[:1 << 16]
            g.write(more[:BIG // 2])
            net.cut(how)
            rest = in_background(lambda: b"".join(iter(
                lambda: f.read(1 << 20), b"")))
            g.write(more[BIG // 2:])
            began = time.monotonic()
            for i in range(1, 50):
                append(run / "metrics" / "loss", f"{i}\n")
            assert "loss" in os.listdir(run / "metrics")
            assert (run / "tags" / "t").read_text() == "v\n"
            assert (run / "artifacts" / "near").read_bytes() == b"near"
            assert values(run / "metrics" / "loss")[0] == 0
            assert time.monotonic() - began < 10
            stored = in_background(g.close)
            made = in_background((host.path / "experiments" / "cut").mkdir)
            time.sleep(2)
            net.heal(how)
            made(), stored()
            assert rest() == data[1 << 16:]
        host.flush()
        assert "cut" in os.listdir(host.path / "experiments")
        assert values(run / "metrics" / "loss") == list(range(50))
        assert (run / "artifacts" / "new").read_bytes() == more
        net.end()
    host.mount = None
    host.back()
    assert host.daemon.history(run_of(host), "loss")[-1]["value"] == 49


def run_of(host):  # noqa: F811
    x = host.daemon.call("experiments/get-by-name",
                         experiment_name="far")["experiment"]
    found = host.daemon.call("runs/search", {
        "experiment_ids": [x["experiment_id"]]})["runs"]
    return found[0]["info"]["run_id"]


def test_a_long_cut(host):  # noqa: F811
    """Longer than a store waits by itself: bytes wait as all writes do."""
    host.start("--wait", "60s")
    run, data = host.run_dir(), os.urandom(BIG)
    host.away()
    stored = in_background(lambda: (run / "artifacts" / "x").write_bytes(data))
    time.sleep(10)
    host.back()
    stored()
    assert (run / "artifacts" / "x").read_bytes() == data


def test_bytes_have_sums_and_are_kept(host):  # noqa: F811
    host.start()
    run, data = host.run_dir(), os.urandom(BIG)
    (run / "artifacts" / "x").write_bytes(data)
    text = sums(host.base / "data", run_id(run))["x"]
    assert well_formed(text, BIG)
    before = figures(host.path)
    assert (run / "artifacts" / "x").read_bytes() == data
    assert figures(host.path)["cache_requests"] == before["cache_requests"]
    host.mount.stop()
    for kept in host.cache.glob("*/cache"):
        shutil.rmtree(kept)
    host.start()
    with open(run / "artifacts" / "x", "rb", buffering=0) as f:
        assert os.pread(f.fileno(), 1000, BIG - 5000) == data[-5000:-4000]
    after = figures(host.path)
    assert 0 < after["cache_fetched"] < BIG / 4
    assert after["cache_corrupt"] == 0


def test_all_lies_in_one_place(host):  # noqa: F811
    def places(*flags):
        host.start(*flags)
        run = host.run_dir("n" + str(len(flags)))
        (run / "artifacts" / "x").write_bytes(b"x" * 100000)
        assert (run / "artifacts" / "x").read_bytes() == b"x" * 100000
        host.mount.stop()
        home, = host.cache.iterdir()
        return home.name, {p.name for p in home.iterdir()}

    name, found = places()
    assert name == host.listen.replace(":", "_")
    assert {"index.db", "journal", "cache"} <= found
    data = host.base / "data"
    shutil.rmtree(host.cache)
    name, found = places("--data", data)
    assert name == host.listen.replace(":", "_")
    assert found == {"journal", "cache"}
    assert not (data / "cache").exists()


def test_it_ends_soon(host):  # noqa: F811
    """A stop does not end the copy before the mount: what is open is stored
    and seen, and without a daemon --wait is the limit."""
    host.start()
    run = host.run_dir()
    append(run / "metrics" / "loss", "1\n")
    with open(run / "artifacts" / "x", "wb", buffering=0) as f:
        f.write(b"x" * 100000)
        began = time.monotonic()
        assert host.mount.stop() == 0
        assert time.monotonic() - began < 5
        with contextlib.suppress(OSError):
            f.close()
    host.start("--wait", "1s")
    assert (run / "artifacts" / "x").read_bytes() == b"x" * 100000
    host.away()
    append(run / "metrics" / "loss", "2\n")
    began = time.monotonic()
    host.mount.stop()
    assert time.monotonic() - began < 10
    host.mount = None
    host.back()


def test_a_lost_copy_is_waited_for(host):  # noqa: F811
    """A page that is slow does not hide what its maker has made."""
    with Slow(host.listen) as wire:
        host.start("--wait", "30s", url=wire.url)
        for i in range(3):
            wire.hold = 2.5
            (host.path / "experiments" / f"x{i}").mkdir()
            assert f"x{i}" in os.listdir(host.path / "experiments")
            wire.hold = 0
        assert host.mount.stop() == 0
    host.mount = None


class Slow:
    """A wire that holds answers to /api/replica for a while."""

    def __init__(self, there):
        host, port = there.split(":")
        self.there, self.hold = (host, int(port)), 0
        # the same number at both ends: the daemon checks Host
        self.server = socket.create_server(("127.0.0.2", int(port)))
        self.url = f"http://127.0.0.2:{port}"

    def __enter__(self):
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.close()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self.talk, daemon=True,
                                 args=(self.server.accept()[0],)).start()

    def talk(self, near):
        away = socket.create_connection(self.there)
        threading.Thread(target=self.pump, args=(near, away, True),
                         daemon=True).start()
        self.pump(away, near, False)

    def pump(self, source, sink, asks):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if asks:
                    data = data.replace(b"127.0.0.2:", b"127.0.0.1:")
                    if b" /api/replica" in data:
                        time.sleep(self.hold)
                sink.sendall(data)
        for s in (source, sink):
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)


@pytest.mark.skipif(os.geteuid() != 0, reason="not root")
def test_other_users(host):  # noqa: F811
    """As a line of fstab: with allow_other others see and write, else not."""
    helper = host.base / "mount.fuse.orrery"
    helper.symlink_to(BIN / "orrery")
    place = host.base / "mnt"
    os.chmod(host.base, 0o755)

    def mounted(options):
        subprocess.run([helper, host.url, place, "-o",
                        f"cache={host.cache},{options}"], check=True,
                       timeout=30)

    def other(script):
        p = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534",
                            "--clear-groups", "sh", "-c", script],
                           cwd="/", text=True, timeout=30,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return p.returncode, p.stdout

    def ended():
        subprocess.run([BIN / "orrery", "umount", place], check=True,
                       timeout=30)
    mounted("wait=5s")
    for made in ("x", "x/runs/r"):
        (place / "experiments" / made).mkdir()
    (place / "experiments/x/runs/r/artifacts/f").write_text("bytes\n")
    assert other(f"ls {place}")[0] != 0
    ended()
    mounted("allow_other,wait=5s")
    with open("/proc/self/mounts") as f:
        assert any(f" {place} fuse.orrery " in line and "allow_other" in line
                   for line in f)
    assert other(f"cat {place}/experiments/x/runs/r/artifacts/f") == (
        0, "bytes\n")
    status, said = other(f"mkdir {place}/experiments/theirs")
    assert status != 0 and "Permission denied" in said
    assert (host.cache / host.listen.replace(":", "_") / "mount.log").exists()
    ended()
    with fails(errno.ENOENT):
        os.stat(place / "experiments")
