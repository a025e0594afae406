"""A mount whose index is a copy: it shows what the daemon has, soon, without
the daemon what it had, and after any break what there is again."""
import errno
import os
import subprocess
import threading
import time

import pytest

from harness import (BIN, Daemon, Process, check, have_fuse, unmount,
                     wait_until, workplace)
from mounting import append, fails, run_id, values

pytestmark = pytest.mark.skipif(not have_fuse(), reason="no /dev/fuse here")


class Far:
    """A daemon, and mounts that have nothing of it but its URL."""

    def __init__(self, base):
        self.base, self.daemon = base, Daemon(base / "data")
        self.listen, self.url = self.daemon.address, self.daemon.url
        self.mounts = {}

    def mount(self, name="mnt", *flags):
        m = Process([BIN / "orrery", "mount", "-f", "--server", self.url,
                     "--cache", self.base / ("cache-" + name), "--log-level",
                     "warn", *flags, self.base / name], "mounted")
        self.mounts[name] = m
        return self.base / name

    def kill_mount(self, name="mnt"):
        self.mounts[name].kill()
        unmount(self.base / name)

    def back(self):
        self.daemon = Daemon(self.base / "data", listen=self.listen)

    def stats(self, name="mnt"):
        lines = (self.base / name / ".stats").read_text().splitlines()
        return {k: int(v) for k, v in (line.split("\t") for line in lines)}

    def level(self, name="mnt"):
        """The copy has all that the daemon committed."""
        def same():
            status, _, body = self.daemon.request(
                "GET", f"/api/changes?since={self.stats(name)['change']}")
            return status == 200 and b'"changes":[]' in body.replace(b" ", b"")
        assert wait_until(same, 20, 0.05)


@pytest.fixture
def far():
    with workplace() as base:
        f = Far(base)
        try:
            yield f
        finally:
            statuses = [p.stop() for p in [*f.mounts.values(), f.daemon]
                        if p.alive()]
            for name in f.mounts:
                unmount(base / name)
        assert not any(statuses), statuses
        assert check(base / "data") == ""


def make(root, experiment="x", run="r"):
    x = root / "experiments" / experiment
    x.mkdir(exist_ok=True)
    (x / "runs" / run).mkdir()
    return x / "runs" / run


def test_what_was_made_is_there(far):
    root = far.mount()
    for i in range(20):
        run = make(root, run=f"r{i}")
        (run / "tags" / "t").write_text(f"{i}\n")
        assert (run / "tags" / "t").read_text() == f"{i}\n"
        append(run / "metrics" / "loss", f"{i}\n")
        assert values(run / "metrics" / "loss") == [i]
        (run / "artifacts" / "f").write_text("bytes")
        assert (run / "artifacts" / "f").read_text() == "bytes"
    assert len(os.listdir(root / "experiments" / "x" / "runs")) == 20
    run.rename(run.with_name("other"))
    assert not run.exists()
    run = run.with_name("other")
    assert (run / "metrics" / "loss").stat().st_size
    (run / "tags" / "t").unlink()
    assert not (run / "tags" / "t").exists()
    run.rmdir()
    assert "other" in os.listdir(root / "trash" / "runs" / "x")


def test_others_changes_are_seen(far):
    root = far.mount()
    x = far.daemon.experiment("theirs")
    info = far.daemon.run(x, "one")
    run = root / "experiments" / "theirs" / "runs" / "one"
    assert wait_until(run.exists, 2)
    far.daemon.call("runs/log-metric", {
        "run_id": info["run_id"], "key": "m", "value": 1, "timestamp": 5})
    assert wait_until(lambda: (run / "metrics" / "m").exists(), 2)
    assert values(run / "metrics" / "m") == [1]
    for i in range(2, 30):
        far.daemon.call("runs/log-metric", {
            "run_id": info["run_id"], "key": "m", "value": i, "timestamp": 5,
            "step": i})
    assert wait_until(
        lambda: values(run / "metrics" / "m") == list(range(1, 30)), 2)
    far.daemon.call("runs/delete", {"run_id": info["run_id"]})
    assert wait_until(lambda: not run.exists(), 2)


def test_points_that_were_folded(far):
    """More points than a tail holds: blocks are fetched, then kept fresh."""
    root = far.mount()
    run = make(root)
    for i in range(6):
        append(run / "metrics" / "m", "".join(
            f"{i * 2000 + k}\n" for k in range(2000)))
        assert values(run / "metrics" / "m") == list(range(2000 * (i + 1)))
    (run / "status").write_text("FINISHED\n")
    far.level()
    assert values(run / "metrics" / "m") == list(range(12000))
    assert len((run / "metrics.tsv").read_text().splitlines()) == 12001
    far.mounts["mnt"].stop()
    root = far.mount("second")
    run = root / "experiments/x/runs/r"
    before = far.stats("second")["replica_runs_fetched"]
    assert (run / "metrics" / "m").stat().st_size > 12000
    assert far.stats("second")["replica_runs_fetched"] == before == 0
    assert values(run / "metrics" / "m") == list(range(12000))
    assert far.stats("second")["replica_runs_fetched"] == 1


def test_only_new_blocks_come(far):
    """A run that is watched while it grows is not taken anew with each fold."""
    root = far.mount()
    run, n, many = make(root), 0, 4096

    def log():
        nonlocal n
        append(run / "metrics" / "m", "".join(
            f"{n + k}.{k * 7919 % 10007}\n" for k in range(many)))
        n += many
        far.level()
        assert len(values(run / "metrics" / "m")) == n

    for _ in range(12):
        log()
    before = far.stats()
    for _ in range(4):
        log()
    after = far.stats()
    fetched = after["replica_runs_fetched"] - before["replica_runs_fetched"]
    came = after["replica_points_bytes"] - before["replica_points_bytes"]
    assert fetched >= 2
    assert came < before["replica_points_bytes"]
    assert values(run / "metrics" / "m") == [
        float(f"{i}.{i % many * 7919 % 10007}") for i in range(n)]


@pytest.mark.parametrize("kept", ["1", "1.", ".1", "1.-1", "1.1,1.2", "2.1,1.1",
                                  "0.1", "1.1,", "x.y", ",".join(
                                      f"{i}.0" for i in range(1, 258))])
def test_what_is_kept_is_checked(far, kept):
    status, _, text = far.daemon.request(
        "GET", f"/api/replica/points?run=1&kept={kept}")
    assert status == (200 if kept == "1.1," else 400), text
    assert status == 200 or b"kept: write SERIES.START" in text


def test_offline(far):
    root = far.mount("mnt", "--wait", "1s")
    run = make(root, run="read")
    for name in ("read", "unread"):
        r = run if name == "read" else make(root, run=name)
        append(r / "metrics" / "m", "1\n2\n")
        (r / "tags" / "t").write_text("v\n")
    assert values(run / "metrics" / "m") == [1, 2]
    far.level()
    far.mounts["mnt"].stop()
    root = far.mount("mnt", "--wait", "1s")
    far.daemon.stop()
    run = root / "experiments/x/runs/read"
    assert wait_until(lambda: not far.stats()["replica_connected"], 10, 0.1)
    assert values(run / "metrics" / "m") == [1, 2]
    assert (run / "tags" / "t").read_text() == "v\n"
    with fails(errno.EIO):
        (root / "experiments/x/runs/unread/metrics/m").read_text()
    with fails(errno.EIO):
        (root / "experiments/new").mkdir()
    assert far.stats()["replica_behind_ms"] > 0
    # a start without the daemon
    far.mounts["mnt"].kill()
    unmount(root)
    root = far.mount("mnt", "--wait", "1s")
    assert values(run / "metrics" / "m") == [1, 2]
    assert sorted(os.listdir(root / "experiments/x/runs")) == ["read",
                                                              "unread"]
    far.back()
    assert wait_until(lambda: far.stats()["replica_connected"], 15, 0.1)
    assert values(root / "experiments/x/runs/unread/metrics/m") == [1, 2]
    make(root, run="later")
    assert "later" in os.listdir(root / "experiments/x/runs")


def test_first_mount_without_a_daemon(far):
    far.daemon.stop()
    p = subprocess.run(
        [BIN / "orrery", "mount", "-f", "--server", far.url, "--cache",
         far.base / "cache", "--wait", "1s", far.base / "none"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        timeout=20)
    assert p.returncode == 1 and "no copy of the index yet" in p.stdout
    far.back()


def test_one_keeper(far):
    far.mount()
    p = subprocess.run(
        [BIN / "orrery", "mount", "-f", "--server", far.url, "--cache",
         far.base / "cache-mnt", far.base / "second"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        timeout=20)
    assert p.returncode == 1 and "--cache" in p.stdout


def test_killed_and_behind(far):
    """kill -9 of the mount while others log; it comes back and catches up."""
    stop = threading.Event()
    x = far.daemon.experiment("busy")
    runs = [far.daemon.run(x, f"b{i}")["run_id"] for i in range(4)]
    done = dict.fromkeys(runs, 0)

    def log(run):
        while not stop.is_set():
            far.daemon.call("runs/log-metric", {
                "run_id": run, "key": "m", "value": done[run],
                "timestamp": 1, "step": done[run]})
            done[run] += 1
    threads = [threading.Thread(target=log, args=(r,)) for r in runs]
    for t in threads:
        t.start()
    root = far.mount()
    for i in range(6):
        for k in range(4):
            values(root / f"experiments/busy/runs/b{k}/metrics/m")
        time.sleep(0.2)
        far.kill_mount()
        root = far.mount()
    stop.set()
    for t in threads:
        t.join()
    far.level()
    for k, run in enumerate(runs):
        path = root / f"experiments/busy/runs/b{k}/metrics/m"
        assert wait_until(lambda: values(path) == list(range(done[run])), 5)


def test_restored_index(far):
    root = far.mount()
    make(root, "kept")
    far.level()
    backup = far.base / "backup"
    subprocess.run([BIN / "orrery", "backup", "--data", far.base / "data",
                    backup], check=True, stdout=subprocess.DEVNULL)
    make(root, "gone")
    assert "gone" in os.listdir(root / "experiments")
    far.daemon.stop()
    subprocess.run([BIN / "orrery", "restore", "--data", far.base / "data",
                    backup], check=True, stdout=subprocess.DEVNULL)
    far.back()
    assert wait_until(lambda: far.stats()["replica_restarts"] == 1, 15, 0.1)
    assert wait_until(lambda: sorted(os.listdir(root / "experiments")) ==
                      ["Default", "kept"], 5)
    make(root, "new")
    assert "new" in os.listdir(root / "experiments")
