"""Disk full, read-only file system, no more descriptors: clear errors,
nothing lost, recovery without a restart."""
import json
import os
import resource
import socket
import subprocess

import pytest
from harness import Daemon, Mount, check, have_fuse, wait_until, workplace

needs_root = pytest.mark.skipif(os.geteuid() != 0,
                                reason="needs root to mount a small disk")


def small_disk(base, megabytes):
    base.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m",
                    "tmpfs", base], check=True)
    return base


def fill(path):
    """Take every block that is left."""
    with open(path, "wb", buffering=0) as f:
        size = 1 << 20
        while size >= 4096:
            try:
                if f.write(bytes(size)) < size:
                    size //= 2
            except OSError:
                size //= 2


def log(daemon, run, step):
    status, _, text = daemon.request(
        "POST", "/api/2.0/mlflow/runs/log-metric",
        {"run_id": run, "key": "m", "value": step, "timestamp": step,
         "step": step})
    return status, json.loads(text)


@needs_root
def test_disk_full_and_back():
    with workplace() as base:
        disk = small_disk(base / "disk", 24)
        daemon = Daemon(disk / "data")
        run = daemon.run(daemon.experiment("full"))["run_id"]
        assert log(daemon, run, 0)[0] == 200
        ballast = disk / "ballast"
        fill(ballast)
        acknowledged, refused = {0}, None
        for step in range(1, 3000):
            status, body = log(daemon, run, step)
            if status == 200:
                acknowledged.add(step)
            else:
                refused = status, body
                break
        assert refused and refused[0] == 507, refused
        assert "disk" in refused[1]["message"].lower() or (
            "space" in refused[1]["message"].lower())
        status, _, text = daemon.request(
            "PUT", "/api/2.0/mlflow-artifacts/artifacts/1/"
            f"{run}/artifacts/big.bin", os.urandom(1 << 20))
        assert status == 507, text
        assert daemon.history(run, "m"), "reading goes on"
        ballast.unlink()
        assert wait_until(lambda: log(daemon, run, 5000)[0] == 200, 5)
        steps = {p["step"] for p in daemon.history(run, "m")}
        assert acknowledged | {5000} <= steps
        assert daemon.stop() == 0
        assert check(disk / "data") == ""


def stored(path, data):
    """Whether it could be written: the room that big took is given back."""
    try:
        path.write_bytes(data)
    except OSError:
        return False
    return True


@needs_root
@pytest.mark.skipif(not have_fuse(), reason="no /dev/fuse here")
def test_disk_full_through_the_mount():
    with workplace() as base:
        disk = small_disk(base / "disk", 48)
        daemon = Daemon(disk / "data")
        daemon.run(daemon.experiment("full"), "r")
        mount = Mount(disk / "data", base / "mnt", "--wait", "200ms")
        directory = mount.run_directory("full", "r")
        with pytest.raises(OSError):
            (directory / "artifacts" / "big").write_bytes(bytes(64 << 20))
        assert wait_until(lambda: not (directory / "artifacts" / "big"
                                       ).exists())
        assert "artifacts/big" in (mount.path / ".errors").read_text()
        assert wait_until(lambda: stored(directory / "artifacts" / "small",
                                         b"fits"))
        assert (directory / "artifacts" / "small").read_bytes() == b"fits"
        assert mount.stop() == 1, "something was not stored"
        assert daemon.stop() == 0
        assert check(disk / "data") == ""


@needs_root
def test_read_only_file_system():
    with workplace() as base:
        disk = small_disk(base / "disk", 24)
        daemon = Daemon(disk / "data")
        run = daemon.run(daemon.experiment("ro"))["run_id"]
        assert log(daemon, run, 0)[0] == 200
        assert daemon.stop() == 0
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        with pytest.raises(RuntimeError, match="status 1"):
            Daemon(disk / "data")
        subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
        daemon = Daemon(disk / "data")
        assert log(daemon, run, 1)[0] == 200
        assert daemon.stop() == 0



def test_no_more_descriptors():
    with workplace() as base:
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (96, limits[1]))
        try:
            daemon = Daemon(base / "data")
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        run = daemon.run(daemon.experiment("fds"))["run_id"]
        host, port = daemon.address.split(":")
        crowd = [socket.create_connection((host, int(port)))
                 for _ in range(300)]
        for s in crowd:
            s.close()
        assert wait_until(lambda: answers(daemon, run), 10)
        assert len(daemon.history(run, "m")) == 1
        assert daemon.stop() == 0
        assert check(base / "data") == ""


def answers(daemon, run):
    try:
        return log(daemon, run, 1)[0] == 200
    except OSError:
        return False


def test_a_second_daemon_is_refused():
    with workplace() as base:
        daemon = Daemon(base / "data")
        p = subprocess.run(daemon.argv, timeout=5, text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert p.returncode == 1
        assert str(base / "data") in p.stderr
        assert daemon.stop() == 0
